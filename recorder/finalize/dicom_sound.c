#include "recorder/finalize/dicom_sound.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BIT_RATE 64000                    // a channel
#define SLACK    (HZ_DICOM_SOUND_HZ / 50) // a timestamp may be off by 20 ms before it counts
#define CHUNK    4096                     // samples of silence put in at once

struct hz_dicom_sound {
	AVFormatContext *in, *out;
	AVCodecContext *decoder, *encoder;
	SwrContext *resampler;
	AVAudioFifo *fifo;
	AVPacket *packet;
	AVFrame *decoded, *held, *frame; // held: 48 kHz stereo that waits for its place
	AVStream *stream;
	int index;
	int64_t offset_us;
	int64_t next;    // sample of the output that comes next
	int64_t held_at; // of the first sample in held
	int held_from;   // samples of held that were taken
	int64_t clock;   // samples behind the last timestamp that was believed
	int64_t sent;    // samples given to the encoder
	bool has_held, drained, clock_set;
	bool copy; // AAC as it is: `packet` waits for its time when has_held
	AVChannelLayout layout;
};

static int make_decoder(struct hz_dicom_sound *s)
{
	const AVCodec *codec = NULL;
	s->index = av_find_best_stream(s->in, AVMEDIA_TYPE_AUDIO, -1, -1, &codec, 0);
	if (s->index < 0 || !codec)
		return -ENOENT;
	s->decoder = avcodec_alloc_context3(codec);
	if (!s->decoder)
		return -ENOMEM;
	if (avcodec_parameters_to_context(s->decoder, s->in->streams[s->index]->codecpar) < 0)
		return -EBADMSG;
	s->decoder->thread_count = 1;
	s->decoder->pkt_timebase = s->in->streams[s->index]->time_base;
	if (avcodec_open2(s->decoder, codec, NULL) < 0)
		return -EBADMSG;
	const AVCodecParameters *p = s->in->streams[s->index]->codecpar;
	s->copy = p->codec_id == AV_CODEC_ID_AAC && p->sample_rate == HZ_DICOM_SOUND_HZ &&
	          p->ch_layout.nb_channels <= 2 && p->extradata_size > 0;
	av_channel_layout_default(&s->layout, p->ch_layout.nb_channels == 1 ? 1 : 2);
	return 0;
}

unsigned hz_dicom_sound_channels(const struct hz_dicom_sound *s)
{
	return (unsigned)s->layout.nb_channels;
}

static int make_encoder(struct hz_dicom_sound *s)
{
	const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
	s->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
	if (!s->encoder)
		return codec ? -ENOMEM : -ENOTSUP;
	s->encoder->sample_rate = HZ_DICOM_SOUND_HZ;
	s->encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
	s->encoder->bit_rate = (int64_t)BIT_RATE * s->layout.nb_channels;
	s->encoder->time_base = (AVRational){1, HZ_DICOM_SOUND_HZ};
	s->encoder->thread_count = 1;
	s->encoder->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
	s->encoder->ch_layout = s->layout; // mono and stereo own no memory
	(void)av_opt_set(s->encoder->priv_data, "aac_coder", "fast",
	                 0); // twice as fast, an hour must not take minutes
	if (avcodec_open2(s->encoder, codec, NULL) < 0)
		return -ENOTSUP;
	s->fifo = av_audio_fifo_alloc(AV_SAMPLE_FMT_FLTP, s->layout.nb_channels, 4 * CHUNK);
	s->packet = av_packet_alloc();
	s->decoded = av_frame_alloc();
	s->held = av_frame_alloc();
	s->frame = av_frame_alloc();
	if (!s->fifo || !s->packet || !s->decoded || !s->held || !s->frame)
		return -ENOMEM;
	s->frame->nb_samples = s->encoder->frame_size;
	s->frame->format = AV_SAMPLE_FMT_FLTP;
	s->frame->sample_rate = HZ_DICOM_SOUND_HZ;
	s->frame->ch_layout = s->layout;
	return av_frame_get_buffer(s->frame, 0) < 0 ? -ENOMEM : 0;
}

