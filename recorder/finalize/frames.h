// Packets of one stream in order -> whole frames that can be decoded, as they go into a file.
//
// A frame with a missing or damaged packet is left out, and so is everything that needs it: up to the next keyframe, or,
// where VP8 says which temporal layer a frame belongs to, only that layer and those above it. Where numbers of packets
// are missing between two frames, the codec's own numbers tell whether a frame is (parity and padding packets are not in
// the journal). Bounded: HZ_FRAME_BYTES a frame. Hostile input makes frames that are left out, nothing else. Thread: one.
//
// What a file gets: H.264 (RFC 6184, packetization mode 1): NAL units as received, each with its length in 4 bytes. VP8
// (RFC 7741), VP9 (RFC 9628): the frame; VP9 of several spatial layers as a superframe. AV1: the OBUs of a temporal unit
// with size fields, without temporal delimiters. Opus (RFC 7587): the packet; from RED (RFC 2198) also lost ones.
#ifndef HZ_RECORDER_FINALIZE_FRAMES_H
#define HZ_RECORDER_FINALIZE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/api.h"
#include "recorder/finalize/order.h"

#define HZ_FRAME_BYTES  (8u << 20)
#define HZ_CONFIG_BYTES 8192

struct hz_frame {
	uint8_t codec;       // enum hz_codec
	bool key;            // audio: always
	int64_t ts;          // extended RTP timestamp
	int64_t seq;         // extended, of its first packet
	int64_t at_us;       // arrival of its first packet
	const uint8_t *data; // valid during the call
	size_t bytes;
	uint16_t width, height; // of keyframes
	uint32_t samples;       // audio: at 48 kHz
	bool stereo, recovered; // audio
	const uint8_t *config;  // of keyframes: avcC; AV1: the sequence header OBU; else NULL
	size_t config_bytes;
	const uint8_t *sps; // of keyframes, H.264: the active one
	size_t sps_bytes;
};

struct hz_frames_stats {
	uint64_t frames, keyframes;
	uint64_t left_out;  // incomplete or undecodable
	uint64_t malformed; // payloads, also those of types that are not supported
	uint64_t recovered; // audio, from RED
};

// What decoders refused (probe.h), noted by a first run over a stream so that a second one need not ask again. All zero is
// an empty one; the list is the caller's to free().
struct hz_refused {
	struct hz_refused_frame {
		int64_t seq, ts;
	} * frame;
	size_t count, room;
	size_t at;   // of the second run
	bool replay; // it is the second run
};

struct hz_frames;
typedef void hz_frames_cb(void *arg, const struct hz_frame *frame);

// refused: NULL allowed; lives as long as the frames. -ENOTSUP, -ENOMEM.
int hz_frames_new(uint8_t codec, struct hz_refused *refused, hz_frames_cb *cb, void *arg,
                  struct hz_frames **ret);
void hz_frames_free(struct hz_frames *frames); // NULL allowed
void hz_frames_put(struct hz_frames *frames, const struct hz_order_packet *packet);
void hz_frames_flush(struct hz_frames *frames); // the end: a frame without a marker counts if it is whole
void hz_frames_stats(const struct hz_frames *frames, struct hz_frames_stats *ret);

#endif
