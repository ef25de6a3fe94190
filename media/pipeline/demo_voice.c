#include "media/pipeline/demo_voice.h"

#include <math.h>
#include <string.h>

// Formant frequencies of five vowels in Hz.
static const double vowels[5][3] = {
    {730, 1090, 2440}, {270, 2290, 3010}, {300, 870, 2240}, {530, 1840, 2480}, {570, 840, 2410}};

static const double bandwidths_hz[3] = {80, 100, 140};

// xorshift32: the sound need not be secret, only lively.
static uint32_t next_random(struct hz_demo_voice *v)
{
	v->random ^= v->random << 13;
	v->random ^= v->random >> 17;
	v->random ^= v->random << 5;
	return v->random;
}

static double between(struct hz_demo_voice *v, double low, double high)
{
	return low + (high - low) * (next_random(v) & 0xffff) / 65536.0;
}

// A two-pole resonator with gain 1 at its frequency, near enough.
static void tune(struct hz_demo_resonator *r, double hz, double bandwidth_hz)
{
	double radius = exp(-M_PI * bandwidth_hz / HZ_DEMO_VOICE_RATE);

	r->a1 = 2 * radius * cos(2 * M_PI * hz / HZ_DEMO_VOICE_RATE);
	r->a2 = -radius * radius;
	r->gain =
	    (1 - radius) * sqrt(1 - 2 * radius * cos(4 * M_PI * hz / HZ_DEMO_VOICE_RATE) + radius * radius);
}

static void next_syllable(struct hz_demo_voice *v)
{
	const double *vowel = vowels[next_random(v) % 5];

	for (int i = 0; i < 3; i++)
		tune(&v->formant[i], vowel[i], bandwidths_hz[i]);
	v->syllable_start = v->sample;
	v->syllable_end =
	    v->sample + (uint64_t)(between(v, 0.15, 0.3) * HZ_DEMO_VOICE_RATE); // 3 to 7 a second
	v->voiced = next_random(v) % 6 != 0;                                    // now and then a hiss
	v->level = between(v, 0.5, 1);
}

void hz_demo_voice_init(struct hz_demo_voice *voice, const char *kind)
{
	memset(voice, 0, sizeof *voice);
	voice->pitch_hz = strcmp(kind, "expert") == 0 ? 110 : strcmp(kind, "patient") == 0 ? 160 : 210;
	voice->random = 2463534242u + (uint32_t)(voice->pitch_hz * 7919);
}

static double sample_of(struct hz_demo_voice *v)
{
	double t = (double)(v->sample - v->syllable_start) / (double)(v->syllable_end - v->syllable_start);
	double source, sum = 0;

	v->phase += v->pitch_hz * (1.1 - 0.2 * t) / HZ_DEMO_VOICE_RATE; // falls over the syllable
	v->phase -= floor(v->phase);
	source = v->voiced ? (v->phase < 0.1 ? 1 - v->phase * 10 : -0.1) : between(v, -0.3, 0.3);
	for (int i = 0; i < 3; i++) {
		struct hz_demo_resonator *r = &v->formant[i];
		double y = r->gain * source + r->a1 * r->y1 + r->a2 * r->y2;

		r->y2 = r->y1;
		r->y1 = y;
		sum += y / (i + 1);
	}
	return v->talking ? sum * v->level * sin(M_PI * t) : 0;
}

uint8_t hz_demo_voice_fill(struct hz_demo_voice *voice, int16_t *samples, size_t count)
{
	double power = 0, dbov;

	for (size_t i = 0; i < count; i++, voice->sample++) {
		double value;

		if (voice->sample >= voice->spurt_end) {
			voice->talking = !voice->talking;
			voice->spurt_end = voice->sample + (uint64_t)(between(voice, voice->talking ? 2 : 1,
			                                                      voice->talking ? 5 : 4) *
			                                              HZ_DEMO_VOICE_RATE);
		}
		if (voice->sample >= voice->syllable_end)
			next_syllable(voice);
		value = fmax(-1, fmin(1, 6 * sample_of(voice)));
		samples[i] = (int16_t)(value * 30000);
		power += value * value;
	}
	if (!count || power <= 0)
		return 127;
	dbov = -10 * log10(power / (double)count);
	return (uint8_t)fmax(0, fmin(127, dbov));
}
