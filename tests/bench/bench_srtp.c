// Nanoseconds a packet for SRTP: protect and unprotect, both profiles, and what a new peer and a restore cost.
// Beside them libsrtp with the algorithms it was built with (NSS on Debian), before hz_srtp_init() replaces them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <srtp2/srtp.h>

#include "gateway/base/clock.h"
#include "media/transport/srtp.h"

#define PACKETS 200000
#define CAP     1500

static const size_t payloads[] = {100, 1100};

static void make_rtp(uint8_t *data, uint32_t i, size_t payload)
{
	memset(data, 0, 12);
	data[0] = 0x80;
	data[1] = 96;
	data[2] = (uint8_t)(i >> 8);
	data[3] = (uint8_t)i;
	data[11] = 9;
	memset(data + 12, (int)i, payload);
}

static struct hz_srtp_keys make_keys(uint8_t profile)
{
	struct hz_srtp_keys keys = {.profile = profile};
	memset(keys.local_key, 1, 16);
	memset(keys.remote_key, 1, 16);
	return keys; // both directions alike: one object can read what it wrote
}

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %d\n", what, err);
	exit(1);
}

static void bench_ours(uint8_t profile, size_t payload)
{
	static uint8_t data[CAP];
	struct hz_srtp_keys keys = make_keys(profile);
	struct hz_srtp *srtp;
	int64_t protect_us = 0, unprotect_us = 0;
	check(hz_srtp_new(&keys, &srtp), "new");
	for (uint32_t i = 0; i < PACKETS; i++) {
		size_t len = 12 + payload;
		make_rtp(data, i, payload);
		int64_t t0 = hz_now_us();
		check(hz_srtp_protect(srtp, data, &len, CAP), "protect");
		int64_t t1 = hz_now_us();
		check(hz_srtp_unprotect(srtp, data, &len), "unprotect");
		protect_us += t1 - t0;
		unprotect_us += hz_now_us() - t1;
	}
	hz_srtp_free(srtp);
	printf("%-10s openssl  %4zu bytes  protect %5.0f ns  unprotect %5.0f ns\n",
	       profile == 7 ? "GCM-128" : "CM-HMAC", payload, 1e3 * (double)protect_us / PACKETS,
	       1e3 * (double)unprotect_us / PACKETS);
}

static void bench_theirs(uint8_t profile, size_t payload)
{
	static uint8_t data[CAP];
	uint8_t key[30] = {1};
	srtp_policy_t policy;
	srtp_t srtp;
	memset(&policy, 0, sizeof(policy));
	if (profile == HZ_SRTP_AEAD_AES_128_GCM) {
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
	} else {
		srtp_crypto_policy_set_rtp_default(&policy.rtp);
		srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
	}
	policy.ssrc.type = ssrc_any_outbound;
	policy.key = key;
	policy.window_size = HZ_SRTP_WINDOW;
	int64_t t0 = hz_now_us();
	check((int)srtp_create(&srtp, &policy), "create");
	int64_t created_us = hz_now_us() - t0, protect_us = 0;
	for (uint32_t i = 0; i < PACKETS / 4; i++) {
		int len = 12 + (int)payload;
		make_rtp(data, i, payload);
		t0 = hz_now_us();
		check((int)srtp_protect(srtp, data, &len), "protect");
		protect_us += hz_now_us() - t0;
	}
	srtp_dealloc(srtp);
	printf("%-10s built-in %4zu bytes  protect %5.0f ns  (create %lld us)\n",
	       profile == 7 ? "GCM-128" : "CM-HMAC", payload, 1e3 * (double)protect_us / (PACKETS / 4),
	       (long long)created_us);
}

static void bench_new(uint8_t profile)
{
	struct hz_srtp_keys keys = make_keys(profile);
	struct hz_srtp *srtp;
	enum { ROUNDS = 2000 };
	int64_t made_us = 0, tx_us = 0, rx_us = 0;
	for (int i = 0; i < ROUNDS; i++) {
		int64_t t0 = hz_now_us();
		check(hz_srtp_new(&keys, &srtp), "new");
		int64_t t1 = hz_now_us();
		check(hz_srtp_restore_tx(srtp, 9, 1000, 1), "restore_tx");
		int64_t t2 = hz_now_us();
		check(hz_srtp_restore_rx(srtp, 9, 1000, 1), "restore_rx");
		made_us += t1 - t0;
		tx_us += t2 - t1;
		rx_us += hz_now_us() - t2;
		hz_srtp_free(srtp);
	}
	printf("%-10s new peer %.1f us  restore_tx %.1f us  restore_rx %.1f us\n",
	       profile == 7 ? "GCM-128" : "CM-HMAC", (double)made_us / ROUNDS, (double)tx_us / ROUNDS,
	       (double)rx_us / ROUNDS);
}

int main(void)
{
	static const uint8_t profiles[] = {HZ_SRTP_AEAD_AES_128_GCM, HZ_SRTP_AES_CM_128_HMAC_SHA1_80};
	check((int)srtp_init(), "srtp_init");
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 2; j++)
			bench_theirs(profiles[i], payloads[j]);
	srtp_shutdown();
	check(hz_srtp_init(), "init");
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 2; j++)
			bench_ours(profiles[i], payloads[j]);
	for (size_t i = 0; i < 2; i++)
		bench_new(profiles[i]);
	hz_srtp_done();
	return 0;
}
