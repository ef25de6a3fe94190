// H.264 (RFC 6184, packetization mode 1): single NAL units, STAP-A, FU-A. NAL units stay as they came.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/bytes.h"
#include "media/rtp/keyframe.h"
#include "recorder/finalize/frames_internal.h"
#include "media/codec/h264.h"

#define SETS_SPS 32
#define SETS_PPS 256
#define UNITS    512 // NAL units of a frame

struct set {
	uint8_t *nal; // owned
	uint16_t bytes;
	uint8_t sps_id; // PPS
	struct hz_h264_sps parsed;
};

struct state {
	struct set sps[SETS_SPS], pps[SETS_PPS];
	size_t nal_at; // where the length of the NAL unit in work stands
	bool fragment; // it comes in fragments, more to come
	// of the frame in work
	bool has_slice, has_idr, has_sps, first_slice;
	uint8_t nal_ref_idc, pps_id;
	uint16_t frame_num;
	unsigned units;
	// of the frame handed on before
	bool known;
	uint16_t last_frame_num;
	bool last_ref;
	// IDRs of this stream that came with and without their SPS
	uint64_t idr_with, idr_without;
	uint8_t config[HZ_CONFIG_BYTES];
};

static int init(struct hz_frames *f)
{
	f->codec_state = calloc(1, sizeof(struct state));
	return f->codec_state ? 0 : -ENOMEM;
}

static void free_state(struct hz_frames *f)
{
	struct state *s = f->codec_state;
	for (unsigned i = 0; i < SETS_SPS; i++)
		free(s->sps[i].nal);
	for (unsigned i = 0; i < SETS_PPS; i++)
		free(s->pps[i].nal);
}

static bool begins(struct hz_frames *f, const uint8_t *payload, size_t bytes)
{
	struct hz_h264_info info;
	return hz_h264_parse(payload, bytes, &info) == 0 && info.frame_start;
}

static int keep_set(struct set *set, const uint8_t *nal, size_t bytes)
{
	uint8_t *copy = malloc(bytes);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, nal, bytes);
	free(set->nal);
	set->nal = copy;
	set->bytes = (uint16_t)bytes;
	return 0;
}

static int on_sps(struct state *s, const uint8_t *nal, size_t bytes)
{
	struct hz_h264_sps sps;
	int err = hz_h264_sps_parse(nal, bytes, &sps);
	if (!err)
		err = keep_set(&s->sps[sps.id], nal, bytes);
	if (!err)
		s->sps[sps.id].parsed = sps;
	s->has_sps = true;
	return err;
}

static int on_pps(struct state *s, const uint8_t *nal, size_t bytes)
{
	struct hz_h264_pps pps;
	int err = hz_h264_pps_parse(nal, bytes, &pps);
	if (!err)
		err = keep_set(&s->pps[pps.id], nal, bytes);
	if (!err)
		s->pps[pps.id].sps_id = pps.sps_id;
	return err;
}

// Slices must name parameter sets that came, and lie inside the picture.
static int on_slice(struct state *s, const uint8_t *nal, size_t bytes)
{
	struct hz_h264_slice slice;
	uint16_t frame_num;
	int err = hz_h264_slice_parse(nal, bytes, &slice);
	if (err)
		return err;
	bool idr = (nal[0] & 0x1f) == HZ_H264_IDR;
	const struct set *pps = &s->pps[slice.pps_id];
	const struct set *sps = pps->nal ? &s->sps[pps->sps_id] : NULL;
	if (!sps || !sps->nal || slice.first_mb >= sps->parsed.macroblocks)
		return -EBADMSG;
	if (idr && ((slice.type != 2 && slice.type != 4) || !(nal[0] & 0x60)))
		return -EBADMSG;
	if (hz_h264_frame_num(nal, bytes, &slice, &sps->parsed, &frame_num) != 0)
		return -EBADMSG;
	if (idr && frame_num != 0)
		return -EBADMSG;
	if (s->has_slice) // all slices of a picture agree (7.4.1.2.4), and an IDR picture has no others
		return idr == s->has_idr && frame_num == s->frame_num ? 0 : -EBADMSG;
	s->has_slice = true;
	s->has_idr = idr;
	s->first_slice = slice.first_mb == 0;
	s->frame_num = frame_num;
	s->nal_ref_idc = nal[0] >> 5 & 3;
	s->pps_id = slice.pps_id;
	return 0;
}

// A NAL unit is whole; its length goes in front.
static int close_nal(struct hz_frames *f)
{
	struct state *s = f->codec_state;
	const uint8_t *nal = f->buf + s->nal_at + 4;
	size_t bytes = f->bytes - s->nal_at - 4;
	hz_put32(f->buf + s->nal_at, (uint32_t)bytes);
	s->fragment = false;
	if (++s->units > UNITS)
		return -EBADMSG;
	switch (nal[0] & 0x1f) {
	case HZ_H264_SPS:
		return on_sps(s, nal, bytes);
	case HZ_H264_PPS:
		return on_pps(s, nal, bytes);
	case 1:
	case HZ_H264_IDR:
		return on_slice(s, nal, bytes);
	case 2: // data partitioning: Extended profile only
	case 3:
	case 4:
		return -EBADMSG;
	default:
		return 0;
	}
}

