// Two agents over loopback, and what comes in between: late candidates, bad ones, floods, dead servers.
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <stun/stunagent.h>

#include "gateway/base/clock.h"
#include "media/transport/agent.h"
#include "media/transport/stun.h"
#include "media/transport/udp.h"

struct side {
	struct hz_agent *agent;
	unsigned told, packets, states;
	enum hz_agent_state state;
	uint8_t last[HZ_UDP_MAX_BYTES];
	size_t last_bytes;
};

static struct hz_agents *set;

static struct in6_addr address_of(const char *text)
{
	struct in6_addr ret = {0};
	struct in_addr v4;
	if (inet_pton(AF_INET, text, &v4) == 1) {
		ret.s6_addr[10] = ret.s6_addr[11] = 0xff;
		memcpy(&ret.s6_addr[12], &v4, 4);
	} else {
		inet_pton(AF_INET6, text, &ret);
	}
	return ret;
}

static void on_local(void *user)
{
	((struct side *)user)->told++;
}

static void on_state(void *user, enum hz_agent_state state)
{
	((struct side *)user)->state = state;
	((struct side *)user)->states++;
}

static void on_packet(void *user, uint8_t *data, size_t bytes)
{
	struct side *side = user;
	side->packets++;
	memcpy(side->last, data, bytes);
	side->last_bytes = bytes;
}

static int make(struct side *side, const char *at, bool controlled, const struct hz_ice_server *server)
{
	static const char *const ufrag[] = {"oneoneone", "twotwotwo"};
	static const char *const pwd[] = {"passwordpasswordpassword1", "passwordpasswordpassword2"};
	const struct in6_addr address = address_of(at);
	const struct hz_agent_options options = {.local_ufrag = ufrag[controlled],
	                                         .local_pwd = pwd[controlled],
	                                         .remote_ufrag = ufrag[!controlled],
	                                         .remote_pwd = pwd[!controlled],
	                                         .address = &address,
	                                         .server = server,
	                                         .server_count = server != NULL,
	                                         .username = "user",
	                                         .password = "secret",
	                                         .controlled = controlled,
	                                         .local = on_local,
	                                         .state = on_state,
	                                         .packet = on_packet,
	                                         .user = side};
	memset(side, 0, sizeof(*side));
	return hz_agent_new(set, &options, hz_now_us(), &side->agent);
}

// Runs the set as a loop would until *value reaches `want`, or ms are over. Its turns.
static unsigned run(const unsigned *value, unsigned want, int ms)
{
	int64_t end_us = hz_now_us() + (int64_t)ms * 1000;
	unsigned turns = 0;
	while (hz_now_us() < end_us && (!value || *value < want)) {
		int64_t due_us = hz_agents_deadline(set) < end_us ? hz_agents_deadline(set) : end_us;
		int64_t left_us = due_us - hz_now_us();
		struct pollfd fd = {.fd = hz_agents_poll_fd(set), .events = POLLIN};
		poll(&fd, 1, left_us <= 0 ? 0 : (int)((left_us + 999) / 1000));
		hz_agents_run(set, hz_now_us());
		turns++;
	}
	return turns;
}

static void exchange(struct side *from, struct side *to)
{
	struct hz_candidate list[HZ_MAX_CANDIDATES];
	bool done = false;
	unsigned count = hz_agent_local(from->agent, list, HZ_MAX_CANDIDATES, &done);
	assert_true(count >= 1);
	assert_true(done);
	hz_agent_remote(to->agent, list, count);
}

static void connect_two(struct side *one, struct side *two)
{
	assert_int_equal(make(one, "127.0.0.1", false, NULL), 0);
	assert_int_equal(make(two, "127.0.0.1", true, NULL), 0);
	run(NULL, 0, 20); // gathering is done within a turn or two without servers
	exchange(one, two);
	exchange(two, one);
	run(&one->states, 1, 3000);
	run(&two->states, 1, 3000);
	assert_int_equal(one->state, HZ_AGENT_CONNECTED);
	assert_int_equal(two->state, HZ_AGENT_CONNECTED);
}

static int set_up(void **state)
{
	(void)state;
	return hz_agents_new(8, &set);
}

static int tear_down(void **state)
{
	(void)state;
	hz_agents_free(set);
	return 0;
}

static void two_agents_talk(void **state)
{
	struct side one, two;
	uint8_t data[1200];
	(void)state;
	connect_two(&one, &two);
	memset(data, 0x80, sizeof(data));
	for (unsigned i = 0; i < 100; i++) {
		data[1] = (uint8_t)i;
		assert_int_equal(hz_agent_send(one.agent, data, sizeof(data)), 0);
	}
	run(&two.packets, 100, 1000);
	assert_int_equal(two.packets, 100);
	assert_int_equal(two.last_bytes, sizeof(data));
	assert_int_equal(two.last[1], 99);
	assert_int_equal(hz_agent_send(two.agent, data, 20), 0);
	run(&one.packets, 1, 1000);
	assert_int_equal(one.packets, 1);
	hz_agent_free(one.agent);
	hz_agent_free(two.agent);
	assert_int_equal(hz_agents_count(set), 0);
}

