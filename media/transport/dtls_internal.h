// Shared by dtls.c (associations), dtls_ctx.c (settings, verification) and dtls_bio.c (datagrams in and out).
#ifndef HZ_MEDIA_TRANSPORT_DTLS_INTERNAL_H
#define HZ_MEDIA_TRANSPORT_DTLS_INTERNAL_H

#include <openssl/ssl.h>

#include "media/transport/dtls.h"

struct hz_dtls_ctx {
	SSL_CTX *ssl;
	BIO_METHOD *bio;
};

struct hz_dtls {
	SSL *ssl;                           // NULL: at rest (dtls_rest.c)
	uint8_t rest_key[16], rest_salt[4]; // of what the peer sends, at rest
	bool is_client, has_expected;
	uint8_t expected[HZ_FINGERPRINT_BYTES];
	void (*output)(void *user, const uint8_t *datagram, size_t bytes);
	void *user;

	enum hz_dtls_state state;
	enum hz_dtls_failure failure;
	bool started, alerted; // alerted: a fatal alert came in
	int64_t limit_us;      // end of the handshake's time
	unsigned datagrams;    // fed during the handshake
	unsigned early;        // of those, with records of a later epoch: OpenSSL keeps them

	const uint8_t *in; // the datagram being fed; NULL: taken
	size_t in_bytes;

	bool has_peer;
	uint8_t peer[HZ_FINGERPRINT_BYTES]; // fingerprint of the certificate shown
};

// dtls_rest.c: one well-formed datagram for an association at rest.
void hz_dtls_rest_feed(struct hz_dtls *dtls, const uint8_t *datagram, size_t bytes);

// A BIO method whose BIOs (data: the struct hz_dtls) keep datagrams apart. NULL: no memory.
BIO_METHOD *hz_dtls_bio_method(void);

#endif
