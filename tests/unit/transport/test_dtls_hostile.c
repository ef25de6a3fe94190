// DTLS: time-outs, the end of associations, hostile peers, and how much memory they can make us hold.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/transport/dtls_world.h"

#define HOSTILE_KB 256 // the most a hostile half-made handshake may hold

// --- OpenSSL's memory, counted

static size_t held_bytes;

static void *count_malloc(size_t bytes, const char *file, int line)
{
	size_t *block = malloc(bytes + 16);
	if (!block)
		return NULL;
	block[0] = bytes;
	held_bytes += bytes;
	return block + 2;
}

static void count_free(void *at, const char *file, int line)
{
	if (!at)
		return;
	size_t *block = (size_t *)at - 2;
	held_bytes -= block[0];
	free(block);
}

static void *count_realloc(void *at, size_t bytes, const char *file, int line)
{
	if (!at)
		return count_malloc(bytes, file, line);
	size_t *block = (size_t *)at - 2;
	size_t old = block[0];
	block = realloc(block, bytes + 16);
	if (!block)
		return NULL;
	held_bytes += bytes - old;
	block[0] = bytes;
	return block + 2;
}

// --- time

static void test_silent_server(void **state)
{
	struct world *world = ready_world();
	world->loss_percent = 100;
	hz_dtls_handle_timeout(world->client.dtls, now_us); // early: nothing
	run(world);
	assert_failed(&world->client, HZ_DTLS_TIMEOUT);
	assert_failed(&world->server, HZ_DTLS_TIMEOUT);
	int64_t took = now_us - START_US;
	assert_true(took > 25000000 && took <= HZ_DTLS_HANDSHAKE_US);
	assert_true(world->client.sent >= 8 && world->client.sent <= 14); // doubling, not flooding
	assert_int_equal(world->server.sent, 0);
	close_world(world);
}

static void test_start_is_only_for_clients_and_once(void **state)
{
	struct world *world = ready_world();
	hz_dtls_start(world->server.dtls, now_us);
	assert_int_equal(world->server.sent, 0);
	hz_dtls_start(world->client.dtls, now_us);
	unsigned sent = world->client.sent;
	assert_true(sent > 0);
	hz_dtls_start(world->client.dtls, now_us);
	assert_int_equal(world->client.sent, sent);
	hz_dtls_handle_timeout(world->client.dtls, now_us); // long before it is due
	assert_int_equal(world->client.sent, sent);
	now_us += 200000;
	hz_dtls_handle_timeout(world->client.dtls, now_us);
	assert_true(world->client.sent > sent);
	now_us = START_US + HZ_DTLS_HANDSHAKE_US;
	assert_int_equal(hz_dtls_feed(world->server.dtls, (const uint8_t *)"x", 1, now_us), -EPIPE);
	assert_failed(&world->server, HZ_DTLS_TIMEOUT);
	close_world(world);
}

// --- the end

static void test_close(void **state)
{
	struct world *world = ready_world();
	struct hz_srtp_keys keys;
	run(world);
	assert_connected(world);
	hz_dtls_close(world->client.dtls);
	assert_int_equal(hz_dtls_state(world->client.dtls), HZ_DTLS_CLOSED);
	assert_int_equal(hz_dtls_export(world->client.dtls, &keys), -EAGAIN);
	run(world);
	assert_int_equal(hz_dtls_state(world->server.dtls), HZ_DTLS_CLOSED);
	assert_int_equal(hz_dtls_failure(world->server.dtls), HZ_DTLS_OK);
	unsigned sent = world->server.sent;
	hz_dtls_close(world->server.dtls); // a second time: nothing
	assert_int_equal(world->server.sent, sent);
	assert_int_equal(hz_dtls_feed(world->server.dtls, (const uint8_t *)"x", 1, now_us), -EPIPE);
	close_world(world);
}

static void test_close_in_the_middle(void **state)
{
	struct world *world = ready_world();
	hz_dtls_start(world->client.dtls, now_us);
	unsigned sent = world->client.sent;
	hz_dtls_close(world->client.dtls);
	assert_int_equal(world->client.sent, sent);
	assert_int_equal(hz_dtls_state(world->client.dtls), HZ_DTLS_CLOSED);
	assert_true(hz_dtls_deadline_us(world->client.dtls, now_us) == INT64_MAX);
	close_world(world);
}

static void test_application_data_and_renegotiation(void **state)
{
	struct world *world = ready_world();
	run(world);
	for (int i = 0; i < 100; i++)
		assert_int_equal(SSL_write(world->client.dtls->ssl, "hello", 5), 5);
	world->garbage = true;
	run(world);
	assert_connected(world);
	assert_true(SSL_renegotiate(world->client.dtls->ssl) == 0 ||
	            SSL_do_handshake(world->client.dtls->ssl) <= 0);
	run(world);
	assert_int_equal(hz_dtls_state(world->server.dtls), HZ_DTLS_CONNECTED);
	close_world(world);
}

// --- malice

