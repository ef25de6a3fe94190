#include "recorder/record/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

const char *hz_charset_term(enum hz_charset charset)
{
	return charset == HZ_CHARSET_GB18030 ? "GB18030" : "ISO_IR 192";
}

// Characters of a value; of PN those of each group.
static size_t limit_of(const char vr[2])
{
	static const struct {
		char vr[3];
		size_t characters;
	} limits[] = {{"SH", 16}, {"LO", 64}, {"PN", 64}, {"CS", 16}, {"ST", 1024}, {"LT", 10240}};
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (memcmp(limits[i].vr, vr, 2) == 0)
			return limits[i].characters;
	return 64;
}

// Bytes of the UTF-8 character at the front; 0: none. Overlong forms and surrogates are none.
static size_t utf8_bytes(const unsigned char *s)
{
	size_t n = s[0] < 0x80                   ? 1
	           : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
	           : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
	           : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
	                                         : 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

// What may not stand in a value of this VR becomes a blank: control characters (C1 too), and the backslash, which parts values.
static bool may_stand(const char vr[2], const unsigned char *s, size_t n)
{
	bool free_text = vr[1] == 'T'; // ST, LT, UT
	if (n == 1 && s[0] == '\\')
		return free_text;
	if (n == 1 && (s[0] < 0x20 || s[0] == 0x7f))
		return free_text && (s[0] == '\n' || s[0] == '\r');
	return !(n == 2 && s[0] == 0xc2 && s[1] < 0xa0);
}

static long put(iconv_t to, const unsigned char *s, size_t n, char *ret, size_t room)
{
	char *in = (char *)(uintptr_t)s, *out = ret;
	size_t in_left = n, out_left = room;
	if (to == (iconv_t)-1) {
		if (n > room)
			return -E2BIG;
		memcpy(ret, s, n);
		return (long)n;
	}
	if (iconv(to, &in, &in_left, &out, &out_left) != (size_t)-1)
		return out - ret;
	iconv(to, NULL, NULL, NULL, NULL);
	if (errno == E2BIG || !room)
		return -E2BIG;
	*ret = '?';
	return 1;
}

long hz_charset_text(enum hz_charset charset, const char vr[2], const char *utf8, char *ret, size_t bytes_max)
{
	const unsigned char *s = (const unsigned char *)utf8;
	bool person = memcmp(vr, "PN", 2) == 0;
	size_t limit = limit_of(vr), characters = 0, n = 0;
	iconv_t to = (iconv_t)-1;
	if (memcmp(vr, "SH", 2) == 0 &&
	    bytes_max > 17) // ids: 16 characters, but readers that count bytes are common
		bytes_max = 17;
	if (charset == HZ_CHARSET_GB18030 && (to = iconv_open("GB18030", "UTF-8")) == (iconv_t)-1)
		return errno == ENOMEM ? -ENOMEM : -EINVAL;
	while (*s) {
		size_t bytes = utf8_bytes(s);
		const unsigned char *one = bytes ? s : (const unsigned char *)"?";
		size_t step = bytes ? bytes : 1;
		if (bytes && !may_stand(vr, s, bytes)) {
			one = (const unsigned char *)" ";
			bytes = 1;
		}
		bool group = person && *one == '='; // a new component group counts anew
		if (!group && characters == limit && !person)
			break;
		s += step;
		if (!group && characters == limit)
			continue;
		long got = put(to, one, bytes ? bytes : 1, ret + n, bytes_max - 1 - n);
		if (got < 0)
			break;
		n += (size_t)got;
		characters = group ? 0 : characters + 1;
	}
	ret[n] = '\0';
	if (to != (iconv_t)-1)
		iconv_close(to);
	return (long)n;
}
