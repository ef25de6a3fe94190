// The write barrier: which tracks the recorder knows, and which are marked at their workers.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/brain.h"
#include "gateway/link/media_link.h"
#include "gateway/session/objects.h"
#include "gateway/session/persist.h"
#include "gateway/session/record/record.h"
#include "gateway/session/record/record_open.h"

static struct hz_record *record_of(const struct hz_track *track)
{
	return track->peer->owner ? track->peer->owner->consult->record : NULL;
}

// Before anything else: the participant said yes, the store knows, and nobody waits in a lobby.
static bool may(const struct hz_track *track)
{
	const struct hz_participant *p = track->peer->owner;
	return record_of(track) && p->consent == HZ_CONSENT_GIVEN && p->status == HZ_STATUS_ADMITTED;
}

uint8_t hz_record_flag(struct hz_brain *brain, struct hz_track *track)
{
	if (may(track) && track->tap == HZ_TAP_NONE)
		track->tap = HZ_TAP_WANTED;
	if (track->tap != HZ_TAP_NONE && record_of(track))
		hz_record_wake(brain, record_of(track), true);
	return may(track) && track->tap == HZ_TAP_OPEN && !track->muted ? HZ_TRACK_TAP : 0;
}

static void follow(struct hz_brain *brain, struct hz_track *track)
{
	uint8_t flag = hz_record_flag(brain, track);
	if (track->cmd.h.type && ((track->cmd.flags ^ flag) & HZ_TRACK_TAP))
		hz_track_set(brain, track);
}

void hz_record_follow(struct hz_brain *brain, struct hz_participant *p)
{
	for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		for (struct hz_track *track = peer->tracks; track; track = track->next)
			follow(brain, track);
	}
}

static void unname(struct hz_track *track)
{
	track->tap = HZ_TAP_NONE;
	track->tap_key = 0;
	track->tap_text = 0;
	track->tap_since_us = 0;
}

// The mark first: at the worker, and on its way before anything else happens.
static bool clear(struct hz_brain *brain, struct hz_track *track)
{
	bool told = track->tap_key != 0;
	unname(track);
	if (track->cmd.flags & HZ_TRACK_TAP)
		hz_track_set(brain, track);
	return told;
}

static void flush(struct hz_brain *brain)
{
	for (unsigned i = 0; i < brain->workers; i++) {
		if (brain->worker[i].link)
			hz_media_link_flush(brain->worker[i].link);
	}
	if (brain->recorder)
		hz_record_link_flush(brain->recorder);
}

void hz_record_withdraw(struct hz_brain *brain, struct hz_participant *p)
{
	const struct hz_record *record = p->consult->record;
	for (struct hz_peer *peer = p->peers; record && peer; peer = peer->next) {
		for (struct hz_track *track = peer->tracks; track; track = track->next) {
			if (clear(brain, track))
				(void)hz_record_link_track_close(brain->recorder, record->id, peer->worker,
				                                 track->id, true);
		}
	}
	flush(brain);
}

void hz_record_forget(struct hz_brain *brain, struct hz_track *track)
{
	const struct hz_record *record = record_of(track);
	if (record && track->tap_key)
		(void)hz_record_link_track_close(brain->recorder, record->id, track->peer->worker, track->id,
		                                 false);
	unname(track);
}

void hz_record_untap(struct hz_brain *brain, struct hz_consult *consult)
{
	for (struct hz_participant *p = consult->participants; p; p = p->next) {
		for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
			for (struct hz_track *track = peer->tracks; track; track = track->next)
				(void)clear(brain, track);
		}
	}
}

// --- what the recorder is told

static const struct {
	const char *name;
	uint32_t clock_hz;
} codecs[HZ_CODEC_COUNT] = {
    [HZ_CODEC_OPUS] = {"opus", 48000},      [HZ_CODEC_H264_CB] = {"h264", 90000},
    [HZ_CODEC_H264_HIGH] = {"h264", 90000}, [HZ_CODEC_VP8] = {"vp8", 90000},
    [HZ_CODEC_VP9] = {"vp9", 90000},        [HZ_CODEC_AV1] = {"av1", 90000},
};

