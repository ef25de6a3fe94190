// What a hostile reader found: each case got in, came back or got stuck before.
#include "gateway/session/push.h"
#include "tests/unit/session/web.h"

#define WHIP "mic:0:send cam:1:send"
#define WHEP "a:0:recv v:1:recv"

static struct web *post(struct rig *rig, const char *path, const char *token, const char *lines)
{
	static char sdp[OFFER_BYTES];
	snprintf(sdp, sizeof(sdp), "%s", offer_sdp((struct offer_spec){.lines = lines, .session = 9}));
	return web_ask(
	    rig,
	    (struct web_ask){
	        .method = HZ_POST, .path = path, .token = token, .body = sdp, .type = "application/sdp"});
}

static json_t *about(const char *id)
{
	return json_pack("{s:s}", "participant", id);
}

static const struct hz_cmd_peer_set *only_peer_of(const struct rig *rig, const struct rig_socket *s)
{
	return &rig->worker->peer[HZ_ID_SLOT(s->conn->participant->peers->id)];
}

// An expert's id comes back with a patient's token: that role needs somebody's leave.
static void role_change_waits(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic");
	offer_both(rig, host);
	struct rig_socket *expert = rig_join(rig, "x", "expert");
	assert_int_equal(post(rig, "/whep/c1/doctor",
	                      rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert"}), WHEP)
	                     ->status,
	                 201);
	assert_int_equal(rig->worker->subs, 4);
	struct rig_socket *patient = rig_join(rig, "x", "patient");
	assert_int_equal(expert->code, 4001);
	rig_advance(rig, 100);
	assert_string_equal(rig_text(json_object_get(patient->state, "you"), "status"), "lobby");
	assert_null(json_object_get(patient->state, "participants"));
	assert_non_null(rig_person(host, "lobby", "x"));
	assert_string_equal(rig_text(rig_push(host, "bell"), "participant"), "x");
	assert_int_equal(rig_code(rig_call(rig, patient, "chat.send", json_pack("{s:s}", "text", "in?"))),
	                 HZ_RPC_NOT_ADMITTED);
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++)
		assert_int_equal(rig->worker->sub[i].track, 0);
	assert_true(only_peer_of(rig, patient)->flags & HZ_PEER_MUTED);
	// Once let in it is in, however often it comes.
	rig_result(rig_call(rig, host, "lobby.admit", about("x")));
	patient = rig_join(rig, "x", "patient");
	rig_advance(rig, 100);
	assert_string_equal(rig_text(json_object_get(patient->state, "you"), "status"), "admitted");
}

// A token that gives less than the one before ends what leaned on the rest.
static void grants_shrink(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic");
	offer_both(rig, host);
	char token[4096];
	snprintf(token, sizeof(token), "%s", rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert"}));
	assert_int_equal(post(rig, "/whip/c1", token, WHIP)->status, 201);
	assert_int_equal(post(rig, "/whep/c1/doctor", token, WHEP)->status, 201);
	assert_int_equal(rig->worker->peers, 3);
	rig_join(rig, "x", "observer"); // watches only
	assert_int_equal(rig->worker->peers, 2);
	assert_int_equal(rig->worker->tracks, 2);
	rig_join(rig, "x", "theatre"); // publishes only
	assert_int_equal(rig->worker->peers, 1);
}

// A crash, or a power cut that takes the newest runtime state with it, right after the removal was written.
static void removed_stays_out(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "x", "expert");
	char key[64];
	snprintf(key, sizeof(key), "%s", rig_text(rig_result(s->answer), "resume_key"));
	offer_both(rig, s);
	assert_int_equal(rig->worker->peers, 1);
	rig->wall_us += 2000000;
	assert_int_equal(hz_store_removed_put(rig->brain->store, "c1", "x", rig->wall_us / 1000), 0);
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
	rig_kill(rig);
	assert_int_equal(rig->worker->peers, 0);
	struct rig_socket *again = rig_open(rig);
	assert_int_equal(rig_code(rig_call(rig, again, "join", json_pack("{s:s}", "resume_key", key))),
	                 HZ_RPC_REFUSED);
	assert_int_equal(hz_consults_busy(rig->brain), 0);
	// Invited anew it survives the next restart.
	rig->wall_us += 2000000;
	s = rig_join(rig, "x", "expert");
	snprintf(key, sizeof(key), "%s", rig_text(rig_result(s->answer), "resume_key"));
	rig_kill(rig);
	again = rig_open(rig);
	rig_result(rig_call(rig, again, "join", json_pack("{s:s}", "resume_key", key)));
}

