// Commands of control: upserts and removals, and the mark-and-sweep of a reconcile.
#include <errno.h>
#include <string.h>

#include "media/router/check.h"
#include "media/router/state.h"

static uint32_t peer_slot(const struct hz_router *r, hz_id id)
{
	return hz_arena_peer(r->arena, id) ? HZ_ID_SLOT(id) : HZ_NO_SLOT;
}

static bool ufrag_taken(const struct hz_router *r, const struct hz_cmd_peer_set *set)
{
	for (uint32_t i = 0; i < r->peers_count && !(set->flags & HZ_PEER_RELAY); i++) {
		const struct hz_arena_peer *ap = &r->arena->peer[r->peers[i]];
		if (r->peers[i] == HZ_ID_SLOT(set->peer))
			continue; // itself, or its predecessor in the slot
		if (!strcmp(hz_arena_peer_set(ap)->local_ufrag, set->local_ufrag) ||
		    (ap->ice_pending && !strcmp(ap->old_local_ufrag, set->local_ufrag)))
			return true;
	}
	return false;
}

// New ICE credentials: those in use stay valid until a check with the new ones nominates a path.
static void keep_credentials(struct hz_arena_peer *ap, const struct hz_cmd_peer_set *set)
{
	const struct hz_cmd_peer_set *old = hz_arena_peer_set(ap);
	bool same = !strcmp(old->local_ufrag, set->local_ufrag) && !strcmp(old->local_pwd, set->local_pwd);
	if (same || ap->ice_pending || !ap->has_path)
		return;
	memcpy(ap->old_local_ufrag, old->local_ufrag, sizeof(ap->old_local_ufrag));
	memcpy(ap->old_local_pwd, old->local_pwd, sizeof(ap->old_local_pwd));
	HZ_ARENA_BARRIER();
	ap->ice_pending = 1;
	HZ_ARENA_BARRIER();
}

static void change_peer(struct hz_router *r, uint32_t slot, const struct hz_cmd_peer_set *set, int64_t now_us)
{
	struct hz_arena_peer *ap = &r->arena->peer[slot];
	bool moves = hz_arena_peer_set(ap)->consult != set->consult;
	keep_credentials(ap, set);
	hz_arena_peer_update(ap, set);
	if (moves) {
		r->consult[r->peer[slot].consult].refs--;
		hz_peer_home(r, slot, set->consult);
	}
	r->peer[slot].mark = r->mark;
	hz_peer_refresh(r, slot, now_us);
}

// One relay peer a consult and worker: records in the ring name the consult.
static bool relay_taken(const struct hz_router *r, const struct hz_cmd_peer_set *set)
{
	for (uint32_t i = 0; i < r->peers_count && set->flags & HZ_PEER_RELAY; i++) {
		const struct hz_cmd_peer_set *other = hz_arena_peer_set(&r->arena->peer[r->peers[i]]);
		if (r->peers[i] != HZ_ID_SLOT(set->peer) && other->flags & HZ_PEER_RELAY &&
		    other->relay == set->relay && other->consult == set->consult)
			return true;
	}
	return false;
}

// What a peer is stays: a relay is no participant, and leads to one worker; agents do not share the UDP port.
static bool changes_kind(const struct hz_cmd_peer_set *old, const struct hz_cmd_peer_set *set)
{
	return ((old->flags ^ set->flags) & (HZ_PEER_RELAY | HZ_PEER_AGENT)) || old->relay != set->relay;
}

