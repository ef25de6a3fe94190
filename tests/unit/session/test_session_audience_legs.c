// Viewers of the delayed leg are counted by what their pages say, one a token; and what viewers said is deleted, by somebody or in time.
#include "gateway/session/broadcast/audience.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/store/audience.h"
#include "tests/unit/session/web.h"

#define PATH     "/api/v1/consults/c1/broadcast"
#define MESSAGES PATH "/messages"
#define BODY     "{\"title\":\"Live surgery\",\"sources\":[{\"participant\":\"or1\",\"source\":\"camera\"}]}"
#define DAY_MS   INT64_C(86400000)

static struct web *rest(struct rig *rig, enum hz_http_method method, const char *path, const char *role,
                        const char *body)
{
	static char token[4096];
	snprintf(token, sizeof(token), "%s", rig_sign(rig, (struct rig_token){.sub = role, .role = role}));
	return web_ask(rig, (struct web_ask){.method = method, .path = path, .token = token, .body = body});
}

static void feed(struct rig *rig, const char *sub, const char *leg)
{
	static char token[4096];
	char query[64];
	snprintf(token, sizeof(token), "%s", rig_sign(rig, (struct rig_token){.sub = sub, .role = "viewer"}));
	snprintf(query, sizeof(query), "leg=%s", leg);
	struct web *web = web_ask(
	    rig, (struct web_ask){.method = HZ_GET, .path = PATH "/feed", .query = query, .token = token});
	assert_int_equal(web->status, 200);
	web_schema(web, "broadcast.feed");
}

static int64_t told(struct rig *rig, const char *key)
{
	return json_integer_value(json_object_get(rest(rig, HZ_GET, PATH, "director", NULL)->json, key));
}

static int begin(void **state)
{
	if (rig_setup(state))
		return -1;
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	return rest(rig, HZ_PUT, PATH, "director", BODY)->status == 200 ? 0 : -1;
}

static void one_token_is_one_viewer(void **state)
{
	struct rig *rig = *state;
	feed(rig, "v1", "live");
	assert_int_equal(told(rig, "viewers_delayed"), 0);
	feed(rig, "v1", "files");
	feed(rig, "v1", "files"); // another page of the same
	feed(rig, "v2", "files");
	feed(rig, "v3", "filesfilesfilesfiles"); // no leg
	feed(rig, "v3", "FILES");
	assert_int_equal(told(rig, "viewers_delayed"), 2);
	assert_int_equal(told(rig, "viewers"), 2);
	feed(rig, "v1", "live"); // plays the other leg now
	assert_int_equal(told(rig, "viewers_delayed"), 1);
	rig_advance(rig, 20000);
	feed(rig, "v2", "files");
	rig_advance(rig, 20000);
	feed(rig, "v3", "files");
	assert_int_equal(told(rig, "viewers_delayed"), 2);
	rig_advance(rig, 30000);
	rig_advance(rig, 4000); // v2 closed the page
	assert_int_equal(told(rig, "viewers_delayed"), 1);
	for (unsigned i = 0; i < 4; i++)
		rig_advance(rig, 4000);
	assert_int_equal(told(rig, "viewers"), 0);
}

static void directors_are_told(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *desk = rig_join(rig, "dir", "director");
	feed(rig, "v1", "files");
	rig_advance(rig, 1100);
	const json_t *broadcast = json_object_get(json_object_get(desk->state, "consult"), "broadcast");
	assert_int_equal(json_integer_value(json_object_get(broadcast, "viewers")), 1);
	assert_int_equal(json_integer_value(json_object_get(broadcast, "viewers_delayed")), 1);
	rig_advance(rig, 3000);
	assert_int_equal(
	    json_integer_value(json_object_get(
	        json_object_get(rest(rig, HZ_GET, PATH, "director", NULL)->json, "audience"), "peak")),
	    1);
	assert_int_equal(rest(rig, HZ_DELETE, PATH, "director", NULL)->status,
	                 204); // the next one begins at none
	assert_int_equal(rest(rig, HZ_PUT, PATH, "director", BODY)->status, 200);
	assert_int_equal(told(rig, "viewers"), 0);
}

static void no_more_than_there_is_room_for(void **state)
{
	struct rig *rig = *state;
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	char sub[32];
	for (unsigned i = 0; i < HZ_AUDIENCE_WATCHERS + 10; i++) {
		snprintf(sub, sizeof(sub), "v%u", i);
		hz_audience_watches(rig->brain, consult, sub, true);
	}
	assert_int_equal(hz_audience_watching(consult), HZ_AUDIENCE_WATCHERS);
	rig->now_us += 41000000;
	for (unsigned i = 0; i < 45; i++) // in slices
		rig_advance(rig, 4000);
	assert_int_equal(hz_audience_watching(consult), 0);
}

// --- deleted

static void say(struct rig *rig)
{
	struct rig_socket *desk = rig_join(rig, "dir", "director");
	rig_result(rig_call(rig, desk, "audience.set",
	                    json_pack("{s:b, s:s}", "questions", true, "poster", "Soon")));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rest(rig, HZ_POST, MESSAGES, "viewer",
		                      "{\"kind\":\"question\",\"text\":\"Why so?\",\"name\":\"Frau Muster\"}")
		                     ->status,
		                 201);
}

