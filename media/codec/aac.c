#include "media/codec/aac.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <opus/opus.h>

#define HZ      48000
#define FRAME   1024  // samples of AAC
#define MOST    5760  // samples of an Opus packet
#define HOLE_US 40000 // farther than this from what was expected, it begins anew

struct hz_aac_encoder {
	struct hz_aac_ops ops;
	OpusDecoder *opus;
	AVCodecContext *codec;
	AVFrame *frame;
	AVPacket *packet;
	float sample[FRAME + MOST];
	unsigned count; // that wait
	bool begun;
	int64_t next; // of sample[0], in samples of the caller's clock
};

static int64_t to_samples(int64_t us)
{
	return us / 1000000 * HZ + us % 1000000 * 6 / 125;
}

static int64_t to_us(int64_t samples)
{
	return samples / HZ * 1000000 + samples % HZ * 125 / 6;
}

static int open_codec(struct hz_aac_encoder *a)
{
	const AVCodec *codec = avcodec_find_encoder_by_name("aac");
	if (!codec)
		return -ENOTSUP;
	AVCodecContext *c = a->codec = avcodec_alloc_context3(codec);
	if (!c)
		return -ENOMEM;
	c->sample_rate = HZ;
	c->sample_fmt = AV_SAMPLE_FMT_FLTP;
	c->bit_rate = HZ_AAC_BITRATE;
	c->time_base = (AVRational){1, HZ};
	c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	c->thread_count = 1;
	av_channel_layout_default(&c->ch_layout, 1);
	if (avcodec_open2(c, codec, NULL) < 0 || c->frame_size != FRAME || !c->extradata_size)
		return -ENOTSUP;
	a->frame->nb_samples = FRAME;
	a->frame->format = c->sample_fmt;
	a->frame->sample_rate = HZ;
	int err = av_channel_layout_copy(&a->frame->ch_layout, &c->ch_layout);
	return err < 0 || av_frame_get_buffer(a->frame, 0) < 0 ? -ENOMEM : 0;
}

int hz_aac_new(const struct hz_aac_ops *ops, struct hz_aac_encoder **ret)
{
	struct hz_aac_encoder *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	int opus = 0;
	a->ops = *ops;
	a->opus = opus_decoder_create(HZ, 1, &opus);
	a->frame = av_frame_alloc();
	a->packet = av_packet_alloc();
	int err = a->opus && a->frame && a->packet ? open_codec(a) : -ENOMEM;
	if (err)
		hz_aac_free(a);
	else
		*ret = a;
	return err;
}

void hz_aac_free(struct hz_aac_encoder *a)
{
	if (!a)
		return;
	if (a->opus)
		opus_decoder_destroy(a->opus);
	avcodec_free_context(&a->codec);
	av_frame_free(&a->frame);
	av_packet_free(&a->packet);
	free(a);
}

const uint8_t *hz_aac_config(const struct hz_aac_encoder *a, size_t *ret_bytes)
{
	*ret_bytes = (size_t)a->codec->extradata_size;
	return a->codec->extradata;
}

static int encode(struct hz_aac_encoder *a, unsigned at)
{
	if (av_frame_make_writable(a->frame) < 0)
		return -ENOMEM;
	memcpy(a->frame->data[0], a->sample + at, FRAME * sizeof(float));
	a->frame->pts = a->next + at;
	if (avcodec_send_frame(a->codec, a->frame) < 0)
		return -ENOMEM;
	while (avcodec_receive_packet(a->codec, a->packet) == 0) {
		const struct hz_aac_frame out = {.data = a->packet->data,
		                                 .bytes = (size_t)a->packet->size,
		                                 .at_us = to_us(a->packet->pts)};
		a->ops.frame(a->ops.ctx, &out);
		av_packet_unref(a->packet);
	}
	return 0;
}

int hz_aac_push(struct hz_aac_encoder *a, const uint8_t *data, size_t bytes, int64_t at_us)
{
	int64_t expected_us = to_us(a->next + a->count);
	int err = 0;
	if (!a->begun || at_us > expected_us + HOLE_US || at_us < expected_us - HOLE_US) {
		a->begun = true;
		a->count = 0;
		a->next = to_samples(at_us);
	}
	int got = bytes && bytes <= INT32_MAX
	              ? opus_decode_float(a->opus, data, (opus_int32)bytes, a->sample + a->count, MOST, 0)
	              : OPUS_INVALID_PACKET;
	if (got < 0) { // 20 ms
		err = -EBADMSG;
		got = 960;
		memset(a->sample + a->count, 0, 960 * sizeof(float));
	}
	unsigned at = 0;
	a->count += (unsigned)got;
	for (; !(err && err != -EBADMSG) && a->count - at >= FRAME; at += FRAME) {
		int bad = encode(a, at);
		err = bad ? bad : err;
	}
	a->count -= at;
	a->next += at;
	memmove(a->sample, a->sample + at, a->count * sizeof(float));
	return err;
}
