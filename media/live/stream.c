#include "media/live/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/ring.h"
#include "media/live/encoder.h"
#include "media/mosaic/packetise.h"
#include "media/picture/blit.h"
#include "media/rtp/packet.h"
#include "media/rtp/rtcp.h"

#define LEAST_BPS 100000u
#define MOST_BPS  4000000u
#define CLOCK_HZ  90000

struct hz_live_stream {
	struct hz_live_sink sink;
	struct hz_live_rendition_set set;
	struct hz_live_encoder *encoder;
	struct hz_canvas canvas;
	uint64_t shown; // what is on the canvas; 0: nothing
	unsigned step;  // pictures made of it
	int64_t put_us, key_us, report_us;
	uint32_t packets, octets, rtp_ts;
	uint16_t seq, picture_id;
	bool wants_key;
};

int hz_live_stream_new(const struct hz_live_sink *sink, struct hz_live_stream **ret)
{
	struct hz_live_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->sink = *sink;
	s->put_us = s->key_us = s->report_us = INT64_MIN / 2;
	*ret = s;
	return 0;
}

void hz_live_stream_free(struct hz_live_stream *stream)
{
	if (!stream)
		return;
	hz_live_encoder_free(stream->encoder);
	hz_canvas_free(&stream->canvas);
	free(stream);
}

const struct hz_live_rendition_set *hz_live_stream_get(const struct hz_live_stream *stream)
{
	return &stream->set;
}

static bool good(const struct hz_live_rendition_set *set)
{
	return set->rendition && set->ssrc && set->pt < 128 && set->side >= 256 && set->side <= 1024 &&
	       set->side % 32 == 0 && (set->codec == HZ_CODEC_H264_CB || set->codec == HZ_CODEC_VP8);
}

static uint32_t rate_of(const struct hz_live_rendition_set *set)
{
	uint32_t bps = set->bitrate_bps ? set->bitrate_bps : HZ_LIVE_RATE_BPS;
	return bps < LEAST_BPS ? LEAST_BPS : bps > MOST_BPS ? MOST_BPS : bps;
}

static int open_all(struct hz_live_stream *s, const struct hz_live_rendition_set *set)
{
	const struct hz_live_encoder_with with = {.codec = set->codec,
	                                          .width = set->side,
	                                          .height = set->side + HZ_LIVE_CAPTION(set->side),
	                                          .bitrate_bps = rate_of(set)};
	struct hz_live_encoder *encoder = NULL;
	struct hz_canvas canvas = {0};
	int err = hz_live_encoder_new(&with, &encoder);
	if (!err)
		err = hz_canvas_new(with.width, with.height, &canvas);
	if (err) {
		hz_live_encoder_free(encoder);
		return err;
	}
	hz_live_encoder_free(s->encoder);
	hz_canvas_free(&s->canvas);
	s->encoder = encoder;
	s->canvas = canvas;
	s->shown = 0;
	s->wants_key = true;
	return 0;
}

int hz_live_stream_set(struct hz_live_stream *stream, const struct hz_live_rendition_set *set)
{
	struct hz_live_stream *s = stream;
	const struct hz_live_rendition_set *was = &s->set;
	if (!good(set))
		return -EINVAL;
	bool other =
	    !s->encoder || was->ssrc != set->ssrc || was->side != set->side || was->codec != set->codec;
	int err = other ? open_all(s, set) : 0;
	if (err)
		return err;
	if (!other && rate_of(was) != rate_of(set))
		hz_live_encoder_rate(s->encoder, rate_of(set));
	if (was->ssrc != set->ssrc)
		s->packets = s->octets = 0;
	s->wants_key |= (set->workers & ~was->workers) != 0; // who has just come waits for one
	s->set = *set;
	return 0;
}

void hz_live_stream_ask(struct hz_live_stream *stream)
{
	stream->wants_key = true;
}

struct hz_canvas *hz_live_stream_canvas(struct hz_live_stream *stream)
{
	return &stream->canvas;
}

void hz_live_stream_shows(struct hz_live_stream *stream, uint64_t drawing)
{
	stream->shown = drawing;
	stream->step = 0;
}