static void nothing_before_it_is_connected(void **state)
{
	struct side one;
	(void)state;
	assert_int_equal(make(&one, "127.0.0.1", false, NULL), 0);
	assert_int_equal(hz_agent_send(one.agent, (const uint8_t *)"x", 1), -ENOTCONN);
	hz_agent_free(one.agent);
}

// Connected agents wake the loop for consent checks only.
static void idle_costs_nothing(void **state)
{
	struct side one, two;
	struct rusage before, after;
	(void)state;
	connect_two(&one, &two);
	run(NULL, 0, 4000); // until all checks are done
	getrusage(RUSAGE_SELF, &before);
	unsigned turns = run(NULL, 0, 3000);
	getrusage(RUSAGE_SELF, &after);
	int64_t cpu_us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + after.ru_utime.tv_usec -
	                 before.ru_utime.tv_usec;
	print_message("two idle agents: %.1f turns/s, %.0f us/s\n", turns / 3.0, (double)cpu_us / 3);
	assert_true(turns < 60); // 20 a second
	hz_agent_free(one.agent);
	hz_agent_free(two.agent);
}

static void bad_candidates(void **state)
{
	struct side one;
	struct hz_candidate bad[HZ_MAX_CANDIDATES] = {{.port = 0}};
	(void)state;
	assert_int_equal(make(&one, "127.0.0.1", false, NULL), 0);
	bad[1] = (struct hz_candidate){.address = address_of("::1"), .port = 9}; // another family
	bad[2] = (struct hz_candidate){.address = address_of("127.0.0.1"), .port = 9, .type = 77};
	bad[3] = (struct hz_candidate){.address = address_of("0.0.0.0"), .port = 9, .priority = UINT32_MAX};
	bad[4] = (struct hz_candidate){.address = address_of("255.255.255.255"), .port = 9};
	bad[5] = (struct hz_candidate){.address = address_of("224.0.0.1"), .port = 65535};
	hz_agent_remote(one.agent, bad, HZ_MAX_CANDIDATES);
	run(NULL, 0, 300);
	assert_int_equal(one.packets, 0);
	assert_int_not_equal(one.state, HZ_AGENT_CONNECTED);
	hz_agent_free(one.agent);
}

// Thousands of candidates and of datagrams from strangers: bounded, and the agent still connects afterwards.
static void floods(void **state)
{
	struct side one, two;
	struct hz_candidate list[HZ_MAX_CANDIDATES], mine[HZ_MAX_CANDIDATES];
	bool done;
	int fd = -1;
	(void)state;
	assert_int_equal(make(&one, "127.0.0.1", false, NULL), 0);
	assert_int_equal(make(&two, "127.0.0.1", true, NULL), 0);
	run(NULL, 0, 20);
	exchange(&two, &one);
	for (unsigned i = 0; i < 500; i++) {
		for (unsigned k = 0; k < HZ_MAX_CANDIDATES; k++)
			list[k] = (struct hz_candidate){.address = address_of("127.0.0.1"),
			                                .port = (uint16_t)(1024 + i * HZ_MAX_CANDIDATES + k),
			                                .priority = i};
		hz_agent_remote(one.agent, list, HZ_MAX_CANDIDATES);
	}
	assert_int_equal(hz_udp_open("127.0.0.1", 0, &fd), 0);
	assert_true(hz_agent_local(one.agent, mine, HZ_MAX_CANDIDATES, &done) >= 1);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(mine[0].port)};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (unsigned i = 0; i < 2000; i++) {
		uint8_t junk[64] = {(uint8_t)i, 1, 0, 44, 0x21, 0x12, 0xa4, 0x42, (uint8_t)(i >> 8)};
		(void)!sendto(fd, junk, i % sizeof(junk), 0, (struct sockaddr *)&to, sizeof(to));
		if (i % 64 == 0)
			run(NULL, 0, 1);
	}
	exchange(&one, &two);
	run(&one.states, 1, 5000);
	assert_int_equal(one.state, HZ_AGENT_CONNECTED);
	close(fd);
	hz_agent_free(one.agent);
	hz_agent_free(two.agent);
}

static void full_set(void **state)
{
	struct side side[9];
	(void)state;
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(make(&side[i], "127.0.0.1", false, NULL), 0);
	assert_int_equal(make(&side[8], "127.0.0.1", false, NULL), -ENOSPC);
	assert_null(side[8].agent);
	for (unsigned i = 0; i < 8; i++)
		hz_agent_free(side[i].agent);
	assert_int_equal(make(&side[8], "192.0.2.77", false, NULL), -EADDRNOTAVAIL); // not ours
	assert_int_equal(hz_agents_count(set), 0);
}

