// What goes from the store to PACS: an object at a time to each, until the PACS says that it has it or that it does not take it. A PACS that
// does not answer is asked again 5 s to 5 min later, an object that it failed on 5 s to 1 h later, and after HZ_FORWARD_TRIES or
// HZ_FORWARD_DAYS no more. All of it is in the store's rows: whoever dies, it goes on; sending twice is harmless. Thread: one.
#ifndef HZ_MEDIA_STUDIES_FORWARD_H
#define HZ_MEDIA_STUDIES_FORWARD_H

#include <stdio.h>

#include "media/studies/api.h"
#include "media/studies/store.h"

#define HZ_FORWARD_TRIES 24
#define HZ_FORWARD_DAYS  30

struct hz_forward;
// fd is borrowed. -errno: it is not on its way.
typedef int hz_forward_send_cb(void *ctx, const struct hz_dweb_send *send, int fd);

int hz_forward_new(struct hz_local *local, hz_forward_send_cb *send, void *ctx,
                   struct hz_forward **ret);      // -ENOMEM
void hz_forward_free(struct hz_forward *forward); // NULL allowed

// A study by hand; at once, also where its PACS was away. -ENOENT, -EIO.
int hz_forward_order(struct hz_forward *forward, const char *study, const char *pacs, int64_t now_ms);
void hz_forward_sent(struct hz_forward *forward, const struct hz_dweb_sent *sent, int64_t now_ms);
void hz_forward_again(struct hz_forward *forward);                // who knew of what is under way is gone
void hz_forward_tick(struct hz_forward *forward, int64_t now_ms); // each second or so
void hz_forward_sum(struct hz_forward *forward, struct hz_local_status *ret);
// {"items":[{"pacs","state","waiting","forwarded","refused","reason"}]} of a study. -EIO
int hz_forward_say(struct hz_local *local, const char *study, FILE *out);

#endif
