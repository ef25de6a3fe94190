// What an SSRC is that goes out to a peer: whoever writes it to a connection asks for every packet.
#include "tests/unit/router/fixture.h"

#define AUDIO HZ_KIND_AUDIO
#define VIDEO HZ_KIND_VIDEO
#define SLOTS 64

static void of_its_own_subscriptions(void **state)
{
	struct fx *fx = fx_new();
	*state = fx;
	for (unsigned i = 0; i < 3; i++)
		fx_peer(fx, i, 1, 0);
	fx_track(fx, 0, 0, AUDIO, 1);
	fx_track(fx, 1, 0, VIDEO, 1);
	assert_int_equal(hz_router_kind(fx->router, 1, 1), 0);
	for (unsigned i = 0; i < 2 * SLOTS; i++) { // both receivers' interleave
		union hz_msg m = fx_sub_msg(i, 1 + i % 2, i / 2 % 2, i / 2 % 2 ? VIDEO : AUDIO);
		m.sub_set.ssrc = 0x10000 * (i / 2 + 1); // all alike but for the high bits
		m.sub_set.rtx_ssrc = i / 2 % 2 ? m.sub_set.ssrc + 16 : 0;
		assert_int_equal(fx_sub_set(fx, &m), 0);
	}
	for (unsigned peer = 1; peer < 3; peer++)
		for (unsigned i = 0; i < SLOTS; i++) {
			uint32_t ssrc = 0x10000 * (i + 1);
			assert_int_equal(hz_router_kind(fx->router, peer, ssrc), i % 2 ? VIDEO : AUDIO);
			assert_int_equal(hz_router_kind(fx->router, peer, ssrc + 16), i % 2 ? VIDEO : 0);
		}
	assert_int_equal(hz_router_kind(fx->router, 0, 0x10000), 0); // it only sends
	// One that is gone, and one whose SSRC is something else from now on.
	union hz_msg del = {.sub_del = {.sub = HZ_ID(0, 1)}};
	assert_int_equal(fx_command(fx, &del, HZ_CMD_SUB_DEL, sizeof(del.sub_del)), 0);
	assert_int_equal(hz_router_kind(fx->router, 1, 0x10000), 0);
	assert_int_equal(hz_router_kind(fx->router, 2, 0x10000), AUDIO);
	union hz_msg m = fx_sub_msg(0, 1, 1, VIDEO);
	m.sub_set.sub = HZ_ID(0, 2);
	m.sub_set.ssrc = 0x10000;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	assert_int_equal(hz_router_kind(fx->router, 1, 0x10000), VIDEO);
	fx_restart(fx); // the same from the arena
	assert_int_equal(hz_router_kind(fx->router, 1, 0x10000), VIDEO);
	assert_int_equal(hz_router_kind(fx->router, 2, 0x10000), AUDIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(of_its_own_subscriptions, fx_teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
