// SRTP and SRTCP from the network, and the index restore. Byte 0: bit 0 the profile, bits 1-2 what is done with the
// rest: 0 unprotect it, 1 protect it and read it back, 2 protect it, damage it, and see it refused, 3 restore.
#include <stdlib.h>
#include <string.h>

#include "media/transport/srtp.h"

#define CAP 2100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct ends {
	struct hz_srtp *a, *b;
	struct hz_srtp_keys a_keys;
};

static void demand(int condition)
{
	if (!condition)
		abort();
}

static void open_ends(struct ends *ends, uint8_t profile)
{
	struct hz_srtp_keys keys = {.profile = profile};
	memset(keys.local_key, 1, 16);
	memset(keys.remote_key, 2, 16);
	ends->a_keys = keys;
	demand(hz_srtp_new(&keys, &ends->a) == 0);
	memset(keys.local_key, 2, 16);
	memset(keys.remote_key, 1, 16);
	demand(hz_srtp_new(&keys, &ends->b) == 0);
}

static void take_raw(struct ends *ends, const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	size_t len = size;
	demand(exact != NULL);
	memcpy(exact, data, size);
	demand(hz_srtp_unprotect(ends->b, exact, &len) != 0);
	memcpy(exact, data, size);
	len = size;
	demand(hz_srtp_unprotect_rtcp(ends->b, exact, &len) != 0);
	free(exact);
}

static void there_and_back(struct ends *ends, const uint8_t *data, size_t size, int damage)
{
	static uint8_t buf[CAP];
	int (*protect[])(struct hz_srtp *, uint8_t *, size_t *, size_t) = {hz_srtp_protect,
	                                                                   hz_srtp_protect_rtcp};
	int (*unprotect[])(struct hz_srtp *, uint8_t *, size_t *) = {hz_srtp_unprotect,
	                                                             hz_srtp_unprotect_rtcp};
	for (int i = 0; i < 2; i++) {
		size_t len = size;
		memcpy(buf, data, size);
		if (protect[i](ends->a, buf, &len, CAP) != 0)
			continue;
		demand(len > size && len <= size + HZ_SRTP_TRAILER_BYTES);
		uint8_t *exact = malloc(len);
		demand(exact != NULL);
		memcpy(exact, buf, len);
		if (damage) {
			exact[data[size - 1] % len] ^= (uint8_t)(1 + data[0] % 255);
			demand(unprotect[i](ends->b, exact, &len) != 0);
		} else {
			demand(unprotect[i](ends->b, exact, &len) == 0);
			demand(len == size && memcmp(exact, data, size) == 0);
		}
		free(exact);
	}
}

// After restore, the next packets are what an uninterrupted receiver takes.
static void restore(struct ends *ends, const uint8_t *data, size_t size)
{
	uint32_t roc, got;
	uint16_t seq;
	uint8_t buf[100] = {0x80, 96};
	if (size < 7)
		return;
	memcpy(&roc, data, 4);
	memcpy(&seq, data + 4, 2);
	if (roc == UINT32_MAX)
		return; // the very end of the key's life
	demand(hz_srtp_restore_tx(ends->a, 0, roc, seq) == 0);
	demand(hz_srtp_restore_rx(ends->b, 0, roc, seq) == 0);
	for (int i = 0; i < 4; i++) {
		size_t len = 50;
		uint16_t next = (uint16_t)(seq + 1 + data[6]);
		memset(buf, 0, sizeof(buf));
		buf[0] = 0x80;
		buf[2] = (uint8_t)(next >> 8);
		buf[3] = (uint8_t)next;
		demand(hz_srtp_protect(ends->a, buf, &len, sizeof(buf)) == 0);
		demand(hz_srtp_unprotect(ends->b, buf, &len) == 0);
		roc += next < seq;
		demand(hz_srtp_rx_roc(ends->b, 0, &got) == 0 && got == roc);
		seq = next;
		if (roc == UINT32_MAX)
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready;
	struct ends ends;
	if (!ready) {
		demand(hz_srtp_init() == 0);
		ready = 1;
	}
	if (size < 2 || size > 2000)
		return 0;
	open_ends(&ends, data[0] & 1 ? HZ_SRTP_AEAD_AES_128_GCM : HZ_SRTP_AES_CM_128_HMAC_SHA1_80);
	switch (data[0] >> 1 & 3) {
	case 0:
		take_raw(&ends, data + 1, size - 1);
		break;
	case 1:
	case 2:
		there_and_back(&ends, data + 1, size - 1, data[0] & 4);
		break;
	default:
		restore(&ends, data + 1, size - 1);
		break;
	}
	hz_srtp_free(ends.a);
	hz_srtp_free(ends.b);
	return 0;
}
