#include "recorder/finalize/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/log.h>

#include "recorder/finalize/frames.h"

#define BEGIN_FRAMES 60  // looked at when a stream begins
#define ALARM_FRAMES 300 // ... and after something odd
#define SAMPLE_TS    (10 * 90000)

struct hz_probe {
	const AVCodec *codec;
	AVCodecContext *decoder; // of the running look; NULL: none
	AVPacket *packet;
	AVFrame *picture;
	uint8_t *config; // that the decoder was opened with
	size_t config_bytes;
	unsigned left;  // frames to look at
	int64_t looked; // timestamp of the newest keyframe that was
	bool ever, audio;
};

static _Thread_local unsigned complaints;

static void on_log(void *avcl, int level, const char *format, va_list ap)
{
	complaints += level <= AV_LOG_ERROR;
}

int hz_probe_new(uint8_t codec, struct hz_probe **ret)
{
	static const enum AVCodecID ids[HZ_CODEC_COUNT] = {
	    [HZ_CODEC_OPUS] = AV_CODEC_ID_OPUS,    [HZ_CODEC_RED] = AV_CODEC_ID_OPUS,
	    [HZ_CODEC_H264_CB] = AV_CODEC_ID_H264, [HZ_CODEC_H264_HIGH] = AV_CODEC_ID_H264,
	    [HZ_CODEC_VP8] = AV_CODEC_ID_VP8,      [HZ_CODEC_VP9] = AV_CODEC_ID_VP9,
	    [HZ_CODEC_AV1] = AV_CODEC_ID_AV1};
	const AVCodec *decoder = codec < HZ_CODEC_COUNT ? avcodec_find_decoder(ids[codec]) : NULL;
	if (!decoder)
		return -ENOTSUP;
	struct hz_probe *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->codec = decoder;
	p->audio = decoder->type == AVMEDIA_TYPE_AUDIO;
	p->packet = av_packet_alloc();
	p->picture = av_frame_alloc();
	p->left = BEGIN_FRAMES;
	if (!p->packet || !p->picture) {
		hz_probe_free(p);
		return -ENOMEM;
	}
	av_log_set_callback(on_log);
	*ret = p;
	return 0;
}

void hz_probe_free(struct hz_probe *probe)
{
	if (!probe)
		return;
	avcodec_free_context(&probe->decoder);
	av_packet_free(&probe->packet);
	av_frame_free(&probe->picture);
	free(probe->config);
	free(probe);
}

void hz_probe_alarm(struct hz_probe *probe)
{
	probe->left = ALARM_FRAMES;
}

static int set_config(struct hz_probe *p, const struct hz_frame *f)
{
	free(p->config);
	p->config = NULL;
	p->config_bytes = 0;
	if (!f->config_bytes)
		return 0;
	p->config = malloc(f->config_bytes);
	if (!p->config)
		return -ENOMEM;
	memcpy(p->config, f->config, f->config_bytes);
	p->config_bytes = f->config_bytes;
	return 0;
}

// Opened as a player does: with what the file's header says.
static bool open_decoder(struct hz_probe *p, const struct hz_frame *f)
{
	avcodec_free_context(&p->decoder);
	if (set_config(p, f) != 0)
		return false;
	AVCodecContext *c = avcodec_alloc_context3(p->codec);
	if (!c)
		return false;
	c->thread_count = 1;
	c->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
	c->flags |= AV_CODEC_FLAG_LOW_DELAY;
	c->sample_rate = p->audio ? 48000 : 0;
	if (p->audio)
		av_channel_layout_default(&c->ch_layout, 2);
	else if (f->config_bytes) {
		c->extradata = av_mallocz(f->config_bytes + AV_INPUT_BUFFER_PADDING_SIZE);
		if (c->extradata) {
			memcpy(c->extradata, f->config, f->config_bytes);
			c->extradata_size = (int)f->config_bytes;
		}
	}
	complaints = 0;
	if (avcodec_open2(c, p->codec, NULL) < 0 || complaints) {
		avcodec_free_context(&c);
		return false;
	}
	p->decoder = c;
	return true;
}

// drain: a keyframe must come out as a picture.
static bool decode(struct hz_probe *p, const struct hz_frame *f, bool drain)
{
	unsigned pictures = 0;
	if (av_new_packet(p->packet, (int)f->bytes) < 0)
		return false;
	memcpy(p->packet->data, f->data, f->bytes);
	complaints = 0;
	int err = avcodec_send_packet(p->decoder, p->packet);
	av_packet_unref(p->packet);
	if (err >= 0 && drain)
		err = avcodec_send_packet(p->decoder, NULL);
	bool good = err >= 0;
	while (good) {
		err = avcodec_receive_frame(p->decoder, p->picture);
		if (err == AVERROR(EAGAIN) || err == AVERROR_EOF)
			break;
		good = err >= 0 && !p->picture->decode_error_flags &&
		       !(p->picture->flags & AV_FRAME_FLAG_CORRUPT);
		if (err >= 0 && !p->audio && drain && f->width)
			good &= p->picture->width > 0 && p->picture->height > 0;
		av_frame_unref(p->picture);
		pictures++;
	}
	if (drain)
		avcodec_flush_buffers(p->decoder);
	return good && !complaints && (pictures || !drain);
}

static bool refuse(struct hz_probe *p)
{
	avcodec_free_context(&p->decoder);
	hz_probe_alarm(p);
	return false;
}

static bool look_at_sound(struct hz_probe *p, const struct hz_frame *f)
{
	if (!p->left)
		return true;
	p->left--;
	if (!p->decoder && !open_decoder(p, f))
		return true; // not this packet's fault
	return decode(p, f, false) ? true : refuse(p);
}

bool hz_probe_frame(struct hz_probe *probe, const struct hz_frame *frame)
{
	struct hz_probe *p = probe;
	const struct hz_frame *f = frame;
	if (p->audio)
		return look_at_sound(p, f);
	if (f->key) {
		bool other = f->config_bytes != p->config_bytes ||
		             (f->config_bytes && memcmp(f->config, p->config, f->config_bytes) != 0);
		bool due = !p->ever || other || f->ts - p->looked >= SAMPLE_TS || f->ts < p->looked;
		if (!p->left && !due)
			return true;
		if ((!p->decoder || other) && !open_decoder(p, f))
			return refuse(p);
		p->ever = true;
		p->looked = f->ts;
		if (!decode(p, f, true))
			return refuse(p);
		if (p->left) { // and again, to go on from here
			p->left--;
			return decode(p, f, false) ? true : refuse(p);
		}
		return true;
	}
	if (!p->left || !p->decoder)
		return true;
	if (--p->left == 0) {
		avcodec_flush_buffers(p->decoder);
		return true;
	}
	return decode(p, f, false) ? true : refuse(p);
}
