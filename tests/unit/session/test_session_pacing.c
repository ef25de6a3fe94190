// Images wait for room on the link of a call, go on without it, and the wish for it ends by itself; a worker that dies in between.
#include "gateway/session/events.h"
#include "gateway/session/pacing.h"
#include "signaling/server/pace.h"
#include "tests/unit/session/offers.h"

struct reader {
	struct rig *rig;
	struct hz_participant *p;
	hz_id peer;
};

// In a call, over a link that its worker has measured; 0: it has not.
static struct reader reader(struct rig *rig, uint32_t bps)
{
	rig_consult(rig, "c1");
	struct rig_socket *a = rig_join(rig, "a", "expert");
	offer_both(rig, a);
	struct reader r = {.rig = rig, .p = a->conn->participant, .peer = a->conn->participant->peers->id};
	struct hz_ev_peer_stats ev = {.peer = r.peer, .estimate_bps = bps, .down_bps = bps / 10 * 9};
	rig_event(rig, &ev, HZ_EV_PEER_STATS, sizeof(ev));
	rig_turn(rig);
	assert_int_equal(rig->worker->shares, 0);
	return r;
}

static void stats(struct reader *r)
{
	struct hz_ev_peer_stats ev = {.peer = r->peer, .estimate_bps = 1000000, .down_bps = 600000};
	rig_event(r->rig, &ev, HZ_EV_PEER_STATS, sizeof(ev));
	rig_turn(r->rig);
}

static void share(struct reader *r, hz_id peer, uint32_t bps)
{
	struct hz_ev_peer_share ev = {.peer = peer, .bps = bps};
	rig_event(r->rig, &ev, HZ_EV_PEER_SHARE, sizeof(ev));
	rig_turn(r->rig);
}

static void answer(struct reader *r)
{
	struct hz_response *res = hz_response_new();
	assert_non_null(res);
	hz_pacing_answer(r->rig->brain, r->p, res);
	assert_non_null(r->p->pace);
	hz_response_free(res);
	rig_turn(r->rig);
}

// Bytes that went within so many ms, asked for every 20.
static size_t went(struct reader *r, int64_t ms)
{
	size_t sum = 0;
	for (int64_t end = r->rig->now_us + ms * 1000; r->rig->now_us < end;) {
		r->rig->now_us += 20000;
		sum += hz_pace_take(r->p->pace, "a", r->rig->now_us, 1400);
		rig_turn(r->rig);
	}
	return sum;
}

static void waits_for_its_share(void **state)
{
	struct reader r = reader(*state, 1000000);
	struct rig_worker *w = r.rig->worker;
	answer(&r);
	assert_int_equal(w->shares, 1);
	assert_int_equal(w->share.peer, r.peer);
	assert_in_range(w->share.for_ms, 1000, 5000);
	answer(&r); // five more at once ask for nothing more
	answer(&r);
	assert_int_equal(w->shares, 1);
	assert_int_equal(went(&r, 500), 0);
	share(&r, r.peer ^ 0x10000, 4000000); // of an earlier peer
	assert_int_equal(went(&r, 100), 0);
	share(&r, r.peer, 300000);
	assert_int_equal(w->shares, 2); // and goes on to want it
	assert_in_range(hz_pace_bps(r.p->pace), 250000, 300000);
	assert_in_range(went(&r, 1000), 20000, 38000);
	for (int i = 0; i < 5; i++) {
		share(&r, r.peer, 200000);
		went(&r, 450);
	}
	assert_int_equal(w->shares, 7);
	// Nothing more to send: it is not wished for any more, whoever says something.
	rig_advance(r.rig, 1500);
	share(&r, r.peer, 200000);
	stats(&r);
	assert_int_equal(w->shares, 7);
	rig_advance(r.rig, 4000);
	stats(&r);
	assert_int_equal(r.p->share_us, 0);
	answer(&r); // the next series waits anew
	assert_int_equal(w->shares, 8);
	assert_int_equal(went(&r, 500), 0);
}

static void goes_on_without(void **state)
{
	struct reader r = reader(*state, 1000000);
	answer(&r);
	assert_int_equal(went(&r, 980), 0);
	assert_true(went(&r, 1000) > 2000); // nobody answered
	unsigned told = r.rig->worker->shares;
	stats(&r); // asks again as long as there is something
	assert_int_equal(r.rig->worker->shares, told + 1);
	went(&r, 500);
	answer(&r); // and holds nobody again for that
	assert_true(went(&r, 500) > 1000);
}

static void nobody_knows_its_link(void **state)
{
	struct reader r = reader(*state, 0);
	answer(&r);
	assert_int_equal(r.rig->worker->shares, 0);
	assert_true(went(&r, 500) > 1000);
	share(&r, r.peer, 0); // as little as there can be
	assert_true(hz_pace_bps(r.p->pace) >= HZ_PACE_LEAST_BPS);
	share(&r, HZ_ID(HZ_MAX_PEERS + 5u, 1), 1000);
	share(&r, 0, 1000);
}

static void its_worker_dies(void **state)
{
	struct reader r = reader(*state, 1000000);
	answer(&r);
	share(&r, r.peer, 300000);
	went(&r, 200);
	unsigned told = r.rig->worker->shares;
	struct hz_ev_hello hello = {.incarnation = 2};
	rig_event(r.rig, &hello, HZ_EV_HELLO, sizeof(hello)); // it knows of no share
	rig_turn(r.rig);
	assert_true(went(&r, 500) > 5000);
	stats(&r);
	assert_int_equal(r.rig->worker->shares, told + 1);
	assert_int_equal(r.rig->worker->share.peer, r.peer);
	for (int i = 0; i < 8; i++)
		went(&r, 500);
	assert_non_null(r.p->peers);
	stats(&r); // it said nothing for 3 s: what it gave is nobody's any more
	assert_int_equal(r.p->share_us, 0);
	share(&r, r.peer, 300000);
	assert_true(hz_pace_bps(r.p->pace) >= 250000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(waits_for_its_share, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(goes_on_without, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(nobody_knows_its_link, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(its_worker_dies, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