uint64_t hz_live_stream_shown(const struct hz_live_stream *stream)
{
	return stream->shown;
}

// --- time

int64_t hz_live_stream_due(const struct hz_live_stream *stream, uint64_t drawing, int64_t now_us)
{
	const struct hz_live_stream *s = stream;
	if (!s->set.workers || !drawing)
		return INT64_MAX;
	int64_t due_us = s->put_us + HZ_LIVE_REST_US;
	if (s->shown != drawing)
		due_us = s->put_us + HZ_LIVE_FRAME_US;
	else if (s->step < HZ_LIVE_STEPS)
		due_us = s->put_us + HZ_LIVE_REFINE_US;
	int64_t key_us = s->key_us + HZ_LIVE_KEY_US;
	if (s->wants_key && key_us < due_us)
		due_us = key_us;
	return due_us < now_us ? now_us : due_us;
}

// --- pictures

static void on_payload(void *ctx, const uint8_t *payload, size_t bytes, bool last)
{
	struct hz_live_stream *s = ctx;
	uint8_t buf[HZ_RTP_FIXED_BYTES + HZ_PACKETISE_BYTES];
	struct hz_rtp_offsets offsets;
	const struct hz_rtp_header header = {
	    .ts = s->rtp_ts, .ssrc = s->set.ssrc, .seq = s->seq, .pt = s->set.pt, .marker = last};
	if (bytes > HZ_PACKETISE_BYTES ||
	    hz_rtp_write_header(buf, HZ_RTP_FIXED_BYTES, &header, NULL, NULL, &offsets))
		return;
	memcpy(buf + HZ_RTP_FIXED_BYTES, payload, bytes);
	s->seq++;
	s->packets++;
	s->octets += (uint32_t)bytes;
	s->sink.send(s->sink.ctx, s->set.workers, s->set.consult, HZ_RING_RTP, buf,
	             HZ_RTP_FIXED_BYTES + bytes);
}

static void report(struct hz_live_stream *s, const struct hz_live_moment *m)
{
	uint8_t buf[64];
	struct hz_rtcp_writer w;
	const struct hz_sender_info info = {.ntp = hz_ntp_from_us(m->wall_us + HZ_NTP_UNIX_US),
	                                    .rtp_ts = s->rtp_ts,
	                                    .packets = s->packets,
	                                    .octets = s->octets};
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	if (hz_rtcp_write_sr(&w, s->set.ssrc, &info, NULL, 0) == 0)
		s->sink.send(s->sink.ctx, s->set.workers, s->set.consult, HZ_RING_RTCP, buf, w.bytes);
	s->report_us = m->now_us + HZ_LIVE_REPORT_US;
}

int hz_live_stream_put(struct hz_live_stream *stream, const struct hz_live_moment *moment, bool *ret_key)
{
	struct hz_live_stream *s = stream;
	const struct hz_packetise_sink sink = {s, on_payload};
	struct hz_live_encoded picture;
	*ret_key = false;
	if (!s->set.workers || !s->shown)
		return 0;
	bool key = s->wants_key && moment->now_us - s->key_us >= HZ_LIVE_KEY_US;
	if (key)
		s->step = 0; // coarse, as much as its rate gives, and refined again
	int err = hz_live_encoder_put(s->encoder, &s->canvas, s->step, key, &picture);
	s->put_us = moment->now_us;
	if (err) {
		(void)open_all(s, &s->set); // where that fails, too, the old one is tried again
		return err;
	}
	s->step += s->step < HZ_LIVE_STEPS;
	if (picture.key) {
		s->key_us = moment->now_us;
		s->wants_key = false;
	}
	*ret_key = picture.key;
	s->rtp_ts = (uint32_t)(uint64_t)(moment->now_us * (CLOCK_HZ / 1000) / 1000);
	if (s->set.codec == HZ_CODEC_VP8)
		hz_packetise_vp8(picture.data, picture.bytes, s->picture_id++, &sink);
	else
		hz_packetise_h264(picture.data, picture.bytes, &sink);
	if (moment->now_us >= s->report_us)
		report(s, moment);
	return 1;
}
