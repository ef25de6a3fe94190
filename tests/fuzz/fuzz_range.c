// The Range header against a plain reading of what any answer to it must hold to. The first 8 bytes are the file's length.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/server/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_range range, again;
	uint64_t length = 0;
	if (size < 8)
		return 0;
	memcpy(&length, data, 8);
	char *text = malloc(size - 8 + 1);
	if (!text)
		return 0;
	memcpy(text, data + 8, size - 8);
	text[size - 8] = '\0';
	hz_range_parse(text, length, &range);
	if (range.kind == HZ_RANGE_PART) {
		must(range.bytes >= 1 && range.first < length && range.bytes <= length - range.first);
		must(!strchr(text, ',') && strchr(text, '-'));
		must(!range.open || range.first + range.bytes == length);
	} else {
		must(!range.first && !range.bytes && !range.open);
	}
	must(range.kind != HZ_RANGE_OUTSIDE || strchr(text, '-'));
	hz_range_parse(text, length, &again);
	must(memcmp(&range, &again, sizeof(range)) == 0);
	free(text);
	return 0;
}
