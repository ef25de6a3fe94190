// A consult on several workers: who is placed where, and the relay objects that carry its media, as three workers are
// told of them.
#include "gateway/session/ids.h"
#include "gateway/session/relay.h"
#include "tests/unit/session/offers.h"

#define SIMULCAST "mic:0:send cam:1:send:h264:sim a:2:recv v:3:recv"

static int setup(void **state)
{
	int err = rig_setup_workers(state, 3);
	((struct rig *)*state)->brain->limits.spread_subscriptions =
	    2; // one peer of ours, then the next worker
	return err;
}

static struct rig_worker *worker(const struct rig *rig, unsigned index)
{
	return index ? rig->more[index - 1].worker : rig->worker;
}

static unsigned worker_of(const struct rig_socket *s)
{
	return s->conn->participant->peers->worker;
}

static struct rig_socket *enter(struct rig *rig, const char *id, const char *role, const char *lines)
{
	struct rig_socket *s = rig_join(rig, id, role);
	assert_non_null(offer_make(rig, s, (struct offer_spec){.lines = lines}, "0:microphone 1:camera"));
	rig_advance(rig, 300);
	return s;
}

static void show(struct rig *rig, struct rig_socket *s, const char *mid, const char *who, const char *source)
{
	const char *track = who ? rig_track(s, who, source) : NULL;
	assert_true(!who || track);
	rig_result(rig_call(rig, s, "subscribe", subscribe_item(mid, track)));
	rig_advance(rig, 300);
}

static const struct hz_cmd_peer_set *link_at(const struct rig *rig, unsigned index, unsigned other)
{
	for (unsigned i = 0; i < HZ_MAX_PEERS; i++) {
		const struct hz_cmd_peer_set *p = &worker(rig, index)->peer[i];
		if (p->peer && p->flags & HZ_PEER_RELAY && p->relay == other)
			return p;
	}
	return NULL;
}

static unsigned links(const struct rig *rig)
{
	unsigned count = 0;
	for (unsigned a = 0; a < 3; a++) {
		for (unsigned b = 0; b < 3; b++)
			count += link_at(rig, a, b) != NULL;
	}
	return count;
}

static unsigned pinned(const struct rig *rig, unsigned index, const struct hz_cmd_sub_set **ret, unsigned cap)
{
	unsigned count = 0;
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
		const struct hz_cmd_sub_set *s = &worker(rig, index)->sub[i];
		if (s->sub && s->flags & HZ_SUB_PIN && count < cap)
			ret[count++] = s;
	}
	return count;
}

static const struct hz_cmd_track_set *track_of(const struct rig *rig, unsigned index, hz_id id)
{
	const struct hz_cmd_track_set *t = &worker(rig, index)->track[HZ_ID_SLOT(id)];
	return id && t->track == id ? t : NULL;
}

static const struct hz_cmd_sub_set *slot_of(const struct rig *rig, const struct rig_socket *s,
                                            const char *mid)
{
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
		const struct hz_cmd_sub_set *sub = &worker(rig, worker_of(s))->sub[i];
		if (sub->sub && sub->peer == s->conn->participant->peers->id && strcmp(sub->mid, mid) == 0)
			return sub;
	}
	return NULL;
}

