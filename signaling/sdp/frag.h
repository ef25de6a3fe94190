// SDP fragments of WHIP and WHEP PATCH requests: application/trickle-ice-sdpfrag (RFC 8840, RFC 9725
// section 4.4). As ICE-lite we learn the client's address from its checks: candidates matter to full ICE only. Thread: any; no global state.
#ifndef HZ_SIGNALING_SDP_FRAG_H
#define HZ_SIGNALING_SDP_FRAG_H

#include "signaling/sdp/answer.h"

#define HZ_SDP_FRAG_MAX_BYTES      (16 * 1024)
#define HZ_SDP_FRAG_MAX_CANDIDATES 64

struct hz_sdp_frag {
	char ufrag[HZ_UFRAG_BYTES]; // other than the session's: an ICE restart
	char pwd[HZ_PWD_BYTES];
	char mid[HZ_MID_BYTES];   // of the first m-line; "" when none
	unsigned candidate_count; // well-formed candidates seen
	unsigned usable_count;    // of them, that full ICE can use: the first ones are kept
	struct hz_candidate usable[HZ_MAX_CANDIDATES];
	bool end_of_candidates;
};

// -EMSGSIZE, or -EINVAL with a reason as in hz_sdp_parse_offer().
int hz_sdp_parse_frag(const char *body, size_t bytes, char ret_reason[HZ_SDP_REASON_BYTES],
                      struct hz_sdp_frag *ret);

// Our fragment answering an ICE restart. Uses ufrag, pwd and candidates of params; the first accepted m-line
// of params->media and its mid come from the offer of the session. *ret: free().
int hz_sdp_build_frag(const struct hz_sdp_offer *offer, const struct hz_sdp_answer_params *params,
                      char **ret);

#endif
