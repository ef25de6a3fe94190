// Pictures left out: the second half of vp8_rewrite.h.
#include <string.h>

#include "media/rtp/vp8_rewrite.h"

void hz_vp8_skip_init(struct hz_vp8_skip *s)
{
	memset(s, 0, sizeof(*s));
}

// picture_id - top, signed.
static int32_t ahead(const struct hz_vp8_skip *s, uint16_t picture_id, uint8_t bits)
{
	uint32_t mask = bits == 15 ? 0x7fff : 0x7f;
	int32_t d = (int32_t)((uint32_t)(picture_id - s->top) & mask);
	return d > (int32_t)(mask / 2) ? d - (int32_t)mask - 1 : d;
}

static uint64_t bit_of(int32_t id)
{
	return 1ull << ((uint32_t)id % 64);
}

static uint64_t *word_of(struct hz_vp8_skip *s, int32_t id)
{
	return &s->left_out[(uint32_t)id % HZ_VP8_SKIP_WINDOW / 64];
}

static bool is_out(const struct hz_vp8_skip *s, int32_t id)
{
	return s->left_out[(uint32_t)id % HZ_VP8_SKIP_WINDOW / 64] & bit_of(id);
}

enum hz_vp8_picture hz_vp8_skip_look(const struct hz_vp8_skip *s, uint16_t picture_id, uint8_t bits)
{
	int32_t d = ahead(s, picture_id, bits);
	if (!s->started || d > 0)
		return HZ_VP8_NEW;
	if (d <= -HZ_VP8_SKIP_WINDOW)
		return HZ_VP8_KEPT;
	return is_out(s, s->top + d) ? HZ_VP8_LEFT_OUT : HZ_VP8_KEPT;
}

void hz_vp8_skip_put(struct hz_vp8_skip *s, uint16_t picture_id, uint8_t bits, bool left_out,
                     struct hz_vp8_delta *delta)
{
	int32_t d = s->started ? ahead(s, picture_id, bits) : HZ_VP8_SKIP_WINDOW;
	if (d <= 0)
		return;
	int32_t id = s->started ? s->top + d : picture_id; // a 7-bit id counts on within 15 bits
	if (d >= HZ_VP8_SKIP_WINDOW)
		memset(s->left_out, 0, sizeof(s->left_out));
	for (int32_t i = id - d + 1; d < HZ_VP8_SKIP_WINDOW && i <= id; i++)
		*word_of(s, i) &= ~bit_of(i);
	s->started = 1;
	s->top = (uint16_t)(id & 0x7fff);
	if (!left_out)
		return;
	*word_of(s, id) |= bit_of(id);
	delta->picture_id = (uint16_t)((delta->picture_id - 1u) & 0x7fff);
}

struct hz_vp8_delta hz_vp8_skip_delta(const struct hz_vp8_skip *s, uint16_t picture_id, uint8_t bits,
                                      struct hz_vp8_delta delta)
{
	int32_t d = s->started ? ahead(s, picture_id, bits) : 1;
	uint32_t newer = 0;
	if (d <= -HZ_VP8_SKIP_WINDOW)
		d = 1 - HZ_VP8_SKIP_WINDOW;
	for (int32_t i = s->top + d + 1; i <= s->top; i++)
		newer += is_out(s, i);
	delta.picture_id = (uint16_t)((delta.picture_id + newer) & 0x7fff);
	return delta;
}