static int on_peer_set(struct hz_router *r, const struct hz_cmd_peer_set *set, int64_t now_us)
{
	if (hz_check_peer_set(set))
		return -EINVAL;
	uint32_t slot = HZ_ID_SLOT(set->peer);
	struct hz_arena_peer *ap = &r->arena->peer[slot];
	if (ufrag_taken(r, set) || relay_taken(r, set))
		return -EEXIST;
	if (r->peer[slot].used && ap->id == set->peer) {
		if (changes_kind(hz_arena_peer_set(ap), set))
			return -EINVAL;
		// Another certificate is another PeerConnection, and that is another peer.
		if (ap->dtls != HZ_ARENA_DTLS_NONE &&
		    memcmp(hz_arena_peer_set(ap)->fingerprint, set->fingerprint, HZ_FINGERPRINT_BYTES) != 0)
			return -EINVAL;
		change_peer(r, slot, set, now_us);
	} else {
		if (r->peer[slot].used)
			hz_peer_remove(r, slot);
		hz_arena_peer_clear(ap); // what a kill in the middle of making one may have left
		hz_clock_peer_init(&ap->clock);
		hz_arena_peer_update(ap, set);
		hz_arena_peer_make(r->arena, set->peer);
		hz_peer_attach(r, slot, now_us);
	}
	if (r->ops->peer_changed)
		r->ops->peer_changed(r->ctx, slot);
	if (set->flags & HZ_PEER_RELAY) // nothing to shake hands about
		hz_router_peer_state(r, slot, HZ_PEER_CONNECTED, HZ_REASON_NONE, now_us);
	return 0;
}

// --- tracks

static bool ssrc_foreign(struct hz_router *r, const struct hz_cmd_track_set *set, uint32_t ssrc)
{
	struct hz_ssrc_entry *e = ssrc ? hz_ssrc_find(r, HZ_ID_SLOT(set->peer), ssrc) : NULL;
	return e && r->arena->track[e->track].id != set->track;
}

static bool track_conflicts(struct hz_router *r, const struct hz_cmd_track_set *set)
{
	for (unsigned i = 0; i < set->layer_count; i++)
		if (ssrc_foreign(r, set, set->ssrc[i]) || ssrc_foreign(r, set, set->rtx_ssrc[i]))
			return true;
	return false;
}

// Before the set is put into force: a kill in between leaves the old set, and its repetition does this again.
static void assign_ssrcs(struct hz_router *r, uint32_t slot, const struct hz_cmd_track_set *old,
                         const struct hz_cmd_track_set *set)
{
	for (unsigned i = 0; i < 2u * HZ_MAX_LAYERS; i++) {
		bool rtx = i >= HZ_MAX_LAYERS;
		uint8_t layer = (uint8_t)(i % HZ_MAX_LAYERS);
		bool in_use = layer < set->layer_count;
		uint32_t told = !in_use ? 0 : rtx ? set->rtx_ssrc[layer] : set->ssrc[layer];
		uint32_t before = rtx ? old->rtx_ssrc[layer] : old->ssrc[layer];
		struct hz_arena_rx *rx =
		    rtx ? &r->arena->track[slot].rtx[layer] : &r->arena->track[slot].rx[layer];
		struct hz_ssrc_entry e = {
		    told, (uint16_t)HZ_ID_SLOT(set->peer), (uint16_t)slot, layer, rtx, 0, 0};
		if ((told == before && in_use) || told == rx->ssrc)
			continue;
		struct hz_ssrc_entry *own = told ? hz_ssrc_find(r, e.peer, told) : NULL;
		if (own) { // it moves from another layer of this track
			struct hz_ssrc_entry none = *own;
			none.ssrc = 0;
			hz_ssrc_assign(r, &none);
		}
		hz_ssrc_assign(r, &e);
	}
}

static void make_track(struct hz_router *r, uint32_t slot, const struct hz_cmd_track_set *set)
{
	struct hz_arena_track *at = &r->arena->track[slot];
	hz_arena_track_clear(at);
	for (unsigned i = 0; i < set->layer_count; i++) {
		at->rx[i].ssrc = set->ssrc[i];
		at->rtx[i].ssrc = set->rtx_ssrc[i];
		hz_clockmap_init(&at->clock[i], hz_clock_hz(set->kind));
	}
	hz_arena_track_update(at, set);
	hz_arena_track_make(r->arena, set->track);
	hz_track_attach(r, slot);
}

// In any case, whoever watches.
static void want_all(struct hz_router *r, uint32_t slot)
{
	const struct hz_cmd_track_set *set = hz_arena_track_set(&r->arena->track[slot]);
	for (unsigned i = 0; i < set->layer_count && set->kind == HZ_KIND_VIDEO; i++)
		if (r->track[slot].layer[i].alive || set->layer_count == 1)
			r->track[slot].layer[i].key_pending = 2;
}

