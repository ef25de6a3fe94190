// A worker process with connections: relay, kill -9 with frames cut in the middle both ways, a slow reader, limits.
#include "tests/unit/worker/call.h"

#include <sys/socket.h>

// A connection over loopback. ret[0] the client's end, ret[1] the worker's. small: buffers as small as can be.
static void connected(int ret[2], bool small)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int bytes = 4096;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	if (small)
		setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	ret[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (small)
		setsockopt(ret[0], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	assert_int_equal(connect(ret[0], (struct sockaddr *)&at, sizeof(at)), 0);
	ret[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(ret[1] >= 0);
	close(listener);
}

// What control does. Returns the worker's answer.
static int hand_over(struct rig *rig, hz_id peer, int client, int fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	union hz_msg m = {.tcp_accept = {.peer = peer}};
	assert_int_equal(getsockname(client, (struct sockaddr *)&from, &len), 0);
	m.tcp_accept.remote.sin6_family = AF_INET6;
	m.tcp_accept.remote.sin6_port = from.sin_port;
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &m.tcp_accept.remote.sin6_addr);
	m.tcp_accept.local = m.tcp_accept.remote;
	m.h = (struct hz_msg_header){.version = HZ_API_VERSION,
	                             .type = HZ_CMD_TCP_ACCEPT,
	                             .bytes = sizeof(m.tcp_accept),
	                             .seq = ++rig->seq};
	assert_int_equal(hz_seqpacket_send_fds(rig->control, &m, sizeof(m.tcp_accept), &fd, 1), 0);
	union hz_msg ack = rig_expect(rig, HZ_EV_ACK);
	assert_int_equal(ack.h.seq, rig->seq);
	return ack.ack.err;
}

static void client_tcp_connect(struct client *c, bool small)
{
	int ends[2];
	connected(ends, small);
	assert_int_equal(hand_over(c->rig, HZ_ID(c->slot, 1), ends[0], ends[1]), 0);
	close(ends[1]);
	if (c->tcp)
		close(c->tcp);
	c->tcp = ends[0];
}

// a publishes by UDP, b watches by TCP
static void call_start(struct call *call, bool small)
{
	call_begin(call);
	client_tcp_connect(call->b, small);
	call_connect(call, false);
}

static void restart(struct call *call)
{
	rig_kill(call->rig);
	rig_spawn(call->rig);
	(void)rig_expect(call->rig, HZ_EV_HELLO);
}

static void show(struct call *call, bool key)
{
	static uint8_t frame[1000] = {0x90, 0x80, 0x01, 0, 2, 0, 0, 0, 0};
	frame[3] = key ? 0x10 : 0x11;
	memcpy(frame + 6, key ? "\0\x9d\x01\x2a" : "\0\0\0\0", 4);
	send_video(call, frame, sizeof(frame));
}

// Faster than anybody reads: so many of video, a tenth as many of audio.
static void burst(struct call *call, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		show(call, false);
		if (i % 10 == 0)
			say(call);
		usleep(200);
	}
}

static void relays_by_connection(void **state)
{
	struct call call;
	struct client_in in;
	(void)state;
	call_start(&call, false);
	for (unsigned i = 0; i < 100; i++) {
		say(&call);
		assert_true(client_next(call.b, &in, WAIT_US));
		assert_int_equal(in.p.ssrc, 0xa1);
	}
	assert_int_equal(call.rig->arena->counters.tcp_accepted, 1);
	call_end(&call);
}

static void goes_on_after_kill(void **state)
{
	struct call call;
	struct client_in in;
	(void)state;
	call_start(&call, false);
	for (unsigned i = 0; i < 5; i++) {
		say(&call);
		assert_true(client_next(call.b, &in, WAIT_US));
		restart(&call);
		assert_true(client_check(call.b, call.b->pwd, true, WAIT_US));
		say(&call);
		assert_true(client_next(call.b, &in, WAIT_US));
	}
	call_end(&call);
}

