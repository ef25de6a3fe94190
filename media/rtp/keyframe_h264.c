// H.264 of keyframe.h: packetization-mode 1 (RFC 6184 section 5: single NAL, STAP-A, FU-A).
#include "media/rtp/keyframe.h"

#include <errno.h>

#include "media/rtp/bytes.h"

enum { SLICE = 1, PARTITION_A = 2 };

// A NAL of this type begins; rbsp are the bytes after its header (maybe cut off by fragmentation).
static void on_nal_start(uint8_t type, const uint8_t *rbsp, size_t bytes, struct hz_h264_info *info)
{
	info->nal_types |= 1u << type;
	// first_mb_in_slice is ue(v): 0 is a single 1 bit
	bool first_slice = bytes > 0 && (rbsp[0] & 0x80);
	switch (type) {
	case SLICE:
	case PARTITION_A:
		info->frame_start |= first_slice;
		break;
	case HZ_H264_IDR:
		info->frame_start |= first_slice;
		info->keyframe_start |= first_slice;
		break;
	case HZ_H264_SPS:
		info->frame_start = true;
		info->keyframe_start = true;
		if (bytes >= 3) {
			info->profile_idc = rbsp[0];
			info->constraints = rbsp[1];
			info->level_idc = rbsp[2];
		}
		break;
	case HZ_H264_SEI:
	case HZ_H264_PPS:
	case HZ_H264_AUD:
		info->frame_start = true;
		break;
	default:
		break;
	}
}

static int parse_stap_a(const uint8_t *p, size_t bytes, struct hz_h264_info *info)
{
	size_t at = 1;
	if (bytes < 4) // header, a size and at least one byte
		return -EBADMSG;
	while (at < bytes) {
		if (bytes - at < 3)
			return -EBADMSG;
		size_t nal = hz_get16(p + at);
		at += 2;
		if (nal == 0 || nal > bytes - at)
			return -EBADMSG;
		uint8_t type = p[at] & 0x1f;
		if ((p[at] & 0x80) || type == 0 || type >= 24)
			return -EBADMSG;
		on_nal_start(type, p + at + 1, nal - 1, info);
		at += nal;
	}
	return 0;
}

static int parse_fu_a(const uint8_t *p, size_t bytes, struct hz_h264_info *info)
{
	if (bytes < 3)
		return -EBADMSG;
	uint8_t type = p[1] & 0x1f;
	bool start = p[1] & 0x80, end = p[1] & 0x40;
	if (type == 0 || type >= 24 || (start && end)) // RFC 6184 5.8: both must not be set
		return -EBADMSG;
	if (start)
		on_nal_start(type, p + 2, bytes - 2, info);
	return 0;
}

int hz_h264_parse(const uint8_t *payload, size_t bytes, struct hz_h264_info *ret)
{
	struct hz_h264_info info = {0};
	int err = 0;
	if (bytes == 0 || (payload[0] & 0x80))
		return -EBADMSG;
	uint8_t type = payload[0] & 0x1f;
	if (type >= 1 && type <= 23)
		on_nal_start(type, payload + 1, bytes - 1, &info);
	else if (type == HZ_H264_STAP_A)
		err = parse_stap_a(payload, bytes, &info);
	else if (type == HZ_H264_FU_A)
		err = parse_fu_a(payload, bytes, &info);
	else
		err = -EBADMSG; // 0, 30, 31 undefined; the rest is for interleaved mode
	if (err == 0)
		*ret = info;
	return err;
}
