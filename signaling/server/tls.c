#include <errno.h>

#include "gateway/base/log.h"
#include "signaling/server/internal.h"

int hz_tls_check(const char *cert, const char *key)
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
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return err;
}
