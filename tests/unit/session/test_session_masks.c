// Masks of a broadcast: a source that has some, or should, is never what a viewer's slot shows; what it shows is the mosaic's painted
// picture or nothing. Over changes of masks, cameras, cuts, and restarts of control and mosaic.
#include "gateway/session/broadcast/audience.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/store/broadcasts.h"
#include "gateway/store/profiles.h"
#include "tests/unit/session/air_rig.h"

#define BODY                                                                                                 \
	"{\"title\":\"Live\",\"sources\":[{\"participant\":\"or1\",\"source\":\"camera\"},"                  \
	"{\"participant\":\"or2\",\"source\":\"camera\"},{\"participant\":\"or1\",\"source\":"               \
	"\"ultrasound\"}],\"voices\":[\"or1\"]}"
#define REGION "{\"x\":0.1,\"y\":0.05,\"w\":0.3,\"h\":0.2}"
#define MASK   "{\"participant\":\"or1\",\"source\":\"camera\",\"masks\":[" REGION "]}"

static struct web *masks(struct rig *rig, const char *body)
{
	return rest(rig, HZ_PUT, PATH "/masks", body);
}

static const json_t *air(struct rig *rig, struct rig_socket *director, const char *id, const char *source)
{
	json_t *json = json_pack("{s:s, s:s}", "participant", id, "source", source);
	return rig_call(rig, director, "broadcast.program", json_pack("{s:o}", "source", json));
}

static struct hz_consult *c1(struct rig *rig)
{
	return hz_map_get(rig->brain->consults, "c1");
}

static hz_id raw_of(struct rig *rig, const char *id)
{
	const struct hz_track *t =
	    hz_track_of_source(hz_participant_find(c1(rig), id), HZ_KIND_VIDEO, HZ_SOURCE_CAMERA);
	assert_non_null(t);
	return t->id;
}

// Two theatres, a broadcast of theirs, or1 on the air, a viewer, a director.
static struct rig_socket *stage(struct rig *rig, const char *first_masks)
{
	rig_consult(rig, "c1");
	go_on(rig, 500);
	assert_int_equal(post(rig, "/whip/c1", "or1", "theatre", "mic:0:send cam:1:send"), 201);
	assert_int_equal(post(rig, "/whip/c1", "or2", "theatre", "mic:0:send cam:1:send"), 201);
	assert_int_equal(rest(rig, HZ_PUT, PATH, BODY)->status, 200);
	if (first_masks)
		assert_int_equal(masks(rig, first_masks)->status, 200);
	struct rig_socket *director = rig_join(rig, "dir", "director");
	assert_int_equal(rig_code(air(rig, director, "or1", "camera")), 0);
	assert_int_equal(post(rig, "/whep/c1/program", "v1", "viewer", VIEWER), 201);
	rig_advance(rig, 100);
	return director;
}

static void from_the_start(void **state)
{
	struct rig *rig = *state;
	stage(rig, MASK);
	const struct hz_mosaic_rendition_set *r = painted(rig);
	assert_non_null(r);
	assert_int_equal(r->member, member_of(rig, "or1", HZ_SOURCE_CAMERA)->member);
	assert_int_equal(r->mask_count, 1);
	assert_int_equal(r->mask[0].x, 1000);
	assert_int_equal(r->mask[0].y, 500);
	assert_int_equal(r->mask[0].w, 3000);
	assert_int_equal(r->mask[0].h, 2000);
	assert_int_equal(r->height, 720);
	assert_int_equal(count(1), 1); // nothing else is composed for it
	assert_int_equal(feeds(rig, 0, NULL) + feeds(rig, 1, NULL), 1);
	assert_int_equal(orphans, 0);
	struct web *web = rest(rig, HZ_GET, PATH, NULL);
	assert_string_equal(rig_text(web->json, "masked"), "masked");
	assert_int_equal(json_array_size(json_object_get(web->json, "masks")), 1);
}

