// The table: what everybody sees and when, what outlives control, what is in the record, and drawings over moving pictures.
#include "tests/unit/session/reading_rig.h"

static void everybody_has_the_same(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "expert", "expert"), *seen = rig_join(rig, "seen", "observer");
	struct rig_socket *theatre = rig_join(rig, "or", "theatre");
	assert_int_equal(floor_of(rig, s, "take", NULL), 0);
	assert_int_equal(put_study(rig, s), 0);
	rig_advance(rig, 100);
	rig_clear(theatre);
	unsigned before = rig_pushes(seen, "table.patch");
	// Scrolling is put together: not a push each.
	for (int i = 0; i < 20; i++) {
		char text[80];
		snprintf(text, sizeof(text), "{\"viewports\":[{\"at\":0,\"frame\":%d,\"zoom\":1.%d}]}", i, i);
		rig->now_us -= 15000;
		assert_int_equal(patch(rig, s, text), 0);
	}
	rig_advance(rig, 100);
	unsigned pushes = rig_pushes(seen, "table.patch") - before;
	assert_true(pushes >= 4 && pushes <= 7);
	assert_int_equal(
	    patch(rig, s,
	          "{\"put\":[" DRAW("a", ",\"text\":\"3 mm\",\"value\":3.1234567890123") "," DRAW("b",
	                                                                                          "") "]}"),
	    0);
	assert_int_equal(patch(rig, s,
	                       "{\"remove\":[\"a\",\"gone\"],\"put\":[" DRAW("b", ",\"color\":255") "," DRAW(
	                           "c", "") "]}"),
	                 0);
	assert_int_equal(
	    patch(rig, s, "{\"remove\":[\"c\"],\"put\":[" DRAW("c", ",\"color\":1") "," DRAW("a", "") "]}"),
	    0);
	struct rig_socket *late = rig_join(rig, "late", "clinic");
	rig_advance(rig, 100);
	same_table(s, seen);
	same_table(seen, late);
	json_t *table = assemble(late);
	assert_int_equal(json_object_size(json_object_get(table, "objects")), 3);
	json_t *viewport = json_array_get(json_object_get(table, "viewports"), 0);
	assert_int_equal(json_integer_value(json_object_get(viewport, "frame")), 19);
	assert_int_equal(json_integer_value(json_object_get(viewport, "center")), 40);
	json_decref(table);
	assert_null(rig_push(theatre, "table.patch")); // it sees nothing else either
	// A study that is taken away takes its drawings with it, and what showed it, or was looked at with its marks, does no more.
	assert_int_equal(patch(rig, s, "{\"viewports\":[{\"at\":2,\"offset_mm\":-7.5," MARKS(STUDY) "}]}"),
	                 0);
	assert_int_equal(
	    patch(rig, s, "{\"studies\":{\"remove\":[{\"pacs\":\"main\",\"study\":\"" STUDY "\"}]}}"), 0);
	rig_advance(rig, 100);
	table = assemble(late);
	assert_int_equal(json_object_size(json_object_get(table, "objects")), 0);
	assert_true(
	    json_is_null(json_object_get(json_array_get(json_object_get(table, "viewports"), 0), "image")));
	viewport = json_array_get(json_object_get(table, "viewports"), 2);
	assert_true(json_real_value(json_object_get(viewport, "offset_mm")) == -7.5);
	assert_true(json_is_null(json_object_get(viewport, "marks")));
	json_decref(table);
}

static void lobby_sees_nothing(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "clinic", "clinic"),
	                  *patient = rig_join(rig, "patient", "patient");
	assert_int_equal(floor_of(rig, host, "take", NULL), 0);
	assert_int_equal(put_study(rig, host), 0);
	assert_int_equal(code(rig, patient, "table.get", NULL), HZ_RPC_NOT_ADMITTED);
	assert_int_equal(
	    code(rig, host, "table.pointer", json_pack("{s:i, s:i, s:i}", "at", 0, "x", 1, "y", 2)), 0);
	rig_advance(rig, 100);
	assert_null(rig_push(patient, "table"));
	assert_null(rig_push(patient, "table.patch"));
	assert_null(rig_push(patient, "table.pointer"));
	static char token[4096];
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "patient", .role = "patient"}));
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_GET, .path = PATH, .token = token})->status, 403);
	assert_int_equal(code(rig, host, "lobby.admit", json_pack("{s:s}", "participant", "patient")), 0);
	assert_non_null(rig_push(patient, "table"));
	const struct web *web =
	    web_ask(rig, (struct web_ask){.method = HZ_GET, .path = PATH, .token = token});
	assert_int_equal(web->status, 200);
	assert_int_equal(json_array_size(json_object_get(web->json, "studies")), 1);
	rig_clear(host);
	assert_int_equal(code(rig, patient, "table.pointer", json_pack("{s:i}", "at", 0)),
	                 HZ_RPC_NOT_ALLOWED);
	int fast = 0;
	for (int i = 0; i < 10; i++)
		fast += code(rig, host, "table.pointer",
		             json_pack("{s:i, s:i, s:i}", "at", 0, "x", i, "y", 2)) == HZ_RPC_TOO_FAST;
	assert_true(fast >= 4);
	assert_string_equal(rig_text(rig_push(patient, "table.pointer"), "from"), "clinic");
	assert_null(rig_push(host, "table.pointer"));
}

