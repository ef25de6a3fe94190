// Any file as the track of a DICOM object: it is refused, and nothing is left behind, or the MP4 that is made of it opens again with
// as many pictures as are told.
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <libavformat/avformat.h>

#include "recorder/finalize/dicom_mp4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_file(const char *path, const uint8_t *data, size_t size)
{
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
		abort();
}

static void reopen(const char *path, const struct hz_dicom_mp4_info *info)
{
	AVFormatContext *f = NULL;
	AVPacket *p = av_packet_alloc();
	uint32_t pictures = 0;
	if (!p || avformat_open_input(&f, path, NULL, NULL) != 0 ||
	    f->nb_streams != 1u + (info->audio_channels != 0))
		abort();
	for (; av_read_frame(f, p) >= 0; av_packet_unref(p))
		pictures += f->streams[p->stream_index]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
	if (pictures != info->frames || !info->columns || !info->rows)
		abort();
	av_packet_free(&p);
	avformat_close_input(&f);
}

// Hours of silence are made as told, and take their time.
static bool is_long(const char *path)
{
	AVFormatContext *f = NULL;
	AVPacket *p = av_packet_alloc();
	double first = INFINITY, last = -INFINITY;
	if (!p)
		abort();
	if (avformat_open_input(&f, path, NULL, NULL) == 0)
		for (; av_read_frame(f, p) >= 0; av_packet_unref(p)) {
			double at = (double)p->pts * av_q2d(f->streams[p->stream_index]->time_base);
			first = fmin(first, at);
			last = fmax(last, at);
		}
	av_packet_free(&p);
	avformat_close_input(&f);
	return last - first > 60;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char in[64], out[64];
	struct hz_dicom_mp4_info info;
	if (size < 8 || size > 200000)
		return 0;
	av_log_set_level(AV_LOG_QUIET);
	snprintf(in, sizeof(in), "/dev/shm/hz-fuzz-mp4-%d.in", (int)getpid());
	snprintf(out, sizeof(out), "/dev/shm/hz-fuzz-mp4-%d.out", (int)getpid());
	write_file(in, data, size);
	const struct hz_dicom_mp4 with = {.video = in, .out = out};
	if (is_long(in))
		return 0;
	if (hz_dicom_mp4(&with, &info) == 0)
		reopen(out, &info);
	else if (access(out, F_OK) == 0)
		abort();
	unlink(in);
	unlink(out);
	return 0;
}
