// Header extensions of one m-line (RFC 8285).
#include <string.h>

#include "signaling/sdp/offer_internal.h"
#include "signaling/sdp/ext.h"

const struct hz_sdp_ext hz_sdp_exts[HZ_SDP_EXT_COUNT] = {
    {offsetof(struct hz_ext_ids, mid), "urn:ietf:params:rtp-hdrext:sdes:mid"},
    {offsetof(struct hz_ext_ids, rid), "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"},
    {offsetof(struct hz_ext_ids, rrid), "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"},
    {offsetof(struct hz_ext_ids, audio_level), "urn:ietf:params:rtp-hdrext:ssrc-audio-level"},
    {offsetof(struct hz_ext_ids, abs_send_time),
     "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"},
    {offsetof(struct hz_ext_ids, twcc),
     "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"},
    {offsetof(struct hz_ext_ids, orientation), "urn:3gpp:video-orientation"},
    {offsetof(struct hz_ext_ids, playout_delay),
     "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"},
    {offsetof(struct hz_ext_ids, dependency),
     "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"},
    {offsetof(struct hz_ext_ids, abs_capture_time),
     "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"},
};

// FNV-1a, never 0: enough to see that one id is used for two extensions, for a client that only harms itself.
static uint32_t hash_uri(const char *uri)
{
	uint32_t hash = 2166136261u;

	for (; *uri; uri++)
		hash = (hash ^ (unsigned char)*uri) * 16777619u;
	return hash ? hash : 1;
}

static bool parse_direction(const char *text, enum hz_sdp_direction *ret)
{
	for (int i = HZ_SDP_INACTIVE; i <= HZ_SDP_SENDRECV; i++) {
		if (strcmp(text, hz_sdp_direction_name((enum hz_sdp_direction)i)) == 0) {
			*ret = (enum hz_sdp_direction)i;
			return true;
		}
	}
	return false;
}

static void keep(struct hz_sdp_media *media, const char *uri, uint8_t id, enum hz_sdp_direction direction)
{
	uint8_t *fields = (uint8_t *)&media->ext;

	for (int i = 0; i < HZ_SDP_EXT_COUNT; i++) {
		unsigned offset = hz_sdp_exts[i].offset;

		if (strcmp(uri, hz_sdp_exts[i].uri) != 0 || fields[offset])
			continue;
		if (media->direction != HZ_SDP_INACTIVE && !(direction & media->direction))
			continue; // not for the way that media goes on this m-line
		fields[offset] = id;
		media->ext_direction[offset] = (uint8_t)direction;
	}
}

// "3 URI [attributes]" or "3/sendonly URI"
static int read_extmap(const struct hz_sdp_source *source, const char *value, uint32_t ids[256],
                       struct hz_sdp_media *media)
{
	enum hz_sdp_direction direction = HZ_SDP_SENDRECV;
	char id_text[16], uri[160], *slash;
	uint64_t id;
	uint32_t hash;

	if (!hz_sdp_word(&value, id_text, sizeof id_text))
		return hz_sdp_refuse(source->place, "malformed extmap");
	slash = strchr(id_text, '/');
	if (slash) {
		*slash = '\0';
		if (!parse_direction(slash + 1, &direction))
			return hz_sdp_refuse(source->place, "malformed extmap direction");
	}
	// 4096..4351 are offers of more extensions than fit (RFC 8285 section 7): none of ours needs that
	if (!hz_sdp_number(id_text, 4351, &id) || !id || (id > 255 && id < 4096))
		return hz_sdp_refuse(source->place, "extmap id out of range");
	if (!value[strspn(value, " ")])
		return hz_sdp_refuse(source->place, "extmap without URI");
	if (!hz_sdp_word(&value, uri, sizeof uri))
		return 0; // longer than any of ours
	if (id > 255 || id == 15 || (id > 14 && !media->extmap_allow_mixed))
		return 0; // cannot be sent with one-byte headers: leave it out
	hash = hash_uri(uri);
	if (ids[id] && ids[id] != hash)
		return hz_sdp_refuse(source->place, "extmap id used for two extensions");
	ids[id] = hash;
	keep(media, uri, (uint8_t)id, direction);
	return 0;
}

int hz_sdp_read_extmaps(const struct hz_sdp_source *source, uint32_t ids[256], struct hz_sdp_media *media)
{
	const struct hz_sdp_source session = {source->message, NULL, source->place};
	const struct hz_sdp_source *levels[] = {source, &session};
	const GstSDPAttribute *attribute;
	int err = 0;

	media->extmap_allow_mixed = hz_sdp_flag(source, "extmap-allow-mixed");
	for (int level = 0; level < 2 && !err; level++) {
		unsigned index = 0;

		while (!err && (attribute = hz_sdp_next_attribute(levels[level], &index)))
			if (strcmp(attribute->key, "extmap") == 0)
				err = read_extmap(source, attribute->value, ids, media);
	}
	return err;
}
