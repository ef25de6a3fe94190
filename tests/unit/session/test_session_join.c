// Tokens, sessions, resume, replacement, removal: who gets in, and who does not any more.
#include "tests/unit/session/rig.h"

#include "signaling/server/server.h"

static void expect_refused(struct rig *rig, const char *token)
{
	struct rig_socket *s = rig_join_with(rig, token);
	assert_int_equal(rig_code(s->answer), HZ_RPC_REFUSED);
	assert_null(json_object_get(json_object_get(s->answer, "error"), "data")); // no detail
	assert_null(s->state);
}

static void joins(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "doctor", "clinic");
	const json_t *result = rig_result(s->answer);
	assert_string_equal(rig_text(result, "participant"), "doctor");
	assert_string_equal(rig_text(result, "role"), "clinic");
	assert_false(json_is_true(json_object_get(result, "resumed")));
	assert_string_equal(rig_text(json_object_get(result, "consult"), "title"), "Title");
	rig_advance(rig, 100);
	assert_string_equal(rig_text(rig_person(s, "participants", "doctor"), "status"), "admitted");
	assert_string_equal(rig_text(rig_person(s, "participants", "doctor"), "name"), "Name of doctor");
	assert_non_null(json_object_get(s->state, "lobby"));
	assert_int_equal(rig_code(rig_call(rig, s, "join", json_pack("{s:s}", "token", "x"))),
	                 HZ_RPC_INVALID_REQUEST);
}

