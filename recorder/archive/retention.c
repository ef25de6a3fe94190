// Deleting after the retention, so that it can be proven: a signed note says what went, when and why; the certificate, which names
// every file by hash, stays. Keys go first: what a broken deletion leaves behind cannot be read.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "recorder/archive/internal.h"
#include "recorder/journal/hash.h"
#include "recorder/record/certificate.h"
#include "recorder/record/files.h"
#include "recorder/record/sign.h"

#define DAY_MS 86400000ll

static const char *const media[] = {"keys",       "journal",   "tracks", "dicom", "composed.mp4",
                                    "poster.jpg", "strip.jpg", "early",  NULL};
static const char *const rest[] = {"manifest.json", "timeline.json",
                                   "fhir.json",     "fhir-2.json",
                                   "fhir-3.json",   "fhir-4.json",
                                   "fhir-5.json",   "fhir-6.json",
                                   "fhir-7.json",   "fhir-8.json",
                                   "fhir-9.json",   "fhir-10.json",
                                   "fhir-11.json",  "fhir-12.json",
                                   "fhir-13.json",  "fhir-14.json",
                                   "fhir-15.json",  "fhir-16.json",
                                   "delivery.json", "lock",
                                   "export",        NULL};

bool hz_retention_is_held(const char *store, const char *record)
{
	char path[HZ_RECORD_PATH_BYTES + 64];
	snprintf(path, sizeof(path), "%s/hold/%s", store, record);
	return access(path, F_OK) == 0 || errno != ENOENT; // not to know is to hold
}

static int wipe(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	static const char zeros[512];
	if (kind == FTW_DP)
		return rmdir(path) < 0 ? -1 : 0;
	if (strstr(path, "/keys/") && kind == FTW_F) {
		int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		for (off_t n = 0; fd >= 0 && n < st->st_size; n += (off_t)sizeof(zeros))
			if (pwrite(fd, zeros, sizeof(zeros), n) < 0)
				break;
		if (fd >= 0) {
			(void)fsync(fd);
			close(fd);
		}
	}
	return unlink(path);
}

// As it is written beside: by huizhen-compose, hz_document_write() and hz_file_replace().
static bool is_beside(const char *name, const char *const *names)
{
	bool hidden = name[0] == '.';
	name += hidden;
	for (; *names; names++) {
		size_t n = strlen(*names);
		if (strncmp(name, *names, n) != 0)
			continue;
		if (hidden ? name[n] == '.' : strcmp(name + n, ".part") == 0 || strcmp(name + n, ".new") == 0)
			return true;
	}
	return false;
}

bool hz_deletion_is_beside(const char *name)
{
	return is_beside(name, media) || is_beside(name, rest);
}

static bool is_there(const char *folder, const char *const *names)
{
	DIR *dir = opendir(folder);
	bool found = false;
	for (struct dirent *d; dir && !found && (d = readdir(dir));) {
		for (const char *const *name = names; *name && !found; name++)
			found = strcmp(d->d_name, *name) == 0;
		found = found || is_beside(d->d_name, names);
	}
	if (dir)
		closedir(dir);
	return found;
}

// What a process that was killed left of them.
static int remove_beside(const char *folder, const char *const *names)
{
	DIR *dir = opendir(folder);
	int err = dir ? 0 : -errno;
	for (struct dirent *d; dir && (d = readdir(dir));)
		if (is_beside(d->d_name, names) && unlinkat(dirfd(dir), d->d_name, 0) < 0 && errno != ENOENT)
			err = -errno;
	if (dir)
		closedir(dir);
	return err;
}

