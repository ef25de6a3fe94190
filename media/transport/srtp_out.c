#include "media/transport/srtp_out.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "gateway/base/secret.h"
#include "media/transport/gcm.h"
#include "media/transport/srtp.h"

#define FIRST_CAP   4
#define MAX_INDEX   0xffffffffffffull
#define WINDOW_WORD (HZ_SRTP_WINDOW / 64)

// What one SSRC has used: bit i % HZ_SRTP_WINDOW for the newest HZ_SRTP_WINDOW indices, all that is older counts as used.
struct stream {
	bool started;
	uint64_t floor; // nothing at or below, once started by a restore; else 0
	uint64_t newest;
	uint64_t used[WINDOW_WORD];
};

struct hz_srtp_out {
	struct hz_gcm *gcm;
	uint8_t salt[HZ_GCM_IV_BYTES];
	uint32_t count, cap, max;
	uint32_t last;         // place of the stream used last
	uint32_t *ssrc;        // ascending
	struct stream *stream; // of ssrc[]
};

// RFC 3711 section 4.3.3: AES-CM keystream at (label * 2^48) XOR salt, index 0.
static int derive(const uint8_t key[16], const uint8_t salt[14], uint8_t label, uint8_t *ret, int bytes)
{
	static const uint8_t zero[16];
	uint8_t block[16] = {0}, iv[16] = {0};
	int n = 0;
	memcpy(iv, salt, 14);
	iv[7] ^= label;
	EVP_CIPHER_CTX *evp = EVP_CIPHER_CTX_new();
	bool ok = evp && EVP_EncryptInit_ex(evp, EVP_aes_128_ctr(), NULL, key, iv) == 1 &&
	          EVP_EncryptUpdate(evp, block, &n, zero, sizeof(zero)) == 1;
	EVP_CIPHER_CTX_free(evp);
	if (ok)
		memcpy(ret, block, (size_t)bytes);
	hz_wipe(block, sizeof(block));
	return ok ? 0 : -EIO;
}

static int set_up(struct hz_srtp_out *out, const uint8_t master_key[16], const uint8_t master_salt[14])
{
	uint8_t key[16];
	int err = derive(master_key, master_salt, 0, key, sizeof(key));
	if (!err)
		err = derive(master_key, master_salt, 2, out->salt, HZ_GCM_IV_BYTES);
	if (!err)
		err = hz_gcm_new(key, &out->gcm);
	hz_wipe(key, sizeof(key));
	return err;
}

int hz_srtp_out_new(const uint8_t master_key[16], const uint8_t master_salt[14], uint32_t max_ssrcs,
                    struct hz_srtp_out **ret)
{
	struct hz_srtp_out *out = calloc(1, sizeof(*out));
	if (!out)
		return -ENOMEM;
	out->max = max_ssrcs;
	int err = set_up(out, master_key, master_salt);
	if (err) {
		hz_srtp_out_free(out);
		return err;
	}
	*ret = out;
	return 0;
}

void hz_srtp_out_free(struct hz_srtp_out *out)
{
	if (!out)
		return;
	hz_gcm_free(out->gcm);
	free(out->ssrc);
	free(out->stream);
	hz_wipe(out, sizeof(*out));
	free(out);
}

// --- streams

