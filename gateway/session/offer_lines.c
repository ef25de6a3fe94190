#include "gateway/session/offer_lines.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/codec_choice.h"
#include "gateway/session/objects.h"
#include "gateway/session/slots.h"

#define RECEIVERS_MAX 1024
// On a link of 64 kbit/s every packet of 20 ms takes 27 kbit/s in headers: fewer packets leave room for repair (RED
// repeats each once: 16 + 16 + 14 kbit/s).
#define THIN_OPUS_BPS 16000
#define THIN_PTIME_MS 40

// Best first; of payload types with the same codec the first offered.
static const uint8_t slot_order[] = {HZ_CODEC_OPUS, HZ_CODEC_H264_CB, HZ_CODEC_H264_HIGH, HZ_CODEC_VP8,
                                     HZ_CODEC_VP9,  HZ_CODEC_AV1,     HZ_CODEC_RED};

uint8_t hz_line_use_of(const struct hz_sdp_offer *offer, const struct hz_plan *plan, const char *mid)
{
	for (unsigned i = 0; i < offer->media_count; i++) {
		if (strcmp(offer->media[i].mid, mid) == 0 && plan->line[i].use != HZ_LINE_REJECT)
			return plan->line[i].use;
	}
	return HZ_LINE_REJECT;
}

// -1: not offered.
static int find_codec(const struct hz_sdp_media *media, uint8_t codec)
{
	for (unsigned i = 0; i < media->codec_count; i++) {
		if (media->codec[i].pt.codec == codec)
			return (int)i;
	}
	return -1;
}

bool hz_line_usable(const struct hz_sdp_media *media)
{
	if (media->rejected)
		return false;
	return media->kind == HZ_SDP_AUDIO ? find_codec(media, HZ_CODEC_OPUS) >= 0
	                                   : media->kind == HZ_SDP_VIDEO && hz_codec_bits(media) != 0;
}

void hz_line_idle(const struct hz_sdp_media *media, struct hz_sdp_answer_media *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < media->codec_count && !ret->accept; i++) {
		uint8_t codec = media->codec[i].pt.codec;
		if (codec == HZ_CODEC_RED || codec == HZ_CODEC_ULPFEC) // nothing by themselves
			continue;
		ret->accept = true;
		ret->direction = HZ_SDP_INACTIVE;
		ret->codec[ret->codec_count++] = (uint8_t)i;
	}
}

// --- publishing

static struct hz_track *track_by_mid(const struct hz_peer *peer, const char *mid)
{
	for (struct hz_track *track = peer->tracks; track; track = track->next) {
		if (strcmp(track->cmd.mid, mid) == 0)
			return track;
	}
	return NULL;
}

static uint8_t choose(const struct hz_brain *brain, const struct hz_peer *peer, const struct hz_track *track,
                      const struct hz_sdp_media *media)
{
	static uint32_t receivers[RECEIVERS_MAX]; // one thread
	if (media->kind == HZ_SDP_AUDIO)
		return HZ_CODEC_OPUS;
	unsigned count = hz_codec_receivers(peer->owner, receivers, RECEIVERS_MAX);
	return hz_codec_choose_for(brain, peer, hz_codec_bits(media), track->codec, receivers, count);
}

// RIDs lowest quality first, as workers want them. Clients name them by quality; other names are taken as they come.
static void order_rids(const struct hz_sdp_media *media, unsigned order[HZ_MAX_LAYERS])
{
	static const char *const known[][HZ_MAX_LAYERS] = {
	    {"q", "h", "f"}, {"l", "m", "h"}, {"low", "mid", "high"}};
	for (unsigned i = 0; i < HZ_MAX_LAYERS; i++)
		order[i] = i;
	for (unsigned k = 0; k < sizeof(known) / sizeof(*known); k++) {
		unsigned found = 0, at[HZ_MAX_LAYERS] = {0};
		for (unsigned rank = 0; rank < HZ_MAX_LAYERS; rank++) {
			for (unsigned i = 0; i < media->rid_count; i++) {
				if (strcmp(media->rid[i], known[k][rank]) == 0)
					at[found++] = i;
			}
		}
		if (found == media->rid_count) {
			memcpy(order, at, sizeof(at));
			return;
		}
	}
}

