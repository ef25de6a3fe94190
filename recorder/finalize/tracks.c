#include "recorder/finalize/tracks.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "media/rtp/bytes.h"
#include "media/rtp/packet.h"

#define CONFIGS 4096 // of a stream

int hz_tracks_new(struct hz_tracks **ret)
{
	struct hz_tracks *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	*ret = t;
	return 0;
}

static void stop_pass(struct hz_stream *s)
{
	hz_order_free(s->order);
	hz_frames_free(s->frames);
	s->order = NULL;
	s->frames = NULL;
	s->codec = HZ_CODEC_NONE;
}

static void free_stream(struct hz_stream *s)
{
	stop_pass(s);
	hz_clock_free(s->clock);
	for (struct hz_config *c = s->configs, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(s->gop);
	free(s->refused.frame);
	free(s);
}

void hz_tracks_free(struct hz_tracks *tracks)
{
	for (unsigned i = 0; tracks && i < HZ_JOURNAL_TRACKS; i++) {
		struct hz_track *t = tracks->list[i];
		for (unsigned k = 0; t && k < t->streams; k++)
			free_stream(t->stream[k]);
		free(t);
	}
	free(tracks);
}

// --- descriptions

static uint8_t codec_of_name(const char *name)
{
	static const struct {
		const char *name;
		uint8_t codec;
	} names[] = {{"opus", HZ_CODEC_OPUS}, {"red", HZ_CODEC_RED}, {"h264", HZ_CODEC_H264_HIGH},
	             {"vp8", HZ_CODEC_VP8},   {"vp9", HZ_CODEC_VP9}, {"av1", HZ_CODEC_AV1}};
	for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i].name) == 0)
			return names[i].codec;
	return HZ_CODEC_NONE;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

// A key names files: nothing but what a participant's id may hold.
static bool sound_key(const char *key)
{
	size_t n = strlen(key);
	if (n == 0 || n >= HZ_TRACK_KEY - 16 || key[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)key[i]) && !strchr("._-", key[i]))
			return false;
	return true;
}

static void describe(struct hz_track *t, const json_t *root)
{
	const char *key = text_of(root, "key"), *kind = text_of(root, "kind");
	const json_t *pt;
	size_t i;
	if (!t->described) {
		if (sound_key(key))
			snprintf(t->key, sizeof(t->key), "%s", key);
		snprintf(t->participant, sizeof(t->participant), "%s", text_of(root, "participant"));
		snprintf(t->source, sizeof(t->source), "%s", text_of(root, "source"));
		t->audio = strcmp(kind, "audio") == 0;
		t->described = true;
	}
	memset(t->codec_of, 0, sizeof(t->codec_of));
	json_array_foreach(json_object_get(root, "pts"), i, pt)
	{
		json_int_t number = json_integer_value(json_object_get(pt, "pt"));
		uint8_t codec = codec_of_name(text_of(pt, "codec"));
		bool audio = codec == HZ_CODEC_OPUS || codec == HZ_CODEC_RED;
		if (number >= 0 && number < 128 && audio == t->audio)
			t->codec_of[number] = codec;
	}
}

static struct hz_track *track_of(struct hz_tracks *all, uint32_t number)
{
	if (number == 0 || number >= HZ_JOURNAL_TRACKS)
		return NULL;
	struct hz_track *t = all->list[number];
	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t) {
		all->err = -ENOMEM;
		return NULL;
	}
	t->all = all;
	t->number = number;
	snprintf(t->key, sizeof(t->key), "track-%u", number);
	all->list[number] = t;
	return t;
}

static void on_description(struct hz_tracks *all, const struct hz_journal_item *item)
{
	json_t *root = json_loadb((const char *)item->data, item->bytes, 0, NULL);
	json_int_t number = json_integer_value(json_object_get(root, "track"));
	if (number <= 0)
		number = item->track;
	struct hz_track *t =
	    number > 0 && number < HZ_JOURNAL_TRACKS ? track_of(all, (uint32_t)number) : NULL;
	if (t && json_is_object(root))
		describe(t, root);
	json_decref(root);
}

// --- what the first pass notes

static uint64_t fnv(uint64_t hash, const void *data, size_t bytes)
{
	const uint8_t *p = data;
	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ull;
	return hash;
}

