#include "gateway/session/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/map.h"
#include "gateway/base/secret.h"
#include "gateway/session/broadcast/audience.h"
#include "signaling/auth/digest.h"

int hz_link_make(struct hz_store *store, const struct hz_link_wish *wish, int64_t now_ms,
                 struct hz_link_made *ret)
{
	struct hz_link_made made = {.id = "l"};
	hz_random_text(made.id + 1, HZ_LINK_ID_BYTES - 2);
	hz_random_text(made.code, HZ_LINK_CODE_CHARS);
	made.expires_ms = now_ms + wish->ttl_s * 1000;
	struct hz_link_row row = {
	    .id = made.id,
	    .consult = wish->consult,
	    .role = wish->role,
	    .name = wish->name,
	    .single_use = wish->single_use,
	    .created_ms = now_ms,
	    .expires_ms = made.expires_ms,
	};
	hz_sha256(made.code, HZ_LINK_CODE_CHARS, row.code_hash);
	int err = hz_store_link_put(store, &row);
	if (!err)
		*ret = made;
	hz_wipe(&made, sizeof(made));
	return err;
}

// The oldest of `count` who is not watching.
static int forget_oldest(struct hz_brain *brain, const char *id, const struct hz_consult *consult,
                         char (*unseen)[HZ_STORE_ID_BYTES], unsigned count)
{
	struct hz_map *away = NULL; // they are many, and so are the viewers
	int err = hz_map_new(HZ_LINK_REDEMPTIONS_MAX, &away);
	for (unsigned i = 0; i < count && !err; i++)
		err = hz_map_set(away, unseen[i], unseen[i]);
	for (const struct hz_peer *peer = consult && consult->viewers ? consult->viewers->peers : NULL;
	     peer && !err; peer = peer->next)
		hz_map_del(away, peer->source);
	unsigned at = 0;
	while (at < count && !err &&
	       (!hz_map_get(away, unseen[at]) || (consult && hz_audience_plays(consult, unseen[at]))))
		at++;
	hz_map_free(away);
	if (err)
		return err;
	return at < count ? hz_store_link_forget(brain->store, id, unseen[at]) : -ENOSPC;
}

int hz_link_make_room(struct hz_brain *brain, const char *id, const char *consult)
{
	unsigned count = 0;
	if (!consult[0])
		return -ENOSPC; // staff, in many consults
	char(*unseen)[HZ_STORE_ID_BYTES] = calloc(HZ_LINK_REDEMPTIONS_MAX, sizeof(*unseen));
	if (!unseen)
		return -ENOMEM;
	int err = hz_store_link_unseen(brain->store, id, consult, unseen, &count);
	if (!err)
		err = forget_oldest(brain, id, hz_map_get(brain->consults, consult), unseen, count);
	free(unseen);
	return err;
}

const char *hz_link_state(const struct hz_link_row *row, int64_t now_ms)
{
	if (row->revoked_ms)
		return "revoked";
	if (row->expires_ms <= now_ms)
		return "expired";
	return row->single_use && row->redeemed_ms ? "used" : "open";
}
