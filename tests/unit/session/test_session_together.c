// Several sources on the air in one picture: only such as may be shown, each with its masks, as one rendition of the mosaic; over cuts, fades,
// masks that change, a list that changes, and restarts of control.
#include "tests/unit/session/air_rig.h"

#define SOURCES                                                                                              \
	"{\"participant\":\"or1\",\"source\":\"camera\"},{\"participant\":\"or2\",\"source\":\"camera\"},"   \
	"{\"participant\":\"or3\",\"source\":\"ultrasound\"}"
#define BODY "{\"title\":\"Live\",\"sources\":[" SOURCES "],\"voices\":[\"or1\"]}"
#define MASK                                                                                                 \
	"{\"participant\":\"or2\",\"source\":\"camera\",\"fill\":\"grey\",\"masks\":[{\"x\":0.1,\"y\":0.05," \
	"\"w\":"                                                                                             \
	"0.3,\"h\":0.2}]}"

static json_t *of(const char *id, const char *source)
{
	return json_pack("{s:s, s:s}", "participant", id, "source", source);
}

static const json_t *air(struct rig *rig, struct rig_socket *director, const char *layout, json_t *first,
                         json_t *beside)
{
	return rig_call(rig, director, "broadcast.program",
	                json_pack("{s:o, s:s, s:o}", "source", first, "layout", layout, "beside", beside));
}

static const json_t *both(struct rig *rig, struct rig_socket *director, const char *layout)
{
	return air(rig, director, layout, of("or1", "camera"), json_pack("[o]", of("or2", "camera")));
}

static struct rig_socket *stage(struct rig *rig)
{
	rig_consult(rig, "c1");
	go_on(rig, 500);
	assert_int_equal(post(rig, "/whip/c1", "or1", "theatre", "mic:0:send cam:1:send"), 201);
	assert_int_equal(post(rig, "/whip/c1", "or2", "theatre", "mic:0:send cam:1:send"), 201);
	assert_int_equal(rest(rig, HZ_PUT, PATH, BODY)->status, 200);
	struct rig_socket *director = rig_join(rig, "dir", "director");
	rig_result(both(rig, director, "side"));
	assert_int_equal(post(rig, "/whep/c1/program", "v1", "viewer", VIEWER), 201);
	rig_advance(rig, 100);
	return director;
}

static void in_one_picture(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig);
	const struct hz_mosaic_rendition_set *r = painted(rig);
	assert_non_null(r);
	assert_int_equal(r->air, HZ_MOSAIC_AIR_SIDE);
	assert_int_equal(r->member, member_of(rig, "or1", HZ_SOURCE_CAMERA)->member);
	assert_int_equal(r->beside_count, 1);
	assert_int_equal(r->beside[0].member, member_of(rig, "or2", HZ_SOURCE_CAMERA)->member);
	assert_int_equal(r->mask_count + r->beside[0].mask_count, 0); // nothing is to be painted over
	assert_int_equal(r->height, 720);
	assert_int_equal(count(1), 2);
	assert_int_equal(feeds(rig, 0, NULL) + feeds(rig, 1, NULL), 2);
	struct web *web = rest(rig, HZ_GET, PATH, NULL);
	assert_string_equal(rig_text(web->json, "layout"), "side");
	assert_string_equal(rig_text(web->json, "masked"), "open");
	assert_string_equal(rig_text(json_object_get(web->json, "on_air"), "participant"), "or1");
	assert_int_equal(json_array_size(json_object_get(web->json, "beside")), 1);
	// The same again is the same; another layout is another rendition.
	uint32_t first = r->rendition;
	rig_result(both(rig, director, "side"));
	rig_advance(rig, 100);
	assert_int_equal(painted(rig)->rendition, first);
	rig_result(both(rig, director, "pip"));
	rig_advance(rig, 100);
	assert_int_equal(painted(rig)->air, HZ_MOSAIC_AIR_PIP);
	assert_int_not_equal(painted(rig)->rendition, first);
	rig_result(air(rig, director, "pip", of("or2", "camera"), json_pack("[o]", of("or1", "camera"))));
	rig_advance(rig, 100);
	assert_int_equal(painted(rig)->member, member_of(rig, "or2", HZ_SOURCE_CAMERA)->member);
	// One by itself needs nobody to paint; and nothing is left.
	rig_result(
	    rig_call(rig, director, "broadcast.program", json_pack("{s:o}", "source", of("or1", "camera"))));
	go_on(rig, 3000);
	assert_null(painted(rig));
	assert_int_not_equal(shown_slot(rig)->track, 0);
	assert_int_equal(count(0) + count(1) + count(2), 0);
	assert_null(json_object_get(rest(rig, HZ_GET, PATH, NULL)->json, "layout"));
}

// Masks of each: said before or while it is on the air, and never without from then on.
static void masks_of_each(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig);
	uint32_t before = painted(rig)->rendition;
	assert_int_equal(rest(rig, HZ_PUT, PATH "/masks", MASK)->status, 200);
	rig_advance(rig, 100);
	const struct hz_mosaic_rendition_set *r = painted(rig);
	assert_non_null(r);
	assert_int_not_equal(r->rendition, before);
	assert_int_equal(find(2, before, false) ? find(2, before, false)->set.rendition.workers : 0, 0);
	assert_int_equal(r->mask_count, 0);
	assert_int_equal(r->beside[0].mask_count, 1);
	assert_int_equal(r->beside[0].mask[0].x, 1000);
	assert_int_equal(r->beside[0].fill, 126);
	assert_string_equal(rig_text(rest(rig, HZ_GET, PATH, NULL)->json, "masked"), "masked");
	// What tells who it is leaves, with the others.
	assert_int_equal(
	    rest(rig, HZ_PUT, PATH "/masks",
	         "{\"participant\":\"or2\",\"source\":\"camera\",\"identified\":true,\"masks\":[]}")
	        ->status,
	    200);
	assert_int_equal(shown_slot(rig)->track, 0);
	assert_string_equal(rig_text(rest(rig, HZ_GET, PATH, NULL)->json, "state"), "ready");
	assert_int_equal(rig_code(both(rig, director, "side")), HZ_RPC_NOT_ALLOWED);
}

