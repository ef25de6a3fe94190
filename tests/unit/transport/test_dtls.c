// DTLS client and server over an in-memory link with loss, reordering, duplication and malice, under a fake clock.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "gateway/base/secret.h"
#include "media/transport/dtls_internal.h"

#define QUEUE      512
#define DELAY_US   10000
#define START_US   1000000
#define HOSTILE_KB 640 // the most a hostile half-made handshake may hold

// --- the clock: OpenSSL's retransmission timer asks this one

static int64_t now_us = START_US;

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	tv->tv_sec = 1700000000 + now_us / 1000000;
	tv->tv_usec = now_us % 1000000;
	return 0;
}

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

// --- the link

struct datagram {
	size_t bytes;
	int64_t at_us;
	uint8_t data[HZ_DTLS_MTU];
};

struct world;

struct end {
	struct world *world;
	struct hz_dtls_ctx *ctx;
	struct hz_dtls *dtls;
	struct end *other;
	unsigned sent, dropped; // datagrams
	size_t longest;
	struct datagram in[QUEUE]; // on the way to this end
	unsigned queued;
};

struct world {
	struct end client, server;
	uint32_t seed;
	unsigned loss_percent, copies, jitter_us;
	bool garbage, corrupt;
	bool (*drop)(struct end *from, const uint8_t *data, size_t bytes); // true: lost
};

static struct hz_identity *client_identity, *server_identity;

static uint32_t roll(struct world *world)
{
	world->seed = world->seed * 1664525u + 1013904223u;
	return world->seed >> 8;
}

static void enqueue(struct end *to, const uint8_t *data, size_t bytes)
{
	struct world *world = to->world;
	assert_true(to->queued < QUEUE);
	struct datagram *d = &to->in[to->queued++];
	d->bytes = bytes;
	d->at_us = now_us + DELAY_US + (world->jitter_us ? roll(world) % world->jitter_us : 0);
	memcpy(d->data, data, bytes);
	if (world->corrupt && roll(world) % 4 == 0)
		d->data[roll(world) % bytes] ^= (uint8_t)(1 + roll(world) % 255);
}

static void output(void *user, const uint8_t *data, size_t bytes)
{
	struct end *from = user;
	struct world *world = from->world;
	assert_true(bytes > 0 && bytes <= HZ_DTLS_MTU);
	from->sent++;
	from->longest = bytes > from->longest ? bytes : from->longest;
	if ((world->drop && world->drop(from, data, bytes)) || roll(world) % 100 < world->loss_percent) {
		from->dropped++;
		return;
	}
	for (unsigned i = 0; i <= world->copies; i++)
		enqueue(from->other, data, bytes);
}

static struct hz_dtls *open_end(struct end *end, bool is_client, const struct hz_identity *expected)
{
	uint8_t fingerprint[HZ_FINGERPRINT_BYTES];
	struct hz_dtls_options options = {.is_client = is_client, .output = output, .user = end};
	if (expected) {
		hz_identity_fingerprint(expected, fingerprint);
		options.fingerprint = fingerprint;
	}
	assert_int_equal(hz_dtls_new(end->ctx, &options, now_us, &end->dtls), 0);
	return end->dtls;
}

static struct world *open_world(void)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	now_us = START_US;
	world->client.world = world->server.world = world;
	world->client.other = &world->server;
	world->server.other = &world->client;
	assert_int_equal(hz_dtls_ctx_new(client_identity, &world->client.ctx), 0);
	assert_int_equal(hz_dtls_ctx_new(server_identity, &world->server.ctx), 0);
	return world;
}

static struct world *ready_world(void)
{
	struct world *world = open_world();
	open_end(&world->client, true, server_identity);
	open_end(&world->server, false, client_identity);
	return world;
}

static void close_world(struct world *world)
{
	hz_dtls_free(world->client.dtls);
	hz_dtls_free(world->server.dtls);
	hz_dtls_ctx_free(world->client.ctx);
	hz_dtls_ctx_free(world->server.ctx);
	free(world);
}

static void feed(struct end *end, const uint8_t *data, size_t bytes)
{
	uint8_t *exact = malloc(bytes ? bytes : 1);
	memcpy(exact, data, bytes);
	hz_dtls_feed(end->dtls, exact, bytes, now_us);
	free(exact);
}

// Noise that a handshake has to survive: anything but records that look like the peer's own of this epoch.
static void feed_garbage(struct end *end)
{
	struct world *world = end->world;
	uint8_t data[200];
	hz_random(data, sizeof(data));
	feed(end, data, roll(world) % sizeof(data)); // plain noise
	static const uint8_t types[] = {20, 22, 23, 24, 63, 19};
	data[0] = types[roll(world) % 6];
	data[1] = 0xfe;
	data[2] = 0xfd;
	data[3] = 7; // an epoch that never comes
	data[11] = 0;
	data[12] = 100;
	feed(end, data, 113);
	feed(end, data, 112); // cut off
	data[3] = 0;
	data[0] = 23; // data before there are keys
	feed(end, data, 113);
	data[0] = 22;
	data[2] = 0xfc; // a version that is none
	feed(end, data, 113);
}

