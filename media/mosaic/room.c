#include "media/mosaic/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/ring.h"
#include "media/mosaic/rendition.h"
#include "media/mosaic/scene.h"
#include "media/mosaic/solo.h"
#include "media/mosaic/source.h"
#include "media/mosaic/stage.h"

#define OWN_SSRC 1u // of our receiver reports: each relay peer has one such reader

struct member {
	struct hz_mosaic_member_set set;
	struct hz_source *source; // NULL: the place is free
	uint32_t named;
};

struct rendition {
	uint32_t id; // 0: the place is free
	uint32_t named;
	struct hz_rendition *encode;
	struct hz_solo *solo; // a programme; NULL: of the composed picture
};

struct hz_mosaic_room {
	struct hz_mosaic_room_with with;
	struct hz_mosaic_room_set set;
	uint32_t named;
	struct hz_floor floor;
	struct member member[HZ_MOSAIC_MEMBERS];
	struct member *sorted[HZ_MOSAIC_MEMBERS];
	unsigned members;
	struct rendition rendition[HZ_MOSAIC_RENDITIONS];
	struct hz_mosaic_stage *stage;
	int64_t due_us, begin_us, encoded_us, age_us;
	bool watched, composed, told; // watched: any rendition is; composed: one of the whole picture
	struct hz_mosaic_status count;
	struct hz_source_counts pictures;
};

int hz_mosaic_room_new(const struct hz_mosaic_room_with *with, struct hz_mosaic_room **ret)
{
	struct hz_mosaic_room *r = calloc(1, sizeof(*r));
	int err = r ? hz_mosaic_stage_new(with->text, &r->stage) : -ENOMEM;
	if (err) {
		free(r);
		return err;
	}
	r->with = *with;
	r->told = true;
	*ret = r;
	return 0;
}

static void end_rendition(struct rendition *e)
{
	hz_rendition_free(e->encode);
	hz_solo_free(e->solo);
	*e = (struct rendition){0};
}

void hz_mosaic_room_free(struct hz_mosaic_room *room)
{
	if (!room)
		return;
	for (unsigned i = 0; i < HZ_MOSAIC_MEMBERS; i++)
		hz_source_free(room->member[i].source);
	for (unsigned i = 0; i < HZ_MOSAIC_RENDITIONS; i++)
		end_rendition(&room->rendition[i]);
	hz_mosaic_stage_free(room->stage);
	free(room);
}

uint32_t hz_mosaic_room_consult(const struct hz_mosaic_room *room)
{
	return room->with.consult;
}

int hz_mosaic_room_set(struct hz_mosaic_room *room, const struct hz_mosaic_room_set *set, uint32_t round)
{
	if (set->layout >= HZ_MOSAIC_LAYOUTS || set->utc_offset_min < -1440 || set->utc_offset_min > 1440)
		return -EINVAL;
	room->named = round;
	struct hz_mosaic_room_set now = *set;
	now.h = room->set.h;
	if (memcmp(&now, &room->set, sizeof(now)) == 0)
		return 0;
	room->set = now;
	hz_mosaic_stage_room(room->stage, &now);
	return 0;
}

// --- members

static int compare(const void *a, const void *b)
{
	const struct hz_mosaic_member_set *x = &(*(struct member *const *)a)->set,
	                                  *y = &(*(struct member *const *)b)->set;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return x->member < y->member ? -1 : 1;
}

static void sort(struct hz_mosaic_room *r)
{
	r->members = 0;
	for (unsigned i = 0; i < HZ_MOSAIC_MEMBERS; i++)
		if (r->member[i].source)
			r->sorted[r->members++] = &r->member[i];
	qsort(r->sorted, r->members, sizeof(struct member *), compare);
}

static struct member *find_member(const struct hz_mosaic_room *r, uint32_t id)
{
	for (unsigned i = 0; i < r->members; i++)
		if (r->sorted[i]->set.member == id)
			return r->sorted[i];
	return NULL;
}

static struct member *find_source(const struct hz_mosaic_room *r, unsigned worker, uint32_t ssrc)
{
	for (unsigned i = 0; i < r->members; i++)
		if (ssrc && r->sorted[i]->set.ssrc == ssrc && r->sorted[i]->set.worker == worker)
			return r->sorted[i];
	return NULL;
}

bool hz_mosaic_room_has_member(const struct hz_mosaic_room *room, uint32_t member)
{
	return find_member(room, member) != NULL;
}

