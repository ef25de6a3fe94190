#include "signaling/sdp/answer_media.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "signaling/sdp/ext.h"
#include "signaling/sdp/text.h"

static const char *const codec_names[HZ_CODEC_COUNT] = {
    [HZ_CODEC_OPUS] = "opus", [HZ_CODEC_H264_CB] = "H264",  [HZ_CODEC_H264_HIGH] = "H264",
    [HZ_CODEC_VP8] = "VP8",   [HZ_CODEC_VP9] = "VP9",       [HZ_CODEC_AV1] = "AV1",
    [HZ_CODEC_RED] = "red",   [HZ_CODEC_ULPFEC] = "ulpfec",
};

static enum hz_sdp_direction reversed(enum hz_sdp_direction direction)
{
	return (enum hz_sdp_direction)((direction >> 1 | direction << 1) & HZ_SDP_SENDRECV);
}

static bool id_ok(const char *text, bool optional)
{
	return text ? *text && strlen(text) < HZ_SDP_ID_BYTES && hz_sdp_is_visible(text) : optional;
}

bool hz_sdp_answer_media_ok(const struct hz_sdp_media *offered, const struct hz_sdp_answer_media *answer)
{
	bool sends = answer->direction & HZ_SDP_SENDONLY;

	if (!answer->accept)
		return true;
	if (offered->rejected || !answer->codec_count || answer->codec_count > HZ_MAX_CODECS)
		return false;
	if (answer->direction > HZ_SDP_SENDRECV || (answer->direction & ~reversed(offered->direction)))
		return false;
	for (int i = 0; i < answer->codec_count; i++) {
		if (answer->codec[i] >= offered->codec_count)
			return false;
		for (int k = 0; k < i; k++)
			if (answer->codec[k] == answer->codec[i])
				return false;
	}
	if (answer->simulcast && (!offered->rid_count || !(answer->direction & HZ_SDP_RECVONLY)))
		return false;
	if (sends && answer->ssrc &&
	    (!id_ok(answer->cname, false) || answer->ssrc == answer->rtx_ssrc ||
	     !id_ok(answer->stream, true) || !id_ok(answer->track, true)))
		return false;
	return true;
}

static void add(GstSDPMedia *media, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(GstSDPMedia *media, const char *key, const char *format, ...)
{
	char value[512]; // the longest is a fmtp: HZ_SDP_FMTP_BYTES and a payload type
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof value, format, args);
	va_end(args);
	gst_sdp_media_add_attribute(media, key, value);
}

static void add_feedback(const struct hz_sdp_codec *codec, GstSDPMedia *media)
{
	unsigned flags = codec->pt.flags, pt = codec->pt.pt;

	if (flags & HZ_PT_TWCC)
		add(media, "rtcp-fb", "%u transport-cc", pt);
	else if (flags & HZ_PT_REMB)
		add(media, "rtcp-fb", "%u goog-remb", pt);
	if (flags & HZ_PT_FIR)
		add(media, "rtcp-fb", "%u ccm fir", pt);
	if (flags & HZ_PT_NACK)
		add(media, "rtcp-fb", "%u nack", pt);
	if (flags & HZ_PT_PLI)
		add(media, "rtcp-fb", "%u nack pli", pt);
}

static void add_fmtp(const struct hz_sdp_codec *codec, const struct hz_sdp_answer_media *answer,
                     GstSDPMedia *media)
{
	bool limit = codec->pt.codec == HZ_CODEC_OPUS && answer->opus_max_bps &&
	             !strstr(codec->fmtp, "maxaveragebitrate");

	if (limit)
		add(media, "fmtp", "%u %s%smaxaveragebitrate=%u", codec->pt.pt, codec->fmtp,
		    codec->fmtp[0] ? ";" : "", answer->opus_max_bps);
	else if (codec->fmtp[0])
		add(media, "fmtp", "%u %s", codec->pt.pt, codec->fmtp);
}

static void add_codec(const struct hz_sdp_codec *codec, const struct hz_sdp_answer_media *answer,
                      GstSDPMedia *media)
{
	const char *name = codec_names[codec->pt.codec];

	if (codec->channels > 1)
		add(media, "rtpmap", "%u %s/%" PRIu32 "/%u", codec->pt.pt, name, codec->clock_hz,
		    codec->channels);
	else
		add(media, "rtpmap", "%u %s/%" PRIu32, codec->pt.pt, name, codec->clock_hz);
	add_fmtp(codec, answer, media);
	add_feedback(codec, media);
	if (codec->pt.rtx_pt) {
		add(media, "rtpmap", "%u rtx/%" PRIu32, codec->pt.rtx_pt, codec->clock_hz);
		add(media, "fmtp", "%u apt=%u", codec->pt.rtx_pt, codec->pt.pt);
	}
}

