#include "media/transport/dtls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <openssl/err.h>

#include "gateway/base/secret.h"
#include "media/transport/dtls_internal.h"

#define RECORD_HEADER_BYTES 13
#define TYPE_FIRST          20 // change_cipher_spec
#define TYPE_DATA           23
#define MAX_EARLY           16 // OpenSSL keeps each with a buffer of 17 KB until the keys are there
#define MAX_READS           64 // records in one datagram that SSL_read() looks at
#define FIRST_TIMEOUT_US    100000u
#define MAX_TIMEOUT_US      4000000u
#define EXPORTER            "EXTRACTOR-dtls_srtp"

static unsigned next_timeout(SSL *ssl, unsigned last_us)
{
	if (last_us == 0)
		return FIRST_TIMEOUT_US;
	return last_us < MAX_TIMEOUT_US / 2 ? 2 * last_us : MAX_TIMEOUT_US;
}

int hz_dtls_new(struct hz_dtls_ctx *ctx, const struct hz_dtls_options *options, int64_t now_us,
                struct hz_dtls **ret)
{
	if (!options->output)
		return -EINVAL;
	struct hz_dtls *dtls = calloc(1, sizeof(*dtls));
	SSL *ssl = SSL_new(ctx->ssl);
	BIO *bio = BIO_new(ctx->bio);
	if (!dtls || !ssl || !bio) {
		BIO_free(bio);
		SSL_free(ssl);
		free(dtls);
		return -ENOMEM;
	}
	dtls->ssl = ssl;
	dtls->is_client = options->is_client;
	dtls->has_expected = options->fingerprint != NULL;
	if (dtls->has_expected)
		memcpy(dtls->expected, options->fingerprint, HZ_FINGERPRINT_BYTES);
	dtls->output = options->output;
	dtls->user = options->user;
	dtls->limit_us = now_us + HZ_DTLS_HANDSHAKE_US;
	BIO_set_data(bio, dtls);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_app_data(ssl, dtls);
	SSL_set_mtu(ssl, HZ_DTLS_MTU);
	DTLS_set_timer_cb(ssl, next_timeout);
	if (dtls->is_client)
		SSL_set_connect_state(ssl);
	else
		SSL_set_accept_state(ssl);
	*ret = dtls;
	return 0;
}

void hz_dtls_free(struct hz_dtls *dtls)
{
	if (!dtls)
		return;
	SSL_free(dtls->ssl); // and the BIO
	hz_wipe(dtls, sizeof(*dtls));
	free(dtls);
}

static void fail(struct hz_dtls *dtls, enum hz_dtls_failure reason)
{
	dtls->state = HZ_DTLS_FAILED;
	if (dtls->failure == HZ_DTLS_OK) // verify() knew better
		dtls->failure = reason;
}