// Place of the first one not below.
static uint32_t lower_bound(const struct hz_srtp_out *out, uint32_t ssrc)
{
	uint32_t low = 0, high = out->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (out->ssrc[middle] < ssrc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct stream *find(struct hz_srtp_out *out, uint32_t ssrc)
{
	if (out->last < out->count && out->ssrc[out->last] == ssrc)
		return &out->stream[out->last];
	uint32_t at = lower_bound(out, ssrc);
	if (at == out->count || out->ssrc[at] != ssrc)
		return NULL;
	out->last = at;
	return &out->stream[at];
}

static int grow(struct hz_srtp_out *out)
{
	uint32_t cap = out->cap ? 2 * out->cap : FIRST_CAP;
	struct stream *stream = realloc(out->stream, cap * sizeof(*stream));
	if (stream)
		out->stream = stream;
	uint32_t *list = stream ? realloc(out->ssrc, cap * sizeof(*list)) : NULL;
	if (!list)
		return -ENOMEM;
	out->ssrc = list;
	out->cap = cap;
	return 0;
}

static int add(struct hz_srtp_out *out, uint32_t ssrc, struct stream **ret)
{
	if (out->count >= out->max)
		return -ENOSPC;
	int err = !out->stream || !out->ssrc || out->count == out->cap ? grow(out) : 0;
	if (err)
		return err;
	uint32_t at = lower_bound(out, ssrc);
	memmove(&out->stream[at + 1], &out->stream[at], (out->count - at) * sizeof(*out->stream));
	memmove(&out->ssrc[at + 1], &out->ssrc[at], (out->count - at) * sizeof(*out->ssrc));
	memset(&out->stream[at], 0, sizeof(out->stream[at]));
	out->ssrc[at] = ssrc;
	out->count++;
	*ret = &out->stream[at];
	return 0;
}

int hz_srtp_out_restore(struct hz_srtp_out *out, uint32_t ssrc, uint64_t index)
{
	struct stream *s;
	if (find(out, ssrc))
		return -EEXIST;
	int err = add(out, ssrc, &s);
	if (err)
		return err;
	s->started = true;
	s->newest = s->floor = index;
	s->used[index / 64 % WINDOW_WORD] |= 1ull << (index % 64);
	return 0;
}

void hz_srtp_out_remove(struct hz_srtp_out *out, uint32_t ssrc)
{
	uint32_t at = lower_bound(out, ssrc);
	if (at == out->count || out->ssrc[at] != ssrc)
		return;
	out->count--;
	memmove(&out->stream[at], &out->stream[at + 1], (out->count - at) * sizeof(*out->stream));
	memmove(&out->ssrc[at], &out->ssrc[at + 1], (out->count - at) * sizeof(*out->ssrc));
	out->last = 0;
}

// --- indices

// The index that the receiver will guess (RFC 3711 section 3.3.1). 0; -EALREADY it is below 0.
static int index_of(const struct stream *s, uint16_t seq, uint64_t *ret)
{
	if (!s->started) {
		*ret = seq;
		return 0;
	}
	int64_t index = (int64_t)s->newest + (int16_t)(uint16_t)(seq - (uint16_t)s->newest);
	if (index < 0)
		return -EALREADY;
	*ret = (uint64_t)index;
	return 0;
}

static bool was_used(const struct stream *s, uint64_t index)
{
	if (!s->started || index > s->newest)
		return false;
	return index <= s->floor || s->newest - index >= HZ_SRTP_WINDOW ||
	       (s->used[index / 64 % WINDOW_WORD] >> (index % 64) & 1);
}

static void note_used(struct stream *s, uint64_t index)
{
	if (s->started && index > s->newest + HZ_SRTP_WINDOW) {
		memset(s->used, 0, sizeof(s->used));
		s->newest = index;
	}
	for (; s->started && s->newest < index; s->newest++)
		s->used[(s->newest + 1) / 64 % WINDOW_WORD] &= ~(1ull << ((s->newest + 1) % 64));
	if (!s->started)
		s->newest = index;
	s->started = true;
	s->used[index / 64 % WINDOW_WORD] |= 1ull << (index % 64);
}

void hz_srtp_out_prefetch(const struct hz_srtp_out *out)
{
	hz_gcm_prefetch(out->gcm);
	for (uint32_t i = 0; i < out->count && i < FIRST_CAP; i++)
		__builtin_prefetch(&out->stream[i], 1);
}

// --- packets

// RFC 7714 section 8.1: two zero bytes, SSRC, ROC, sequence number; XOR salt.
static void make_iv(const struct hz_srtp_out *out, uint32_t ssrc, uint64_t index, uint8_t iv[HZ_GCM_IV_BYTES])
{
	iv[0] = iv[1] = 0;
	for (unsigned i = 0; i < 4; i++)
		iv[2 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	for (unsigned i = 0; i < 6; i++)
		iv[6 + i] = (uint8_t)(index >> (40 - 8 * i));
	for (unsigned i = 0; i < HZ_GCM_IV_BYTES; i++)
		iv[i] ^= out->salt[i];
}

int hz_srtp_out_protect(struct hz_srtp_out *out, uint8_t *buf, size_t header, size_t *len)
{
	uint32_t ssrc = (uint32_t)buf[8] << 24 | (uint32_t)buf[9] << 16 | (uint32_t)buf[10] << 8 | buf[11];
	struct stream *s = find(out, ssrc);
	uint8_t iv[HZ_GCM_IV_BYTES];
	uint64_t index;
	int err = s ? 0 : add(out, ssrc, &s);
	if (!err)
		err = index_of(s, (uint16_t)(buf[2] << 8 | buf[3]), &index);
	if (err)
		return err;
	if (index > MAX_INDEX)
		return -ENOKEY;
	if (was_used(s, index))
		return -EALREADY;
	note_used(s, index); // before: a nonce that may have been used is never used again
	make_iv(out, ssrc, index, iv);
	err = hz_gcm_seal(out->gcm, &(struct hz_gcm_text){iv, buf, header, buf + header, *len - header,
	                                                  buf + *len, HZ_GCM_TAG_BYTES});
	if (!err)
		*len += HZ_GCM_TAG_BYTES;
	return err;
}
