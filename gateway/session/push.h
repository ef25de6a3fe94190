// What control tells clients by itself. `state` pushes are put together per consult and sent at most 20 times a second
// (less often in large consults); the others leave at once. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_PUSH_H
#define HZ_GATEWAY_SESSION_PUSH_H

#include <jansson.h>

#include "gateway/session/model.h"
#include "signaling/protocol/rpc.h"

// Something that everybody may know has changed.
void hz_push_state(struct hz_brain *brain, struct hz_consult *consult);
// The same, and who gets what (the mix, pictures, codecs) is counted anew first.
void hz_push_recount(struct hz_brain *brain, struct hz_consult *consult);

// Sends what is due. Returns when the next one is (now_us scale), INT64_MAX: none waits.
int64_t hz_push_due(struct hz_brain *brain);

// The `state` of one participant now: a new reference, NULL when out of memory.
json_t *hz_state_json(struct hz_brain *brain, const struct hz_participant *p);
// One entry of the roster; with_tracks false for the lobby.
json_t *hz_participant_json(struct hz_brain *brain, const struct hz_participant *p, bool waiting);

// Takes over the reference to params.
void hz_push_one(struct hz_brain *brain, const struct hz_participant *p, enum hz_rpc_push push,
                 json_t *params);
// To everyone admitted who has all of these grants (0: everyone).
void hz_push_admitted(struct hz_brain *brain, const struct hz_consult *consult, uint32_t grants,
                      enum hz_rpc_push push, json_t *params);

void hz_push_bell(struct hz_brain *brain, const struct hz_participant *p);
void hz_push_end(struct hz_brain *brain, const struct hz_participant *p, const char *reason);
void hz_push_renegotiate(struct hz_brain *brain, const struct hz_participant *p, const char *reason);
void hz_push_closing(struct hz_brain *brain, unsigned retry_ms);
// The newest messages that fit half of a socket's queue.
void hz_push_chat_history(struct hz_brain *brain, const struct hz_participant *p);

#endif