// Whatever the rows say: who waits in the lobby is muted and is shown nothing after a restart.
static void loaded_lobby_is_blind(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic"), *p = rig_join(rig, "p", "patient");
	offer_both(rig, host);
	rig_result(rig_call(rig, host, "lobby.admit", about("p")));
	assert_non_null(
	    offer_make(rig, p, (struct offer_spec){.lines = PUBLISH_BOTH, .session = 2}, "0:microphone"));
	rig_result(rig_call(rig, host, "lobby.return", about("p")));
	struct hz_peer *peer = p->conn->participant->peers;
	struct hz_slot *slot = peer->slots;
	peer->cmd.flags &= ~HZ_PEER_MUTED;
	hz_persist_peer(rig->brain, peer);
	slot->cmd.track = host->conn->participant->peers->tracks->id;
	hz_persist_slot(rig->brain, slot);
	hz_persist_flush(rig->brain);
	unsigned peer_at = HZ_ID_SLOT(peer->id), slot_at = HZ_ID_SLOT(slot->id);
	rig_kill(rig);
	assert_true(rig->worker->peer[peer_at].flags & HZ_PEER_MUTED);
	assert_int_equal(rig->worker->sub[slot_at].track, 0);
}

struct invitation {
	char id[64], code[64], token[4096];
};

static void invite(struct rig *rig, const char *body, struct invitation *ret)
{
	char path[128], host[4096];
	snprintf(host, sizeof(host), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "doctor", .role = "clinic"}));
	struct web *web = web_ask(
	    rig, (struct web_ask){
	             .method = HZ_POST, .path = "/api/v1/consults/c1/links", .token = host, .body = body});
	assert_int_equal(web->status, 201);
	snprintf(ret->id, sizeof(ret->id), "%s", rig_text(web->json, "id"));
	snprintf(ret->code, sizeof(ret->code), "%s", rig_text(web->json, "code"));
	snprintf(path, sizeof(path), "/api/v1/links/%s/redeem", ret->code);
	web = web_ask(rig, (struct web_ask){.method = HZ_POST, .path = path});
	assert_int_equal(web->status, 200);
	snprintf(ret->token, sizeof(ret->token), "%s", rig_text(web->json, "token"));
}

// A link that got into wrong hands: revoking it takes the tokens that were made of it along.
static void revoked_link_revokes_tokens(void **state)
{
	struct rig *rig = *state;
	struct invitation a, b;
	char path[160], host[4096];
	rig_consult(rig, "c1");
	invite(rig, "{\"role\":\"clinic\",\"name\":\"A\"}", &a);
	invite(rig, "{\"role\":\"clinic\",\"name\":\"B\"}", &b);
	assert_int_equal(post(rig, "/whip/c1", a.token, WHIP)->status, 201);
	snprintf(host, sizeof(host), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "doctor", .role = "clinic"}));
	snprintf(path, sizeof(path), "/api/v1/consults/c1/links/%s", a.id);
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_DELETE, .path = path, .token = host})->status, 204);
	assert_int_equal(rig_code(rig_join_with(rig, a.token)->answer), HZ_RPC_REFUSED);
	assert_int_equal(post(rig, "/whip/c1", a.token, WHIP)->status, 403);
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_GET, .path = "/api/v1/consults/c1", .token = a.token})
	        ->status,
	    403);
	rig_result(rig_join_with(rig, b.token)->answer); // the other one is as good as before
}