static void test_flipped_bytes(void **state)
{
	unsigned connected = 0;
	for (uint32_t seed = 1; seed <= 60; seed++) {
		struct world *world = ready_world();
		world->seed = seed;
		world->corrupt = true;
		run(world);
		if (hz_dtls_state(world->client.dtls) == HZ_DTLS_CONNECTED &&
		    hz_dtls_state(world->server.dtls) == HZ_DTLS_CONNECTED) {
			assert_connected(world);
			connected++;
		}
		close_world(world);
	}
	print_message("%u of 60 connected all the same\n", connected);
}

static struct datagram captured;

static bool capture(struct end *from, const uint8_t *data, size_t bytes)
{
	memcpy(captured.data, data, bytes);
	captured.bytes = bytes;
	return true;
}

static void test_endless_client_hellos(void **state)
{
	struct world *world = ready_world();
	world->drop = capture;
	hz_dtls_start(world->client.dtls, now_us);
	struct datagram hello = captured;
	int err = 0;
	for (int i = 0; i < 3000 && !err; i++) {
		hello.data[10] = (uint8_t)i; // another record number, the same message
		hello.data[9] = (uint8_t)(i >> 8);
		err = hz_dtls_feed(world->server.dtls, hello.data, hello.bytes, now_us);
	}
	assert_int_equal(err, -EPIPE);
	assert_failed(&world->server, HZ_DTLS_PROTOCOL);
	close_world(world);
}

// A record with a fragment of a handshake message that never gets whole.
static size_t make_fragment(uint8_t *data, unsigned record, unsigned message, unsigned total, unsigned from)
{
	static const uint8_t head[13] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 112};
	memset(data, 0, 125);
	memcpy(data, head, sizeof(head));
	data[9] = (uint8_t)(record >> 8);
	data[10] = (uint8_t)record;
	data[13] = 11; // certificate
	data[14] = (uint8_t)(total >> 16);
	data[15] = (uint8_t)(total >> 8);
	data[16] = (uint8_t)total;
	data[18] = (uint8_t)message;
	data[20] = (uint8_t)(from >> 8);
	data[21] = (uint8_t)from;
	data[24] = 100;
	return 125;
}

static void test_bounded_memory_of_half_made_handshakes(void **state)
{
	struct world *world = ready_world();
	uint8_t data[200];
	world->drop = capture;
	hz_dtls_start(world->client.dtls, now_us);
	assert_int_equal(hz_dtls_feed(world->server.dtls, captured.data, captured.bytes, now_us), 0);
	size_t before = held_bytes;
	unsigned record = 1;
	for (int i = 0; i < 300; i++) { // records of the next epoch
		memset(data, 0, sizeof(data));
		memcpy(data, "\x16\xfe\xfd\x00\x01", 5);
		data[9] = (uint8_t)(record >> 8);
		data[10] = (uint8_t)record++;
		data[12] = 100;
		hz_dtls_feed(world->server.dtls, data, 113, now_us);
	}
	for (unsigned message = 1; message < 40; message++) { // messages of the future
		for (unsigned from = 0; from < 1600; from += 200) {
			size_t bytes = make_fragment(data, record++, message, 8000, from);
			hz_dtls_feed(world->server.dtls, data, bytes, now_us);
		}
	}
	size_t held = held_bytes - before;
	print_message("a hostile half-made handshake holds %zu KB more\n", held / 1024);
	assert_true(held < HOSTILE_KB * 1024);
	close_world(world);
}

static void test_memory_comes_back(void **state)
{
	struct world *world = ready_world();
	run(world);
	hz_dtls_free(world->client.dtls);
	hz_dtls_free(world->server.dtls);
	size_t before = held_bytes;
	for (int i = 0; i < 20; i++) {
		open_end(&world->client, true, server_identity);
		open_end(&world->server, false, i % 2 ? client_identity : server_identity);
		run(world);
		size_t both = held_bytes;
		hz_dtls_free(world->server.dtls);
		if (i == 1)
			print_message("a connected server association holds %zu KB\n",
			              (both - held_bytes) / 1024);
		hz_dtls_free(world->client.dtls);
	}
	assert_true(held_bytes <= before + 4096);
	world->client.dtls = world->server.dtls = NULL;
	close_world(world);
}

static void test_bad_arguments(void **state)
{
	struct world *world = open_world();
	struct hz_dtls *dtls = NULL;
	struct hz_dtls_options options = {.is_client = true};
	assert_int_equal(hz_dtls_new(world->client.ctx, &options, now_us, &dtls), -EINVAL);
	assert_null(dtls);
	hz_dtls_free(NULL);
	hz_dtls_ctx_free(NULL);
	open_end(&world->server, false, NULL);
	assert_int_equal(hz_dtls_feed(world->server.dtls, (const uint8_t *)"", 0, now_us), -EBADMSG);
	close_world(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_silent_server),
	    cmocka_unit_test(test_start_is_only_for_clients_and_once),
	    cmocka_unit_test(test_close),
	    cmocka_unit_test(test_close_in_the_middle),
	    cmocka_unit_test(test_application_data_and_renegotiation),
	    cmocka_unit_test(test_flipped_bytes),
	    cmocka_unit_test(test_endless_client_hellos),
	    cmocka_unit_test(test_bounded_memory_of_half_made_handshakes),
	    cmocka_unit_test(test_memory_comes_back),
	    cmocka_unit_test(test_bad_arguments),
	};
	if (!CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free))
		return 1;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
