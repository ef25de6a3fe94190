// From a viewing to the EMR. Control notes each in <store>/viewings/ after it has written it down in the record's folder; the archive
// makes Bundles of what is noted, audit/fhir-<number of the first>.json, queues them, and removes the notes. A Bundle that is there is
// never written again, so that whatever was cut short is gone on with. One that the EMR has taken is removed; without an EMR they
// stay, like fhir.json.
//
// Only of records that are delivered, at least to the EMR: what the AuditEvents refer to is there. While a Bundle of a record waits,
// what comes is gathered for the next one.
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "recorder/archive/internal.h"
#include "recorder/record/fhir_viewings.h"
#include "recorder/record/files.h"

#define NOTES (1u << 20) // in memory at a time; the rest waits for the next pass
#define PATH  (HZ_RECORD_PATH_BYTES + 128)

struct note {
	char record[HZ_RECORD_ID_BYTES];
	int64_t number;
};

struct notes {
	struct note *list;
	unsigned count, room;
};

struct work { // on one record
	struct hz_archive *archive;
	const struct hz_queue_names *names;
	const char *record;
	const struct note *notes; // oldest first
	unsigned count;
	char folder[HZ_RECORD_PATH_BYTES];
	struct hz_record_state state;
	struct hz_viewing *viewings; // room for HZ_FHIR_VIEWINGS
	unsigned viewings_count;
};

void hz_viewings_folder(const char *store, char ret[HZ_RECORD_PATH_BYTES + 32])
{
	snprintf(ret, HZ_RECORD_PATH_BYTES + 32, "%s/" HZ_VIEWING_NOTES, store);
}

static int remove_note(const struct hz_archive *a, const char *record, int64_t number)
{
	char folder[HZ_RECORD_PATH_BYTES + 32], name[HZ_VIEWING_NOTE_BYTES], path[PATH];
	hz_viewings_folder(a->settings->store, folder);
	hz_viewing_note_name(number, record, name);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

// What will never become an AuditEvent: its row in control's database stays, and this is said.
static void give_up(const struct hz_archive *a, const char *record, int64_t number, int err)
{
	hz_error("archive.viewing", "record=%s number=%lld err=%d", record, (long long)number, err);
	(void)remove_note(a, record, number);
}

// --- what is noted

static int by_record(const void *a, const void *b)
{
	const struct note *x = a, *y = b;
	int order = strcmp(x->record, y->record);
	return order ? order : x->number < y->number ? -1 : x->number > y->number;
}

static int add_note(struct notes *n, const struct note *one)
{
	if (n->count == n->room) {
		unsigned room = n->room ? 2 * n->room : 64;
		struct note *more = room <= NOTES ? realloc(n->list, room * sizeof(*more)) : NULL;
		if (!more)
			return room <= NOTES ? -ENOMEM : -EFBIG;
		n->list = more;
		n->room = room;
	}
	n->list[n->count++] = *one;
	return 0;
}

static int read_notes(const char *store, struct notes *ret)
{
	char folder[HZ_RECORD_PATH_BYTES + 32];
	struct note one;
	int err = 0;
	hz_viewings_folder(store, folder);
	DIR *dir = opendir(folder);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *d; !err && (d = readdir(dir));)
		if (hz_viewing_note_parse(d->d_name, &one.number, one.record) == 0)
			err = add_note(ret, &one);
	closedir(dir);
	if (ret->count)
		qsort(ret->list, ret->count, sizeof(*ret->list), by_record);
	return err == -EFBIG ? 0 : err;
}

// --- one Bundle

static void name_of(int64_t first, char ret[32])
{
	snprintf(ret, 32, "audit/fhir-%010lld.json", (long long)first);
}

// Of those that are noted, what can be read, up to a Bundle full.
static void read_viewings(struct work *w)
{
	w->viewings_count = 0;
	for (unsigned i = 0; i < w->count && w->viewings_count < HZ_FHIR_VIEWINGS; i++) {
		int err = hz_viewing_read(w->folder, w->record, w->notes[i].number,
		                          &w->viewings[w->viewings_count]);
		if (!err)
			w->viewings_count++;
		else if (err == -ENOENT || err == -EBADMSG)
			give_up(w->archive, w->record, w->notes[i].number, err);
	}
}

static int make(const struct work *w, const char *path, json_t **ret)
{
	struct hz_manifest *m = NULL;
	void *bundle = NULL;
	char *text = NULL;
	(void)hz_manifest_load(w->folder, NULL, &m); // gone with its record, perhaps
	enum hz_record_delivery emr = w->state.delivery[HZ_TO_EMR].phase;
	const struct hz_fhir_viewings of = {
	    .record = w->record,
	    .manifest = m,
	    .patient_system = w->archive->settings->fhir.patient_system,
	    .told = w->state.phase == HZ_RECORD_DELIVERED ? emr != HZ_DELIVERY_NONE : emr == HZ_DELIVERY_SENT,
	    .viewings = w->viewings,
	    .count = w->viewings_count};
	int err = hz_fhir_viewings(&of, &bundle);
	hz_manifest_free(m);
	if (!err && !(text = json_dumps(bundle, JSON_INDENT(1) | JSON_SORT_KEYS)))
		err = -ENOMEM;
	if (!err)
		err = hz_document_write(path, text, strlen(text), 0600);
	free(text);
	if (err)
		json_decref(bundle);
	else
		*ret = bundle;
	return err;
}

