// /recordings: finished records and their files; /archive: how the store of them is.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/session/record/replay.h"
#include "gateway/http/rest.h"
#include "gateway/http/rest_replay.h"
#include "gateway/store/consults.h"
#include "recorder/api.h"
#include "recorder/record/files.h"
#include "signaling/protocol/problem.h"
#include "signaling/server/file.h"

#define DOCUMENT_BYTES (32u << 20)
#define OUTBOX_BYTES   65536
#define PIECE_BYTES    (4u << 20)

// --- records as JSON

static bool on_title(void *arg, const struct hz_consult_row *row)
{
	snprintf(arg, HZ_NAME_TEXT_BYTES, "%s", row->title);
	return false;
}

// What became of it at the PACS and the EMR; NULL: nothing was for them.
static json_t *delivery_json(const struct hz_record_state *state)
{
	json_t *all = NULL;
	for (unsigned k = 0; k < HZ_DESTINATIONS; k++) {
		if (!state->delivery[k].phase)
			continue;
		all = all ? all : json_object();
		json_object_set_new(all, hz_record_destination_name(k),
		                    json_pack("{s:s, s:I, s:s}", "state",
		                              hz_record_delivery_name(state->delivery[k].phase), "time_ms",
		                              (json_int_t)state->delivery[k].changed_ms, "reason",
		                              state->delivery[k].error));
	}
	return all;
}

static json_t *record_json(struct hz_rest_call *call, const struct hz_replay_record *r)
{
	char title[HZ_NAME_TEXT_BYTES] = "";
	bool ended = r->ended_ms != 0;
	const char *state = ended ? "failed" : "recording", *error = ended ? "its folder is missing" : "";
	(void)hz_store_consult_get(call->brain->store, r->consult, on_title, title);
	if (r->found) {
		state = hz_record_phase_name(r->state.phase);
		error = r->state.error;
	}
	json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:n, s:s, s:s, s:s, s:b, s:b}", "id", r->id, "consult",
	                         r->consult, "title", title, "started_ms", (json_int_t)r->started_ms,
	                         "ended_ms", "started_by", r->started_by, "state", state, "error", error,
	                         "lost", r->found && r->state.lost, "torn", r->found && r->state.torn);
	if (json && ended)
		json_object_set_new(json, "ended_ms", json_integer(r->ended_ms));
	if (json && r->found && r->state.composing.phase)
		json_object_set_new(json, "composing",
		                    json_pack("{s:s, s:s}", "state",
		                              hz_record_composing_name(r->state.composing.phase), "error",
		                              r->state.composing.error));
	json_t *delivery = json && r->found ? delivery_json(&r->state) : NULL;
	if (delivery)
		json_object_set_new(json, "delivery", delivery);
	if (json && r->found && r->state.changed_ms)
		json_object_set_new(json, "changed_ms", json_integer(r->state.changed_ms));
	return json;
}

struct page {
	struct hz_rest_call *call;
	json_t *items;
	unsigned limit;
	char last[HZ_RECORD_ID_BYTES];
	bool more;
};

static bool on_record(void *arg, const struct hz_record_row *row)
{
	struct page *page = arg;
	struct hz_replay_record record;
	if (json_array_size(page->items) == page->limit) {
		page->more = true;
		return false;
	}
	hz_replay_fill(page->call->brain, row, &record);
	snprintf(page->last, sizeof(page->last), "%s", record.id);
	json_array_append_new(page->items, record_json(page->call, &record));
	return true;
}

void hz_rest_recordings_get(struct hz_rest_call *call)
{
	struct page page = {.call = call};
	char cursor[HZ_ID_TEXT_BYTES], consult[HZ_ID_TEXT_BYTES] = "";
	if (!hz_rest_page(call, &page.limit, cursor))
		return;
	int err = hz_request_query(call->req, "consult", consult, sizeof(consult));
	if ((err && err != -ENOENT) || (!err && !hz_id_valid(consult))) {
		hz_rest_problem(call, 400, "not the id of a consult", "consult");
		return;
	}
	if (!hz_rest_own(call, consult) && consult[0]) {
		hz_rest_problem(call, 403, NULL, NULL);
		return;
	}
	const char *of = call->claims.consult[0] ? call->claims.consult : consult[0] ? consult : NULL;
	const struct hz_record_filter filter = {
	    .consult = of,
	    .person = hz_replay_scope(&call->claims) == HZ_REPLAY_ALL ? NULL : call->claims.sub,
	    .after = cursor[0] ? cursor : NULL,
	    .limit = page.limit + 1,
	};
	page.items = json_array();
	err = hz_store_record_page(call->brain->store, &filter, on_record, &page);
	if (err) {
		json_decref(page.items);
		hz_rest_error(call, err);
		return;
	}
	hz_rest_list(call, page.items, page.more ? page.last : NULL);
}