// While it is on the air: closed before anything else, then the painted one; never again the source.
static void while_on_the_air(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig, NULL);
	assert_int_equal(shown_slot(rig)->track, raw_of(rig, "or1"));
	assert_int_equal(masks(rig, MASK)->status, 200);
	assert_int_not_equal(shown_slot(rig)->track,
	                     raw_of(rig, "or1")); // with the answer, before any time went
	rig_advance(rig, 100);
	const struct hz_mosaic_rendition_set first = *painted(rig);
	assert_int_equal(
	    masks(rig, "{\"participant\":\"or1\",\"source\":\"camera\",\"fill\":\"grey\",\"masks\":[" REGION
	               ",{\"x\":0,\"y\":0.9,\"w\":1,\"h\":0.1}]}")
	        ->status,
	    200);
	rig_advance(rig, 100);
	const struct hz_mosaic_rendition_set *second = painted(rig);
	assert_non_null(second);
	assert_int_not_equal(second->rendition,
	                     first.rendition); // what was painted otherwise is another track
	assert_int_not_equal(second->ssrc, first.ssrc);
	assert_int_equal(second->mask_count, 2);
	assert_int_equal(second->mask[1].y + second->mask[1].h, HZ_MOSAIC_UNIT);
	assert_int_equal(find(2, first.rendition, false)->set.rendition.workers,
	                 0); // of before: nothing more
	go_on(rig, 3000);
	assert_int_equal(count(2), 1);
	// Another camera has no masks; and back.
	assert_int_equal(rig_code(air(rig, director, "or2", "camera")), 0);
	rig_advance(rig, 100);
	assert_int_equal(shown_slot(rig)->track, raw_of(rig, "or2"));
	go_on(rig, 3000);
	assert_int_equal(count(0) + count(1) + count(2), 0);
	assert_int_equal(rig_code(air(rig, director, "or1", "camera")), 0);
	rig_advance(rig, 100);
	assert_non_null(painted(rig));
	assert_int_equal(painted(rig)->mask_count, 2);
	// Taken away: a decision like any other.
	assert_int_equal(
	    masks(rig, "{\"participant\":\"or1\",\"source\":\"camera\",\"identified\":false,\"masks\":[]}")
	        ->status,
	    200);
	rig_advance(rig, 100);
	assert_int_equal(shown_slot(rig)->track, raw_of(rig, "or1"));
	struct web *web = rest(rig, HZ_GET, PATH "/events", NULL);
	unsigned noted = 0;
	const json_t *item;
	size_t i;
	json_array_foreach(json_object_get(web->json, "items"), i, item) noted +=
	    strcmp(rig_text(item, "type"), "masks") == 0;
	assert_int_equal(noted, 3);
}

static void cut_and_resume(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig, MASK);
	uint32_t before = painted(rig)->rendition;
	rig_result(rig_call(rig, director, "broadcast.cut", json_pack("{s:s}", "reason", "x")));
	assert_true(shown_slot(rig)->flags & HZ_SUB_PAUSED);
	go_on(rig, 3000);
	assert_int_equal(count(2), 0); // nothing is painted for nobody
	rig_result(rig_call(rig, director, "broadcast.resume", json_pack("{s:s}", "reason", "x")));
	rig_advance(rig, 100);
	assert_non_null(painted(rig));
	assert_int_not_equal(painted(rig)->rendition, before); // nothing of the cut
}

