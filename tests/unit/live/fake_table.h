// Objects of one grey for tests of the live lane: 12 bits, value 0..4095, shown with a window of all 12 bits unless said otherwise.
#ifndef HZ_TESTS_LIVE_FAKE_TABLE_H
#define HZ_TESTS_LIVE_FAKE_TABLE_H

#include <stdbool.h>

#include "media/live/api.h"

// A memfd: frames of 64x64, each brighter by 400 than the one before. uid: 2.25.1 to 2.25.9
int fake_object(unsigned uid, unsigned value, unsigned frames);
// The same that may name somebody: an overlay over its left half; it says that it has annotations burned in.
int fake_named(unsigned uid, unsigned value, bool overlay, bool burned);
int fake_file(const void *data, size_t bytes);
int fake_series(unsigned first, unsigned count); // metadata of 2.25.first and on, in that order

struct hz_live_room_set fake_room(uint32_t consult, unsigned uid); // uid 0: the series
struct hz_live_rendition_set fake_rendition(uint32_t consult, uint32_t ssrc, uint8_t codec);

#endif
