#include "gateway/session/record/replay.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/persist.h"
#include "recorder/journal/file.h"
#include "recorder/record/files.h"
#include "recorder/record/viewing.h"

int hz_replay_new(const char *dir, struct hz_replay **ret)
{
	if (strlen(dir) > HZ_RECORD_PATH_BYTES - 128)
		return -ENAMETOOLONG;
	struct hz_replay *replay = calloc(1, sizeof(*replay));
	if (!replay)
		return -ENOMEM;
	int err = hz_replay_lists_new(&replay->lists);
	if (err) {
		free(replay);
		return err;
	}
	snprintf(replay->dir, sizeof(replay->dir), "%s", dir);
	hz_random(replay->key, sizeof(replay->key));
	*ret = replay;
	return 0;
}

void hz_replay_free(struct hz_replay *replay)
{
	if (!replay)
		return;
	hz_replay_lists_free(replay->lists);
	hz_wipe(replay->key, sizeof(replay->key));
	free(replay);
}

enum hz_replay_scope hz_replay_scope(const struct hz_claims *claims)
{
	if (claims->grants & HZ_GRANT_AUDIT)
		return HZ_REPLAY_ALL;
	if (!(claims->grants & HZ_GRANT_RECORD))
		return HZ_REPLAY_NONE;
	return claims->role == HZ_ROLE_ADMIN ? HZ_REPLAY_ALL : HZ_REPLAY_OWN;
}

void hz_replay_fill(struct hz_brain *brain, const struct hz_record_row *row, struct hz_replay_record *ret)
{
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->id, sizeof(ret->id), "%s", row->id);
	snprintf(ret->consult, sizeof(ret->consult), "%s", row->consult);
	snprintf(ret->started_by, sizeof(ret->started_by), "%s", row->started_by);
	ret->started_ms = row->started_ms;
	ret->ended_ms = row->ended_ms;
	if (!brain->replay)
		return;
	if (hz_record_folder(brain->replay->dir, ret->id, ret->started_ms, ret->folder))
		return;
	int err = hz_record_state_read(ret->folder, &ret->state);
	if (err == -ENOENT && hz_record_find(brain->replay->dir, ret->id, ret->folder) == 0)
		err = hz_record_state_read(ret->folder, &ret->state); // a clock that was set around midnight
	ret->found = !err;
}

struct got {
	struct hz_brain *brain;
	struct hz_replay_record *record;
};

static bool on_row(void *arg, const struct hz_record_row *row)
{
	const struct got *got = arg;
	hz_replay_fill(got->brain, row, got->record);
	return false;
}

// One that the database does not know: it was restored from a backup, or the database was lost.
static int find_on_disk(struct hz_brain *brain, const char *id, struct hz_replay_record *ret)
{
	memset(ret, 0, sizeof(*ret));
	int err = hz_record_find(brain->replay->dir, id, ret->folder);
	if (!err)
		err = hz_record_state_read(ret->folder, &ret->state);
	if (err)
		return -ENOENT;
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	snprintf(ret->consult, sizeof(ret->consult), "%s", ret->state.consult);
	ret->started_ms = ret->state.started_ms;
	ret->ended_ms = ret->state.ended_ms;
	ret->found = true;
	return 0;
}

int hz_replay_get(struct hz_brain *brain, const char *id, struct hz_replay_record *ret)
{
	struct got got = {brain, ret};
	if (!brain->replay || !hz_record_id_good(id))
		return -ENOENT;
	int err = hz_store_record_get(brain->store, id, on_row, &got);
	return err == -ENOENT ? find_on_disk(brain, id, ret) : err;
}

int hz_replay_enter(struct hz_brain *brain, const struct hz_claims *claims, const char *id,
                    struct hz_replay_record *ret)
{
	bool was_there = false;
	enum hz_replay_scope scope = hz_replay_scope(claims);
	int err = scope == HZ_REPLAY_NONE ? -ENOENT : hz_replay_get(brain, id, ret);
	if (err)
		return err;
	if (claims->consult[0] && strcmp(claims->consult, ret->consult) != 0)
		return -ENOENT;
	if (scope == HZ_REPLAY_ALL)
		return 0;
	err = hz_store_record_person(brain->store, id, claims->sub, &was_there);
	return err ? err : was_there ? 0 : -ENOENT;
}

// --- viewings

