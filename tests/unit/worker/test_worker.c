// A worker process with real sockets: connect, relay, kill -9, junk, a control that does not read.
#include "tests/unit/worker/call.h"

#include <sys/socket.h>

static const uint8_t vp8_key[] = {0x90, 0x80, 0x01, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0};
static const uint8_t vp8_delta[] = {0x90, 0x80, 0x01, 0x11, 2, 0, 0, 0, 0};

static void call_start(struct call *call)
{
	call_begin(call);
	call_connect(call, true);
}

static void show(struct call *call, bool key)
{
	send_video(call, key ? vp8_key : vp8_delta, key ? sizeof(vp8_key) : sizeof(vp8_delta));
}

static void relays_audio_and_video(void **state)
{
	struct call call;
	struct client_in in;
	(void)state;
	call_start(&call);
	for (unsigned i = 0; i < 200; i++) {
		say(&call);
		show(&call, i == 0);
		for (unsigned n = 0; n < 2; n++) {
			do // empty ones go before a stream's first packet, so that its loss is noticed
				assert_true(client_next(call.b, &in, WAIT_US));
			while (!in.p.payload_bytes);
			bool audio = in.p.ssrc == 0xa1;
			assert_true(audio || in.p.ssrc == 0xb1);
			assert_int_equal(in.p.pt, audio ? 109 : 120);
			if (audio) {
				uint16_t body;
				memcpy(&body, in.p.payload, 2);
				assert_int_equal(body, i);
			}
		}
	}
	assert_false(client_next(call.a, &in, 10000)); // nothing comes back
	union hz_msg stats = rig_expect(call.rig, HZ_EV_WORKER_STATS);
	while (stats.worker_stats.rx_packets < 400)
		stats = rig_expect(call.rig, HZ_EV_WORKER_STATS);
	assert_int_equal(stats.worker_stats.handshakes_done, 2);
	assert_int_equal(stats.worker_stats.peers, 2);
	assert_int_equal(stats.worker_stats.half_open, 0);
	assert_true(stats.worker_stats.forward_p50_us > 0);
	print_message("forward p50 %u us p99 %u us (sanitizers on)\n", stats.worker_stats.forward_p50_us,
	              stats.worker_stats.forward_p99_us);
	call_end(&call);
}

// Media again within a second, no handshake, no index twice (the client's replay window would see it), and a
// keyframe asked for at once.
static void survives_kill_9(void **state)
{
	struct call call;
	struct client_in in;
	int64_t worst_us = 0;
	(void)state;
	call_start(&call);
	show(&call, true);
	assert_true(client_next(call.b, &in, WAIT_US));
	for (unsigned round = 0; round < 12; round++) {
		for (unsigned i = 0; i < 30; i++) {
			say(&call);
			show(&call, false);
			if (i == round * 2)
				rig_kill(call.rig); // in the middle of a burst
		}
		uint64_t plis = call.a->plis;
		int64_t killed_us = hz_now_us();
		rig_spawn(call.rig);
		bool audio = false, video = false;
		while (!audio || !video) {
			say(&call);
			show(&call, call.a->plis != plis);
			while (client_next(call.b, &in, 5000)) {
				audio = audio || in.p.ssrc == 0xa1;
				video = video || (in.p.ssrc == 0xb1 && call.a->plis != plis);
			}
			(void)client_next(call.a, &in, 0);
			assert_true(hz_now_us() - killed_us < WAIT_US);
		}
		int64_t took_us = hz_now_us() - killed_us;
		worst_us = took_us > worst_us ? took_us : worst_us;
		union hz_msg hello = rig_expect(call.rig, HZ_EV_HELLO);
		assert_int_equal(hello.hello.incarnation, round + 2);
		assert_int_equal(hello.hello.peers, 2);
		assert_int_equal(hello.hello.subs, 2);
		rig_expect_state(call.rig, HZ_ID(1, 1), HZ_PEER_CONNECTED, HZ_REASON_NONE);
		assert_int_equal(call.b->auth_failed + call.b->replayed, 0);
		client_pump(call.b, 20000);
	}
	print_message("worst gap over 12 kills: %lld us\n", (long long)worst_us);
	assert_int_equal(call.rig->arena->counters.handshakes_done, 2);
	assert_int_equal(call.rig->arena->counters.srtp_auth_failed, 0);
	assert_true(call.b->rtcp > 0 || call.a->rtcp > 0);
	call_end(&call);
}

