#include "media/router/arena.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "media/router/check.h"

static_assert(sizeof(struct hz_arena) % 8 == 0, "arena layout");

int hz_arena_map(int fd, struct hz_arena **ret)
{
	struct stat st;
	if (fstat(fd, &st))
		return -errno;
	if (st.st_size < (off_t)sizeof(struct hz_arena))
		return -EINVAL;
	void *at = mmap(NULL, sizeof(struct hz_arena), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	// Keys live here: not into a core dump.
	if (madvise(at, sizeof(struct hz_arena), MADV_DONTDUMP)) {
		int err = -errno;
		munmap(at, sizeof(struct hz_arena));
		return err;
	}
	*ret = at;
	return 0;
}

void hz_arena_unmap(struct hz_arena *arena)
{
	if (arena)
		munmap(arena, sizeof(*arena));
}

struct hz_arena_peer *hz_arena_peer(struct hz_arena *arena, hz_id id)
{
	uint32_t slot = HZ_ID_SLOT(id);
	return id && slot < HZ_MAX_PEERS && slot < arena->peers_high && arena->peer[slot].id == id
	           ? &arena->peer[slot]
	           : NULL;
}

struct hz_arena_track *hz_arena_track(struct hz_arena *arena, hz_id id)
{
	uint32_t slot = HZ_ID_SLOT(id);
	return id && slot < HZ_MAX_TRACKS && slot < arena->tracks_high && arena->track[slot].id == id
	           ? &arena->track[slot]
	           : NULL;
}

struct hz_arena_sub *hz_arena_sub(struct hz_arena *arena, hz_id id)
{
	uint32_t slot = HZ_ID_SLOT(id);
	return id && slot < HZ_MAX_SUBS && slot < arena->subs_high && arena->sub[slot].id == id
	           ? &arena->sub[slot]
	           : NULL;
}

void hz_arena_peer_update(struct hz_arena_peer *peer, const struct hz_cmd_peer_set *set)
{
	uint32_t next = (peer->live & 1) ^ 1;
	peer->set[next] = *set;
	HZ_ARENA_BARRIER();
	peer->live = next;
	HZ_ARENA_BARRIER();
}

void hz_arena_track_update(struct hz_arena_track *track, const struct hz_cmd_track_set *set)
{
	uint32_t next = (track->live & 1) ^ 1;
	track->set[next] = *set;
	HZ_ARENA_BARRIER();
	track->live = next;
	HZ_ARENA_BARRIER();
}

void hz_arena_sub_update(struct hz_arena_sub *sub, const struct hz_cmd_sub_set *set)
{
	uint32_t next = (sub->live & 1) ^ 1;
	sub->set[next] = *set;
	HZ_ARENA_BARRIER();
	sub->live = next;
	HZ_ARENA_BARRIER();
}

void hz_arena_sub_set_map(struct hz_arena_sub *sub, const struct hz_sub_map *map)
{
	uint32_t next = (sub->map_live & 1) ^ 1;
	sub->map[next] = *map;
	HZ_ARENA_BARRIER();
	sub->map_live = next;
	HZ_ARENA_BARRIER();
}

void hz_arena_set_path(struct hz_arena_peer *peer, const struct hz_path *path)
{
	uint8_t next = (peer->path_live & 1) ^ 1;
	peer->path[next] = *path;
	HZ_ARENA_BARRIER();
	peer->path_live = next;
	HZ_ARENA_BARRIER();
	peer->has_path = 1;
}

void hz_arena_peer_make(struct hz_arena *arena, hz_id id)
{
	uint32_t slot = HZ_ID_SLOT(id);
	HZ_ARENA_BARRIER();
	if (slot >= arena->peers_high)
		arena->peers_high = slot + 1;
	HZ_ARENA_BARRIER();
	arena->peer[slot].id = id;
}

void hz_arena_track_make(struct hz_arena *arena, hz_id id)
{
	uint32_t slot = HZ_ID_SLOT(id);
	HZ_ARENA_BARRIER();
	if (slot >= arena->tracks_high)
		arena->tracks_high = slot + 1;
	HZ_ARENA_BARRIER();
	arena->track[slot].id = id;
}

void hz_arena_sub_make(struct hz_arena *arena, hz_id id)
{
	uint32_t slot = HZ_ID_SLOT(id);
	HZ_ARENA_BARRIER();
	if (slot >= arena->subs_high)
		arena->subs_high = slot + 1;
	HZ_ARENA_BARRIER();
	arena->sub[slot].id = id;
}

void hz_arena_peer_clear(struct hz_arena_peer *peer)
{
	peer->id = 0;
	HZ_ARENA_BARRIER();
	hz_wipe(peer, sizeof(*peer));
}

void hz_arena_track_clear(struct hz_arena_track *track)
{
	track->id = 0;
	HZ_ARENA_BARRIER();
	hz_wipe(track, sizeof(*track));
}

void hz_arena_sub_clear(struct hz_arena_sub *sub)
{
	sub->id = 0;
	HZ_ARENA_BARRIER();
	hz_wipe(sub, sizeof(*sub));
}

static struct hz_arena_retired *find_retired(struct hz_arena_peer *peer, uint32_t ssrc)
{
	for (unsigned i = 0; i < HZ_ARENA_RETIRED; i++)
		if (peer->retired[i].ssrc == ssrc)
			return &peer->retired[i];
	return NULL;
}

uint64_t hz_arena_retired_index(const struct hz_arena_peer *peer, uint32_t ssrc)
{
	for (unsigned i = 0; ssrc && i < HZ_ARENA_RETIRED; i++)
		if (peer->retired[i].ssrc == ssrc)
			return peer->retired[i].index;
	return 0;
}

uint32_t hz_arena_retire(struct hz_arena_peer *peer, uint32_t ssrc, uint64_t index)
{
	uint32_t forgotten = 0;
	if (ssrc == 0 || index == 0)
		return 0;
	struct hz_arena_retired *slot = find_retired(peer, ssrc);
	if (!slot) {
		slot = &peer->retired[peer->retired_next % HZ_ARENA_RETIRED];
		peer->retired_next = (peer->retired_next + 1) % HZ_ARENA_RETIRED;
		forgotten = slot->ssrc;
		slot->ssrc = 0;
		slot->index = 0;
		HZ_ARENA_BARRIER();
	}
	if (index > slot->index)
		slot->index = index;
	HZ_ARENA_BARRIER();
	slot->ssrc = ssrc;
	return forgotten;
}

// --- start

static void drop(struct hz_arena_report *report, const char *kind, uint32_t slot, hz_id id)
{
	hz_warn("arena.dropped", "kind=%s slot=%u id=%08x", kind, slot, id);
	report->dropped++;
}

static bool peer_is_sound(const struct hz_arena_peer *p, uint32_t slot)
{
	const struct hz_cmd_peer_set *set = hz_arena_peer_set(p);
	if (HZ_ID_SLOT(p->id) != slot || set->peer != p->id || hz_check_peer_set(set))
		return false;
	if (p->state > HZ_PEER_CLOSED || p->dtls > HZ_ARENA_DTLS_DONE)
		return false;
	if (strnlen(p->old_local_ufrag, HZ_UFRAG_BYTES) == HZ_UFRAG_BYTES ||
	    strnlen(p->old_local_pwd, HZ_PWD_BYTES) == HZ_PWD_BYTES)
		return false;
	return p->dtls != HZ_ARENA_DTLS_DONE || p->keys.profile == HZ_SRTP_AES_CM_128_HMAC_SHA1_80 ||
	       p->keys.profile == HZ_SRTP_AEAD_AES_128_GCM;
}

static void recover_peer(struct hz_arena_peer *p, struct hz_arena_report *report)
{
	report->peers++;
	if (p->dtls != HZ_ARENA_DTLS_HANDSHAKING)
		return;
	p->dtls = HZ_ARENA_DTLS_NONE;
	p->state = HZ_PEER_FAILED;
	p->reason = HZ_REASON_LOST_HANDSHAKE;
	p->event_pending = 1;
	report->lost_handshakes++;
}

static void open_peers(struct hz_arena *arena, struct hz_arena_report *report)
{
	for (uint32_t i = 0; i < arena->peers_high; i++) {
		struct hz_arena_peer *p = &arena->peer[i];
		if (p->id && peer_is_sound(p, i)) {
			recover_peer(p, report);
			continue;
		}
		if (p->id)
			drop(report, "peer", i, p->id);
		hz_arena_peer_clear(p); // also what a kill in the middle of a wipe left behind
	}
}

static bool track_is_sound(struct hz_arena *arena, const struct hz_arena_track *t, uint32_t slot)
{
	const struct hz_cmd_track_set *set = hz_arena_track_set(t);
	if (HZ_ID_SLOT(t->id) != slot || set->track != t->id || hz_check_track_set(set))
		return false;
	for (unsigned i = 0; i < HZ_MAX_LAYERS; i++)
		if (t->rx[i].highest < 0 || t->rx[i].highest > INT64_MAX / 4 || t->rx[i].index >> 48)
			return false;
	return t->codec < HZ_CODEC_COUNT && hz_arena_peer(arena, set->peer) != NULL;
}

static void open_tracks(struct hz_arena *arena, struct hz_arena_report *report)
{
	for (uint32_t i = 0; i < arena->tracks_high; i++) {
		struct hz_arena_track *t = &arena->track[i];
		if (t->id && track_is_sound(arena, t, i)) {
			report->tracks++;
			continue;
		}
		if (t->id)
			drop(report, "track", i, t->id);
		hz_arena_track_clear(t);
	}
}

static bool sub_is_sound(struct hz_arena *arena, const struct hz_arena_sub *s, uint32_t slot)
{
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(s);
	if (HZ_ID_SLOT(s->id) != slot || set->sub != s->id || hz_check_sub_set(set))
		return false;
	return s->out_index >> 48 == 0 && s->rtx_index >> 48 == 0 && hz_arena_peer(arena, set->peer) != NULL;
}

static void recover_sub(struct hz_arena *arena, struct hz_arena_sub *s)
{
	const struct hz_sub_map *map = hz_arena_sub_map(s);
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(s);
	struct hz_arena_track *t = hz_arena_track(arena, set->track);
	if (set->track && !t) {
		struct hz_cmd_sub_set idle = *set;
		idle.track = 0;
		hz_arena_sub_update(s, &idle);
	}
	bool goes_on = t && map->track == t->id && map->layer < hz_arena_track_set(t)->layer_count &&
	               map->rx_ssrc && map->rx_ssrc == t->rx[map->layer].ssrc &&
	               map->codec < HZ_CODEC_COUNT && map->out_first && map->out_first <= s->out_index + 1 &&
	               map->in_first < INT64_MAX / 4 && map->left_out < INT64_MAX / 4;
	if (!goes_on) {
		static const struct hz_sub_map none;
		hz_arena_sub_set_map(s, &none);
	}
	s->vp8.delta = hz_arena_sub_map(s)->vp8;
}

static void open_subs(struct hz_arena *arena, struct hz_arena_report *report)
{
	for (uint32_t i = 0; i < arena->subs_high; i++) {
		struct hz_arena_sub *s = &arena->sub[i];
		if (s->id && sub_is_sound(arena, s, i)) {
			recover_sub(arena, s);
			report->subs++;
			continue;
		}
		if (s->id) {
			// The peer may be sound: what was used of its keys must not be forgotten with the subscription.
			struct hz_arena_peer *p = hz_arena_peer(arena, hz_arena_sub_set(s)->peer);
			if (p) {
				hz_arena_retire(p, hz_arena_sub_set(s)->ssrc, s->out_index);
				hz_arena_retire(p, hz_arena_sub_set(s)->rtx_ssrc, s->rtx_index);
			}
			drop(report, "sub", i, s->id);
		}
		hz_arena_sub_clear(s);
	}
}

int hz_arena_open(struct hz_arena *arena, struct hz_arena_report *ret)
{
	struct hz_arena_report report = {0};
	if (arena->magic == 0) {
		arena->version = HZ_ARENA_VERSION;
		arena->bytes = sizeof(*arena);
		arena->incarnation = 0;
		hz_random(&arena->rtcp_base, sizeof(arena->rtcp_base));
		HZ_ARENA_BARRIER();
		arena->magic = HZ_ARENA_MAGIC;
		report.fresh = true;
	}
	if (arena->magic != HZ_ARENA_MAGIC || arena->version != HZ_ARENA_VERSION ||
	    arena->bytes != sizeof(*arena))
		return -EPROTO;
	arena->incarnation++;
	if (arena->peers_high > HZ_MAX_PEERS)
		arena->peers_high = HZ_MAX_PEERS;
	if (arena->tracks_high > HZ_MAX_TRACKS)
		arena->tracks_high = HZ_MAX_TRACKS;
	if (arena->subs_high > HZ_MAX_SUBS)
		arena->subs_high = HZ_MAX_SUBS;
	open_peers(arena, &report);
	open_tracks(arena, &report);
	open_subs(arena, &report);
	if (!report.fresh)
		arena->counters.recoveries++;
	*ret = report;
	return 0;
}
