// Interpreters of a mixed consult: who speaks which language, who hears it, and what the mix is told of that.
#include "tests/unit/session/mix_rig.h"

static void language(struct rig *rig, struct rig_socket *s, const char *tag)
{
	rig_result(
	    rig_call(rig, s, "track.update",
	             json_pack("{s:s, s:s?}", "track", rig_track(s, s->conn->participant->id, "microphone"),
	                       "language", tag)));
}

// Members that interpret into this number, or hear it.
static unsigned interpret(unsigned number)
{
	unsigned n = 0;
	for (unsigned i = 0; i < 8; i++)
		n += said[i].member && said[i].interprets == number;
	return n;
}

static unsigned hear(unsigned number)
{
	unsigned n = 0;
	for (unsigned i = 0; i < 8; i++)
		n += said[i].mix_ssrc && said[i].language == number;
	return n;
}

static json_t *mix_in(const char *tag)
{
	return json_pack("{s:[{s:s, s:s, s:s}]}", "items", "mid", "4", "track", "mix", "language", tag);
}

static void interpreters(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = listens(rig, &a, &b);
	rig_result(rig_call(rig, c, "subscribe", mix_in("en")));
	assert_int_equal(hear(0), 1); // nobody interprets: the floor
	language(rig, a, "en");
	assert_int_equal(interpret(1), 1);
	assert_int_equal(hear(1), 1);
	assert_true(held(rig, c, "2")); // it is in the mix, to who chose it
	rig_advance(rig, 300);          // states are not pushed at every turn
	const json_t *own = json_array_get(json_object_get(c->state, "participants"), 0);
	for (size_t i = 0; strcmp(json_string_value(json_object_get(own, "id")), "a") != 0; i++)
		own = json_array_get(json_object_get(c->state, "participants"), i);
	own = json_array_get(json_object_get(own, "tracks"), 0);
	assert_string_equal(json_string_value(json_object_get(own, "language")), "en");
	// Another language, and two who interpret into it.
	language(rig, b, "bo");
	assert_int_equal(interpret(2), 1);
	language(rig, a, "bo");
	assert_int_equal(interpret(2), 2);
	assert_int_equal(hear(0), 1); // nobody is left who speaks English
	rig_result(rig_call(rig, c, "subscribe", mix_in("bo")));
	assert_int_equal(hear(2), 1);
	// Over a restart of control.
	rig_kill(rig);
	rig_turn(rig);
	assert_int_equal(hear(1), 1); // the only one now
	assert_int_equal(interpret(1), 2);
}

static void interpreters_end(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = listens(rig, &a, &b);
	language(rig, a, "en");
	rig_result(rig_call(rig, c, "subscribe", mix_in("en")));
	assert_int_equal(hear(1), 1);
	subscribe(rig, c, "4", "mix"); // said anew without a language: the floor
	assert_int_equal(hear(0), 1);
	rig_result(rig_call(rig, c, "subscribe", mix_in("en")));
	language(rig, a, NULL);
	assert_int_equal(interpret(0), 3);
	assert_int_equal(hear(0), 1);
	assert_true(held(rig, c, "2"));
	// Others' are not mine to say, pictures have none, and it is a short tag.
	const char *voice = rig_track(a, "b", "microphone");
	assert_int_equal(
	    rig_code(rig_call(rig, a, "track.update",
	                      json_pack("{s:s, s:b, s:s}", "track", voice, "muted", 1, "language", "en"))),
	    HZ_RPC_NOT_ALLOWED);
	static const char *const bad[] = {"", "e", "english-and-german", "e n"};
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rig_code(rig_call(rig, c, "subscribe", mix_in(bad[i]))),
		                 HZ_RPC_INVALID_PARAMS);
}

// One language more than the mix has numbers: its interpreter is a voice like any other.
static void many_languages(void **state)
{
	struct rig *rig = *state;
	struct hz_mix_room room = {.consult = NULL};
	struct hz_consult consult = {.mix = &room};
	struct hz_participant p[HZ_MIXER_LANGUAGES + 1];
	struct hz_peer peer[HZ_MIXER_LANGUAGES + 1];
	struct hz_track track[HZ_MIXER_LANGUAGES + 1];
	(void)rig;
	room.consult = &consult;
	memset(p, 0, sizeof(p));
	memset(peer, 0, sizeof(peer));
	memset(track, 0, sizeof(track));
	for (unsigned i = 0; i <= HZ_MIXER_LANGUAGES; i++) {
		track[i].kind = HZ_KIND_AUDIO;
		track[i].source = HZ_SOURCE_MICROPHONE;
		snprintf(track[i].language, sizeof(track[i].language), "x%u", i);
		peer[i].tracks = &track[i];
		p[i] = (struct hz_participant){.status = HZ_STATUS_ADMITTED, .peers = &peer[i]};
		p[i].next = i < HZ_MIXER_LANGUAGES ? &p[i + 1] : NULL;
	}
	consult.participants = p;
	hz_mix_languages(&room);
	for (unsigned i = 0; i < HZ_MIXER_LANGUAGES; i++)
		assert_int_equal(hz_mix_language(&room, track[i].language), i + 1);
	assert_int_equal(hz_mix_language(&room, track[HZ_MIXER_LANGUAGES].language), 0);
	assert_int_equal(hz_mix_language(&room, ""), 0);
	// One ends: its number is free, the others keep theirs.
	track[2].language[0] = '\0';
	hz_mix_languages(&room);
	assert_int_equal(hz_mix_language(&room, track[HZ_MIXER_LANGUAGES].language), 3);
	assert_int_equal(hz_mix_language(&room, "x3"), 4);
	assert_int_equal(hz_mix_language(&room, "x2"), 0);
}

int main(void)
{
#define MIX_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {MIX_TEST(interpreters), MIX_TEST(interpreters_end),
	                                   MIX_TEST(many_languages)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
