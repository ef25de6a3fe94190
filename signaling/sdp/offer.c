#include "signaling/sdp/offer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "signaling/sdp/offer_internal.h"

static const struct hz_sdp_grammar grammar = {"vosiuepcbtrzka", "micbka", HZ_SDP_MAX_BYTES, HZ_SDP_MAX_MEDIA};

// The state of one parse.
struct parse {
	GstSDPMessage *message;
	struct hz_sdp_place place;
	const char *bundle;    // value of the a=group:BUNDLE that counts, or NULL
	uint32_t ext_ids[256]; // what each extension id means in this bundle
	struct hz_sdp_offer *offer;
};

const GstSDPAttribute *hz_sdp_next_attribute(const struct hz_sdp_source *source, unsigned *index)
{
	unsigned i = (*index)++;

	if (source->media)
		return i < gst_sdp_media_attributes_len(source->media)
		           ? gst_sdp_media_get_attribute(source->media, i)
		           : NULL;
	return i < gst_sdp_message_attributes_len(source->message)
	           ? gst_sdp_message_get_attribute(source->message, i)
	           : NULL;
}

int hz_sdp_single(const struct hz_sdp_source *source, const char *key, const char **ret)
{
	const GstSDPAttribute *attribute;
	const char *found = NULL;
	unsigned index = 0;

	while ((attribute = hz_sdp_next_attribute(source, &index))) {
		char text[64];

		if (strcmp(attribute->key, key) != 0)
			continue;
		snprintf(text, sizeof text, "%s given twice", key);
		if (found)
			return hz_sdp_refuse(source->place, text);
		found = attribute->value;
	}
	*ret = found;
	return 0;
}

int hz_sdp_inherited(const struct hz_sdp_source *source, const char *key, const char **ret)
{
	const struct hz_sdp_source session = {source->message, NULL, source->place};
	int err = hz_sdp_single(source, key, ret);

	return err || *ret ? err : hz_sdp_single(&session, key, ret);
}

bool hz_sdp_flag(const struct hz_sdp_source *source, const char *key)
{
	const struct hz_sdp_source session = {source->message, NULL, source->place};
	const struct hz_sdp_source *levels[] = {source, &session};
	const GstSDPAttribute *attribute;

	for (int i = 0; i < 2; i++) {
		unsigned index = 0;

		while ((attribute = hz_sdp_next_attribute(levels[i], &index)))
			if (strcmp(attribute->key, key) == 0)
				return true;
	}
	return false;
}

// Is mid one of the words behind "BUNDLE" in a group's value?
static bool bundle_has(const char *group, const char *mid)
{
	char word[64];

	group += strlen("BUNDLE");
	while (*(group += strspn(group, " ")))
		if (hz_sdp_word(&group, word, sizeof word) && strcmp(word, mid) == 0)
			return true;
	return false;
}

// The group that an active m-line belongs to must be the same for all of them; one m-line alone needs none.
static int check_bundle(struct parse *parse, const struct hz_sdp_media *media, unsigned active)
{
	const struct hz_sdp_source session = {parse->message, NULL, &parse->place};
	const GstSDPAttribute *attribute;
	unsigned index = 0;

	while (active == 1 && !parse->bundle && (attribute = hz_sdp_next_attribute(&session, &index)))
		if (strcmp(attribute->key, "group") == 0 && strncmp(attribute->value, "BUNDLE ", 7) == 0 &&
		    media->mid[0] && bundle_has(attribute->value, media->mid))
			parse->bundle = attribute->value;
	if (parse->bundle && media->mid[0] && bundle_has(parse->bundle, media->mid)) {
		parse->offer->bundled = true;
		return 0;
	}
	return active == 1 ? 0 : hz_sdp_refuse(&parse->place, "not in the one BUNDLE group");
}

static int read_mid(const struct hz_sdp_source *source, struct hz_sdp_media *media,
                    const struct hz_sdp_offer *offer)
{
	const char *mid = NULL;
	int err = hz_sdp_single(source, "mid", &mid);

	if (err || !mid)
		return err;
	if (strlen(mid) >= HZ_MID_BYTES || !hz_sdp_is_token(mid))
		return hz_sdp_refuse(source->place, "mid is not 1 to 16 token characters");
	if (hz_sdp_offer_find(offer, mid))
		return hz_sdp_refuse(source->place, "mid used twice");
	memcpy(media->mid, mid, strlen(mid) + 1);
	return 0;
}

static int read_direction(const struct hz_sdp_source *source, struct hz_sdp_media *media)
{
	const struct hz_sdp_source session = {source->message, NULL, source->place};
	const struct hz_sdp_source *levels[] = {source, &session};
	const GstSDPAttribute *attribute;

	media->direction = HZ_SDP_SENDRECV;
	for (int level = 0; level < 2; level++) {
		unsigned index = 0, found = 0;

		while ((attribute = hz_sdp_next_attribute(levels[level], &index)))
			for (int d = HZ_SDP_INACTIVE; d <= HZ_SDP_SENDRECV; d++)
				if (strcmp(attribute->key, hz_sdp_direction_name((enum hz_sdp_direction)d)) ==
				    0) {
					media->direction = (enum hz_sdp_direction)d;
					found++;
				}
		if (found > 1)
			return hz_sdp_refuse(source->place, "two directions");
		if (found)
			return 0;
	}
	return 0;
}