int hz_dicom_sound_new(const char *path, int64_t offset_us, struct hz_dicom_sound **ret)
{
	struct hz_dicom_sound *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->offset_us = offset_us;
	int err =
	    avformat_open_input(&s->in, path, NULL, NULL) < 0 || avformat_find_stream_info(s->in, NULL) < 0
	        ? -EBADMSG
	        : 0;
	if (!err)
		err = make_decoder(s);
	if (!err)
		err = make_encoder(s);
	if (err)
		hz_dicom_sound_free(s);
	else
		*ret = s;
	return err;
}

void hz_dicom_sound_free(struct hz_dicom_sound *s)
{
	if (!s)
		return;
	av_frame_free(&s->frame);
	av_frame_free(&s->held);
	av_frame_free(&s->decoded);
	av_packet_free(&s->packet);
	if (s->fifo)
		av_audio_fifo_free(s->fifo);
	swr_free(&s->resampler);
	avcodec_free_context(&s->encoder);
	avcodec_free_context(&s->decoder);
	avformat_close_input(&s->in);
	free(s);
}

int hz_dicom_sound_attach(struct hz_dicom_sound *s, AVFormatContext *out)
{
	s->out = out;
	s->stream = avformat_new_stream(out, NULL);
	if (!s->stream)
		return -ENOMEM;
	s->stream->time_base = s->encoder->time_base;
	int err = s->copy ? avcodec_parameters_copy(s->stream->codecpar, s->in->streams[s->index]->codecpar)
	                  : avcodec_parameters_from_context(s->stream->codecpar, s->encoder);
	s->stream->codecpar->codec_tag = 0;
	return err < 0 ? -ENOMEM : 0;
}

// The decoded frame in 48 kHz stereo, with its place in the output.
static int hold(struct hz_dicom_sound *s)
{
	AVFrame *in = s->decoded;
	if (!s->resampler) {
		if (swr_alloc_set_opts2(&s->resampler, &s->layout, AV_SAMPLE_FMT_FLTP, HZ_DICOM_SOUND_HZ,
		                        &in->ch_layout, (enum AVSampleFormat)in->format, in->sample_rate, 0,
		                        NULL) < 0 ||
		    swr_init(s->resampler) < 0)
			return -ENOTSUP;
	}
	av_frame_unref(s->held);
	s->held->format = AV_SAMPLE_FMT_FLTP;
	s->held->sample_rate = HZ_DICOM_SOUND_HZ;
	s->held->ch_layout = s->layout;
	if (swr_convert_frame(s->resampler, s->held, in) < 0) { // the format changed within the stream
		swr_free(&s->resampler);
		return 0;
	}
	int64_t at = s->clock;
	if (in->pts != AV_NOPTS_VALUE) {
		int64_t us =
		    av_rescale_q(in->pts, s->in->streams[s->index]->time_base, AV_TIME_BASE_Q) + s->offset_us;
		int64_t said = av_rescale(us, HZ_DICOM_SOUND_HZ, 1000000);
		if (!s->clock_set || said > at + SLACK || said < at - SLACK)
			at = said;
		s->clock_set = true;
	}
	s->clock = at + s->held->nb_samples;
	s->held_at = at;
	s->held_from = 0;
	s->has_held = s->held->nb_samples > 0;
	return 0;
}

// The next sound into `held`; at the end `drained` is set.
static int decode(struct hz_dicom_sound *s)
{
	for (;;) {
		int got = avcodec_receive_frame(s->decoder, s->decoded);
		if (got == 0) {
			int err = hold(s);
			av_frame_unref(s->decoded);
			if (err || s->has_held)
				return err;
			continue;
		}
		if (got == AVERROR_EOF) {
			s->drained = true;
			return 0;
		}
		int read = av_read_frame(s->in, s->packet);
		if (read < 0) {
			(void)avcodec_send_packet(s->decoder, NULL);
			continue;
		}
		if (s->packet->stream_index == s->index)
			(void)avcodec_send_packet(s->decoder, s->packet); // a broken packet becomes silence
		av_packet_unref(s->packet);
	}
}

static int drain_encoder(struct hz_dicom_sound *s)
{
	while (avcodec_receive_packet(s->encoder, s->packet) == 0) {
		s->packet->stream_index = s->stream->index;
		av_packet_rescale_ts(s->packet, s->encoder->time_base, s->stream->time_base);
		if (av_interleaved_write_frame(s->out, s->packet) < 0)
			return -EIO;
	}
	return 0;
}

