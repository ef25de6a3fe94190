// Pictures over bad uplinks: seen soon, and they stay, whenever the receiver joins and whatever the sender's encoder does.
#include "tests/unit/router/uplink.h"

static int64_t gap_us(void)
{
	int64_t open_us = u.fx->now - (u.shown_us ? u.shown_us : u.since_us);
	return open_us > u.longest_us ? open_us : u.longest_us;
}

static void far_and_lossy(unsigned seed)
{
	up_begin(seed);
	u.loss_permille = 100;
	u.delay_us = 150 * MS;
	u.parity = seed % 3 != 0;
}

// Layers come on while the call begins, the receiver comes before, between or after them.
static void joins_while_it_begins(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 48; seed++) {
		far_and_lossy(seed);
		unsigned join = up_rnd() % 3000, second = up_rnd() % 3000, third = second + up_rnd() % 3000;
		up_send(1);
		for (unsigned ms = 0; ms < 8000; ms += 10) {
			if (ms / 10 == join / 10)
				up_watch();
			if (ms / 10 == second / 10)
				up_send(2);
			if (ms / 10 == third / 10)
				up_send(3);
			up_run(10);
		}
		assert_true(u.shown > 25 * 3);
		assert_true(gap_us() < 2500 * MS);
		up_end();
	}
}

// Layers go and come as the sender's estimate does.
static void layers_come_and_go(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 24; seed++) {
		far_and_lossy(seed);
		up_send(2);
		up_watch();
		up_run(3000);
		up_forget();
		for (unsigned i = 0; i < 8; i++) {
			up_send(1 + up_rnd() % 3);
			up_run(1000 + up_rnd() % 2000);
		}
		assert_true(gap_us() < 3000 * MS);
		up_end();
	}
}

// 3 Mb/s become 300 kb/s: the sender goes on with all sizes for a while, then with two, then sends what the link carries. From
// then on it takes a second at most until there are pictures.
static void a_link_becomes_narrow(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 24; seed++) {
		up_begin(seed);
		u.bps = 3000000;
		up_send(3);
		up_watch();
		up_run(5000 + up_rnd() % 100);
		up_forget();
		u.bps = 300000;
		unsigned early = 300 + up_rnd() % 1000, late = 200 + up_rnd() % 1000;
		up_run(early);
		up_send(2);
		up_run(late);
		up_send(1);
		up_run(6000);
		assert_int_equal(u.layer, 0);
		assert_true(gap_us() < (early + late + 1000ll) * MS);
		up_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(joins_while_it_begins),
	    cmocka_unit_test(layers_come_and_go),
	    cmocka_unit_test(a_link_becomes_narrow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
