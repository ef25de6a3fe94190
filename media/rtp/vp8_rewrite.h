// Keeps PictureID, TL0PICIDX and KEYIDX of an outgoing VP8 stream continuous over layer and source switches
// (RFC 7741 4.2). One state a subscription: plain data of fixed layout, no pointers, may live in the worker's arena.
// Thread: its worker's.
#ifndef HZ_MEDIA_RTP_VP8_REWRITE_H
#define HZ_MEDIA_RTP_VP8_REWRITE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What is added to the incoming numbers. Constant between two switches: keep it with the sequence-number mapping
// of the same span to retransmit packets from before a switch.
struct hz_vp8_delta {
	uint16_t picture_id; // modulo 2^15
	uint8_t tl0_pic_idx; // modulo 256
	uint8_t key_idx;     // modulo 32
};

struct hz_vp8_rewrite {
	struct hz_vp8_delta delta;
	uint16_t last_picture_id; // newest sent, 15 bits
	uint8_t last_tl0;
	uint8_t last_key_idx;
	uint8_t has_picture_id, has_tl0, has_key_idx; // one was sent
	uint8_t pending; // bits: fields whose delta is chosen at the next packet that carries them
};
static_assert(sizeof(struct hz_vp8_rewrite) == 12, "arena layout");

void hz_vp8_rewrite_init(struct hz_vp8_rewrite *s);

// Rewrites the payload in place. switched: this is the first packet forwarded from another source or layer; the
// numbers then go on one after the newest sent. The field's width stays as it came: a 7-bit id is the low 7 bits.
// -EBADMSG: not a VP8 payload, nothing changed.
int hz_vp8_rewrite_apply(struct hz_vp8_rewrite *s, uint8_t *payload, size_t bytes, bool switched);

// The same in the middle of a span, with the delta of this very picture (s->delta is not looked at and not changed).
int hz_vp8_rewrite_late(struct hz_vp8_rewrite *s, const struct hz_vp8_delta *delta, uint8_t *payload,
                        size_t bytes);

// The same with a remembered delta and no state: for retransmissions.
int hz_vp8_rewrite_with(const struct hz_vp8_delta *delta, uint8_t *payload, size_t bytes);

// Pictures left out of a stream (temporal layers), so that the ids of the others follow one another. In a span with
// such a list, `delta` of the state is that of the newest picture; older ones are found by hz_vp8_skip_delta().
// A picture that was never seen counts as kept. 40 bytes, no pointers.
#define HZ_VP8_SKIP_WINDOW 256

struct hz_vp8_skip {
	uint16_t top; // newest picture decided on: incoming id, 15 bits
	uint8_t started;
	uint8_t reserved[5];
	uint64_t left_out[HZ_VP8_SKIP_WINDOW / 64]; // bit (id % window)
};

enum hz_vp8_picture { HZ_VP8_NEW = 0, HZ_VP8_KEPT, HZ_VP8_LEFT_OUT };

void hz_vp8_skip_init(struct hz_vp8_skip *s);

// Was this picture decided on? HZ_VP8_NEW: it is newer than all that were. Ids of 7 bits are told apart within 63.
// An id that is older than the window counts as kept.
enum hz_vp8_picture hz_vp8_skip_look(const struct hz_vp8_skip *s, uint16_t picture_id, uint8_t bits);

// Decides on a new picture and lowers delta->picture_id by one if it is left out.
void hz_vp8_skip_put(struct hz_vp8_skip *s, uint16_t picture_id, uint8_t bits, bool left_out,
                     struct hz_vp8_delta *delta);

// The delta for this picture, given that of the newest one.
struct hz_vp8_delta hz_vp8_skip_delta(const struct hz_vp8_skip *s, uint16_t picture_id, uint8_t bits,
                                      struct hz_vp8_delta delta);

#endif