static void identified(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig, NULL);
	// By its kind; by what was said; not to be shown without masks.
	const json_t *answer = air(rig, director, "or1", "ultrasound");
	assert_int_equal(rig_code(answer), HZ_RPC_NOT_ALLOWED);
	const json_t *data = json_object_get(json_object_get(answer, "error"), "data");
	assert_string_equal(rig_text(data, "masks"), "needed");
	assert_int_equal(
	    masks(rig, "{\"participant\":\"or1\",\"source\":\"camera\",\"identified\":true,\"masks\":[]}")
	        ->status,
	    200);
	assert_int_equal(shown_slot(rig)->track, 0); // it left the air at once
	assert_string_equal(hz_broadcast_state(c1(rig)), "ready");
	assert_int_equal(rig_code(air(rig, director, "or1", "camera")), HZ_RPC_NOT_ALLOWED);
	answer = rig_call(rig, director, "broadcast.program",
	                  json_pack("{s:{s:s, s:s}}", "source", "participant", "or2", "source", "camera"));
	assert_int_equal(rig_code(answer), 0);
	answer = rig_call(rig, director, "broadcast.program",
	                  json_pack("{s:{s:s, s:s}, s:i}", "source", "participant", "or1", "source", "camera",
	                            "fade_ms", 500));
	assert_int_equal(rig_code(answer), HZ_RPC_NOT_ALLOWED);
	// A list without it and with it again does not forget.
	assert_int_equal(rest(rig, HZ_PUT, PATH, "{\"title\":\"x\",\"sources\":[]}")->status, 200);
	assert_int_equal(rest(rig, HZ_PUT, PATH, BODY)->status, 200);
	assert_int_equal(rig_code(air(rig, director, "or1", "camera")), HZ_RPC_NOT_ALLOWED);
	// Who knows better says so.
	assert_int_equal(
	    masks(rig,
	          "{\"participant\":\"or1\",\"source\":\"ultrasound\",\"identified\":false,\"masks\":[]}")
	        ->status,
	    200);
	assert_int_equal(rig_code(air(rig, director, "or1", "ultrasound")), 0);
}

