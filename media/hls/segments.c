#include "media/hls/internal.h"

void hz_hls_boundary(struct hz_hls *h, int64_t at_us, bool discontinuity)
{
	if (h->begun) {
		for (unsigned i = 0; i < h->tracks; i++)
			hz_hls_output_close(h, &h->track[i], hz_hls_ticks(&h->track[i], at_us));
		h->current++;
	}
	h->begun = true;
	h->segment_at = at_us;
	h->start_us[h->current % HZ_HLS_SEGMENTS] = at_us;
	h->broken[h->current % HZ_HLS_SEGMENTS] = discontinuity;
	if (discontinuity) {
		h->last_break_us = at_us;
		h->stats.discontinuities++;
	}
	for (unsigned i = 0; i < h->tracks; i++)
		hz_hls_output_open(h, &h->track[i]);
	hz_hls_expire(h);
}

// How long ago the segment ended.
static int64_t age(const struct hz_hls *h, uint64_t sequence)
{
	return h->segment_at - h->start_us[(sequence + 1) % HZ_HLS_SEGMENTS];
}

void hz_hls_expire(struct hz_hls *h)
{
	// 6.2.2: never shorter than three target durations
	while (h->current - h->first_listed > 3 && age(h, h->first_listed) >= h->with.window_us) {
		h->breaks_before += h->broken[h->first_listed % HZ_HLS_SEGMENTS];
		h->first_listed++;
	}
	// 6.2.2: what was listed stays for as long as the longest playlist that listed it
	int64_t keep_us = 2 * (h->with.window_us + h->with.segment_us);
	while (h->first_kept < h->current &&
	       (age(h, h->first_kept) > keep_us || h->current - h->first_kept > HZ_HLS_SEGMENTS - 8)) {
		for (unsigned i = 0; i < h->tracks; i++)
			hz_hls_output_forget(h, &h->track[i], h->first_kept);
		if (h->first_listed == h->first_kept) {
			h->breaks_before += h->broken[h->first_listed % HZ_HLS_SEGMENTS];
			h->first_listed++;
		}
		h->first_kept++;
	}
	while (h->parts_from < h->current && age(h, h->parts_from) > 6 * h->with.segment_us) {
		for (unsigned i = 0; i < h->tracks; i++)
			hz_hls_output_forget_parts(h, &h->track[i], h->parts_from);
		h->parts_from++;
	}
}
