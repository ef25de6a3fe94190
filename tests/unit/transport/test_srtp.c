// SRTP: round trips, everything that must be refused, and the crash recovery that a nonce depends on.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "media/transport/srtp.h"
#include "media/transport/ssrc_set.h"

#define CAP  1500
#define SSRC 0xdeadbeefu

static const uint8_t profiles[] = {HZ_SRTP_AEAD_AES_128_GCM, HZ_SRTP_AES_CM_128_HMAC_SHA1_80};

struct packet {
	_Alignas(4) uint8_t data[CAP];
	size_t len;
};

struct ends {
	struct hz_srtp_keys a_keys, b_keys;
	struct hz_srtp *a, *b;
};

static void make_keys(struct ends *ends, uint8_t profile)
{
	size_t salt = profile == HZ_SRTP_AEAD_AES_128_GCM ? 12 : 14;
	memset(ends, 0, sizeof(*ends));
	ends->a_keys.profile = ends->b_keys.profile = profile;
	for (size_t i = 0; i < 16; i++) {
		ends->a_keys.local_key[i] = ends->b_keys.remote_key[i] = (uint8_t)(i + 1);
		ends->a_keys.remote_key[i] = ends->b_keys.local_key[i] = (uint8_t)(i + 101);
	}
	for (size_t i = 0; i < salt; i++) {
		ends->a_keys.local_salt[i] = ends->b_keys.remote_salt[i] = (uint8_t)(i + 51);
		ends->a_keys.remote_salt[i] = ends->b_keys.local_salt[i] = (uint8_t)(i + 151);
	}
}

static struct ends open_ends(uint8_t profile)
{
	struct ends ends;
	make_keys(&ends, profile);
	assert_int_equal(hz_srtp_new(&ends.a_keys, &ends.a), 0);
	assert_int_equal(hz_srtp_new(&ends.b_keys, &ends.b), 0);
	return ends;
}

static void close_ends(struct ends *ends)
{
	hz_srtp_free(ends->a);
	hz_srtp_free(ends->b);
}

static struct hz_srtp *reborn(const struct hz_srtp_keys *keys)
{
	struct hz_srtp *srtp;
	assert_int_equal(hz_srtp_new(keys, &srtp), 0);
	return srtp;
}