static void asked_wrongly(void **state)
{
	struct rig *rig = *state;
	stage(rig, MASK);
#define ONE "{\"participant\":\"or1\",\"source\":\"camera\",\"masks\":["
	static const char *const bad[] = {
	    ONE "{\"x\":0,\"y\":0,\"w\":0,\"h\":1}]}",
	    ONE "{\"x\":0.5,\"y\":0,\"w\":0.6,\"h\":1}]}",
	    ONE "{\"x\":0,\"y\":0.9,\"w\":1,\"h\":0.2}]}",
	    ONE "{\"x\":-0.1,\"y\":0,\"w\":1,\"h\":1}]}",
	    ONE "{\"x\":0,\"y\":0,\"w\":1e300,\"h\":1}]}",
	    ONE "{\"x\":\"0\",\"y\":0,\"w\":1,\"h\":1}]}",
	    ONE "{\"x\":0,\"y\":0,\"w\":1}]}",
	    ONE REGION "],\"fill\":\"blur\"}",
	    ONE REGION "],\"profile\":\"none\"}",
	    ONE REGION "],\"more\":1}",
	    "{\"participant\":\"or1\",\"source\":\"microphone\",\"masks\":[]}",
	    "{\"participant\":\"~program\",\"source\":\"camera\",\"masks\":[]}",
	    "{\"participant\":\"or1\",\"source\":\"camera\"}",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(masks(rig, bad[i])->status, 422);
	assert_int_equal(masks(rig, ONE "{\"x\":NaN,\"y\":0,\"w\":1,\"h\":1}]}")->status, 400);
	char many[4096] = ONE;
	for (unsigned i = 0; i < 17; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "%s" REGION, i ? "," : "");
	snprintf(many + strlen(many), sizeof(many) - strlen(many), "]}");
	assert_int_equal(masks(rig, many)->status, 422);
	assert_int_equal(rest_as(rig, HZ_PUT, PATH "/masks", "expert", MASK)->status, 403);
	assert_int_equal(rest_as(rig, HZ_PUT, PATH "/masks", "viewer", MASK)->status, 403);
	char body[200];
	for (unsigned i = 1; i <= HZ_BROADCAST_SOURCES; i++) {
		snprintf(body, sizeof(body),
		         "{\"participant\":\"p%u\",\"source\":\"camera\",\"masks\":[" REGION "]}", i);
		assert_int_equal(masks(rig, body)->status, i < HZ_BROADCAST_SOURCES ? 200 : 409);
	}
	assert_int_equal(masks(rig, "{\"participant\":\"p3\",\"source\":\"camera\",\"masks\":[]}")->status,
	                 200);
	assert_int_equal(masks(rig, body)->status, 200); // in the place of one that says nothing
	assert_int_equal(painted(rig)->mask_count, 1);   // untouched by all this
	assert_int_equal(rest(rig, HZ_DELETE, PATH, NULL)->status, 204);
	assert_int_equal(masks(rig, MASK)->status, 404);
}

static void control_dies(void **state)
{
	struct rig *rig = *state;
	stage(rig, MASK);
	const struct hz_cmd_sub_set before = *shown_slot(rig);
	const struct hz_mosaic_rendition_set r = *painted(rig);
	rig_kill(rig);
	go_on(rig, 1000);
	assert_int_equal(shown_slot(rig)->track, before.track); // nobody notices
	assert_int_equal(shown_slot(rig)->ssrc, before.ssrc);
	assert_int_equal(painted(rig)->rendition, r.rendition);
	assert_int_equal(painted(rig)->ssrc, r.ssrc);
	assert_int_equal(painted(rig)->mask[0].w, r.mask[0].w);
	assert_int_equal(count(2), 1);
	// What was decided last counts, whatever the objects of before say.
	assert_int_equal(
	    masks(rig,
	          "{\"participant\":\"or1\",\"source\":\"camera\",\"fill\":\"grey\",\"masks\":[" REGION "]}")
	        ->status,
	    200);
	rig_kill(rig);
	go_on(rig, 1000);
	assert_non_null(painted(rig));
	assert_int_not_equal(painted(rig)->rendition, r.rendition);
	assert_int_not_equal(shown_slot(rig)->track, raw_of(rig, "or1"));
}

static void mosaic_dies(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig, MASK);
	uint32_t ssrc = painted(rig)->ssrc;
	start_mosaic();
	go_on(rig, 500);
	assert_non_null(painted(rig));
	assert_int_not_equal(painted(rig)->ssrc, ssrc); // its numbers begin anew
	rig_advance(rig, 4000);                         // without a sign of life
	assert_int_not_equal(shown_slot(rig)->track, raw_of(rig, "or1"));
	struct web *web = rest_as(rig, HZ_GET, PATH "/watch", "viewer", NULL);
	assert_true(json_is_true(json_object_get(web->json, "slate")));
	hz_broadcast_tick(rig->brain);
	assert_true(c1(rig)->audience->wake); // who waits for news hears of it
	web = rest(rig, HZ_GET, PATH, NULL);
	assert_string_equal(rig_text(web->json, "masked"), "slate");
	go_on(rig, 1000);
	web = rest_as(rig, HZ_GET, PATH "/watch", "viewer", NULL);
	assert_true(json_is_false(json_object_get(web->json, "slate")));
	// It has no room: the same.
	refuse = -ENOSPC;
	start_mosaic();
	go_on(rig, 1000);
	assert_int_not_equal(shown_slot(rig)->track, raw_of(rig, "or1"));
	web = rest(rig, HZ_GET, PATH, NULL);
	assert_string_equal(rig_text(web->json, "masked"), "slate");
	(void)director;
}

