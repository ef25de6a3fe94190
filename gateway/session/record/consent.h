// Whether a participant may be recorded: asked in plain words, remembered in the store before anything is tapped, changed
// at any time. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_RECORD_CONSENT_H
#define HZ_GATEWAY_SESSION_RECORD_CONSENT_H

#include <jansson.h>

#include "gateway/session/model.h"

struct hz_consent_answer {
	bool given;
	const char *wording, *language; // what was shown; "": nothing (a token's word)
	const char *source;             // "person" or "token"
};

const char *hz_consent_name(uint8_t consent); // "given"

// What the store knows of p from before. -errno of the store: p is as if never asked.
int hz_consent_load(struct hz_brain *brain, struct hz_participant *p);

// Yes: durable on return, then it may be tapped. -errno of the store or -ENOSPC: nothing was changed.
// No (after a yes: withdrawn): the worker's marks are cleared and sent before anything else; 0 also when the store fails,
// which is tried again. The same answer again changes nothing.
int hz_consent_set(struct hz_brain *brain, struct hz_participant *p, const struct hz_consent_answer *answer);

// What p answered last, as the event `consent` tells it, with when it was said; a new reference.
json_t *hz_consent_detail(struct hz_brain *brain, const struct hz_participant *p);

// params of join's consent or of consent.set, checked by their schema.
struct hz_consent_answer hz_consent_of_json(const json_t *json);

// Writes what the store did not take.
void hz_consent_retry(struct hz_brain *brain, struct hz_participant *p);

// SHA-256 in hexadecimal of our wording of this version and language; "" when it is not ours.
void hz_consent_hash(const char *wording, const char *language, char ret[65]);

#endif
