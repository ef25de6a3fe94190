// Where a broadcast is sent on to: other people's platforms, over RTMP, RTMPS or SRT (docs/decisions/025-the-push.md). What is wanted is
// kept with the broadcast and ends with it; huizhen-push does it (media/ingest/api.h), one process a target, with what huizhen-hls
// lets out of its hold (media/push/outfeed.h). Thread: control's.
//
// Keys are secrets: sealed in the store (theatre.h), and in messages to huizhen-push; never in logs, answers, or the audit.
#ifndef HZ_GATEWAY_SESSION_BROADCAST_TARGETS_H
#define HZ_GATEWAY_SESSION_BROADCAST_TARGETS_H

#include <jansson.h>

#include "gateway/config.h"
#include "gateway/session/model.h"
#include "gateway/link/pipe_link.h"
#include "gateway/session/theatre.h"
#include "media/push/target.h"

#define HZ_TARGETS     4  // of a broadcast
#define HZ_TARGETS_ALL 32 // at work at once; one more waits

struct hz_target {
	uint32_t number; // its id, and that of media/ingest/api.h; 0: free
	bool enabled, unsaid;
	char url[HZ_TARGET_URL_BYTES], key[HZ_TARGET_KEY_BYTES];
	char by[HZ_ID_TEXT_BYTES]; // who set it last
	char sealed
	    [HZ_SEALED_BYTES]; // both, for the store: made once, a CUT needs no key. "": there is nothing to seal with
	struct hz_ingest_status status;
	int64_t since_ms; // of status.state
};

struct hz_consult_targets {
	struct hz_target target[HZ_TARGETS];
	int feed_fd;   // the ring, once somebody wants it; 0: none
	int read_fd;   // the same, for those who may only read it
	uint32_t feed; // its number
};

// brain->targets; fd: of huizhen-push, borrowed; -1: push.enabled is off. -ENOMEM.
int hz_targets_new(struct hz_brain *brain, int fd);
void hz_targets_free(struct hz_brain *brain);
void hz_targets_configure(struct hz_brain *brain,
                          const struct hz_config *config); // from push.*; also at a reload
void hz_targets_free_memory(struct hz_consult *consult);

// What a body says (schemas target.create and target.update, checked), on top of *wish. Another address takes its key along: who does
// not know the key cannot have it sent elsewhere. -EINVAL: *ret_wrong.
int hz_target_read(const json_t *body, struct hz_target *wish, struct hz_target_wrong *ret_wrong);
struct hz_target *hz_target_find(const struct hz_consult *consult, const char *id);
// Durable and audited on return. wish->number 0: a further one. -ENOENT: no broadcast; -ENOSPC; -ENOMEM; of the store: nothing changed.
int hz_target_put(struct hz_brain *brain, struct hz_consult *consult, const struct hz_target *wish,
                  const char *by, struct hz_target **ret);
int hz_target_remove(struct hz_brain *brain, struct hz_consult *consult, struct hz_target *target,
                     const char *by);
json_t *hz_target_json(const struct hz_brain *brain, const struct hz_consult *consult,
                       const struct hz_target *target);
json_t *hz_targets_json(const struct hz_brain *brain, const struct hz_consult *consult); // an array

// With keys: for the store alone. NULL: there are none, or no memory.
json_t *hz_targets_keep(const struct hz_consult *consult);
void hz_targets_load(struct hz_brain *brain, struct hz_consult *consult, const json_t *list);

// The ring that huizhen-hls fills for them: its number, 0: nobody wants it.
uint32_t hz_targets_feed(const struct hz_brain *brain, struct hz_consult *consult, int *ret_fd);
// The consult's delayed leg has begun, ended, or has another ring.
void hz_targets_touch(struct hz_brain *brain);

// --- targets_link.c

struct hz_targets_said {
	uint32_t number;
	char consult[HZ_ID_TEXT_BYTES];
};

struct hz_targets_link {
	struct hz_pipe_link pipe; // its fd -1: push.enabled is off
	struct hz_ingest_network network[HZ_INGEST_NETWORKS];
	uint8_t network_count;
	char ca[HZ_INGEST_FOLDER_BYTES];
	struct hz_targets_said said[HZ_TARGETS_ALL];
};

extern const struct hz_pipe_api hz_targets_kind; // ctx: the brain
int hz_targets_read(struct hz_brain *brain);     // -EPIPE: nobody is there any more
bool hz_target_at_work(const struct hz_consult *consult, const struct hz_target *target); // it is wanted now

#endif
