// The OpenSSL-backed algorithms that srtp.c puts in libsrtp's place of NSS ones. All live as long as the process.
#ifndef HZ_MEDIA_TRANSPORT_SRTP_INTERNAL_H
#define HZ_MEDIA_TRANSPORT_SRTP_INTERNAL_H

#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/srtp.h>

extern const srtp_cipher_type_t hz_srtp_gcm_type; // SRTP_AES_GCM_128: srtp_gcm.c
extern const srtp_cipher_type_t hz_srtp_icm_type; // SRTP_AES_ICM_128: srtp_icm.c
extern const srtp_auth_type_t hz_srtp_hmac_type;  // SRTP_HMAC_SHA1: srtp_hmac.c

#endif
