#include "recorder/compose/movie.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>

#define SOUND_HZ    48000
#define SOUND_BITS  128000
#define GROUP_S     2
#define QUALITY_CRF 23.0
#define BITS_720    4000000 // a second at most, of 1280x720

struct hz_movie {
	AVFormatContext *format;
	AVCodecContext *video, *audio;
	AVFrame *picture, *sound;
	AVPacket *packet;
	struct hz_canvas canvas;
	int64_t pictures, samples; // put in
	int filled;                // samples of `sound`
	int skip;                  // samples still to be left out
	bool header;
	char path[512], part[520];
};

static int from_av(int err)
{
	return err >= 0 ? 0 : err > -4096 ? err : -EIO; // errno values as they are
}

// --- opening

static int open_video(struct hz_movie *m, const struct hz_movie_open *with)
{
	const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
	if (!codec)
		return -ENOTSUP;
	AVCodecContext *c = m->video = avcodec_alloc_context3(codec);
	if (!c)
		return -ENOMEM;
	c->width = with->width;
	c->height = with->height;
	c->pix_fmt = AV_PIX_FMT_YUV420P;
	c->time_base = (AVRational){1, with->rate};
	c->framerate = (AVRational){with->rate, 1};
	c->sample_aspect_ratio = (AVRational){1, 1};
	c->color_range = AVCOL_RANGE_MPEG;
	c->colorspace = AVCOL_SPC_SMPTE170M; // what browsers make of cameras
	c->color_primaries = AVCOL_PRI_SMPTE170M;
	c->color_trc = AVCOL_TRC_SMPTE170M;
	c->gop_size = GROUP_S * with->rate;
	c->max_b_frames = 0;
	c->thread_count = with->threads;
	c->rc_max_rate = (int64_t)BITS_720 * with->width * with->height / (1280 * 720);
	c->rc_buffer_size = (int)(2 * c->rc_max_rate);
	c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_CLOSED_GOP;
	av_opt_set(c->priv_data, "preset", "veryfast", 0);
	av_opt_set(c->priv_data, "profile", "high", 0);
	av_opt_set_double(c->priv_data, "crf", QUALITY_CRF, 0);
	av_opt_set(c->priv_data, "x264-params", "cpu-independent=1:open-gop=0", 0);
	return from_av(avcodec_open2(c, codec, NULL));
}

static int open_audio(struct hz_movie *m)
{
	const AVCodec *codec = avcodec_find_encoder_by_name("aac");
	if (!codec)
		return -ENOTSUP;
	AVCodecContext *c = m->audio = avcodec_alloc_context3(codec);
	if (!c)
		return -ENOMEM;
	c->sample_rate = SOUND_HZ;
	c->sample_fmt = AV_SAMPLE_FMT_FLTP;
	c->bit_rate = SOUND_BITS;
	c->profile = FF_PROFILE_AAC_LOW;
	c->time_base = (AVRational){1, SOUND_HZ};
	c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
	av_channel_layout_default(&c->ch_layout, 2);
	av_opt_set(c->priv_data, "aac_coder", "fast", 0);
	int err = from_av(avcodec_open2(c, codec, NULL));
	m->skip = c->initial_padding; // sample n is decoded at n, not that much later
	return err;
}

static int open_frames(struct hz_movie *m)
{
	m->packet = av_packet_alloc();
	m->picture = av_frame_alloc();
	m->sound = av_frame_alloc();
	if (!m->packet || !m->picture || !m->sound)
		return -ENOMEM;
	m->picture->format = AV_PIX_FMT_YUV420P;
	m->picture->width = m->video->width;
	m->picture->height = m->video->height;
	m->sound->format = AV_SAMPLE_FMT_FLTP;
	m->sound->nb_samples = m->audio->frame_size;
	m->sound->sample_rate = SOUND_HZ;
	int err = from_av(av_channel_layout_copy(&m->sound->ch_layout, &m->audio->ch_layout));
	if (!err)
		err = from_av(av_frame_get_buffer(m->picture, 0));
	if (!err)
		err = from_av(av_frame_get_buffer(m->sound, 0));
	m->canvas = (struct hz_canvas){.width = m->picture->width, .height = m->picture->height};
	for (int i = 0; i < 3; i++) {
		m->canvas.plane[i] = m->picture->data[i];
		m->canvas.stride[i] = m->picture->linesize[i];
	}
	return err;
}

static int add_stream(struct hz_movie *m, const AVCodecContext *codec)
{
	AVStream *s = avformat_new_stream(m->format, NULL);
	if (!s)
		return -ENOMEM;
	s->time_base = codec->time_base;
	s->avg_frame_rate = codec->framerate;
	int err = from_av(avcodec_parameters_from_context(s->codecpar, codec));
	s->codecpar->initial_padding = 0;
	return err;
}

