// Control dies, the worker dies, the queue overflows, the disk fills: everything comes back without clients doing anything.
#include <sqlite3.h>

#include "gateway/session/ids.h"
#include "gateway/store/db.h"
#include "signaling/server/server.h"
#include "tests/unit/session/offers.h"

static struct rig_socket *resume(struct rig *rig, const char *key)
{
	struct rig_socket *s = rig_open(rig);
	rig_call(rig, s, "join", json_pack("{s:s}", "resume_key", key));
	return s;
}

static void control(void **state)
{
	struct rig *rig = *state;
	char keys[3][64], track[32];
	struct rig_worker *before = malloc(sizeof(*before));
	rig_consult(rig, "c1");
	struct rig_socket *s[3];
	for (unsigned i = 0; i < 3; i++) {
		char id[2] = {(char)('a' + i), 0};
		s[i] = rig_join(rig, id, i ? "expert" : "clinic");
		snprintf(keys[i], sizeof(keys[i]), "%s", rig_text(rig_result(s[i]->answer), "resume_key"));
		assert_non_null(offer_make(rig, s[i],
		                           (struct offer_spec){.lines = PUBLISH_BOTH, .session = i + 1},
		                           "0:microphone 1:camera"));
	}
	rig_advance(rig, 100);
	snprintf(track, sizeof(track), "%s", rig_track(s[0], "b", "camera"));
	rig_result(rig_call(rig, s[0], "subscribe", subscribe_item("3", track)));
	rig_result(rig_call(rig, s[1], "hand", json_pack("{s:b}", "raised", 1)));
	rig_result(rig_call(rig, s[0], "chat.send", json_pack("{s:s}", "text", "kept")));
	uint64_t version = (uint64_t)json_integer_value(json_object_get(s[0]->state, "version"));
	for (int round = 0; round < 5; round++) {
		*before = *rig->worker;
		rig->wall_us += 300000;
		rig_kill(rig);
		// The worker has exactly what it had: nothing was removed, nothing changed.
		assert_int_equal(rig->worker->peers, 3);
		assert_int_equal(rig->worker->tracks, 6);
		assert_int_equal(rig->worker->subs, 6);
		for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
			struct hz_cmd_sub_set was = before->sub[i], is = rig->worker->sub[i];
			was.h = is.h; // sequence numbers differ
			assert_memory_equal(&was, &is, sizeof(was));
		}
		for (unsigned i = 0; i < 3; i++) {
			s[i] = resume(rig, keys[i]);
			assert_true(json_is_true(json_object_get(rig_result(s[i]->answer), "resumed")));
			assert_string_equal(rig_text(rig_push(s[i], "chat"), "text"), "kept");
		}
		rig_advance(rig, 100);
		uint64_t now = (uint64_t)json_integer_value(json_object_get(s[0]->state, "version"));
		assert_true(now > version);
		version = now;
		assert_string_equal(rig_track(s[0], "b", "camera"), track);
		assert_true(json_is_true(json_object_get(rig_person(s[0], "participants", "b"), "hand")));
		// An ordinary offer is a renegotiation of the same peer.
		assert_non_null(offer_make(rig, s[1],
		                           (struct offer_spec){.lines = PUBLISH_BOTH, .session = 2},
		                           "0:microphone 1:camera"));
		assert_int_equal(rig->worker->peers, 3);
		rig_advance(rig, 100);
		assert_string_equal(rig_track(s[0], "b", "camera"), track);
	}
	free(before);
}

static void nobody_comes_back(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "a", "expert");
	offer_both(rig, a);
	rig_kill(rig);
	rig_advance(rig, 30000);
	assert_int_equal(rig->worker->peers, 1); // media flows meanwhile
	rig_kill(rig); // a second death does not make it longer than a minute from now
	rig_advance(rig, 61000);
	assert_int_equal(rig->worker->peers, 0);
	assert_int_equal(rig->worker->tracks + rig->worker->subs, 0);
	assert_int_equal(hz_consults_busy(rig->brain), 0);
	rig_kill(rig);
	assert_int_equal(rig->worker->peers, 0);
}

static void worker(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "a", "expert");
	offer_both(rig, a);
	rig_clear(a);
	struct hz_media_link *link = rig->brain->worker[0].link;
	// It restarts with an empty memory, and one stray thing in it.
	rig_forget(rig->worker);
	rig->worker->peer[7].peer = HZ_ID(7, 9);
	rig->worker->peers = 1;
	struct hz_ev_hello hello = {.incarnation = 2};
	rig_event(rig, &hello, HZ_EV_HELLO, sizeof(hello));
	assert_int_equal(hz_media_link_read(link), 0);
	assert_false(hz_media_link_ready(link));
	rig_turn(rig);
	assert_true(hz_media_link_ready(link));
	assert_int_equal(rig->worker->peers, 1);
	assert_int_equal(rig->worker->tracks, 2);
	assert_int_equal(rig->worker->subs, 2);
	assert_int_equal(rig->worker->peer[7].peer, 0);
	assert_int_equal(json_array_size(a->pushes), 0); // clients do nothing
}

static void overflow(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "a", "expert");
	offer_both(rig, a);
	struct hz_peer *peer = a->conn->participant->peers;
	struct hz_media_link *link = rig->brain->worker[0].link;
	// The worker does not read while far too much happens.
	for (int i = 0; i < 3 * HZ_MEDIA_QUEUE; i++) {
		hz_peer_credentials(peer);
		hz_peer_set(rig->brain, peer);
		if (i % 100 == 0)
			hz_media_link_flush(link);
	}
	assert_true(hz_media_link_counters(link)->overflows > 0);
	assert_false(hz_media_link_ready(link));
	rig_turn(rig);
	assert_true(hz_media_link_ready(link));
	assert_string_equal(rig->worker->peer[HZ_ID_SLOT(peer->id)].local_ufrag, peer->cmd.local_ufrag);
	assert_int_equal(rig->worker->tracks, 2);
}