// Every relayed track is fed by pinned subscriptions of the same SSRCs, one a layer, from the peer that leads here.
static void check_pairs(const struct rig *rig)
{
	for (unsigned w = 0; w < 3; w++) {
		for (unsigned i = 0; i < HZ_MAX_TRACKS; i++) {
			const struct hz_cmd_track_set *t = &worker(rig, w)->track[i];
			const struct hz_cmd_peer_set *here = &worker(rig, w)->peer[HZ_ID_SLOT(t->peer)];
			if (!t->track || !(here->flags & HZ_PEER_RELAY))
				continue;
			assert_true(here->local_ufrag[0] == '\0' && here->relay < 3);
			const struct hz_cmd_sub_set *subs[64];
			unsigned count = pinned(rig, here->relay, subs, 64), found = 0;
			const struct hz_cmd_peer_set *there = link_at(rig, here->relay, w);
			assert_non_null(there);
			assert_int_equal(there->consult, here->consult);
			for (unsigned k = 0; k < count; k++) {
				if (subs[k]->peer != there->peer || subs[k]->max_layer >= t->layer_count ||
				    subs[k]->ssrc != t->ssrc[subs[k]->max_layer])
					continue;
				found++;
				assert_int_equal(subs[k]->pt_count, t->pt_count);
				for (unsigned p = 0; p < t->pt_count; p++)
					assert_int_equal(subs[k]->pt[p].pt, t->pt[p].pt);
				assert_memory_equal(&subs[k]->ext, &t->ext, sizeof(t->ext));
				const struct hz_cmd_track_set *origin =
				    track_of(rig, here->relay, subs[k]->track);
				assert_non_null(origin);
				assert_int_equal(origin->layer_count, t->layer_count);
				assert_int_equal(origin->flags, t->flags);
			}
			assert_int_equal(found, t->layer_count);
		}
	}
}

static void places(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = enter(rig, "a", "clinic", PUBLISH_BOTH);
	struct rig_socket *b = enter(rig, "b", "expert", PUBLISH_BOTH);
	struct rig_socket *c = enter(rig, "c", "expert", PUBLISH_BOTH);
	struct rig_socket *d = enter(rig, "d", "expert", PUBLISH_BOTH);
	assert_int_equal(worker_of(a), 0);
	assert_int_equal(worker_of(b), 1);
	assert_int_equal(worker_of(c), 2);
	assert_true(worker_of(d) < 3); // all are at the bound: served all the same
	const char *sdp = json_string_value(json_object_get(json_object_get(b->answer, "result"), "sdp"));
	assert_non_null(strstr(sdp, "192.0.2.1 20001")); // its worker's port
	assert_int_equal(links(rig), 0);                 // nobody looks at anybody yet
	// A renegotiation stays where it is.
	offer_both(rig, b);
	assert_int_equal(worker_of(b), 1);
	// Nothing is spread without need.
	rig->brain->limits.spread_subscriptions = 1000;
	assert_int_equal(worker_of(enter(rig, "e", "expert", PUBLISH_BOTH)), 0);
}

