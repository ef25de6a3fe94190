#include "recorder/record/uid.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/hex.h"
#include "recorder/record/files.h"

void hz_uuid_named(const char *record, const char *what, const char *name, uint8_t ret[16])
{
	char text[1024], hash[65];
	uint8_t digest[32];
	int n = snprintf(text, sizeof(text), "huizhen|%s|%s|%s", record, what, name);
	hz_hash_hex(text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1, hash);
	(void)hz_hex_bytes(hash, digest, sizeof(digest));
	memcpy(ret, digest, 16);
	ret[6] = (uint8_t)((ret[6] & 0x0f) | 0x80);
	ret[8] = (uint8_t)((ret[8] & 0x3f) | 0x80);
}

void hz_uuid_text(const uint8_t u[16], char ret[37])
{
	snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
	         u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

// 128 bits in decimal: divided by 10 digit by digit.
void hz_uid_of_uuid(const uint8_t uuid[16], char ret[HZ_UID_BYTES])
{
	uint8_t rest[16];
	char digits[40];
	unsigned n = 0;
	bool more = true;
	memcpy(rest, uuid, 16);
	while (more) {
		unsigned carry = 0;
		more = false;
		for (unsigned i = 0; i < 16; i++) {
			unsigned v = carry << 8 | rest[i];
			rest[i] = (uint8_t)(v / 10);
			carry = v % 10;
			more |= rest[i] != 0;
		}
		digits[n++] = (char)('0' + carry);
	}
	unsigned at = (unsigned)snprintf(ret, HZ_UID_BYTES, "2.25.");
	while (n)
		ret[at++] = digits[--n];
	ret[at] = '\0';
}

void hz_uid_named(const char *record, const char *what, const char *name, char ret[HZ_UID_BYTES])
{
	uint8_t uuid[16];
	hz_uuid_named(record, what, name, uuid);
	hz_uid_of_uuid(uuid, ret);
}

bool hz_uid_is_valid(const char *text)
{
	size_t n = text ? strlen(text) : 0;
	if (n < 3 || n >= HZ_UID_BYTES || strspn(text, "0123456789.") != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool first = i == 0 || text[i - 1] == '.', last = i + 1 == n || text[i + 1] == '.';
		if (text[i] == '.' && (first || last)) // an empty part
			return false;
		if (text[i] == '0' && first && !last) // a leading zero
			return false;
	}
	return text[0] <= '2' && text[1] == '.';
}
