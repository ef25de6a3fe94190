#include "media/mosaic/encoding.h"

#include <errno.h>

int hz_encoding_init(struct hz_encoding *encoding)
{
	encoding->packet = av_packet_alloc();
	encoding->frame = av_frame_alloc();
	return encoding->packet && encoding->frame ? 0 : -ENOMEM;
}

void hz_encoding_done(struct hz_encoding *encoding)
{
	avcodec_free_context(&encoding->codec);
	av_packet_free(&encoding->packet);
	av_frame_free(&encoding->frame);
}

int hz_encoding_choose(struct hz_encoding *encoding, const char *encoder, int width, int height, int hz)
{
	const AVCodec *codec = avcodec_find_encoder_by_name(encoder);
	if (!codec)
		return -ENOTSUP;
	AVCodecContext *c = encoding->codec = avcodec_alloc_context3(codec);
	if (!c)
		return -ENOMEM;
	c->width = width;
	c->height = height;
	c->time_base = (AVRational){1, hz};
	c->framerate = (AVRational){hz, 1};
	c->pix_fmt = AV_PIX_FMT_YUV420P;
	c->color_range = AVCOL_RANGE_MPEG;
	c->colorspace = AVCOL_SPC_SMPTE170M; // what browsers make of cameras
	c->color_primaries = AVCOL_PRI_SMPTE170M;
	c->color_trc = AVCOL_TRC_SMPTE170M;
	c->max_b_frames = 0;
	c->thread_count = 1;
	return 0;
}

int hz_encoding_open(const struct hz_encoding *encoding)
{
	return avcodec_open2(encoding->codec, encoding->codec->codec, NULL) < 0 ? -ENOTSUP : 0;
}

// All encoders copy the picture before avcodec_send_frame() returns: the canvas is drawn on again.
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

int hz_encoding_put(const struct hz_encoding *encoding, const struct hz_canvas *canvas, int64_t number,
                    bool key)
{
	as_frame(canvas, encoding->frame);
	encoding->frame->pts = number;
	encoding->frame->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
	int err = avcodec_send_frame(encoding->codec, encoding->frame);
	av_packet_unref(encoding->packet);
	if (err >= 0)
		err = avcodec_receive_packet(encoding->codec, encoding->packet);
	return err < 0 ? -EIO : 0;
}
