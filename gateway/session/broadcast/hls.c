#include "gateway/session/broadcast/hls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/objects.h"
#include "gateway/session/participant.h"
#include "gateway/session/composed/picture.h"
#include "gateway/link/pipe_link.h"
#include "gateway/session/relay_internal.h"
#include "gateway/session/broadcast/targets.h"
#include "gateway/session/watched.h"

#define MIN_DELAY_MS 1000u
#define MIN_WINDOW_S 12u

int hz_hls_begin(struct hz_brain *brain, const struct hz_hls_options *options)
{
	if (mkdir(options->dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	int folder = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	int err = hz_hls_link_new(options->fd, folder, (uint64_t)options->disk_mb << 20, brain->now_us,
	                          &brain->hls);
	if (err) {
		close(folder);
		return err;
	}
	brain->hls_folder = folder;
	brain->hls_window_s = options->window_s < MIN_WINDOW_S ? MIN_WINDOW_S : options->window_s;
	return 0;
}

void hz_hls_done(struct hz_brain *brain)
{
	if (brain->hls)
		close(brain->hls_folder);
	hz_hls_link_free(brain->hls);
	brain->hls = NULL;
}

void hz_hls_name(char ret[HZ_HLS_ID_BYTES])
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789"; // 32: five bits each, 110 in all
	uint8_t random[22];
	hz_random(random, sizeof(random));
	for (unsigned i = 0; i < sizeof(random); i++)
		ret[i] = letters[random[i] % 32];
	ret[sizeof(random)] = '\0';
}

static struct hz_hls_leg *leg_get(struct hz_consult *consult)
{
	if (!consult->hls)
		consult->hls = calloc(1, sizeof(*consult->hls));
	if (consult->hls)
		consult->hls->consult = consult;
	return consult->hls;
}

struct hz_peer **hz_hls_links(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_hls_leg *leg = brain->hls ? leg_get(consult) : NULL;
	return leg ? &leg->links : NULL;
}

void hz_hls_free_memory(struct hz_consult *consult)
{
	if (consult->hls)
		hz_relay_peers_free_memory(&consult->hls->links);
	free(consult->hls);
	consult->hls = NULL;
}

// --- what each source needs

static struct hz_slot *slot_of(const struct hz_peer *link, const char *group, hz_id track)
{
	struct hz_slot *slot = link->slots;
	while (slot && (slot->cmd.track != track || strcmp(slot->group, group) != 0))
		slot = slot->next;
	return slot;
}

// The best that arrives.
static uint8_t layer_of(const struct hz_track *track)
{
	uint8_t top = track->cmd.layer_count ? (uint8_t)(track->cmd.layer_count - 1) : 0;
	for (uint8_t i = top; track->layers && i > 0; i--) {
		if (track->layers & 1u << i)
			return i;
	}
	return track->layers ? 0 : top;
}

static uint8_t codecs(uint8_t kind, struct hz_pt pt[HZ_MAX_CODECS])
{
	static const uint8_t video[] = {HZ_CODEC_H264_CB, HZ_CODEC_H264_HIGH};
	if (kind == HZ_KIND_AUDIO) {
		pt[0] = (struct hz_pt){.pt = HZ_HLS_FIRST_PT + HZ_CODEC_OPUS, .codec = HZ_CODEC_OPUS};
		return 1;
	}
	for (unsigned i = 0; i < 2; i++)
		pt[i] = (struct hz_pt){
		    .pt = (uint8_t)(HZ_HLS_FIRST_PT + video[i]), .codec = video[i], .flags = HZ_PT_PLI};
	return 2;
}

static int fit_source(struct hz_brain *brain, struct hz_hls_leg *leg, const struct hz_track *track,
                      const char *group, struct hz_hls_source *ret)
{
	struct hz_peer *link = NULL;
	bool cut = leg->consult->broadcast->cut, video = track->kind == HZ_KIND_VIDEO;
	uint8_t flags = HZ_SUB_PIN | HZ_SUB_LIVE | (cut ? HZ_SUB_PAUSED : 0);
	int err =
	    hz_relay_peer_get(brain, leg->consult, track->peer->worker, HZ_HLS_RELAY, &leg->links, &link);
	if (err)
		return err;
	struct hz_slot *slot = slot_of(link, group, track->id);
	bool fresh = !slot;
	if (fresh) {
		err = hz_slot_new(brain, link, &slot);
		if (err)
			return err;
		snprintf(slot->group, sizeof(slot->group), "%s", group);
		slot->cmd = (struct hz_cmd_sub_set){
		    .track = track->id, .kind = track->kind, .ssrc = hz_relay_ssrc(link)};
		slot->cmd.pt_count = codecs(track->kind, slot->cmd.pt);
	}
	uint8_t layer = video ? layer_of(track) : 0;
	if (fresh || slot->cmd.flags != flags || slot->cmd.max_layer != layer) {
		slot->cmd.flags = flags;
		slot->cmd.max_layer = layer;
		hz_slot_set(brain, slot);
		hz_watched_mark(brain, leg->consult);
	}
	*ret = (struct hz_hls_source){.ssrc = slot->cmd.ssrc, .worker = (uint16_t)link->worker};
	return 0;
}

static bool is_h264(const struct hz_track *track)
{
	return track->codec == HZ_CODEC_H264_CB || track->codec == HZ_CODEC_H264_HIGH;
}

static struct hz_track *voice_of(const struct hz_consult *consult, const char *id)
{
	const struct hz_participant *p = hz_participant_find(consult, id);
	struct hz_track *track = p && p->status == HZ_STATUS_ADMITTED
	                             ? hz_track_of_source(p, HZ_KIND_AUDIO, HZ_SOURCE_MICROPHONE)
	                             : NULL;
	return track && !track->muted ? track : NULL;
}

static void fit(struct hz_brain *brain, struct hz_hls_leg *leg, struct hz_hls_broadcast_set *wish)
{
	const struct hz_broadcast *b = leg->consult->broadcast;
	char group[8];
	const struct hz_track *air = hz_air_track(brain, leg->consult); // painted over where it must be
	leg->codec = air && !is_h264(air);
	int err = air && !leg->codec ? fit_source(brain, leg, air, "v", &wish->video) : 0;
	for (unsigned i = 0; i < b->voice_count && i < HZ_HLS_VOICES && !err; i++) {
		const struct hz_track *voice = voice_of(leg->consult, b->voice[i]);
		snprintf(group, sizeof(group), "a%u", i);
		err = voice ? fit_source(brain, leg, voice, group, &wish->voice[i]) : 0;
	}
	if (!err)
		return;
	brain->count.media_errors++;
	hz_warn("hls.failed", "consult=%s err=%d", leg->consult->id, -err);
}

// --- what nobody needs

static bool used(const struct hz_hls_broadcast_set *wish, const struct hz_slot *slot)
{
	bool any = wish->video.ssrc == slot->cmd.ssrc && wish->video.worker == slot->peer->worker;
	for (unsigned i = 0; i < HZ_HLS_VOICES && !any; i++)
		any = wish->voice[i].ssrc == slot->cmd.ssrc && wish->voice[i].worker == slot->peer->worker;
	return any;
}

static void sweep(struct hz_brain *brain, struct hz_hls_leg *leg, const struct hz_hls_broadcast_set *wish)
{
	struct hz_peer *next_link;
	for (struct hz_peer *link = leg->links; link; link = next_link) {
		struct hz_slot *next;
		next_link = link->next;
		for (struct hz_slot *slot = link->slots; slot; slot = next) {
			next = slot->next;
			if (!used(wish, slot))
				hz_slot_end(brain, slot);
		}
		if (!link->slots)
			hz_relay_peer_end(brain, &leg->links, link);
	}
}

// --- the wish

void hz_hls_leg_say(struct hz_brain *brain, struct hz_hls_leg *leg, const struct hz_hls_broadcast_set *wish)
{
	if (memcmp(wish, &leg->said, sizeof(*wish)) == 0)
		return;
	int err = hz_hls_link_set(brain->hls, wish);
	int feed = 0;
	if (wish->feed && hz_targets_feed(brain, leg->consult, &feed) == wish->feed)
		hz_hls_link_feed(brain->hls, wish->consult, feed);
	if (!err)
		leg->said = *wish;
	else
		hz_warn("hls.wish", "consult=%s err=%d", leg->consult->id, -err);
}

static void end(struct hz_brain *brain, struct hz_consult *consult)
{
	const struct hz_hls_broadcast_set none = {.consult = 0};
	sweep(brain, consult->hls, &none);
	hz_targets_touch(brain);
	if (consult->hls->said.consult)
		hz_hls_link_del(brain->hls, consult->hls->said.consult);
	hz_hls_free_memory(consult);
}

void hz_hls_recount(struct hz_brain *brain, struct hz_consult *consult)
{
	const struct hz_broadcast *b = consult->broadcast;
	if (!brain->hls || !b || !b->since_ms || !b->hls[0]) {
		if (consult->hls)
			end(brain, consult);
		return;
	}
	struct hz_hls_leg *leg = leg_get(consult);
	if (!leg) {
		brain->count.media_errors++;
		return;
	}
	uint32_t delay_ms = b->delay_s * 1000;
	struct hz_hls_broadcast_set wish = {.consult = consult->number,
	                                    .delay_ms = delay_ms > MIN_DELAY_MS ? delay_ms : MIN_DELAY_MS,
	                                    .window_s = brain->hls_window_s,
	                                    .clean = b->clean,
	                                    .cut_us = b->cut ? b->cut_us : 0,
	                                    .from_us = b->cut ? 0 : b->from_us};
	memcpy(wish.id, b->hls, sizeof(wish.id));
	int feed;
	wish.feed = hz_targets_feed(brain, consult, &feed);
	if (wish.feed != leg->said.feed)
		hz_targets_touch(brain);
	fit(brain, leg, &wish);
	hz_hls_leg_say(brain, leg, &wish);
	sweep(brain, leg, &wish);
	hz_hls_note_air(brain, leg);
	hz_picture_air_settle(brain, consult);
}

void hz_hls_cut_consult(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_hls_leg *leg = consult->hls;
	if (!brain->hls || !leg || !leg->said.consult)
		return;
	struct hz_hls_broadcast_set wish = leg->said;
	wish.cut_us = consult->broadcast->cut_us;
	wish.from_us = 0;
	hz_hls_leg_say(brain, leg, &wish);
	hz_pipe_link_flush(hz_hls_link_pipe(brain->hls));
}

bool hz_hls_cut_holds(const struct hz_brain *brain, const struct hz_consult *consult)
{
	const struct hz_hls_leg *leg = consult->hls;
	if (!brain->hls || !leg || !leg->said.consult)
		return true;
	return leg->said.cut_us && hz_hls_link_holds(brain->hls, leg->said.consult, brain->now_us);
}

// --- what is told

const char *hz_hls_state(const struct hz_brain *brain, const struct hz_consult *consult)
{
	const struct hz_hls_leg *leg = consult->hls;
	if (!brain->hls)
		return "off";
	if (!hz_hls_link_there(brain->hls, brain->now_us))
		return "down";
	if (!leg || !leg->said.consult)
		return "waiting";
	int answer = hz_hls_link_answer(brain->hls, leg->said.consult);
	if (answer == -ENOSPC)
		return "full";
	return answer ? "waiting" : leg->codec ? "codec" : leg->said.video.ssrc ? "live" : "waiting";
}

json_t *hz_hls_watch_json(const struct hz_brain *brain, const struct hz_consult *consult)
{
	const struct hz_broadcast *b = consult->broadcast;
	char url[64];
	if (!brain->hls || !b || !b->since_ms || !b->hls[0])
		return json_null();
	snprintf(url, sizeof(url), "/hls/%s/master.m3u8", b->hls);
	return json_pack("{s:s, s:i}", "url", url, "delay_s", (int)(b->delay_s ? b->delay_s : 1));
}