static void balances_consults(void **state)
{
	struct rig *rig = *state;
	unsigned used[3] = {0};
	rig->brain->limits.spread_subscriptions = 1000;
	for (int i = 0; i < 6; i++) {
		char id[8];
		snprintf(id, sizeof(id), "c%d", i);
		rig_consult(rig, id);
		struct rig_socket *s = rig_join_with(
		    rig, rig_sign(rig, (struct rig_token){.sub = "a", .role = "expert", .consult = id}));
		offer_both(rig, s);
		used[worker_of(s)]++;
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(used[i], 2);
}

static void relays(void **state)
{
	struct rig *rig = *state;
	const struct hz_cmd_sub_set *subs[16];
	rig_consult(rig, "c1");
	struct rig_socket *a = enter(rig, "a", "clinic", SIMULCAST);
	struct rig_socket *b = enter(rig, "b", "expert", PUBLISH_BOTH);
	struct rig_socket *b2 = NULL;
	show(rig, b, "2", "a", "microphone");
	show(rig, b, "3", "a", "camera");
	assert_int_equal(links(rig), 2);
	check_pairs(rig);
	assert_int_equal(pinned(rig, 0, subs, 16), 4); // the voice and three layers
	const struct hz_cmd_track_set *camera = track_of(rig, 1, slot_of(rig, b, "3")->track);
	assert_non_null(camera);
	assert_int_equal(camera->peer, link_at(rig, 1, 0)->peer);
	assert_int_equal(camera->layer_count, 3);
	assert_int_equal(camera->rid[0][0], 0);
	// Seen from outside it is a's track, whatever the workers call it.
	struct hz_slot *slot = hz_slot_by_id(rig->brain, 1, slot_of(rig, b, "3")->sub);
	assert_ptr_equal(hz_slot_track(rig->brain, slot)->peer, a->conn->participant->peers);
	// A second receiver over there shares it.
	rig->brain->limits.spread_subscriptions = 5;
	b2 = enter(rig, "b2", "expert", PUBLISH_BOTH);
	while (worker_of(b2) != 1) // wherever the load puts it
		b2 = enter(rig, worker_of(b2) ? "b4" : "b3", "expert", PUBLISH_BOTH);
	show(rig, b2, "3", "a", "camera");
	assert_int_equal(slot_of(rig, b2, "3")->track, camera->track);
	assert_int_equal(pinned(rig, 0, subs, 16), 4);
	// The other way, over the same pair.
	show(rig, a, "3", "b", "camera");
	check_pairs(rig);
	assert_int_equal(links(rig), 2);
	assert_int_equal(pinned(rig, 1, subs, 16), 1);
	// Out of use it goes; in use by one it stays.
	show(rig, b, "3", NULL, NULL);
	assert_int_equal(pinned(rig, 0, subs, 16), 4);
	show(rig, b2, "3", NULL, NULL);
	assert_int_equal(pinned(rig, 0, subs, 16), 1);
	check_pairs(rig);
	show(rig, b, "2", NULL, NULL);
	show(rig, a, "3", NULL, NULL);
	assert_int_equal(pinned(rig, 0, subs, 16) + pinned(rig, 1, subs, 16), 0);
	assert_int_equal(links(rig), 0);
}

static void follows_the_publisher(void **state)
{
	struct rig *rig = *state;
	const struct hz_cmd_sub_set *subs[16];
	rig_consult(rig, "c1");
	struct rig_socket *a = enter(rig, "a", "clinic", SIMULCAST);
	struct rig_socket *b = enter(rig, "b", "expert", PUBLISH_BOTH);
	show(rig, b, "3", "a", "camera");
	hz_id before = slot_of(rig, b, "3")->track;
	uint32_t ssrc = track_of(rig, 1, before)->ssrc[0];
	// Muted at its source and over there.
	rig_result(rig_call(rig, a, "track.update",
	                    json_pack("{s:s, s:b}", "track", rig_track(a, "a", "camera"), "muted", 1)));
	assert_true(track_of(rig, 1, before)->flags & HZ_TRACK_PAUSED);
	check_pairs(rig);
	rig_result(rig_call(rig, a, "track.update",
	                    json_pack("{s:s, s:b}", "track", rig_track(a, "a", "camera"), "muted", 0)));
	assert_false(track_of(rig, 1, before)->flags & HZ_TRACK_PAUSED);
	// A host on one worker silences somebody on another one.
	rig_result(rig_call(rig, a, "track.update",
	                    json_pack("{s:s, s:b}", "track", rig_track(a, "b", "camera"), "muted", 1)));
	// One layer instead of three: the same track, the same SSRC below.
	offer_both(rig, a);
	assert_int_equal(slot_of(rig, b, "3")->track, before);
	assert_int_equal(track_of(rig, 1, before)->layer_count, 1);
	assert_int_equal(track_of(rig, 1, before)->ssrc[0], ssrc);
	assert_int_equal(pinned(rig, 0, subs, 16), 1);
	check_pairs(rig);
	// It stops: nothing is left of it anywhere.
	assert_non_null(
	    offer_make(rig, a, (struct offer_spec){.lines = "mic:0:send cam:1:inactive"}, "0:microphone"));
	assert_int_equal(slot_of(rig, b, "3")->track, 0);
	assert_null(track_of(rig, 1, before));
	assert_int_equal(pinned(rig, 0, subs, 16), 0);
	rig_advance(rig, 300);
	assert_int_equal(links(rig), 0);
}

static void lobby_and_removal(void **state)
{
	struct rig *rig = *state;
	const struct hz_cmd_sub_set *subs[16];
	rig_consult(rig, "c1");
	struct rig_socket *a = enter(rig, "a", "clinic", PUBLISH_BOTH);
	struct rig_socket *p = rig_join(rig, "p", "patient");
	rig_result(rig_call(rig, a, "lobby.admit", json_pack("{s:s}", "participant", "p")));
	assert_non_null(
	    offer_make(rig, p, (struct offer_spec){.lines = PUBLISH_BOTH}, "0:microphone 1:camera"));
	rig_advance(rig, 300);
	assert_int_equal(worker_of(p), 1);
	char camera[32];
	snprintf(camera, sizeof(camera), "%s", rig_track(a, "p", "camera"));
	show(rig, a, "3", "p", "camera");
	show(rig, p, "3", "a", "camera");
	assert_int_equal(pinned(rig, 0, subs, 16) + pinned(rig, 1, subs, 16), 2);
	// Back into the lobby: neither direction is left, and its transport is muted where it lives.
	rig_result(rig_call(rig, a, "lobby.return", json_pack("{s:s}", "participant", "p")));
	assert_int_equal(slot_of(rig, a, "3")->track, 0);
	assert_int_equal(slot_of(rig, p, "3")->track, 0);
	assert_true(worker(rig, 1)->peer[HZ_ID_SLOT(p->conn->participant->peers->id)].flags & HZ_PEER_MUTED);
	rig_advance(rig, 300);
	assert_int_equal(pinned(rig, 0, subs, 16) + pinned(rig, 1, subs, 16), 0);
	assert_int_equal(links(rig), 0);
	assert_int_equal(rig_code(rig_call(rig, a, "subscribe", subscribe_item("3", camera))),
	                 HZ_RPC_NOT_FOUND);
	// In again, seen again, removed: gone everywhere at once.
	rig_result(rig_call(rig, a, "lobby.admit", json_pack("{s:s}", "participant", "p")));
	rig_advance(rig, 300);
	show(rig, a, "3", "p", "camera");
	assert_int_equal(pinned(rig, 1, subs, 16), 1);
	rig_result(rig_call(rig, a, "participant.remove", json_pack("{s:s}", "participant", "p")));
	assert_int_equal(slot_of(rig, a, "3")->track, 0);
	assert_int_equal(pinned(rig, 1, subs, 16), 0);
	rig_advance(rig, 300);
	assert_int_equal(links(rig), 0);
	assert_int_equal(worker(rig, 1)->peers, 0);
}

static void survives_control(void **state)
{
	struct rig *rig = *state;
	struct rig_worker before[2];
	rig_consult(rig, "c1");
	struct rig_socket *a = enter(rig, "a", "clinic", SIMULCAST);
	struct rig_socket *b = enter(rig, "b", "expert", PUBLISH_BOTH);
	show(rig, b, "2", "a", "microphone");
	show(rig, b, "3", "a", "camera");
	show(rig, a, "3", "b", "camera");
	memcpy(&before[0], worker(rig, 0), sizeof(before[0]));
	memcpy(&before[1], worker(rig, 1), sizeof(before[1]));
	rig_kill(rig);
	for (unsigned w = 0; w < 2; w++) { // everything is named again, nothing is another
		struct rig_worker *now = worker(rig, w);
		for (unsigned i = 0; i < 16; i++) {
			assert_int_equal(now->peer[i].peer, before[w].peer[i].peer);
			assert_int_equal(now->peer[i].relay, before[w].peer[i].relay);
			assert_int_equal(now->track[i].track, before[w].track[i].track);
			assert_memory_equal(now->track[i].ssrc, before[w].track[i].ssrc,
			                    sizeof(now->track[i].ssrc));
			assert_int_equal(now->sub[i].sub, before[w].sub[i].sub);
			assert_int_equal(now->sub[i].ssrc, before[w].sub[i].ssrc);
			assert_int_equal(now->sub[i].track, before[w].sub[i].track);
		}
	}
	check_pairs(rig);
	assert_int_equal(links(rig), 2);
	rig_advance(rig, 1000); // and it stays
	assert_int_equal(links(rig), 2);
	// A worker comes back with nothing: it is told everything again.
	rig_forget(worker(rig, 1));
	struct hz_ev_hello hello = {.worker = 1, .incarnation = 2};
	rig_event_at(rig->more[0].pair[1], &hello, HZ_EV_HELLO, sizeof(hello));
	rig_turn(rig);
	check_pairs(rig);
	assert_int_equal(links(rig), 2);
	// Nobody resumes: both are gone after a minute, and so is the relay.
	rig_advance(rig, HZ_RESUME_MS + 1000);
	rig_advance(rig, 300);
	assert_int_equal(links(rig), 0);
	assert_int_equal(worker(rig, 0)->tracks + worker(rig, 1)->tracks, 0);
}

// What a power cut left of the runtime state is put in order.
static void repairs(void **state)
{
	struct rig *rig = *state;
	const struct hz_cmd_sub_set *subs[16];
	rig_consult(rig, "c1");
	enter(rig, "a", "clinic", SIMULCAST);
	struct rig_socket *b = enter(rig, "b", "expert", PUBLISH_BOTH);
	show(rig, b, "3", "a", "camera");
	assert_int_equal(pinned(rig, 0, subs, 16), 3);
	hz_id lost = subs[1]->sub;
	assert_int_equal(hz_store_media_del(rig->brain->store, 0, HZ_MEDIA_SUB, lost), 0);
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
	rig_kill(rig);
	assert_int_equal(pinned(rig, 0, subs, 16), 3);
	check_pairs(rig);
	hz_id track = rig->worker->sub[HZ_ID_SLOT(subs[0]->sub)].track;
	assert_int_equal(hz_store_media_del(rig->brain->store, 0, HZ_MEDIA_TRACK, track), 0);
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
	rig_kill(rig);
	rig_advance(rig, 300);
	assert_int_equal(pinned(rig, 0, subs, 16), 0);
	assert_int_equal(links(rig), 0);
}

static void says(struct rig *rig, unsigned index, const struct rig_socket *who)
{
	struct hz_ev_speakers ev = {.consult = who->conn->participant->consult->number, .count = 1};
	ev.peer[0] = who->conn->participant->peers->id;
	rig_event_at(index ? rig->more[index - 1].pair[1] : rig->pair[1], &ev, HZ_EV_SPEAKERS, sizeof(ev));
	rig_turn(rig);
}

static void merges_speakers(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = enter(rig, "a", "clinic", PUBLISH_BOTH);
	struct rig_socket *b = enter(rig, "b", "expert", PUBLISH_BOTH);
	says(rig, 1, b);
	assert_int_equal(json_array_size(json_object_get(rig_push(a, "speakers"), "ids")), 1);
	says(rig, 0, a);
	const json_t *ids = json_object_get(rig_push(b, "speakers"), "ids");
	assert_int_equal(json_array_size(ids), 2);
	struct hz_ev_speakers none = {.consult = a->conn->participant->consult->number};
	rig_event_at(rig->more[0].pair[1], &none, HZ_EV_SPEAKERS, sizeof(none));
	rig_turn(rig);
	ids = json_object_get(rig_push(b, "speakers"), "ids");
	assert_int_equal(json_array_size(ids), 1);
	assert_string_equal(json_string_value(json_array_get(ids, 0)), "a");
	none.count = UINT32_MAX; // and nothing that a worker says is believed
	rig_event_at(rig->more[0].pair[1], &none, HZ_EV_SPEAKERS, sizeof(none));
	rig_turn(rig);
	assert_int_equal(json_array_size(json_object_get(rig_push(b, "speakers"), "ids")), 1);
}

static void without_room(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	enter(rig, "a", "clinic", SIMULCAST);
	struct rig_socket *b = enter(rig, "b", "expert", PUBLISH_BOTH);
	struct hz_id_table *table = &rig->brain->worker[0].subs;
	hz_id ids[HZ_MAX_SUBS];
	unsigned count = 0;
	int dummy;
	while (hz_ids_room(table) > 2) { // two of three layers would fit
		assert_int_equal(hz_ids_take(table, &dummy, &ids[count]), 0);
		count++;
	}
	uint64_t errors = rig->brain->count.media_errors;
	rig_call(rig, b, "subscribe", subscribe_item("3", rig_track(b, "a", "camera")));
	assert_int_equal(rig->brain->count.media_errors, errors + 1);
	assert_int_equal(slot_of(rig, b, "3")->track, 0);
	assert_int_equal(hz_ids_room(table), 2); // nothing half-made stays
	while (count > 0)
		hz_ids_release(table, ids[--count]);
	show(rig, b, "3", "a", "camera");
	check_pairs(rig);
	assert_true(slot_of(rig, b, "3")->track != 0);
}

static void closes(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = enter(rig, "a", "clinic", PUBLISH_BOTH);
	struct rig_socket *b = enter(rig, "b", "expert", PUBLISH_BOTH);
	show(rig, a, "3", "b", "camera");
	show(rig, b, "3", "a", "camera");
	assert_int_equal(links(rig), 2);
	assert_int_equal(hz_consult_close(rig->brain, a->conn->participant->consult), 0);
	rig_turn(rig);
	for (unsigned w = 0; w < 2; w++)
		assert_int_equal(worker(rig, w)->peers + worker(rig, w)->tracks + worker(rig, w)->subs, 0);
}

// What a relay carries is recorded where it is published, and nowhere else.
static void recorded_once(void **state)
{
	struct rig *rig = *state;
	unsigned marks[3] = {0};
	rig->recorder = true;
	rig_kill(rig);
	rig->brain->limits.spread_subscriptions = 2;
	rig_consult(rig, "c1");
	struct rig_socket *a = enter(rig, "a", "clinic", PUBLISH_BOTH);
	struct rig_socket *b = enter(rig, "b", "expert", PUBLISH_BOTH);
	assert_int_not_equal(worker_of(a), worker_of(b));
	show(rig, b, "3", "a", "camera");
	rig_result(rig_call(rig, a, "consent.set",
	                    json_pack("{s:b, s:s, s:s}", "given", 1, "wording", "w", "language", "en")));
	rig_result(rig_call(rig, a, "record.start", NULL));
	rig_advance(rig, 1000);
	assert_true(links(rig) > 0);
	for (unsigned w = 0; w < 3; w++) {
		for (unsigned i = 0; i < HZ_MAX_TRACKS; i++)
			marks[w] += (worker(rig, w)->track[i].flags & HZ_TRACK_TAP) != 0;
		assert_int_equal(marks[w], w == worker_of(a) ? 2 : 0);
	}
	rig_result(rig_call(rig, a, "track.update",
	                    json_pack("{s:s, s:b}", "track", rig_track(a, "a", "camera"), "muted", 1)));
	check_pairs(rig);
}

int main(void)
{
#define SPREAD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)
	const struct CMUnitTest tests[] = {
	    SPREAD_TEST(recorded_once),
	    SPREAD_TEST(places),
	    SPREAD_TEST(balances_consults),
	    SPREAD_TEST(relays),
	    SPREAD_TEST(follows_the_publisher),
	    SPREAD_TEST(lobby_and_removal),
	    SPREAD_TEST(survives_control),
	    SPREAD_TEST(repairs),
	    SPREAD_TEST(merges_speakers),
	    SPREAD_TEST(without_room),
	    SPREAD_TEST(closes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
