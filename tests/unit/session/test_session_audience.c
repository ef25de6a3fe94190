// The audience of a broadcast: what viewers may say and how often, what moderators make of it, what viewers are told of it
// and what never, and what outlives control.
#include "gateway/store/audience.h"
#include "gateway/store/db.h"
#include "tests/unit/session/audience_rig.h"

#define POSTER PATH "/poster"

static size_t items(const struct web *web)
{
	return json_array_size(json_object_get(web->json, "items"));
}

static const json_t *item(const struct web *web, size_t i)
{
	return json_array_get(json_object_get(web->json, "items"), i);
}

static const json_t *moderate(struct rig *rig, struct rig_socket *desk, const char *id, const char *state,
                              const char *answer)
{
	json_t *params = json_pack("{s:s, s:s}", "id", id, "state", state);
	if (answer)
		json_object_set_new(params, "answer", json_string(answer));
	return rig_call(rig, desk, "audience.moderate", params);
}

static void who_may(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	const char *viewer = token_of(rig, "v1", "viewer");
	assert_int_equal(rest(rig, HZ_GET, FEED, viewer, NULL)->status, 200); // somebody waits for it
	assert_int_equal(say(rig, "v1", "question", "Is it on?", NULL)->status, 404);
	struct rig_socket *desk = stage(rig);
	assert_int_equal(say(rig, "v1", "question", "Is it on?", NULL)->status, 409); // not asked for
	assert_int_equal(say(rig, "v1", "chat", "Hello", NULL)->status, 409);
	set(rig, desk, "{\"questions\":true,\"chat\":\"moderated\"}");
	assert_int_equal(say(rig, "v1", "question", "Is it on?", NULL)->status, 201);
	static const char *const weak[] = {"patient", "theatre"};
	for (size_t i = 0; i < 2; i++) {
		const char *token = token_of(rig, "w", weak[i]);
		assert_int_equal(rest(rig, HZ_GET, FEED, token, NULL)->status, 403);
		assert_int_equal(
		    rest(rig, HZ_POST, MESSAGES, token, "{\"kind\":\"chat\",\"text\":\"x\"}")->status, 403);
		assert_int_equal(rest(rig, HZ_GET, POSTER, token, NULL)->status, 403);
	}
	static const char *const lesser[] = {"viewer", "expert", "observer"};
	for (size_t i = 0; i < 3; i++) {
		const char *token = token_of(rig, "w", lesser[i]);
		assert_int_equal(rest(rig, HZ_GET, MESSAGES, token, NULL)->status, 403);
		assert_int_equal(rest(rig, HZ_DELETE, POSTER, token, NULL)->status, 403);
	}
	struct rig_socket *expert = rig_join(rig, "e", "expert");
	assert_int_equal(rig_code(rig_call(rig, expert, "audience.list", NULL)), HZ_RPC_NOT_ALLOWED);
	assert_int_equal(rig_code(moderate(rig, expert, "1", "approved", NULL)), HZ_RPC_NOT_ALLOWED);
	const char *other = rig_sign(rig, (struct rig_token){.sub = "v", .role = "viewer", .consult = "c2"});
	assert_int_equal(rest(rig, HZ_GET, FEED, other, NULL)->status, 403);
	assert_null(rig_push(expert, "audience"));
	assert_non_null(rig_push(desk, "audience"));
}

