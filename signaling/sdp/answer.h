// The gateway's SDP answer: ICE-lite or full ICE, setup:passive, BUNDLE, rtcp-mux, all candidates inline.
// Thread: any; no global state.
#ifndef HZ_SIGNALING_SDP_ANSWER_H
#define HZ_SIGNALING_SDP_ANSWER_H

#include "signaling/sdp/offer.h"

// The answer to one m-line. All zero: rejected (port 0). HZ_SDP_OTHER and offered-as-rejected m-lines must be
// so.
struct hz_sdp_answer_media {
	bool accept;
	enum hz_sdp_direction
	    direction;                // ours: RECVONLY for what they send, SENDONLY for a slot, or INACTIVE
	uint8_t codec_count;          // 1..HZ_MAX_CODECS when accepted
	uint8_t codec[HZ_MAX_CODECS]; // indices into the offered m-line's codec[], best first
	bool simulcast;               // RECVONLY: take all offered rids
	unsigned
	    opus_max_bps;  // RECVONLY: what Opus may take on average (RFC 7587 section 6.1); 0: as it likes
	unsigned ptime_ms; // RECVONLY: sound in one packet (RFC 8866 section 6.4); 0: as it likes

	// For SENDONLY and SENDRECV:
	uint32_t ssrc;      // 0: tell none
	uint32_t rtx_ssrc;  // 0: no RTX
	const char *cname;  // required with ssrc; visible ASCII, as stream and track
	const char *stream; // msid; NULL: none
	const char *track;  // msid appdata; NULL: none. (stream, track) is used once in an answer
};

struct hz_sdp_answer_params {
	uint64_t session_id;                       // one per PeerConnection, below 2^62
	uint64_t session_version;                  // counted up with every answer
	const char *ufrag, *pwd;                   // ours
	const uint8_t *fingerprint;                // HZ_FINGERPRINT_BYTES, SHA-256 of our certificate
	const struct hz_sdp_candidate *candidates; // best first
	unsigned candidate_count;                  // 1..HZ_SDP_MAX_CANDIDATES; 0 with `full`
	bool full; // not ICE-lite. Candidates may come later: hz_sdp_add_candidates() (candidate.h)
	const struct hz_sdp_answer_media *media; // one for each m-line of the offer, in its order
	unsigned media_count;                    // = offer->media_count
};

// Writes the answer. Header extensions: all of the offered media's `ext`, under the offer's ids. rtcp-fb:
// what the offer had of nack, nack pli, ccm fir, transport-cc; goog-remb only when transport-cc was not
// offered. -EINVAL when params do not fit the offer (accepting what was rejected, a direction that the offer
// does not allow, no codec, no candidate), -ENOMEM. *ret is freed by the caller with free().
int hz_sdp_build_answer(const struct hz_sdp_offer *offer, const struct hz_sdp_answer_params *params,
                        char **ret);

#endif
