// Payload types of one m-line: rtpmap, fmtp, rtcp-fb, RTX by apt (RFC 4588).
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "signaling/sdp/offer_internal.h"

struct map {
	const char *name; // of the table below; NULL: no rtpmap, or not ours
	uint32_t clock_hz;
	uint8_t channels;
	uint8_t flags;    // HZ_PT_*
	const char *fmtp; // offered text, or NULL
};

enum { NAME_OPUS, NAME_RED, NAME_H264, NAME_VP8, NAME_VP9, NAME_AV1, NAME_ULPFEC, NAME_RTX, NAME_COUNT };
static const char *const names[NAME_COUNT] = {"opus", "red", "H264", "VP8", "VP9", "AV1", "ulpfec", "rtx"};

// With rtcp-mux 64..95 would be taken for RTCP (RFC 5761 section 4); 0 means "unused" to us.
static bool usable_pt(uint64_t pt)
{
	return (pt >= 1 && pt <= 63) || (pt >= 96 && pt <= 127);
}

// "111 ..." -> 111 and the text behind; false when it is not a payload type that we use.
static bool take_pt(const char **value, uint64_t *ret)
{
	char word[8];

	if (!hz_sdp_word(value, word, sizeof word) || !hz_sdp_number(word, 127, ret) || !usable_pt(*ret))
		return false;
	*value += strspn(*value, " ");
	return true;
}

// "opus/48000/2"
static int read_rtpmap(const struct hz_sdp_source *source, const char *value, struct map maps[128])
{
	uint64_t pt, clock_hz, channels = 1;
	char encoding[64], *save = NULL;
	const char *name, *clock_text, *channel_text;

	if (!take_pt(&value, &pt))
		return 0; // static or reserved: not ours
	if (!hz_sdp_word(&value, encoding, sizeof encoding))
		return hz_sdp_refuse(source->place, "malformed rtpmap");
	name = strtok_r(encoding, "/", &save);
	clock_text = strtok_r(NULL, "/", &save);
	channel_text = strtok_r(NULL, "/", &save);
	if (!name || !clock_text || !hz_sdp_number(clock_text, UINT32_MAX, &clock_hz))
		return hz_sdp_refuse(source->place, "malformed rtpmap");
	if (channel_text && !hz_sdp_number(channel_text, 255, &channels))
		return hz_sdp_refuse(source->place, "malformed rtpmap");
	if (maps[pt].clock_hz)
		return hz_sdp_refuse(source->place, "two rtpmaps for one payload type");
	maps[pt].clock_hz = (uint32_t)clock_hz;
	maps[pt].channels = (uint8_t)channels;
	for (int i = 0; i < NAME_COUNT; i++)
		if (strcasecmp(name, names[i]) == 0)
			maps[pt].name = names[i];
	return 0;
}

static uint8_t feedback_flag(const char *text)
{
	static const struct {
		const char *text;
		uint8_t flag;
	} known[] = {
	    {"nack", HZ_PT_NACK},         {"nack pli", HZ_PT_PLI},   {"ccm fir", HZ_PT_FIR},
	    {"transport-cc", HZ_PT_TWCC}, {"goog-remb", HZ_PT_REMB},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcasecmp(text, known[i].text) == 0)
			return known[i].flag;
	return 0;
}

static void read_feedback(const char *value, struct map maps[128])
{
	uint64_t pt;

	if (value[0] == '*' && value[1] == ' ') {
		for (int i = 0; i < 128; i++)
			maps[i].flags |= feedback_flag(value + 2);
	} else if (take_pt(&value, &pt)) {
		maps[pt].flags |= feedback_flag(value);
	}
}