static void bad_texts(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *desk = stage(rig);
	set(rig, desk, "{\"questions\":true}");
	const char *viewer = token_of(rig, "v1", "viewer");
	static const char *const bad[][2] = {
	    {"{\"kind\":\"question\",\"text\":\"\"}", "/text"},
	    {"{\"kind\":\"question\",\"text\":\" \\n\\u3000\\u200b \"}", "/text"},
	    {"{\"kind\":\"question\",\"text\":\"a\\u0007\"}", "/text"},
	    {"{\"kind\":\"question\",\"text\":\"a\\u202eb\"}", "/text"},
	    {"{\"kind\":\"question\",\"text\":7}", "/text"},
	    {"{\"kind\":\"shout\",\"text\":\"a\"}", "/kind"},
	    {"{\"kind\":\"question\",\"text\":\"a\",\"name\":\"a\\nb\"}", "/name"},
	    {"{\"kind\":\"question\",\"text\":\"a\",\"state\":\"approved\"}", "/state"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct web *web = rest(rig, HZ_POST, MESSAGES, viewer, bad[i][0]);
		assert_int_equal(web->status, 422);
		assert_string_equal(web_field(web), bad[i][1]);
	}
	assert_int_equal(
	    rest(rig, HZ_POST, MESSAGES, viewer, "{\"kind\":\"question\",\"text\":\"\xff\"}")->status, 400);
	char text[2100] = "";
	for (unsigned i = 0; i < 501; i++)
		strcat(text, "\xe9\x97\xae"); // 问
	assert_int_equal(say(rig, "v1", "question", text, NULL)->status, 422);
	text[1500] = '\0';
	assert_int_equal(say(rig, "v1", "question", text, "\xe7\x8e\x8b")->status, 201);
	assert_int_equal(items(feed(rig, "")), 0); // nobody has looked at it
}

static void moderated(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *desk = stage(rig);
	set(rig, desk, "{\"questions\":true}");
	char cursor[64];
	struct web *web = feed(rig, "");
	assert_true(json_is_true(json_object_get(web->json, "reset")));
	snprintf(cursor, sizeof(cursor), "%s", rig_text(web->json, "cursor"));
	web = say(rig, "v1", "question", "Which stitch?", "Wang");
	assert_int_equal(web->status, 201);
	web_schema(web, "broadcast.said");
	assert_string_equal(rig_text(web->json, "state"), "waiting");
	say(rig, "v2", "question", "What is his name?", NULL);
	const json_t *push = rig_push(desk, "audience");
	assert_string_equal(rig_text(json_array_get(json_object_get(push, "items"), 0), "sender"), "v2");
	assert_int_equal(items(feed(rig, cursor)), 0);
	rig_advance(rig, 100);
	const json_t *told = json_object_get(json_object_get(desk->state, "consult"), "broadcast");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(told, "audience"), "waiting")),
	                 2);

	rig_result(moderate(rig, desk, "1", "approved", NULL));
	rig_result(moderate(rig, desk, "2", "rejected", NULL));
	web = feed(rig, cursor);
	assert_false(json_is_true(json_object_get(web->json, "reset")));
	assert_int_equal(items(web), 1); // of what was rejected nothing, not even that there was one
	assert_string_equal(rig_text(item(web, 0), "text"), "Which stitch?");
	assert_string_equal(rig_text(item(web, 0), "name"), "Wang");
	assert_null(strstr(web->body, "v1"));
	snprintf(cursor, sizeof(cursor), "%s", rig_text(web->json, "cursor"));
	assert_int_equal(items(feed(rig, cursor)), 0);

	rig_result(moderate(rig, desk, "1", "answering", NULL));
	assert_string_equal(rig_text(item(feed(rig, cursor), 0), "state"), "answering");
	rig_result(moderate(rig, desk, "2", "approved", NULL)); // after all
	rig_result(moderate(rig, desk, "2", "answering", NULL));
	web = feed(rig, cursor);
	assert_int_equal(items(web), 2); // one at a time
	assert_string_equal(rig_text(item(web, 0), "state"), "answered");
	assert_string_equal(rig_text(item(web, 1), "state"), "answering");
	rig_result(moderate(rig, desk, "1", "answered", "A running one."));
	web = feed(rig, cursor);
	assert_string_equal(rig_text(item(web, 1), "answer"), "A running one.");
	assert_string_equal(rig_text(item(web, 1), "role"), "director");
	assert_null(strstr(web->body, "dir\""));
	snprintf(cursor, sizeof(cursor), "%s", rig_text(web->json, "cursor"));
	rig_result(moderate(rig, desk, "2", "rejected", NULL)); // taken back
	web = feed(rig, cursor);
	assert_string_equal(rig_text(item(web, 0), "state"), "gone");
	assert_null(json_object_get(item(web, 0), "text"));
	assert_int_equal(items(feed(rig, "")), 1);
	assert_int_equal(items(feed(rig, "1.1")), 1); // of another life: all of it again
	assert_int_equal(rig_code(moderate(rig, desk, "77", "approved", NULL)), HZ_RPC_NOT_FOUND);
	assert_int_equal(rig_code(moderate(rig, desk, "1", "waiting", NULL)), HZ_RPC_INVALID_PARAMS);

	web = rest(rig, HZ_GET, MESSAGES, token_of(rig, "q", "auditor"), NULL);
	web_schema(web, "broadcast.messages");
	assert_int_equal(items(web), 2);
	assert_string_equal(rig_text(item(web, 0), "by"), "dir");
	assert_string_equal(rig_text(item(web, 1), "state"), "rejected");
	web = rest(rig, HZ_GET, PATH "/events", token_of(rig, "q", "auditor"), NULL);
	web_schema(web, "broadcast.events");
	assert_string_equal(rig_text(item(web, items(web) - 1), "type"), "moderate");
	web = web_ask(rig, (struct web_ask){.method = HZ_GET,
	                                    .path = MESSAGES,
	                                    .query = "format=csv",
	                                    .token = token_of(rig, "q", "auditor")});
	assert_non_null(
	    strstr(web->body, "\"answered\",\"v1\",\"Wang\",\"Which stitch?\",\"A running one.\",\"dir\""));
}

