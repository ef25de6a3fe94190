#include "media/mosaic/encoder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>

#include "media/api.h"

#define GROUP (10 * HZ_ENCODER_HZ)

struct hz_encoder {
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame;
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
	const AVCodec *codec = avcodec_find_encoder_by_name(vp8 ? "libvpx" : "libx264");
	if (!codec)
		return -ENOTSUP;
	AVCodecContext *c = e->codec = avcodec_alloc_context3(codec);
	if (!c)
		return -ENOMEM;
	c->width = with->width;
	c->height = with->height;
	c->pix_fmt = AV_PIX_FMT_YUV420P;
	c->time_base = (AVRational){1, HZ_ENCODER_HZ};
	c->framerate = (AVRational){HZ_ENCODER_HZ, 1};
	c->sample_aspect_ratio = (AVRational){1, 1};
	c->color_range = AVCOL_RANGE_MPEG;
	c->colorspace = AVCOL_SPC_SMPTE170M; // what browsers make of cameras
	c->color_primaries = AVCOL_PRI_SMPTE170M;
	c->color_trc = AVCOL_TRC_SMPTE170M;
	c->gop_size = GROUP;
	c->max_b_frames = 0;
	c->thread_count = 1;
	c->bit_rate = c->rc_max_rate = with->bitrate_bps;
	if (vp8)
		set_vpx(c);
	else
		set_x264(c);
	return avcodec_open2(c, codec, NULL) < 0 ? -ENOTSUP : 0;
}

int hz_encoder_new(const struct hz_encoder_with *with, struct hz_encoder **ret)
{
	struct hz_encoder *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->packet = av_packet_alloc();
	e->frame = av_frame_alloc();
	int err = e->packet && e->frame ? open_codec(e, with) : -ENOMEM;
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
	avcodec_free_context(&encoder->codec);
	av_packet_free(&encoder->packet);
	av_frame_free(&encoder->frame);
	free(encoder);
}

// Both encoders copy the picture before avcodec_send_frame() returns: the canvas is drawn on again.
static void as_frame(const struct hz_canvas *canvas, AVFrame *f)
{
	f->width = canvas->width;
	f->height = canvas->height;
	f->format = AV_PIX_FMT_YUV420P;
	for (int i = 0; i < 3; i++) {
		f->data[i] = canvas->plane[i];
		f->linesize[i] = canvas->stride[i];
	}
}

int hz_encoder_put(struct hz_encoder *encoder, const struct hz_canvas *canvas, int64_t number, bool key,
                   struct hz_encoded *ret)
{
	as_frame(canvas, encoder->frame);
	encoder->frame->pts = number;
	encoder->frame->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
	int err = avcodec_send_frame(encoder->codec, encoder->frame);
	av_packet_unref(encoder->packet);
	if (err >= 0)
		err = avcodec_receive_packet(encoder->codec, encoder->packet);
	if (err < 0)
		return -EIO;
	*ret = (struct hz_encoded){.data = encoder->packet->data,
	                           .bytes = (size_t)encoder->packet->size,
	                           .key = encoder->packet->flags & AV_PKT_FLAG_KEY};
	return 0;
}
