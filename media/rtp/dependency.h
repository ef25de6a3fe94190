// The dependency descriptor header extension: which layer a frame belongs to and who needs it, the same for every
// codec (AOM, RTP Payload Format For AV1, appendix A). Pure; thread: any.
#ifndef HZ_MEDIA_RTP_DEPENDENCY_H
#define HZ_MEDIA_RTP_DEPENDENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_DD_MAX_TEMPLATES 64
#define HZ_DD_MAX_TARGETS   32
#define HZ_DD_MAX_SPATIAL   8 // templates with a higher spatial or temporal id are refused
#define HZ_DD_MAX_TEMPORAL  8

enum hz_dti { // what a frame is to a decode target
	HZ_DTI_NOT_PRESENT = 0,
	HZ_DTI_DISCARDABLE = 1,
	HZ_DTI_SWITCH = 2, // the target may be entered here
	HZ_DTI_REQUIRED = 3,
};

// What a keyframe says for all frames after it. About 900 bytes.
struct hz_dd_structure {
	uint8_t id_offset;
	uint8_t template_count; // 0: none known yet
	uint8_t target_count;
	uint8_t chain_count;
	uint8_t max_spatial, max_temporal;
	bool resolutions; // width and height are valid, by spatial id
	uint8_t spatial[HZ_DD_MAX_TEMPLATES], temporal[HZ_DD_MAX_TEMPLATES];
	uint8_t target_spatial[HZ_DD_MAX_TARGETS], target_temporal[HZ_DD_MAX_TARGETS];
	uint8_t protected_by[HZ_DD_MAX_TARGETS]; // chain; valid with chain_count
	uint16_t width[HZ_DD_MAX_SPATIAL], height[HZ_DD_MAX_SPATIAL];
	uint64_t dti[HZ_DD_MAX_TEMPLATES]; // two bits a decode target, target 0 lowest
};

// What one packet says.
struct hz_dd {
	uint16_t frame_number;
	uint8_t template_id; // as sent, 0..63
	bool start, end;     // first, last packet of a frame (of one layer)
	bool has_structure;  // a new structure came with it
	bool has_active;     // `active` was sent; with a structure it is set too
	uint8_t spatial, temporal;
	uint8_t fdiff_count;
	uint64_t dti;
	uint32_t active; // bit i: decode target i is being produced
};

static inline enum hz_dti hz_dd_dti(uint64_t dti, unsigned target)
{
	return (enum hz_dti)(dti >> (2 * target) & 3u);
}

// One extension element. `known`: the structure in force (template_count 0: none). A structure that came along is
// used for this very packet and written to *ret_structure (untouched else), for the caller to keep.
// 0. -EBADMSG: damaged. -ENOENT: its template is not known (no structure yet, or it is of another one); start, end,
// template_id and frame_number are written all the same.
int hz_dd_parse(const uint8_t *data, size_t bytes, const struct hz_dd_structure *known, struct hz_dd *ret,
                struct hz_dd_structure *ret_structure);

// The highest decode target with no more than these ids: highest spatial id first, then temporal. -1: none.
int hz_dd_target(const struct hz_dd_structure *s, unsigned spatial, unsigned temporal);

#endif
