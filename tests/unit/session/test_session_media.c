// Offers, tracks, slots: what reaches the worker and what the answer says.
#include "signaling/sdp/offer.h"
#include "tests/unit/session/offers.h"

static unsigned count_of(const char *text, const char *word)
{
	unsigned count = 0;
	for (; (text = strstr(text, word)); text += strlen(word))
		count++;
	return count;
}

static const struct hz_cmd_track_set *track_at(const struct rig *rig, const char *mid, hz_id peer)
{
	for (unsigned i = 0; i < HZ_MAX_TRACKS; i++) {
		const struct hz_cmd_track_set *t = &rig->worker->track[i];
		if (t->track && t->peer == peer && strcmp(t->mid, mid) == 0)
			return t;
	}
	return NULL;
}

static const struct hz_cmd_sub_set *sub_at(const struct rig *rig, const char *mid, hz_id peer)
{
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
		const struct hz_cmd_sub_set *s = &rig->worker->sub[i];
		if (s->sub && s->peer == peer && strcmp(s->mid, mid) == 0)
			return s;
	}
	return NULL;
}

static hz_id peer_of(const struct rig_socket *s)
{
	return s->conn->participant->peers->id;
}

static void publishes(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "a", "expert");
	const char *sdp = offer_both(rig, s);
	const struct hz_cmd_peer_set *peer = &rig->worker->peer[HZ_ID_SLOT(peer_of(s))];
	assert_string_equal(peer->remote_ufrag, "ufrg");
	assert_int_equal(peer->flags, 0);
	assert_int_equal(peer->fingerprint[1], 1);
	assert_non_null(strstr(sdp, peer->local_ufrag));
	assert_non_null(strstr(sdp, "192.0.2.1 20000"));
	assert_int_equal(count_of(sdp, "a=recvonly"), 2);
	assert_int_equal(count_of(sdp, "a=sendonly"), 2);
	const struct hz_cmd_track_set *camera = track_at(rig, "1", peer->peer);
	assert_int_equal(camera->kind, HZ_KIND_VIDEO);
	assert_int_equal(camera->pt_count, 1); // one codec
	assert_int_equal(camera->pt[0].codec, HZ_CODEC_H264_CB);
	assert_int_equal(camera->pt[0].rtx_pt, 97);
	assert_int_equal(camera->ext.mid, 1);
	const struct hz_cmd_sub_set *slot = sub_at(rig, "3", peer->peer);
	assert_int_equal(slot->pt_count, 3); // all of them
	assert_true(slot->ssrc && slot->rtx_ssrc && slot->ssrc != slot->rtx_ssrc);
	assert_int_equal(slot->track, 0);
	char ssrc[32];
	snprintf(ssrc, sizeof(ssrc), "a=ssrc:%u ", slot->ssrc);
	assert_non_null(strstr(sdp, ssrc));
	rig_advance(rig, 100);
	assert_int_equal(json_array_size(json_object_get(rig_person(s, "participants", "a"), "tracks")), 2);
}

static void renegotiates(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "a", "expert");
	offer_both(rig, s);
	hz_id peer = peer_of(s);
	struct hz_cmd_peer_set before = rig->worker->peer[HZ_ID_SLOT(peer)];
	hz_id camera = track_at(rig, "1", peer)->track;
	uint32_t ssrc = sub_at(rig, "3", peer)->ssrc;
	// The same again, a screen more: everything keeps its ids.
	assert_non_null(offer_make(rig, s, (struct offer_spec){.lines = PUBLISH_BOTH " v:4:send"},
	                           "0:microphone 1:camera 4:screen"));
	assert_int_equal(peer_of(s), peer);
	assert_int_equal(track_at(rig, "1", peer)->track, camera);
	assert_int_equal(sub_at(rig, "3", peer)->ssrc, ssrc);
	assert_non_null(track_at(rig, "4", peer));
	assert_string_equal(rig->worker->peer[HZ_ID_SLOT(peer)].local_ufrag, before.local_ufrag);
	// The camera stops, its m-line stays; a slot is rejected.
	assert_non_null(offer_make(
	    rig, s, (struct offer_spec){.lines = "mic:0:send cam:1:inactive a:2:recv v:3:inactive v:4:send"},
	    "0:microphone 1:camera 4:screen"));
	assert_null(track_at(rig, "1", peer));
	assert_null(sub_at(rig, "3", peer));
	assert_int_equal(rig->worker->tracks, 2);
	assert_int_equal(rig->worker->subs, 1);
	// ICE restart: new credentials on both sides, the same peer.
	const char *sdp = offer_make(rig, s, (struct offer_spec){.lines = PUBLISH_BOTH, .ufrag = "nextufrag"},
	                             "0:microphone 1:camera");
	assert_non_null(sdp);
	assert_int_equal(peer_of(s), peer);
	const struct hz_cmd_peer_set *now = &rig->worker->peer[HZ_ID_SLOT(peer)];
	assert_string_equal(now->remote_ufrag, "nextufrag");
	assert_string_not_equal(now->local_ufrag, before.local_ufrag);
	assert_non_null(strstr(sdp, now->local_ufrag));
	// Another RTCPeerConnection: another peer, the old one is gone with all it had.
	assert_non_null(
	    offer_make(rig, s, (struct offer_spec){.lines = PUBLISH_BOTH, .session = 9}, "0:microphone"));
	assert_int_not_equal(peer_of(s), peer);
	assert_int_equal(rig->worker->peers, 1);
	assert_int_equal(rig->worker->tracks, 1);
	assert_int_equal(rig->worker->subs, 2);
}

