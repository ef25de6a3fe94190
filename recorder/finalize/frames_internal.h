// Between frames.c and the codecs.
#ifndef HZ_RECORDER_FINALIZE_FRAMES_INTERNAL_H
#define HZ_RECORDER_FINALIZE_FRAMES_INTERNAL_H

#include "recorder/finalize/frames.h"
#include "recorder/finalize/probe.h"

enum hz_loss {
	HZ_LOSS_NONE,  // no frame is missing
	HZ_LOSS_UPPER, // frames of upper temporal layers are: those layers cannot go on
	HZ_LOSS_FATAL, // wait for a keyframe
};

struct hz_depacketiser {
	// A frame could begin with this payload.
	bool (*begins)(struct hz_frames *f, const uint8_t *payload, size_t bytes);
	// -EBADMSG: the frame is damaged.
	int (*add)(struct hz_frames *f, const uint8_t *payload, size_t bytes);
	// The frame is whole: fills key, width, height, config. -EBADMSG: no decoder would take it. -EAGAIN: nothing to
	// show; what was added stays in front of the next frame.
	int (*finish)(struct hz_frames *f, struct hz_frame *ret);
	// After finish() of the first frame behind `missing` packets.
	enum hz_loss (*judge)(struct hz_frames *f, const struct hz_frame *frame, uint32_t missing);
	// The frame was handed on.
	void (*done)(struct hz_frames *f, const struct hz_frame *frame);
	int (*init)(struct hz_frames *f);
	void (*free)(struct hz_frames *f);
};

struct hz_frames {
	const struct hz_depacketiser *codec_ops;
	hz_frames_cb *cb;
	void *arg;
	void *codec_state; // owned by the codec
	struct hz_probe *probe;
	struct hz_refused *refused; // NULL: nobody asks
	uint8_t codec;
	// the frame in work
	uint8_t *buf;
	size_t bytes, room;
	int64_t ts, seq, at_us;
	bool open, bad, kept; // kept: bytes of parameter sets in front
	uint32_t missing;     // before this frame, in packets
	bool lost, restart;   // before this frame
	uint8_t tid;          // temporal layer, if layered
	bool layered, sync;   // sync: needs frames of layer 0 only
	// the gate
	bool need_key;
	uint8_t tid_ok; // highest temporal layer that can be decoded
	bool pending_lost, pending_restart;
	uint32_t pending_missing;
	struct hz_frames_stats stats;
};

extern const struct hz_depacketiser hz_depacketise_h264, hz_depacketise_vp8, hz_depacketise_vp9,
    hz_depacketise_av1;

// Appends to the frame in work. -EBADMSG: beyond HZ_FRAME_BYTES; -ENOMEM.
int hz_frames_append(struct hz_frames *f, const void *data, size_t bytes);

// Whether decoders take the frame: asked, or as the first run found.
bool hz_frames_good(struct hz_frames *f, const struct hz_frame *frame);

// audio.c
void hz_frames_audio(struct hz_frames *f, const struct hz_order_packet *packet);
int hz_frames_audio_init(struct hz_frames *f);

#endif