static bool deliver_due(struct end *end)
{
	for (unsigned i = 0; i < end->queued; i++) {
		if (end->in[i].at_us > now_us)
			continue;
		struct datagram d = end->in[i];
		memmove(&end->in[i], &end->in[i + 1], (end->queued - i - 1) * sizeof(d));
		end->queued--;
		if (end->world->garbage)
			feed_garbage(end);
		feed(end, d.data, d.bytes);
		return true;
	}
	return false;
}

static int64_t earliest(const struct end *end)
{
	int64_t at = hz_dtls_deadline_us(end->dtls, now_us);
	for (unsigned i = 0; i < end->queued; i++)
		at = end->in[i].at_us < at ? end->in[i].at_us : at;
	return at;
}

static bool busy(const struct end *end)
{
	return end->queued > 0 || hz_dtls_state(end->dtls) == HZ_DTLS_HANDSHAKING;
}

// Until both are settled and nothing is under way.
static void run(struct world *world)
{
	hz_dtls_start(world->client.dtls, now_us);
	for (int i = 0; i < 100000 && (busy(&world->client) || busy(&world->server)); i++) {
		if (deliver_due(&world->client) || deliver_due(&world->server))
			continue;
		int64_t a = earliest(&world->client), b = earliest(&world->server);
		int64_t next = a < b ? a : b;
		assert_true(next < INT64_MAX);
		now_us = next > now_us ? next : now_us;
		hz_dtls_handle_timeout(world->client.dtls, now_us);
		hz_dtls_handle_timeout(world->server.dtls, now_us);
	}
	assert_false(busy(&world->client) || busy(&world->server));
}

static void assert_connected(struct world *world)
{
	struct hz_srtp_keys a, b;
	assert_int_equal(hz_dtls_state(world->client.dtls), HZ_DTLS_CONNECTED);
	assert_int_equal(hz_dtls_state(world->server.dtls), HZ_DTLS_CONNECTED);
	assert_int_equal(hz_dtls_export(world->client.dtls, &a), 0);
	assert_int_equal(hz_dtls_export(world->server.dtls, &b), 0);
	assert_int_equal(a.profile, b.profile);
	assert_memory_equal(a.local_key, b.remote_key, 16);
	assert_memory_equal(a.remote_key, b.local_key, 16);
	assert_memory_equal(a.local_salt, b.remote_salt, 14);
	assert_memory_equal(a.remote_salt, b.local_salt, 14);
	assert_memory_not_equal(a.local_key, a.remote_key, 16);
}

static void assert_failed(const struct end *end, enum hz_dtls_failure reason)
{
	struct hz_srtp_keys keys;
	uint8_t fingerprint[HZ_FINGERPRINT_BYTES];
	assert_int_equal(hz_dtls_state(end->dtls), HZ_DTLS_FAILED);
	assert_int_equal(hz_dtls_failure(end->dtls), reason);
	assert_int_equal(hz_dtls_export(end->dtls, &keys), -EAGAIN);
	assert_int_equal(hz_dtls_peer_fingerprint(end->dtls, fingerprint), -EAGAIN);
	assert_true(hz_dtls_deadline_us(end->dtls, now_us) == INT64_MAX);
	assert_int_equal(hz_dtls_feed(end->dtls, (const uint8_t *)"x", 1, now_us), -EPIPE);
}

// --- it works

static void test_clean_handshake(void **state)
{
	struct world *world = ready_world();
	struct hz_srtp_keys keys;
	uint8_t expected[HZ_FINGERPRINT_BYTES], seen[HZ_FINGERPRINT_BYTES];
	assert_int_equal(hz_dtls_export(world->server.dtls, &keys), -EAGAIN);
	run(world);
	assert_connected(world);
	assert_int_equal(hz_dtls_export(world->server.dtls, &keys), 0);
	assert_int_equal(keys.profile, HZ_SRTP_AEAD_AES_128_GCM);
	assert_int_equal(keys.local_salt[12] | keys.local_salt[13], 0);
	hz_identity_fingerprint(client_identity, expected);
	assert_int_equal(hz_dtls_peer_fingerprint(world->server.dtls, seen), 0);
	assert_memory_equal(expected, seen, sizeof(seen));
	assert_true(now_us - START_US < 100000); // two round trips, no retransmission
	assert_true(hz_dtls_deadline_us(world->server.dtls, now_us) == INT64_MAX);
	print_message("client sent %u datagrams, server %u, longest %zu\n", world->client.sent,
	              world->server.sent, world->server.longest);
	close_world(world);
}

