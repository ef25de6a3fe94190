// A peer that is reached by full ICE agents: it connects from either of our addresses, survives ICE restarts, and comes
// back with one after its worker was killed, with the keys it had.
#include "media/transport/agent.h"
#include "tests/unit/worker/call.h"

#define QUEUE 64

struct full {
	struct client *c; // first: what read and write get
	struct hz_agents *set;
	struct hz_agent *agent;                        // by which it sends
	struct hz_agent *first;                        // by which it sent before
	bool single;                                   // it finds the gateway's first address only
	unsigned by_second;                            // packets that came by the second one
	struct hz_candidate second;                    // the gateway's second address
	char ufrag[HZ_UFRAG_BYTES], pwd[HZ_PWD_BYTES]; // ours
	uint8_t data[QUEUE][2048];
	size_t bytes[QUEUE];
	unsigned head, count;
};

static struct full *full_of; // one a test
static uint16_t seq;

static struct in6_addr loopback(uint8_t last)
{
	struct in6_addr ret = {0};
	ret.s6_addr[10] = ret.s6_addr[11] = 0xff;
	ret.s6_addr[12] = 127;
	ret.s6_addr[15] = last;
	return ret;
}

static void on_local(void *user)
{
	(void)user;
}

static void on_state(void *user, enum hz_agent_state state)
{
	(void)user;
	(void)state;
}

static void on_packet(void *user, uint8_t *data, size_t bytes)
{
	struct full *f = user;
	if (f->count == QUEUE || bytes > sizeof(f->data[0]))
		return;
	unsigned at = (f->head + f->count++) % QUEUE;
	memcpy(f->data[at], data, bytes);
	f->bytes[at] = bytes;
}

static void on_second(void *user, uint8_t *data, size_t bytes)
{
	struct full *f = user;
	f->by_second++;
	on_packet(f, data, bytes);
}

static void turn(struct full *f, int64_t wait_us)
{
	struct pollfd p = {.fd = hz_agents_poll_fd(f->set), .events = POLLIN};
	int64_t left_us = hz_agents_deadline(f->set) - hz_now_us();
	left_us = left_us < wait_us ? left_us : wait_us;
	poll(&p, 1, left_us > 0 ? (int)((left_us + 999) / 1000) : 0);
	hz_agents_run(f->set, hz_now_us());
}

static void write_full(struct client *c, const uint8_t *data, size_t bytes)
{
	(void)c;
	assert_int_equal(hz_agent_send(full_of->agent, data, bytes), 0);
}

static ssize_t read_full(struct client *c, uint8_t *data, int64_t wait_us)
{
	struct full *f = full_of;
	(void)c;
	if (!f->count)
		turn(f, wait_us);
	if (!f->count)
		return 0;
	size_t bytes = f->bytes[f->head];
	memcpy(data, f->data[f->head], bytes);
	f->head = (f->head + 1) % QUEUE;
	f->count--;
	return (ssize_t)bytes;
}

static int set_peer(struct full *f)
{
	struct client *c = f->c;
	union hz_msg m = {.peer_set = {.peer = HZ_ID(c->slot, 1), .consult = 1, .flags = HZ_PEER_AGENT}};
	memcpy(m.peer_set.local_ufrag, c->ufrag, sizeof(c->ufrag));
	memcpy(m.peer_set.local_pwd, c->pwd, sizeof(c->pwd));
	memcpy(m.peer_set.remote_ufrag, f->ufrag, sizeof(f->ufrag));
	memcpy(m.peer_set.remote_pwd, f->pwd, sizeof(f->pwd));
	hz_identity_fingerprint(c->identity, m.peer_set.fingerprint);
	return rig_command(c->rig, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set));
}