// RED (RFC 2198) where the client put it before Opus and all who listen take it; -1: not. WHIP encoders could not be
// asked to change later.
static int find_red(const struct hz_peer *peer, const struct hz_sdp_media *media)
{
	int opus = find_codec(media, HZ_CODEC_OPUS), red = find_codec(media, HZ_CODEC_RED);
	if (media->kind != HZ_SDP_AUDIO || peer->kind != HZ_PEER_WS || red < 0 || opus < red)
		return -1;
	return red;
}

// Parity packets beside VP8 and VP9, whose receivers see by picture ids that nothing else is missing. Browsers send none
// beside H.264, where they would have to wait for each retransmission to know. What comes in RED must be repaired in RED.
static bool find_fec(const struct hz_sdp_media *media, int codec, int ret[2])
{
	const struct hz_pt *pt = &media->codec[codec].pt;
	ret[0] = find_codec(media, HZ_CODEC_RED);
	ret[1] = find_codec(media, HZ_CODEC_ULPFEC);
	return media->kind == HZ_SDP_VIDEO && (pt->codec == HZ_CODEC_VP8 || pt->codec == HZ_CODEC_VP9) &&
	       ret[0] >= 0 && ret[1] >= 0 && (media->codec[ret[0]].pt.rtx_pt || !pt->rtx_pt);
}

static void fill_track(struct hz_track *track, const struct hz_sdp_media *media,
                       const struct hz_sdp_answer_media *answer)
{
	struct hz_cmd_track_set *cmd = &track->cmd;
	unsigned order[HZ_MAX_LAYERS];
	memset(cmd->rid, 0, sizeof(cmd->rid));
	memset(cmd->ssrc, 0, sizeof(cmd->ssrc));
	memset(cmd->rtx_ssrc, 0, sizeof(cmd->rtx_ssrc));
	memset(cmd->pt, 0, sizeof(cmd->pt));
	memcpy(cmd->mid, media->mid, sizeof(cmd->mid));
	cmd->layer_count = 1;
	if (media->rid_count > 0) {
		order_rids(media, order);
		cmd->layer_count = (uint8_t)media->rid_count;
		for (unsigned i = 0; i < media->rid_count; i++)
			memcpy(cmd->rid[i], media->rid[order[i]], sizeof(cmd->rid[i]));
	} else if (media->ssrc_count == 1) {
		cmd->ssrc[0] = media->ssrc[0];
		cmd->rtx_ssrc[0] = media->rtx_ssrc[0];
	} else if (media->ssrc_count > 1) { // legacy SIM group: lowest first by convention
		cmd->layer_count = (uint8_t)media->ssrc_count;
		memcpy(cmd->ssrc, media->ssrc, sizeof(cmd->ssrc));
		memcpy(cmd->rtx_ssrc, media->rtx_ssrc, sizeof(cmd->rtx_ssrc));
	}
	cmd->pt_count = answer->codec_count;
	for (unsigned i = 0; i < answer->codec_count; i++)
		cmd->pt[i] = media->codec[answer->codec[i]].pt;
	cmd->ext = media->ext;
}

int hz_line_publish(struct hz_brain *brain, struct hz_peer *peer, const struct hz_sdp_media *media,
                    const struct hz_line *line, struct hz_sdp_answer_media *ret)
{
	struct hz_track *track = track_by_mid(peer, media->mid);
	if (track && track->kind != (uint8_t)media->kind) {
		hz_track_end(brain, track);
		track = NULL;
	}
	if (!track) {
		int err = hz_track_new(brain, peer, &track);
		if (err)
			return err;
	}
	uint8_t chosen = choose(brain, peer, track, media);
	int codec = find_codec(media, chosen);
	if (codec < 0) { // callers reject such m-lines beforehand
		hz_track_end(brain, track);
		hz_line_idle(media, ret);
		return 0;
	}
	track->kind = (uint8_t)media->kind;
	track->source = line->source;
	track->muted = line->muted;
	track->codec = chosen;
	int red = find_red(peer, media);
	track->offered = hz_codec_bits(media) | (red >= 0 ? HZ_CODEC_BIT(HZ_CODEC_RED) : 0);
	if (red >= 0 && !hz_codec_red_fits(peer->owner, media->codec[codec].pt.pt))
		red = -1;
	track->asked = false;
	if (line->label)
		snprintf(track->label, sizeof(track->label), "%s", line->label);
	track->thin = media->kind == HZ_SDP_AUDIO && peer->kind == HZ_PEER_WS && hz_codec_thin(peer->owner);
	int fec[2];
	if (red >= 0)
		ret->codec[ret->codec_count++] = (uint8_t)red;
	ret->codec[ret->codec_count++] = (uint8_t)codec;
	for (unsigned i = 0; find_fec(media, codec, fec) && i < 2; i++)
		ret->codec[ret->codec_count++] = (uint8_t)fec[i];
	fill_track(track, media, ret);
	hz_track_set(brain, track);
	ret->accept = true;
	ret->direction = HZ_SDP_RECVONLY;
	ret->simulcast = media->rid_count > 0;
	if (track->thin) {
		ret->opus_max_bps = THIN_OPUS_BPS;
		ret->ptime_ms = THIN_PTIME_MS;
	}
	return 0;
}

