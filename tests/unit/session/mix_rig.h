// Control with two workers and a mix: its rooms, over a real socket, which can refuse.
#ifndef HZ_TESTS_UNIT_SESSION_MIX_RIG_H
#define HZ_TESTS_UNIT_SESSION_MIX_RIG_H

#include "gateway/control/metrics.h"
#include "gateway/session/composed/mix_internal.h"
#include "gateway/store/runtime.h"
#include "media/mix/rooms.h"
#include "tests/unit/session/offers.h"

#define MIX   2 // behind two workers
#define LINES "mic:0:send a:2:recv a:3:recv a:4:recv v:5:recv"

static int fd[2]; // control's, the mix's
static struct hz_rooms *rooms;
static int refuse;         // what the mix says to a SET
static unsigned refuse_at; // but to the first so many
static unsigned sets;
static struct hz_mix_member_set said[8]; // the newest of each member

static inline void on_packet(void *ctx, unsigned worker, uint32_t consult, bool report, const uint8_t *data,
                             size_t bytes)
{
	fail();
}

static inline void start_mix(void)
{
	static const struct hz_rooms_ops ops = {.send = on_packet};
	struct hz_mix_hello hello = {
	    .h = {.version = HZ_MIX_API_VERSION, .type = HZ_MIX_HELLO, .bytes = sizeof(hello)}};
	hz_rooms_free(rooms);
	assert_int_equal(hz_rooms_new(&ops, 2, &rooms), 0);
	assert_int_equal(hz_seqpacket_send(fd[1], &hello, sizeof(hello)), 0);
}

static inline int mix_work(void)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	size_t bytes;
	int read = 0;
	while (hz_seqpacket_recv(fd[1], buf, sizeof(buf), &bytes) == 0) {
		const struct hz_msg_header *h = (const void *)buf;
		const struct hz_mix_member_del *m = (const void *)buf;
		struct hz_ev_ack ack = {.h = {.version = HZ_MIX_API_VERSION,
		                              .type = HZ_MIX_ACK,
		                              .bytes = sizeof(ack),
		                              .seq = h->seq},
		                        .id = h->type >= HZ_MIX_MEMBER_SET ? m->member : 0};
		sets += h->type == HZ_MIX_MEMBER_SET;
		for (unsigned i = 0; h->type == HZ_MIX_MEMBER_SET && i < 8; i++) {
			if (said[i].member && said[i].member != m->member)
				continue;
			memcpy(&said[i], buf, sizeof(said[i]));
			break;
		}
		ack.err = h->type == HZ_MIX_MEMBER_SET && refuse && sets > refuse_at
		              ? refuse
		              : hz_rooms_command(rooms, buf, bytes, 1000000);
		assert_int_equal(hz_seqpacket_send(fd[1], &ack, sizeof(ack)), 0);
		read++;
	}
	return read;
}

static inline int setup(void **state)
{
	assert_int_equal(rig_setup_workers(state, 2), 0);
	struct rig *rig = *state;
	refuse = 0;
	refuse_at = sets = 0;
	memset(said, 0, sizeof(said));
	assert_int_equal(hz_seqpacket_pair(1 << 20, fd), 0);
	rig->mix = fd[0];
	rig->mix_work = mix_work;
	start_mix();
	rig_kill(rig); // with a mix from now on
	rig->brain->limits.spread_subscriptions = 1000;
	return 0;
}

static inline int teardown(void **state)
{
	rig_teardown(state);
	hz_rooms_free(rooms);
	rooms = NULL;
	close(fd[0]);
	close(fd[1]);
	return 0;
}

static inline struct rig_worker *worker(const struct rig *rig, unsigned index)
{
	return index ? rig->more[index - 1].worker : rig->worker;
}

static inline unsigned worker_of(const struct rig_socket *s)
{
	return s->conn->participant->peers->worker;
}

static inline struct rig_socket *enter(struct rig *rig, const char *id)
{
	struct rig_socket *s = rig_join(rig, id, strcmp(id, "a") == 0 ? "clinic" : "expert");
	assert_non_null(offer_make(rig, s, (struct offer_spec){.lines = LINES}, "0:microphone"));
	rig_advance(rig, 300);
	return s;
}

static inline const struct hz_cmd_sub_set *slot_of(const struct rig *rig, const struct rig_socket *s,
                                                   const char *mid)
{
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
		const struct hz_cmd_sub_set *sub = &worker(rig, worker_of(s))->sub[i];
		if (sub->sub && sub->peer == s->conn->participant->peers->id && strcmp(sub->mid, mid) == 0)
			return sub;
	}
	fail_msg("no slot %s", mid);
	return NULL;
}

static inline bool paused(const struct rig *rig, const struct rig_socket *s, const char *mid)
{
	return slot_of(rig, s, mid)->flags & HZ_SUB_PAUSED;
}

// Left out by the worker while it sends the mix.
static inline bool held(const struct rig *rig, const struct rig_socket *s, const char *mid)
{
	return slot_of(rig, s, mid)->flags & HZ_SUB_HELD;
}

static inline const struct hz_cmd_peer_set *link_at(const struct rig *rig, unsigned index)
{
	for (unsigned i = 0; i < HZ_MAX_PEERS; i++) {
		const struct hz_cmd_peer_set *p = &worker(rig, index)->peer[i];
		if (p->peer && p->flags & HZ_PEER_RELAY && p->relay == MIX)
			return p;
	}
	return NULL;
}

static inline const struct hz_cmd_track_set *track_of(const struct rig *rig, unsigned index, hz_id id)
{
	const struct hz_cmd_track_set *t = &worker(rig, index)->track[HZ_ID_SLOT(id)];
	return id && t->track == id ? t : NULL;
}

// Subscriptions to the mix; each is of Opus alone.
static inline unsigned voices(const struct rig *rig, unsigned index)
{
	const struct hz_cmd_peer_set *link = link_at(rig, index);
	unsigned count = 0;
	for (unsigned i = 0; link && i < HZ_MAX_SUBS; i++) {
		const struct hz_cmd_sub_set *s = &worker(rig, index)->sub[i];
		if (!s->sub || s->peer != link->peer)
			continue;
		assert_int_equal(s->flags, HZ_SUB_PIN);
		assert_int_equal(s->pt_count, 1);
		assert_int_equal(s->pt[0].codec, HZ_CODEC_OPUS);
		assert_non_null(track_of(rig, index, s->track));
		count++;
	}
	return count;
}

static inline struct hz_mix_status there(void)
{
	struct hz_mix_status s = {0};
	hz_rooms_status(rooms, &s);
	return s;
}

static inline void subscribe(struct rig *rig, struct rig_socket *s, const char *mid, const char *track)
{
	rig_result(rig_call(rig, s, "subscribe", subscribe_item(mid, track)));
}

// c hears a and b by themselves, then mixed.
static inline struct rig_socket *listens(struct rig *rig, struct rig_socket **a, struct rig_socket **b)
{
	rig_consult(rig, "c1");
	*a = enter(rig, "a");
	*b = enter(rig, "b");
	struct rig_socket *c = enter(rig, "c");
	subscribe(rig, c, "2", rig_track(c, "a", "microphone"));
	subscribe(rig, c, "3", rig_track(c, "b", "microphone"));
	subscribe(rig, c, "4", "mix");
	return c;
}

#endif
