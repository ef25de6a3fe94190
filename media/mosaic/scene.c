#include "media/mosaic/scene.h"

#include <stdbool.h>
#include <string.h>

// --- the floor

void hz_floor_set(struct hz_floor *floor, const uint32_t *persons, unsigned count, int64_t now_us)
{
	hz_floor_poll(floor, now_us); // up to now the others spoke
	floor->count = count < HZ_MOSAIC_SPEAKERS ? count : HZ_MOSAIC_SPEAKERS;
	for (unsigned i = 0; i < floor->count; i++)
		floor->speakers[i] = persons[i];
	hz_floor_poll(floor, now_us);
}

bool hz_floor_speaks(const struct hz_floor *floor, uint32_t person)
{
	for (unsigned i = 0; i < floor->count; i++)
		if (floor->speakers[i] == person)
			return true;
	return false;
}

// As the pages do it (tiles.ts): a cough moves no pictures.
void hz_floor_poll(struct hz_floor *floor, int64_t now_us)
{
	if (hz_floor_speaks(floor, floor->person)) {
		floor->heard_us = now_us;
	} else if (floor->count && (!floor->person || now_us - floor->heard_us >= HZ_MOSAIC_FLOOR_US)) {
		floor->person = floor->speakers[0];
		floor->heard_us = now_us;
	}
}

// --- tiles

struct scene {
	const struct hz_mosaic_room_set *room;
	const struct hz_mosaic_member_set *const *member;
	unsigned count;
	int focus, content, floor, first; // -1: none
};

static bool is_content(const struct hz_mosaic_member_set *m)
{
	return m->kind != HZ_MOSAIC_CAMERA;
}

static bool is_off(const struct hz_mosaic_member_set *m)
{
	return !m->ssrc || m->flags & HZ_MOSAIC_MEMBER_OFF;
}

static bool is_shown(const struct hz_mosaic_member_set *m)
{
	return !is_content(m) || !is_off(m); // content that is off is gone
}

static void look(struct scene *s, uint32_t floor)
{
	s->focus = s->content = s->floor = s->first = -1;
	for (int i = (int)s->count - 1; i >= 0; i--) {
		const struct hz_mosaic_member_set *m = s->member[i];
		if (!is_shown(m))
			continue;
		if (s->first < 0 || !is_off(m) || is_off(s->member[s->first]))
			s->first = i;
		if (m->member == s->room->focus)
			s->focus = i;
		if (is_content(m))
			s->content = i;
		else if (floor && m->person == floor)
			s->floor = i;
	}
}

static int either(int a, int b)
{
	return a >= 0 ? a : b;
}

static uint8_t choose(const struct scene *s, unsigned shown)
{
	if (s->room->layout == HZ_MOSAIC_IMAGE)
		return s->content >= 0 ? HZ_MOSAIC_IMAGE : HZ_MOSAIC_SPEAKER;
	if (s->room->layout != HZ_MOSAIC_AUTO)
		return s->room->layout;
	if (s->focus >= 0 || s->content >= 0)
		return HZ_MOSAIC_SPEAKER;
	return shown > 2 && s->floor >= 0 ? HZ_MOSAIC_SPEAKER : HZ_MOSAIC_GRID;
}

static int second(const struct scene *s, int large)
{
	if (s->floor >= 0 && s->floor != large)
		return s->floor;
	int other = -1;
	for (int i = (int)s->count - 1; i >= 0; i--)
		if (i != large && is_shown(s->member[i]) &&
		    (other < 0 || !is_off(s->member[i]) || is_off(s->member[other])))
			other = i;
	return other;
}

static void add(struct hz_mosaic_scene *ret, int index)
{
	if (index >= 0)
		ret->tile[ret->count++] = (uint8_t)index;
}

void hz_mosaic_scene_make(const struct hz_mosaic_room_set *room, const struct hz_floor *floor,
                          const struct hz_mosaic_member_set *const *members, unsigned count,
                          struct hz_mosaic_scene *ret)
{
	struct scene s = {
	    .room = room, .member = members, .count = count < HZ_MOSAIC_MEMBERS ? count : HZ_MOSAIC_MEMBERS};
	unsigned shown = 0;
	look(&s, floor->person);
	for (unsigned i = 0; i < s.count; i++)
		shown += is_shown(members[i]);
	*ret = (struct hz_mosaic_scene){.layout = choose(&s, shown), .large = -1};
	int large = either(s.focus, either(s.content, either(s.floor, s.first)));
	if (ret->layout == HZ_MOSAIC_IMAGE)
		large = s.focus >= 0 && is_content(members[s.focus]) ? s.focus : s.content;
	if (ret->layout == HZ_MOSAIC_PIP || ret->layout == HZ_MOSAIC_IMAGE) {
		add(ret, large);
		if (large >= 0)
			add(ret, second(&s, large));
		ret->large = ret->count ? 0 : -1;
		ret->strip = 1;
		ret->corner = ret->layout == HZ_MOSAIC_PIP;
		return;
	}
	for (unsigned i = 0; i < s.count; i++) {
		if (!is_shown(members[i]))
			continue;
		if (ret->layout == HZ_MOSAIC_SPEAKER && (int)i == large)
			ret->large = (int)ret->count;
		add(ret, (int)i);
	}
}
