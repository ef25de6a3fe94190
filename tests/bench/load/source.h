// What a publisher sends: VP8-shaped video, a frame's packets in one burst, and Opus-shaped audio. Each payload carries
// the time it was made (CLOCK_REALTIME). Keeps the newest protected video packets and repeats them on NACK.
// Thread: one.
#ifndef HZ_TESTS_BENCH_LOAD_SOURCE_H
#define HZ_TESTS_BENCH_LOAD_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/api.h"
#include "media/transport/srtp.h"
#include "tests/bench/load/measure.h"

#define LOAD_PACKET_BYTES 1400
#define LOAD_AUDIO_US     20000
#define LOAD_VIDEO_US     33333
#define LOAD_MAX_FRAME    64 // packets
#define LOAD_HISTORY      256

struct load_rates {
	unsigned frame_bytes;  // of a delta frame; a keyframe has three times as many
	unsigned packet_bytes; // of video payload at most
	unsigned audio_bytes;
};

struct load_stream { // one m-line we send on; pt 0: not used
	uint8_t pt;
	char mid[HZ_MID_BYTES];
	uint32_t ssrc, ts, frame;
	uint16_t seq;
};

struct load_source {
	struct load_stream audio, video;
	struct hz_ext_ids ext;
	uint16_t twcc;
	bool want_keyframe;
	unsigned
	    loss_permille; // of what is sent: left out, and as many change places with the next of their frame
	uint32_t random;
	int64_t next_audio_us, next_video_us; // CLOCK_MONOTONIC
	uint8_t *history;                     // LOAD_HISTORY packets
	uint16_t history_bytes[LOAD_HISTORY], history_seq[LOAD_HISTORY];
};

// Random SSRCs and numbers; what control does not set stays 0. 0 or -ENOMEM.
int load_source_init(struct load_source *s);
void load_source_done(struct load_source *s);

// Sends what is due on fd. Returns when to call again (INT64_MAX: nothing to send).
int64_t load_source_run(struct load_source *s, const struct load_rates *rates, struct hz_srtp *srtp, int fd,
                        int64_t now_us, struct load_measure *measure);

// The video packet of this number once more, if it is still there.
void load_source_repeat(struct load_source *s, uint16_t seq, int fd);

// The stamp in a payload. false: there is none.
bool load_stamp_read(const uint8_t *payload, size_t bytes, int64_t *ret_us);

#endif
