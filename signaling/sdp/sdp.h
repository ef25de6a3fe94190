// The words that offers and answers share: bounds, directions, candidates. (RFC 8866, RFC 8829 JSEP)
#ifndef HZ_SIGNALING_SDP_SDP_H
#define HZ_SIGNALING_SDP_SDP_H

#include <stdbool.h>
#include <stdint.h>

#include "media/api.h"

#define HZ_SDP_MAX_BYTES      (128 * 1024) // of an offer; more is -EMSGSIZE
#define HZ_SDP_MAX_MEDIA      64           // m-lines of an offer, rejected ones included; more is -EINVAL
#define HZ_SDP_MAX_CODECS     16  // known payload types kept of one m-line, further ones are left out
#define HZ_SDP_MAX_CANDIDATES 16  // of our answer
#define HZ_SDP_FMTP_BYTES     256 // with NUL
#define HZ_SDP_ID_BYTES       80  // msid stream, msid track, cname; with NUL
#define HZ_SDP_REASON_BYTES   128 // with NUL

// Bits: what the endpoint that wrote the SDP does.
enum hz_sdp_direction {
	HZ_SDP_INACTIVE = 0,
	HZ_SDP_SENDONLY = 1,
	HZ_SDP_RECVONLY = 2,
	HZ_SDP_SENDRECV = 3,
};

// "inactive", "sendonly", ...
const char *hz_sdp_direction_name(enum hz_sdp_direction direction);

// A candidate of ours, component 1.
struct hz_sdp_candidate {
	char address[INET6_ADDRSTRLEN]; // numeric, no brackets
	uint16_t port;
	bool tcp;     // passive (RFC 6544); stands behind all UDP ones
	uint8_t type; // enum hz_candidate_type
};

#endif
