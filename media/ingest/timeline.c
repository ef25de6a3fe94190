#include "media/ingest/timeline.h"

#include <stdlib.h>

#define SECOND      INT64_C(1000000000)
#define BELIEVED_NS (2 * SECOND)
#define AWAY_NS     (3 * SECOND)
#define MOST_NS     (INT64_MAX / 4) // a source says what it likes: sums of these are still numbers
#define STEP_NS                                                                                              \
	(SECOND / 50) // reports that differ by less than this move nothing: a receiver would see each move

void hz_timeline_reset(struct hz_timeline *t)
{
	*t = (struct hz_timeline){0};
}

bool hz_timeline_report(struct hz_timeline *t, int64_t pts_ns, int64_t capture_wall_ns, int64_t now_ns,
                        int64_t now_wall_ns)
{
	int64_t age_ns = now_wall_ns - capture_wall_ns;
	if (pts_ns < 0 || pts_ns > MOST_NS || age_ns < -BELIEVED_NS || age_ns > BELIEVED_NS)
		return false;
	int64_t offset_ns = now_ns - age_ns - pts_ns;
	if (!t->set || !t->synced || llabs(offset_ns - t->offset_ns) > STEP_NS)
		t->offset_ns = offset_ns;
	t->set = t->synced = true;
	return true;
}

int64_t hz_timeline_map(struct hz_timeline *t, int64_t pts_ns, int64_t now_ns)
{
	bool none = pts_ns < 0 || pts_ns > MOST_NS;
	int64_t at_ns = none ? now_ns : pts_ns + t->offset_ns;
	if (!none && (!t->set || at_ns > now_ns + AWAY_NS || at_ns < now_ns - AWAY_NS)) {
		t->offset_ns = now_ns - pts_ns;
		t->set = true;
		t->synced = false;
		at_ns = now_ns;
	}
	if (at_ns < 0)
		at_ns = 0;
	t->newest_ns = at_ns;
	return at_ns;
}
