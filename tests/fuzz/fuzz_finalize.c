// From hostile packets to files: depacketisers, order, clocks, plan and writer at once, and then every file is opened again.
// libavformat must take each file and give back every frame, libavcodec must open its streams and decode the first picture.
//
// Input: one byte that chooses codec and damage, then packets: 1 byte of flags, 2 of length, the payload. Flags: marker, gaps
// in numbers, time steps, a report, another SSRC.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "media/rtp/bytes.h"
#include "recorder/finalize/finalize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 400

struct input {
	const uint8_t *data;
	size_t size, at;
	unsigned count;
	uint8_t pt;
	bool audio, described;
	uint16_t seq;
	uint32_t ts, ssrc;
	int64_t at_us;
	uint8_t packet[4096];
	char text[512];
};

static int rewind_input(void *arg)
{
	struct input *in = arg;
	in->at = 1;
	in->count = 0;
	in->described = false;
	in->seq = 65530;
	in->ts = 0xffff0000u;
	in->ssrc = 1;
	in->at_us = 1000000;
	return 0;
}

static void describe(struct input *in, struct hz_journal_item *ret)
{
	int n = snprintf(
	    in->text, sizeof(in->text),
	    "{\"track\":1,\"key\":\"p.camera.1\",\"participant\":\"p\",\"source\":\"%s\",\"kind\":\"%s\","
	    "\"pts\":["
	    "{\"pt\":0,\"codec\":\"h264\"},{\"pt\":1,\"codec\":\"vp8\"},{\"pt\":2,\"codec\":\"vp9\"},"
	    "{\"pt\":3,\"codec\":\"av1\"},{\"pt\":4,\"codec\":\"opus\"},{\"pt\":5,\"codec\":\"red\"}]}",
	    in->audio ? "microphone" : "camera", in->audio ? "audio" : "video");
	*ret = (struct hz_journal_item){
	    .kind = HZ_RECORD_TRACK, .segment = 1, .data = (const uint8_t *)in->text, .bytes = (size_t)n};
	in->described = true;
}

static int next(void *arg, struct hz_journal_item *ret)
{
	struct input *in = arg;
	if (!in->described) {
		describe(in, ret);
		ret->at_us = in->at_us;
		return 1;
	}
	if (in->size - in->at < 3 || in->count++ == MOST)
		return 0;
	uint8_t flags = in->data[in->at];
	size_t bytes = hz_get16(in->data + in->at + 1), left = in->size - in->at - 3;
	bytes = bytes > left ? left : bytes;
	bytes = bytes > 2000 ? 2000 : bytes;
	const uint8_t *payload = in->data + in->at + 3;
	in->at += 3 + bytes;
	if (flags & 0x10) // time goes on, or jumps
		in->ts += bytes & 1 ? 90000u * 3600 : 3000;
	if (flags & 0x08)
		in->seq += (uint16_t)(bytes & 7 ? 2 : 3000);
	if (flags & 0x20)
		in->ssrc ^= 1;
	in->at_us += flags & 0x40 ? 33000 : 100;
	*ret = (struct hz_journal_item){
	    .track = 1, .segment = 1 + (flags & 4), .at_us = in->at_us, .wall_us = in->at_us};
	if (flags & 0x02) {
		ret->kind = HZ_RECORD_SR;
		ret->data = payload;
		ret->bytes = bytes;
		return 1;
	}
	in->packet[0] = 0x80;
	in->packet[1] = (uint8_t)((flags & 1 ? 0x80 : 0) | in->pt);
	hz_put16(in->packet + 2, in->seq++);
	hz_put32(in->packet + 4, in->ts);
	hz_put32(in->packet + 8, in->ssrc);
	memcpy(in->packet + 12, payload, bytes);
	ret->kind = HZ_RECORD_RTP;
	ret->flags = flags >> 6 & 1;
	ret->data = in->packet;
	ret->bytes = 12 + bytes;
	return 1;
}

static bool first_picture(AVCodecContext *c, AVPacket *p)
{
	AVFrame *f = av_frame_alloc();
	bool good = avcodec_send_packet(c, p) >= 0 && avcodec_send_packet(c, NULL) >= 0 &&
	            avcodec_receive_frame(c, f) >= 0;
	av_frame_free(&f);
	return good;
}

static AVCodecContext *open_stream(const AVStream *s)
{
	const AVCodec *codec = avcodec_find_decoder(s->codecpar->codec_id);
	AVCodecContext *c = avcodec_alloc_context3(codec);
	if (!codec || !c || avcodec_parameters_to_context(c, s->codecpar) < 0)
		abort();
	c->thread_count = 1;
	if (avcodec_open2(c, codec, NULL) < 0)
		abort();
	return c;
}

static void reopen(const char *path)
{
	AVFormatContext *f = NULL;
	AVCodecContext *c[2] = {0};
	AVPacket *p = av_packet_alloc();
	int64_t last[2] = {INT64_MIN, INT64_MIN};
	bool seen[2] = {false, false};
	int err;
	if (avformat_open_input(&f, path, NULL, NULL) != 0 || avformat_find_stream_info(f, NULL) < 0)
		abort();
	if (f->nb_streams < 1 || f->nb_streams > 2)
		abort();
	for (unsigned i = 0; i < f->nb_streams; i++)
		c[i] = open_stream(f->streams[i]);
	while ((err = av_read_frame(f, p)) >= 0) {
		unsigned i = (unsigned)p->stream_index;
		if (p->dts <= last[i] && last[i] != INT64_MIN)
			abort();
		last[i] = p->dts;
		if (!seen[i] && c[i]->codec_type == AVMEDIA_TYPE_VIDEO && !first_picture(c[i], p))
			abort();
		seen[i] = true;
		av_packet_unref(p);
	}
	if (err != AVERROR_EOF || !seen[0])
		abort();
	for (unsigned i = 0; i < f->nb_streams; i++)
		avcodec_free_context(&c[i]);
	av_packet_free(&p);
	avformat_close_input(&f);
}

static void each_file(const char *folder, void (*call)(const char *path))
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	char path[512];
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		call(path);
	}
	if (dir)
		closedir(dir);
}

static void forget(const char *path)
{
	unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char folder[64], tracks[80];
	if (size < 1 || size > 200000)
		return 0;
	if (!folder[0]) {
		snprintf(folder, sizeof(folder), "/dev/shm/hz-fuzz-%d", (int)getpid());
		snprintf(tracks, sizeof(tracks), "%s/tracks", folder);
		mkdir(folder, 0700);
	}
	av_log_set_level(AV_LOG_QUIET);
	struct input in = {.data = data, .size = size, .pt = data[0] % 6, .audio = data[0] % 6 >= 4};
	struct hz_finalize_source source = {.items = {next, rewind_input, &in}, .record = ""};
	if (hz_finalize_items(&source, folder) != 0)
		abort();
	each_file(tracks, reopen);
	each_file(tracks, forget);
	each_file(folder, forget);
	rmdir(tracks);
	return 0;
}
