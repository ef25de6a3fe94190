// Settings common to all associations (RFC 8827 section 6.5), and the judgement on certificates.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "gateway/base/secret.h"
#include "media/transport/dtls_internal.h"
#include "media/transport/identity_internal.h"

#define CIPHERS                                                                                              \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"           \
	"ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define GROUPS         "X25519:P-256:P-384" // the last one for certificates of clients
#define SRTP_PROFILES  "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80" // in our order, whatever the peer's
#define MAX_CERT_BYTES 8192 // a self-signed RSA-4096 certificate has 1,400

// In the place of X509_verify_cert(): a certificate is right if its fingerprint is the one from the SDP. During the
// handshake rather than after it, so that the wrong peer gets an alert and no keys.
static int verify(X509_STORE_CTX *store, void *unused)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct hz_dtls *dtls = SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get0_cert(store);
	unsigned bytes;
	if (!cert || X509_digest(cert, EVP_sha256(), dtls->peer, &bytes) != 1) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
		return 0;
	}
	dtls->has_peer = true;
	if (dtls->has_expected && !hz_equal(dtls->peer, dtls->expected, HZ_FINGERPRINT_BYTES)) {
		dtls->failure = HZ_DTLS_FINGERPRINT;
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED); // sends bad_certificate
		return 0;
	}
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static void on_info(const SSL *ssl, int where, int value)
{
	struct hz_dtls *dtls = SSL_get_app_data(ssl);
	if (dtls && where == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
		dtls->alerted = true;
}

static bool set_up(SSL_CTX *ssl, const struct hz_identity *identity)
{
	SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	                             SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ssl, verify, NULL);
	SSL_CTX_set_info_callback(ssl, on_info);
	SSL_CTX_set_max_cert_list(ssl, MAX_CERT_BYTES);
	SSL_CTX_set_max_send_fragment(ssl, HZ_DTLS_MTU); // a write buffer of that size, not of 17 KB
	return SSL_CTX_set_min_proto_version(ssl, DTLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ssl, DTLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(ssl, CIPHERS) == 1 && SSL_CTX_set1_groups_list(ssl, GROUPS) == 1 &&
	       SSL_CTX_set_tlsext_use_srtp(ssl, SRTP_PROFILES) == 0 &&
	       SSL_CTX_use_certificate(ssl, identity->cert) == 1 &&
	       SSL_CTX_use_PrivateKey(ssl, identity->key) == 1;
}

int hz_dtls_ctx_new(const struct hz_identity *identity, struct hz_dtls_ctx **ret)
{
	int err = -ENOMEM;
	struct hz_dtls_ctx *ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return err;
	ctx->bio = hz_dtls_bio_method();
	ctx->ssl = SSL_CTX_new(DTLS_method());
	if (!ctx->bio || !ctx->ssl)
		goto fail;
	err = -EIO;
	if (!set_up(ctx->ssl, identity))
		goto fail;
	*ret = ctx;
	return 0;
fail:
	ERR_clear_error();
	hz_dtls_ctx_free(ctx);
	return err;
}

void hz_dtls_ctx_free(struct hz_dtls_ctx *ctx)
{
	if (!ctx)
		return;
	SSL_CTX_free(ctx->ssl);
	BIO_meth_free(ctx->bio);
	free(ctx);
}
