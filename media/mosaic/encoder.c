#include "media/mosaic/encoder.h"

#include <errno.h>
#include <stdlib.h>

#include <libavutil/opt.h>

#include "media/api.h"
#include "media/mosaic/encoding.h"

#define GROUP (10 * HZ_ENCODER_HZ)

struct hz_encoder {
	struct hz_encoding is;
};

static void set_x264(AVCodecContext *c)
{
	av_opt_set(c->priv_data, "preset", "superfast", 0);
	av_opt_set(c->priv_data, "tune", "zerolatency", 0);
	av_opt_set(c->priv_data, "profile", "baseline", 0);
	av_opt_set(c->priv_data, "forced-idr", "1", 0);
	av_opt_set(c->priv_data, "level", "3.1", 0);
	av_opt_set(c->priv_data, "x264-params", "scenecut=0:sliced-threads=0:sync-lookahead=0", 0);
	c->rc_buffer_size = (int)(c->bit_rate / 2);
}

// Speed -8 is a fixed one; positive ones adapt to a clock of their own.
static void set_vpx(AVCodecContext *c)
{
	av_opt_set(c->priv_data, "deadline", "realtime", 0);
	av_opt_set(c->priv_data, "cpu-used", "-8", 0);
	av_opt_set(c->priv_data, "lag-in-frames", "0", 0);
	av_opt_set(c->priv_data, "static-thresh", "100", 0);
	av_opt_set(c->priv_data, "max-intra-rate", "600", 0);
	c->rc_min_rate = c->bit_rate;
	c->rc_buffer_size = (int)(c->bit_rate / 2);
	c->rc_initial_buffer_occupancy = c->rc_buffer_size * 2 / 3;
	c->qmin = 4;
	c->qmax = 56;
}

static int open_codec(struct hz_encoder *e, const struct hz_encoder_with *with)
{
	bool vp8 = with->codec == HZ_CODEC_VP8;
	int err =
	    hz_encoding_choose(&e->is, vp8 ? "libvpx" : "libx264", with->width, with->height, HZ_ENCODER_HZ);
	if (err)
		return err;
	AVCodecContext *c = e->is.codec;
	c->sample_aspect_ratio = (AVRational){1, 1};
	c->gop_size = GROUP;
	c->bit_rate = c->rc_max_rate = with->bitrate_bps;
	if (vp8)
		set_vpx(c);
	else
		set_x264(c);
	return hz_encoding_open(&e->is);
}

int hz_encoder_new(const struct hz_encoder_with *with, struct hz_encoder **ret)
{
	struct hz_encoder *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	int err = hz_encoding_init(&e->is);
	if (!err)
		err = open_codec(e, with);
	if (err)
		hz_encoder_free(e);
	else
		*ret = e;
	return err;
}

void hz_encoder_free(struct hz_encoder *encoder)
{
	if (!encoder)
		return;
	hz_encoding_done(&encoder->is);
	free(encoder);
}

int hz_encoder_put(struct hz_encoder *encoder, const struct hz_canvas *canvas, int64_t number, bool key,
                   struct hz_encoded *ret)
{
	int err = hz_encoding_put(&encoder->is, canvas, number, key);
	if (err)
		return err;
	const AVPacket *packet = encoder->is.packet;
	*ret = (struct hz_encoded){
	    .data = packet->data, .bytes = (size_t)packet->size, .key = packet->flags & AV_PKT_FLAG_KEY};
	return 0;
}
