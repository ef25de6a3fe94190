// One received stream (SSRC): what arrived, what is missing and is asked for again, whether a picture can be shown.
// Thread: one.
#ifndef HZ_TESTS_BENCH_LOAD_SINK_H
#define HZ_TESTS_BENCH_LOAD_SINK_H

#include "media/rtp/nack.h"
#include "media/rtp/packet.h"
#include "media/rtp/receiver.h"
#include "media/rtp/rtcp.h"
#include "tests/bench/load/measure.h"

struct load_sink {
	uint32_t ssrc;
	bool video, decodable; // a keyframe has begun
	struct hz_receiver receiver;
	struct hz_nack *nack;            // video only
	int64_t next_pli_us;             // while not decodable
	int64_t expected_mark, got_mark; // at the last mark
};

// 0 or -ENOMEM.
int load_sink_init(struct load_sink *s, uint32_t ssrc, bool video);
void load_sink_done(struct load_sink *s);

// One decrypted packet that the kernel took at arrival_us (CLOCK_REALTIME). repaired: it came as RTX.
void load_sink_take(struct load_sink *s, const struct hz_rtp_packet *rtp, int64_t arrival_us, int64_t now_us,
                    bool repaired, struct load_measure *measure);

// NACKs and PLI that are due, into w. Returns true if something was written.
bool load_sink_feedback(struct load_sink *s, struct hz_rtcp_writer *w, uint32_t own_ssrc, int64_t now_us,
                        struct load_measure *measure);

void load_sink_mark(struct load_sink *s);
int64_t load_sink_lost(const struct load_sink *s); // since the mark, after repair
bool load_sink_heard(const struct load_sink *s);   // something since the mark

#endif
