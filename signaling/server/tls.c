#include <errno.h>

#include "gateway/base/log.h"
#include "signaling/server/internal.h"

int hz_tls_load(const char *cert, const char *key, SSL_CTX **ret)
{
	int err = -EIO;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx)
		return -ENOMEM;
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		hz_error("https.certificate", "problem=unreadable");
	else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	         SSL_CTX_check_private_key(ctx) != 1)
		hz_error("https.key", "problem=unreadable-or-not-of-this-certificate");
	else
		err = 0;
	ERR_clear_error();
	if (err)
		SSL_CTX_free(ctx);
	else
		*ret = ctx;
	return err;
}

// Each handshake takes what is newest. Loaded into libwebsockets' own context, a certificate with another kind of key
// would stand beside the old one, and clients that like the old kind better would go on getting that.
static int choose(SSL *ssl, void *arg)
{
	const struct hz_server *server = arg;
	STACK_OF(X509) *chain = NULL;
	SSL_CTX_get0_chain_certs(server->tls, &chain);
	SSL_certs_clear(ssl);
	return SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(server->tls),
	                            SSL_CTX_get0_privatekey(server->tls), chain, 1);
}

void hz_tls_attach(struct hz_server *server, SSL_CTX *ctx)
{
	SSL_CTX_set_cert_cb(ctx, choose, server);
}
