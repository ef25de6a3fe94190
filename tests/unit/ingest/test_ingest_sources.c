// The parent's side of huizhen-ingest, with children that this test plays.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/seqpacket.h"
#include "media/ingest/sources.h"

#define S INT64_C(1000000)

static struct {
	struct hz_sources *sources;
	int64_t now_us;
	int fail, child[64]; // their ends, by pid - 100
	unsigned started, killed, pictures, statuses;
	pid_t last_killed;
	struct hz_ingest_status status; // the newest
} w;

static int start(void *ctx, int theirs, pid_t *ret_pid)
{
	if (w.fail)
		return w.fail;
	w.child[w.started % 64] = fcntl(theirs, F_DUPFD_CLOEXEC, 3);
	*ret_pid = 100 + (pid_t)w.started++;
	return 0;
}

static void on_kill(void *ctx, pid_t pid)
{
	w.killed++;
	w.last_killed = pid;
}

static void say(void *ctx, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	if (type == HZ_INGEST_PICTURE) {
		w.pictures++;
		return;
	}
	assert_int_equal(bytes, sizeof(w.status));
	memcpy(&w.status, h, bytes);
	w.statuses++;
}

static int set_up(void **state)
{
	static const struct hz_sources_ops ops = {.start = start, .kill = on_kill, .say = say};
	memset(&w, 0, sizeof(w));
	w.now_us = 100 * S;
	return hz_sources_new(&ops, &w.sources);
}

static int tear_down(void **state)
{
	hz_sources_free(w.sources);
	for (unsigned i = 0; i < w.started && i < 64; i++)
		if (w.child[i] > 0)
			close(w.child[i]);
	return 0;
}

static int command(void *message, unsigned type, size_t bytes)
{
	struct hz_msg_header *h = message;
	*h = (struct hz_msg_header){
	    .version = HZ_INGEST_API_VERSION, .type = (uint16_t)type, .bytes = (uint32_t)bytes};
	return hz_sources_command(w.sources, message, bytes, w.now_us);
}

static int set(uint32_t id, uint32_t version)
{
	struct hz_ingest_source_set m = {.source = id, .version = version};
	snprintf(m.url, sizeof(m.url), "test:");
	return command(&m, HZ_INGEST_SOURCE_SET, sizeof(m));
}

static void pass(int64_t us)
{
	struct pollfd fds[HZ_INGEST_SOURCES];
	w.now_us += us;
	(void)hz_sources_tick(w.sources, w.now_us);
	unsigned n = hz_sources_fds(w.sources, fds);
	for (unsigned i = 0; i < n; i++)
		fds[i].revents = POLLIN;
	hz_sources_read(w.sources, fds, n, w.now_us);
	(void)hz_sources_tick(w.sources, w.now_us);
}

static void tell(unsigned child, struct hz_ingest_status m)
{
	m.h = (struct hz_msg_header){
	    .version = HZ_INGEST_API_VERSION, .type = HZ_INGEST_STATUS, .bytes = sizeof(m)};
	assert_int_equal(hz_seqpacket_send(w.child[child], &m, sizeof(m)), 0);
}

static bool closed(unsigned child)
{
	struct hz_ingest_source_set m;
	size_t bytes;
	int err;
	while (!(err = hz_seqpacket_recv(w.child[child], &m, sizeof(m), &bytes)))
		continue;
	return err == -EPIPE;
}

static void starts_one_and_passes_on_what_it_says(void **state)
{
	struct hz_ingest_source_set got;
	size_t bytes;
	assert_int_equal(set(7, 1), 0);
	pass(1);
	assert_int_equal(w.started, 1);
	assert_int_equal(hz_seqpacket_recv(w.child[0], &got, sizeof(got), &bytes), 0);
	assert_string_equal(got.url, "test:");
	tell(0, (struct hz_ingest_status){
	            .source = 99, .state = HZ_INGEST_LIVE, .restarts = 5, .name = "h\n264"});
	pass(S);
	assert_int_equal(w.status.source, 7); // it speaks of itself alone
	assert_int_equal(w.status.state, HZ_INGEST_LIVE);
	assert_int_equal(w.status.restarts, 0);
	assert_string_equal(w.status.name, "h?264");
	assert_int_equal(set(7, 1), 0); // repeated: a newer token reaches the same child
	pass(1);
	assert_int_equal(w.started, 1);
	assert_int_equal(hz_seqpacket_recv(w.child[0], &got, sizeof(got), &bytes), 0);
}

