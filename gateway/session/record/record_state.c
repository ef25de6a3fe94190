// What the recorder says of its records, and what everybody is told of it.
#include <errno.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/objects.h"
#include "gateway/session/push.h"
#include "gateway/session/record/record_events.h"
#include "gateway/session/record/record_open.h"

bool hz_record_host(const struct hz_participant *p)
{
	return p->grants & (HZ_GRANT_RECORD | HZ_GRANT_ADMIT);
}

enum hz_record_sign hz_record_sign(const struct hz_brain *brain, const struct hz_consult *consult)
{
	const struct hz_record *record = consult->record;
	if (!record)
		return HZ_SIGN_OFF;
	if (!record->opened)
		return record->was_opened ? HZ_SIGN_INTERRUPTED : HZ_SIGN_STARTING;
	bool writes =
	    brain->recorder_ready && record->state != HZ_REC_STOPPED && record->state != HZ_REC_CLOSED;
	return writes ? HZ_SIGN_ON : HZ_SIGN_INTERRUPTED;
}

static const char *problem_of(const struct hz_brain *brain, const struct hz_record *record)
{
	if (!brain->recorder_ready)
		return "away";
	if (record->state == HZ_REC_STOPPED || record->open_err)
		return brain->recorder_disk == HZ_REC_DISK_FULL ? "full" : "stopped";
	if (brain->recorder_disk == HZ_REC_DISK_FULL)
		return "full";
	if (record->state == HZ_REC_LOSING)
		return "losing";
	if (brain->recorder_disk == HZ_REC_DISK_LOW)
		return "low";
	return brain->recorder_disk == HZ_REC_DISK_SLOW ? "slow" : NULL;
}

json_t *hz_record_json(const struct hz_brain *brain, const struct hz_consult *consult, bool whole)
{
	static const char *const signs[] = {"off", "starting", "on", "interrupted"};
	const struct hz_record *record = consult->record;
	json_t *json = json_pack("{s:s, s:s}", "state", signs[hz_record_sign(brain, consult)], "wish",
	                         hz_record_wish_name(hz_record_wish_of(brain, consult)));
	if (json && record && whole) {
		json_object_set_new(json, "id", json_string(record->id));
		json_object_set_new(json, "since_ms", json_integer(record->started_ms));
	}
	const char *problem = record && whole ? problem_of(brain, record) : NULL;
	if (json && problem)
		json_object_set_new(json, "problem", json_string(problem));
	return json;
}

// --- the recorder's words

static void push(struct hz_brain *brain, const struct hz_record *record)
{
	if (record && record->consult)
		hz_push_state(brain, record->consult);
}

static void push_all(struct hz_brain *brain)
{
	uint32_t at = 0;
	const struct hz_record *record;
	while ((record = hz_map_next(brain->records, &at)))
		push(brain, record);
}

static void over(struct hz_brain *brain, struct hz_record *record)
{
	record->state = HZ_REC_CLOSED;
	(void)hz_record_write(brain, record);
	hz_record_drop(brain, record);
}

// The recorder closed it while nobody here could say otherwise, or cannot go on with it: what goes on is another record.
static void begin_another(struct hz_brain *brain, struct hz_record *record)
{
	struct hz_consult *consult = record->consult;
	hz_warn("record.another", "record=%s err=%d", record->id, -record->open_err);
	if (consult) {
		(void)hz_record_stop(brain, consult, "");
		(void)hz_record_start(brain, consult, record->started_by);
	}
	over(brain, record);
}

// Errors of the journal itself (recorder/journal/writer.h): trying again gives the same.
static bool is_lost(const struct hz_record *record, int err)
{
	return record->was_opened &&
	       (err == -EBADMSG || err == -EKEYREJECTED || err == -ENOKEY || err == -ENOENT || err == -EFBIG);
}

