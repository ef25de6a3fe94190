// When is what a director was promised so everywhere? CUT, and masks that hide more: the workers have answered, and the delayed leg.
#include "gateway/base/log.h"
#include "gateway/session/brain.h"
#include "gateway/session/broadcast/broadcast_internal.h"
#include "gateway/session/broadcast/hls.h"
#include "gateway/link/media_link.h"
#include "gateway/session/push.h"

void hz_broadcast_ask(struct hz_brain *brain, struct hz_broadcast *b)
{
	for (unsigned i = 0; i < brain->workers; i++) {
		if (brain->worker[i].link)
			b->mark[i] = hz_media_link_mark(brain->worker[i].link);
	}
	brain->cut_due = true;
}

// Who refused something is told everything again: then nothing is left there that control does not want.
static bool answered(struct hz_brain *brain, const struct hz_broadcast *b)
{
	bool all = true;
	for (unsigned i = 0; i < brain->workers; i++) {
		struct hz_media_link *link = brain->worker[i].link;
		if (!link || hz_media_link_reached(link, b->mark[i]))
			continue;
		all = false;
		if (hz_media_link_doubtful(link))
			hz_media_link_repeat(link);
	}
	return all;
}

static bool cut_waits(const struct hz_broadcast *b)
{
	return b->cut && !b->confirmed_ms;
}

static bool masks_wait(const struct hz_broadcast *b)
{
	return b->mask_count && !b->masked_ms;
}

static void look(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_broadcast *b = consult->broadcast;
	if (cut_waits(b) && hz_hls_cut_holds(brain, consult)) {
		b->confirmed_ms = brain->wall_ms;
		hz_info("broadcast.cut", "consult=%s ms=%lld", consult->id,
		        (long long)(b->confirmed_ms - b->cut_ms));
		hz_push_state(brain, consult);
	}
	if (masks_wait(b) && hz_hls_clean_holds(brain, consult)) {
		b->masked_ms = brain->wall_ms;
		hz_info("broadcast.masked", "consult=%s version=%u", consult->id, b->mask_version);
		hz_push_state(brain, consult);
	}
}

void hz_broadcast_turn(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	if (!brain->cut_due)
		return;
	brain->cut_due = false;
	while ((consult = hz_map_next(brain->consults, &at))) {
		const struct hz_broadcast *b = consult->broadcast;
		if (!b || !(cut_waits(b) || masks_wait(b)))
			continue;
		if (answered(brain, b))
			look(brain, consult);
		if (cut_waits(b) || masks_wait(b))
			brain->cut_due = true;
	}
}
