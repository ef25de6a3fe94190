// What an m-line sends: SSRCs (RFC 5576), msid (RFC 8830), rids and simulcast (RFC 8851, RFC 8853).
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "signaling/sdp/offer_internal.h"

#define MAX_SSRCS 16

struct ssrcs {
	unsigned count;
	uint32_t ssrc[MAX_SSRCS];
	bool secondary[MAX_SSRCS]; // RTX or FEC of another
	uint32_t rtx[MAX_SSRCS];
	bool simulcast; // ssrc-group SIM
};

// Index of the SSRC, added when new; -1 when full.
static int ssrc_index(struct ssrcs *all, uint32_t ssrc)
{
	for (unsigned i = 0; i < all->count; i++)
		if (all->ssrc[i] == ssrc)
			return (int)i;
	if (all->count == MAX_SSRCS)
		return -1;
	all->ssrc[all->count] = ssrc;
	return (int)all->count++;
}

static bool take_ssrc(const char **value, uint32_t *ret)
{
	char word[16];
	uint64_t number;

	if (!hz_sdp_word(value, word, sizeof word) || !hz_sdp_number(word, UINT32_MAX, &number) || !number)
		return false;
	*ret = (uint32_t)number;
	return true;
}

// An opaque id that we only pass on: left empty when it is none we can repeat safely.
static void copy_id(const char *text, char ret[HZ_SDP_ID_BYTES])
{
	if (*ret || strlen(text) >= HZ_SDP_ID_BYTES || strcmp(text, "-") == 0 || !hz_sdp_is_visible(text))
		return;
	memcpy(ret, text, strlen(text) + 1);
}

// "stream track" or "stream"
static void read_msid(const char *value, struct hz_sdp_media *media)
{
	char word[256];

	if (media->stream[0] || media->track[0])
		return; // a track in several streams: the first
	if (hz_sdp_word(&value, word, sizeof word))
		copy_id(word, media->stream);
	if (hz_sdp_word(&value, word, sizeof word))
		copy_id(word, media->track);
}

// "1234 cname:text"
static int read_ssrc(const struct hz_sdp_source *source, const char *value, struct ssrcs *all,
                     struct hz_sdp_media *media)
{
	uint32_t ssrc;

	if (!take_ssrc(&value, &ssrc))
		return hz_sdp_refuse(source->place, "malformed ssrc");
	if (ssrc_index(all, ssrc) < 0)
		return hz_sdp_refuse(source->place, "too many SSRCs");
	value += strspn(value, " ");
	if (strncmp(value, "cname:", 6) == 0)
		copy_id(value + 6, media->cname);
	else if (strncmp(value, "msid:", 5) == 0)
		read_msid(value + 5, media);
	return 0;
}

// "FID 1 2", "FEC-FR 1 2", "SIM 1 2 3"; other semantics are left out
static int read_group(const struct hz_sdp_source *source, const char *value, struct ssrcs *all)
{
	char semantics[16];
	uint32_t ssrc;
	int primary = -1;
	bool fid, fec;

	if (!hz_sdp_word(&value, semantics, sizeof semantics))
		return hz_sdp_refuse(source->place, "malformed ssrc-group");
	fid = strcmp(semantics, "FID") == 0;
	fec = strcmp(semantics, "FEC-FR") == 0 || strcmp(semantics, "FEC") == 0;
	if (strcmp(semantics, "SIM") == 0)
		all->simulcast = true;
	else if (!fid && !fec)
		return 0;
	while (value[strspn(value, " ")]) {
		int i;

		if (!take_ssrc(&value, &ssrc))
			return hz_sdp_refuse(source->place, "malformed ssrc-group");
		i = ssrc_index(all, ssrc);
		if (i < 0)
			return hz_sdp_refuse(source->place, "too many SSRCs");
		if (primary < 0) {
			primary = i;
			continue;
		}
		if (i == primary)
			return hz_sdp_refuse(source->place, "ssrc-group pairs an SSRC with itself");
		if (fid || fec)
			all->secondary[i] = true;
		if (fid && !all->rtx[primary])
			all->rtx[primary] = ssrc;
	}
	return 0;
}

