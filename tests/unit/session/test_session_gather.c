// ice.agent: full. What the worker is told, and how answers wait for its candidates: over WebSocket and WHIP.
#include "tests/unit/session/web.h"

#include "gateway/session/ice/gather.h"
#include "gateway/session/ice/ice_servers.h"
#include "gateway/session/ice/turn.h"

#define SEND "mic:0:send cam:1:send"

static char urls[] =
    "stun:192.0.2.1:3478,turn:192.0.2.1:3478?transport=udp,turn:[2001:db8::1]:3479?transport=tcp,"
    "turns:192.0.2.1:5349";
static char secret[] = "secret", full[] = "full", addresses[] = "192.168.1.2, 2001:db8::2", none[] = "";
static const struct hz_config config = {
    .turn = {.urls = urls, .secret = secret, .ttl = 600},
    .ice = {.agent = full, .addresses = addresses, .servers = none},
};

static int setup(void **state)
{
	int err = rig_setup(state);
	struct rig *rig = *state;
	if (err)
		return err;
	hz_ice_configure(rig->brain, &config);
	return hz_turn_configure(rig->brain, &config);
}

static void told(struct rig *rig, hz_id peer, const char *ufrag, bool done)
{
	struct hz_ev_agent_local ev = {.peer = peer, .done = done, .count = 3};
	snprintf(ev.local_ufrag, sizeof(ev.local_ufrag), "%s", ufrag);
	for (unsigned i = 0; i < 3; i++) {
		ev.candidate[i] = (struct hz_candidate){.port = (uint16_t)(5000 + i), .type = (uint8_t)i};
		ev.candidate[i].address.s6_addr[10] = ev.candidate[i].address.s6_addr[11] = 0xff;
		ev.candidate[i].address.s6_addr[12] = 10;
		ev.candidate[i].address.s6_addr[15] = (uint8_t)i;
	}
	ev.candidate[2].type = HZ_CANDIDATE_RELAY;
	rig_event(rig, &ev, HZ_EV_AGENT_LOCAL, sizeof(ev));
	rig_turn(rig);
}

static json_t *offer(struct rig *rig, struct rig_socket *s, unsigned session, const char *ufrag)
{
	const char *sdp = offer_sdp((struct offer_spec){.lines = SEND, .session = session, .ufrag = ufrag});
	return rig_call(rig, s, "offer", json_pack("{s:s}", "sdp", sdp));
}

static const char *answer_of(const struct rig_socket *s)
{
	return rig_text(json_object_get(s->answer, "result"), "sdp");
}

static void waits_for_candidates(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "doctor", "clinic");
	assert_null(offer(rig, s, 1, NULL));
	const struct hz_cmd_agent_set *set = &rig->worker->agent_set;
	const struct hz_cmd_peer_set *peer = &rig->worker->peer[HZ_ID_SLOT(set->peer)];
	assert_int_equal(rig->worker->agent_sets, 1);
	assert_int_equal(peer->flags, HZ_PEER_AGENT);
	assert_string_equal(set->local_ufrag, peer->local_ufrag);
	assert_int_equal(set->address_count, 2);
	assert_int_equal(set->server_count, 3); // turns: is for clients
	assert_int_equal(set->server[0].kind, HZ_ICE_STUN);
	assert_int_equal(set->server[1].kind, HZ_ICE_TURN_UDP);
	assert_int_equal(set->server[2].kind, HZ_ICE_TURN_TCP);
	assert_int_equal(set->server[2].port, 3479);
	assert_true(set->username[0] && set->password[0]);

	told(rig, set->peer, "another", true); // of an earlier generation
	assert_null(s->answer);
	told(rig, set->peer, set->local_ufrag, false);
	assert_null(s->answer);
	told(rig, set->peer, set->local_ufrag, true);
	const char *sdp = answer_of(s);
	assert_non_null(strstr(sdp, "1 1 udp 2130706431 10.0.0.0 5000 typ host\r\n"));
	assert_non_null(strstr(sdp, " 10.0.0.1 5001 typ srflx raddr 0.0.0.0 rport 9\r\n"));
	assert_non_null(strstr(sdp, " 10.0.0.2 5002 typ relay raddr 0.0.0.0 rport 9\r\n"));
	assert_null(strstr(sdp, "ice-lite"));
	assert_null(strstr(sdp, "tcptype"));

	assert_non_null(offer(rig, s, 1, NULL)); // nothing new: at once, with the same
	assert_non_null(strstr(answer_of(s), " 5002 typ relay"));
	assert_int_equal(rig->worker->agent_sets, 1);
	assert_null(offer(rig, s, 1, "other")); // an ICE restart
	assert_int_equal(rig->worker->agent_sets, 2);
	rig_advance(rig, 900);
	assert_null(s->answer);
	rig_advance(rig, 200); // what there is, by then
	assert_null(strstr(answer_of(s), "a=candidate"));
}