static void chat(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *desk = stage(rig);
	set(rig, desk, "{\"chat\":\"open\",\"slow_s\":30}");
	struct web *web = say(rig, "v1", "chat", "Hello", NULL);
	assert_string_equal(rig_text(web->json, "state"), "approved");
	assert_string_equal(rig_text(item(feed(rig, ""), 0), "kind"), "chat");
	assert_int_equal(say(rig, "v1", "chat", "Hello again", NULL)->status, 429);
	assert_int_equal(say(rig, "v2", "chat", "Hello", NULL)->status, 201);
	rig_advance(rig, 31000);
	assert_int_equal(say(rig, "v1", "chat", "Hello again", NULL)->status, 201);
	assert_int_equal(rig_code(moderate(rig, desk, "1", "answered", NULL)), HZ_RPC_INVALID_PARAMS);
	rig_result(moderate(rig, desk, "1", "rejected", NULL));
	assert_int_equal(items(feed(rig, "")), 2);
	set(rig, desk, "{\"chat\":\"moderated\",\"slow_s\":0}");
	web = say(rig, "v3", "chat", "And I", NULL);
	assert_string_equal(rig_text(web->json, "state"), "waiting");
	assert_int_equal(items(feed(rig, "")), 2);
	set(rig, desk, "{\"chat\":\"off\"}");
	assert_int_equal(say(rig, "v3", "chat", "And I", NULL)->status, 409);
	assert_int_equal(rig_code(rig_call(rig, desk, "audience.set", json_pack("{s:s}", "chat", "wild"))),
	                 HZ_RPC_INVALID_PARAMS);
	assert_int_equal(rig_code(rig_call(rig, desk, "audience.set", json_pack("{s:i}", "slow_s", 601))),
	                 HZ_RPC_INVALID_PARAMS);
}

