// The images on the table in a broadcast and in the composed picture: outside only bare, only when a director said so, and only for the studies
// that lay there then; inside as everybody sees them.
#include "gateway/session/composed/easel_internal.h"
#include "gateway/session/ids.h"
#include "tests/unit/session/air_rig.h"
#include "tests/unit/session/live_rig.h"

#define TABLE   "{\"participant\":\"~table\",\"source\":\"image\"}"
#define BODY    "{\"title\":\"Live\",\"sources\":[" TABLE ",{\"participant\":\"or1\",\"source\":\"camera\"}]}"
#define FREE    "{\"participant\":\"~table\",\"source\":\"image\",\"identified\":false,\"masks\":[]}"
#define STUDY   "{\"pacs\":\"main\",\"study\":\"1.2.840.1\"}"
#define ANOTHER "{\"pacs\":\"main\",\"study\":\"1.2.840.2\"}"

static int live_fd[2]; // control's, huizhen-live's
static struct {
	struct hz_live_rendition_set set[8];
	unsigned count;
} drawn;

static void rendition(uint32_t id, const struct hz_live_rendition_set *set)
{
	unsigned i = 0;
	while (i < drawn.count && drawn.set[i].rendition != id)
		i++;
	if (!set && i < drawn.count)
		drawn.set[i] = drawn.set[--drawn.count];
	if (!set)
		return;
	assert_in_range(i, 0, 7);
	drawn.set[i] = *set;
	drawn.count += i == drawn.count;
}

static void listen_live(struct rig *rig)
{
	_Alignas(8) uint8_t buf[HZ_LIVE_MESSAGE_MOST];
	const struct hz_msg_header *h = (const void *)buf;
	size_t bytes;
	rig_turn(rig);
	while (hz_seqpacket_recv(live_fd[1], buf, sizeof(buf), &bytes) == 0) {
		if (h->type == HZ_LIVE_RENDITION_SET)
			rendition(((const struct hz_live_rendition_set *)buf)->rendition, (const void *)buf);
		else if (h->type == HZ_LIVE_RENDITION_DEL)
			rendition(((const struct hz_live_del *)buf)->id, NULL);
	}
}

// Time goes, and both live.
static void pass(struct rig *rig, int64_t ms)
{
	for (; ms > 0; ms -= 400) {
		struct hz_live_status s = {0};
		say_live(live_fd[1], &s, HZ_LIVE_STATUS, sizeof(s));
		assert_int_equal(hz_easel_link_read(rig->brain->easel), 0);
		go_on(rig, 400);
		listen_live(rig);
	}
}

static int begin(void **state)
{
	if (setup(state))
		return -1;
	struct rig *rig = *state;
	memset(&drawn, 0, sizeof(drawn));
	assert_int_equal(hz_seqpacket_pair(1 << 20, live_fd), 0);
	assert_int_equal(hz_easel_begin(rig->brain, live_fd[0]), 0);
	rig->brain->easel_heard_us = rig->brain->now_us;
	return 0;
}

static int end(void **state)
{
	int err = teardown(state);
	close(live_fd[0]);
	close(live_fd[1]);
	return err;
}

static void patch(struct rig *rig, struct rig_socket *s, const char *json)
{
	patch_table(rig, s, json);
	pass(rig, 400);
}

static const json_t *air(struct rig *rig, struct rig_socket *director, const char *params)
{
	return rig_call(rig, director, "broadcast.program", json_loads(params, 0, NULL));
}

// What the viewer's slot shows; NULL: nothing.
static const struct hz_track *shown(struct rig *rig)
{
	for (unsigned w = 0; w < 2; w++) {
		for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
			const struct hz_cmd_sub_set *s = &worker(rig, w)->sub[i];
			bool its = s->sub && s->kind == HZ_KIND_VIDEO && s->flags & HZ_SUB_LIVE;
			if (its && s->track && !(s->flags & HZ_SUB_PAUSED))
				return hz_ids_get(&rig->brain->worker[w].tracks, s->track);
		}
	}
	return NULL;
}

static const struct hz_live_rendition_set *drawn_for(const struct hz_track *track)
{
	for (unsigned i = 0; track && i < drawn.count; i++)
		if (drawn.set[i].rendition == track->of && drawn.set[i].workers)
			return &drawn.set[i];
	return NULL;
}

static const char *state_of(struct rig *rig)
{
	return rig_text(rest(rig, HZ_GET, PATH, NULL)->json, "state");
}

// A study on the table, a theatre, a director, a viewer who waits.
static struct rig_socket *stage(struct rig *rig, struct rig_socket **ret_clinic)
{
	rig_consult(rig, "c1");
	pass(rig, 500);
	*ret_clinic = enter(rig, "a", "clinic", WATCH);
	rig_result(rig_call(rig, *ret_clinic, "table.floor", json_pack("{s:s}", "action", "take")));
	patch(rig, *ret_clinic, "{\"studies\":{\"put\":[" STUDY "]}}");
	assert_int_equal(post(rig, "/whip/c1", "or1", "theatre", "mic:0:send cam:1:send"), 201);
	assert_int_equal(rest(rig, HZ_PUT, PATH, BODY)->status, 200);
	struct rig_socket *director = rig_join(rig, "dir", "director");
	assert_int_equal(
	    rig_code(air(rig, director, "{\"source\":{\"participant\":\"or1\",\"source\":\"camera\"}}")), 0);
	assert_int_equal(post(rig, "/whep/c1/program", "v1", "viewer", VIEWER), 201);
	rig_advance(rig, 100);
	return director;
}

