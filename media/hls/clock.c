#include <stdlib.h>

#include "media/hls/internal.h"

// True: with this offset the unit lies near its mark, perhaps after its pts have wrapped.
static bool fits(const struct hz_hls *h, const struct hz_hls_track *t, const struct hz_hls_au *au,
                 int64_t offset, int64_t *ret_offset)
{
	static const int64_t wrap[] = {0, 1ll << 32, 1ll << 33, -(1ll << 32), -(1ll << 33)};
	for (unsigned i = 0; i < sizeof(wrap) / sizeof(wrap[0]); i++) {
		int64_t at_us = hz_hls_us(t, au->pts + offset + wrap[i]);
		if (llabs(at_us - (au->mark_us - h->origin_us)) > HZ_HLS_FIT_US)
			continue;
		*ret_offset = offset + wrap[i];
		return true;
	}
	return false;
}

bool hz_hls_locate(const struct hz_hls *h, const struct hz_hls_track *t, const struct hz_hls_au *au,
                   int64_t *ret_offset)
{
	if (t->anchored && fits(h, t, au, t->offset, ret_offset))
		return true;
	if (h->shared && fits(h, t, au, hz_hls_ticks(t, h->share_us), ret_offset))
		return !t->anchored;
	*ret_offset = hz_hls_ticks(t, au->mark_us - h->origin_us) - au->pts;
	return !t->anchored;
}

void hz_hls_anchor(struct hz_hls *h, struct hz_hls_track *t, const struct hz_hls_au *au, int64_t offset)
{
	t->offset = offset;
	t->anchored = true;
	h->share_us = hz_hls_us(t, au->pts + offset) - hz_hls_us(t, au->pts);
	h->shared = true;
}
