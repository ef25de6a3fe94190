// VP8 descriptors and their rewriting; the first byte chooses a switch and the codec looked at beside it.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/api.h"
#include "media/rtp/keyframe.h"
#include "media/rtp/vp8_rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                                                             \
	do {                                                                                                 \
		if (!(x))                                                                                    \
			abort();                                                                             \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	uint8_t how = data[0];
	size_t n = size - 1;
	uint8_t *copy = malloc(n ? n : 1), *again = malloc(n ? n : 1);
	CHECK(copy && again);
	memcpy(copy, data + 1, n);
	memcpy(again, data + 1, n);

	struct hz_frame_info info;
	hz_frame_inspect(HZ_CODEC_VP9, copy, n, &info);
	hz_frame_inspect(HZ_CODEC_AV1, copy, n, &info);

	struct hz_vp8_descriptor before, after;
	struct hz_vp8_rewrite s = {.delta = {how, how, how & 31}, .last_picture_id = how, .has_tl0 = how & 1};
	s.has_picture_id = how >> 1 & 1;
	s.has_key_idx = how >> 2 & 1;
	int parsed = hz_vp8_parse(copy, n, &before);
	CHECK(hz_vp8_rewrite_apply(&s, copy, n, how & 8) == parsed);
	if (parsed == 0) {
		CHECK(hz_vp8_parse(copy, n, &after) == 0);
		CHECK(before.header_bytes == after.header_bytes &&
		      before.picture_id_bits == after.picture_id_bits);
		CHECK(before.temporal_id == after.temporal_id && before.keyframe == after.keyframe);
		CHECK(memcmp(copy + after.header_bytes, data + 1 + before.header_bytes,
		             n - after.header_bytes) == 0);
		CHECK(hz_vp8_rewrite_with(&s.delta, again, n) == 0);
		CHECK(memcmp(copy, again, n) == 0);
	} else {
		CHECK(memcmp(copy, data + 1, n) == 0);
	}
	free(copy);
	free(again);
	return 0;
}
