// Associations at rest: smaller, deaf to everything but authentic alerts. The other side is OpenSSL.
#include "tests/unit/transport/dtls_world.h"

#include <openssl/evp.h>

static struct world *connected_world(void)
{
	struct world *world = ready_world();
	run(world);
	assert_connected(world);
	return world;
}

static void close_notify_is_understood(void **state)
{
	(void)state;
	for (unsigned side = 0; side < 2; side++) {
		struct world *world = connected_world();
		struct end *rests = side ? &world->client : &world->server;
		struct hz_srtp_keys keys;
		assert_int_equal(hz_dtls_rest(rests->dtls), 0);
		assert_true(hz_dtls_resting(rests->dtls));
		assert_int_equal(hz_dtls_rest(rests->dtls), 0);
		assert_int_equal(hz_dtls_state(rests->dtls), HZ_DTLS_CONNECTED);
		assert_int_equal(hz_dtls_export(rests->dtls, &keys), -EAGAIN);
		assert_true(hz_dtls_deadline_us(rests->dtls, now_us) == INT64_MAX);
		hz_dtls_handle_timeout(rests->dtls, now_us + 60000000);
		hz_dtls_close(rests->other->dtls);
		run(world);
		assert_int_equal(hz_dtls_state(rests->dtls), HZ_DTLS_CLOSED);
		assert_int_equal(hz_dtls_feed(rests->dtls, (const uint8_t *)"x", 1, now_us), -EPIPE);
		close_world(world);
	}
}

static void only_a_finished_handshake_rests(void **state)
{
	struct world *world = ready_world();
	(void)state;
	assert_int_equal(hz_dtls_rest(world->server.dtls), -EAGAIN);
	assert_false(hz_dtls_resting(world->server.dtls));
	SSL_set_cipher_list(world->client.dtls->ssl, "ECDHE-ECDSA-CHACHA20-POLY1305");
	run(world);
	assert_connected(world);
	assert_int_equal(hz_dtls_rest(world->server.dtls), -ENOTSUP); // stays, and goes on as before
	hz_dtls_close(world->client.dtls);
	run(world);
	assert_int_equal(hz_dtls_state(world->server.dtls), HZ_DTLS_CLOSED);
	close_world(world);
}

static void noise_changes_nothing(void **state)
{
	struct world *world = connected_world();
	uint32_t seed = 3;
	(void)state;
	world->seed = 5;
	hz_dtls_rest(world->server.dtls);
	hz_dtls_close(world->client.dtls); // its alert lies in the server's queue
	assert_int_equal(world->server.queued, 1);
	struct datagram good = world->server.in[0];
	world->server.queued = 0;
	for (unsigned i = 0; i < 3000; i++) { // one byte changed, cut, or two records of which one is bad
		struct datagram d = good;
		seed = seed * 1664525u + 1013904223u;
		d.data[(seed >> 8) % d.bytes] ^= (uint8_t)(1 + (seed >> 24) % 255);
		feed(&world->server, d.data, i % 3 ? d.bytes : (seed >> 8) % d.bytes);
		feed_garbage(&world->server);
		// the explicit nonce and the header are authenticated with the rest
		assert_int_equal(hz_dtls_state(world->server.dtls), HZ_DTLS_CONNECTED);
	}
	uint8_t twice[2 * HZ_DTLS_MTU];
	memcpy(twice, good.data, good.bytes);
	memcpy(twice + good.bytes, good.data, good.bytes);
	twice[good.bytes - 1] ^= 1;
	feed(&world->server, twice, 2 * good.bytes);
	assert_int_equal(hz_dtls_state(world->server.dtls), HZ_DTLS_CLOSED); // the second one was good
	close_world(world);
}

// An alert as the peer would seal it: with its key, as rest derived it.
static size_t seal_alert(const struct hz_dtls *rests, uint8_t level, uint8_t what, uint8_t *ret)
{
	const uint8_t plain[2] = {level, what};
	uint8_t iv[12], aad[13] = {0, 1, 0, 0, 0, 0, 0, 9, 21, 0xfe, 0xfd, 0, 2};
	static const uint8_t header[13] = {21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 26};
	int n;
	memcpy(ret, header, 13);
	memset(ret + 13, 7, 8);
	memcpy(iv, rests->rest_salt, 4);
	memcpy(iv + 4, ret + 13, 8);
	EVP_CIPHER_CTX *evp = EVP_CIPHER_CTX_new();
	assert_int_equal(EVP_EncryptInit_ex(evp, EVP_aes_128_gcm(), NULL, rests->rest_key, iv), 1);
	assert_int_equal(EVP_EncryptUpdate(evp, NULL, &n, aad, sizeof(aad)), 1);
	assert_int_equal(EVP_EncryptUpdate(evp, ret + 21, &n, plain, 2), 1);
	assert_int_equal(EVP_EncryptFinal_ex(evp, ret + 23, &n), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_GET_TAG, 16, ret + 23), 1);
	EVP_CIPHER_CTX_free(evp);
	return 39;
}

static void fatal_alerts_end_it_warnings_do_not(void **state)
{
	struct world *world = connected_world();
	uint8_t record[64];
	(void)state;
	hz_dtls_rest(world->server.dtls);
	feed(&world->server, record, seal_alert(world->server.dtls, 1, 90, record)); // user_canceled
	assert_int_equal(hz_dtls_state(world->server.dtls), HZ_DTLS_CONNECTED);
	feed(&world->server, record, seal_alert(world->server.dtls, 2, 80, record)); // internal_error
	assert_failed(&world->server, HZ_DTLS_ALERT);
	close_world(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(close_notify_is_understood),
	    cmocka_unit_test(only_a_finished_handshake_rests),
	    cmocka_unit_test(noise_changes_nothing),
	    cmocka_unit_test(fatal_alerts_end_it_warnings_do_not),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
