// The events of a record's time line, within what its readers take (recorder/record/manifest_read.h, the certificate, pages).
// What comes by the clock is thinned when there is too much of it: how connections are, who speaks, which layers come. Of each
// stretch of time the last word stays; the stretches double until all fits. Follows from the events alone. Thread: one.
#ifndef HZ_RECORDER_FINALIZE_EVENTS_H
#define HZ_RECORDER_FINALIZE_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define HZ_EVENTS_COUNT 100000
#define HZ_EVENTS_BYTES (16u << 20) // as timeline.json; the certificate holds most of it once more, deeper
#define HZ_EVENTS_TEXT                                                                                       \
	(JSON_SORT_KEYS | JSON_INDENT(1) | JSON_REAL_PRECISION(8)) // how timeline.json is written

struct hz_events {
	json_t *list;               // [{"us", "type", "participant", "detail"}], as they came
	size_t bytes;               // at most, of its text
	unsigned level;             // of thinning; 0: nothing was
	uint64_t thinned, left_out; // left_out: beyond the bounds, and not of those that can be thinned
};

int hz_events_init(struct hz_events *events); // -ENOMEM
void hz_events_done(struct hz_events *events);
void hz_events_add(struct hz_events *events, json_t *event); // takes it; NULL allowed
void hz_events_end(struct hz_events *events);                // after the last: evenly thin

// {"events": so many are missing, "quality_ms", "speaker_ms", "layer_ms": of so long the last one is there}; NULL: all are.
json_t *hz_events_thinned(const struct hz_events *events);

#endif
