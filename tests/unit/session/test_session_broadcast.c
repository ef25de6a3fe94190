// The broadcast of a consult: who may direct it, what its viewers get and do not get, CUT, and what outlives control.
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/link/media_link.h"
#include "gateway/store/broadcasts.h"
#include "gateway/store/db.h"
#include "gateway/store/links.h"
#include "tests/unit/session/web.h"

#define PATH    "/api/v1/consults/c1/broadcast"
#define THEATRE "mic:0:send cam:1:send"
#define VIEWER  "a:0:recv v:1:recv"
#define BODY                                                                                                 \
	"{\"title\":\"Live surgery\",\"sources\":[{\"participant\":\"or1\",\"source\":\"camera\"},"          \
	"{\"participant\":\"or2\",\"source\":\"camera\"}],\"voices\":[\"surgeon\"],\"text\":\"Step 1\"}"

static const char *token_of(struct rig *rig, const char *sub, const char *role)
{
	static char token[8][4096];
	static unsigned at;
	char *t = token[at++ % 8];
	snprintf(t, 4096, "%s", rig_sign(rig, (struct rig_token){.sub = sub, .role = role}));
	return t;
}

static struct web *post(struct rig *rig, const char *path, const char *token, const char *lines)
{
	static char sdp[OFFER_BYTES];
	static unsigned session = 100;
	snprintf(sdp, sizeof(sdp), "%s",
	         offer_sdp((struct offer_spec){.lines = lines, .session = ++session}));
	return web_ask(
	    rig,
	    (struct web_ask){
	        .method = HZ_POST, .path = path, .token = token, .body = sdp, .type = "application/sdp"});
}

static struct web *rest(struct rig *rig, enum hz_http_method method, const char *path, const char *token,
                        const char *body)
{
	return web_ask(rig, (struct web_ask){.method = method, .path = path, .token = token, .body = body});
}

static struct web *put(struct rig *rig, const char *body)
{
	return rest(rig, HZ_PUT, PATH, token_of(rig, "dir", "director"), body);
}

static const json_t *on_air(struct rig *rig, struct rig_socket *director, const char *participant)
{
	json_t *source = participant ? json_pack("{s:s, s:s}", "participant", participant, "source", "camera")
	                             : json_null();
	return rig_call(rig, director, "broadcast.program", json_pack("{s:o}", "source", source));
}

static hz_id track_of(struct rig *rig, const char *id, uint8_t kind)
{
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	const struct hz_participant *p = hz_participant_find(consult, id);
	const struct hz_track *track =
	    hz_track_of_source(p, kind, kind == HZ_KIND_AUDIO ? HZ_SOURCE_MICROPHONE : HZ_SOURCE_CAMERA);
	assert_non_null(track);
	return track->id;
}

// The slots of viewers, in the order of their making.
static unsigned slots(const struct rig *rig, uint8_t kind, const struct hz_cmd_sub_set *ret[4])
{
	unsigned count = 0;
	for (unsigned i = 0; i < HZ_MAX_SUBS && count < 4; i++) {
		const struct hz_cmd_sub_set *s = &rig->worker->sub[i];
		if (s->sub && s->kind == kind && s->flags & HZ_SUB_LIVE)
			ret[count++] = s;
	}
	return count;
}

// A consult with two theatres, a surgeon, a director and a broadcast.
static struct rig_socket *stage(struct rig *rig, struct rig_socket **ret_surgeon)
{
	rig_consult(rig, "c1");
	struct rig_socket *surgeon = rig_join(rig, "surgeon", "expert");
	offer_both(rig, surgeon);
	assert_int_equal(post(rig, "/whip/c1", token_of(rig, "or1", "theatre"), THEATRE)->status, 201);
	assert_int_equal(post(rig, "/whip/c1", token_of(rig, "or2", "theatre"), THEATRE)->status, 201);
	assert_int_equal(put(rig, BODY)->status, 200);
	if (ret_surgeon)
		*ret_surgeon = surgeon;
	return rig_join(rig, "dir", "director");
}

