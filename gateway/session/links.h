// Join links: making one, and what state it is in. Thread: the caller's.
#ifndef HZ_GATEWAY_SESSION_LINKS_H
#define HZ_GATEWAY_SESSION_LINKS_H

#include "gateway/session/model.h"
#include "gateway/store/links.h"

#define HZ_LINK_CODE_CHARS 22
#define HZ_LINK_TTL_S      86400
#define HZ_LINK_TTL_MIN_S  60
#define HZ_LINK_TTL_MAX_S  31536000
#define HZ_LINK_ID_BYTES   17

struct hz_link_made {
	char id[HZ_LINK_ID_BYTES];
	char code[HZ_LINK_CODE_CHARS + 1]; // nowhere else: the store has its hash
	int64_t expires_ms;
};

struct hz_link_wish {
	const char *consult; // "" only where the role may lack one
	const char *role, *name;
	int64_t ttl_s;
	bool single_use;
};

// Writes a link; the caller commits. -errno of the store.
int hz_link_make(struct hz_store *store, const struct hz_link_wish *wish, int64_t now_ms,
                 struct hz_link_made *ret);

// Of a reusable link that is full: the oldest redemption goes of whom nobody has seen, neither in the consult nor watching its
// broadcast now; the caller commits. -ENOSPC: all came in, or it is a link to the console; -ENOMEM, -errno of the store.
int hz_link_make_room(struct hz_brain *brain, const char *id, const char *consult);

// "open" "used" "expired" "revoked"
const char *hz_link_state(const struct hz_link_row *row, int64_t now_ms);

#endif
