// One real worker, the test at the other end of its rings: what comes in goes out, over kills, with anything in the memory.
#include <sys/eventfd.h>

#include "gateway/base/ring.h"
#include "gateway/base/ring_grid.h"
#include "tests/unit/worker/client.h"

#define WORKERS 5 // the last would be the mix
#define PIPE    1
#define OTHER   0 // the test
#define MINE    3 // as client.h starts it
#define CONSULT 77
#define LINK    5
#define PT      97 // of Opus on relays

struct world {
	struct rig *rig;
	uint8_t *rings, *pipe;   // pipe: its rings, where the test is that pipe, else NULL
	int other;               // the test's eventfd
	struct hz_ring to, from; // seen by the test
	uint16_t seq;
};

static void attach(struct world *w)
{
	if (w->pipe) {
		assert_int_equal(
		    hz_ring_produce(&w->to, hz_ring_pipe_place(w->pipe, MINE, false), HZ_RING_PIPE_EACH), 0);
		assert_int_equal(
		    hz_ring_consume(&w->from, hz_ring_pipe_place(w->pipe, MINE, true), HZ_RING_PIPE_EACH), 0);
		return;
	}
	size_t one = hz_worker_rings_bytes(WORKERS) / (WORKERS * WORKERS);
	assert_int_equal(hz_ring_produce(&w->to, w->rings + one * (OTHER * WORKERS + MINE), one), 0);
	assert_int_equal(hz_ring_consume(&w->from, w->rings + one * (MINE * WORKERS + OTHER), one), 0);
}