static void expect_offer(struct rig *rig, struct rig_socket *s, const char *lines, const char *publish,
                         int code, const char *field)
{
	unsigned commands = rig->worker->commands;
	json_t *answer =
	    rig_call(rig, s, "offer", offer_params((struct offer_spec){.lines = lines}, publish));
	assert_int_equal(rig_code(answer), code);
	assert_string_equal(rig_field(answer, code == HZ_RPC_LIMIT ? "limit" : "field"), field);
	assert_int_equal(rig->worker->commands, commands); // nothing was changed
}

static void refuses(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "a", "expert"), *watcher = rig_join(rig, "w", "observer");
	struct rig_socket *theatre = rig_join(rig, "t", "theatre");
	expect_offer(rig, s, "mic:0:send", "7:microphone", HZ_RPC_INVALID_PARAMS, "/publish/0/mid");
	expect_offer(rig, s, "mic:0:send", "0:camera", HZ_RPC_INVALID_PARAMS, "/publish/0/source");
	expect_offer(rig, s, "v:0:send", "0:microphone", HZ_RPC_INVALID_PARAMS, "/publish/0/source");
	expect_offer(rig, s, "mic:0:send", "0:microphone 0:microphone", HZ_RPC_INVALID_PARAMS,
	             "/publish/1/mid");
	expect_offer(rig, s, "a:5:recv v:0:send v:1:send", "0:camera 1:camera", HZ_RPC_INVALID_PARAMS,
	             "/publish/1/source");
	expect_offer(rig, s, "mic:0:send", "0:kitchen", HZ_RPC_INVALID_PARAMS, "/publish/0/source");
	expect_offer(rig, s, "mic:0:send:pcma", "0:microphone", HZ_RPC_SDP_REFUSED, "");
	expect_offer(rig, watcher, "v:0:send", "0:camera", HZ_RPC_NOT_ALLOWED, "/publish");
	expect_offer(
	    rig, s, "v:0:send v:1:send v:2:send v:3:send v:4:send v:5:send v:6:send m:7:send a:8:send",
	    "0:camera 1:camera2 2:screen 3:ultrasound 4:endoscope 5:microscope 6:image 7:microphone 8:screen",
	    HZ_RPC_INVALID_PARAMS, "/publish"); // eight at most
	static const char *const bad[] = {"x", "v=0\r\n", "v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\nt=0 0\r\n"};
	for (unsigned i = 0; i < 3; i++) {
		json_t *answer = rig_call(rig, s, "offer", json_pack("{s:s}", "sdp", bad[i]));
		assert_int_equal(rig_code(answer), HZ_RPC_SDP_REFUSED);
		assert_true(strlen(rig_field(answer, "reason")) > 0);
	}
	assert_int_equal(rig->worker->peers, 0);
	// Without the grant receiving m-lines stay idle.
	assert_non_null(
	    offer_make(rig, theatre, (struct offer_spec){.lines = PUBLISH_BOTH}, "0:microphone 1:camera"));
	assert_int_equal(rig->worker->subs, 0);
	assert_int_equal(rig_code(rig_call(rig, theatre, "subscribe", subscribe_item("3", NULL))),
	                 HZ_RPC_NOT_ALLOWED);
	assert_non_null(
	    offer_make(rig, watcher, (struct offer_spec){.lines = "a:2:recv v:3:recv", .session = 4}, ""));
	assert_int_equal(rig->worker->subs, 2);
}

