#include "media/cc/share.h"

#include <string.h>

void hz_share_ask(struct hz_share *s, int64_t for_us, int64_t now_us)
{
	if (for_us > HZ_SHARE_MAX_US)
		for_us = HZ_SHARE_MAX_US;
	if (now_us + for_us > s->until_us)
		s->until_us = now_us + for_us;
}

static uint32_t wanted(uint32_t bps)
{
	uint32_t share = (uint32_t)((uint64_t)bps * HZ_SHARE_PERCENT / 100);
	if (share < HZ_SHARE_LEAST_BPS)
		return HZ_SHARE_LEAST_BPS;
	return share > HZ_SHARE_MOST_BPS ? HZ_SHARE_MOST_BPS : share;
}

// The estimate sees only what images leave: it may fall by as much as they take before the link is thought to be smaller.
static void follow(struct hz_share *s, uint32_t target_bps)
{
	uint64_t most = (uint64_t)target_bps + s->bps;
	if (s->base_bps < target_bps)
		s->base_bps = target_bps;
	else if (s->base_bps > most)
		s->base_bps = (uint32_t)most;
}

uint64_t hz_share_round(struct hz_share *s, const struct hz_share_in *in)
{
	uint64_t room = in->target_bps > in->audio_bps ? in->target_bps - in->audio_bps : 0;
	if (in->now_us >= s->until_us) {
		memset(s, 0, sizeof(*s));
		return room;
	}
	if (!s->since_us) {
		s->since_us = in->now_us;
		s->base_bps = in->target_bps;
	}
	follow(s, in->target_bps);
	uint64_t whole = s->base_bps - (in->target_bps - room), share = wanted(s->base_bps);
	uint64_t video = whole > share ? whole - share : 0;
	uint64_t margin = room > share / 4 ? room - share / 4 : 0; // of an estimate that fell, too
	if (video > margin)
		video = margin;
	if (video < in->least_bps)
		video = in->least_bps < room ? in->least_bps : room;
	s->bps = whole - video < HZ_SHARE_LEAST_BPS ? 0 : (uint32_t)(whole - video);
	if (s->bps > share)
		s->bps = (uint32_t)share;
	bool fits = in->sending_bps <= in->audio_bps + video;
	s->ready = s->ready || fits || in->now_us - s->since_us >= HZ_SHARE_WAIT_US;
	return video;
}