// The one that an archive was making when it ended; or a new one.
static int find_or_make(const struct work *w, const char *path, json_t **ret)
{
	char *text = NULL;
	size_t bytes = 0;
	int err = hz_document_read(path, HZ_FHIR_BYTES, &text, &bytes);
	json_t *bundle = err ? NULL : json_loadb(text, bytes, 0, NULL);
	free(text);
	if (bundle && hz_fhir_viewings_has(bundle, &w->viewings[0])) {
		*ret = bundle;
		return 0;
	}
	json_decref(bundle);
	return err && err != -ENOENT ? err : make(w, path, ret);
}

static int bundle_of(struct work *w)
{
	char name[32], path[PATH];
	json_t *bundle = NULL;
	read_viewings(w);
	if (!w->viewings_count)
		return 0;
	name_of(w->viewings[0].number, name);
	snprintf(path, sizeof(path), "%s/%s", w->folder, name);
	int err = find_or_make(w, path, &bundle);
	if (!err && w->archive->emr)
		err = hz_queue_put_viewings(w->archive, w->folder, &w->state, name, &w->viewings[0]);
	unsigned told = 0;
	for (unsigned i = w->viewings_count; !err && i-- > 0;) // the first, which names it, goes last
		if (hz_fhir_viewings_has(bundle, &w->viewings[i])) {
			err = remove_note(w->archive, w->record, w->viewings[i].number);
			told++;
		}
	json_decref(bundle);
	if (!err)
		hz_info("archive.viewings", "record=%s count=%u", w->record, told);
	return err;
}

// An archive ended between making it and removing the notes.
static bool is_begun(const struct work *w)
{
	char name[32], path[PATH];
	name_of(w->notes[0].number, name);
	snprintf(path, sizeof(path), "%s/%s", w->folder, name);
	return access(path, F_OK) == 0;
}

// --- a pass

// The EMR has what the AuditEvents refer to; the PACS may still be away, or have refused an object.
static bool may_be_told(const struct hz_record_state *state)
{
	return state->phase == HZ_RECORD_DELIVERED || state->phase == HZ_RECORD_DELETED ||
	       (state->phase == HZ_RECORD_FINALISED && state->delivery[HZ_TO_EMR].phase == HZ_DELIVERY_SENT);
}

// True: a Bundle is under way, and perhaps more behind it.
static bool one_record(struct work *w)
{
	struct hz_archive *a = w->archive;
	int err = hz_record_find(a->settings->store, w->record, w->folder);
	if (err == -ENOENT) // and what was written down in its folder went with it
		for (unsigned i = 0; i < w->count; i++)
			give_up(a, w->record, w->notes[i].number, err);
	if (err || hz_record_state_read(w->folder, &w->state) != 0 || !may_be_told(&w->state))
		return false;
	if (a->emr && !is_begun(w) &&
	    (w->names->err || hz_queue_viewings_wait(a->settings->store, w->names, w->record)))
		return true;
	err = bundle_of(w);
	if (err)
		hz_error("archive.viewings", "record=%s err=%d", w->record, err);
	return a->emr || w->count > w->viewings_count;
}

bool hz_viewings_pass(struct hz_archive *a)
{
	struct notes notes = {.count = 0};
	struct hz_queue_names names;
	bool more = false;
	int err = read_notes(a->settings->store, &notes);
	if (err)
		hz_error("archive.viewings", "err=%d", err);
	struct hz_viewing *viewings =
	    notes.count ? calloc(HZ_FHIR_VIEWINGS, sizeof(*viewings)) : NULL; // too large for a stack
	if (viewings) {
		hz_queue_names_read(a->settings->store, &names);
		for (unsigned i = 0, n; i < notes.count; i += n) {
			const struct note *first = &notes.list[i];
			for (n = 1; i + n < notes.count && strcmp(first[n].record, first->record) == 0;)
				n++;
			struct work w = {.archive = a,
			                 .names = &names,
			                 .record = first->record,
			                 .notes = first,
			                 .count = n,
			                 .viewings = viewings};
			more = one_record(&w) || more;
		}
		hz_queue_names_done(&names);
	}
	free(viewings);
	free(notes.list);
	return more;
}

// --- what deletions leave

static void keep_path(json_t *waiting, const char *outbox, const char *name)
{
	struct hz_spool_item item;
	if (hz_spool_read(outbox, name, &item) == 0)
		json_object_set_new(waiting, item.path, json_true());
}

struct keeping {
	json_t *waiting;
	const char *outbox, *record;
};

static bool on_item(void *arg, const char *name)
{
	const struct keeping *k = arg;
	if (hz_queue_is_viewing(name) && strstr(name, k->record))
		keep_path(k->waiting, k->outbox, name);
	return true;
}

int hz_viewings_forget(const char *store, const char *folder, const char *record)
{
	char outbox[HZ_RECORD_PATH_BYTES + 32], path[HZ_RECORD_PATH_BYTES + 300];
	struct keeping k = {.outbox = outbox, .record = record};
	snprintf(path, sizeof(path), "%s/audit", folder);
	DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	snprintf(outbox, sizeof(outbox), "%s/outbox/emr", store);
	k.waiting = json_object();
	int err = k.waiting ? hz_spool_each(outbox, 0, on_item, &k) : -ENOMEM;
	for (struct dirent *d; !err && (d = readdir(dir));) {
		snprintf(path, sizeof(path), "audit/%.200s", d->d_name);
		if (strncmp(d->d_name, "fhir-", 5) != 0 || json_object_get(k.waiting, path))
			continue;
		snprintf(path, sizeof(path), "%s/audit/%.200s", folder, d->d_name);
		if (unlink(path) < 0 && errno != ENOENT)
			err = -errno;
	}
	closedir(dir);
	json_decref(k.waiting);
	return err;
}
