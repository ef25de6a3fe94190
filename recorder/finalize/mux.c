#include "recorder/finalize/mux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/api.h"
#include "media/codec/stream.h"

#define FRAGMENT_US   2000000
#define VIDEO_HZ      90000
#define LAST_FRAME_US 33333 // how long the last picture of a file is shown

// Pictures lie on multiples of this. Cameras are never quite regular, and ffmpeg rounds their times to the rate that it guesses
// from a file's begin: where two pictures come to the same it complains ("non monotonically increasing dts"). On a grid it
// guesses the grid, where no two are the same. Above 1 / 210 s, or it is not believed; neither a frame of a usual rate nor half
// of one is a multiple, so that the guess is never coarser. At most 3.5 ms off, which nobody sees or hears. Streams that name
// a rate of their own are believed that instead (`exact`).
#define GRID_US 7000

struct hz_mux {
	AVFormatContext *format;
	AVPacket *packet;
	AVStream *video, *audio;
	int64_t last_video, last_audio; // dts of the newest, in its stream's time base
	bool has_video, has_audio, header, exact;
	char path[1024], part[1040];
};

static enum AVCodecID codec_id(uint8_t codec)
{
	switch (codec) {
	case HZ_CODEC_H264_CB:
	case HZ_CODEC_H264_HIGH:
		return AV_CODEC_ID_H264;
	case HZ_CODEC_VP8:
		return AV_CODEC_ID_VP8;
	case HZ_CODEC_VP9:
		return AV_CODEC_ID_VP9;
	case HZ_CODEC_AV1:
		return AV_CODEC_ID_AV1;
	default:
		return AV_CODEC_ID_NONE;
	}
}

static int add_video(struct hz_mux *m, const struct hz_mux_open *with)
{
	struct hz_av_video video = {.codec = codec_id(with->video),
	                            .width = with->width,
	                            .height = with->height,
	                            .config = with->config,
	                            .config_bytes = with->config_bytes,
	                            .hz = VIDEO_HZ};
	m->exact = with->exact;
	return hz_av_add_video(m->format, &video, &m->video);
}

static int write_header(struct hz_mux *m, bool mp4)
{
	AVDictionary *options = NULL;
	if (mp4) {
		// each stream begins where its first frame does, without edit lists
		av_dict_set(&options, "movflags", "empty_moov+default_base_moof+frag_discont", 0);
		av_dict_set_int(&options, "frag_duration", FRAGMENT_US, 0);
		av_dict_set(&options, "use_editlist", "0", 0);
		av_dict_set_int(&options, "video_track_timescale", VIDEO_HZ, 0);
	}
	int err = avformat_write_header(m->format, &options);
	av_dict_free(&options);
	m->header = err >= 0;
	return hz_av_error(err);
}

static int open_file(struct hz_mux *m, const struct hz_mux_open *with)
{
	bool mp4 = with->container == HZ_CONTAINER_MP4;
	int n = snprintf(m->path, sizeof(m->path), "%s", with->path);
	if (n < 0 || (size_t)n >= sizeof(m->path))
		return -ENAMETOOLONG;
	snprintf(m->part, sizeof(m->part), "%s.part", m->path);
	m->packet = av_packet_alloc();
	if (!m->packet || avformat_alloc_output_context2(&m->format, NULL, mp4 ? "mp4" : "webm", NULL) < 0)
		return -ENOMEM;
	m->format->flags |= AVFMT_FLAG_BITEXACT;
	int err = with->video ? add_video(m, with) : 0;
	if (!err && with->audio)
		err = hz_av_add_opus(m->format, with->stereo ? 2 : 1, &m->audio);
	if (!err)
		err = hz_av_error(avio_open(&m->format->pb, m->part, AVIO_FLAG_WRITE));
	return err ? err : write_header(m, mp4);
}

int hz_mux_open(const struct hz_mux_open *with, struct hz_mux **ret)
{
	struct hz_mux *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	int err = open_file(m, with);
	if (err) {
		hz_mux_abort(m);
		return err;
	}
	*ret = m;
	return 0;
}

static int write_packet(struct hz_mux *m, AVStream *stream, const uint8_t *data, size_t bytes, bool key)
{
	AVPacket *p = m->packet;
	int64_t dts = p->dts, duration = p->duration;
	int err = hz_av_fill(p, data, bytes);
	if (err)
		return err;
	p->dts = p->pts = dts;
	p->duration = duration;
	p->stream_index = stream->index;
	p->flags = key ? AV_PKT_FLAG_KEY : 0;
	return hz_av_error(av_interleaved_write_frame(m->format, p)); // takes the data, also when it fails
}

int hz_mux_video(struct hz_mux *mux, const uint8_t *data, size_t bytes, int64_t us, bool key)
{
	struct hz_mux *m = mux;
	int64_t step = av_rescale_q(GRID_US, (AVRational){1, 1000000}, m->video->time_base);
	int64_t dts =
	    av_rescale_q(us > 0 ? us : 0, (AVRational){1, 1000000}, (AVRational){GRID_US, 1000000}) * step;
	m->last_video = m->has_video && dts <= m->last_video ? m->last_video + step : dts;
	m->has_video = true;
	m->packet->dts = m->last_video;
	m->packet->duration = av_rescale_q(LAST_FRAME_US, (AVRational){1, 1000000}, m->video->time_base);
	return write_packet(m, m->video, data, bytes, key);
}

int hz_mux_audio(struct hz_mux *mux, const uint8_t *data, size_t bytes, int64_t us, uint32_t samples)
{
	struct hz_mux *m = mux;
	int64_t dts = av_rescale_q(us > 0 ? us : 0, (AVRational){1, 1000000}, m->audio->time_base);
	m->last_audio = m->has_audio && dts <= m->last_audio ? m->last_audio + 1 : dts;
	m->has_audio = true;
	m->packet->dts = m->last_audio;
	m->packet->duration = av_rescale_q(samples, (AVRational){1, 48000}, m->audio->time_base);
	return write_packet(m, m->audio, data, bytes, true);
}

static int sync_and_rename(const struct hz_mux *m)
{
	int fd = open(m->part, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	if (!err && rename(m->part, m->path) != 0)
		err = -errno;
	return err;
}

static void free_mux(struct hz_mux *m)
{
	if (m->format && m->format->pb)
		avio_closep(&m->format->pb);
	avformat_free_context(m->format);
	av_packet_free(&m->packet);
	free(m);
}

int hz_mux_close(struct hz_mux *mux)
{
	int err = hz_av_error(av_write_trailer(mux->format));
	int closed = hz_av_error(avio_closep(&mux->format->pb));
	if (!err)
		err = closed;
	if (!err)
		err = sync_and_rename(mux);
	if (err)
		unlink(mux->part);
	free_mux(mux);
	return err;
}

void hz_mux_abort(struct hz_mux *mux)
{
	if (!mux)
		return;
	if (mux->part[0])
		unlink(mux->part);
	free_mux(mux);
}
