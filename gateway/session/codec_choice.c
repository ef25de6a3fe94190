#include "gateway/session/codec_choice.h"

#include "gateway/base/log.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/push.h"
#include "gateway/session/record/record.h"

#define RECEIVERS_MAX 1024
#define THIN_BPS      110000 // a downlink below it carries sound at most ...
#define WIDE_BPS      250000 // ... until it is this
#define THIN_HOLD_US  10000000
#define VERY_FAR_US                                                                                          \
	200000 // a repair that is asked for comes too late for a conversation, however little is lost
#define FAR_MS      120.0 // a round trip this long ...
#define FAR_ASKED   4ull  // ... and so many requests for repairs in a hundred packets, ...
#define FAR_PACKETS 50u   // ... of at least so many,
#define FAR_TIMES   3     // three times in a row: the first seconds of an uplink tell little

// Best first. Every browser that has a hardware codec has H.264.
static const uint8_t preference[] = {HZ_CODEC_H264_CB, HZ_CODEC_H264_HIGH, HZ_CODEC_VP8, HZ_CODEC_VP9,
                                     HZ_CODEC_AV1};
#define PREFERENCES (sizeof(preference) / sizeof(*preference))

uint32_t hz_codec_bits(const struct hz_sdp_media *media)
{
	uint32_t bits = 0;
	for (unsigned i = 0; i < media->codec_count; i++)
		bits |= HZ_CODEC_BIT(media->codec[i].pt.codec);
	return bits & ~(HZ_CODEC_BIT(HZ_CODEC_NONE) | HZ_CODEC_BIT(HZ_CODEC_OPUS) |
	                HZ_CODEC_BIT(HZ_CODEC_RED) | HZ_CODEC_BIT(HZ_CODEC_ULPFEC));
}

uint32_t hz_codec_receives(const struct hz_sdp_offer *offer)
{
	uint32_t receives = 0, sends = 0;
	for (unsigned i = 0; i < offer->media_count; i++) {
		const struct hz_sdp_media *media = &offer->media[i];
		if (media->kind != HZ_SDP_VIDEO || media->rejected)
			continue;
		if (media->direction & HZ_SDP_RECVONLY)
			receives |= hz_codec_bits(media);
		else
			sends |= hz_codec_bits(media);
	}
	return receives ? receives : sends;
}

static unsigned able(uint8_t codec, const uint32_t *receivers, unsigned count)
{
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++)
		n += (receivers[i] & HZ_CODEC_BIT(codec)) != 0;
	return n;
}

uint8_t hz_codec_choose(uint32_t offered, uint8_t current, const uint32_t *receivers, unsigned count)
{
	uint8_t best = HZ_CODEC_NONE;
	unsigned most = 0;
	if (current && (offered & HZ_CODEC_BIT(current)) && able(current, receivers, count) == count)
		return current;
	for (unsigned i = 0; i < PREFERENCES; i++) {
		if (!(offered & HZ_CODEC_BIT(preference[i])))
			continue;
		unsigned n = able(preference[i], receivers, count);
		if (best == HZ_CODEC_NONE || n > most) {
			best = preference[i];
			most = n;
		}
	}
	// Nothing suits everybody: change only for the sake of more.
	if (current && (offered & HZ_CODEC_BIT(current)) && able(current, receivers, count) == most)
		return current;
	return best;
}

static bool is_recorded(const struct hz_brain *brain, const struct hz_consult *consult)
{
	return consult->record || hz_record_wish_of(brain, consult) != HZ_RECORD_OFF;
}

uint8_t hz_codec_choose_for(const struct hz_brain *brain, const struct hz_peer *peer, uint32_t offered,
                            uint8_t current, const uint32_t *receivers, unsigned count)
{
	if (peer->owner && is_recorded(brain, peer->owner->consult)) {
		bool h264 = current == HZ_CODEC_H264_CB || current == HZ_CODEC_H264_HIGH;
		return hz_codec_choose(offered, h264 ? current : HZ_CODEC_NONE, receivers, count);
	}
	if ((peer->far || peer->far_lossy) && offered & HZ_CODEC_BIT(HZ_CODEC_VP8) &&
	    able(HZ_CODEC_VP8, receivers, count) == count)
		return HZ_CODEC_VP8;
	return hz_codec_choose(offered, current, receivers, count);
}

static uint32_t receives(const struct hz_participant *p)
{
	uint32_t bits = 0;
	bool known = false;
	for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		if (!peer->receives)
			continue;
		bits = known ? bits & peer->receives : peer->receives;
		known = true;
	}
	return bits;
}

unsigned hz_codec_receivers(const struct hz_participant *p, uint32_t *ret, unsigned cap)
{
	unsigned count = 0;
	if (cap && hz_picture_receives(p->consult))
		ret[count++] = hz_picture_receives(p->consult);
	for (const struct hz_participant *other = p->consult->participants; other && count < cap;
	     other = other->next) {
		uint32_t bits = receives(other);
		if (other != p && other->status == HZ_STATUS_ADMITTED &&
		    (other->grants & HZ_GRANT_SUBSCRIBE) && bits)
			ret[count++] = bits;
	}
	return count;
}

