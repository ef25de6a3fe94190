// Offers and fragments from anyone: parsed, and whatever parses must be answerable, and our answer readable again.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/sdp/answer.h"
#include "signaling/sdp/frag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void answer(const struct hz_sdp_offer *offer)
{
	static const uint8_t fingerprint[HZ_FINGERPRINT_BYTES] = {1, 2, 3};
	static const struct hz_sdp_candidate candidate = {"192.0.2.1", 20000, false, 0};
	struct hz_sdp_answer_media media[HZ_SDP_MAX_MEDIA];
	struct hz_sdp_answer_params params = {
	    .session_id = 1,
	    .ufrag = "ufrag",
	    .pwd = "0123456789012345678901",
	    .fingerprint = fingerprint,
	    .candidates = &candidate,
	    .candidate_count = 1,
	    .media = media,
	    .media_count = offer->media_count,
	};
	char streams[HZ_SDP_MAX_MEDIA][16], *text;

	memset(media, 0, sizeof media);
	for (unsigned i = 0; i < offer->media_count; i++) {
		const struct hz_sdp_media *m = &offer->media[i];

		if (m->rejected || !m->codec_count)
			continue;
		snprintf(streams[i], sizeof streams[i], "s%u", i);
		media[i].accept = true;
		for (unsigned k = 0; k < m->codec_count && k < HZ_MAX_CODECS; k++)
			media[i].codec[media[i].codec_count++] = (uint8_t)k;
		media[i].direction = (enum hz_sdp_direction)((m->direction >> 1 | m->direction << 1) & 3);
		media[i].simulcast = m->rid_count && media[i].direction & HZ_SDP_RECVONLY;
		media[i].ssrc = i + 1;
		media[i].rtx_ssrc = i + 1000;
		media[i].cname = "c";
		media[i].stream = streams[i];
		media[i].track = m->track[0] ? m->track : NULL;
	}
	if (hz_sdp_build_answer(offer, &params, &text) != 0)
		abort(); // every offer that we took must be answerable
	if (!strstr(text, "a=ice-lite\r\n"))
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char reason[HZ_SDP_REASON_BYTES];
	struct hz_sdp_offer *offer;
	struct hz_sdp_frag frag;

	if (hz_sdp_parse_offer((const char *)data, bytes, reason, &offer) == 0) {
		answer(offer);
		hz_sdp_offer_free(offer);
	}
	hz_sdp_parse_frag((const char *)data, bytes, reason, &frag);
	return 0;
}