static void test_without_expectations(void **state)
{
	struct world *world = open_world();
	open_end(&world->client, true, NULL);
	open_end(&world->server, false, NULL);
	run(world);
	assert_connected(world);
	close_world(world);
}

static void test_lossy_links(void **state)
{
	int64_t slowest = 0;
	for (uint32_t seed = 1; seed <= 60; seed++) {
		struct world *world = ready_world();
		world->seed = seed;
		world->loss_percent = seed % 3 == 0 ? 30 : 15;
		world->copies = seed % 2;
		world->jitter_us = 80000;
		run(world);
		assert_connected(world);
		slowest = now_us - START_US > slowest ? now_us - START_US : slowest;
		close_world(world);
	}
	print_message("slowest of 60: %lld ms\n", (long long)slowest / 1000);
}

static void test_garbage_in_the_middle(void **state)
{
	for (uint32_t seed = 1; seed <= 10; seed++) {
		struct world *world = ready_world();
		world->seed = seed;
		world->garbage = true;
		world->loss_percent = 10;
		run(world);
		assert_connected(world);
		close_world(world);
	}
}

static void test_everything_many_times(void **state)
{
	struct world *world = ready_world();
	world->copies = 7;
	world->jitter_us = 30000;
	run(world);
	assert_connected(world);
	close_world(world);
}

// The server is done, its last flight is lost again and again: each time the client asks, it comes again.
static unsigned final_flights_lost;

static bool lose_final_flights(struct end *from, const uint8_t *data, size_t bytes)
{
	if (from != &from->world->server || data[0] != 20 || final_flights_lost >= 3)
		return false; // a change_cipher_spec comes first in it
	final_flights_lost++;
	return true;
}

static void test_lost_final_flight(void **state)
{
	struct world *world = ready_world();
	final_flights_lost = 0;
	world->drop = lose_final_flights;
	run(world);
	assert_int_equal(final_flights_lost, 3);
	assert_connected(world);
	close_world(world);
}

// --- certificates and profiles

static struct hz_identity *make_rsa_identity(int bits, size_t comment_bytes)
{
	struct hz_identity *identity;
	EVP_PKEY *key = EVP_RSA_gen((unsigned)bits);
	X509 *cert = X509_new();
	X509_set_version(cert, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(cert), -100);
	X509_gmtime_adj(X509_getm_notAfter(cert), 100000);
	X509_set_pubkey(cert, key);
	if (comment_bytes) { // to make it long
		char *comment = calloc(1, comment_bytes + 1);
		memset(comment, 'x', comment_bytes);
		X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_netscape_comment, comment);
		assert_non_null(e);
		X509_add_ext(cert, e, -1);
		X509_EXTENSION_free(e);
		free(comment);
	}
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	FILE *f = fdopen(memfd_create("rsa", 0), "w+");
	PEM_write_X509(f, cert);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fflush(f);
	assert_int_equal(hz_identity_load(fileno(f), &identity), 0);
	fclose(f);
	X509_free(cert);
	EVP_PKEY_free(key);
	return identity;
}

static void with_client_identity(struct world *world, struct hz_identity *identity)
{
	hz_dtls_ctx_free(world->client.ctx);
	assert_int_equal(hz_dtls_ctx_new(identity, &world->client.ctx), 0);
	open_end(&world->client, true, server_identity);
	open_end(&world->server, false, identity);
}

static void test_rsa_client(void **state) // GStreamer makes such certificates
{
	struct hz_identity *identity = make_rsa_identity(2048, 0);
	struct world *world = open_world();
	with_client_identity(world, identity);
	run(world);
	assert_connected(world);
	close_world(world);
	hz_identity_free(identity);
}

static void test_fragmented_messages(void **state)
{
	struct hz_identity *identity = make_rsa_identity(4096, 5000);
	for (uint32_t seed = 1; seed <= 10; seed++) {
		struct world *world = open_world();
		with_client_identity(world, identity);
		world->seed = seed;
		world->loss_percent = 5;
		world->jitter_us = 20000;
		run(world);
		assert_connected(world);
		assert_true(world->client.sent >= 6); // the certificate alone takes 6 datagrams
		close_world(world);
	}
	hz_identity_free(identity);
}

static void test_certificate_too_long(void **state)
{
	struct hz_identity *identity = make_rsa_identity(2048, 9000);
	struct world *world = open_world();
	with_client_identity(world, identity);
	run(world);
	assert_failed(&world->server, HZ_DTLS_PROTOCOL);
	assert_failed(&world->client, HZ_DTLS_ALERT);
	close_world(world);
	hz_identity_free(identity);
}

