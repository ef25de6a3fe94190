#include "media/mosaic/decoder.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <libavcodec/avcodec.h>

#include "media/api.h"

struct hz_decoder {
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame;
};

int hz_decoder_new(uint8_t codec, struct hz_decoder **ret)
{
	bool h264 = codec == HZ_CODEC_H264_CB || codec == HZ_CODEC_H264_HIGH;
	const AVCodec *c = avcodec_find_decoder(h264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_VP8);
	if (!c || (!h264 && codec != HZ_CODEC_VP8))
		return -ENOTSUP;
	struct hz_decoder *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->codec = avcodec_alloc_context3(c);
	d->packet = av_packet_alloc();
	d->frame = av_frame_alloc();
	int err = d->codec && d->packet && d->frame ? 0 : -ENOMEM;
	if (!err) {
		d->codec->thread_count = 1;
		d->codec->flags |= AV_CODEC_FLAG_LOW_DELAY;
		// Cropped as browsers do, also at an odd left edge: masks were drawn on what they show.
		d->codec->flags |= AV_CODEC_FLAG_UNALIGNED;
		d->codec->max_pixels = HZ_DECODER_PIXELS;
		d->codec->err_recognition = AV_EF_CAREFUL;
		err = avcodec_open2(d->codec, c, NULL) < 0 ? -ENOMEM : 0;
	}
	if (err)
		hz_decoder_free(d);
	else
		*ret = d;
	return err;
}

void hz_decoder_free(struct hz_decoder *decoder)
{
	if (!decoder)
		return;
	avcodec_free_context(&decoder->codec);
	av_packet_free(&decoder->packet);
	av_frame_free(&decoder->frame);
	free(decoder);
}

static bool is_whole(const AVFrame *f)
{
	return !f->decode_error_flags && !(f->flags & AV_FRAME_FLAG_CORRUPT) && f->width > 0 && f->height > 0;
}

// All pictures that are there; the newest is kept.
static int receive(struct hz_decoder *d, AVFrame *ret)
{
	int got = 0, err;
	while ((err = avcodec_receive_frame(d->codec, d->frame)) >= 0) {
		if (!is_whole(d->frame)) {
			av_frame_unref(d->frame);
			return -EBADMSG;
		}
		av_frame_unref(ret);
		av_frame_move_ref(ret, d->frame);
		got = 1;
	}
	return err == AVERROR(EAGAIN) ? got : -EBADMSG;
}

int hz_decoder_put(struct hz_decoder *decoder, uint8_t *data, size_t bytes, uint32_t ts, AVFrame *ret)
{
	AVPacket *p = decoder->packet;
	p->data = data;
	p->size = (int)bytes;
	p->pts = p->dts = ts;
	int err = avcodec_send_packet(decoder->codec, p);
	p->data = NULL;
	p->size = 0;
	av_packet_unref(p);
	int got = receive(decoder, ret);
	return err < 0 ? -EBADMSG : got;
}