static void outside_it_is_bare(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *clinic, *director = stage(rig, &clinic);
	const json_t *answer = air(rig, director, "{\"source\":" TABLE "}");
	assert_int_equal(rig_code(answer), HZ_RPC_NOT_ALLOWED); // nobody said that it names nobody
	assert_string_equal(rig_text(json_object_get(json_object_get(answer, "error"), "data"), "masks"),
	                    "needed");
	assert_int_equal(rest(rig, HZ_PUT, PATH "/masks", FREE)->status, 200);
	assert_int_equal(rig_code(air(rig, director, "{\"source\":" TABLE "}")), 0);
	pass(rig, 400);
	const struct hz_track *track = shown(rig);
	assert_non_null(track);
	assert_int_equal(track->peer->cmd.relay, HZ_EASEL_RELAY);
	assert_non_null(drawn_for(track));
	assert_true(drawn_for(track)->bare);
	assert_int_equal(drawn_for(track)->codec, HZ_CODEC_H264_CB);
	assert_int_equal(drawn_for(track)->ssrc, track->cmd.ssrc[0]);
	// Who watches inside has the other one.
	rig_result(ask(rig, clinic, "3", "image", "high"));
	pass(rig, 400);
	assert_int_equal(drawn.count, 2);
	assert_int_equal(drawn.set[0].bare + drawn.set[1].bare, 1);
	// Looking at it changes nothing; another study does, before anybody sees it.
	patch(rig, clinic, "{\"viewports\":[{\"at\":0,\"center\":50}]}");
	assert_string_equal(state_of(rig), "live");
	patch(rig, clinic, "{\"studies\":{\"put\":[" ANOTHER "]}}");
	assert_string_equal(state_of(rig), "ready");
	assert_null(shown(rig));
	assert_int_equal(rig_code(air(rig, director, "{\"source\":" TABLE "}")), HZ_RPC_NOT_ALLOWED);
	assert_int_equal(rest(rig, HZ_PUT, PATH "/masks", FREE)->status, 200);
	assert_int_equal(rig_code(air(rig, director, "{\"source\":" TABLE "}")), 0);
	pass(rig, 400);
	assert_non_null(shown(rig));
	// Off the air nobody draws it for outside.
	assert_int_equal(rig_code(air(rig, director, "{\"source\":null}")), 0);
	pass(rig, 12000);
	assert_int_equal(drawn.count, 1);
	assert_false(drawn.set[0].bare);
}

// Beside a camera, by the mosaic; and in the picture of those inside.
static void in_pictures(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *clinic, *director = stage(rig, &clinic);
	assert_int_equal(rest(rig, HZ_PUT, PATH "/masks", FREE)->status, 200);
	assert_int_equal(rig_code(air(rig, director,
	                              "{\"source\":{\"participant\":\"or1\",\"source\":\"camera\"},"
	                              "\"layout\":\"pip\",\"beside\":[" TABLE "]}")),
	                 0);
	pass(rig, 400);
	const struct hz_mosaic_member_set *m = member_of(rig, HZ_TABLE, HZ_SOURCE_IMAGE);
	assert_non_null(m);
	assert_int_equal(m->flags, HZ_MOSAIC_MEMBER_AIR);
	assert_int_equal(m->kind, HZ_MOSAIC_IMAGES);
	assert_int_not_equal(m->ssrc, 0);
	assert_int_equal(drawn.count, 1);
	assert_true(drawn.set[0].bare);
	assert_null(member_of(rig, "~images", HZ_SOURCE_IMAGE)); // nobody inside looks
	watch(rig, clinic, "3", "high");
	pass(rig, 400);
	m = member_of(rig, "~images", HZ_SOURCE_IMAGE);
	assert_non_null(m);
	assert_int_equal(m->flags, 0);
	assert_int_equal(drawn.count, 2);
	assert_int_equal(drawn.set[0].bare + drawn.set[1].bare, 1);
	assert_int_equal(orphans, 0);
	// Taken from the table: gone from both, and the programme goes.
	patch(rig, clinic, "{\"studies\":{\"remove\":[" STUDY "]}}");
	pass(rig, 800);
	assert_null(member_of(rig, HZ_TABLE, HZ_SOURCE_IMAGE));
	assert_null(member_of(rig, "~images", HZ_SOURCE_IMAGE));
	assert_string_equal(state_of(rig), "ready");
	patch(rig, clinic, "{\"studies\":{\"put\":[" STUDY "]}}");
	pass(rig, 800);
	assert_non_null(member_of(rig, "~images", HZ_SOURCE_IMAGE));
	assert_null(member_of(rig, HZ_TABLE, HZ_SOURCE_IMAGE)); // that has to be said again
}

static void wrongly(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *clinic, *director = stage(rig, &clinic);
	static const char *const bad[] = {"{\"participant\":\"~table\",\"source\":\"camera\",\"masks\":[]}",
	                                  "{\"participant\":\"~images\",\"source\":\"image\",\"masks\":[]}",
	                                  "{\"participant\":\"~program\",\"source\":\"image\",\"masks\":[]}"};
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rest(rig, HZ_PUT, PATH "/masks", bad[i])->status, 422);
	assert_int_not_equal(
	    rig_code(air(rig, director, "{\"source\":{\"participant\":\"~table\",\"source\":\"screen\"}}")),
	    0);
	assert_string_equal(state_of(rig), "live");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(outside_it_is_bare, begin, end),
	    cmocka_unit_test_setup_teardown(in_pictures, begin, end),
	    cmocka_unit_test_setup_teardown(wrongly, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
