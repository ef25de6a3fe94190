#include "recorder/archive/erase.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "recorder/archive/internal.h"
#include "recorder/finalize/finalize.h"
#include "recorder/finalize/prepare.h"
#include "recorder/finalize/words.h"
#include "recorder/journal/keys.h"
#include "recorder/record/erasure.h"
#include "recorder/record/files.h"
#include "recorder/record/manifest_read.h"

#define PATH_BYTES (HZ_RECORD_PATH_BYTES + 300)
#define POLL_MS    20

// What is made of everybody together, and what names those files.
static const char *const together[] = {"composed.mp4", "poster.jpg", "strip.jpg", "delivery.json", NULL};
static const char *const folders[] = {"dicom", "export", NULL};

struct erasing {
	const struct hz_erase *what;
	struct hz_record_state state;
	json_t *tracks, *keys, *files; // numbers, texts, paths
	unsigned open, own;            // tracks whose keys are still there; files of theirs alone
	bool words;                    // the journal has what they wrote or drew
	bool delivered;
	json_t *sent; // as in the note; NULL: of a DELIVERED record
};

// --- what is theirs

static void take_track(struct erasing *e, uint32_t number, const char *text)
{
	char path[PATH_BYTES];
	json_t *track = json_loads(text, 0, NULL);
	const char *who = json_string_value(json_object_get(track, "participant"));
	if (who && strcmp(who, e->what->participant) == 0) {
		json_array_append_new(e->tracks, json_integer(number));
		json_array_append(e->keys, json_object_get(track, "key"));
		snprintf(path, sizeof(path), "%s/keys/%04u", e->what->folder, number);
		e->open += access(path, F_OK) == 0;
	}
	json_decref(track);
}

// Who only wrote or drew has no track.
static void take_words(struct erasing *e, const struct hz_journal_item *item)
{
	if (e->words || item->kind != HZ_RECORD_EVENT)
		return;
	json_t *event = json_loadb((const char *)item->data, item->bytes, 0, NULL);
	e->words = hz_words_has(event, e->what->participant);
	json_decref(event);
}

// All of it is read: a track that was said yes to at the very end is in no file but the journal.
static int find_tracks(struct erasing *e)
{
	struct hz_journal_reader *reader;
	struct hz_journal_item item;
	if (!e->what->master)
		return -EINVAL;
	int err = hz_journal_reader_new(e->what->folder, e->what->master, &reader);
	if (err)
		return err;
	while ((err = hz_journal_next(reader, &item)) == 1)
		take_words(e, &item);
	for (uint32_t number = 1; !err && number < HZ_JOURNAL_TRACKS; number++) {
		const char *text = hz_journal_track_json(reader, number);
		if (text)
			take_track(e, number, text);
	}
	hz_journal_reader_free(reader);
	return !err && !e->words && json_array_size(e->tracks) == 0 ? -ENOENT : err;
}

static void take_file(struct erasing *e, const char *path)
{
	char full[PATH_BYTES];
	size_t i;
	const json_t *one;
	json_array_foreach(e->files, i, one) if (strcmp(json_string_value(one), path) == 0) return;
	snprintf(full, sizeof(full), "%s/%s", e->what->folder, path);
	if (hz_document_is_inside(path) && access(full, F_OK) == 0)
		json_array_append_new(e->files, json_string(path));
}

// Files of a track are named after its key: also of those that no manifest names (any more).
static bool is_theirs(const struct erasing *e, const char *name)
{
	size_t i;
	const json_t *key;
	json_array_foreach(e->keys, i, key)
	{
		size_t n = json_string_length(key);
		if (n && strncmp(name, json_string_value(key), n) == 0 && (name[n] == '.' || name[n] == '-'))
			return true;
	}
	return false;
}

static void take_folder(struct erasing *e, const char *name, bool all)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/%s", e->what->folder, name);
	DIR *dir = opendir(path);
	for (struct dirent *d; dir && (d = readdir(dir));) {
		snprintf(path, sizeof(path), "%s/%.255s", name, d->d_name);
		if (all || is_theirs(e, d->d_name)) // "." and ".." are not inside
			take_file(e, path);
	}
	if (dir)
		closedir(dir);
}