static void only_what_may_be_shown(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig);
	uint32_t before = painted(rig)->rendition;
	const json_t *answer =
	    air(rig, director, "side", of("or1", "camera"), json_pack("[o]", of("or3", "ultrasound")));
	assert_int_equal(rig_code(answer), HZ_RPC_NOT_ALLOWED); // it has no masks
	assert_string_equal(rig_text(json_object_get(json_object_get(answer, "error"), "data"), "masks"),
	                    "needed");
	assert_int_equal(
	    rig_code(air(rig, director, "side", of("or1", "camera"), json_pack("[o]", of("x", "camera")))),
	    HZ_RPC_NOT_ALLOWED);
	assert_int_equal(
	    rig_code(air(rig, director, "side", of("or1", "camera"), json_pack("[o]", of("or1", "camera")))),
	    HZ_RPC_INVALID_PARAMS);
	assert_int_equal(rig_code(air(rig, director, "pip", of("or1", "camera"),
	                              json_pack("[o,o]", of("or2", "camera"), of("or2", "camera")))),
	                 HZ_RPC_INVALID_PARAMS);
	assert_int_equal(rig_code(air(rig, director, "side", of("or1", "camera"), json_array())),
	                 HZ_RPC_INVALID_PARAMS);
	assert_int_equal(
	    rig_code(air(rig, director, "alone", of("or1", "camera"), json_pack("[o]", of("or2", "camera")))),
	    HZ_RPC_INVALID_PARAMS);
	assert_int_equal(
	    rig_code(air(rig, director, "heap", of("or1", "camera"), json_pack("[o]", of("or2", "camera")))),
	    HZ_RPC_INVALID_PARAMS);
	assert_int_equal(
	    rig_code(air(rig, director, "side", json_null(), json_pack("[o]", of("or2", "camera")))),
	    HZ_RPC_INVALID_PARAMS);
	assert_int_equal(rig_code(air(rig, director, "side", of("or1", "camera"),
	                              json_pack("[o]", of("or2", "microphone")))),
	                 HZ_RPC_INVALID_PARAMS);
	json_t *many = json_array();
	for (unsigned i = 0; i < HZ_MOSAIC_PARTS; i++)
		json_array_append_new(many, of("or2", "camera"));
	assert_int_equal(rig_code(air(rig, director, "side", of("or1", "camera"), many)),
	                 HZ_RPC_INVALID_PARAMS);
	rig_advance(rig, 100);
	assert_int_equal(painted(rig)->rendition, before); // untouched by all this
	// A list without one of them: all leave.
	assert_int_equal(
	    rest(rig, HZ_PUT, PATH,
	         "{\"title\":\"x\",\"sources\":[{\"participant\":\"or1\",\"source\":\"camera\"}]}")
	        ->status,
	    200);
	assert_int_equal(shown_slot(rig)->track, 0);
}

static void cuts_fades_and_deaths(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig);
	uint32_t before = painted(rig)->rendition;
	rig_result(rig_call(rig, director, "broadcast.cut", json_pack("{s:s}", "reason", "x")));
	assert_true(shown_slot(rig)->flags & HZ_SUB_PAUSED);
	go_on(rig, 3000);
	assert_int_equal(count(2), 0);
	rig_result(rig_call(rig, director, "broadcast.resume", json_pack("{s:s}", "reason", "x")));
	rig_advance(rig, 100);
	assert_non_null(painted(rig));
	assert_int_not_equal(painted(rig)->rendition, before); // nothing of the cut
	before = painted(rig)->rendition;
	rig_kill(rig);
	go_on(rig, 1000);
	assert_non_null(painted(rig));
	assert_int_equal(painted(rig)->rendition, before); // nobody notices
	assert_int_equal(painted(rig)->beside_count, 1);
	director = rig_join(rig, "dir", "director");
	rig_result(rig_call(rig, director, "broadcast.program",
	                    json_pack("{s:o, s:s, s:[o], s:i}", "source", of("or2", "camera"), "layout",
	                              "pip", "beside", of("or1", "camera"), "fade_ms", 300)));
	assert_int_equal(painted(rig)->rendition, before); // dark first
	for (unsigned i = 0; i < 20 && painted(rig) && painted(rig)->rendition == before; i++) {
		go_on(rig, 100);
		hz_broadcast_tick(rig->brain);
		rig_advance(rig, 20);
	}
	assert_non_null(painted(rig));
	assert_int_equal(painted(rig)->air, HZ_MOSAIC_AIR_PIP);
	uint32_t ssrc = painted(rig)->ssrc;
	start_mosaic();
	go_on(rig, 500);
	assert_int_not_equal(painted(rig)->ssrc, ssrc);
	rig_advance(rig, 4000); // without a sign of life: a slate, whatever masks it has
	assert_string_equal(rig_text(rest(rig, HZ_GET, PATH, NULL)->json, "masked"), "slate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(in_one_picture, setup, teardown),
	    cmocka_unit_test_setup_teardown(masks_of_each, setup, teardown),
	    cmocka_unit_test_setup_teardown(only_what_may_be_shown, setup, teardown),
	    cmocka_unit_test_setup_teardown(cuts_fades_and_deaths, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
