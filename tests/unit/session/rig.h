// A brain with a real store, one fake media worker at the other end of its link, and fake sockets. Time is a number.
#ifndef HZ_TESTS_UNIT_SESSION_RIG_H
#define HZ_TESTS_UNIT_SESSION_RIG_H

#include <errno.h>
#include <jansson.h>

#include "gateway/base/seqpacket.h"
#include "gateway/session/brain.h"
#include "gateway/session/call.h"
#include "gateway/session/consult.h"
#include "gateway/session/events.h"
#include "gateway/session/broadcast/hls.h"
#include "gateway/session/broadcast/targets.h"
#include "gateway/session/composed/mix.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/objects.h"
#include "gateway/session/participant.h"
#include "gateway/session/persist.h"
#include "gateway/session/record/record.h"
#include "gateway/store/consults.h"
#include "signaling/protocol/rpc.h"
#include "tests/unit/session/fake_record_link.h"
#include "tests/unit/store/scratch.h"

#define RIG_SOCKETS 160
#define RIG_MORE    2
#define RIG_SECRET  "0123456789abcdef0123456789abcdef"

struct rig_socket {
	struct hz_conn *conn;
	int code;       // closed with, 0: open
	json_t *answer; // the newest answer
	json_t *state;  // params of the newest state push
	json_t *pushes; // array of {method, params}
	int next_id;
	int64_t rtt_us;
};

struct rig_worker { // the newest command of each object, as a worker would keep it
	struct hz_cmd_peer_set peer[HZ_MAX_PEERS];
	struct hz_cmd_track_set track[HZ_MAX_TRACKS];
	struct hz_cmd_sub_set sub[HZ_MAX_SUBS];
	bool seen_peer[HZ_MAX_PEERS], seen_track[HZ_MAX_TRACKS], seen_sub[HZ_MAX_SUBS];
	bool reconciling;
	unsigned peers, tracks, subs, reconciles, commands;
	struct hz_cmd_agent_set agent_set; // the newest
	struct hz_cmd_agent_remote agent_remote;
	struct hz_cmd_peer_share share;
	unsigned agent_sets, agent_remotes, keyframes, shares;
	bool refuse_tracks; // and therefore who is to be shown one
};

struct rig {
	struct scratch *scratch;
	struct hz_brain *brain;
	struct hz_jwt_keys *keys;
	int pair[2];
	struct rig_worker *worker;
	bool recorder;         // there is one: fake_record_link.h
	int mix;               // control's socket to the mix; 0: there is none
	int (*mix_work)(void); // what the mix does in a turn; how many commands it read
	int mosaic;            // the same, to the mosaic
	int (*mosaic_work)(void);
	unsigned skips;            // rows that the next control makes no sense of
	unsigned extra;            // workers beside the first
	struct hz_hls_options hls; // dir NULL: there is none
	int (*hls_work)(void);     // as mix_work
	int push;                  // control's socket to huizhen-push; 0: there is none
	struct rig_more {
		int pair[2];
		struct rig_worker *worker;
	} more[RIG_MORE];
	struct rig_socket socket[RIG_SOCKETS];
	int64_t now_us, wall_us;
	uint8_t restarts; // of the whole gateway: another certificate each
};

static inline int rig_send(void *socket, const char *text, size_t bytes)
{
	struct rig_socket *s = socket;
	json_t *json = json_loadb(text, bytes, 0, NULL);
	assert_non_null(json);
	if (s->code) {
		json_decref(json);
		return -EPIPE;
	}
	const char *method = json_string_value(json_object_get(json, "method"));
	if (!method) {
		json_decref(s->answer);
		s->answer = json;
		return 0;
	}
	if (strcmp(method, "state") == 0) {
		char field[HZ_FIELD_BYTES] = "";
		json_decref(s->state);
		s->state = json_incref(json_object_get(json, "params"));
		if (hz_rpc_check_push(HZ_PUSH_STATE, s->state, field))
			fail_msg("state does not hold to its schema at %s", field);
	}
	json_array_append_new(s->pushes, json);
	return 0;
}

static inline void rig_close(void *socket, int code, const char *reason)
{
	struct rig_socket *s = socket;
	(void)reason;
	if (!s->code)
		s->code = code;
}

static inline int64_t rig_rtt_us(void *socket)
{
	const struct rig_socket *s = socket;
	return s->rtt_us;
}

static const struct hz_brain_ops rig_ops = {.send = rig_send, .close = rig_close, .rtt_us = rig_rtt_us};

// --- the worker

