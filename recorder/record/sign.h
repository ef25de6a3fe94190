// The installation's signing key, and JSON Web Signatures with it (RFC 7515). ES256 (RFC 7518 section 3.4), or SM2 with SM3
// (GB/T 32918; "alg": "SM2SM3", r and s of 32 bytes each like ES256). Thread: any, no state but files.
#ifndef HZ_RECORDER_RECORD_SIGN_H
#define HZ_RECORDER_RECORD_SIGN_H

#include <stdbool.h>
#include <stddef.h>

struct hz_sign_key;

// <store>/signing/key.pem (0600), made at first use with public.pem beside it. sm2: what is made then. -EBADMSG: the file is no
// such key; -ENOTSUP: no SM2 in this OpenSSL.
int hz_sign_key_open(const char *store, bool sm2, struct hz_sign_key **ret);
// A public key from PEM text. -EBADMSG.
int hz_sign_key_public(const char *pem, struct hz_sign_key **ret);
void hz_sign_key_free(struct hz_sign_key *key); // NULL allowed

// protected header and signature over protected "." payload64, both base64url. payload64: base64url already. *ret_*: free().
int hz_sign(const struct hz_sign_key *key, const char *payload64, char **ret_protected, char **ret_signature);

// Checks it. key NULL: with the key inside the header. 0; -EKEYREJECTED: does not fit; -EBADMSG: no such header.
int hz_sign_check(const struct hz_sign_key *key, const char *header64, const char *payload64,
                  const char *signature64);

// Compact form (RFC 7515 section 7.1) of a payload. *ret: free().
int hz_sign_compact(const struct hz_sign_key *key, const void *payload, size_t bytes, char **ret);
int hz_sign_compact_check(const struct hz_sign_key *key, const char *compact, char **ret_payload); // free()

// Canonical JSON (RFC 8785 for objects, lists, text and integers): a json_t *; numbers with a fraction are refused. free().
char *hz_sign_canonical(const void *json);

#endif
