#include "recorder/finalize/dicom_sound.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/finalize/dicom_cache.h"

#define DRIFT   600 // samples that a slice may be off before it is moved by a frame
#define THREADS 4
#define AHEAD   8 // slices that are made or wait for being written

struct ready {
	struct hz_slice slice;
	bool made;
	int err;
};

struct hz_dicom_sound {
	AVFormatContext *out;
	AVCodecContext *encoder; // its parameters only: slices have their own
	AVPacket *packet;
	AVStream *stream;
	int64_t offset_us;
	const char *early;
	bool has_packet; // AAC as it is: `packet` waits for its time
	struct hz_tape tape;
	// --- the writer: AAC frames, all on one grid
	struct hz_slice silence, now; // now: the slice that is being written
	size_t frame, next_slice;     // frame: of `now`, to be written next
	int64_t phase;                // sample where frame 0 begins: the first slice needs no rounding
	int64_t next, place;          // numbers: of the frame to be written next, of `frame` of `now`
	// --- with the threads
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread[THREADS];
	unsigned threads;
	struct ready ready[AHEAD]; // slice n at n % AHEAD
	size_t begun, written;     // slices
	bool stop;
};

// --- threads

static void *run(void *arg)
{
	struct hz_dicom_sound *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->stop && s->begun < s->tape.slices) {
		if (s->begun - s->written == AHEAD) {
			pthread_cond_wait(&s->changed, &s->lock);
			continue;
		}
		size_t number = s->begun++;
		struct hz_slice slice = {.count = 0};
		pthread_mutex_unlock(&s->lock);
		int err = hz_cache_slice(s->early, &s->tape, &s->tape.slice[number], &slice);
		pthread_mutex_lock(&s->lock);
		s->ready[number % AHEAD] = (struct ready){slice, true, err};
		pthread_cond_broadcast(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static int start(struct hz_dicom_sound *s)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	while (s->threads < THREADS && s->threads < (cores > 0 ? (unsigned)cores : 1) &&
	       pthread_create(&s->thread[s->threads], NULL, run, s) == 0)
		s->threads++;
	return s->threads ? 0 : -EAGAIN;
}

static void stop(struct hz_dicom_sound *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	while (s->threads)
		pthread_join(s->thread[--s->threads], NULL);
	for (unsigned i = 0; i < AHEAD; i++)
		hz_slice_done(&s->ready[i].slice);
}

// Where the slice's first frame goes. A run begins where its timestamp is; within it slices follow one another until the clocks
// have parted by half a frame, and then a frame is silent or left out.
static int64_t place_of(const struct hz_dicom_sound *s, const struct hz_tape_slice *slice)
{
	int64_t at = slice->said - s->phase - HZ_AAC_FRAME; // its first frame is one before
	int64_t off = at - s->place * HZ_AAC_FRAME;
	if (slice->begin > 0 && s->next_slice > 1 && off <= DRIFT && off >= -DRIFT)
		return s->place;
	return (at + (at < 0 ? -HZ_AAC_FRAME / 2 : HZ_AAC_FRAME / 2)) / HZ_AAC_FRAME;
}

// The next slice into `now`.
static int next(struct hz_dicom_sound *s)
{
	hz_slice_done(&s->now);
	pthread_mutex_lock(&s->lock);
	struct ready *r = &s->ready[s->written % AHEAD];
	while (!r->made)
		pthread_cond_wait(&s->changed, &s->lock);
	int err = r->err;
	s->now = r->slice;
	*r = (struct ready){.made = false};
	s->written++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	s->frame = 0;
	s->place = place_of(s, &s->tape.slice[s->next_slice++]);
	return err;
}

// --- writing

static int open_all(struct hz_dicom_sound *s, const char *path)
{
	int err = hz_tape_open(path, s->offset_us, &s->tape);
	if (err)
		return err;
	s->packet = av_packet_alloc();
	s->encoder = hz_slice_encoder(s->tape.channels);
	if (!s->packet || !s->encoder)
		return s->packet ? -ENOTSUP : -ENOMEM;
	if (s->tape.copy)
		return 0;
	if (s->tape.slices)
		s->phase = s->tape.slice[0].said % HZ_AAC_FRAME;
	s->phase -= s->phase > 0 ? HZ_AAC_FRAME : 0; // the frame before 0 is there, too
	s->next = -1;
	err = hz_slice_silence(s->tape.channels, &s->silence);
	return err ? err : start(s);
}

int hz_dicom_sound_new(const char *path, int64_t offset_us, const char *early, struct hz_dicom_sound **ret)
{
	struct hz_dicom_sound *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->offset_us = offset_us;
	s->early = early;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	int err = open_all(s, path);
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
	stop(s);
	hz_slice_done(&s->now);
	hz_slice_done(&s->silence);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	av_packet_free(&s->packet);
	avcodec_free_context(&s->encoder);
	hz_tape_done(&s->tape);
	free(s);
}

unsigned hz_dicom_sound_channels(const struct hz_dicom_sound *s)
{
	return (unsigned)s->tape.channels;
}

int hz_dicom_sound_attach(struct hz_dicom_sound *s, AVFormatContext *out)
{
	s->out = out;
	s->stream = avformat_new_stream(out, NULL);
	if (!s->stream)
		return -ENOMEM;
	s->stream->time_base = s->encoder->time_base;
	int err = s->tape.copy ? avcodec_parameters_copy(s->stream->codecpar,
	                                                 s->tape.in->streams[s->tape.index]->codecpar)
	                       : avcodec_parameters_from_context(s->stream->codecpar, s->encoder);
	s->stream->codecpar->codec_tag = 0;
	return err < 0 ? -ENOMEM : 0;
}

static int write_packet(struct hz_dicom_sound *s)
{
	s->packet->stream_index = s->stream->index;
	s->packet->pos = -1;
	av_packet_rescale_ts(s->packet, s->encoder->time_base, s->stream->time_base);
	return av_interleaved_write_frame(s->out, s->packet) < 0 ? -EIO : 0;
}

// Packets of the file as they are, up to until; what is before the first picture is left out.
static int copy_until(struct hz_dicom_sound *s, int64_t until)
{
	const AVRational from = s->tape.in->streams[s->tape.index]->time_base;
	const int64_t shift = av_rescale(s->offset_us, HZ_DICOM_SOUND_HZ, 1000000);
	for (;;) {
		if (!s->has_packet && av_read_frame(s->tape.in, s->packet) < 0)
			return 0;
		s->has_packet = false;
		AVPacket *p = s->packet;
		if (p->stream_index == s->tape.index && p->pts != AV_NOPTS_VALUE) {
			int64_t at = av_rescale_q(p->pts, from, s->encoder->time_base) + shift;
			s->has_packet = at >= until;
			if (s->has_packet)
				return 0;
			p->dts = p->pts = at;
			p->duration = av_rescale_q(p->duration, from, s->encoder->time_base);
			if (at + HZ_AAC_FRAME > 0 && write_packet(s))
				return -EIO;
		}
		av_packet_unref(s->packet);
	}
}

static int write_frame(struct hz_dicom_sound *s, const struct hz_slice *from, size_t frame)
{
	const struct hz_aac *f = &from->frame[frame];
	if (av_new_packet(s->packet, (int)f->bytes) < 0)
		return -ENOMEM;
	memcpy(s->packet->data, from->data + f->from, f->bytes);
	s->packet->pts = s->packet->dts = s->phase + s->next++ * HZ_AAC_FRAME;
	s->packet->duration = HZ_AAC_FRAME;
	s->packet->flags |= AV_PKT_FLAG_KEY;
	return write_packet(s);
}

int hz_dicom_sound_fill(struct hz_dicom_sound *s, int64_t until_us)
{
	int64_t until = av_rescale(until_us, HZ_DICOM_SOUND_HZ, 1000000);
	int err = 0;
	if (s->tape.copy)
		return copy_until(s, until);
	while (!err && s->phase + s->next * HZ_AAC_FRAME < until) {
		if (s->frame == s->now.count && s->next_slice < s->tape.slices)
			err = next(s);
		for (; s->frame < s->now.count && s->place < s->next; s->place++)
			s->frame++; // over what was written
		if (err || (s->frame == s->now.count && s->next_slice < s->tape.slices))
			continue;
		if (s->frame == s->now.count || s->place > s->next) {
			err = write_frame(s, &s->silence, 0);
		} else {
			err = write_frame(s, &s->now, s->frame++);
			s->place++;
		}
	}
	return err;
}
