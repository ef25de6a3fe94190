#include "media/mix/rooms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/mix/rooms_state.h"
#include "media/pipe/message.h"

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

static void room_free(struct hz_mix_room *room)
{
	hz_mixer_free(room->mixer);
	hz_map_free(room->voices);
	hz_map_free(room->handles);
	free(room);
}

static int room_get(struct hz_rooms *r, uint32_t consult, int64_t now_us, struct hz_mix_room **ret)
{
	const struct hz_mixer_config config = {0};
	struct hz_mix_room *room = hz_map_get_u64(r->rooms, consult);
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

static void room_leave(struct hz_rooms *r, struct hz_mix_room *room)
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

static void voice_forget(struct hz_mix_person *m)
{
	uint64_t key = hz_rooms_voice_key(m->set.voice_worker, m->set.voice_ssrc);
	if (m->set.voice_ssrc && hz_map_get_u64(m->room->voices, key) == m)
		hz_map_del_u64(m->room->voices, key);
}

static void member_end(struct hz_rooms *r, struct hz_mix_person *m)
{
	struct hz_mix_room *room = m->room;
	voice_forget(m);
	(void)hz_mixer_remove(room->mixer, m->handle);
	hz_map_del_u64(room->handles, m->handle);
	hz_map_del_u64(r->members, m->set.member);
	room->members--;
	free(m);
	room_leave(r, room);
}

static int member_new(struct hz_rooms *r, const struct hz_mix_member_set *set, int64_t now_us,
                      struct hz_mix_person **ret)
{
	struct hz_mix_room *room = NULL;
	struct hz_mix_person *m = calloc(1, sizeof(*m));
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

static int member_fit(struct hz_mix_person *m, const struct hz_mix_member_set *set)
{
	struct hz_mixer *mixer = m->room->mixer;
	int err = 0;
	voice_forget(m);
	if (m->set.voice_ssrc != set->voice_ssrc || m->set.voice_worker != set->voice_worker)
		hz_mix_said_init(&m->said);
	if (m->set.mix_ssrc != set->mix_ssrc)
		memset(m->sent, 0, sizeof(m->sent));
	m->set = *set;
	if (set->voice_ssrc)
		err = hz_map_set_u64(m->room->voices, hz_rooms_voice_key(set->voice_worker, set->voice_ssrc),
		                     m);
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
	struct hz_mix_person *m = hz_map_get_u64(r->members, set->member);
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
		struct hz_mix_person *m;
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
	struct hz_mix_person *m = hz_map_get_u64(r->members, del->member);
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
	if (hz_pipe_message(message, bytes, HZ_MIX_API_VERSION, &m, sizeof(m)))
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
