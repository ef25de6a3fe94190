#include "signaling/sdp/frag.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "signaling/sdp/answer_internal.h"
#include "signaling/sdp/text.h"

static const struct hz_sdp_grammar grammar = {"a", "macb", HZ_SDP_FRAG_MAX_BYTES, HZ_SDP_MAX_MEDIA};

// Credentials may stand at session level and with each pseudo m-line: they must be the same.
static int take_credential(struct hz_sdp_place *place, const char *attribute, struct hz_sdp_frag *frag)
{
	struct hz_sdp_frag next = {0};
	int err;

	if (strncmp(attribute, "ice-ufrag:", 10) == 0) {
		err = hz_sdp_take_ufrag(place, attribute + 10, next.ufrag);
		if (!err && frag->ufrag[0] && strcmp(frag->ufrag, next.ufrag) != 0)
			err = hz_sdp_refuse(place, "two ice-ufrags");
		if (!err)
			memcpy(frag->ufrag, next.ufrag, sizeof frag->ufrag);
	} else {
		err = hz_sdp_take_pwd(place, attribute + 8, next.pwd);
		if (!err && frag->pwd[0] && strcmp(frag->pwd, next.pwd) != 0)
			err = hz_sdp_refuse(place, "two ice-pwds");
		if (!err)
			memcpy(frag->pwd, next.pwd, sizeof frag->pwd);
	}
	hz_wipe(&next, sizeof next);
	return err;
}

static int take_attribute(struct hz_sdp_place *place, const char *attribute, struct hz_sdp_frag *frag)
{
	if (strncmp(attribute, "ice-ufrag:", 10) == 0 || strncmp(attribute, "ice-pwd:", 8) == 0)
		return take_credential(place, attribute, frag);
	if (strcmp(attribute, "end-of-candidates") == 0) {
		frag->end_of_candidates = true;
	} else if (strncmp(attribute, "candidate:", 10) == 0) {
		struct hz_candidate one;
		int err = hz_sdp_take_candidate(attribute, &one);

		if (err == -EINVAL)
			return hz_sdp_refuse(place, "malformed candidate");
		if (!err && frag->usable_count < HZ_MAX_CANDIDATES)
			frag->usable[frag->usable_count++] = one;
		if (++frag->candidate_count > HZ_SDP_FRAG_MAX_CANDIDATES)
			return hz_sdp_refuse(place, "too many candidates");
	} else if (strncmp(attribute, "mid:", 4) == 0) {
		const char *mid = attribute + 4;

		if (strlen(mid) >= HZ_MID_BYTES || !hz_sdp_is_token(mid))
			return hz_sdp_refuse(place, "mid is not 1 to 16 token characters");
		if (!frag->mid[0])
			memcpy(frag->mid, mid, strlen(mid) + 1);
	}
	return 0;
}

int hz_sdp_parse_frag(const char *body, size_t bytes, char ret_reason[HZ_SDP_REASON_BYTES],
                      struct hz_sdp_frag *ret)
{
	struct hz_sdp_place place = {.reason = ret_reason};
	struct hz_sdp_frag frag = {0};
	char *text, *save = NULL;
	int err;

	ret_reason[0] = '\0';
	err = hz_sdp_normalise(&grammar, body, bytes, &place, &text);
	if (err)
		return err;
	bytes = strlen(text);
	for (char *line = strtok_r(text, "\r\n", &save); line && !err; line = strtok_r(NULL, "\r\n", &save)) {
		if (line[0] == 'm')
			place.line++;
		else if (line[0] == 'a')
			err = take_attribute(&place, line + 2, &frag);
	}
	place.line = 0;
	if (!err && !frag.ufrag[0])
		err = hz_sdp_refuse(&place, "no ice-ufrag");
	if (!err && !frag.pwd[0])
		err = hz_sdp_refuse(&place, "no ice-pwd");
	if (!err)
		*ret = frag;
	hz_wipe(&frag, sizeof frag);
	hz_wipe(text, bytes);
	free(text);
	return err;
}

int hz_sdp_build_frag(const struct hz_sdp_offer *offer, const struct hz_sdp_answer_params *params, char **ret)
{
	const struct hz_sdp_media *media;
	char *text = NULL;
	size_t bytes;
	FILE *out;

	if (params->media_count != offer->media_count || !hz_sdp_params_transport_ok(params))
		return -EINVAL;
	media = hz_sdp_first_accepted(offer, params);
	if (!media)
		return -EINVAL;
	out = open_memstream(&text, &bytes);
	if (!out)
		return -ENOMEM;
	fprintf(out, "a=ice-lite\r\na=ice-options:trickle\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n",
	        params->ufrag, params->pwd);
	fprintf(out, "m=%s 9 %s 0\r\n", media->kind == HZ_SDP_AUDIO ? "audio" : "video", media->proto);
	if (media->mid[0])
		fprintf(out, "a=mid:%s\r\n", media->mid);
	for (unsigned i = 0; i < params->candidate_count; i++) {
		char candidate[HZ_SDP_CANDIDATE_TEXT_BYTES];

		hz_sdp_candidate_text(params->candidates, i, candidate);
		fprintf(out, "a=candidate:%s\r\n", candidate);
	}
	fprintf(out, "a=end-of-candidates\r\n");
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;
	return 0;
}