static void add_pipes(struct world *w)
{
	size_t bytes = hz_ring_pipe_bytes(WORKERS - 1);
	void *map;
	for (unsigned i = 0; i <= PIPE; i++) {
		assert_int_equal(hz_memfd_new("pipe", bytes, &w->rig->fds.pipe[i].rings), 0);
		w->rig->fds.pipe[i].wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
	w->rig->fds.pipes = PIPE + 1;
	assert_int_equal(hz_memfd_map(w->rig->fds.pipe[PIPE].rings, bytes, &map), 0);
	w->pipe = map;
	w->other = w->rig->fds.pipe[PIPE].wake;
}

static struct world world_with(bool pipe)
{
	struct world w = {.rig = rig_new(1 << 20)};
	void *map;
	rig_expect(w.rig, HZ_EV_HELLO);
	rig_kill(w.rig); // client.h knows no rings: start it again with them
	assert_int_equal(hz_memfd_new("rings", hz_worker_rings_bytes(WORKERS), &w.rig->fds.rings), 0);
	assert_int_equal(hz_memfd_map(w.rig->fds.rings, hz_worker_rings_bytes(WORKERS), &map), 0);
	w.rings = map;
	w.rig->fds.workers = WORKERS;
	for (unsigned i = 0; i < WORKERS; i++)
		w.rig->fds.wake[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w.other = w.rig->fds.wake[OTHER];
	if (pipe)
		add_pipes(&w);
	attach(&w);
	rig_spawn(w.rig);
	rig_expect(w.rig, HZ_EV_HELLO);
	return w;
}

static struct world world_new(void)
{
	return world_with(false);
}

static void world_free(struct world *w)
{
	for (unsigned i = 0; i < w->rig->fds.pipes; i++) {
		close(w->rig->fds.pipe[i].rings);
		close(w->rig->fds.pipe[i].wake);
	}
	if (w->pipe)
		hz_memfd_unmap(w->pipe, hz_ring_pipe_bytes(WORKERS - 1));
	hz_memfd_unmap(w->rings, hz_worker_rings_bytes(WORKERS));
	close(w->rig->fds.rings);
	for (unsigned i = 0; i < WORKERS; i++)
		close(w->rig->fds.wake[i]);
	rig_free(w->rig);
}

static int set_link(struct world *w, uint32_t slot, uint32_t consult, uint32_t relay)
{
	union hz_msg m = {
	    .peer_set = {.peer = HZ_ID(slot, 1), .consult = consult, .flags = HZ_PEER_RELAY, .relay = relay}};
	return rig_command(w->rig, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set));
}

// A track that comes from the other worker, and a subscription that sends it back there.
static void loop_back(struct world *w)
{
	union hz_msg t = {.track_set = {.track = HZ_ID(0, 1),
	                                .peer = HZ_ID(LINK, 1),
	                                .kind = HZ_KIND_AUDIO,
	                                .layer_count = 1,
	                                .pt_count = 1,
	                                .ssrc = {4711},
	                                .pt = {{PT, 0, HZ_CODEC_OPUS, 0}}}};
	union hz_msg s = {.sub_set = {.sub = HZ_ID(0, 1),
	                              .peer = HZ_ID(LINK, 1),
	                              .track = HZ_ID(0, 1),
	                              .kind = HZ_KIND_AUDIO,
	                              .pt_count = 1,
	                              .flags = HZ_SUB_PIN,
	                              .ssrc = 815,
	                              .pt = {{PT, 0, HZ_CODEC_OPUS, 0}}}};
	assert_int_equal(set_link(w, LINK, CONSULT, w->pipe ? HZ_RELAY_PIPES + PIPE : OTHER), 0);
	assert_int_equal(w->rig->arena->peer[LINK].state, HZ_PEER_CONNECTED);
	assert_int_equal(rig_command(w->rig, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	assert_int_equal(rig_command(w->rig, &s, HZ_CMD_SUB_SET, sizeof(s.sub_set)), 0);
}

static void wake(struct world *w)
{
	assert_int_equal(eventfd_write(w->rig->fds.wake[MINE], 1), 0);
}

static int send_one(struct world *w, uint32_t consult, int64_t age_us)
{
	uint8_t packet[64] = {0x80, PT};
	const struct hz_ring_record record = {HZ_RING_RTP, 0, consult, hz_now_us() - age_us};
	w->seq++;
	packet[2] = (uint8_t)(w->seq >> 8);
	packet[3] = (uint8_t)w->seq;
	packet[6] = (uint8_t)(w->seq >> 2); // a timestamp that grows
	packet[10] = 4711 >> 8;
	packet[11] = 4711 & 0xff;
	packet[12] = (uint8_t)w->seq;
	return hz_ring_put(&w->to, &record, packet, sizeof(packet));
}

// Counts RTP records that came back within the time, at most `want`.
static unsigned receive(struct world *w, unsigned want, int64_t wait_us)
{
	int64_t until = hz_now_us() + wait_us;
	unsigned count = 0;
	while (count < want && hz_now_us() < until) {
		struct pollfd p = {.fd = w->other, .events = POLLIN};
		struct hz_ring_record record;
		uint8_t buf[HZ_RING_RECORD_BYTES];
		eventfd_t woken;
		size_t bytes;
		if (poll(&p, 1, 20) == 1)
			assert_int_equal(eventfd_read(p.fd, &woken), 0);
		while (hz_ring_take(&w->from, &record, buf, &bytes)) {
			struct hz_rtp_packet packet;
			assert_int_equal(record.source, CONSULT);
			if (record.kind == HZ_RING_RTCP) {
				assert_int_equal(hz_rtcp_check(buf, bytes), 0);
				continue;
			}
			assert_int_equal(hz_rtp_parse(buf, bytes, &packet), 0);
			assert_int_equal(packet.ssrc, 815);
			count++;
		}
	}
	return count;
}

static void passes_on_to(bool pipe)
{
	struct world w = world_with(pipe);
	loop_back(&w);
	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < 100; k++)
			assert_int_equal(send_one(&w, CONSULT, 0), 0);
		wake(&w);
		assert_int_equal(receive(&w, 100, WAIT_US), 100);
	}
	// More than a turn takes, with one wake-up.
	for (int k = 0; k < 2000; k++)
		assert_int_equal(send_one(&w, CONSULT, 0), 0);
	wake(&w);
	assert_int_equal(receive(&w, 2000, WAIT_US), 2000);
	world_free(&w);
}

static void passes_on(void **state)
{
	(void)state;
	passes_on_to(false);
}

// The same over the rings that a pipe alone shares with the worker.
static void passes_on_to_a_pipe(void **state)
{
	(void)state;
	passes_on_to(true);
}

static void counts_what_is_nobodys(void **state)
{
	struct world w = world_new();
	const struct hz_ring_record strange = {99, 7, CONSULT, 0};
	(void)state;
	loop_back(&w);
	uint64_t before = w.rig->arena->counters.unmatched;
	assert_int_equal(send_one(&w, CONSULT + 1, 0), 0); // another consult
	assert_int_equal(hz_ring_put(&w.to, &strange, "what", 4), 0);
	assert_int_equal(
	    hz_ring_put(&w.to, &(struct hz_ring_record){HZ_RING_RTP, 0, CONSULT, hz_now_us()}, "x", 1), 0);
	assert_int_equal(
	    hz_ring_put(&w.to, &(struct hz_ring_record){HZ_RING_RTCP, 0, CONSULT, hz_now_us()}, "x", 1), 0);
	assert_int_equal(send_one(&w, CONSULT, 5000000), 0); // has waited for too long
	assert_int_equal(send_one(&w, CONSULT, 0), 0);
	wake(&w);
	assert_int_equal(receive(&w, 2, 300000), 1);
	assert_int_equal(w.rig->arena->counters.unmatched - before, 1);
	// A relay to itself or to a worker that does not exist sends nothing and does no harm.
	assert_int_equal(set_link(&w, 6, CONSULT, MINE), 0);
	assert_int_equal(set_link(&w, 7, CONSULT, 40), 0);
	assert_int_equal(set_link(&w, 8, CONSULT, HZ_RELAY_PIPES + PIPE), 0); // there are no pipes here
	assert_int_equal(set_link(&w, 9, CONSULT, HZ_MAX_RELAYS), -EINVAL);
	assert_int_equal(set_link(&w, 9, CONSULT, HZ_RELAY_PIPES + HZ_MAX_PIPES), -EINVAL);
	// It goes: nothing comes through any more.
	union hz_msg del = {.peer_del = {.peer = HZ_ID(LINK, 1)}};
	assert_int_equal(rig_command(w.rig, &del, HZ_CMD_PEER_DEL, sizeof(del.peer_del)), 0);
	assert_int_equal(send_one(&w, CONSULT, 0), 0);
	wake(&w);
	assert_int_equal(receive(&w, 1, 200000), 0);
	world_free(&w);
}

static void survives_kills(void **state)
{
	struct world w = world_new();
	unsigned sent = 0, back = 0;
	(void)state;
	loop_back(&w);
	for (int i = 0; i < 8; i++) {
		for (int k = 0; k < 200; k++, sent++)
			assert_int_equal(send_one(&w, CONSULT, 0), 0);
		wake(&w);
		back += receive(&w, 20, WAIT_US);
		rig_kill(w.rig); // in the middle of it
		for (int k = 0; k < 50; k++, sent++)
			assert_int_equal(send_one(&w, CONSULT, 0), 0);
		wake(&w);
		rig_spawn(w.rig);
		rig_expect(w.rig, HZ_EV_HELLO);
		attach(&w); // and the other side comes back too
		back += receive(&w, sent - back, 300000);
	}
	// What was in the hands of the killed one may be missing, no more.
	assert_true(back <= sent);
	assert_true(sent - back < 8 * 70);
	for (int k = 0; k < 100; k++)
		assert_int_equal(send_one(&w, CONSULT, 0), 0);
	wake(&w);
	assert_int_equal(receive(&w, 100, WAIT_US), 100);
	world_free(&w);
}

static void garbage_in_the_memory(void **state)
{
	struct world w = world_new();
	uint32_t random = 5;
	(void)state;
	loop_back(&w);
	for (int round = 0; round < 50; round++) {
		size_t bytes = hz_worker_rings_bytes(WORKERS);
		for (int i = 0; i < 200; i++) {
			random = random * 1664525u + 1013904223u;
			// Mostly the first bytes of each ring: positions and the first records.
			size_t at = (random >> 8) % (i % 2 ? bytes : 512);
			size_t ring = (size_t)(i % (WORKERS * WORKERS)) * (bytes / (WORKERS * WORKERS));
			w.rings[i % 2 ? at : ring + at] = (uint8_t)random;
		}
		(void)send_one(&w, CONSULT, 0);
		wake(&w);
	}
	// It lives, and the ring puts itself in order as soon as both sides use it.
	attach(&w);
	unsigned back = 0;
	for (int i = 0; i < 50 && back < 3; i++) {
		(void)send_one(&w, CONSULT, 0);
		wake(&w);
		struct hz_ring_record record;
		uint8_t buf[HZ_RING_RECORD_BYTES];
		size_t bytes;
		usleep(20000);
		while (hz_ring_take(&w.from, &record, buf, &bytes))
			back += record.kind == HZ_RING_RTP;
	}
	assert_true(back >= 3);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(passes_on),
	    cmocka_unit_test(passes_on_to_a_pipe),
	    cmocka_unit_test(counts_what_is_nobodys),
	    cmocka_unit_test(survives_kills),
	    cmocka_unit_test(garbage_in_the_memory),
	};
	assert(!hz_srtp_init());
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	hz_srtp_done();
	return failed;
}
