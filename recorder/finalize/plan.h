// Which frames of a video track go into which file: of simulcast layers the best one at each time, changed only at keyframes
// and not for less than three seconds; a new part where the decoder's configuration (SPS) changes. Pure but for memory.
#ifndef HZ_RECORDER_FINALIZE_PLAN_H
#define HZ_RECORDER_FINALIZE_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "recorder/finalize/tracks.h"

#define HZ_PLAN_PARTS 999 // of a track; what follows is left out

struct hz_cut { // a group of pictures, or its begin
	const struct hz_stream *stream;
	int64_t from_seq, to_seq;  // of frames
	int64_t from_us, until_us; // only frames before that moment
	unsigned part;
};

struct hz_part {
	const struct hz_config *config;
	int64_t start_us, end_us; // end: of the part's last frame, or where the next begins
};

struct hz_plan {
	struct hz_cut *cut; // by time
	struct hz_part *part;
	size_t cuts, parts;
};

int hz_plan_make(const struct hz_track *track, struct hz_plan **ret); // -ENOMEM
void hz_plan_free(struct hz_plan *plan);                              // NULL allowed
// The first parts only.
void hz_plan_shorten(struct hz_plan *plan, size_t parts);
// The cut that a frame belongs to, or NULL. *at: a cursor of the stream's frames, 0 at the begin.
const struct hz_cut *hz_plan_find(const struct hz_plan *plan, const struct hz_stream *stream, size_t *at,
                                  int64_t seq, int64_t us);

#endif
