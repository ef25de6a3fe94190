// What is known of masks outside of a running broadcast: what the next one of a consult begins with, and profiles that changed while
// nobody could follow them. docs/decisions/023-masks.md.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/broadcast/broadcast_internal.h"
#include "gateway/session/brain.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/broadcast/profiles.h"

// --- from one broadcast to the next

// That it shows nobody was said of one broadcast, in which somebody looked: it is said anew. So is what holds for the studies on a table.
static bool worth_keeping(const struct hz_masks *m)
{
	return (m->count || m->identified) && strcmp(m->of.participant, HZ_TABLE) != 0;
}

int hz_masks_keep(const struct hz_broadcast *b, struct hz_broadcast **ret)
{
	struct hz_broadcast *kept = calloc(1, sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	kept->ended = true;
	kept->mask_version = b->mask_version;
	for (unsigned i = 0; i < b->mask_count; i++) {
		if (worth_keeping(&b->masks[i]))
			kept->masks[kept->mask_count++] = b->masks[i];
	}
	if (!kept->mask_count) {
		free(kept);
		kept = NULL;
	}
	*ret = kept;
	return 0;
}

int hz_masks_restore(struct hz_brain *brain, const struct hz_broadcast *kept, struct hz_broadcast *fresh)
{
	int err = 0;
	fresh->mask_version = kept->mask_version;
	fresh->mask_count = kept->mask_count;
	memcpy(fresh->masks, kept->masks, sizeof(fresh->masks));
	for (unsigned i = 0; i < fresh->mask_count && !err; i++) {
		bool changed;
		err = hz_masks_adopt_current(brain, &fresh->masks[i], &changed);
		hz_masks_number(
		    fresh, &fresh->masks[i]); // of the broadcast before something may still be on its way
	}
	return err;
}

// --- profiles

int hz_masks_adopt_current(struct hz_brain *brain, struct hz_masks *m, bool *ret_changed)
{
	struct hz_profile profile;
	*ret_changed = false;
	int err = m->profile[0] ? hz_profile_get(brain, m->profile, &profile) : -ENOENT;
	if (!err)
		*ret_changed = hz_masks_adopt(m, &profile);
	return err == -ENOENT ? 0 : err; // who named one that was removed keeps its regions
}

// Before any media object is there: in force with the first word to the workers.
static int settle_loaded(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_broadcast *b = consult->broadcast;
	bool any = false;
	int err = 0;
	for (unsigned i = 0; i < b->mask_count && !err; i++) {
		bool changed;
		err = hz_masks_adopt_current(brain, &b->masks[i], &changed);
		if (changed)
			hz_masks_number(b, &b->masks[i]);
		any |= changed;
	}
	if (err || !any)
		return err;
	if (b->beside.count)
		hz_masks_renew(b);
	b->clean = b->mask_version;
	if (!hz_air_good(b))
		hz_air_set(b, NULL);
	return hz_broadcast_note(brain, consult, b, "", "masks",
	                         json_pack("{s:o}", "sources", hz_masks_json(b)));
}

int hz_masks_settle_loaded(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	int err = 0;
	while (!err && (consult = hz_map_next(brain->consults, &at))) {
		if (consult->broadcast)
			err = settle_loaded(brain, consult);
	}
	return err;
}

static int settle(struct hz_brain *brain, struct hz_consult *consult)
{
	int err = 0;
	for (unsigned i = 0; i < consult->broadcast->mask_count && !err; i++) {
		struct hz_masks m = consult->broadcast->masks[i];
		bool changed;
		err = hz_masks_adopt_current(brain, &m, &changed);
		if (!err && changed)
			err = hz_masks_set(brain, consult, &m, "");
	}
	return err;
}

void hz_masks_settle(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	if (!brain->profiles_due)
		return;
	brain->profiles_due = false;
	while ((consult = hz_map_next(brain->consults, &at))) {
		int err = consult->broadcast ? settle(brain, consult) : 0;
		if (!err)
			continue;
		brain->profiles_due = true;
		hz_warn("masks.profile", "consult=%s err=%d", consult->id, -err);
	}
}
