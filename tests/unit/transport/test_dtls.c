// DTLS handshakes that succeed, over bad links too, and what certificates, profiles and versions decide.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "tests/unit/transport/dtls_world.h"

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

static struct hz_identity *identity_of(EVP_PKEY *key, size_t comment_bytes)
{
	struct hz_identity *identity;
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
	struct hz_identity *identity = identity_of(EVP_RSA_gen(2048), 0);
	struct world *world = open_world();
	with_client_identity(world, identity);
	run(world);
	assert_connected(world);
	close_world(world);
	hz_identity_free(identity);
}

// A certificate of P-384 (a policy of its house), and a client that knows our certificate's curve but not X25519.
static void test_other_curves(void **state)
{
	static const char *const groups[] = {NULL, "P-256:P-384"};
	struct hz_identity *identity = identity_of(EVP_EC_gen("P-384"), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct world *world = open_world();
		with_client_identity(world, identity);
		if (groups[i])
			assert_int_equal(SSL_set1_groups_list(world->client.dtls->ssl, groups[i]), 1);
		run(world);
		assert_connected(world);
		close_world(world);
	}
	hz_identity_free(identity);
}

static void test_fragmented_messages(void **state)
{
	struct hz_identity *identity = identity_of(EVP_RSA_gen(2048), 6000);
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

// Key shares for after quantum computers make a ClientHello of two datagrams: either may be lost, or come first.
static void test_long_hello(void **state)
{
	uint8_t names[1500];
	memset(names, 'n', sizeof(names));
	for (size_t i = 0; i < sizeof(names); i += 250)
		names[i] = 249;
	for (uint32_t seed = 1; seed <= 20; seed++) {
		struct world *world = ready_world();
		assert_int_equal(SSL_set_alpn_protos(world->client.dtls->ssl, names, sizeof(names)), 0);
		world->seed = seed;
		world->loss_percent = seed % 2 ? 20 : 0;
		world->copies = seed % 3 == 0;
		world->jitter_us = 40000;
		run(world);
		assert_connected(world);
		close_world(world);
	}
}

static void test_certificate_too_long(void **state)
{
	struct hz_identity *identity = identity_of(EVP_RSA_gen(2048), 9000);
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
	    cmocka_unit_test(test_other_curves),
	    cmocka_unit_test(test_fragmented_messages),
	    cmocka_unit_test(test_long_hello),
	    cmocka_unit_test(test_certificate_too_long),
	    cmocka_unit_test(test_wrong_fingerprint_at_server),
	    cmocka_unit_test(test_wrong_fingerprint_at_client),
	    cmocka_unit_test(test_no_client_certificate),
	    cmocka_unit_test(test_profiles),
	    cmocka_unit_test(test_no_cipher_in_common),
	    cmocka_unit_test(test_old_version),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