static void profiles(void **state)
{
	struct rig *rig = *state;
	stage(rig, MASK);
	static const char us[] =
	    "{\"name\":\"Ultrasound X\",\"fill\":\"grey\",\"masks\":[{\"x\":0,\"y\":0,\"w\":1,\"h\":0.1}]}";
	static const char other[] =
	    "{\"name\":\"Ultrasound X\",\"masks\":[{\"x\":0,\"y\":0,\"w\":1,\"h\":0.15},"
	    "{\"x\":0,\"y\":0.9,\"w\":0.5,\"h\":0.1}]}";
	assert_int_equal(rest(rig, HZ_PUT, "/api/v1/profiles/us-x", us)->status, 403);
	struct web *web = rest_as(rig, HZ_PUT, "/api/v1/profiles/us-x", "admin", us);
	assert_int_equal(web->status, 403); // a token of one consult
	char token[4096];
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "root", .role = "admin", .consult = ""}));
#define ASK(m, p, b) web_ask(rig, (struct web_ask){.method = (m), .path = (p), .token = token, .body = (b)})
	web = ASK(HZ_PUT, "/api/v1/profiles/us-x", us);
	assert_int_equal(web->status, 200);
	assert_int_equal(ASK(HZ_PUT, "/api/v1/profiles/us-x", "{\"name\":\"x\",\"masks\":[]}")->status, 422);
	assert_int_equal(ASK(HZ_PUT, "/api/v1/profiles/us x", us)->status, 422);
	assert_int_equal(
	    masks(rig,
	          "{\"participant\":\"or1\",\"source\":\"camera\",\"profile\":\"us-x\",\"masks\":[" REGION
	          "]}")
	        ->status,
	    200);
	rig_advance(rig, 100);
	assert_int_equal(painted(rig)->mask_count, 2);
	assert_int_equal(painted(rig)->mask[1].h, 1000);
	uint32_t before = painted(rig)->rendition;
	assert_int_equal(ASK(HZ_PUT, "/api/v1/profiles/us-x", other)->status, 200); // all that name it follow
	rig_advance(rig, 100);
	assert_int_equal(painted(rig)->mask_count, 3);
	assert_int_not_equal(painted(rig)->rendition, before);
	char full[2048] =
	    "{\"participant\":\"or1\",\"source\":\"camera\",\"profile\":\"us-x\",\"masks\":[" REGION;
	for (unsigned i = 1; i < HZ_MOSAIC_MASKS - 1; i++)
		strcat(full, "," REGION);
	strcat(full, "]}");
	assert_int_equal(masks(rig, full)->status, 422); // together 17
	assert_int_equal(ASK(HZ_PUT, "/api/v1/profiles/us-x", us)->status, 200);
	assert_int_equal(masks(rig, full)->status, 200);
	assert_int_equal(ASK(HZ_PUT, "/api/v1/profiles/us-x", other)->status, 200);
	rig_advance(rig, 100);
	assert_int_equal(painted(rig)->mask_count, HZ_MOSAIC_MASKS);
	assert_int_equal(painted(rig)->mask[HZ_MOSAIC_MASKS - 1].w,
	                 HZ_MOSAIC_UNIT); // around what found no room
	assert_int_equal(painted(rig)->mask[HZ_MOSAIC_MASKS - 1].h, HZ_MOSAIC_UNIT);
	assert_int_equal(ASK(HZ_DELETE, "/api/v1/profiles/us-x", NULL)->status, 204);
	assert_int_equal(ASK(HZ_DELETE, "/api/v1/profiles/us-x", NULL)->status, 404);
	rig_advance(rig, 100);
	assert_int_equal(painted(rig)->mask_count, HZ_MOSAIC_MASKS); // what has masks keeps them
	web = rest(rig, HZ_GET, "/api/v1/profiles", NULL);
	assert_int_equal(json_array_size(json_object_get(web->json, "items")), 0);
}

