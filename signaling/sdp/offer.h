// A client's SDP offer as a plain structure. The gateway always answers, so this is the only SDP it reads.
// Refused as a whole: anything but BUNDLE + rtcp-mux + DTLS with a sha-256 fingerprint and setup actpass or
// active. Left out silently: codecs, header extensions and attributes that we do not know. Thread: any; no
// global state.
#ifndef HZ_SIGNALING_SDP_OFFER_H
#define HZ_SIGNALING_SDP_OFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "signaling/sdp/sdp.h"

enum hz_sdp_kind {
	HZ_SDP_AUDIO = HZ_KIND_AUDIO,
	HZ_SDP_VIDEO = HZ_KIND_VIDEO,
	HZ_SDP_OTHER = 3, // application (data channels), text, ...: always answered with port 0
};

// One payload type that we know. RTX payload types are folded into pt.rtx_pt.
struct hz_sdp_codec {
	struct hz_pt pt; // pt, rtx_pt, codec, HZ_PT_* flags from a=rtcp-fb (also those of pt "*")
	uint32_t clock_hz;
	uint8_t channels;                  // audio; 0 for video
	bool stereo, useinbandfec, usedtx; // Opus
	char fmtp[HZ_SDP_FMTP_BYTES];      // the offered parameters, without the sprop-* ones; "" when none
};

struct hz_sdp_media {
	enum hz_sdp_kind kind;
	char other_kind[16]; // HZ_SDP_OTHER: "application", "text", ...
	bool rejected; // port 0 without a=bundle-only, or an m-line we never take: answer must reject it
	enum hz_sdp_direction direction; // effective; the offerer's view. HZ_SDP_INACTIVE when rejected
	char mid[HZ_MID_BYTES];          // "" only in an offer with one m-line, or when rejected
	char proto[24];                  // repeated in the answer
	char formats[256]; // the offered m-line's formats, cut to whole words: repeated when rejecting
	bool rtcp_rsize;
	bool rcvr_rtt;           // rtcp-xr:rcvr-rtt=all (RFC 3611 5.1): may ask for its round trip
	bool extmap_allow_mixed; // media or session level

	unsigned codec_count;                         // 0: nothing in common; reject it
	struct hz_sdp_codec codec[HZ_SDP_MAX_CODECS]; // in the offer's order of preference
	struct hz_ext_ids
	    ext; // what we support, as usable in this m-line's direction: hand it to the worker as is
	uint8_t
	    ext_direction[sizeof(struct hz_ext_ids)]; // enum hz_sdp_direction, parallel to the fields of ext

	unsigned ssrc_count; // 0: not told. More than 1 only with legacy ssrc-group SIM
	uint32_t ssrc[HZ_MAX_LAYERS];
	uint32_t rtx_ssrc[HZ_MAX_LAYERS]; // by ssrc-group FID; 0: none
	char cname[HZ_SDP_ID_BYTES];      // "" when not told
	char stream[HZ_SDP_ID_BYTES];     // a=msid, or ssrc-level msid; "" when not told or "-"
	char track[HZ_SDP_ID_BYTES];

	unsigned
	    rid_count; // a=simulcast:send; 0: no simulcast. In the offer's order, first alternative of each
	char rid[HZ_MAX_LAYERS][HZ_RID_BYTES];
	bool rid_paused[HZ_MAX_LAYERS]; // '~'
};

struct hz_sdp_offer {
	uint64_t session_id, session_version; // of the o= line
	char ufrag[HZ_UFRAG_BYTES];           // of the bundle's one transport
	char pwd[HZ_PWD_BYTES];
	uint8_t fingerprint[HZ_FINGERPRINT_BYTES];
	unsigned candidate_count; // that full ICE can use: the first ones are kept
	struct hz_candidate candidate[HZ_MAX_CANDIDATES];
	bool ice_lite; // the offerer cannot start checks either: we refuse it, so always false
	bool bundled;  // has a=group:BUNDLE (an offer with one m-line may lack it)
	unsigned media_count;
	struct hz_sdp_media media[]; // in the offer's order
};

// Parses `bytes` of sdp (no NUL needed). On failure: -EMSGSIZE, -ENOMEM, or -EINVAL and a short reason in
// ret_reason for the client and the log ("m-line 2: no rtcp-mux"; m-lines count from 1; holds no text of the
// offer). *ret is owned by the caller: hz_sdp_offer_free(). About 8 KiB per m-line.
int hz_sdp_parse_offer(const char *sdp, size_t bytes, char ret_reason[HZ_SDP_REASON_BYTES],
                       struct hz_sdp_offer **ret);

// Wipes the ICE password. NULL is allowed.
void hz_sdp_offer_free(struct hz_sdp_offer *offer);

// The m-line with this mid (also a rejected one), or NULL.
const struct hz_sdp_media *hz_sdp_offer_find(const struct hz_sdp_offer *offer, const char *mid);

#endif