// The worker dies with the first half of a frame in its socket; the other half comes to the next one.
static void half_a_frame_in(void **state)
{
	struct call call;
	struct hz_stun_check check = {.remote_ufrag = NULL};
	struct client_in in;
	uint8_t frame[2 + HZ_STUN_MAX_BYTES];
	size_t bytes;
	(void)state;
	call_start(&call, false);
	for (size_t cut = 1; cut < 60; cut += 29) {
		unsigned before = call.b->answers;
		check = (struct hz_stun_check){.remote_ufrag = call.b->ufrag,
		                               .local_ufrag = "clnt",
		                               .remote_pwd = call.b->pwd,
		                               .priority = 100,
		                               .tie_breaker = 7};
		hz_random(check.id, sizeof(check.id));
		memcpy(call.b->last_id, check.id, sizeof(check.id));
		assert_int_equal(hz_stun_request(&check, frame + 2, sizeof(frame) - 2, &bytes), 0);
		hz_tcpframe_head(frame, bytes);
		bytes += 2;
		assert_int_equal(send(call.b->tcp, frame, cut, 0), cut);
		usleep(20000);
		restart(&call);
		usleep(20000);
		assert_int_equal(send(call.b->tcp, frame + cut, bytes - cut, 0), bytes - cut);
		int64_t until = hz_now_us() + WAIT_US;
		while (call.b->answers == before && hz_now_us() < until)
			(void)client_next(call.b, &in, 5000);
		assert_int_equal(call.b->answers, before + 1);
	}
	call_end(&call);
}

// A reader that stands still while the worker is killed, with the kernel's buffer ending inside a frame. Afterwards
// every frame is whole (the client's reader asserts it) and authentic, and what was left out was video.
static void slow_reader_and_kills(void **state)
{
	struct call call;
	struct client_in in;
	unsigned audio = 0, video = 0;
	(void)state;
	call_start(&call, true);
	show(&call, true);
	for (unsigned round = 0; round < 4; round++) {
		burst(&call, 200);
		client_pump(call.a, 1000);
		if (round % 2)
			restart(&call);
		while (client_next(call.b, &in, 300000)) {
			audio += in.p.ssrc == 0xa1;
			video += in.p.ssrc == 0xb1;
		}
	}
	assert_true(client_check(call.b, call.b->pwd, true, WAIT_US));
	assert_true(call.rig->arena->counters.tcp_dropped > 0);
	assert_true(video > 0 && video < 800);
	assert_true(audio >= 30); // what was queued in a worker that was killed is gone
	call_end(&call);
}

// Without kills no audio is lost to a slow reader while video is.
static void audio_before_video(void **state)
{
	struct call call;
	struct client_in in;
	unsigned audio = 0, video = 0;
	(void)state;
	call_start(&call, true);
	show(&call, true);
	burst(&call, 150);
	while (client_next(call.b, &in, 300000)) {
		audio += in.p.ssrc == 0xa1;
		video += in.p.ssrc == 0xb1;
	}
	assert_int_equal(audio, 15);
	assert_true(video > 0 && video < 151);
	call_end(&call);
}

// The worker is stopped while a publisher by TCP goes on: more waits for it than its socket holds. Nobody hears any of
// it afterwards, and what is said then is heard.
static void stalled(void **state)
{
	struct call call;
	struct client_in in;
	uint8_t speech[1000] = {0};
	unsigned old = 0;
	(void)state;
	call_start(&call, false);
	client_tcp_connect(call.a, false);
	assert_true(client_check(call.a, call.a->pwd, true, WAIT_US));
	say(&call);
	assert_true(client_next(call.b, &in, WAIT_US));
	kill(call.rig->pid, SIGSTOP);
	for (unsigned i = 0; i < 400; i++) {
		uint16_t seq = call.audio_seq++;
		struct hz_rtp_header h = {.ts = 960u * seq, .ssrc = OPUS_SSRC, .seq = seq, .pt = 111};
		client_rtp(call.a, &h, speech, sizeof(speech));
	}
	usleep(1300000);
	kill(call.rig->pid, SIGCONT);
	while (client_next(call.b, &in, 300000))
		old++;
	assert_int_equal(old, 0);
	say(&call);
	assert_true(client_next(call.b, &in, WAIT_US));
	call_end(&call);
}

