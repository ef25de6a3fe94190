// RTP packets (RFC 3550 section 5) and their header extensions (RFC 8285): parse, write, patch in place.
// Pure functions: no allocation, no clock. Parsed pointers point into the caller's buffer and live as long as it.
// Thread: any.
#ifndef HZ_MEDIA_RTP_PACKET_H
#define HZ_MEDIA_RTP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/api.h"

#define HZ_RTP_FIXED_BYTES 12u

// Largest header that hz_rtp_write_header() makes: a template buffer of this size always suffices when the
// dependency descriptor has at most 64 bytes.
#define HZ_RTP_MAX_HEADER_BYTES 224u

struct hz_rtp_packet {
	const uint8_t *data; // the whole packet
	size_t bytes;
	const uint8_t *payload; // data + header_bytes
	size_t payload_bytes;   // without padding; 0 for a padding-only packet
	const uint8_t *ext;     // extension elements; NULL without an extension block
	uint16_t ext_bytes;
	uint16_t ext_profile;  // 0xBEDE one-byte, 0x100x two-byte (RFC 8285), else opaque
	uint16_t header_bytes; // fixed header, CSRCs and extension block
	uint16_t seq;
	uint32_t ts;
	uint32_t ssrc;
	uint8_t pt;
	uint8_t csrc_count;
	uint8_t padding_bytes;
	bool marker;
};

// -EBADMSG: not RTP version 2, or a length field that runs past the end.
int hz_rtp_parse(const uint8_t *data, size_t bytes, struct hz_rtp_packet *ret);

// True if the second byte says RTCP (RFC 5761: packet types 192..223); needs 2 bytes.
bool hz_rtp_is_rtcp(const uint8_t *data, size_t bytes);

// The data of the first element with this id (1..14 or 1..255 by form); false: not there. ret_bytes may be 0 in
// the two-byte form.
bool hz_rtp_ext_find(const struct hz_rtp_packet *packet, uint8_t id, const uint8_t **ret_data,
                     size_t *ret_bytes);

enum hz_ext_bit { // hz_rtp_exts.has
	HZ_EXT_MID = 1 << 0,
	HZ_EXT_RID = 1 << 1,
	HZ_EXT_RRID = 1 << 2,
	HZ_EXT_AUDIO_LEVEL = 1 << 3,
	HZ_EXT_ABS_SEND_TIME = 1 << 4,
	HZ_EXT_TWCC = 1 << 5,
	HZ_EXT_ORIENTATION = 1 << 6,
	HZ_EXT_PLAYOUT_DELAY = 1 << 7,
	HZ_EXT_DEPENDENCY = 1 << 8,
	HZ_EXT_ABS_CAPTURE_TIME = 1 << 9,
};

struct hz_rtp_exts {
	uint32_t has;                                // HZ_EXT_*; a field counts only if its bit is set
	uint32_t abs_send_time;                      // 24 bits, 6.18 fixed-point seconds
	uint16_t twcc_seq;                           // transport-wide sequence number
	uint8_t audio_level_dbov;                    // RFC 6464: 0 loudest .. 127 silence, in -dBov
	bool voice;                                  // RFC 6464 V
	uint8_t orientation;                         // 3GPP TS 26.114 CVO byte
	uint16_t playout_min_10ms, playout_max_10ms; // 12 bits each
	uint8_t dependency_bytes;                    // 1..255
	const uint8_t *dependency;                   // points into the packet
	uint8_t abs_capture_bytes;                   // 8 or 16
	uint8_t abs_capture[16];                     // as on the wire: NTP64, optional clock offset
	char mid[HZ_MID_BYTES];                      // printable ASCII without space
	char rid[HZ_RID_BYTES];
	char rrid[HZ_RID_BYTES];
};

// Reads every extension that `ids` names. Elements of a wrong size or with unprintable text are left out; a
// damaged block ends the walk. The first of two elements with one id counts. Always writes *ret.
void hz_rtp_parse_exts(const struct hz_rtp_packet *packet, const struct hz_ext_ids *ids,
                       struct hz_rtp_exts *ret);

struct hz_rtp_header {
	uint32_t ts;
	uint32_t ssrc;
	uint16_t seq;
	uint8_t pt; // 0..127
	bool marker;
};

// Where things are in a written header, so that one template serves every packet of a subscription.
struct hz_rtp_offsets {
	uint16_t header_bytes;     // a multiple of 4
	uint16_t twcc_at;          // 2 bytes; 0: not there
	uint16_t abs_send_time_at; // 3 bytes; 0: not there
	uint16_t dependency_at;    // of a descriptor of 3 bytes or more; 0: not there
};

// Writes a header with those extensions of `exts` (may be NULL) that the receiver numbered in `ids` (may be NULL).
// One-byte form if every id is at most 14 and every element 1..16 bytes, else two-byte form. No CSRCs, no padding.
// -ENOBUFS: `room` is too small. -EINVAL: pt over 127.
int hz_rtp_write_header(uint8_t *buf, size_t room, const struct hz_rtp_header *header,
                        const struct hz_rtp_exts *exts, const struct hz_ext_ids *ids,
                        struct hz_rtp_offsets *ret);

// Patches of a written header. `buf` is its start. Where the offset is 0 nothing happens.
void hz_rtp_patch_fixed(uint8_t *buf, const struct hz_rtp_header *header); // keeps the extension bit
void hz_rtp_patch_twcc(uint8_t *buf, const struct hz_rtp_offsets *offsets, uint16_t twcc_seq);
void hz_rtp_patch_abs_send_time(uint8_t *buf, const struct hz_rtp_offsets *offsets, int64_t now_us);

// 6.18 fixed-point seconds of now_us, 24 bits.
uint32_t hz_abs_send_time(int64_t now_us);

#endif
