// From a client's SDP offer to media objects and the answer. Everything is checked before anything is changed.
// Thread: control's.
#ifndef HZ_GATEWAY_SESSION_OFFER_H
#define HZ_GATEWAY_SESSION_OFFER_H

#include "gateway/session/model.h"
#include "signaling/sdp/offer.h"

enum hz_line_use { HZ_LINE_IDLE, HZ_LINE_REJECT, HZ_LINE_PUBLISH, HZ_LINE_SLOT };

// What one m-line of the offer is for.
struct hz_line {
	uint8_t use; // enum hz_line_use
	uint8_t source;
	bool muted;
	uint8_t nth;               // WHEP slots
	const char *label, *group; // borrowed; NULL: none
};

struct hz_plan {
	struct hz_line line[HZ_SDP_MAX_MEDIA]; // parallel to offer->media
	uint8_t kind;                          // enum hz_peer_kind
	const char *source;                    // WHEP, else ""
	const char *viewer;                    // of a broadcast: the subject of its token; else NULL
};

enum hz_offer_code {
	HZ_OFFER_OK = 0,
	HZ_OFFER_SOURCE_TAKEN, // two publish the same source: `line`
	HZ_OFFER_TRACKS,       // limits
	HZ_OFFER_SLOTS,
	HZ_OFFER_PEERS,
	HZ_OFFER_FAILED, // out of memory
};

struct hz_offer_result {
	enum hz_offer_code code;
	unsigned line;        // at fault
	struct hz_peer *peer; // on success
	char *sdp;            // on success: malloc'd answer
	bool later;           // on success: sdp has to wait for candidates (gather.h)
};

// peer: the one to renegotiate, NULL: a new one. It is replaced by a new one when the offer is of another
// RTCPeerConnection. Sets media objects, writes them and queues the commands.
void hz_offer_apply(struct hz_brain *brain, struct hz_participant *p, struct hz_peer *peer,
                    const struct hz_sdp_offer *offer, const struct hz_plan *plan,
                    struct hz_offer_result *ret);

// The candidates of a worker, for answers. Returns how many.
unsigned hz_offer_candidates(const struct hz_brain *brain, unsigned worker,
                             struct hz_sdp_candidate ret[HZ_SDP_MAX_CANDIDATES]);

#endif
