// The JSON beside the command bytes of a media object, and the state of a participant, as kept in the store.
#ifndef HZ_GATEWAY_SESSION_PERSIST_JSON_H
#define HZ_GATEWAY_SESSION_PERSIST_JSON_H

#include <jansson.h>

#include "gateway/session/model.h"

// New references; NULL when out of memory.
json_t *hz_peer_to_json(const struct hz_peer *peer);
json_t *hz_track_to_json(const struct hz_track *track);
json_t *hz_slot_to_json(const struct hz_slot *slot);
json_t *hz_relay_of_to_json(const struct hz_track *relay); // instead of hz_track_to_json()
json_t *hz_participant_to_json(const struct hz_participant *p);

// Fill the fields that are there. -EINVAL: not what we write.
int hz_peer_from_json(const char *text, struct hz_peer *peer);
int hz_track_from_json(const char *text, struct hz_track *track);
int hz_slot_from_json(const char *text, struct hz_slot *slot);
int hz_relay_of_from_json(const char *text, hz_id *ret);
int hz_participant_from_json(const char *text, struct hz_participant *p);

#endif
