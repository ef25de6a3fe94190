#include "media/transport/srtp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <srtp2/srtp.h>

#include "gateway/base/secret.h"
#include "media/transport/gcm.h"
#include "media/transport/srtp_internal.h"
#include "media/transport/srtp_out.h"
#include "media/transport/ssrc_set.h"

#define RTP_HEADER_BYTES  12
#define RTCP_HEADER_BYTES 8
#define SRTCP_INDEX_BYTES 4
#define GCM_TAG_BYTES     16
#define CM_TAG_BYTES      10
#define MAX_PACKET_BYTES  65535
#define MASTER_BYTES      30 // key and salt as libsrtp takes them; 28 with GCM

struct hz_srtp {
	srtp_t tx, rx;
	struct hz_srtp_out *out; // GCM: outgoing SRTP, tx is SRTCP's alone; NULL with AES-CM
	size_t tag_bytes;
	struct hz_ssrc_set tx_ssrcs, rx_ssrcs;
	struct hz_srtp_keys keys; // restore_rx() plays the sender
};

static int to_errno(srtp_err_status_t status)
{
	switch (status) {
	case srtp_err_status_ok:
		return 0;
	case srtp_err_status_auth_fail:
	case srtp_err_status_cipher_fail: // a GCM payload shorter than its tag
	case srtp_err_status_cant_check:  // SRTCP that claims not to be encrypted
		return -EACCES;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
	case srtp_err_status_pkt_idx_old:
		return -EALREADY;
	case srtp_err_status_bad_param:
	case srtp_err_status_parse_err:
		return -EINVAL;
	case srtp_err_status_alloc_fail:
		return -ENOMEM;
	case srtp_err_status_key_expired:
		return -ENOKEY;
	default:
		return -EIO;
	}
}

static unsigned users; // how many init() without done()

// Debian's libsrtp starts NSS with its first AES context and stops it with the last one, milliseconds each time.
// With all three types replaced, nothing uses NSS after the self-tests of srtp_init().
int hz_srtp_init(void)
{
	if (users > 0) {
		users++;
		return 0;
	}
	hz_gcm_init();
	if (srtp_init() != srtp_err_status_ok)
		return -EIO;
	if (srtp_replace_cipher_type(&hz_srtp_icm_type, SRTP_AES_ICM_128) != srtp_err_status_ok ||
	    srtp_replace_cipher_type(&hz_srtp_gcm_type, SRTP_AES_GCM_128) != srtp_err_status_ok ||
	    srtp_replace_auth_type(&hz_srtp_hmac_type, SRTP_HMAC_SHA1) != srtp_err_status_ok) {
		srtp_shutdown();
		return -EIO;
	}
	users = 1;
	return 0;
}

void hz_srtp_done(void)
{
	if (users == 0 || --users > 0)
		return;
	hz_gcm_done();
	srtp_shutdown();
}

static int create(const struct hz_srtp_keys *keys, const uint8_t *key, const uint8_t *salt,
                  srtp_ssrc_type_t type, srtp_t *ret)
{
	uint8_t master[MASTER_BYTES];
	srtp_policy_t policy;
	memset(&policy, 0, sizeof(policy));
	if (keys->profile == HZ_SRTP_AEAD_AES_128_GCM) {
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
	} else {
		srtp_crypto_policy_set_rtp_default(&policy.rtp);
		srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
	}
	memcpy(master, key, 16);
	memcpy(master + 16, salt, 14); // libsrtp reads 12 of them for GCM
	policy.ssrc.type = type;
	policy.key = master;
	policy.window_size = HZ_SRTP_WINDOW;
	int err = to_errno(srtp_create(ret, &policy));
	hz_wipe(master, sizeof(master));
	return err;
}

int hz_srtp_new(const struct hz_srtp_keys *keys, struct hz_srtp **ret)
{
	if (keys->profile != HZ_SRTP_AEAD_AES_128_GCM && keys->profile != HZ_SRTP_AES_CM_128_HMAC_SHA1_80)
		return -EINVAL;
	struct hz_srtp *srtp = calloc(1, sizeof(*srtp));
	if (!srtp)
		return -ENOMEM;
	srtp->keys = *keys;
	srtp->tag_bytes = keys->profile == HZ_SRTP_AEAD_AES_128_GCM ? GCM_TAG_BYTES : CM_TAG_BYTES;
	hz_ssrc_set_init(&srtp->tx_ssrcs, HZ_SRTP_MAX_TX_SSRCS);
	hz_ssrc_set_init(&srtp->rx_ssrcs, HZ_SRTP_MAX_RX_SSRCS);
	int err = create(keys, keys->local_key, keys->local_salt, ssrc_any_outbound, &srtp->tx);
	if (!err)
		err = create(keys, keys->remote_key, keys->remote_salt, ssrc_any_inbound, &srtp->rx);
	if (!err && keys->profile == HZ_SRTP_AEAD_AES_128_GCM)
		err = hz_srtp_out_new(keys->local_key, keys->local_salt, HZ_SRTP_MAX_TX_SSRCS, &srtp->out);
	if (err) {
		hz_srtp_free(srtp);
		return err;
	}
	*ret = srtp;
	return 0;
}