static unsigned descriptors(unsigned child, struct hz_ingest_source_set *ret)
{
	int fd = -1;
	unsigned count = 0;
	size_t bytes;
	const struct hz_seqpacket_in in = {.buf = ret, .cap = sizeof(*ret), .fds = &fd, .fds_cap = 1};
	assert_int_equal(hz_seqpacket_recv_fds(w.child[child], &in, &bytes, &count), 0);
	if (count)
		close(fd);
	return count;
}

// Of targets: the ring of their programme is handed on, to each of their processes.
static void a_ring_is_handed_on(void **state)
{
	struct hz_ingest_source_set m = {.source = 7, .version = 1, .feed = 5}, got;
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	hz_sources_hand(w.sources, dup(pipes[0]));
	assert_int_equal(command(&m, HZ_INGEST_SOURCE_SET, sizeof(m)), 0);
	hz_sources_hand(w.sources, dup(pipes[0])); // nobody's
	assert_int_equal(set(8, 1), 0);
	pass(1);
	assert_int_equal(w.started, 2);
	assert_int_equal(descriptors(0, &got), 1);
	assert_int_equal(got.feed, 5);
	assert_int_equal(descriptors(1, &got), 0);
	hz_sources_ended(w.sources, 100, w.now_us);
	pass(S);
	assert_int_equal(w.started, 3);
	assert_int_equal(descriptors(2, &got), 1);
	tell(2, (struct hz_ingest_status){.state = HZ_INGEST_LIVE, .sent_bytes = 77});
	pass(S);
	assert_int_equal(w.status.sent_bytes, 77);
	m.feed = 6; // another one, to the same process
	hz_sources_hand(w.sources, dup(pipes[1]));
	assert_int_equal(command(&m, HZ_INGEST_SOURCE_SET, sizeof(m)), 0);
	pass(1);
	assert_int_equal(w.started, 3);
	assert_int_equal(descriptors(2, &got), 1);
	assert_int_equal(got.feed, 6);
	struct hz_ingest_source_del del = {.source = 7};
	assert_int_equal(command(&del, HZ_INGEST_SOURCE_DEL, sizeof(del)), 0);
	hz_sources_ended(w.sources, 102, w.now_us);
	close(pipes[1]);
	char byte;
	assert_int_equal(fcntl(pipes[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(read(pipes[0], &byte, 1), 0); // ours was the last one
	close(pipes[0]);
}

static void nonsense_is_not_passed_on(void **state)
{
	struct {
		struct hz_ingest_picture head;
		uint8_t data[64];
	} picture = {
	    .head = {.h = {.version = 1, .type = HZ_INGEST_PICTURE, .bytes = sizeof(picture)}, .bytes = 64}};
	(void)set(7, 1);
	pass(1);
	pass(S);
	unsigned before = w.statuses;
	tell(0, (struct hz_ingest_status){.state = HZ_INGEST_STATE_COUNT});
	tell(0, (struct hz_ingest_status){.reason = HZ_INGEST_REASON_COUNT});
	tell(0, (struct hz_ingest_status){.video = 200});
	assert_int_equal(hz_seqpacket_send(w.child[0], "x", 1), 0);
	assert_int_equal(hz_seqpacket_send(w.child[0], &picture, sizeof(picture)), 0); // no JPEG
	pass(S);
	assert_int_equal(w.statuses, before);
	picture.data[0] = 0xff;
	picture.data[1] = 0xd8;
	picture.head.bytes = 63; // not what the message holds
	assert_int_equal(hz_seqpacket_send(w.child[0], &picture, sizeof(picture)), 0);
	pass(S);
	assert_int_equal(w.pictures, 0);
	picture.head.bytes = 64;
	for (unsigned i = 0; i < 10; i++) // one a second
		assert_int_equal(hz_seqpacket_send(w.child[0], &picture, sizeof(picture)), 0);
	pass(S);
	assert_int_equal(w.pictures, 1);
}

static void a_dead_one_is_started_again_later_and_later(void **state)
{
	(void)set(7, 1);
	pass(1);
	int64_t pause_us = HZ_SOURCES_AGAIN_US;
	for (unsigned i = 1; i < 8; i++) {
		hz_sources_ended(w.sources, 99 + (pid_t)i, w.now_us);
		pass(pause_us - 1000);
		assert_int_equal(w.started, i);
		assert_int_equal(w.status.reason, HZ_INGEST_CRASHED);
		assert_int_equal(w.status.restarts, i);
		pass(2000);
		assert_int_equal(w.started, i + 1);
		pause_us = pause_us * 2 < HZ_SOURCES_LATE_US ? pause_us * 2 : HZ_SOURCES_LATE_US;
	}
}

static void a_stuck_one_is_killed(void **state)
{
	(void)set(7, 1);
	pass(1);
	pass(HZ_SOURCES_BOOT_US - S);
	assert_int_equal(w.killed, 0); // it may take long to begin
	tell(0, (struct hz_ingest_status){.state = HZ_INGEST_LIVE});
	pass(0);
	pass(HZ_SOURCES_HANG_US - 1);
	assert_int_equal(w.killed, 0);
	pass(2);
	assert_int_equal(w.killed, 1);
	assert_int_equal(w.last_killed, 100);
	hz_sources_ended(w.sources, 100, w.now_us);
	pass(S);
	assert_int_equal(w.status.reason, HZ_INGEST_HUNG);
	assert_int_equal(w.started, 2);
}

static void another_address_waits_for_the_old_one_to_leave(void **state)
{
	(void)set(7, 1);
	pass(1);
	(void)set(7, 2);
	pass(1);
	assert_true(closed(0));
	assert_int_equal(w.started, 1);
	pass(HZ_SOURCES_LEAVE_US);
	assert_int_equal(w.killed, 1); // it did not go by itself
	hz_sources_ended(w.sources, 100, w.now_us);
	pass(1);
	assert_int_equal(w.started, 2);
	assert_int_equal(w.status.restarts, 0);
}

static void what_is_not_named_goes(void **state)
{
	struct hz_cmd_reconcile m;
	for (uint32_t i = 1; i <= 3; i++)
		(void)set(i, 1);
	pass(1);
	assert_int_equal(w.started, 3);
	assert_int_equal(command(&m, HZ_INGEST_RECONCILE_END, sizeof(m)), 0); // without BEGIN: nothing
	pass(1);
	assert_false(closed(0));
	assert_int_equal(command(&m, HZ_INGEST_RECONCILE_BEGIN, sizeof(m)), 0);
	(void)set(2, 1);
	assert_int_equal(command(&m, HZ_INGEST_RECONCILE_END, sizeof(m)), 0);
	assert_true(closed(0));
	assert_false(closed(1));
	assert_true(closed(2));
	hz_sources_ended(w.sources, 100, w.now_us);
	hz_sources_ended(w.sources, 102, w.now_us);
	pass(HZ_SOURCES_LATE_US);
	assert_int_equal(w.started, 3);
	struct hz_ingest_source_del del = {.source = 2};
	assert_int_equal(command(&del, HZ_INGEST_SOURCE_DEL, sizeof(del)), 0);
	assert_int_equal(command(&del, HZ_INGEST_SOURCE_DEL, sizeof(del)), -ENOENT);
	assert_true(closed(1));
}

static void refuses_bad_commands_and_too_many(void **state)
{
	struct hz_ingest_source_set m = {.source = 1};
	memset(m.url, 'x', sizeof(m.url)); // no end
	assert_int_equal(command(&m, HZ_INGEST_SOURCE_SET, sizeof(m)), -EINVAL);
	m.url[0] = '\0';
	m.network_count = HZ_INGEST_NETWORKS + 1;
	assert_int_equal(command(&m, HZ_INGEST_SOURCE_SET, sizeof(m)), -EINVAL);
	assert_int_equal(command(&m, HZ_INGEST_SOURCE_SET, sizeof(m) - 8), -EINVAL);
	assert_int_equal(command(&m, 55, sizeof(m)), -EINVAL);
	assert_int_equal(set(0, 1), -EINVAL);
	for (uint32_t i = 1; i <= HZ_INGEST_SOURCES; i++)
		assert_int_equal(set(i, 1), 0);
	assert_int_equal(set(1000, 1), -ENOSPC);
}

static void one_that_cannot_be_started_is_told(void **state)
{
	w.fail = -EAGAIN;
	(void)set(7, 1);
	pass(1);
	pass(S);
	assert_int_equal(w.status.state, HZ_INGEST_RETRYING);
	assert_int_equal(w.status.reason, HZ_INGEST_INTERNAL);
	w.fail = 0;
	pass(HZ_SOURCES_LATE_US);
	assert_int_equal(w.started, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(starts_one_and_passes_on_what_it_says, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_ring_is_handed_on, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nonsense_is_not_passed_on, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_dead_one_is_started_again_later_and_later, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_stuck_one_is_killed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(another_address_waits_for_the_old_one_to_leave, set_up,
	                                    tear_down),
	    cmocka_unit_test_setup_teardown(what_is_not_named_goes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(refuses_bad_commands_and_too_many, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(one_that_cannot_be_started_is_told, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
