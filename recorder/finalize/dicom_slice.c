#include "recorder/finalize/dicom_slice.h"

#include <errno.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BIT_RATE 64000 // a channel
#define CHUNK    4096  // samples of silence put in at once
#define BEFORE                                                                                               \
	(8 * HZ_AAC_FRAME) // the encoder hears so much before its slice: windows and rates have settled
#define BEHIND  (2 * HZ_AAC_FRAME) // and so much behind: it looks ahead
#define PREROLL 3840               // a decoder is right only so late after it begins (RFC 7845 4.6)

struct work {
	const struct hz_tape *tape;
	size_t next_packet, end_packet;
	AVCodecContext *decoder, *encoder;
	SwrContext *resampler;
	AVAudioFifo *fifo;
	AVPacket *packet;
	AVFrame *decoded, *held, *frame; // held: 48 kHz, waits for its place
	AVChannelLayout layout;
	int64_t next;     // sample of the output that comes next
	int64_t sent;     // sample that the encoder gets next
	int64_t held_at;  // of the first sample in held
	int held_from;    // samples of held that were taken
	int64_t from, to; // pts of the frames that are kept
	bool has_held, drained;
	struct hz_slice *ret;
};

// Decoded silence fades through denormal numbers, with which the encoder takes seven times as long: in this thread they are zero.
static uint64_t no_denormals(void)
{
#if defined(__x86_64__)
	unsigned before = __builtin_ia32_stmxcsr();
	__builtin_ia32_ldmxcsr(before | 0x8040); // flush to zero, denormals are zero
	return before;
#elif defined(__aarch64__)
	uint64_t before;
	__asm__ volatile("mrs %0, fpcr" : "=r"(before));
	__asm__ volatile("msr fpcr, %0" ::"r"(before | 1ull << 24));
	return before;
#else
	return 0;
#endif
}

static void restore_denormals(uint64_t before)
{
#if defined(__x86_64__)
	__builtin_ia32_ldmxcsr((unsigned)before);
#elif defined(__aarch64__)
	__asm__ volatile("msr fpcr, %0" ::"r"(before));
#endif
}

AVCodecContext *hz_slice_encoder(int channels)
{
	const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
	AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;
	if (!c)
		return NULL;
	c->sample_rate = HZ_DICOM_SOUND_HZ;
	c->sample_fmt = AV_SAMPLE_FMT_FLTP;
	c->bit_rate = (int64_t)BIT_RATE * channels;
	c->time_base = (AVRational){1, HZ_DICOM_SOUND_HZ};
	c->thread_count = 1;
	c->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
	av_channel_layout_default(&c->ch_layout, channels);
	(void)av_opt_set(c->priv_data, "aac_coder", "fast",
	                 0); // twice as fast, an hour must not take minutes
	if (avcodec_open2(c, codec, NULL) < 0 || c->frame_size != HZ_AAC_FRAME)
		avcodec_free_context(&c);
	return c;
}

static int open_decoder(struct work *w)
{
	const AVCodecParameters *from = w->tape->in->streams[w->tape->index]->codecpar;
	const AVCodec *codec = avcodec_find_decoder(from->codec_id);
	w->decoder = codec ? avcodec_alloc_context3(codec) : NULL;
	if (!w->decoder || avcodec_parameters_to_context(w->decoder, from) < 0)
		return -ENOMEM;
	w->decoder->thread_count = 1;
	w->decoder->pkt_timebase = (AVRational){1, HZ_DICOM_SOUND_HZ};
	return avcodec_open2(w->decoder, codec, NULL) < 0 ? -EBADMSG : 0;
}

static int open_all(struct work *w, int channels)
{
	av_channel_layout_default(&w->layout, channels);
	w->encoder = hz_slice_encoder(channels);
	w->fifo = av_audio_fifo_alloc(AV_SAMPLE_FMT_FLTP, channels, 4 * CHUNK);
	w->packet = av_packet_alloc();
	w->decoded = av_frame_alloc();
	w->held = av_frame_alloc();
	w->frame = av_frame_alloc();
	if (!w->encoder || !w->fifo || !w->packet || !w->decoded || !w->held || !w->frame)
		return -ENOMEM;
	w->frame->nb_samples = HZ_AAC_FRAME;
	w->frame->format = AV_SAMPLE_FMT_FLTP;
	w->frame->sample_rate = HZ_DICOM_SOUND_HZ;
	w->frame->ch_layout = w->layout; // mono and stereo own no memory
	if (av_frame_get_buffer(w->frame, 0) < 0)
		return -ENOMEM;
	return 0;
}

