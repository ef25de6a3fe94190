// RTP payloads in order -> what a decoder takes: H.264 (RFC 6184, packetization mode 1) as Annex B, VP8 (RFC 7741) as frames. Where
// something is missing everything is left out up to the next keyframe: a frozen picture is true, a smeared one is not.
// Hostile bytes make frames that are left out. Bounded: HZ_GATHER_BYTES a frame. Pure; thread: one.
#ifndef HZ_MEDIA_MOSAIC_GATHER_H
#define HZ_MEDIA_MOSAIC_GATHER_H

#include "media/mosaic/order.h"

#define HZ_GATHER_BYTES (2u << 20)

struct hz_gathered {
	uint8_t codec; // HZ_CODEC_H264_CB for all of H.264, HZ_CODEC_VP8
	bool key;
	bool fresh; // nothing before it is known to whoever decodes: another codec than before, or the first
	uint8_t turn; // quarters clockwise, to be upright
	uint32_t ts;
	int64_t arrival_us; // of its last packet
	uint8_t *data;      // valid during the call, with 64 more bytes of zero
	size_t bytes;
};
typedef void hz_gather_fn(void *ctx, const struct hz_gathered *frame);

struct hz_gather {
	void *ctx;
	hz_gather_fn *emit; // must not call back
	uint8_t *buf;
	size_t bytes, room;
	uint8_t codec; // of the frame in work, and of the stream
	bool open, bad, fragment;
	bool has_key, has_slice, has_sps;
	bool need_key, fresh;
	bool said;    // how this frame is turned
	uint8_t turn; // as was said last
	uint32_t ts;
	int64_t arrival_us;
	uint64_t left_out; // frames
};

void hz_gather_init(struct hz_gather *g, hz_gather_fn *emit, void *ctx);
void hz_gather_done(struct hz_gather *g);
void hz_gather_put(struct hz_gather *g, uint8_t codec, const struct hz_mosaic_packet *packet);
// Left out up to the next keyframe, with what is begun: what was decoded of it was wrong, or is not there any more.
void hz_gather_break(struct hz_gather *g);

#endif