static const struct hz_config *config_of(struct hz_stream *s, const struct hz_frame *f)
{
	uint64_t id = fnv(0xcbf29ce484222325ull, &f->codec, 1);
	unsigned count = 0;
	if (f->sps)
		id = fnv(id, f->sps, f->sps_bytes);
	else if (f->config)
		id = fnv(id, f->config, f->config_bytes);
	for (struct hz_config *c = s->configs; c; c = c->next, count++)
		if (c->identity == id && c->width == f->width && c->height == f->height &&
		    c->bytes == f->config_bytes &&
		    (!c->bytes || !f->config || memcmp(c->data, f->config, c->bytes) == 0))
			return c;
	struct hz_config *c = count < CONFIGS ? calloc(1, sizeof(*c) + f->config_bytes) : NULL;
	if (!c)
		return NULL;
	*c = (struct hz_config){.next = s->configs,
	                        .codec = f->codec,
	                        .identity = id,
	                        .width = f->width,
	                        .height = f->height,
	                        .bytes = f->config_bytes};
	if (f->config)
		memcpy(c->data, f->config, c->bytes);
	s->configs = c;
	return c;
}

static struct hz_gop *new_gop(struct hz_stream *s)
{
	if (s->gops == s->gop_room) {
		size_t room = s->gop_room ? s->gop_room * 2 : 32;
		struct hz_gop *gop = room <= HZ_STREAM_GOPS ? realloc(s->gop, room * sizeof(*gop)) : NULL;
		if (!gop)
			return NULL;
		s->gop = gop;
		s->gop_room = room;
	}
	return &s->gop[s->gops];
}

static void note_frame(struct hz_stream *s, const struct hz_frame *f)
{
	if (!s->frame_count++) {
		s->first_seq = f->seq;
		s->first_ts = f->ts;
	}
	s->frame_bytes += f->bytes;
	s->last_seq = f->seq;
	s->last_ts = f->ts;
	s->stereo |= f->stereo;
	if (s->track->audio)
		return;
	if (f->key) {
		const struct hz_config *config = config_of(s, f);
		struct hz_gop *g = config ? new_gop(s) : NULL;
		if (!g)
			return;
		*g = (struct hz_gop){.seq = f->seq, .ts = f->ts, .config = config};
		s->gops++;
	}
	if (!s->gops)
		return;
	struct hz_gop *g = &s->gop[s->gops - 1];
	g->last_seq = f->seq;
	g->last_ts = f->ts;
	g->frames++;
}

static void on_frame(void *arg, const struct hz_frame *frame)
{
	struct hz_stream *s = arg;
	if (!s->track->all->writing)
		note_frame(s, frame);
	if (s->track->all->cb)
		s->track->all->cb(s->track->all->arg, s, frame);
}

static void add_stats(struct hz_stream *s)
{
	struct hz_frames_stats now, *sum = &s->frame_stats;
	if (!s->frames || s->track->all->writing)
		return;
	hz_frames_stats(s->frames, &now);
	sum->frames += now.frames;
	sum->keyframes += now.keyframes;
	sum->left_out += now.left_out;
	sum->malformed += now.malformed;
	sum->recovered += now.recovered;
}

static void on_order(void *arg, const struct hz_order_packet *p)
{
	struct hz_stream *s = arg;
	uint8_t codec = s->track->codec_of[p->pt & 0x7f];
	if (codec == HZ_CODEC_NONE) {
		s->track->unknown_packets++;
		return;
	}
	if (codec != s->codec) {
		if (s->frames)
			hz_frames_flush(s->frames);
		add_stats(s);
		hz_frames_free(s->frames);
		s->frames = NULL;
		s->codec = codec;
		if (hz_frames_new(codec, &s->refused, on_frame, s, &s->frames) != 0)
			s->track->all->err = -ENOMEM;
	}
	if (!s->track->all->writing && p->bytes)
		hz_clock_packet(s->clock, p->seq, p->ts, p->at_us);
	if (s->frames)
		hz_frames_put(s->frames, p);
}

// --- packets and reports

static struct hz_stream *stream_of(struct hz_track *t, uint32_t ssrc, uint8_t layer, bool make)
{
	for (unsigned i = 0; i < t->streams; i++)
		if (t->stream[i]->ssrc == ssrc && (!make || t->stream[i]->layer == layer))
			return t->stream[i];
	if (!make || t->streams == HZ_TRACK_STREAMS)
		return NULL;
	struct hz_stream *s = calloc(1, sizeof(*s));
	if (!s || hz_clock_new(t->audio ? 48000 : 90000, &s->clock) != 0) {
		free(s);
		t->all->err = -ENOMEM;
		return NULL;
	}
	s->track = t;
	s->ssrc = ssrc;
	s->layer = layer;
	s->index = t->streams;
	t->stream[t->streams++] = s;
	return s;
}

