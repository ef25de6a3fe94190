#include "recorder/compose/voice.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/opt.h>
#include <libswresample/swresample.h>

#define JUMP      480  // samples: from there on a difference is a gap, not drift
#define DRIFT_MAX 240  // samples a second: 0.5 %
#define SMOOTH    16.0 // frames
#define ROOM      (1u << 16)

struct hz_voice {
	const struct hz_input_file **file;
	unsigned files, next;
	struct hz_clip *clip;
	AVFrame *frame;
	bool waiting;      // frame is decoded and belongs to `frame_at`
	int64_t frame_at;  // sample of the record
	int64_t frame_off; // samples of it that are cut off at its begin
	struct SwrContext *swr;
	int channels;
	double drift;   // smoothed difference, samples
	float *samples; // resampled, stereo; the first is at `from`
	int64_t from;
	unsigned have;
};

static bool is_of(const struct hz_input_file *f, unsigned person, uint8_t source, bool alone)
{
	return f->audio && f->video == !alone && f->person == person && f->source == source;
}

int hz_voice_new(const struct hz_input *input, unsigned person, uint8_t source, bool alone,
                 struct hz_voice **ret)
{
	unsigned count = 0;
	for (unsigned i = 0; i < input->files_count; i++)
		count += is_of(&input->files[i], person, source, alone);
	*ret = NULL;
	if (count == 0)
		return 0;
	struct hz_voice *v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->file = calloc(count, sizeof(*v->file));
	v->frame = av_frame_alloc();
	v->samples = calloc(2 * (size_t)ROOM, sizeof(*v->samples));
	if (!v->file || !v->frame || !v->samples) {
		hz_voice_free(v);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < input->files_count; i++)
		if (is_of(&input->files[i], person, source, alone))
			v->file[v->files++] = &input->files[i];
	*ret = v;
	return 0;
}

void hz_voice_free(struct hz_voice *voice)
{
	if (!voice)
		return;
	hz_clip_close(voice->clip);
	swr_free(&voice->swr);
	av_frame_free(&voice->frame);
	free(voice->samples);
	free(voice->file);
	free(voice);
}

// --- the resampler

static int start_resampler(struct hz_voice *v)
{
	AVChannelLayout layout = v->frame->ch_layout;
	swr_free(&v->swr);
	v->channels = layout.nb_channels;
	int err = swr_alloc_set_opts2(&v->swr, &layout, AV_SAMPLE_FMT_FLT, HZ_VOICE_HZ, &layout,
	                              v->frame->format, v->frame->sample_rate, 0, NULL);
	if (err < 0)
		return -ENOMEM;
	av_opt_set_int(v->swr, "flags", SWR_FLAG_RESAMPLE, 0); // always: its rate will change
	av_opt_set_int(v->swr, "linear_interp", 1, 0);
	v->drift = 0;
	return swr_init(v->swr) < 0 ? -EBADMSG : 0;
}

// What came out of the resampler, 1 or 2 channels, goes behind what is there.
static int take(struct hz_voice *v, const uint8_t **in, int in_count)
{
	float buf[2 * 8192];
	uint8_t *out[1] = {(uint8_t *)buf};
	int n = swr_convert(v->swr, out, 8192, in, in_count);
	if (n < 0 || (unsigned)n > ROOM - v->have)
		return -EBADMSG;
	float *to = v->samples + 2 * (size_t)v->have;
	for (int i = 0; i < n; i++) {
		to[2 * i] = buf[i * v->channels];
		to[2 * i + 1] = buf[i * v->channels + v->channels - 1];
	}
	v->have += (unsigned)n;
	return 0;
}

static int64_t end_of(const struct hz_voice *v)
{
	return v->from + v->have + (v->swr ? swr_get_delay(v->swr, HZ_VOICE_HZ) : 0);
}

static int drain(struct hz_voice *v)
{
	int err = v->swr ? take(v, NULL, 0) : 0;
	swr_free(&v->swr);
	return err;
}

static void silence(struct hz_voice *v, int64_t count)
{
	if (count > ROOM - v->have)
		count = ROOM - v->have;
	if (count <= 0)
		return;
	memset(v->samples + 2 * (size_t)v->have, 0, 2 * (size_t)count * sizeof(float));
	v->have += (unsigned)count;
}

// A little faster or slower, so that the difference is gone in about a second.
static void steer(struct hz_voice *v, int64_t difference)
{
	v->drift += ((double)difference - v->drift) / SMOOTH;
	double step = v->drift < -DRIFT_MAX ? -DRIFT_MAX : v->drift > DRIFT_MAX ? DRIFT_MAX : v->drift;
	(void)swr_set_compensation(v->swr, (int)lround(step), HZ_VOICE_HZ);
}