static const char *narrow(struct rig *rig, const char *role, uint32_t grants)
{
	static char token[4096];
	char *text = NULL;
	struct hz_claims claims = {
	    .sub = "n", .name = "N", .consult = "c1", .role = hz_role_parse(role), .grants = grants};
	assert_int_equal(hz_jwt_sign(rig->keys, &claims, rig->wall_us / 1000000, 3600, &text), 0);
	snprintf(token, sizeof(token), "%s", text);
	free(text);
	return token;
}

static int link_as(struct rig *rig, const char *token, const char *role)
{
	char body[100];
	snprintf(body, sizeof(body), "{\"role\":\"%s\",\"name\":\"L\"}", role);
	return web_ask(rig, (struct web_ask){.method = HZ_POST,
	                                     .path = "/api/v1/consults/c1/links",
	                                     .token = token,
	                                     .body = body})
	    ->status;
}

// What a token's `grants` took away does not come back by a link to a role that has it.
static void links_give_no_more_than_one_has(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	assert_int_equal(link_as(rig, narrow(rig, "clinic", HZ_GRANT_MANAGE), "clinic"), 403);
	assert_int_equal(link_as(rig, narrow(rig, "clinic", HZ_GRANT_MANAGE), "expert"), 403); // may record
	assert_int_equal(link_as(rig, narrow(rig, "admin", HZ_GRANT_MANAGE), "admin"), 403);
	assert_int_equal(link_as(rig, narrow(rig, "clinic", HZ_GRANT_MANAGE), "patient"), 201);
	assert_int_equal(link_as(rig, narrow(rig, "clinic", hz_role_grants(HZ_ROLE_CLINIC)), "expert"), 201);
	assert_int_equal(link_as(rig, narrow(rig, "clinic", hz_role_grants(HZ_ROLE_CLINIC)), "clinic"), 201);
	assert_int_equal(link_as(rig, narrow(rig, "clinic", hz_role_grants(HZ_ROLE_CLINIC)), "admin"), 403);
	assert_int_equal(link_as(rig, narrow(rig, "admin", hz_role_grants(HZ_ROLE_ADMIN)), "clinic"), 201);
	assert_int_equal(link_as(rig, narrow(rig, "admin", hz_role_grants(HZ_ROLE_ADMIN)), "auditor"), 201);
}

// A refused request rolls back its own writes, not those of others that waited for the end of the turn.
static void refusals_undo_nothing_else(void **state)
{
	struct rig *rig = *state;
	struct hz_rest rest = {.brain = rig->brain};
	char bearer[5000], path[160];
	struct invitation used;
	rig_consult(rig, "c1");
	invite(rig, "{\"role\":\"expert\",\"name\":\"A\"}", &used);
	struct rig_socket *s = rig_join(rig, "x", "expert");
	offer_both(rig, s);
	snprintf(bearer, sizeof(bearer), "Bearer %s",
	         rig_sign(rig, (struct rig_token){.sub = "doctor", .role = "clinic"}));
	snprintf(path, sizeof(path), "/api/v1/links/%s/redeem", used.code);
	const struct hz_request requests[] = {
	    {.method = HZ_DELETE, .path = "/api/v1/consults/c1/links/none", .query = "", .body = ""},
	    {.method = HZ_POST, .path = path, .query = "", .body = ""},
	};
	for (unsigned i = 0; i < 2; i++) {
		struct hz_request req = requests[i];
		struct hz_response *res = hz_response_new();
		req.header[HZ_H_AUTHORIZATION] = bearer;
		if (i == 0)
			hz_peer_end(rig->brain, s->conn->participant->peers);
		else
			hz_participant_end_session(rig->brain, s->conn->participant, "left");
		assert_true(hz_rest_handle(&rest, &req, res)); // in the same turn
		assert_int_equal(hz_response_get_status(res), i == 0 ? 404 : 409);
		hz_response_free(res);
		if (i == 0)
			continue;
		rig_kill(rig);
		assert_int_equal(rig->worker->peers, 0);
		assert_int_equal(hz_consults_busy(rig->brain), 0);
	}
}

