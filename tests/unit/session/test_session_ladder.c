// The ladder: what a worker says about a slot reaches its receiver as state, bounded in rate; the visit's log keeps it.
#include "gateway/store/visit.h"
#include "tests/unit/session/offers.h"
#include "tests/unit/session/web.h"

struct two { // a watches b's camera on its m-line 3
	struct rig_socket *a, *b;
	const struct hz_cmd_sub_set *slot;
	char camera[32];
};

static const struct hz_cmd_sub_set *slot_of(struct rig *rig, const struct rig_socket *s, const char *mid)
{
	for (const struct hz_peer *peer = s->conn->participant->peers; peer; peer = peer->next) {
		for (const struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
			if (strcmp(slot->cmd.mid, mid) == 0)
				return &rig->worker->sub[HZ_ID_SLOT(slot->id)];
		}
	}
	fail_msg("no slot %s", mid);
	return NULL;
}

static struct two watching(struct rig *rig)
{
	struct two t;
	rig_consult(rig, "c1");
	t.a = rig_join(rig, "a", "expert");
	t.b = rig_join(rig, "b", "expert");
	offer_both(rig, t.a);
	assert_non_null(offer_make(
	    rig, t.b,
	    (struct offer_spec){.lines = "mic:0:send cam:1:send:-:sim a:2:recv v:3:recv", .session = 2},
	    "0:microphone 1:camera"));
	rig_advance(rig, 100);
	snprintf(t.camera, sizeof(t.camera), "%s", rig_track(t.a, "b", "camera"));
	rig_result(rig_call(rig, t.a, "subscribe", subscribe_item("3", t.camera)));
	t.slot = slot_of(rig, t.a, "3");
	rig_advance(rig, 1000);
	rig_clear(t.a);
	rig_clear(t.b);
	return t;
}

static void say(struct rig *rig, const struct hz_cmd_sub_set *slot, uint8_t step, uint8_t layer)
{
	struct hz_ev_sub_state ev = {.sub = slot->sub,
	                             .peer = slot->peer,
	                             .track = slot->track,
	                             .step = step,
	                             .layer = layer,
	                             .estimate_bps = 90000};
	rig_event(rig, &ev, HZ_EV_SUB_STATE, sizeof(ev));
	rig_turn(rig);
}

static const json_t *item(const struct rig_socket *s)
{
	const json_t *push = rig_push(s, "ladder");
	char field[HZ_FIELD_BYTES] = "";
	assert_non_null(push);
	if (hz_rpc_check_push(HZ_PUSH_LADDER, push, field))
		fail_msg("ladder does not hold to its schema at %s", field);
	return json_array_get(json_object_get(push, "items"), 0);
}

static void steps(void **state)
{
	struct rig *rig = *state;
	struct two t = watching(rig);
	say(rig, t.slot, HZ_STEP_STILL, 0);
	assert_string_equal(rig_text(item(t.a), "mid"), "3");
	assert_string_equal(rig_text(item(t.a), "track"), t.camera);
	assert_string_equal(rig_text(item(t.a), "step"), "still");
	assert_int_equal(json_integer_value(json_object_get(rig_push(t.a, "ladder"), "estimate_bps")), 90000);
	assert_null(rig_push(t.b, "ladder")); // the publisher is not told
	// Flapping is put together: one push a quarter of a second, with the newest state.
	for (int i = 0; i < 20; i++)
		say(rig, t.slot, i % 2 ? HZ_STEP_OFF : HZ_STEP_LOWER, 1);
	assert_int_equal(rig_pushes(t.a, "ladder"), 1);
	rig_advance(rig, 300);
	assert_int_equal(rig_pushes(t.a, "ladder"), 2);
	assert_string_equal(rig_text(item(t.a), "step"), "off");
	assert_int_equal(json_integer_value(json_object_get(item(t.a), "layer")), 1);
	// Back to all of it: an empty list says so.
	say(rig, t.slot, HZ_STEP_FULL, 2);
	rig_advance(rig, 300);
	assert_null(item(t.a));
	const json_t *stats = json_object_get(rig_result(rig_call(rig, t.a, "stats.get", NULL)), "stats");
	assert_int_equal(json_integer_value(json_object_get(stats, "estimate_bps")), 90000);
}

