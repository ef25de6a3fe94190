// What happened in a record besides media: who was there when, who consented to what, and the events of the time line.
// Fed from the journal's items, hostile texts included. Thread: one.
#ifndef HZ_RECORDER_FINALIZE_STORY_H
#define HZ_RECORDER_FINALIZE_STORY_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "recorder/journal/reader.h"

// Events have bounds of their own (recorder/finalize/events.h). Of the rest more are counted, not kept; of periods and consents the first and the newest are, and those in the middle go. All of it is
// within what recorder/record/manifest_read.h reads: nobody makes a record that cannot be delivered.
#define HZ_STORY_GAPS    20000
#define HZ_STORY_PEOPLE  4000
#define HZ_STORY_LIST    1000  // periods, or consents, of one person
#define HZ_STORY_ENTRIES 20000 // of all persons; then two a list

struct hz_story;

int hz_story_new(struct hz_story **ret);
void hz_story_free(struct hz_story *story);                                                // NULL allowed
int hz_story_item(struct hz_story *story, const struct hz_journal_item *item, int64_t us); // -ENOMEM

void hz_story_end(struct hz_story *story); // after the last item

int64_t hz_story_first_us(const struct hz_story *story); // of any item; 0: there was none
int64_t hz_story_last_us(const struct hz_story *story);

// New references, for the manifest. zero_us: t = 0.
json_t *hz_story_record(const struct hz_story *story); // schema "record" of recorder/api.h; {} when none came
json_t *hz_story_participants(const struct hz_story *story);
json_t *hz_story_events(const struct hz_story *story, int64_t zero_us);
json_t *hz_story_thinned(const struct hz_story *story); // hz_events_thinned()
json_t *hz_story_gaps(const struct hz_story *story, int64_t zero_us);
uint64_t hz_story_left_out(const struct hz_story *story); // beyond the bounds, or not understood

#endif