// A server that is not there keeps no host candidate back, and gathering ends.
static void dead_server(void **state)
{
	const struct hz_ice_server server = {
	    .address = address_of("127.0.0.1"), .port = 9, .kind = HZ_ICE_TURN_UDP};
	struct hz_candidate list[HZ_MAX_CANDIDATES];
	struct side one;
	bool done = true;
	(void)state;
	assert_int_equal(make(&one, "127.0.0.1", false, &server), 0);
	assert_int_equal(hz_agent_local(one.agent, list, HZ_MAX_CANDIDATES, &done), 1);
	assert_int_equal(list[0].type, HZ_CANDIDATE_HOST);
	assert_false(done);
	for (unsigned i = 0; i < 120 && !done; i++) {
		run(NULL, 0, 100);
		hz_agent_local(one.agent, list, HZ_MAX_CANDIDATES, &done);
	}
	assert_true(done);
	hz_agent_free(one.agent);
}

// Its checks claim the controlling role with the highest tie-breaker and nominate at once.
static void tie_breaker(void **state)
{
	struct side one;
	struct sockaddr_in6 local;
	uint8_t data[1024];
	uint64_t tie = 0;
	int fd = -1;
	ssize_t bytes = -1;
	StunMessage msg = {0};
	(void)state;
	assert_int_equal(hz_udp_open("127.0.0.1", 0, &fd), 0);
	assert_int_equal(hz_udp_local(fd, &local), 0);
	assert_int_equal(make(&one, "127.0.0.1", false, NULL), 0);
	run(NULL, 0, 20);
	const struct hz_candidate stranger = {
	    .address = address_of("127.0.0.1"), .port = ntohs(local.sin6_port), .priority = 1 << 24};
	hz_agent_remote(one.agent, &stranger, 1);
	for (unsigned i = 0; i < 50 && bytes < 0; i++) {
		run(NULL, 0, 20);
		bytes = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	}
	assert_true(bytes > 20);
	msg.buffer = data;
	msg.buffer_len = (size_t)bytes;
	assert_int_equal(stun_message_find64(&msg, STUN_ATTRIBUTE_ICE_CONTROLLING, &tie),
	                 STUN_MESSAGE_RETURN_SUCCESS);
	assert_true(tie == UINT64_MAX);
	assert_int_equal(stun_message_find_flag(&msg, STUN_ATTRIBUTE_USE_CANDIDATE),
	                 STUN_MESSAGE_RETURN_SUCCESS);
	close(fd);
	hz_agent_free(one.agent);
}

// A peer that is all ours: it answers what comes to fd for 3 s at most, until `until` checks have nominated the pair.
static unsigned answer_checks(int fd, const struct side *side, unsigned until)
{
	struct hz_stun_reply reply = {0};
	struct sockaddr_in6 from;
	unsigned nominated = 0;
	uint8_t data[1024];
	for (unsigned i = 0; i < 300 && (nominated < until || side->state != HZ_AGENT_CONNECTED); i++) {
		socklen_t size = sizeof(from);
		run(NULL, 0, 10);
		ssize_t bytes =
		    recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
		if (bytes <= 0)
			continue;
		assert_int_equal(
		    hz_stun_answer(data, (size_t)bytes, "passwordpasswordpassword2", &from, &reply), 0);
		assert_int_equal(sendto(fd, reply.data, reply.bytes, 0, (struct sockaddr *)&from, size),
		                 reply.bytes);
		assert_true(reply.controlling);
		nominated += reply.use_candidate;
		assert_int_equal(reply.priority >> 24, 110); // peer-reflexive
	}
	return nominated;
}

// The pair that works can be nominated again, and the answers are nobody's packets.
static void nominates_again(void **state)
{
	struct side one;
	struct sockaddr_in6 local;
	int fd = -1;
	(void)state;
	assert_int_equal(hz_udp_open("127.0.0.1", 0, &fd), 0);
	assert_int_equal(hz_udp_local(fd, &local), 0);
	assert_int_equal(make(&one, "127.0.0.1", false, NULL), 0);
	assert_int_equal(hz_agent_nominate(one.agent), -ENOTCONN);
	run(NULL, 0, 20);
	const struct hz_candidate raw = {
	    .address = address_of("127.0.0.1"), .port = ntohs(local.sin6_port), .priority = 1 << 24};
	hz_agent_remote(one.agent, &raw, 1);
	assert_true(answer_checks(fd, &one, 1) > 0);
	assert_int_equal(one.state, HZ_AGENT_CONNECTED);
	answer_checks(fd, &one, 100); // libnice's own, repeated
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(hz_agent_nominate(one.agent), 0);
		assert_int_equal(answer_checks(fd, &one, 1), 1);
	}
	run(NULL, 0, 50);
	assert_int_equal(one.packets, 0);
	assert_int_equal(one.states, 1);
	close(fd);
	hz_agent_free(one.agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(two_agents_talk, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing_before_it_is_connected, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(idle_costs_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bad_candidates, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(floods, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(full_set, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(dead_server, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(tie_breaker, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nominates_again, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