void hz_srtp_free(struct hz_srtp *srtp)
{
	if (!srtp)
		return;
	if (srtp->tx)
		srtp_dealloc(srtp->tx);
	if (srtp->rx)
		srtp_dealloc(srtp->rx);
	hz_srtp_out_free(srtp->out);
	hz_ssrc_set_done(&srtp->tx_ssrcs);
	hz_ssrc_set_done(&srtp->rx_ssrcs);
	hz_wipe(srtp, sizeof(*srtp));
	free(srtp);
}

// --- packets

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

// Bytes of a whole RTP header, with CSRCs and extension; 0: it is none.
static size_t header_of(const uint8_t *buf, size_t bytes)
{
	if (bytes < RTP_HEADER_BYTES || bytes > MAX_PACKET_BYTES || buf[0] >> 6 != 2)
		return 0;
	size_t header = RTP_HEADER_BYTES + 4 * (size_t)(buf[0] & 15);
	if (buf[0] & 0x10) {
		if (bytes < header + 4)
			return 0;
		header += 4 + 4 * (size_t)(buf[header + 2] << 8 | buf[header + 3]);
	}
	return bytes >= header ? header : 0;
}

static bool is_rtp(const uint8_t *buf, size_t bytes, size_t tail)
{
	size_t header = header_of(buf, bytes);
	return header && bytes >= header + tail;
}

static bool is_rtcp(const uint8_t *buf, size_t bytes, size_t tail)
{
	return bytes >= RTCP_HEADER_BYTES + tail && bytes <= MAX_PACKET_BYTES && buf[0] >> 6 == 2;
}

typedef srtp_err_status_t (*libsrtp_fn)(srtp_t, void *, int *);

static int run(libsrtp_fn fn, srtp_t session, uint8_t *buf, size_t *len)
{
	int bytes = (int)*len;
	int err = to_errno(fn(session, buf, &bytes));
	if (!err)
		*len = (size_t)bytes;
	return err;
}

// A new SSRC is noted before libsrtp makes a stream for it, so that there is never one that is not counted.
static int send_one(struct hz_srtp *srtp, libsrtp_fn fn, uint32_t ssrc, uint8_t *buf, size_t *len)
{
	if (!hz_ssrc_set_has(&srtp->tx_ssrcs, ssrc)) {
		int err = hz_ssrc_set_add(&srtp->tx_ssrcs, ssrc);
		if (err)
			return err;
	}
	return run(fn, srtp->tx, buf, len);
}

int hz_srtp_protect(struct hz_srtp *srtp, uint8_t *buf, size_t *len, size_t cap)
{
	size_t header = header_of(buf, *len);
	if (!header || cap < *len + HZ_SRTP_TRAILER_BYTES)
		return -EINVAL;
	if (srtp->out)
		return hz_srtp_out_protect(srtp->out, buf, header, len);
	return send_one(srtp, srtp_protect, get32(buf + 8), buf, len);
}

void hz_srtp_prefetch(const struct hz_srtp *srtp, unsigned step)
{
	if (step == 1)
		__builtin_prefetch(srtp);
	else if (srtp->out)
		hz_srtp_out_prefetch(srtp->out);
}

int hz_srtp_protect_rtcp(struct hz_srtp *srtp, uint8_t *buf, size_t *len, size_t cap)
{
	if (!is_rtcp(buf, *len, 0) || cap < *len + HZ_SRTP_TRAILER_BYTES)
		return -EINVAL;
	return send_one(srtp, srtp_protect_rtcp, get32(buf + 4), buf, len);
}

// An SSRC counts only once authentic: forged packets cannot use up the places. libsrtp makes its stream then too.
static int receive_one(struct hz_srtp *srtp, libsrtp_fn fn, uint32_t ssrc, uint8_t *buf, size_t *len)
{
	bool known = hz_ssrc_set_has(&srtp->rx_ssrcs, ssrc);
	if (!known && hz_ssrc_set_full(&srtp->rx_ssrcs))
		return -ENOSPC;
	int err = run(fn, srtp->rx, buf, len);
	if (err || known)
		return err;
	err = hz_ssrc_set_add(&srtp->rx_ssrcs, ssrc);
	if (err) // no memory for the note: no stream without one
		srtp_remove_stream(srtp->rx, htonl(ssrc));
	return err;
}

int hz_srtp_unprotect(struct hz_srtp *srtp, uint8_t *buf, size_t *len)
{
	if (!is_rtp(buf, *len, srtp->tag_bytes))
		return -EINVAL;
	return receive_one(srtp, srtp_unprotect, get32(buf + 8), buf, len);
}

int hz_srtp_unprotect_rtcp(struct hz_srtp *srtp, uint8_t *buf, size_t *len)
{
	if (!is_rtcp(buf, *len, srtp->tag_bytes + SRTCP_INDEX_BYTES))
		return -EINVAL;
	return receive_one(srtp, srtp_unprotect_rtcp, get32(buf + 4), buf, len);
}

