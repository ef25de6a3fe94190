// The VP9 payload descriptor (RFC 9628 section 4.2). Pure; thread: any.
#ifndef HZ_MEDIA_RTP_VP9_H
#define HZ_MEDIA_RTP_VP9_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_VP9_MAX_SPATIAL 8

struct hz_vp9_descriptor {
	uint16_t header_bytes; // of the descriptor
	uint16_t picture_id;
	uint8_t picture_id_bits; // 0 none, 7, 15
	bool inter_picture;      // P: predicted from an earlier picture of its layer
	bool has_layers;         // L: temporal_id, spatial_id, up_switch, inter_layer, tl0_pic_idx
	bool flexible;           // F
	bool start, end;         // B, E: first, last packet of a layer's frame
	bool not_for_upper;      // Z: no higher spatial layer is predicted from it
	bool
	    up_switch; // U: later pictures of higher temporal layers need none before this one above its layer
	bool inter_layer; // D: predicted from the spatial layer below
	uint8_t temporal_id, spatial_id;
	uint8_t tl0_pic_idx;   // not in flexible mode
	uint8_t spatial_count; // of the scalability structure; 0: none came
	uint16_t width[HZ_VP9_MAX_SPATIAL], height[HZ_VP9_MAX_SPATIAL]; // 0 unknown
};

// -EBADMSG: the descriptor runs past the end or nothing follows it.
int hz_vp9_parse(const uint8_t *payload, size_t bytes, struct hz_vp9_descriptor *ret);

#endif