static bool is_other_format(const struct hz_voice *v)
{
	return !v->swr || v->frame->ch_layout.nb_channels != v->channels;
}

// The frame that waits goes in. It is at or before the end of what is wanted.
static int put_frame(struct hz_voice *v)
{
	int64_t difference = v->frame_at - end_of(v);
	int err = 0;
	v->waiting = false;
	if (v->frame->ch_layout.nb_channels < 1 || v->frame->ch_layout.nb_channels > 2)
		return -EBADMSG;
	if (difference > JUMP || difference < -JUMP || is_other_format(v)) {
		err = drain(v);
		difference = v->frame_at - end_of(v);
		silence(v, difference);
		v->frame_off = difference < 0 ? -difference : 0;
		if (v->frame_off >= v->frame->nb_samples)
			return err;
		err = err ? err : start_resampler(v);
	} else {
		steer(v, difference);
		v->frame_off = 0;
	}
	if (err)
		return err;
	const uint8_t *in[2] = {NULL, NULL};
	int planes = av_sample_fmt_is_planar(v->frame->format) ? v->channels : 1;
	size_t step =
	    (size_t)av_get_bytes_per_sample(v->frame->format) * (planes == 1 ? (size_t)v->channels : 1);
	for (int i = 0; i < planes; i++)
		in[i] = v->frame->extended_data[i] + (size_t)v->frame_off * step;
	return take(v, in, v->frame->nb_samples - (int)v->frame_off);
}

// --- reading

static int open_next(struct hz_voice *v, char *error)
{
	hz_clip_close(v->clip);
	v->clip = NULL;
	v->waiting = false;
	return hz_clip_open(v->file[v->next++]->path, false, error, &v->clip);
}

static int decode(struct hz_voice *v, char *error)
{
	int64_t us;
	const struct hz_input_file *f = v->file[v->next - 1];
	int got = hz_clip_next(v->clip, v->frame, &us);
	if (got == 1 && v->frame->sample_rate != HZ_VOICE_HZ)
		got = -EBADMSG;
	if (got == -EBADMSG)
		snprintf(error, HZ_CLIP_ERROR, "%.160s: cut off or damaged: finalise the record again",
		         f->path);
	if (got < 0)
		return got;
	if (got == 0) {
		hz_clip_close(v->clip);
		v->clip = NULL;
		return 0;
	}
	v->frame_at = f->at_ms * (HZ_VOICE_HZ / 1000) + us * 6 / 125; // * 48000 / 1000000
	v->waiting = true;
	return 0;
}

// Until there are samples up to `until`, or none to come before it.
static int fill(struct hz_voice *v, int64_t until, char *error)
{
	int err = 0;
	while (!err && v->from + v->have < until) {
		int64_t end = end_of(v), due = v->clip || v->waiting ? end : until - 1;
		if (v->next < v->files && v->file[v->next]->at_ms * (HZ_VOICE_HZ / 1000) <= due)
			err = open_next(v, error);
		else if (v->swr && v->waiting && v->frame_at > end + JUMP)
			err = drain(v); // what was said before the gap
		else if (v->waiting && v->frame_at >= until + JUMP)
			break;
		else if (v->waiting)
			err = put_frame(v);
		else if (v->clip)
			err = decode(v, error);
		else if (v->swr)
			err = drain(v);
		else
			break;
		if (err == -EBADMSG && !error[0])
			snprintf(error, HZ_CLIP_ERROR, "%.160s: its sound is not what it should be",
			         v->file[v->next - 1]->path);
	}
	return err;
}

int hz_voice_mix(struct hz_voice *voice, int64_t at, float *stereo, unsigned count,
                 char ret_error[HZ_CLIP_ERROR])
{
	struct hz_voice *v = voice;
	unsigned skip = at > v->from ? (unsigned)(at - v->from < v->have ? at - v->from : v->have) : 0;
	v->have -= skip;
	memmove(v->samples, v->samples + 2 * (size_t)skip, 2 * (size_t)v->have * sizeof(float));
	v->from = v->have ? v->from + skip : at;
	int err = fill(v, at + count, ret_error);
	if (err)
		return err;
	unsigned n = v->have < count ? v->have : count;
	for (unsigned i = 0; i < 2 * n; i++)
		stereo[i] += v->samples[i];
	return 0;
}