static void junk_disturbs_nobody(void **state)
{
	struct call call;
	struct client_in in;
	(void)state;
	call_start(&call);
	struct client *stranger = client_new(call.rig, 9);
	show(&call, true);
	assert_true(client_next(call.b, &in, WAIT_US));
	uint8_t buf[1400];
	for (unsigned i = 0; i < 3000; i++) {
		hz_random(buf, sizeof(buf));
		buf[0] = (uint8_t)(i % 5 == 0 ? 0x80 : i % 5 == 1 ? 22 : i % 5 == 2 ? 0 : buf[0]);
		client_raw(i % 2 ? stranger : call.b, buf, i % sizeof(buf));
		if (i % 100)
			continue;
		say(&call);
		client_pump(call.b, 2000);
	}
	// Of the victim's ufrag, but with a wrong password; and a handshake from an address that ICE does not know.
	memcpy(stranger->ufrag, call.a->ufrag, sizeof(stranger->ufrag));
	assert_false(client_check(stranger, "wrong-password-wrong-password", true, 100000));
	client_hello(stranger, NULL);
	client_pump(stranger, 50000);
	assert_int_equal(hz_dtls_state(stranger->dtls), HZ_DTLS_HANDSHAKING);
	show(&call, false);
	assert_true(client_next(call.b, &in, WAIT_US));
	const struct hz_arena_counters *c = &call.rig->arena->counters;
	assert_true(c->stun_bad > 0 && c->dtls_bad > 0 && c->srtp_auth_failed > 0 && c->unmatched > 0);
	client_free(stranger);
	call_end(&call);
}

static void wrong_certificate_fails(void **state)
{
	(void)state;
	struct rig *rig = rig_new(0);
	struct client *c = client_new(rig, 4);
	union hz_msg m = {.peer_set = {.peer = HZ_ID(4, 1)}};
	memcpy(m.peer_set.local_ufrag, c->ufrag, sizeof(c->ufrag));
	memcpy(m.peer_set.local_pwd, c->pwd, sizeof(c->pwd));
	memset(m.peer_set.fingerprint, 0x5a, HZ_FINGERPRINT_BYTES);
	assert_int_equal(rig_command(rig, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set)), 0);
	assert_true(client_check(c, c->pwd, true, WAIT_US));
	(void)client_handshake(c, 300000);
	rig_expect_state(rig, HZ_ID(4, 1), HZ_PEER_FAILED, HZ_REASON_FINGERPRINT);
	assert_false(client_check(c, c->pwd, true, 50000)); // it is over: not even checks are answered
	client_free(c);
	rig_free(rig);
}

static void killed_in_a_handshake(void **state)
{
	(void)state;
	struct rig *rig = rig_new(0);
	struct client *c = client_new(rig, 4);
	assert_int_equal(client_set(c, 1, 0), 0);
	assert_true(client_check(c, c->pwd, true, WAIT_US));
	client_hello(c, NULL);
	while (rig->arena->peer[4].dtls != HZ_ARENA_DTLS_HANDSHAKING)
		usleep(1000);
	rig_kill(rig);
	rig_spawn(rig);
	rig_expect_state(rig, HZ_ID(4, 1), HZ_PEER_FAILED, HZ_REASON_LOST_HANDSHAKE);
	client_free(c);
	rig_free(rig);
}

// DTLS and SRTP go on over an ICE restart; the old credentials serve until the new are nominated.
static void ice_restart(void **state)
{
	struct call call;
	struct client_in in;
	(void)state;
	call_start(&call);
	show(&call, true);
	assert_true(client_next(call.b, &in, WAIT_US));
	char old_ufrag[HZ_UFRAG_BYTES], old_pwd[HZ_PWD_BYTES];
	memcpy(old_ufrag, call.b->ufrag, sizeof(old_ufrag));
	memcpy(old_pwd, call.b->pwd, sizeof(old_pwd));
	hz_random_text(call.b->ufrag, 8);
	hz_random_text(call.b->pwd, 24);
	assert_int_equal(client_set(call.b, 1, 0), 0);
	struct client old = *call.b;
	memcpy(old.ufrag, old_ufrag, sizeof(old_ufrag));
	memcpy(old.pwd, old_pwd, sizeof(old_pwd));
	assert_true(client_check(&old, old.pwd, true, WAIT_US));
	rig_kill(call.rig); // also in the middle of it
	rig_spawn(call.rig);
	assert_true(client_check(&old, old.pwd, true, WAIT_US));
	// From another port, as after a change of networks.
	int fd;
	struct hz_udp_tx *tx;
	assert_int_equal(hz_udp_open("127.0.0.1", 0, &fd), 0);
	assert_int_equal(hz_udp_tx_new(fd, &tx), 0);
	hz_udp_tx_free(call.b->tx);
	close(call.b->fd);
	call.b->fd = fd;
	call.b->tx = tx;
	assert_true(client_check(call.b, call.b->pwd, true, WAIT_US));
	old = *call.b;
	memcpy(old.ufrag, old_ufrag, sizeof(old_ufrag));
	memcpy(old.pwd, old_pwd, sizeof(old_pwd));
	assert_false(client_check(&old, old.pwd, true, 50000));
	client_pump(call.b, 10000);
	show(&call, true);
	assert_true(client_next(call.b, &in, WAIT_US));
	assert_int_equal(call.rig->arena->counters.handshakes_done, 2);
	// A new ClientHello on a connected peer changes nothing.
	client_hello(call.b, NULL);
	client_pump(call.b, 50000);
	show(&call, true);
	assert_true(client_next(call.b, &in, WAIT_US));
	call_end(&call);
}

