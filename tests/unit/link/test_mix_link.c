// Control's end of the way to the mix, against rooms as the mix has them, over a real socket: repeated after each HELLO, with a
// full queue, refused, with garbage, without anybody.
#include "gateway/link/mix_link.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/seqpacket.h"
#include "gateway/link/pipe_link.h"
#include "media/mix/rooms.h"

static int fd[2]; // control's, the mix's
static struct hz_mix_link *link_;
static struct hz_rooms *rooms;
static unsigned refused, turned_ready, turned_off, renewed, commands;
static int refused_with;
static uint32_t newest[8]; // SSRC by member

static void on_ssrc(void *ctx, uint32_t member, uint32_t mix_ssrc)
{
	(void)ctx;
	assert_in_range(member, 1, 7);
	assert_int_not_equal(mix_ssrc, newest[member]);
	newest[member] = mix_ssrc;
	renewed++;
}

static void on_refused(void *ctx, uint32_t member, int err)
{
	(void)ctx;
	(void)member;
	refused++;
	refused_with = err;
}

static void on_ready(void *ctx, bool ready)
{
	(void)ctx;
	turned_ready += ready;
	turned_off += !ready;
}

static void on_packet(void *ctx, unsigned worker, uint32_t consult, bool report, const uint8_t *data,
                      size_t bytes)
{
	fail();
}

// A mix that begins: nobody is known, HELLO is said.
static void start_mix(unsigned buffer)
{
	static const struct hz_rooms_ops ops = {.send = on_packet};
	struct hz_mix_hello hello = {
	    .h = {.version = HZ_MIX_API_VERSION, .type = HZ_MIX_HELLO, .bytes = sizeof(hello)}};
	assert_int_equal(hz_seqpacket_pair(buffer, fd), 0);
	assert_int_equal(hz_rooms_new(&ops, 4, &rooms), 0);
	assert_int_equal(hz_seqpacket_send(fd[1], &hello, sizeof(hello)), 0);
	hz_mix_link_use(link_, fd[0]);
}

static void kill_mix(void)
{
	close(fd[1]);
	assert_int_equal(hz_mix_link_read(link_), -EPIPE);
	close(fd[0]);
	hz_rooms_free(rooms);
	rooms = NULL;
}

static void mix_answers(void)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	size_t bytes;
	while (hz_seqpacket_recv(fd[1], buf, sizeof(buf), &bytes) == 0) {
		const struct hz_msg_header *h = (const void *)buf;
		const struct hz_mix_member_del *m = (const void *)buf;
		struct hz_ev_ack ack = {.h = {.version = HZ_MIX_API_VERSION,
		                              .type = HZ_MIX_ACK,
		                              .bytes = sizeof(ack),
		                              .seq = h->seq},
		                        .id = h->type >= HZ_MIX_MEMBER_SET ? m->member : 0};
		ack.err = hz_rooms_command(rooms, buf, bytes, 1000000);
		commands++;
		(void)hz_seqpacket_send(fd[1], &ack, sizeof(ack));
	}
}

// Until nothing happens any more.
static void settle(void)
{
	for (unsigned n = 0; n < 200; n++) {
		assert_int_equal(hz_mix_link_read(link_), 0);
		hz_pipe_link_flush(hz_mix_link_pipe(link_));
		mix_answers();
	}
	assert_int_equal(hz_mix_link_read(link_), 0);
}

static struct hz_mix_status there(void)
{
	struct hz_mix_status s = {0};
	hz_rooms_status(rooms, &s);
	return s;
}

static int wish(uint32_t member, uint32_t consult, bool listens)
{
	struct hz_mix_member_set m = {.member = member,
	                              .consult = consult,
	                              .voice_ssrc = 50 + member,
	                              .mix_ssrc = listens,
	                              .voice_pt = 97,
	                              .mix_pt = 97};
	uint32_t ssrc = 0;
	int err = hz_mix_link_set(link_, &m, &ssrc);
	if (!err && member < 8) {
		assert_true(listens == (ssrc != 0));
		newest[member] = ssrc;
	}
	return err;
}

static int setup(void **state)
{
	static const struct hz_mix_link_ops ops = {
	    .on_ssrc = on_ssrc, .on_refused = on_refused, .on_ready = on_ready};
	refused = turned_ready = turned_off = renewed = commands = 0;
	assert_int_equal(hz_mix_link_new(-1, &ops, NULL, &link_), 0);
	return 0;
}

static int teardown(void **state)
{
	hz_mix_link_free(link_);
	if (rooms) {
		hz_rooms_free(rooms);
		close(fd[0]);
		close(fd[1]);
	}
	rooms = NULL;
	return 0;
}

static void said_when_it_comes(void **state)
{
	assert_int_equal(wish(1, 9, true), 0);
	assert_int_equal(wish(2, 9, false), 0);
	hz_pipe_link_flush(hz_mix_link_pipe(link_));
	assert_false(hz_mix_link_pipe(link_)->blocked); // nobody there
	start_mix(0);
	settle();
	assert_true(hz_mix_link_pipe(link_)->ready);
	assert_int_equal(turned_ready, 1);
	assert_int_equal(there().members, 2);
	assert_int_equal(commands, 4); // BEGIN, two, END
	uint32_t before = newest[1];
	assert_int_equal(wish(1, 9, true), 0);
	assert_int_equal(newest[1], before); // repeated: the same
	assert_int_equal(wish(3, 9, true), 0);
	settle();
	assert_int_equal(there().members, 3);
	assert_int_equal(commands, 6);
	assert_int_equal(hz_mix_link_del(link_, 2), 0);
	assert_int_equal(hz_mix_link_del(link_, 2), -ENOENT);
	assert_int_equal(wish(2, 10, true), -EAGAIN);
	settle();
	assert_int_equal(there().members, 2);
	assert_int_equal(wish(2, 10, true), 0);
	settle();
	assert_int_equal(there().rooms, 2);
	assert_int_equal(refused, 0);
}

