// A room around the mixer: voices that send Opus tones, and ears that decode what each listener gets and keep it.
#ifndef HZ_TESTS_UNIT_MIX_FAKE_ROOM_H
#define HZ_TESTS_UNIT_MIX_FAKE_ROOM_H

#include <opus/opus.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/mix/mixer.h"

#define ROOM_PEOPLE  12u
#define ROOM_SECONDS 32u
#define ROOM_SAMPLES (ROOM_SECONDS * 48000u)

struct fake_voice {
	OpusEncoder *encoder;
	double phase, hz;
	float amplitude;
	unsigned harmonics; // more than 1: like a voice, with syllables; what concealment is made for
	uint32_t ts;
};

void voice_init(struct fake_voice *voice, double hz, float amplitude);
void voice_done(struct fake_voice *voice);
int voice_packet(struct fake_voice *voice, uint8_t payload[1276]); // the next 20 ms; bytes; moves ts

struct fake_person {
	uint32_t member;
	bool speaks, listens, started;
	struct fake_voice voice;
	OpusDecoder *decoder;
	float *heard;
	unsigned heard_samples;
	uint32_t rtp_ts;
	uint16_t seq;
	unsigned breaks; // of sequence numbers or timestamps
};

struct fake_room {
	struct hz_mixer *mixer;
	int64_t now_us;
	unsigned people, encodes_most;
	struct fake_person person[ROOM_PEOPLE];
};

void room_init(struct fake_room *room, const struct hz_mixer_config *config);
void room_done(struct fake_room *room);
// hz 0: only listens. Returns the person's index.
unsigned room_join(struct fake_room *room, double hz, float amplitude, bool listens);
void room_run(struct fake_room *room, double seconds); // who `speaks` sends a packet each 20 ms

// Amplitude of a tone in the last `seconds` that a person heard. Tones are played up to 0.1 % too fast or too slow
// while the buffer finds its delay: over 0.1 s that does not matter, over 1 s it would look like 1 dB.
double room_tone(const struct fake_room *room, unsigned person, double hz, double seconds);
double tone_in(const float *pcm, unsigned samples, double hz);
float peak_in(const float *pcm, unsigned samples);
float step_in(const float *pcm, unsigned samples); // the largest second difference: what a click is

#endif
