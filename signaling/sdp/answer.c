#include "signaling/sdp/answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gst/sdp/gstsdpmessage.h>

#include "signaling/sdp/answer_internal.h"
#include "signaling/sdp/answer_media.h"
#include "signaling/sdp/text.h"

void hz_sdp_candidate_text(const struct hz_sdp_candidate *candidates, unsigned index,
                           char ret[HZ_SDP_CANDIDATE_TEXT_BYTES])
{
	// RFC 8445 section 5.1.2.1: type preference, component 1, the first candidate preferred. RFC 6544 section 4.2: a
	// lower type preference for TCP; direction preference 4 (passive) over 13 bits of our own.
	static const struct {
		const char *name;
		uint32_t preference;
	} types[] = {{"host", 126}, {"srflx", 100}, {"prflx", 110}, {"relay", 0}};
	const struct hz_sdp_candidate *c = &candidates[index];
	unsigned type = c->type <= HZ_CANDIDATE_RELAY ? c->type : HZ_CANDIDATE_HOST;
	uint32_t preference = c->tcp ? 90u : types[type].preference;
	uint32_t local = c->tcp ? (4u << 13) + 8191u - index : 65535u - index;
	uint32_t priority = (preference << 24) | (local << 8) | 255u;
	// RFC 8839 section 5.1: where it was learned, which is nobody's business.
	const char *related = type == HZ_CANDIDATE_HOST         ? ""
	                      : strchr(c->address, ':') != NULL ? " raddr :: rport 9"
	                                                        : " raddr 0.0.0.0 rport 9";

	snprintf(ret, HZ_SDP_CANDIDATE_TEXT_BYTES, "%u 1 %s %" PRIu32 " %s %u typ %s%s%s", index + 1,
	         c->tcp ? "tcp" : "udp", priority, c->address, c->port, types[type].name, related,
	         c->tcp ? " tcptype passive" : "");
}

bool hz_sdp_candidate_ok(const struct hz_sdp_candidate *candidate)
{
	unsigned char address[16];

	return candidate->port && memchr(candidate->address, 0, sizeof candidate->address) &&
	       (inet_pton(AF_INET, candidate->address, address) == 1 ||
	        inet_pton(AF_INET6, candidate->address, address) == 1);
}

bool hz_sdp_params_transport_ok(const struct hz_sdp_answer_params *params)
{
	if ((!params->candidate_count && !params->full) || params->candidate_count > HZ_SDP_MAX_CANDIDATES)
		return false;
	for (unsigned i = 0; i < params->candidate_count; i++)
		if (!hz_sdp_candidate_ok(&params->candidates[i]))
			return false;
	return params->ufrag && params->pwd && strlen(params->ufrag) >= 4 &&
	       strlen(params->ufrag) < HZ_UFRAG_BYTES && strlen(params->pwd) >= 22 &&
	       strlen(params->pwd) < HZ_PWD_BYTES && hz_sdp_is_ice_text(params->ufrag) &&
	       hz_sdp_is_ice_text(params->pwd);
}

const struct hz_sdp_media *hz_sdp_first_accepted(const struct hz_sdp_offer *offer,
                                                 const struct hz_sdp_answer_params *params)
{
	for (unsigned i = 0; i < offer->media_count; i++)
		if (params->media[i].accept)
			return &offer->media[i];
	return NULL;
}

// Chromium refuses an answer in which two m-lines have the same msid.
static bool same_msid(const struct hz_sdp_answer_media *a, const struct hz_sdp_answer_media *b)
{
	if (!a->accept || !b->accept || !a->ssrc || !b->ssrc || !a->stream || !b->stream)
		return false;
	return strcmp(a->stream, b->stream) == 0 &&
	       strcmp(a->track ? a->track : "", b->track ? b->track : "") == 0;
}

static bool params_ok(const struct hz_sdp_offer *offer, const struct hz_sdp_answer_params *params)
{
	if (params->media_count != offer->media_count || !params->fingerprint || params->session_id >> 62 ||
	    !hz_sdp_params_transport_ok(params))
		return false;
	for (unsigned i = 0; i < offer->media_count; i++)
		if (!hz_sdp_answer_media_ok(&offer->media[i], &params->media[i]))
			return false;
	for (unsigned i = 0; i < offer->media_count; i++)
		for (unsigned k = 0; k < i; k++)
			if (same_msid(&params->media[i], &params->media[k]))
				return false;
	return true;
}

static void add_session(const struct hz_sdp_offer *offer, const struct hz_sdp_answer_params *params,
                        GstSDPMessage *message)
{
	char id[24], version[24], group[HZ_SDP_MAX_MEDIA * HZ_MID_BYTES + 8] = "BUNDLE";
	size_t used = strlen(group);

	snprintf(id, sizeof id, "%" PRIu64, params->session_id);
	snprintf(version, sizeof version, "%" PRIu64, params->session_version);
	gst_sdp_message_set_version(message, "0");
	gst_sdp_message_set_origin(message, "-", id, version, "IN", "IP4", "127.0.0.1");
	gst_sdp_message_set_session_name(message, "-");
	gst_sdp_message_add_time(message, "0", "0", NULL);
	if (!params->full)
		gst_sdp_message_add_attribute(message, "ice-lite", NULL);
	gst_sdp_message_add_attribute(message, "ice-options", "trickle");
	gst_sdp_message_add_attribute(message, "msid-semantic", " WMS *");
	for (unsigned i = 0; i < offer->media_count; i++)
		if (params->media[i].accept)
			used +=
			    (size_t)snprintf(group + used, sizeof group - used, " %s", offer->media[i].mid);
	if (offer->bundled && used > strlen("BUNDLE"))
		gst_sdp_message_add_attribute(message, "group", group);
}

