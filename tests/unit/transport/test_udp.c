// Batched sockets over loopback: real ones, and a sendmmsg() that fails as the kernel may.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "media/transport/udp.h"

// --- the kernel's part, when a test wants it to fail

static int script[8]; // errno of the next calls; 0: really send; -n: really send the first n messages only
static unsigned script_at, script_length;
static unsigned plain_sends;
static int fail_plain; // errno of sendmsg()

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	int next = script_at < script_length ? script[script_at++] : 0;
	if (next > 0) {
		errno = next;
		return -1;
	}
	if (next < 0 && (unsigned)-next < count)
		count = (unsigned)-next;
	return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	plain_sends++;
	if (fail_plain) {
		errno = fail_plain;
		return -1;
	}
	return syscall(SYS_sendmsg, fd, message, flags);
}

static void play(const int *errors, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		script[i] = errors[i];
	script_at = 0;
	script_length = count;
}

// --- two ends

struct port {
	int fd;
	struct sockaddr_in6 name;
	struct hz_udp_rx *rx;
	struct hz_udp_tx *tx;
};

static bool open_port(struct port *port, const char *address)
{
	memset(port, 0, sizeof(*port));
	if (hz_udp_open(address, 0, &port->fd))
		return false;
	assert_int_equal(hz_udp_local(port->fd, &port->name), 0);
	assert_int_equal(hz_udp_rx_new(&port->rx), 0);
	assert_int_equal(hz_udp_tx_new(port->fd, &port->tx), 0);
	return true;
}

static void close_port(struct port *port)
{
	hz_udp_rx_free(port->rx);
	hz_udp_tx_free(port->tx);
	close(port->fd);
}

static struct hz_path path_to(const struct port *port, const char *address)
{
	struct hz_path path = {.remote = {.sin6_family = AF_INET6, .sin6_port = port->name.sin6_port}};
	assert_int_equal(inet_pton(AF_INET6, address, &path.remote.sin6_addr), 1);
	return path;
}

static unsigned receive(struct port *port)
{
	struct pollfd p = {.fd = port->fd, .events = POLLIN};
	poll(&p, 1, 200);
	assert_int_equal(hz_udp_receive(port->rx, port->fd), 0);
	return port->rx->count;
}

static void expect_nothing(struct port *port)
{
	assert_int_equal(hz_udp_receive(port->rx, port->fd), 0);
	assert_int_equal(port->rx->count, 0);
}

static void queue_text(struct port *port, const struct hz_path *path, const char *text)
{
	assert_int_equal(hz_udp_queue(port->tx, path, text, strlen(text)), 0);
}

static void expect_text(const struct port *port, unsigned i, const char *text)
{
	assert_true(i < port->rx->count);
	assert_int_equal(port->rx->packet[i].bytes, strlen(text));
	assert_memory_equal(port->rx->packet[i].data, text, strlen(text));
}

// The answer must leave from the address that was asked, or the asker drops it.
static void ask_and_answer(const char *server_bind, const char *asked, const char *client_bind)
{
	struct port server, client;
	if (!open_port(&server, server_bind) || !open_port(&client, client_bind)) {
		print_message("no %s here\n", client_bind);
		return;
	}
	struct hz_path to = path_to(&server, asked);
	queue_text(&client, &to, "hello");
	hz_udp_flush(client.tx);
	assert_int_equal(receive(&server), 1);
	expect_text(&server, 0, "hello");
	struct hz_path back = server.rx->packet[0].path;
	assert_memory_equal(&back.local, &to.remote.sin6_addr, 16);
	assert_int_equal(back.remote.sin6_port, client.name.sin6_port);
	assert_int_equal(back.ifindex, 0);
	queue_text(&server, &back, "welcome");
	hz_udp_flush(server.tx);
	assert_int_equal(receive(&client), 1);
	expect_text(&client, 0, "welcome");
	assert_memory_equal(&client.rx->packet[0].path.remote.sin6_addr, &to.remote.sin6_addr, 16);
	close_port(&server);
	close_port(&client);
}