static void defined(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	static const char *const weak[] = {"patient", "expert", "observer", "theatre", "auditor", "viewer"};
	for (size_t i = 0; i < sizeof(weak) / sizeof(*weak); i++) {
		const char *token = token_of(rig, "w", weak[i]);
		assert_int_equal(rest(rig, HZ_PUT, PATH, token, BODY)->status, 403);
		assert_int_equal(rest(rig, HZ_GET, PATH, token, NULL)->status, 403);
		assert_int_equal(rest(rig, HZ_DELETE, PATH, token, NULL)->status, 403);
	}
	const char *director = token_of(rig, "dir", "director");
	assert_int_equal(rest(rig, HZ_GET, PATH, director, NULL)->status, 404);
	assert_int_equal(rest(rig, HZ_DELETE, PATH, director, NULL)->status, 404);
	struct web *web = put(rig, BODY);
	assert_int_equal(web->status, 200);
	assert_string_equal(rig_text(web->json, "state"), "ready");
	assert_int_equal(json_integer_value(json_object_get(web->json, "delay_s")), HZ_BROADCAST_DELAY_S);
	static const char *const bad[][2] = {
	    {"{\"title\":\"x\"}", "/sources"},
	    {"{\"title\":\"x\",\"sources\":[{\"participant\":\"a\",\"source\":\"microphone\"}]}", "/sources"},
	    {"{\"title\":\"x\",\"sources\":[{\"participant\":\"~program\",\"source\":\"camera\"}]}",
	     "/sources/0/participant"},
	    {"{\"title\":\"x\",\"sources\":[{\"participant\":\"a\",\"source\":\"camera\"},"
	     "{\"participant\":\"a\",\"source\":\"camera\"}]}",
	     "/sources"},
	    {"{\"title\":\"x\",\"sources\":[],\"voices\":[\"a\",\"a\"]}", "/voices"},
	    {"{\"title\":\"x\",\"sources\":[],\"voices\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}", "/voices"},
	    {"{\"title\":\"x\",\"sources\":[],\"delay_s\":301}", "/delay_s"},
	    {"{\"title\":\"x\",\"sources\":[],\"more\":1}", "/more"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		web = put(rig, bad[i][0]);
		assert_int_equal(web->status, 422);
		assert_string_equal(web_field(web), bad[i][1]);
	}
	rig_kill(rig);
	web = rest(rig, HZ_GET, PATH, director, NULL);
	assert_string_equal(rig_text(web->json, "title"), "Live surgery");
	assert_int_equal(json_array_size(json_object_get(web->json, "sources")), 2);
	assert_int_equal(rest(rig, HZ_DELETE, PATH, director, NULL)->status, 204);
	rig_kill(rig);
	assert_int_equal(rest(rig, HZ_GET, PATH, director, NULL)->status, 404);
}

static void programme(void **state)
{
	struct rig *rig = *state;
	const struct hz_cmd_sub_set *video[4], *audio[4];
	struct rig_socket *surgeon, *director = stage(rig, &surgeon);
	const char *viewer = token_of(rig, "v1", "viewer");
	assert_int_equal(post(rig, "/whep/c1/program", viewer, VIEWER)->status, 404); // nothing yet
	assert_int_equal(rig_code(on_air(rig, director, "surgeon")), HZ_RPC_NOT_ALLOWED);
	assert_string_equal(rig_field(director->answer, "field"), "/source");
	assert_int_equal(rig_code(rig_call(rig, surgeon, "broadcast.program", json_pack("{s:n}", "source"))),
	                 HZ_RPC_NOT_ALLOWED);
	rig_result(on_air(rig, director, "or1"));
	struct web *web = post(rig, "/whep/c1/program", viewer, VIEWER);
	assert_int_equal(web->status, 201);
	assert_null(strstr(web->body, "or1")); // nothing of who is there
	assert_null(strstr(web->body, "surgeon"));
	char location[300];
	snprintf(location, sizeof(location), "%s", web->location);
	assert_int_equal(slots(rig, HZ_KIND_VIDEO, video), 1);
	assert_int_equal(slots(rig, HZ_KIND_AUDIO, audio), 1);
	assert_int_equal(video[0]->track, track_of(rig, "or1", HZ_KIND_VIDEO));
	assert_int_equal(audio[0]->track, track_of(rig, "surgeon", HZ_KIND_AUDIO)); // not the theatre's
	assert_int_equal(video[0]->flags, HZ_SUB_LIVE);
	// Another camera; one that is not a source any more; a voice that is silenced.
	rig_result(on_air(rig, director, "or2"));
	assert_int_equal(video[0]->track, track_of(rig, "or2", HZ_KIND_VIDEO));
	assert_int_equal(put(rig, "{\"title\":\"x\",\"sources\":[{\"participant\":\"or1\",\"source\":"
	                          "\"camera\"}]}")
	                     ->status,
	                 200);
	assert_int_equal(video[0]->track, 0);
	assert_int_equal(audio[0]->track, 0);
	assert_int_equal(video[0]->flags & audio[0]->flags, HZ_SUB_LIVE | HZ_SUB_PAUSED);
	// Its publisher goes and comes back.
	assert_int_equal(put(rig, BODY)->status, 200);
	rig_result(on_air(rig, director, "or1"));
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	hz_participant_end(rig->brain, hz_participant_find(consult, "or1"), HZ_STATUS_LEFT, NULL);
	rig_turn(rig);
	assert_int_equal(video[0]->track, 0);
	assert_int_equal(video[0]->flags, HZ_SUB_LIVE | HZ_SUB_PAUSED);
	assert_int_equal(post(rig, "/whip/c1", token_of(rig, "or1", "theatre"), THEATRE)->status, 201);
	assert_int_equal(video[0]->track, track_of(rig, "or1", HZ_KIND_VIDEO));
	// Control is killed; the viewer goes on, and may end it with a token of its own.
	rig_kill(rig);
	assert_int_equal(slots(rig, HZ_KIND_VIDEO, video), 1);
	assert_int_equal(video[0]->track, track_of(rig, "or1", HZ_KIND_VIDEO));
	assert_int_equal(video[0]->flags, HZ_SUB_LIVE);
	assert_int_equal(rest(rig, HZ_DELETE, location, token_of(rig, "v1", "viewer"), NULL)->status, 200);
	assert_int_equal(slots(rig, HZ_KIND_VIDEO, video), 0);
}

static void viewers_see_nothing_else(void **state)
{
	struct rig *rig = *state;
	const struct hz_cmd_sub_set *video[4];
	struct rig_socket *director = stage(rig, NULL);
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	const char *viewer = token_of(rig, "v1", "viewer");
	rig_result(on_air(rig, director, "or1"));
	unsigned people = consult->participant_count;
	assert_int_equal(rig_code(rig_join_with(rig, viewer)->answer), HZ_RPC_REFUSED);
	const char *narrow = rig_sign(rig, (struct rig_token){.sub = "v1", .role = "viewer", .narrow = true});
	assert_int_equal(rig_code(rig_join_with(rig, narrow)->answer), HZ_RPC_REFUSED);
	assert_int_equal(post(rig, "/whep/c1/surgeon", viewer, VIEWER)->status, 403);
	assert_int_equal(post(rig, "/whip/c1", viewer, THEATRE)->status, 403);
	assert_int_equal(rest(rig, HZ_GET, "/api/v1/consults/c1/participants", viewer, NULL)->status, 403);
	assert_int_equal(rest(rig, HZ_GET, PATH "/events", viewer, NULL)->status, 403);
	assert_int_equal(post(rig, "/whep/c1/program", token_of(rig, "p", "patient"), VIEWER)->status, 403);
	assert_int_equal(post(rig, "/whep/c1/program", token_of(rig, "t", "theatre"), VIEWER)->status, 403);
	// One picture, however many are offered; everybody's viewers are one, and in no list.
	assert_int_equal(post(rig, "/whep/c1/program", viewer, "v:0:recv v:1:recv v:2:recv")->status, 201);
	assert_int_equal(post(rig, "/whep/c1/program", token_of(rig, "v2", "observer"), VIEWER)->status, 201);
	assert_int_equal(slots(rig, HZ_KIND_VIDEO, video), 2);
	assert_int_equal(consult->participant_count, people);
	for (unsigned i = 0; i < HZ_MAX_PEERS; i++) {
		struct hz_ev_peer_state ev = {.peer = rig->worker->peer[i].peer, .state = HZ_PEER_CONNECTED};
		if (ev.peer)
			rig_event(rig, &ev, HZ_EV_PEER_STATE, sizeof(ev));
	}
	rig_turn(rig);
	rig_advance(rig, 1000);
	assert_null(rig_person(director, "participants", "v1"));
	assert_null(rig_person(director, "participants", HZ_VIEWERS_ID));
	const json_t *told = json_object_get(json_object_get(director->state, "consult"), "broadcast");
	assert_int_equal(json_integer_value(json_object_get(told, "viewers")), 2);
	struct web *web = rest(rig, HZ_GET, PATH "/watch", viewer, NULL);
	web_schema(web, "broadcast.watch");
	assert_string_equal(rig_text(web->json, "state"), "live");
	assert_string_equal(rig_text(web->json, "text"), "Step 1");
	assert_int_equal(json_integer_value(json_object_get(web->json, "viewers")), 2);
	assert_null(strstr(web->body, "surgeon"));
	// The end takes them along.
	assert_int_equal(rest(rig, HZ_DELETE, PATH, token_of(rig, "dir", "director"), NULL)->status, 204);
	assert_int_equal(slots(rig, HZ_KIND_VIDEO, video), 0);
	assert_int_equal(post(rig, "/whep/c1/program", viewer, VIEWER)->status, 404);
}

static void cut(void **state)
{
	struct rig *rig = *state;
	const struct hz_cmd_sub_set *video[4], *audio[4];
	struct rig_socket *director = stage(rig, NULL);
	const char *viewer = token_of(rig, "v1", "viewer");
	json_t *why = json_pack("{s:s}", "reason", "a name on the screen");
	assert_int_equal(rig_code(rig_call(rig, director, "broadcast.cut", json_object())),
	                 HZ_RPC_INVALID_PARAMS);
	rig_result(on_air(rig, director, "or1"));
	assert_int_equal(post(rig, "/whep/c1/program", viewer, VIEWER)->status, 201);
	// Somebody of the consult watches the same camera: nothing of that may change.
	assert_int_equal(post(rig, "/whep/c1/or1", token_of(rig, "tele", "expert"), VIEWER)->status, 201);
	unsigned others = rig->worker->subs;
	rig_result(rig_call(rig, director, "broadcast.cut", json_incref(why)));
	const json_t *told = json_object_get(json_object_get(director->answer, "result"), "broadcast");
	assert_string_equal(rig_text(told, "state"), "cut");
	assert_int_equal(slots(rig, HZ_KIND_VIDEO, video), 1);
	assert_int_equal(slots(rig, HZ_KIND_AUDIO, audio), 1);
	assert_int_equal(video[0]->flags, HZ_SUB_LIVE | HZ_SUB_PAUSED);
	assert_int_equal(audio[0]->flags, HZ_SUB_LIVE | HZ_SUB_PAUSED);
	assert_int_equal(rig->worker->subs, others);
	unsigned watched = 0;
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
		const struct hz_cmd_sub_set *s = &rig->worker->sub[i];
		watched += s->sub && s->flags == 0 && s->track == track_of(rig, "or1", HZ_KIND_VIDEO);
	}
	assert_int_equal(watched, 1);
	struct web *web = rest(rig, HZ_GET, PATH, token_of(rig, "dir", "director"), NULL);
	assert_true(json_is_integer(json_object_get(json_object_get(web->json, "cut"), "confirmed_ms")));
	assert_string_equal(rig_text(json_object_get(web->json, "cut"), "by"), "dir");
	// Cut it stays: for who comes now, for another camera, when control is killed.
	assert_int_equal(post(rig, "/whep/c1/program", viewer, VIEWER)->status, 201);
	rig_result(on_air(rig, director, "or2"));
	rig_kill(rig);
	assert_int_equal(slots(rig, HZ_KIND_VIDEO, video), 2);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(video[i]->flags, HZ_SUB_LIVE | HZ_SUB_PAUSED);
	web = rest(rig, HZ_GET, PATH, token_of(rig, "dir", "director"), NULL);
	assert_string_equal(rig_text(web->json, "state"), "cut");
	director = rig_join(rig, "dir", "director");
	rig_result(rig_call(rig, director, "broadcast.resume", json_pack("{s:s}", "reason", "gone")));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(video[i]->flags, HZ_SUB_LIVE);
		assert_int_equal(video[i]->track, track_of(rig, "or2", HZ_KIND_VIDEO));
	}
	web = rest(rig, HZ_GET, PATH "/events", token_of(rig, "q", "auditor"), NULL);
	web_schema(web, "broadcast.events");
	static const char *const types[] = {"put", "program", "cut", "program", "resume"};
	const json_t *items = json_object_get(web->json, "items");
	assert_int_equal(json_array_size(items), 5);
	for (unsigned i = 0; i < 5; i++)
		assert_string_equal(rig_text(json_array_get(items, i), "type"), types[i]);
	assert_string_equal(rig_text(json_object_get(json_array_get(items, 2), "detail"), "reason"),
	                    "a name on the screen");
	json_decref(why);
}