static json_t *pts_json(const struct hz_track *track)
{
	json_t *list = json_array();
	bool audio = track->kind == HZ_KIND_AUDIO;
	for (unsigned i = 0; i < track->cmd.pt_count && i < HZ_MAX_CODECS; i++) {
		const struct hz_pt *pt = &track->cmd.pt[i];
		bool red = pt->codec == HZ_CODEC_RED;
		const char *name = red && audio                 ? "red"
		                   : pt->codec < HZ_CODEC_COUNT ? codecs[pt->codec].name
		                                                : NULL;
		if (!name) // RED and parity packets of video are unwrapped before the tap
			continue;
		json_array_append_new(list, json_pack("{s:i, s:s, s:i, s:s}", "pt", pt->pt, "codec", name,
		                                      "clock_hz",
		                                      (int)(red ? 48000 : codecs[pt->codec].clock_hz), "fmtp",
		                                      pt->codec == HZ_CODEC_H264_CB
		                                          ? "packetization-mode=1;profile-level-id=42e01f"
		                                      : pt->codec == HZ_CODEC_H264_HIGH
		                                          ? "packetization-mode=1;profile-level-id=640c1f"
		                                          : ""));
	}
	return list;
}

static char *track_text(const struct hz_track *track)
{
	char key[HZ_ID_TEXT_BYTES + 32];
	const char *source = hz_source_name(track->source);
	snprintf(key, sizeof(key), "%s.%s.%u", track->peer->owner->id, source, track->tap_key);
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o}", "key", key, "participant",
	                         track->peer->owner->id, "source", source, "kind",
	                         track->kind == HZ_KIND_AUDIO ? "audio" : "video", "label", track->label,
	                         "layers", track->cmd.layer_count, "pts", pts_json(track));
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return text;
}

static uint32_t checksum(const char *text) // FNV-1a; never 0
{
	uint32_t sum = 2166136261u;
	for (; *text; text++)
		sum = (sum ^ (uint8_t)*text) * 16777619u;
	return sum ? sum : 1;
}

static void tell(struct hz_brain *brain, struct hz_record *record, struct hz_track *track)
{
	char *text = track_text(track);
	uint32_t sum = text ? checksum(text) : 0;
	if (text && sum != track->tap_text) {
		int err = hz_record_link_track_open(brain->recorder, record->id, track->peer->worker,
		                                    track->id, text, track->tap_since_us);
		if (err) {
			hz_warn("record.track", "record=%s track=t%x err=%d", record->id, track->id, -err);
			track->tap = HZ_TAP_FAILED;
		} else {
			track->tap_text = sum;
		}
	}
	free(text);
}

static void open_track(struct hz_brain *brain, struct hz_record *record, struct hz_track *track)
{
	if (track->tap == HZ_TAP_WANTED && may(track)) {
		if (!track->tap_key) {
			track->tap_key = ++record->tracks;
			track->tap_since_us = brain->now_us;
			if (hz_record_write(brain, record)) { // a number that may be given twice is none
				track->tap_key = 0;
				track->tap = HZ_TAP_FAILED;
				return;
			}
		}
		track->tap = HZ_TAP_OPENING;
		track->tap_text = 0;
		hz_persist_track(brain, track);
	}
	if ((track->tap == HZ_TAP_OPENING || track->tap == HZ_TAP_OPEN) && track->cmd.h.type)
		tell(brain, record, track);
}

void hz_record_open_tracks(struct hz_brain *brain, struct hz_record *record)
{
	for (struct hz_participant *p = record->consult->participants; p; p = p->next) {
		for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
			for (struct hz_track *track = peer->tracks; track; track = track->next)
				open_track(brain, record, track);
		}
	}
	hz_persist_flush(brain);
}

void hz_record_close_tracks(struct hz_brain *brain, struct hz_record *record)
{
	for (struct hz_participant *p = record->consult ? record->consult->participants : NULL; p;
	     p = p->next) {
		for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
			for (struct hz_track *track = peer->tracks; track; track = track->next)
				track->tap = track->tap == HZ_TAP_NONE ? HZ_TAP_NONE : HZ_TAP_WANTED;
		}
		hz_record_follow(brain, p);
	}
}

void hz_record_resume(struct hz_brain *brain, struct hz_participant *p)
{
	struct hz_record *record = p->consult->record;
	for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		for (struct hz_track *track = peer->tracks; track; track = track->next) {
			bool marked = track->cmd.flags & HZ_TRACK_TAP;
			if (!may(track) || !track->tap_key) {
				(void)clear(
				    brain, track); // what was told is not named again: the recorder closes it
				follow(brain, track);
				continue;
			}
			// It goes on while the recorder is told again: what it was not told it does not take.
			track->tap = marked ? HZ_TAP_OPEN : HZ_TAP_OPENING;
			tell(brain, record, track);
		}
	}
}