static int encode(struct hz_dicom_sound *s, int least)
{
	int err = 0;
	while (!err && av_audio_fifo_size(s->fifo) >= least) {
		if (av_frame_make_writable(s->frame) < 0)
			return -ENOMEM;
		s->frame->nb_samples = s->encoder->frame_size;
		int got =
		    av_audio_fifo_read(s->fifo, (void **)s->frame->extended_data, s->encoder->frame_size);
		if (got <= 0)
			return got < 0 ? -ENOMEM : 0;
		s->frame->nb_samples = got;
		s->frame->pts = s->sent;
		s->sent += got;
		err = avcodec_send_frame(s->encoder, s->frame) < 0 ? -EIO : drain_encoder(s);
	}
	return err;
}

static int put(struct hz_dicom_sound *s, AVFrame *from, int at, int64_t samples)
{
	static float nothing[CHUNK];
	void *planes[2] = {nothing, nothing};
	int n = samples < CHUNK ? (int)samples : CHUNK;
	if (from) {
		planes[0] = (float *)(void *)from->extended_data[0] + at;
		if (s->layout.nb_channels > 1)
			planes[1] = (float *)(void *)from->extended_data[1] + at;
	}
	if (av_audio_fifo_write(s->fifo, planes, n) < n)
		return -ENOMEM;
	s->next += n;
	return encode(s, s->encoder->frame_size);
}

// Sound of `held` at its place, or silence up to it.
static int place(struct hz_dicom_sound *s, int64_t until)
{
	int64_t left = until - s->next, wait = s->held_at + s->held_from - s->next;
	if (s->drained)
		return put(s, NULL, 0, left);
	if (wait > 0)
		return put(s, NULL, 0, wait < left ? wait : left);
	if (wait < 0) { // its time is over: before the first picture, or a clock that went back
		int64_t late = -wait, rest = s->held->nb_samples - s->held_from;
		s->held_from += (int)(late < rest ? late : rest);
	} else {
		int64_t rest = s->held->nb_samples - s->held_from, n = rest < left ? rest : left;
		n = n < CHUNK ? n : CHUNK;
		int err = put(s, s->held, s->held_from, n);
		if (err)
			return err;
		s->held_from += (int)n;
	}
	s->has_held = s->held_from < s->held->nb_samples;
	return 0;
}

// Packets of the file as they are, up to until; what is before the first picture is left out.
static int copy_until(struct hz_dicom_sound *s, int64_t until)
{
	const AVRational from = s->in->streams[s->index]->time_base;
	const int64_t shift = av_rescale(s->offset_us, HZ_DICOM_SOUND_HZ, 1000000);
	for (;;) {
		if (!s->has_held && av_read_frame(s->in, s->packet) < 0)
			return 0;
		s->has_held = false;
		AVPacket *p = s->packet;
		if (p->stream_index == s->index && p->pts != AV_NOPTS_VALUE) {
			int64_t at = av_rescale_q(p->pts, from, s->encoder->time_base) + shift;
			s->has_held = at >= until;
			if (s->has_held)
				return 0;
			p->dts = p->pts = at;
			p->duration = av_rescale_q(p->duration, from, s->encoder->time_base);
			p->stream_index = s->stream->index;
			p->pos = -1;
			av_packet_rescale_ts(p, s->encoder->time_base, s->stream->time_base);
			if (at + s->encoder->frame_size > 0 && av_interleaved_write_frame(s->out, p) < 0)
				return -EIO;
		}
		av_packet_unref(s->packet);
	}
}

int hz_dicom_sound_fill(struct hz_dicom_sound *s, int64_t until_us, int end)
{
	int64_t until = av_rescale(until_us, HZ_DICOM_SOUND_HZ, 1000000);
	int err = 0;
	if (s->copy)
		return copy_until(s, until);
	while (!err && s->next < until) {
		if (!s->has_held && !s->drained)
			err = decode(s);
		if (!err && (s->has_held || s->drained))
			err = place(s, until);
	}
	if (err || !end)
		return err;
	err = encode(s, 1);
	if (!err && avcodec_send_frame(s->encoder, NULL) < 0)
		err = -EIO;
	return err ? err : drain_encoder(s);
}