static bool good_member(const struct hz_mosaic_room *r, const struct hz_mosaic_member_set *set)
{
	for (unsigned i = 0; i < set->pt_count && i < HZ_MOSAIC_PTS; i++) {
		uint8_t codec = set->pt[i].codec;
		if (set->pt[i].pt > 127 ||
		    (codec != HZ_CODEC_H264_CB && codec != HZ_CODEC_H264_HIGH && codec != HZ_CODEC_VP8))
			return false;
	}
	return set->member && set->pt_count <= HZ_MOSAIC_PTS && set->kind >= HZ_MOSAIC_CAMERA &&
	       set->kind <= HZ_MOSAIC_IMAGES && set->orientation < 15 &&
	       (!set->ssrc || set->worker < r->with.workers);
}

static int new_member(struct hz_mosaic_room *r, struct member **ret)
{
	for (unsigned i = 0; i < HZ_MOSAIC_MEMBERS; i++) {
		if (r->member[i].source)
			continue;
		int err = hz_source_new(&r->member[i].source);
		if (!err)
			*ret = &r->member[i];
		return err;
	}
	return -ENOSPC;
}

int hz_mosaic_room_member(struct hz_mosaic_room *room, const struct hz_mosaic_member_set *set, uint32_t round)
{
	struct member *m = find_member(room, set->member);
	if (!good_member(room, set))
		return -EINVAL;
	int err = m ? 0 : new_member(room, &m);
	if (err)
		return err;
	if (m->set.ssrc != set->ssrc || m->set.worker != set->worker)
		hz_source_reset(m->source);
	m->set = *set;
	m->set.name[sizeof(m->set.name) - 1] = '\0';
	m->named = round;
	hz_source_set_types(m->source, set->pt, set->pt_count, set->orientation);
	sort(room);
	return 0;
}

static void end_member(struct hz_mosaic_room *r, struct member *m)
{
	hz_source_take_counts(m->source, &r->pictures);
	hz_source_free(m->source);
	*m = (struct member){0};
	sort(r);
}

int hz_mosaic_room_member_del(struct hz_mosaic_room *room, uint32_t member)
{
	struct member *m = find_member(room, member);
	if (!m)
		return -ENOENT;
	end_member(room, m);
	return 0;
}

void hz_mosaic_room_speakers(struct hz_mosaic_room *room, const struct hz_mosaic_speakers_set *set,
                             int64_t now_us)
{
	hz_floor_set(&room->floor, set->person, set->count, now_us);
}

// --- renditions

static struct rendition *find_rendition(struct hz_mosaic_room *r, uint32_t id)
{
	for (unsigned i = 0; i < HZ_MOSAIC_RENDITIONS; i++)
		if (r->rendition[i].id == id)
			return &r->rendition[i];
	return NULL;
}

bool hz_mosaic_room_has_rendition(const struct hz_mosaic_room *room, uint32_t rendition)
{
	for (unsigned i = 0; i < HZ_MOSAIC_RENDITIONS; i++)
		if (room->rendition[i].id == rendition)
			return true;
	return false;
}

static void on_rtp(void *ctx, uint64_t workers, unsigned kind, const uint8_t *data, size_t bytes)
{
	struct hz_mosaic_room *r = ctx;
	const struct hz_mosaic_out out = {r->with.consult, kind, data, bytes};
	for (unsigned i = 0; i < r->with.workers; i++) {
		if (!(workers >> i & 1))
			continue;
		r->with.ops->send(r->with.ops->ctx, i, &out);
		r->count.packets_out += kind == HZ_RING_RTP;
	}
}

static void look_for_watchers(struct hz_mosaic_room *r)
{
	bool was = r->watched;
	r->watched = r->composed = false;
	for (unsigned i = 0; i < HZ_MOSAIC_RENDITIONS; i++) {
		const struct rendition *e = &r->rendition[i];
		bool any = e->id && hz_rendition_get(e->encode)->workers;
		r->watched |= any;
		r->composed |= any && !e->solo;
	}
	if (r->watched && !was)
		r->due_us = 0; // now
}

int hz_mosaic_room_rendition(struct hz_mosaic_room *room, const struct hz_mosaic_rendition_set *set,
                             uint32_t round)
{
	const struct hz_rendition_sink sink = {room, on_rtp};
	struct rendition *e = find_rendition(room, set->rendition);
	if (!set->rendition || (room->with.workers < 64 && set->workers >> room->with.workers))
		return -EINVAL;
	bool fresh = !e;
	e = fresh ? find_rendition(room, 0) : e;
	if (!e)
		return -ENOSPC;
	int err = fresh ? hz_rendition_new(&sink, &e->encode) : 0;
	if (!err && fresh && set->member)
		err = hz_solo_new(&e->solo);
	if (!err)
		err = hz_rendition_set(e->encode, set);
	if (err && fresh)
		end_rendition(e);
	if (err)
		return err;
	e->id = set->rendition;
	e->named = round;
	look_for_watchers(room);
	return 0;
}