// The answer says whether workers have confirmed; whoever was killed meanwhile asks them anew.
static void confirmed(void **state)
{
	struct rig *rig = *state;
	struct hz_masks wish;
	const char *field;
	json_t *body = json_loads(MASK, 0, NULL);
	stage(rig, NULL);
	assert_int_equal(hz_masks_parse(rig->brain, body, &wish, &field), 0);
	json_decref(body);
	assert_int_equal(hz_masks_set(rig->brain, c1(rig), &wish, "dir"), 0);
	hz_brain_turn(rig->brain);
	json_t *json = hz_broadcast_json(rig->brain, c1(rig));
	assert_true(json_is_null(json_object_get(json, "masks_confirmed_ms"))); // nobody has read it yet
	json_decref(json);
	rig_turn(rig);
	assert_int_equal(c1(rig)->broadcast->masked_ms, rig->brain->wall_ms);
	assert_int_not_equal(shown_slot(rig)->track, raw_of(rig, "or1"));
	struct web *web = rest(rig, HZ_GET, PATH, NULL);
	assert_true(json_is_integer(json_object_get(web->json, "masks_confirmed_ms")));
	rig_kill(rig);
	assert_int_equal(c1(rig)->broadcast->masked_ms, rig->brain->wall_ms); // answered by a repetition
	// A source that the worker has not is refused with its slot: not confirmed before all was said again.
	rig_advance(rig, 1000);
	unsigned reconciles = rig->worker->reconciles + worker(rig, 1)->reconciles;
	rig->worker->refuse_tracks = worker(rig, 1)->refuse_tracks = true;
	wish.count = wish.own = 0;
	wish.identified = false;
	assert_int_equal(hz_masks_set(rig->brain, c1(rig), &wish, "dir"), 0);
	hz_brain_turn(rig->brain);
	assert_int_equal(c1(rig)->broadcast->masked_ms, 0);
	for (unsigned i = 0; i < 5 && !c1(rig)->broadcast->masked_ms; i++)
		rig_advance(rig, 100);
	assert_true(c1(rig)->broadcast->masked_ms > 0);
	assert_true(rig->worker->reconciles + worker(rig, 1)->reconciles >= reconciles);
}

static bool on_any(void *arg, const char *id, const char *text)
{
	(void)id;
	(void)text;
	++*(unsigned *)arg;
	return true;
}

// What was said of a source outlives the broadcast: the next one of the consult does not show what this one did not.
static void kept_for_the_next(void **state)
{
	struct rig *rig = *state;
	stage(rig, MASK);
	uint32_t before = painted(rig)->rendition;
	assert_int_equal(
	    masks(rig, "{\"participant\":\"or2\",\"source\":\"camera\",\"identified\":true,\"masks\":[]}")
	        ->status,
	    200);
	assert_int_equal(
	    masks(rig,
	          "{\"participant\":\"or1\",\"source\":\"ultrasound\",\"identified\":false,\"masks\":[]}")
	        ->status,
	    200);
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(rest(rig, HZ_DELETE, PATH, NULL)->status, 204);
		assert_int_equal(rest(rig, HZ_GET, PATH, NULL)->status, 404);
		if (round == 1)
			rig_kill(rig);
		go_on(rig, 500);
		assert_int_equal(rest(rig, HZ_PUT, PATH, BODY)->status, 200);
		if (round == 2)
			rig_kill(rig);
		go_on(rig, 500);
		struct rig_socket *director = rig_join(rig, "dir2", "director");
		assert_int_equal(rig_code(air(rig, director, "or2", "camera")), HZ_RPC_NOT_ALLOWED);
		// That it shows nobody was said of the one before.
		assert_int_equal(rig_code(air(rig, director, "or1", "ultrasound")), HZ_RPC_NOT_ALLOWED);
		assert_int_equal(rig_code(air(rig, director, "or1", "camera")), 0);
		assert_int_equal(post(rig, "/whep/c1/program", "v1", "viewer", VIEWER), 201);
		rig_advance(rig, 100);
		assert_non_null(painted(rig));
		assert_int_equal(painted(rig)->mask[0].w, 3000);
		assert_int_not_equal(painted(rig)->rendition, before);
		before = painted(rig)->rendition;
	}
	// Not beyond the consult.
	assert_int_equal(rest(rig, HZ_DELETE, PATH, NULL)->status, 204);
	assert_non_null(c1(rig)->kept);
	assert_int_equal(hz_consult_close(rig->brain, c1(rig)), 0);
	rig_turn(rig);
	rig_kill(rig);
	unsigned rows = 0;
	assert_int_equal(hz_store_broadcast_all(rig->brain->store, on_any, &rows), 0);
	assert_int_equal(rows, 0);
}

