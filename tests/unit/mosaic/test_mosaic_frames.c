// Packets into order and frames, and frames into packets: there and back, with loss, disorder, new beginnings and bytes of nobody.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "media/api.h"
#include "media/mosaic/gather.h"
#include "media/mosaic/order.h"
#include "media/mosaic/packetise.h"

#define MOST 4096u

struct got {
	unsigned count, gaps;
	uint16_t first[MOST]; // of each packet's payload
	bool gap[MOST];
};

static void on_packet(void *ctx, const struct hz_mosaic_packet *p)
{
	struct got *g = ctx;
	assert_true(g->count < MOST);
	g->gap[g->count] = p->gap;
	g->gaps += p->gap;
	g->first[g->count++] = (uint16_t)(p->payload[0] << 8 | p->payload[1]);
}

static void put(struct hz_mosaic_order *o, uint16_t seq, int64_t now_us)
{
	const uint8_t payload[2] = {(uint8_t)(seq >> 8), (uint8_t)seq};
	const struct hz_mosaic_packet p = {.payload = payload, .bytes = 2, .arrival_us = now_us};
	hz_mosaic_order_put(o, seq, &p, now_us);
}

static struct hz_mosaic_order *order_new(struct got *g)
{
	struct hz_mosaic_order *o;
	const struct hz_mosaic_order_sink sink = {g, on_packet};
	memset(g, 0, sizeof(*g));
	assert_int_equal(hz_mosaic_order_new(&sink, &o), 0);
	return o;
}