// A worker that has not answered: control does not say that it was cut there.
static void confirmed_by_the_worker(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig, NULL);
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	rig_result(on_air(rig, director, "or1"));
	assert_int_equal(post(rig, "/whep/c1/program", token_of(rig, "v1", "viewer"), VIEWER)->status, 201);
	assert_int_equal(hz_broadcast_cut(rig->brain, consult, "dir", "now"), 0);
	hz_brain_turn(rig->brain);
	assert_int_equal(consult->broadcast->confirmed_ms, 0);
	rig_turn(rig);
	assert_int_equal(consult->broadcast->confirmed_ms, rig->brain->wall_ms);
	// A consult that closes takes its broadcast along.
	assert_int_equal(hz_consult_close(rig->brain, consult), 0);
	rig_turn(rig);
	assert_int_equal(rig->worker->peers, 0);
	rig_kill(rig);
	assert_int_equal(rest(rig, HZ_GET, PATH, token_of(rig, "dir", "director"), NULL)->status, 404);
}

// The worker has not the track that is on the air, so it refuses whatever is said of the slots: it shows what it showed
// before. A cut is not confirmed by that; the worker is told everything anew, and what it refuses then it does not keep.
static void refused_by_the_worker(void **state)
{
	struct rig *rig = *state;
	const struct hz_cmd_sub_set *video[4];
	struct rig_socket *director = stage(rig, NULL);
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	rig_result(on_air(rig, director, "or1"));
	assert_int_equal(post(rig, "/whep/c1/program", token_of(rig, "v1", "viewer"), VIEWER)->status, 201);
	hz_participant_end(rig->brain, hz_participant_find(consult, "or2"), HZ_STATUS_LEFT, NULL);
	rig_turn(rig);
	rig->worker->refuse_tracks = true;
	assert_int_equal(post(rig, "/whip/c1", token_of(rig, "or2", "theatre"), THEATRE)->status, 201);
	rig_result(on_air(rig, director, "or2"));
	rig_turn(rig);
	assert_int_equal(slots(rig, HZ_KIND_VIDEO, video), 1);
	assert_int_equal(video[0]->flags, HZ_SUB_LIVE); // what the worker does, not what control wants
	unsigned reconciles = rig->worker->reconciles;
	assert_int_equal(hz_broadcast_cut(rig->brain, consult, "dir", "now"), 0);
	hz_brain_turn(rig->brain);
	assert_int_equal(consult->broadcast->confirmed_ms, 0);
	rig_turn(rig);
	assert_int_equal(slots(rig, HZ_KIND_VIDEO, video), 0);
	assert_int_equal(rig->worker->reconciles, reconciles + 1);
	assert_int_equal(consult->broadcast->confirmed_ms, rig->brain->wall_ms);
}

