// What an accepted m-line of the answer says. For this folder only.
#ifndef HZ_SIGNALING_SDP_ANSWER_MEDIA_H
#define HZ_SIGNALING_SDP_ANSWER_MEDIA_H

#include <gst/sdp/gstsdpmessage.h>

#include "signaling/sdp/answer.h"

// Does the answer fit the offered m-line?
bool hz_sdp_answer_media_ok(const struct hz_sdp_media *offered, const struct hz_sdp_answer_media *answer);

// Formats and every attribute but the transport's.
void hz_sdp_add_accepted(const struct hz_sdp_media *offered, const struct hz_sdp_answer_media *answer,
                         GstSDPMedia *media);

#endif