static void test_wrong_fingerprint_at_server(void **state)
{
	struct world *world = open_world();
	open_end(&world->client, true, server_identity);
	open_end(&world->server, false, server_identity); // expects another one
	run(world);
	assert_failed(&world->server, HZ_DTLS_FINGERPRINT);
	assert_failed(&world->client, HZ_DTLS_ALERT);
	close_world(world);
}

static void test_wrong_fingerprint_at_client(void **state)
{
	struct world *world = open_world();
	open_end(&world->client, true, client_identity);
	open_end(&world->server, false, client_identity);
	run(world);
	assert_failed(&world->client, HZ_DTLS_FINGERPRINT);
	assert_failed(&world->server, HZ_DTLS_ALERT);
	close_world(world);
}

static void test_no_client_certificate(void **state)
{
	struct world *world = ready_world();
	SSL_certs_clear(world->client.dtls->ssl);
	run(world);
	assert_failed(&world->server, HZ_DTLS_NO_CERT);
	assert_failed(&world->client, HZ_DTLS_ALERT);
	close_world(world);
}

static void with_profiles(const char *profiles, struct world *world)
{
	assert_int_equal(SSL_set_tlsext_use_srtp(world->client.dtls->ssl, profiles), 0);
}

static void test_profiles(void **state)
{
	struct hz_srtp_keys keys;
	struct world *world = ready_world();
	with_profiles("SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", world); // the server's order counts
	run(world);
	assert_connected(world);
	hz_dtls_export(world->client.dtls, &keys);
	assert_int_equal(keys.profile, HZ_SRTP_AEAD_AES_128_GCM);
	close_world(world);
	world = ready_world();
	with_profiles("SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80", world);
	run(world);
	assert_connected(world);
	hz_dtls_export(world->client.dtls, &keys);
	assert_int_equal(keys.profile, HZ_SRTP_AES_CM_128_HMAC_SHA1_80);
	assert_int_not_equal(keys.local_salt[12] | keys.local_salt[13] | keys.remote_salt[13], 0);
	close_world(world);
	world = ready_world();
	with_profiles("SRTP_AEAD_AES_256_GCM", world);
	run(world);
	assert_failed(&world->server, HZ_DTLS_NO_SRTP);
	assert_true(hz_dtls_state(world->client.dtls) != HZ_DTLS_CONNECTED);
	close_world(world);
}

static void test_no_cipher_in_common(void **state)
{
	struct world *world = ready_world();
	SSL_set_cipher_list(world->client.dtls->ssl,
	                    "ECDHE-RSA-AES128-GCM-SHA256"); // our certificate is ECDSA
	run(world);
	assert_failed(&world->server, HZ_DTLS_PROTOCOL);
	assert_failed(&world->client, HZ_DTLS_ALERT);
	close_world(world);
}

static void test_old_version(void **state)
{
	struct world *world = ready_world();
	SSL *ssl = world->client.dtls->ssl;
	SSL_set_security_level(ssl, 0);
	SSL_set_min_proto_version(ssl, DTLS1_VERSION);
	SSL_set_max_proto_version(ssl, DTLS1_VERSION);
	SSL_set_cipher_list(ssl, "ALL:@SECLEVEL=0");
	run(world);
	assert_failed(&world->server, HZ_DTLS_PROTOCOL);
	assert_true(hz_dtls_state(world->client.dtls) == HZ_DTLS_FAILED);
	close_world(world);
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

static struct hz_identity *make_identity(void)
{
	int fd;
	struct hz_identity *identity;
	assert_int_equal(hz_identity_generate(&fd), 0);
	assert_int_equal(hz_identity_load(fd, &identity), 0);
	close(fd);
	return identity;
}

static int set_up(void **state)
{
	client_identity = make_identity();
	server_identity = make_identity();
	return 0;
}

static int tear_down(void **state)
{
	hz_identity_free(client_identity);
	hz_identity_free(server_identity);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_clean_handshake),
	    cmocka_unit_test(test_without_expectations),
	    cmocka_unit_test(test_lossy_links),
	    cmocka_unit_test(test_garbage_in_the_middle),
	    cmocka_unit_test(test_everything_many_times),
	    cmocka_unit_test(test_lost_final_flight),
	    cmocka_unit_test(test_rsa_client),
	    cmocka_unit_test(test_fragmented_messages),
	    cmocka_unit_test(test_certificate_too_long),
	    cmocka_unit_test(test_wrong_fingerprint_at_server),
	    cmocka_unit_test(test_wrong_fingerprint_at_client),
	    cmocka_unit_test(test_no_client_certificate),
	    cmocka_unit_test(test_profiles),
	    cmocka_unit_test(test_no_cipher_in_common),
	    cmocka_unit_test(test_old_version),
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