// Commands behind which the cut waits are dropped because there are too many: the repetition confirms it.
static void confirmed_by_a_repetition(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig, NULL);
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	struct hz_media_link *link = rig->brain->worker[0].link;
	rig_result(on_air(rig, director, "or1"));
	assert_int_equal(post(rig, "/whep/c1/program", token_of(rig, "v1", "viewer"), VIEWER)->status, 201);
	struct hz_slot *slot = consult->viewers->peers->slots;
	uint64_t reconciles = hz_media_link_counters(link)->reconciles;
	struct hz_cmd_sub_set cmd = slot->cmd;
	for (unsigned i = 0; i < 3000; i++)
		hz_media_link_send(link, &cmd.h, HZ_CMD_SUB_SET, sizeof(cmd));
	assert_int_equal(hz_broadcast_cut(rig->brain, consult, "dir", "now"), 0);
	assert_true(hz_media_link_blocked(link));
	for (unsigned i = 0; i < HZ_MEDIA_QUEUE; i++)
		hz_media_link_send(link, &slot->cmd.h, HZ_CMD_SUB_SET, sizeof(slot->cmd));
	assert_int_equal(hz_media_link_counters(link)->reconciles, reconciles + 1);
	rig_turn(rig);
	assert_int_equal(consult->broadcast->confirmed_ms, rig->brain->wall_ms);
}