bool hz_rest_replay_enter(struct hz_rest_call *call, struct hz_replay_record *ret)
{
	int err = hz_replay_enter(call->brain, &call->claims, call->arg[0], ret);
	if (!err)
		return true;
	call->brain->count.viewings_refused += err == -ENOENT;
	hz_rest_error(call, err);
	return false;
}

void hz_rest_recording_one(struct hz_rest_call *call)
{
	struct hz_replay_record record;
	if (hz_rest_replay_enter(call, &record))
		hz_json_answer(call->res, record_json(call, &record));
}

// --- documents

// A record of which media are gone, or not there yet.
static void answer_missing(struct hz_rest_call *call, const struct hz_replay_record *record)
{
	if (record->found && record->state.phase == HZ_RECORD_DELETED)
		hz_rest_problem(call, 410, "deleted after its retention", NULL);
	else if (record->found && record->state.phase < HZ_RECORD_FINALISED)
		hz_rest_problem(call, 409, "not finalised yet", NULL);
	else
		hz_rest_problem(call, 404, NULL, NULL);
}

static void answer_document(struct hz_rest_call *call, const char *name)
{
	struct hz_replay_record record;
	char path[HZ_RECORD_PATH_BYTES + 32], *text = NULL;
	size_t bytes = 0;
	if (!hz_rest_replay_enter(call, &record))
		return;
	snprintf(path, sizeof(path), "%s/%s", record.folder, name);
	int err = record.found ? hz_document_read(path, DOCUMENT_BYTES, &text, &bytes) : -ENOENT;
	if (err == -ENOENT) {
		answer_missing(call, &record);
		return;
	}
	if (!err)
		err = hz_rest_viewing_note(call, &record, name);
	if (err) {
		free(text);
		hz_rest_error(call, err);
		return;
	}
	hz_response_header(call->res, "Cache-Control", "private, no-store");
	hz_response_take(call->res, "application/json", text, bytes);
}

void hz_rest_recording_manifest(struct hz_rest_call *call)
{
	answer_document(call, "manifest.json");
}

void hz_rest_recording_timeline(struct hz_rest_call *call)
{
	answer_document(call, "timeline.json");
}

void hz_rest_recording_certificate(struct hz_rest_call *call)
{
	answer_document(call, "certificate.json");
}

// --- files

static void name_download(struct hz_rest_call *call, const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
	char text[320];
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	bool good = name[0] != '.' && name[strspn(name, plain)] == '\0';
	snprintf(text, sizeof(text), "attachment; filename=\"%.200s\"", good ? name : "recording");
	hz_response_header(call->res, "Content-Disposition", text);
}

static void send_file(struct hz_rest_call *call, const struct hz_replay_record *record,
                      const struct hz_replay_file *file, bool download)
{
	char etag[72];
	uint64_t bytes = 0;
	int fd = hz_replay_open(record->folder, file->path, &bytes);
	if (fd < 0) { // of a person who was erased, or behind the back of this program
		hz_rest_problem(call, fd == -ENOENT ? 410 : 500, NULL, NULL);
		return;
	}
	if (bytes != file->bytes) {
		close(fd);
		hz_error("replay.altered", "record=%s bytes=%llu manifest=%llu", record->id,
		         (unsigned long long)bytes, (unsigned long long)file->bytes);
		hz_rest_problem(call, 500, "the file is not what the manifest says: huizhen record verify",
		                NULL);
		return;
	}
	if (download)
		name_download(call, file->path);
	snprintf(etag, sizeof(etag), "\"%s\"", file->sha256);
	hz_response_header(call->res, "Cache-Control", "private, no-store");
	const struct hz_file_reply reply = {
	    .fd = fd, .bytes = bytes, .type = file->type, .etag = etag, .piece = PIECE_BYTES};
	hz_file_answer(&reply, call->req, call->res);
}

