// Control's end of any pipe process, with an API of its own: what is said in which order, what is checked of what comes, whom a refusal
// is of, and that a socket that is full or gone costs nothing. (What the mix's makes of it: test_mix_link.c.)
#include "gateway/link/pipe_link.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/seqpacket.h"

enum { BEGIN = 1, END, ROOM_SET, ROOM_DEL, MARK_SET, MARK_DEL, NOTE_SET, HELLO = 64, ACK, LONG };

struct set {
	struct hz_msg_header h;
	uint32_t id[2], what;
};

static int fd[2]; // control's, the process's
static struct hz_pipe_link link_;
static unsigned longs, refused;
static uint32_t refused_id[2];
static struct set got[16]; // the newest of listen_all()

static void on_hello(void *ctx, const void *message)
{
	hz_pipe_link_hello(ctx);
}

static void on_ack(void *ctx, const void *message)
{
	const struct hz_pipe_wish *w = hz_pipe_link_acked(ctx, message);
	refused += w != NULL;
	if (w)
		memcpy(refused_id, w->id, sizeof(refused_id));
}

static void on_long(void *ctx, const void *message)
{
	longs++;
}

static const struct hz_pipe_in in[] = {{HELLO, false, sizeof(struct hz_msg_header), on_hello},
                                       {ACK, false, sizeof(struct hz_ev_ack), on_ack},
                                       {LONG, true, sizeof(struct hz_ev_ack), on_long},
                                       {0}};
static const struct hz_pipe_class classes[] = {{ROOM_SET, ROOM_DEL, sizeof(struct set), 24, 1},
                                               {MARK_SET, MARK_DEL, sizeof(struct set), 24, 2},
                                               {NOTE_SET, 0, sizeof(struct set), 0, 1},
                                               {0}};
static const struct hz_pipe_api api = {.strange = "test.message",
                                       .version = 7,
                                       .begin = BEGIN,
                                       .end = END,
                                       .messages_a_call = 4,
                                       .in = in,
                                       .classes = classes,
                                       .wishes_most = 5};

static int setup(void **state)
{
	longs = refused = 0;
	assert_int_equal(hz_seqpacket_pair(1 << 16, fd), 0);
	return hz_pipe_link_init(&link_, &api, fd[0], &link_);
}

static int teardown(void **state)
{
	hz_pipe_link_done(&link_);
	close(fd[0]);
	return close(fd[1]);
}

static int set(unsigned type, uint32_t first, uint32_t second, uint32_t what)
{
	const struct set m = {.id = {first, second}, .what = what};
	return hz_pipe_link_set(&link_, &m.h, type);
}

static void say(unsigned type, uint32_t seq, int32_t err, size_t bytes)
{
	struct hz_ev_ack m[2] = {
	    {.h = {.version = 7, .type = (uint16_t)type, .bytes = (uint32_t)bytes, .seq = seq}, .err = err}};
	assert_int_equal(hz_seqpacket_send(fd[1], m, bytes), 0);
}

static int read_all(void)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	return hz_pipe_link_read(&link_, buf, sizeof(buf));
}

// What control said, as types.
static const char *listen_all(void)
{
	static char types[17];
	unsigned n = 0;
	size_t bytes;
	hz_pipe_link_flush(&link_);
	while (hz_seqpacket_recv(fd[1], &got[n], sizeof(got[n]), &bytes) == 0 && n < 15) {
		assert_int_equal(got[n].h.bytes, bytes);
		assert_int_equal(got[n].h.version, 7);
		types[n] = (char)('0' + got[n].h.type);
		n++;
	}
	types[n] = '\0';
	return types;
}