static void outlives_control(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "expert", "expert");
	static char key[64];
	snprintf(key, sizeof(key), "%s", rig_text(rig_result(s->answer), "resume_key"));
	assert_int_equal(floor_of(rig, s, "take", NULL), 0);
	assert_int_equal(put_study(rig, s), 0);
	assert_int_equal(patch(rig, s, "{\"layout\":\"pair\",\"put\":[" DRAW("a", "") "," DRAW("b", "") "]}"),
	                 0);
	assert_int_equal(patch(rig, s, "{\"remove\":[\"a\"]}"), 0);
	for (int i = 0; i < 3; i++)
		rig_advance(rig, 250); // within a second
	json_t *before = assemble(s);
	json_int_t old = json_integer_value(json_object_get(before, "version"));
	rig_kill(rig);
	s = rig_open(rig);
	rig_result(rig_call(rig, s, "join", json_pack("{s:s}", "resume_key", key)));
	json_t *after = assemble(s);
	assert_non_null(after);
	assert_true(json_integer_value(json_object_get(after, "version")) > old);
	json_object_del(before, "version");
	json_object_del(after, "version");
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	char text[80];
	snprintf(text, sizeof(text), "{\"base\":%lld,\"linked\":true}", (long long)old);
	assert_int_equal(patch(rig, s, text), HZ_RPC_CONFLICT); // of a state that may have had more
	assert_int_equal(patch(rig, s, "{\"linked\":true,\"put\":[" DRAW("c", "") "]}"), 0);
	hz_reading_save(rig->brain); // an end in good order waits for no tick
	rig_kill(rig);
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	struct hz_reading *reading = NULL;
	assert_int_equal(hz_reading_of(rig->brain, consult, false, &reading), 0);
	assert_non_null(reading);
	assert_non_null(hz_reading_find(reading, "c"));
	assert_int_equal(hz_reading_find(reading, "c")->n, 3); // no number twice
	assert_int_equal(hz_consult_close(rig->brain, consult), 0);
	rig_kill(rig);
	rig_consult(rig, "c3");
}