static void bounded(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *desk = stage(rig);
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	set(rig, desk, "{\"questions\":true}");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(say(rig, "v1", "question", "Again?", NULL)->status, 201);
	assert_int_equal(say(rig, "v1", "question", "Again?", NULL)->status, 429);
	for (unsigned i = 0; i < 2; i++) {
		rig_advance(rig, 15000);
		assert_int_equal(say(rig, "v1", "question", "Again?", NULL)->status, 201);
	}
	rig_advance(rig, 60000);
	assert_int_equal(say(rig, "v1", "question", "Again?", NULL)->status, 429); // five wait
	rig_result(moderate(rig, desk, "1", "approved", NULL));
	assert_int_equal(say(rig, "v1", "question", "Again?", NULL)->status, 201);

	// All together, whoever they are.
	unsigned wait_s, said = 0;
	int err = 0;
	const struct hz_audience_message *m;
	for (unsigned i = 0; i < 100; i++) {
		char sub[16];
		snprintf(sub, sizeof(sub), "x%u", i);
		err = hz_audience_say(rig->brain, consult,
		                      &(struct hz_audience_post){.sender = sub, .name = "", .text = "?"},
		                      &wait_s, &m);
		said += !err;
	}
	assert_int_equal(err, -EAGAIN);
	assert_in_range(said, 50, 62);

	// A thousand, and the oldest that nobody looked at goes.
	for (unsigned i = 0; consult->audience->count[0] < HZ_AUDIENCE_QUESTIONS; i++) {
		char sub[16];
		snprintf(sub, sizeof(sub), "y%u", i);
		rig->now_us += 100000;
		rig->wall_us += 100000;
		hz_brain_clock(rig->brain, rig->now_us, rig->wall_us);
		assert_int_equal(
		    hz_audience_say(rig->brain, consult,
		                    &(struct hz_audience_post){.sender = sub, .name = "", .text = "?"},
		                    &wait_s, &m),
		    0);
	}
	assert_non_null(hz_audience_find(consult->audience, 2));
	rig->now_us += 1000000;
	assert_int_equal(say(rig, "last", "question", "One more", NULL)->status, 201);
	assert_int_equal(consult->audience->count[0], HZ_AUDIENCE_QUESTIONS);
	assert_null(hz_audience_find(consult->audience, 2));
	assert_non_null(hz_audience_find(consult->audience, 1)); // it was approved
	assert_int_equal(consult->audience->dropped, 1);

	// The desk reads them page by page; each fits a socket's queue.
	char after[24] = "";
	size_t seen = 0;
	for (bool more = true; more;) {
		const json_t *result =
		    rig_result(rig_call(rig, desk, "audience.list", json_pack("{s:s}", "after", after)));
		seen += json_array_size(json_object_get(result, "items"));
		more = json_is_string(json_object_get(result, "next"));
		snprintf(after, sizeof(after), "%s", rig_text(result, "next"));
	}
	assert_int_equal(seen, HZ_AUDIENCE_QUESTIONS);
	// What changed much at once comes in pieces.
	for (int64_t id = 3; id < 83; id++)
		assert_int_equal(
		    hz_audience_decide(rig->brain, desk->conn->participant, id, HZ_AUDIENCE_APPROVED, NULL),
		    0);
	struct web *web = feed(rig, "");
	assert_int_equal(items(web), HZ_AUDIENCE_FEED / 2);
	char cursor[64];
	snprintf(cursor, sizeof(cursor), "%lu.1", (unsigned long)consult->audience->epoch);
	web = feed(rig, cursor);
	assert_int_equal(items(web), HZ_AUDIENCE_FEED);
	snprintf(cursor, sizeof(cursor), "%s", rig_text(web->json, "cursor"));
	assert_int_equal(items(feed(rig, cursor)), 81 - HZ_AUDIENCE_FEED); // and the very first
}

