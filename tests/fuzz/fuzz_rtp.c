// RTP parsing, extensions, RTX, history and receiver on hostile bytes. The input is a series of packets, each with
// two bytes of length before it, as one subscription's way of a packet would treat them.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/bytes.h"
#include "media/rtp/history.h"
#include "media/rtp/keyframe.h"
#include "media/rtp/nack.h"
#include "media/rtp/packet.h"
#include "media/rtp/receiver.h"
#include "media/rtp/rtx.h"
#include "media/rtp/twcc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hz_ext_ids ids = {.mid = 1,
                                      .rid = 2,
                                      .rrid = 3,
                                      .audio_level = 4,
                                      .abs_send_time = 5,
                                      .twcc = 6,
                                      .orientation = 7,
                                      .playout_delay = 8,
                                      .dependency = 9,
                                      .abs_capture_time = 10};

struct way {
	struct hz_receiver receiver;
	struct hz_nack nack;
	struct hz_twcc twcc;
	struct hz_history *history;
	int64_t now_us;
};

#define CHECK(x)                                                                                             \
	do {                                                                                                 \
		if (!(x))                                                                                    \
			abort();                                                                             \
	} while (0)

// What we write from parsed extensions parses to the same.
static void rewrite(const struct hz_rtp_packet *p, const struct hz_rtp_exts *x)
{
	uint8_t buf[600];
	struct hz_rtp_offsets off;
	struct hz_rtp_packet q;
	struct hz_rtp_exts y;
	struct hz_rtp_header h = {p->ts, p->ssrc, p->seq, p->pt, p->marker};
	CHECK(hz_rtp_write_header(buf, sizeof(buf), &h, x, &ids, &off) == 0);
	hz_rtp_patch_twcc(buf, &off, x->twcc_seq);
	CHECK(hz_rtp_parse(buf, off.header_bytes, &q) == 0);
	hz_rtp_parse_exts(&q, &ids, &y);
	CHECK(x->has == y.has && strcmp(x->mid, y.mid) == 0 && x->dependency_bytes == y.dependency_bytes);
	CHECK(q.seq == p->seq && q.ts == p->ts && q.ssrc == p->ssrc && q.pt == p->pt &&
	      q.marker == p->marker);
}

static void unwrap(const uint8_t *data, size_t size)
{
	struct hz_rtp_packet p;
	uint8_t *copy = malloc(size ? size : 1), *out;
	size_t bytes;
	CHECK(copy);
	memcpy(copy, data, size);
	if (hz_rtx_unwrap(copy, size, 96, 1, &out, &bytes) == 0)
		CHECK(hz_rtp_parse(out, bytes, &p) == 0 && p.pt == 96 && p.ssrc == 1);
	free(copy);
}

static void on_packet(struct way *w, const uint8_t *data, size_t size)
{
	struct hz_rtp_packet p, kept;
	struct hz_rtp_exts x;
	struct hz_frame_info frame;
	struct hz_nack_item items[8];
	int64_t ext;
	unwrap(data, size);
	if (hz_rtp_parse(data, size, &p) < 0)
		return;
	w->now_us += p.ts % 100000;
	hz_rtp_parse_exts(&p, &ids, &x);
	rewrite(&p, &x);
	hz_frame_inspect(p.pt % 8, p.payload, p.payload_bytes, &frame);
	if (x.has & HZ_EXT_TWCC)
		hz_twcc_on_packet(&w->twcc, x.twcc_seq, w->now_us);
	enum hz_receive rc = hz_receiver_on_packet(&w->receiver, p.seq, p.ts, p.pt & 1, w->now_us, &ext);
	if (rc != HZ_RECEIVE_NEW && rc != HZ_RECEIVE_RESTART)
		return;
	hz_nack_on_packet(&w->nack, ext, w->now_us);
	if (hz_history_put(w->history, ext, &p, w->now_us) == 0)
		CHECK(hz_history_get(w->history, ext, w->now_us, &kept, NULL) == 0 && kept.seq == p.seq);
	hz_nack_collect(&w->nack, w->now_us, p.ssrc % 300000, items, 8);
}

// Whatever arrived, the feedback we send is one that we read.
static void feedback(struct way *w)
{
	uint8_t buf[1200];
	while (hz_twcc_pending(&w->twcc)) {
		struct hz_rtcp_writer writer;
		struct hz_rtcp_iter iter;
		struct hz_rtcp_packet p;
		struct hz_twcc_feedback fb;
		static struct hz_twcc_arrival items[HZ_TWCC_WINDOW];
		size_t count;
		hz_rtcp_writer_init(&writer, buf, sizeof(buf));
		CHECK(hz_twcc_write(&w->twcc, &writer, 1, 2) == 0);
		hz_rtcp_iter_init(&iter, buf, writer.bytes);
		CHECK(hz_rtcp_next(&iter, &p) == 1);
		CHECK(hz_twcc_parse(&p, &fb, items, HZ_TWCC_WINDOW, &count) == 0 && count == fb.status_count);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct way w;
	struct hz_history_pool *pool;
	hz_receiver_init(&w.receiver, 90000);
	hz_nack_init(&w.nack);
	hz_twcc_init(&w.twcc);
	w.now_us = 1;
	CHECK(hz_history_pool_new(100000, &pool) == 0);
	CHECK(hz_history_new(pool, 64, &w.history) == 0);
	while (size >= 2) {
		size_t n = hz_get16(data);
		data += 2;
		size -= 2;
		if (n > size)
			n = size;
		uint8_t *exact = malloc(n ? n : 1); // so that a read past the packet is seen
		CHECK(exact);
		memcpy(exact, data, n);
		on_packet(&w, exact, n);
		free(exact);
		data += n;
		size -= n;
	}
	feedback(&w);
	hz_history_free(w.history);
	hz_history_pool_free(pool);
	return 0;
}