static void live(struct call *call, uint8_t flags)
{
	for (uint32_t i = 0; i < 2; i++) {
		union hz_msg m = call_sub(i, (uint8_t)(HZ_SUB_LIVE | flags), false);
		assert_int_equal(rig_command(call->rig, &m, HZ_CMD_SUB_SET, sizeof(m.sub_set)), 0);
	}
}

static unsigned read_all(struct call *call)
{
	struct client_in in;
	unsigned count = 0;
	while (client_next(call->b, &in, 300000))
		count++;
	return count;
}

// Who watches a broadcast and does not read: what waits here when it is cut never leaves, and frames stay whole.
static void cut_takes_back_what_waits(void **state)
{
	struct call call;
	struct client_in in;
	(void)state;
	call_start(&call, true);
	live(&call, 0);
	show(&call, true);
	assert_true(client_next(call.b, &in, WAIT_US));
	burst(&call, 150);
	usleep(20000); // all of it is here
	uint64_t dropped = call.rig->arena->counters.tcp_dropped;
	live(&call, HZ_SUB_PAUSED);
	unsigned waited = (unsigned)(call.rig->arena->counters.tcp_dropped - dropped);
	assert_true(waited >= 60); // the queue was full
	unsigned got = read_all(&call);
	assert_true(got < 60);
	show(&call, true);
	say(&call);
	assert_int_equal(read_all(&call), 0);
	assert_true(client_check(call.b, call.b->pwd, true, WAIT_US));
	live(&call, 0);
	say(&call);
	assert_true(client_next(call.b, &in, WAIT_US));
	assert_int_equal(in.p.ssrc, 0xa1);
	call_end(&call);
}

static bool ended(int fd, int wait_ms)
{
	uint8_t byte;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, wait_ms) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