// What is repeated when the m-line is rejected.
static int read_line(const struct hz_sdp_source *source, struct hz_sdp_media *media)
{
	const char *kind = gst_sdp_media_get_media(source->media);
	const char *proto = gst_sdp_media_get_proto(source->media);
	unsigned count = gst_sdp_media_formats_len(source->media);
	size_t used = 0;

	if (!kind || !proto || !count || !*proto || strlen(proto) >= sizeof media->proto)
		return hz_sdp_refuse(source->place, "malformed m-line");
	media->kind = strcmp(kind, "audio") == 0   ? HZ_SDP_AUDIO
	              : strcmp(kind, "video") == 0 ? HZ_SDP_VIDEO
	                                           : HZ_SDP_OTHER;
	memcpy(media->proto, proto, strlen(proto) + 1);
	if (strlen(kind) >= sizeof media->other_kind || !hz_sdp_is_token(kind) || !hz_sdp_is_visible(proto))
		return hz_sdp_refuse(source->place, "malformed m-line");
	if (media->kind == HZ_SDP_OTHER)
		memcpy(media->other_kind, kind, strlen(kind) + 1);
	for (unsigned i = 0; i < count; i++) {
		const char *format = gst_sdp_media_get_format(source->media, i);
		size_t bytes = strlen(format);

		if (!bytes || !hz_sdp_is_token(format))
			return hz_sdp_refuse(source->place, "malformed m-line");
		if (used + bytes + 2 > sizeof media->formats)
			return i ? 0 : hz_sdp_refuse(source->place, "malformed m-line");
		if (used)
			media->formats[used++] = ' ';
		memcpy(media->formats + used, format, bytes);
		used += bytes;
	}
	return 0;
}

static bool known_proto(const char *proto)
{
	return strcmp(proto, "UDP/TLS/RTP/SAVPF") == 0 || strcmp(proto, "TCP/TLS/RTP/SAVPF") == 0 ||
	       strcmp(proto, "RTP/SAVPF") == 0;
}

// One of the words of a=rtcp-xr.
static bool asks_rcvr_rtt(const struct hz_sdp_source *source)
{
	static const char word[] = "rcvr-rtt=all";
	const GstSDPAttribute *attribute;
	unsigned index = 0;

	while ((attribute = hz_sdp_next_attribute(source, &index))) {
		if (strcmp(attribute->key, "rtcp-xr") != 0 || !attribute->value)
			continue;
		for (const char *at = attribute->value; (at = strstr(at, word)); at += sizeof(word) - 1) {
			char end = at[sizeof(word) - 1];
			if ((at == attribute->value || at[-1] == ' ') &&
			    (end == '\0' || end == ' ' || end == ':'))
				return true;
		}
	}
	return false;
}

static int read_rtp(struct parse *parse, const struct hz_sdp_source *source, struct hz_sdp_media *media)
{
	int err = read_direction(source, media);

	if (err)
		return err;
	if (!known_proto(media->proto))
		return hz_sdp_refuse(source->place, "transport is not UDP/TLS/RTP/SAVPF");
	if (!hz_sdp_flag(source, "rtcp-mux") && !hz_sdp_flag(source, "rtcp-mux-only"))
		return hz_sdp_refuse(source->place, "no rtcp-mux");
	media->rtcp_rsize = hz_sdp_flag(source, "rtcp-rsize");
	media->rcvr_rtt = asks_rcvr_rtt(source);
	err = hz_sdp_read_codecs(source, media);
	if (!err)
		err = hz_sdp_read_extmaps(source, parse->ext_ids, media);
	return err ? err : hz_sdp_read_streams(source, media);
}

static int read_media(struct parse *parse, unsigned index, unsigned *active)
{
	const GstSDPMedia *gst = gst_sdp_message_get_media(parse->message, index);
	const struct hz_sdp_source source = {parse->message, gst, &parse->place};
	struct hz_sdp_media *media = &parse->offer->media[index];
	bool bundle_only = hz_sdp_flag(&source, "bundle-only");
	int err;

	parse->place.line = index + 1;
	err = read_line(&source, media);
	if (!err)
		err = read_mid(&source, media, parse->offer);
	parse->offer->media_count = index + 1; // from here on its mid is taken
	if (err)
		return err;
	if (gst_sdp_media_get_port(gst) == 0 && !bundle_only) {
		media->rejected = true;
		return 0;
	}
	media->rejected = media->kind == HZ_SDP_OTHER;
	if (media->rejected && !strstr(media->proto, "/SCTP"))
		return 0; // has perhaps no part in the bundle
	++*active;
	err = hz_sdp_read_transport(&source, bundle_only, parse->offer);
	if (!err)
		err = check_bundle(parse, media, *active);
	return err || media->rejected ? err : read_rtp(parse, &source, media);
}