// Control dies after the profile is durable and before any broadcast has followed: they do before anything is told to anybody.
static void profile_and_death(void **state)
{
	struct rig *rig = *state;
	static const char us[] = "{\"name\":\"X\",\"masks\":[{\"x\":0,\"y\":0,\"w\":1,\"h\":0.1}]}";
	static const char more[] = "{\"name\":\"X\",\"masks\":[{\"x\":0,\"y\":0,\"w\":1,\"h\":0.2},"
	                           "{\"x\":0,\"y\":0.9,\"w\":1,\"h\":0.1}]}";
	stage(rig, MASK);
	assert_int_equal(hz_store_profile_put(rig->brain->store, "us-x", us), 0);
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
	assert_int_equal(
	    masks(rig,
	          "{\"participant\":\"or1\",\"source\":\"camera\",\"profile\":\"us-x\",\"masks\":[" REGION
	          "]}")
	        ->status,
	    200);
	rig_advance(rig, 100);
	assert_int_equal(painted(rig)->mask_count, 2);
	uint32_t before = painted(rig)->rendition, version = c1(rig)->broadcast->mask_version;
	assert_int_equal(hz_store_profile_put(rig->brain->store, "us-x", more), 0);
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
	rig_kill(rig);
	go_on(rig, 500);
	assert_non_null(painted(rig));
	assert_int_equal(painted(rig)->mask_count, 3);
	assert_int_equal(painted(rig)->mask[1].h, 2000);
	assert_int_not_equal(painted(rig)->rendition, before);
	assert_int_equal(c1(rig)->broadcast->mask_version, version + 1);
	assert_int_equal(c1(rig)->broadcast->clean, version + 1); // and what the delayed leg held goes
	before = painted(rig)->rendition;
	rig_kill(rig); // that was durable, and is said once
	go_on(rig, 500);
	assert_int_equal(painted(rig)->rendition, before);
	// One that could not follow does so later.
	assert_int_equal(hz_store_profile_put(rig->brain->store, "us-x", us), 0);
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
	rig->brain->profiles_due = true;
	hz_broadcast_tick(rig->brain);
	go_on(rig, 500);
	assert_int_equal(painted(rig)->mask_count, 2);
	assert_false(rig->brain->profiles_due);
	// A broadcast that comes after the change.
	assert_int_equal(rest(rig, HZ_DELETE, PATH, NULL)->status, 204);
	assert_int_equal(hz_store_profile_put(rig->brain->store, "us-x", more), 0);
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
	unsigned profiles = 0;
	assert_int_equal(hz_store_profile_all(rig->brain->store, NULL, on_any, &profiles), 0);
	assert_int_equal(profiles, 1);
	assert_int_equal(rest(rig, HZ_PUT, PATH, BODY)->status, 200);
	assert_int_equal(c1(rig)->broadcast->masks[0].count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(from_the_start, setup, teardown),
	    cmocka_unit_test_setup_teardown(while_on_the_air, setup, teardown),
	    cmocka_unit_test_setup_teardown(cut_and_resume, setup, teardown),
	    cmocka_unit_test_setup_teardown(identified, setup, teardown),
	    cmocka_unit_test_setup_teardown(asked_wrongly, setup, teardown),
	    cmocka_unit_test_setup_teardown(control_dies, setup, teardown),
	    cmocka_unit_test_setup_teardown(mosaic_dies, setup, teardown),
	    cmocka_unit_test_setup_teardown(profiles, setup, teardown),
	    cmocka_unit_test_setup_teardown(confirmed, setup, teardown),
	    cmocka_unit_test_setup_teardown(kept_for_the_next, setup, teardown),
	    cmocka_unit_test_setup_teardown(profile_and_death, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