static union hz_msg agents_of(const struct full *f)
{
	union hz_msg m = {.agent_set = {.peer = HZ_ID(f->c->slot, 1),
	                                .address_count = 2,
	                                .address = {loopback(1), loopback(2)}}};
	memcpy(m.agent_set.local_ufrag, f->c->ufrag, sizeof(m.agent_set.local_ufrag));
	return m;
}

static int tell_remote(struct full *f, const char *ufrag)
{
	bool done;
	union hz_msg m = {.agent_remote = {.peer = HZ_ID(f->c->slot, 1)}};
	m.agent_remote.count = hz_agent_local(f->agent, m.agent_remote.candidate, HZ_MAX_CANDIDATES, &done);
	snprintf(m.agent_remote.remote_ufrag, HZ_UFRAG_BYTES, "%s", ufrag);
	return rig_command(f->c->rig, &m, HZ_CMD_AGENT_REMOTE, sizeof(m.agent_remote));
}

static struct hz_ev_agent_local expect_local(struct full *f)
{
	union hz_msg msg;
	do
		msg = rig_expect(f->c->rig, HZ_EV_AGENT_LOCAL);
	while (!msg.agent_local.done || strcmp(msg.agent_local.local_ufrag, f->c->ufrag) != 0);
	return msg.agent_local;
}

static struct hz_agent *agent_of(struct full *f, uint8_t last,
                                 void (*packet)(void *user, uint8_t *data, size_t bytes))
{
	const struct in6_addr address = loopback(last);
	const struct hz_agent_options options = {.local_ufrag = f->ufrag,
	                                         .local_pwd = f->pwd,
	                                         .remote_ufrag = f->c->ufrag,
	                                         .remote_pwd = f->c->pwd,
	                                         .address = &address,
	                                         .controlled = true,
	                                         .local = on_local,
	                                         .state = on_state,
	                                         .packet = packet,
	                                         .user = f};
	struct hz_agent *agent;
	assert_int_equal(hz_agent_new(f->set, &options, hz_now_us(), &agent), 0);
	turn(f, 10000);
	return agent;
}

static void connected(struct full *f)
{
	int64_t until = hz_now_us() + WAIT_US;
	while (hz_agent_state(f->agent) != HZ_AGENT_CONNECTED && hz_now_us() < until)
		turn(f, 10000);
	assert_int_equal(hz_agent_state(f->agent), HZ_AGENT_CONNECTED);
}

// Offer and answer, of a first or a new ICE generation.
static void negotiate(struct full *f)
{
	struct hz_agent *before = f->agent;
	hz_random_text(f->c->ufrag, 8);
	hz_random_text(f->c->pwd, 24);
	hz_random_text(f->ufrag, 8);
	hz_random_text(f->pwd, 24);
	assert_int_equal(set_peer(f), 0);
	union hz_msg m = agents_of(f);
	rig_send(f->c->rig, &m, HZ_CMD_AGENT_SET, sizeof(m.agent_set));
	struct hz_ev_agent_local local = expect_local(f);
	assert_int_equal(rig_expect(f->c->rig, HZ_EV_ACK).ack.err, 0);
	assert_int_equal(local.count, 2);
	assert_memory_equal(&local.candidate[0].address, &m.agent_set.address[0], sizeof(struct in6_addr));
	assert_memory_equal(&local.candidate[1].address, &m.agent_set.address[1], sizeof(struct in6_addr));
	assert_int_equal(rig_command(f->c->rig, &m, HZ_CMD_AGENT_SET, sizeof(m.agent_set)),
	                 0); // repeated: harmless
	f->agent = agent_of(f, 3, on_packet);
	f->second = local.candidate[1];
	hz_agent_remote(f->agent, local.candidate, f->single ? 1 : local.count);
	if (!f->single) // else the gateway learns it from its checks
		assert_int_equal(tell_remote(f, f->ufrag), 0);
	connected(f);
	hz_agent_free(before);
}