// Control was started anew, the mix was not: it is told everything without a HELLO, and goes on with whom it knows.
static void resumed(void **state)
{
	assert_int_equal(wish(1, 9, true), 0);
	assert_int_equal(wish(2, 9, false), 0);
	start_mix(0);
	settle();
	hz_mix_link_free(link_);
	assert_int_equal(setup(state), 0);
	hz_mix_link_use(link_, fd[0]);
	hz_pipe_link_resume(hz_mix_link_pipe(link_));
	assert_int_equal(wish(1, 9, true), 0);
	assert_int_equal(wish(3, 9, false), 0);
	settle();
	assert_true(hz_mix_link_pipe(link_)->ready);
	assert_int_equal(commands, 4); // BEGIN, two, END
	assert_int_equal(there().members, 2);
	assert_int_equal(refused, 0);
	// What was wished for and taken back before anything was said is nobody.
	assert_int_equal(wish(4, 9, false), 0);
	assert_int_equal(hz_mix_link_del(link_, 4), 0);
	settle();
	assert_int_equal(there().members, 2);
	assert_int_equal(refused, 0);
}

static void repeated_after_a_kill(void **state)
{
	assert_int_equal(wish(1, 9, true), 0);
	assert_int_equal(wish(2, 9, false), 0);
	start_mix(0);
	settle();
	for (unsigned round = 0; round < 3; round++) {
		unsigned before = renewed;
		kill_mix();
		assert_false(hz_mix_link_pipe(link_)->ready);
		assert_int_equal(wish(3 + round, 9, false), 0); // meanwhile
		assert_int_equal(hz_mix_link_del(link_, 3 + round), 0);
		start_mix(0);
		settle();
		assert_true(hz_mix_link_pipe(link_)->ready);
		assert_int_equal(renewed - before, 1); // of the one who listens
		assert_int_equal(there().members, 2);
	}
	assert_int_equal(turned_off, 3);
}

static void a_full_queue(void **state)
{
	for (uint32_t m = 100; m < 100 + 300; m++)
		assert_int_equal(wish(m, 9, false), 0); // more than may speak
	for (uint32_t m = 1000; m < 1000 + HZ_MIX_MEMBERS - 300; m++)
		assert_int_equal(wish(m, 10 + m % 8, false), 0);
	assert_int_equal(wish(7, 9, false), -ENOSPC);
	start_mix(4096);
	assert_int_equal(hz_mix_link_read(link_), 0);
	hz_pipe_link_flush(hz_mix_link_pipe(link_));
	assert_true(hz_mix_link_pipe(link_)->blocked);
	for (unsigned n = 0; n < 3000 && !hz_mix_link_pipe(link_)->ready; n++) {
		mix_answers();
		assert_int_equal(hz_mix_link_read(link_), 0);
		hz_pipe_link_flush(hz_mix_link_pipe(link_));
	}
	assert_true(hz_mix_link_pipe(link_)->ready);
	assert_int_equal(refused_with, -ENOSPC);
	assert_int_equal(there().members + refused, HZ_MIX_MEMBERS);
}

static void strange_messages(void **state)
{
	uint8_t junk[300];
	struct hz_ev_ack ack = {
	    .h = {.version = HZ_MIX_API_VERSION, .type = HZ_MIX_ACK, .bytes = sizeof(ack), .seq = 1},
	    .err = -EIO,
	    .id = 1};
	struct hz_mix_member_set m = {.consult = 9};
	uint32_t ssrc = 0;
	memset(junk, 0x5a, sizeof(junk));
	assert_int_equal(wish(1, 9, true), 0);
	start_mix(0);
	settle();
	for (size_t n = 1; n < sizeof(junk); n += 13)
		assert_int_equal(hz_seqpacket_send(fd[1], junk, n), 0);
	ack.h.seq = 0x12345678; // nobody asked
	assert_int_equal(hz_seqpacket_send(fd[1], &ack, sizeof(ack)), 0);
	settle();
	assert_true(hz_mix_link_pipe(link_)->ready);
	assert_int_equal(refused, 0);
	assert_int_equal(hz_mix_link_set(link_, &m, &ssrc), -EINVAL);
	assert_int_equal(wish(1, 10, true), -EEXIST);
	struct hz_mix_status s = {
	    .h = {.version = HZ_MIX_API_VERSION, .type = HZ_MIX_STATUS, .bytes = sizeof(s)}, .members = 5};
	assert_int_equal(hz_seqpacket_send(fd[1], &s, sizeof(s)), 0);
	settle();
	assert_int_equal(hz_mix_link_status(link_)->members, 5);
	kill_mix();
	assert_int_equal(hz_mix_link_status(link_)->members, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(said_when_it_comes, setup, teardown),
	    cmocka_unit_test_setup_teardown(resumed, setup, teardown),
	    cmocka_unit_test_setup_teardown(repeated_after_a_kill, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_full_queue, setup, teardown),
	    cmocka_unit_test_setup_teardown(strange_messages, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