static void outlives_control(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *desk = stage(rig);
	set(rig, desk,
	    "{\"questions\":true,\"chat\":\"open\",\"poster\":\"We begin at "
	    "ten\",\"starts_ms\":1800000100000}");
	say(rig, "v1", "question", "First?", "Li");
	say(rig, "v2", "question", "Second?", NULL);
	say(rig, "v3", "question", "Third?", NULL);
	rig_result(moderate(rig, desk, "1", "answered", "Yes."));
	rig_result(moderate(rig, desk, "3", "rejected", NULL));
	rig_result(
	    rig_call(rig, desk, "broadcast.third", json_pack("{s:s, s:b}", "text", "Dr A", "shown", 1)));
	rig_kill(rig);
	struct web *web = feed(rig, "");
	assert_int_equal(items(web), 1);
	assert_string_equal(rig_text(item(web, 0), "answer"), "Yes.");
	assert_string_equal(rig_text(item(web, 0), "role"), "director");
	assert_string_equal(rig_text(web->json, "chat"), "open");
	assert_string_equal(rig_text(web->json, "text"), "Dr A");
	assert_string_equal(rig_text(json_object_get(web->json, "poster"), "text"), "We begin at ten");
	desk = rig_join(rig, "dir", "director");
	const json_t *result = rig_result(rig_call(rig, desk, "audience.list", NULL));
	assert_int_equal(json_array_size(json_object_get(result, "items")),
	                 2); // nobody needs the rejected one
	rig_result(moderate(rig, desk, "2", "approved", NULL));
	// The end: the poster stays, the questions do not; the next broadcast begins without them.
	assert_int_equal(rest(rig, HZ_DELETE, PATH, token_of(rig, "dir", "director"), NULL)->status, 204);
	web = feed(rig, "");
	assert_int_equal(items(web), 0);
	assert_string_equal(rig_text(web->json, "state"), "off");
	assert_string_equal(rig_text(json_object_get(web->json, "poster"), "text"), "We begin at ten");
	assert_int_equal(say(rig, "v4", "question", "Now?", NULL)->status, 404);
	assert_int_equal(rig_code(rig_call(rig, desk, "audience.set", NULL)), HZ_RPC_NOT_FOUND);
	assert_int_equal(rest(rig, HZ_PUT, PATH, token_of(rig, "dir", "director"), BODY)->status, 200);
	assert_int_equal(items(feed(rig, "")), 0);
	rig_kill(rig);
	assert_int_equal(items(feed(rig, "")), 0);
	assert_int_equal(say(rig, "v4", "question", "Now?", NULL)->status, 409); // to be opened again
	web = rest(rig, HZ_GET, MESSAGES, token_of(rig, "q", "auditor"), NULL);
	assert_int_equal(items(web), 3); // but proof stays
	// A broadcast of a gateway that knew of no audience: it may take part, and is told of what changes.
	assert_int_equal(hz_db_write(rig->brain->store, "DELETE FROM main.audience", ""), 0);
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
	rig_kill(rig);
	desk = rig_join(rig, "dir", "director");
	char etag[80];
	snprintf(etag, sizeof(etag), "%s", feed(rig, "")->etag);
	rig_result(rig_call(rig, desk, "broadcast.cut", json_pack("{s:s}", "reason", "r")));
	assert_string_not_equal(feed(rig, "")->etag, etag);
	rig_result(rig_call(rig, desk, "broadcast.resume", json_pack("{s:s}", "reason", "r")));
	set(rig, desk, "{\"questions\":true}");
	assert_int_equal(say(rig, "v4", "question", "Now?", NULL)->status, 201);
}

