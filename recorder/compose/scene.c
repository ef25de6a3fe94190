#include "recorder/compose/scene.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct person {
	bool muted[HZ_INPUT_SOURCES];
	bool speaking;
};

struct scene_layout {
	bool known, grid, pinned;
	int person;
	uint8_t source;
};

struct hz_scene {
	const struct hz_input *input;
	struct person *people;
	struct scene_layout layout;
	unsigned event; // next one
	uint8_t speakers[HZ_INPUT_SPEAKERS];
	unsigned speaker_count;
	int floor; // -1
	int64_t heard_ms;
};

// Order of one person's tiles, as in the pages.
static const uint8_t order[] = {HZ_INPUT_SCREEN,    HZ_INPUT_IMAGE,      HZ_INPUT_MIX,    HZ_INPUT_ULTRASOUND,
                                HZ_INPUT_ENDOSCOPE, HZ_INPUT_MICROSCOPE, HZ_INPUT_CAMERA, HZ_INPUT_CAMERA2};

static bool is_content(uint8_t source)
{
	return source == HZ_INPUT_SCREEN || source == HZ_INPUT_IMAGE || source == HZ_INPUT_ULTRASOUND ||
	       source == HZ_INPUT_ENDOSCOPE || source == HZ_INPUT_MICROSCOPE;
}

int hz_scene_new(const struct hz_input *input, struct hz_scene **ret)
{
	struct hz_scene *s = calloc(1, sizeof(*s));
	if (s)
		s->people = calloc(input->people_count + 1, sizeof(*s->people));
	if (!s || !s->people) {
		free(s);
		return -ENOMEM;
	}
	s->input = input;
	s->floor = -1;
	*ret = s;
	return 0;
}

void hz_scene_free(struct hz_scene *scene)
{
	if (scene)
		free(scene->people);
	free(scene);
}

// --- events

// As the pages do it (tiles.ts): a cough moves no pictures.
static void give_floor(struct hz_scene *s, int64_t at_ms)
{
	for (unsigned i = 0; i < s->speaker_count; i++) {
		if (s->speakers[i] == s->floor) {
			s->heard_ms = at_ms;
			return;
		}
	}
	if (s->speaker_count && (s->floor < 0 || at_ms - s->heard_ms >= HZ_SCENE_FLOOR_MS)) {
		s->floor = s->speakers[0];
		s->heard_ms = at_ms;
	}
}

static void apply(struct hz_scene *s, const struct hz_input_event *e)
{
	switch (e->type) {
	case HZ_INPUT_MUTE:
	case HZ_INPUT_UNMUTE:
		s->people[e->person].muted[e->source] = e->type == HZ_INPUT_MUTE;
		break;
	case HZ_INPUT_SPEAKER:
		give_floor(s, e->at_ms);
		for (unsigned i = 0; i < s->input->people_count; i++)
			s->people[i].speaking = false;
		for (unsigned i = 0; i < e->speaker_count; i++)
			s->people[e->speakers[i]].speaking = true;
		memcpy(s->speakers, e->speakers, sizeof(s->speakers));
		s->speaker_count = e->speaker_count;
		break;
	case HZ_INPUT_LAYOUT:
		s->layout = (struct scene_layout){true, e->grid, e->pinned, e->person, e->source};
		break;
	}
	give_floor(s, e->at_ms);
}

// --- who is there

static bool is_present(const struct hz_input_person *p, int64_t at_ms)
{
	for (unsigned i = 0; i < p->span_count; i++)
		if (at_ms >= p->spans[i].from_ms && at_ms < p->spans[i].to_ms)
			return true;
	return false;
}

// Those without any entry gave theirs as far as there are tracks of them.
static bool has_consent(const struct hz_input_person *p, int64_t at_ms, bool has_files)
{
	bool given = p->consent_count == 0 && has_files;
	int64_t newest = INT64_MIN;
	for (unsigned i = 0; i < p->consent_count; i++) {
		if (p->consents[i].at_ms <= at_ms && p->consents[i].at_ms >= newest) {
			newest = p->consents[i].at_ms;
			given = p->consents[i].given;
		}
	}
	return given;
}

struct found { // of one person
	bool files, sound_now;
	bool video_now[HZ_INPUT_SOURCES];
};

