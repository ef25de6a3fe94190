#include "recorder/finalize/dicom_mp4.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/finalize/dicom_sound.h"

#define FRAGMENT_BYTES 0xfffffffell // most of a DICOM fragment (PS3.5 Annex A.4)
#define PICTURE_US     1000000      // longest that the last picture is taken to stand

struct work {
	AVFormatContext *in, *out;
	AVStream *from, *to;
	AVPacket *packet;
	struct hz_dicom_sound *sound;
	struct hz_dicom_mp4_info info;
	int64_t first_dts, end; // of the pictures, in the stream's units
	int64_t bytes;
};

static int open_video(struct work *w, const char *path)
{
	if (avformat_open_input(&w->in, path, av_find_input_format("mov"), NULL) < 0)
		return access(path, R_OK) < 0 ? -errno : -EBADMSG;
	if (avformat_find_stream_info(w->in, NULL) < 0)
		return -EBADMSG;
	int index = av_find_best_stream(w->in, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
	if (index < 0 || w->in->streams[index]->codecpar->codec_id != AV_CODEC_ID_H264)
		return -ENOTSUP;
	w->from = w->in->streams[index];
	return 0;
}

// The sequence parameter set in the decoder configuration record (ISO/IEC 14496-15, 5.3.3.1).
static int read_sps(struct work *w)
{
	const AVCodecParameters *p = w->from->codecpar;
	const uint8_t *e = p->extradata;
	if (p->extradata_size < 12 || e[0] != 1 || (e[5] & 31) < 1)
		return -ENOTSUP;
	unsigned bytes = (unsigned)e[6] << 8 | e[7];
	if (bytes < 4 || (int)bytes > p->extradata_size - 8 || (e[8] & 31) != 7)
		return -EBADMSG;
	w->info.profile_idc = e[9];
	w->info.constraint_flags = e[10];
	w->info.level_idc = e[11];
	w->info.columns = p->width > 0 ? (uint32_t)p->width : 0;
	w->info.rows = p->height > 0 ? (uint32_t)p->height : 0;
	return 0;
}

// 1: a packet of the pictures is there; 0: the end.
static int next_picture(struct work *w)
{
	for (;;) {
		int got = av_read_frame(w->in, w->packet);
		if (got == AVERROR_EOF)
			return 0;
		if (got < 0)
			return -EBADMSG;
		if (w->packet->stream_index == w->from->index && w->packet->dts != AV_NOPTS_VALUE &&
		    w->packet->size > 0)
			return 1;
		av_packet_unref(w->packet);
	}
}

static int64_t us_of(const struct work *w, int64_t ticks)
{
	return av_rescale_q(ticks, w->from->time_base, AV_TIME_BASE_Q);
}

static int open_sound(struct work *w, const struct hz_dicom_mp4 *with)
{
	int64_t first_us = us_of(w, w->first_dts);
	const char *path = with->audio ? with->audio : with->video;
	int err = hz_dicom_sound_new(path, (with->audio ? with->audio_offset_us : 0) - first_us, with->early,
	                             &w->sound);
	if (err == -ENOENT && !with->audio)
		return 0;
	return err;
}

static int open_out(struct work *w, const char *path)
{
	AVDictionary *options = NULL;
	if (avformat_alloc_output_context2(&w->out, NULL, "mp4", path) < 0)
		return -ENOMEM;
	w->out->flags |= AVFMT_FLAG_BITEXACT;
	w->to = avformat_new_stream(w->out, NULL);
	if (!w->to || avcodec_parameters_copy(w->to->codecpar, w->from->codecpar) < 0)
		return -ENOMEM;
	w->to->codecpar->codec_tag = 0;
	w->to->time_base = w->from->time_base;
	w->to->avg_frame_rate = w->from->avg_frame_rate;
	int err = w->sound ? hz_dicom_sound_attach(w->sound, w->out) : 0;
	if (!err && avio_open(&w->out->pb, path, AVIO_FLAG_WRITE) < 0)
		err = -EIO;
	if (!err && av_dict_set(&options, "movflags", "+faststart", 0) < 0)
		err = -ENOMEM;
	if (!err && avformat_write_header(w->out, &options) < 0)
		err = -EIO;
	av_dict_free(&options);
	return err;
}

static int write_picture(struct work *w)
{
	AVPacket *p = w->packet;
	w->bytes += p->size;
	if (w->bytes > FRAGMENT_BYTES)
		return -EFBIG;
	p->dts -= w->first_dts;
	if (p->pts != AV_NOPTS_VALUE)
		p->pts -= w->first_dts;
	int64_t shown = p->pts != AV_NOPTS_VALUE ? p->pts : p->dts;
	int64_t most = av_rescale_q(PICTURE_US, AV_TIME_BASE_Q, w->from->time_base);
	int64_t stands = p->duration > 0 && p->duration < most ? p->duration : most / 30;
	if (shown + stands > w->end)
		w->end = shown + stands;
	int err = w->sound ? hz_dicom_sound_fill(w->sound, us_of(w, p->dts)) : 0;
	if (err)
		return err;
	p->stream_index = w->to->index;
	p->pos = -1;
	av_packet_rescale_ts(p, w->from->time_base, w->to->time_base);
	w->info.frames++;
	return av_interleaved_write_frame(w->out, p) < 0 ? -EIO : 0;
}

static int run(struct work *w, const struct hz_dicom_mp4 *with)
{
	int more, err = open_video(w, with->video);
	if (!err)
		err = read_sps(w);
	if (err)
		return err;
	if ((more = next_picture(w)) <= 0)
		return more ? more : -EBADMSG;
	w->first_dts = w->packet->dts;
	err = open_sound(w, with);
	if (!err)
		err = open_out(w, with->out);
	while (!err && more > 0) {
		err = write_picture(w);
		more = err ? 0 : next_picture(w);
	}
	if (!err)
		err = more;
	if (!err && w->sound)
		err = hz_dicom_sound_fill(w->sound, us_of(w, w->end));
	if (!err && av_write_trailer(w->out) < 0)
		err = -EIO;
	w->info.duration_us = us_of(w, w->end);
	w->info.audio_channels = w->sound ? hz_dicom_sound_channels(w->sound) : 0;
	return err;
}

int hz_dicom_mp4(const struct hz_dicom_mp4 *with, struct hz_dicom_mp4_info *ret)
{
	struct work w = {0};
	struct stat st;
	av_log_set_level(AV_LOG_QUIET); // it names files and repeats what strangers sent
	w.packet = av_packet_alloc();
	int err = w.packet ? run(&w, with) : -ENOMEM;
	av_packet_free(&w.packet);
	hz_dicom_sound_free(w.sound);
	if (w.out && w.out->pb && avio_closep(&w.out->pb) < 0 && !err)
		err = -EIO;
	avformat_free_context(w.out);
	avformat_close_input(&w.in);
	if (!err && stat(with->out, &st) < 0)
		err = -errno;
	if (!err && st.st_size > FRAGMENT_BYTES)
		err = -EFBIG;
	if (err) {
		unlink(with->out);
		return err;
	}
	w.info.bytes = (uint64_t)st.st_size;
	*ret = w.info;
	return 0;
}
