// How loud a voice is and what gain it gets: K-weighted loudness as ITU-R BS.1770-4 annex 1 has it (one channel, no
// gating blocks but a gate of our own), measured each 20 ms. No allocation; a plain struct.
#ifndef HZ_MEDIA_MIX_LOUDNESS_H
#define HZ_MEDIA_MIX_LOUDNESS_H

#include <stdbool.h>
#include <stddef.h>

#define HZ_LOUDNESS_SILENCE (-70.0f) // LUFS: nothing is quieter

struct hz_loudness {
	double shelf[2], high[2]; // states of the two filters
	float power;              // weighted mean square of about 400 ms
	float speech;             // the same of what was above the gate, some seconds
	unsigned speech_frames;   // that `speech` has seen; counted up to what it averages over
	float noise;              // LUFS of the background
	float gain_db;
	bool open;            // the gate
	unsigned quiet_ticks; // since the last frame above the threshold
};

void hz_loudness_init(struct hz_loudness *loudness);
// One frame of 48 kHz, 20 ms: measures, moves gate and gain. target_lufs: what the gain aims at.
void hz_loudness_on_frame(struct hz_loudness *loudness, const float *pcm, size_t samples, float target_lufs);
float hz_loudness_lufs(const struct hz_loudness *loudness); // of the last 400 ms

#endif
