// WHIP and WHEP on consults: who may, what is made, what follows what, what is cleaned up.
#include "gateway/session/theatre.h"
#include "tests/unit/session/web.h"

#define WHIP "mic:0:send cam:1:send"
#define WHEP "a:0:recv v:1:recv"

static const char *token_of(struct rig *rig, const char *sub, const char *role)
{
	static char token[4][4096];
	static unsigned at;
	char *t = token[at++ % 4];
	snprintf(t, 4096, "%s", rig_sign(rig, (struct rig_token){.sub = sub, .role = role}));
	return t;
}

static struct web *post(struct rig *rig, const char *path, const char *token, const char *lines,
                        unsigned session)
{
	static char sdp[OFFER_BYTES];
	snprintf(sdp, sizeof(sdp), "%s", offer_sdp((struct offer_spec){.lines = lines, .session = session}));
	return web_ask(
	    rig,
	    (struct web_ask){
	        .method = HZ_POST, .path = path, .token = token, .body = sdp, .type = "application/sdp"});
}

static void connected(struct rig *rig, const struct rig_socket *watcher, uint8_t state)
{
	(void)watcher;
	for (unsigned i = 0; i < HZ_MAX_PEERS; i++) {
		if (!rig->worker->peer[i].peer)
			continue;
		struct hz_ev_peer_state ev = {
		    .peer = rig->worker->peer[i].peer, .state = state, .reason = HZ_REASON_CONSENT};
		rig_event(rig, &ev, HZ_EV_PEER_STATE, sizeof(ev));
	}
	rig_turn(rig);
}

static void publishes(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic");
	const char *token = token_of(rig, "or1", "theatre");
	struct web *web = post(rig, "/whip/c1", token, WHIP, 1);
	assert_int_equal(web->status, 201);
	assert_non_null(strstr(web->body, "a=recvonly"));
	assert_int_equal(strncmp(web->location, "/whip/c1/r/", 11), 0);
	assert_int_equal(strlen(web->location), 11 + HZ_RESOURCE_CHARS);
	char location[300];
	snprintf(location, sizeof(location), "%s", web->location);
	rig_advance(rig, 100);
	assert_non_null(rig_track(host, "or1", "camera"));
	assert_non_null(rig_track(host, "or1", "microphone"));
	assert_string_equal(rig_text(rig_person(host, "participants", "or1"), "status"), "admitted");
	connected(rig, host, HZ_PEER_CONNECTED);
	assert_int_equal(rig->worker->tracks, 2);
	// A second camera of the same theatre; then nothing is free.
	assert_int_equal(post(rig, "/whip/c1", token, "cam:0:send", 2)->status, 201);
	connected(rig, host, HZ_PEER_CONNECTED);
	assert_int_equal(post(rig, "/whip/c1", token, WHIP, 3)->status, 409);
	// Only its owner ends it.
	assert_int_equal(web_ask(rig, (struct web_ask){.method = HZ_DELETE,
	                                               .path = location,
	                                               .token = token_of(rig, "or2", "theatre")})
	                     ->status,
	                 404);
	assert_int_equal(web_ask(rig, (struct web_ask){.method = HZ_DELETE, .path = location})->status, 401);
	char as_whep[300];
	snprintf(as_whep, sizeof(as_whep), "/whep%s", location + 5);
	assert_int_not_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_DELETE, .path = as_whep, .token = token})->status,
	    200);
	assert_int_equal(rig->worker->peers, 2);
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_DELETE, .path = location, .token = token})->status,
	    200);
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_DELETE, .path = location, .token = token})->status,
	    404);
	assert_int_equal(rig->worker->peers, 1);
	rig_advance(rig, 100);
	assert_null(rig_track(host, "or1", "microphone"));
}

