// What somebody wrote and drew, in the events of a record (recorder/api.h): messages, and drawings on the table. Thread: any.
#ifndef HZ_RECORDER_FINALIZE_WORDS_H
#define HZ_RECORDER_FINALIZE_WORDS_H

#include <stdbool.h>

#include <jansson.h>

// Whether there is something of theirs in it.
bool hz_words_has(const json_t *event, const char *participant);

// Of a time line, in order: takes out what the erased wrote and drew, and says so ("erased": true). A drawing of theirs is "gone";
// where somebody else went on with it, it is there without their words. erased: {participant: true}. Details are replaced, not
// changed: they may be shared.
void hz_words_leave_out(json_t *events, const json_t *erased);

#endif
