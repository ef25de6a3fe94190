// Hostile packets through order and depacketisers of every codec: bounds, and what a frame promises. Input: a byte for the
// codec, then 1 byte of flags, 2 of length and the payload for each packet.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/bytes.h"
#include "recorder/finalize/frames.h"
#include "recorder/finalize/opus.h"
#include "recorder/finalize/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
	struct hz_frames *frames;
	int64_t seq;
	bool key, any;
};

static void on_frame(void *arg, const struct hz_frame *f)
{
	struct state *s = arg;
	struct hz_opus_info info;
	if (!f->bytes || f->bytes > HZ_FRAME_BYTES || f->config_bytes > HZ_CONFIG_BYTES)
		abort();
	if (f->codec == HZ_CODEC_OPUS) {
		if (hz_opus_parse(f->data, f->bytes, &info) != 0 || info.samples != f->samples)
			abort();
		return;
	}
	s->key |= f->key;
	if (!s->key || (f->key && (!f->width || !f->height)))
		abort();
	if (f->codec == HZ_CODEC_H264_HIGH) { // lengths add up
		size_t at = 0;
		while (f->bytes - at > 4 && hz_get32(f->data + at) <= f->bytes - at - 4)
			at += 4 + hz_get32(f->data + at);
		if (at != f->bytes)
			abort();
	}
}

static void on_packet(void *arg, const struct hz_order_packet *p)
{
	struct state *s = arg;
	if (s->any && p->seq <= s->seq)
		abort();
	s->any = true;
	s->seq = p->seq;
	hz_frames_put(s->frames, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t codecs[] = {HZ_CODEC_H264_HIGH, HZ_CODEC_VP8,  HZ_CODEC_VP9,
	                                 HZ_CODEC_AV1,       HZ_CODEC_OPUS, HZ_CODEC_RED};
	struct hz_refused nothing = {.replay = true}; // decoders are not asked: fuzz_finalize does
	struct state s = {0};
	struct hz_order *order;
	uint16_t seq = 65530;
	uint32_t ts = 0xffff0000u;
	int64_t at_us = 0;
	if (size < 1)
		return 0;
	if (hz_frames_new(codecs[data[0] % 6], &nothing, on_frame, &s, &s.frames) != 0 ||
	    hz_order_new(HZ_ORDER_WINDOW_US, on_packet, &s, &order) != 0)
		abort();
	for (size_t at = 1; size - at >= 3;) {
		uint8_t flags = data[at];
		size_t bytes = hz_get16(data + at + 1), left = size - at - 3;
		bytes = bytes < left ? bytes : left;
		ts += flags & 0x10 ? 3000 : 0;
		seq += (uint16_t)(flags & 0x08 ? (flags & 0x20 ? 40000 : 2) : flags & 0x04 ? -1 : 0);
		at_us += flags & 0x40 ? 33000 : 100;
		struct hz_rtp_packet p = {.payload = data + at + 3,
		                          .payload_bytes = bytes,
		                          .seq = seq++,
		                          .ts = ts,
		                          .marker = flags & 1};
		if (hz_order_put(order, &p, at_us) != 0)
			abort();
		at += 3 + bytes;
	}
	hz_order_flush(order);
	hz_frames_flush(s.frames);
	hz_order_free(order);
	hz_frames_free(s.frames);
	return 0;
}
