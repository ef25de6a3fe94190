#include "gateway/session/links.h"

#include <string.h>

#include "gateway/base/secret.h"
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

const char *hz_link_state(const struct hz_link_row *row, int64_t now_ms)
{
	if (row->revoked_ms)
		return "revoked";
	if (row->expires_ms <= now_ms)
		return "expired";
	return row->single_use && row->redeemed_ms ? "used" : "open";
}
