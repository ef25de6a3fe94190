#include "gateway/session/composed/mix.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/ids.h"
#include "gateway/session/composed/mix_internal.h"
#include "gateway/session/objects.h"
#include "gateway/session/persist.h"
#include "gateway/link/pipe_link.h"
#include "gateway/session/relay_internal.h"
#include "gateway/session/steps.h"
#include "gateway/store/runtime.h"

#define OPUS_PT (96 + HZ_CODEC_OPUS) // as on every relay

int hz_mix_begin(struct hz_brain *brain, int fd)
{
	int err = hz_mix_link_new(fd, &hz_mix_link_brain_ops, brain, &brain->mix);
	if (!err)
		hz_pipe_link_resume(hz_mix_link_pipe(brain->mix)); // one that runs already says no HELLO
	return err;
}

struct hz_slot *hz_mix_ear(const struct hz_participant *p)
{
	bool may = p->status == HZ_STATUS_ADMITTED && (p->grants & HZ_GRANT_SUBSCRIBE);
	for (struct hz_peer *peer = may ? p->peers : NULL; peer; peer = peer->next) {
		for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
			if (slot->mix)
				return slot;
		}
	}
	return NULL;
}

struct hz_track *hz_mix_voice(const struct hz_participant *p)
{
	return p->status == HZ_STATUS_ADMITTED ? hz_track_of_source(p, HZ_KIND_AUDIO, HZ_SOURCE_MICROPHONE)
	                                       : NULL;
}

// --- rooms and seats

struct hz_mix_room *hz_mix_room_get(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_mix_room *room = consult->mix ? consult->mix : calloc(1, sizeof(*room));
	if (!room || consult->mix)
		return room;
	room->consult = consult;
	room->due_us = INT64_MAX;
	room->next = brain->mixed;
	brain->mixed = room;
	consult->mix = room;
	return room;
}

struct hz_peer **hz_mix_links(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_mix_room *room = brain->mix ? hz_mix_room_get(brain, consult) : NULL;
	return room ? &room->links : NULL;
}

void hz_mix_free_memory(struct hz_consult *consult)
{
	struct hz_mix_room *room = consult->mix;
	if (!room)
		return;
	hz_relay_peers_free_memory(&room->links);
	while (room->seats) {
		struct hz_mix_seat *seat = room->seats;
		room->seats = seat->next;
		free(seat);
	}
	free(room);
	consult->mix = NULL;
}

static void room_end(struct hz_brain *brain, struct hz_consult *consult)
{
	for (struct hz_mix_room **at = &brain->mixed; *at; at = &(*at)->next) {
		if (*at == consult->mix) {
			*at = consult->mix->next;
			break;
		}
	}
	hz_mix_free_memory(consult);
}

struct hz_mix_seat *hz_mix_seat_of(const struct hz_consult *consult, const char *id)
{
	struct hz_mix_seat *seat = consult->mix ? consult->mix->seats : NULL;
	while (seat && strcmp(seat->id, id) != 0)
		seat = seat->next;
	return seat;
}

struct hz_mix_seat *hz_mix_seat_by_member(const struct hz_brain *brain, uint32_t member)
{
	for (const struct hz_mix_room *room = brain->mixed; room; room = room->next) {
		for (struct hz_mix_seat *seat = room->seats; seat; seat = seat->next) {
			if (seat->member == member)
				return seat;
		}
	}
	return NULL;
}

struct hz_mix_seat *hz_mix_seat_new(struct hz_brain *brain, struct hz_mix_room *room, const char *id,
                                    uint32_t member)
{
	struct hz_mix_seat *seat = calloc(1, sizeof(*seat));
	if (!seat)
		return NULL;
	while (!member || hz_mix_seat_by_member(brain, member))
		member = ++brain->next_member;
	seat->member = member;
	snprintf(seat->id, sizeof(seat->id), "%s", id);
	seat->next = room->seats;
	room->seats = seat;
	return seat;
}

// --- the track that a listener's slot shows

static struct hz_track *track_of(const struct hz_brain *brain, const struct hz_mix_seat *seat)
{
	return seat->track ? hz_ids_get(&brain->worker[seat->worker].tracks, seat->track) : NULL;
}

