#include "signaling/auth/base64url.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void hz_base64url_encode(const void *data, size_t bytes, char *ret)
{
	const uint8_t *p = data;
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < bytes; i++) {
		bits = bits << 8 | p[i];
		have += 8;
		while (have >= 6) {
			have -= 6;
			*ret++ = alphabet[bits >> have & 63];
		}
	}
	if (have)
		*ret++ = alphabet[bits << (6 - have) & 63];
	*ret = '\0';
}

bool hz_base64url_decode(const char *text, size_t chars, uint8_t *ret, size_t *ret_bytes)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t bytes = 0;

	if (chars % 4 == 1)
		return false;
	for (size_t i = 0; i < chars; i++) {
		const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;

		if (!at)
			return false;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		have += 6;
		if (have >= 8) {
			have -= 8;
			ret[bytes++] = (uint8_t)(bits >> have);
		}
	}
	if (bits & ((1u << have) - 1))
		return false;
	*ret_bytes = bytes;
	return true;
}
