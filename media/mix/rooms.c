#include "media/mix/rooms.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/map.h"
#include "media/rtp/packet.h"

#define STALE_US 200000 // of voices that waited for us: they would be played late

struct room;

struct member {
	struct room *room;
	struct hz_mix_member_set set;
	uint32_t handle; // of the mixer
	uint32_t named;  // round of the RECONCILE that named it
};

struct room {
	uint32_t consult;
	unsigned members;
	struct hz_mixer *mixer;
	struct hz_map *voices;  // worker << 32 | SSRC -> struct member
	struct hz_map *handles; // -> struct member
	struct hz_rooms *of;
	int64_t due_us;
};

struct hz_rooms {
	struct hz_rooms_ops ops;
	unsigned workers;
	struct hz_map *rooms;   // by consult
	struct hz_map *members; // by id
	uint32_t round;
	bool reconciling;
	struct hz_mix_status count;
	uint64_t encodes, skipped; // of rooms that are over
};

int hz_rooms_new(const struct hz_rooms_ops *ops, unsigned workers, struct hz_rooms **ret)
{
	struct hz_rooms *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->ops = *ops;
	r->workers = workers;
	if (hz_map_new(HZ_MIX_ROOMS, &r->rooms) || hz_map_new(HZ_MIX_MEMBERS, &r->members)) {
		hz_rooms_free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

// --- rooms

static void room_free(struct room *room)
{
	hz_mixer_free(room->mixer);
	hz_map_free(room->voices);
	hz_map_free(room->handles);
	free(room);
}

static int room_get(struct hz_rooms *r, uint32_t consult, int64_t now_us, struct room **ret)
{
	const struct hz_mixer_config config = {0};
	struct room *room = hz_map_get_u64(r->rooms, consult);
	if (room) {
		*ret = room;
		return 0;
	}
	if (hz_map_count(r->rooms) == HZ_MIX_ROOMS)
		return -ENOSPC;
	room = calloc(1, sizeof(*room));
	if (!room)
		return -ENOMEM;
	room->consult = consult;
	room->of = r;
	room->due_us = now_us;
	int err = hz_mixer_new(&config, now_us, &room->mixer);
	if (!err)
		err = hz_map_new(HZ_MIXER_MEMBERS, &room->voices);
	if (!err)
		err = hz_map_new(HZ_MIXER_MEMBERS, &room->handles);
	if (!err)
		err = hz_map_set_u64(r->rooms, consult, room);
	if (err)
		room_free(room);
	else
		*ret = room;
	return err;
}

static void room_leave(struct hz_rooms *r, struct room *room)
{
	struct hz_mixer_stats stats;
	if (room->members)
		return;
	hz_mixer_get_stats(room->mixer, &stats);
	r->encodes += stats.encodes;
	r->skipped += stats.skipped_ticks;
	hz_map_del_u64(r->rooms, room->consult);
	room_free(room);
}

// --- members

static uint64_t voice_key(unsigned worker, uint32_t ssrc)
{
	return (uint64_t)worker << 32 | ssrc;
}

static void voice_forget(struct member *m)
{
	uint64_t key = voice_key(m->set.voice_worker, m->set.voice_ssrc);
	if (m->set.voice_ssrc && hz_map_get_u64(m->room->voices, key) == m)
		hz_map_del_u64(m->room->voices, key);
}

static void member_end(struct hz_rooms *r, struct member *m)
{
	struct room *room = m->room;
	voice_forget(m);
	(void)hz_mixer_remove(room->mixer, m->handle);
	hz_map_del_u64(room->handles, m->handle);
	hz_map_del_u64(r->members, m->set.member);
	room->members--;
	free(m);
	room_leave(r, room);
}

static int member_new(struct hz_rooms *r, const struct hz_mix_member_set *set, int64_t now_us,
                      struct member **ret)
{
	struct room *room = NULL;
	struct member *m = calloc(1, sizeof(*m));
	int err = m ? room_get(r, set->consult, now_us, &room) : -ENOMEM;
	if (err) {
		free(m);
		return err;
	}
	m->room = room;
	m->set = (struct hz_mix_member_set){.member = set->member, .consult = set->consult};
	err = hz_mixer_add(room->mixer, &m->handle);
	if (err) {
		free(m);
		room_leave(r, room);
		return err;
	}
	room->members++;
	err = hz_map_set_u64(room->handles, m->handle, m);
	if (!err)
		err = hz_map_set_u64(r->members, set->member, m);
	if (err)
		member_end(r, m);
	else
		*ret = m;
	return err;
}

static int member_fit(struct member *m, const struct hz_mix_member_set *set)
{
	struct hz_mixer *mixer = m->room->mixer;
	int err = 0;
	voice_forget(m);
	m->set = *set;
	if (set->voice_ssrc)
		err = hz_map_set_u64(m->room->voices, voice_key(set->voice_worker, set->voice_ssrc), m);
	if (!err)
		err = hz_mixer_publish(mixer, m->handle, set->voice_ssrc != 0);
	if (!err)
		err = hz_mixer_listen(mixer, m->handle, set->mix_ssrc != 0);
	if (!err)
		err = hz_mixer_set_language(mixer, m->handle, set->language);
	if (!err)
		err = hz_mixer_set_interprets(mixer, m->handle, set->interprets);
	return err;
}

static bool good(const struct hz_rooms *r, const struct hz_mix_member_set *set)
{
	return set->member && set->consult && set->language <= HZ_MIXER_LANGUAGES &&
	       set->interprets <= HZ_MIXER_LANGUAGES && set->voice_pt < 128 && set->mix_pt < 128 &&
	       (!set->voice_ssrc || set->voice_worker < r->workers) &&
	       (!set->mix_ssrc || set->mix_worker < r->workers);
}

static int member_set(struct hz_rooms *r, const struct hz_mix_member_set *set, int64_t now_us)
{
	struct member *m = hz_map_get_u64(r->members, set->member);
	bool fresh = !m;
	if (!good(r, set))
		return -EINVAL;
	if (m && m->room->consult != set->consult)
		return -EEXIST;
	int err = m ? 0 : member_new(r, set, now_us, &m);
	if (err)
		return err;
	m->named = r->round;
	err = member_fit(m, set);
	if (err && fresh)
		member_end(r, m);
	return err;
}

// Of those that the wishes did not name; all: whoever is there.
static void sweep(struct hz_rooms *r, bool all)
{
	for (bool again = true; again;) {
		struct member *m;
		uint32_t at = 0;
		again = false;
		while (!again && (m = hz_map_next(r->members, &at))) {
			if (all || m->named != r->round) {
				member_end(r, m);
				again = true;
			}
		}
	}
}

void hz_rooms_free(struct hz_rooms *rooms)
{
	if (!rooms)
		return;
	if (rooms->members && rooms->rooms)
		sweep(rooms, true);
	hz_map_free(rooms->members);
	hz_map_free(rooms->rooms);
	free(rooms);
}

static int member_del(struct hz_rooms *r, const struct hz_mix_member_del *del)
{
	struct member *m = hz_map_get_u64(r->members, del->member);
	if (!m)
		return -ENOENT;
	member_end(r, m);
	return 0;
}

static int reconcile(struct hz_rooms *r, bool begin)
{
	if (begin) {
		r->round++;
	} else if (!r->reconciling) {
		return -EINVAL;
	} else {
		sweep(r, false);
	}
	r->reconciling = begin;
	return 0;
}

int hz_rooms_command(struct hz_rooms *rooms, const void *message, size_t bytes, int64_t now_us)
{
	union {
		struct hz_msg_header h;
		struct hz_mix_member_set set;
		struct hz_mix_member_del del;
		struct hz_cmd_reconcile reconcile;
	} m;
	if (bytes < sizeof(m.h) || bytes > sizeof(m))
		return -EINVAL;
	memset(&m, 0, sizeof(m));
	memcpy(&m, message, bytes);
	if (m.h.version != HZ_MIX_API_VERSION || m.h.bytes != bytes)
		return -EINVAL;
	switch (m.h.type) {
	case HZ_MIX_RECONCILE_BEGIN:
	case HZ_MIX_RECONCILE_END:
		return bytes == sizeof(m.reconcile) ? reconcile(rooms, m.h.type == HZ_MIX_RECONCILE_BEGIN)
		                                    : -EINVAL;
	case HZ_MIX_MEMBER_SET:
		return bytes == sizeof(m.set) ? member_set(rooms, &m.set, now_us) : -EINVAL;
	case HZ_MIX_MEMBER_DEL:
		return bytes == sizeof(m.del) ? member_del(rooms, &m.del) : -EINVAL;
	default:
		return -EINVAL;
	}
}

// --- media

void hz_rooms_rtp(struct hz_rooms *rooms, const struct hz_rooms_rtp *packet, int64_t now_us)
{
	struct hz_rtp_packet p;
	const struct room *room = hz_map_get_u64(rooms->rooms, packet->consult);
	rooms->count.packets_in++;
	if (hz_rtp_parse(packet->data, packet->bytes, &p)) {
		rooms->count.refused++;
		return;
	}
	const struct member *m =
	    room ? hz_map_get_u64(room->voices, voice_key(packet->worker, p.ssrc)) : NULL;
	if (!m) {
		rooms->count.unmatched++;
		return;
	}
	// written since the clock was read: now
	int64_t arrival_us = packet->arrival_us < now_us ? packet->arrival_us : now_us;
	struct hz_mixer_rtp rtp = {p.payload, p.payload_bytes, p.ts, arrival_us};
	if (p.pt != m->set.voice_pt || arrival_us < now_us - STALE_US ||
	    hz_mixer_push(room->mixer, m->handle, &rtp))
		rooms->count.refused++;
}

static void emit(void *ctx, const struct hz_mixer_packet *packet)
{
	const struct room *room = ctx;
	struct hz_rooms *r = room->of;
	uint8_t buf[HZ_RTP_FIXED_BYTES + HZ_MIXER_PAYLOAD_BYTES];
	struct hz_rtp_offsets offsets;
	if (packet->bytes > HZ_MIXER_PAYLOAD_BYTES)
		return;
	memcpy(buf + HZ_RTP_FIXED_BYTES, packet->payload, packet->bytes);
	for (unsigned i = 0; i < packet->to_count; i++) {
		const struct member *m = hz_map_get_u64(room->handles, packet->to[i].member);
		if (!m)
			continue;
		struct hz_rtp_header header = {.ts = packet->rtp_ts,
		                               .ssrc = m->set.mix_ssrc,
		                               .seq = packet->to[i].seq,
		                               .pt = m->set.mix_pt,
		                               .marker = packet->to[i].marker};
		if (hz_rtp_write_header(buf, HZ_RTP_FIXED_BYTES, &header, NULL, NULL, &offsets))
			continue;
		r->ops.send(r->ops.ctx, m->set.mix_worker, room->consult, buf,
		            HZ_RTP_FIXED_BYTES + packet->bytes);
		r->count.packets_out++;
	}
}

int64_t hz_rooms_tick(struct hz_rooms *rooms, int64_t now_us)
{
	int64_t next_us = INT64_MAX;
	uint32_t at = 0;
	struct room *room;
	while ((room = hz_map_next(rooms->rooms, &at))) {
		if (room->due_us <= now_us)
			room->due_us = hz_mixer_tick(room->mixer, now_us, emit, room);
		if (room->due_us < next_us)
			next_us = room->due_us;
	}
	return next_us;
}

void hz_rooms_status(const struct hz_rooms *rooms, struct hz_mix_status *ret)
{
	struct hz_mix_status s = rooms->count;
	uint32_t at = 0;
	const struct room *room;
	s.h = ret->h;
	s.rooms = hz_map_count(rooms->rooms);
	s.members = hz_map_count(rooms->members);
	s.encodes = rooms->encodes;
	s.skipped = rooms->skipped;
	while ((room = hz_map_next(rooms->rooms, &at))) {
		struct hz_mixer_stats stats;
		hz_mixer_get_stats(room->mixer, &stats);
		s.speakers += stats.speakers;
		s.encodes += stats.encodes;
		s.skipped += stats.skipped_ticks;
	}
	*ret = s;
}
