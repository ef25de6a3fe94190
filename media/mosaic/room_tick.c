// What a tick of a room does: who is shown where, the picture and the programmes, what is encoded, reported and told.
#include <string.h>

#include "gateway/base/ring.h"
#include "media/mosaic/room_internal.h"

#define OWN_SSRC 1u // of our receiver reports: each relay peer has one such reader

static void ask_keyframe(struct hz_mosaic_room *r, const struct hz_mosaic_member *m)
{
	uint8_t buf[64];
	struct hz_rtcp_writer w;
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	if (hz_rtcp_begin(&w, OWN_SSRC, NULL, 0) || hz_rtcp_write_pli(&w, OWN_SSRC, m->set.ssrc))
		return;
	const struct hz_mosaic_out out = {r->with.consult, HZ_RING_RTCP, buf, w.bytes};
	r->with.ops->send(r->with.ops->ctx, m->set.worker, &out);
	r->count.keyframes_asked++;
}

// --- ticks

static bool has_solo(const struct hz_mosaic_room *r, uint32_t member)
{
	for (unsigned i = 0; i < HZ_MOSAIC_RENDITIONS; i++) {
		const struct hz_mosaic_room_rendition *e = &r->rendition[i];
		const struct hz_mosaic_rendition_set *set = e->solo ? hz_rendition_get(e->encode) : NULL;
		for (unsigned k = 0; set && set->workers && k < hz_solo_parts(set); k++)
			if (hz_solo_member(set, k) == member)
				return true;
	}
	return false;
}

// Who comes back from having switched it off shows nothing of before: it may be another patient.
static void see(const struct hz_mosaic_room *r, const struct hz_mosaic_member *m, bool staged)
{
	bool off = !m->set.ssrc || m->set.flags & HZ_MOSAIC_MEMBER_OFF;
	bool seen = staged || (!off && has_solo(r, m->set.member));
	hz_source_see(m->source, seen);
	if (m->set.flags & HZ_MOSAIC_MEMBER_OFF)
		hz_source_forget(m->source);
}

static void arrange(struct hz_mosaic_room *r, int64_t now_us)
{
	const struct hz_mosaic_member_set *set[HZ_MOSAIC_MEMBERS];
	struct hz_stage_tile tile[HZ_MOSAIC_MEMBERS];
	struct hz_mosaic_scene scene;
	unsigned count = 0;
	hz_floor_poll(&r->floor, now_us);
	for (unsigned i = 0; i < r->members; i++)
		if (!(r->sorted[i]->set.flags & HZ_MOSAIC_MEMBER_AIR))
			set[count++] = &r->sorted[i]->set;
	hz_mosaic_scene_make(&r->set, &r->floor, set, count, &scene);
	for (unsigned i = 0; i < scene.count; i++) {
		tile[i].set = set[scene.tile[i]];
		tile[i].speaks = hz_floor_speaks(&r->floor, tile[i].set->person);
	}
	if (hz_mosaic_stage_arrange(r->stage, &scene, tile, now_us))
		r->told = false;
	hz_mosaic_room_tell(r);
	for (unsigned i = 0; i < r->members; i++)
		see(r, r->sorted[i], hz_mosaic_stage_shows(r->stage, r->sorted[i]->set.member));
}

void hz_mosaic_room_tell(struct hz_mosaic_room *room)
{
	struct hz_mosaic_tiles tiles = {.consult = room->with.consult};
	if (room->told)
		return;
	hz_mosaic_stage_tiles(room->stage, &tiles);
	room->told = room->with.ops->tell(room->with.ops->ctx, &tiles);
}

void hz_mosaic_room_repeat(struct hz_mosaic_room *room)
{
	struct hz_mosaic_tiles tiles = {0};
	hz_mosaic_stage_tiles(room->stage, &tiles);
	if (tiles.count) // nothing was arranged yet: the first tick tells
		room->told = false;
}

static void picture_of(void *ctx, uint32_t member, struct hz_source_picture *ret)
{
	const struct hz_mosaic_member *m = hz_mosaic_room_find_member(ctx, member);
	if (m)
		hz_source_picture(m->source, ret);
}

static void draw(struct hz_mosaic_room *r, const struct hz_mosaic_tick *at)
{
	const struct hz_stage_now now = {at->now_us, at->wall_us, r, picture_of};
	int64_t age_us = r->age_us;
	hz_mosaic_stage_draw(r->stage, &now, &age_us);
	r->age_us += (age_us - r->age_us) / 8;
}

// The picture of a programme: true, when one is due.
static bool draw_solo(struct hz_mosaic_room *r, const struct hz_mosaic_room_rendition *e,
                      const struct hz_mosaic_tick *at)
{
	const struct hz_mosaic_rendition_set *set = hz_rendition_get(e->encode);
	struct hz_source_picture picture[HZ_MOSAIC_PARTS] = {0};
	const struct hz_mosaic_member *m[HZ_MOSAIC_PARTS];
	unsigned count = hz_solo_parts(set);
	if (!set->workers)
		return false;
	for (unsigned i = 0; i < count; i++) {
		m[i] = hz_mosaic_room_find_member(r, hz_solo_member(set, i));
		if (m[i] && m[i]->set.ssrc && !(m[i]->set.flags & HZ_MOSAIC_MEMBER_OFF))
			hz_source_picture(m[i]->source, &picture[i]);
	}
	bool due = hz_solo_draw(e->solo, set, picture, at->now_us);
	for (unsigned i = 0; i < count; i++)
		if (m[i] && m[i]->set.ssrc && hz_solo_asks(e->solo, i, at->now_us))
			ask_keyframe(r, m[i]);
	return due;
}