static void trickles(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "doctor", "clinic");
	offer(rig, s, 1, NULL);
	told(rig, rig->worker->agent_set.peer, rig->worker->agent_set.local_ufrag, true);
	unsigned before = rig->worker->agent_remotes;
	const char *good = "candidate:1 1 udp 2113937151 192.0.2.9 50000 typ host generation 0";
	const char *tcp = "candidate:2 1 tcp 1518280447 192.0.2.9 9 typ host tcptype active";
	const char *mdns = "candidate:3 1 udp 2113937151 3fd8cf80.local 50000 typ host";
	rig_call(rig, s, "trickle",
	         json_pack("{s:s, s:[s,s,s]}", "ufrag", "ufrg", "candidates", good, tcp, mdns));
	assert_int_equal(rig_code(s->answer), 0);
	assert_int_equal(rig->worker->agent_remotes, before + 1);
	assert_int_equal(rig->worker->agent_remote.count, 1);
	assert_int_equal(rig->worker->agent_remote.candidate[0].port, 50000);
	rig_call(rig, s, "trickle", json_pack("{s:s, s:[s]}", "ufrag", "stale", "candidates", good));
	assert_int_equal(rig->worker->agent_remotes, before + 1);
	rig_call(rig, s, "trickle",
	         json_pack("{s:s, s:[s]}", "ufrag", "ufrg", "candidates", "candidate:junk"));
	assert_int_equal(rig_code(s->answer), HZ_RPC_INVALID_PARAMS);
	assert_string_equal(rig_field(s->answer, "field"), "/candidates/0");
}

static void lost_with_the_worker(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "doctor", "clinic");
	offer(rig, s, 1, NULL);
	told(rig, rig->worker->agent_set.peer, rig->worker->agent_set.local_ufrag, true);
	for (unsigned i = 0; i < 2; i++) { // said again after a reconcile
		struct hz_ev_peer_state ev = {.peer = rig->worker->agent_set.peer,
		                              .state = HZ_PEER_DISCONNECTED,
		                              .reason = HZ_REASON_AGENT_LOST};
		rig_event(rig, &ev, HZ_EV_PEER_STATE, sizeof(ev));
		rig_turn(rig);
	}
	assert_int_equal(rig_pushes(s, "renegotiate"), 1);
	assert_string_equal(rig_text(rig_push(s, "renegotiate"), "reason"), "ice");
}

// Whoever waits when it is over: neither an answer into a closed socket, nor memory that stays.
static void gone_meanwhile(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "doctor", "clinic"), *t = rig_join(rig, "expert", "expert");
	offer(rig, s, 1, NULL);
	rig_lose(rig, s);
	assert_null(rig->brain->gathers);
	told(rig, rig->worker->agent_set.peer, rig->worker->agent_set.local_ufrag, true);
	assert_null(offer(rig, t, 2, NULL));
	rig_call(rig, t, "leave", NULL);
	assert_null(rig->brain->gathers);
}

static void over_whip(void **state)
{
	struct rig *rig = *state;
	struct hz_whip_door door = {.brain = rig->brain};
	rig_consult(rig, "c1");
	char bearer[5000], sdp[OFFER_BYTES];
	size_t bytes = 0;
	snprintf(bearer, sizeof(bearer), "Bearer %s",
	         rig_sign(rig, (struct rig_token){.sub = "or1", .role = "theatre"}));
	snprintf(sdp, sizeof(sdp), "%s", offer_sdp((struct offer_spec){.lines = SEND, .session = 1}));
	struct hz_request req = {
	    .method = HZ_POST, .path = "/whip/c1", .query = "", .body = sdp, .body_bytes = strlen(sdp)};
	req.header[HZ_H_AUTHORIZATION] = bearer;
	req.header[HZ_H_CONTENT_TYPE] = "application/sdp";
	struct hz_response *res = hz_response_new();
	assert_true(hz_whip_handle(&hz_whip_brain_ops, &door, &req, res));
	assert_true(hz_response_held(res));
	rig_turn(rig);
	told(rig, rig->worker->agent_set.peer, rig->worker->agent_set.local_ufrag, true);
	assert_false(hz_response_held(res));
	assert_int_equal(hz_response_get_status(res), 201);
	assert_non_null(strstr(hz_response_body(res, &bytes), "typ relay"));

	// An ICE restart: new credentials with the new candidates.
	char path[300], etag[64];
	snprintf(path, sizeof(path), "%s", hz_response_get_header(res, "Location"));
	snprintf(etag, sizeof(etag), "%s", hz_response_get_header(res, "ETag"));
	hz_response_free(res);
	static const char frag[] =
	    "a=ice-ufrag:newufrag\r\na=ice-pwd:newnewnewnewnewnewnewnew\r\nm=audio 9 RTP/AVP 0\r\n"
	    "a=mid:0\r\na=candidate:1 1 udp 2113937151 192.0.2.9 50000 typ host\r\n";
	req = (struct hz_request){
	    .method = HZ_PATCH, .path = path, .query = "", .body = frag, .body_bytes = strlen(frag)};
	req.header[HZ_H_AUTHORIZATION] = bearer;
	req.header[HZ_H_CONTENT_TYPE] = "application/trickle-ice-sdpfrag";
	req.header[HZ_H_IF_MATCH] = etag;
	res = hz_response_new();
	assert_true(hz_whip_handle(&hz_whip_brain_ops, &door, &req, res));
	assert_true(hz_response_held(res));
	rig_advance(rig, 1100);
	assert_false(hz_response_held(res));
	assert_int_equal(hz_response_get_status(res), 200);
	const char *body = hz_response_body(res, &bytes);
	assert_non_null(strstr(body, rig->worker->agent_set.local_ufrag));
	assert_string_equal(rig->worker->agent_remote.remote_ufrag, "newufrag");
	assert_int_equal(rig->worker->agent_remote.count, 1);
	hz_response_free(res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(waits_for_candidates, setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(trickles, setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(lost_with_the_worker, setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(gone_meanwhile, setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(over_whip, setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