static void change_track(struct hz_router *r, uint32_t slot, const struct hz_cmd_track_set *set,
                         int64_t now_us)
{
	struct hz_arena_track *at = &r->arena->track[slot];
	const struct hz_cmd_track_set *old = hz_arena_track_set(at);
	bool resumes = old->flags & HZ_TRACK_PAUSED && !(set->flags & HZ_TRACK_PAUSED);
	bool records = set->flags & HZ_TRACK_TAP && !(old->flags & HZ_TRACK_TAP);
	bool pauses = !(old->flags & HZ_TRACK_PAUSED) && set->flags & HZ_TRACK_PAUSED;
	assign_ssrcs(r, slot, old, set);
	hz_arena_track_update(at, set);
	hz_track_tables(r, slot);
	r->track[slot].mark = r->mark;
	if (pauses || resumes)
		hz_level_init(&r->track[slot].level);
	for (unsigned i = set->layer_count; i < HZ_MAX_LAYERS; i++)
		r->track[slot].layer[i].alive = 0;
	for (uint16_t s = r->track[slot].first_sub; s != HZ_NO_SLOT && resumes; s = r->sub[s].next_of_track)
		r->sub[s].resync = 1;
	// A recording begins, or goes on after a pause, with pictures that can be decoded.
	if (records || (resumes && set->flags & HZ_TRACK_TAP))
		want_all(r, slot);
	hz_select(r, slot, now_us);
	hz_keyframe_poll(r, slot, now_us);
}

static int on_track_set(struct hz_router *r, const struct hz_cmd_track_set *set, int64_t now_us)
{
	if (hz_check_track_set(set))
		return -EINVAL;
	if (peer_slot(r, set->peer) == HZ_NO_SLOT)
		return -ENOENT;
	uint32_t slot = HZ_ID_SLOT(set->track);
	struct hz_arena_track *at = &r->arena->track[slot];
	if (track_conflicts(r, set))
		return -EEXIST;
	if (at->id && at->id == set->track) {
		if (hz_arena_track_set(at)->peer != set->peer || hz_arena_track_set(at)->kind != set->kind)
			return -EINVAL;
		change_track(r, slot, set, now_us);
		return 0;
	}
	if (at->id)
		hz_track_remove(r, slot);
	make_track(r, slot, set);
	return 0;
}

// --- subscriptions

static bool sub_conflicts(const struct hz_router *r, const struct hz_cmd_sub_set *set)
{
	for (uint16_t s = r->peer[HZ_ID_SLOT(set->peer)].first_sub; s != HZ_NO_SLOT;
	     s = r->sub[s].next_of_peer) {
		const struct hz_cmd_sub_set *other = hz_arena_sub_set(&r->arena->sub[s]);
		if (other->sub == set->sub)
			continue;
		if (other->ssrc == set->ssrc || (set->rtx_ssrc && other->rtx_ssrc == set->rtx_ssrc) ||
		    other->rtx_ssrc == set->ssrc || (set->rtx_ssrc && other->ssrc == set->rtx_ssrc))
			return true;
	}
	return false;
}

static int check_target(const struct hz_router *r, const struct hz_cmd_sub_set *set)
{
	const struct hz_arena_track *at = hz_arena_track(r->arena, set->track);
	if (peer_slot(r, set->peer) == HZ_NO_SLOT || (set->track && !at))
		return -ENOENT;
	if (!at)
		return 0;
	const struct hz_arena_peer *from = hz_arena_peer(r->arena, hz_arena_track_set(at)->peer);
	const struct hz_arena_peer *to = hz_arena_peer(r->arena, set->peer);
	// A track never leaves its consult, whatever control believes.
	if (hz_arena_track_set(at)->kind != set->kind ||
	    hz_arena_peer_set(from)->consult != hz_arena_peer_set(to)->consult)
		return -EINVAL;
	return 0;
}

