#include "media/mosaic/rooms.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway/base/ring.h"
#include "media/pipe/message.h"

struct hz_mosaic {
	struct hz_mosaic_ops ops;
	struct hz_text *text;
	unsigned workers;
	struct hz_mosaic_room *room[HZ_MOSAIC_ROOMS];
	uint32_t round;
	bool reconciling;
	int64_t lag_us; // of the records since the last tick
	struct hz_mosaic_status count;
	struct hz_mosaic_status over; // of rooms that have ended
};

union message {
	struct hz_msg_header h;
	struct hz_cmd_reconcile reconcile;
	struct hz_mosaic_room_set room_set;
	struct hz_mosaic_room_del room_del;
	struct hz_mosaic_member_set member_set;
	struct hz_mosaic_member_del member_del;
	struct hz_mosaic_rendition_set rendition_set;
	struct hz_mosaic_rendition_del rendition_del;
	struct hz_mosaic_speakers_set speakers_set;
};

int hz_mosaic_new(const struct hz_mosaic_ops *ops, unsigned workers, struct hz_text *text,
                  struct hz_mosaic **ret)
{
	if (!workers || workers > HZ_MOSAIC_WORKERS)
		return -EINVAL;
	struct hz_mosaic *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->ops = *ops;
	m->workers = workers;
	m->text = text;
	*ret = m;
	return 0;
}

void hz_mosaic_free(struct hz_mosaic *mosaic)
{
	for (unsigned i = 0; mosaic && i < HZ_MOSAIC_ROOMS; i++)
		hz_mosaic_room_free(mosaic->room[i]);
	free(mosaic);
}

// --- wishes

static struct hz_mosaic_room *find(const struct hz_mosaic *m, uint32_t consult)
{
	for (unsigned i = 0; i < HZ_MOSAIC_ROOMS; i++)
		if (m->room[i] && hz_mosaic_room_consult(m->room[i]) == consult)
			return m->room[i];
	return NULL;
}

static int room_set(struct hz_mosaic *m, const struct hz_mosaic_room_set *set)
{
	struct hz_mosaic_room *room = find(m, set->consult);
	const struct hz_mosaic_room_with with = {
	    .ops = &m->ops, .text = m->text, .consult = set->consult, .workers = m->workers};
	if (!set->consult)
		return -EINVAL;
	if (room)
		return hz_mosaic_room_set(room, set, m->round);
	for (unsigned i = 0; i < HZ_MOSAIC_ROOMS; i++) {
		if (m->room[i])
			continue;
		int err = hz_mosaic_room_new(&with, &room);
		if (!err)
			err = hz_mosaic_room_set(room, set, m->round);
		if (err)
			hz_mosaic_room_free(room);
		else
			m->room[i] = room;
		return err;
	}
	return -ENOSPC;
}

static void end_room(struct hz_mosaic *m, unsigned i)
{
	hz_mosaic_room_count(m->room[i], &m->over);
	hz_mosaic_room_free(m->room[i]);
	m->room[i] = NULL;
}

static int room_del(struct hz_mosaic *m, uint32_t consult)
{
	for (unsigned i = 0; i < HZ_MOSAIC_ROOMS; i++) {
		if (!m->room[i] || hz_mosaic_room_consult(m->room[i]) != consult)
			continue;
		end_room(m, i);
		return 0;
	}
	return -ENOENT;
}

static struct hz_mosaic_room *with_member(const struct hz_mosaic *m, uint32_t member)
{
	for (unsigned i = 0; i < HZ_MOSAIC_ROOMS; i++)
		if (m->room[i] && hz_mosaic_room_has_member(m->room[i], member))
			return m->room[i];
	return NULL;
}

static struct hz_mosaic_room *with_rendition(const struct hz_mosaic *m, uint32_t rendition)
{
	for (unsigned i = 0; i < HZ_MOSAIC_ROOMS; i++)
		if (m->room[i] && rendition && hz_mosaic_room_has_rendition(m->room[i], rendition))
			return m->room[i];
	return NULL;
}

static int member_set(const struct hz_mosaic *m, const struct hz_mosaic_member_set *set)
{
	struct hz_mosaic_room *room = find(m, set->consult), *has = with_member(m, set->member);
	if (!room)
		return -ENOENT;
	return has && has != room ? -EEXIST : hz_mosaic_room_member(room, set, m->round);
}

