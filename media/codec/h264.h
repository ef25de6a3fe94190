// What must be known of an H.264 stream (ITU-T H.264 7.3) to store it without decoding: parameter sets, and the first
// fields of slices. NAL units as in RTP: header byte first, no start code, emulation prevention still inside. Pure.
#ifndef HZ_MEDIA_CODEC_H264_H
#define HZ_MEDIA_CODEC_H264_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_H264_PARAMETER_BYTES 1024 // longest SPS or PPS that is taken

struct hz_h264_sps {
	uint8_t id; // 0..31
	uint8_t profile_idc, constraint_flags, level_idc;
	uint8_t chroma_format_idc, bit_depth;
	uint8_t log2_max_frame_num; // 4..16
	uint8_t num_ref_frames;
	bool separate_colour_plane, frame_mbs_only;
	bool timing;            // it names a rate of its own (VUI, E.1.1)
	uint16_t width, height; // as shown, after cropping
	uint32_t macroblocks;   // of a frame
};
// -EBADMSG: damaged, or beyond what a decoder takes (level 6.2's picture, 16 reference frames).
int hz_h264_sps_parse(const uint8_t *nal, size_t bytes, struct hz_h264_sps *ret);

struct hz_h264_pps {
	uint8_t id; // of 0..255
	uint8_t sps_id;
};
int hz_h264_pps_parse(const uint8_t *nal, size_t bytes, struct hz_h264_pps *ret); // -EBADMSG

struct hz_h264_slice {
	uint32_t first_mb;
	uint8_t type; // 0 P, 1 B, 2 I, 3 SP, 4 SI
	uint8_t pps_id;
	size_t frame_num_at; // bit, in the NAL without emulation prevention
};
// The part of a slice header before its frame_num, which needs the SPS. -EBADMSG.
int hz_h264_slice_parse(const uint8_t *nal, size_t bytes, struct hz_h264_slice *ret);
int hz_h264_frame_num(const uint8_t *nal, size_t bytes, const struct hz_h264_slice *slice,
                      const struct hz_h264_sps *sps, uint16_t *ret);

// An avcC record (ISO/IEC 14496-15 5.3.3.1) with 4-byte lengths. -ENOBUFS.
struct hz_h264_set {
	const uint8_t *nal;
	size_t bytes;
};
int hz_h264_avcc(const struct hz_h264_set *sps, const struct hz_h264_set *pps, unsigned pps_count,
                 uint8_t *buf, size_t room, size_t *ret_bytes);
bool hz_h264_avcc_has_timing(const uint8_t *avcc, size_t bytes); // its first SPS

#endif