static int open_file(struct hz_movie *m, const char *path)
{
	char url[560];
	AVDictionary *options = NULL;
	snprintf(m->path, sizeof(m->path), "%s", path);
	snprintf(m->part, sizeof(m->part), "%s.part", path);
	snprintf(url, sizeof(url), "file:%s", m->part);
	if (avformat_alloc_output_context2(&m->format, NULL, "mp4", url) < 0)
		return -ENOMEM;
	m->format->flags |= AVFMT_FLAG_BITEXACT;
	int err = add_stream(m, m->video);
	if (!err)
		err = add_stream(m, m->audio);
	if (!err)
		err = from_av(avio_open(&m->format->pb, url, AVIO_FLAG_WRITE));
	av_dict_set(&options, "movflags", "+faststart", 0);
	av_dict_set(&options, "use_editlist", "0", 0);
	if (!err)
		err = from_av(avformat_write_header(m->format, &options));
	av_dict_free(&options);
	m->header = !err;
	return err;
}

int hz_movie_open(const struct hz_movie_open *with, struct hz_movie **ret)
{
	struct hz_movie *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	int err = strlen(with->path) >= sizeof(m->path) ? -ENAMETOOLONG : open_video(m, with);
	if (!err)
		err = open_audio(m);
	if (!err)
		err = open_frames(m);
	if (!err)
		err = open_file(m, with->path);
	if (err) {
		hz_movie_abort(m);
		return err;
	}
	*ret = m;
	return 0;
}

struct hz_canvas *hz_movie_canvas(struct hz_movie *movie)
{
	return &movie->canvas;
}

// --- writing

// frame NULL: the end.
static int encode(struct hz_movie *m, AVCodecContext *codec, const AVFrame *frame, int stream)
{
	int err = avcodec_send_frame(codec, frame);
	while (err >= 0) {
		err = avcodec_receive_packet(codec, m->packet);
		if (err == AVERROR(EAGAIN) || err == AVERROR_EOF)
			return 0;
		if (err < 0)
			break;
		if (stream == 0 && !m->packet->duration)
			m->packet->duration = 1;
		av_packet_rescale_ts(m->packet, codec->time_base, m->format->streams[stream]->time_base);
		m->packet->stream_index = stream;
		err = av_interleaved_write_frame(m->format, m->packet);
	}
	return from_av(err);
}

// x264 copies a picture before avcodec_send_frame() returns, so that the canvas can be drawn on again.
int hz_movie_picture(struct hz_movie *movie)
{
	movie->picture->pts = movie->pictures++;
	return encode(movie, movie->video, movie->picture, 0);
}

static int put_sound(struct hz_movie *m)
{
	m->sound->pts = m->samples + m->audio->initial_padding; // the first packet is at 0
	m->samples += m->sound->nb_samples;
	m->filled = 0;
	int err = encode(m, m->audio, m->sound, 1);
	return err ? err : from_av(av_frame_make_writable(m->sound));
}

int hz_movie_sound(struct hz_movie *movie, const float *stereo, unsigned count)
{
	int err = 0;
	for (unsigned i = 0; i < count && !err; i++) {
		if (movie->skip > 0) {
			movie->skip--;
			continue;
		}
		((float *)movie->sound->data[0])[movie->filled] = stereo[2 * i];
		((float *)movie->sound->data[1])[movie->filled] = stereo[2 * i + 1];
		if (++movie->filled == movie->sound->nb_samples)
			err = put_sound(movie);
	}
	return err;
}

// --- ending

static int sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = fd < 0 || fsync(fd) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return err;
}

static int finish(struct hz_movie *m)
{
	int err = 0;
	if (m->filled > 0) {
		int rest = m->sound->nb_samples - m->filled;
		memset((float *)m->sound->data[0] + m->filled, 0, (size_t)rest * sizeof(float));
		memset((float *)m->sound->data[1] + m->filled, 0, (size_t)rest * sizeof(float));
		err = put_sound(m);
	}
	if (!err)
		err = encode(m, m->video, NULL, 0);
	if (!err)
		err = encode(m, m->audio, NULL, 1);
	if (!err)
		err = from_av(av_write_trailer(m->format));
	if (!err)
		err = from_av(m->format->pb->error);
	if (m->format->pb) {
		int closed = avio_closep(&m->format->pb);
		err = err ? err : from_av(closed);
	}
	err = err ? err : sync_path(m->part);
	return !err && rename(m->part, m->path) < 0 ? -errno : err;
}

int hz_movie_close(struct hz_movie *movie, struct hz_movie_info *ret_info)
{
	const AVCodecContext *v = movie->video;
	struct hz_movie_info info = {.frames = (uint64_t)movie->pictures,
	                             .duration_ms = movie->pictures * 1000 / v->framerate.num};
	const uint8_t *sps = v->extradata; // Annex B: start code, SPS
	if (v->extradata_size > 8 && sps[0] == 0 && sps[1] == 0 && sps[2] == 0 && (sps[4] & 31) == 7) {
		info.profile_idc = sps[5];
		info.constraint_flags = sps[6];
		info.level_idc = sps[7];
	}
	int err = finish(movie);
	hz_movie_abort(movie);
	if (!err && ret_info)
		*ret_info = info;
	return err;
}

void hz_movie_abort(struct hz_movie *movie)
{
	if (!movie)
		return;
	if (movie->format && movie->format->pb)
		avio_closep(&movie->format->pb);
	avformat_free_context(movie->format);
	avcodec_free_context(&movie->video);
	avcodec_free_context(&movie->audio);
	av_frame_free(&movie->picture);
	av_frame_free(&movie->sound);
	av_packet_free(&movie->packet);
	if (movie->header)
		unlink(movie->part); // renamed already: nothing is there
	free(movie);
}
