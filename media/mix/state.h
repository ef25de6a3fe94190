// Inside the mixer: its tables. Everything is found by index; the sizes are those of mixer.h.
#ifndef HZ_MEDIA_MIX_STATE_H
#define HZ_MEDIA_MIX_STATE_H

#include <opus/opus.h>

#include "media/mix/limiter.h"
#include "media/mix/loudness.h"
#include "media/mix/mixer.h"
#include "media/mix/playout.h"

#define HZ_MIX_SHARED  (1u + HZ_MIXER_LANGUAGES) // streams 0..: one a language, 0 the floor
#define HZ_MIX_STREAMS (HZ_MIX_SHARED + HZ_MIXER_OWN)
#define HZ_MIX_NONE    (-1)

struct hz_mix_member {
	bool used, listens, sent; // sent: something, ever
	bool silent;              // DTX: nothing in the newest tick
	uint16_t generation;
	uint16_t seq;
	int input;           // HZ_MIX_NONE: does not publish
	int stream;          // heard now; HZ_MIX_NONE: none yet
	unsigned language;   // wanted
	unsigned interprets; // 0: nothing
};

// One publisher's voice. Outlives its member by the length of a fade.
struct hz_mix_input {
	bool used, leaving;
	bool heard;            // one of the loudest, or an interpreter who speaks
	bool mixed;            // pcm is not silence in this tick
	int member;            // HZ_MIX_NONE while leaving, if it was removed
	unsigned interprets;   // where its sound goes now: follows the member when it has faded
	unsigned held_ticks;   // since it is heard
	unsigned louder_ticks; // that it has been louder than the quietest who is heard
	float fade, gain;      // applied at the end of the last tick
	float pcm[HZ_MIXER_FRAME];
	struct hz_loudness loudness;
	struct hz_playout playout;
};

// One encoder and what leads to it. A copy of it goes on exactly as the original would (hz_streams_route()).
struct hz_mix_stream {
	bool used;
	unsigned language;
	int minus;           // member who is not in it
	unsigned settled;    // ticks since it is the same as its language's shared one
	uint64_t made, from; // tick, and by which stream: others who go the same way at once come along
	float weight[HZ_MIX_SHARED]; // of the floor and of each language
	struct hz_limiter limiter;
	OpusEncoder *encoder;
};

struct hz_mixer {
	struct hz_mixer_config config;
	struct hz_mixer_stats stats;
	int64_t next_us;
	uint32_t rtp_ts;
	float floor_weight;
	size_t encoder_bytes;
	void *coders; // all states of libopus, in one piece
	bool interpreted[HZ_MIX_SHARED];
	float bus[HZ_MIX_SHARED][HZ_MIXER_FRAME]; // [0] the floor
	bool bus_mixed[HZ_MIX_SHARED];
	float scratch[HZ_MIXER_FRAME];
	uint8_t payload[1276];
	struct hz_mixer_to to[HZ_MIXER_MEMBERS];
	struct hz_mix_member member[HZ_MIXER_MEMBERS];
	struct hz_mix_stream stream[HZ_MIX_STREAMS];
	struct hz_mix_input input[HZ_MIXER_INPUTS];
};

#endif
