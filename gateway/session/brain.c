#include "gateway/session/brain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/broadcast/audience.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/codec_choice.h"
#include "gateway/session/consult.h"
#include "gateway/session/ice/gather.h"
#include "gateway/session/ids.h"
#include "gateway/session/table/images.h"
#include "gateway/session/table/receive.h"
#include "gateway/session/table/studies.h"
#include "gateway/session/steps.h"
#include "gateway/session/watched.h"
#include "gateway/link/media_link.h"
#include "gateway/session/broadcast/hls.h"
#include "gateway/session/composed/mix.h"
#include "gateway/session/participant.h"
#include "gateway/session/persist.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/composed/picture.h"
#include "gateway/link/pipe_link.h"
#include "gateway/session/placement.h"
#include "gateway/session/push.h"
#include "gateway/session/table/reading.h"
#include "gateway/session/record/record.h"
#include "gateway/session/record/replay.h"
#include "gateway/session/relay.h"
#include "gateway/session/slots.h"
#include "gateway/session/broadcast/targets.h"
#include "gateway/session/theatre.h"
#include "gateway/session/ice/turn.h"
#include "signaling/server/server.h"

#define CONSULTS_MAX     100000
#define PARTICIPANTS_MAX 1000000
#define UFRAGS_MAX       (2 * HZ_MAX_PEERS * HZ_MAX_WORKERS)
#define RECORDS_MAX      4096
#define JOIN_WITHIN_US   5000000

int hz_brain_new(struct hz_brain **ret)
{
	struct hz_brain *brain = calloc(1, sizeof(*brain));
	if (!brain)
		return -ENOMEM;
	brain->limits.participants_per_consult = 100;
	brain->limits.consults = 1000;
	brain->limits.spread_subscriptions = HZ_SPREAD_DEFAULT;
	hz_random(&brain->next_number, sizeof(brain->next_number));
	hz_random(&brain->next_member, sizeof(brain->next_member));
	if (hz_map_new(CONSULTS_MAX, &brain->consults) || hz_map_new(CONSULTS_MAX, &brain->numbers) ||
	    hz_map_new(PARTICIPANTS_MAX, &brain->sessions) ||
	    hz_map_new(PARTICIPANTS_MAX, &brain->resources) || hz_map_new(UFRAGS_MAX, &brain->ufrags) ||
	    hz_map_new(RECORDS_MAX, &brain->records)) {
		hz_brain_free(brain);
		return -ENOMEM;
	}
	*ret = brain;
	return 0;
}

void hz_brain_free(struct hz_brain *brain)
{
	if (!brain)
		return;
	struct hz_consult *consult;
	uint32_t at = 0;
	while (brain->consults && (consult = hz_map_next(brain->consults, &at)))
		hz_consult_free_memory(consult);
	hz_record_free_all(brain);
	hz_replay_free(brain->replay);
	hz_mix_link_free(brain->mix);
	hz_picture_link_free(brain->picture);
	hz_easel_link_free(brain->easel);
	hz_images_free(brain->images);
	hz_receive_free(brain->receive);
	hz_studies_free(brain->studies);
	hz_hls_done(brain);
	hz_theatre_free(brain);
	hz_targets_free(brain);
	for (unsigned i = 0; i < brain->workers; i++) {
		hz_media_link_free(brain->worker[i].link);
		hz_ids_done(&brain->worker[i].peers);
		hz_ids_done(&brain->worker[i].tracks);
		hz_ids_done(&brain->worker[i].subs);
	}
	hz_map_free(brain->consults);
	hz_map_free(brain->numbers);
	hz_map_free(brain->sessions);
	hz_map_free(brain->resources);
	hz_map_free(brain->ufrags);
	while (brain->conns) {
		struct hz_conn *conn = brain->conns;
		brain->conns = conn->next;
		free(conn);
	}
	(void)hz_turn_configure(brain, NULL);
	free(brain);
}

int hz_brain_add_worker(struct hz_brain *brain, struct hz_media_link *link)
{
	if (brain->workers == HZ_MAX_WORKERS)
		return -ENOSPC;
	struct hz_worker_view *view = &brain->worker[brain->workers];
	if (hz_ids_init(&view->peers, HZ_MAX_PEERS) || hz_ids_init(&view->tracks, HZ_MAX_TRACKS) ||
	    hz_ids_init(&view->subs, HZ_MAX_SUBS)) {
		hz_ids_done(&view->peers);
		hz_ids_done(&view->tracks);
		hz_ids_done(&view->subs);
		return -ENOMEM;
	}
	view->link = link;
	brain->workers++;
	return 0;
}

void hz_brain_clock(struct hz_brain *brain, int64_t now_us, int64_t wall_us)
{
	brain->now_us = now_us;
	brain->wall_ms = wall_us / 1000;
}

