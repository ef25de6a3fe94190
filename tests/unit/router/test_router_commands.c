// Commands, reconcile, what an arena may hold at start, events that do not fit.
#include "tests/unit/router/fixture.h"

#include "gateway/base/memfd.h"
#include "media/router/check.h"

#include <unistd.h>

#define VIDEO HZ_KIND_VIDEO
#define AUDIO HZ_KIND_AUDIO

static int setup(void **state)
{
	*state = fx_new();
	return 0;
}

static struct hz_router_counts counts(struct fx *fx)
{
	struct hz_router_counts c;
	hz_router_counts(fx->router, &c);
	return c;
}

static int peer(struct fx *fx, void (*spoil)(struct hz_cmd_peer_set *))
{
	union hz_msg m = fx_peer_msg(3, 1, 0);
	spoil(&m.peer_set);
	return fx_command(fx, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set));
}

static void p_slot(struct hz_cmd_peer_set *p)
{
	p->peer = HZ_ID(HZ_MAX_PEERS, 1);
}
static void p_generation(struct hz_cmd_peer_set *p)
{
	p->peer = 5;
}
static void p_zero(struct hz_cmd_peer_set *p)
{
	p->peer = 0;
}
static void p_ufrag_short(struct hz_cmd_peer_set *p)
{
	p->local_ufrag[3] = '\0';
}
static void p_ufrag_open(struct hz_cmd_peer_set *p)
{
	memset(p->local_ufrag, 'a', HZ_UFRAG_BYTES);
}
static void p_pwd_open(struct hz_cmd_peer_set *p)
{
	memset(p->local_pwd, 'a', HZ_PWD_BYTES);
}
static void p_pwd_short(struct hz_cmd_peer_set *p)
{
	p->local_pwd[21] = '\0';
}
static void p_remote_open(struct hz_cmd_peer_set *p)
{
	memset(p->remote_pwd, 'a', HZ_PWD_BYTES);
}

static void bad_peers(void **state)
{
	struct fx *fx = *state;
	void (*const spoils[])(struct hz_cmd_peer_set *) = {p_slot,        p_generation, p_zero,
	                                                    p_ufrag_short, p_ufrag_open, p_pwd_open,
	                                                    p_pwd_short,   p_remote_open};
	for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++)
		assert_int_equal(peer(fx, spoils[i]), -EINVAL);
	assert_int_equal(counts(fx).peers, 0);
	fx_peer(fx, 0, 1, 0);
	union hz_msg m = fx_peer_msg(0, 1, 0);
	m.peer_set.peer = HZ_ID(1, 1); // the ufrag is taken
	assert_int_equal(fx_command(fx, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set)), -EEXIST);
	m = fx_peer_msg(0, 1, 0);
	m.peer_set.fingerprint[0] ^= 1; // another certificate after DTLS
	assert_int_equal(fx_command(fx, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set)), -EINVAL);
	union hz_msg d = {.peer_del = {.peer = HZ_ID(0, 2)}}; // another generation
	assert_int_equal(fx_command(fx, &d, HZ_CMD_PEER_DEL, sizeof(d.peer_del)), -ENOENT);
	assert_int_equal(counts(fx).peers, 1);
}

static int track(struct fx *fx, void (*spoil)(struct hz_cmd_track_set *))
{
	union hz_msg m = fx_track_msg(1, 0, VIDEO, 3);
	spoil(&m.track_set);
	return fx_command(fx, &m, HZ_CMD_TRACK_SET, sizeof(m.track_set));
}

