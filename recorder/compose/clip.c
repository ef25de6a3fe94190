#include "recorder/compose/clip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

struct hz_clip {
	AVFormatContext *format;
	AVCodecContext *codec;
	AVPacket *packet;
	const AVStream *stream;
	const char *path; // the caller's
	int64_t until_us; // of keys_only
	bool keys_only, wait_key, drained;
	bool held; // packet is read and waits
};

static bool is_taken(enum AVCodecID id, bool video)
{
	if (!video)
		return id == AV_CODEC_ID_OPUS;
	return id == AV_CODEC_ID_H264 || id == AV_CODEC_ID_VP8 || id == AV_CODEC_ID_VP9 ||
	       id == AV_CODEC_ID_AV1;
}

static int bad(char *error, const char *path, const char *why)
{
	snprintf(error, HZ_CLIP_ERROR, "%.160s: %s: finalise the record again", path, why);
	return -EBADMSG;
}

static int open_file(struct hz_clip *c, const char *path, char *error)
{
	char url[300];
	AVDictionary *options = NULL;
	snprintf(url, sizeof(url), "file:%s", path);
	av_dict_set(&options, "protocol_whitelist", "file", 0);
	av_dict_set(&options, "format_whitelist", "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm", 0);
	av_dict_set(&options, "codec_whitelist", "none", 0); // nothing is decoded to look at it
	av_dict_set(&options, "max_streams", "4", 0);
	int err = avformat_open_input(&c->format, url, NULL, &options);
	av_dict_free(&options);
	if (err == AVERROR(ENOMEM))
		return -ENOMEM;
	return err < 0 ? bad(error, path, "not an MP4 or WebM file") : 0;
}

static int find_stream(struct hz_clip *c, bool video, const char *path, char *error)
{
	enum AVMediaType type = video ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
	for (unsigned i = 0; i < c->format->nb_streams; i++) {
		AVStream *s = c->format->streams[i];
		if (!c->stream && s->codecpar->codec_type == type)
			c->stream = s;
		else
			s->discard = AVDISCARD_ALL;
	}
	if (!c->stream)
		return bad(error, path, video ? "has no picture" : "has no sound");
	if (!is_taken(c->stream->codecpar->codec_id, video))
		return bad(error, path, "its codec is none that is recorded");
	return 0;
}

static int open_codec(struct hz_clip *c, const char *path, char *error)
{
	const AVCodec *codec = avcodec_find_decoder(c->stream->codecpar->codec_id);
	if (!codec)
		return bad(error, path, "libavcodec has no decoder for it");
	c->codec = avcodec_alloc_context3(codec);
	c->packet = av_packet_alloc();
	if (!c->codec || !c->packet || avcodec_parameters_to_context(c->codec, c->stream->codecpar) < 0)
		return -ENOMEM;
	c->codec->thread_count = 1;
	c->codec->max_pixels = HZ_CLIP_PIXELS;
	c->codec->pkt_timebase = c->stream->time_base;
	return avcodec_open2(c->codec, codec, NULL) < 0 ? bad(error, path, "its decoder does not take it")
	                                                : 0;
}

int hz_clip_open(const char *path, bool video, char ret_error[HZ_CLIP_ERROR], struct hz_clip **ret)
{
	struct hz_clip *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->path = path;
	int err = open_file(c, path, ret_error);
	if (!err)
		err = find_stream(c, video, path, ret_error);
	if (!err)
		err = open_codec(c, path, ret_error);
	if (err) {
		hz_clip_close(c);
		return err;
	}
	*ret = c;
	return 0;
}

void hz_clip_close(struct hz_clip *clip)
{
	if (!clip)
		return;
	avcodec_free_context(&clip->codec);
	av_packet_free(&clip->packet);
	avformat_close_input(&clip->format);
	free(clip);
}

// Reads a packet of the stream, or has one. 1; 0: there is none; -errno.
static int read_packet(struct hz_clip *c)
{
	while (!c->held) {
		int err = av_read_frame(c->format, c->packet);
		if (err == AVERROR_EOF)
			return 0;
		if (err < 0)
			return err == AVERROR(ENOMEM) ? -ENOMEM : -EBADMSG;
		bool whole = !(c->packet->flags & AV_PKT_FLAG_CORRUPT);
		c->held = c->packet->stream_index == c->stream->index;
		if (!c->held || !whole)
			av_packet_unref(c->packet);
		if (!whole) {
			c->held = false;
			return -EBADMSG;
		}
	}
	return 1;
}

static bool is_later(const struct hz_clip *c)
{
	const AVRational us = {1, 1000000};
	return c->keys_only && c->packet->pts != AV_NOPTS_VALUE &&
	       av_compare_ts(c->packet->pts, c->stream->time_base, c->until_us, us) > 0;
}

// The next packet of the stream goes to the decoder. 1; 0: there is none; 2: not yet; -errno.
static int feed(struct hz_clip *c)
{
	int err = 0;
	for (bool wanted = false; !wanted && !err;) {
		int got = read_packet(c);
		if (got != 1)
			return got;
		if (is_later(c))
			return 2;
		bool key = c->packet->flags & AV_PKT_FLAG_KEY;
		if (key)
			c->wait_key = false;
		else if (c->keys_only)
			c->wait_key = true; // what follows needs it
		wanted = !c->wait_key;
		if (wanted)
			err = avcodec_send_packet(c->codec, c->packet);
		av_packet_unref(c->packet);
		c->held = false;
	}
	return err == AVERROR(ENOMEM) ? -ENOMEM
	                              : 1; // one that the decoder refuses is lost like one that never came
}

int hz_clip_next(struct hz_clip *clip, AVFrame *frame, int64_t *ret_us)
{
	for (;;) {
		int err = avcodec_receive_frame(clip->codec, frame);
		if (err == 0 && frame->best_effort_timestamp != AV_NOPTS_VALUE) {
			*ret_us = av_rescale_q(frame->best_effort_timestamp, clip->stream->time_base,
			                       (AVRational){1, 1000000});
			return 1;
		}
		if (err == 0)
			continue;
		if (err == AVERROR_EOF || (err != AVERROR(EAGAIN) && clip->drained))
			return 0;
		if (err == AVERROR(ENOMEM))
			return -ENOMEM;
		err = feed(clip);
		if (err < 0 || err == 2)
			return err;
		if (err == 0) {
			clip->drained = true;
			avcodec_send_packet(clip->codec, NULL);
		}
	}
}

void hz_clip_keys_only(struct hz_clip *clip, bool on, int64_t until_us)
{
	clip->keys_only = on;
	clip->until_us = until_us;
}