static void add_codecs(const struct hz_sdp_media *offered, const struct hz_sdp_answer_media *answer,
                       GstSDPMedia *media)
{
	char format[8];

	for (int rtx = 0; rtx < 2; rtx++) { // media formats first: what stands first is preferred
		for (int i = 0; i < answer->codec_count; i++) {
			const struct hz_pt *pt = &offered->codec[answer->codec[i]].pt;
			unsigned number = rtx ? pt->rtx_pt : pt->pt;

			snprintf(format, sizeof format, "%u", number);
			if (number)
				gst_sdp_media_add_format(media, format);
		}
	}
	for (int i = 0; i < answer->codec_count; i++)
		add_codec(&offered->codec[answer->codec[i]], answer, media);
}

static void add_extmaps(const struct hz_sdp_media *offered, GstSDPMedia *media)
{
	const uint8_t *ids = (const uint8_t *)&offered->ext;

	for (int i = 0; i < HZ_SDP_EXT_COUNT; i++) {
		unsigned offset = hz_sdp_exts[i].offset;
		enum hz_sdp_direction direction =
		    reversed((enum hz_sdp_direction)offered->ext_direction[offset]);

		if (!ids[offset])
			continue;
		if (direction == HZ_SDP_SENDRECV)
			add(media, "extmap", "%u %s", ids[offset], hz_sdp_exts[i].uri);
		else
			add(media, "extmap", "%u/%s %s", ids[offset], hz_sdp_direction_name(direction),
			    hz_sdp_exts[i].uri);
	}
}

static void add_simulcast(const struct hz_sdp_media *offered, GstSDPMedia *media)
{
	char list[8 + HZ_MAX_LAYERS * (HZ_RID_BYTES + 1)] = "recv ";

	for (unsigned i = 0; i < offered->rid_count; i++) {
		size_t used = strlen(list);

		add(media, "rid", "%s recv", offered->rid[i]);
		snprintf(list + used, sizeof list - used, "%s%s", i ? ";" : "", offered->rid[i]);
	}
	gst_sdp_media_add_attribute(media, "simulcast", list);
}

static void add_ssrcs(const struct hz_sdp_media *offered, const struct hz_sdp_answer_media *answer,
                      GstSDPMedia *media)
{
	uint32_t rtx_ssrc = 0;

	for (int i = 0; i < answer->codec_count; i++)
		if (offered->codec[answer->codec[i]].pt.rtx_pt)
			rtx_ssrc = answer->rtx_ssrc;
	if (answer->stream)
		add(media, "msid", answer->track ? "%s %s" : "%s", answer->stream, answer->track);
	if (rtx_ssrc)
		add(media, "ssrc-group", "FID %" PRIu32 " %" PRIu32, answer->ssrc, rtx_ssrc);
	add(media, "ssrc", "%" PRIu32 " cname:%s", answer->ssrc, answer->cname);
	if (rtx_ssrc)
		add(media, "ssrc", "%" PRIu32 " cname:%s", rtx_ssrc, answer->cname);
}

void hz_sdp_add_accepted(const struct hz_sdp_media *offered, const struct hz_sdp_answer_media *answer,
                         GstSDPMedia *media)
{
	if (offered->mid[0])
		gst_sdp_media_add_attribute(media, "mid", offered->mid);
	add_extmaps(offered, media);
	if (offered->extmap_allow_mixed)
		gst_sdp_media_add_attribute(media, "extmap-allow-mixed", NULL);
	gst_sdp_media_add_attribute(media, hz_sdp_direction_name(answer->direction), NULL);
	gst_sdp_media_add_attribute(media, "rtcp-mux", NULL);
	if (offered->rtcp_rsize)
		gst_sdp_media_add_attribute(media, "rtcp-rsize", NULL);
	if (offered->rcvr_rtt)
		gst_sdp_media_add_attribute(media, "rtcp-xr", "rcvr-rtt=all");
	add_codecs(offered, answer, media);
	if (answer->ptime_ms)
		add(media, "ptime", "%u", answer->ptime_ms);
	if (answer->simulcast)
		add_simulcast(offered, media);
	if ((answer->direction & HZ_SDP_SENDONLY) && answer->ssrc)
		add_ssrcs(offered, answer, media);
}
