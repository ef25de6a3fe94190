// hz_frame_inspect() of keyframe.h, with VP9 (RFC 9628) and AV1 (AV1 RTP payload format 1.0).
#include "media/rtp/keyframe.h"

#include <errno.h>

#include "media/api.h"
#include "media/rtp/bytes.h"

// A bounded reader: after a read past the end every further one gives 0 and `bad` stays set.
struct reader {
	const uint8_t *at, *end;
	bool bad;
};

static uint8_t read8(struct reader *r)
{
	if (r->at >= r->end) {
		r->bad = true;
		return 0;
	}
	return *r->at++;
}

static uint16_t read16(struct reader *r)
{
	uint16_t high = read8(r);
	return (uint16_t)(high << 8 | read8(r));
}

enum { VP9_I = 0x80, VP9_P = 0x40, VP9_L = 0x20, VP9_F = 0x10, VP9_B = 0x08, VP9_V = 0x02 };

static void vp9_layers(struct reader *r, uint8_t flags, struct hz_frame_info *info)
{
	uint8_t layer = read8(r);
	info->temporal_id = layer >> 5;
	info->spatial_id = layer >> 1 & 0x07;
	if (!(flags & VP9_F))
		read8(r); // TL0PICIDX
}

static void vp9_scalability(struct reader *r, struct hz_frame_info *info)
{
	uint8_t head = read8(r);
	if (!(head & 0x10)) // Y
		return;
	for (unsigned i = 0; i <= (unsigned)(head >> 5); i++) { // the last layer is the largest
		info->width = read16(r);
		info->height = read16(r);
	}
}

static int inspect_vp9(const uint8_t *payload, size_t bytes, struct hz_frame_info *info)
{
	struct reader r = {payload, payload + bytes, false};
	uint8_t flags = read8(&r);
	if ((flags & VP9_I) && (read8(&r) & 0x80))
		read8(&r);
	if (flags & VP9_L)
		vp9_layers(&r, flags, info);
	if ((flags & VP9_F) && (flags & VP9_P)) {
		for (int i = 0; i < 3 && (read8(&r) & 0x01); i++) // P_DIFF, N
			;
	}
	if (flags & VP9_V)
		vp9_scalability(&r, info);
	if (r.bad || r.at >= r.end)
		return -EBADMSG;
	info->frame_start = (flags & VP9_B) && info->spatial_id == 0;
	info->keyframe_start = info->frame_start && !(flags & VP9_P);
	return 0;
}

enum { OBU_SEQUENCE_HEADER = 1, OBU_TEMPORAL_DELIMITER = 2, OBU_FRAME_HEADER = 3, OBU_FRAME = 6 };

static int inspect_av1(const uint8_t *payload, size_t bytes, struct hz_frame_info *info)
{
	struct reader r = {payload, payload + bytes, false};
	uint8_t head = read8(&r);
	bool continues = head & 0x80;    // Z
	bool new_sequence = head & 0x08; // N
	if (continues && new_sequence)
		return -EBADMSG;
	if ((head >> 4 & 3) != 1) { // W: only a sole element has no length
		uint8_t length = 0x80;
		for (int i = 0; i < 8 && (length & 0x80); i++) // leb128
			length = read8(&r);
	}
	uint8_t obu = read8(&r);
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
	info->temporal_id = d.temporal_id;
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
