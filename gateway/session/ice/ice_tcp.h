// ICE over TCP (RFC 6544): which peer does a connection to the HTTPS port belong to? Found by our ufrag, of which a peer
// has up to two: the newest, and the one before it during an ICE restart. Thread: one.
#ifndef HZ_GATEWAY_SESSION_ICE_ICE_TCP_H
#define HZ_GATEWAY_SESSION_ICE_ICE_TCP_H

#include "gateway/session/model.h"
#include "signaling/server/server.h"

// After the peer's credentials were set or changed; before it goes.
void hz_ice_tcp_register(struct hz_brain *brain, struct hz_peer *peer);
void hz_ice_tcp_forget(struct hz_brain *brain, struct hz_peer *peer);

// Hands a copy of the descriptor to the peer's worker. 0; -ENOENT nobody has that ufrag; -ENOSPC too many wait; -errno.
int hz_ice_tcp_accept(struct hz_brain *brain, const struct hz_ice_tcp *conn);

#endif