static void cut_is_silence(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *desk = stage(rig);
	char cursor[64];
	set(rig, desk, "{\"questions\":true,\"chat\":\"open\"}");
	rig_result(
	    rig_call(rig, desk, "broadcast.third", json_pack("{s:s, s:b}", "text", "Zhang San", "shown", 1)));
	snprintf(cursor, sizeof(cursor), "%s", rig_text(feed(rig, "")->json, "cursor"));
	rig_result(rig_call(rig, desk, "broadcast.cut", json_pack("{s:s}", "reason", "a name")));
	assert_int_equal(say(rig, "v1", "chat", "I saw Zhang San", NULL)->status, 201);
	struct web *web = feed(rig, cursor);
	assert_null(strstr(web->body, "Zhang"));
	assert_int_equal(items(web), 0);
	assert_string_equal(rig_text(web->json, "cursor"), cursor);
	assert_int_equal(items(feed(rig, "")), 0);
	rig_result(moderate(rig, desk, "1", "rejected", NULL));
	rig_result(
	    rig_call(rig, desk, "broadcast.third", json_pack("{s:s, s:b}", "text", "Dr A", "shown", 1)));
	rig_result(rig_call(rig, desk, "broadcast.resume", json_pack("{s:s}", "reason", "over")));
	web = feed(rig, cursor);
	assert_null(strstr(web->body, "Zhang"));
	assert_string_equal(rig_text(web->json, "text"), "Dr A");
}

static void lower_third(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *desk = stage(rig);
	static const char *const texts[] = {"A", "B", "C", "A", "D", "E", "F", "G", "H", "I"};
	for (unsigned i = 0; i < 10; i++)
		rig_result(rig_call(rig, desk, "broadcast.third",
		                    json_pack("{s:s, s:b}", "text", texts[i], "shown", 1)));
	assert_string_equal(rig_text(feed(rig, "")->json, "text"), "I");
	rig_result(rig_call(rig, desk, "broadcast.third", json_pack("{s:s, s:b}", "text", "J", "shown", 0)));
	assert_string_equal(rig_text(feed(rig, "")->json, "text"), ""); // prepared, not shown
	rig_kill(rig);
	assert_string_equal(rig_text(feed(rig, "")->json, "text"), "");
	struct web *web = rest(rig, HZ_GET, PATH, token_of(rig, "dir", "director"), NULL);
	assert_string_equal(rig_text(web->json, "text"), "J");
	const json_t *past = json_object_get(web->json, "past");
	assert_int_equal(json_array_size(past), HZ_BROADCAST_PAST);
	assert_string_equal(json_string_value(json_array_get(past, 0)), "I");
	assert_string_equal(json_string_value(json_array_get(past, 6)), "A"); // once, where it was last
	assert_string_equal(json_string_value(json_array_get(past, 7)), "C");
}

static void nothing_new_costs_little(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *desk = stage(rig);
	set(rig, desk, "{\"chat\":\"open\"}");
	struct web *web = feed(rig, "");
	char etag[80];
	snprintf(etag, sizeof(etag), "%s", web->etag);
	struct web_ask ask = {
	    .method = HZ_GET, .path = FEED, .token = token_of(rig, "v1", "viewer"), .if_none_match = etag};
	web = web_ask(rig, ask);
	assert_int_equal(web->status, 304);
	assert_int_equal(web->bytes, 0);
	assert_int_equal(say(rig, "v1", "chat", "x", NULL)->status, 201);
	assert_int_equal(web_ask(rig, ask)->status, 200);
	snprintf(etag, sizeof(etag), "%s", feed(rig, "")->etag);
	rig_result(rig_call(rig, desk, "broadcast.cut", json_pack("{s:s}", "reason", "r")));
	assert_int_equal(web_ask(rig, ask)->status, 200);
	snprintf(etag, sizeof(etag), "%s", feed(rig, "")->etag);
	set(rig, desk, "{\"count\":false}");
	assert_int_equal(web_ask(rig, ask)->status, 200);
	assert_true(json_is_null(json_object_get(feed(rig, "")->json, "viewers")));
	struct web *watch = rest(rig, HZ_GET, PATH "/watch", token_of(rig, "v1", "viewer"), NULL);
	web_schema(watch, "broadcast.watch");
	assert_true(json_is_null(json_object_get(watch->json, "viewers")));
	ask.query = "cursor=%00";
	ask.if_none_match = NULL;
	assert_int_equal(web_ask(rig, ask)->status, 400);
}

