// A consult of any length, time-compressed: real media as its publishers would send it, written as the journal of a record.
#ifndef HZ_TESTS_RECORD_HOUR_H
#define HZ_TESTS_RECORD_HOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/journal/format.h"
#include "recorder/store.h"
#include "tests/unit/finalize/fake_media.h"

#define HOUR_PUBLISHERS 4

struct hour_settings {
	const char *id; // UUID of the record
	unsigned publishers;
	double length_s;
	int bps; // of each picture, 1280x720 at 30 pictures a second
	// Each publisher's sampling clocks are 200 ppm off, one way for sound, the other for pictures; the first picture is 7 s
	// late; links drop for 5 s and are muted for 6 s now and then; some packets are lost. Else nothing is lost for good.
	bool rough;
};

struct hour_sent { // what a camera's NAL units are, in order, each behind its length in 4 bytes
	char participant[16];
	uint64_t pictures, units, bytes;
	char sha256[65];
};

// The publishers p1, p2, …, each a camera and a microphone: flashes and, of rough ones, beeps once a second, half a second
// apart between even and odd ones; the others speak without a pause. Events: they join, consent, the layout is a grid, quality
// every 10 s. sent: HOUR_PUBLISHERS entries; of rough ones nothing is known.
void hour_make(const struct hour_settings *settings, struct fake_list *ret, struct hour_sent *sent);

// The list's items as the record's journal, sealed every 250 ms, and its state. Ends the process when it cannot.
void hour_write(const char *folder, const uint8_t master[HZ_JOURNAL_KEY_BYTES],
                const struct hour_settings *settings, const struct fake_list *list,
                enum hz_record_phase phase);

#endif