// What processes that were killed left of files of everybody.
static void take_beside(struct erasing *e)
{
	DIR *dir = opendir(e->what->folder);
	for (struct dirent *d; dir && (d = readdir(dir));)
		if (hz_deletion_is_beside(d->d_name))
			take_file(e, d->d_name);
	if (dir)
		closedir(dir);
}

static void find_files(struct erasing *e)
{
	struct hz_manifest *m = NULL;
	int err = hz_manifest_load(e->what->folder, NULL, &m);
	for (unsigned i = 0; !err && i < m->files_count; i++)
		if (strcmp(m->files[i].participant, e->what->participant) == 0)
			take_file(e, m->files[i].path);
	take_folder(e, "tracks", false);
	e->own = (unsigned)json_array_size(e->files);
	for (unsigned i = 0; !err && i < m->files_count; i++)
		if (strcmp(m->files[i].role, "track") != 0)
			take_file(e, m->files[i].path);
	hz_manifest_free(m);
	for (const char *const *name = folders; *name; name++)
		take_folder(e, *name, true);
	for (const char *const *name = together; *name; name++)
		take_file(e, *name);
	for (unsigned number = 1; number <= HZ_FHIR_BUNDLES; number++) {
		char bundle[16];
		hz_fhir_name(number, bundle);
		take_file(e, bundle);
	}
	take_beside(e);
}

// What they may have had is said to be theirs; only what they are known to have had is not sent again.
static int find_sent(struct erasing *e)
{
	void *sent = NULL;
	bool some = false;
	e->delivered = e->state.phase == HZ_RECORD_DELIVERED || hz_erasures_delivered(e->what->folder);
	if (e->state.phase == HZ_RECORD_DELIVERED)
		return 0;
	int err = hz_queue_sent(e->what->store, e->what->folder, &e->state, &sent, &some);
	e->sent = sent;
	e->delivered = e->delivered || some;
	return err;
}

// --- doing it

// Signed: whoever has the disk alone cannot make a loss look like this.
static int destroy_key(const struct erasing *e, unsigned note, int dir, uint32_t track)
{
	const struct hz_erase *w = e->what;
	char *text = NULL;
	json_t *mark =
	    json_pack("{s:s, s:I, s:i, s:I, s:s, s:s, s:s}", "record", e->state.id, "track",
	              (json_int_t)track, "erasure", (int)note, "erased_ms", (json_int_t)(hz_wall_us() / 1000),
	              "by", w->by, "why", w->why, "participant", w->participant);
	int err = mark ? hz_erasure_mark(w->store, w->sm2, mark, &text) : -ENOMEM;
	if (!err)
		err = hz_record_key_erase(dir, track, text);
	free(text);
	json_decref(mark);
	return err;
}

static int destroy_keys(const struct erasing *e, unsigned note)
{
	char path[PATH_BYTES];
	size_t i;
	const json_t *number;
	snprintf(path, sizeof(path), "%s/keys", e->what->folder);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = dir < 0 ? -errno : 0;
	json_array_foreach(e->tracks, i, number)
	{
		if (!err)
			err = destroy_key(e, note, dir, (uint32_t)json_integer_value(number));
	}
	if (dir >= 0)
		close(dir);
	return err;
}

static int remove_files(const struct erasing *e)
{
	char path[PATH_BYTES];
	size_t i;
	const json_t *one;
	int err = 0;
	json_array_foreach(e->files, i, one)
	{
		snprintf(path, sizeof(path), "%s/%s", e->what->folder, json_string_value(one));
		if (unlink(path) < 0 && errno != ENOENT)
			err = -errno;
		else
			err = err ? err : hz_document_sync(path);
	}
	return err;
}

struct unqueue {
	const char *folder, *record;
	bool viewings_stay; // who looked at it is told, as it stays written down in audit/
	int err;
};

static bool unqueue_one(void *arg, const char *name)
{
	struct unqueue *u = arg;
	if (strstr(name, u->record) && !(u->viewings_stay && hz_queue_is_viewing(name)))
		u->err = hz_spool_done(u->folder, name);
	return !u->err;
}