static void t_slot(struct hz_cmd_track_set *t)
{
	t->track = HZ_ID(HZ_MAX_TRACKS, 1);
}
static void t_kind(struct hz_cmd_track_set *t)
{
	t->kind = 3;
}
static void t_layers0(struct hz_cmd_track_set *t)
{
	t->layer_count = 0;
}
static void t_layers4(struct hz_cmd_track_set *t)
{
	t->layer_count = 4;
}
static void t_pts0(struct hz_cmd_track_set *t)
{
	t->pt_count = 0;
}
static void t_pts9(struct hz_cmd_track_set *t)
{
	t->pt_count = 9;
}
static void t_pt(struct hz_cmd_track_set *t)
{
	t->pt[0].pt = 128;
}
static void t_pt_rtcp(struct hz_cmd_track_set *t)
{
	t->pt[0].pt = 72;
}
static void t_rtx(struct hz_cmd_track_set *t)
{
	t->pt[0].rtx_pt = t->pt[0].pt;
}
static void t_codec(struct hz_cmd_track_set *t)
{
	t->pt[0].codec = HZ_CODEC_COUNT;
}
static void t_codec_kind(struct hz_cmd_track_set *t)
{
	t->pt[0].codec = HZ_CODEC_OPUS;
}
static void t_fec_audio(struct hz_cmd_track_set *t)
{
	t->kind = HZ_KIND_AUDIO;
	t->pt_count = 1;
	t->pt[0] = (struct hz_pt){107, 0, HZ_CODEC_ULPFEC, 0};
}
static void t_mid(struct hz_cmd_track_set *t)
{
	memset(t->mid, 'x', HZ_MID_BYTES);
}
static void t_rid(struct hz_cmd_track_set *t)
{
	memset(t->rid[2], 'x', HZ_RID_BYTES);
}
static void t_ext(struct hz_cmd_track_set *t)
{
	t->ext.twcc = t->ext.mid;
}
static void t_ext15(struct hz_cmd_track_set *t)
{
	t->ext.twcc = 15;
}
static void t_ssrc(struct hz_cmd_track_set *t)
{
	t->ssrc[1] = t->rtx_ssrc[0];
}

static void bad_tracks(void **state)
{
	struct fx *fx = *state;
	void (*const spoils[])(struct hz_cmd_track_set *) = {
	    t_slot,  t_kind,       t_layers0,   t_layers4, t_pts0, t_pts9, t_pt,    t_pt_rtcp, t_rtx,
	    t_codec, t_codec_kind, t_fec_audio, t_mid,     t_rid,  t_ext,  t_ext15, t_ssrc};
	fx_peer(fx, 0, 1, 0);
	for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++)
		assert_int_equal(track(fx, spoils[i]), -EINVAL);
	union hz_msg m = fx_track_msg(1, 9, VIDEO, 1);
	assert_int_equal(fx_command(fx, &m, HZ_CMD_TRACK_SET, sizeof(m.track_set)), -ENOENT);
	fx_track(fx, 1, 0, VIDEO, 1);
	m = fx_track_msg(2, 0, VIDEO, 1);
	m.track_set.ssrc[0] = fx_ssrc(1, 0); // of another track of the same peer
	assert_int_equal(fx_command(fx, &m, HZ_CMD_TRACK_SET, sizeof(m.track_set)), -EEXIST);
	fx_peer(fx, 5, 1, 0);
	m = fx_track_msg(1, 5, VIDEO, 1); // changes its publisher
	assert_int_equal(fx_command(fx, &m, HZ_CMD_TRACK_SET, sizeof(m.track_set)), -EINVAL);
	m = fx_track_msg(1, 0, AUDIO, 1); // changes its kind
	assert_int_equal(fx_command(fx, &m, HZ_CMD_TRACK_SET, sizeof(m.track_set)), -EINVAL);
	union hz_msg k = {.keyframe = {.track = HZ_ID(7, 1)}};
	assert_int_equal(fx_command(fx, &k, HZ_CMD_KEYFRAME, sizeof(k.keyframe)), -ENOENT);
	assert_int_equal(counts(fx).tracks, 1);
}