static int rendition_set(const struct hz_mosaic *m, const struct hz_mosaic_rendition_set *set)
{
	struct hz_mosaic_room *room = find(m, set->consult), *has = with_rendition(m, set->rendition);
	if (!room)
		return -ENOENT;
	return has && has != room ? -EEXIST : hz_mosaic_room_rendition(room, set, m->round);
}

static int speakers_set(const struct hz_mosaic *m, const struct hz_mosaic_speakers_set *set, int64_t now_us)
{
	struct hz_mosaic_room *room = find(m, set->consult);
	if (!room)
		return -ENOENT;
	if (set->count > HZ_MOSAIC_SPEAKERS)
		return -EINVAL;
	hz_mosaic_room_speakers(room, set, now_us);
	return 0;
}

static int reconcile(struct hz_mosaic *m, bool begin)
{
	if (!begin && !m->reconciling)
		return -EINVAL;
	m->round += begin;
	for (unsigned i = 0; !begin && i < HZ_MOSAIC_ROOMS; i++) {
		if (m->room[i] && !hz_mosaic_room_sweep(m->room[i], m->round))
			end_room(m, i);
		else if (m->room[i])
			hz_mosaic_room_repeat(m->room[i]);
	}
	m->reconciling = begin;
	return 0;
}

static size_t size_of(unsigned type)
{
	static const size_t sizes[] = {
	    [HZ_MOSAIC_RECONCILE_BEGIN] = sizeof(struct hz_cmd_reconcile),
	    [HZ_MOSAIC_RECONCILE_END] = sizeof(struct hz_cmd_reconcile),
	    [HZ_MOSAIC_ROOM_SET] = sizeof(struct hz_mosaic_room_set),
	    [HZ_MOSAIC_ROOM_DEL] = sizeof(struct hz_mosaic_room_del),
	    [HZ_MOSAIC_MEMBER_SET] = sizeof(struct hz_mosaic_member_set),
	    [HZ_MOSAIC_MEMBER_DEL] = sizeof(struct hz_mosaic_member_del),
	    [HZ_MOSAIC_RENDITION_SET] = sizeof(struct hz_mosaic_rendition_set),
	    [HZ_MOSAIC_RENDITION_DEL] = sizeof(struct hz_mosaic_rendition_del),
	    [HZ_MOSAIC_SPEAKERS_SET] = sizeof(struct hz_mosaic_speakers_set),
	};
	return type < sizeof(sizes) / sizeof(sizes[0]) ? sizes[type] : 0;
}

static int apply(struct hz_mosaic *m, const union message *c, int64_t now_us)
{
	struct hz_mosaic_room *room;
	switch (c->h.type) {
	case HZ_MOSAIC_RECONCILE_BEGIN:
	case HZ_MOSAIC_RECONCILE_END:
		return reconcile(m, c->h.type == HZ_MOSAIC_RECONCILE_BEGIN);
	case HZ_MOSAIC_ROOM_SET:
		return room_set(m, &c->room_set);
	case HZ_MOSAIC_ROOM_DEL:
		return room_del(m, c->room_del.consult);
	case HZ_MOSAIC_MEMBER_SET:
		return member_set(m, &c->member_set);
	case HZ_MOSAIC_MEMBER_DEL:
		room = with_member(m, c->member_del.member);
		return room ? hz_mosaic_room_member_del(room, c->member_del.member) : -ENOENT;
	case HZ_MOSAIC_RENDITION_SET:
		return rendition_set(m, &c->rendition_set);
	case HZ_MOSAIC_RENDITION_DEL:
		room = with_rendition(m, c->rendition_del.rendition);
		return room ? hz_mosaic_room_rendition_del(room, c->rendition_del.rendition) : -ENOENT;
	default:
		return speakers_set(m, &c->speakers_set, now_us);
	}
}

