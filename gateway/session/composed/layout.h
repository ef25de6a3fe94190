// How the composed picture of a consult is laid out: by itself, or as a host says. Kept with the consult, over restarts and also
// while nobody watches a composed picture; everybody inside is told with the state. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_COMPOSED_LAYOUT_H
#define HZ_GATEWAY_SESSION_COMPOSED_LAYOUT_H

#include <jansson.h>

#include "gateway/session/model.h"

#define HZ_LAYOUT_TEXT_BYTES (16 + HZ_ID_TEXT_BYTES)

// What a body says (schemas layout.put and layout.set, checked). -EINVAL: the focus is no id.
int hz_layout_parse(const json_t *body, struct hz_layout *ret);
json_t *hz_layout_json(const struct hz_layout *layout);

// As the store keeps it: "mode focus". What makes no sense is read as automatic.
void hz_layout_to_text(const struct hz_layout *layout, char ret[HZ_LAYOUT_TEXT_BYTES]);
void hz_layout_from_text(const char *text, struct hz_layout *ret);

// Durable on return. by: the participant, for the log. Errors of the store: nothing was changed.
int hz_layout_put(struct hz_brain *brain, struct hz_consult *consult, const struct hz_layout *wish,
                  const char *by);

#endif