static void refused(void **state)
{
	struct rig *rig = *state;
	struct hz_jwt_keys *own = rig->keys;
	rig_consult(rig, "c1");
	expect_refused(rig, "rubbish");
	expect_refused(rig, "a.b.c");
	expect_refused(rig,
	               rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert", .consult = "nowhere"}));
	const char *expired = rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert", .ttl_s = 5});
	rig_advance(rig, 5000);
	expect_refused(rig, expired);
	rig->keys = hz_jwt_keys_new();
	assert_int_equal(hz_jwt_keys_add_secret(rig->keys, "k", "another secret of thirty-two bytes", 34), 0);
	expect_refused(rig, rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert"}));
	hz_jwt_keys_free(rig->keys);
	rig->keys = own;
	// A console's token is of no consult.
	expect_refused(rig, rig_sign(rig, (struct rig_token){.sub = "x", .role = "admin", .consult = ""}));
	assert_true(rig->brain->count.joins_refused >= 6);
	assert_int_equal(hz_consults_busy(rig->brain), 0);
}

static void create(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *s = rig_join_with(
	    rig, rig_sign(rig, (struct rig_token){
	                           .sub = "x", .role = "expert", .consult = "fresh", .create = true}));
	rig_result(s->answer);
	// Closed is closed, also for those who may create.
	assert_int_equal(hz_consult_close(rig->brain, s->conn->participant->consult), 0);
	assert_string_equal(rig_text(rig_push(s, "end"), "reason"), "closed");
	assert_int_equal(s->code, HZ_WS_ENDED);
	expect_refused(rig,
	               rig_sign(rig, (struct rig_token){
	                                 .sub = "x", .role = "expert", .consult = "fresh", .create = true}));
}

static void once(void **state)
{
	struct rig *rig = *state;
	char token[4096];
	rig_consult(rig, "c1");
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert", .once = true}));
	rig_result(rig_join_with(rig, token)->answer);
	expect_refused(rig, token);
	rig_kill(rig); // and after a restart
	expect_refused(rig, token);
}

static void resume(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "doctor", "clinic"), *b = rig_join(rig, "expert", "expert");
	json_t *key = json_copy(json_object_get(rig_result(b->answer), "resume_key"));
	char *session = strdup(rig_text(rig_result(b->answer), "session"));
	rig_lose(rig, b);
	rig_advance(rig, 100);
	assert_string_equal(rig_text(rig_person(a, "participants", "expert"), "status"), "away");
	rig_advance(rig, 59000);
	assert_non_null(rig_person(a, "participants", "expert"));
	struct rig_socket *c = rig_open(rig);
	rig_call(rig, c, "join", json_pack("{s:O}", "resume_key", key));
	assert_true(json_is_true(json_object_get(rig_result(c->answer), "resumed")));
	assert_string_equal(rig_text(rig_result(c->answer), "session"), session);
	assert_string_equal(rig_text(rig_result(c->answer), "resume_key"), json_string_value(key));
	// A newer socket closes the older one.
	struct rig_socket *d = rig_open(rig);
	rig_call(rig, d, "join", json_pack("{s:O}", "resume_key", key));
	assert_int_equal(c->code, HZ_WS_REPLACED);
	assert_null(rig_push(c, "end"));
	rig_lose(rig, c); // its late end does not make anybody away
	rig_advance(rig, 100);
	assert_string_equal(rig_text(rig_person(a, "participants", "expert"), "status"), "admitted");
	// Too late.
	rig_lose(rig, d);
	rig_advance(rig, 60500);
	assert_null(rig_person(a, "participants", "expert"));
	struct rig_socket *e = rig_open(rig);
	assert_int_equal(rig_code(rig_call(rig, e, "join", json_pack("{s:O}", "resume_key", key))),
	                 HZ_RPC_REFUSED);
	assert_int_equal(rig_code(rig_call(rig, e, "join", json_pack("{s:s}", "resume_key", "guessed"))),
	                 HZ_RPC_REFUSED);
	json_decref(key);
	free(session);
}

#define KEY   "0123456789abcdefghijABCDEFGHIJ-_"
#define OTHER "1123456789abcdefghijABCDEFGHIJ-_"

static json_t *with_key(const char *token, const char *key)
{
	return json_pack("{s:s, s:s}", "token", token, "new_key", key);
}

static unsigned sockets_of(const struct rig *rig)
{
	unsigned count = 0;
	for (const struct hz_conn *c = rig->brain->conns; c; c = c->next)
		count += c->participant != NULL;
	return count;
}

// The client gave it up, joined on another, and then TCP delivered what it had sent on the first.
static void late(void **state)
{
	struct rig *rig = *state;
	char token[4096];
	rig_consult(rig, "c1");
	snprintf(token, sizeof(token), "%s", rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert"}));
	struct rig_socket *old = rig_open(rig), *older = rig_open(rig), *s = rig_open(rig);
	rig_result(rig_call(rig, s, "join", with_key(token, KEY)));
	char *session = strdup(rig_text(rig_result(s->answer), "session"));
	json_t *late_joins[] = {with_key(token, KEY), json_pack("{s:s}", "token", token),
	                        with_key(token, OTHER), json_pack("{s:s}", "resume_key", KEY)};
	for (unsigned i = 0; i < 4; i++) {
		struct rig_socket *l = i % 2 ? older : old;
		l->code = 0;
		l->conn->closing = false;
		assert_null(rig_call(rig, l, "join", late_joins[i]));
		assert_int_equal(l->code, HZ_WS_REPLACED);
		assert_null(l->conn->participant);
		assert_int_equal(s->code, 0);
		assert_null(rig_push(s, "end"));
	}
	rig_lose(rig, old);
	rig_advance(rig, 100);
	assert_string_equal(rig_text(rig_person(s, "participants", "x"), "status"), "admitted");
	// Nor when the newer one is away.
	rig_lose(rig, s);
	older->code = 0;
	older->conn->closing = false;
	assert_null(rig_call(rig, older, "join", with_key(token, OTHER)));
	struct rig_socket *t = rig_open(rig);
	rig_call(rig, t, "join", json_pack("{s:s}", "resume_key", KEY));
	assert_string_equal(rig_text(rig_result(t->answer), "session"), session);
	assert_int_equal(sockets_of(rig), 1);
	free(session);
}

// The answer was lost: the token goes with the same key again, and is used up only once, also across kill -9.
static void repeated(void **state)
{
	struct rig *rig = *state;
	char token[4096], other[4096];
	rig_consult(rig, "c1");
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert", .once = true}));
	struct rig_socket *a = rig_open(rig);
	rig_result(rig_call(rig, a, "join", with_key(token, KEY)));
	assert_string_equal(rig_text(rig_result(a->answer), "resume_key"), KEY);
	char *session = strdup(rig_text(rig_result(a->answer), "session"));
	struct rig_socket *b = rig_open(rig);
	rig_result(rig_call(rig, b, "join", with_key(token, KEY)));
	assert_true(json_is_true(json_object_get(rig_result(b->answer), "resumed")));
	assert_string_equal(rig_text(rig_result(b->answer), "session"), session);
	assert_int_equal(a->code, HZ_WS_REPLACED);
	assert_null(rig_push(a, "end"));
	rig_kill(rig);
	rig->brain->draining = true;
	b = rig_open(rig);
	rig_result(rig_call(rig, b, "join", with_key(token, KEY)));
	rig->brain->draining = false;
	assert_string_equal(rig_text(rig_result(b->answer), "session"), session);
	// The token alone, or with another key, is used.
	struct rig_socket *c = rig_open(rig);
	assert_int_equal(rig_code(rig_call(rig, c, "join", with_key(token, OTHER))), HZ_RPC_REFUSED);
	expect_refused(rig, token);
	assert_int_equal(b->code, 0);
	// Somebody else who wishes for that key gets one, but not that one.
	snprintf(other, sizeof(other), "%s", rig_sign(rig, (struct rig_token){.sub = "y", .role = "expert"}));
	struct rig_socket *y = rig_open(rig);
	rig_result(rig_call(rig, y, "join", with_key(other, KEY)));
	assert_string_equal(rig_text(rig_result(y->answer), "participant"), "y");
	assert_string_not_equal(rig_text(rig_result(y->answer), "resume_key"), KEY);
	assert_int_equal(b->code, 0);
	rig_lose(rig, b);
	b = rig_open(rig);
	rig_call(rig, b, "join", json_pack("{s:s}", "resume_key", KEY));
	assert_string_equal(rig_text(rig_result(b->answer), "session"), session);
	// One that could be guessed is none.
	struct rig_socket *d = rig_open(rig);
	assert_int_equal(rig_code(rig_call(rig, d, "join", with_key(other, "short"))), HZ_RPC_INVALID_PARAMS);
	free(session);
}

static void token_expires(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s =
	    rig_join_with(rig, rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert", .ttl_s = 10}));
	json_t *key = json_copy(json_object_get(rig_result(s->answer), "resume_key"));
	rig_advance(rig, 20000);
	assert_int_equal(s->code, 0); // a running session is not cut
	rig_lose(rig, s);
	struct rig_socket *t = rig_open(rig);
	rig_call(rig, t, "join", json_pack("{s:O}", "resume_key", key)); // and may be resumed
	rig_result(t->answer);
	json_decref(key);
}

static void replaced(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "x", "expert");
	json_t *old_key = json_copy(json_object_get(rig_result(a->answer), "resume_key"));
	struct rig_socket *b = rig_join(rig, "x", "expert");
	assert_string_equal(rig_text(rig_push(a, "end"), "reason"), "replaced");
	assert_int_equal(a->code, HZ_WS_REPLACED);
	assert_int_equal(b->conn->participant->consult->participant_count, 1);
	struct rig_socket *c = rig_open(rig);
	assert_int_equal(rig_code(rig_call(rig, c, "join", json_pack("{s:O}", "resume_key", old_key))),
	                 HZ_RPC_REFUSED);
	json_decref(old_key);
}

static void removed(void **state)
{
	struct rig *rig = *state;
	char token[4096];
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "doctor", "clinic");
	snprintf(token, sizeof(token), "%s", rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert"}));
	struct rig_socket *b = rig_join_with(rig, token);
	json_t *key = json_copy(json_object_get(rig_result(b->answer), "resume_key"));
	rig_advance(rig, 100);
	assert_int_equal(
	    rig_code(rig_call(rig, b, "participant.remove", json_pack("{s:s}", "participant", "doctor"))),
	    HZ_RPC_NOT_ALLOWED);
	assert_int_equal(
	    rig_code(rig_call(rig, a, "participant.remove", json_pack("{s:s}", "participant", "nobody"))),
	    HZ_RPC_NOT_FOUND);
	assert_int_equal(
	    rig_code(rig_call(rig, a, "participant.remove", json_pack("{s:s}", "participant", "doctor"))),
	    HZ_RPC_NOT_ALLOWED);
	rig_result(rig_call(rig, a, "participant.remove", json_pack("{s:s}", "participant", "x")));
	assert_string_equal(rig_text(rig_push(b, "end"), "reason"), "removed");
	assert_int_equal(b->code, HZ_WS_ENDED);
	expect_refused(rig, token);
	expect_refused(rig,
	               rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert"})); // of the same second
	struct rig_socket *c = rig_open(rig);
	assert_int_equal(rig_code(rig_call(rig, c, "join", json_pack("{s:O}", "resume_key", key))),
	                 HZ_RPC_REFUSED);
	rig_kill(rig);
	expect_refused(rig, token);
	rig_advance(rig, 1500); // whoever is invited again later is welcome
	rig_join(rig, "x", "expert");
	json_decref(key);
}

static void leaves(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "doctor", "clinic"), *b = rig_join(rig, "x", "expert");
	rig_result(rig_call(rig, b, "leave", NULL));
	assert_string_equal(rig_text(rig_push(b, "end"), "reason"), "left");
	rig_advance(rig, 100);
	assert_null(rig_person(a, "participants", "x"));
	rig_lose(rig, b);
}

static void not_joined(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *s = rig_open(rig);
	static const char *const methods[] = {"hand", "leave", "stats.get", "chat.send", "offer"};
	json_t *params[] = {json_pack("{s:b}", "raised", 1), NULL, NULL, json_pack("{s:s}", "text", "x"),
	                    json_pack("{s:s}", "sdp", "v=0")};
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(rig_code(rig_call(rig, s, methods[i], params[i])), HZ_RPC_NOT_JOINED);
	rig_result(rig_call(rig, s, "ping", NULL));
	assert_int_equal(rig_code(rig_call(rig, s, "no.such", NULL)), HZ_RPC_NO_METHOD);
	assert_int_equal(rig_code(rig_call(rig, s, "join", NULL)), HZ_RPC_INVALID_PARAMS);
	hz_call_text(rig->brain, s->conn, "{", 1);
	assert_int_equal(rig_code(s->answer), HZ_RPC_PARSE_ERROR);
	rig_advance(rig, 5500); // nobody stays without a join
	assert_int_equal(s->code, HZ_WS_NO_JOIN);
}

static void full(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	rig->brain->limits.participants_per_consult = 2;
	rig_join(rig, "a", "expert");
	rig_join(rig, "b", "expert");
	struct rig_socket *s =
	    rig_join_with(rig, rig_sign(rig, (struct rig_token){.sub = "c", .role = "expert"}));
	assert_int_equal(rig_code(s->answer), HZ_RPC_LIMIT);
	assert_string_equal(rig_field(s->answer, "limit"), "participants");
	rig_join(rig, "b", "expert"); // who is in may come again
	rig->brain->draining = true;
	s = rig_join_with(rig, rig_sign(rig, (struct rig_token){.sub = "b", .role = "expert"}));
	assert_string_equal(rig_field(s->answer, "limit"), "draining");
	rig->brain->draining = false;
	rig->brain->limits.consults = 1;
	struct hz_consult *consult = NULL;
	assert_int_equal(hz_consult_create(rig->brain, "c2", "T", &consult), -ENOSPC);
	assert_int_equal(hz_consult_create(rig->brain, "c1", "T", &consult), -EEXIST);
}

static void beside(void **state)
{
	struct rig *rig = *state;
	char error[HZ_STORE_ERROR_BYTES];
	struct hz_store *other = NULL;
	// The command line opens a consult while the gateway runs.
	assert_int_equal(hz_store_open(rig->scratch->dir, error, &other), 0);
	const struct hz_consult_row row = {.id = "c1", .title = "By hand", .created_ms = 1};
	assert_int_equal(hz_store_consult_put(other, &row), 0);
	hz_store_close(other);
	rig_join(rig, "x", "expert");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
	    T(joins),   T(refused), T(create),     T(once), T(resume), T(token_expires), T(replaced),
	    T(removed), T(leaves),  T(not_joined), T(full), T(beside), T(late),          T(repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
