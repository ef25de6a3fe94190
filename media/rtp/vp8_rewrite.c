#include "media/rtp/vp8_rewrite.h"

#include <string.h>

#include "media/rtp/bytes.h"
#include "media/rtp/keyframe.h"

enum { PENDING_PICTURE_ID = 1, PENDING_TL0 = 2, PENDING_KEY = 4 };

void hz_vp8_rewrite_init(struct hz_vp8_rewrite *s)
{
	memset(s, 0, sizeof(*s));
}

// a - b of numbers of `bits` bits, signed.
static int32_t diff_bits(uint32_t a, uint32_t b, unsigned bits)
{
	int32_t d = (int32_t)((a - b) & ((1u << bits) - 1));
	return d >= 1 << (bits - 1) ? d - (1 << bits) : d;
}

static void choose_deltas(struct hz_vp8_rewrite *s, const struct hz_vp8_descriptor *d)
{
	if ((s->pending & PENDING_PICTURE_ID) && d->picture_id_bits) {
		s->pending &= (uint8_t)~PENDING_PICTURE_ID;
		s->delta.picture_id = (uint16_t)((s->last_picture_id + 1u - d->picture_id) & 0x7fff);
	}
	if ((s->pending & PENDING_TL0) && d->tl0_at) {
		s->pending &= (uint8_t)~PENDING_TL0;
		s->delta.tl0_pic_idx = (uint8_t)(s->last_tl0 + 1u - d->tl0_pic_idx);
	}
	if ((s->pending & PENDING_KEY) && d->has_keyidx) {
		s->pending &= (uint8_t)~PENDING_KEY;
		s->delta.key_idx = (uint8_t)((s->last_key_idx + 1u - d->key_idx) & 0x1f);
	}
}

// Writes the numbers of `d` with the delta added; *d holds what was written.
static void rewrite(const struct hz_vp8_delta *delta, struct hz_vp8_descriptor *d, uint8_t *payload)
{
	if (d->picture_id_bits == 15) {
		d->picture_id = (uint16_t)((d->picture_id + delta->picture_id) & 0x7fff);
		hz_put16(payload + d->picture_id_at, (uint16_t)(0x8000u | d->picture_id));
	} else if (d->picture_id_bits == 7) {
		d->picture_id = (uint16_t)((d->picture_id + delta->picture_id) & 0x7f);
		payload[d->picture_id_at] = (uint8_t)d->picture_id;
	}
	if (d->tl0_at) {
		d->tl0_pic_idx = (uint8_t)(d->tl0_pic_idx + delta->tl0_pic_idx);
		payload[d->tl0_at] = d->tl0_pic_idx;
	}
	if (d->has_keyidx) {
		d->key_idx = (uint8_t)((d->key_idx + delta->key_idx) & 0x1f);
		payload[d->key_at] = (uint8_t)((payload[d->key_at] & 0xe0) | d->key_idx);
	}
}

// Reordered packets do not move the newest back.
static void remember(struct hz_vp8_rewrite *s, const struct hz_vp8_descriptor *d)
{
	if (d->picture_id_bits) {
		int32_t step = diff_bits(d->picture_id, s->last_picture_id, d->picture_id_bits);
		if (!s->has_picture_id)
			s->last_picture_id = d->picture_id;
		else if (step > 0) // a 7-bit id counts on within the 15 bits
			s->last_picture_id = (uint16_t)((s->last_picture_id + (uint32_t)step) & 0x7fff);
		s->has_picture_id = 1;
	}
	if (d->tl0_at) {
		if (!s->has_tl0 || diff_bits(d->tl0_pic_idx, s->last_tl0, 8) > 0)
			s->last_tl0 = d->tl0_pic_idx;
		s->has_tl0 = 1;
	}
	if (d->has_keyidx) {
		if (!s->has_key_idx || diff_bits(d->key_idx, s->last_key_idx, 5) > 0)
			s->last_key_idx = d->key_idx;
		s->has_key_idx = 1;
	}
}

int hz_vp8_rewrite_apply(struct hz_vp8_rewrite *s, uint8_t *payload, size_t bytes, bool switched)
{
	struct hz_vp8_descriptor d;
	int err = hz_vp8_parse(payload, bytes, &d);
	if (err)
		return err;
	if (switched) {
		s->pending = (uint8_t)((s->has_picture_id ? PENDING_PICTURE_ID : 0) |
		                       (s->has_tl0 ? PENDING_TL0 : 0) | (s->has_key_idx ? PENDING_KEY : 0));
	}
	choose_deltas(s, &d);
	rewrite(&s->delta, &d, payload);
	remember(s, &d);
	return 0;
}

int hz_vp8_rewrite_late(struct hz_vp8_rewrite *s, const struct hz_vp8_delta *delta, uint8_t *payload,
                        size_t bytes)
{
	struct hz_vp8_descriptor d;
	int err = hz_vp8_parse(payload, bytes, &d);
	if (err)
		return err;
	rewrite(delta, &d, payload);
	remember(s, &d);
	return 0;
}

int hz_vp8_rewrite_with(const struct hz_vp8_delta *delta, uint8_t *payload, size_t bytes)
{
	struct hz_vp8_descriptor d;
	int err = hz_vp8_parse(payload, bytes, &d);
	if (err)
		return err;
	rewrite(delta, &d, payload);
	return 0;
}
