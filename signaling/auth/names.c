#include "signaling/auth/names.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

bool hz_id_valid(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t bytes = strlen(text);

	return bytes >= 1 && bytes < HZ_ID_TEXT_BYTES && strspn(text, allowed) == bytes &&
	       strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

// Decodes one character of RFC 3629 UTF-8 and moves *text behind it; false on a bad, overlong or surrogate form.
static bool next_char(const unsigned char **text, uint32_t *ret)
{
	static const uint32_t lowest[] = {0, 0x80, 0x800, 0x10000}; // of 1 to 4 bytes
	const unsigned char *p = *text;
	uint32_t value;
	int more = p[0] < 0x80 ? 0 : (p[0] & 0xe0) == 0xc0 ? 1 : (p[0] & 0xf0) == 0xe0 ? 2 : 3;

	if (more == 3 && (p[0] & 0xf8) != 0xf0)
		return false;
	value = more ? p[0] & (0x3fu >> more) : p[0];
	for (int i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) // also the NUL at the end
			return false;
		value = value << 6 | (p[i] & 0x3f);
	}
	if (value < lowest[more] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return false;
	*text = p + more + 1;
	*ret = value;
	return true;
}

static bool allowed_char(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
		return false; // C0, DEL, C1
	if (c == 0x2028 || c == 0x2029 || c == 0xfeff)
		return false; // separators, byte order mark
	// embeddings, overrides, isolates and marks of writing direction
	return !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) && c != 0x200e && c != 0x200f;
}

static bool is_space(uint32_t c)
{
	return c == ' ' || c == 0xa0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200b);
}

bool hz_name_valid(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned chars = 0;
	bool seen = false;
	uint32_t c;

	while (*p) {
		if (++chars > HZ_NAME_MAX_CHARS || !next_char(&p, &c) || !allowed_char(c))
			return false;
		seen |= !is_space(c);
	}
	return seen;
}