static void disorder(void **state)
{
	static struct got g;
	struct hz_mosaic_order *o = order_new(&g);
	static const uint16_t seqs[] = {65534, 0, 65535, 1, 1, 65534, 3, 4, 2, 5};
	for (unsigned i = 0; i < sizeof(seqs) / sizeof(seqs[0]); i++)
		put(o, seqs[i], 1000);
	assert_int_equal(g.count, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(g.first[i], (uint16_t)(65534 + i));
	assert_int_equal(g.gaps, 0);
	hz_mosaic_order_free(o);
}

static void gaps_end(void **state)
{
	static struct got g;
	struct hz_mosaic_order *o = order_new(&g);
	put(o, 10, 0);
	put(o, 12, 0);
	put(o, 14, 30000);
	hz_mosaic_order_poll(o, HZ_ORDER_WAIT_US - 1);
	assert_int_equal(g.count, 1);
	hz_mosaic_order_poll(o, HZ_ORDER_WAIT_US);
	assert_int_equal(g.count, 2); // the next gap has its own time
	assert_true(g.gap[1]);
	put(o, 11, HZ_ORDER_WAIT_US); // too late
	put(o, 13, HZ_ORDER_WAIT_US + 1);
	assert_int_equal(g.count, 4);
	assert_int_equal(g.gaps, 1);
	put(o, 20, 1000000);
	put(o, (uint16_t)(20 + HZ_ORDER_PACKETS), 1000000); // further than is kept: begun anew
	assert_true(g.gap[g.count - 1]);
	hz_mosaic_order_free(o);
}

static void new_beginning(void **state)
{
	static struct got g;
	struct hz_mosaic_order *o = order_new(&g);
	put(o, 30000, 0);
	put(o, 100, 0); // alone it is a stray one
	put(o, 30001, 0);
	put(o, 100, 0);
	assert_int_equal(g.count, 2);
	put(o, 101, 0);
	put(o, 102, 0);
	assert_int_equal(g.count, 4);
	assert_true(g.gap[2]);
	hz_mosaic_order_reset(o);
	put(o, 7, 0);
	assert_int_equal(g.count, 5);
	hz_mosaic_order_free(o);
}

static void any_order(void **state)
{
	static struct got g;
	struct hz_mosaic_order *o = order_new(&g);
	srand(3);
	for (unsigned n = 0; n < 200000; n++) {
		g.count = 0;
		put(o, (uint16_t)(rand() % 5 ? n + (unsigned)rand() % 40 : (unsigned)rand()), n * 1000);
		hz_mosaic_order_poll(o, n * 1000);
	}
	hz_mosaic_order_free(o);
}

// --- frames

struct frames {
	struct hz_gather gather;
	unsigned count, keys, fresh;
	uint8_t last[70000];
	size_t bytes;
	uint16_t skip; // packet that is lost; 0xffff: none
	uint16_t index;
	uint8_t codec;
	uint32_t ts;
	bool gap;
};

static void on_frame(void *ctx, const struct hz_gathered *f)
{
	struct frames *t = ctx;
	t->count++;
	t->keys += f->key;
	t->fresh += f->fresh;
	t->bytes = f->bytes;
	assert_true(f->bytes <= sizeof(t->last));
	memcpy(t->last, f->data, f->bytes);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(f->data[f->bytes + i], 0);
}

static void on_payload(void *ctx, const uint8_t *payload, size_t bytes, bool last)
{
	struct frames *t = ctx;
	assert_in_range(bytes, 1, HZ_PACKETISE_BYTES);
	if (t->index++ == t->skip) {
		t->gap = true;
		return;
	}
	const struct hz_mosaic_packet p = {
	    .payload = payload, .bytes = bytes, .ts = t->ts, .marker = last, .gap = t->gap};
	t->gap = false;
	hz_gather_put(&t->gather, t->codec, &p);
}

static void begin(struct frames *t)
{
	memset(t, 0, sizeof(*t));
	t->skip = 0xffff;
	hz_gather_init(&t->gather, on_frame, t);
}

// A picture of NAL units of these sizes, or a VP8 frame of the first; key or not.
static size_t frame_of(uint8_t codec, bool key, size_t bytes, uint8_t *buf)
{
	static const uint8_t sets[] = {0, 0, 0, 1, 0x67, 66, 0xe0, 31, 9, 0, 0, 0, 1, 0x68, 1, 2, 3};
	size_t at = 0;
	if (codec == HZ_CODEC_VP8) {
		for (size_t i = 0; i < bytes; i++)
			buf[i] = (uint8_t)(i * 7 + 1);
		buf[0] = key ? 0x10 : 0x11;
		return bytes;
	}
	if (key) {
		memcpy(buf, sets, sizeof(sets));
		at = sizeof(sets);
	}
	memcpy(buf + at, (const uint8_t[]){0, 0, 0, 1, key ? 0x65 : 0x41, 0x80}, 6);
	for (size_t i = 6; i < bytes; i++)
		buf[at + i] = (uint8_t)(1 + i % 250);
	return at + bytes;
}

static void send_picture(struct frames *t, uint8_t codec, bool key, size_t bytes)
{
	static uint8_t buf[70000];
	const struct hz_packetise_sink sink = {t, on_payload};
	size_t n = frame_of(codec, key, bytes, buf);
	t->codec = codec;
	t->ts += 3600;
	t->index = 0;
	unsigned before = t->count;
	if (codec == HZ_CODEC_VP8)
		hz_packetise_vp8(buf, n, (uint16_t)(t->ts / 3600), &sink);
	else
		hz_packetise_h264(buf, n, &sink);
	if (t->count > before) {
		assert_int_equal(t->bytes, n);
		assert_memory_equal(t->last, buf, n);
	}
}

static void there_and_back(void **state)
{
	static struct frames t;
	static const uint8_t codecs[] = {HZ_CODEC_H264_CB, HZ_CODEC_VP8};
	static const size_t sizes[] = {20, 1159, 1160, 1161, 1162, 2320, 5000, 60000};
	for (unsigned c = 0; c < 2; c++) {
		begin(&t);
		send_picture(&t, codecs[c], false, 500);
		assert_int_equal(t.count, 0); // nothing to begin with
		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			send_picture(&t, codecs[c], i % 3 == 0, sizes[i]);
		assert_int_equal(t.count, 8);
		assert_int_equal(t.keys, 3);
		assert_int_equal(t.fresh, 1);
		send_picture(&t, codecs[1 - c], false, 300); // another codec: from its keyframe on
		send_picture(&t, codecs[1 - c], true, 300);
		assert_int_equal(t.count, 9);
		assert_int_equal(t.fresh, 2);
		hz_gather_done(&t.gather);
	}
}

static void loss_waits_for_a_key(void **state)
{
	static struct frames t;
	static const uint8_t codecs[] = {HZ_CODEC_H264_CB, HZ_CODEC_VP8};
	for (unsigned c = 0; c < 2; c++)
		for (uint16_t skip = 0; skip < 4; skip++) { // each of the four packets of a picture
			begin(&t);
			send_picture(&t, codecs[c], true, 4000);
			t.skip = skip;
			send_picture(&t, codecs[c], skip % 2, 4000); // also a keyframe that is not whole
			t.skip = 0xffff;
			send_picture(&t, codecs[c], false, 4000);
			send_picture(&t, codecs[c], false, 300);
			assert_int_equal(t.count, 1);
			assert_true(t.gather.left_out > 0 && t.gather.need_key);
			send_picture(&t, codecs[c], true, 4000);
			send_picture(&t, codecs[c], false, 4000);
			assert_int_equal(t.count, 3);
			hz_gather_done(&t.gather);
		}
}

// Half a keyframe, then out of sight and back: its other half is not there, though nothing was lost.
static void half_a_key(void **state)
{
	static struct frames t;
	static uint8_t half[600] = {0x90, 0x80, 0x80, 1, 0x10}, whole[600] = {0x90, 0x80, 0x80, 2, 0x10};
	begin(&t);
	const struct hz_mosaic_packet first = {.payload = half, .bytes = sizeof(half), .ts = 1};
	hz_gather_put(&t.gather, HZ_CODEC_VP8, &first);
	hz_gather_break(&t.gather);
	const struct hz_mosaic_packet next = {
	    .payload = whole, .bytes = sizeof(whole), .ts = 3601, .marker = true};
	hz_gather_put(&t.gather, HZ_CODEC_VP8, &next);
	assert_int_equal(t.count, 1);
	assert_int_equal(t.gather.left_out, 1);
	hz_gather_done(&t.gather);
}

static void garbage(void **state)
{
	static struct frames t;
	uint8_t buf[300];
	begin(&t);
	srand(5);
	for (unsigned n = 0; n < 100000; n++) {
		size_t bytes = (size_t)rand() % sizeof(buf);
		for (size_t i = 0; i < bytes; i++)
			buf[i] = (uint8_t)rand();
		if (bytes && n % 2) // often what could be something
			buf[0] = (const uint8_t[]){0x65, 0x7c, 0x78, 0x90, 0x10, 0x41}[n / 2 % 6];
		const struct hz_mosaic_packet p = {.payload = buf,
		                                   .bytes = bytes,
		                                   .ts = n / 4,
		                                   .marker = rand() & 1,
		                                   .gap = rand() % 50 == 0};
		hz_gather_put(&t.gather, n / 1000 % 2 ? HZ_CODEC_VP8 : HZ_CODEC_H264_HIGH, &p);
	}
	hz_gather_done(&t.gather);
}

// A frame that never ends is left out when it is too large.
static void endless(void **state)
{
	static struct frames t;
	uint8_t fu[1200] = {0x7c, 0x85};
	begin(&t);
	for (unsigned n = 0; n < 4000; n++) {
		const struct hz_mosaic_packet p = {
		    .payload = fu, .bytes = sizeof(fu), .ts = 1, .marker = n == 3999};
		fu[1] = n == 3999 ? 0x45 : n ? 0x05 : 0x85;
		hz_gather_put(&t.gather, HZ_CODEC_H264_CB, &p);
		assert_true(t.gather.room <= 3 * HZ_GATHER_BYTES);
	}
	assert_int_equal(t.count, 0);
	assert_int_equal(t.gather.left_out, 1);
	send_picture(&t, HZ_CODEC_H264_CB, true, 3000);
	assert_int_equal(t.count, 1);
	hz_gather_done(&t.gather);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(disorder),       cmocka_unit_test(gaps_end),
	    cmocka_unit_test(new_beginning),  cmocka_unit_test(any_order),
	    cmocka_unit_test(there_and_back), cmocka_unit_test(loss_waits_for_a_key),
	    cmocka_unit_test(half_a_key),     cmocka_unit_test(garbage),
	    cmocka_unit_test(endless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