static void consent_and_close(void **state)
{
	struct call call;
	struct client_in in;
	(void)state;
	call_start(&call);
	show(&call, true);
	assert_true(client_next(call.b, &in, WAIT_US));
	struct hz_arena_peer *ap = &call.rig->arena->peer[1];
	ap->consent_us -= 8000000; // as if 8 s without a check had gone by
	rig_expect_state(call.rig, HZ_ID(1, 1), HZ_PEER_DISCONNECTED, HZ_REASON_NONE);
	show(&call, false); // it may come back any moment
	assert_true(client_next(call.b, &in, WAIT_US));
	assert_true(client_check(call.b, call.b->pwd, true, WAIT_US));
	rig_expect_state(call.rig, HZ_ID(1, 1), HZ_PEER_CONNECTED, HZ_REASON_NONE);
	ap->consent_us -= 31000000;
	rig_expect_state(call.rig, HZ_ID(1, 1), HZ_PEER_FAILED, HZ_REASON_CONSENT);
	client_pump(call.b, 20000);
	show(&call, true);
	assert_false(client_next(call.b, &in, 50000));
	assert_false(client_check(call.b, call.b->pwd, true, 50000));
	rig_kill(call.rig); // dead credentials stay dead
	rig_spawn(call.rig);
	assert_false(client_check(call.b, call.b->pwd, true, 100000));
	hz_random_text(call.b->ufrag, 8);
	hz_random_text(call.b->pwd, 24);
	assert_int_equal(client_set(call.b, 1, 0), 0);
	assert_true(client_check(call.b, call.b->pwd, true, WAIT_US));
	rig_expect_state(call.rig, HZ_ID(1, 1), HZ_PEER_CONNECTED, HZ_REASON_NONE);
	client_pump(call.b, 20000);
	show(&call, true);
	assert_true(client_next(call.b, &in, WAIT_US));
	hz_dtls_close(call.a->dtls); // a's association lived in the worker that was killed: not understood
	client_pump(call.a, 20000);
	assert_int_equal(call.rig->arena->peer[0].state, HZ_PEER_CONNECTED);
	call_end(&call);

	call_start(&call);
	hz_dtls_close(call.a->dtls);
	rig_expect_state(call.rig, HZ_ID(0, 1), HZ_PEER_CLOSED, HZ_REASON_NONE);
	union hz_msg del = {.peer_del = {.peer = HZ_ID(0, 1)}};
	assert_int_equal(rig_command(call.rig, &del, HZ_CMD_PEER_DEL, sizeof(del.peer_del)), 0);
	assert_int_equal(rig_command(call.rig, &del, HZ_CMD_PEER_DEL, sizeof(del.peer_del)), -ENOENT);
	static const struct hz_arena_peer none;
	assert_memory_equal(&call.rig->arena->peer[0], &none, sizeof(none)); // keys are wiped
	call_end(&call);
}

