#include "recorder/finalize/dicom_sound.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/finalize/dicom_slice.h"

#define SLACK      (HZ_DICOM_SOUND_HZ / 50) // a timestamp may be off by 20 ms before it counts
#define MOST_BYTES (1u << 30)               // of compressed sound in memory: days
#define THREADS    4
#define AHEAD      8 // slices that are made or wait for being written

struct ready {
	struct hz_slice slice;
	bool made;
	int err;
};

struct hz_dicom_sound {
	AVFormatContext *in, *out;
	AVCodecContext *encoder; // its parameters only: slices have their own
	AVPacket *packet;
	AVStream *stream;
	int index, channels;
	int64_t offset_us;
	bool copy, has_packet; // AAC as it is: `packet` waits for its time
	struct hz_sound_packets packets;
	struct hz_slice now; // that is being written
	size_t frame;        // of it, to be written next
	// --- with the threads
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread[THREADS];
	unsigned threads;
	struct ready ready[AHEAD]; // slice n at n % AHEAD
	int64_t begun, written;    // slices
	int64_t last;              // slices from it on are silent: made when they are wanted
	int64_t wanted;
	bool stop;
};

// --- reading

static int open_file(struct hz_dicom_sound *s, const char *path)
{
	const AVCodec *codec = NULL;
	if (avformat_open_input(&s->in, path, NULL, NULL) < 0 || avformat_find_stream_info(s->in, NULL) < 0)
		return -EBADMSG;
	s->index = av_find_best_stream(s->in, AVMEDIA_TYPE_AUDIO, -1, -1, &codec, 0);
	if (s->index < 0 || !codec)
		return -ENOENT;
	for (unsigned i = 0; i < s->in->nb_streams; i++)
		s->in->streams[i]->discard = (int)i == s->index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
	const AVCodecParameters *p = s->in->streams[s->index]->codecpar;
	s->copy = p->codec_id == AV_CODEC_ID_AAC && p->sample_rate == HZ_DICOM_SOUND_HZ &&
	          p->ch_layout.nb_channels <= 2 && p->extradata_size > 0;
	s->channels = p->ch_layout.nb_channels == 1 ? 1 : 2;
	s->packets.codec = p;
	s->packet = av_packet_alloc();
	s->encoder = hz_slice_encoder(s->channels);
	return !s->packet ? -ENOMEM : s->encoder ? 0 : -ENOTSUP;
}