static void bad_subs(void **state)
{
	struct fx *fx = *state;
	fx_peer(fx, 0, 1, 0);
	fx_peer(fx, 1, 1, 0);
	fx_peer(fx, 2, 2, 0); // another consult
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_track(fx, 1, 0, AUDIO, 1);
	union hz_msg m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.sub = HZ_ID(HZ_MAX_SUBS, 1);
	assert_int_equal(fx_sub_set(fx, &m), -EINVAL);
	m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.ssrc = 0;
	assert_int_equal(fx_sub_set(fx, &m), -EINVAL);
	m.sub_set.ssrc = m.sub_set.rtx_ssrc;
	assert_int_equal(fx_sub_set(fx, &m), -EINVAL);
	m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.max_layer = 3;
	assert_int_equal(fx_sub_set(fx, &m), -EINVAL);
	m = fx_sub_msg(0, 1, 0, VIDEO); // video in RED only comes in
	m.sub_set.pt[1].codec = HZ_CODEC_RED;
	assert_int_equal(fx_sub_set(fx, &m), -EINVAL);
	m.sub_set.pt[1].codec = HZ_CODEC_ULPFEC;
	assert_int_equal(fx_sub_set(fx, &m), -EINVAL);
	m = fx_sub_msg(0, 1, 1, VIDEO); // a microphone in a picture's slot
	assert_int_equal(fx_sub_set(fx, &m), -EINVAL);
	m = fx_sub_msg(0, 1, 99, VIDEO);
	assert_int_equal(fx_sub_set(fx, &m), -ENOENT);
	m = fx_sub_msg(0, 9, 0, VIDEO);
	assert_int_equal(fx_sub_set(fx, &m), -ENOENT);
	m = fx_sub_msg(0, 2, 0, VIDEO); // across consults
	assert_int_equal(fx_sub_set(fx, &m), -EINVAL);
	assert_int_equal(counts(fx).subs, 0);
	fx_sub(fx, 0, 1, 0, VIDEO);
	m = fx_sub_msg(1, 1, 0, VIDEO);
	m.sub_set.ssrc = 900000; // taken by the other slot
	assert_int_equal(fx_sub_set(fx, &m), -EEXIST);
	m = fx_sub_msg(1, 1, 0, VIDEO);
	m.sub_set.rtx_ssrc = 900000;
	assert_int_equal(fx_sub_set(fx, &m), -EEXIST);
	m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.ssrc = 5; // for life
	assert_int_equal(fx_sub_set(fx, &m), -EINVAL);
	m = fx_sub_msg(0, 0, 0, VIDEO);
	assert_int_equal(fx_sub_set(fx, &m), -EINVAL); // another receiver
	assert_int_equal(counts(fx).subs, 1);
}

static void removal_cascades_and_wipes(void **state)
{
	struct fx *fx = *state;
	static const struct hz_arena_peer no_peer;
	static const struct hz_arena_track no_track;
	for (uint32_t i = 0; i < 4; i++)
		fx_peer(fx, i, 1, 0);
	for (uint32_t i = 0; i < 4; i++)
		fx_track(fx, i, i, VIDEO, 3);
	for (uint32_t i = 0; i < 16; i++)
		fx_sub(fx, i, i % 4, i / 4, VIDEO);
	union hz_msg d = {.track_del = {.track = HZ_ID(2, 1)}};
	assert_int_equal(fx_command(fx, &d, HZ_CMD_TRACK_DEL, sizeof(d.track_del)), 0);
	assert_int_equal(hz_arena_sub_set(&fx->arena->sub[8])->track, 0); // idle, not gone
	assert_int_equal(counts(fx).subs, 16);
	d = (union hz_msg){.peer_del = {.peer = HZ_ID(1, 1)}};
	assert_int_equal(fx_command(fx, &d, HZ_CMD_PEER_DEL, sizeof(d.peer_del)), 0);
	assert_int_equal(counts(fx).peers, 3);
	assert_int_equal(counts(fx).tracks, 2);
	assert_int_equal(counts(fx).subs, 12);
	assert_int_equal(fx->removed, 1);
	assert_memory_equal(&fx->arena->peer[1], &no_peer, sizeof(no_peer));
	assert_memory_equal(&fx->arena->track[1], &no_track, sizeof(no_track));
	struct fx_in in = {.ssrc = fx_ssrc(1, 0), .seq = 1, .pt = PT_VP8, .key = true};
	assert_int_equal(fx_in(fx, 1, &in), -ENOENT);
	// The slot's next generation takes the place without a DEL.
	union hz_msg m = fx_peer_msg(0, 1, 0);
	m.peer_set.peer = HZ_ID(0, 2);
	assert_int_equal(fx_command(fx, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set)), 0);
	assert_int_equal(counts(fx).peers, 3);
	assert_int_equal(counts(fx).tracks, 1);
	assert_int_equal(fx->arena->peer[0].dtls, HZ_ARENA_DTLS_NONE);
}