static void make_sub(struct hz_router *r, uint32_t slot, const struct hz_cmd_sub_set *set)
{
	struct hz_arena_sub *as = &r->arena->sub[slot];
	const struct hz_arena_peer *ap = hz_arena_peer(r->arena, set->peer);
	hz_arena_sub_clear(as);
	as->out_index = hz_arena_retired_index(ap, set->ssrc);
	as->rtx_index = hz_arena_retired_index(ap, set->rtx_ssrc);
	hz_vp8_rewrite_init(&as->vp8);
	hz_arena_sub_update(as, set);
	hz_arena_sub_make(r->arena, set->sub);
	hz_sub_attach(r, slot);
}

// A pause holds whatever else of its command is refused: nothing may go on because a track is not there. What waits its
// turn, and what was lost, is over.
static void pause_sub(struct hz_router *r, const struct hz_cmd_sub_set *set)
{
	struct hz_arena_sub *as = hz_arena_sub(r->arena, set->sub);
	uint32_t slot = HZ_ID_SLOT(set->sub);
	if (!as || !(set->flags & HZ_SUB_PAUSED) || hz_arena_sub_set(as)->peer != set->peer)
		return;
	struct hz_cmd_sub_set paused = *hz_arena_sub_set(as);
	bool over = (paused.flags | set->flags) & HZ_SUB_LIVE && !(paused.flags & HZ_SUB_PAUSED);
	paused.flags |= HZ_SUB_PAUSED;
	hz_arena_sub_update(as, &paused);
	r->sub[slot].barred = as->out_index;
	hz_pace_drop(r, slot);
	hz_kept_free(r, slot);
	if (over && r->ops->media_over)
		r->ops->media_over(r->ctx, r->sub[slot].peer);
}

static int change_sub(struct hz_router *r, uint32_t slot, const struct hz_cmd_sub_set *set)
{
	struct hz_arena_sub *as = &r->arena->sub[slot];
	const struct hz_cmd_sub_set old = *hz_arena_sub_set(as);
	if (old.peer != set->peer || old.kind != set->kind || old.ssrc != set->ssrc ||
	    (old.rtx_ssrc && old.rtx_ssrc != set->rtx_ssrc))
		return -EINVAL;
	if (!old.rtx_ssrc && set->rtx_ssrc)
		as->rtx_index = hz_arena_retired_index(hz_arena_peer(r->arena, set->peer), set->rtx_ssrc);
	hz_arena_sub_update(as, set);
	if (old.track != set->track)
		hz_sub_link(r, slot, set->track ? (uint16_t)HZ_ID_SLOT(set->track) : HZ_NO_SLOT);
	bool goes_on = old.flags & HZ_SUB_PAUSED && !(set->flags & HZ_SUB_PAUSED);
	if (goes_on)
		hz_sub_since(r, slot);
	if (old.track != set->track || goes_on)
		r->sub[slot].resync = 1;
	hz_sub_tables(r, slot);
	r->sub[slot].mark = r->mark;
	return 0;
}

static int on_sub_set(struct hz_router *r, const struct hz_cmd_sub_set *set, int64_t now_us)
{
	pause_sub(r, set);
	if (hz_check_sub_set(set))
		return -EINVAL;
	int err = check_target(r, set);
	if (err)
		return err;
	if (sub_conflicts(r, set))
		return -EEXIST;
	uint32_t slot = HZ_ID_SLOT(set->sub);
	struct hz_arena_sub *as = &r->arena->sub[slot];
	if (as->id && as->id == set->sub) {
		err = change_sub(r, slot, set);
	} else {
		if (as->id)
			hz_sub_remove(r, slot);
		make_sub(r, slot, set);
	}
	if (!err && r->sub[slot].track != HZ_NO_SLOT) {
		hz_select_sub(r, slot, now_us);
		hz_keyframe_poll(r, r->sub[slot].track, now_us);
	}
	return err;
}

// --- removal, reconcile

static int on_peer_del(struct hz_router *r, hz_id id)
{
	if (!hz_arena_peer(r->arena, id))
		return -ENOENT;
	hz_peer_remove(r, HZ_ID_SLOT(id));
	return 0;
}

static int on_track_del(struct hz_router *r, hz_id id)
{
	if (!hz_arena_track(r->arena, id))
		return -ENOENT;
	hz_track_remove(r, HZ_ID_SLOT(id));
	return 0;
}