static void nonsense(void **state)
{
	struct rig *rig = *state;
	struct two t = watching(rig);
	const struct hz_cmd_sub_set *other = slot_of(rig, t.b, "3");
	struct hz_ev_sub_state good = {
	    .sub = t.slot->sub, .peer = t.slot->peer, .track = t.slot->track, .step = HZ_STEP_OFF};
	struct hz_ev_sub_state bad[6] = {good, good, good, good, good, good};
	bad[0].step = 9;
	bad[1].layer = 3;
	bad[2].sub ^= 0x10000;     // of an earlier generation
	bad[3].peer = other->peer; // not its own
	bad[4].track ^= 1;         // it shows another by now
	bad[5].sub = 0xffffffff;
	for (unsigned i = 0; i < 6; i++)
		rig_event(rig, &bad[i], HZ_EV_SUB_STATE, sizeof(bad[i]));
	rig_turn(rig);
	rig_advance(rig, 500);
	assert_int_equal(rig_pushes(t.a, "ladder") + rig_pushes(t.b, "ladder"), 0);
	assert_int_equal(rig->brain->count.events_bad, 2);
	// A push that waits while its peer goes is forgotten with it.
	say(rig, t.slot, HZ_STEP_OFF, 0);
	say(rig, t.slot, HZ_STEP_STILL, 0);
	rig_result(rig_call(rig, t.a, "leave", NULL));
	rig_advance(rig, 500);
	assert_null(rig->brain->ladder);
}

static void other_track(void **state)
{
	struct rig *rig = *state;
	struct two t = watching(rig);
	say(rig, t.slot, HZ_STEP_OFF, 0);
	rig_result(rig_call(rig, t.a, "subscribe", subscribe_item("3", NULL)));
	rig_result(rig_call(rig, t.a, "subscribe", subscribe_item("3", t.camera)));
	rig_clear(t.a);
	say(rig, t.slot, HZ_STEP_FULL, 0);
	rig_advance(rig, 300);
	assert_null(item(t.a)); // what was known of the old picture is over
}

static void resumes(void **state)
{
	struct rig *rig = *state;
	struct two t = watching(rig);
	say(rig, t.slot, HZ_STEP_LOWER, 0);
	rig_advance(rig, 300);
	struct rig_socket *again = rig_open(rig);
	hz_participant_resume(rig->brain, t.a->conn->participant, again->conn);
	rig_advance(rig, 300);
	assert_string_equal(rig_text(item(again), "step"), "lower");
}

static void priorities(void **state)
{
	struct rig *rig = *state;
	struct two t = watching(rig);
	assert_int_equal(t.slot->priority, 0);
	json_t *high = json_pack("{s:[{s:s, s:s, s:s, s:s}]}", "items", "mid", "3", "track", t.camera,
	                         "quality", "medium", "priority", "high");
	rig_result(rig_call(rig, t.a, "subscribe", high));
	assert_int_equal(t.slot->priority, 1);
	assert_int_equal(t.slot->max_layer, 1);
	rig_result(rig_call(rig, t.a, "subscribe", subscribe_item("3", t.camera))); // not told: as it was
	assert_int_equal(t.slot->priority, 1);
	json_t *low =
	    json_pack("{s:[{s:s, s:s, s:s}]}", "items", "mid", "3", "track", t.camera, "priority", "normal");
	rig_result(rig_call(rig, t.a, "subscribe", low));
	assert_int_equal(t.slot->priority, 0);
	json_t *bad =
	    json_pack("{s:[{s:s, s:s, s:s}]}", "items", "mid", "3", "track", t.camera, "priority", "highest");
	assert_int_equal(rig_code(rig_call(rig, t.a, "subscribe", bad)), HZ_RPC_INVALID_PARAMS);
}

static void details(void **state)
{
	static const struct {
		const char *source;
		uint8_t flags;
	} cases[] = {{"camera", 0},
	             {"camera2", 0},
	             {"screen", HZ_TRACK_DETAIL},
	             {"endoscope", 0},
	             {"image", HZ_TRACK_DETAIL},
	             {"ultrasound", HZ_TRACK_DETAIL},
	             {"microscope", HZ_TRACK_DETAIL}};
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char publish[40];
		struct rig_socket *s = rig_join(rig, "p", "expert");
		snprintf(publish, sizeof(publish), "0:%s", cases[i].source);
		assert_non_null(
		    offer_make(rig, s, (struct offer_spec){.lines = "v:0:send", .session = i + 1}, publish));
		const struct hz_track *track = s->conn->participant->peers->tracks;
		assert_int_equal(rig->worker->track[HZ_ID_SLOT(track->id)].flags, cases[i].flags);
	}
}

// --- what the publisher hears of it

static int lowest(const struct rig_socket *s)
{
	const json_t *push = rig_push(s, "watched");
	char field[HZ_FIELD_BYTES] = "";
	if (!push)
		return -1;
	if (hz_rpc_check_push(HZ_PUSH_WATCHED, push, field))
		fail_msg("watched does not hold to its schema at %s", field);
	const json_t *first = json_array_get(json_object_get(push, "items"), 0);
	assert_string_equal(rig_text(first, "mid"), "1");
	return (int)json_integer_value(json_object_get(first, "lowest"));
}