// An SSRC that a receiver had before goes on behind its newest index: the keys are still the same.
static void reused_ssrcs_go_on(void **state)
{
	struct fx *fx = *state;
	fx_peer(fx, 0, 1, 0);
	fx_peer(fx, 1, 1, 0);
	fx_track(fx, 0, 0, VIDEO, 1);
	uint64_t last = 0;
	for (uint16_t round = 0; round < 5; round++) {
		fx_sub(fx, 0, 1, 0, VIDEO);
		struct fx_in in = {
		    .ssrc = fx_ssrc(0, 0), .seq = (uint16_t)(round * 2 + 1), .pt = PT_VP8, .key = true};
		assert_int_equal(fx_in(fx, 0, &in), 0);
		assert_int_equal(fx->out_count, round + 1);
		if (last)
			assert_int_equal(fx->out[round].index, last + 1 + 2); // two empty ones go ahead
		last = fx->out[round].index;
		union hz_msg d = {.sub_del = {.sub = HZ_ID(0, 1)}};
		assert_int_equal(fx_command(fx, &d, HZ_CMD_SUB_DEL, sizeof(d.sub_del)), 0);
		if (round == 2)
			fx_restart(fx);
	}
	// More removed SSRCs than are remembered: the oldest are given up, and the worker is told.
	for (uint32_t i = 1; i <= 40; i++) {
		fx_sub(fx, i, 1, 0, VIDEO);
		struct fx_in in = {
		    .ssrc = fx_ssrc(0, 0), .seq = (uint16_t)(100 + i), .pt = PT_VP8, .key = true};
		assert_int_equal(fx_in(fx, 0, &in), 0);
		union hz_msg d = {.sub_del = {.sub = HZ_ID(i, 1)}};
		assert_int_equal(fx_command(fx, &d, HZ_CMD_SUB_DEL, sizeof(d.sub_del)), 0);
	}
	assert_int_equal(fx->tx_forgotten, 41 - HZ_ARENA_RETIRED);
}

static int reconcile(struct fx *fx, uint16_t type)
{
	union hz_msg m = {0};
	return fx_command(fx, &m, type, sizeof(m.reconcile));
}

static void reconcile_sweeps(void **state)
{
	struct fx *fx = *state;
	for (uint32_t i = 0; i < 3; i++) {
		fx_peer(fx, i, 1, 0);
		fx_track(fx, i, i, VIDEO, 1);
	}
	fx_sub(fx, 0, 1, 0, VIDEO);
	fx_sub(fx, 1, 1, 2, VIDEO);
	fx_sub(fx, 2, 0, 1, VIDEO);
	assert_int_equal(reconcile(fx, HZ_CMD_RECONCILE_END), -EINVAL); // nobody began
	assert_int_equal(counts(fx).peers, 3);
	assert_int_equal(reconcile(fx, HZ_CMD_RECONCILE_BEGIN), 0);
	assert_int_equal(fx_peer_set(fx, 0, 1, 0), 0);
	assert_int_equal(reconcile(fx, HZ_CMD_RECONCILE_BEGIN),
	                 0); // control died on the way and begins again
	assert_int_equal(fx_peer_set(fx, 1, 1, 0), 0);
	assert_int_equal(fx_peer_set(fx, 2, 1, 0), 0);
	fx_track(fx, 2, 2, VIDEO, 1);
	fx_sub(fx, 1, 1, 2, VIDEO);
	fx_clear(fx);
	assert_int_equal(reconcile(fx, HZ_CMD_RECONCILE_END), 0);
	assert_int_equal(counts(fx).peers, 2);
	assert_int_equal(counts(fx).tracks, 1);
	assert_int_equal(counts(fx).subs, 1);
	assert_null(hz_arena_peer(fx->arena, HZ_ID(0, 1)));
	assert_int_equal(fx->arena->peer[1].state, HZ_PEER_CONNECTED); // untouched
	fx_advance(fx, 100000);
	assert_int_equal(fx_events_seen(fx, HZ_EV_PEER_STATE), 2); // states are told once more
	assert_int_equal(fx_events_seen(fx, HZ_EV_TRACK_STATE), 1);
	// The END of a reconcile that began before a crash removes nothing.
	assert_int_equal(reconcile(fx, HZ_CMD_RECONCILE_BEGIN), 0);
	fx_restart(fx);
	assert_int_equal(reconcile(fx, HZ_CMD_RECONCILE_END), -EINVAL);
	assert_int_equal(counts(fx).peers, 2);
}

