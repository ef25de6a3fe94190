#include "recorder/finalize/write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/codec/h264.h"
#include "recorder/finalize/mux.h"
#include "recorder/finalize/sound.h"

#define HOLD_US                                                                                              \
	8000000 // sound may come so much later than pictures; under libavformat's 10 s of interleaving
#define DONE_US  60000000 // a part is closed so long after its end
#define SWEEP_US 1000000

struct out {
	struct hz_out_info info;
	int64_t end_us; // pictures and sound before it belong here
	struct hz_mux *mux;
	struct hz_sound sound;
	bool stereo, closed, failed;
};

struct group { // a track's files
	struct hz_track *track;
	struct hz_plan *plan; // video
	size_t first, count;  // of `out`
	bool embeds;          // takes its participant's microphone
	bool done;            // its files are closed
	struct group **into;  // of a microphone: those that take it
	size_t into_count;
};

struct hz_write {
	struct hz_tracks *tracks;
	char folder[1024];
	struct group *group; // by track number
	size_t groups;
	struct out *out;
	size_t outs;
	int64_t swept_us;
	uint64_t refused;
	int err;
};

static bool is_microphone_of(const struct hz_track *audio, const struct hz_track *video)
{
	return audio->audio && strcmp(audio->source, "microphone") == 0 &&
	       strcmp(audio->participant, video->participant) == 0;
}

// First and last moment of a track's frames; false: it has none.
static bool extent(const struct hz_track *t, int64_t *ret_first, int64_t *ret_last, bool *ret_stereo)
{
	int64_t first = INT64_MAX, last = INT64_MIN;
	*ret_stereo = false;
	for (unsigned i = 0; i < t->streams; i++) {
		const struct hz_stream *s = t->stream[i];
		if (!s->frame_count)
			continue;
		int64_t from = hz_stream_us(s, s->first_seq, s->first_ts);
		int64_t to = hz_stream_us(s, s->last_seq, s->last_ts);
		first = from < first ? from : first;
		last = to > last ? to : last;
		*ret_stereo |= s->stereo;
	}
	*ret_first = first;
	*ret_last = last;
	return first != INT64_MAX;
}

// Whether some microphone of the track's participant sounds in the meantime.
static bool has_sound(const struct hz_tracks *tracks, const struct hz_track *video, int64_t start_us,
                      int64_t end_us, bool *ret_stereo)
{
	bool ret = false;
	for (unsigned i = 0; i < HZ_JOURNAL_TRACKS; i++) {
		const struct hz_track *t = tracks->list[i];
		int64_t first, last;
		bool stereo;
		if (!t || !is_microphone_of(t, video) || !extent(t, &first, &last, &stereo))
			continue;
		if (first < end_us && last >= start_us) {
			ret = true;
			*ret_stereo |= stereo;
		}
	}
	return ret;
}

static bool is_mp4(const struct out *o)
{
	const struct hz_config *c = o->info.config;
	return c && (c->codec == HZ_CODEC_H264_CB || c->codec == HZ_CODEC_H264_HIGH);
}

static int sound_to_mux(void *arg, const uint8_t *data, size_t bytes, int64_t us, uint32_t samples)
{
	struct out *o = arg;
	return hz_mux_audio(o->mux, data, bytes, us, samples);
}

static void fail(struct hz_write *w, struct out *o, int err)
{
	hz_mux_abort(o->mux);
	o->mux = NULL;
	o->failed = o->closed = true;
	w->refused++;
	if (err != -EBADMSG && err != -EINVAL && !w->err)
		w->err = err; // of the disk or of memory: not this stream's fault
}

static bool open_out(struct hz_write *w, struct out *o)
{
	char path[sizeof(w->folder) + sizeof(o->info.path) + 2];
	const struct hz_config *c = o->info.config;
	if (o->mux || o->closed)
		return o->mux != NULL;
	snprintf(path, sizeof(path), "%s/%s", w->folder, o->info.path);
	struct hz_mux_open with = {.path = path,
	                           .container = is_mp4(o) ? HZ_CONTAINER_MP4 : HZ_CONTAINER_WEBM,
	                           .audio = o->info.audio,
	                           .stereo = o->stereo};
	if (c) {
		with.video = c->codec;
		with.width = c->width;
		with.height = c->height;
		with.config = c->data;
		with.config_bytes = c->bytes;
		with.exact = is_mp4(o) && hz_h264_avcc_has_timing(c->data, c->bytes);
	}
	int err = hz_mux_open(&with, &o->mux);
	if (err) {
		fail(w, o, err);
		return false;
	}
	hz_sound_init(&o->sound, sound_to_mux, o, c != NULL);
	return true;
}

