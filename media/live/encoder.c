#include "media/live/encoder.h"

#include <errno.h>
#include <stdlib.h>

#include <libavutil/log.h>
#include <libavutil/opt.h>

#include "media/api.h"
#include "media/mosaic/encoder.h"
#include "media/mosaic/encoding.h"

#define GROUP 100000 // no keyframe but those that are asked for: a picture at rest costs nothing

struct hz_live_encoder {
	struct hz_encoding x264;
	struct hz_encoder *plain; // VP8, as in the composed picture
	int64_t number;
};

void hz_live_encoder_quiet(void)
{
	av_log_set_level(AV_LOG_QUIET);
}

// Constant rate factors. What moves is coarse anyhow where the rate ends; what rests is refined to where no eye finds more.
static const double fineness[HZ_LIVE_STEPS] = {20, 17, 15, 14, 13, 12, 11, 10, 9, 8, 8, 8};

// Greys have no colour to look for motion in; noise at low contrast is texture here, not nothing, so no coefficients of it
// are dropped. With the deblocking filter on the fastest search is nearly as like the image (docs/performance.md).
static void set_x264(AVCodecContext *c)
{
	av_opt_set(c->priv_data, "preset", "ultrafast", 0);
	av_opt_set(c->priv_data, "tune", "zerolatency", 0);
	av_opt_set(c->priv_data, "profile", "baseline", 0);
	av_opt_set(c->priv_data, "forced-idr", "1", 0);
	av_opt_set(c->priv_data, "x264-params",
	           "scenecut=0:sliced-threads=0:sync-lookahead=0:chroma-me=0:dct-decimate=0:fast-pskip=0:"
	           "no-deblock=0:deblock=0,0",
	           0);
	av_opt_set_double(c->priv_data, "crf", fineness[0], 0);
}

static void set_rate(AVCodecContext *c, uint32_t bitrate_bps)
{
	c->rc_max_rate = bitrate_bps;
	c->rc_buffer_size = (int)(bitrate_bps / 4);
}

static int open_x264(struct hz_live_encoder *e, const struct hz_live_encoder_with *with)
{
	int err = hz_encoding_choose(&e->x264, "libx264", with->width, with->height, HZ_LIVE_HZ);
	if (err)
		return err;
	AVCodecContext *c = e->x264.codec;
	c->gop_size = GROUP;
	set_rate(c, with->bitrate_bps);
	set_x264(c);
	return hz_encoding_open(&e->x264);
}

static int open_plain(struct hz_live_encoder *e, const struct hz_live_encoder_with *with)
{
	const struct hz_encoder_with plain = {.codec = with->codec,
	                                      .width = with->width,
	                                      .height = with->height,
	                                      .bitrate_bps = with->bitrate_bps};
	return hz_encoder_new(&plain, &e->plain);
}

int hz_live_encoder_new(const struct hz_live_encoder_with *with, struct hz_live_encoder **ret)
{
	struct hz_live_encoder *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	int err = hz_encoding_init(&e->x264);
	if (!err)
		err = with->codec == HZ_CODEC_H264_CB ? open_x264(e, with)
		      : with->codec == HZ_CODEC_VP8   ? open_plain(e, with)
		                                      : -ENOTSUP;
	if (err)
		hz_live_encoder_free(e);
	else
		*ret = e;
	return err;
}

void hz_live_encoder_free(struct hz_live_encoder *encoder)
{
	if (!encoder)
		return;
	hz_encoding_done(&encoder->x264);
	hz_encoder_free(encoder->plain);
	free(encoder);
}

void hz_live_encoder_rate(struct hz_live_encoder *encoder, uint32_t bitrate_bps)
{
	if (encoder->x264.codec) // VP8 keeps its own
		set_rate(encoder->x264.codec, bitrate_bps);
}

static int put_plain(struct hz_live_encoder *e, const struct hz_canvas *canvas, bool key,
                     struct hz_live_encoded *ret)
{
	struct hz_encoded picture;
	int err = hz_encoder_put(e->plain, canvas, e->number++, key, &picture);
	if (err)
		return err;
	*ret = (struct hz_live_encoded){picture.data, picture.bytes, picture.key};
	return 0;
}

int hz_live_encoder_put(struct hz_live_encoder *encoder, const struct hz_canvas *canvas, unsigned step,
                        bool key, struct hz_live_encoded *ret)
{
	struct hz_live_encoder *e = encoder;
	const AVPacket *packet = e->x264.packet;
	if (e->plain)
		return put_plain(e, canvas, key, ret);
	av_opt_set_double(e->x264.codec->priv_data, "crf",
	                  fineness[step < HZ_LIVE_STEPS ? step : HZ_LIVE_STEPS - 1], 0);
	int err = hz_encoding_put(&e->x264, canvas, e->number++, key);
	if (err)
		return err;
	*ret = (struct hz_live_encoded){
	    .data = packet->data, .bytes = (size_t)packet->size, .key = packet->flags & AV_PKT_FLAG_KEY};
	return 0;
}