static void states_wait_for_a_full_queue(void **state)
{
	struct fx *fx = *state;
	fx->api_full = true;
	fx_peer(fx, 0, 1, 0);
	fx_track(fx, 0, 0, VIDEO, 1);
	hz_router_peer_state(fx->router, 0, HZ_PEER_DISCONNECTED, HZ_REASON_NONE, fx->now);
	struct fx_in in = {.ssrc = fx_ssrc(0, 0), .seq = 1, .pt = PT_VP8, .key = true};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	fx_advance(fx, 4100000);
	assert_int_equal(fx->events_count, 0);
	assert_true(fx->arena->counters.events_dropped >= 2); // statistics are dropped and counted
	fx_restart(fx);                                       // the flags are in the arena
	fx->api_full = false;
	fx_advance(fx, 100000);
	assert_int_equal(fx_events_seen(fx, HZ_EV_PEER_STATE), 1);
	for (size_t i = 0; i < fx->events_count; i++)
		if (fx->events[i].h.type == HZ_EV_PEER_STATE)
			assert_int_equal(fx->events[i].peer_state.state, HZ_PEER_DISCONNECTED);
	assert_true(fx_events_seen(fx, HZ_EV_TRACK_STATE) >= 1);
}

// --- the arena at start

static void populate(struct fx *fx)
{
	for (uint32_t i = 0; i < 2; i++)
		fx_peer(fx, i, 1, 0);
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_track(fx, 1, 0, AUDIO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	fx_sub(fx, 1, 1, 1, AUDIO);
	struct fx_in in = {.ssrc = fx_ssrc(0, 0), .seq = 1, .pt = PT_VP8, .key = true};
	assert_int_equal(fx_in(fx, 0, &in), 0);
}

static struct hz_arena_report reopen(struct fx *fx)
{
	struct hz_arena_report report;
	hz_router_free(fx->router);
	fx->router = NULL;
	assert_int_equal(hz_arena_open(fx->arena, &report), 0);
	return report;
}

static void broken_objects_are_dropped(void **state)
{
	struct fx *fx = *state;
	populate(fx);
	struct hz_arena_report r = reopen(fx);
	assert_int_equal(r.peers + r.tracks + r.subs, 6);
	assert_int_equal(r.dropped, 0);
	assert_int_equal(fx->arena->incarnation, 2);
	assert_int_equal(fx->arena->counters.recoveries, 1);
	fx->arena->sub[1].set[fx->arena->sub[1].live].pt_count = 77;
	r = reopen(fx);
	assert_int_equal(r.dropped, 1);
	assert_int_equal(r.subs, 1);
	assert_int_equal(hz_arena_retired_index(&fx->arena->peer[1], 900000), 0);
	fx->arena->sub[0].id = HZ_ID(9, 1); // in the wrong slot: its SSRC's index is kept all the same
	uint64_t index = fx->arena->sub[0].out_index;
	r = reopen(fx);
	assert_int_equal(r.subs, 0);
	assert_int_equal(hz_arena_retired_index(&fx->arena->peer[1], 900000), index);
	fx->arena->track[1].set[fx->arena->track[1].live].peer = HZ_ID(7, 1);
	r = reopen(fx);
	assert_int_equal(r.tracks, 1);
	fx->arena->peer[0].keys.profile = 3;
	r = reopen(fx);
	assert_int_equal(r.peers, 1);
	assert_int_equal(r.tracks, 0); // went with its publisher
	assert_int_equal(r.dropped, 2);
	fx->arena->peers_high = 1u << 31;
	r = reopen(fx);
	assert_int_equal(r.peers, 1);
}

static void handshakes_under_way_are_lost(void **state)
{
	struct fx *fx = *state;
	assert_int_equal(fx_peer_set(fx, 0, 1, 0), 0);
	fx->arena->peer[0].dtls = HZ_ARENA_DTLS_HANDSHAKING;
	hz_router_peer_state(fx->router, 0, HZ_PEER_CHECKING, HZ_REASON_NONE, fx->now);
	fx_clear(fx);
	fx_restart(fx);
	fx_advance(fx, 10000);
	assert_int_equal(fx_events_seen(fx, HZ_EV_PEER_STATE), 1);
	assert_int_equal(fx->events[0].peer_state.state, HZ_PEER_FAILED);
	assert_int_equal(fx->events[0].peer_state.reason, HZ_REASON_LOST_HANDSHAKE);
}

static void foreign_arenas_are_refused(void **state)
{
	struct fx *fx = *state;
	struct hz_arena_report report;
	uint32_t incarnation = fx->arena->incarnation;
	fx->arena->version++;
	assert_int_equal(hz_arena_open(fx->arena, &report), -EPROTO);
	fx->arena->version--;
	fx->arena->magic ^= 1;
	assert_int_equal(hz_arena_open(fx->arena, &report), -EPROTO);
	fx->arena->magic ^= 1;
	fx->arena->bytes--;
	assert_int_equal(hz_arena_open(fx->arena, &report), -EPROTO);
	fx->arena->bytes++;
	assert_int_equal(fx->arena->incarnation, incarnation);
	int fd;
	struct hz_arena *map;
	assert_int_equal(hz_memfd_new("small", sizeof(struct hz_arena) - 1, &fd), 0);
	assert_int_equal(hz_arena_map(fd, &map), -EINVAL);
	close(fd);
	assert_int_equal(hz_arena_map(-1, &map), -EBADF);
	assert_int_equal(hz_memfd_new("right", sizeof(struct hz_arena), &fd), 0);
	assert_int_equal(hz_arena_map(fd, &map), 0);
	assert_int_equal(hz_arena_open(map, &report), 0);
	assert_true(report.fresh);
	hz_arena_unmap(map);
	close(fd);
}

// Random bytes over everything but the header: whatever is found there, nothing is believed that is out of bounds.
static void random_damage(void **state)
{
	struct fx *fx = *state;
	uint32_t r = 1;
	for (unsigned round = 0; round < 200; round++) {
		populate(fx);
		for (unsigned i = 0; i < 40; i++) {
			r = r * 1664525 + 1013904223;
			uint32_t slot = (r >> 8) % 2;
			uint8_t *at = i % 3 == 0   ? (uint8_t *)&fx->arena->peer[slot]
			              : i % 3 == 1 ? (uint8_t *)&fx->arena->track[slot]
			                           : (uint8_t *)&fx->arena->sub[slot];
			size_t bytes = i % 3 == 0   ? sizeof(struct hz_arena_peer)
			               : i % 3 == 1 ? sizeof(struct hz_arena_track)
			                            : sizeof(struct hz_arena_sub);
			r = r * 1664525 + 1013904223;
			size_t where = 4 + (r >> 4) % (bytes - 4); // ids stay: more is looked at
			at[where] = (uint8_t)(r >> 24);
		}
		fx_restart(fx);
		struct fx_in in = {
		    .ssrc = fx_ssrc(0, 0), .seq = (uint16_t)(round + 2), .pt = PT_VP8, .key = true};
		(void)fx_in(fx, 0, &in);
		fx_advance(fx, 20000);
		fx_clear(fx);
		hz_router_free(fx->router);
		memset(fx->arena, 0, offsetof(struct hz_arena, peer));
		memset(fx->arena->peer, 0, 2 * sizeof(fx->arena->peer[0]));
		memset(fx->arena->track, 0, 2 * sizeof(fx->arena->track[0]));
		memset(fx->arena->sub, 0, 2 * sizeof(fx->arena->sub[0]));
		fx_start(fx);
	}
}

static void every_slot_can_be_used(void **state)
{
	struct fx *fx = *state;
	fx_peer(fx, 0, 1, 0);
	fx_peer(fx, HZ_MAX_PEERS - 1, 1, 0);
	fx_track(fx, HZ_MAX_TRACKS - 1, 0, VIDEO, 1);
	fx_sub(fx, HZ_MAX_SUBS - 1, HZ_MAX_PEERS - 1, HZ_MAX_TRACKS - 1, VIDEO);
	struct fx_in in = {.ssrc = fx_ssrc(HZ_MAX_TRACKS - 1, 0), .seq = 1, .pt = PT_VP8, .key = true};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out_count, 1);
	fx_restart(fx);
	assert_int_equal(counts(fx).subs, 1);
	in.seq++;
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out_count, 2);
	assert_int_equal(fx->out[1].index, fx->out[0].index + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(bad_peers, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(bad_tracks, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(bad_subs, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(removal_cascades_and_wipes, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(reused_ssrcs_go_on, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(reconcile_sweeps, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(states_wait_for_a_full_queue, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(broken_objects_are_dropped, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(handshakes_under_way_are_lost, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(foreign_arenas_are_refused, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(random_damage, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(every_slot_can_be_used, setup, fx_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
