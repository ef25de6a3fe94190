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

// The same with a remembered delta and no state: for retransmissions.
int hz_vp8_rewrite_with(const struct hz_vp8_delta *delta, uint8_t *payload, size_t bytes);

#endif