static struct web *put_poster(struct rig *rig, const char *type, const void *image, size_t bytes)
{
	return web_ask(rig, (struct web_ask){.method = HZ_PUT,
	                                     .path = POSTER,
	                                     .token = token_of(rig, "dir", "director"),
	                                     .type = type,
	                                     .body = image,
	                                     .body_bytes = bytes});
}

static void poster(void **state)
{
	struct rig *rig = *state;
	static uint8_t image[HZ_POSTER_BYTES + 1] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	const char *viewer = token_of(rig, "v1", "viewer");
	rig_consult(rig, "c1");
	assert_int_equal(put_poster(rig, "image/png", image, 1000)->status, 404); // no broadcast
	stage(rig);
	assert_int_equal(rest(rig, HZ_GET, POSTER, viewer, NULL)->status, 404);
	assert_int_equal(put_poster(rig, "image/svg+xml", "<svg onload=alert(1)>", 21)->status, 415);
	assert_int_equal(put_poster(rig, "image/png",
	                            "<svg onload=alert(1)> and so on and so on, and further than sixty-four",
	                            70)
	                     ->status,
	                 422);
	assert_int_equal(put_poster(rig, "image/png", "", 0)->status, 422);
	assert_int_equal(put_poster(rig, "image/png", image, sizeof(image))->status, 413);
	assert_int_equal(put_poster(rig, "image/jpeg", image, 1000)->status,
	                 204); // what it is, not what it is called
	struct web *web = rest(rig, HZ_GET, POSTER, viewer, NULL);
	assert_int_equal(web->status, 200);
	assert_string_equal(web->type, "image/png");
	assert_int_equal(web->bytes, 1000);
	assert_memory_equal(web->body, image, 1000);
	json_int_t version =
	    json_integer_value(json_object_get(json_object_get(feed(rig, "")->json, "poster"), "image"));
	assert_true(version > 0);
	assert_int_equal(put_poster(rig, "image/png", image, 2000)->status, 204);
	assert_true(json_integer_value(
	                json_object_get(json_object_get(feed(rig, "")->json, "poster"), "image")) > version);
	rig_kill(rig);
	assert_true(
	    json_integer_value(json_object_get(json_object_get(feed(rig, "")->json, "poster"), "image")) > 0);
	assert_int_equal(rest(rig, HZ_DELETE, POSTER, token_of(rig, "dir", "director"), NULL)->status, 204);
	assert_int_equal(rest(rig, HZ_GET, POSTER, viewer, NULL)->status, 404);
	assert_int_equal(
	    json_integer_value(json_object_get(json_object_get(feed(rig, "")->json, "poster"), "image")), 0);
}

// A store that fails: nothing was said, nothing was decided, nothing is told.
static void store_fails(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *desk = stage(rig);
	set(rig, desk, "{\"questions\":true}");
	assert_int_equal(say(rig, "v1", "question", "First?", NULL)->status, 201);
	rig_clear(desk);
	assert_int_equal(sqlite3_exec(rig->brain->store->db,
	                              "CREATE TEMP TRIGGER no BEFORE INSERT ON main.audience_messages BEGIN"
	                              " SELECT RAISE(ABORT, 'no'); END;"
	                              "CREATE TEMP TRIGGER nor BEFORE UPDATE ON main.audience_messages BEGIN"
	                              " SELECT RAISE(ABORT, 'no'); END;",
	                              NULL, NULL, NULL),
	                 SQLITE_OK);
	assert_true(say(rig, "v2", "question", "Second?", NULL)->status >= 400);
	assert_int_equal(rig_code(moderate(rig, desk, "1", "approved", NULL)), HZ_RPC_FAILED);
	assert_null(rig_push(desk, "audience"));
	assert_int_equal(items(feed(rig, "")), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {T(who_may),        T(bad_texts),   T(moderated),
	                                   T(chat),           T(bounded),     T(outlives_control),
	                                   T(cut_is_silence), T(lower_third), T(nothing_new_costs_little),
	                                   T(poster),         T(store_fails)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
