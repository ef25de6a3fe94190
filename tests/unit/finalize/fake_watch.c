// What is in a file, seen and heard.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "tests/unit/finalize/fake_media.h"

struct ears {
	double quiet_s; // since when
	bool loud;
};

static void see(struct fake_seen *seen, const AVFrame *f, double pts, bool *bright)
{
	uint64_t sum = 0;
	unsigned n = 0;
	for (int y = 0; y < f->height; y += 8)
		for (int x = 0; x < f->width; x += 8, n++)
			sum += f->data[0][y * f->linesize[0] + x];
	bool now = sum / n > 150;
	if (now && !*bright && seen->flashes < 4000)
		seen->flash[seen->flashes++] = pts;
	*bright = now;
	seen->pictures++;
	seen->width = f->width;
	seen->height = f->height;
}

static void hear(struct fake_seen *seen, const AVFrame *f, double pts, struct ears *ears)
{
	bool planar = f->format == AV_SAMPLE_FMT_FLTP;
	for (int i = 0; i < f->nb_samples; i++) {
		double v = planar ? fabsf(((const float *)f->data[0])[i]) : 0;
		double t = pts + i / 48000.0;
		if (v < 0.05)
			continue;
		if (t - ears->quiet_s > 0.3 && seen->beeps < 4000)
			seen->beep[seen->beeps++] = t;
		if (seen->beeps)
			seen->beep_end[seen->beeps - 1] = t;
		ears->quiet_s = t;
	}
}

static unsigned complaints;

__attribute__((format(printf, 3, 0))) static void on_log(void *avcl, int level, const char *format,
                                                         va_list ap)
{
	if (level > AV_LOG_ERROR)
		return;
	complaints++;
	fprintf(stderr, "libav: ");
	vfprintf(stderr, format, ap);
}

static AVCodecContext *open_decoder(const AVStream *stream)
{
	const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
	AVCodecContext *c = avcodec_alloc_context3(codec);
	assert_non_null(c);
	assert_true(avcodec_parameters_to_context(c, stream->codecpar) >= 0);
	c->thread_count = 1;
	c->pkt_timebase = stream->time_base;
	assert_int_equal(avcodec_open2(c, codec, NULL), 0);
	return c;
}

static void take_frames(AVCodecContext *c, const AVStream *stream, struct fake_seen *seen, bool *bright,
                        struct ears *ears)
{
	AVFrame *f = av_frame_alloc();
	while (avcodec_receive_frame(c, f) >= 0) {
		double pts = (double)f->pts * av_q2d(stream->time_base);
		if (c->codec_type == AVMEDIA_TYPE_VIDEO)
			see(seen, f, pts, bright);
		else
			hear(seen, f, pts, ears);
		av_frame_unref(f);
	}
	av_frame_free(&f);
}

void fake_watch(const char *path, struct fake_seen *ret)
{
	AVFormatContext *f = NULL;
	AVCodecContext *decoder[8] = {0};
	bool bright = false;
	struct ears ears = {.quiet_s = -1};
	memset(ret, 0, sizeof(*ret));
	ret->first_video = ret->first_audio = -1;
	complaints = 0;
	av_log_set_callback(on_log);
	assert_int_equal(avformat_open_input(&f, path, NULL, NULL), 0);
	assert_true(avformat_find_stream_info(f, NULL) >= 0);
	for (unsigned i = 0; i < f->nb_streams && i < 8; i++)
		decoder[i] = open_decoder(f->streams[i]);
	AVPacket *p = av_packet_alloc();
	while (av_read_frame(f, p) >= 0) {
		const AVStream *s = f->streams[p->stream_index];
		AVCodecContext *c = decoder[p->stream_index];
		bool video = c->codec_type == AVMEDIA_TYPE_VIDEO;
		double t = (double)p->pts * av_q2d(s->time_base);
		double *first = video ? &ret->first_video : &ret->first_audio;
		*first = *first < 0 ? t : *first;
		*(video ? &ret->last_video : &ret->last_audio) = t;
		(*(video ? &ret->video_packets : &ret->audio_packets))++;
		assert_int_equal(avcodec_send_packet(c, p), 0);
		take_frames(c, s, ret, &bright, &ears);
		av_packet_unref(p);
	}
	for (unsigned i = 0; i < f->nb_streams && i < 8; i++) {
		avcodec_send_packet(decoder[i], NULL);
		take_frames(decoder[i], f->streams[i], ret, &bright, &ears);
		avcodec_free_context(&decoder[i]);
	}
	av_packet_free(&p);
	avformat_close_input(&f);
	av_log_set_callback(av_log_default_callback);
	assert_int_equal(complaints, 0);
}

unsigned fake_skew(const struct fake_seen *seen, double *ret_early, double *ret_late)
{
	unsigned pairs = 0;
	*ret_early = *ret_late = 0;
	for (unsigned i = 0; i < seen->flashes; i++)
		for (unsigned k = 0; k < seen->beeps; k++) {
			double d = (seen->beep[k] - seen->flash[i]) * 1000;
			double by_end = (seen->beep_end[k] - 0.1 - seen->flash[i]) * 1000;
			if (fabs(by_end) < fabs(d))
				d = by_end;
			if (fabs(d) > 450)
				continue;
			pairs++;
			*ret_late = d > *ret_late ? d : *ret_late;
			*ret_early = -d > *ret_early ? -d : *ret_early;
		}
	return pairs;
}

// 0, or the exit code. said: it printed something.
static int run(const char *command, bool *said)
{
	char line[512];
	FILE *f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		fprintf(stderr, "%s: %s", command, line);
		*said = true;
	}
	return pclose(f);
}

static bool probes(const char *path)
{
	char command[1200];
	bool said = false;
	snprintf(command, sizeof(command), "ffprobe -v error -show_packets -of compact '%s' 2>&1 >/dev/null",
	         path);
	return run(command, &said) == 0 && !said;
}

bool fake_plays(const char *path)
{
	char command[1200];
	bool said = false;
	snprintf(command, sizeof(command), "ffmpeg -nostdin -v error -i '%s' -f null - 2>&1", path);
	return run(command, &said) == 0 && !said && probes(path);
}

bool fake_opens(const char *path, bool *ret_silent)
{
	char command[1200];
	bool said = false;
	snprintf(command, sizeof(command),
	         "ffmpeg -nostdin -v error -i '%s' -enc_time_base:v -1 -f null - 2>&1", path);
	int code = run(command, &said);
	*ret_silent = !said;
	return code == 0 && probes(path);
}

void fake_packets(const char *path, bool audio, fake_packet_cb *cb, void *arg)
{
	AVFormatContext *f = NULL;
	AVPacket *p = av_packet_alloc();
	assert_int_equal(avformat_open_input(&f, path, NULL, NULL), 0);
	while (av_read_frame(f, p) >= 0) {
		const AVStream *s = f->streams[p->stream_index];
		if ((s->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) == audio)
			cb(arg, p->data, (size_t)p->size, (double)p->pts * av_q2d(s->time_base),
			   p->flags & AV_PKT_FLAG_KEY);
		av_packet_unref(p);
	}
	av_packet_free(&p);
	avformat_close_input(&f);
}