static void bounds(void **state)
{
	struct rig *rig = *state;
	char lines[2048] = "";
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "a", "expert");
	for (int i = 0; i < HZ_SDP_MAX_MEDIA; i++)
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%sa:%d:recv", i ? " " : "",
		         i);
	assert_non_null(offer_make(rig, s, (struct offer_spec){.lines = lines}, ""));
	assert_int_equal(rig->worker->subs, HZ_SLOTS_PER_PEER);
	// Offers faster than four a second: the burst, then no more.
	int refused = 0;
	for (int i = 0; i < 30; i++)
		refused += !offer_make(rig, s, (struct offer_spec){.lines = "a:0:recv"}, "");
	assert_int_equal(rig_code(s->answer), HZ_RPC_TOO_FAST);
	assert_true(refused >= 10);
	// A worker without room.
	struct rig_socket *b = rig_join(rig, "b", "expert");
	uint32_t used = rig->brain->worker[0].peers.used;
	rig->brain->worker[0].peers.used = HZ_MAX_PEERS;
	assert_null(offer_make(rig, b, (struct offer_spec){.lines = "a:0:recv"}, ""));
	assert_string_equal(rig_field(b->answer, "limit"), "peers");
	rig->brain->worker[0].peers.used = used;
	used = rig->brain->worker[0].subs.used;
	rig->brain->worker[0].subs.used = HZ_MAX_SUBS;
	assert_null(offer_make(rig, b, (struct offer_spec){.lines = "a:0:recv"}, ""));
	assert_string_equal(rig_field(b->answer, "limit"), "peers");
	rig->brain->worker[0].subs.used = used;
}

static void subscribes(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	rig_consult(rig, "c2");
	struct rig_socket *a = rig_join(rig, "a", "expert"), *b = rig_join(rig, "b", "expert");
	struct rig_socket *far = rig_join_with(
	    rig, rig_sign(rig, (struct rig_token){.sub = "f", .role = "expert", .consult = "c2"}));
	offer_both(rig, a);
	assert_non_null(offer_make(rig, b, (struct offer_spec){.lines = PUBLISH_BOTH, .session = 2},
	                           "0:microphone 1:camera"));
	assert_non_null(
	    offer_make(rig, far, (struct offer_spec){.lines = PUBLISH_BOTH, .session = 3}, "1:camera"));
	rig_advance(rig, 100);
	char camera[32], own[32], foreign[32], microphone[32];
	snprintf(camera, sizeof(camera), "%s", rig_track(a, "b", "camera"));
	snprintf(microphone, sizeof(microphone), "%s", rig_track(a, "b", "microphone"));
	snprintf(own, sizeof(own), "%s", rig_track(a, "a", "camera"));
	snprintf(foreign, sizeof(foreign), "%s", rig_track(far, "f", "camera"));
	rig_result(rig_call(rig, a, "subscribe", subscribe_item("3", camera)));
	const struct hz_cmd_sub_set *slot = sub_at(rig, "3", peer_of(a));
	assert_int_equal(slot->track, track_at(rig, "1", peer_of(b))->track);
	assert_int_equal(slot->max_layer, 2);
	assert_int_equal(slot->flags, 0);
	static const struct {
		const char *mid;
		const char *track;
		int code;
		const char *field;
	} bad[] = {
	    {"9", "t1", HZ_RPC_NOT_FOUND, "/items/0/mid"},
	    {"1", "t1", HZ_RPC_NOT_FOUND, "/items/0/mid"},
	    {"3", "t1", HZ_RPC_NOT_FOUND, "/items/0/track"},
	    {"3", "tffffffff", HZ_RPC_NOT_FOUND, "/items/0/track"},
	    {"3", NULL, HZ_RPC_NOT_FOUND, "/items/0/track"},
	    {"2", "own", HZ_RPC_NOT_FOUND, "/items/0/track"},
	};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *track = i == 4 ? foreign : i == 5 ? own : bad[i].track;
		json_t *answer = rig_call(rig, a, "subscribe", subscribe_item(bad[i].mid, track));
		assert_int_equal(rig_code(answer), bad[i].code);
		assert_string_equal(rig_field(answer, "field"), bad[i].field);
	}
	assert_int_equal(rig_code(rig_call(rig, a, "subscribe", subscribe_item("3", microphone))),
	                 HZ_RPC_INVALID_PARAMS);
	// One bad item: none is done.
	json_t *items = json_pack("{s:[{s:s, s:n}, {s:s, s:s}]}", "items", "mid", "3", "track", "mid", "3",
	                          "track", "t1");
	assert_int_equal(rig_code(rig_call(rig, a, "subscribe", items)), HZ_RPC_NOT_FOUND);
	assert_int_not_equal(sub_at(rig, "3", peer_of(a))->track, 0);
	json_t *low =
	    json_pack("{s:[{s:s, s:s, s:s}]}", "items", "mid", "3", "track", camera, "quality", "low");
	rig_result(rig_call(rig, a, "subscribe", low));
	assert_int_equal(sub_at(rig, "3", peer_of(a))->max_layer, 0);
	// The publisher goes: the slot is idle, here and there.
	rig_result(rig_call(rig, b, "leave", NULL));
	assert_int_equal(sub_at(rig, "3", peer_of(a))->track, 0);
	rig_result(rig_call(rig, a, "subscribe", subscribe_item("3", NULL)));
	assert_int_equal(sub_at(rig, "3", peer_of(a))->flags, HZ_SUB_PAUSED);
}

