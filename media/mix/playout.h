// One publisher's packets, played on the mixer's clock: a small buffer that orders them, conceals what is missing (in-band
// FEC, else libopus's concealment) and follows the publisher's clock by playing a little faster or slower.
//
// How long packets wait is steered by *slack*: how long before its samples are due a packet comes. The smallest slack of
// the last one to two seconds is held at a margin of 5 ms, which grows by 10 ms whenever a packet was missing at its
// time, up to 100 ms, and comes back within half a minute.
#ifndef HZ_MEDIA_MIX_PLAYOUT_H
#define HZ_MEDIA_MIX_PLAYOUT_H

#include <opus/opus.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/mix/mixer.h"

#define HZ_PLAYOUT_FIFO 9216u // samples: one packet of 120 ms and what was left before it

struct hz_playout_packet {
	int64_t ts; // extended
	uint16_t bytes;
	uint16_t samples; // 0: free
	uint8_t payload[HZ_MIXER_PAYLOAD_BYTES];
};

struct hz_playout {
	OpusDecoder *decoder; // of the owner
	bool running;
	bool known;         // newest_ts is
	int64_t newest_ts;  // of all that came
	int64_t next_ts;    // of the sample to decode next, while running
	int64_t started_us; // arrival of the first packet that waits, while not running; 0 none
	int64_t strange_ts; // of the last packet whose timestamp stood alone
	bool strange;
	int64_t tick_us;                 // of the last pull
	int64_t slack_now, slack_before; // smallest of this second and of the one before; INT64_MAX none
	unsigned slack_ticks;
	double margin; // samples
	double step;   // samples of the publisher for one of ours
	double pos;    // in fifo, of the next sample to play
	float fifo[HZ_PLAYOUT_FIFO];
	unsigned fifo_count;
	unsigned missing; // frames made from nothing, in a row
	float fade;       // of those
	struct hz_mixer_voice stats;
	struct hz_playout_packet packet[HZ_MIXER_PACKETS];
};

void hz_playout_init(struct hz_playout *playout, OpusDecoder *decoder);
int hz_playout_push(struct hz_playout *playout, const struct hz_mixer_rtp *rtp); // as hz_mixer_push()
// The next HZ_MIXER_FRAME samples. quiet: nobody would notice if some were left out. False: nothing is playing (out is 0).
bool hz_playout_pull(struct hz_playout *playout, int64_t now_us, bool quiet, float *out);
// The publisher's timestamp of the first of the samples that the last pull gave, if it gave any.
uint32_t hz_playout_ts(const struct hz_playout *playout);

#endif
