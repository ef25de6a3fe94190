#include "gateway/session/offer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/ice/gather.h"
#include "gateway/session/objects.h"
#include "gateway/session/offer_lines.h"
#include "gateway/session/placement.h"
#include "gateway/session/push.h"
#include "gateway/session/visit.h"
#include "gateway/session/codec_choice.h"
#include "gateway/session/slots.h"

unsigned hz_offer_candidates(const struct hz_brain *brain, unsigned worker,
                             struct hz_sdp_candidate ret[HZ_SDP_MAX_CANDIDATES])
{
	for (unsigned i = 0; i < brain->address_count; i++) {
		snprintf(ret[i].address, sizeof(ret[i].address), "%s", brain->address[i]);
		ret[i].port = (uint16_t)(brain->media_port + worker);
		ret[i].tcp = false;
	}
	unsigned count = brain->address_count;
	for (unsigned i = 0; i < brain->address_count && count < HZ_SDP_MAX_CANDIDATES && brain->tcp_port;
	     i++) {
		ret[count] = ret[i];
		ret[count].port = brain->tcp_port;
		ret[count++].tcp = true;
	}
	return count;
}

// Another RTCPeerConnection has another session id and, in every browser, another certificate.
static bool same_connection(const struct hz_peer *peer, const struct hz_sdp_offer *offer)
{
	return peer->offer_session == offer->session_id &&
	       memcmp(peer->cmd.fingerprint, offer->fingerprint, HZ_FINGERPRINT_BYTES) == 0;
}

struct demand {
	unsigned tracks, slots; // in the offer
	unsigned new_tracks, new_slots;
};

// One source is published once: not twice in the offer, not beside another of the participant's transports.
static bool source_taken(const struct hz_participant *p, const struct hz_peer *peer,
                         const struct hz_sdp_offer *offer, const struct hz_plan *plan, unsigned line)
{
	const struct hz_line *mine = &plan->line[line];
	uint8_t kind = (uint8_t)offer->media[line].kind;
	for (unsigned i = 0; i < line; i++) {
		if (plan->line[i].use == HZ_LINE_PUBLISH && plan->line[i].source == mine->source &&
		    offer->media[i].kind == offer->media[line].kind)
			return true;
	}
	const struct hz_track *track = hz_track_of_source(p, kind, mine->source);
	return track && track->peer != peer;
}

static enum hz_offer_code check(const struct hz_brain *brain, const struct hz_participant *p,
                                const struct hz_peer *peer, const struct hz_sdp_offer *offer,
                                const struct hz_plan *plan, unsigned *ret_line)
{
	struct demand demand = {.tracks = 0};
	for (unsigned i = 0; i < offer->media_count; i++) {
		if (plan->line[i].use == HZ_LINE_PUBLISH) {
			*ret_line = i;
			if (source_taken(p, peer, offer, plan, i))
				return HZ_OFFER_SOURCE_TAKEN;
			demand.tracks++;
		}
		demand.slots += plan->line[i].use == HZ_LINE_SLOT;
	}
	unsigned own = peer ? peer->track_count : 0, slots = peer ? peer->slot_count : 0;
	if (hz_tracks_count(p) - own + demand.tracks > HZ_TRACKS_PER_PARTICIPANT)
		return HZ_OFFER_TRACKS;
	if (demand.slots > HZ_SLOTS_PER_PEER)
		return HZ_OFFER_SLOTS;
	demand.new_tracks = demand.tracks > own ? demand.tracks - own : 0;
	demand.new_slots = demand.slots > slots ? demand.slots - slots : 0;
	// Some to spare: m-lines may change what they are for, so that new objects are made before old ones go.
	if (peer && !hz_place_room(brain, peer->worker, demand.new_tracks + HZ_TRACKS_PER_PARTICIPANT,
	                           demand.new_slots + HZ_SLOTS_PER_PEER))
		return HZ_OFFER_PEERS;
	return HZ_OFFER_OK;
}

static enum hz_offer_code make_peer(struct hz_brain *brain, struct hz_participant *p,
                                    const struct hz_plan *plan, struct hz_peer **ret)
{
	int err = hz_peer_new(brain, p, plan->kind, ret);
	if (err)
		return err == -ENOSPC ? HZ_OFFER_PEERS : HZ_OFFER_FAILED;
	snprintf((*ret)->source, sizeof((*ret)->source), "%s", plan->viewer ? plan->viewer : plan->source);
	hz_codec_begin(brain, *ret);
	return HZ_OFFER_OK;
}

static void set_transport(struct hz_brain *brain, struct hz_peer *peer, const struct hz_sdp_offer *offer,
                          bool fresh)
{
	bool restart = !fresh && strcmp(peer->cmd.remote_ufrag, offer->ufrag) != 0;
	if (restart) {
		hz_peer_credentials(peer);
		hz_visit_log(brain, peer->owner, "restart", NULL);
	}
	memcpy(peer->cmd.remote_ufrag, offer->ufrag, sizeof(peer->cmd.remote_ufrag));
	memcpy(peer->cmd.remote_pwd, offer->pwd, sizeof(peer->cmd.remote_pwd));
	memcpy(peer->cmd.fingerprint, offer->fingerprint, sizeof(peer->cmd.fingerprint));
	peer->offer_session = offer->session_id;
	peer->answer_version++;
	peer->receives = hz_codec_receives(offer);
	hz_peer_set(brain, peer); // also without a change: the store keeps the new answer version
	if (hz_gather_is_full(peer) && (fresh || restart))
		hz_gather_begin(brain, peer);
	if (hz_gather_is_full(peer))
		hz_gather_remote(brain, peer, offer->candidate, offer->candidate_count);
}

