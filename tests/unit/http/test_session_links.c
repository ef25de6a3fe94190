// A link for many, and somebody who redeems it again and again.
#include "gateway/session/participant.h"
#include "gateway/store/links.h"
#include "tests/unit/session/web.h"

static struct web *ask(struct rig *rig, const char *code, const char *cookie)
{
	char path[128];
	snprintf(path, sizeof(path), "/api/v1/links/%s/redeem", code);
	return web_ask(rig, (struct web_ask){.method = HZ_POST, .path = path, .cookie = cookie});
}

// As many as there may be, each with a cookie that nobody kept.
static void flood(struct rig *rig, const char *link, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint8_t hash[HZ_STORE_HASH_BYTES] = {(uint8_t)i, (uint8_t)(i >> 8), 1};
		char id[32];
		snprintf(id, sizeof(id), "flood%u", i);
		assert_int_equal(hz_store_link_redeem(rig->brain->store, link, hash, id, rig->brain->wall_ms),
		                 0);
	}
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
}

struct guest {
	char cookie[200], id[80], token[4096];
};

static void redeem(struct rig *rig, const char *code, struct guest *ret)
{
	struct web *web = ask(rig, code, NULL);
	assert_int_equal(web->status, 200);
	snprintf(ret->cookie, sizeof(ret->cookie), "%.*s", (int)strcspn(web->cookie, ";"), web->cookie);
	snprintf(ret->id, sizeof(ret->id), "%s", rig_text(web->json, "participant"));
	snprintf(ret->token, sizeof(ret->token), "%s", rig_text(web->json, "token"));
}

static bool still(struct rig *rig, const char *code, const struct guest *guest)
{
	struct web *web = ask(rig, code, guest->cookie);
	return web->status == 200 && strcmp(rig_text(web->json, "participant"), guest->id) == 0;
}

// Somebody redeems a link for many again and again: those who came in stay who they are, and those who come get in.
static void one_does_not_use_a_link_up(void **state)
{
	struct rig *rig = *state;
	struct guest waits, inside, left, removed, never, late[3];
	char link[64], code[64];
	rig_consult(rig, "c1");
	struct web *web = web_ask(
	    rig, (struct web_ask){.method = HZ_POST,
	                          .path = "/api/v1/consults/c1/links",
	                          .token = rig_sign(rig, (struct rig_token){.sub = "doc", .role = "clinic"}),
	                          .body = "{\"role\":\"patient\",\"name\":\"P\",\"single_use\":false}"});
	assert_int_equal(web->status, 201);
	snprintf(link, sizeof(link), "%s", rig_text(web->json, "id"));
	snprintf(code, sizeof(code), "%s", rig_text(web->json, "code"));
	redeem(rig, code, &waits);
	redeem(rig, code, &inside);
	redeem(rig, code, &left);
	redeem(rig, code, &removed);
	rig_advance(rig, 1000);
	redeem(rig, code, &never);
	rig_result(rig_join_with(rig, waits.token)->answer);
	hz_participant_admit(rig->brain, rig_join_with(rig, inside.token)->conn->participant, "doc");
	struct rig_socket *s = rig_join_with(rig, left.token);
	hz_participant_admit(rig->brain, s->conn->participant, "doc");
	rig_result(rig_call(rig, s, "leave", NULL));
	s = rig_join_with(rig, removed.token);
	assert_int_equal(hz_participant_remove(rig->brain, s->conn->participant), 0);
	rig_advance(rig, 1000);
	flood(rig, link, HZ_LINK_REDEMPTIONS_MAX - 5);
	assert_true(still(rig, code, &never));
	redeem(rig, code, &late[0]);            // the oldest whom nobody saw goes
	assert_false(still(rig, code, &never)); // and comes back as somebody else, instead of the next one
	rig_advance(rig, 1000);
	for (unsigned i = 1; i < 3; i++) {
		redeem(rig, code, &late[i]);
		rig_result(rig_join_with(rig, late[i].token)->answer);
	}
	assert_true(still(rig, code, &waits));
	assert_true(still(rig, code, &inside));
	assert_true(still(rig, code, &left));
	assert_true(still(rig, code, &late[1]));
	assert_true(still(rig, code, &late[2]));
	assert_int_equal(ask(rig, code, removed.cookie)->status, 403);
	rig_kill(rig);
	assert_true(still(rig, code, &inside));
	assert_true(still(rig, code, &left));
	rig_result(rig_join_with(rig, late[0].token)->answer); // a token is good without it
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(one_does_not_use_a_link_up, rig_setup, rig_teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