static bool has_ssrc(const struct hz_sdp_media *media, uint32_t ssrc)
{
	for (unsigned i = 0; i < media->ssrc_count; i++)
		if (media->ssrc[i] == ssrc || media->rtx_ssrc[i] == ssrc)
			return true;
	return false;
}

// Streams of repairs, too: a worker takes no track with an SSRC of another one.
static bool share_ssrc(const struct hz_sdp_media *a, const struct hz_sdp_media *b)
{
	for (unsigned i = 0; i < a->ssrc_count; i++)
		if (has_ssrc(b, a->ssrc[i]) || (a->rtx_ssrc[i] && has_ssrc(b, a->rtx_ssrc[i])))
			return true;
	return false;
}

// Keeps the first id seen; false when this one differs.
static bool same_id(uint8_t *first, uint8_t id)
{
	if (!*first)
		*first = id;
	return !id || *first == id;
}

// RTP is told apart by SSRC, mid and rid: they must mean one thing in the whole bundle.
static int check_identities(struct parse *parse)
{
	struct hz_sdp_offer *offer = parse->offer;
	struct hz_ext_ids first = {0};

	for (unsigned i = 0; i < offer->media_count; i++) {
		const struct hz_sdp_media *m = &offer->media[i];

		parse->place.line = i + 1;
		for (unsigned k = 0; k < i; k++)
			if (share_ssrc(m, &offer->media[k]))
				return hz_sdp_refuse(&parse->place, "SSRC used by two m-lines");
		if (!same_id(&first.mid, m->ext.mid) || !same_id(&first.rid, m->ext.rid) ||
		    !same_id(&first.rrid, m->ext.rrid))
			return hz_sdp_refuse(&parse->place,
			                     "mid or rid extension has another id than before");
	}
	parse->place.line = 0;
	return 0;
}

static int read_session(struct parse *parse)
{
	const struct hz_sdp_source session = {parse->message, NULL, &parse->place};
	const GstSDPOrigin *origin = gst_sdp_message_get_origin(parse->message);
	const char *version = gst_sdp_message_get_version(parse->message);

	if (!version || strcmp(version, "0") != 0)
		return hz_sdp_refuse(&parse->place, "no v=0");
	if (!origin || !origin->sess_id || !origin->sess_version ||
	    !hz_sdp_number(origin->sess_id, UINT64_MAX, &parse->offer->session_id) ||
	    !hz_sdp_number(origin->sess_version, UINT64_MAX, &parse->offer->session_version))
		return hz_sdp_refuse(&parse->place, "malformed o= line");
	if (hz_sdp_flag(&session, "ice-lite"))
		return hz_sdp_refuse(&parse->place, "ice-lite, but the gateway is ICE-lite itself");
	return 0;
}

static int read_message(struct parse *parse)
{
	unsigned count = gst_sdp_message_medias_len(parse->message), active = 0;
	int err;

	if (!count || count > HZ_SDP_MAX_MEDIA)
		return hz_sdp_refuse(&parse->place, "no m-line");
	parse->offer = calloc(1, sizeof *parse->offer + count * sizeof parse->offer->media[0]);
	if (!parse->offer)
		return -ENOMEM;
	err = read_session(parse);
	for (unsigned i = 0; i < count && !err; i++)
		err = read_media(parse, i, &active);
	if (!err)
		err = check_identities(parse);
	if (!err && !parse->offer->ufrag[0])
		err = hz_sdp_refuse(&parse->place, "every m-line is rejected");
	return err;
}

int hz_sdp_parse_offer(const char *sdp, size_t bytes, char ret_reason[HZ_SDP_REASON_BYTES],
                       struct hz_sdp_offer **ret)
{
	struct parse parse = {.place = {.reason = ret_reason}};
	char *text = NULL;
	int err;

	ret_reason[0] = '\0';
	err = hz_sdp_normalise(&grammar, sdp, bytes, &parse.place, &text);
	if (err)
		return err;
	if (gst_sdp_message_new(&parse.message) != GST_SDP_OK)
		err = -ENOMEM;
	else if (gst_sdp_message_parse_buffer((const guint8 *)text, (guint)strlen(text), parse.message) !=
	         GST_SDP_OK)
		err = hz_sdp_refuse(&parse.place, "not SDP");
	if (!err)
		err = read_message(&parse);
	if (!err) {
		*ret = parse.offer;
		parse.offer = NULL;
	}
	hz_sdp_offer_free(parse.offer);
	if (parse.message)
		gst_sdp_message_free(parse.message);
	hz_wipe(text, strlen(text));
	free(text);
	return err;
}

void hz_sdp_offer_free(struct hz_sdp_offer *offer)
{
	if (!offer)
		return;
	hz_wipe(offer->pwd, sizeof offer->pwd);
	free(offer);
}

const struct hz_sdp_media *hz_sdp_offer_find(const struct hz_sdp_offer *offer, const char *mid)
{
	for (unsigned i = 0; *mid && i < offer->media_count; i++)
		if (strcmp(offer->media[i].mid, mid) == 0)
			return &offer->media[i];
	return NULL;
}