static void add_transport(const struct hz_sdp_answer_params *params, bool first, GstSDPMedia *media)
{
	char fingerprint[8 + HZ_FINGERPRINT_BYTES * 3] = "sha-256 ";
	char *p = fingerprint + strlen(fingerprint);

	for (int i = 0; i < HZ_FINGERPRINT_BYTES; i++, p += 3)
		snprintf(p, 4, i < HZ_FINGERPRINT_BYTES - 1 ? "%02X:" : "%02X", params->fingerprint[i]);
	gst_sdp_media_add_attribute(media, "ice-ufrag", params->ufrag);
	gst_sdp_media_add_attribute(media, "ice-pwd", params->pwd);
	gst_sdp_media_add_attribute(media, "fingerprint", fingerprint);
	gst_sdp_media_add_attribute(media, "setup", "passive");
	if (!first)
		return; // candidates stand with the m-line that carries the bundle (RFC 8843 section 7.3)
	for (unsigned i = 0; i < params->candidate_count; i++) {
		char text[HZ_SDP_CANDIDATE_TEXT_BYTES];

		hz_sdp_candidate_text(params->candidates, i, text);
		gst_sdp_media_add_attribute(media, "candidate", text);
	}
	gst_sdp_media_add_attribute(media, "end-of-candidates", NULL);
}

// m= and c= lines; the default candidate is the first (RFC 8839 section 4.2.1.2).
static void add_line(const struct hz_sdp_media *offered, const struct hz_sdp_answer_params *params,
                     const struct hz_sdp_answer_media *answer, GstSDPMedia *media)
{
	// RFC 8840 section 4.1.1: none yet
	static const struct hz_sdp_candidate later = {.address = "0.0.0.0", .port = 9};
	const struct hz_sdp_candidate *first = params->candidate_count ? &params->candidates[0] : &later;

	gst_sdp_media_set_proto(media, offered->proto);
	if (answer->accept) {
		gst_sdp_media_set_port_info(media, first->port, 1);
		gst_sdp_media_add_connection(media, "IN", strchr(first->address, ':') ? "IP6" : "IP4",
		                             first->address, 0, 0);
	} else {
		gst_sdp_media_set_port_info(media, 0, 1);
		gst_sdp_media_add_connection(media, "IN", "IP4", "0.0.0.0", 0, 0);
	}
}

static void add_rejected(const struct hz_sdp_media *offered, GstSDPMedia *media)
{
	const char *formats = offered->formats;
	char format[256];

	while (*formats)
		if (hz_sdp_word(&formats, format, sizeof format))
			gst_sdp_media_add_format(media, format);
	if (offered->mid[0])
		gst_sdp_media_add_attribute(media, "mid", offered->mid);
	gst_sdp_media_add_attribute(media, "inactive", NULL);
}

static int add_media(const struct hz_sdp_offer *offer, const struct hz_sdp_answer_params *params,
                     unsigned index, GstSDPMessage *message)
{
	static const char *const kinds[] = {[HZ_SDP_AUDIO] = "audio", [HZ_SDP_VIDEO] = "video"};
	const struct hz_sdp_media *offered = &offer->media[index];
	const struct hz_sdp_answer_media *answer = &params->media[index];
	GstSDPMedia *media;

	if (gst_sdp_media_new(&media) != GST_SDP_OK)
		return -ENOMEM;
	gst_sdp_media_set_media(media,
	                        offered->kind == HZ_SDP_OTHER ? offered->other_kind : kinds[offered->kind]);
	add_line(offered, params, answer, media);
	if (answer->accept) {
		add_transport(params, offered == hz_sdp_first_accepted(offer, params), media);
		hz_sdp_add_accepted(offered, answer, media);
	} else {
		add_rejected(offered, media);
	}
	gst_sdp_message_add_media(message, media);
	gst_sdp_media_free(media);
	return 0;
}

int hz_sdp_build_answer(const struct hz_sdp_offer *offer, const struct hz_sdp_answer_params *params,
                        char **ret)
{
	GstSDPMessage *message = NULL;
	gchar *text = NULL;
	int err = 0;

	if (!params_ok(offer, params))
		return -EINVAL;
	if (gst_sdp_message_new(&message) != GST_SDP_OK)
		return -ENOMEM;
	add_session(offer, params, message);
	for (unsigned i = 0; i < offer->media_count && !err; i++)
		err = add_media(offer, params, i, message);
	if (!err) {
		text = gst_sdp_message_as_text(message);
		*ret = strdup(text); // GLib's allocator need not be ours
		if (!*ret)
			err = -ENOMEM;
	}
	g_free(text);
	gst_sdp_message_free(message);
	return err;
}