static void mutes(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic"), *b = rig_join(rig, "b", "expert");
	offer_both(rig, b);
	rig_advance(rig, 100);
	const char *mic = rig_track(host, "b", "microphone");
	const struct hz_cmd_track_set *track = track_at(rig, "0", peer_of(b));
	rig_result(rig_call(rig, host, "track.update", json_pack("{s:s, s:b}", "track", mic, "muted", 1)));
	assert_int_equal(track->flags, HZ_TRACK_PAUSED);
	assert_int_equal(
	    rig_code(rig_call(rig, host, "track.update", json_pack("{s:s, s:b}", "track", mic, "muted", 0))),
	    HZ_RPC_NOT_ALLOWED);
	assert_int_equal(rig_code(rig_call(rig, host, "track.update",
	                                   json_pack("{s:s, s:s}", "track", mic, "label", "x"))),
	                 HZ_RPC_NOT_ALLOWED);
	offer_both(rig, b); // an offer does not unmute
	assert_int_equal(track->flags, HZ_TRACK_PAUSED);
	rig_result(rig_call(rig, b, "track.update", json_pack("{s:s, s:b}", "track", mic, "muted", 0)));
	assert_int_equal(track->flags, 0);
	rig_result(
	    rig_call(rig, b, "track.update", json_pack("{s:s, s:s}", "track", mic, "label", "\xe9\xba\xa6")));
	assert_int_equal(
	    rig_code(rig_call(rig, b, "track.update", json_pack("{s:s, s:b}", "track", "t0", "muted", 1))),
	    HZ_RPC_NOT_FOUND);
	struct rig_socket *c = rig_join(rig, "c", "expert"); // no host
	assert_int_equal(
	    rig_code(rig_call(rig, c, "track.update", json_pack("{s:s, s:b}", "track", mic, "muted", 1))),
	    HZ_RPC_NOT_ALLOWED);
}

static void simulcast(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "a", "expert");
	const char *sdp = offer_make(rig, s, (struct offer_spec){.lines = "v:0:send:vp8:sim"}, "0:camera");
	assert_non_null(sdp);
	assert_non_null(strstr(sdp, "a=simulcast:recv"));
	const struct hz_cmd_track_set *track = track_at(rig, "0", peer_of(s));
	assert_int_equal(track->layer_count, 3);
	assert_string_equal(track->rid[0], "l"); // lowest first, whatever the offer's order
	assert_string_equal(track->rid[2], "h");
	struct hz_ev_track_state ev = {
	    .track = track->track, .active = 1, .codec = HZ_CODEC_VP8, .layers = 5};
	rig_event(rig, &ev, HZ_EV_TRACK_STATE, sizeof(ev));
	ev.track ^= 0x10000; // of an earlier generation
	ev.layers = 7;
	rig_event(rig, &ev, HZ_EV_TRACK_STATE, sizeof(ev));
	rig_turn(rig);
	rig_advance(rig, 100);
	const json_t *shown =
	    json_array_get(json_object_get(rig_person(s, "participants", "a"), "tracks"), 0);
	assert_int_equal(json_integer_value(json_object_get(shown, "layers")), 2);
	assert_true(json_is_true(json_object_get(shown, "active")));
	assert_string_equal(rig_text(shown, "codec"), "vp8");
}