static int keep_ssrcs(const struct hz_sdp_source *source, const struct ssrcs *all, struct hz_sdp_media *media)
{
	for (unsigned i = 0; i < all->count; i++) {
		if (all->secondary[i])
			continue;
		if (media->ssrc_count && !all->simulcast)
			return hz_sdp_refuse(source->place, "several sources on one m-line (Plan B)");
		if (media->ssrc_count == HZ_MAX_LAYERS)
			return hz_sdp_refuse(source->place, "more than 3 simulcast layers");
		media->ssrc[media->ssrc_count] = all->ssrc[i];
		media->rtx_ssrc[media->ssrc_count++] = all->rtx[i];
	}
	return 0;
}

// Is there an a=rid that declares it as sent?
static bool rid_declared(const struct hz_sdp_source *source, const char *rid)
{
	const GstSDPAttribute *attribute;
	unsigned index = 0;

	while ((attribute = hz_sdp_next_attribute(source, &index))) {
		const char *value = attribute->value;
		char id[64], direction[8];

		if (strcmp(attribute->key, "rid") == 0 && hz_sdp_word(&value, id, sizeof id) &&
		    hz_sdp_word(&value, direction, sizeof direction) && strcmp(id, rid) == 0 &&
		    strcmp(direction, "send") == 0)
			return true;
	}
	return false;
}

// One stream of a list: "h", "~h", "h,h2" (alternatives: the first counts)
static int add_rid(const struct hz_sdp_source *source, char *stream, struct hz_sdp_media *media)
{
	bool paused = stream[0] == '~';
	char *rid = stream + (paused ? 1 : 0);

	rid[strcspn(rid, ",")] = '\0';
	if (!hz_sdp_is_rid(rid))
		return hz_sdp_refuse(source->place, "simulcast with a malformed rid");
	if (media->rid_count == HZ_MAX_LAYERS)
		return hz_sdp_refuse(source->place, "more than 3 simulcast layers");
	for (unsigned i = 0; i < media->rid_count; i++)
		if (strcmp(media->rid[i], rid) == 0)
			return hz_sdp_refuse(source->place, "simulcast names a rid twice");
	if (!rid_declared(source, rid))
		return hz_sdp_refuse(source->place, "simulcast names a rid without a=rid send");
	memcpy(media->rid[media->rid_count], rid, strlen(rid) + 1);
	media->rid_paused[media->rid_count++] = paused;
	return 0;
}

// "send h;~m;l recv x": either direction may be missing
static int read_simulcast(const struct hz_sdp_source *source, const char *value, struct hz_sdp_media *media)
{
	char direction[8], list[256], *save = NULL;
	int err = 0;

	for (int part = 0; part < 2; part++) {
		if (part && !value[strspn(value, " ")])
			break;
		if (!hz_sdp_word(&value, direction, sizeof direction) ||
		    !hz_sdp_word(&value, list, sizeof list))
			return hz_sdp_refuse(source->place, "malformed simulcast");
		if (strcmp(direction, "send") != 0)
			continue;
		for (char *s = strtok_r(list, ";", &save); s && !err; s = strtok_r(NULL, ";", &save))
			err = add_rid(source, s, media);
		if (err)
			return err;
	}
	if (media->rid_count && !media->ext.rid)
		return hz_sdp_refuse(source->place, "simulcast without the rtp-stream-id header extension");
	return 0;
}

int hz_sdp_read_streams(const struct hz_sdp_source *source, struct hz_sdp_media *media)
{
	struct ssrcs all = {0};
	const GstSDPAttribute *attribute;
	const char *simulcast;
	unsigned index = 0;
	int err;

	if (!(media->direction & HZ_SDP_SENDONLY))
		return 0;
	err = hz_sdp_single(source, "simulcast", &simulcast);
	if (!err && simulcast)
		err = read_simulcast(source, simulcast, media);
	while (!err && (attribute = hz_sdp_next_attribute(source, &index)))
		if (strcmp(attribute->key, "msid") == 0)
			read_msid(attribute->value, media);
	index = 0;
	while (!err && (attribute = hz_sdp_next_attribute(source, &index))) {
		if (strcmp(attribute->key, "ssrc") == 0)
			err = read_ssrc(source, attribute->value, &all, media);
		else if (strcmp(attribute->key, "ssrc-group") == 0)
			err = read_group(source, attribute->value, &all);
	}
	if (err || media->rid_count)
		return err; // with rids the header extensions tell the SSRCs
	return keep_ssrcs(source, &all, media);
}