// A slot for sound that takes RED, with Opus under this number: RED's block headers carry it and go out as they came.
static bool slot_takes_red(const struct hz_slot *slot, uint8_t opus_pt)
{
	bool red = false, opus = false;
	for (unsigned i = 0; i < slot->cmd.pt_count; i++) {
		red = red || slot->cmd.pt[i].codec == HZ_CODEC_RED;
		opus = opus || (slot->cmd.pt[i].codec == HZ_CODEC_OPUS && slot->cmd.pt[i].pt == opus_pt);
	}
	return red && opus;
}

bool hz_codec_red_fits(const struct hz_participant *p, uint8_t opus_pt)
{
	for (const struct hz_participant *other = p->consult->participants; other; other = other->next) {
		if (other == p || other->status != HZ_STATUS_ADMITTED)
			continue;
		for (const struct hz_peer *peer = other->peers; peer; peer = peer->next) {
			for (const struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
				if (slot->cmd.kind == HZ_KIND_AUDIO && !slot_takes_red(slot, opus_pt))
					return false;
			}
		}
	}
	return true;
}

bool hz_codec_thin(const struct hz_participant *p)
{
	for (const struct hz_participant *other = p->consult->participants; other; other = other->next) {
		// One thin link among many who only watch is not worth everybody's sound.
		if (other == p || other->status != HZ_STATUS_ADMITTED || !(other->grants & HZ_GRANT_PUBLISH))
			continue;
		for (const struct hz_peer *peer = other->peers; peer; peer = peer->next) {
			if (peer->thin)
				return true;
		}
	}
	return false;
}

// The worker does not know the round trip to one that only sends; the client does.
static bool is_far_lossy(struct hz_peer *peer)
{
	const struct hz_ev_peer_stats *s = &peer->stats;
	const struct hz_client_report *report = &peer->owner->report;
	double rtt_ms = s->rtt_us / 1000.0;
	if (report->known && report->rtt_ms > rtt_ms)
		rtt_ms = report->rtt_ms;
	if (rtt_ms > 0)
		peer->rtt_ms =
		    peer->rtt_ms > 0 && peer->rtt_ms * 1.01 < rtt_ms ? peer->rtt_ms * 1.01 : rtt_ms;
	return peer->rtt_ms >= FAR_MS && s->up_packets >= FAR_PACKETS &&
	       s->nacks_sent * 100ull >= FAR_ASKED * s->up_packets;
}

static void look_far_lossy(struct hz_brain *brain, struct hz_peer *peer)
{
	if (peer->far_lossy || peer->kind != HZ_PEER_WS)
		return;
	peer->far_count = is_far_lossy(peer) ? (uint8_t)(peer->far_count + 1) : 0;
	if (peer->far_count < FAR_TIMES)
		return;
	peer->far_lossy = true;
	hz_push_recount(brain, peer->owner->consult);
}

void hz_codec_begin(const struct hz_brain *brain, struct hz_peer *peer)
{
	const struct hz_conn *conn = peer->owner->conn;
	if (peer->kind == HZ_PEER_WS && conn)
		peer->far = brain->ops->rtt_us(conn->socket) >= VERY_FAR_US;
}

void hz_codec_on_stats(struct hz_brain *brain, struct hz_peer *peer)
{
	look_far_lossy(brain, peer);
	uint32_t bps = peer->stats.estimate_bps;
	bool thin = peer->thin ? bps != 0 && bps < WIDE_BPS : bps != 0 && bps < THIN_BPS;
	if (thin == peer->thin || (peer->thin_us && brain->now_us - peer->thin_us < THIN_HOLD_US))
		return;
	peer->thin = thin;
	peer->thin_us = brain->now_us;
	hz_push_recount(brain, peer->owner->consult);
}

// True when its publisher must make a new offer.
static bool sound_changes(const struct hz_participant *p, const struct hz_track *track)
{
	if (track->thin != hz_codec_thin(p))
		return true;
	if (!(track->offered & HZ_CODEC_BIT(HZ_CODEC_RED)))
		return false;
	bool red = track->cmd.pt[0].codec == HZ_CODEC_RED;
	return red != hz_codec_red_fits(p, track->cmd.pt[red ? 1 : 0].pt);
}

void hz_codec_recount(struct hz_brain *brain, struct hz_consult *consult)
{
	static uint32_t receivers[RECEIVERS_MAX]; // one thread
	for (struct hz_participant *p = consult->participants; p; p = p->next) {
		unsigned count = hz_codec_receivers(p, receivers, RECEIVERS_MAX);
		bool ask = false;
		for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
			if (peer->kind != HZ_PEER_WS) // a WHIP encoder cannot be asked: it keeps what it has
				continue;
			for (struct hz_track *track = peer->tracks; track; track = track->next) {
				bool same =
				    track->kind == HZ_KIND_VIDEO
				        ? hz_codec_choose_for(brain, peer, track->offered, track->codec,
				                              receivers, count) == track->codec
				        : !sound_changes(p, track);
				if (same) {
					track->asked = false;
				} else if (!track->asked && p->conn && p->status == HZ_STATUS_ADMITTED) {
					track->asked = true;
					ask = true;
				}
			}
		}
		if (ask) {
			brain->count.codec_changes++;
			hz_info("codec.change", "consult=%s participant=%s", consult->id, p->id);
			hz_push_renegotiate(brain, p, "codec");
		}
	}
}