static void look(const struct hz_scene *s, unsigned person, int64_t at_ms, struct found *ret)
{
	bool before[HZ_INPUT_SOURCES] = {false}, after[HZ_INPUT_SOURCES] = {false};
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < s->input->files_count; i++) {
		const struct hz_input_file *f = &s->input->files[i];
		int64_t end_ms = f->at_ms + f->duration_ms;
		if (f->person != person)
			continue;
		ret->files = true;
		if (at_ms >= f->at_ms && at_ms < end_ms) {
			ret->sound_now |= f->audio;
			ret->video_now[f->source] |= f->video;
		} else if (f->video) {
			before[f->source] |= end_ms <= at_ms && end_ms + HZ_SCENE_GAP_MS > at_ms;
			after[f->source] |= f->at_ms > at_ms && f->at_ms < at_ms + HZ_SCENE_GAP_MS;
		}
	}
	for (unsigned i = 0; i < HZ_INPUT_SOURCES; i++)
		ret->video_now[i] |= before[i] && after[i];
}

// Observers, students and auditors are shown only with what they publish.
static bool takes_part(const char *role)
{
	return strcmp(role, "observer") != 0 && strcmp(role, "student") != 0 &&
	       strcmp(role, "auditor") != 0 && strcmp(role, "admin") != 0;
}

static void add(struct hz_scene_at *at, struct hz_scene_tile tile)
{
	if (at->count < HZ_SCENE_TILES)
		at->tile[at->count++] = tile;
}

static void add_person(const struct hz_scene *s, unsigned i, int64_t at_ms, struct hz_scene_at *ret)
{
	const struct hz_input_person *p = &s->input->people[i];
	const struct person *now = &s->people[i];
	struct found found;
	look(s, i, at_ms, &found);
	bool consent = has_consent(p, at_ms, found.files), any = found.sound_now;
	struct hz_scene_tile tile = {.person = i,
	                             .muted = now->muted[HZ_INPUT_MICROPHONE] || !found.sound_now,
	                             .speaking = now->speaking && found.sound_now};
	unsigned first = ret->count;
	for (unsigned k = 0; k < sizeof(order); k++) {
		if (!found.video_now[order[k]])
			continue;
		any = true;
		tile.source = order[k];
		tile.state = now->muted[order[k]] ? HZ_SCENE_OFF : HZ_SCENE_PICTURE;
		if (tile.state == HZ_SCENE_PICTURE || !is_content(order[k])) // content that is off is gone
			add(ret, tile);
	}
	if (ret->count > first || (!any && (!takes_part(p->role) || !is_present(p, at_ms))))
		return;
	tile.source = HZ_INPUT_MICROPHONE;
	tile.state = any || consent ? HZ_SCENE_SOUND : HZ_SCENE_UNRECORDED;
	add(ret, tile);
}

// --- which is large

static int find(const struct hz_scene_at *at, int person, uint8_t source)
{
	int other = -1;
	for (unsigned i = 0; i < at->count; i++) {
		if ((int)at->tile[i].person != person)
			continue;
		if (at->tile[i].source == source)
			return (int)i;
		if (other < 0)
			other = (int)i;
	}
	return other;
}

static int content(const struct hz_scene_at *at)
{
	for (unsigned i = 0; i < at->count; i++)
		if (is_content(at->tile[i].source))
			return (int)i;
	return -1;
}

static int choose(const struct hz_scene *s, const struct hz_scene_at *at)
{
	const struct scene_layout *l = &s->layout;
	int shared = content(at), reported = l->known ? find(at, l->person, l->source) : -1;
	if (at->count <= 1)
		return (int)at->count - 1;
	if (l->known && l->grid)
		return -1;
	if (reported >= 0 && (l->pinned || is_content(at->tile[reported].source)))
		return reported;
	if (shared >= 0)
		return shared;
	if (!l->known && at->count <= 2)
		return -1;
	int floor = find(at, s->floor, HZ_INPUT_CAMERA);
	if (floor >= 0)
		return floor;
	if (reported >= 0)
		return reported;
	for (unsigned i = 0; i < at->count; i++)
		if (at->tile[i].state == HZ_SCENE_PICTURE)
			return (int)i;
	return 0;
}

void hz_scene_at(struct hz_scene *scene, int64_t at_ms, struct hz_scene_at *ret)
{
	const struct hz_input *in = scene->input;
	while (scene->event < in->events_count && in->events[scene->event].at_ms <= at_ms)
		apply(scene, &in->events[scene->event++]);
	give_floor(scene, at_ms);
	ret->count = 0;
	for (unsigned i = 0; i < in->people_count; i++)
		add_person(scene, i, at_ms, ret);
	ret->large = choose(scene, ret);
}