static void on_open(void *ctx, const char *id, uint64_t newest, int err)
{
	struct hz_brain *brain = ctx;
	struct hz_record *record = hz_map_get(brain->records, id);
	if (!record)
		return;
	record->open_err = err;
	if (err == -EEXIST || is_lost(record, err)) {
		begin_another(brain, record);
		return;
	}
	if (err) { // the link has forgotten it
		hz_warn("record.open", "record=%s err=%d", id, -err);
		record->opened = false;
		hz_record_events_unsent(record);
		hz_record_close_tracks(brain, record);
	}
	if (!err && !record->opened) {
		hz_record_events_number(brain, record, newest);
		record->opened = record->was_opened = true;
	}
	hz_record_wake(brain, record, true);
	push(brain, record);
}

// What a recorder that died had not written is missing, and pictures behind it are nothing without a keyframe.
static void ask_keyframe(struct hz_brain *brain, unsigned worker, const struct hz_track *track)
{
	struct hz_cmd_keyframe cmd = {.track = track->id};
	if (track->kind == HZ_KIND_VIDEO)
		hz_objects_tell(brain, worker, &cmd.h, HZ_CMD_KEYFRAME, sizeof(cmd));
}

static void on_track(void *ctx, const char *id, unsigned worker, hz_id track_id, int err)
{
	struct hz_brain *brain = ctx;
	struct hz_record *record = hz_map_get(brain->records, id);
	struct hz_track *track = hz_track_by_id(brain, worker, track_id);
	if (!record || !record->consult || !track || track->peer->owner->consult != record->consult ||
	    (track->tap != HZ_TAP_OPENING && track->tap != HZ_TAP_OPEN))
		return; // stopped, withdrawn or gone meanwhile
	if (err)
		hz_warn("record.track", "record=%s track=t%x err=%d", id, track_id, -err);
	if (!err && track->cmd.flags & HZ_TRACK_TAP) // told again: another recorder goes on with it
		ask_keyframe(brain, worker, track);
	track->tap = err ? HZ_TAP_FAILED : HZ_TAP_OPEN;
	hz_record_follow(brain, track->peer->owner);
}

static void on_track_closed(void *ctx, const char *id, unsigned worker, hz_id track, int err)
{
	(void)ctx;
	(void)worker;
	if (err && err != -ENOENT)
		hz_warn("record.track_closed", "record=%s track=t%x err=%d", id, track, -err);
}

static void on_event(void *ctx, const char *id, uint64_t number, int err)
{
	struct hz_brain *brain = ctx;
	struct hz_record *record = hz_map_get(brain->records, id);
	if (err)
		hz_warn("record.event", "record=%s number=%llu err=%d", id, (unsigned long long)number, -err);
	else if (record)
		hz_record_event_done(brain, record, number);
}

static void on_state(void *ctx, const char *id, enum hz_rec_state state, const char *text)
{
	struct hz_brain *brain = ctx;
	struct hz_record *record = hz_map_get(brain->records, id);
	(void)text;
	if (!record)
		return;
	if (state != HZ_REC_RUNNING && state != HZ_REC_CLOSED)
		hz_warn("record.state", "record=%s state=%d", id, (int)state);
	if (state == HZ_REC_CLOSED && record->ending) {
		hz_info("record.closed", "record=%s", id);
		over(brain, record);
	} else if (state == HZ_REC_CLOSED) {
		begin_another(brain, record);
	} else if (record->state != state) {
		record->state = (uint8_t)state;
		push(brain, record);
	}
}

static void on_disk(void *ctx, enum hz_rec_disk disk, const char *text)
{
	struct hz_brain *brain = ctx;
	(void)text;
	if (brain->recorder_disk == disk)
		return;
	hz_info("record.disk", "state=%d", (int)disk);
	brain->recorder_disk = (uint8_t)disk;
	push_all(brain);
}

static void on_ready(void *ctx, bool ready)
{
	struct hz_brain *brain = ctx;
	if (brain->recorder_ready == ready)
		return;
	hz_info("record.ready", "ready=%d", ready);
	brain->recorder_ready = ready;
	push_all(brain);
}

const struct hz_record_link_ops hz_record_link_brain_ops = {
    .on_open = on_open,
    .on_track = on_track,
    .on_track_closed = on_track_closed,
    .on_event = on_event,
    .on_state = on_state,
    .on_disk = on_disk,
    .on_ready = on_ready,
};
