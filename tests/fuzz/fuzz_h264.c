// H.264 payloads (single NAL, STAP-A, FU-A).
#include <stdint.h>
#include <stdlib.h>

#include "media/api.h"
#include "media/rtp/keyframe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_h264_info info = {0};
	struct hz_frame_info frame = {0};
	int a = hz_h264_parse(data, size, &info);
	int b = hz_frame_inspect(HZ_CODEC_H264_HIGH, data, size, &frame);
	if (a != b || info.keyframe_start != frame.keyframe_start || info.frame_start != frame.frame_start)
		abort();
	if (info.keyframe_start && !(info.nal_types & (1u << HZ_H264_IDR | 1u << HZ_H264_SPS)))
		abort();
	if (info.keyframe_start && !info.frame_start)
		abort();
	return 0;
}