static void make_rtp(struct packet *p, uint32_t ssrc, uint16_t seq, size_t payload)
{
	memset(p->data, 0, sizeof(p->data));
	p->data[0] = 0x80;
	p->data[1] = 96;
	p->data[2] = (uint8_t)(seq >> 8);
	p->data[3] = (uint8_t)seq;
	for (int i = 0; i < 4; i++)
		p->data[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	for (size_t i = 0; i < payload; i++)
		p->data[12 + i] = (uint8_t)(seq + i);
	p->len = 12 + payload;
}

static void make_rtcp(struct packet *p, uint32_t ssrc) // an empty receiver report
{
	memset(p->data, 0, sizeof(p->data));
	p->data[0] = 0x80;
	p->data[1] = 201;
	p->data[3] = 1;
	for (int i = 0; i < 4; i++)
		p->data[4 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	p->len = 8;
}

static int send_seq(struct hz_srtp *srtp, struct packet *p, uint32_t ssrc, uint16_t seq)
{
	make_rtp(p, ssrc, seq, 100);
	return hz_srtp_protect(srtp, p->data, &p->len, CAP);
}

static int receive(struct hz_srtp *srtp, struct packet *p)
{
	return hz_srtp_unprotect(srtp, p->data, &p->len);
}

// --- plain use

static void round_trip(uint8_t profile)
{
	struct ends ends = open_ends(profile);
	struct packet p, plain;
	size_t tag = profile == HZ_SRTP_AEAD_AES_128_GCM ? 16 : 10;
	for (size_t payload = 0; payload < 1200; payload += 37) {
		make_rtp(&plain, SSRC, (uint16_t)payload, payload);
		p = plain;
		assert_int_equal(hz_srtp_protect(ends.a, p.data, &p.len, CAP), 0);
		assert_int_equal(p.len, plain.len + tag);
		if (payload > 16)
			assert_memory_not_equal(p.data + 12, plain.data + 12, payload);
		assert_int_equal(receive(ends.b, &p), 0);
		assert_int_equal(p.len, plain.len);
		assert_memory_equal(p.data, plain.data, plain.len);
	}
	for (int i = 0; i < 100; i++) {
		make_rtcp(&plain, 77);
		p = plain;
		assert_int_equal(hz_srtp_protect_rtcp(ends.b, p.data, &p.len, CAP), 0);
		assert_int_equal(p.len, plain.len + tag + 4);
		assert_int_equal(hz_srtp_unprotect_rtcp(ends.a, p.data, &p.len), 0);
		assert_int_equal(p.len, plain.len);
		assert_memory_equal(p.data, plain.data, plain.len);
	}
	close_ends(&ends);
}

static void header_with_extension_and_csrcs(uint8_t profile)
{
	struct ends ends = open_ends(profile);
	struct packet p, plain;
	make_rtp(&plain, SSRC, 9, 100);
	plain.data[0] = 0x80 | 0x10 | 3; // extension, 3 CSRCs: 12 + 12 + 4 + 8 bytes of header
	plain.data[26] = 0;
	plain.data[27] = 2;
	p = plain;
	assert_int_equal(hz_srtp_protect(ends.a, p.data, &p.len, CAP), 0);
	assert_memory_equal(p.data, plain.data, 36);
	assert_int_equal(receive(ends.b, &p), 0);
	assert_memory_equal(p.data, plain.data, plain.len);
	close_ends(&ends);
}

// --- refusals

static void every_bit_counts(uint8_t profile)
{
	struct ends ends = open_ends(profile);
	struct packet good, bad;
	assert_int_equal(send_seq(ends.a, &good, SSRC, 5), 0);
	for (size_t bit = 0; bit < 8 * good.len; bit++) {
		bad = good;
		bad.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		int err = receive(ends.b, &bad);
		assert_true(err == -EACCES || err == -EINVAL);
	}
	for (size_t len = 0; len < good.len; len++) {
		bad = good;
		bad.len = len;
		uint8_t *exact = malloc(len ? len : 1);
		memcpy(exact, good.data, len);
		int err = hz_srtp_unprotect(ends.b, exact, &bad.len);
		assert_true(err == -EACCES || err == -EINVAL);
		free(exact);
	}
	assert_int_equal(receive(ends.b, &good), 0); // none of that has disturbed the stream
	close_ends(&ends);
}

static void every_rtcp_bit_counts(uint8_t profile)
{
	struct ends ends = open_ends(profile);
	struct packet good, bad;
	make_rtcp(&good, 7);
	assert_int_equal(hz_srtp_protect_rtcp(ends.a, good.data, &good.len, CAP), 0);
	for (size_t bit = 0; bit < 8 * good.len; bit++) {
		bad = good;
		bad.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		int err = hz_srtp_unprotect_rtcp(ends.b, bad.data, &bad.len);
		assert_true(err == -EACCES || err == -EINVAL);
	}
	for (size_t len = 0; len < good.len; len++) {
		bad = good;
		bad.len = len;
		int err = hz_srtp_unprotect_rtcp(ends.b, bad.data, &bad.len);
		assert_true(err == -EACCES || err == -EINVAL);
	}
	bad = good;
	assert_int_equal(hz_srtp_unprotect_rtcp(ends.b, good.data, &good.len), 0);
	assert_int_equal(hz_srtp_unprotect_rtcp(ends.b, bad.data, &bad.len), -EALREADY);
	close_ends(&ends);
}

static void replays(uint8_t profile)
{
	struct ends ends = open_ends(profile);
	struct packet p, first, middle;
	assert_int_equal(send_seq(ends.a, &p, SSRC, 1000), 0);
	first = p;
	assert_int_equal(receive(ends.b, &p), 0);
	p = first;
	assert_int_equal(receive(ends.b, &p), -EALREADY);
	assert_int_equal(send_seq(ends.a, &middle, SSRC, 1500), 0);
	assert_int_equal(send_seq(ends.a, &p, SSRC, 2000), 0);
	assert_int_equal(receive(ends.b, &p), 0);
	assert_int_equal(receive(ends.b, &middle), 0); // late, within the window
	assert_int_equal(send_seq(ends.a, &p, SSRC, 2100), 0);
	assert_int_equal(receive(ends.b, &p), 0);
	p = first; // older than the window
	assert_int_equal(receive(ends.b, &p), -EALREADY);
	// The sender's side: the same sequence number is never protected twice, nor one that is too old.
	assert_int_equal(send_seq(ends.a, &p, SSRC, 2100), -EALREADY);
	assert_int_equal(send_seq(ends.a, &p, SSRC, 1500), -EALREADY);
	assert_int_equal(send_seq(ends.a, &p, SSRC, 900), -EALREADY);
	assert_int_equal(send_seq(ends.a, &p, SSRC, 2099), 0);
	close_ends(&ends);
}

static void wrong_keys(uint8_t profile)
{
	struct ends ends = open_ends(profile);
	struct packet p;
	assert_int_equal(send_seq(ends.a, &p, SSRC, 1), 0);
	assert_int_equal(receive(ends.a, &p), -EACCES); // one's own packet, reflected
	struct hz_srtp_keys keys = ends.b_keys;
	keys.remote_key[15] ^= 1;
	struct hz_srtp *other = reborn(&keys);
	assert_int_equal(send_seq(ends.a, &p, SSRC, 2), 0);
	assert_int_equal(receive(other, &p), -EACCES);
	hz_srtp_free(other);
	keys = ends.b_keys;
	keys.remote_salt[0] ^= 1;
	other = reborn(&keys);
	assert_int_equal(send_seq(ends.a, &p, SSRC, 3), 0);
	assert_int_equal(receive(other, &p), -EACCES);
	hz_srtp_free(other);
	close_ends(&ends);
}

static void not_packets(uint8_t profile)
{
	struct ends ends = open_ends(profile);
	struct packet p;
	make_rtp(&p, SSRC, 1, 10);
	p.data[0] = 0x40; // version 1
	assert_int_equal(hz_srtp_protect(ends.a, p.data, &p.len, CAP), -EINVAL);
	assert_int_equal(hz_srtp_unprotect(ends.a, p.data, &p.len), -EINVAL);
	assert_int_equal(hz_srtp_protect_rtcp(ends.a, p.data, &p.len, CAP), -EINVAL);
	assert_int_equal(hz_srtp_unprotect_rtcp(ends.a, p.data, &p.len), -EINVAL);
	make_rtp(&p, SSRC, 1, 10);
	p.data[0] = 0x8f; // 15 CSRCs do not fit
	assert_int_equal(hz_srtp_protect(ends.a, p.data, &p.len, CAP), -EINVAL);
	make_rtp(&p, SSRC, 1, 10);
	p.data[0] = 0x90; // an extension longer than the packet
	p.data[14] = 0xff;
	assert_int_equal(hz_srtp_protect(ends.a, p.data, &p.len, CAP), -EINVAL);
	assert_int_equal(hz_srtp_unprotect(ends.b, p.data, &p.len), -EINVAL);
	make_rtp(&p, SSRC, 1, 10);
	p.len = 11;
	assert_int_equal(hz_srtp_protect(ends.a, p.data, &p.len, CAP), -EINVAL);
	p.len = 0;
	assert_int_equal(hz_srtp_unprotect(ends.a, p.data, &p.len), -EINVAL);
	make_rtp(&p, SSRC, 1, 10); // no room for the tag
	assert_int_equal(hz_srtp_protect(ends.a, p.data, &p.len, p.len + HZ_SRTP_TRAILER_BYTES - 1), -EINVAL);
	assert_int_equal(hz_srtp_protect(ends.a, p.data, &p.len, p.len + HZ_SRTP_TRAILER_BYTES), 0);
	make_rtcp(&p, 1);
	p.len = 7;
	assert_int_equal(hz_srtp_protect_rtcp(ends.a, p.data, &p.len, CAP), -EINVAL);
	close_ends(&ends);
}

static void test_bad_profiles(void **state)
{
	struct ends ends;
	struct hz_srtp *srtp = NULL;
	for (int profile = 0; profile < 256; profile++) {
		make_keys(&ends, (uint8_t)profile);
		int expected = profile == 1 || profile == 7 ? 0 : -EINVAL;
		assert_int_equal(hz_srtp_new(&ends.a_keys, &srtp), expected);
		if (!expected)
			hz_srtp_free(srtp);
	}
	hz_srtp_free(NULL);
}

static void too_many_ssrcs(uint8_t profile)
{
	struct ends ends = open_ends(profile);
	struct packet p;
	uint32_t roc;
	for (uint32_t ssrc = 1; ssrc <= 1000; ssrc++) { // forged: they take no places
		make_rtp(&p, 0x10000 + ssrc, 1, 50);
		assert_int_equal(receive(ends.b, &p), -EACCES);
	}
	for (uint32_t ssrc = 1; ssrc <= 200; ssrc++) {
		assert_int_equal(send_seq(ends.a, &p, ssrc, 1), 0);
		assert_int_equal(receive(ends.b, &p), ssrc <= HZ_SRTP_MAX_RX_SSRCS ? 0 : -ENOSPC);
	}
	make_rtcp(&p, 999);
	assert_int_equal(hz_srtp_protect_rtcp(ends.a, p.data, &p.len, CAP), 0);
	assert_int_equal(hz_srtp_unprotect_rtcp(ends.b, p.data, &p.len), -ENOSPC);
	assert_int_equal(hz_srtp_restore_rx(ends.b, 999, 0, 0), -ENOSPC);
	assert_int_equal(send_seq(ends.a, &p, 1, 2), 0); // the known ones go on
	assert_int_equal(receive(ends.b, &p), 0);
	hz_srtp_remove_rx(ends.b, 7);
	hz_srtp_remove_rx(ends.b, 7);
	hz_srtp_remove_rx(ends.b, 123456);
	assert_int_equal(hz_srtp_rx_roc(ends.b, 7, &roc), -ENOENT);
	assert_int_equal(send_seq(ends.a, &p, 100, 2), 0);
	assert_int_equal(receive(ends.b, &p), 0);
	assert_int_equal(send_seq(ends.a, &p, 101, 2), 0);
	assert_int_equal(receive(ends.b, &p), -ENOSPC);
	for (uint32_t ssrc = 1000; ssrc < 1000 + HZ_SRTP_MAX_TX_SSRCS; ssrc++)
		send_seq(ends.a, &p, ssrc, 1);
	assert_int_equal(send_seq(ends.a, &p, 5000, 1), -ENOSPC);
	assert_int_equal(hz_srtp_restore_tx(ends.a, 5000, 0, 1), -ENOSPC);
	close_ends(&ends);
}

// --- recovery

// An uninterrupted sender next to one that is born again at each step from (roc, seq) alone: the same bytes.
static void same_bytes_after_restore(uint8_t profile)
{
	struct ends ends = open_ends(profile);
	struct packet p, q, r;
	uint64_t index = 0xfe00; // near the first roll-over
	struct hz_srtp *again = NULL;
	assert_int_equal(send_seq(ends.a, &p, SSRC, (uint16_t)index), 0);
	for (int step = 0; step < 400; step++) {
		// gaps: 1 mostly, sometimes thousands, so that several roll-overs are passed
		uint64_t next = index + (step % 5 == 4 ? 7919 : 1);
		again = reborn(&ends.a_keys);
		assert_int_equal(hz_srtp_restore_tx(again, SSRC, (uint32_t)(index >> 16), (uint16_t)index),
		                 0);
		assert_int_equal(send_seq(ends.a, &p, SSRC, (uint16_t)next), 0);
		assert_int_equal(send_seq(again, &q, SSRC, (uint16_t)next), 0);
		assert_int_equal(p.len, q.len);
		assert_memory_equal(p.data, q.data, p.len);
		r = p;
		assert_int_equal(receive(ends.b, &r), 0);
		// The index handed to restore may have been used: it is refused.
		assert_int_equal(send_seq(again, &q, SSRC, (uint16_t)index), -EALREADY);
		hz_srtp_free(again);
		index = next;
	}
	assert_true(index >> 16 >= 9);
	close_ends(&ends);
}

// The exact edges: sequence numbers 0, 1, 0x7fff, 0x8000, 0xffff under roll-over counters 0, 1, 2 and large ones.
static void edges_of_restore(uint8_t profile)
{
	static const uint32_t rocs[] = {0, 1, 2, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0xfffffffe};
	static const uint16_t seqs[] = {0, 1, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff};
	struct ends ends = open_ends(profile);
	for (size_t i = 0; i < sizeof(rocs) / sizeof(*rocs); i++) {
		for (size_t j = 0; j < sizeof(seqs) / sizeof(*seqs); j++) {
			struct hz_srtp *tx = reborn(&ends.a_keys), *rx = reborn(&ends.b_keys);
			struct packet p, copy;
			uint32_t roc, want = rocs[i] + (seqs[j] >= 0xfffe);
			assert_int_equal(hz_srtp_restore_tx(tx, SSRC, rocs[i], seqs[j]), 0);
			assert_int_equal(hz_srtp_restore_rx(rx, SSRC, rocs[i], seqs[j]), 0);
			assert_int_equal(hz_srtp_rx_roc(rx, SSRC, &roc), 0);
			assert_int_equal(roc, rocs[i]);
			assert_int_equal(send_seq(tx, &p, SSRC, (uint16_t)(seqs[j] + 2)), 0);
			copy = p;
			assert_int_equal(receive(rx, &p), 0);
			assert_int_equal(hz_srtp_rx_roc(rx, SSRC, &roc), 0);
			assert_int_equal(roc, want);
			assert_int_equal(receive(rx, &copy), -EALREADY);
			hz_srtp_free(tx);
			hz_srtp_free(rx);
		}
	}
	close_ends(&ends);
}

// The roll-over counter is really in the cipher: without restore, or with a wrong one, nothing fits.
static void restore_matters(uint8_t profile)
{
	struct ends ends = open_ends(profile);
	struct packet p, q;
	for (uint32_t i = 0xff00; i < 0x30010; i += 0x100) {
		assert_int_equal(send_seq(ends.a, &p, SSRC, (uint16_t)i), 0);
		assert_int_equal(receive(ends.b, &p), 0);
	}
	uint32_t roc;
	assert_int_equal(hz_srtp_rx_roc(ends.b, SSRC, &roc), 0);
	assert_int_equal(roc, 3);
	struct hz_srtp *none = reborn(&ends.b_keys), *wrong = reborn(&ends.b_keys),
	               *right = reborn(&ends.b_keys);
	assert_int_equal(hz_srtp_restore_rx(wrong, SSRC, 2, 0), 0);
	assert_int_equal(hz_srtp_restore_rx(right, SSRC, 3, 0), 0);
	assert_int_equal(send_seq(ends.a, &p, SSRC, 0x20), 0);
	q = p;
	assert_int_equal(receive(none, &q), -EACCES);
	q = p;
	assert_int_equal(receive(wrong, &q), -EACCES);
	q = p;
	assert_int_equal(receive(right, &q), 0);
	hz_srtp_free(none);
	none = reborn(&ends.a_keys); // a sender that forgot
	assert_int_equal(send_seq(none, &q, SSRC, 0x21), 0);
	assert_int_equal(receive(ends.b, &q), -EACCES);
	hz_srtp_free(none);
	hz_srtp_free(wrong);
	hz_srtp_free(right);
	close_ends(&ends);
}

static void restore_refusals(uint8_t profile)
{
	struct ends ends = open_ends(profile);
	struct packet p;
	assert_int_equal(hz_srtp_restore_tx(ends.a, SSRC, 1, 1), 0);
	assert_int_equal(hz_srtp_restore_tx(ends.a, SSRC, 2, 1), -EEXIST);
	assert_int_equal(hz_srtp_restore_rx(ends.b, SSRC, 1, 1), 0);
	assert_int_equal(hz_srtp_restore_rx(ends.b, SSRC, 2, 1), -EEXIST);
	assert_int_equal(send_seq(ends.a, &p, SSRC, 2), 0);
	assert_int_equal(receive(ends.b, &p), 0);
	assert_int_equal(send_seq(ends.a, &p, 9, 2), 0);
	assert_int_equal(receive(ends.b, &p), 0);
	assert_int_equal(hz_srtp_restore_tx(ends.a, 9, 1, 1), -EEXIST);
	assert_int_equal(hz_srtp_restore_rx(ends.b, 9, 1, 1), -EEXIST);
	hz_srtp_remove_tx(ends.a, SSRC); // then it may be restored again
	assert_int_equal(hz_srtp_restore_tx(ends.a, SSRC, 1, 3), 0);
	assert_int_equal(send_seq(ends.a, &p, SSRC, 4), 0);
	assert_int_equal(receive(ends.b, &p), 0);
	hz_srtp_remove_tx(ends.a, 4711);
	close_ends(&ends);
}

// RTCP of a new incarnation comes with a new sender SSRC and is taken by a receiver that never restarted.
static void rtcp_of_a_new_incarnation(uint8_t profile)
{
	struct ends ends = open_ends(profile);
	struct packet p, old;
	for (int i = 0; i < 50; i++) {
		make_rtcp(&p, 0x1111);
		assert_int_equal(hz_srtp_protect_rtcp(ends.a, p.data, &p.len, CAP), 0);
		old = p;
		assert_int_equal(hz_srtp_unprotect_rtcp(ends.b, p.data, &p.len), 0);
	}
	struct hz_srtp *again = reborn(&ends.a_keys);
	make_rtcp(&p, 0x1111); // the same SSRC: the index starts again and is a replay
	assert_int_equal(hz_srtp_protect_rtcp(again, p.data, &p.len, CAP), 0);
	assert_int_equal(hz_srtp_unprotect_rtcp(ends.b, p.data, &p.len), -EALREADY);
	make_rtcp(&p, 0x2222);
	assert_int_equal(hz_srtp_protect_rtcp(again, p.data, &p.len, CAP), 0);
	assert_int_equal(hz_srtp_unprotect_rtcp(ends.b, p.data, &p.len), 0);
	struct hz_srtp *receiver = reborn(&ends.b_keys); // incoming indices are in the packets
	assert_int_equal(hz_srtp_unprotect_rtcp(receiver, old.data, &old.len), 0);
	hz_srtp_free(again);
	hz_srtp_free(receiver);
	close_ends(&ends);
}

// --- known answers, so that both ends being wrong alike is noticed

// One packet under published master keys (those of RFC 3711 appendix B.3), as libsrtp's own algorithms make it.
static void test_known_answer_cm(void **state)
{
	static const uint8_t key[16] = {0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0,
	                                0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39};
	static const uint8_t salt[14] = {0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe,
	                                 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6};
	static const uint8_t plain[28] = {0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe,
	                                  0xba, 0xbe, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab,
	                                  0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab};
	static const uint8_t sealed[38] = {0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe,
	                                   0xba, 0xbe, 0x4e, 0x55, 0xdc, 0x4c, 0xe7, 0x99, 0x78, 0xd8,
	                                   0x8c, 0xa4, 0xd2, 0x15, 0x94, 0x9d, 0x24, 0x02, 0xb7, 0x8d,
	                                   0x6a, 0xcc, 0x99, 0xea, 0x17, 0x9b, 0x8d, 0xbb};
	struct hz_srtp_keys keys = {.profile = HZ_SRTP_AES_CM_128_HMAC_SHA1_80};
	struct packet p = {.len = sizeof(plain)};
	memcpy(keys.local_key, key, 16);
	memcpy(keys.local_salt, salt, 14);
	memcpy(p.data, plain, sizeof(plain));
	struct hz_srtp *srtp = reborn(&keys);
	assert_int_equal(hz_srtp_protect(srtp, p.data, &p.len, CAP), 0);
	assert_int_equal(p.len, sizeof(sealed));
	assert_memory_equal(p.data, sealed, sizeof(sealed));
	hz_srtp_free(srtp);
}

static void test_ssrc_set(void **state)
{
	struct hz_ssrc_set set;
	hz_ssrc_set_init(&set, 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(hz_ssrc_set_add(&set, i * 2654435761u), 0);
	assert_true(hz_ssrc_set_full(&set));
	assert_int_equal(hz_ssrc_set_add(&set, 5), -ENOSPC);
	assert_int_equal(hz_ssrc_set_add(&set, 2654435761u), 0); // in already
	for (uint32_t i = 0; i < 100; i++) {
		assert_true(hz_ssrc_set_has(&set, i * 2654435761u));
		assert_false(hz_ssrc_set_has(&set, i * 2654435761u + 1));
	}
	for (uint32_t i = 0; i < 100; i += 2)
		assert_true(hz_ssrc_set_remove(&set, i * 2654435761u));
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(hz_ssrc_set_has(&set, i * 2654435761u), i % 2);
	assert_true(hz_ssrc_set_has(&set, 99 * 2654435761u));
	assert_true(hz_ssrc_set_remove(&set, 99 * 2654435761u)); // the one just asked for
	assert_false(hz_ssrc_set_has(&set, 99 * 2654435761u));
	assert_false(hz_ssrc_set_remove(&set, 99 * 2654435761u));
	hz_ssrc_set_done(&set);
}

static void test_restart_of_the_library(void **state)
{
	hz_srtp_done();
	assert_int_equal(hz_srtp_init(), 0);
	round_trip(HZ_SRTP_AEAD_AES_128_GCM);
}

#define BOTH(name)                                                                                           \
	static void test_##name(void **state)                                                                \
	{                                                                                                    \
		for (size_t i = 0; i < sizeof(profiles); i++)                                                \
			name(profiles[i]);                                                                   \
	}
BOTH(round_trip)
BOTH(header_with_extension_and_csrcs)
BOTH(every_bit_counts)
BOTH(every_rtcp_bit_counts)
BOTH(replays)
BOTH(wrong_keys)
BOTH(not_packets)
BOTH(too_many_ssrcs)
BOTH(same_bytes_after_restore)
BOTH(edges_of_restore)
BOTH(restore_matters)
BOTH(restore_refusals)
BOTH(rtcp_of_a_new_incarnation)

static int init(void **state)
{
	return hz_srtp_init();
}

static int done(void **state)
{
	hz_srtp_done();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_header_with_extension_and_csrcs),
	    cmocka_unit_test(test_known_answer_cm),
	    cmocka_unit_test(test_every_bit_counts),
	    cmocka_unit_test(test_every_rtcp_bit_counts),
	    cmocka_unit_test(test_replays),
	    cmocka_unit_test(test_wrong_keys),
	    cmocka_unit_test(test_not_packets),
	    cmocka_unit_test(test_bad_profiles),
	    cmocka_unit_test(test_too_many_ssrcs),
	    cmocka_unit_test(test_same_bytes_after_restore),
	    cmocka_unit_test(test_edges_of_restore),
	    cmocka_unit_test(test_restore_matters),
	    cmocka_unit_test(test_restore_refusals),
	    cmocka_unit_test(test_rtcp_of_a_new_incarnation),
	    cmocka_unit_test(test_ssrc_set),
	    cmocka_unit_test(test_restart_of_the_library),
	};
	return cmocka_run_group_tests(tests, init, done);
}