// A source's process was killed, and nobody has missed its packets yet: its successor is the same picture with the same sound, and no
// second camera beside it.
static void a_source_has_one_successor(void **state)
{
	struct rig *rig = *state;
	struct hz_theatre_source wish = {.id = "scope",
	                                 .name = "Endoscope",
	                                 .kind = HZ_SOURCE_ENDOSCOPE,
	                                 .enabled = true,
	                                 .url = "test:"},
	                         *source;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic");
	assert_int_equal(hz_theatre_new(rig->brain, -1), 0);
	snprintf(rig->brain->theatre->master_key, PATH_MAX, "%s/keys.json", rig->scratch->dir);
	assert_int_equal(hz_theatre_add(rig->brain, host->conn->participant->consult, &wish, &source), 0);
	const char *token = token_of(rig, "scope", "theatre");
	for (unsigned session = 1; session <= 2; session++) {
		assert_int_equal(post(rig, "/whip/c1", token, WHIP, session)->status, 201);
		connected(rig, host, HZ_PEER_CONNECTED);
		rig_advance(rig, 100);
		assert_non_null(rig_track(host, "scope", "endoscope"));
		assert_non_null(rig_track(host, "scope", "microphone"));
		assert_null(rig_track(host, "scope", "camera2"));
		assert_int_equal(rig->worker->peers, 1);
		assert_int_equal(rig->worker->tracks, 2);
	}
}

static void refuses(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic");
	offer_both(rig, host);
	unsigned peers = rig->worker->peers;
	// Before admission, neither way; also while it waits in the lobby.
	assert_int_equal(post(rig, "/whip/c1", token_of(rig, "pat", "patient"), WHIP, 1)->status, 403);
	assert_int_equal(post(rig, "/whep/c1/doctor", token_of(rig, "pat", "patient"), WHEP, 1)->status, 403);
	struct rig_socket *pat = rig_join(rig, "pat", "patient");
	assert_int_equal(post(rig, "/whip/c1", token_of(rig, "pat", "patient"), WHIP, 1)->status, 403);
	assert_int_equal(post(rig, "/whep/c1/doctor", token_of(rig, "pat", "patient"), WHEP, 1)->status, 403);
	assert_int_equal(post(rig, "/whip/c1", token_of(rig, "w", "observer"), WHIP, 1)->status, 403);
	assert_int_equal(post(rig, "/whep/c1/doctor", token_of(rig, "t", "theatre"), WHEP, 1)->status, 403);
	assert_int_equal(post(rig, "/whip/c1", NULL, WHIP, 1)->status, 401);
	assert_int_equal(post(rig, "/whip/c1", "rubbish", WHIP, 1)->status, 401);
	assert_int_equal(post(rig, "/whip/c2", token_of(rig, "t", "theatre"), WHIP, 1)->status, 403);
	const char *elsewhere =
	    rig_sign(rig, (struct rig_token){.sub = "t", .role = "theatre", .consult = "c9"});
	assert_int_equal(post(rig, "/whip/c9", elsewhere, WHIP, 1)->status, 404);
	assert_int_equal(post(rig, "/whep/c1/nobody", token_of(rig, "w", "observer"), WHEP, 1)->status, 404);
	assert_int_equal(post(rig, "/whep/c1/mix", token_of(rig, "w", "observer"), WHEP, 1)->status, 404);
	assert_int_equal(post(rig, "/whep/c1/pat", token_of(rig, "w", "observer"), WHEP, 1)->status, 404);
	assert_int_equal(post(rig, "/whip/c1", token_of(rig, "t", "theatre"), WHEP, 1)->status, 422);
	assert_int_equal(post(rig, "/whep/c1/doctor", token_of(rig, "w", "observer"), WHIP, 1)->status, 422);
	struct web *web = web_ask(rig, (struct web_ask){.method = HZ_POST,
	                                                .path = "/whip/c1",
	                                                .token = token_of(rig, "t", "theatre"),
	                                                .body = "v=0\r\n",
	                                                .type = "application/sdp"});
	assert_true(web->status == 400 || web->status == 422);
	// Nobody was left behind.
	assert_int_equal(rig->worker->peers, peers);
	assert_int_equal(host->conn->participant->consult->participant_count, 2);
	(void)pat;
}

static const struct hz_cmd_sub_set *shows(const struct rig *rig, uint8_t kind, hz_id not_of)
{
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
		const struct hz_cmd_sub_set *s = &rig->worker->sub[i];
		if (s->sub && s->kind == kind && s->peer != not_of)
			return s;
	}
	return NULL;
}

