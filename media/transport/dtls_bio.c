// The BIO between OpenSSL and our datagrams: one read gives one whole datagram, one write is one.
#include <openssl/bio.h>

#include <string.h>

#include "media/transport/dtls_internal.h"

static int bio_write(BIO *bio, const char *data, int bytes)
{
	struct hz_dtls *dtls = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (bytes > 0)
		dtls->output(dtls->user, (const uint8_t *)data, (size_t)bytes);
	return bytes;
}

static int bio_read(BIO *bio, char *buf, int cap)
{
	struct hz_dtls *dtls = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (!dtls->in || cap <= 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	size_t bytes = dtls->in_bytes < (size_t)cap ? dtls->in_bytes : (size_t)cap;
	memcpy(buf, dtls->in, bytes);
	dtls->in = NULL;
	return (int)bytes;
}

// Everything not named here is answered 0, which for BIO_CTRL_GET_KTLS_SEND and its like means "no".
static long bio_ctrl(BIO *bio, int command, long value, void *pointer)
{
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
	case BIO_CTRL_DGRAM_GET_MTU:
		return HZ_DTLS_MTU;
	case BIO_CTRL_DGRAM_SET_MTU:
		return value;
	default:
		return 0;
	}
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

BIO_METHOD *hz_dtls_bio_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "huizhen datagrams");
	if (!method)
		return NULL;
	if (!BIO_meth_set_write(method, bio_write) || !BIO_meth_set_read(method, bio_read) ||
	    !BIO_meth_set_ctrl(method, bio_ctrl) || !BIO_meth_set_create(method, bio_create)) {
		BIO_meth_free(method);
		return NULL;
	}
	return method;
}