// What a cut does first: pictures, then sound, no word more than that; then its row, and only then everything else. So a
// control that is killed behind the first commit has not forgotten it.
static void cut_comes_first(void **state)
{
	struct rig *rig = *state;
	const struct hz_cmd_sub_set *video[4];
	struct rig_socket *director = stage(rig, NULL);
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	const char *lines = "a:0:recv a:1:recv v:2:recv"; // the second sound has no voice
	rig_result(on_air(rig, director, "or1"));
	assert_int_equal(post(rig, "/whep/c1/program", token_of(rig, "v1", "viewer"), lines)->status, 201);
	rig_turn(rig);
	hz_persist_flush(rig->brain);
	assert_int_equal(hz_broadcast_cut(rig->brain, consult, "dir", "now"), 0);
	assert_true(hz_store_dirty(rig->brain->store)); // the slots, not written yet
	static const uint8_t kinds[] = {HZ_KIND_VIDEO, HZ_KIND_AUDIO};
	union hz_msg msg;
	size_t bytes;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(hz_seqpacket_recv(rig->pair[1], &msg, sizeof(msg), &bytes), 0);
		assert_int_equal(msg.h.type, HZ_CMD_SUB_SET);
		assert_int_equal(msg.sub_set.kind, kinds[i]);
		assert_int_equal(msg.sub_set.flags, HZ_SUB_LIVE | HZ_SUB_PAUSED);
	}
	assert_int_equal(hz_seqpacket_recv(rig->pair[1], &msg, sizeof(msg), &bytes), -EAGAIN);
	rig_kill(rig);
	consult = hz_map_get(rig->brain->consults, "c1");
	assert_string_equal(hz_broadcast_state(consult), "cut");
	assert_int_equal(slots(rig, HZ_KIND_VIDEO, video), 1);
	assert_int_equal(video[0]->flags, HZ_SUB_LIVE | HZ_SUB_PAUSED);
}

