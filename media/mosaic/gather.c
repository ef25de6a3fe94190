#include "media/mosaic/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/api.h"
#include "media/rtp/bytes.h"
#include "media/rtp/keyframe.h"

#define PADDING 64u // decoders read beyond the end

void hz_gather_init(struct hz_gather *g, hz_gather_fn *emit, void *ctx)
{
	*g = (struct hz_gather){.ctx = ctx, .emit = emit, .need_key = true, .fresh = true};
}

void hz_gather_done(struct hz_gather *g)
{
	free(g->buf);
	g->buf = NULL;
}

void hz_gather_break(struct hz_gather *g)
{
	g->need_key = true;
	g->bad = true; // one that is begun never gets its rest
}

static int append(struct hz_gather *g, const void *data, size_t bytes)
{
	size_t need = g->bytes + bytes + PADDING;
	if (g->bytes + bytes > HZ_GATHER_BYTES)
		return -EBADMSG;
	if (need > g->room) {
		size_t room = need * 2 < 65536 ? 65536 : need * 2;
		uint8_t *grown = realloc(g->buf, room);
		if (!grown)
			return -ENOMEM;
		g->buf = grown;
		g->room = room;
	}
	memcpy(g->buf + g->bytes, data, bytes);
	g->bytes += bytes;
	return 0;
}

// --- H.264

static int begin_nal(struct hz_gather *g, uint8_t header)
{
	const uint8_t start[5] = {0, 0, 0, 1, header};
	unsigned type = header & 0x1f;
	g->has_key |= type == HZ_H264_IDR;
	g->has_slice |= type == HZ_H264_IDR || type == 1;
	g->has_sps |= type == HZ_H264_SPS;
	return append(g, start, sizeof(start));
}

static int put_nal(struct hz_gather *g, const uint8_t *nal, size_t bytes)
{
	int err = begin_nal(g, nal[0]);
	return err ? err : append(g, nal + 1, bytes - 1);
}

static int put_fragment(struct hz_gather *g, const uint8_t *p, size_t bytes)
{
	bool start = p[1] & 0x80, last = p[1] & 0x40;
	int err = start == g->fragment ? -EBADMSG : 0; // a second start, or a middle of nothing
	if (!err && start)
		err = begin_nal(g, (uint8_t)((p[0] & 0xe0) | (p[1] & 0x1f)));
	if (!err)
		err = append(g, p + 2, bytes - 2);
	g->fragment = !last;
	return err;
}

static int put_h264(struct hz_gather *g, const uint8_t *p, size_t bytes)
{
	struct hz_h264_info info;
	int err = hz_h264_parse(p, bytes, &info); // bounds, and types that packetization mode 1 has not
	if (err)
		return err;
	unsigned type = p[0] & 0x1f;
	if (type == HZ_H264_FU_A)
		return put_fragment(g, p, bytes);
	if (g->fragment)
		return -EBADMSG;
	if (type != HZ_H264_STAP_A)
		return put_nal(g, p, bytes);
	for (size_t at = 1; at < bytes && !err;) {
		size_t n = hz_get16(p + at);
		err = put_nal(g, p + at + 2, n);
		at += 2 + n;
	}
	return err;
}

// --- VP8

static int put_vp8(struct hz_gather *g, const uint8_t *p, size_t bytes)
{
	struct hz_vp8_descriptor d;
	if (hz_vp8_parse(p, bytes, &d) || d.start != (g->bytes == 0))
		return -EBADMSG;
	if (d.start)
		g->has_key = d.keyframe;
	g->has_slice = true;
	return append(g, p + d.header_bytes, bytes - d.header_bytes);
}

// --- frames

static bool starts(uint8_t codec, const struct hz_mosaic_packet *p)
{
	struct hz_frame_info info;
	return hz_frame_inspect(codec, p->payload, p->bytes, &info) == 0 && info.frame_start;
}

static void begin(struct hz_gather *g, uint8_t codec, const struct hz_mosaic_packet *p)
{
	if (codec != g->codec) {
		g->codec = codec;
		g->need_key = g->fresh = true;
	}
	g->open = true;
	g->said = false;
	g->fragment = g->has_key = g->has_slice = g->has_sps = false;
	g->bytes = 0;
	g->ts = p->ts;
	g->bad = p->gap && !starts(codec, p); // its first part is missing
}

static void finish(struct hz_gather *g)
{
	bool sets = g->codec != HZ_CODEC_VP8 && g->has_sps && !g->has_slice; // parameter sets on their way
	bool key = g->has_key || (g->has_sps && g->has_slice);
	if (!g->open)
		return;
	g->open = false;
	if (g->bad || g->fragment || !g->bytes || (g->need_key && !key && !sets)) {
		g->left_out++;
		g->need_key = true;
		return;
	}
	if (key && !g->said) // who turns pictures says it with each of these (3GPP TS 26.114 7.4.5)
		g->turn = 0;
	memset(g->buf + g->bytes, 0, PADDING);
	const struct hz_gathered frame = {.codec = g->codec,
	                                  .key = key,
	                                  .fresh = g->fresh,
	                                  .turn = g->turn,
	                                  .ts = g->ts,
	                                  .arrival_us = g->arrival_us,
	                                  .data = g->buf,
	                                  .bytes = g->bytes};
	g->fresh = false;
	if (key)
		g->need_key = false;
	g->emit(g->ctx, &frame);
}

void hz_gather_put(struct hz_gather *g, uint8_t codec, const struct hz_mosaic_packet *packet)
{
	codec = codec == HZ_CODEC_VP8 ? codec : HZ_CODEC_H264_CB;
	if (packet->gap) {
		g->bad = g->open; // the end of one, or the begin of the next: both need what is missing
		finish(g);
		g->need_key = true;
	}
	if (!packet->bytes)
		return;
	if (g->open && (packet->ts != g->ts || codec != g->codec))
		finish(g); // its marker was lost with nothing else, or never set
	if (!g->open)
		begin(g, codec, packet);
	g->arrival_us = packet->arrival_us;
	if (packet->turn != HZ_TURN_UNSAID) {
		g->turn = packet->turn;
		g->said = true;
	}
	int err = codec == HZ_CODEC_VP8 ? put_vp8(g, packet->payload, packet->bytes)
	                                : put_h264(g, packet->payload, packet->bytes);
	g->bad |= err != 0;
	if (packet->marker)
		finish(g);
}
