#include "signaling/server/range.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *blanks(const char *at)
{
	return at + strspn(at, " \t");
}

// Digits as a number that stops at the largest: far beyond any end is beyond it all the same. NULL: there is no digit.
static const char *number(const char *at, uint64_t *ret)
{
	uint64_t value = 0;
	if (*at < '0' || *at > '9')
		return NULL;
	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');
		value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
	}
	*ret = value;
	return at;
}

// "-500": the last 500 bytes, or as many as there are.
static void suffix(const char *at, uint64_t length, struct hz_range *ret)
{
	uint64_t bytes = 0;
	at = number(at, &bytes);
	if (!at || *blanks(at))
		return;
	if (!bytes || !length) {
		ret->kind = HZ_RANGE_OUTSIDE;
		return;
	}
	ret->kind = HZ_RANGE_PART;
	ret->bytes = bytes < length ? bytes : length;
	ret->first = length - ret->bytes;
}

void hz_range_parse(const char *value, uint64_t length, struct hz_range *ret)
{
	uint64_t first = 0, last = UINT64_MAX;
	memset(ret, 0, sizeof(*ret));
	if (!value || strncasecmp(value, "bytes", 5) != 0 || value[5] != '=')
		return;
	const char *at = blanks(value + 6);
	if (*at == '-') {
		suffix(at + 1, length, ret);
		return;
	}
	at = number(at, &first);
	if (!at || *at != '-')
		return;
	bool open = at[1] < '0' || at[1] > '9';
	at = open ? at + 1 : number(at + 1, &last);
	if (*blanks(at) || last < first) // several ranges, too
		return;
	if (first >= length) {
		ret->kind = HZ_RANGE_OUTSIDE;
		return;
	}
	ret->kind = HZ_RANGE_PART;
	ret->first = first;
	ret->bytes = last < length ? last - first + 1 : length - first;
	ret->open = open;
}
