#include "signaling/server/utf8.h"

// Bytes of the sequence that starts at `at`, 0 if it is none.
static size_t sequence(const unsigned char *at, size_t left)
{
	unsigned char c = at[0];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && at[1] < 0xa0) || (c == 0xf0 && at[1] < 0x90))
		return 0; // overlong
	if ((c == 0xed && at[1] >= 0xa0) || (c == 0xf4 && at[1] >= 0x90))
		return 0; // surrogate, or above U+10FFFF
	return n;
}

bool hz_utf8_valid(const char *text, size_t bytes)
{
	const unsigned char *at = (const unsigned char *)text;
	while (bytes) {
		size_t n = sequence(at, bytes);
		if (!n)
			return false;
		at += n;
		bytes -= n;
	}
	return true;
}