// Control does not read: commands wait, none is lost or left without its ACK, media flows, states come later.
static void control_that_does_not_read(void **state)
{
	(void)state;
	struct rig *rig = rig_new(8192);
	struct client *c = client_new(rig, 0);
	assert_int_equal(client_set(c, 1, 0), 0);
	unsigned sent = 0;
	for (; sent < 5000; sent++) {
		union hz_msg m = {.peer_del = {.peer = HZ_ID(7, 1)}};
		m.h = (struct hz_msg_header){.version = HZ_API_VERSION,
		                             .type = HZ_CMD_PEER_DEL,
		                             .bytes = sizeof(m.peer_del),
		                             .seq = rig->seq + 1};
		int err = hz_seqpacket_send(rig->control, &m, sizeof(m.peer_del));
		if (err == -EAGAIN) {
			usleep(20000);
			err = hz_seqpacket_send(rig->control, &m, sizeof(m.peer_del));
		}
		if (err)
			break;
		rig->seq++;
	}
	assert_in_range(sent, 8, 4999);                      // it did fill
	assert_true(client_check(c, c->pwd, true, WAIT_US)); // the network goes on
	assert_int_equal(client_handshake(c, WAIT_US), HZ_DTLS_CONNECTED);
	uint32_t expect = 2;
	bool connected = false;
	int64_t until = hz_now_us() + WAIT_US;
	union hz_msg msg;
	while ((expect <= rig->seq || !connected) && hz_now_us() < until && rig_event(rig, &msg, WAIT_US)) {
		if (msg.h.type == HZ_EV_ACK) {
			assert_int_equal(msg.h.seq, expect++);
			assert_int_equal(msg.ack.err, -ENOENT);
		}
		connected = connected ||
		            (msg.h.type == HZ_EV_PEER_STATE && msg.peer_state.state == HZ_PEER_CONNECTED);
	}
	assert_int_equal(expect, rig->seq + 1);
	assert_true(connected);
	client_free(c);
	rig_free(rig);
}

static void bad_commands_are_refused(void **state)
{
	(void)state;
	struct rig *rig = rig_new(0);
	union hz_msg ack, m = {.peer_set = {.peer = HZ_ID(1, 1)}};
	assert_int_equal(rig_command(rig, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set)), -EINVAL); // no ufrag
	assert_int_equal(rig_command(rig, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set) - 1), -EINVAL);
	assert_int_equal(rig_command(rig, &m, 999, sizeof(m.peer_set)), -EINVAL);
	assert_int_equal(rig_command(rig, &m, HZ_CMD_RECONCILE_END, sizeof(m.reconcile)), -EINVAL);
	m.h = (struct hz_msg_header){.version = HZ_API_VERSION + 1, .type = HZ_CMD_PEER_SET, .seq = 77};
	assert_int_equal(hz_seqpacket_send(rig->control, &m, sizeof(m.peer_set)), 0);
	ack = rig_expect(rig, HZ_EV_ACK);
	assert_int_equal(ack.ack.err, -EPROTO);
	assert_int_equal(ack.h.seq, 77);
	assert_int_equal(hz_seqpacket_send(rig->control, "abc", 3), 0); // shorter than a header
	ack = rig_expect(rig, HZ_EV_ACK);
	assert_int_equal(ack.ack.err, -EINVAL);
	uint8_t large[2000] = {0};
	assert_int_equal(hz_seqpacket_send(rig->control, large, sizeof(large)), 0);
	ack = rig_expect(rig, HZ_EV_ACK);
	assert_int_equal(ack.ack.err, -EINVAL);
	rig_free(rig);
}

static void foreign_arena_is_refused(void **state)
{
	(void)state;
	struct rig *rig = rig_new(0);
	(void)rig_expect(rig, HZ_EV_HELLO);
	assert_int_equal(rig_stop(rig), 0);
	rig->arena->version++;
	rig_spawn(rig);
	int status;
	assert_int_equal(waitpid(rig->pid, &status, 0), rig->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EPROTO);
	rig->pid = 0;
	assert_int_equal(hz_worker_arena_version(), HZ_ARENA_VERSION);
	rig_free(rig);
}

// Checks that are a's own by credentials, b's by address: as whoever forges their source would send them.
static bool check_from(struct client *a, const struct client *b, int64_t wait_us)
{
	struct client both = *a;
	both.fd = b->fd;
	both.tx = b->tx;
	return client_check(&both, both.pwd, true, wait_us);
}

static bool heard(struct call *call, int64_t wait_us)
{
	struct client_in in;
	client_pump(call->b, 10000);
	say(call);
	return client_next(call->b, &in, wait_us);
}

