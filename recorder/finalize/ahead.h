// Items of a source read ahead in a thread of their own: opening and checking a journal takes as long as what is done with it.
// Order and results are the source's. Memory: HZ_AHEAD_BATCHES * HZ_AHEAD_BYTES. Thread: one; the source belongs to the reading
// thread from a rewind until next() said 0 or less, or until the next rewind.
#ifndef HZ_RECORDER_FINALIZE_AHEAD_H
#define HZ_RECORDER_FINALIZE_AHEAD_H

#include "recorder/finalize/finalize.h"

#define HZ_AHEAD_BATCHES 4
#define HZ_AHEAD_BYTES   (1u << 20)

struct hz_ahead;

int hz_ahead_new(const struct hz_items *from, struct hz_ahead **ret); // from is copied. -ENOMEM
void hz_ahead_free(struct hz_ahead *ahead);                           // NULL allowed; ends the thread
struct hz_items hz_ahead_items(struct hz_ahead *ahead);               // rewind before the first next

#endif