static int on_sub_del(struct hz_router *r, hz_id id)
{
	if (!hz_arena_sub(r->arena, id))
		return -ENOENT;
	hz_sub_remove(r, HZ_ID_SLOT(id));
	return 0;
}

static int on_keyframe(struct hz_router *r, hz_id id, int64_t now_us)
{
	const struct hz_arena_track *at = hz_arena_track(r->arena, id);
	uint32_t slot = HZ_ID_SLOT(id);
	if (!at)
		return -ENOENT;
	if (hz_arena_track_set(at)->kind != HZ_KIND_VIDEO)
		return -EINVAL;
	want_all(r, slot);
	hz_keyframe_poll(r, slot, now_us);
	return 0;
}

static int on_peer_share(struct hz_router *r, const struct hz_cmd_peer_share *cmd, int64_t now_us)
{
	uint32_t slot = peer_slot(r, cmd->peer);
	return slot == HZ_NO_SLOT ? -ENOENT : hz_peer_share(r, slot, cmd->for_ms, now_us);
}

static void sweep(struct hz_router *r)
{
	for (uint32_t i = 0; i < r->arena->subs_high; i++)
		if (r->arena->sub[i].id && r->sub[i].mark != r->mark)
			hz_sub_remove(r, i);
	for (uint32_t i = 0; i < r->arena->tracks_high; i++)
		if (r->arena->track[i].id && r->track[i].mark != r->mark)
			hz_track_remove(r, i);
	for (uint32_t i = 0; i < r->arena->peers_high; i++)
		if (r->arena->peer[i].id && r->peer[i].mark != r->mark)
			hz_peer_remove(r, i);
}

static int on_reconcile(struct hz_router *r, bool begin)
{
	if (begin) {
		r->mark++;
		r->reconciling = 1;
		return 0;
	}
	// An END whose BEGIN went to the incarnation before removes nothing: control begins anew after HELLO.
	if (!r->reconciling)
		return -EINVAL;
	r->reconciling = 0;
	sweep(r);
	hz_events_all(r); // control may have missed any state before
	return 0;
}

static int run(struct hz_router *r, const union hz_msg *msg, int64_t now_us, hz_id *ret_id)
{
	switch (msg->h.type) {
	case HZ_CMD_RECONCILE_BEGIN:
	case HZ_CMD_RECONCILE_END:
		return on_reconcile(r, msg->h.type == HZ_CMD_RECONCILE_BEGIN);
	case HZ_CMD_PEER_SET:
		*ret_id = msg->peer_set.peer;
		return on_peer_set(r, &msg->peer_set, now_us);
	case HZ_CMD_PEER_DEL:
		*ret_id = msg->peer_del.peer;
		return on_peer_del(r, msg->peer_del.peer);
	case HZ_CMD_TRACK_SET:
		*ret_id = msg->track_set.track;
		return on_track_set(r, &msg->track_set, now_us);
	case HZ_CMD_TRACK_DEL:
		*ret_id = msg->track_del.track;
		return on_track_del(r, msg->track_del.track);
	case HZ_CMD_SUB_SET:
		*ret_id = msg->sub_set.sub;
		return on_sub_set(r, &msg->sub_set, now_us);
	case HZ_CMD_SUB_DEL:
		*ret_id = msg->sub_del.sub;
		return on_sub_del(r, msg->sub_del.sub);
	case HZ_CMD_KEYFRAME:
		*ret_id = msg->keyframe.track;
		return on_keyframe(r, msg->keyframe.track, now_us);
	case HZ_CMD_PEER_SHARE:
		*ret_id = msg->peer_share.peer;
		return on_peer_share(r, &msg->peer_share, now_us);
	default:
		return -EINVAL;
	}
}

int hz_router_command(struct hz_router *router, const union hz_msg *msg, size_t bytes, int64_t now_us,
                      hz_id *ret_id)
{
	*ret_id = 0;
	int err = hz_check_command(msg, bytes);
	if (err)
		return err;
	router->arena->command_seq = msg->h.seq;
	return run(router, msg, now_us, ret_id);
}
