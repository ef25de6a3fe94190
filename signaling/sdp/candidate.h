// Candidates of a full ICE agent of ours, which are known only some time after the rest of an answer. Thread: any; no
// global state.
#ifndef HZ_SIGNALING_SDP_CANDIDATE_H
#define HZ_SIGNALING_SDP_CANDIDATE_H

#include "signaling/sdp/sdp.h"

// "candidate:..." (without "a="; RFC 8839 section 5.1) of the other side. 0; -EINVAL malformed; -ENOTSUP full ICE has no
// use for it: TCP, another component than 1, an mDNS name.
int hz_sdp_take_candidate(const char *value, struct hz_candidate *ret);

// Puts them into an answer of hz_sdp_build_answer() that was built without. Those whose address or port makes no sense
// are left out. 0; -EINVAL no such answer; -ENOMEM. *ret: free().
int hz_sdp_add_candidates(const char *answer, const struct hz_sdp_candidate *candidates, unsigned count,
                          char **ret);

// The fragment that answers an ICE restart (RFC 9725 section 4.4.3). mid: of the m-line that carries the bundle.
int hz_sdp_restart_frag(const char *ufrag, const char *pwd, const char *mid,
                        const struct hz_sdp_candidate *candidates, unsigned count, char **ret);

// As the worker told it; UDP.
void hz_sdp_candidate_from(const struct hz_candidate *candidate, struct hz_sdp_candidate *ret);

#endif
