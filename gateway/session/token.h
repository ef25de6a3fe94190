// Is this token good here and now? Thread: control's.
#ifndef HZ_GATEWAY_SESSION_TOKEN_H
#define HZ_GATEWAY_SESSION_TOKEN_H

#include "gateway/session/model.h"

// Signature, time and claims. 0; -EACCES, counted by its reason.
int hz_token_verify(struct hz_brain *brain, const char *token, struct hz_claims *ret);

// May its subject be in this consult: a participant that was removed needs a token issued later, a single-use token must
// be unused. Consumes nothing. 0; -EACCES; -errno of the store.
int hz_token_check(struct hz_brain *brain, const struct hz_claims *claims, const char *consult);

// Uses a single-use token up, durable on return; others: 0. -EACCES: it was used before; -errno of the store.
int hz_token_use(struct hz_brain *brain, const struct hz_claims *claims);

// The consult of the claims, made when they carry `create`. -EACCES (none, closed, or may not be made), -ENOSPC, -EBUSY,
// -errno of the store.
int hz_token_consult(struct hz_brain *brain, const struct hz_claims *claims, struct hz_consult **ret);

#endif
