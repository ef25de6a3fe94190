// One mixed sound of a consult, for as many listeners as there are: Opus in, Opus out (RFC 6716, RFC 7587), 20 ms, mono.
//
// A member may publish (its voice goes into the mix), listen, interpret, or all of these. Voices are levelled to one
// loudness (ITU-R BS.1770 weighting), the loudest few are mixed, and nobody hears themself. All who are not being
// heard share one encoded stream; each who is has their own. A listener who chose a language hears its interpreter
// at full and the floor quietly. Why it is so: docs/decisions/011-mixing-sound.md.
//
// All memory is taken by hz_mixer_new() (about 10 MB); nothing is allocated later. No I/O, no clock, single thread.
// Times are now_us of one monotonic clock. Languages are numbers that the caller gives, 1..HZ_MIXER_LANGUAGES; 0 is
// the floor. A member is named by a handle with a generation: one of a removed member is refused with -ENOENT.
#ifndef HZ_MEDIA_MIX_MIXER_H
#define HZ_MEDIA_MIX_MIXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_MIXER_MEMBERS       512u
#define HZ_MIXER_INPUTS        64u // publishers at once
#define HZ_MIXER_LANGUAGES     8u
#define HZ_MIXER_SPEAKERS      8u // heard at once, at most
#define HZ_MIXER_OWN           24u // streams beside the shared ones: of speakers, and of listeners on their way
#define HZ_MIXER_PACKETS       64u   // waiting of one publisher; then the oldest goes
#define HZ_MIXER_PAYLOAD_BYTES 1500u // longer ones are refused
#define HZ_MIXER_FRAME_US      20000
#define HZ_MIXER_FRAME         960u // samples of 48 kHz
#define HZ_MIXER_CATCH_UP      5u // ticks that a late call makes up for; more are left out (a gap in timestamps)

struct hz_mixer;

// 0 anywhere but in the flags: the default.
struct hz_mixer_config {
	unsigned speakers;     // heard at once: 5
	unsigned bitrate_bps;  // of each stream: 32000
	unsigned complexity;   // of the encoder, 1..10: 5
	unsigned loss_percent; // that in-band FEC is made for: 10
	float loudness_lufs;   // of each voice: -23
	float floor_db;        // under an interpreter: -15
	bool dtx;              // nothing is sent while a stream is silent
	bool keep_levels;      // no automatic gain
};

int hz_mixer_new(const struct hz_mixer_config *config, int64_t now_us,
                 struct hz_mixer **ret);    // -EINVAL, -ENOMEM
void hz_mixer_free(struct hz_mixer *mixer); // NULL allowed

int hz_mixer_add(struct hz_mixer *mixer, uint32_t *ret_member); // -ENOSPC
// Takes effect at once; a voice that is being heard fades.
int hz_mixer_remove(struct hz_mixer *mixer, uint32_t member); // -ENOENT

// Each is a wanted state; repeating it is harmless.
// -ENOENT; -ENOSPC: HZ_MIXER_INPUTS publish, or are still fading.
int hz_mixer_publish(struct hz_mixer *mixer, uint32_t member, bool on);
int hz_mixer_listen(struct hz_mixer *mixer, uint32_t member, bool on);
// What the member hears: 0 the floor. A language that nobody interprets is the floor. -ENOENT, -EINVAL.
int hz_mixer_set_language(struct hz_mixer *mixer, uint32_t member, unsigned language);
// The member's voice leaves the floor and goes to those who chose this language; 0: back. It hears the floor when it
// chose its own language. -ENOENT, -EINVAL.
int hz_mixer_set_interprets(struct hz_mixer *mixer, uint32_t member, unsigned language);

// One RTP payload of a publisher, as it was sent: RED and RTX already taken away, any order.
struct hz_mixer_rtp {
	const uint8_t *payload;
	size_t bytes;
	uint32_t rtp_ts; // 48 kHz
	int64_t arrival_us;
};
// Copies. 0: taken or, when it came too late or twice, counted and left. -ENOENT; -EBADMSG: no Opus, or its timestamp
// stands alone; -EMSGSIZE.
int hz_mixer_push(struct hz_mixer *mixer, uint32_t member, const struct hz_mixer_rtp *rtp);

struct hz_mixer_to {
	uint32_t member;
	uint16_t seq; // of the RTP stream that this listener receives: no gap when it changes streams
	bool marker;  // the first one, and the first after silence (DTX)
};

// One packet of one stream. Timestamps are the same on all streams, so they run on when a listener changes.
struct hz_mixer_packet {
	unsigned stream; // < 1 + HZ_MIXER_LANGUAGES: shared, by language; else somebody's own
	const uint8_t *payload;
	size_t bytes;
	uint32_t rtp_ts;
	const struct hz_mixer_to *to; // valid during the call, like payload
	unsigned to_count;
};
typedef void hz_mixer_emit_fn(void *ctx, const struct hz_mixer_packet *packet);

// Does what is due. emit must not call the mixer. Returns when to call again (now_us).
int64_t hz_mixer_tick(struct hz_mixer *mixer, int64_t now_us, hz_mixer_emit_fn *emit, void *ctx);

struct hz_mixer_stats {
	uint64_t ticks, encodes, skipped_ticks;
	unsigned encodes_now; // in the newest tick
	unsigned speakers;    // heard now
	unsigned inputs;      // publishers whose sound is being decoded
	unsigned own_streams;
};
void hz_mixer_get_stats(const struct hz_mixer *mixer, struct hz_mixer_stats *ret);

struct hz_mixer_voice {
	uint64_t packets, late, duplicate, refused, lost_frames, fec_frames, expanded_frames, restarts,
	    dropped;
	float loudness_lufs; // of the last 400 ms, before the gain; -70 at least
	float gain_db;
	float delay_ms; // from the earliest arrival to the mix
	float rate_ppm; // how much faster it is played than it came
	bool heard;
};
int hz_mixer_get_voice(const struct hz_mixer *mixer, uint32_t member,
                       struct hz_mixer_voice *ret); // -ENOENT: also when it does not publish
// The timestamp, as the publisher sent it, of what the newest packets of the mix begin with. -ENOENT; -EAGAIN: not in the mix now.
int hz_mixer_get_heard(const struct hz_mixer *mixer, uint32_t member, uint32_t *ret_rtp_ts);

#endif
