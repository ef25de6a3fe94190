#include "media/live/rooms.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "media/pipe/message.h"
#include "media/rtp/rtcp.h"

struct hz_lane {
	struct hz_lane_ops ops;
	struct hz_text *text;
	struct hz_live_library *library;
	struct hz_live_room *room[HZ_LIVE_ROOMS];
	uint32_t round;
	struct hz_live_status over; // of rooms that have ended
};

union message {
	struct hz_msg_header h;
	struct hz_cmd_reconcile reconcile;
	struct hz_live_room_set room;
	struct hz_live_del del;
	struct hz_live_rendition_set rendition;
	struct hz_live_mark_set mark;
	struct hz_live_mark_del mark_del;
	struct hz_live_give give;
};

int hz_lane_new(const struct hz_lane_ops *ops, struct hz_text *text, struct hz_lane **ret)
{
	const struct hz_live_library_ops library = {ops->ctx, ops->want, ops->trying};
	struct hz_lane *l = calloc(1, sizeof(*l));
	int err = l ? hz_live_library_new(&library, &l->library) : -ENOMEM;
	if (err) {
		free(l);
		return err;
	}
	l->ops = *ops;
	l->text = text;
	*ret = l;
	return 0;
}

void hz_lane_free(struct hz_lane *live)
{
	if (!live)
		return;
	for (unsigned i = 0; i < HZ_LIVE_ROOMS; i++)
		hz_live_room_free(live->room[i]);
	hz_live_library_free(live->library);
	free(live);
}

static struct hz_live_room *find(const struct hz_lane *l, uint32_t consult)
{
	for (unsigned i = 0; i < HZ_LIVE_ROOMS; i++)
		if (l->room[i] && hz_live_room_consult(l->room[i]) == consult)
			return l->room[i];
	return NULL;
}

static void end_room(struct hz_lane *l, unsigned i)
{
	struct hz_live_status count = {0};
	hz_live_room_count(l->room[i], &count);
	l->over.encoded += count.encoded;
	l->over.keyframes_made += count.keyframes_made;
	l->over.keyframes_asked += count.keyframes_asked;
	hz_live_room_free(l->room[i]);
	l->room[i] = NULL;
}

static int room_set(struct hz_lane *l, const struct hz_live_room_set *set, int64_t now_us)
{
	const struct hz_live_room_with with = {l->library, l->text, {l->ops.ctx, l->ops.send}};
	struct hz_live_room *room = find(l, set->consult);
	if (!set->consult)
		return -EINVAL;
	if (room)
		return hz_live_room_set(room, set, l->round, now_us);
	for (unsigned i = 0; i < HZ_LIVE_ROOMS; i++) {
		if (l->room[i])
			continue;
		int err = hz_live_room_new(&with, set->consult, &room);
		if (!err)
			err = hz_live_room_set(room, set, l->round, now_us);
		if (err)
			hz_live_room_free(room);
		else
			l->room[i] = room;
		return err;
	}
	return -ENOSPC;
}

static int room_del(struct hz_lane *l, uint32_t consult)
{
	for (unsigned i = 0; i < HZ_LIVE_ROOMS; i++) {
		if (l->room[i] && hz_live_room_consult(l->room[i]) == consult) {
			end_room(l, i);
			return 0;
		}
	}
	return -ENOENT;
}

static int rendition_del(struct hz_lane *l, uint32_t rendition)
{
	for (unsigned i = 0; i < HZ_LIVE_ROOMS; i++)
		if (l->room[i] && hz_live_room_rendition_del(l->room[i], rendition) == 0)
			return 0;
	return -ENOENT;
}

static int sweep(struct hz_lane *l)
{
	for (unsigned i = 0; i < HZ_LIVE_ROOMS; i++)
		if (l->room[i] && !hz_live_room_sweep(l->room[i], l->round))
			end_room(l, i);
	return 0;
}

static int give(struct hz_lane *l, const struct hz_live_give *give, int fd, int64_t now_us)
{
	bool news = hz_live_library_give(l->library, give, fd, now_us);
	for (unsigned i = 0; news && i < HZ_LIVE_ROOMS; i++)
		if (l->room[i])
			hz_live_room_news(l->room[i]);
	return 0;
}