static void on_rtp(struct hz_tracks *all, const struct hz_journal_item *item, int64_t us)
{
	struct hz_track *t = track_of(all, item->track);
	struct hz_rtp_packet p;
	if (!t)
		return;
	if (!all->writing) {
		t->first_us = t->packets && t->first_us < us ? t->first_us : us;
		t->last_us = t->packets && t->last_us > us ? t->last_us : us;
		t->packets++;
	}
	if (hz_rtp_parse(item->data, item->bytes, &p) != 0) {
		t->bad_packets += !all->writing;
		return;
	}
	struct hz_stream *s = stream_of(t, p.ssrc, item->flags & HZ_RECORD_LAYER, true);
	if (!s) {
		t->unknown_packets += !all->writing;
		return;
	}
	int err = s->order ? 0 : hz_order_new(HZ_ORDER_WINDOW_US, on_order, s, &s->order);
	if (!err)
		err = hz_order_put(s->order, &p, us);
	if (err)
		all->err = err;
}

static void on_report(struct hz_tracks *all, const struct hz_journal_item *item, int64_t us)
{
	struct hz_track *t = track_of(all, item->track);
	struct hz_stream *s = t && item->bytes >= 16 ? stream_of(t, hz_get32(item->data), 0, false) : NULL;
	if (s && !all->writing)
		hz_clock_report(s->clock, hz_get64(item->data + 4), hz_get32(item->data + 12), us);
}

int hz_tracks_begin(struct hz_tracks *tracks, bool writing, hz_tracks_frame_cb *cb, void *arg)
{
	tracks->writing = writing;
	tracks->cb = cb;
	tracks->arg = arg;
	for (unsigned i = 0; i < HZ_JOURNAL_TRACKS; i++) {
		struct hz_track *t = tracks->list[i];
		for (unsigned k = 0; t && k < t->streams; k++) {
			stop_pass(t->stream[k]);
			t->stream[k]->refused.replay = writing;
			t->stream[k]->refused.at = 0;
		}
	}
	return tracks->err;
}

int hz_tracks_item(struct hz_tracks *tracks, const struct hz_journal_item *item, int64_t us)
{
	if (item->kind == HZ_RECORD_TRACK)
		on_description(tracks, item);
	else if (item->kind == HZ_RECORD_RTP)
		on_rtp(tracks, item, us);
	else if (item->kind == HZ_RECORD_SR)
		on_report(tracks, item, us);
	return tracks->err;
}

int hz_tracks_end(struct hz_tracks *tracks)
{
	for (unsigned i = 0; i < HZ_JOURNAL_TRACKS; i++) {
		struct hz_track *t = tracks->list[i];
		for (unsigned k = 0; t && k < t->streams; k++) {
			struct hz_stream *s = t->stream[k];
			if (s->order)
				hz_order_flush(s->order);
			if (s->frames)
				hz_frames_flush(s->frames);
			if (s->order && !tracks->writing)
				hz_order_stats(s->order, &s->order_stats);
			add_stats(s);
			stop_pass(s);
		}
	}
	return tracks->err;
}

// --- clocks

static int solve_one(struct hz_tracks *tracks, unsigned first, bool *done)
{
	const char *participant = tracks->list[first]->participant;
	struct hz_clock **clocks = NULL;
	size_t count = 0;
	for (unsigned i = first; i < HZ_JOURNAL_TRACKS; i++) {
		struct hz_track *t = tracks->list[i];
		if (!t || done[i] || strcmp(t->participant, participant) != 0)
			continue;
		done[i] = true;
		struct hz_clock **more =
		    realloc(clocks, (count + t->streams + 1) * sizeof(struct hz_clock *));
		if (!more) {
			free(clocks);
			return -ENOMEM;
		}
		clocks = more;
		for (unsigned k = 0; k < t->streams; k++)
			clocks[count++] = t->stream[k]->clock;
	}
	int err = hz_clock_solve(clocks, count);
	free(clocks);
	return err;
}

int hz_tracks_solve(struct hz_tracks *tracks)
{
	bool *done = calloc(HZ_JOURNAL_TRACKS, sizeof(*done));
	int err = done ? 0 : -ENOMEM;
	for (unsigned i = 0; i < HZ_JOURNAL_TRACKS && !err; i++)
		if (tracks->list[i] && !done[i])
			err = solve_one(tracks, i, done);
	free(done);
	return err;
}

int64_t hz_stream_us(const struct hz_stream *stream, int64_t seq, int64_t ts)
{
	return hz_clock_us(stream->clock, seq, ts);
}
