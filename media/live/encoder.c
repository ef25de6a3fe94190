#include "media/live/encoder.h"

#include <errno.h>
#include <stdlib.h>

#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>

#include "media/api.h"
#include "media/mosaic/encoder.h"

#define GROUP 100000 // no keyframe but those that are asked for: a picture at rest costs nothing

struct hz_live_encoder {
	AVCodecContext *codec; // x264
	AVPacket *packet;
	AVFrame *frame;
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
// are dropped.
static void set_x264(AVCodecContext *c)
{
	av_opt_set(c->priv_data, "preset", "superfast", 0);
	av_opt_set(c->priv_data, "tune", "zerolatency", 0);
	av_opt_set(c->priv_data, "profile", "baseline", 0);
	av_opt_set(c->priv_data, "forced-idr", "1", 0);
	av_opt_set(c->priv_data, "x264-params",
	           "scenecut=0:sliced-threads=0:sync-lookahead=0:chroma-me=0:dct-decimate=0:fast-pskip=0", 0);
	av_opt_set_double(c->priv_data, "crf", fineness[0], 0);
}

static void set_rate(AVCodecContext *c, uint32_t bitrate_bps)
{
	c->rc_max_rate = bitrate_bps;
	c->rc_buffer_size = (int)(bitrate_bps / 4);
}

static int open_x264(struct hz_live_encoder *e, const struct hz_live_encoder_with *with)
{
	const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
	if (!codec)
		return -ENOTSUP;
	AVCodecContext *c = e->codec = avcodec_alloc_context3(codec);
	if (!c)
		return -ENOMEM;
	c->width = with->width;
	c->height = with->height;
	c->time_base = (AVRational){1, HZ_LIVE_HZ};
	c->framerate = (AVRational){HZ_LIVE_HZ, 1};
	c->pix_fmt = AV_PIX_FMT_YUV420P;
	c->color_range = AVCOL_RANGE_MPEG;
	c->colorspace = AVCOL_SPC_SMPTE170M;
	c->color_primaries = AVCOL_PRI_SMPTE170M;
	c->color_trc = AVCOL_TRC_SMPTE170M;
	c->gop_size = GROUP;
	c->max_b_frames = 0;
	c->thread_count = 1;
	set_rate(c, with->bitrate_bps);
	set_x264(c);
	return avcodec_open2(c, codec, NULL) < 0 ? -ENOTSUP : 0;
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
	e->packet = av_packet_alloc();
	e->frame = av_frame_alloc();
	int err = !e->packet || !e->frame           ? -ENOMEM
	          : with->codec == HZ_CODEC_H264_CB ? open_x264(e, with)
	          : with->codec == HZ_CODEC_VP8     ? open_plain(e, with)
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
	avcodec_free_context(&encoder->codec);
	av_packet_free(&encoder->packet);
	av_frame_free(&encoder->frame);
	hz_encoder_free(encoder->plain);
	free(encoder);
}

void hz_live_encoder_rate(struct hz_live_encoder *encoder, uint32_t bitrate_bps)
{
	if (encoder->codec) // VP8 keeps its own
		set_rate(encoder->codec, bitrate_bps);
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
	AVFrame *f = e->frame;
	if (e->plain)
		return put_plain(e, canvas, key, ret);
	f->width = canvas->width;
	f->height = canvas->height;
	f->format = AV_PIX_FMT_YUV420P;
	for (int i = 0; i < 3; i++) { // x264 copies before it returns
		f->data[i] = canvas->plane[i];
		f->linesize[i] = canvas->stride[i];
	}
	f->pts = e->number++;
	f->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
	av_opt_set_double(e->codec->priv_data, "crf",
	                  fineness[step < HZ_LIVE_STEPS ? step : HZ_LIVE_STEPS - 1], 0);
	int err = avcodec_send_frame(e->codec, f);
	av_packet_unref(e->packet);
	if (err >= 0)
		err = avcodec_receive_packet(e->codec, e->packet);
	if (err < 0)
		return -EIO;
	*ret = (struct hz_live_encoded){.data = e->packet->data,
	                                .bytes = (size_t)e->packet->size,
	                                .key = e->packet->flags & AV_PKT_FLAG_KEY};
	return 0;
}