static size_t size_of(unsigned type)
{
	static const size_t sizes[] = {
	    [HZ_LIVE_BEGIN] = sizeof(struct hz_cmd_reconcile),
	    [HZ_LIVE_END] = sizeof(struct hz_cmd_reconcile),
	    [HZ_LIVE_ROOM_SET] = sizeof(struct hz_live_room_set),
	    [HZ_LIVE_ROOM_DEL] = sizeof(struct hz_live_del),
	    [HZ_LIVE_RENDITION_SET] = sizeof(struct hz_live_rendition_set),
	    [HZ_LIVE_RENDITION_DEL] = sizeof(struct hz_live_del),
	    [HZ_LIVE_MARK_SET] = sizeof(struct hz_live_mark_set),
	    [HZ_LIVE_MARK_DEL] = sizeof(struct hz_live_mark_del),
	    [HZ_LIVE_GIVE] = sizeof(struct hz_live_give),
	};
	return type < sizeof(sizes) / sizeof(sizes[0]) ? sizes[type] : 0;
}

static int apply(struct hz_lane *l, const union message *m, int64_t now_us)
{
	struct hz_live_room *room;
	switch (m->h.type) {
	case HZ_LIVE_BEGIN:
		l->round++;
		hz_live_library_forget_wants(l->library); // a control that is new knows of none
		return 0;
	case HZ_LIVE_END:
		return sweep(l);
	case HZ_LIVE_ROOM_SET:
		return room_set(l, &m->room, now_us);
	case HZ_LIVE_ROOM_DEL:
		return room_del(l, m->del.id);
	case HZ_LIVE_RENDITION_SET:
		room = find(l, m->rendition.consult);
		return room ? hz_live_room_rendition(room, &m->rendition, l->round) : -ENOENT;
	case HZ_LIVE_RENDITION_DEL:
		return rendition_del(l, m->del.id);
	case HZ_LIVE_MARK_SET:
		room = find(l, m->mark.consult);
		return room ? hz_live_room_mark(room, &m->mark, l->round) : -ENOENT;
	default:
		room = find(l, m->mark_del.consult);
		return room ? hz_live_room_mark_del(room, m->mark_del.mark) : -ENOENT;
	}
}

int hz_lane_command(struct hz_lane *live, const void *message, size_t bytes, int fd, int64_t now_us)
{
	union message m;
	bool good = hz_pipe_message(message, bytes, HZ_LIVE_API_VERSION, &m, sizeof(m)) == 0 &&
	            size_of(m.h.type) == bytes;
	if (good && m.h.type == HZ_LIVE_GIVE)
		return give(live, &m.give, fd, now_us);
	if (fd >= 0)
		close(fd);
	return good ? apply(live, &m, now_us) : -EINVAL;
}

void hz_lane_take(struct hz_lane *live, uint32_t consult, const uint8_t *data, size_t bytes)
{
	struct hz_live_room *room = find(live, consult);
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet p;
	uint32_t ssrc;
	if (!room || hz_rtcp_check(data, bytes))
		return;
	hz_rtcp_iter_init(&iter, data, bytes);
	while (hz_rtcp_next(&iter, &p) == 1) {
		if (hz_rtcp_asks_keyframe(&p, &ssrc))
			(void)hz_live_room_ask(room, ssrc);
	}
}

int64_t hz_lane_tick(struct hz_lane *live, const struct hz_live_moment *moment)
{
	int64_t next_us = INT64_MAX;
	for (unsigned i = 0; i < HZ_LIVE_ROOMS; i++) {
		int64_t due_us = live->room[i] ? hz_live_room_tick(live->room[i], moment) : INT64_MAX;
		next_us = due_us < next_us ? due_us : next_us;
	}
	return next_us;
}

void hz_lane_status(const struct hz_lane *live, struct hz_live_status *ret)
{
	struct hz_live_library_count count;
	struct hz_live_status s = live->over;
	s.h = ret->h;
	for (unsigned i = 0; i < HZ_LIVE_ROOMS; i++)
		if (live->room[i])
			hz_live_room_count(live->room[i], &s);
	hz_live_library_count(live->library, &count);
	s.waiting = count.waiting;
	s.decoded = count.decoded;
	s.failed = count.failed;
	s.kept_bytes = count.bytes;
	s.packets_out = ret->packets_out;
	*ret = s;
}