static inline void rig_event_at(int fd, void *event, uint16_t type, size_t bytes)
{
	struct hz_msg_header *h = event;
	h->version = HZ_API_VERSION;
	h->type = type;
	h->bytes = (uint32_t)bytes;
	assert_int_equal(hz_seqpacket_send(fd, event, bytes), 0);
}

static inline void rig_event(struct rig *rig, void *event, uint16_t type, size_t bytes)
{
	rig_event_at(rig->pair[1], event, type, bytes);
}

static inline void rig_forget(struct rig_worker *w)
{
	memset(w, 0, sizeof(*w));
}

#define RIG_SET(kind, max)                                                                                   \
	do {                                                                                                 \
		uint32_t slot = HZ_ID_SLOT(msg->kind##_set.kind);                                            \
		assert_true(slot < (max) && msg->kind##_set.kind >> 16);                                     \
		w->kind##s += w->kind[slot].kind == 0;                                                       \
		w->kind[slot] = msg->kind##_set;                                                             \
		w->seen_##kind[slot] = true;                                                                 \
	} while (0)
#define RIG_DEL(kind, id, max)                                                                               \
	do {                                                                                                 \
		uint32_t slot = HZ_ID_SLOT(id);                                                              \
		assert_true(slot < (max));                                                                   \
		if (w->kind[slot].kind != (id))                                                              \
			return -ENOENT;                                                                      \
		memset(&w->kind[slot], 0, sizeof(w->kind[slot]));                                            \
		w->kind##s--;                                                                                \
	} while (0)
#define RIG_SWEEP(kind, max)                                                                                 \
	do {                                                                                                 \
		for (uint32_t i = 0; i < (max); i++) {                                                       \
			if (w->kind[i].kind && !w->seen_##kind[i]) {                                         \
				memset(&w->kind[i], 0, sizeof(w->kind[i]));                                  \
				w->kind##s--;                                                                \
			}                                                                                    \
		}                                                                                            \
	} while (0)

static inline int rig_command(struct rig_worker *w, const union hz_msg *msg)
{
	w->commands++;
	switch (msg->h.type) {
	case HZ_CMD_RECONCILE_BEGIN:
		memset(w->seen_peer, 0, sizeof(w->seen_peer));
		memset(w->seen_track, 0, sizeof(w->seen_track));
		memset(w->seen_sub, 0, sizeof(w->seen_sub));
		w->reconciling = true;
		return 0;
	case HZ_CMD_RECONCILE_END:
		assert_true(w->reconciling);
		RIG_SWEEP(peer, HZ_MAX_PEERS);
		RIG_SWEEP(track, HZ_MAX_TRACKS);
		RIG_SWEEP(sub, HZ_MAX_SUBS);
		w->reconciling = false;
		w->reconciles++;
		return 0;
	case HZ_CMD_PEER_SET:
		RIG_SET(peer, HZ_MAX_PEERS);
		return 0;
	case HZ_CMD_TRACK_SET:
		if (w->refuse_tracks)
			return -EEXIST;
		RIG_SET(track, HZ_MAX_TRACKS);
		assert_int_equal(w->peer[HZ_ID_SLOT(msg->track_set.peer)].peer, msg->track_set.peer);
		return 0;
	case HZ_CMD_SUB_SET:
		if (w->refuse_tracks && msg->sub_set.track &&
		    w->track[HZ_ID_SLOT(msg->sub_set.track)].track != msg->sub_set.track)
			return -ENOENT;
		RIG_SET(sub, HZ_MAX_SUBS);
		assert_int_equal(w->peer[HZ_ID_SLOT(msg->sub_set.peer)].peer, msg->sub_set.peer);
		return 0;
	case HZ_CMD_PEER_DEL:
		RIG_DEL(peer, msg->peer_del.peer, HZ_MAX_PEERS);
		return 0;
	case HZ_CMD_TRACK_DEL:
		RIG_DEL(track, msg->track_del.track, HZ_MAX_TRACKS);
		return 0;
	case HZ_CMD_SUB_DEL:
		RIG_DEL(sub, msg->sub_del.sub, HZ_MAX_SUBS);
		return 0;
	case HZ_CMD_KEYFRAME:
		assert_int_equal(w->track[HZ_ID_SLOT(msg->keyframe.track)].track, msg->keyframe.track);
		w->keyframes++;
		return 0;
	case HZ_CMD_AGENT_SET:
		w->agent_set = msg->agent_set;
		w->agent_sets++;
		return strcmp(w->peer[HZ_ID_SLOT(msg->agent_set.peer)].local_ufrag,
		              msg->agent_set.local_ufrag)
		           ? -ESTALE
		           : 0;
	case HZ_CMD_AGENT_REMOTE:
		w->agent_remote = msg->agent_remote;
		w->agent_remotes++;
		return 0;
	case HZ_CMD_PEER_SHARE:
		w->share = msg->peer_share;
		w->shares++;
		return w->peer[HZ_ID_SLOT(msg->peer_share.peer)].peer == msg->peer_share.peer ? 0 : -ENOENT;
	default:
		fail_msg("command %u", msg->h.type);
		return -EINVAL;
	}
}

// What one worker does in a turn; how many commands it read.
static inline int rig_work(struct rig *rig, unsigned index, int fd, struct rig_worker *worker)
{
	union hz_msg msg;
	size_t bytes = 0;
	int read = 0;
	while (read < 64 && hz_seqpacket_recv(fd, &msg, sizeof(msg), &bytes) == 0) {
		struct hz_ev_ack ack = {.h.seq = msg.h.seq};
		assert_int_equal(msg.h.bytes, bytes);
		ack.err = rig_command(worker, &msg);
		rig_event_at(fd, &ack, HZ_EV_ACK, sizeof(ack));
		read++;
	}
	assert_int_equal(hz_media_link_read(rig->brain->worker[index].link), 0);
	return read;
}

// One turn of everything: the brain's, the workers', and the brain's again for the ACKs.
static inline void rig_turn(struct rig *rig)
{
	hz_brain_clock(rig->brain, rig->now_us, rig->wall_us);
	int idle = 0;
	for (int i = 0; i < 400 && idle < 2; i++) { // a second look: events may have made commands
		hz_brain_turn(rig->brain);
		if (rig->brain->recorder)
			assert_int_equal(hz_record_link_read(rig->brain->recorder), 0);
		int read = rig_work(rig, 0, rig->pair[1], rig->worker);
		if (rig->mix) {
			read += rig->mix_work();
			assert_int_equal(hz_mix_link_read(rig->brain->mix), 0);
		}
		if (rig->mosaic) {
			read += rig->mosaic_work();
			assert_int_equal(hz_picture_link_read(rig->brain->picture), 0);
		}
		if (rig->hls.dir) {
			read += rig->hls_work();
			assert_int_equal(hz_hls_link_read(rig->brain->hls, rig->now_us), 0);
		}
		for (unsigned n = 0; n < rig->extra; n++)
			read += rig_work(rig, 1 + n, rig->more[n].pair[1], rig->more[n].worker);
		idle = read ? 0 : idle + 1;
	}
}

static inline void rig_advance(struct rig *rig, int64_t ms)
{
	rig->now_us += ms * 1000;
	rig->wall_us += ms * 1000;
	rig_turn(rig);
	hz_brain_tick(rig->brain);
	rig->now_us += 60000; // what the tick changed is pushed now
	rig->wall_us += 60000;
	rig_turn(rig);
}

// --- making and restarting

static inline void rig_start(struct rig *rig)
{
	struct hz_media_link *link = NULL;
	unsigned skipped = 0;
	assert_int_equal(hz_brain_new(&rig->brain), 0);
	rig->brain->ops = &rig_ops;
	rig->brain->keys = rig->keys;
	rig->brain->store = scratch_reopen(rig->scratch);
	rig->brain->media_port = 20000;
	strcpy(rig->brain->address[0], "192.0.2.1");
	rig->brain->address_count = 1;
	memset(rig->brain->fingerprint, 0xab + rig->restarts, HZ_FINGERPRINT_BYTES);
	assert_int_equal(hz_media_link_new(rig->pair[0], 0, &hz_events_link_ops, rig->brain, &link), 0);
	assert_int_equal(hz_brain_add_worker(rig->brain, link), 0);
	for (unsigned n = 0; n < rig->extra; n++) {
		struct hz_media_link *other = NULL;
		assert_int_equal(
		    hz_media_link_new(rig->more[n].pair[0], 1 + n, &hz_events_link_ops, rig->brain, &other),
		    0);
		assert_int_equal(hz_brain_add_worker(rig->brain, other), 0);
	}
	hz_brain_clock(rig->brain, rig->now_us, rig->wall_us);
	if (rig->mix)
		assert_int_equal(hz_mix_begin(rig->brain, rig->mix), 0);
	if (rig->mosaic)
		assert_int_equal(hz_picture_begin(rig->brain, rig->mosaic), 0);
	if (rig->hls.dir)
		assert_int_equal(hz_hls_begin(rig->brain, &rig->hls), 0);
	if (rig->push)
		assert_int_equal(hz_targets_new(rig->brain, rig->push), 0);
	assert_int_equal(hz_persist_load(rig->brain, &skipped), 0);
	assert_int_equal(skipped, rig->skips);
	if (rig->recorder)
		assert_int_equal(
		    hz_record_link_new(-1, &hz_record_link_brain_ops, rig->brain, &rig->brain->recorder), 0);
	assert_int_equal(hz_record_load(rig->brain), 0);
	rig_turn(rig);
	assert_true(hz_media_link_ready(link));
}

static inline void rig_drop_sockets(struct rig *rig)
{
	for (unsigned i = 0; i < RIG_SOCKETS; i++) {
		json_decref(rig->socket[i].answer);
		json_decref(rig->socket[i].state);
		json_decref(rig->socket[i].pushes);
		memset(&rig->socket[i], 0, sizeof(rig->socket[i]));
	}
}

// kill -9 of control: nothing of it is left but the store and what the worker has.
static inline void rig_kill(struct rig *rig)
{
	hz_brain_free(rig->brain); // frees memory, writes nothing
	hz_store_rollback(rig->scratch->store);
	rig_drop_sockets(rig);
	rig_start(rig);
}

// As if the machine had stopped: the worker knows nothing any more, and the gateway has another certificate.
static inline void rig_power_cut(struct rig *rig)
{
	rig->restarts++;
	rig_forget(rig->worker);
	rig_kill(rig);
}

static inline int rig_setup_workers(void **state, unsigned workers)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	scratch_setup((void **)&rig->scratch);
	rig->worker = calloc(1, sizeof(*rig->worker));
	rig->keys = hz_jwt_keys_new();
	assert_int_equal(hz_jwt_keys_add_secret(rig->keys, "k", RIG_SECRET, strlen(RIG_SECRET)), 0);
	assert_int_equal(hz_seqpacket_pair(1 << 20, rig->pair), 0);
	rig->extra = workers - 1;
	for (unsigned n = 0; n < rig->extra; n++) {
		assert_int_equal(hz_seqpacket_pair(1 << 20, rig->more[n].pair), 0);
		rig->more[n].worker = calloc(1, sizeof(*rig->more[n].worker));
	}
	rig->now_us = 1000000000;
	rig->wall_us = 1800000000000000;
	rig_start(rig);
	*state = rig;
	return 0;
}

static inline int rig_setup(void **state)
{
	return rig_setup_workers(state, 1);
}

static inline int rig_teardown(void **state)
{
	struct rig *rig = *state;
	hz_brain_free(rig->brain);
	fake_recorder_reset();
	hz_jwt_keys_free(rig->keys);
	rig_drop_sockets(rig);
	close(rig->pair[0]);
	close(rig->pair[1]);
	free(rig->worker);
	for (unsigned n = 0; n < rig->extra; n++) {
		close(rig->more[n].pair[0]);
		close(rig->more[n].pair[1]);
		free(rig->more[n].worker);
	}
	scratch_teardown((void **)&rig->scratch);
	free(rig);
	hz_schema_done();
	return 0;
}

// --- tokens and calls

struct rig_token {
	const char *sub, *role, *consult;
	bool once, create, consent, narrow; // narrow: no grants at all
	enum hz_record_wish record;
	int64_t ttl_s;
};

static inline const char *rig_sign(struct rig *rig, struct rig_token t)
{
	static char token[4096];
	char *text = NULL;
	struct hz_claims claims = {
	    .role = hz_role_parse(t.role), .once = t.once, .consent = t.consent, .record = t.record};
	snprintf(claims.sub, sizeof(claims.sub), "%s", t.sub);
	snprintf(claims.name, sizeof(claims.name), "Name of %s", t.sub);
	snprintf(claims.consult, sizeof(claims.consult), "%s", t.consult ? t.consult : "c1");
	claims.grants = t.narrow ? 0 : hz_role_grants(claims.role) | (t.create ? HZ_GRANT_CREATE : 0);
	assert_int_equal(
	    hz_jwt_sign(rig->keys, &claims, rig->wall_us / 1000000, t.ttl_s ? t.ttl_s : 3600, &text), 0);
	snprintf(token, sizeof(token), "%s", text);
	free(text);
	return token;
}

static inline struct rig_socket *rig_open(struct rig *rig)
{
	for (unsigned i = 0; i < RIG_SOCKETS; i++) {
		struct rig_socket *s = &rig->socket[i];
		if (s->pushes)
			continue;
		s->pushes = json_array();
		s->conn = hz_conn_new(rig->brain, s);
		assert_non_null(s->conn);
		return s;
	}
	fail_msg("out of sockets");
	return NULL;
}

static inline void rig_lose(struct rig *rig, struct rig_socket *s)
{
	hz_conn_end(rig->brain, s->conn);
	s->conn = NULL;
	if (!s->code)
		s->code = 1006;
	rig_turn(rig);
}

// The whole answer; takes over params. Checks that results hold to their schema.
static inline json_t *rig_call(struct rig *rig, struct rig_socket *s, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", ++s->next_id, "method",
	                            method, "params", params ? params : json_object());
	char *text = json_dumps(request, JSON_COMPACT);
	json_decref(s->answer);
	s->answer = NULL;
	hz_brain_clock(rig->brain, rig->now_us, rig->wall_us);
	hz_call_text(rig->brain, s->conn, text, strlen(text));
	free(text);
	json_decref(request);
	for (int i = 0; i < HZ_RPC_METHODS && json_object_get(s->answer, "result"); i++) {
		char field[HZ_FIELD_BYTES] = "";
		if (strcmp(hz_rpc_method_name((enum hz_rpc_method)i), method) == 0 &&
		    hz_rpc_check_result((enum hz_rpc_method)i, json_object_get(s->answer, "result"), field))
			fail_msg("result of %s does not hold to its schema at %s", method, field);
	}
	rig_turn(rig);
	return s->answer;
}