// --- slots

// Never 0, unique among the peer's own.
static uint32_t new_ssrc(const struct hz_peer *peer)
{
	for (;;) {
		uint32_t ssrc = 0;
		hz_random(&ssrc, sizeof(ssrc));
		bool taken = ssrc == 0;
		for (const struct hz_slot *slot = peer->slots; slot && !taken; slot = slot->next)
			taken = slot->cmd.ssrc == ssrc || slot->cmd.rtx_ssrc == ssrc;
		if (!taken)
			return ssrc;
	}
}

static void fill_codecs(struct hz_slot *slot, const struct hz_sdp_media *media,
                        struct hz_sdp_answer_media *ret)
{
	struct hz_cmd_sub_set *cmd = &slot->cmd;
	bool rtx = false;
	memset(cmd->pt, 0, sizeof(cmd->pt));
	cmd->pt_count = 0;
	for (unsigned i = 0; i < sizeof(slot_order); i++) {
		int at = find_codec(media, slot_order[i]);
		// RED with parity packets is for those who publish. What RED of sound repeats may be from before a cut.
		if (at < 0 || (slot_order[i] == HZ_CODEC_RED &&
		               (media->kind != HZ_SDP_AUDIO || hz_is_viewers(slot->peer->owner))))
			continue;
		ret->codec[ret->codec_count++] = (uint8_t)at;
		cmd->pt[cmd->pt_count++] = media->codec[at].pt;
		rtx = rtx || media->codec[at].pt.rtx_pt;
	}
	if (!cmd->ssrc)
		cmd->ssrc = new_ssrc(slot->peer);
	if (!cmd->rtx_ssrc && rtx)
		cmd->rtx_ssrc = new_ssrc(slot->peer);
	ret->ssrc = cmd->ssrc;
	ret->rtx_ssrc = rtx ? cmd->rtx_ssrc : 0;
}

static void fill_slot(struct hz_slot *slot, const struct hz_sdp_media *media, const struct hz_line *line)
{
	memcpy(slot->cmd.mid, media->mid, sizeof(slot->cmd.mid));
	slot->cmd.kind = (uint8_t)media->kind;
	slot->cmd.ext = media->ext;
	slot->nth = line->nth;
	snprintf(slot->group, sizeof(slot->group), "%s", line->group ? line->group : "");
	// msid and cname are tokens: a group with other characters is one by itself, named by its m-line.
	if (!hz_id_valid(slot->group))
		snprintf(slot->group, sizeof(slot->group), "slot-%s", media->mid);
	if (!hz_id_valid(slot->group))
		snprintf(slot->group, sizeof(slot->group), "slot%u", HZ_ID_SLOT(slot->id));
}

int hz_line_slot(struct hz_brain *brain, struct hz_peer *peer, const struct hz_sdp_media *media,
                 const struct hz_line *line, struct hz_sdp_answer_media *ret)
{
	struct hz_slot *slot = hz_slot_by_mid(peer, media->mid);
	if (slot && slot->cmd.kind != (uint8_t)media->kind) {
		hz_slot_end(brain, slot);
		slot = NULL;
	}
	if (!slot) {
		int err = hz_slot_new(brain, peer, &slot);
		if (err)
			return err;
		slot->cmd.max_layer = HZ_MAX_LAYERS - 1;
	}
	fill_slot(slot, media, line);
	fill_codecs(slot, media, ret);
	hz_slot_set(brain, slot);
	ret->accept = true;
	ret->direction = HZ_SDP_SENDONLY;
	ret->cname = slot->group;
	ret->stream = slot->group;
	ret->track = slot->cmd.mid[0] ? slot->cmd.mid : "track";
	return 0;
}
