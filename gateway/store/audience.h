// What the audience of a broadcast said, what became of it, and its poster: durable as the records are. Errors as in store.h.
#ifndef HZ_GATEWAY_STORE_AUDIENCE_H
#define HZ_GATEWAY_STORE_AUDIENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/store/store.h"

// Of one consult; the oldest go first. Those that viewers may see are counted apart from all others, which anybody can make.
#define HZ_STORE_AUDIENCE_MESSAGES 10000

// settings: JSON, as gateway/session/broadcast/audience_json.c made it.
int hz_store_audience_put(struct hz_store *store, const char *consult, const char *settings);
typedef bool hz_audience_row_cb(void *arg, const char *consult, const char *settings); // false: stop
// Of open consults.
int hz_store_audience_all(struct hz_store *store, hz_audience_row_cb *cb, void *arg);

struct hz_audience_message_row {
	const char *consult, *sender, *name, *text, *answer;
	const char *by, *role; // the participant who decided last, and his role; "": nobody yet
	int64_t seq;           // given by the store
	int64_t time_ms, decided_ms;
	uint8_t kind, state; // enums of gateway/session/broadcast/audience.h
};
typedef bool hz_audience_message_cb(void *arg, const struct hz_audience_message_row *row); // false: stop

int hz_store_audience_message_add(struct hz_store *store, const struct hz_audience_message_row *row,
                                  int64_t *ret_seq);
// What was decided of seq: state, answer, by, role, decided_ms.
int hz_store_audience_message_decide(struct hz_store *store, const struct hz_audience_message_row *row);
// Oldest first, behind `after`, at most `limit`.
int hz_store_audience_message_list(struct hz_store *store, const char *consult, int64_t after, unsigned limit,
                                   hz_audience_message_cb *cb, void *arg);
int hz_store_audience_message_last(struct hz_store *store, const char *consult, int64_t *ret_seq); // 0: none

// Settings, messages and poster of a consult.
int hz_store_audience_erase(struct hz_store *store, const char *consult, int64_t *ret_messages);
// A consult that was closed before then and has any of them. -ENOENT: there is none.
int hz_store_audience_expired(struct hz_store *store, int64_t before_ms, char *ret_consult, size_t bytes);

// type: "image/png" and the like. image NULL: there is none any more.
int hz_store_audience_poster_put(struct hz_store *store, const char *consult, const char *type,
                                 const void *image, size_t bytes);
typedef void hz_audience_poster_cb(void *arg, const char *type, const void *image, size_t bytes);
// -ENOENT.
int hz_store_audience_poster_get(struct hz_store *store, const char *consult, hz_audience_poster_cb *cb,
                                 void *arg);

#endif
