// Shared by the answer and the ICE-restart fragment. For this folder only.
#ifndef HZ_SIGNALING_SDP_ANSWER_INTERNAL_H
#define HZ_SIGNALING_SDP_ANSWER_INTERNAL_H

#include "signaling/sdp/answer.h"

#define HZ_SDP_CANDIDATE_TEXT_BYTES 128

// "1 1 udp 2130706431 192.0.2.1 20000 typ host": the value of a=candidate; "... typ host tcptype passive" for TCP.
void hz_sdp_candidate_text(const struct hz_sdp_candidate *candidates, unsigned index,
                           char ret[HZ_SDP_CANDIDATE_TEXT_BYTES]);

// Numeric address, and a port.
bool hz_sdp_candidate_ok(const struct hz_sdp_candidate *candidate);

// Credentials and candidates of params are usable.
bool hz_sdp_params_transport_ok(const struct hz_sdp_answer_params *params);

// The first accepted m-line, or NULL.
const struct hz_sdp_media *hz_sdp_first_accepted(const struct hz_sdp_offer *offer,
                                                 const struct hz_sdp_answer_params *params);

#endif
