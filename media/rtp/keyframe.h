// A look into video payloads: does a frame, or a keyframe, begin in this packet? VP8 (RFC 7741), H.264 (RFC 6184),
// VP9 (RFC 9628), AV1 (AOM's RTP payload format). Reads no further than the first bytes of each unit. Thread: any.
#ifndef HZ_MEDIA_RTP_KEYFRAME_H
#define HZ_MEDIA_RTP_KEYFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_vp8_descriptor {
	uint8_t header_bytes;    // of the descriptor
	uint8_t picture_id_bits; // 0 none, 7, 15
	uint8_t picture_id_at;   // offset of the (first) byte; 0 none
	uint8_t tl0_at;          // offset of TL0PICIDX; 0 none
	uint8_t key_at;          // offset of the TID|Y|KEYIDX byte; 0 none
	bool has_tid, has_keyidx;
	bool layer_sync;    // Y
	bool non_reference; // N
	bool start;         // S = 1 and partition 0: first packet of a frame
	bool keyframe;      // start, and the P bit says key frame
	uint16_t picture_id;
	uint8_t tl0_pic_idx;
	uint8_t temporal_id;
	uint8_t key_idx;
	uint16_t width, height; // of a keyframe start with 10 bytes of frame, else 0
};
// -EBADMSG: the descriptor runs past the end or nothing follows it.
int hz_vp8_parse(const uint8_t *payload, size_t bytes, struct hz_vp8_descriptor *ret);

enum {
	HZ_H264_IDR = 5,
	HZ_H264_SEI = 6,
	HZ_H264_SPS = 7,
	HZ_H264_PPS = 8,
	HZ_H264_AUD = 9,
	HZ_H264_STAP_A = 24,
	HZ_H264_FU_A = 28
};
struct hz_h264_info {
	uint32_t nal_types; // bit t: a NAL of type t begins here
	bool
	    frame_start; // a NAL begins here that may open an access unit (AUD, SPS, PPS, SEI, first slice: first_mb 0)
	bool keyframe_start;                         // an SPS or the first slice of an IDR begins here
	uint8_t profile_idc, constraints, level_idc; // of an SPS seen here, else 0
};
// -EBADMSG: empty, forbidden bit, damaged aggregate, or a NAL type that packetization-mode 1 has not.
int hz_h264_parse(const uint8_t *payload, size_t bytes, struct hz_h264_info *ret);

struct hz_frame_info {
	bool frame_start;    // first packet of a frame (picture)
	bool keyframe_start; // first packet of a keyframe: forwarding may begin here
	bool layers;         // temporal_id (and spatial_id) were said: VP8, VP9
	bool layer_end;      // VP9: last packet of a frame of one spatial layer
	bool layer_sync;     // VP8 Y: needs pictures of the lowest temporal layer only
	bool up_switch;      // VP9 U: later pictures of higher temporal layers need no earlier one of theirs
	uint8_t temporal_id; // VP8, VP9; 0 unknown
	uint8_t spatial_id;  // VP9; 0 unknown
	uint16_t width, height; // 0 unknown
};
// codec: enum hz_codec. -ENOTSUP: not video. -EBADMSG: damaged payload. An H.264 IDR sent as IDR without SPS in the
// same packet counts as keyframe start too, so both the SPS packet and the IDR packet after it answer true.
int hz_frame_inspect(uint8_t codec, const uint8_t *payload, size_t bytes, struct hz_frame_info *ret);

#endif
