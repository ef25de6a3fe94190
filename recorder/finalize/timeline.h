// The time line of a record: the journal's monotonic times as microseconds since 1970 by the wall clock of its begin. A wall
// clock that is set meanwhile does not bend it; where the machine was started anew, and its monotonic clock with it, the
// wall clock of that segment joins the pieces. It never goes back between segments. Thread: one.
#ifndef HZ_RECORDER_FINALIZE_TIMELINE_H
#define HZ_RECORDER_FINALIZE_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#define HZ_TIMELINE_MOST (1ll << 55) // times beyond are cut to it: sums stay far from overflow

struct hz_timeline { // all zero: a new one
	bool begun;
	uint32_t segment;
	int64_t base_us; // added to monotonic times
	int64_t last_us; // newest on the time line
	int64_t last_monotonic_us;
};

static inline int64_t hz_timeline_cut(int64_t us)
{
	return us < -HZ_TIMELINE_MOST ? -HZ_TIMELINE_MOST : us > HZ_TIMELINE_MOST ? HZ_TIMELINE_MOST : us;
}

static inline int64_t hz_timeline_at(struct hz_timeline *line, uint32_t segment, int64_t at_us,
                                     int64_t wall_us)
{
	at_us = hz_timeline_cut(at_us);
	wall_us = hz_timeline_cut(wall_us);
	bool restarted = line->begun && segment != line->segment && at_us < line->last_monotonic_us - 5000000;
	if (!line->begun || restarted) {
		line->base_us = wall_us - at_us;
		if (line->begun && at_us + line->base_us < line->last_us)
			line->base_us = line->last_us - at_us;
		line->last_monotonic_us = at_us;
	}
	line->begun = true;
	line->segment = segment;
	int64_t us = hz_timeline_cut(at_us + line->base_us);
	if (at_us > line->last_monotonic_us)
		line->last_monotonic_us = at_us;
	if (us > line->last_us || line->last_us == 0)
		line->last_us = us;
	return us;
}

#endif