// One token takes a few places only, all of them leave room for the consults, and the consult does not hear of each.
static void bounds_of_viewers(void **state)
{
	struct rig *rig = *state;
	const struct hz_cmd_sub_set *video[4];
	struct rig_socket *surgeon, *director = stage(rig, &surgeon);
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	rig_result(on_air(rig, director, "or1"));
	rig_advance(rig, 1000);
	size_t pushes = json_array_size(surgeon->pushes);
	for (unsigned i = 0; i < HZ_BROADCAST_PER_SUB; i++)
		assert_int_equal(post(rig, "/whep/c1/program", token_of(rig, "v1", "viewer"), VIEWER)->status,
		                 201);
	assert_false(consult->recount);
	assert_int_equal(json_array_size(surgeon->pushes), pushes);
	rig_kill(rig);
	consult = hz_map_get(rig->brain->consults, "c1");
	assert_int_equal(post(rig, "/whep/c1/program", token_of(rig, "v1", "viewer"), VIEWER)->status, 503);
	assert_int_equal(post(rig, "/whep/c1/program", token_of(rig, "v2", "viewer"), VIEWER)->status, 201);
	assert_true(slots(rig, HZ_KIND_VIDEO, video) > 0);
	// As if the worker were full but for the reserve.
	struct hz_id_table *peers = &rig->brain->worker[0].peers;
	uint32_t used = peers->used;
	peers->used = peers->size - HZ_BROADCAST_RESERVED;
	assert_int_equal(post(rig, "/whep/c1/program", token_of(rig, "v3", "viewer"), VIEWER)->status, 503);
	assert_int_equal(post(rig, "/whep/c1/or1", token_of(rig, "tele", "expert"), VIEWER)->status, 201);
	peers->used -= peers->size - HZ_BROADCAST_RESERVED - used;
}

