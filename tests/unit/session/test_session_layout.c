// The layout of a consult's composed picture: who may say it, who is told, what is refused, and that it outlives control.
#include "gateway/session/composed/layout.h"
#include "media/mosaic/api.h"
#include "tests/unit/session/web.h"

#define PATH "/api/v1/consults/c1/layout"

static struct web *rest(struct rig *rig, enum hz_http_method method, const char *role, const char *body)
{
	return web_ask(rig,
	               (struct web_ask){.method = method,
	                                .path = PATH,
	                                .token = rig_sign(rig, (struct rig_token){.sub = "w", .role = role}),
	                                .body = body});
}

static const json_t *layout_of(const struct rig_socket *s)
{
	return json_object_get(json_object_get(s->state, "consult"), "layout");
}

static void said_by_hosts(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "host", "clinic"), *expert = rig_join(rig, "ex", "expert");
	rig_advance(rig, 200);
	assert_string_equal(rig_text(layout_of(expert), "mode"), "auto");
	json_t *params = json_pack("{s:s, s:s}", "mode", "pip", "focus", "ex");
	const json_t *result = rig_result(rig_call(rig, host, "layout.set", params));
	assert_string_equal(rig_text(json_object_get(result, "layout"), "focus"), "ex");
	rig_advance(rig, 200);
	assert_string_equal(rig_text(layout_of(expert), "mode"), "pip");
	assert_string_equal(rig_text(layout_of(expert), "focus"), "ex");
	// No host; nobody who waits.
	assert_int_equal(rig_code(rig_call(rig, expert, "layout.set", json_pack("{s:s}", "mode", "grid"))),
	                 HZ_RPC_NOT_ALLOWED);
	struct rig_socket *patient = rig_join(rig, "pat", "patient");
	assert_int_equal(rig_code(rig_call(rig, patient, "layout.set", json_pack("{s:s}", "mode", "grid"))),
	                 HZ_RPC_NOT_ADMITTED);
	assert_null(layout_of(patient));
	static const char *const weak[] = {"patient", "expert", "observer", "theatre", "auditor", "viewer"};
	for (size_t i = 0; i < sizeof(weak) / sizeof(*weak); i++)
		assert_int_equal(rest(rig, HZ_PUT, weak[i], "{\"mode\":\"grid\"}")->status, 403);
	struct web *web = rest(rig, HZ_PUT, "clinic", "{\"mode\":\"grid\",\"focus\":null}");
	assert_int_equal(web->status, 200);
	assert_string_equal(rig_text(web->json, "mode"), "grid");
	assert_true(json_is_null(json_object_get(web->json, "focus")));
	assert_string_equal(rig_text(rest(rig, HZ_GET, "admin", NULL)->json, "mode"), "grid");
	rig_advance(rig, 200);
	assert_string_equal(rig_text(layout_of(expert), "mode"), "grid");
}

static void refused(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "host", "clinic");
	static const char *const bad[] = {
	    "{}",
	    "{\"mode\":\"\"}",
	    "{\"mode\":\"Grid\"}",
	    "{\"mode\":1}",
	    "{\"mode\":\"grid\",\"focus\":\"\"}",
	    "{\"mode\":\"grid\",\"focus\":\"a b\"}",
	    "{\"mode\":\"grid\",\"focus\":\"..\"}",
	    "{\"mode\":\"grid\",\"focus\":5}",
	    "{\"mode\":\"grid\",\"more\":1}",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(rest(rig, HZ_PUT, "clinic", bad[i])->status, 422);
		const json_t *answer = rig_call(rig, host, "layout.set", json_loads(bad[i], 0, NULL));
		assert_int_equal(rig_code(answer), HZ_RPC_INVALID_PARAMS);
	}
	rig_advance(rig, 200);
	assert_string_equal(rig_text(layout_of(host), "mode"), "auto");
	unsigned slow = 0;
	for (unsigned i = 0; i < 60; i++)
		slow += rig_code(rig_call(rig, host, "layout.set", json_pack("{s:s}", "mode", "pip"))) ==
		        HZ_RPC_TOO_FAST;
	assert_in_range(slow, 30, 40);
}

static void outlives_control(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	assert_int_equal(rest(rig, HZ_PUT, "clinic", "{\"mode\":\"speaker\",\"focus\":\"or1\"}")->status,
	                 200);
	rig_kill(rig);
	assert_string_equal(rig_text(rest(rig, HZ_GET, "clinic", NULL)->json, "mode"), "speaker");
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	assert_string_equal(consult->layout.focus, "or1");
	// What else is said of the consult leaves it as it is.
	assert_int_equal(hz_consult_retitle(rig->brain, consult, "Other"), 0);
	rig_kill(rig);
	consult = hz_map_get(rig->brain->consults, "c1");
	assert_int_equal(consult->layout.mode, HZ_MOSAIC_SPEAKER);
	assert_string_equal(consult->title, "Other");
}

static void texts(void **state)
{
	static const char *const bad[] = {"", "grid", "grd ", " x", "aaaaaaaaaaaaaaaaaaaaaaaaa x"};
	struct hz_layout layout = {.mode = HZ_MOSAIC_IMAGE, .focus = "x.y"}, back;
	char text[HZ_LAYOUT_TEXT_BYTES];
	(void)state;
	hz_layout_to_text(&layout, text);
	hz_layout_from_text(text, &back);
	assert_int_equal(back.mode, HZ_MOSAIC_IMAGE);
	assert_string_equal(back.focus, "x.y");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		hz_layout_from_text(bad[i], &back);
		assert_int_equal(back.mode, HZ_MOSAIC_AUTO);
		assert_string_equal(back.focus, "");
	}
	hz_layout_from_text("pip a/b", &back);
	assert_string_equal(back.focus, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(said_by_hosts, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(refused, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(outlives_control, rig_setup, rig_teardown),
	    cmocka_unit_test(texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
