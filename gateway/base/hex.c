#include "gateway/base/hex.h"

#include <errno.h>
#include <string.h>

int hz_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

void hz_hex_text(const uint8_t *data, size_t bytes, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < bytes; i++) {
		*ret++ = digits[data[i] >> 4];
		*ret++ = digits[data[i] & 15];
	}
	*ret = '\0';
}

int hz_hex_bytes(const char *text, uint8_t *ret, size_t bytes)
{
	if (!text || strlen(text) != 2 * bytes)
		return -EINVAL;
	for (size_t i = 0; i < 2 * bytes; i++)
		if (hz_hex_digit(text[i]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < bytes; i++)
		ret[i] = (uint8_t)(hz_hex_digit(text[2 * i]) << 4 | hz_hex_digit(text[2 * i + 1]));
	return 0;
}
