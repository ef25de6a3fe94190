// An agent takes back what it has at a TURN server and then is gone: nothing of it stays, whether the server answers or not.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <stun/stunagent.h>

#include "gateway/base/clock.h"
#include "media/transport/agent.h"

#define AGENTS 8

struct server { // a TURN server as far as an agent that never sends by it can tell
	int fd;
	struct sockaddr_in at;
	StunAgent stun;
	bool silent;
	uint16_t port; // of the next allocation
	unsigned allocated, taken_back;
};

static struct server server;
static struct hz_agents *set;

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
	(void)user;
	(void)data;
	(void)bytes;
}

static size_t answer_of(const StunMessage *request, StunValidationStatus valid, StunMessage *ret,
                        uint8_t *buf, size_t room)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in relayed = server.at;
	uint32_t lifetime = 600;
	StunMethod method = stun_message_get_method(request);
	if (valid != STUN_VALIDATION_SUCCESS && method != STUN_BINDING) {
		stun_agent_init_error(&server.stun, ret, buf, room, request, STUN_ERROR_UNAUTHORIZED);
		stun_message_append_string(ret, STUN_ATTRIBUTE_REALM, "huizhen.test");
		stun_message_append_string(ret, STUN_ATTRIBUTE_NONCE, "once");
		return stun_agent_finish_message(&server.stun, ret, NULL, 0);
	}
	stun_agent_init_response(&server.stun, ret, buf, room, request);
	if (method == STUN_ALLOCATE) {
		relayed.sin_port = htons(++server.port);
		memcpy(&address, &relayed, sizeof(relayed));
		stun_message_append_xor_addr(ret, STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS, &address,
		                             sizeof(relayed));
		server.allocated++;
	} else if (method == STUN_REFRESH) {
		stun_message_find32(request, STUN_ATTRIBUTE_LIFETIME, &lifetime);
		server.taken_back += lifetime == 0;
	}
	if (method != STUN_BINDING)
		stun_message_append32(ret, STUN_ATTRIBUTE_LIFETIME, lifetime);
	memcpy(&address, &server.at, sizeof(server.at));
	stun_message_append_xor_addr(ret, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &address, sizeof(server.at));
	return stun_agent_finish_message(&server.stun, ret, NULL, 0);
}

static void serve(void)
{
	static uint8_t user[] = "user", password[] = "secret";
	StunDefaultValidaterData known[] = {{user, 4, password, 6}, {0}};
	uint8_t in[2048], out[2048];
	struct sockaddr_in from;
	socklen_t from_bytes = sizeof(from);
	ssize_t n;
	while ((n = recvfrom(server.fd, in, sizeof(in), MSG_DONTWAIT, (struct sockaddr *)&from,
	                     &from_bytes)) > 0) {
		StunMessage request, answer;
		StunValidationStatus valid = stun_agent_validate(&server.stun, &request, in, (size_t)n,
		                                                 stun_agent_default_validater, known);
		if (server.silent)
			continue;
		size_t bytes = answer_of(&request, valid, &answer, out, sizeof(out));
		assert_true(bytes > 0);
		sendto(server.fd, out, bytes, 0, (struct sockaddr *)&from, from_bytes);
	}
}

static void turn(void)
{
	struct pollfd fds[] = {{.fd = hz_agents_poll_fd(set), .events = POLLIN},
	                       {.fd = server.fd, .events = POLLIN}};
	int64_t left_us = hz_agents_deadline(set) - hz_now_us();
	left_us = left_us < 20000 ? left_us : 20000;
	poll(fds, 2, left_us <= 0 ? 0 : (int)((left_us + 999) / 1000));
	serve();
	hz_agents_run(set, hz_now_us());
}

static struct hz_agent *allocate(void)
{
	struct in6_addr loopback = {0};
	loopback.s6_addr[10] = loopback.s6_addr[11] = 0xff;
	memcpy(&loopback.s6_addr[12], &server.at.sin_addr, 4);
	const struct hz_ice_server turn_server = {
	    .address = loopback, .port = ntohs(server.at.sin_port), .kind = HZ_ICE_TURN_UDP};
	const struct hz_agent_options options = {.local_ufrag = "oneoneone",
	                                         .local_pwd = "passwordpasswordpassword1",
	                                         .remote_ufrag = "twotwotwo",
	                                         .remote_pwd = "passwordpasswordpassword2",
	                                         .address = &loopback,
	                                         .server = &turn_server,
	                                         .server_count = 1,
	                                         .username = "user",
	                                         .password = "secret",
	                                         .local = on_local,
	                                         .state = on_state,
	                                         .packet = on_packet};
	struct hz_candidate list[HZ_MAX_CANDIDATES];
	struct hz_agent *agent = NULL;
	bool done = false, relayed = false;
	assert_int_equal(hz_agent_new(set, &options, hz_now_us(), &agent), 0);
	for (int64_t until = hz_now_us() + 5000000; (!done || !relayed) && hz_now_us() < until;) {
		turn();
		unsigned count = hz_agent_local(agent, list, HZ_MAX_CANDIDATES, &done);
		for (unsigned i = 0; i < count; i++)
			relayed = relayed || list[i].type == HZ_CANDIDATE_RELAY;
	}
	assert_true(done && relayed);
	return agent;
}

static unsigned descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

// Until all are gone; how long it took.
static int64_t gone_us(void)
{
	int64_t began_us = hz_now_us();
	while (hz_agents_count(set) && hz_now_us() - began_us < 10000000)
		turn();
	assert_int_equal(hz_agents_count(set), 0);
	return hz_now_us() - began_us;
}

static void says_goodbye(void **state)
{
	(void)state;
	hz_agent_free(allocate());
	gone_us();
	unsigned before = descriptors(); // but for what GLib has once
	for (unsigned round = 0; round < 2; round++) {
		struct hz_agent *agent[AGENTS];
		for (unsigned i = 0; i < AGENTS; i++)
			agent[i] = allocate();
		assert_true(descriptors() > before + AGENTS);
		for (unsigned i = 0; i < AGENTS; i++)
			hz_agent_free(agent[i]);
		assert_true(gone_us() < 1500000); // as soon as the server has answered
		assert_int_equal(descriptors(), before);
	}
	assert_int_equal(server.allocated, 2 * AGENTS + 1);
	assert_true(server.taken_back >= 2 * AGENTS + 1); // one may be repeated
}

static void server_is_gone(void **state)
{
	(void)state;
	unsigned before = descriptors();
	struct hz_agent *agent = allocate();
	server.silent = true;
	hz_agent_free(agent);
	int64_t us = gone_us();
	assert_in_range(us, 1000000, 5000000); // it was asked again
	print_message("no answer: %lld ms\n", (long long)us / 1000);
	assert_int_equal(descriptors(), before);
}

static int set_up(void **state)
{
	socklen_t bytes = sizeof(server.at);
	(void)state;
	memset(&server, 0, sizeof(server));
	server.at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	server.fd = socket(AF_INET, SOCK_DGRAM, 0);
	server.port = 20000;
	if (bind(server.fd, (struct sockaddr *)&server.at, bytes) ||
	    getsockname(server.fd, (struct sockaddr *)&server.at, &bytes))
		return -1;
	stun_agent_init(&server.stun, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
	                STUN_AGENT_USAGE_LONG_TERM_CREDENTIALS);
	return hz_agents_new(AGENTS, &set);
}

static int tear_down(void **state)
{
	(void)state;
	hz_agents_free(set);
	close(server.fd);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(says_goodbye, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(server_is_gone, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