// Who waits is not asked for another codec; who was let in again is.
static void codec_is_asked_after_the_lobby(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic"), *p = rig_join(rig, "p", "patient");
	rig_result(rig_call(rig, host, "lobby.admit", about("p")));
	offer_both(rig, p);
	rig_result(rig_call(rig, host, "lobby.return", about("p")));
	assert_non_null(offer_make(rig, host,
	                           (struct offer_spec){.lines = "cam:1:send:vp8 v:3:recv:vp8", .session = 2},
	                           "1:camera"));
	rig_advance(rig, 1000);
	assert_int_equal(rig_pushes(p, "renegotiate"), 0);
	rig_result(rig_call(rig, host, "lobby.admit", about("p")));
	rig_advance(rig, 1000);
	assert_int_equal(rig_pushes(p, "renegotiate"), 1);
}

// A crowd in the lobby leaves room for those who would let it in.
static void lobby_does_not_fill_the_consult(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	rig->brain->limits.participants_per_consult = 20;
	for (int i = 0; i < 18; i++) {
		char id[8];
		snprintf(id, sizeof(id), "p%d", i);
		rig_join(rig, id, "patient");
	}
	struct rig_socket *more =
	    rig_join_with(rig, rig_sign(rig, (struct rig_token){.sub = "more", .role = "patient"}));
	assert_int_equal(rig_code(more->answer), HZ_RPC_LIMIT);
	rig_join(rig, "doctor", "clinic");
	rig_join(rig, "expert", "expert");
	more = rig_join_with(rig, rig_sign(rig, (struct rig_token){.sub = "e2", .role = "expert"}));
	assert_int_equal(rig_code(more->answer), HZ_RPC_LIMIT);
}

// One client's reports do not become a flood for everybody.
static void reports_do_not_flood(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic"), *x = rig_join(rig, "x", "expert");
	rig_clear(host);
	for (int i = 0; i < 100; i++)
		rig_result(
		    rig_call(rig, x, "stats.report",
		             json_pack("{s:i, s:i, s:i, s:i, s:i}", "rtt_ms", i % 2 ? 900 : 10, "up_bps", 1,
		                       "down_bps", 1, "lost_percent", 0, "frozen_ms", 0)));
	assert_in_range(rig_pushes(host, "quality"), 1, 10);
	rig_advance(rig, 5000);
	unsigned before = rig_pushes(host, "quality");
	rig_result(rig_call(rig, x, "stats.report",
	                    json_pack("{s:i, s:i, s:i, s:i, s:i}", "rtt_ms",
	                              strcmp(rig_text(rig_push(host, "quality"), "level"), "poor") ? 900 : 10,
	                              "up_bps", 1, "down_bps", 1, "lost_percent", 0, "frozen_ms", 0)));
	assert_int_equal(rig_pushes(host, "quality"), before + 1);
}

static void peers_say(struct rig *rig, uint8_t state, uint8_t reason)
{
	for (unsigned i = 0; i < HZ_MAX_PEERS; i++) {
		struct hz_ev_peer_state ev = {
		    .peer = rig->worker->peer[i].peer, .state = state, .reason = reason};
		if (ev.peer)
			rig_event(rig, &ev, HZ_EV_PEER_STATE, sizeof(ev));
	}
	rig_turn(rig);
}

// Two encoders of one theatre start at once, or the second while control has just restarted: neither ends the other.
static void encoders_side_by_side(void **state)
{
	struct rig *rig = *state;
	char token[4096];
	rig_consult(rig, "c1");
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "or1", .role = "theatre"}));
	assert_int_equal(post(rig, "/whip/c1", token, WHIP)->status, 201);
	assert_int_equal(post(rig, "/whip/c1", token, "cam:1:send")->status, 201);
	assert_int_equal(rig->worker->peers, 2);
	assert_int_equal(post(rig, "/whip/c1", token, WHIP)->status, 409);
	peers_say(rig, HZ_PEER_CONNECTED, HZ_REASON_NONE);
	rig_kill(rig);
	assert_int_equal(post(rig, "/whip/c1", token, WHIP)->status, 409);
	assert_int_equal(rig->worker->peers, 2);
	// One that does not come to life makes way.
	rig_advance(rig, 4000);
	assert_int_equal(post(rig, "/whip/c1", token, WHIP)->status, 201);
	assert_int_equal(rig->worker->peers, 1);
}