void hz_mix_track_fit(struct hz_brain *brain, const struct hz_mix_seat *seat)
{
	struct hz_track *track = track_of(brain, seat);
	if (!track)
		return;
	struct hz_cmd_track_set cmd = {.h = track->cmd.h,
	                               .track = track->id,
	                               .peer = track->peer->id,
	                               .kind = HZ_KIND_AUDIO,
	                               .layer_count = 1,
	                               .pt_count = 1,
	                               .ssrc = {seat->ssrc},
	                               .pt = {{.pt = OPUS_PT, .codec = HZ_CODEC_OPUS}}};
	hz_relay_track_set(brain, track, &cmd);
}

void hz_mix_track_end(struct hz_brain *brain, struct hz_mix_room *room, struct hz_track *track)
{
	for (struct hz_mix_seat *seat = room->seats; seat; seat = seat->next) {
		if (seat->track == track->id && seat->worker == track->peer->worker)
			seat->track = seat->ssrc = 0;
	}
	hz_track_drop(brain, track);
}

// --- what each seat needs

static int link_get(struct hz_brain *brain, struct hz_mix_room *room, unsigned worker, struct hz_peer **ret)
{
	return hz_relay_peer_get(brain, room->consult, worker, brain->workers, &room->links, ret);
}

static int fit_voice(struct hz_brain *brain, struct hz_mix_room *room, const struct hz_mix_seat *seat,
                     const struct hz_track *voice, struct hz_mix_member_set *wish)
{
	struct hz_peer *link = NULL;
	char group[HZ_ID_TEXT_BYTES] = "";
	int err = link_get(brain, room, voice->peer->worker, &link);
	if (err)
		return err;
	snprintf(group, sizeof(group), "m%08x", seat->member);
	struct hz_slot *slot = link->slots;
	while (slot && (slot->cmd.track != voice->id || strcmp(slot->group, group) != 0))
		slot = slot->next;
	if (!slot) {
		err = hz_slot_new(brain, link, &slot);
		if (err)
			return err;
		memcpy(slot->group, group, sizeof(group));
		slot->cmd = (struct hz_cmd_sub_set){.track = voice->id,
		                                    .kind = HZ_KIND_AUDIO,
		                                    .flags = HZ_SUB_PIN,
		                                    .ssrc = hz_relay_ssrc(link),
		                                    .pt_count = 1,
		                                    .pt = {{.pt = OPUS_PT, .codec = HZ_CODEC_OPUS}}};
		hz_slot_set(brain, slot);
	}
	wish->voice_ssrc = slot->cmd.ssrc;
	wish->voice_worker = (uint16_t)link->worker;
	wish->interprets = (uint8_t)hz_mix_language(room, voice->language);
	return 0;
}

static int fit_ear(struct hz_brain *brain, struct hz_mix_room *room, struct hz_mix_seat *seat,
                   const struct hz_slot *ear, struct hz_mix_member_set *wish)
{
	struct hz_track *track = track_of(brain, seat);
	struct hz_peer *link = NULL;
	if (track && (!ear || ear->peer->worker != seat->worker)) {
		hz_mix_track_end(brain, room, track);
		track = NULL;
	}
	if (!ear)
		return 0;
	if (!track) {
		int err = link_get(brain, room, ear->peer->worker, &link);
		if (!err)
			err = hz_track_new(brain, link, &track);
		if (err)
			return err;
		track->kind = HZ_KIND_AUDIO;
		track->source = HZ_SOURCE_MIX;
		track->of = seat->member;
		seat->track = track->id;
		seat->worker = link->worker;
	}
	wish->mix_ssrc = seat->ssrc ? seat->ssrc : HZ_MIX_SSRC_ANY;
	wish->mix_worker = (uint16_t)seat->worker;
	wish->language = (uint8_t)hz_mix_language(room, ear->language);
	return 0;
}

static int say(struct hz_brain *brain, struct hz_mix_seat *seat, const struct hz_mix_member_set *wish)
{
	struct hz_mix_member_set news = *wish;
	uint32_t ssrc = 0;
	news.mix_ssrc = wish->mix_ssrc != 0; // another one is no news of ours
	if (memcmp(&news, &seat->said, sizeof(news)) == 0)
		return 0;
	int err = hz_mix_link_set(brain->mix, wish, &ssrc);
	if (err)
		return err;
	seat->said = news;
	seat->ssrc = ssrc;
	seat->refused = false;
	return 0;
}