// --- after a crash

struct dummy {
	_Alignas(4) uint8_t bytes[RTP_HEADER_BYTES + HZ_SRTP_TRAILER_BYTES];
	size_t len;
};

static void make_dummy(struct dummy *dummy, uint32_t ssrc, uint16_t seq)
{
	memset(dummy, 0, sizeof(*dummy));
	dummy->bytes[0] = 0x80;
	dummy->bytes[2] = (uint8_t)(seq >> 8);
	dummy->bytes[3] = (uint8_t)seq;
	ssrc = htonl(ssrc);
	memcpy(&dummy->bytes[8], &ssrc, 4);
	dummy->len = RTP_HEADER_BYTES;
}

// Brings a sender's stream to index (roc, seq) with packets that nobody ever sees: the first makes the stream, at
// index 0, for srtp_set_stream_roc() to find; the second moves it. *ret is the second.
static int wind_forward(srtp_t session, uint32_t ssrc, uint32_t roc, uint16_t seq, struct dummy *ret)
{
	make_dummy(ret, ssrc, 0);
	int err = run(srtp_protect, session, ret->bytes, &ret->len);
	if (err || (roc == 0 && seq == 0))
		return err;
	err = to_errno(srtp_set_stream_roc(session, ssrc, roc));
	if (err)
		return err;
	make_dummy(ret, ssrc, seq);
	return run(srtp_protect, session, ret->bytes, &ret->len);
}

int hz_srtp_restore_tx(struct hz_srtp *srtp, uint32_t ssrc, uint32_t roc, uint16_t seq)
{
	struct dummy dummy;
	if (srtp->out)
		return hz_srtp_out_restore(srtp->out, ssrc, (uint64_t)roc << 16 | seq);
	if (hz_ssrc_set_has(&srtp->tx_ssrcs, ssrc))
		return -EEXIST;
	int err = hz_ssrc_set_add(&srtp->tx_ssrcs, ssrc);
	if (err)
		return err;
	err = wind_forward(srtp->tx, ssrc, roc, seq, &dummy);
	if (err)
		hz_srtp_remove_tx(srtp, ssrc);
	return err;
}

// Receives two packets made here with the peer's key, the second of exactly that index: libsrtp has no other way to
// be told.
static int receive_dummies(struct hz_srtp *srtp, srtp_t peer, uint32_t ssrc, uint32_t roc, uint16_t seq)
{
	struct dummy dummy;
	int err = wind_forward(peer, ssrc, 0, 0, &dummy);
	if (!err)
		err = run(srtp_unprotect, srtp->rx, dummy.bytes, &dummy.len);
	if (err || (roc == 0 && seq == 0))
		return err;
	srtp_remove_stream(peer, htonl(ssrc));
	err = wind_forward(peer, ssrc, roc, seq, &dummy);
	if (!err)
		err = to_errno(srtp_set_stream_roc(srtp->rx, ssrc, roc));
	if (!err)
		err = run(srtp_unprotect, srtp->rx, dummy.bytes, &dummy.len);
	return err;
}

int hz_srtp_restore_rx(struct hz_srtp *srtp, uint32_t ssrc, uint32_t roc, uint16_t seq)
{
	srtp_t peer;
	const struct hz_srtp_keys *keys = &srtp->keys;
	if (hz_ssrc_set_has(&srtp->rx_ssrcs, ssrc))
		return -EEXIST;
	int err = hz_ssrc_set_add(&srtp->rx_ssrcs, ssrc);
	if (err)
		return err;
	err = create(keys, keys->remote_key, keys->remote_salt, ssrc_any_outbound, &peer);
	if (!err) {
		err = receive_dummies(srtp, peer, ssrc, roc, seq);
		srtp_dealloc(peer);
	}
	if (err)
		hz_srtp_remove_rx(srtp, ssrc);
	return err;
}

int hz_srtp_rx_roc(struct hz_srtp *srtp, uint32_t ssrc, uint32_t *ret_roc)
{
	if (!hz_ssrc_set_has(&srtp->rx_ssrcs, ssrc) ||
	    srtp_get_stream_roc(srtp->rx, ssrc, ret_roc) != srtp_err_status_ok)
		return -ENOENT;
	return 0;
}

// libsrtp wants the SSRC in network order here, and in host order for the roll-over counter.
void hz_srtp_remove_tx(struct hz_srtp *srtp, uint32_t ssrc)
{
	if (srtp->out)
		hz_srtp_out_remove(srtp->out, ssrc);
	if (hz_ssrc_set_remove(&srtp->tx_ssrcs, ssrc))
		srtp_remove_stream(srtp->tx, htonl(ssrc));
}

void hz_srtp_remove_rx(struct hz_srtp *srtp, uint32_t ssrc)
{
	if (hz_ssrc_set_remove(&srtp->rx_ssrcs, ssrc))
		srtp_remove_stream(srtp->rx, htonl(ssrc));
}