// Packets follow one another without a seam; a timestamp counts where it differs by more than the slack.
static int take(struct hz_dicom_sound *s, const AVPacket *p, int64_t *clock, bool *clock_set)
{
	struct hz_sound_packets *all = &s->packets;
	const AVRational base = s->in->streams[s->index]->time_base, samples = {1, HZ_DICOM_SOUND_HZ};
	int64_t at = *clock;
	if (p->pts != AV_NOPTS_VALUE) {
		int64_t us = av_rescale_q(p->pts, base, AV_TIME_BASE_Q) + s->offset_us;
		int64_t said = av_rescale(us, HZ_DICOM_SOUND_HZ, 1000000);
		if (!*clock_set || said > at + SLACK || said < at - SLACK)
			at = said;
	}
	*clock = at + av_rescale_q(p->duration, base, samples);
	*clock_set = p->duration > 0;                        // else the next one's timestamp is all there is
	if (all->count && at < all->list[all->count - 1].at) // went back: over what was said before
		return 0;
	if (all->count == all->room) {
		size_t room = all->room ? 2 * all->room : 4096;
		struct hz_sound_packet *more = realloc(all->list, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		all->list = more;
		all->room = room;
	}
	size_t bytes = (size_t)p->size;
	if (all->bytes + bytes > MOST_BYTES)
		return -EFBIG;
	if (hz_slice_grow(&all->data, &all->data_room, all->bytes, bytes + AV_INPUT_BUFFER_PADDING_SIZE))
		return -ENOMEM;
	memcpy(all->data + all->bytes, p->data, bytes);
	memset(all->data + all->bytes + bytes, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	all->list[all->count++] = (struct hz_sound_packet){at, all->bytes, (uint32_t)bytes};
	all->bytes += bytes;
	return 0;
}

static int read_all(struct hz_dicom_sound *s)
{
	int64_t clock = 0;
	bool clock_set = false;
	int err = 0;
	while (!err && av_read_frame(s->in, s->packet) >= 0) {
		if (s->packet->stream_index == s->index && s->packet->size > 0)
			err = take(s, s->packet, &clock, &clock_set);
		av_packet_unref(s->packet);
	}
	s->last = clock > 0 ? clock / HZ_SLICE_SAMPLES + 1 : 0;
	return err;
}

// --- threads

// Under the lock: the slice to be made next; -1: none now.
static int64_t next_slice(struct hz_dicom_sound *s)
{
	bool due = s->begun < s->last || s->begun <= s->wanted;
	return due && s->begun - s->written < AHEAD ? s->begun++ : -1;
}

static void *run(void *arg)
{
	struct hz_dicom_sound *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		int64_t number = next_slice(s);
		if (number < 0) {
			pthread_cond_wait(&s->changed, &s->lock);
			continue;
		}
		struct hz_slice slice = {.count = 0};
		pthread_mutex_unlock(&s->lock);
		int err = hz_slice_make(&s->packets, s->channels, number, &slice);
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

// The next slice into `now`.
static int next(struct hz_dicom_sound *s)
{
	hz_slice_done(&s->now);
	pthread_mutex_lock(&s->lock);
	struct ready *r = &s->ready[s->written % AHEAD];
	s->wanted = s->written;
	pthread_cond_broadcast(&s->changed);
	while (!r->made)
		pthread_cond_wait(&s->changed, &s->lock);
	int err = r->err;
	s->now = r->slice;
	*r = (struct ready){.made = false};
	s->written++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	s->frame = 0;
	return err;
}

// --- writing

int hz_dicom_sound_new(const char *path, int64_t offset_us, struct hz_dicom_sound **ret)
{
	struct hz_dicom_sound *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->offset_us = offset_us;
	s->wanted = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	int err = open_file(s, path);
	if (!err && !s->copy)
		err = read_all(s);
	if (!err && !s->copy)
		err = start(s);
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
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->packets.list);
	free(s->packets.data);
	av_packet_free(&s->packet);
	avcodec_free_context(&s->encoder);
	avformat_close_input(&s->in);
	free(s);
}

unsigned hz_dicom_sound_channels(const struct hz_dicom_sound *s)
{
	return (unsigned)s->channels;
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
	const AVRational from = s->in->streams[s->index]->time_base;
	const int64_t shift = av_rescale(s->offset_us, HZ_DICOM_SOUND_HZ, 1000000);
	for (;;) {
		if (!s->has_packet && av_read_frame(s->in, s->packet) < 0)
			return 0;
		s->has_packet = false;
		AVPacket *p = s->packet;
		if (p->stream_index == s->index && p->pts != AV_NOPTS_VALUE) {
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

static int write_frame(struct hz_dicom_sound *s, const struct hz_aac *f)
{
	if (av_new_packet(s->packet, (int)f->bytes) < 0)
		return -ENOMEM;
	memcpy(s->packet->data, s->now.data + f->from, f->bytes);
	s->packet->pts = s->packet->dts = f->pts;
	s->packet->duration = HZ_AAC_FRAME;
	s->packet->flags |= AV_PKT_FLAG_KEY;
	return write_packet(s);
}

int hz_dicom_sound_fill(struct hz_dicom_sound *s, int64_t until_us)
{
	int64_t until = av_rescale(until_us, HZ_DICOM_SOUND_HZ, 1000000);
	int err = 0;
	if (s->copy)
		return copy_until(s, until);
	for (;;) {
		if (s->frame == s->now.count)
			err = next(s);
		if (!err && s->now.count == 0)
			err = -EIO;
		if (err || s->now.frame[s->frame].pts >= until)
			return err;
		err = write_frame(s, &s->now.frame[s->frame]);
		if (err)
			return err;
		s->frame++;
	}
}