static struct full *full_new(struct rig *rig, uint32_t slot)
{
	struct full *f = calloc(1, sizeof(*f));
	assert_int_equal(hz_agents_new(4, &f->set), 0);
	f->c = client_new(rig, slot);
	f->c->read = read_full;
	f->c->write = write_full;
	full_of = f;
	return f;
}

static void full_free(struct full *f)
{
	client_free(f->c);
	hz_agent_free(f->agent);
	hz_agent_free(f->first);
	hz_agents_free(f->set);
	free(f);
}

static void connect_full(struct full *f)
{
	struct hz_srtp_keys keys;
	negotiate(f);
	rig_expect_state(f->c->rig, HZ_ID(f->c->slot, 1), HZ_PEER_CHECKING, HZ_REASON_NONE);
	assert_int_equal(client_handshake(f->c, WAIT_US), HZ_DTLS_CONNECTED);
	assert_int_equal(hz_dtls_export(f->c->dtls, &keys), 0);
	assert_int_equal(hz_srtp_new(&keys, &f->c->srtp), 0);
	rig_expect_state(f->c->rig, HZ_ID(f->c->slot, 1), HZ_PEER_CONNECTED, HZ_REASON_NONE);
}

static void speak(struct client *c)
{
	struct hz_rtp_header h = {.ts = 960u * seq, .ssrc = OPUS_SSRC, .seq = seq, .pt = 111};
	client_rtp(c, &h, &seq, sizeof(seq));
	seq++;
}

static void heard(struct client *from, struct client *to, unsigned count)
{
	struct client_in in;
	for (unsigned i = 0; i < count; i++) {
		speak(from);
		assert_true(client_next(to, &in, WAIT_US));
		assert_int_equal(in.p.ssrc, 0xa1);
	}
	assert_int_equal(to->auth_failed + to->replayed, 0);
}

// The full one publishes to a lite one, on the same worker.
static void publishes(void **state)
{
	struct rig *rig = rig_new(0);
	struct full *a = full_new(rig, 0);
	struct client *b = client_new(rig, 1);
	(void)state;
	rig_expect(rig, HZ_EV_HELLO);
	assert_int_equal(client_set(b, 1, 0), 0);
	client_connect(b);
	connect_full(a);
	call_voice(rig);
	heard(a->c, b, 50);
	union hz_msg stats = rig_expect(rig, HZ_EV_WORKER_STATS);
	while (stats.worker_stats.rx_packets < 50)
		stats = rig_expect(rig, HZ_EV_WORKER_STATS);
	union hz_msg del = {.peer_del = {.peer = HZ_ID(0, 1)}};
	assert_int_equal(rig_command(rig, &del, HZ_CMD_PEER_DEL, sizeof(del.peer_del)), 0);
	full_free(a);
	client_free(b);
	rig_free(rig);
}

// The full one watches a lite one.
static void watches(struct client *a, struct full *b)
{
	rig_expect(a->rig, HZ_EV_HELLO);
	assert_int_equal(client_set(a, 1, 0), 0);
	client_connect(a);
	connect_full(b);
	call_voice(a->rig);
	heard(a, b->c, 20);
}

// ICE restarts change the path under the same keys, and what was sent before goes on to be.
static void restarts(void **state)
{
	struct rig *rig = rig_new(0);
	struct client *a = client_new(rig, 0);
	struct full *b = full_new(rig, 1);
	(void)state;
	watches(a, b);
	for (unsigned i = 0; i < 3; i++) {
		negotiate(b);
		speak(b->c); // it has the answer: it sends by the new way
		client_pump(b->c, 50000);
		heard(a, b->c, 20);
	}
	client_free(a);
	full_free(b);
	rig_free(rig);
}