static inline int rig_code(const json_t *answer)
{
	return (int)json_integer_value(json_object_get(json_object_get(answer, "error"), "code"));
}

static inline const char *rig_field(const json_t *answer, const char *key)
{
	const json_t *data = json_object_get(json_object_get(answer, "error"), "data");
	const char *text = json_string_value(json_object_get(data, key));
	return text ? text : "";
}

static inline json_t *rig_result(const json_t *answer)
{
	json_t *result = json_object_get(answer, "result");
	if (!result)
		fail_msg("refused with %d %s", rig_code(answer), rig_field(answer, "field"));
	return result;
}

static inline struct rig_socket *rig_join_with(struct rig *rig, const char *token)
{
	struct rig_socket *s = rig_open(rig);
	rig_call(rig, s, "join", json_pack("{s:s}", "token", token));
	return s;
}

static inline struct rig_socket *rig_join(struct rig *rig, const char *sub, const char *role)
{
	struct rig_socket *s =
	    rig_join_with(rig, rig_sign(rig, (struct rig_token){.sub = sub, .role = role}));
	rig_result(s->answer);
	return s;
}

static inline void rig_consult(struct rig *rig, const char *id)
{
	struct hz_consult *consult = NULL;
	assert_int_equal(hz_consult_create(rig->brain, id, "Title", &consult), 0);
}

