// Peers that the worker reaches by full ICE agents (ice.agent: full): their candidates are known only after the agents
// have gathered, and answers carry them all, so an answer waits for them: until the worker says that no more will come,
// HZ_GATHER_US at the longest. The memory of a peer's candidates ends with this process; an answer that restarts
// nothing is then given without, which changes nothing for the client. Thread: one.
#ifndef HZ_GATEWAY_SESSION_ICE_GATHER_H
#define HZ_GATEWAY_SESSION_ICE_GATHER_H

#include "gateway/session/model.h"
#include "signaling/protocol/rpc.h"
#include "signaling/server/http.h"

#define HZ_GATHER_US 1000000

bool hz_gather_is_full(const struct hz_peer *peer);

// After hz_peer_set() of new credentials: new agents.
void hz_gather_begin(struct hz_brain *brain, struct hz_peer *peer);

// Candidates of the client, of the newest generation.
void hz_gather_remote(struct hz_brain *brain, struct hz_peer *peer, const struct hz_candidate *list,
                      unsigned count);

// Completes an answer with what is known (*sdp is replaced), or *ret_later: it has to wait. 0, -ENOMEM.
int hz_gather_fill(struct hz_peer *peer, char **sdp, bool *ret_later);

// The answer sdp to req of this connection leaves when it is complete. Takes sdp.
void hz_gather_wait_call(struct hz_brain *brain, struct hz_peer *peer, struct hz_conn *conn,
                         const struct hz_rpc_request *req, char *sdp);
// The same for a response, which is held: sdp as its body, or with NULL the fragment that answers a restart. -ENOMEM.
int hz_gather_wait_response(struct hz_brain *brain, struct hz_peer *peer, struct hz_response *res,
                            const char *type, char *sdp);

void hz_gather_on_local(struct hz_brain *brain, unsigned worker, const struct hz_ev_agent_local *ev);
int64_t hz_gather_due(struct hz_brain *brain); // answers those whose time is over; when the next one's is
void hz_gather_forget(struct hz_brain *brain, struct hz_peer *peer); // it ends
void hz_gather_conn_gone(struct hz_brain *brain, const struct hz_conn *conn);

#endif
