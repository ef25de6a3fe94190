// Control with two workers and a mosaic: what a mosaic would know, over a real socket, which can refuse.
#ifndef HZ_TESTS_UNIT_SESSION_PICTURE_RIG_H
#define HZ_TESTS_UNIT_SESSION_PICTURE_RIG_H

#include "gateway/control/metrics.h"
#include "gateway/session/composed/picture_internal.h"
#include "media/mosaic/api.h"
#include "tests/unit/session/offers.h"
#include "tests/unit/session/web.h"

#define LINES "mic:0:send cam:1:send:-:sim a:2:recv v:3:recv v:4:recv"
#define WATCH "a:2:recv v:3:recv v:4:recv"

struct known {
	bool live, seen;
	union {
		uint32_t id;
		struct hz_mosaic_room_set room;
		struct hz_mosaic_member_set member;
		struct hz_mosaic_rendition_set rendition;
	} set;
};

static int fd[2];                            // control's, the mosaic's
static struct known known[3][64];            // rooms, members, renditions
static struct hz_mosaic_speakers_set spoken; // the newest
static int refuse;                           // what the mosaic says to a ROOM_SET
static bool reconciling;
static unsigned sets, orphans; // orphans: refused as -ENOENT

static inline uint32_t id_of(const struct known *k)
{
	uint32_t id;
	memcpy(&id, (const uint8_t *)&k->set + sizeof(struct hz_msg_header), sizeof(id));
	return id;
}

static inline struct known *find(unsigned class, uint32_t id, bool make)
{
	struct known *free = NULL;
	for (unsigned i = 0; i < 64; i++) {
		struct known *k = &known[class][i];
		if (k->live && id_of(k) == id)
			return k;
		free = k->live || free ? free : k;
	}
	if (make)
		assert_non_null(free);
	return make ? free : NULL;
}

static inline unsigned count(unsigned class)
{
	unsigned n = 0;
	for (unsigned i = 0; i < 64; i++)
		n += known[class][i].live;
	return n;
}

static inline void say_mosaic(void *msg, uint16_t type, size_t bytes)
{
	struct hz_msg_header *h = msg;
	*h = (struct hz_msg_header){
	    .version = HZ_MOSAIC_API_VERSION, .type = type, .bytes = (uint32_t)bytes, .seq = h->seq};
	assert_int_equal(hz_seqpacket_send(fd[1], msg, bytes), 0);
}

static inline void start_mosaic(void)
{
	struct hz_mosaic_hello hello = {.pid = 1};
	memset(known, 0, sizeof(known));
	reconciling = false;
	say_mosaic(&hello, HZ_MOSAIC_HELLO, sizeof(hello));
}

static inline void status(void)
{
	struct hz_mosaic_status s = {.rooms = count(0), .members = count(1), .renditions = count(2)};
	say_mosaic(&s, HZ_MOSAIC_STATUS, sizeof(s));
}

static inline int set(unsigned class, const void *buf, size_t bytes, uint32_t consult)
{
	struct known fresh = {.live = true, .seen = true};
	sets++;
	if (class == 0 && refuse)
		return refuse;
	if (class && !find(0, consult, false)) {
		orphans++;
		return -ENOENT;
	}
	memcpy(&fresh.set, buf, bytes);
	*find(class, id_of(&fresh), true) = fresh;
	return 0;
}

static inline int del(unsigned class, uint32_t id)
{
	struct known *k = find(class, id, false);
	if (!k)
		return -ENOENT;
	k->live = false;
	for (unsigned i = 0; class == 0 && i < 64; i++) {
		known[1][i].live = known[1][i].live && known[1][i].set.member.consult != id;
		known[2][i].live = known[2][i].live && known[2][i].set.rendition.consult != id;
	}
	return 0;
}

static inline int command(const void *buf, size_t bytes)
{
	const struct hz_msg_header *h = buf;
	const struct hz_mosaic_member_set *m = buf;
	const struct hz_mosaic_rendition_set *r = buf;
	switch (h->type) {
	case HZ_MOSAIC_RECONCILE_BEGIN:
		reconciling = true;
		for (unsigned i = 0; i < 3 * 64; i++)
			known[i / 64][i % 64].seen = false;
		return 0;
	case HZ_MOSAIC_RECONCILE_END:
		assert_true(reconciling);
		reconciling = false;
		for (unsigned i = 0; i < 3 * 64; i++)
			known[i / 64][i % 64].live = known[i / 64][i % 64].live && known[i / 64][i % 64].seen;
		return 0;
	case HZ_MOSAIC_ROOM_SET:
		assert_int_equal(bytes, sizeof(struct hz_mosaic_room_set));
		return set(0, buf, bytes, 0);
	case HZ_MOSAIC_MEMBER_SET:
		assert_int_equal(bytes, sizeof(*m));
		return set(1, buf, bytes, m->consult);
	case HZ_MOSAIC_RENDITION_SET:
		assert_int_equal(bytes, sizeof(*r));
		assert_true(r->ssrc != 0);
		return set(2, buf, bytes, r->consult);
	case HZ_MOSAIC_SPEAKERS_SET:
		memcpy(&spoken, buf, sizeof(spoken));
		return find(0, spoken.consult, false) ? 0 : -ENOENT;
	case HZ_MOSAIC_ROOM_DEL:
		return del(0, m->member);
	case HZ_MOSAIC_MEMBER_DEL:
		return del(1, m->member);
	case HZ_MOSAIC_RENDITION_DEL:
		return del(2, m->member);
	default:
		fail_msg("command %u", h->type);
		return 0;
	}
}

