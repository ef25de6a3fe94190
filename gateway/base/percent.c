#include "gateway/base/percent.h"

#include <errno.h>

#include "gateway/base/hex.h"

int hz_percent_decode(const char *text, size_t bytes, char *ret, size_t room)
{
	size_t used = 0;
	for (size_t i = 0; i < bytes; i++) {
		int c = (unsigned char)text[i];
		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = bytes - i > 2 ? hz_hex_digit(text[i + 1]) : -1;
			int low = high >= 0 ? hz_hex_digit(text[i + 2]) : -1;
			if (low < 0)
				return -EINVAL;
			c = high << 4 | low;
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return -EINVAL;
		if (used + 1 >= room)
			return -ENOSPC;
		ret[used++] = (char)c;
	}
	if (!room)
		return -ENOSPC;
	ret[used] = '\0';
	return 0;
}