// What waits to be delivered names files that are gone.
static int unqueue(const char *store, const char *record)
{
	static const char *const spools[] = {"pacs", "emr"};
	char folder[PATH_BYTES];
	int err = 0;
	for (unsigned k = 0; k < 2 && !err; k++) {
		struct unqueue u = {.folder = folder, .record = record, .viewings_stay = k == HZ_TO_EMR};
		snprintf(folder, sizeof(folder), "%s/outbox/%s", store, spools[k]);
		err = hz_spool_each(folder, 0, unqueue_one, &u);
		err = err ? err : u.err;
	}
	return err;
}

static int note(struct erasing *e, struct hz_erased *ret)
{
	const struct hz_erase *w = e->what;
	json_t *erasure = json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:b}", "record", e->state.id, "by", w->by,
	                            "why", w->why, "participant", w->participant ? w->participant : "",
	                            "tracks", e->tracks, "files", e->files, "delivered", e->delivered);
	if (erasure && e->sent)
		json_object_set(erasure, "sent", e->sent);
	int err = erasure ? hz_erasure_write(w->store, w->folder, w->sm2, erasure, &ret->number) : -EINVAL;
	json_decref(erasure);
	return err;
}

// Without it nothing is known to have been put: what is unqueued does not count as sent when this is killed and asked for again.
static int forget_noted(const struct erasing *e)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/delivery.json", e->what->folder);
	return unlink(path) < 0 && errno != ENOENT ? -errno : hz_document_sync(path);
}

static int erase_person(struct erasing *e, struct hz_erased *ret)
{
	int err = note(e, ret);
	if (!err)
		err = hz_prepare_remove(e->what->folder);
	if (!err)
		err = destroy_keys(e, ret->number);
	if (!err)
		err = forget_noted(e);
	if (!err)
		err = unqueue(e->what->store, e->state.id);
	return err ? err : remove_files(e);
}

// Files go last: as long as one is there, it is gone on with.
static int destroy_all(const char *store, const char *folder, const char *record)
{
	int err = unqueue(store, record);
	if (!err)
		err = hz_viewings_forget(store, folder, record);
	return err ? err : hz_deletion_do(folder, true);
}

// As after its retention, but now.
static int erase_all(struct erasing *e, struct hz_erased *ret)
{
	const struct hz_deletion d = {.store = e->what->store,
	                              .folder = e->what->folder,
	                              .record = e->state.id,
	                              .what = "erased",
	                              .sm2 = e->what->sm2,
	                              .unsigned_too = true};
	int err = note(e, ret);
	if (!err)
		err = hz_deletion_note(&d, hz_wall_us() / 1000);
	if (!err) // before it is DELETED: nothing is sent when this is killed there
		err = forget_noted(e);
	if (!err)
		err = unqueue(e->what->store, e->state.id);
	hz_queue_viewings_leave(&e->state);
	struct hz_record_state after = e->state; // from here on the archive goes on with it
	after.phase = HZ_RECORD_DELETED;
	after.changed_ms = hz_wall_us() / 1000;
	if (!err)
		err = hz_record_state_write(e->what->folder, &after);
	return err ? err : destroy_all(e->what->store, e->what->folder, e->state.id);
}

// deletion.json says that all of it was to go.
static bool was_erased(const char *folder)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/deletion.json", folder);
	json_t *all = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	const char *what = json_string_value(json_object_get(json_object_get(all, "deletion"), "what"));
	bool erased = what && strcmp(what, "erased") == 0;
	json_decref(all);
	return erased;
}

int hz_erase_go_on(const char *store, const char *folder, const char *record)
{
	int lock, sending, err;
	if (!hz_deletion_left(folder) || !was_erased(folder))
		return 0;
	if (hz_hold_is(store, record))
		return -EPERM;
	if ((err = hz_record_lock(folder, &lock)) != 0)
		return err;
	err = hz_record_lock_sending(folder, false, &sending);
	if (!err) {
		err = destroy_all(store, folder, record);
		close(sending);
	}
	close(lock);
	if (!err)
		hz_info("archive.erased", "record=%s what=rest", record);
	return err ? err : 1;
}

// --- whether it may be done

static bool archive_runs(const char *store)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/archive.lock", store);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool runs = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
	if (fd >= 0)
		close(fd);
	return runs;
}

