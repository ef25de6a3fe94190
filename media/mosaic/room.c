#include "media/mosaic/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/ring.h"
#include "media/mosaic/room_internal.h"

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

static void end_rendition(struct hz_mosaic_room_rendition *e)
{
	hz_rendition_free(e->encode);
	hz_solo_free(e->solo);
	*e = (struct hz_mosaic_room_rendition){0};
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
	const struct hz_mosaic_member_set *x = &(*(struct hz_mosaic_member *const *)a)->set,
	                                  *y = &(*(struct hz_mosaic_member *const *)b)->set;
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
	qsort(r->sorted, r->members, sizeof(struct hz_mosaic_member *), compare);
}

struct hz_mosaic_member *hz_mosaic_room_find_member(const struct hz_mosaic_room *r, uint32_t id)
{
	for (unsigned i = 0; i < r->members; i++)
		if (r->sorted[i]->set.member == id)
			return r->sorted[i];
	return NULL;
}

static struct hz_mosaic_member *find_source(const struct hz_mosaic_room *r, unsigned worker, uint32_t ssrc)
{
	for (unsigned i = 0; i < r->members; i++)
		if (ssrc && r->sorted[i]->set.ssrc == ssrc && r->sorted[i]->set.worker == worker)
			return r->sorted[i];
	return NULL;
}

bool hz_mosaic_room_has_member(const struct hz_mosaic_room *room, uint32_t member)
{
	return hz_mosaic_room_find_member(room, member) != NULL;
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

static int new_member(struct hz_mosaic_room *r, struct hz_mosaic_member **ret)
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
	struct hz_mosaic_member *m = hz_mosaic_room_find_member(room, set->member);
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

static void end_member(struct hz_mosaic_room *r, struct hz_mosaic_member *m)
{
	hz_source_take_counts(m->source, &r->pictures);
	hz_source_free(m->source);
	*m = (struct hz_mosaic_member){0};
	sort(r);
}

int hz_mosaic_room_member_del(struct hz_mosaic_room *room, uint32_t member)
{
	struct hz_mosaic_member *m = hz_mosaic_room_find_member(room, member);
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

static struct hz_mosaic_room_rendition *find_rendition(struct hz_mosaic_room *r, uint32_t id)
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
		const struct hz_mosaic_room_rendition *e = &r->rendition[i];
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
	struct hz_mosaic_room_rendition *e = find_rendition(room, set->rendition);
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
	struct hz_mosaic_room_rendition *e = rendition ? find_rendition(room, rendition) : NULL;
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
	const struct hz_mosaic_member *m = find_source(room, at->worker, packet->ssrc);
	if (m)
		hz_source_rtp(m->source, packet, at->arrival_us, at->now_us);
	return m != NULL;
}

bool hz_mosaic_room_report(struct hz_mosaic_room *room, const struct hz_mosaic_rtp *at,
                           const struct hz_rtcp_report *report)
{
	const struct hz_mosaic_member *m = find_source(room, at->worker, report->ssrc);
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