int hz_mosaic_room_rendition_del(struct hz_mosaic_room *room, uint32_t rendition)
{
	struct rendition *e = rendition ? find_rendition(room, rendition) : NULL;
	if (!e)
		return -ENOENT;
	end_rendition(e);
	look_for_watchers(room);
	return 0;
}

bool hz_mosaic_room_sweep(struct hz_mosaic_room *room, uint32_t round)
{
	for (unsigned i = 0; i < HZ_MOSAIC_MEMBERS; i++)
		if (room->member[i].source && room->member[i].named != round)
			end_member(room, &room->member[i]);
	for (unsigned i = 0; i < HZ_MOSAIC_RENDITIONS; i++)
		if (room->rendition[i].id && room->rendition[i].named != round)
			(void)hz_mosaic_room_rendition_del(room, room->rendition[i].id);
	return room->named == round;
}

// --- packets

bool hz_mosaic_room_rtp(struct hz_mosaic_room *room, const struct hz_mosaic_rtp *at,
                        const struct hz_rtp_packet *packet)
{
	const struct member *m = find_source(room, at->worker, packet->ssrc);
	if (m)
		hz_source_rtp(m->source, packet, at->arrival_us, at->now_us);
	return m != NULL;
}

bool hz_mosaic_room_report(struct hz_mosaic_room *room, const struct hz_mosaic_rtp *at,
                           const struct hz_rtcp_report *report)
{
	const struct member *m = find_source(room, at->worker, report->ssrc);
	if (m)
		hz_source_report(m->source, report->sender.ntp, report->sender.rtp_ts, at->arrival_us);
	return m != NULL;
}

bool hz_mosaic_room_ask(struct hz_mosaic_room *room, uint32_t ssrc)
{
	bool found = false;
	for (unsigned i = 0; i < HZ_MOSAIC_RENDITIONS; i++) {
		if (!room->rendition[i].id || hz_rendition_get(room->rendition[i].encode)->ssrc != ssrc)
			continue;
		hz_rendition_ask(room->rendition[i].encode);
		found = true;
	}
	return found;
}

static void ask_keyframe(struct hz_mosaic_room *r, const struct member *m)
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
		const struct rendition *e = &r->rendition[i];
		const struct hz_mosaic_rendition_set *set = e->solo ? hz_rendition_get(e->encode) : NULL;
		for (unsigned k = 0; set && set->workers && k < hz_solo_parts(set); k++)
			if (hz_solo_member(set, k) == member)
				return true;
	}
	return false;
}

// Who comes back from having switched it off shows nothing of before: it may be another patient.
static void see(const struct hz_mosaic_room *r, const struct member *m, bool staged)
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
	const struct member *m = find_member(ctx, member);
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
static bool draw_solo(struct hz_mosaic_room *r, const struct rendition *e, const struct hz_mosaic_tick *at)
{
	const struct hz_mosaic_rendition_set *set = hz_rendition_get(e->encode);
	struct hz_source_picture picture[HZ_MOSAIC_PARTS] = {0};
	const struct member *m[HZ_MOSAIC_PARTS];
	unsigned count = hz_solo_parts(set);
	if (!set->workers)
		return false;
	for (unsigned i = 0; i < count; i++) {
		m[i] = find_member(r, hz_solo_member(set, i));
		if (m[i] && m[i]->set.ssrc && !(m[i]->set.flags & HZ_MOSAIC_MEMBER_OFF))
			hz_source_picture(m[i]->source, &picture[i]);
	}
	bool due = hz_solo_draw(e->solo, set, picture, at->now_us);
	for (unsigned i = 0; i < count; i++)
		if (m[i] && m[i]->set.ssrc && hz_solo_asks(e->solo, i, at->now_us))
			ask_keyframe(r, m[i]);
	return due;
}

static int64_t age_of(const struct hz_mosaic_room *r, const struct rendition *e)
{
	return e->solo ? hz_solo_age_us(e->solo) : r->age_us;
}

static void report(struct hz_mosaic_room *r, const struct hz_mosaic_tick *at, uint32_t rtp_ts)
{
	struct hz_rendition_moment moment = {.now_us = at->now_us, .wall_us = at->wall_us, .rtp_ts = rtp_ts};
	for (unsigned i = 0; i < HZ_MOSAIC_RENDITIONS; i++) {
		const struct rendition *e = &r->rendition[i];
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
		const struct rendition *e = &r->rendition[i];
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