static void follows(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic");
	assert_int_equal(post(rig, "/whep/c1/doctor", token_of(rig, "w", "observer"), WHEP, 1)->status,
	                 404); // nothing yet
	offer_both(rig, host);
	hz_id own = host->conn->participant->peers->id;
	const char *watcher = token_of(rig, "w", "observer");
	struct web *web = post(rig, "/whep/c1/doctor", watcher, WHEP, 2);
	assert_int_equal(web->status, 201);
	assert_non_null(strstr(web->body, "a=sendonly"));
	const struct hz_cmd_sub_set *video = shows(rig, HZ_KIND_VIDEO, own),
	                            *audio = shows(rig, HZ_KIND_AUDIO, own);
	assert_true(video->track && audio->track);
	// The source stops its camera and starts again, from another connection: the viewer follows.
	assert_non_null(offer_make(rig, host, (struct offer_spec){.lines = "mic:0:send"}, "0:microphone"));
	assert_int_equal(video->track, 0);
	assert_true(audio->track != 0);
	assert_non_null(offer_make(rig, host, (struct offer_spec){.lines = PUBLISH_BOTH, .session = 8},
	                           "0:microphone 1:camera"));
	assert_true(video->track != 0);
	// A viewer that lacks H.264 changes the codec like any other.
	rig_clear(host);
	assert_int_equal(
	    post(rig, "/whep/c1/doctor", token_of(rig, "v", "observer"), "v:1:recv:vp8", 3)->status, 201);
	assert_string_equal(rig_text(rig_push(host, "renegotiate"), "reason"), "codec");
	rig_advance(rig, 100);
	assert_non_null(rig_person(host, "participants", "w"));
	// Kill -9 of control: the resources live on, and may be ended.
	char location[300];
	web = post(rig, "/whep/c1/doctor", watcher, WHEP, 4);
	snprintf(location, sizeof(location), "%s", web->location);
	unsigned peers = rig->worker->peers, subs = rig->worker->subs;
	rig_kill(rig);
	assert_int_equal(rig->worker->peers, peers);
	assert_int_equal(rig->worker->subs, subs);
	assert_true(video->track != 0);
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_DELETE, .path = location, .token = watcher})->status,
	    200);
	assert_int_equal(rig->worker->peers, peers - 1);
	// The source does not come back: its media ends, the viewers' slots are idle.
	rig_advance(rig, 61000);
	assert_int_equal(video->track, 0);
}

static void restarts(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	const char *token = token_of(rig, "or1", "theatre");
	struct web *web = post(rig, "/whip/c1", token, WHIP, 1);
	char location[300], etag[64];
	snprintf(location, sizeof(location), "%s", web->location);
	snprintf(etag, sizeof(etag), "%s", web->etag);
	static const char trickle[] =
	    "a=ice-ufrag:ufrg\r\na=ice-pwd:passwordpasswordpassword01\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"
	    "a=mid:0\r\na=candidate:1 1 UDP 2130706431 198.51.100.1 39132 typ host\r\n";
	static const char restart[] =
	    "a=ice-ufrag:newu\r\na=ice-pwd:anotherpasswordanotherpass\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"
	    "a=mid:0\r\n";
	struct web_ask ask = {
	    .method = HZ_PATCH, .path = location, .token = token, .type = "application/trickle-ice-sdpfrag"};
	ask.body = trickle;
	assert_int_equal(web_ask(rig, ask)->status, 428);
	ask.if_match = "\"wrong\"";
	assert_int_equal(web_ask(rig, ask)->status, 412);
	ask.if_match = etag;
	assert_int_equal(web_ask(rig, ask)->status, 204);
	ask.body = restart;
	ask.if_match = "*";
	web = web_ask(rig, ask);
	assert_int_equal(web->status, 200);
	assert_string_not_equal(web->etag, etag);
	for (unsigned i = 0; i < HZ_MAX_PEERS; i++) {
		if (!rig->worker->peer[i].peer)
			continue;
		assert_string_equal(rig->worker->peer[i].remote_ufrag, "newu");
		assert_non_null(strstr(web->body, rig->worker->peer[i].local_ufrag));
	}
	assert_int_equal(rig->worker->peers, 1);
	ask.token = token_of(rig, "or2", "theatre");
	assert_int_equal(web_ask(rig, ask)->status, 404);
}

