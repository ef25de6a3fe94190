#include "media/codec/h264.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/bits.h"
#include "media/rtp/bytes.h"

#define SLICE_HEAD_BYTES 32 // more than the fields before frame_num can take

// Removes emulation prevention (7.4.1.1) from at most `room` bytes.
static size_t unescape(const uint8_t *nal, size_t bytes, uint8_t *out, size_t room)
{
	size_t n = 0;
	unsigned zeros = 0;
	for (size_t i = 0; i < bytes && n < room; i++) {
		if (zeros >= 2 && nal[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = nal[i] ? 0 : zeros + 1;
		out[n++] = nal[i];
	}
	return n;
}

static uint32_t ue(struct hz_bits *b)
{
	unsigned zeros = 0;
	while (!b->bad && hz_bits_get(b, 1) == 0)
		if (++zeros > 31)
			b->bad = true;
	if (b->bad)
		return 0;
	return (zeros ? (1u << zeros) - 1 + hz_bits_get(b, zeros) : 0);
}

static int32_t se(struct hz_bits *b)
{
	uint32_t v = ue(b);
	return v & 1 ? (int32_t)(v / 2 + 1) : -(int32_t)(v / 2);
}

static void skip_scaling_list(struct hz_bits *b, unsigned size)
{
	int32_t last = 8, next = 8;
	for (unsigned i = 0; i < size && !b->bad; i++) {
		if (next != 0)
			next = (last + se(b) + 256) & 0xff;
		last = next ? next : last;
	}
}

static bool has_chroma(uint8_t profile)
{
	static const uint8_t list[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
	return memchr(list, profile, sizeof(list)) != NULL;
}

static void read_chroma(struct hz_bits *b, struct hz_h264_sps *s)
{
	uint32_t format = ue(b);
	if (format > 3)
		b->bad = true;
	s->chroma_format_idc = (uint8_t)format;
	if (format == 3)
		s->separate_colour_plane = hz_bits_get(b, 1);
	uint32_t luma = ue(b), chroma = ue(b);
	if (luma > 6 || chroma != luma)
		b->bad = true;
	s->bit_depth = (uint8_t)(8 + luma);
	(void)hz_bits_get(b, 1); // qpprime_y_zero_transform_bypass_flag
	if (!hz_bits_get(b, 1))
		return;
	for (unsigned i = 0; i < (format == 3 ? 12u : 8u) && !b->bad; i++)
		if (hz_bits_get(b, 1))
			skip_scaling_list(b, i < 6 ? 16 : 64);
}

static void read_poc(struct hz_bits *b)
{
	uint32_t type = ue(b);
	if (type > 2)
		b->bad = true;
	if (type == 0) {
		if (ue(b) > 12)
			b->bad = true;
	} else if (type == 1) {
		(void)hz_bits_get(b, 1);
		(void)se(b);
		(void)se(b);
		uint32_t cycle = ue(b);
		if (cycle > 255)
			b->bad = true;
		for (uint32_t i = 0; i < cycle && !b->bad; i++)
			(void)se(b);
	}
}

static void read_size(struct hz_bits *b, struct hz_h264_sps *s)
{
	uint32_t mbs_wide = ue(b), map_units = ue(b);
	s->frame_mbs_only = hz_bits_get(b, 1);
	if (mbs_wide > 511 || map_units > 511) {
		b->bad = true;
		return;
	}
	uint32_t wide = mbs_wide + 1, high = (map_units + 1) * (s->frame_mbs_only ? 1 : 2);
	if (!s->frame_mbs_only)
		(void)hz_bits_get(b, 1); // mb_adaptive_frame_field_flag
	(void)hz_bits_get(b, 1);         // direct_8x8_inference_flag
	uint32_t crop[4] = {0};          // left, right, top, bottom
	if (hz_bits_get(b, 1))
		for (unsigned i = 0; i < 4; i++)
			crop[i] = ue(b);
	uint32_t unit_x = s->chroma_format_idc == 1 || s->chroma_format_idc == 2 ? 2 : 1;
	uint32_t unit_y = (s->chroma_format_idc == 1 ? 2 : 1) * (s->frame_mbs_only ? 1 : 2);
	uint64_t off_x = ((uint64_t)crop[0] + crop[1]) * unit_x,
	         off_y = ((uint64_t)crop[2] + crop[3]) * unit_y;
	if (high > 512 || off_x >= wide * 16 || off_y >= high * 16 || wide * high > 139264) {
		b->bad = true;
		return;
	}
	s->width = (uint16_t)(wide * 16 - off_x);
	s->height = (uint16_t)(high * 16 - off_y);
	s->macroblocks = wide * high;
}

// E.1.1, as far as timing_info_present_flag.
static bool has_timing(struct hz_bits *b)
{
	if (!hz_bits_get(b, 1)) // vui_parameters_present_flag
		return false;
	struct hz_bits v = *b;                               // damage further on makes no bad SPS
	if (hz_bits_get(&v, 1) && hz_bits_get(&v, 8) == 255) // aspect_ratio_info_present_flag, Extended_SAR
		(void)hz_bits_get(&v, 32);
	if (hz_bits_get(&v, 1)) // overscan_info_present_flag
		(void)hz_bits_get(&v, 1);
	if (hz_bits_get(&v, 1)) { // video_signal_type_present_flag
		(void)hz_bits_get(&v, 4);
		if (hz_bits_get(&v, 1)) // colour_description_present_flag
			(void)hz_bits_get(&v, 24);
	}
	if (hz_bits_get(&v, 1)) { // chroma_loc_info_present_flag
		(void)ue(&v);
		(void)ue(&v);
	}
	return hz_bits_get(&v, 1) && !v.bad;
}

int hz_h264_sps_parse(const uint8_t *nal, size_t bytes, struct hz_h264_sps *ret)
{
	uint8_t raw[HZ_H264_PARAMETER_BYTES];
	struct hz_h264_sps s = {.chroma_format_idc = 1, .bit_depth = 8};
	if (bytes < 5 || bytes > sizeof(raw) || (nal[0] & 0x9f) != 7)
		return -EBADMSG;
	struct hz_bits b = hz_bits_begin(raw, unescape(nal, bytes, raw, sizeof(raw)));
	(void)hz_bits_get(&b, 8);
	s.profile_idc = (uint8_t)hz_bits_get(&b, 8);
	s.constraint_flags = (uint8_t)hz_bits_get(&b, 8);
	s.level_idc = (uint8_t)hz_bits_get(&b, 8);
	uint32_t id = ue(&b);
	if (has_chroma(s.profile_idc))
		read_chroma(&b, &s);
	uint32_t log2_frame_num = ue(&b);
	read_poc(&b);
	uint32_t refs = ue(&b);
	(void)hz_bits_get(&b, 1); // gaps_in_frame_num_value_allowed_flag
	read_size(&b, &s);
	s.timing = has_timing(&b);
	if (b.bad || id > 31 || log2_frame_num > 12 || refs > 16)
		return -EBADMSG;
	s.id = (uint8_t)id;
	s.log2_max_frame_num = (uint8_t)(log2_frame_num + 4);
	s.num_ref_frames = (uint8_t)refs;
	*ret = s;
	return 0;
}

int hz_h264_pps_parse(const uint8_t *nal, size_t bytes, struct hz_h264_pps *ret)
{
	uint8_t raw[16];
	if (bytes < 2 || bytes > HZ_H264_PARAMETER_BYTES || (nal[0] & 0x9f) != 8)
		return -EBADMSG;
	struct hz_bits b = hz_bits_begin(raw, unescape(nal, bytes, raw, sizeof(raw)));
	(void)hz_bits_get(&b, 8);
	uint32_t id = ue(&b), sps = ue(&b);
	if (b.bad || id > 255 || sps > 31)
		return -EBADMSG;
	*ret = (struct hz_h264_pps){.id = (uint8_t)id, .sps_id = (uint8_t)sps};
	return 0;
}

int hz_h264_slice_parse(const uint8_t *nal, size_t bytes, struct hz_h264_slice *ret)
{
	uint8_t raw[SLICE_HEAD_BYTES];
	if (bytes < 3 || (nal[0] & 0x80))
		return -EBADMSG;
	struct hz_bits b = hz_bits_begin(raw, unescape(nal, bytes, raw, sizeof(raw)));
	(void)hz_bits_get(&b, 8);
	uint32_t first = ue(&b), type = ue(&b), pps = ue(&b);
	if (b.bad || type > 9 || pps > 255)
		return -EBADMSG;
	*ret = (struct hz_h264_slice){
	    .first_mb = first, .type = (uint8_t)(type % 5), .pps_id = (uint8_t)pps, .frame_num_at = b.at};
	return 0;
}

int hz_h264_frame_num(const uint8_t *nal, size_t bytes, const struct hz_h264_slice *slice,
                      const struct hz_h264_sps *sps, uint16_t *ret)
{
	uint8_t raw[SLICE_HEAD_BYTES];
	struct hz_bits b = hz_bits_begin(raw, unescape(nal, bytes, raw, sizeof(raw)));
	if (slice->frame_num_at > b.end)
		return -EBADMSG;
	b.at = slice->frame_num_at + (sps->separate_colour_plane ? 2 : 0);
	uint32_t v = b.at <= b.end ? hz_bits_get(&b, sps->log2_max_frame_num) : 0;
	if (b.bad || b.at > b.end)
		return -EBADMSG;
	*ret = (uint16_t)v;
	return 0;
}

static void put(uint8_t *buf, size_t *at, const struct hz_h264_set *set)
{
	buf[(*at)++] = (uint8_t)(set->bytes >> 8);
	buf[(*at)++] = (uint8_t)set->bytes;
	memcpy(buf + *at, set->nal, set->bytes);
	*at += set->bytes;
}

int hz_h264_avcc(const struct hz_h264_set *sps, const struct hz_h264_set *pps, unsigned pps_count,
                 uint8_t *buf, size_t room, size_t *ret_bytes)
{
	size_t need = 7 + 2 + sps->bytes + 4, at = 0;
	struct hz_h264_sps s;
	for (unsigned i = 0; i < pps_count; i++)
		need += 2 + pps[i].bytes;
	if (need > room || pps_count > 31)
		return -ENOBUFS;
	if (hz_h264_sps_parse(sps->nal, sps->bytes, &s) != 0)
		return -EBADMSG;
	const uint8_t head[] = {1, sps->nal[1], sps->nal[2], sps->nal[3], 0xff, 0xe1};
	memcpy(buf, head, sizeof(head));
	at = sizeof(head);
	put(buf, &at, sps);
	buf[at++] = (uint8_t)pps_count;
	for (unsigned i = 0; i < pps_count; i++)
		put(buf, &at, &pps[i]);
	if (s.profile_idc != 66 && s.profile_idc != 77 && s.profile_idc != 88) {
		buf[at++] = (uint8_t)(0xfc | s.chroma_format_idc);
		buf[at++] = (uint8_t)(0xf8 | (s.bit_depth - 8));
		buf[at++] = (uint8_t)(0xf8 | (s.bit_depth - 8));
		buf[at++] = 0; // no SPS extensions
	}
	*ret_bytes = at;
	return 0;
}

bool hz_h264_avcc_has_timing(const uint8_t *avcc, size_t bytes)
{
	struct hz_h264_sps sps;
	size_t n = bytes > 8 ? hz_get16(avcc + 6) : 0;
	return n && n <= bytes - 8 && hz_h264_sps_parse(avcc + 8, n, &sps) == 0 && sps.timing;
}
