// Runtime state in the store: media objects and chat. Errors as in store.h.
#ifndef HZ_GATEWAY_STORE_RUNTIME_H
#define HZ_GATEWAY_STORE_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/store/store.h"

#define HZ_STORE_CHAT_KEEP 200 // of one consult

// A media object as a worker was told it: the bytes of its hz_cmd_*_set, and what control knows beside them.
enum hz_media_kind { HZ_MEDIA_PEER = 1, HZ_MEDIA_TRACK = 2, HZ_MEDIA_SUB = 3 };
struct hz_media_row {
	unsigned worker;
	uint8_t kind; // enum hz_media_kind
	uint32_t id;  // hz_id
	const char *consult, *participant;
	const void *cmd;
	size_t cmd_bytes;
	const char *meta; // JSON, gateway/session/persist.c
};
typedef bool hz_media_row_cb(void *arg, const struct hz_media_row *row); // false: stop
int hz_store_media_put(struct hz_store *store, const struct hz_media_row *row);
int hz_store_media_del(struct hz_store *store, unsigned worker, uint8_t kind, uint32_t id);
// Peers first, then tracks, then subs; in the order of their making.
int hz_store_media_all(struct hz_store *store, hz_media_row_cb *cb, void *arg);
// Forgets all sessions and media objects: the first step of writing everything anew.
int hz_store_runtime_clear(struct hz_store *store);

struct hz_chat_row {
	const char *consult, *from, *name, *text;
	int64_t seq, time_ms; // seq: given by the store
};
typedef bool hz_chat_row_cb(void *arg, const struct hz_chat_row *row); // false: stop
// Keeps the newest HZ_STORE_CHAT_KEEP of the consult.
int hz_store_chat_add(struct hz_store *store, const struct hz_chat_row *row, int64_t *ret_seq);
// Oldest first.
int hz_store_chat_list(struct hz_store *store, const char *consult, hz_chat_row_cb *cb, void *arg);

#endif
