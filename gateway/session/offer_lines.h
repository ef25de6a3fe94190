// One m-line of an offer: its track or slot, and its part of the answer. Inside gateway/session: offer.c.
#ifndef HZ_GATEWAY_SESSION_OFFER_LINES_H
#define HZ_GATEWAY_SESSION_OFFER_LINES_H

#include "gateway/session/offer.h"

// It offers a codec that we forward: Opus, or one of the video codecs.
bool hz_line_usable(const struct hz_sdp_media *media);

// What the plan has for this mid; HZ_LINE_REJECT when the offer lacks it.
uint8_t hz_line_use_of(const struct hz_sdp_offer *offer, const struct hz_plan *plan, const char *mid);

// Make or update the object and fill the answer. 0, -ENOMEM, -ENOSPC. Texts in *ret borrow from the object.
int hz_line_publish(struct hz_brain *brain, struct hz_peer *peer, const struct hz_sdp_media *media,
                    const struct hz_line *line, struct hz_sdp_answer_media *ret);
int hz_line_slot(struct hz_brain *brain, struct hz_peer *peer, const struct hz_sdp_media *media,
                 const struct hz_line *line, struct hz_sdp_answer_media *ret);
// Kept in the bundle, nothing flows.
void hz_line_idle(const struct hz_sdp_media *media, struct hz_sdp_answer_media *ret);

#endif