static int open_nal(struct hz_frames *f, uint8_t header)
{
	static const uint8_t length[4] = {0};
	struct state *s = f->codec_state;
	s->nal_at = f->bytes;
	int err = hz_frames_append(f, length, 4);
	return err ? err : hz_frames_append(f, &header, 1);
}

static int whole_nal(struct hz_frames *f, const uint8_t *nal, size_t bytes)
{
	int err = open_nal(f, nal[0]);
	if (!err)
		err = hz_frames_append(f, nal + 1, bytes - 1);
	return err ? err : close_nal(f);
}

static int add_fu(struct hz_frames *f, const uint8_t *p, size_t bytes)
{
	struct state *s = f->codec_state;
	bool start = p[1] & 0x80, last = p[1] & 0x40;
	uint8_t header = (uint8_t)((p[0] & 0xe0) | (p[1] & 0x1f));
	int err = 0;
	if (start == s->fragment) // a second start, or a middle of nothing
		return -EBADMSG;
	if (start) {
		err = open_nal(f, header);
		s->fragment = true;
	} else if (f->buf[s->nal_at + 4] != header) {
		return -EBADMSG;
	}
	if (!err)
		err = hz_frames_append(f, p + 2, bytes - 2);
	return !err && last ? close_nal(f) : err;
}

static int add(struct hz_frames *f, const uint8_t *p, size_t bytes)
{
	struct state *s = f->codec_state;
	struct hz_h264_info info;
	if (!f->kept && f->bytes == 0) {
		s->has_slice = s->has_idr = s->has_sps = s->first_slice = s->fragment = false;
		s->units = 0;
	}
	int err = hz_h264_parse(p, bytes, &info); // bounds, and types that packetization mode 1 has not
	if (err)
		return err;
	uint8_t type = p[0] & 0x1f;
	if (type == HZ_H264_FU_A)
		return add_fu(f, p, bytes);
	if (s->fragment)
		return -EBADMSG;
	if (type != HZ_H264_STAP_A)
		return whole_nal(f, p, bytes);
	for (size_t at = 1; at < bytes && !err;) {
		size_t n = hz_get16(p + at);
		err = whole_nal(f, p + at + 2, n);
		at += 2 + n;
	}
	return err;
}

static int make_config(struct state *s, uint8_t sps_id, size_t *ret_bytes)
{
	struct hz_h264_set sps = {s->sps[sps_id].nal, s->sps[sps_id].bytes}, pps[31];
	unsigned count = 0;
	for (unsigned i = 0; i < SETS_PPS && count < 31; i++)
		if (s->pps[i].nal && s->pps[i].sps_id == sps_id)
			pps[count++] = (struct hz_h264_set){s->pps[i].nal, s->pps[i].bytes};
	return hz_h264_avcc(&sps, pps, count, s->config, sizeof(s->config), ret_bytes);
}

static int finish(struct hz_frames *f, struct hz_frame *ret)
{
	struct state *s = f->codec_state;
	if (s->fragment)
		return -EBADMSG;
	if (!s->has_slice)
		return s->units > 64 ? -EBADMSG : -EAGAIN;
	if (!s->first_slice)
		return -EBADMSG;
	ret->key = s->has_idr;
	if (!s->has_idr)
		return 0;
	// an IDR whose SPS was lost would be decoded by an old one
	if (f->lost && !s->has_sps && s->idr_with && !s->idr_without)
		return -EBADMSG;
	s->idr_with += s->has_sps;
	s->idr_without += !s->has_sps;
	uint8_t sps_id = s->pps[s->pps_id].sps_id;
	const struct set *sps = &s->sps[sps_id];
	int err = make_config(s, sps_id, &ret->config_bytes);
	if (err)
		return -EBADMSG;
	ret->config = s->config;
	ret->sps = sps->nal;
	ret->sps_bytes = sps->bytes;
	ret->width = sps->parsed.width;
	ret->height = sps->parsed.height;
	return 0;
}

// frame_num (7.4.3) goes up by one behind each reference picture: it tells whether one is missing, as long as fewer
// packets are than it has values.
static enum hz_loss judge(struct hz_frames *f, const struct hz_frame *frame, uint32_t missing)
{
	struct state *s = f->codec_state;
	const struct set *sps = &s->sps[s->pps[s->pps_id].sps_id];
	unsigned max = 1u << sps->parsed.log2_max_frame_num;
	if (!s->known || missing >= max - 1)
		return HZ_LOSS_FATAL;
	return s->frame_num == ((s->last_frame_num + s->last_ref) & (max - 1)) ? HZ_LOSS_NONE : HZ_LOSS_FATAL;
}

static void done(struct hz_frames *f, const struct hz_frame *frame)
{
	struct state *s = f->codec_state;
	s->known = true;
	s->last_frame_num = s->frame_num;
	s->last_ref = s->nal_ref_idc != 0;
}

const struct hz_depacketiser hz_depacketise_h264 = {begins, add, finish, judge, done, init, free_state};
