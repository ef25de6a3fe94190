// After a crowd has left, pages of the router's tables go back; who stayed goes on, and slots can be taken again.
#include "tests/unit/router/fixture.h"

#define CROWD 600

static uint16_t seq;

static void speak(struct fx *fx)
{
	struct fx_in in = {.ssrc = fx_ssrc(0, 0), .seq = seq, .ts = 960u * seq, .pt = PT_OPUS};
	seq++;
	assert_int_equal(fx_in(fx, 0, &in), 0);
	fx_advance(fx, 20000);
}

static void leave(struct fx *fx, uint32_t slot)
{
	union hz_msg m = {.peer_del = {.peer = HZ_ID(slot, 1)}};
	assert_int_equal(fx_command(fx, &m, HZ_CMD_PEER_DEL, sizeof(m.peer_del)), 0);
}

static void those_who_stay_go_on(void **state)
{
	struct fx *fx = fx_new();
	(void)state;
	fx_peer(fx, 0, 1, 0);
	fx_track(fx, 0, 0, HZ_KIND_AUDIO, 1);
	for (uint32_t i = 1; i < CROWD; i++) {
		fx_peer(fx, i, 1, 0);
		fx_sub(fx, i, i, 0, HZ_KIND_AUDIO);
	}
	speak(fx);
	assert_int_equal(fx->out_count, CROWD - 1);
	hz_router_give_back(fx->router); // all of it is used
	fx_clear(fx);
	speak(fx);
	assert_int_equal(fx->out_count, CROWD - 1);
	for (uint32_t i = 1; i < CROWD; i++)
		if (i != 7 && i != 300)
			leave(fx, i);
	hz_router_give_back(fx->router);
	assert_int_equal(fx->arena->subs_high, 301);
	fx_clear(fx);
	for (unsigned i = 0; i < 10; i++)
		speak(fx);
	assert_int_equal(fx->out_count, 2 * 10);
	fx_clear(fx);
	for (uint32_t i = 400; i < 500; i++) { // the pages are used again
		fx_peer(fx, i, 1, 0);
		fx_sub(fx, i, i, 0, HZ_KIND_AUDIO);
	}
	speak(fx);
	assert_int_equal(fx->out_count, 102);
	fx_free(fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(those_who_stay_go_on)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
