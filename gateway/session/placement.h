// Which worker a peer lives on. A consult has a home, chosen by load when its first peer comes; later ones join it
// there until the home serves so many subscriptions that a core may not do more (media.spread_subscriptions): then new
// peers go to other workers, and media reaches them by relay (relay.h). Nobody is ever moved. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_PLACEMENT_H
#define HZ_GATEWAY_SESSION_PLACEMENT_H

#include "gateway/session/model.h"

#define HZ_SPREAD_DEFAULT 1000 // subscriptions of one worker

// True if this worker can take so many more.
bool hz_place_room(const struct hz_brain *brain, unsigned worker, unsigned tracks, unsigned subs);

// For a consult's next peer. spare: how many more a worker must have room for. -ENOSPC: none has, with everything that one
// may ask for.
int hz_place_peer(const struct hz_brain *brain, const struct hz_consult *consult, unsigned spare,
                  unsigned *ret);

#endif