// The newest push of a kind, or NULL. Forget with rig_clear().
static inline const json_t *rig_push(const struct rig_socket *s, const char *method)
{
	for (size_t i = json_array_size(s->pushes); i-- > 0;) {
		const json_t *push = json_array_get(s->pushes, i);
		if (strcmp(json_string_value(json_object_get(push, "method")), method) == 0)
			return json_object_get(push, "params");
	}
	return NULL;
}

static inline unsigned rig_pushes(const struct rig_socket *s, const char *method)
{
	unsigned count = 0;
	for (size_t i = 0; i < json_array_size(s->pushes); i++)
		count += strcmp(json_string_value(json_object_get(json_array_get(s->pushes, i), "method")),
		                method) == 0;
	return count;
}

static inline void rig_clear(struct rig_socket *s)
{
	json_array_clear(s->pushes);
}

static inline const char *rig_text(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text ? text : "";
}

// An entry of a list in the newest state, by id; NULL: not there.
static inline const json_t *rig_person(const struct rig_socket *s, const char *list, const char *id)
{
	const json_t *items = json_object_get(s->state, list);
	for (size_t i = 0; i < json_array_size(items); i++) {
		if (strcmp(rig_text(json_array_get(items, i), "id"), id) == 0)
			return json_array_get(items, i);
	}
	return NULL;
}

// The track id of somebody's source in the newest state (valid for eight more calls); NULL: none.
static inline const char *rig_track(const struct rig_socket *s, const char *id, const char *source)
{
	static char copies[8][32];
	static unsigned at;
	const json_t *tracks = json_object_get(rig_person(s, "participants", id), "tracks");
	for (size_t i = 0; i < json_array_size(tracks); i++) {
		const json_t *track = json_array_get(tracks, i);
		if (strcmp(rig_text(track, "source"), source) != 0)
			continue;
		char *copy = copies[at++ % 8];
		snprintf(copy, sizeof(copies[0]), "%s", rig_text(track, "id"));
		return copy;
	}
	return NULL;
}

#endif