static void refuses(void **state)
{
	struct call call;
	int ends[2], pipes[2];
	(void)state;
	call_start(&call, false);
	connected(ends, false);
	assert_int_equal(hand_over(call.rig, HZ_ID(7, 1), ends[0], ends[1]), -ENOENT);
	close(ends[1]);
	assert_true(ended(ends[0], 3000));
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(hand_over(call.rig, HZ_ID(1, 1), ends[0], pipes[0]), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	close(ends[0]);

	static const uint8_t huge[] = {0xff, 0xff, 0, 1};
	connected(ends, false);
	assert_int_equal(hand_over(call.rig, HZ_ID(1, 1), ends[0], ends[1]), 0);
	close(ends[1]);
	assert_int_equal(send(ends[0], huge, sizeof(huge), 0), sizeof(huge));
	assert_true(ended(ends[0], 3000));
	close(ends[0]);
	assert_int_equal(call.rig->arena->counters.tcp_refused, 2);
	call_end(&call);
}

static void four_a_peer(void **state)
{
	struct call call;
	struct client_in in;
	int ends[10][2];
	(void)state;
	call_start(&call, false);
	for (unsigned i = 0; i < 10; i++) {
		connected(ends[i], false);
		assert_int_equal(hand_over(call.rig, HZ_ID(1, 1), ends[i][0], ends[i][1]), 0);
		close(ends[i][1]);
	}
	unsigned gone = 0;
	for (unsigned i = 0; i < 10; i++)
		gone += ended(ends[i][0], 200);
	assert_int_equal(gone, 7);
	say(&call); // the authenticated one was not put out
	assert_true(client_next(call.b, &in, WAIT_US));
	for (unsigned i = 0; i < 10; i++)
		close(ends[i][0]);
	call_end(&call);
}

// Nothing but checks is taken before one is authenticated, and another peer's check does not do.
static void strangers(void **state)
{
	struct call call;
	struct client *c;
	(void)state;
	call_start(&call, false);
	c = client_new(call.rig, 1);
	memcpy(c->ufrag, call.b->ufrag, sizeof(c->ufrag));
	memcpy(c->pwd, call.a->pwd, sizeof(c->pwd));
	client_tcp_connect(c, false);
	assert_false(client_check(c, c->pwd, true, 100000)); // wrong password
	memcpy(c->ufrag, call.a->ufrag, sizeof(c->ufrag));
	assert_false(client_check(c, c->pwd, true, 100000)); // right, but of another peer
	uint64_t bad = call.rig->arena->counters.dtls_bad;
	client_hello(c, NULL);
	usleep(50000);
	assert_int_equal(call.rig->arena->counters.dtls_bad, bad + 1);
	hz_dtls_free(c->dtls);
	c->dtls = NULL;
	for (unsigned i = 0; i < 20; i++) {
		uint8_t frame[] = {0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1,
		                   2, 3,  4, 5, 6, 7, 8,    9,    10,   11,   12};
		(void)!send(c->tcp, frame, sizeof(frame), MSG_NOSIGNAL);
		usleep(1000);
	}
	assert_true(ended(c->tcp, 3000));
	client_free(c);
	call_end(&call);
}

// A peer's path moves from UDP to a connection and back as it nominates.
static void moves(void **state)
{
	struct call call;
	struct client_in in;
	(void)state;
	call_start(&call, false);
	int tcp = call.b->tcp;
	usleep(1100000); // a nomination this old yields
	call.b->tcp = 0;
	assert_true(client_check(call.b, call.b->pwd, true, WAIT_US));
	say(&call);
	assert_true(client_next(call.b, &in, WAIT_US));
	call.b->tcp = tcp;
	usleep(1100000);
	assert_true(client_check(call.b, call.b->pwd, true, WAIT_US));
	say(&call);
	assert_true(client_next(call.b, &in, WAIT_US));
	// Its connection ends: the next check by another way is taken at once, whatever its priority.
	close(tcp);
	call.b->tcp = 0;
	usleep(20000);
	assert_true(client_check(call.b, call.b->pwd, false, WAIT_US));
	say(&call);
	assert_true(client_next(call.b, &in, WAIT_US));
	call_end(&call);
}

// A busy path falls silent: sending moves to another valid pair by itself, and back when the peer speaks there again.
static void silence_moves_the_path(void **state)
{
	struct call call;
	struct client_in in;
	(void)state;
	call_start(&call, false); // b's selected path is its connection
	int tcp = call.b->tcp;
	call.b->tcp = 0;
	assert_true(client_check(call.b, call.b->pwd, false, WAIT_US)); // by UDP: valid, not selected
	call.b->tcp = tcp;
	for (unsigned i = 0; i < 40; i++) { // busy
		assert_true(client_check(call.b, call.b->pwd, false, WAIT_US));
		usleep(25000);
	}
	call.b->tcp = 0;
	bool moved = false;
	int64_t until = hz_now_us() + WAIT_US;
	while (!moved && hz_now_us() < until) {
		say(&call);
		moved = client_next(call.b, &in, 20000);
	}
	assert_true(moved);
	// The peer sends by its connection again, nothing by UDP.
	call.b->tcp = tcp;
	client_pump(call.b, 1000);
	moved = false;
	until = hz_now_us() + WAIT_US;
	for (uint16_t seq = 0; !moved && hz_now_us() < until; seq++) {
		struct hz_rtp_header h = {.ssrc = 0x77, .seq = seq, .pt = 111};
		client_rtp(call.b, &h, &seq, sizeof(seq));
		say(&call);
		moved = client_next(call.b, &in, 20000);
	}
	assert_true(moved);
	call_end(&call);
}

// A path that was never busy is left to the client, however long it is silent.
static void quiet_is_not_dead(void **state)
{
	struct call call;
	struct client_in in;
	(void)state;
	call_start(&call, false);
	int tcp = call.b->tcp;
	call.b->tcp = 0;
	assert_true(client_check(call.b, call.b->pwd, false, WAIT_US));
	usleep(1500000);
	say(&call);
	assert_false(client_next(call.b, &in, 100000));
	call.b->tcp = tcp;
	assert_true(client_next(call.b, &in, WAIT_US));
	call_end(&call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(relays_by_connection),
	    cmocka_unit_test(goes_on_after_kill),
	    cmocka_unit_test(half_a_frame_in),
	    cmocka_unit_test(slow_reader_and_kills),
	    cmocka_unit_test(audio_before_video),
	    cmocka_unit_test(cut_takes_back_what_waits),
	    cmocka_unit_test(stalled),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(four_a_peer),
	    cmocka_unit_test(strangers),
	    cmocka_unit_test(moves),
	    cmocka_unit_test(silence_moves_the_path),
	    cmocka_unit_test(quiet_is_not_dead),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