static void fail_by_openssl(struct hz_dtls *dtls)
{
	unsigned long code = ERR_peek_error();
	if (dtls->alerted)
		fail(dtls, HZ_DTLS_ALERT);
	else if (ERR_GET_REASON(code) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		fail(dtls, HZ_DTLS_NO_CERT);
	else if (ERR_GET_REASON(code) == SSL_R_READ_TIMEOUT_EXPIRED)
		fail(dtls, HZ_DTLS_TIMEOUT);
	else
		fail(dtls, HZ_DTLS_PROTOCOL);
	ERR_clear_error();
}

static void shake_hands(struct hz_dtls *dtls)
{
	ERR_clear_error();
	int n = SSL_do_handshake(dtls->ssl);
	if (n == 1) {
		if (SSL_get_selected_srtp_profile(dtls->ssl)) {
			dtls->state = HZ_DTLS_CONNECTED;
		} else {
			SSL_shutdown(dtls->ssl); // close_notify: tell the peer
			fail(dtls, HZ_DTLS_NO_SRTP);
		}
		return;
	}
	if (SSL_get_error(dtls->ssl, n) != SSL_ERROR_WANT_READ)
		fail_by_openssl(dtls);
}

// Application data is thrown away (we offer no data channels); what matters is alerts and retransmitted flights,
// to which OpenSSL answers with our last one.
static void read_on(struct hz_dtls *dtls)
{
	uint8_t scrap[2048];
	for (int i = 0; i < MAX_READS; i++) {
		ERR_clear_error();
		int n = SSL_read(dtls->ssl, scrap, sizeof(scrap));
		if (n > 0)
			continue;
		switch (SSL_get_error(dtls->ssl, n)) {
		case SSL_ERROR_WANT_READ:
			return;
		case SSL_ERROR_ZERO_RETURN:
			SSL_shutdown(dtls->ssl); // answers with our close_notify
			dtls->state = HZ_DTLS_CLOSED;
			return;
		default:
			fail_by_openssl(dtls);
			return;
		}
	}
}

static void drive(struct hz_dtls *dtls)
{
	if (dtls->state == HZ_DTLS_HANDSHAKING)
		shake_hands(dtls);
	if (dtls->state == HZ_DTLS_CONNECTED)
		read_on(dtls);
}

void hz_dtls_start(struct hz_dtls *dtls, int64_t now_us)
{
	if (dtls->started || !dtls->is_client || dtls->state != HZ_DTLS_HANDSHAKING)
		return;
	dtls->started = true;
	shake_hands(dtls);
}

// --- datagrams

// Whole records from the first byte to the last, of DTLS types and versions (1.0 in a ClientHello).
static bool well_formed(const uint8_t *data, size_t bytes)
{
	if (bytes == 0)
		return false;
	for (size_t at = 0; at < bytes;) {
		if (bytes - at < RECORD_HEADER_BYTES)
			return false;
		const uint8_t *record = data + at;
		size_t length = (size_t)(record[11] << 8 | record[12]);
		if (record[0] < TYPE_FIRST || record[0] > TYPE_DATA || record[1] != 0xfe ||
		    (record[2] != 0xfd && record[2] != 0xff) || length > bytes - at - RECORD_HEADER_BYTES)
			return false;
		at += RECORD_HEADER_BYTES + length;
	}
	return true;
}

// Bounds what a handshake that never ends can make OpenSSL keep.
static bool within_bounds(struct hz_dtls *dtls, const uint8_t *datagram)
{
	bool later_epoch = (datagram[3] | datagram[4]) != 0;
	if (++dtls->datagrams > HZ_DTLS_MAX_DATAGRAMS) {
		fail(dtls, HZ_DTLS_PROTOCOL);
		return false;
	}
	return !later_epoch || ++dtls->early <= MAX_EARLY;
}

int hz_dtls_feed(struct hz_dtls *dtls, const uint8_t *datagram, size_t bytes, int64_t now_us)
{
	if (dtls->state == HZ_DTLS_FAILED || dtls->state == HZ_DTLS_CLOSED)
		return -EPIPE;
	if (dtls->state == HZ_DTLS_HANDSHAKING && now_us >= dtls->limit_us) {
		fail(dtls, HZ_DTLS_TIMEOUT);
		return -EPIPE;
	}
	if (!well_formed(datagram, bytes) || datagram[0] == TYPE_DATA)
		return -EBADMSG;
	if (dtls->state == HZ_DTLS_HANDSHAKING && !within_bounds(dtls, datagram))
		return dtls->state == HZ_DTLS_FAILED ? -EPIPE : -EBADMSG;
	if (hz_dtls_resting(dtls)) {
		hz_dtls_rest_feed(dtls, datagram, bytes);
		return dtls->state == HZ_DTLS_CONNECTED ? -EBADMSG : 0;
	}
	dtls->started = true;
	dtls->in = datagram;
	dtls->in_bytes = bytes;
	drive(dtls);
	dtls->in = NULL;
	return 0;
}

// --- time

int64_t hz_dtls_deadline_us(const struct hz_dtls *dtls, int64_t now_us)
{
	struct timeval left;
	int64_t deadline = INT64_MAX;
	if (dtls->state == HZ_DTLS_FAILED || dtls->state == HZ_DTLS_CLOSED || hz_dtls_resting(dtls))
		return deadline;
	if (dtls->state == HZ_DTLS_HANDSHAKING)
		deadline = dtls->limit_us;
	if (DTLSv1_get_timeout(dtls->ssl, &left) == 1) {
		int64_t at = now_us + (int64_t)left.tv_sec * 1000000 + left.tv_usec;
		deadline = at < deadline ? at : deadline;
	}
	return deadline;
}

void hz_dtls_handle_timeout(struct hz_dtls *dtls, int64_t now_us)
{
	if (dtls->state == HZ_DTLS_FAILED || dtls->state == HZ_DTLS_CLOSED || hz_dtls_resting(dtls))
		return;
	if (dtls->state == HZ_DTLS_HANDSHAKING && now_us >= dtls->limit_us) {
		fail(dtls, HZ_DTLS_TIMEOUT);
		return;
	}
	ERR_clear_error();
	if (DTLSv1_handle_timeout(dtls->ssl) < 0)
		fail_by_openssl(dtls);
}

// --- results

enum hz_dtls_state hz_dtls_state(const struct hz_dtls *dtls)
{
	return dtls->state;
}

enum hz_dtls_failure hz_dtls_failure(const struct hz_dtls *dtls)
{
	return dtls->failure;
}

int hz_dtls_peer_fingerprint(const struct hz_dtls *dtls, uint8_t ret[HZ_FINGERPRINT_BYTES])
{
	if (dtls->state != HZ_DTLS_CONNECTED || !dtls->has_peer)
		return -EAGAIN;
	memcpy(ret, dtls->peer, HZ_FINGERPRINT_BYTES);
	return 0;
}

// client key | server key | client salt | server salt (RFC 5764 section 4.2)
static void split_keys(const uint8_t *block, size_t salt_bytes, bool is_client, struct hz_srtp_keys *keys)
{
	const uint8_t *client_salt = block + 32, *server_salt = client_salt + salt_bytes;
	memcpy(is_client ? keys->local_key : keys->remote_key, block, 16);
	memcpy(is_client ? keys->remote_key : keys->local_key, block + 16, 16);
	memcpy(is_client ? keys->local_salt : keys->remote_salt, client_salt, salt_bytes);
	memcpy(is_client ? keys->remote_salt : keys->local_salt, server_salt, salt_bytes);
}

int hz_dtls_export(const struct hz_dtls *dtls, struct hz_srtp_keys *ret)
{
	uint8_t block[2 * (16 + 14)];
	if (dtls->state != HZ_DTLS_CONNECTED || hz_dtls_resting(dtls))
		return -EAGAIN;
	const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(dtls->ssl);
	size_t salt_bytes = profile->id == SRTP_AEAD_AES_128_GCM ? 12 : 14;
	ERR_clear_error();
	if (SSL_export_keying_material(dtls->ssl, block, 2 * (16 + salt_bytes), EXPORTER,
	                               sizeof(EXPORTER) - 1, NULL, 0, 0) != 1)
		return -EIO;
	memset(ret, 0, sizeof(*ret));
	ret->profile = (uint8_t)profile->id;
	split_keys(block, salt_bytes, dtls->is_client, ret);
	hz_wipe(block, sizeof(block));
	return 0;
}

void hz_dtls_close(struct hz_dtls *dtls)
{
	if (dtls->state == HZ_DTLS_FAILED || dtls->state == HZ_DTLS_CLOSED)
		return;
	ERR_clear_error();
	if (dtls->state == HZ_DTLS_CONNECTED && !hz_dtls_resting(dtls))
		SSL_shutdown(dtls->ssl);
	dtls->state = HZ_DTLS_CLOSED;
	ERR_clear_error();
}
