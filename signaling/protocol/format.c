#include "signaling/protocol/format.h"

#include <stdint.h>
#include <string.h>

static const char name_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
static const char token_chars[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`{|}~";

static bool is_id(const char *text, size_t bytes)
{
	return bytes >= 1 && bytes <= 64 && strspn(text, name_chars) == bytes;
}

static bool is_track(const char *text, size_t bytes)
{
	return bytes >= 2 && bytes <= 9 && text[0] == 't' &&
	       strspn(text + 1, "0123456789abcdef") == bytes - 1;
}

static bool is_mid(const char *text, size_t bytes)
{
	return bytes >= 1 && bytes <= 16 && strspn(text, token_chars) == bytes;
}

// One code point of valid UTF-8.
static uint32_t decode(const unsigned char *at, size_t *ret_bytes)
{
	if (at[0] < 0x80) {
		*ret_bytes = 1;
		return at[0];
	}
	size_t bytes = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	uint32_t point = at[0] & (0xffu >> (bytes + 1));
	for (size_t i = 1; i < bytes; i++)
		point = point << 6 | (at[i] & 0x3f);
	*ret_bytes = bytes;
	return point;
}

static bool is_text(const char *text, size_t bytes, bool lines)
{
	size_t step;
	for (size_t i = 0; i < bytes; i += step) {
		uint32_t point = decode((const unsigned char *)text + i, &step);
		if (point < 0x20 && !(lines && (point == '\n' || point == '\t' || point == '\r')))
			return false;
		if ((point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029)
			return false;
		if ((point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069))
			return false; // a name must not turn the text around it
	}
	return true;
}

static int number(const char *text, size_t digits)
{
	int n = 0;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (text[i] - '0');
	return n;
}

static bool is_date(const char *text, size_t bytes)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	for (size_t i = 0; i < bytes; i++) {
		if (i == 4 || i == 7 ? text[i] != '-' : text[i] < '0' || text[i] > '9')
			return false;
	}
	if (bytes != 10)
		return false;
	int year = number(text, 4), month = number(text + 5, 2), day = number(text + 8, 2);
	if (year < 1800 || month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	return month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

static bool is_uid(const char *text, size_t bytes)
{
	size_t component = 0; // digits of the one at hand
	if (bytes > 64)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '.') {
			if (component == 0)
				return false;
			component = 0;
		} else if (text[i] < '0' || text[i] > '9' || (component == 1 && text[i - 1] == '0')) {
			return false;
		} else {
			component++;
		}
	}
	return component > 0;
}

bool hz_format_known(const char *format)
{
	static const char *const known[] = {"hz-id",    "hz-track", "hz-mid", "hz-text",
	                                    "hz-lines", "hz-date",  "hz-uid"};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(format, known[i]) == 0)
			return true;
	return false;
}

bool hz_format_check(const char *format, const char *text, size_t bytes)
{
	if (strcmp(format, "hz-id") == 0)
		return is_id(text, bytes);
	if (strcmp(format, "hz-track") == 0)
		return is_track(text, bytes);
	if (strcmp(format, "hz-mid") == 0)
		return is_mid(text, bytes);
	if (strcmp(format, "hz-text") == 0)
		return is_text(text, bytes, false);
	if (strcmp(format, "hz-date") == 0)
		return is_date(text, bytes);
	if (strcmp(format, "hz-uid") == 0)
		return is_uid(text, bytes);
	return strcmp(format, "hz-lines") == 0 && is_text(text, bytes, true);
}

size_t hz_utf8_length(const char *text, size_t bytes)
{
	size_t count = 0;
	for (size_t i = 0; i < bytes; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}