static void close_all(struct work *w)
{
	av_frame_free(&w->frame);
	av_frame_free(&w->held);
	av_frame_free(&w->decoded);
	av_packet_free(&w->packet);
	if (w->fifo)
		av_audio_fifo_free(w->fifo);
	swr_free(&w->resampler);
	avcodec_free_context(&w->encoder);
	avcodec_free_context(&w->decoder);
}

// The first packet of the run that begins at `sample` or later.
static size_t find(const struct hz_tape *t, const struct hz_tape_slice *s, int64_t sample)
{
	size_t low = s->first, high = s->end;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (t->packet[middle].at < sample)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void hz_slice_packets(const struct hz_tape *tape, const struct hz_tape_slice *slice, size_t *ret_first,
                      size_t *ret_end)
{
	int64_t from = slice->begin > BEFORE ? slice->begin - BEFORE - PREROLL : 0;
	size_t first = find(tape, slice, from);
	*ret_first = first > slice->first ? first - 1 : slice->first;
	*ret_end = find(tape, slice, slice->stop + BEHIND + HZ_AAC_FRAME);
}

// --- decoding

// The decoded frame in 48 kHz with its place in the output.
static int hold(struct work *w)
{
	AVFrame *in = w->decoded;
	if (!w->resampler &&
	    (swr_alloc_set_opts2(&w->resampler, &w->layout, AV_SAMPLE_FMT_FLTP, HZ_DICOM_SOUND_HZ,
	                         &in->ch_layout, (enum AVSampleFormat)in->format, in->sample_rate, 0,
	                         NULL) < 0 ||
	     swr_init(w->resampler) < 0))
		return -ENOTSUP;
	int64_t behind = w->held_at + w->held->nb_samples;
	av_frame_unref(w->held);
	w->held->format = AV_SAMPLE_FMT_FLTP;
	w->held->sample_rate = HZ_DICOM_SOUND_HZ;
	w->held->ch_layout = w->layout;
	if (swr_convert_frame(w->resampler, w->held, in) < 0) { // the format changed within the stream
		swr_free(&w->resampler);
		return 0;
	}
	w->held_at = in->pts != AV_NOPTS_VALUE ? in->pts : behind;
	w->held_from = 0;
	w->has_held = w->held->nb_samples > 0;
	return 0;
}

static void feed(struct work *w)
{
	const struct hz_tape *t = w->tape;
	if (w->next_packet == w->end_packet) {
		(void)avcodec_send_packet(w->decoder, NULL);
		return;
	}
	const struct hz_tape_packet *p = &t->packet[w->next_packet++];
	w->packet->data = t->data + p->from;
	w->packet->size = (int)p->bytes;
	w->packet->pts = w->packet->dts = p->at;
	(void)avcodec_send_packet(w->decoder, w->packet); // a broken packet becomes silence
	w->packet->data = NULL;
	w->packet->size = 0;
}

// The next sound into `held`; at the end `drained` is set.
static int decode(struct work *w)
{
	for (;;) {
		int got = avcodec_receive_frame(w->decoder, w->decoded);
		if (got == AVERROR_EOF) {
			w->drained = true;
			return 0;
		}
		if (got != 0) {
			feed(w);
			continue;
		}
		int err = hold(w);
		av_frame_unref(w->decoded);
		if (err || w->has_held)
			return err;
	}
}

// --- encoding

static int keep(struct work *w, const AVPacket *p)
{
	struct hz_slice *s = w->ret;
	if (p->pts < w->from || p->pts >= w->to)
		return 0;
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 1024;
		struct hz_aac *more = realloc(s->frame, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->frame = more;
		s->room = room;
	}
	if (hz_tape_grow(&s->data, &s->data_room, s->bytes, (size_t)p->size))
		return -ENOMEM;
	memcpy(s->data + s->bytes, p->data, (size_t)p->size);
	s->frame[s->count++] = (struct hz_aac){s->bytes, (uint32_t)p->size};
	s->bytes += (size_t)p->size;
	return 0;
}

static int drain(struct work *w)
{
	int err = 0;
	while (!err && avcodec_receive_packet(w->encoder, w->packet) == 0) {
		err = keep(w, w->packet);
		av_packet_unref(w->packet);
	}
	return err;
}

static int encode(struct work *w)
{
	int err = 0;
	while (!err && av_audio_fifo_size(w->fifo) >= HZ_AAC_FRAME) {
		if (av_frame_make_writable(w->frame) < 0 ||
		    av_audio_fifo_read(w->fifo, (void **)w->frame->extended_data, HZ_AAC_FRAME) <
		        HZ_AAC_FRAME)
			return -ENOMEM;
		w->frame->pts = w->sent;
		w->sent += HZ_AAC_FRAME;
		err = avcodec_send_frame(w->encoder, w->frame) < 0 ? -EIO : drain(w);
	}
	return err;
}

static int put(struct work *w, const AVFrame *from, int at, int64_t samples)
{
	static float nothing[CHUNK];
	void *planes[2] = {nothing, nothing};
	int n = samples < CHUNK ? (int)samples : CHUNK;
	if (from) {
		planes[0] = (float *)(void *)from->extended_data[0] + at;
		if (w->layout.nb_channels > 1)
			planes[1] = (float *)(void *)from->extended_data[1] + at;
	}
	if (av_audio_fifo_write(w->fifo, planes, n) < n)
		return -ENOMEM;
	w->next += n;
	return encode(w);
}

// Sound of `held` at its place, or silence up to it.
static int place(struct work *w, int64_t until)
{
	int64_t left = until - w->next, wait = w->held_at + w->held_from - w->next;
	if (w->drained)
		return put(w, NULL, 0, left);
	if (wait > 0)
		return put(w, NULL, 0, wait < left ? wait : left);
	if (wait < 0) { // its time is over: of the slice before, or a clock that went back
		int64_t late = -wait, rest = w->held->nb_samples - w->held_from;
		w->held_from += (int)(late < rest ? late : rest);
	} else {
		int64_t rest = w->held->nb_samples - w->held_from, n = rest < left ? rest : left;
		n = n < CHUNK ? n : CHUNK;
		int err = put(w, w->held, w->held_from, n);
		if (err)
			return err;
		w->held_from += (int)n;
	}
	w->has_held = w->held_from < w->held->nb_samples;
	return 0;
}

static int run(struct work *w, int64_t until)
{
	int err = 0;
	while (!err && w->next < until) {
		if (!w->has_held && !w->drained)
			err = decode(w);
		if (!err && (w->has_held || w->drained))
			err = place(w, until);
	}
	if (!err && avcodec_send_frame(w->encoder, NULL) < 0)
		err = -EIO;
	return err ? err : drain(w);
}

int hz_slice_make(const struct hz_tape *tape, const struct hz_tape_slice *slice, struct hz_slice *ret)
{
	struct hz_slice out = {.count = 0};
	struct work w = {.tape = tape,
	                 .ret = &out,
	                 .from = slice->begin - HZ_AAC_FRAME,
	                 .to = slice->stop - (slice->last ? 0 : HZ_AAC_FRAME)};
	uint64_t before = no_denormals();
	w.next = w.sent = slice->begin > BEFORE ? slice->begin - BEFORE : 0;
	hz_slice_packets(tape, slice, &w.next_packet, &w.end_packet);
	int err = open_all(&w, tape->channels);
	if (!err)
		err = open_decoder(&w);
	if (!err)
		err = run(&w, slice->stop + BEHIND);
	close_all(&w);
	restore_denormals(before);
	if (err)
		hz_slice_done(&out);
	else
		*ret = out;
	return err;
}

int hz_slice_silence(int channels, struct hz_slice *ret)
{
	struct hz_slice out = {.count = 0};
	struct work w = {.ret = &out, .from = BEFORE, .to = BEFORE + HZ_AAC_FRAME, .drained = true};
	int err = open_all(&w, channels);
	if (!err)
		err = run(&w, BEFORE + HZ_AAC_FRAME + BEHIND);
	close_all(&w);
	if (!err && out.count != 1)
		err = -EIO;
	if (err)
		hz_slice_done(&out);
	else
		*ret = out;
	return err;
}

void hz_slice_done(struct hz_slice *slice)
{
	free(slice->frame);
	free(slice->data);
	*slice = (struct hz_slice){.count = 0};
}