static void transports_fail(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "a", "expert");
	offer_both(rig, s);
	struct hz_ev_peer_state ev = {.peer = peer_of(s), .state = HZ_PEER_CONNECTED};
	rig_event(rig, &ev, HZ_EV_PEER_STATE, sizeof(ev));
	rig_turn(rig);
	ev.state = HZ_PEER_DISCONNECTED;
	rig_event(rig, &ev, HZ_EV_PEER_STATE, sizeof(ev));
	rig_turn(rig);
	assert_string_equal(rig_text(rig_push(s, "quality"), "level"), "lost");
	ev.state = HZ_PEER_FAILED;
	ev.reason = HZ_REASON_LOST_HANDSHAKE;
	rig_event(rig, &ev, HZ_EV_PEER_STATE, sizeof(ev));
	rig_event(rig, &ev, HZ_EV_PEER_STATE, sizeof(ev));
	ev.state = 99;
	rig_event(rig, &ev, HZ_EV_PEER_STATE, sizeof(ev));
	rig_turn(rig);
	assert_int_equal(rig_pushes(s, "renegotiate"), 1);
	assert_string_equal(rig_text(rig_push(s, "renegotiate"), "reason"), "peer");
	// Nonsense from a worker is counted, not believed.
	struct hz_ev_hello torn = {.worker = 0};
	rig_event(rig, &torn, HZ_EV_HELLO, sizeof(torn));
	torn.h.bytes = 7;
	assert_int_equal(hz_seqpacket_send(rig->pair[1], &torn, sizeof(torn)), 0);
	assert_int_equal(hz_seqpacket_send(rig->pair[1], &torn, 3), 0);
	rig_turn(rig);
	assert_int_equal(hz_media_link_counters(rig->brain->worker[0].link)->bad_events, 2);
}

static void stats(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic"), *b = rig_join(rig, "b", "expert");
	offer_both(rig, b);
	struct hz_ev_peer_stats ev = {
	    .peer = peer_of(b), .rtt_us = 40000, .up_bps = 1000, .up_packets = 95, .up_lost = 5};
	rig_event(rig, &ev, HZ_EV_PEER_STATS, sizeof(ev));
	rig_turn(rig);
	assert_string_equal(rig_text(rig_push(host, "quality"), "level"), "fair");
	const json_t *answer =
	    rig_result(rig_call(rig, host, "stats.get", json_pack("{s:s}", "participant", "b")));
	const json_t *numbers = json_object_get(answer, "stats");
	assert_true(json_number_value(json_object_get(numbers, "rtt_ms")) == 40.0);
	assert_true(json_number_value(json_object_get(numbers, "up_lost_percent")) == 5.0);
	assert_int_equal(rig_code(rig_call(rig, b, "stats.get", json_pack("{s:s}", "participant", "doctor"))),
	                 HZ_RPC_NOT_ALLOWED);
	rig_result(
	    rig_call(rig, b, "stats.report", json_pack("{s:i, s:i}", "frozen_ms", 2000, "rtt_ms", 10)));
	assert_string_equal(rig_text(rig_push(host, "quality"), "level"), "poor");
	rig_result(rig_call(rig, b, "stats.report", json_pack("{s:i}", "frozen_ms", 0)));
	ev.up_lost = 0;
	rig_event(rig, &ev, HZ_EV_PEER_STATS, sizeof(ev));
	rig_turn(rig);
	assert_string_equal(rig_text(rig_push(host, "quality"), "level"), "good");
	rig_result(rig_call(rig, b, "stats.get", NULL));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
	    T(publishes), T(renegotiates), T(refuses),         T(bounds), T(subscribes),
	    T(mutes),     T(simulcast),    T(transports_fail), T(stats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