int hz_mosaic_command(struct hz_mosaic *mosaic, const void *message, size_t bytes, int64_t now_us,
                      uint32_t *ret_object)
{
	union message m;
	*ret_object = 0;
	if (hz_pipe_message(message, bytes, HZ_MOSAIC_API_VERSION, &m, sizeof(m)) ||
	    size_of(m.h.type) != bytes)
		return -EINVAL;
	if (m.h.type >= HZ_MOSAIC_ROOM_SET)
		*ret_object = m.room_del.consult; // each has its object's id there
	return apply(mosaic, &m, now_us);
}

// --- media

static bool on_rtcp(const struct hz_mosaic_record *record, const struct hz_mosaic_rtp *at,
                    struct hz_mosaic_room *room)
{
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet p;
	struct hz_rtcp_report report;
	uint32_t ssrc;
	bool taken = false;
	if (hz_rtcp_check(record->data, record->bytes))
		return false;
	hz_rtcp_iter_init(&iter, record->data, record->bytes);
	while (hz_rtcp_next(&iter, &p) == 1) {
		if (p.type == HZ_RTCP_SR && hz_rtcp_parse_report(&p, &report) == 0)
			(void)hz_mosaic_room_report(room, at,
			                            &report); // of a track that has just gone: no matter
		if (hz_rtcp_asks_keyframe(&p, &ssrc))
			(void)hz_mosaic_room_ask(room, ssrc);
		taken = true;
	}
	return taken;
}

static bool on_rtp(struct hz_mosaic *m, const struct hz_mosaic_record *record, const struct hz_mosaic_rtp *at,
                   struct hz_mosaic_room *room)
{
	struct hz_rtp_packet p;
	if (at->now_us - at->arrival_us > HZ_MOSAIC_STALE_US || hz_rtp_parse(record->data, record->bytes, &p))
		return false;
	if (!hz_mosaic_room_rtp(room, at, &p))
		m->count.unmatched++;
	return true;
}

void hz_mosaic_take(struct hz_mosaic *mosaic, const struct hz_mosaic_record *record, int64_t now_us)
{
	struct hz_mosaic *m = mosaic;
	struct hz_mosaic_room *room = find(m, record->consult);
	// written since the clock was read: now
	const struct hz_mosaic_rtp at = {record->worker,
	                                 record->arrival_us < now_us ? record->arrival_us : now_us, now_us};
	m->count.packets_in += record->kind == HZ_RING_RTP;
	if (!room) {
		m->count.unmatched++;
		return;
	}
	if (now_us - at.arrival_us > m->lag_us)
		m->lag_us = now_us - at.arrival_us;
	bool good = record->kind == HZ_RING_RTP    ? on_rtp(m, record, &at, room)
	            : record->kind == HZ_RING_RTCP ? on_rtcp(record, &at, room)
	                                           : false;
	m->count.refused += !good;
}

int64_t hz_mosaic_tick(struct hz_mosaic *mosaic, int64_t now_us, int64_t wall_us)
{
	const struct hz_mosaic_tick at = {now_us, wall_us, mosaic->lag_us > HZ_MOSAIC_BEHIND_US};
	int64_t next_us = INT64_MAX;
	for (unsigned i = 0; i < HZ_MOSAIC_ROOMS; i++) {
		if (mosaic->room[i])
			hz_mosaic_room_sender_reports(mosaic->room[i], &at);
	}
	for (unsigned i = 0; i < HZ_MOSAIC_ROOMS; i++) {
		if (!mosaic->room[i])
			continue;
		int64_t due_us = hz_mosaic_room_tick(mosaic->room[i], &at);
		next_us = due_us < next_us ? due_us : next_us;
	}
	mosaic->lag_us = 0;
	return next_us;
}

void hz_mosaic_status(struct hz_mosaic *mosaic, struct hz_mosaic_status *ret)
{
	struct hz_mosaic_status s = mosaic->over;
	s.h = ret->h;
	s.rooms = s.members = s.renditions = s.latency_us = 0;
	s.packets_in += mosaic->count.packets_in;
	s.unmatched += mosaic->count.unmatched;
	s.refused += mosaic->count.refused;
	for (unsigned i = 0; i < HZ_MOSAIC_ROOMS; i++) {
		if (!mosaic->room[i])
			continue;
		hz_mosaic_room_tell(mosaic->room[i]);
		hz_mosaic_room_count(mosaic->room[i], &s);
	}
	*ret = s;
}