int64_t hz_brain_turn(struct hz_brain *brain)
{
	for (struct hz_consult *c = brain->dirty; c; c = c->next_dirty) {
		if (!c->recount) {
			if (c->picture)
				hz_picture_recount(brain, c); // also who is recorded, and how it is called
			continue;
		}
		c->recount = false;
		hz_slots_follow(brain, c);
		hz_mix_recount(brain, c);
		hz_picture_recount(brain, c);
		hz_easel_recount(brain, c);
		hz_hls_recount(brain, c);
		hz_codec_recount(brain, c);
		hz_watched_mark(brain, c);
	}
	int64_t ladder = hz_steps_due(brain), watched = hz_watched_due(brain), gather = hz_gather_due(brain),
	        mix = hz_mix_due(brain), picture = hz_picture_due(brain), easel = hz_easel_due(brain);
	hz_broadcast_turn(brain);
	int64_t feed = hz_audience_due(brain);
	hz_persist_flush(brain);
	hz_record_turn(brain); // events are durable now
	for (unsigned i = 0; i < brain->workers; i++) {
		if (brain->worker[i].link)
			hz_media_link_flush(brain->worker[i].link);
	}
	hz_pipe_link_flush(hz_mix_link_pipe(brain->mix)); // the workers know of its tracks
	int64_t push = hz_push_due(brain), reading = hz_reading_due(brain);
	push = push < reading ? push : reading;
	hz_pipe_link_flush(hz_picture_link_pipe(brain->picture));
	hz_pipe_link_flush(hz_easel_link_pipe(brain->easel));
	hz_pipe_link_flush(hz_hls_link_pipe(brain->hls));
	hz_pipe_link_flush(brain->theatre ? &brain->theatre->pipe : NULL);
	hz_pipe_link_flush(brain->targets ? &brain->targets->pipe : NULL); // huizhen-hls knows of their rings
	push = push < ladder ? push : ladder;
	push = push < gather ? push : gather;
	push = push < feed ? push : feed;
	push = push < mix ? push : mix;
	push = push < picture ? push : picture;
	push = push < easel ? push : easel;
	return push < watched ? push : watched;
}

static void tick_conns(struct hz_brain *brain)
{
	struct hz_conn *next;
	for (struct hz_conn *conn = brain->conns; conn; conn = next) {
		next = conn->next;
		if (!conn->participant && !conn->closing &&
		    brain->now_us - conn->opened_us > JOIN_WITHIN_US) {
			conn->closing = true;
			brain->ops->close(conn->socket, HZ_WS_NO_JOIN, "no join within 5 s");
		}
	}
}

void hz_brain_tick(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	tick_conns(brain);
	while ((consult = hz_map_next(brain->consults, &at))) {
		struct hz_participant *next;
		hz_relay_sweep(brain, consult, false);
		for (struct hz_participant *p = consult->participants; p; p = next) {
			next = p->next;
			if (p->has_session && p->away_until_ms && p->away_until_ms <= brain->wall_ms) {
				brain->count.expired++;
				hz_participant_end_session(brain, p, NULL);
			}
		}
	}
	hz_broadcast_tick(brain);
	hz_reading_tick(brain);
	if (brain->picture)
		hz_picture_tick(brain);
	if (brain->images)
		hz_images_tick(brain->images, brain->now_us);
	if (brain->studies)
		hz_studies_tick(brain->studies, brain->now_us);
	if (brain->receive)
		hz_receive_tick(brain->receive);
	if (brain->hls)
		hz_hls_link_tick(brain->hls, brain->now_us);
	hz_record_tick(brain);
	hz_theatre_tick(brain);
	if (brain->store_sick)
		hz_persist_rewrite(brain);
}

void hz_brain_sweep(struct hz_brain *brain)
{
	int err = brain->store ? hz_store_sweep(brain->store, brain->wall_ms) : 0;
	if (!err && brain->store)
		err = hz_store_commit(brain->store);
	if (err) {
		hz_store_rollback(brain->store);
		brain->count.store_errors++;
		hz_warn("store.sweep", "err=%d", -err);
	}
	hz_audience_expire(brain);
	hz_replay_hand_over(brain);
}

static const char *const source_names[HZ_SOURCE_COUNT] = {
    [HZ_SOURCE_CAMERA] = "camera",
    [HZ_SOURCE_CAMERA2] = "camera2",
    [HZ_SOURCE_SCREEN] = "screen",
    [HZ_SOURCE_MICROPHONE] = "microphone",
    [HZ_SOURCE_ULTRASOUND] = "ultrasound",
    [HZ_SOURCE_ENDOSCOPE] = "endoscope",
    [HZ_SOURCE_MICROSCOPE] = "microscope",
    [HZ_SOURCE_IMAGE] = "image",
    [HZ_SOURCE_MIX] = "mix",
};

const char *hz_source_name(uint8_t source)
{
	return source < HZ_SOURCE_COUNT ? source_names[source] : "camera";
}

int hz_source_parse(const char *name, uint8_t *ret)
{
	for (unsigned i = 0; i < HZ_SOURCE_COUNT; i++) {
		if (strcmp(name, source_names[i]) == 0) {
			*ret = (uint8_t)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *hz_quality_name(uint8_t quality)
{
	static const char *const names[] = {"good", "fair", "poor", "lost"};
	return quality < 4 ? names[quality] : "lost";
}

const char *hz_peer_state_name(uint8_t state)
{
	static const char *const names[] = {"new",          "checking", "connected",
	                                    "disconnected", "failed",   "closed"};
	return state <= HZ_PEER_CLOSED ? names[state] : "new";
}

const char *hz_codec_name(uint8_t codec)
{
	static const char *const names[HZ_CODEC_COUNT] = {"",    "opus", "h264", "h264",  "vp8",
	                                                  "vp9", "av1",  "red",  "ulpfec"};
	return codec < HZ_CODEC_COUNT ? names[codec] : "";
}
