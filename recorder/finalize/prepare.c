#include "recorder/finalize/prepare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/finalize/dicom_cache.h"
#include "recorder/finalize/finalize.h"
#include "recorder/store.h"

#define PATH_BYTES (HZ_RECORD_PATH_BYTES + 64)
#define MOST_KEPT  20000 // slices: two weeks of sound

// --- what is heard of a journal

struct source {
	const char *folder;
	const uint8_t *master;
	struct hz_journal_reader *reader;
	bool sound[HZ_JOURNAL_TRACKS], withdrawn[HZ_JOURNAL_TRACKS];
};

static int rewind_journal(void *arg)
{
	struct source *s = arg;
	hz_journal_reader_free(s->reader);
	s->reader = NULL;
	return hz_journal_reader_new(s->folder, s->master, &s->reader);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static void note_track(struct source *s, const json_t *json)
{
	json_int_t number = json_integer_value(json_object_get(json, "track"));
	if (number > 0 && number < HZ_JOURNAL_TRACKS)
		s->sound[number] = strcmp(text_of(json, "kind"), "audio") == 0;
}

// Consent that was taken back: what was recorded until then stays in the journal, but nothing is made of it ahead.
static void note_event(struct source *s, const json_t *json)
{
	json_error_t error;
	if (strcmp(text_of(json, "type"), "consent") != 0 ||
	    strcmp(text_of(json_object_get(json, "detail"), "state"), "withdrawn") != 0)
		return;
	for (uint32_t i = 1; i < HZ_JOURNAL_TRACKS; i++) {
		const char *text = hz_journal_track_json(s->reader, i);
		json_t *track = text ? json_loads(text, 0, &error) : NULL;
		if (track && strcmp(text_of(track, "participant"), text_of(json, "participant")) == 0)
			s->withdrawn[i] = true;
		json_decref(track);
	}
}

static bool is_heard(struct source *s, const struct hz_journal_item *item)
{
	json_error_t error;
	if (item->kind == HZ_RECORD_RTP || item->kind == HZ_RECORD_SR)
		return item->track < HZ_JOURNAL_TRACKS && s->sound[item->track] && !s->withdrawn[item->track];
	if (item->kind != HZ_RECORD_TRACK && item->kind != HZ_RECORD_EVENT)
		return item->kind != HZ_RECORD_GAP;
	json_t *json = json_loadb((const char *)item->data, item->bytes, 0, &error);
	if (item->kind == HZ_RECORD_TRACK)
		note_track(s, json);
	else
		note_event(s, json);
	json_decref(json);
	return item->kind == HZ_RECORD_TRACK;
}

static int next(void *arg, struct hz_journal_item *ret)
{
	struct source *s = arg;
	int got;
	do
		got = hz_journal_next(s->reader, ret);
	while (got == 1 && !is_heard(s, ret));
	return got;
}

// --- folders

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return (kind == FTW_DP || kind == FTW_D ? rmdir(path) : unlink(path)) < 0 && errno != ENOENT ? -1 : 0;
}

static int remove_tree(const char *path)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	return nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 ? 0 : -EIO;
}

static int make_folder(const char *folder, const char *name, char ret[PATH_BYTES])
{
	snprintf(ret, PATH_BYTES, "%s/%s", folder, name);
	return mkdir(ret, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int hz_prepare_remove(const char *folder)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/" HZ_EARLY, folder);
	return remove_tree(path);
}

static int begin(const char *folder, char work[PATH_BYTES])
{
	char path[PATH_BYTES];
	int err = make_folder(folder, HZ_EARLY, path);
	snprintf(path, sizeof(path), "%s/" HZ_EARLY_BEGUN, folder);
	int fd = err ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err ? err : -errno;
	err = futimens(fd, NULL) < 0 ? -errno : 0;
	close(fd);
	snprintf(work, PATH_BYTES, "%s/" HZ_EARLY "/.work", folder);
	if (!err)
		err = remove_tree(work); // of one that was killed
	return err ? err : make_folder(folder, HZ_EARLY "/.work", work);
}

int hz_prepare_read(const char *folder, const uint8_t *master)
{
	char work[PATH_BYTES];
	struct source *s = calloc(1, sizeof(*s));
	int err = s ? begin(folder, work) : -ENOMEM;
	if (!err) {
		s->folder = folder;
		s->master = master;
		const struct hz_finalize_source source = {.items = {next, rewind_journal, s}, .record = ""};
		err = hz_finalize_items(&source, work);
		if (err)
			(void)remove_tree(work);
	}
	if (s)
		hz_journal_reader_free(s->reader);
	free(s);
	return err;
}

// --- slices

struct making {
	char early[PATH_BYTES];
	char (*kept)[HZ_CACHE_NAME_BYTES];
	size_t count;
};

// The newest run goes on: what is near its end will be something else.
static bool is_sure(const struct hz_tape *t, const struct hz_tape_slice *s)
{
	size_t first, end;
	if (s->end < t->packets)
		return true;
	hz_slice_packets(t, s, &first, &end);
	return !s->last && end + 1 < s->end;
}

static int make_file(struct making *m, const char *path)
{
	struct hz_tape tape;
	int err = hz_tape_open(path, 0, &tape);
	unlink(path);
	if (err)
		return err == -ENOENT || err == -EBADMSG ? 0 : err;
	for (size_t i = 0; !err && i < tape.slices && m->count < MOST_KEPT; i++) {
		if (!is_sure(&tape, &tape.slice[i]))
			continue;
		hz_cache_name(&tape, &tape.slice[i], m->kept[m->count++]);
		err = hz_cache_fill(m->early, &tape, &tape.slice[i]);
	}
	hz_tape_done(&tape);
	return err;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

// What the journal does not give any more.
static void sweep(struct making *m)
{
	DIR *dir = opendir(m->early);
	qsort(m->kept, m->count, sizeof(*m->kept), by_name);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		bool ours = strcmp(e->d_name, ".begun") == 0 || strcmp(e->d_name, ".work") == 0 ||
		            strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
		if (!ours && !bsearch(e->d_name, m->kept, m->count, sizeof(*m->kept), by_name))
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

int hz_prepare_make(const char *folder)
{
	struct making m = {.kept = calloc(MOST_KEPT, sizeof(*m.kept))};
	char tracks[PATH_BYTES], path[PATH_BYTES + 256], work[PATH_BYTES];
	int err = m.kept ? 0 : -ENOMEM;
	snprintf(m.early, sizeof(m.early), "%s/" HZ_EARLY, folder);
	snprintf(work, sizeof(work), "%s/" HZ_EARLY "/.work", folder);
	snprintf(tracks, sizeof(tracks), "%s/" HZ_EARLY "/.work/tracks", folder);
	DIR *dir = err ? NULL : opendir(tracks);
	if (!err && !dir)
		err = -errno;
	for (struct dirent *e; !err && (e = readdir(dir));) {
		snprintf(path, sizeof(path), "%s/%.250s", tracks, e->d_name);
		if (e->d_name[0] != '.')
			err = make_file(&m, path);
	}
	if (dir)
		closedir(dir);
	if (!err)
		sweep(&m);
	free(m.kept);
	int gone = remove_tree(work);
	return err ? err : gone;
}
