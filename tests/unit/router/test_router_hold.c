// Voices that their receiver hears in the mix: left out while the mix is sent, back where it stays away.
#include "tests/unit/router/fixture.h"

#define AUDIO HZ_KIND_AUDIO
#define MIX   2 // the track of a relay; 0 and 1 are voices

static void set_sub(struct fx *fx, uint32_t slot, uint32_t peer, uint32_t track, uint8_t flags)
{
	union hz_msg m = fx_sub_msg(slot, peer, track, AUDIO);
	m.sub_set.flags = flags;
	assert_int_equal(fx_sub_set(fx, &m), 0);
}

// Peer 3 hears both voices, held, and the mix; peer 4 one voice alone.
static int setup(void **state)
{
	struct fx *fx = fx_new();
	for (unsigned i = 0; i < 5; i++)
		fx_peer(fx, i, 1, 0);
	for (unsigned i = 0; i < 3; i++)
		fx_track(fx, i, i, AUDIO, 1);
	set_sub(fx, 0, 3, 0, HZ_SUB_HELD);
	set_sub(fx, 1, 3, 1, HZ_SUB_HELD);
	set_sub(fx, 2, 3, MIX, HZ_SUB_MIX);
	set_sub(fx, 3, 4, 0, HZ_SUB_HELD);
	*state = fx;
	return 0;
}

static uint16_t seq[3];

static void say(struct fx *fx, uint32_t track)
{
	struct fx_in in = {.ssrc = fx_ssrc(track, 0),
	                   .seq = ++seq[track],
	                   .ts = (uint32_t)(fx->now / 1000 * 48),
	                   .pt = PT_OPUS,
	                   .body = seq[track]};
	assert_int_equal(fx_in(fx, track, &in), 0);
}

struct heard {
	unsigned voices, mix, other;
};

// So many packets of 20 ms of everybody; mix: of that, too.
static struct heard talk(struct fx *fx, unsigned packets, bool mix)
{
	struct heard h = {0};
	fx_clear(fx);
	for (unsigned i = 0; i < packets; i++) {
		fx_advance(fx, 20000);
		say(fx, 0);
		say(fx, 1);
		if (mix)
			say(fx, MIX);
	}
	for (size_t i = 0; i < fx->out_count; i++) {
		h.other += fx->out[i].slot == 4;
		if (fx->out[i].slot != 3)
			continue;
		bool is_mix = fx->out[i].p.ssrc == fx_sub_msg(2, 3, MIX, AUDIO).sub_set.ssrc;
		h.mix += is_mix;
		h.voices += !is_mix;
	}
	return h;
}

static void left_out_and_back(void **state)
{
	struct fx *fx = *state;
	struct heard h = talk(fx, 10, false);
	assert_int_equal(h.voices, 20);
	// Both, for as long as a receiver may need to begin; then the mix alone.
	h = talk(fx, 25, true);
	assert_int_equal(h.voices, 50);
	assert_int_equal(h.mix, 25);
	(void)talk(fx, 1, true);
	h = talk(fx, 50, true);
	assert_int_equal(h.voices, 0);
	assert_int_equal(h.mix, 50);
	assert_int_equal(h.other, 50); // who has no mix hears all the same
	// It stays away: the voices are back after 200 ms, the mix when it has come for a while again.
	h = talk(fx, 9, false);
	assert_int_equal(h.voices, 0);
	(void)talk(fx, 1, false);
	h = talk(fx, 20, false);
	assert_int_equal(h.voices, 40);
	h = talk(fx, 24, true);
	assert_int_equal(h.voices, 48);
	(void)talk(fx, 3, true);
	h = talk(fx, 10, true);
	assert_int_equal(h.voices, 0);
}

// To a receiver nothing was lost: numbers go on, timestamps tell how long it was.
static void without_a_seam(void **state)
{
	struct fx *fx = *state;
	uint64_t last = 0;
	uint32_t ts = 0;
	(void)talk(fx, 40, true);
	(void)talk(fx, 20, false);
	for (size_t i = 0; i < fx->out_count; i++) {
		const struct fx_packet *o = &fx->out[i];
		if (o->slot != 3 || o->p.ssrc != fx_sub_msg(0, 3, 0, AUDIO).sub_set.ssrc)
			continue;
		if (last)
			assert_int_equal(o->index, last + 1);
		else
			assert_true(o->p.marker);
		if (last)
			assert_int_equal(o->p.ts - ts, 960);
		last = o->index;
		ts = o->p.ts;
	}
	assert_true(last > 0);
}

// What is paused by its client, unmarked, or in the lobby.
static void other_flags(void **state)
{
	struct fx *fx = *state;
	(void)talk(fx, 40, true);
	set_sub(fx, 0, 3, 0, 0); // not held any more: at once
	struct heard h = talk(fx, 10, true);
	assert_int_equal(h.voices, 10);
	set_sub(fx, 0, 3, 0, HZ_SUB_HELD);
	set_sub(fx, 2, 3, MIX, HZ_SUB_MIX | HZ_SUB_PAUSED); // the mix is not sent
	(void)talk(fx, 10, true);
	h = talk(fx, 10, true);
	assert_int_equal(h.voices, 20);
	assert_int_equal(h.mix, 0);
	set_sub(fx, 1, 3, 1, HZ_SUB_HELD | HZ_SUB_PAUSED);
	h = talk(fx, 10, true);
	assert_int_equal(h.voices, 10);
	fx_peer(fx, 3, 1, HZ_PEER_MUTED);
	h = talk(fx, 10, true);
	assert_int_equal(h.voices + h.mix, 0);
}

// A worker that begins anew knows of no mix: both are sent, then the mix alone.
static void after_a_restart(void **state)
{
	struct fx *fx = *state;
	(void)talk(fx, 40, true);
	fx_restart(fx);
	fx_advance(fx, 50000);
	struct heard h = talk(fx, 20, true);
	assert_true(h.voices >= 38);
	(void)talk(fx, 6, true);
	h = talk(fx, 20, true);
	assert_int_equal(h.voices, 0);
	assert_int_equal(h.mix, 20);
}

int main(void)
{
#define HOLD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)
	const struct CMUnitTest tests[] = {HOLD_TEST(left_out_and_back), HOLD_TEST(without_a_seam),
	                                   HOLD_TEST(other_flags), HOLD_TEST(after_a_restart)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
