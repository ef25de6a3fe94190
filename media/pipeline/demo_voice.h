// Speech-like sound: a glottal pulse train through three formants, with syllables, words and pauses.
#ifndef HZ_MEDIA_PIPELINE_DEMO_VOICE_H
#define HZ_MEDIA_PIPELINE_DEMO_VOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_DEMO_VOICE_RATE 48000

struct hz_demo_resonator {
	double a1, a2, gain; // coefficients
	double y1, y2;       // last outputs
};

struct hz_demo_voice {
	double pitch_hz, phase, level;
	uint32_t random;
	uint64_t sample;       // since the start
	uint64_t syllable_end; // sample at which the next syllable begins
	uint64_t syllable_start;
	uint64_t spurt_end; // a sentence, or the pause behind it
	bool talking, voiced;
	struct hz_demo_resonator formant[3];
};

// kind: "clinic", "expert", "patient" have pitches and rhythms of their own.
void hz_demo_voice_init(struct hz_demo_voice *voice, const char *kind);

// Writes count mono samples of 48 kHz; returns the level in -dBov (RFC 6464: 0 loudest, 127 silence).
uint8_t hz_demo_voice_fill(struct hz_demo_voice *voice, int16_t *samples, size_t count);

#endif
