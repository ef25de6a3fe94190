#include "media/mosaic/rendition.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/ring.h"
#include "media/mosaic/encoder.h"
#include "media/mosaic/packetise.h"
#include "media/mosaic/solo.h"
#include "media/picture/blit.h"
#include "media/rtp/packet.h"
#include "media/rtp/rtcp.h"

#define BITRATE_MOST  6000000u
#define BITRATE_LEAST 100000u

struct hz_rendition {
	struct hz_rendition_sink sink;
	struct hz_mosaic_rendition_set set;
	struct hz_encoder *encoder;
	struct hz_blit *blit;
	struct hz_canvas small; // of its size; empty at full size
	int64_t number, key_us, report_us;
	uint32_t packets, octets, rtp_ts;
	uint16_t seq, picture_id;
	bool wants_key;
};

int hz_rendition_new(const struct hz_rendition_sink *sink, struct hz_rendition **ret)
{
	struct hz_rendition *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->sink = *sink;
	r->blit = hz_blit_new_fast();
	if (!r->blit) {
		free(r);
		return -ENOMEM;
	}
	r->key_us = INT64_MIN / 2;
	*ret = r;
	return 0;
}

void hz_rendition_free(struct hz_rendition *rendition)
{
	if (!rendition)
		return;
	hz_encoder_free(rendition->encoder);
	hz_blit_free(rendition->blit);
	hz_canvas_free(&rendition->small);
	free(rendition);
}

const struct hz_mosaic_rendition_set *hz_rendition_get(const struct hz_rendition *rendition)
{
	return &rendition->set;
}

// --- what is wanted

static uint32_t bitrate_of(const struct hz_mosaic_rendition_set *set)
{
	uint32_t usual = set->height == 720 ? 1600000 : set->height == 540 ? 1000000 : 600000;
	uint32_t bps = set->bitrate_bps ? set->bitrate_bps : usual;
	return bps < BITRATE_LEAST ? BITRATE_LEAST : bps > BITRATE_MOST ? BITRATE_MOST : bps;
}

static bool good(const struct hz_mosaic_rendition_set *set)
{
	return set->ssrc && set->pt < 128 &&
	       (set->height == 360 || set->height == 540 || set->height == 720) &&
	       (set->codec == HZ_CODEC_H264_CB || set->codec == HZ_CODEC_VP8) && hz_solo_good(set);
}

static int open_encoder(struct hz_rendition *r, const struct hz_mosaic_rendition_set *set)
{
	const struct hz_encoder_with with = {.codec = set->codec,
	                                     .width = set->height * 16 / 9,
	                                     .height = set->height,
	                                     .bitrate_bps = bitrate_of(set)};
	struct hz_canvas small = {0};
	struct hz_encoder *encoder = NULL;
	int err = hz_encoder_new(&with, &encoder);
	if (!err && set->height != 720)
		err = hz_canvas_new(with.width, with.height, &small);
	if (err) {
		hz_encoder_free(encoder);
		return err;
	}
	hz_encoder_free(r->encoder);
	hz_canvas_free(&r->small);
	r->encoder = encoder;
	r->small = small;
	return 0;
}

int hz_rendition_set(struct hz_rendition *rendition, const struct hz_mosaic_rendition_set *set)
{
	struct hz_rendition *r = rendition;
	const struct hz_mosaic_rendition_set *was = &r->set;
	if (!good(set))
		return -EINVAL;
	if (was->ssrc && (was->codec != set->codec || !hz_solo_same(was, set)))
		return -EEXIST;
	bool other = was->ssrc != set->ssrc || was->height != set->height;
	int err = 0;
	if (!r->encoder || other || bitrate_of(was) != bitrate_of(set))
		err = open_encoder(r, set);
	if (err)
		return err;
	if (was->ssrc != set->ssrc)
		r->packets = r->octets = 0;
	r->wants_key |= (set->workers & ~was->workers) != 0; // who has just come waits for one
	r->set = *set;
	return 0;
}

void hz_rendition_ask(struct hz_rendition *rendition)
{
	rendition->wants_key = true;
}

// --- pictures

static void on_payload(void *ctx, const uint8_t *payload, size_t bytes, bool last)
{
	struct hz_rendition *r = ctx;
	uint8_t buf[HZ_RTP_FIXED_BYTES + HZ_PACKETISE_BYTES];
	struct hz_rtp_offsets offsets;
	const struct hz_rtp_header header = {
	    .ts = r->rtp_ts, .ssrc = r->set.ssrc, .seq = r->seq, .pt = r->set.pt, .marker = last};
	if (bytes > HZ_PACKETISE_BYTES ||
	    hz_rtp_write_header(buf, HZ_RTP_FIXED_BYTES, &header, NULL, NULL, &offsets))
		return;
	memcpy(buf + HZ_RTP_FIXED_BYTES, payload, bytes);
	r->seq++;
	r->packets++;
	r->octets += (uint32_t)bytes;
	r->sink.send(r->sink.ctx, r->set.workers, HZ_RING_RTP, buf, HZ_RTP_FIXED_BYTES + bytes);
}

// It names this moment, as every sender's does, and the timestamp of what is captured now, which is shown when it is as old as the age.
void hz_rendition_report(struct hz_rendition *rendition, const struct hz_rendition_moment *m)
{
	struct hz_rendition *r = rendition;
	uint8_t buf[64];
	struct hz_rtcp_writer w;
	if (!r->packets || !r->set.workers || m->now_us < r->report_us)
		return;
	const struct hz_sender_info info = {.ntp = hz_ntp_from_us(m->wall_us + HZ_NTP_UNIX_US),
	                                    .rtp_ts = m->rtp_ts + (uint32_t)(m->age_us * 9 / 100),
	                                    .packets = r->packets,
	                                    .octets = r->octets};
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	if (hz_rtcp_write_sr(&w, r->set.ssrc, &info, NULL, 0) == 0)
		r->sink.send(r->sink.ctx, r->set.workers, HZ_RING_RTCP, buf, w.bytes);
	r->report_us = m->now_us + HZ_RENDITION_REPORT_US;
}

static void packetise(struct hz_rendition *r, const struct hz_encoded *picture)
{
	const struct hz_packetise_sink sink = {r, on_payload};
	if (r->set.codec == HZ_CODEC_VP8)
		hz_packetise_vp8(picture->data, picture->bytes, r->picture_id++, &sink);
	else
		hz_packetise_h264(picture->data, picture->bytes, &sink);
}

int hz_rendition_put(struct hz_rendition *rendition, const struct hz_canvas *canvas,
                     const struct hz_rendition_moment *moment, bool *ret_key)
{
	struct hz_rendition *r = rendition;
	struct hz_encoded picture;
	*ret_key = false;
	if (!r->set.workers)
		return 0;
	if (!r->encoder) { // it failed
		int err = open_encoder(r, &r->set);
		if (err)
			return err;
	}
	if (r->small.width) {
		const struct hz_rect all = {0, 0, r->small.width, r->small.height};
		int err = hz_blit_canvas(r->blit, &r->small, all, canvas);
		if (err)
			return err;
		canvas = &r->small;
	}
	bool key = r->wants_key && moment->now_us - r->key_us >= HZ_RENDITION_KEY_US;
	int err = hz_encoder_put(r->encoder, canvas, r->number++, key, &picture);
	if (err) {
		hz_encoder_free(r->encoder);
		r->encoder = NULL;
		return err;
	}
	if (picture.key) {
		r->key_us = moment->now_us;
		r->wants_key = false;
	}
	*ret_key = picture.key;
	r->rtp_ts = moment->rtp_ts;
	packetise(r, &picture);
	return 1;
}