static void fit(struct hz_brain *brain, struct hz_mix_room *room, const struct hz_participant *p)
{
	const struct hz_slot *ear = hz_mix_ear(p);
	const struct hz_track *voice = hz_mix_voice(p);
	struct hz_mix_seat *seat = ear || voice ? hz_mix_seat_of(room->consult, p->id) : NULL;
	if (!ear && !voice)
		return;
	if (!seat)
		seat = hz_mix_seat_new(brain, room, p->id, 0);
	int err = seat ? 0 : -ENOMEM;
	struct hz_mix_member_set wish = {.member = seat ? seat->member : 0,
	                                 .consult = room->consult->number,
	                                 .voice_pt = OPUS_PT,
	                                 .mix_pt = OPUS_PT};
	if (!err && voice)
		err = fit_voice(brain, room, seat, voice, &wish);
	if (!err)
		err = fit_ear(brain, room, seat, ear, &wish);
	if (!err)
		err = say(brain, seat, &wish);
	if (err) {
		brain->count.media_errors++;
		hz_warn("mix.failed", "consult=%s err=%d", room->consult->id, -err);
		return; // without a seat they hear the voices, and are one
	}
	hz_mix_track_fit(brain, seat);
	seat->kept = true;
}

// --- what nobody needs

static void sweep_seats(struct hz_brain *brain, struct hz_mix_room *room)
{
	struct hz_mix_seat **at = &room->seats;
	while (*at) {
		struct hz_mix_seat *seat = *at;
		struct hz_track *track = track_of(brain, seat);
		if (seat->kept) {
			at = &seat->next;
			continue;
		}
		if (track)
			hz_mix_track_end(brain, room, track);
		*at = seat->next;
		(void)hz_mix_link_del(brain->mix, seat->member); // what was never said is not there
		free(seat);
	}
}

static bool heard(const struct hz_mix_room *room, const struct hz_slot *slot)
{
	for (const struct hz_mix_seat *seat = room->seats; seat; seat = seat->next) {
		if (seat->said.voice_ssrc == slot->cmd.ssrc && seat->said.voice_worker == slot->peer->worker)
			return true;
	}
	return false;
}

static void sweep_links(struct hz_brain *brain, struct hz_mix_room *room)
{
	for (struct hz_peer *link = room->links; link; link = link->next) {
		struct hz_slot *next;
		for (struct hz_slot *slot = link->slots; slot; slot = next) {
			next = slot->next;
			if (!heard(room, slot))
				hz_slot_end(brain, slot);
		}
	}
	hz_relay_peers_sweep(brain, &room->links);
}

// Slots of the mix show the track that is theirs now.
static void point(struct hz_brain *brain, const struct hz_participant *p)
{
	const struct hz_mix_seat *seat = hz_mix_seat_of(p->consult, p->id);
	const struct hz_slot *ear = hz_mix_ear(p);
	for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
			hz_id track = slot == ear && seat ? seat->track : 0;
			if (!slot->mix || (slot == ear && slot->cmd.track == track))
				continue;
			if (slot != ear) // not admitted any more
				slot->mix = HZ_MIX_NONE;
			slot->cmd.track = track;
			hz_steps_reset(slot);
			hz_slot_set(brain, slot);
		}
	}
}

static bool anybody_listens(const struct hz_consult *consult)
{
	for (const struct hz_participant *p = consult->participants; p; p = p->next) {
		if (hz_mix_ear(p))
			return true;
	}
	return false;
}

void hz_mix_recount(struct hz_brain *brain, struct hz_consult *consult)
{
	bool wanted = brain->mix && anybody_listens(consult);
	if (!wanted && !consult->mix)
		return;
	struct hz_mix_room *room = hz_mix_room_get(brain, consult);
	if (!room) {
		brain->count.media_errors++;
		return;
	}
	for (struct hz_mix_seat *seat = room->seats; seat; seat = seat->next)
		seat->kept = false;
	hz_mix_languages(room);
	for (const struct hz_participant *p = wanted ? consult->participants : NULL; p; p = p->next)
		fit(brain, room, p);
	sweep_seats(brain, room);
	for (const struct hz_participant *p = consult->participants; p; p = p->next)
		point(brain, p);
	sweep_links(brain, room);
	hz_mix_hold(brain, consult);
	if (!room->seats)
		room_end(brain, consult);
}