static void ends(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	const char *token = token_of(rig, "or1", "theatre");
	// A transport that fails takes its resource and its participant with it.
	post(rig, "/whip/c1", token, WHIP, 1);
	connected(rig, NULL, HZ_PEER_CONNECTED);
	assert_int_equal(hz_consults_busy(rig->brain), 1);
	connected(rig, NULL, HZ_PEER_FAILED);
	assert_int_equal(rig->worker->peers, 0);
	assert_int_equal(hz_consults_busy(rig->brain), 0);
	assert_int_equal(hz_map_count(rig->brain->resources), 0);
	// One whose client never came, too.
	post(rig, "/whip/c1", token, WHIP, 1);
	rig_advance(rig, 59000);
	hz_whip_sweep(rig->brain);
	assert_int_equal(hz_map_count(rig->brain->resources), 1);
	rig_advance(rig, 2000);
	hz_whip_sweep(rig->brain);
	rig_turn(rig);
	assert_int_equal(rig->worker->peers, 0);
	// An encoder that comes back finds its dead resource gone.
	post(rig, "/whip/c1", token, WHIP, 1);
	connected(rig, NULL, HZ_PEER_DISCONNECTED);
	assert_int_equal(post(rig, "/whip/c1", token, WHIP, 2)->status, 201);
	assert_int_equal(rig->worker->peers, 1);
	assert_int_equal(rig->worker->tracks, 2);
	// Removed: it ends at once, and the token is worth nothing.
	struct rig_socket *host = rig_join(rig, "doctor", "clinic");
	rig_result(rig_call(rig, host, "participant.remove", json_pack("{s:s}", "participant", "or1")));
	assert_int_equal(rig->worker->peers, 0);
	assert_int_equal(post(rig, "/whip/c1", token, WHIP, 3)->status, 403);
}

static unsigned sends(const struct rig *rig, uint8_t kind)
{
	unsigned count = 0;
	for (unsigned i = 0; i < HZ_MAX_TRACKS; i++)
		count += rig->worker->track[i].track && rig->worker->track[i].kind == kind;
	return count;
}

// The encoders of a theatre, behind a restart of the whole gateway: each has at once what it had.
static void comes_back(void **state)
{
	struct rig *rig = *state;
	char location[300];
	rig_consult(rig, "c1");
	const char *token = token_of(rig, "or1", "theatre");
	snprintf(location, sizeof(location), "%s", post(rig, "/whip/c1", token, WHIP, 1)->location);
	assert_int_equal(post(rig, "/whip/c1", token, "cam:0:send", 2)->status, 201);
	connected(rig, NULL, HZ_PEER_CONNECTED);
	// Control alone: both are live, so this is a third one.
	rig_kill(rig);
	assert_int_equal(post(rig, "/whip/c1", token, WHIP, 3)->status, 409);
	char ufrag[HZ_UFRAG_BYTES];
	snprintf(ufrag, sizeof(ufrag), "%s", rig->worker->peer[0].local_ufrag);
	rig_power_cut(rig);
	assert_int_equal(hz_consults_busy(rig->brain), 1); // their place is kept
	for (unsigned i = 0; i < HZ_MAX_PEERS; i++)
		assert_string_not_equal(rig->worker->peer[i].local_ufrag, ufrag); // checks are not answered
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_DELETE, .path = location, .token = token})->status,
	    404);
	assert_int_equal(post(rig, "/whip/c1", token, WHIP, 4)->status, 201);
	assert_int_equal(sends(rig, HZ_KIND_AUDIO), 1);
	assert_int_equal(sends(rig, HZ_KIND_VIDEO), 1);
	assert_int_equal(post(rig, "/whip/c1", token, "cam:0:send", 5)->status,
	                 201); // does not end the first
	assert_int_equal(rig->worker->peers, 2);
	assert_int_equal(sends(rig, HZ_KIND_AUDIO), 1);
	assert_int_equal(sends(rig, HZ_KIND_VIDEO), 2);
	// Who does not come is gone after a minute.
	rig_power_cut(rig);
	rig_advance(rig, 61000);
	hz_whip_sweep(rig->brain);
	rig_turn(rig);
	assert_int_equal(rig->worker->peers, 0);
	assert_int_equal(hz_consults_busy(rig->brain), 0);
}

static void spent(void **state)
{
	struct rig *rig = *state;
	char token[4096];
	rig_consult(rig, "c1");
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "t", .role = "theatre", .once = true}));
	struct web *web = post(rig, "/whip/c1", token, WHIP, 1);
	assert_int_equal(web->status, 201);
	char location[300];
	snprintf(location, sizeof(location), "%s", web->location);
	assert_int_equal(post(rig, "/whip/c1", token, WHIP, 2)->status, 403);
	assert_int_equal(rig_code(rig_join_with(rig, token)->answer), HZ_RPC_REFUSED);
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_DELETE, .path = location, .token = token})->status,
	    200);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {T(publishes),  T(a_source_has_one_successor),
	                                   T(refuses),    T(follows),
	                                   T(restarts),   T(ends),
	                                   T(comes_back), T(spent)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
