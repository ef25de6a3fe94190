// ECG objects made by the tests.
#ifndef HZ_TESTS_FAKE_WAVE_H
#define HZ_TESTS_FAKE_WAVE_H

#include "tests/unit/imaging/fake_dicom.h"

struct fake_wave {
	unsigned channels, samples, bits; // of a sample; bits / 8 bytes in `data`, sample after sample
	const char *kind, *hz;            // "SS", "500"
	const void *data;
	size_t bytes;
	unsigned described; // channels with a definition
	bool padding;       // 0x8000
};

// General ECG Waveform Storage: groups of the same kind. units of 4.88 uV, leads by MDC codes.
struct fake_bytes fake_ecg(enum fake_syntax syntax, const struct fake_wave *group, unsigned groups);

#endif