static inline int mosaic_work(void)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	size_t bytes;
	int read = 0;
	while (hz_seqpacket_recv(fd[1], buf, sizeof(buf), &bytes) == 0) {
		const struct hz_msg_header *h = (const void *)buf;
		struct hz_ev_ack ack = {.h.seq = h->seq};
		ack.err = command(buf, bytes);
		say_mosaic(&ack, HZ_MOSAIC_ACK, sizeof(ack));
		read++;
	}
	return read;
}

static inline int setup(void **state)
{
	assert_int_equal(rig_setup_workers(state, 2), 0);
	struct rig *rig = *state;
	refuse = 0;
	sets = orphans = 0;
	memset(&spoken, 0, sizeof(spoken));
	assert_int_equal(hz_seqpacket_pair(1 << 20, fd), 0);
	rig->mosaic = fd[0];
	rig->mosaic_work = mosaic_work;
	start_mosaic();
	rig_kill(rig); // with a mosaic from now on
	rig->brain->limits.spread_subscriptions = 1000;
	return 0;
}

static inline int teardown(void **state)
{
	rig_teardown(state);
	close(fd[0]);
	close(fd[1]);
	return 0;
}

// Time goes, and the mosaic lives.
static inline void go_on(struct rig *rig, int64_t ms)
{
	while (ms > 0) {
		status();
		rig_advance(rig, ms < 400 ? ms : 400);
		ms -= 460;
	}
}

static inline struct rig_worker *worker(const struct rig *rig, unsigned index)
{
	return index ? rig->more[index - 1].worker : rig->worker;
}

static inline struct hz_slot *slot_at(const struct rig_socket *s, const char *mid)
{
	for (struct hz_peer *peer = s->conn->participant->peers; peer; peer = peer->next) {
		for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
			if (strcmp(slot->cmd.mid, mid) == 0)
				return slot;
		}
	}
	fail_msg("no slot %s", mid);
	return NULL;
}

// As its worker has it.
static inline const struct hz_cmd_sub_set *sub_at(const struct rig *rig, const struct rig_socket *s,
                                                  const char *mid)
{
	const struct hz_slot *slot = slot_at(s, mid);
	return &worker(rig, slot->peer->worker)->sub[HZ_ID_SLOT(slot->id)];
}

static inline const struct hz_cmd_track_set *track_at(const struct rig *rig, const struct rig_socket *s,
                                                      const char *mid)
{
	const struct hz_slot *slot = slot_at(s, mid);
	const struct hz_cmd_sub_set *sub = sub_at(rig, s, mid);
	const struct hz_cmd_track_set *t = &worker(rig, slot->peer->worker)->track[HZ_ID_SLOT(sub->track)];
	return sub->track && t->track == sub->track ? t : NULL;
}

static inline const struct hz_cmd_peer_set *link_at(const struct rig *rig, unsigned index)
{
	for (unsigned i = 0; i < HZ_MAX_PEERS; i++) {
		const struct hz_cmd_peer_set *p = &worker(rig, index)->peer[i];
		if (p->peer && p->flags & HZ_PEER_RELAY && p->relay == HZ_PICTURE_RELAY)
			return p;
	}
	return NULL;
}

// What is fed to the mosaic from this worker; the newest in *ret.
static inline unsigned feeds(const struct rig *rig, unsigned index, const struct hz_cmd_sub_set **ret)
{
	const struct hz_cmd_peer_set *link = link_at(rig, index);
	unsigned n = 0;
	for (unsigned i = 0; link && i < HZ_MAX_SUBS; i++) {
		const struct hz_cmd_sub_set *s = &worker(rig, index)->sub[i];
		if (!s->sub || s->peer != link->peer)
			continue;
		assert_int_equal(s->flags, HZ_SUB_PIN);
		assert_int_equal(s->kind, HZ_KIND_VIDEO);
		if (ret)
			*ret = s;
		n++;
	}
	return n;
}

static inline const struct hz_mosaic_member_set *member_of(const struct rig *rig, const char *id,
                                                           uint8_t source)
{
	const struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	const struct known *k = find(1, hz_picture_number(consult, id, source), false);
	return k ? &k->set.member : NULL;
}

static inline struct rig_socket *enter(struct rig *rig, const char *id, const char *role, const char *lines)
{
	struct rig_socket *s = rig_join(rig, id, role);
	bool sends = strstr(lines, "send") != NULL;
	assert_non_null(offer_make(rig, s, (struct offer_spec){.lines = lines},
	                           strstr(lines, "cam") ? "0:microphone 1:camera"
	                           : sends              ? "0:microphone"
	                                                : ""));
	rig_advance(rig, 300);
	return s;
}

static inline const json_t *ask(struct rig *rig, struct rig_socket *s, const char *mid, const char *track,
                                const char *quality)
{
	return rig_call(
	    rig, s, "subscribe",
	    json_pack("{s:[{s:s, s:s?, s:s}]}", "items", "mid", mid, "track", track, "quality", quality));
}

static inline void watch(struct rig *rig, struct rig_socket *s, const char *mid, const char *quality)
{
	rig_result(ask(rig, s, mid, "mix", quality));
	rig_advance(rig, 100);
}

static inline bool offered(const struct rig_socket *s)
{
	return json_is_true(json_object_get(json_object_get(s->state, "consult"), "picture"));
}

// a and b have cameras, c watches.
static inline struct rig_socket *watches(struct rig *rig, struct rig_socket **a, struct rig_socket **b)
{
	rig_consult(rig, "c1");
	go_on(rig, 500);
	*a = enter(rig, "a", "clinic", LINES);
	*b = enter(rig, "b", "expert", LINES);
	struct rig_socket *c = enter(rig, "c", "expert", "mic:0:send a:2:recv v:3:recv v:4:recv");
	watch(rig, c, "3", "high");
	return c;
}

#endif