void hz_rest_recording_file(struct hz_rest_call *call)
{
	struct hz_replay_record record;
	const struct hz_replay_file *file = NULL;
	struct hz_rest_viewer viewer;
	char flag[4];
	bool download = hz_request_query(call->req, "download", flag, sizeof(flag)) != -ENOENT;
	if (!hz_rest_viewer(call, &record, &viewer))
		return;
	if (download && viewer.role == HZ_ROLE_AUDITOR) { // watches; copies are for those who treat
		hz_rest_problem(call, 403, NULL, NULL);
		return;
	}
	int err = record.found ? hz_replay_find(call->brain->replay->lists, record.folder, call->tail, &file)
	                       : -ENOENT;
	if (err == -ENOENT) {
		answer_missing(call, &record);
		return;
	}
	if (!err)
		err = hz_rest_viewer_note(call, &record, &viewer, file->path);
	if (err)
		hz_rest_error(call, err);
	else
		send_file(call, &record, file, download);
}

// --- the store of them

static void copy_numbers(json_t *to, const json_t *from)
{
	static const char *const names[] = {"waiting", "parked", "delivered", "oldest_ms", "away_since_ms"};
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		json_int_t value = json_integer_value(json_object_get(from, names[i]));
		json_object_set_new(to, names[i], json_integer(value > 0 ? value : 0));
	}
}

static json_t *destination(const json_t *outbox, const char *name)
{
	const json_t *from = json_object_get(outbox, name);
	const char *error = json_string_value(json_object_get(from, "error"));
	json_t *json =
	    json_pack("{s:b, s:s}", "configured", json_is_true(json_object_get(from, "configured")), "error",
	              error && strlen(error) <= 500 ? error : "");
	copy_numbers(json, from);
	return json;
}

// What the archive wrote last; NULL: it never ran here.
static json_t *outbox_json(const struct hz_replay *replay)
{
	char path[HZ_RECORD_PATH_BYTES + 32], *text = NULL;
	size_t bytes = 0;
	snprintf(path, sizeof(path), "%s/outbox.json", replay->dir);
	if (hz_document_read(path, OUTBOX_BYTES, &text, &bytes))
		return NULL;
	json_t *file = json_loadb(text, bytes, 0, NULL);
	free(text);
	if (!json_is_object(file)) {
		json_decref(file);
		return NULL;
	}
	json_int_t time_ms = json_integer_value(json_object_get(file, "time_ms"));
	json_t *json = json_pack("{s:I, s:o, s:o}", "time_ms", time_ms > 0 ? time_ms : (json_int_t)0, "pacs",
	                         destination(file, "pacs"), "emr", destination(file, "emr"));
	json_decref(file);
	return json;
}

void hz_rest_archive_get(struct hz_rest_call *call)
{
	static const char *const states[] = {"unknown", "good", "slow", "low", "full"};
	const struct hz_replay *replay = call->brain->replay;
	struct statvfs disk = {0};
	unsigned state = call->brain->recorder_disk;
	if (call->claims.consult[0]) {
		hz_rest_problem(call, 403, NULL, NULL);
		return;
	}
	if (!replay || statvfs(replay->dir, &disk) < 0)
		memset(&disk, 0, sizeof(disk));
	json_int_t free_bytes = (json_int_t)((uint64_t)disk.f_bavail * disk.f_frsize);
	json_int_t all_bytes = (json_int_t)((uint64_t)disk.f_blocks * disk.f_frsize);
	json_t *outbox = replay ? outbox_json(replay) : NULL;
	hz_json_answer(call->res,
	               json_pack("{s:b, s:{s:s, s:I, s:I}, s:o}", "recorder", call->brain->recorder_ready,
	                         "disk", "state", states[state <= HZ_REC_DISK_FULL ? state : 0], "free_bytes",
	                         free_bytes, "bytes", all_bytes, "outbox", outbox ? outbox : json_null()));
}