static int read_maps(const struct hz_sdp_source *source, struct map maps[128])
{
	const GstSDPAttribute *attribute;
	unsigned index = 0;
	uint64_t pt;
	int err = 0;

	while (!err && (attribute = hz_sdp_next_attribute(source, &index))) {
		const char *value = attribute->value;

		if (strcmp(attribute->key, "rtpmap") == 0)
			err = read_rtpmap(source, value, maps);
		else if (strcmp(attribute->key, "rtcp-fb") == 0)
			read_feedback(value, maps);
		else if (strcmp(attribute->key, "fmtp") == 0 && take_pt(&value, &pt) && !maps[pt].fmtp)
			maps[pt].fmtp = value;
	}
	return err;
}

// The value of one fmtp parameter into buf; false when absent (or too long, which no value of ours is).
static bool fmtp_get(const char *fmtp, const char *key, char *buf, size_t buf_bytes)
{
	size_t key_bytes = strlen(key);

	while (fmtp && *fmtp) {
		size_t bytes;

		fmtp += strspn(fmtp, "; ");
		bytes = strcspn(fmtp, ";");
		if (bytes > key_bytes && strncasecmp(fmtp, key, key_bytes) == 0 && fmtp[key_bytes] == '=') {
			const char *value = fmtp + key_bytes + 1;
			size_t value_bytes = bytes - key_bytes - 1;

			while (value_bytes && value[value_bytes - 1] == ' ')
				value_bytes--;
			if (value_bytes >= buf_bytes)
				return false;
			memcpy(buf, value, value_bytes);
			buf[value_bytes] = '\0';
			return true;
		}
		fmtp += bytes;
	}
	return false;
}

static bool fmtp_is(const char *fmtp, const char *key, const char *wanted)
{
	char value[16];

	return fmtp_get(fmtp, key, value, sizeof value) && strcmp(value, wanted) == 0;
}

// Absent, or as wanted.
static bool fmtp_default(const char *fmtp, const char *key, const char *wanted)
{
	char value[16];

	return !fmtp_get(fmtp, key, value, sizeof value) || strcmp(value, wanted) == 0;
}

// RFC 6184 section 8.1, table 5.
static enum hz_codec h264_codec(const char *fmtp, enum hz_sdp_direction direction)
{
	char text[16], *end;
	unsigned long value;
	unsigned profile, constraints;

	// GStreamer's webrtcbin offers to receive without any fmtp, and then takes every mode
	if (!fmtp && direction == HZ_SDP_RECVONLY)
		return HZ_CODEC_H264_CB;
	if (!fmtp_is(fmtp, "packetization-mode", "1"))
		return HZ_CODEC_NONE;
	if (!fmtp_get(fmtp, "profile-level-id", text, sizeof text))
		return HZ_CODEC_H264_CB; // absent means Baseline
	value = strtoul(text, &end, 16);
	if (strlen(text) != 6 || *end || strspn(text, "0123456789abcdefABCDEF") != 6)
		return HZ_CODEC_NONE;
	profile = (unsigned)(value >> 16);
	constraints = (unsigned)(value >> 8) & 0xff;
	if (profile == 0x42 || (profile == 0x4d && (constraints & 0x80)) ||
	    (profile == 0x58 && (constraints & 0xc0) == 0xc0))
		return HZ_CODEC_H264_CB;
	if (profile == 0x4d || profile == 0x64)
		return HZ_CODEC_H264_HIGH;
	return HZ_CODEC_NONE;
}

static enum hz_codec audio_codec(const struct map *map)
{
	if (map->clock_hz != 48000 || map->channels != 2)
		return HZ_CODEC_NONE;
	if (map->name == names[NAME_OPUS])
		return HZ_CODEC_OPUS;
	return map->name == names[NAME_RED] ? HZ_CODEC_RED : HZ_CODEC_NONE;
}

static enum hz_codec video_codec(const struct map *map, enum hz_sdp_direction direction)
{
	if (map->clock_hz != 90000)
		return HZ_CODEC_NONE;
	if (map->name == names[NAME_H264])
		return h264_codec(map->fmtp, direction);
	if (map->name == names[NAME_VP8])
		return HZ_CODEC_VP8;
	if (map->name == names[NAME_VP9])
		return fmtp_default(map->fmtp, "profile-id", "0") ? HZ_CODEC_VP9 : HZ_CODEC_NONE;
	if (map->name == names[NAME_AV1])
		return fmtp_default(map->fmtp, "profile", "0") ? HZ_CODEC_AV1 : HZ_CODEC_NONE;
	if (map->name == names[NAME_RED])
		return HZ_CODEC_RED;
	return map->name == names[NAME_ULPFEC] ? HZ_CODEC_ULPFEC : HZ_CODEC_NONE;
}