// However often the programme changes: the cuts of before stay in the audit trail.
static void cuts_are_kept(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig, NULL);
	rig_result(rig_call(rig, director, "broadcast.cut", json_pack("{s:s}", "reason", "why")));
	const json_t *cut =
	    json_object_get(json_object_get(json_object_get(director->answer, "result"), "broadcast"), "cut");
	assert_true(json_is_false(json_object_get(cut, "unsaved")));
	assert_int_equal(
	    hz_db_write(rig->brain->store,
	                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<?1)"
	                " INSERT INTO main.broadcast_events(consult, at_ms, participant, type, detail)"
	                " SELECT 'c1', 1, 'dir', 'program', '{}' FROM n",
	                "i", (int64_t)HZ_STORE_BROADCAST_EVENTS),
	    0);
	rig_result(on_air(rig, director, "or1"));
	struct web *web = rest(rig, HZ_GET, PATH "/events", token_of(rig, "q", "auditor"), NULL);
	const json_t *items = json_object_get(web->json, "items");
	assert_string_equal(rig_text(json_array_get(items, 0), "type"), "cut");
	assert_string_equal(rig_text(json_array_get(items, 1), "type"), "program");
}

// The trail as a table, page behind page; nothing in it is a formula to a spreadsheet.
static void trail_as_a_table(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig, NULL);
	rig_result(rig_call(rig, director, "broadcast.cut", json_pack("{s:s}", "reason", "\"x\", y")));
	assert_int_equal(
	    hz_db_write(rig->brain->store,
	                "INSERT INTO main.broadcast_events(consult, at_ms, participant, type, detail)"
	                " VALUES('c1', 1, '=1+1', 'end', '{}')",
	                ""),
	    0);
	struct web_ask ask = {.method = HZ_GET,
	                      .path = PATH "/events",
	                      .query = "format=csv&limit=2",
	                      .token = token_of(rig, "q", "auditor")};
	struct web *web = web_ask(rig, ask);
	assert_int_equal(web->status, 200);
	assert_string_equal(web->type, "text/csv; charset=utf-8");
	assert_int_equal(strncmp(web->body, "id,time_ms,participant,type,detail\r\n\"1\",1", 38), 0);
	assert_non_null(
	    strstr(web->body, ",\"dir\",\"cut\",\"{\"\"reason\"\":\"\"\\\"\"x\\\"\", y\"\"}\"\r\n"));
	ask.query = "format=csv&limit=2&cursor=2";
	web = web_ask(rig, ask);
	assert_string_equal(web->body, "\"3\",1,\"'=1+1\",\"end\",\"{}\"\r\n");
	static const char *const bad[] = {"format=xml", "format=csvcsvcsv", "cursor=x", "limit=0",
	                                  "cursor=1234567890123456789"};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ask.query = bad[i];
		assert_int_equal(web_ask(rig, ask)->status, 400);
	}
}