// A client that sends by another of our addresses than the one we chose gets its media there, and the agent it uses is
// not made anew under it.
static void goes_where_the_client_sends(void **state)
{
	struct rig *rig = rig_new(0);
	struct client *a = client_new(rig, 0);
	struct full *b = full_new(rig, 1);
	struct client_in in;
	(void)state;
	b->single = true;
	watches(a, b);
	b->first = b->agent;
	b->agent = agent_of(b, 4, on_second);
	hz_agent_remote(b->agent, &b->second, 1);
	connected(b);
	for (unsigned i = 0; i < 400; i++) { // 4 s: agents that are not used are made anew after one
		speak(a);
		speak(b->c);
		client_pump(b->c, 10000);
		if (i == 100)
			assert_true(b->by_second > 0);
	}
	unsigned before = b->by_second;
	speak(a);
	while (b->by_second == before && client_next(b->c, &in, WAIT_US))
		;
	assert_true(b->by_second > before);
	client_free(a);
	full_free(b);
	rig_free(rig);
}

static void comes_back_after_kill_9(void **state)
{
	struct rig *rig = rig_new(0);
	struct client *a = client_new(rig, 0);
	struct full *b = full_new(rig, 1);
	(void)state;
	watches(a, b);
	rig_kill(rig);
	rig_spawn(rig);
	rig_expect(rig, HZ_EV_HELLO);
	rig_expect_state(rig, HZ_ID(1, 1), HZ_PEER_DISCONNECTED, HZ_REASON_AGENT_LOST);
	negotiate(b);
	rig_expect_state(rig, HZ_ID(1, 1), HZ_PEER_CONNECTED, HZ_REASON_NONE);
	heard(a, b->c, 20);
	client_free(a);
	full_free(b);
	rig_free(rig);
}

static struct hz_candidate candidate_of(int fd)
{
	struct sockaddr_in6 local;
	assert_int_equal(hz_udp_local(fd, &local), 0);
	return (struct hz_candidate){
	    .address = loopback(1), .port = ntohs(local.sin6_port), .priority = 1 << 24};
}

// Checks that nominate, in 2 s, at a peer that answers them all.
static unsigned nominations(struct full *f, int fd)
{
	struct hz_stun_reply reply = {0};
	struct sockaddr_in6 from;
	uint8_t data[1024];
	unsigned ret = 0;
	for (int64_t until = hz_now_us() + 2000000; hz_now_us() < until;) {
		socklen_t size = sizeof(from);
		struct pollfd p = {.fd = fd, .events = POLLIN};
		poll(&p, 1, 10);
		ssize_t bytes =
		    recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
		if (bytes <= 0)
			continue;
		assert_int_equal(hz_stun_answer(data, (size_t)bytes, f->pwd, &from, &reply), 0);
		(void)!sendto(fd, reply.data, reply.bytes, 0, (struct sockaddr *)&from, size);
		ret += reply.use_candidate;
	}
	return ret;
}

// A browser that has just restarted ICE may not count the checks that libnice sends until a pair works: more follow.
static void nominates_until_it_counts(void **state)
{
	struct rig *rig = rig_new(0);
	struct full *f = full_new(rig, 0);
	int fd = -1;
	(void)state;
	rig_expect(rig, HZ_EV_HELLO);
	hz_random_text(f->ufrag, 8);
	hz_random_text(f->pwd, 24);
	assert_int_equal(hz_udp_open("127.0.0.1", 0, &fd), 0);
	assert_int_equal(set_peer(f), 0);
	union hz_msg m = agents_of(f);
	m.agent_set.address_count = 1;
	assert_int_equal(rig_command(rig, &m, HZ_CMD_AGENT_SET, sizeof(m.agent_set)), 0);
	union hz_msg r = {.agent_remote = {.peer = HZ_ID(0, 1), .count = 1, .candidate = {candidate_of(fd)}}};
	memcpy(r.agent_remote.remote_ufrag, f->ufrag, sizeof(f->ufrag));
	assert_int_equal(rig_command(rig, &r, HZ_CMD_AGENT_REMOTE, sizeof(r.agent_remote)), 0);
	assert_in_range(nominations(f, fd), 10, 30);
	rig_expect_state(rig, HZ_ID(0, 1), HZ_PEER_CHECKING, HZ_REASON_NONE);
	close(fd);
	full_free(f);
	rig_free(rig);
}