static void in_order(void **state)
{
	assert_int_equal(set(MARK_SET, 1, 5, 0), 0); // nobody is there yet
	assert_int_equal(set(ROOM_SET, 1, 9, 0), 0);
	assert_int_equal(set(ROOM_SET, 2, 9, 0), 0);
	assert_int_equal(hz_pipe_link_del(&link_, ROOM_SET, &(uint32_t){2}), 0);
	assert_string_equal(listen_all(), "");
	say(HELLO, 0, 0, sizeof(struct hz_msg_header));
	assert_int_equal(read_all(), 0);
	assert_string_equal(listen_all(), "1352"); // a room that nobody knew of is not said to be gone
	say(ACK, got[3].h.seq, 0, sizeof(struct hz_ev_ack));
	assert_int_equal(read_all(), 0);
	assert_true(link_.ready);
	assert_int_equal(set(MARK_SET, 1, 5, 0), 0); // the same
	assert_string_equal(listen_all(), "");
	assert_int_equal(set(ROOM_SET, 3, 0, 0), 0);
	assert_int_equal(hz_pipe_link_del(&link_, ROOM_SET, &(uint32_t){1}), 0);
	assert_int_equal(hz_pipe_link_del(&link_, MARK_SET, (const uint32_t[]){1, 5}), 0);
	assert_int_equal(hz_pipe_link_del(&link_, MARK_SET, (const uint32_t[]){1, 5}), -ENOENT);
	assert_string_equal(listen_all(), "643"); // parts, their room, what comes
	assert_int_equal(got[0].id[0], 1);
	assert_int_equal(got[0].id[1], 5);
	assert_int_equal(hz_map_count(link_.wishes), 1);
}

static void bounds(void **state)
{
	assert_int_equal(set(ROOM_SET, 0, 1, 0), -EINVAL);
	assert_int_equal(set(HELLO, 1, 1, 0), -EINVAL);
	for (uint32_t i = 1; i <= 5; i++)
		assert_int_equal(set(MARK_SET, 1, i, 0), 0);
	assert_int_equal(set(MARK_SET, 1, 6, 0), -ENOSPC);
	assert_int_equal(set(MARK_SET, 1, 5, 1), 0);
	assert_int_equal(hz_pipe_link_del(&link_, MARK_SET, (const uint32_t[]){1, 6}), -ENOENT);
}

static void refusals(void **state)
{
	hz_pipe_link_resume(&link_);
	assert_int_equal(set(ROOM_SET, 1, 0, 0), 0);
	assert_int_equal(set(NOTE_SET, 1, 0, 0), 0);
	assert_string_equal(listen_all(), "1372");
	say(ACK, got[2].h.seq, -ENOSPC, sizeof(struct hz_ev_ack));
	say(ACK, got[3].h.seq + 50, -ENOSPC, sizeof(struct hz_ev_ack)); // of nothing
	say(ACK, 0, -ENOSPC, sizeof(struct hz_ev_ack));
	say(ACK, got[3].h.seq, -EINVAL, sizeof(struct hz_ev_ack));
	assert_int_equal(read_all(), 0);
	assert_int_equal(refused, 1);
	assert_int_equal(refused_id[0], 1);
	assert_false(link_.ready);
	assert_int_equal(hz_pipe_link_del(&link_, NOTE_SET, &(uint32_t){1}), 0);
	assert_string_equal(listen_all(), ""); // it goes with its room
}

static void strange(void **state)
{
	const struct hz_msg_header other = {.version = 8, .type = HELLO, .bytes = sizeof(other)};
	assert_int_equal(hz_seqpacket_send(fd[1], &other, sizeof(other)), 0);
	assert_int_equal(hz_seqpacket_send(fd[1], "x", 1), 0);
	say(HELLO, 0, 0, sizeof(struct hz_ev_ack)); // too long
	say(LONG, 0, 0, sizeof(struct hz_msg_header));
	say(LONG, 0, 0, sizeof(struct hz_ev_ack));
	say(LONG, 0, 0, sizeof(struct hz_ev_ack) + 8);
	assert_int_equal(read_all(), 0);
	assert_int_equal(longs, 0); // four a call
	assert_int_equal(read_all(), 0);
	assert_int_equal(longs, 2);
	assert_int_equal(link_.heard, 4);
	assert_int_equal(link_.phase, HZ_PIPE_SILENT);
}

static void gone_and_full(void **state)
{
	hz_pipe_link_flush(NULL);
	hz_pipe_link_resume(&link_);
	for (unsigned i = 0; i < 3000 && !link_.blocked; i++) {
		hz_pipe_link_resume(&link_);
		hz_pipe_link_flush(&link_);
	}
	assert_true(link_.blocked);
	while (*listen_all())
		;
	assert_false(link_.blocked || link_.end_unsaid);
	shutdown(fd[1], SHUT_RDWR);
	assert_int_equal(read_all(), -EPIPE);
	assert_int_equal(link_.fd, -1);
	assert_string_equal(listen_all(), "");
	assert_int_equal(read_all(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(in_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(bounds, setup, teardown),
	    cmocka_unit_test_setup_teardown(refusals, setup, teardown),
	    cmocka_unit_test_setup_teardown(strange, setup, teardown),
	    cmocka_unit_test_setup_teardown(gone_and_full, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