static void close_out(struct hz_write *w, struct out *o)
{
	int64_t end_us = o->info.config ? o->end_us - o->info.start_us : o->sound.end_us;
	if (!o->mux || o->closed)
		return;
	int err = o->info.audio && o->info.config ? hz_sound_advance(&o->sound, end_us) : 0;
	if (err) {
		fail(w, o, err);
		return;
	}
	err = hz_mux_close(o->mux);
	o->mux = NULL;
	o->closed = true;
	o->info.duration_us = end_us;
	if (err)
		fail(w, o, err);
}

// --- what will be there

static void name_out(struct out *o, const char *extension)
{
	if (o->info.part > 1)
		snprintf(o->info.path, sizeof(o->info.path), "tracks/%s-%02u.%s", o->info.track->key,
		         o->info.part, extension);
	else
		snprintf(o->info.path, sizeof(o->info.path), "tracks/%s.%s", o->info.track->key, extension);
}

static struct out *add_outs(struct hz_write *w, size_t count)
{
	struct out *more = realloc(w->out, (w->outs + count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	w->out = more;
	memset(more + w->outs, 0, count * sizeof(*more));
	w->outs += count;
	return more + w->outs - count;
}

static int plan_video(struct hz_write *w, struct group *g)
{
	struct out *o = add_outs(w, g->plan->parts);
	if (!o)
		return -ENOMEM;
	g->embeds = strcmp(g->track->source, "camera") == 0;
	g->count = g->plan->parts;
	for (size_t i = 0; i < g->count; i++, o++) {
		const struct hz_part *p = &g->plan->part[i];
		o->end_us = p->end_us;
		o->info = (struct hz_out_info){
		    .track = g->track, .config = p->config, .part = (unsigned)i + 1, .start_us = p->start_us};
		o->info.audio =
		    g->embeds && has_sound(w->tracks, g->track, p->start_us, p->end_us, &o->stereo);
		name_out(o, is_mp4(o) ? "mp4" : "webm");
	}
	return 0;
}

static int plan_audio(struct hz_write *w, struct group *g)
{
	int64_t first, last;
	bool stereo;
	if (!extent(g->track, &first, &last, &stereo))
		return 0;
	struct out *o = add_outs(w, 1);
	if (!o)
		return -ENOMEM;
	g->count = 1;
	o->end_us = INT64_MAX;
	o->stereo = stereo;
	o->info = (struct hz_out_info){.track = g->track, .audio = true, .part = 1, .start_us = first};
	name_out(o, "webm");
	return 0;
}

// A microphone's frames come often, and people may be many: who takes them is looked up once.
static int link_sound(struct hz_write *w, struct group *own)
{
	for (size_t i = 0; own->track->audio && i < w->groups; i++) {
		struct group *g = &w->group[i];
		if (!g->embeds || !is_microphone_of(own->track, g->track))
			continue;
		struct group **more = realloc(own->into, (own->into_count + 1) * sizeof(struct group *));
		if (!more)
			return -ENOMEM;
		own->into = more;
		own->into[own->into_count++] = g;
	}
	return 0;
}

// How many parts a track may have, so that there is a file for every track.
static size_t share(const struct hz_write *w)
{
	size_t most = HZ_PLAN_PARTS, sum;
	do {
		sum = 0;
		for (size_t i = 0; i < w->groups; i++) {
			size_t parts = w->group[i].plan ? w->group[i].plan->parts : 1;
			sum += parts < most ? parts : most;
		}
	} while (sum > HZ_WRITE_FILES && --most);
	return most;
}

static int plan_all(struct hz_write *w)
{
	int err = 0;
	for (size_t i = 0; i < w->groups && !err; i++)
		if (!w->group[i].track->audio)
			err = hz_plan_make(w->group[i].track, &w->group[i].plan);
	size_t most = share(w);
	for (size_t i = 0; i < w->groups && !err; i++) {
		struct group *g = &w->group[i];
		if (g->plan && g->plan->parts > most) {
			w->refused += g->plan->parts - most;
			hz_plan_shorten(g->plan, most);
		}
		g->first = w->outs;
		err = g->plan ? plan_video(w, g) : plan_audio(w, g);
	}
	for (size_t i = 0; i < w->groups && !err; i++)
		err = link_sound(w, &w->group[i]);
	return err;
}

int hz_write_new(struct hz_tracks *tracks, const char *folder, struct hz_write **ret)
{
	struct hz_write *w = calloc(1, sizeof(*w));
	int n = w ? snprintf(w->folder, sizeof(w->folder), "%s", folder) : -1;
	int err = !w ? -ENOMEM : n < 0 || (size_t)n >= sizeof(w->folder) ? -ENAMETOOLONG : 0;
	if (!err) {
		w->tracks = tracks;
		w->group = calloc(HZ_JOURNAL_TRACKS, sizeof(*w->group));
		err = w->group ? 0 : -ENOMEM;
	}
	for (unsigned i = 0; i < HZ_JOURNAL_TRACKS && !err; i++) {
		struct hz_track *t = tracks->list[i];
		if (!t)
			continue;
		for (unsigned k = 0; k < t->streams; k++)
			t->stream[k]->cut = 0;
		struct group *g = &w->group[w->groups++];
		*g = (struct group){.track = t};
		t->plan = g;
	}
	if (!err)
		err = plan_all(w);
	if (err)
		hz_write_free(w);
	else
		*ret = w;
	return err;
}

// --- frames

static void put_sound(struct hz_write *w, struct out *o, const struct hz_frame *f, int64_t us)
{
	if (o->closed || us < o->info.start_us || us >= o->end_us || !open_out(w, o))
		return;
	int err = hz_sound_put(&o->sound, f->data, f->bytes, us - o->info.start_us, f->samples);
	if (err)
		fail(w, o, err);
}

static void on_sound(struct hz_write *w, struct group *own, const struct hz_frame *f, int64_t us)
{
	if (own->count)
		put_sound(w, &w->out[own->first], f, us);
	for (size_t i = 0; i < own->into_count; i++) {
		const struct group *g = own->into[i];
		for (size_t k = 0; k < g->count; k++)
			if (w->out[g->first + k].info.audio)
				put_sound(w, &w->out[g->first + k], f, us);
	}
}

static void on_picture(struct hz_write *w, struct group *g, struct hz_stream *s, const struct hz_frame *f,
                       int64_t us)
{
	const struct hz_cut *c = hz_plan_find(g->plan, s, &s->cut, f->seq, us);
	if (!c)
		return;
	struct out *o = &w->out[g->first + c->part];
	for (size_t k = 0; k < c->part; k++)
		if (w->out[g->first + k].end_us < us - DONE_US)
			close_out(w, &w->out[g->first + k]);
	// a file begins with a keyframe, whatever happened to the one that was planned
	if ((!o->info.frames && !f->key) || !open_out(w, o))
		return;
	int64_t at = us - o->info.start_us;
	int err = hz_mux_video(o->mux, f->data, f->bytes, at, f->key);
	if (!err && o->info.audio && at > HOLD_US)
		err = hz_sound_advance(&o->sound, at - HOLD_US);
	if (err) {
		fail(w, o, err);
		return;
	}
	if (!o->info.frames++)
		o->info.first_us = us;
	o->info.last_us = us;
}

void hz_write_frame(void *arg, struct hz_stream *stream, const struct hz_frame *frame)
{
	struct hz_write *w = arg;
	struct group *g = stream->track->plan;
	if (!g || w->err)
		return;
	int64_t us = hz_stream_us(stream, frame->seq, frame->ts);
	if (stream->track->audio)
		on_sound(w, g, frame, us);
	else
		on_picture(w, g, stream, frame, us);
}

// By arrivals, which nobody but the recorder sets: a sender's clock may say anything.
void hz_write_advance(struct hz_write *write, int64_t us)
{
	if (us < write->swept_us + SWEEP_US)
		return;
	write->swept_us = us;
	for (size_t i = 0; i < write->groups; i++) {
		struct group *g = &write->group[i];
		if (g->done || g->track->last_us >= us - DONE_US)
			continue;
		g->done = true;
		for (size_t k = 0; k < g->count; k++)
			close_out(write, &write->out[g->first + k]);
	}
}

int hz_write_close(struct hz_write *write)
{
	for (size_t i = 0; i < write->outs && !write->err; i++)
		close_out(write, &write->out[i]);
	return write->err;
}

void hz_write_free(struct hz_write *write)
{
	if (!write)
		return;
	for (size_t i = 0; i < write->outs; i++)
		hz_mux_abort(write->out[i].mux);
	for (size_t i = 0; write->group && i < write->groups; i++) {
		free(write->group[i].into);
		hz_plan_free(write->group[i].plan);
		write->group[i].track->plan = NULL;
	}
	free(write->out);
	free(write->group);
	free(write);
}

size_t hz_write_count(const struct hz_write *write)
{
	return write->outs;
}

bool hz_write_info(const struct hz_write *write, size_t i, struct hz_out_info *ret)
{
	const struct out *o = &write->out[i];
	*ret = o->info;
	return o->closed && !o->failed;
}

uint64_t hz_write_refused(const struct hz_write *write)
{
	return write->refused;
}

int64_t hz_write_first_us(const struct hz_write *write)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < write->outs; i++)
		if (write->out[i].info.start_us < first)
			first = write->out[i].info.start_us;
	return first;
}