static int may(struct erasing *e)
{
	int err = hz_record_state_read(e->what->folder, &e->state);
	if (err)
		return err;
	if (hz_hold_is(e->what->store, e->state.id))
		return -EPERM;
	if (e->state.phase == HZ_RECORD_DELETED)
		return -ENODATA;
	if (e->state.phase == HZ_RECORD_RECORDING)
		return -EBUSY; // its recorder may be about to go on
	if (e->state.phase == HZ_RECORD_FINALISED && !hz_job_is_queued(e->what->folder) &&
	    archive_runs(e->what->store))
		return -EBUSY; // it makes objects and certificate
	if (e->state.composing.phase == HZ_COMPOSING_RUNNING && archive_runs(e->what->store))
		return -EBUSY; // and this
	return 0;
}

// FINALISING is what it stays when this is killed: the archive then makes everything anew. Else what it was comes back when
// nothing was done, and ENDED when something was.
static int give_back(const struct erasing *e, int lock, int err, bool begun)
{
	struct hz_record_state after = e->state;
	if (begun) {
		after.phase = e->what->participant ? HZ_RECORD_ENDED : HZ_RECORD_DELETED;
		after.attempts = 0;
		after.error[0] = '\0';
		memset(&after.composing, 0, sizeof(after.composing)); // of files that are gone
		after.changed_ms = hz_wall_us() / 1000;
	}
	int wrote = begun && err ? 0 : hz_record_state_write(e->what->folder, &after);
	close(lock);
	return err ? err : wrote;
}

// What they wrote or drew is still shown.
static bool shows_words(const struct erasing *e)
{
	char path[PATH_BYTES];
	bool shows = false;
	size_t i;
	const json_t *one;
	snprintf(path, sizeof(path), "%s/timeline.json", e->what->folder);
	json_t *events = json_load_file(path, 0, NULL);
	json_array_foreach(events, i, one) shows = shows || hz_words_has(one, e->what->participant);
	json_decref(events);
	return shows;
}

// The record is FINALISING: nothing more of it is begun (recorder/outbox/delivery.c).
static int await_sending(const struct hz_erase *w, int *ret)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000};
	int64_t until_us = hz_now_us() + (int64_t)w->wait_ms * 1000;
	int err;
	while ((err = hz_record_lock_sending(w->folder, false, ret)) == -EBUSY && hz_now_us() < until_us)
		nanosleep(&pause, NULL);
	return err;
}

static int look(struct erasing *e)
{
	int err = e->what->participant ? find_tracks(e) : 0;
	if (!err && e->what->participant) {
		find_files(e);
		bool made_anew =
		    e->state.phase == HZ_RECORD_FINALISED || e->state.phase == HZ_RECORD_DELIVERED;
		if (!e->open && !e->own && made_anew && !shows_words(e))
			err = -EALREADY;
	}
	return err ? err : find_sent(e);
}

static bool has_room(const char *text)
{
	return *text && strlen(text) <= HZ_ERASURE_TEXT;
}

int hz_erase(const struct hz_erase *what, struct hz_erased *ret)
{
	struct erasing e = {
	    .what = what, .tracks = json_array(), .keys = json_array(), .files = json_array()};
	struct hz_erased done = {0};
	int lock = -1, sending = -1, err = has_room(what->by) && has_room(what->why) ? may(&e) : -EINVAL;
	if (err == -ENODATA) { // and what a process that was killed left of it goes now
		int left = hz_erase_go_on(what->store, what->folder, e.state.id);
		err = left < 0 ? left : err;
	}
	if (!err)
		err = hz_finalize_begin(what->folder, &lock);
	if (!err) {
		err = await_sending(what, &sending);
		err = err ? err : look(&e);
		bool begun = !err;
		if (begun)
			err = what->participant ? erase_person(&e, &done) : erase_all(&e, &done);
		err = give_back(&e, lock, err, begun);
		if (sending >= 0)
			close(sending);
	}
	if (!err) {
		done.tracks = e.open;
		done.files = (unsigned)json_array_size(e.files);
		done.delivered = e.delivered;
		hz_info("archive.erased", "record=%s note=%u tracks=%u files=%u", e.state.id, done.number,
		        done.tracks, done.files);
		*ret = done;
	}
	json_decref(e.tracks);
	json_decref(e.keys);
	json_decref(e.files);
	json_decref(e.sent);
	return err;
}