static void test_answers_leave_where_the_question_came_in(void **state)
{
	ask_and_answer("", "::ffff:127.0.0.1", "127.0.0.1");
	ask_and_answer("", "::ffff:127.0.0.7", "127.0.0.1");
	ask_and_answer("::", "::ffff:127.1.2.3", "");
	ask_and_answer("127.0.0.5", "::ffff:127.0.0.5", "127.0.0.6");
	ask_and_answer("0.0.0.0", "::ffff:127.0.0.9", "127.0.0.1");
	ask_and_answer("", "::1", "::1");
	ask_and_answer("::1", "::1", "::1");
}

// A socket of the IPv4 family, as a kernel without IPv6 has them.
static void test_ipv4_socket(void **state)
{
	struct port server = {0}, client;
	server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(hz_udp_prepare(server.fd), 0);
	assert_true(fcntl(server.fd, F_GETFL) & O_NONBLOCK);
	struct sockaddr_in any = {.sin_family = AF_INET};
	assert_int_equal(bind(server.fd, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(hz_udp_local(server.fd, &server.name), 0);
	assert_int_equal(hz_udp_rx_new(&server.rx), 0);
	assert_int_equal(hz_udp_tx_new(server.fd, &server.tx), 0);
	assert_true(open_port(&client, "127.0.0.1"));
	struct hz_path to = path_to(&server, "::ffff:127.0.0.7");
	queue_text(&client, &to, "hello");
	hz_udp_flush(client.tx);
	assert_int_equal(receive(&server), 1);
	struct hz_path back = server.rx->packet[0].path;
	assert_memory_equal(&back.local, &to.remote.sin6_addr, 16);
	for (int i = 0; i < 3; i++)
		queue_text(&server, &back, "welcome");
	hz_udp_flush(server.tx);
	assert_int_equal(receive(&client), 3);
	assert_memory_equal(&client.rx->packet[0].path.remote.sin6_addr, &to.remote.sin6_addr, 16);
	close_port(&server);
	close_port(&client);
}

// Sizes and paths mixed: whatever is put together for UDP_SEGMENT arrives whole, once, and in order for each path.
static void test_mixed_batches(void **state)
{
	struct port a, b, client;
	assert_true(open_port(&a, "127.0.0.1") && open_port(&b, "127.0.0.1") &&
	            open_port(&client, "127.0.0.1"));
	struct hz_path paths[2] = {path_to(&a, "::ffff:127.0.0.1"), path_to(&b, "::ffff:127.0.0.1")};
	struct port *ports[2] = {&a, &b};
	static const size_t sizes[] = {1000, 1000, 1000, 300, 300, 1000, 1, 1400, 1401, 1401, 2048, 0, 1000};
	uint8_t data[HZ_UDP_MAX_BYTES];
	uint32_t seed = 7;
	for (int round = 0; round < 30; round++) {
		uint8_t sent[2] = {0, 0}, got[2] = {0, 0};
		size_t expected[2][HZ_UDP_BATCH];
		for (int i = 0; i < 50; i++) {
			seed = seed * 1664525u + 1013904223u;
			unsigned which = seed >> 30 & 1;
			size_t bytes = sizes[(seed >> 8) % 13];
			memset(data, sent[which], sizeof(data));
			expected[which][sent[which]++] = bytes;
			assert_int_equal(hz_udp_queue(client.tx, &paths[which], data, bytes), 0);
		}
		hz_udp_flush(client.tx);
		for (int which = 0; which < 2; which++) {
			while (got[which] < sent[which]) {
				assert_true(receive(ports[which]) > 0);
				for (unsigned i = 0; i < ports[which]->rx->count; i++) {
					const struct hz_udp_packet *p = &ports[which]->rx->packet[i];
					assert_int_equal(p->bytes, expected[which][got[which]]);
					if (p->bytes)
						assert_int_equal(p->data[p->bytes - 1], got[which]);
					got[which]++;
				}
			}
			expect_nothing(ports[which]);
		}
	}
	const struct hz_udp_tx_stats *stats = hz_udp_tx_stats(client.tx);
	assert_int_equal(stats->packets, 1500);
	assert_int_equal(stats->dropped, 0);
	assert_int_equal(stats->calls, 30);
	close_port(&a);
	close_port(&b);
	close_port(&client);
}

static void test_full_batches_flush_themselves(void **state)
{
	struct port server, client;
	assert_true(open_port(&server, "127.0.0.1") && open_port(&client, "127.0.0.1"));
	struct hz_path to = path_to(&server, "::ffff:127.0.0.1");
	unsigned got = 0;
	for (int i = 0; i < 1000; i++) {
		uint8_t *block = hz_udp_reserve(client.tx);
		assert_non_null(block);
		assert_ptr_equal(hz_udp_reserve(client.tx), block); // not committed: given out again
		memset(block, i, 200);
		hz_udp_commit(client.tx, &to, 200);
		if (i % 128 == 0)
			while (hz_udp_receive(server.rx, server.fd) == 0 && server.rx->count > 0)
				got += server.rx->count;
	}
	hz_udp_flush(client.tx);
	hz_udp_flush(client.tx); // empty: no call
	while (hz_udp_receive(server.rx, server.fd) == 0 && server.rx->count > 0)
		got += server.rx->count;
	assert_int_equal(got, 1000);
	assert_int_equal(hz_udp_tx_stats(client.tx)->calls, 16);
	close_port(&server);
	close_port(&client);
}

// --- failures

static void test_kernel_refuses(void **state)
{
	struct port server, client;
	assert_true(open_port(&server, "127.0.0.1") && open_port(&client, "127.0.0.1"));
	struct hz_path to = path_to(&server, "::ffff:127.0.0.1");
	const struct hz_udp_tx_stats *stats = hz_udp_tx_stats(client.tx);
	// EINTR, two ICMP errors of earlier datagrams: nothing is lost
	const int pending[] = {EINTR, ECONNREFUSED, ECONNREFUSED, 0};
	queue_text(&client, &to, "one");
	queue_text(&client, &to, "three");
	play(pending, 4);
	hz_udp_flush(client.tx);
	assert_int_equal(receive(&server), 2);
	assert_int_equal(stats->refused, 2);
	assert_int_equal(stats->dropped, 0);
	// part of the batch, then a full socket buffer: the rest is dropped, at once
	const int full[] = {-1, EAGAIN};
	for (int i = 0; i < 5; i++)
		queue_text(&client, &to, i == 0 ? "x" : &"longer"[i % 2]);
	play(full, 2);
	hz_udp_flush(client.tx);
	unsigned got = receive(&server);
	assert_true(got >= 1 && got < 5);
	assert_int_equal(stats->dropped, 5 - got);
	// the first of three paths has no route: the others are served
	struct hz_path nowhere = path_to(&server, "::ffff:127.0.0.2");
	const int unreachable[] = {ENETUNREACH};
	uint64_t dropped = stats->dropped;
	queue_text(&client, &nowhere, "a");
	queue_text(&client, &to, "b");
	play(unreachable, 1);
	hz_udp_flush(client.tx);
	assert_int_equal(receive(&server), 1);
	expect_text(&server, 0, "b");
	assert_int_equal(stats->dropped, dropped + 1);
	// ECONNREFUSED for ever: given up after a few, not after years
	const int forever[] = {ECONNREFUSED, ECONNREFUSED, ECONNREFUSED, ECONNREFUSED,
	                       ECONNREFUSED, ECONNREFUSED, ECONNREFUSED, ECONNREFUSED};
	queue_text(&client, &to, "c");
	play(forever, 8);
	hz_udp_flush(client.tx);
	assert_int_equal(stats->dropped, dropped + 2);
	assert_true(script_at < 8);
	play(NULL, 0);
	expect_nothing(&server);
	close_port(&server);
	close_port(&client);
}

static void test_segments_refused(void **state)
{
	struct port server, client;
	assert_true(open_port(&server, "127.0.0.1") && open_port(&client, "127.0.0.1"));
	struct hz_path to = path_to(&server, "::ffff:127.0.0.1");
	const struct hz_udp_tx_stats *stats = hz_udp_tx_stats(client.tx);
	static const int refusals[] = {EIO, EINVAL, EMSGSIZE};
	for (int i = 0; i < 3; i++) {
		struct port other;
		assert_true(open_port(&other, "127.0.0.1"));
		plain_sends = 0;
		for (int k = 0; k < 4; k++)
			queue_text(&other, &to, "same");
		play(&refusals[i], 1);
		hz_udp_flush(other.tx);
		assert_int_equal(plain_sends, 4); // one by one
		assert_int_equal(receive(&server), 4);
		for (int k = 0; k < 4; k++)
			queue_text(&other, &to, "same");
		hz_udp_flush(other.tx); // and for a while without segments
		assert_int_equal(plain_sends, 4);
		assert_int_equal(receive(&server), 4);
		assert_int_equal(hz_udp_tx_stats(other.tx)->dropped, 0);
		assert_int_equal(hz_udp_tx_stats(other.tx)->packets, 8);
		close_port(&other);
	}
	fail_plain = EINVAL; // the path is bad, with or without segments
	for (int k = 0; k < 4; k++)
		queue_text(&client, &to, "same");
	play(&refusals[1], 1);
	hz_udp_flush(client.tx);
	fail_plain = 0;
	assert_int_equal(stats->dropped, 4);
	assert_int_equal(stats->packets, 0);
	close_port(&server);
	close_port(&client);
}

// Nobody listens there: the ICMP errors that come back disturb nothing.
static void test_closed_port(void **state)
{
	struct port server, client, gone;
	assert_true(open_port(&server, "127.0.0.1") && open_port(&client, "") &&
	            open_port(&gone, "127.0.0.1"));
	struct hz_path dead = path_to(&gone, "::ffff:127.0.0.1"),
	               alive = path_to(&server, "::ffff:127.0.0.1");
	close_port(&gone);
	for (int i = 0; i < 20; i++) {
		queue_text(&client, &dead, "anybody?");
		queue_text(&client, &alive, "you");
		hz_udp_flush(client.tx);
		assert_int_equal(receive(&server), 1);
		expect_text(&server, 0, "you");
		expect_nothing(&client);
	}
	assert_int_equal(hz_udp_tx_stats(client.tx)->dropped, 0);
	close_port(&server);
	close_port(&client);
}

// A source address that is not ours: that one datagram is dropped.
static void test_foreign_source(void **state)
{
	struct port server, client;
	assert_true(open_port(&server, "127.0.0.1") && open_port(&client, ""));
	struct hz_path good = path_to(&server, "::ffff:127.0.0.1"), bad = good;
	inet_pton(AF_INET6, "::ffff:203.0.113.77", &bad.local);
	queue_text(&client, &bad, "forged");
	queue_text(&client, &good, "good");
	queue_text(&client, &bad, "forged");
	hz_udp_flush(client.tx);
	assert_int_equal(receive(&server), 1);
	expect_text(&server, 0, "good");
	assert_int_equal(hz_udp_tx_stats(client.tx)->dropped, 2);
	close_port(&server);
	close_port(&client);
}

static void test_long_datagrams(void **state)
{
	struct port server, client;
	static uint8_t data[4000];
	assert_true(open_port(&server, "127.0.0.1") && open_port(&client, "127.0.0.1"));
	struct hz_path to = path_to(&server, "::ffff:127.0.0.1");
	assert_int_equal(hz_udp_queue(client.tx, &to, data, HZ_UDP_MAX_BYTES + 1), -EMSGSIZE);
	assert_int_equal(hz_udp_queue(client.tx, &to, data, HZ_UDP_MAX_BYTES), 0);
	hz_udp_flush(client.tx);
	assert_int_equal(receive(&server), 1);
	assert_int_equal(server.rx->packet[0].bytes, HZ_UDP_MAX_BYTES);
	struct sockaddr_in6 name = to.remote;
	assert_int_equal(sendto(client.fd, data, 4000, 0, (struct sockaddr *)&name, sizeof(name)), 4000);
	assert_int_equal(sendto(client.fd, data, 2049, 0, (struct sockaddr *)&name, sizeof(name)), 2049);
	assert_int_equal(sendto(client.fd, data, 5, 0, (struct sockaddr *)&name, sizeof(name)), 5);
	assert_int_equal(receive(&server), 1);
	assert_int_equal(server.rx->packet[0].bytes, 5);
	assert_int_equal(server.rx->truncated, 2);
	close_port(&server);
	close_port(&client);
}

static void test_bad_arguments(void **state)
{
	struct hz_udp_rx *rx;
	struct sockaddr_in6 name;
	int fd = -7;
	assert_int_equal(hz_udp_open("localhost", 0, &fd), -EINVAL);
	assert_int_equal(hz_udp_open("127.0.0.256", 0, &fd), -EINVAL);
	assert_int_equal(hz_udp_open("127.0.0.1 ", 0, &fd), -EINVAL);
	assert_int_equal(hz_udp_open("::1%lo", 0, &fd), -EINVAL);
	assert_int_equal(hz_udp_open("203.0.113.77", 0, &fd), -EADDRNOTAVAIL);
	assert_int_equal(fd, -7);
	struct port port;
	assert_true(open_port(&port, "127.0.0.1"));
	assert_int_equal(hz_udp_open("127.0.0.1", ntohs(port.name.sin6_port), &fd), -EADDRINUSE);
	close_port(&port);
	assert_int_equal(hz_udp_prepare(-1), -EBADF);
	assert_int_equal(hz_udp_local(-1, &name), -EBADF);
	assert_int_equal(hz_udp_rx_new(&rx), 0);
	assert_int_equal(hz_udp_receive(rx, -1), -EBADF);
	hz_udp_rx_free(rx);
	hz_udp_rx_free(NULL);
	hz_udp_tx_free(NULL);
}

static void test_path_equal(void **state)
{
	struct hz_path a = {.remote = {.sin6_family = AF_INET6, .sin6_port = 1}}, b = a;
	assert_true(hz_path_equal(&a, &b));
	b.remote.sin6_port = 2;
	assert_false(hz_path_equal(&a, &b));
	b = a;
	b.remote.sin6_addr.s6_addr[15] = 1;
	assert_false(hz_path_equal(&a, &b));
	b = a;
	b.local.s6_addr[0] = 1;
	assert_false(hz_path_equal(&a, &b));
	b = a;
	b.remote.sin6_scope_id = 1;
	assert_false(hz_path_equal(&a, &b));
	b = a;
	b.remote.sin6_flowinfo = 1; // a label, not an address
	assert_true(hz_path_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers_leave_where_the_question_came_in),
	    cmocka_unit_test(test_ipv4_socket),
	    cmocka_unit_test(test_mixed_batches),
	    cmocka_unit_test(test_full_batches_flush_themselves),
	    cmocka_unit_test(test_kernel_refuses),
	    cmocka_unit_test(test_segments_refused),
	    cmocka_unit_test(test_closed_port),
	    cmocka_unit_test(test_foreign_source),
	    cmocka_unit_test(test_long_datagrams),
	    cmocka_unit_test(test_bad_arguments),
	    cmocka_unit_test(test_path_equal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
