// What identity.c and dtls.c share; nobody else looks inside.
#ifndef HZ_MEDIA_TRANSPORT_IDENTITY_INTERNAL_H
#define HZ_MEDIA_TRANSPORT_IDENTITY_INTERNAL_H

#include <openssl/types.h>

#include "media/transport/identity.h"

struct hz_identity {
	X509 *cert;
	EVP_PKEY *key;
	uint8_t fingerprint[HZ_FINGERPRINT_BYTES];
};

#endif