static int write_file(const char *folder, const struct hz_viewing_row *row)
{
	char path[HZ_RECORD_PATH_BYTES + 64];
	snprintf(path, sizeof(path), "%s/audit", folder);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/audit/%010lld.json", folder, (long long)row->seq);
	json_t *json =
	    json_pack("{s:i, s:I, s:s, s:s, s:I, s:s, s:s, s:{s:s, s:s, s:s}, s:s}", "version", 1, "number",
	              (json_int_t)row->seq, "record", row->record, "consult", row->consult, "time_ms",
	              (json_int_t)row->time_ms, "view", row->view, "what", row->what, "participant", "id",
	              row->participant, "name", row->name, "role", row->role, "address", row->address);
	char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	json_decref(json);
	int err = text ? hz_document_write(path, text, strlen(text), 0600) : -ENOMEM;
	free(text);
	return err;
}

// The archive hears of it, also of one that it does not live to see: it is there until the EMR's Bundle is.
static int ring(const char *dir, const struct hz_viewing_row *row)
{
	char path[HZ_RECORD_PATH_BYTES + 64], name[HZ_VIEWING_NOTE_BYTES];
	hz_viewing_note_name(row->seq, row->record, name);
	snprintf(path, sizeof(path), "%s/" HZ_VIEWING_NOTES, dir);
	int err = hz_file_folder(path);
	snprintf(path, sizeof(path), "%s/" HZ_VIEWING_NOTES "/%s", dir, name);
	return err ? err : hz_document_write(path, "", 0, 0600);
}

static int hand_over(struct hz_brain *brain, const char *folder, const struct hz_viewing_row *row)
{
	int err = write_file(folder, row);
	if (!err)
		err = ring(brain->replay->dir, row);
	if (!err)
		err = hz_store_viewing_handed(brain->store, row->seq);
	if (err)
		hz_warn("replay.audit_file", "record=%s number=%lld err=%d", row->record, (long long)row->seq,
		        -err);
	return err;
}

int hz_replay_note(struct hz_brain *brain, const struct hz_replay_record *record,
                   const struct hz_viewing_row *row)
{
	bool known = false;
	struct hz_viewing_row noted = *row;
	int err = hz_store_viewing_has(brain->store, row->record, row->view, row->what, &known);
	if (err || known)
		return err;
	hz_persist_flush(brain); // what others wrote is not this one's to roll back
	err = hz_store_viewing_add(brain->store, row, &noted.seq);
	err = hz_persist_end(brain, err);
	if (err)
		return err;
	brain->count.viewings++;
	hz_info("replay.view", "record=%s consult=%s participant=%s role=%s view=%s", row->record,
	        row->consult, row->participant, row->role, row->view);
	if (record->found)
		(void)hand_over(brain, record->folder, &noted);
	return 0;
}

struct left {
	struct hz_brain *brain;
	struct hz_viewing_row row[HZ_REPLAY_UNHANDED];
	unsigned count;
};

static bool on_unhanded(void *arg, const struct hz_viewing_row *row)
{
	struct left *left = arg;
	struct hz_viewing_row *copy = &left->row[left->count++];
	*copy = *row;
	copy->record = strdup(row->record);
	copy->consult = strdup(row->consult);
	copy->view = strdup(row->view);
	copy->what = strdup(row->what);
	copy->participant = strdup(row->participant);
	copy->name = strdup(row->name);
	copy->role = strdup(row->role);
	copy->address = strdup(row->address);
	return true;
}

static bool whole(const struct hz_viewing_row *row)
{
	return row->record && row->consult && row->view && row->what && row->participant && row->name &&
	       row->role && row->address;
}

static void forget(const struct hz_viewing_row *row)
{
	const char *const texts[] = {row->record,      row->consult, row->view, row->what,
	                             row->participant, row->name,    row->role, row->address};
	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		free((char *)(uintptr_t)texts[i]);
}

void hz_replay_hand_over(struct hz_brain *brain)
{
	struct left *left;
	if (!brain->replay || !brain->store || access(brain->replay->dir, X_OK) < 0)
		return; // not mounted, perhaps
	left = calloc(1, sizeof(*left));
	if (!left)
		return;
	left->brain = brain;
	int err = hz_store_viewing_unhanded(brain->store, HZ_REPLAY_UNHANDED, on_unhanded, left);
	if (err)
		hz_warn("replay.unhanded", "err=%d", -err);
	for (unsigned i = 0; i < left->count; i++) {
		struct hz_replay_record record;
		err = whole(&left->row[i]) ? hz_replay_get(brain, left->row[i].record, &record) : -ENOMEM;
		if (!err && record.found)
			(void)hand_over(brain, record.folder, &left->row[i]);
		else if (!err || err == -ENOENT) // there is no folder for it any more; the row stays
			(void)hz_store_viewing_handed(brain->store, left->row[i].seq);
		forget(&left->row[i]);
	}
	if (left->count)
		hz_persist_flush(brain);
	free(left);
}
