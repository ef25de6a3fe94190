// An association at rest. OpenSSL keeps some 45 KB an association (buffers for handshake messages and records); all that
// is still to come on most of them is one alert. So what reads an alert is derived from the session's secrets, and the
// SSL object goes. (RFC 5246 section 6.3, RFC 5288, RFC 6347 section 4.1)
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "gateway/base/secret.h"
#include "media/transport/dtls_internal.h"

#define HEADER_BYTES   13
#define NONCE_BYTES    8 // explicit part, in the record
#define TAG_BYTES      16
#define ALERT_BYTES    2
#define TYPE_ALERT     21
#define LEVEL_FATAL    2
#define CLOSE_NOTIFY   0
#define KEY_BYTES      16
#define SALT_BYTES     4 // implicit part of the nonce
#define KEY_BLOCK      (2 * (KEY_BYTES + SALT_BYTES))
#define LABEL          "key expansion"
#define RECORD(length) (HEADER_BYTES + (length))

static bool is_known_cipher(const SSL *ssl)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
	const EVP_MD *digest = cipher ? SSL_CIPHER_get_handshake_digest(cipher) : NULL;
	return digest && SSL_CIPHER_get_cipher_nid(cipher) == NID_aes_128_gcm &&
	       EVP_MD_is_a(digest, "SHA256");
}

static int expand(const uint8_t *secret, size_t secret_bytes, const uint8_t *seed, size_t seed_bytes,
                  uint8_t block[KEY_BLOCK])
{
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256, 0),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)secret, secret_bytes),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)seed, seed_bytes),
	    OSSL_PARAM_construct_end()};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int ok = ctx && EVP_KDF_derive(ctx, block, KEY_BLOCK, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 0 : -EIO;
}

// client key | server key | client salt | server salt (RFC 5246 section 6.3; RFC 5288: no MAC keys)
static int derive(struct hz_dtls *dtls)
{
	uint8_t secret[SSL_MAX_MASTER_KEY_LENGTH], block[KEY_BLOCK];
	uint8_t seed[sizeof(LABEL) - 1 + 2 * SSL3_RANDOM_SIZE], *at = seed + sizeof(LABEL) - 1;
	memcpy(seed, LABEL, sizeof(LABEL) - 1);
	size_t bytes = SSL_SESSION_get_master_key(SSL_get_session(dtls->ssl), secret, sizeof(secret));
	if (!bytes || SSL_get_server_random(dtls->ssl, at, SSL3_RANDOM_SIZE) != SSL3_RANDOM_SIZE ||
	    SSL_get_client_random(dtls->ssl, at + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE) != SSL3_RANDOM_SIZE)
		return -EIO;
	int err = expand(secret, bytes, seed, sizeof(seed), block);
	if (!err) {
		memcpy(dtls->rest_key, block + (dtls->is_client ? KEY_BYTES : 0), KEY_BYTES);
		memcpy(dtls->rest_salt, block + 2 * KEY_BYTES + (dtls->is_client ? SALT_BYTES : 0),
		       SALT_BYTES);
	}
	hz_wipe(secret, sizeof(secret));
	hz_wipe(block, sizeof(block));
	return err;
}

int hz_dtls_rest(struct hz_dtls *dtls)
{
	if (dtls->state != HZ_DTLS_CONNECTED)
		return -EAGAIN;
	if (!dtls->ssl)
		return 0;
	if (!is_known_cipher(dtls->ssl))
		return -ENOTSUP;
	int err = derive(dtls);
	if (err)
		return err;
	SSL_free(dtls->ssl); // and the BIO
	dtls->ssl = NULL;
	return 0;
}

bool hz_dtls_resting(const struct hz_dtls *dtls)
{
	return !dtls->ssl;
}

// An encrypted alert record of epoch 1 or later, whole. 0; -EACCES not authentic; -EIO.
static int open_alert(const struct hz_dtls *dtls, const uint8_t *record, uint8_t alert[ALERT_BYTES])
{
	uint8_t iv[SALT_BYTES + NONCE_BYTES], aad[HEADER_BYTES], none[1];
	const uint8_t *sealed = record + HEADER_BYTES + NONCE_BYTES;
	int n = 0;
	memcpy(iv, dtls->rest_salt, SALT_BYTES);
	memcpy(iv + SALT_BYTES, record + HEADER_BYTES, NONCE_BYTES);
	memcpy(aad, record + 3, 8); // epoch, sequence number
	memcpy(aad + 8, record, 3); // type, version
	aad[11] = 0;
	aad[12] = ALERT_BYTES;
	EVP_CIPHER_CTX *evp = EVP_CIPHER_CTX_new();
	int ok =
	    evp && EVP_DecryptInit_ex(evp, EVP_aes_128_gcm(), NULL, dtls->rest_key, iv) == 1 &&
	    EVP_DecryptUpdate(evp, NULL, &n, aad, sizeof(aad)) == 1 &&
	    EVP_DecryptUpdate(evp, alert, &n, sealed, ALERT_BYTES) == 1 &&
	    EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, (void *)(sealed + ALERT_BYTES)) == 1;
	int err = ok ? 0 : -EIO;
	if (ok && EVP_DecryptFinal_ex(evp, none, &n) != 1)
		err = -EACCES;
	EVP_CIPHER_CTX_free(evp);
	return err;
}

// The datagram is well formed: whole records. Everything but authentic alerts is dropped.
void hz_dtls_rest_feed(struct hz_dtls *dtls, const uint8_t *datagram, size_t bytes)
{
	for (size_t at = 0; at < bytes && dtls->state == HZ_DTLS_CONNECTED;) {
		const uint8_t *record = datagram + at;
		size_t length = (size_t)(record[11] << 8 | record[12]);
		uint8_t alert[ALERT_BYTES];
		at += RECORD(length);
		if (record[0] != TYPE_ALERT || (record[3] | record[4]) == 0 ||
		    length != NONCE_BYTES + ALERT_BYTES + TAG_BYTES || open_alert(dtls, record, alert))
			continue;
		if (alert[1] == CLOSE_NOTIFY)
			dtls->state = HZ_DTLS_CLOSED;
		else if (alert[0] == LEVEL_FATAL) {
			dtls->state = HZ_DTLS_FAILED;
			dtls->failure = HZ_DTLS_ALERT;
		}
	}
}