static void quality(struct rig *rig, const struct two *t, const char *quality)
{
	rig_result(rig_call(
	    rig, t->a, "subscribe",
	    json_pack("{s:[{s:s, s:s, s:s}]}", "items", "mid", "3", "track", t->camera, "quality", quality)));
	rig_advance(rig, 300);
}

static void publishers_hear_what_is_watched(void **state)
{
	struct rig *rig = *state;
	struct two t = watching(rig);
	quality(rig, &t, "medium");
	assert_int_equal(lowest(t.b), 1);
	assert_null(rig_push(t.a, "watched"));
	quality(rig, &t, "high");
	assert_int_equal(lowest(t.b), 2);
	say(rig, t.slot, HZ_STEP_LOWER, 1);
	rig_advance(rig, 300);
	assert_int_equal(lowest(t.b), 1);
	say(rig, t.slot, HZ_STEP_OFF, 0); // it comes back by the lowest
	rig_advance(rig, 300);
	assert_int_equal(lowest(t.b), 0);
	say(rig, t.slot, HZ_STEP_FULL, 2);
	rig_advance(rig, 300);
	assert_int_equal(lowest(t.b), 2);
	unsigned pushes = rig_pushes(t.b, "watched");
	rig_advance(rig, 3000);
	say(rig, t.slot, HZ_STEP_FULL, 2);
	rig_advance(rig, 300);
	assert_int_equal(rig_pushes(t.b, "watched"), pushes); // nothing new
}

static void the_least_demanding_counts(void **state)
{
	struct rig *rig = *state;
	struct two t = watching(rig);
	quality(rig, &t, "high");
	struct rig_socket *c = rig_join(rig, "c", "expert");
	offer_both(rig, c);
	rig_advance(rig, 300);
	rig_result(rig_call(
	    rig, c, "subscribe",
	    json_pack("{s:[{s:s, s:s, s:s}]}", "items", "mid", "3", "track", t.camera, "quality", "low")));
	rig_advance(rig, 300);
	assert_int_equal(lowest(t.b), 0);
	rig_result(rig_call(rig, c, "leave", NULL)); // its slots go with it
	rig_advance(rig, 300);
	assert_int_equal(lowest(t.b), 2);
	quality(rig, &t, "off"); // nobody looks: everything is sent, for whoever comes
	assert_int_equal(lowest(t.b), 0);
}

static void watched_is_repeated(void **state)
{
	struct rig *rig = *state;
	struct two t = watching(rig);
	quality(rig, &t, "medium");
	struct rig_socket *again = rig_open(rig);
	hz_participant_resume(rig->brain, t.b->conn->participant, again->conn);
	rig_advance(rig, 300);
	assert_int_equal(lowest(again), 1);
}

static void publishers_hear_of_a_full_queue(void **state)
{
	struct rig *rig = *state;
	struct two t = watching(rig);
	char field[HZ_FIELD_BYTES] = "";
	struct hz_ev_peer_uplink ev = {.peer = t.b->conn->participant->peers->id, .bps = 280000};
	rig_event(rig, &ev, HZ_EV_PEER_UPLINK, sizeof(ev));
	rig_advance(rig, 10);
	const json_t *push = rig_push(t.b, "uplink");
	assert_non_null(push);
	if (hz_rpc_check_push(HZ_PUSH_UPLINK, push, field))
		fail_msg("uplink does not hold to its schema at %s", field);
	assert_int_equal(json_integer_value(json_object_get(push, "bps")), 280000);
	assert_null(rig_push(t.a, "uplink"));
	ev.peer = HZ_ID(HZ_MAX_PEERS - 1, 9); // gone, or never there
	rig_event(rig, &ev, HZ_EV_PEER_UPLINK, sizeof(ev));
	rig_advance(rig, 10);
	assert_int_equal(rig_pushes(t.b, "uplink"), 1);
}

// --- the visit's log

static struct web *events(struct rig *rig, const char *query)
{
	static char token[4096];
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "doc", .role = "clinic"}));
	struct web *web = web_ask(
	    rig, (struct web_ask){
	             .method = HZ_GET, .path = "/api/v1/consults/c1/events", .query = query, .token = token});
	if (web->status == 200)
		web_schema(web, "event.list");
	return web;
}

static unsigned count(const struct web *web, const char *type, const char *participant)
{
	unsigned n = 0;
	const json_t *items = json_object_get(web->json, "items");
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *event = json_array_get(items, i);
		n += strcmp(rig_text(event, "type"), type) == 0 &&
		     strcmp(rig_text(event, "participant"), participant) == 0;
	}
	return n;
}