// The parameters to repeat in the answer: sprop-* describe the offerer's own stream, x-google-* are hints to itself.
static bool copy_fmtp(const char *fmtp, char ret[HZ_SDP_FMTP_BYTES])
{
	size_t used = 0;

	ret[0] = '\0';
	while (fmtp && *fmtp) {
		size_t bytes;

		fmtp += strspn(fmtp, "; ");
		bytes = strcspn(fmtp, ";");
		if (bytes && strncasecmp(fmtp, "sprop-", 6) != 0 && strncasecmp(fmtp, "x-google-", 9) != 0) {
			if (used + bytes + 2 > HZ_SDP_FMTP_BYTES)
				return false;
			if (used)
				ret[used++] = ';';
			memcpy(ret + used, fmtp, bytes);
			used += bytes;
			while (ret[used - 1] == ' ')
				used--;
			ret[used] = '\0';
		}
		fmtp += bytes;
	}
	for (const char *p = ret; *p; p++)
		if (*p < ' ' || *p > '~')
			return false;
	return true;
}

static unsigned find_rtx(const struct map maps[128], uint64_t pt)
{
	for (unsigned i = 1; i < 128; i++) {
		char apt[8];
		uint64_t value;

		if (maps[i].name == names[NAME_RTX] && maps[i].clock_hz == maps[pt].clock_hz &&
		    fmtp_get(maps[i].fmtp, "apt", apt, sizeof apt) && hz_sdp_number(apt, 127, &value) &&
		    value == pt)
			return i;
	}
	return 0;
}

static void add_codec(const struct map maps[128], uint64_t pt, struct hz_sdp_media *media)
{
	const struct map *map = &maps[pt];
	bool audio = media->kind == HZ_SDP_AUDIO;
	struct hz_sdp_codec *c = &media->codec[media->codec_count];
	enum hz_codec codec;

	if (!map->name || media->codec_count == HZ_SDP_MAX_CODECS || !copy_fmtp(map->fmtp, c->fmtp))
		return;
	codec = audio ? audio_codec(map) : video_codec(map, media->direction);
	if (codec == HZ_CODEC_NONE)
		return;
	for (unsigned i = 0; i < media->codec_count; i++)
		if (media->codec[i].pt.pt == pt)
			return; // the format stood twice in the m-line
	c->pt.pt = (uint8_t)pt;
	c->pt.codec = (uint8_t)codec;
	c->pt.flags = map->flags;
	c->pt.rtx_pt = (uint8_t)find_rtx(maps, pt);
	c->clock_hz = map->clock_hz;
	c->channels = audio ? map->channels : 0;
	c->stereo = fmtp_is(map->fmtp, "stereo", "1");
	c->useinbandfec = fmtp_is(map->fmtp, "useinbandfec", "1");
	c->usedtx = fmtp_is(map->fmtp, "usedtx", "1");
	media->codec_count++;
}

int hz_sdp_read_codecs(const struct hz_sdp_source *source, struct hz_sdp_media *media)
{
	struct map maps[128];
	unsigned formats = gst_sdp_media_formats_len(source->media);
	uint64_t pt;
	int err;

	memset(maps, 0, sizeof maps);
	err = read_maps(source, maps);
	if (err)
		return err;
	for (unsigned i = 0; i < formats; i++) {
		const char *format = gst_sdp_media_get_format(source->media, i);

		if (!hz_sdp_number(format, 127, &pt))
			return hz_sdp_refuse(source->place, "format is not a payload type");
		if (usable_pt(pt))
			add_codec(maps, pt, media);
	}
	return 0;
}