static void disk_full(void **state)
{
	struct rig *rig = *state;
	char key[64];
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic"), *a = rig_join(rig, "a", "expert");
	snprintf(key, sizeof(key), "%s", rig_text(rig_result(a->answer), "resume_key"));
	sqlite3 *db = rig->scratch->store->db;
	sqlite3_exec(db, "PRAGMA run.max_page_count=1", NULL, NULL, NULL);
	char *text = malloc(6001);
	memset(text, 'x', 2000);
	text[2000] = '\0';
	// The consult goes on; what must be written is refused clearly.
	for (int i = 0; i < 10; i++)
		rig_call(rig, a, "chat.send", json_pack("{s:s}", "text", text));
	assert_int_equal(rig_code(rig_call(rig, a, "chat.send", json_pack("{s:s}", "text", text))),
	                 HZ_RPC_TOO_FAST);
	for (unsigned session = 1; session < 9; session++) // new peers: new rows
		assert_non_null(
		    offer_make(rig, a,
		               (struct offer_spec){.lines = PUBLISH_BOTH
		                                   " a:5:recv v:6:recv a:7:recv v:8:recv a:9:recv v:10:recv",
		                                   .session = session},
		               "0:microphone 1:camera"));
	assert_true(rig->brain->store_sick);
	assert_int_equal(rig->worker->tracks, 2);
	// Room again: everything is written anew, and a kill -9 loses nothing.
	sqlite3_exec(db, "PRAGMA run.max_page_count=100000", NULL, NULL, NULL);
	rig_advance(rig, 1000);
	assert_false(rig->brain->store_sick);
	(void)host;
	rig_kill(rig);
	assert_int_equal(rig->worker->tracks, 2);
	assert_int_equal(rig->worker->subs, 8);
	rig_result(resume(rig, key)->answer);
	free(text);
}

static void ids(void **state)
{
	(void)state;
	struct hz_id_table table;
	hz_id id[4], first;
	int object;
	assert_int_equal(hz_ids_init(&table, 4), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(hz_ids_take(&table, &object, &id[i]), 0);
	assert_int_equal(hz_ids_take(&table, &object, &first), -ENOSPC);
	assert_ptr_equal(hz_ids_get(&table, id[2]), &object);
	assert_null(hz_ids_get(&table, id[2] ^ 0x10000));
	assert_null(hz_ids_get(&table, 0));
	assert_null(hz_ids_get(&table, 0xffffffff));
	hz_ids_release(&table, id[2] ^ 0x10000); // another generation: nothing
	assert_int_equal(hz_ids_room(&table), 0);
	hz_ids_release(&table, id[2]);
	assert_null(hz_ids_get(&table, id[2]));
	first = id[2];
	assert_int_equal(hz_ids_take(&table, &object, &id[2]), 0);
	assert_int_not_equal(id[2], first);
	assert_int_equal(HZ_ID_SLOT(id[2]), HZ_ID_SLOT(first));
	hz_ids_release(&table, id[1]);
	assert_int_equal(hz_ids_claim(&table, HZ_ID(HZ_ID_SLOT(id[1]), 77), &object), 0);
	assert_int_equal(hz_ids_claim(&table, HZ_ID(HZ_ID_SLOT(id[1]), 78), &object), -EEXIST);
	assert_int_equal(hz_ids_claim(&table, HZ_ID(9, 1), &object), -EINVAL);
	assert_int_equal(hz_ids_claim(&table, HZ_ID(1, 0), &object), -EINVAL);
	// Generations go round without ever being 0.
	for (int i = 0; i < 70000; i++) {
		hz_ids_release(&table, id[3]);
		assert_int_equal(hz_ids_take(&table, &object, &id[3]), 0);
		assert_int_not_equal(id[3] >> 16, 0);
	}
	hz_ids_done(&table);
}

static void many(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	// Joins and leaves give back what they took.
	for (int round = 0; round < 30; round++) {
		struct rig_socket *s[4];
		for (unsigned i = 0; i < 4; i++) {
			char id[8];
			snprintf(id, sizeof(id), "p%u", i);
			s[i] = rig_join(rig, id, "expert");
			assert_non_null(offer_make(
			    rig, s[i],
			    (struct offer_spec){.lines = PUBLISH_BOTH, .session = (unsigned)round * 4 + i},
			    "0:microphone 1:camera"));
		}
		for (unsigned i = 0; i < 4; i++) {
			rig_result(rig_call(rig, s[i], "leave", NULL));
			rig_lose(rig, s[i]);
			json_decref(s[i]->answer);
			json_decref(s[i]->state);
			json_decref(s[i]->pushes);
			memset(s[i], 0, sizeof(*s[i]));
		}
	}
	assert_int_equal(rig->worker->peers + rig->worker->tracks + rig->worker->subs, 0);
	assert_int_equal(rig->brain->worker[0].subs.used, 0);
	assert_int_equal(hz_map_count(rig->brain->sessions), 0);
	assert_null(rig->brain->conns);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
	    T(control), T(nobody_comes_back),  T(worker), T(overflow), T(disk_full),
	    T(many),    cmocka_unit_test(ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