static int64_t age_of(const struct hz_mosaic_room *r, const struct hz_mosaic_room_rendition *e)
{
	return e->solo ? hz_solo_age_us(e->solo) : r->age_us;
}

static void report(struct hz_mosaic_room *r, const struct hz_mosaic_tick *at, uint32_t rtp_ts)
{
	struct hz_rendition_moment moment = {.now_us = at->now_us, .wall_us = at->wall_us, .rtp_ts = rtp_ts};
	for (unsigned i = 0; i < HZ_MOSAIC_RENDITIONS; i++) {
		const struct hz_mosaic_room_rendition *e = &r->rendition[i];
		if (!e->id)
			continue;
		moment.age_us = age_of(r, e);
		hz_rendition_report(e->encode, &moment);
	}
}

static uint32_t rtp_ts_of(const struct hz_mosaic_room *r, int64_t tick_us)
{
	return (uint32_t)((tick_us - r->begin_us) * 9 / 100);
}

void hz_mosaic_room_sender_reports(struct hz_mosaic_room *room, const struct hz_mosaic_tick *at)
{
	int64_t late_us = at->now_us - room->due_us;
	if (room->watched && room->due_us && late_us >= 0)
		report(room, at, rtp_ts_of(room, at->now_us - late_us % HZ_ROOM_TICK_US));
}

static void encode(struct hz_mosaic_room *r, const struct hz_mosaic_tick *at, uint32_t rtp_ts)
{
	struct hz_rendition_moment moment = {.now_us = at->now_us, .wall_us = at->wall_us, .rtp_ts = rtp_ts};
	for (unsigned i = 0; i < HZ_MOSAIC_RENDITIONS; i++) {
		const struct hz_mosaic_room_rendition *e = &r->rendition[i];
		bool key = false;
		if (!e->id || (e->solo && !draw_solo(r, e, at)))
			continue;
		moment.age_us = age_of(r, e);
		int got = hz_rendition_put(
		    e->encode, e->solo ? hz_solo_canvas(e->solo) : hz_mosaic_stage_canvas(r->stage), &moment,
		    &key);
		r->count.encoded += got > 0;
		r->count.keyframes_made += key;
	}
	r->encoded_us = at->now_us;
}

static void rest(struct hz_mosaic_room *r)
{
	for (unsigned i = 0; i < r->members; i++)
		see(r, r->sorted[i], false);
}

// The tick that is due, and those that were missed.
static int64_t take_tick(struct hz_mosaic_room *r, int64_t now_us)
{
	if (!r->due_us) {
		r->due_us = now_us;
		if (!r->begin_us)
			r->begin_us = now_us;
	}
	int64_t missed = (now_us - r->due_us) / HZ_ROOM_TICK_US, tick_us = r->due_us;
	r->count.skipped += (uint64_t)missed;
	tick_us += missed * HZ_ROOM_TICK_US;
	r->due_us = tick_us + HZ_ROOM_TICK_US;
	return tick_us;
}

int64_t hz_mosaic_room_tick(struct hz_mosaic_room *room, const struct hz_mosaic_tick *at)
{
	struct hz_mosaic_room *r = room;
	if (!r->watched) {
		rest(r);
		return INT64_MAX;
	}
	if (at->now_us < r->due_us)
		return r->due_us;
	int64_t tick_us = take_tick(r, at->now_us);
	if (r->composed)
		arrange(r, at->now_us);
	else
		rest(r);
	for (unsigned i = 0; i < r->members; i++) {
		hz_source_poll(r->sorted[i]->source, at->now_us);
		if (hz_source_asks(r->sorted[i]->source, at->now_us))
			ask_keyframe(r, r->sorted[i]);
	}
	if (at->behind && at->now_us - r->encoded_us < HZ_ROOM_SLOW_US) {
		r->count.skipped++;
		return r->due_us;
	}
	if (r->composed)
		draw(r, at);
	encode(r, at, rtp_ts_of(r, tick_us));
	return r->due_us;
}

void hz_mosaic_room_count(struct hz_mosaic_room *room, struct hz_mosaic_status *add)
{
	struct hz_mosaic_room *r = room;
	for (unsigned i = 0; i < r->members; i++)
		hz_source_take_counts(r->sorted[i]->source, &r->pictures);
	add->rooms++;
	add->members += r->members;
	for (unsigned i = 0; i < HZ_MOSAIC_RENDITIONS; i++)
		add->renditions += r->rendition[i].id != 0;
	if (r->watched && (uint32_t)r->age_us > add->latency_us)
		add->latency_us = (uint32_t)r->age_us;
	add->packets_out += r->count.packets_out;
	add->decoded += r->pictures.decoded;
	add->broken += r->pictures.broken;
	add->refused += r->pictures.refused;
	add->encoded += r->count.encoded;
	add->skipped += r->count.skipped;
	add->keyframes_asked += r->count.keyframes_asked;
	add->keyframes_made += r->count.keyframes_made;
}
