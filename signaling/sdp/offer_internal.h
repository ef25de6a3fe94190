// The parts of the offer parser. For this folder only.
#ifndef HZ_SIGNALING_SDP_OFFER_INTERNAL_H
#define HZ_SIGNALING_SDP_OFFER_INTERNAL_H

#include <gst/sdp/gstsdpmessage.h>

#include "signaling/sdp/offer.h"
#include "signaling/sdp/text.h"

// One m-line being read; `media` NULL: the session level.
struct hz_sdp_source {
	const GstSDPMessage *message;
	const GstSDPMedia *media;
	struct hz_sdp_place *place;
};

// Walks the attributes of one level: start with *index 0; NULL at the end.
const GstSDPAttribute *hz_sdp_next_attribute(const struct hz_sdp_source *source, unsigned *index);

// The value of an attribute that may stand once on its level: *ret NULL when absent, -EINVAL when it stands twice.
int hz_sdp_single(const struct hz_sdp_source *source, const char *key, const char **ret);

// The value at media level, else at session level, else NULL.
int hz_sdp_inherited(const struct hz_sdp_source *source, const char *key, const char **ret);

// Is there one, at media or session level?
bool hz_sdp_flag(const struct hz_sdp_source *source, const char *key);

// rtpmap, fmtp, rtcp-fb -> media->codec.
int hz_sdp_read_codecs(const struct hz_sdp_source *source, struct hz_sdp_media *media);

// extmap -> media->ext. ids: URI hash by id over the whole bundle, 256 entries, 0 unused.
int hz_sdp_read_extmaps(const struct hz_sdp_source *source, uint32_t ids[256], struct hz_sdp_media *media);

// ssrc, ssrc-group, msid, rid, simulcast of an m-line that sends. After the extmaps.
int hz_sdp_read_streams(const struct hz_sdp_source *source, struct hz_sdp_media *media);

// ICE credentials, fingerprint, setup of one m-line; must agree with those read before (offer->ufrag not empty).
int hz_sdp_read_transport(const struct hz_sdp_source *source, bool bundle_only, struct hz_sdp_offer *offer);

#endif