static void log_of_a_visit(void **state)
{
	struct rig *rig = *state;
	struct two t = watching(rig);
	struct rig_socket *host = rig_join(rig, "h", "clinic"), *patient = rig_join(rig, "p", "patient");
	rig_result(rig_call(rig, host, "lobby.admit", json_pack("{s:s}", "participant", "p")));
	rig_result(rig_call(rig, host, "lobby.return", json_pack("{s:s}", "participant", "p")));
	say(rig, t.slot, HZ_STEP_STILL, 0);
	rig_advance(rig, 300);
	say(rig, t.slot, HZ_STEP_FULL, 2);
	rig_advance(rig, 300);
	struct hz_ev_peer_state lost = {.peer = t.slot->peer, .state = HZ_PEER_DISCONNECTED};
	rig_event(rig, &lost, HZ_EV_PEER_STATE, sizeof(lost));
	rig_turn(rig);
	rig_result(rig_call(rig, t.a, "offer",
	                    offer_params((struct offer_spec){.lines = PUBLISH_BOTH, .ufrag = "other"},
	                                 "0:microphone 1:camera")));
	rig_lose(rig, patient);
	rig_kill(rig); // it outlives control
	struct web *web = events(rig, "");
	assert_int_equal(web->status, 200);
	assert_int_equal(count(web, "joined", "a"), 1);
	assert_int_equal(count(web, "admitted", "p"), 1);
	assert_int_equal(count(web, "returned", "p"), 1);
	assert_int_equal(count(web, "away", "p"), 1);
	assert_int_equal(count(web, "ladder", "a"), 2);
	assert_int_equal(count(web, "transport", "a"), 1);
	assert_int_equal(count(web, "quality", "a"), 1);
	assert_int_equal(count(web, "restart", "a"), 1);
	char *text = json_dumps(web->json, 0);
	assert_null(strstr(text, "Name of")); // ids only
	free(text);
}

static void log_pages(void **state)
{
	struct rig *rig = *state;
	struct two t = watching(rig);
	struct hz_event_row row = {.consult = "c1", .participant = "x", .type = "left", .detail = "{}"};
	(void)t;
	for (int i = 0; i < 450; i++)
		assert_int_equal(hz_store_visit_add(rig->brain->store, &row), 0);
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
	char query[80] = "limit=200", first[32] = "";
	unsigned seen = 0, asked = 0;
	do {
		struct web *web = events(rig, query);
		const json_t *items = json_object_get(web->json, "items");
		seen += (unsigned)json_array_size(items);
		if (!asked)
			snprintf(first, sizeof(first), "%s", rig_text(json_array_get(items, 0), "id"));
		snprintf(query, sizeof(query), "limit=200&cursor=%s", rig_text(web->json, "next"));
		asked++;
		if (!rig_text(web->json, "next")[0])
			break;
	} while (asked < 10);
	assert_int_equal(asked, 3);
	assert_true(seen >= 452); // two joined
	assert_string_equal(first, "1");
	static const char *const bad[] = {"cursor=x", "cursor=-1", "cursor=1a", "cursor=1234567890123456789",
	                                  "limit=0"};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(events(rig, bad[i])->status, 400);
	assert_int_equal(json_array_size(json_object_get(events(rig, "cursor=999999")->json, "items")), 0);
}

static void log_is_bounded(void **state)
{
	struct rig *rig = *state;
	struct two t = watching(rig);
	struct hz_ev_peer_state ev = {.peer = t.slot->peer};
	for (int i = 0; i < 300; i++) { // one that flaps does not push the others out
		ev.state = i % 2 ? HZ_PEER_CONNECTED : HZ_PEER_DISCONNECTED;
		rig_event(rig, &ev, HZ_EV_PEER_STATE, sizeof(ev));
		rig_turn(rig);
	}
	assert_true(rig->brain->count.visit_dropped > 200);
	struct hz_event_row row = {.consult = "c2", .participant = "x", .type = "left", .detail = "{}"};
	for (int i = 0; i < HZ_STORE_VISIT_KEEP + 30; i++)
		assert_int_equal(hz_store_visit_add(rig->brain->store, &row), 0);
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
	rig_consult(rig, "c2");
	char token[4096];
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "m", .role = "admin", .consult = ""}));
	struct web *web = web_ask(rig, (struct web_ask){.method = HZ_GET,
	                                                .path = "/api/v1/consults/c2/events",
	                                                .query = "limit=1",
	                                                .token = token});
	assert_string_equal(rig_text(json_array_get(json_object_get(web->json, "items"), 0), "id"), "31");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
	    T(steps),
	    T(nonsense),
	    T(other_track),
	    T(resumes),
	    T(priorities),
	    T(details),
	    T(log_of_a_visit),
	    T(log_pages),
	    T(log_is_bounded),
	    T(publishers_hear_what_is_watched),
	    T(the_least_demanding_counts),
	    T(watched_is_repeated),
	    T(publishers_hear_of_a_full_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
