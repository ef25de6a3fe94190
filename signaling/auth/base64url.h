// base64url without padding (RFC 4648 section 5, RFC 7515 section 2). Strict: one text for one value. Thread: any.
#ifndef HZ_SIGNALING_AUTH_BASE64URL_H
#define HZ_SIGNALING_AUTH_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_BASE64URL_CHARS(bytes) (((bytes)*4 + 2) / 3)           // without NUL
#define HZ_BASE64URL_BYTES(chars) ((chars) / 4 * 3 + (chars) % 4) // upper bound of the decoded size

// Writes HZ_BASE64URL_CHARS(bytes) characters and a NUL.
void hz_base64url_encode(const void *data, size_t bytes, char *ret);

// False: an odd length, a character outside the alphabet, padding, or unused bits that are not zero.
// ret has HZ_BASE64URL_BYTES(chars).
bool hz_base64url_decode(const char *text, size_t chars, uint8_t *ret, size_t *ret_bytes);

#endif