// The worker lost a handshake while the participant's socket was lost, too: it hears of it when it is back.
static void failure_is_told_after_a_resume(void **state)
{
	struct rig *rig = *state;
	char key[64];
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "x", "expert");
	snprintf(key, sizeof(key), "%s", rig_text(rig_result(s->answer), "resume_key"));
	offer_both(rig, s);
	rig_lose(rig, s);
	peers_say(rig, HZ_PEER_FAILED, HZ_REASON_LOST_HANDSHAKE);
	s = rig_open(rig);
	rig_result(rig_call(rig, s, "join", json_pack("{s:s}", "resume_key", key)));
	assert_string_equal(rig_text(rig_push(s, "renegotiate"), "reason"), "peer");
	assert_non_null(offer_make(rig, s, (struct offer_spec){.lines = PUBLISH_BOTH, .session = 5},
	                           "0:microphone 1:camera"));
	rig_lose(rig, s);
	s = rig_open(rig);
	rig_result(rig_call(rig, s, "join", json_pack("{s:s}", "resume_key", key)));
	assert_int_equal(rig_pushes(s, "renegotiate"), 0); // a new one is being connected
}

// A token for one join, renewed inside: it asks for images and lists, and lets nobody else in by any door.
static void renewed_tokens_open_no_session(void **state)
{
	struct rig *rig = *state;
	char once[4096], fresh[4096];
	rig_consult(rig, "c1");
	rig_result(rig_join(rig, "host", "clinic")->answer);
	snprintf(once, sizeof(once), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "x", .role = "clinic", .once = true, .ttl_s = 60}));
	struct rig_socket *s = rig_join_with(rig, once);
	json_t *renewed = rig_result(rig_call(rig, s, "token.renew", NULL));
	snprintf(fresh, sizeof(fresh), "%s", rig_text(renewed, "token"));
	rig_advance(rig, 61000); // it outlasts the one that it came of, for requests
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_GET, .path = "/api/v1/consults/c1", .token = fresh})
	        ->status,
	    200);
	assert_int_equal(rig_code(rig_join_with(rig, fresh)->answer), HZ_RPC_REFUSED);
	assert_int_equal(post(rig, "/whip/c1", fresh, WHIP)->status, 403);
	assert_int_equal(post(rig, "/whep/c1/host", fresh, WHEP)->status, 403);
	assert_int_equal(post(rig, "/whep/c1/mix", fresh, WHEP)->status, 403);
	assert_int_equal(post(rig, "/whep/c1/program", fresh, WHEP)->status, 403);
	// Who is inside stays so, and gets the next one.
	rig_result(rig_call(rig, s, "token.renew", NULL));
	rig_call(rig, s, "leave", NULL);
	assert_int_equal(rig_code(rig_join_with(rig, fresh)->answer), HZ_RPC_REFUSED);
	assert_int_equal(post(rig, "/whip/c1", fresh, WHIP)->status, 403);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
	    T(role_change_waits),
	    T(grants_shrink),
	    T(removed_stays_out),
	    T(loaded_lobby_is_blind),
	    T(revoked_link_revokes_tokens),
	    T(links_give_no_more_than_one_has),
	    T(refusals_undo_nothing_else),
	    T(codec_is_asked_after_the_lobby),
	    T(lobby_does_not_fill_the_consult),
	    T(reports_do_not_flood),
	    T(encoders_side_by_side),
	    T(failure_is_told_after_a_resume),
	    T(renewed_tokens_open_no_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