static size_t rows(struct rig *rig, const char *what)
{
	char path[100];
	snprintf(path, sizeof(path), PATH "/%s", what);
	struct web *web = rest(rig, HZ_GET, path, "auditor", NULL);
	assert_int_equal(web->status, 200);
	return json_array_size(json_object_get(web->json, "items"));
}

static json_t *newest_event(struct rig *rig)
{
	struct web *web = rest(rig, HZ_GET, PATH "/events", "auditor", NULL);
	web_schema(web, "broadcast.events");
	json_t *items = json_object_get(web->json, "items");
	return json_array_get(items, json_array_size(items) - 1);
}

static void an_administrator_deletes_it(void **state)
{
	struct rig *rig = *state;
	say(rig);
	static const char *const others[] = {"viewer", "director", "clinic", "auditor", "expert"};
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(rest(rig, HZ_DELETE, MESSAGES, others[i], NULL)->status, 403);
	assert_int_equal(rest(rig, HZ_DELETE, MESSAGES, "admin", NULL)->status, 409); // it goes on
	assert_int_equal(rows(rig, "messages"), 3);
	assert_int_equal(rest(rig, HZ_DELETE, PATH, "director", NULL)->status, 204);
	struct web *web = rest(rig, HZ_DELETE, MESSAGES, "admin", NULL);
	assert_int_equal(web->status, 200);
	web_schema(web, "broadcast.deleted");
	assert_int_equal(json_integer_value(json_object_get(web->json, "deleted")), 3);
	assert_int_equal(rows(rig, "messages"), 0);
	json_t *event = newest_event(rig); // who did it stays
	assert_string_equal(rig_text(event, "type"), "erase");
	assert_string_equal(rig_text(event, "participant"), "admin");
	feed(rig, "viewer", "live"); // nothing is left in memory either
	assert_null(hz_map_get(rig->brain->consults, "c1")
	                ? ((struct hz_consult *)hz_map_get(rig->brain->consults, "c1"))->audience
	                : NULL);
	rig_kill(rig);
	assert_int_equal(rows(rig, "messages"), 0);
	assert_int_equal(
	    rest(rig, HZ_DELETE, "/api/v1/consults/none/broadcast/messages", "admin", NULL)->status,
	    403);                                                                 // of another consult
	assert_int_equal(rest(rig, HZ_PUT, PATH, "director", BODY)->status, 200); // and begins anew
	say(rig);
	assert_int_equal(rows(rig, "messages"), 3);
}

static void also_of_a_closed_consult(void **state)
{
	struct rig *rig = *state;
	say(rig);
	assert_int_equal(
	    rest(rig, HZ_PATCH, "/api/v1/consults/c1", "clinic", "{\"status\":\"closed\"}")->status, 200);
	assert_int_equal(rows(rig, "messages"), 3);
	assert_int_equal(rest(rig, HZ_DELETE, MESSAGES, "admin", NULL)->status, 200);
	assert_int_equal(rows(rig, "messages"), 0);
	assert_int_equal(rest(rig, HZ_DELETE, MESSAGES, "admin", NULL)->status, 200); // again
}

static void its_time_is_over(void **state)
{
	struct rig *rig = *state;
	say(rig);
	rig->brain->audience_keep_days = 30;
	rig->wall_us += 100 * DAY_MS * 1000;
	hz_brain_clock(rig->brain, rig->now_us, rig->wall_us);
	hz_brain_sweep(rig->brain);
	assert_int_equal(rows(rig, "messages"), 3); // the consult is open
	assert_int_equal(
	    rest(rig, HZ_PATCH, "/api/v1/consults/c1", "clinic", "{\"status\":\"closed\"}")->status, 200);
	rig->wall_us += 29 * DAY_MS * 1000;
	hz_brain_clock(rig->brain, rig->now_us, rig->wall_us);
	hz_brain_sweep(rig->brain);
	assert_int_equal(rows(rig, "messages"), 3);
	rig->wall_us += 2 * DAY_MS * 1000;
	hz_brain_clock(rig->brain, rig->now_us, rig->wall_us);
	rig->brain->audience_keep_days = 0; // for ever
	hz_brain_sweep(rig->brain);
	assert_int_equal(rows(rig, "messages"), 3);
	rig->brain->audience_keep_days = 30;
	hz_brain_sweep(rig->brain);
	assert_int_equal(rows(rig, "messages"), 0);
	assert_string_equal(rig_text(json_object_get(newest_event(rig), "detail"), "why"), "expired");
	size_t events = rows(rig, "events");
	hz_brain_sweep(rig->brain); // once
	assert_int_equal(rows(rig, "events"), events);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, rig_teardown)
	const struct CMUnitTest tests[] = {
	    T(one_token_is_one_viewer),     T(directors_are_told),       T(no_more_than_there_is_room_for),
	    T(an_administrator_deletes_it), T(also_of_a_closed_consult), T(its_time_is_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