static int remove_all(const char *folder, const char *const *names)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	const char *const *first = names;
	int err = 0;
	for (; *names; names++) {
		snprintf(path, sizeof(path), "%s/%s", folder, *names);
		if (access(path, F_OK) == 0 && nftw(path, wipe, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
			err = -errno;
	}
	int beside = remove_beside(folder, first);
	err = err ? err : beside;
	return err ? err : hz_document_sync(path);
}

int hz_deletion_do(const char *folder, bool everything)
{
	int err = remove_all(folder, media);
	return !err && everything ? remove_all(folder, rest) : err;
}

bool hz_deletion_left(const char *folder)
{
	return is_there(folder, media) || is_there(folder, rest);
}

int hz_deletion_note(const struct hz_deletion *d, int64_t now_ms)
{
	const char *folder = d->folder;
	char path[HZ_RECORD_PATH_BYTES + 32];
	struct hz_file_hash hash;
	struct hz_sign_key *key = NULL;
	char *text = NULL, *compact = NULL, *out = NULL;
	snprintf(path, sizeof(path), "%s/certificate.json", folder);
	int err = hz_hash_file(path, HZ_SHA256, &hash);
	if (err &&
	    !(err == -ENOENT && d->unsigned_too)) // nothing is deleted that could not be proven to have been
		return err;
	if (err)
		hash.hex[0] = '\0';
	json_t *note = json_pack("{s:i, s:s, s:s, s:I, s:s, s:i, s:i}", "version", 1, "record", d->record,
	                         "certificate", hash.hex, "deleted_ms", (json_int_t)now_ms, "what", d->what,
	                         "media_days", (int)d->media_days, "record_days", (int)d->record_days);
	text = note ? hz_sign_canonical(note) : NULL;
	err = text ? hz_sign_key_open(d->store, d->sm2, &key) : -ENOMEM;
	if (!err)
		err = hz_sign_compact(key, text, strlen(text), &compact);
	json_t *all = err ? NULL : json_pack("{s:s, s:O}", "note", compact, "deletion", note);
	if (!err && !(out = all ? json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL))
		err = -ENOMEM;
	snprintf(path, sizeof(path), "%s/deletion.json", folder);
	if (!err)
		err = hz_document_write(path, out, strlen(out), 0640);
	free(out);
	free(compact);
	free(text);
	json_decref(all);
	json_decref(note);
	hz_sign_key_free(key);
	return err;
}

static bool delete (struct hz_archive *a, const char *folder, const struct hz_record_state *state,
                    bool everything, int64_t now_ms)
{
	struct hz_record_state after = *state;
	hz_queue_viewings_leave(&after);
	after.phase = HZ_RECORD_DELETED;
	after.changed_ms = state->phase == HZ_RECORD_DELETED ? state->changed_ms : now_ms;
	const struct hz_deletion d = {.store = a->settings->store,
	                              .folder = folder,
	                              .record = state->id,
	                              .what = everything ? "all" : "media",
	                              .sm2 = a->settings->sm2,
	                              .media_days = a->settings->media_days,
	                              .record_days = a->settings->record_days};
	int err = hz_deletion_note(&d, now_ms);
	if (!err && state->phase != HZ_RECORD_DELETED)
		err = hz_record_state_write(folder, &after);
	if (!err && everything)
		err = hz_viewings_forget(a->settings->store, folder, state->id);
	if (!err)
		err = hz_deletion_do(folder, everything);
	if (err)
		hz_error("archive.delete", "record=%s err=%d", state->id, err);
	else
		hz_info("archive.deleted", "record=%s what=%s", state->id, everything ? "all" : "media");
	return !err;
}

bool hz_retention(struct hz_archive *a, const char *folder, const struct hz_record_state *state,
                  int64_t now_ms)
{
	const struct hz_archive_settings *s = a->settings;
	int64_t age_ms = now_ms - state->ended_ms;
	bool deleted = state->phase == HZ_RECORD_DELETED;
	if ((state->phase != HZ_RECORD_DELIVERED && !deleted) || state->ended_ms <= 0 ||
	    hz_retention_is_held(s->store, state->id))
		return false;
	bool all_due = s->record_days && age_ms > s->record_days * DAY_MS;
	bool media_due = all_due || (s->media_days && age_ms > s->media_days * DAY_MS);
	if (all_due && (!deleted || is_there(folder, rest) || is_there(folder, media)))
		return delete (a, folder, state, true, now_ms);
	if ((media_due && !deleted) || (deleted && is_there(folder, media)))
		return delete (a, folder, state, false, now_ms);
	return false;
}
