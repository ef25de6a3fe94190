#include "gateway/base/secret.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void hz_random(void *buf, size_t bytes)
{
	uint8_t *at = buf;
	while (bytes > 0) {
		ssize_t n = getrandom(at, bytes, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort();
		at += n;
		bytes -= (size_t)n;
	}
}

void hz_random_text(char *buf, size_t n)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t i = 0;
	while (i < n) {
		uint8_t r;
		hz_random(&r, 1);
		if (r < 62 * 4) // reject the rest: no bias
			buf[i++] = alphabet[r % 62];
	}
	buf[n] = '\0';
}

void hz_wipe(void *buf, size_t bytes)
{
	explicit_bzero(buf, bytes);
}

bool hz_equal(const void *a, const void *b, size_t bytes)
{
	const uint8_t *x = a, *y = b;
	volatile uint8_t diff = 0;
	for (size_t i = 0; i < bytes; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}