// The address on which its media stopped comes last: a browser that does not know yet that its pair is dead leaves it
// only for one of the same priority or better.
static void avoid(struct hz_sdp_candidate *candidates, unsigned count, const char *address)
{
	unsigned last = 0;
	while (last + 1 < count && !candidates[last + 1].tcp)
		last++;
	for (unsigned i = 0; i < last; i++) {
		if (strcmp(candidates[i].address, address) != 0)
			continue;
		const struct hz_sdp_candidate silent = candidates[i];
		memmove(&candidates[i], &candidates[i + 1], (last - i) * sizeof(*candidates));
		candidates[last] = silent;
		return;
	}
}

static int answer(struct hz_brain *brain, const struct hz_peer *peer, const struct hz_sdp_offer *offer,
                  const struct hz_sdp_answer_media *media, char **ret)
{
	struct hz_sdp_candidate candidates[HZ_SDP_MAX_CANDIDATES];
	bool full = hz_gather_is_full(peer); // its candidates are filled in afterwards
	unsigned candidate_count = full ? 0 : hz_offer_candidates(brain, peer->worker, candidates);
	avoid(candidates, candidate_count, peer->silent);
	const struct hz_sdp_answer_params params = {
	    .session_id = peer->answer_session,
	    .session_version = peer->answer_version,
	    .ufrag = peer->cmd.local_ufrag,
	    .pwd = peer->cmd.local_pwd,
	    .fingerprint = brain->fingerprint,
	    .candidates = candidates,
	    .candidate_count = candidate_count,
	    .full = full,
	    .media = media,
	    .media_count = offer->media_count,
	};
	return hz_sdp_build_answer(offer, &params, ret);
}

// Tracks and slots whose m-line is gone or is used for something else now.
static void sweep(struct hz_brain *brain, struct hz_peer *peer, const struct hz_sdp_offer *offer,
                  const struct hz_plan *plan)
{
	struct hz_track *next_track;
	struct hz_slot *next_slot;
	for (struct hz_track *track = peer->tracks; track; track = next_track) {
		next_track = track->next;
		if (hz_line_use_of(offer, plan, track->cmd.mid) != HZ_LINE_PUBLISH)
			hz_track_end(brain, track);
	}
	for (struct hz_slot *slot = peer->slots; slot; slot = next_slot) {
		next_slot = slot->next;
		if (hz_line_use_of(offer, plan, slot->cmd.mid) != HZ_LINE_SLOT)
			hz_slot_end(brain, slot);
	}
}

static int set_lines(struct hz_brain *brain, struct hz_peer *peer, const struct hz_sdp_offer *offer,
                     const struct hz_plan *plan, struct hz_sdp_answer_media *media)
{
	int err = 0;
	peer->first_mid[0] = '\0';
	for (unsigned i = 0; i < offer->media_count && !err; i++) {
		const struct hz_line *line = &plan->line[i];
		const struct hz_sdp_media *m = &offer->media[i];
		if (!peer->first_mid[0] && line->use != HZ_LINE_REJECT)
			memcpy(peer->first_mid, m->mid, sizeof(peer->first_mid));
		if (line->use == HZ_LINE_PUBLISH)
			err = hz_line_publish(brain, peer, m, line, &media[i]);
		else if (line->use == HZ_LINE_SLOT)
			err = hz_line_slot(brain, peer, m, line, &media[i]);
		else if (line->use == HZ_LINE_IDLE)
			hz_line_idle(m, &media[i]);
	}
	return err;
}

void hz_offer_apply(struct hz_brain *brain, struct hz_participant *p, struct hz_peer *peer,
                    const struct hz_sdp_offer *offer, const struct hz_plan *plan, struct hz_offer_result *ret)
{
	struct hz_sdp_answer_media media[HZ_SDP_MAX_MEDIA];
	struct hz_peer *old = peer && !same_connection(peer, offer) ? peer : NULL;
	bool fresh = !peer || old;
	memset(ret, 0, sizeof(*ret));
	memset(media, 0, sizeof(media));
	ret->code = check(brain, p, peer, offer, plan, &ret->line);
	if (ret->code == HZ_OFFER_OK && fresh)
		ret->code = make_peer(brain, p, plan, &peer);
	if (ret->code != HZ_OFFER_OK)
		return;
	if (old)
		hz_peer_end(brain, old);
	set_transport(brain, peer, offer, fresh);
	sweep(brain, peer, offer, plan);
	int err = set_lines(brain, peer, offer, plan, media);
	if (!err)
		err = answer(brain, peer, offer, media, &ret->sdp);
	if (!err && hz_gather_is_full(peer))
		err = hz_gather_fill(peer, &ret->sdp, &ret->later);
	if (err) { // out of memory in the middle: nothing half-made stays
		free(ret->sdp);
		ret->sdp = NULL;
		hz_peer_end(brain, peer);
		ret->code = HZ_OFFER_FAILED;
		return;
	}
	if (hz_is_viewers(p)) {
		p->consult->viewers_changed = true; // told with the next tick, however many come at once
	} else {
		hz_push_recount(brain, p->consult);
	}
	ret->peer = peer;
}
