// Viewers of a broadcast who wait for news, and fades, of which they are told.
#include "tests/unit/session/audience_rig.h"

static void ask_for_news(struct rig *rig, struct hz_response *res, const char *etag, const char *cursor)
{
	static char bearer[5000], query[120];
	struct hz_rest rest = {.brain = rig->brain};
	snprintf(bearer, sizeof(bearer), "Bearer %s", token_of(rig, "v1", "viewer"));
	snprintf(query, sizeof(query), "wait=1&cursor=%s", cursor);
	struct hz_request req = {.method = HZ_GET, .path = FEED, .query = query, .body = ""};
	req.header[HZ_H_AUTHORIZATION] = bearer;
	req.header[HZ_H_IF_NONE_MATCH] = etag;
	hz_brain_clock(rig->brain, rig->now_us, rig->wall_us);
	assert_true(hz_rest_handle(&rest, &req, res));
}

static struct hz_response *held(struct rig *rig, const char *etag, const char *cursor)
{
	struct hz_response *res = hz_response_new();
	ask_for_news(rig, res, etag, cursor);
	assert_true(hz_response_held(res));
	return res;
}

static void released(struct hz_response *res, int status, const char *text)
{
	size_t bytes = 0;
	assert_false(hz_response_held(res));
	assert_int_equal(hz_response_get_status(res), status);
	if (text)
		assert_non_null(strstr(hz_response_body(res, &bytes), text));
	hz_response_free(res);
}

// Who waits for news is told when there are, soon; at CUT at once; and that there are none after some seconds.
static void waiting_for_news(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *desk = stage(rig);
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	struct hz_response *res[3];
	char etag[80], cursor[64];
	set(rig, desk, "{\"chat\":\"open\",\"questions\":true}");
	rig_advance(rig, 1000);
	struct web *web = feed(rig, "");
	snprintf(etag, sizeof(etag), "%s", web->etag);
	snprintf(cursor, sizeof(cursor), "%s", rig_text(web->json, "cursor"));
	for (unsigned i = 0; i < 3; i++)
		res[i] = held(rig, etag, cursor);
	assert_int_equal(rig->brain->feed_waits, 3);
	say(rig, "v2", "question", "Not approved", NULL); // nobody is woken by that
	rig_advance(rig, 400);
	assert_int_equal(rig->brain->feed_waits, 3);
	say(rig, "v2", "chat", "Hello", NULL);
	rig_advance(rig, 400);
	for (unsigned i = 0; i < 3; i++)
		released(res[i], 200, "Hello");
	snprintf(etag, sizeof(etag), "%s", feed(rig, "")->etag);
	res[0] = held(rig, etag, cursor); // nothing new
	rig_advance(rig, 3000);
	assert_true(hz_response_held(res[0]));
	rig_advance(rig, 2000);
	released(res[0], 304, NULL);
	res[0] = held(rig, etag, cursor);
	rig_result(rig_call(rig, desk, "broadcast.cut", json_pack("{s:s}", "reason", "r")));
	released(res[0], 200, "\"cut\"");
	snprintf(etag, sizeof(etag), "%s", feed(rig, "")->etag);
	res[0] = held(rig, etag, cursor);
	rig->brain->feed_waits += HZ_AUDIENCE_HELD;
	res[1] = hz_response_new();
	ask_for_news(rig, res[1], etag, cursor); // too many wait
	released(res[1], 304, NULL);
	rig->brain->feed_waits -= HZ_AUDIENCE_HELD;
	assert_int_equal(hz_consult_close(rig->brain, consult), 0);
	released(res[0], 404, NULL);
	assert_int_equal(rig->brain->feed_waits, 0);
}

static json_t *to(const char *id, int fade_ms)
{
	return json_pack("{s:{s:s, s:s}, s:i}", "source", "participant", id, "source", "camera", "fade_ms",
	                 fade_ms);
}

static void fades(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *desk = stage(rig);
	const struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	const char *two = "{\"title\":\"T\",\"sources\":[{\"participant\":\"or1\",\"source\":\"camera\"},"
	                  "{\"participant\":\"or2\",\"source\":\"camera\"}]}";
	assert_int_equal(rest(rig, HZ_PUT, PATH, token_of(rig, "dir", "director"), two)->status, 200);
	rig_result(rig_call(rig, desk, "broadcast.program", to("or1", 500))); // nothing to fade from
	assert_string_equal(consult->broadcast->air.participant, "or1");
	assert_int_equal(rig_code(rig_call(rig, desk, "broadcast.program", to("or3", 500))),
	                 HZ_RPC_NOT_ALLOWED);
	rig_result(rig_call(rig, desk, "broadcast.program", to("or2", 500)));
	assert_string_equal(consult->broadcast->air.participant, "or1");
	struct web *web = feed(rig, "");
	assert_in_range(json_integer_value(json_object_get(web->json, "fade_ms")), 1, 500);
	assert_null(strstr(web->body, "or2"));
	rig_advance(rig, 600);
	assert_string_equal(consult->broadcast->air.participant, "or2");
	assert_null(json_object_get(feed(rig, "")->json, "fade_ms"));
	// A hard change in between is the last word.
	rig_result(rig_call(rig, desk, "broadcast.program", to("or1", 500)));
	rig_result(rig_call(rig, desk, "broadcast.program", to("or2", 0)));
	rig_advance(rig, 1000);
	assert_string_equal(consult->broadcast->air.participant, "or2");
	rig_result(rig_call(rig, desk, "broadcast.program", to("or1", 500)));
	rig_result(rig_call(rig, desk, "broadcast.cut", json_pack("{s:s}", "reason", "r")));
	assert_null(json_object_get(feed(rig, "")->json, "fade_ms"));
	rig_advance(rig, 1000);
	assert_true(consult->broadcast->cut);
	assert_string_equal(consult->broadcast->air.participant, "or2"); // a cut is the last word, too
	// What is not among the sources any more when it is due is not shown.
	rig_result(rig_call(rig, desk, "broadcast.resume", json_pack("{s:s}", "reason", "r")));
	assert_string_equal(consult->broadcast->air.participant, "or2");
	rig_result(rig_call(rig, desk, "broadcast.program", to("or1", 0)));
	rig_result(rig_call(rig, desk, "broadcast.program", to("or2", 500)));
	assert_int_equal(rest(rig, HZ_PUT, PATH, token_of(rig, "dir", "director"), BODY)->status, 200);
	rig_advance(rig, 1000);
	assert_string_equal(consult->broadcast->air.participant, "or1");
	rig_result(rig_call(rig, desk, "broadcast.program", to("or1", 500)));
	assert_int_equal(rest(rig, HZ_DELETE, PATH, token_of(rig, "dir", "director"), NULL)->status, 204);
	rig_advance(rig, 1000);
	assert_null(consult->broadcast);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {T(waiting_for_news), T(fades)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
