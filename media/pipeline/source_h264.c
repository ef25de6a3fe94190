#include <string.h>

#include "media/codec/h264.h"
#include "media/pipeline/source_state.h"

enum { NAL_SLICE = 1, NAL_IDR = 5, NAL_SPS = 7, NAL_AUD = 9 };

static void look(const uint8_t *nal, size_t bytes, struct hz_source_unit *ret)
{
	struct hz_h264_sps sps;
	struct hz_h264_slice slice;
	switch (nal[0] & 0x1f) {
	case NAL_IDR:
		ret->key = true;
		break;
	case NAL_SLICE:
		if (!hz_h264_slice_parse(nal, bytes, &slice) && slice.type == 1)
			ret->reorders = true;
		break;
	case NAL_SPS:
		if (hz_h264_sps_parse(nal, bytes, &sps))
			break;
		ret->profile =
		    (unsigned)sps.profile_idc << 16 | (unsigned)sps.constraint_flags << 8 | sps.level_idc;
		ret->size = (unsigned)sps.width << 16 | sps.height;
		if (!sps.frame_mbs_only || sps.chroma_format_idc != 1 || sps.bit_depth != 8)
			ret->reorders = true; // interlaced, 4:2:2, 10 bit: nothing for a browser either
		break;
	default:
		break;
	}
}

// The next start code at or behind `at`; bytes when there is none. Its length in ret_bytes.
static size_t start_code(const uint8_t *data, size_t bytes, size_t at)
{
	for (; at + 3 <= bytes; at++) {
		const uint8_t *one = memchr(data + at, 0, bytes - at);
		if (!one || (size_t)(one - data) + 3 > bytes)
			break;
		at = (size_t)(one - data);
		if (data[at + 1] == 0 && data[at + 2] == 1)
			return at;
	}
	return bytes;
}

void hz_source_unit_look(const uint8_t *data, size_t bytes, struct hz_source_unit *ret)
{
	*ret = (struct hz_source_unit){0};
	size_t at = start_code(data, bytes, 0);
	while (at < bytes) {
		size_t nal = at + 3;
		at = start_code(data, bytes, nal);
		if (nal >= bytes)
			break;
		bool slice = (data[nal] & 0x1f) <= NAL_IDR && (data[nal] & 0x1f) >= NAL_SLICE;
		look(data + nal, at - nal, ret);
		if ((data[nal] & 0x1f) == NAL_AUD && nal <= 4 && at < bytes)
			ret->front = at - (at > nal && data[at - 1] == 0);
		if (slice)
			break; // the first one says it, and the rest is long
	}
}
