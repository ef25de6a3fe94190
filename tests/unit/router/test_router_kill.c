// The same with real kills: a child runs the router on a shared arena, making, changing and removing objects and
// relaying packets, until SIGKILL hits it at any instruction. What it sent stands in a shared log. Whatever it left
// half done, the next incarnation must open it, take control's repetition, relay, and use no index twice.
#include "tests/unit/router/fixture.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define VIDEO HZ_KIND_VIDEO
#define KILLS 150
#define LOG   (1u << 21)
#define SLOTS 6 // subscriptions of peer 1

struct log {
	uint64_t count;
	uint64_t key[LOG]; // SSRC << 48 | index
	uint16_t seq[2];   // of the publisher's two tracks: they go on over the kills as its own would
	uint32_t ts;
};

static struct log *shared;

static void on_send(struct fx *fx, uint32_t slot, const uint8_t *buf, size_t bytes)
{
	struct hz_rtp_packet p;
	if (hz_rtp_parse(buf, bytes, &p) || shared->count >= LOG)
		abort();
	shared->key[shared->count] = (uint64_t)(p.ssrc & 0xffff) << 48 | fx_index(fx, slot, p.ssrc, p.seq);
	HZ_ARENA_BARRIER();
	shared->count++;
}

static void packet(struct fx *fx, uint32_t track, bool key)
{
	struct fx_in in = {.ssrc = fx_ssrc(track, 0),
	                   .seq = shared->seq[track]++,
	                   .ts = shared->ts += 300,
	                   .pt = PT_VP8,
	                   .key = key};
	(void)fx_in(fx, 0, &in);
}

static void wanted(struct fx *fx)
{
	union hz_msg m = {0};
	assert_int_equal(fx_command(fx, &m, HZ_CMD_RECONCILE_BEGIN, sizeof(m.reconcile)), 0);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(fx_peer_set(fx, i, 1, 0), 0);
	for (uint32_t i = 0; i < 2; i++) {
		fx->arena->peer[i].dtls = HZ_ARENA_DTLS_DONE;
		fx->arena->peer[i].keys.profile = HZ_SRTP_AEAD_AES_128_GCM;
		hz_router_peer_state(fx->router, i, HZ_PEER_CONNECTED, HZ_REASON_NONE, fx->now);
	}
	for (uint32_t i = 0; i < 2; i++)
		fx_track(fx, i, 0, VIDEO, 1);
	for (uint32_t i = 0; i < SLOTS; i++)
		fx_sub(fx, i, 1, i % 2, VIDEO);
	m = (union hz_msg){0};
	assert_int_equal(fx_command(fx, &m, HZ_CMD_RECONCILE_END, sizeof(m.reconcile)), 0);
	fx->events_count = fx->rtcp_count = 0;
}

// Runs until it is killed. Peers stay (their keys do), all else comes and goes.
static void child(struct fx *fx, uint32_t random)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fx->on_send = on_send;
	fx_start(fx);
	wanted(fx);
	for (;;) {
		random = random * 1664525 + 1013904223;
		uint32_t slot = (random >> 8) % SLOTS, what = (random >> 16) % 16;
		union hz_msg m = fx_sub_msg(slot, 1, (random >> 24) % 2, VIDEO);
		union hz_msg d = {.sub_del = {.sub = HZ_ID(slot, 1)}};
		fx->now += 1000;
		if (what == 0)
			(void)fx_command(fx, &d, HZ_CMD_SUB_DEL, sizeof(d.sub_del));
		else if (what < 3)
			(void)fx_sub_set(fx, &m);
		else if (what == 3) {
			d = (union hz_msg){.track_del = {.track = HZ_ID(slot % 2, 1)}};
			(void)fx_command(fx, &d, HZ_CMD_TRACK_DEL, sizeof(d.track_del));
		} else if (what == 4) {
			union hz_msg t = fx_track_msg(slot % 2, 0, VIDEO, 1);
			(void)fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set));
		} else if (what == 5)
			(void)fx_nack(fx, 1, 900000 + slot, (uint16_t)(fx->arena->sub[slot].out_index - 1));
		else if (what == 6)
			hz_router_tick(fx->router, fx->now);
		else
			packet(fx, slot % 2, what % 3 == 0);
		fx->events_count = fx->rtcp_count = 0;
	}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void whatever_instruction(void **state)
{
	struct fx *fx = fx_new();
	(void)state;
	hz_router_free(fx->router);
	fx->router = NULL;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	shared->seq[0] = shared->seq[1] = 60000;
	uint32_t random = 77, repaired = 0;
	for (unsigned kill_at = 0; kill_at < KILLS; kill_at++) {
		uint64_t before = shared->count;
		random = random * 1664525 + 1013904223;
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			child(fx, random);
			_exit(0);
		}
		// At the least one round of media, so that no incarnation is only start.
		for (unsigned i = 0; i < 5000 && shared->count < before + 20; i++)
			usleep(1000);
		assert_true(shared->count >= before + 20);
		usleep((random >> 8) % 3000);
		kill(pid, SIGKILL);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		fx->now += 1000000;
		// What the kill left, seen by the next start; the child after it does the same and goes on.
		fx->on_send = on_send;
		fx_start(fx);
		wanted(fx);
		struct hz_router_counts c;
		hz_router_counts(fx->router, &c);
		assert_int_equal(c.peers, 2);
		assert_int_equal(c.tracks, 2);
		assert_int_equal(c.subs, SLOTS);
		before = shared->count;
		packet(fx, 0, true);
		packet(fx, 1, true);
		// New streams begin with two empty packets.
		assert_in_range(shared->count, before + SLOTS, before + 3 * SLOTS);
		fx->events_count = fx->rtcp_count = 0;
		repaired++;
		hz_router_free(fx->router);
		fx->router = NULL;
	}
	assert_int_equal(repaired, KILLS);
	qsort(shared->key, shared->count, sizeof(shared->key[0]), by_value);
	for (uint64_t i = 1; i < shared->count; i++)
		assert_true(shared->key[i] != shared->key[i - 1]);
	print_message("%u kills, %llu packets, none twice\n", KILLS, (unsigned long long)shared->count);
	munmap(shared, sizeof(*shared));
	fx_free(fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_instruction)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
