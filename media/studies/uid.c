#include "media/studies/uid.h"

#include <stdbool.h>
#include <stdio.h>

#include "media/dicomweb/request.h"

void hz_photo_uid(const char *what, const char *of, char *ret)
{
	char both[768], hash[HZ_DWEB_HASH_BYTES], digits[48];
	unsigned char n[16];
	int count = snprintf(both, sizeof(both), "%s/%s", what, of);
	hz_dweb_sha256(both, (size_t)count < sizeof(both) ? (size_t)count : sizeof(both) - 1, hash);
	for (unsigned i = 0; i < 16; i++) {
		unsigned value = 0;
		sscanf(hash + (size_t)2 * i, "%2x", &value);
		n[i] = (unsigned char)value;
	}
	n[6] = (unsigned char)((n[6] & 0x0f) | 0x80); // RFC 9562: version 8, so that it is a UUID
	n[8] = (unsigned char)((n[8] & 0x3f) | 0x80);
	size_t used = sizeof(digits) - 1;
	digits[used] = '\0';
	for (bool more = true; more;) {
		unsigned rest = 0;
		more = false;
		for (unsigned i = 0; i < 16; i++) {
			unsigned at = rest << 8 | n[i];
			n[i] = (unsigned char)(at / 10);
			rest = at % 10;
			more = more || n[i];
		}
		digits[--used] = (char)('0' + rest);
	}
	snprintf(ret, 65, "2.25.%s", digits + used);
}
