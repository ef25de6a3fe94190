#include "signaling/protocol/format.h"

#include <stdint.h>
#include <string.h>

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool matches_id(const char *text, size_t n)
{
	if (n < 1 || n > 64 || text[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(text[i]) && text[i] != '.' && text[i] != '_' && text[i] != '-')
			return false;
	return true;
}

static bool matches_track(const char *text, size_t n)
{
	if (n < 2 || n > 9 || text[0] != 't')
		return false;
	for (size_t i = 1; i < n; i++)
		if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f'))
			return false;
	return true;
}

static bool matches_mid(const char *text, size_t n)
{
	if (n < 1 || n > 16)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(text[i]) && (!text[i] || !strchr("!#$%&'*+-.^_`{|}~", text[i])))
			return false;
	return true;
}

// Next code point of valid UTF-8; moves *at.
static uint32_t next_point(const char *text, size_t n, size_t *at)
{
	unsigned char c = (unsigned char)text[(*at)++];
	int more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	uint32_t point = more == 0 ? c : c & (0x3fu >> more);
	while (more-- && *at < n)
		point = point << 6 | ((unsigned char)text[(*at)++] & 0x3f);
	return point;
}

// What could break a line of a log or a list, or show a name other than it is.
static bool is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029 ||
	       (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) ||
	       point == 0xfeff;
}

static bool matches_text(const char *text, size_t n, bool lines)
{
	size_t at = 0;
	while (at < n) {
		uint32_t point = next_point(text, n, &at);
		if (is_control(point) && !(lines && (point == '\n' || point == '\t')))
			return false;
	}
	return true;
}

bool hz_format_known(const char *format)
{
	static const char *const known[] = {"hz-id", "hz-track", "hz-mid", "hz-text", "hz-lines"};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(format, known[i]))
			return true;
	return false;
}

bool hz_format_matches(const char *format, const char *text, size_t n)
{
	if (!strcmp(format, "hz-id"))
		return matches_id(text, n);
	if (!strcmp(format, "hz-track"))
		return matches_track(text, n);
	if (!strcmp(format, "hz-mid"))
		return matches_mid(text, n);
	if (!strcmp(format, "hz-text"))
		return matches_text(text, n, false);
	return !strcmp(format, "hz-lines") && matches_text(text, n, true);
}

size_t hz_format_length(const char *text, size_t n)
{
	size_t points = 0;
	for (size_t i = 0; i < n; i++)
		points += ((unsigned char)text[i] & 0xc0) != 0x80;
	return points;
}