static int bad_set(struct full *f, union hz_msg *m)
{
	return rig_command(f->c->rig, m, HZ_CMD_AGENT_SET, sizeof(m->agent_set));
}

static void bad_commands(void **state)
{
	struct rig *rig = rig_new(0);
	struct full *a = full_new(rig, 0);
	struct client *lite = client_new(rig, 1);
	(void)state;
	rig_expect(rig, HZ_EV_HELLO);
	assert_int_equal(client_set(lite, 1, 0), 0);
	snprintf(a->ufrag, sizeof(a->ufrag), "abcdefgh");
	snprintf(a->pwd, sizeof(a->pwd), "abcdefghabcdefghabcdefgh");
	assert_int_equal(set_peer(a), 0);
	const struct hz_cmd_agent_set good = {
	    .peer = HZ_ID(0, 1), .address_count = 1, .address = {loopback(1)}};
	union hz_msg m = {.agent_set = good};
	assert_int_equal(bad_set(a, &m), -ESTALE);
	memcpy(m.agent_set.local_ufrag, a->c->ufrag, sizeof(m.agent_set.local_ufrag));
	m.agent_set.address_count = HZ_AGENT_ADDRESSES + 1;
	assert_int_equal(bad_set(a, &m), -EINVAL);
	m.agent_set.address_count = 0;
	assert_int_equal(bad_set(a, &m), -EINVAL);
	m.agent_set.address_count = 1;
	m.agent_set.server_count = HZ_AGENT_SERVERS + 1;
	assert_int_equal(bad_set(a, &m), -EINVAL);
	m.agent_set.server_count = 0;
	memset(m.agent_set.username, 'x', sizeof(m.agent_set.username));
	assert_int_equal(bad_set(a, &m), -EINVAL);
	m.agent_set.username[0] = '\0';
	m.agent_set.username[HZ_AGENT_LOGIN_BYTES - 1] = '\0';
	m.agent_set.peer = HZ_ID(1, 1); // a lite one
	assert_int_equal(bad_set(a, &m), -EINVAL);
	m.agent_set.peer = HZ_ID(5, 1);
	assert_int_equal(bad_set(a, &m), -ENOENT);
	m.agent_set.peer = HZ_ID(0, 1);
	m.agent_set.address[0].s6_addr[12] = 192; // 192.0.0.1: not ours
	assert_int_equal(bad_set(a, &m), -EADDRNOTAVAIL);
	union hz_msg r = {.agent_remote = {.peer = HZ_ID(0, 1), .remote_ufrag = "another"}};
	assert_int_equal(rig_command(rig, &r, HZ_CMD_AGENT_REMOTE, sizeof(r.agent_remote)), -ESTALE);
	r.agent_remote.count = HZ_MAX_CANDIDATES + 1;
	assert_int_equal(rig_command(rig, &r, HZ_CMD_AGENT_REMOTE, sizeof(r.agent_remote)), -EINVAL);
	// Its own ufrag opens nothing at the UDP port.
	client_free(lite);
	lite = client_new(rig, 1);
	memcpy(lite->ufrag, a->c->ufrag, sizeof(lite->ufrag));
	assert_false(client_check(lite, a->c->pwd, true, 200000));
	client_free(lite);
	full_free(a);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(publishes),
	    cmocka_unit_test(restarts),
	    cmocka_unit_test(goes_where_the_client_sends),
	    cmocka_unit_test(comes_back_after_kill_9),
	    cmocka_unit_test(nominates_until_it_counts),
	    cmocka_unit_test(bad_commands),
	};
	hz_log_init("test", HZ_LOG_ERROR);
	if (hz_srtp_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
