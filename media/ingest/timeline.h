// When a picture or a sound of a source was, on the clock of what is sent to the consult: picture and sound of a source by one
// offset, several sources by their sender reports where these tell the time of day, else by their arrival. Pure; nanoseconds.
#ifndef HZ_MEDIA_INGEST_TIMELINE_H
#define HZ_MEDIA_INGEST_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

struct hz_timeline {
	bool set, synced; // synced: by sender reports
	int64_t offset_ns;
	int64_t newest_ns; // of what was mapped
};

// The source begins (again).
void hz_timeline_reset(struct hz_timeline *t);

// A sender report says that what has the timestamp pts was captured at capture_wall; now and now_wall are the same moment on the
// clock sent by and of the day. Clocks that are more than 2 s apart are not believed. True: it is the measure now.
bool hz_timeline_report(struct hz_timeline *t, int64_t pts_ns, int64_t capture_wall_ns, int64_t now_ns,
                        int64_t now_wall_ns);

// The time of what has the timestamp pts (-1: it has none) and arrives now. Never negative, never more than 3 s away from now: a source whose
// timestamps jump begins anew.
int64_t hz_timeline_map(struct hz_timeline *t, int64_t pts_ns, int64_t now_ns);

#endif