// What was looked at is in the record; what was drawn only of who consented.
static void in_the_record(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *clinic = join_saying(rig, "clinic", "clinic", true);
	struct rig_socket *expert = join_saying(rig, "expert", "expert", false);
	assert_int_equal(floor_of(rig, clinic, "take", NULL), 0);
	assert_int_equal(put_study(rig, clinic), 0);
	assert_int_equal(patch(rig, clinic, "{\"put\":[" DRAW("a", "") "]}"), 0);
	rig_advance(rig, 300); // before the record: it gets the whole of it
	rig_result(rig_call(rig, clinic, "record.start", NULL));
	rig_advance(rig, 300);
	rig_advance(rig, 300);
	struct fake_record *record = fake_record_newest();
	json_t *event = NULL;
	assert_int_equal(fake_events(record, "table", NULL, &event), 1);
	const json_t *detail = json_object_get(event, "detail");
	assert_int_equal(json_array_size(json_object_get(detail, "studies")), 1);
	assert_int_equal(json_array_size(json_object_get(detail, "viewports")), HZ_READING_VIEWPORTS);
	assert_int_equal(json_array_size(json_object_get(detail, "put")), 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(patch(rig, clinic, "{\"viewports\":[{\"at\":0,\"frame\":9}]}"), 0);
	rig_advance(rig, 300);
	assert_int_equal(fake_events(record, "table", "clinic", &event), 2);
	detail = json_object_get(event, "detail");
	assert_int_equal(json_array_size(json_object_get(detail, "viewports")), 1);
	assert_null(json_object_get(detail, "put"));
	assert_int_equal(floor_of(rig, expert, "take", NULL), 0);
	assert_int_equal(patch(rig, expert, "{\"linked\":true,\"put\":[" DRAW("b", "") "]}"), 0);
	rig_advance(rig, 300);
	assert_int_equal(fake_events(record, "table", "expert", &event), 1);
	assert_true(json_is_true(json_object_get(json_object_get(event, "detail"), "linked")));
	assert_null(json_object_get(json_object_get(event, "detail"), "put"));
	assert_int_equal(patch(rig, expert, "{\"remove\":[\"a\"]}"), 0);
	rig_advance(rig, 300);
	assert_int_equal(fake_events(record, "table", "expert", &event), 2);
	assert_int_equal(json_array_size(json_object_get(json_object_get(event, "detail"), "gone")), 1);
}

#define OVER(id, who, more)                                                                                  \
	"{\"id\":\"" id "\",\"kind\":\"arrow\",\"on\":{\"participant\":\"" who                               \
	"\",\"source\":\"endoscope\"},\"points\":[[0.1,0.2],[0.5,1]]" more "}"

static unsigned drawn(struct rig *rig)
{
	return ((struct hz_consult *)hz_map_get(rig->brain->consults, "c1"))->reading->count;
}

static void wait_ms(struct rig *rig, int ms)
{
	for (; ms > 0; ms -= 250)
		rig_advance(rig, 190); // and 60
}

// Drawings over moving pictures: fade, are wiped by who drew them and by hosts, and go with whose picture it is.
static void over_pictures(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *expert = rig_join(rig, "expert", "expert"),
	                  *clinic = rig_join(rig, "clinic", "clinic"),
	                  *theatre = rig_join(rig, "theatre", "theatre");
	assert_int_equal(floor_of(rig, expert, "take", NULL), 0);
	assert_int_equal(put_study(rig, expert), 0);
	assert_int_equal(patch(rig, expert,
	                       "{\"put\":[" OVER("a", "theatre", "") "," OVER(
	                           "b", "theatre", ",\"fades_s\":2") "," DRAW("d", "") "]}"),
	                 0);
	wait_ms(rig, 1500);
	assert_int_equal(patch(rig, expert, "{\"put\":[" OVER("b", "theatre", ",\"fades_s\":2") "]}"), 0);
	wait_ms(rig, 1500);
	assert_int_equal(drawn(rig), 3); // its time began anew
	wait_ms(rig, 1500);
	assert_int_equal(drawn(rig), 2);
	// Without the images in hand: nothing is drawn; hosts wipe what is over pictures, and nothing else.
	assert_int_equal(patch(rig, clinic, "{\"put\":[" OVER("x", "theatre", "") "]}"), HZ_RPC_NO_FLOOR);
	assert_int_equal(patch(rig, clinic, "{\"clear\":true}"), HZ_RPC_NO_FLOOR);
	assert_int_equal(patch(rig, clinic, "{\"remove\":[\"d\"]}"), HZ_RPC_NO_FLOOR);
	assert_int_equal(patch(rig, clinic, "{\"remove\":[\"a\"],\"linked\":true}"), HZ_RPC_NO_FLOOR);
	assert_int_equal(patch(rig, clinic, "{\"remove\":[\"a\",\"never was\"]}"), HZ_RPC_INVALID_PARAMS);
	assert_int_equal(patch(rig, clinic, "{\"remove\":[\"a\",\"unknown\"],\"base\":0}"), 0);
	assert_int_equal(drawn(rig), 1);
	// Who drew may take it back after the images were handed over.
	assert_int_equal(patch(rig, expert, "{\"put\":[" OVER("c", "theatre", "") "]}"), 0);
	assert_int_equal(floor_of(rig, expert, "pass", "clinic"), 0);
	assert_int_equal(patch(rig, expert, "{\"remove\":[\"d\"]}"), 0);
	assert_int_equal(patch(rig, clinic, "{\"put\":[" OVER("e", "expert", "") "]}"), 0);
	assert_int_equal(patch(rig, expert, "{\"remove\":[\"e\"]}"), HZ_RPC_NO_FLOOR);
	assert_int_equal(drawn(rig), 2);
	// Whoever leaves takes along what lay on their picture.
	assert_int_equal(code(rig, theatre, "leave", json_object()), 0);
	assert_int_equal(drawn(rig), 1);
	rig_advance(rig, 100);
	struct rig_socket *late = rig_join(rig, "late", "expert");
	json_t *seen = assemble(late);
	assert_int_equal(json_object_size(json_object_get(seen, "objects")), 1);
	json_decref(seen);
	same_table(expert, clinic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(everybody_has_the_same, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(lobby_sees_nothing, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(outlives_control, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(in_the_record, setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(over_pictures, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
