// What each receiving m-line shows. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_SLOTS_H
#define HZ_GATEWAY_SESSION_SLOTS_H

#include "gateway/session/model.h"

// True if p may be shown this track: same consult, publisher admitted, p admitted with the grant, not its own.
bool hz_slot_may_show(const struct hz_participant *p, const struct hz_track *track);

struct hz_slot *hz_slot_by_mid(const struct hz_peer *peer, const char *mid);

// After tracks or people came or went: WHEP slots follow their source.
void hz_slots_follow(struct hz_brain *brain, struct hz_consult *consult);

// The nth track of a kind that a participant publishes; NULL: none. Cameras before screens before the rest.
struct hz_track *hz_track_nth(const struct hz_participant *p, uint8_t kind, unsigned nth);

#endif
