// Redundant audio payloads.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/red.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                                                             \
	do {                                                                                                 \
		if (!(x))                                                                                    \
			abort();                                                                             \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_red red, again;
	uint8_t *copy = malloc(size ? size : 1);
	CHECK(copy);
	if (size)
		memcpy(copy, data, size);
	int err = hz_red_parse(copy, size, &red);
	size_t total = 0;
	unsigned sum = 0;
	for (unsigned i = 0; !err && i < red.count; i++) {
		total += red.block[i].bytes;
		for (unsigned k = 0; k < red.block[i].bytes; k++)
			sum += red.block[i].data[k];
	}
	for (unsigned k = 0; !err && k < red.primary.bytes; k++)
		sum += red.primary.data[k];
	size_t known = total + red.primary.bytes + 4 * red.count + 1u;
	CHECK(err || known == size ||
	      (red.count == HZ_RED_MAX_BLOCKS && known < size)); // older ones are passed over
	CHECK(err || sum <= 255 * size);
	hz_red_retarget(copy, size, 109);
	CHECK(hz_red_parse(copy, size, &again) == err);
	if (!err) {
		CHECK(again.primary.pt == 109 && again.primary.bytes == red.primary.bytes);
		for (unsigned i = 0; i < red.count; i++)
			CHECK(again.block[i].pt == 109 && again.block[i].ts_offset == red.block[i].ts_offset);
	}
	free(copy);
	return 0;
}
