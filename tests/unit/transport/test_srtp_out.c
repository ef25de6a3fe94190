// Outgoing GCM packets: no index twice, whatever the order; what is sealed here is opened by libsrtp.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "media/transport/gcm.h"
#include "media/transport/srtp.h"
#include "media/transport/srtp_out.h"

#define SPAN 300000u // indices that the plain set knows

static const uint8_t key[16] = {1, 2, 3}, salt[14] = {4, 5, 6};

static void make(uint8_t buf[64], uint32_t ssrc, uint16_t seq, size_t *len)
{
	memset(buf, 0, 64);
	buf[0] = 0x80;
	buf[1] = 96;
	buf[2] = (uint8_t)(seq >> 8);
	buf[3] = (uint8_t)seq;
	for (unsigned i = 0; i < 4; i++)
		buf[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	memset(buf + 12, 0x5a, 20);
	*len = 32;
}

static int protect(struct hz_srtp_out *out, uint32_t ssrc, uint16_t seq)
{
	uint8_t buf[64], before[64];
	size_t len;
	make(buf, ssrc, seq, &len);
	memcpy(before, buf, 64);
	int err = hz_srtp_out_protect(out, buf, 12, &len);
	if (err)
		assert_memory_equal(buf, before, 64); // refused: nothing was changed
	else
		assert_memory_not_equal(buf + 12, before + 12, 20);
	assert_int_equal(len, err ? 32 : 48);
	return err;
}

static struct hz_srtp_out *make_out(uint32_t max)
{
	struct hz_srtp_out *out;
	assert_int_equal(hz_srtp_out_new(key, salt, max, &out), 0);
	return out;
}

// Random walks with jumps of every size around the window's, against a plain set.
static void no_index_twice(void **state)
{
	static uint8_t used[SPAN];
	uint32_t seed = 11;
	(void)state;
	for (unsigned round = 0; round < 6; round++) {
		struct hz_srtp_out *out = make_out(4);
		uint64_t newest = 500;
		memset(used, 0, sizeof(used));
		assert_int_equal(protect(out, 7, (uint16_t)newest), 0);
		used[newest] = 1;
		for (unsigned i = 0; i < 60000; i++) {
			seed = seed * 1664525u + 1013904223u;
			static const int spans[] = {2, 70, 1030, 3000};
			int64_t index = (int64_t)newest + (int)(seed >> 8) % spans[seed >> 30] -
			                (round % 2 ? spans[seed >> 30] / 2 : spans[seed >> 30] * 2 / 3);
			if (index < 0 || index >= SPAN)
				continue;
			bool old = (uint64_t)index <= newest && newest - (uint64_t)index >= HZ_SRTP_WINDOW;
			int err = protect(out, 7, (uint16_t)index);
			assert_int_equal(err, old || used[index] ? -EALREADY : 0);
			used[index] = 1;
			newest = (uint64_t)index > newest ? (uint64_t)index : newest;
		}
		assert_true(newest > 2000);
		hz_srtp_out_free(out);
	}
}

static void restored_index_is_the_floor(void **state)
{
	struct hz_srtp_out *out = make_out(4);
	(void)state;
	assert_int_equal(hz_srtp_out_restore(out, 9, 0x2fff0), 0);
	assert_int_equal(hz_srtp_out_restore(out, 9, 5), -EEXIST);
	for (unsigned i = 0; i <= 1100; i++) // sent or not by the one before: never again
		assert_int_equal(protect(out, 9, (uint16_t)(0xfff0 - i)), -EALREADY);
	assert_int_equal(protect(out, 9, 0xfff1), 0);
	assert_int_equal(protect(out, 9, 3), 0); // around the wrap
	assert_int_equal(protect(out, 9, 0xfff2), 0);
	assert_int_equal(protect(out, 9, 0xfff2), -EALREADY);
	assert_int_equal(protect(out, 9, 0xfff0), -EALREADY);
	hz_srtp_out_free(out);
	out = make_out(4);
	assert_int_equal(hz_srtp_out_restore(out, 9, 0xffffffffffffull), 0);
	assert_int_equal(protect(out, 9, 0), -ENOKEY); // 2^48 packets are all a key may do
	hz_srtp_out_free(out);
}

static void bounds_and_removal(void **state)
{
	struct hz_srtp_out *out = make_out(40);
	(void)state;
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(protect(out, i * 2654435761u, 1), 0);
	assert_int_equal(protect(out, 5, 1), -ENOSPC);
	assert_int_equal(hz_srtp_out_restore(out, 5, 1), -ENOSPC);
	hz_srtp_out_remove(out, 5); // not there
	hz_srtp_out_remove(out, 3 * 2654435761u);
	assert_int_equal(protect(out, 5, 1), 0);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(protect(out, i * 2654435761u, 1), i == 3 ? -ENOSPC : -EALREADY);
	hz_srtp_out_free(out);
	hz_srtp_out_free(NULL);
}

// Both ciphers, every payload size around the block's: the other side is libsrtp over EVP.
static void libsrtp_opens_it(void **state)
{
	struct hz_srtp_keys keys = {.profile = HZ_SRTP_AEAD_AES_128_GCM};
	(void)state;
	memcpy(keys.remote_key, key, 16);
	memcpy(keys.remote_salt, salt, 12);
	assert_int_equal(hz_srtp_init(), 0);
	for (unsigned evp = 0; evp < 2; evp++) {
		struct hz_srtp *peer;
		uint8_t salt12[14] = {0};
		struct hz_srtp_out *out;
		memcpy(salt12, salt, 12);
		if (evp)
			hz_gcm_done();
		assert_int_equal(hz_srtp_new(&keys, &peer), 0);
		assert_int_equal(hz_srtp_out_new(key, salt12, 2, &out), 0);
		for (size_t payload = 0; payload < 1400; payload++) {
			uint8_t buf[1500], plain[1500];
			size_t len = 12 + payload;
			make(buf, 77, (uint16_t)(65000 + payload), &(size_t){0});
			for (size_t i = 12; i < len; i++)
				buf[i] = (uint8_t)(i * 7 + payload);
			memcpy(plain, buf, len);
			assert_int_equal(hz_srtp_out_protect(out, buf, 12, &len), 0);
			assert_int_equal(hz_srtp_unprotect(peer, buf, &len), 0);
			assert_int_equal(len, 12 + payload);
			assert_memory_equal(buf, plain, len);
		}
		hz_srtp_out_free(out);
		hz_srtp_free(peer);
	}
	hz_srtp_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_index_twice),
	    cmocka_unit_test(restored_index_is_the_floor),
	    cmocka_unit_test(bounds_and_removal),
	    cmocka_unit_test(libsrtp_opens_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
