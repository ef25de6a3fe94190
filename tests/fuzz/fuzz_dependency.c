// Dependency descriptors, one after the other as of one stream (a length byte before each), and the VP9 descriptor.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/dependency.h"
#include "media/rtp/vp9.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                                                             \
	do {                                                                                                 \
		if (!(x))                                                                                    \
			abort();                                                                             \
	} while (0)

static void one(const uint8_t *data, size_t bytes, struct hz_dd_structure *s)
{
	struct hz_dd_structure before = *s;
	struct hz_dd d = {0};
	uint8_t *copy = malloc(bytes ? bytes : 1); // so that a read past the end is seen
	CHECK(copy);
	memcpy(copy, data, bytes);
	int err = hz_dd_parse(copy, bytes, s, &d, s);
	if (err)
		CHECK(memcmp(&before, s, sizeof(before)) == 0);
	if (!err) {
		CHECK(s->template_count >= 1 && s->template_count <= HZ_DD_MAX_TEMPLATES);
		CHECK(s->target_count >= 1 && s->target_count <= HZ_DD_MAX_TARGETS);
		CHECK(s->max_spatial < HZ_DD_MAX_SPATIAL && d.spatial <= s->max_spatial);
		CHECK(s->max_temporal < HZ_DD_MAX_TEMPORAL && d.temporal <= s->max_temporal);
		CHECK(hz_dd_target(s, 15, 15) >= 0);
		CHECK(s->target_count == HZ_DD_MAX_TARGETS || d.active >> s->target_count == 0);
	}
	struct hz_vp9_descriptor vp9;
	if (!hz_vp9_parse(copy, bytes, &vp9))
		CHECK(vp9.header_bytes < bytes && vp9.spatial_id < 8 && vp9.temporal_id < 8);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_dd_structure s = {0};
	size_t at = 0;
	while (at < size) {
		size_t bytes = data[at++];
		if (bytes > size - at)
			bytes = size - at;
		one(data + at, bytes, &s);
		at += bytes;
	}
	return 0;
}