// A link for viewers names the broadcast; the consult's title may name the patient.
static void links_do_not_tell_the_title(void **state)
{
	struct rig *rig = *state;
	stage(rig, NULL);
	char path[64];
	static const char *const roles[][2] = {{"viewer", "Live surgery"}, {"expert", "Title"}};
	for (unsigned i = 0; i < 2; i++) {
		char body[128];
		snprintf(body, sizeof(body),
		         "{\"role\":\"%s\",\"name\":\"x\",\"ttl_s\":600,\"single_use\":false}", roles[i][0]);
		struct web *web =
		    rest(rig, HZ_POST, "/api/v1/consults/c1/links", token_of(rig, "host", "clinic"), body);
		assert_int_equal(web->status, 201);
		snprintf(path, sizeof(path), "/api/v1/links/%s", rig_text(web->json, "code"));
		web = rest(rig, HZ_GET, path, NULL, NULL);
		assert_string_equal(rig_text(web->json, "consult_title"), roles[i][1]);
	}
}

// A link for viewers whom nobody can tell apart before they watch: who watches, either leg, keeps its place.
static void watchers_keep_their_places(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig, NULL);
	char path[80], cookie[3][200], id[3][80], token[4096], link[64];
	rig_result(on_air(rig, director, "or1"));
	struct web *web = rest(rig, HZ_POST, "/api/v1/consults/c1/links", token_of(rig, "host", "clinic"),
	                       "{\"role\":\"viewer\",\"name\":\"x\",\"single_use\":false}");
	snprintf(link, sizeof(link), "%s", rig_text(web->json, "id"));
	snprintf(path, sizeof(path), "/api/v1/links/%s/redeem", rig_text(web->json, "code"));
	for (unsigned i = 0; i < 3; i++) {
		web = rest(rig, HZ_POST, path, NULL, NULL);
		snprintf(cookie[i], sizeof(cookie[i]), "%.*s", (int)strcspn(web->cookie, ";"), web->cookie);
		snprintf(id[i], sizeof(id[i]), "%s", rig_text(web->json, "participant"));
		snprintf(token, sizeof(token), "%s", rig_text(web->json, "token"));
		if (i == 0)
			assert_int_equal(post(rig, "/whep/c1/program", token, VIEWER)->status, 201);
		if (i == 1)
			assert_int_equal(web_ask(rig, (struct web_ask){.method = HZ_GET,
			                                               .path = PATH "/feed",
			                                               .query = "leg=files",
			                                               .token = token})
			                     ->status,
			                 200);
		rig_advance(rig, 10);
	}
	for (unsigned i = 0; i < HZ_LINK_REDEMPTIONS_MAX - 3; i++) {
		uint8_t hash[HZ_STORE_HASH_BYTES] = {(uint8_t)i, (uint8_t)(i >> 8), 1};
		snprintf(token, sizeof(token), "flood%u", i);
		assert_int_equal(
		    hz_store_link_redeem(rig->brain->store, link, hash, token, rig->brain->wall_ms), 0);
	}
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
	assert_int_equal(rest(rig, HZ_POST, path, NULL, NULL)->status, 200);
	for (unsigned i = 0; i < 3; i++) { // the third went to make room
		web = web_ask(rig, (struct web_ask){.method = HZ_POST, .path = path, .cookie = cookie[i]});
		assert_int_equal(web->status, 200);
		assert_int_equal(strcmp(rig_text(web->json, "participant"), id[i]) == 0, i < 2);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {T(defined),
	                                   T(programme),
	                                   T(viewers_see_nothing_else),
	                                   T(cut),
	                                   T(confirmed_by_the_worker),
	                                   T(refused_by_the_worker),
	                                   T(confirmed_by_a_repetition),
	                                   T(cut_comes_first),
	                                   T(bounds_of_viewers),
	                                   T(cuts_are_kept),
	                                   T(trail_as_a_table),
	                                   T(links_do_not_tell_the_title),
	                                   T(watchers_keep_their_places)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
