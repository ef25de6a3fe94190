// hz_frame_inspect() of keyframe.h, with AV1 (AV1 RTP payload format 1.0).
#include "media/rtp/keyframe.h"

#include <errno.h>

#include "media/api.h"
#include "media/rtp/bytes.h"
#include "media/rtp/vp9.h"

static int inspect_vp9(const uint8_t *payload, size_t bytes, struct hz_frame_info *info)
{
	struct hz_vp9_descriptor d;
	int err = hz_vp9_parse(payload, bytes, &d);
	if (err)
		return err;
	info->frame_start = d.start && d.spatial_id == 0;
	info->keyframe_start = info->frame_start && !d.inter_picture;
	info->layers = d.has_layers;
	info->temporal_id = d.temporal_id;
	info->spatial_id = d.spatial_id;
	info->layer_end = d.end;
	info->up_switch = d.up_switch;
	if (d.spatial_count) { // the last layer is the largest
		info->width = d.width[d.spatial_count - 1];
		info->height = d.height[d.spatial_count - 1];
	}
	return 0;
}

enum { OBU_SEQUENCE_HEADER = 1, OBU_TEMPORAL_DELIMITER = 2, OBU_FRAME_HEADER = 3, OBU_FRAME = 6 };

static int inspect_av1(const uint8_t *payload, size_t bytes, struct hz_frame_info *info)
{
	struct hz_reader r = {payload, payload + bytes, false};
	uint8_t head = hz_read8(&r);
	bool continues = head & 0x80;    // Z
	bool new_sequence = head & 0x08; // N
	if (continues && new_sequence)
		return -EBADMSG;
	if ((head >> 4 & 3) != 1) { // W: only a sole element has no length
		uint8_t length = 0x80;
		for (int i = 0; i < 8 && (length & 0x80); i++) // leb128
			length = hz_read8(&r);
	}
	uint8_t obu = hz_read8(&r);
	if (r.bad || (!continues && (obu & 0x80))) // obu_forbidden_bit
		return -EBADMSG;
	uint8_t type = obu >> 3 & 0x0f;
	info->frame_start = !continues && (type == OBU_SEQUENCE_HEADER || type == OBU_TEMPORAL_DELIMITER ||
	                                   type == OBU_FRAME_HEADER || type == OBU_FRAME);
	info->keyframe_start = new_sequence;
	return 0;
}

static int inspect_vp8(const uint8_t *payload, size_t bytes, struct hz_frame_info *info)
{
	struct hz_vp8_descriptor d;
	int err = hz_vp8_parse(payload, bytes, &d);
	if (err)
		return err;
	info->frame_start = d.start;
	info->keyframe_start = d.keyframe;
	info->layers = d.has_tid;
	info->temporal_id = d.temporal_id;
	info->layer_sync = d.layer_sync;
	info->width = d.width;
	info->height = d.height;
	return 0;
}

static int inspect_h264(const uint8_t *payload, size_t bytes, struct hz_frame_info *info)
{
	struct hz_h264_info h264;
	int err = hz_h264_parse(payload, bytes, &h264);
	if (err)
		return err;
	info->frame_start = h264.frame_start;
	info->keyframe_start = h264.keyframe_start;
	return 0;
}

int hz_frame_inspect(uint8_t codec, const uint8_t *payload, size_t bytes, struct hz_frame_info *ret)
{
	struct hz_frame_info info = {0};
	int err = -ENOTSUP;
	if (codec == HZ_CODEC_VP8)
		err = inspect_vp8(payload, bytes, &info);
	else if (codec == HZ_CODEC_H264_CB || codec == HZ_CODEC_H264_HIGH)
		err = inspect_h264(payload, bytes, &info);
	else if (codec == HZ_CODEC_VP9)
		err = inspect_vp9(payload, bytes, &info);
	else if (codec == HZ_CODEC_AV1)
		err = inspect_av1(payload, bytes, &info);
	if (err == 0)
		*ret = info;
	return err;
}