// Nobody takes the address of a peer that is heard from it, neither by checks nor by media; once that one is silent, or has
// said goodbye, it moves at once: a NAT has given it to somebody else.
static void address_of_another(void **state)
{
	struct call call;
	(void)state;
	call_start(&call);
	struct client *other = client_new(call.rig, 2);
	assert_int_equal(client_set(other, 9, HZ_PEER_MUTED), 0); // in the lobby
	assert_true(heard(&call, WAIT_US));
	uint64_t bad = call.rig->arena->counters.stun_bad;
	assert_false(check_from(other, call.a, 100000));
	assert_int_equal(call.rig->arena->counters.stun_bad, bad + 1);
	assert_int_equal(call.rig->arena->peer[2].state, HZ_PEER_NEW);
	assert_true(heard(&call, WAIT_US));
	assert_true(client_check(other, other->pwd, true, WAIT_US)); // at its own, as ever
	assert_false(check_from(other, call.a, 100000));
	assert_true(heard(&call, WAIT_US));
	call.rig->arena->peer[0].consent_us -= 8000000; // media alone holds it
	rig_expect_state(call.rig, HZ_ID(0, 1), HZ_PEER_DISCONNECTED, HZ_REASON_NONE);
	assert_false(check_from(other, call.a, 100000));
	assert_true(client_check(call.a, call.a->pwd, true, WAIT_US));
	rig_kill(call.rig); // its check alone, at the next worker
	rig_spawn(call.rig);
	(void)rig_expect(call.rig, HZ_EV_HELLO);
	assert_false(check_from(other, call.a, 100000));
	assert_true(heard(&call, WAIT_US));
	rig_kill(call.rig);
	call.rig->arena->peer[0].consent_us -= 8000000; // as if it had been silent for 8 s
	rig_spawn(call.rig);
	(void)rig_expect(call.rig, HZ_EV_HELLO);
	assert_true(check_from(other, call.a, WAIT_US));
	assert_false(heard(&call, 100000));
	assert_false(client_check(call.a, call.a->pwd, true, 100000)); // now it is the other one's
	client_free(other);
	call_end(&call);

	call_start(&call);
	other = client_new(call.rig, 2);
	assert_int_equal(client_set(other, 1, 0), 0);
	hz_dtls_close(call.a->dtls);
	rig_expect_state(call.rig, HZ_ID(0, 1), HZ_PEER_CLOSED, HZ_REASON_NONE);
	assert_true(check_from(other, call.a, WAIT_US));
	client_free(other);
	call_end(&call);
}

// Control goes away for good: media flows on.
static void without_control(void **state)
{
	struct call call;
	struct client_in in;
	(void)state;
	call_start(&call);
	show(&call, true);
	assert_true(client_next(call.b, &in, WAIT_US));
	shutdown(call.rig->control, SHUT_RDWR);
	for (unsigned i = 0; i < 20; i++) {
		show(&call, false);
		assert_true(client_next(call.b, &in, WAIT_US));
	}
	call_end(&call);
}

// The check lies in the socket before the command does: it is answered all the same, at once.
static void check_before_the_command(void **state)
{
	struct rig *rig = rig_new(0);
	struct client *c = client_new(rig, 0);
	struct client_in in;
	union hz_msg m = {.peer_set = {.peer = HZ_ID(0, 1), .consult = 1}};
	(void)state;
	(void)rig_expect(rig, HZ_EV_HELLO);
	memcpy(m.peer_set.local_ufrag, c->ufrag, sizeof(c->ufrag));
	memcpy(m.peer_set.local_pwd, c->pwd, sizeof(c->pwd));
	snprintf(m.peer_set.remote_ufrag, HZ_UFRAG_BYTES, "client");
	snprintf(m.peer_set.remote_pwd, HZ_PWD_BYTES, "a-password-that-is-not-used");
	hz_identity_fingerprint(c->identity, m.peer_set.fingerprint);
	assert_int_equal(kill(rig->pid, SIGSTOP), 0);
	assert_int_equal(waitpid(rig->pid, NULL, WUNTRACED), rig->pid);
	client_check_send(c, c->pwd, true);
	rig_send(rig, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set));
	assert_int_equal(kill(rig->pid, SIGCONT), 0);
	for (int64_t until = hz_now_us() + WAIT_US; !c->answers && hz_now_us() < until;)
		(void)client_next(c, &in, 5000);
	assert_int_equal(c->answers, 1); // it was asked once
	union hz_msg ack = rig_expect(rig, HZ_EV_ACK);
	assert_int_equal(ack.ack.err, 0);
	client_free(c);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_before_the_command),
	    cmocka_unit_test(relays_audio_and_video),
	    cmocka_unit_test(survives_kill_9),
	    cmocka_unit_test(junk_disturbs_nobody),
	    cmocka_unit_test(wrong_certificate_fails),
	    cmocka_unit_test(killed_in_a_handshake),
	    cmocka_unit_test(ice_restart),
	    cmocka_unit_test(consent_and_close),
	    cmocka_unit_test(control_that_does_not_read),
	    cmocka_unit_test(bad_commands_are_refused),
	    cmocka_unit_test(foreign_arena_is_refused),
	    cmocka_unit_test(address_of_another),
	    cmocka_unit_test(without_control),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
