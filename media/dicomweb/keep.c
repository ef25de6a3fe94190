#include "media/dicomweb/keep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "media/dicomweb/keep_plan.h"
#include "media/dicomweb/keep_spool.h"
#include "media/dicomweb/request.h"

#define METADATA_BYTES ((size_t)64 << 20)
#define ANSWER_MS      400000 // more than a request takes

static const int64_t pauses_ms[] = {5000, 30000, 120000, 600000, 3600000};

struct entry {
	char key[HZ_DWEB_HASH_BYTES];
	int64_t due_ms;
	unsigned tries;
};

struct hz_keep {
	int dir;
	struct hz_dweb_fetch *fetch;
	hz_keep_cb *cb;
	void *ctx;
	int64_t now_ms, began_ms;
	unsigned count;
	struct entry entry[HZ_KEEP_ENTRIES];
	// The one that is under way; state NULL: none.
	unsigned current; // of entry
	json_t *state, *sets;
	const char *series[HZ_KEEP_SERIES];
	unsigned series_count, series_done;
	unsigned stored; // objects that were sent
	char type[100];  // of their envelope
};

static const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text ? text : "";
}

static void tell(struct hz_keep *keep, const json_t *state, enum hz_dweb_result result)
{
	const struct hz_keep_news news = {.consult = text_of(state, "consult"),
	                                  .pacs = text_of(state, "pacs"),
	                                  .study = text_of(state, "study"),
	                                  .result = result};
	keep->cb(keep->ctx, &news);
}

// --- what waits

static int find(const struct hz_keep *keep, const char *key)
{
	for (unsigned i = 0; i < keep->count; i++) {
		if (strcmp(keep->entry[i].key, key) == 0)
			return (int)i;
	}
	return -ENOENT;
}

static void add(void *ctx, const char *key)
{
	struct hz_keep *keep = ctx;
	if (keep->count == HZ_KEEP_ENTRIES || find(keep, key) >= 0)
		return;
	struct entry *e = &keep->entry[keep->count++];
	*e = (struct entry){.due_ms = 0};
	snprintf(e->key, sizeof(e->key), "%s", key);
}

int hz_keep_new(const char *dir, struct hz_dweb_fetch *fetch, hz_keep_cb *cb, void *ctx, struct hz_keep **ret)
{
	struct hz_keep *keep = calloc(1, sizeof(*keep));
	if (!keep)
		return -ENOMEM;
	keep->fetch = fetch;
	keep->cb = cb;
	keep->ctx = ctx;
	keep->dir = hz_keep_spool_open(dir, HZ_KEEP_ENTRIES, add, keep);
	if (keep->dir < 0) {
		int err = keep->dir;
		free(keep);
		return err;
	}
	*ret = keep;
	return 0;
}

static void put_down(struct hz_keep *keep)
{
	json_decref(keep->state);
	json_decref(keep->sets);
	keep->state = keep->sets = NULL;
}

void hz_keep_free(struct hz_keep *keep)
{
	if (!keep)
		return;
	put_down(keep);
	close(keep->dir);
	free(keep);
}

unsigned hz_keep_waiting(const struct hz_keep *keep)
{
	return keep->count;
}

static bool sound(const json_t *state)
{
	const char *series[HZ_KEEP_SERIES], *pacs = text_of(state, "pacs");
	return hz_dweb_uid_valid(text_of(state, "study")) && pacs[0] && strlen(pacs) < HZ_DWEB_NAME_BYTES &&
	       strlen(text_of(state, "consult")) < HZ_DWEB_CONSULT_BYTES &&
	       hz_keep_plan_series(state, series) > 0;
}

// Of all but the time: the same state is the same key.
static int key_of(const json_t *state, char ret[HZ_DWEB_HASH_BYTES])
{
	json_t *timeless = json_copy((json_t *)state);
	json_object_del(timeless, "time_s");
	char *text = timeless ? json_dumps(timeless, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(timeless);
	if (!text)
		return -ENOMEM;
	hz_dweb_sha256(text, strlen(text), ret);
	free(text);
	return 0;
}

int hz_keep_put(struct hz_keep *keep, const char *text, size_t bytes)
{
	char key[HZ_DWEB_HASH_BYTES];
	json_t *state = bytes <= HZ_KEEP_FILE_BYTES ? json_loadb(text, bytes, 0, NULL) : NULL;
	int err = !state || !sound(state) ? -EINVAL : key_of(state, key);
	if (!err && hz_keep_spool_done(keep->dir, key)) {
		tell(keep, state, HZ_DWEB_OK);
	} else if (!err && find(keep, key) < 0) {
		err = keep->count == HZ_KEEP_ENTRIES ? -ENOSPC
		                                     : hz_keep_spool_write(keep->dir, key, text, bytes);
		if (!err)
			add(keep, key);
	} else if (!err && !keep->state) {
		keep->entry[find(keep, key)].due_ms = 0; // pressed again: now
	}
	json_decref(state);
	return err;
}

// --- one of them

static void failed(struct hz_keep *keep, enum hz_dweb_result result)
{
	struct entry *e = &keep->entry[keep->current];
	unsigned last = sizeof(pauses_ms) / sizeof(*pauses_ms) - 1;
	int64_t age_s = keep->now_ms / 1000 - json_integer_value(json_object_get(keep->state, "time_s"));
	if (e->tries == 0)
		tell(keep, keep->state, result);
	hz_warn("keep.waits", "key=%.12s tries=%u result=%u", e->key, e->tries + 1, result);
	e->due_ms = keep->now_ms + pauses_ms[e->tries < last ? e->tries : last];
	e->tries++;
	if (age_s > HZ_KEEP_DAYS * 86400L) {
		hz_error("keep.given_up", "key=%s result=%u", e->key, result);
		hz_keep_spool_end(keep->dir, e->key, false);
		*e = keep->entry[--keep->count];
	}
	put_down(keep);
}

static void done(struct hz_keep *keep)
{
	struct entry *e = &keep->entry[keep->current];
	hz_info("keep.done", "key=%.12s objects=%u", e->key, keep->stored);
	hz_keep_spool_end(keep->dir, e->key, true);
	tell(keep, keep->state, HZ_DWEB_OK);
	*e = keep->entry[--keep->count];
	put_down(keep);
}

static void seed(const char *key, uint8_t ret[16])
{
	char byte[3] = "";
	for (unsigned i = 0; i < 16; i++) {
		memcpy(byte, key + 2 * (size_t)i, 2);
		ret[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
}

// multipart/related of PS3.18 8.6.1. The boundary is of chance: what somebody wrote on an image must not be one. ret: data and bytes.
static int body_of(struct hz_keep *keep, const struct hz_shown_files *files, struct hz_dweb_body *ret)
{
	uint64_t random[2];
	char boundary[40], head[100], tail[60];
	hz_random(random, sizeof(random));
	snprintf(boundary, sizeof(boundary), "%016llx%016llx", (unsigned long long)random[0],
	         (unsigned long long)random[1]);
	snprintf(keep->type, sizeof(keep->type), "multipart/related; type=\"application/dicom\"; boundary=%s",
	         boundary);
	int head_bytes =
	    snprintf(head, sizeof(head), "\r\n--%s\r\nContent-Type: application/dicom\r\n\r\n", boundary);
	int tail_bytes = snprintf(tail, sizeof(tail), "\r\n--%s--\r\n", boundary);
	size_t bytes = (size_t)tail_bytes, at = 0;
	for (unsigned i = 0; i < files->count; i++)
		bytes += (size_t)head_bytes + files->file[i].bytes;
	char *body = malloc(bytes);
	if (!body)
		return -ENOMEM;
	for (unsigned i = 0; i < files->count; i++) {
		memcpy(body + at, head, (size_t)head_bytes);
		at += (size_t)head_bytes;
		memcpy(body + at, files->file[i].data, files->file[i].bytes);
		at += files->file[i].bytes;
	}
	memcpy(body + at, tail, (size_t)tail_bytes);
	*ret = (struct hz_dweb_body){.type = keep->type, .data = body, .bytes = bytes};
	return 0;
}

static enum hz_dweb_result result_of(int err)
{
	return err == -ENOENT ? HZ_DWEB_MISSING : err == -ENOMEM ? HZ_DWEB_FULL : HZ_DWEB_BROKEN;
}

static void store(struct hz_keep *keep)
{
	struct hz_keep_plan *plan = NULL;
	struct hz_shown_files files = {.count = 0};
	struct hz_dweb_body body = {.data = NULL};
	int64_t time_s = json_integer_value(json_object_get(keep->state, "time_s"));
	int err = hz_keep_plan_make(keep->state, keep->sets, time_s, &plan);
	if (!err) {
		seed(keep->entry[keep->current].key, plan->shown.seed);
		err = hz_shown_make(&plan->shown, &files);
	}
	hz_keep_plan_free(plan);
	if (!err)
		err = body_of(keep, &files, &body);
	keep->stored = files.count;
	hz_shown_free(&files);
	json_decref(keep->sets);
	keep->sets = NULL;
	if (err) {
		failed(keep, result_of(err));
		return;
	}
	enum hz_dweb_result result = hz_dweb_fetch_store(
	    keep->fetch, HZ_KEEP_WAITER, text_of(keep->state, "pacs"), text_of(keep->state, "study"), &body);
	if (result != HZ_DWEB_OK)
		failed(keep, result);
}

static void ask_series(struct hz_keep *keep)
{
	struct hz_dweb_request what = {.kind = HZ_DWEB_SERIES};
	snprintf(what.pacs, sizeof(what.pacs), "%s", text_of(keep->state, "pacs"));
	snprintf(what.study, sizeof(what.study), "%s", text_of(keep->state, "study"));
	snprintf(what.series, sizeof(what.series), "%s", keep->series[keep->series_done]);
	enum hz_dweb_result result =
	    hz_dweb_request_valid(&what)
	        ? hz_dweb_fetch_ask(keep->fetch, HZ_KEEP_WAITER, HZ_KEEP_WAITER, &what)
	        : HZ_DWEB_UNKNOWN;
	if (result != HZ_DWEB_OK)
		failed(keep, result);
}

static void begin(struct hz_keep *keep, unsigned at)
{
	char *text = NULL;
	size_t bytes = 0;
	int err = hz_keep_spool_read(keep->dir, keep->entry[at].key, &text, &bytes);
	keep->current = at;
	keep->began_ms = keep->now_ms;
	keep->state = err ? NULL : json_loadb(text, bytes, 0, NULL);
	keep->sets = json_array();
	free(text);
	if (!keep->state || !keep->sets || !sound(keep->state)) { // damaged on the disk, or no memory now
		hz_error("keep.unreadable", "key=%s err=%d", keep->entry[at].key, -err);
		put_down(keep);
		keep->entry[at].due_ms = keep->now_ms + pauses_ms[4];
		return;
	}
	keep->series_count = hz_keep_plan_series(keep->state, keep->series);
	keep->series_done = 0;
	ask_series(keep);
}

// Some of a STOW-RS answer's objects were refused (PS3.18 I.2.2), or fewer than were sent are named.
static bool refused(const struct hz_keep *keep, const char *data, size_t bytes)
{
	json_t *json = json_loadb(data, bytes, 0, NULL);
	const json_t *set = json_is_array(json) ? json_array_get(json, 0) : json;
	size_t bad = json_array_size(json_object_get(json_object_get(set, "00081198"), "Value"));
	size_t good = json_array_size(json_object_get(json_object_get(set, "00081199"), "Value"));
	bool is = json && (bad > 0 || good < keep->stored); // no JSON: its status is all there is
	json_decref(json);
	return is;
}

void hz_keep_answer(struct hz_keep *keep, enum hz_dweb_result result, const char *data, size_t bytes)
{
	if (!keep->state)
		return;
	if (!keep->sets) { // it was the store
		if (result == HZ_DWEB_OK && !refused(keep, data, bytes))
			done(keep);
		else
			failed(keep, result == HZ_DWEB_OK ? HZ_DWEB_FAILED : result);
		return;
	}
	json_t *sets =
	    result == HZ_DWEB_OK && bytes <= METADATA_BYTES ? json_loadb(data, bytes, 0, NULL) : NULL;
	if (result == HZ_DWEB_OK && (!json_is_array(sets) || json_array_extend(keep->sets, sets)))
		result = bytes > METADATA_BYTES ? HZ_DWEB_TOO_LARGE : HZ_DWEB_BROKEN;
	json_decref(sets);
	if (result != HZ_DWEB_OK)
		failed(keep, result);
	else if (++keep->series_done < keep->series_count)
		ask_series(keep);
	else
		store(keep);
}

void hz_keep_tick(struct hz_keep *keep, int64_t now_ms)
{
	keep->now_ms = now_ms;
	if (keep->state && now_ms - keep->began_ms > ANSWER_MS * (HZ_KEEP_SERIES + 1))
		failed(keep, HZ_DWEB_SLOW); // nobody answers any more
	for (unsigned i = 0; i < keep->count && !keep->state; i++) {
		if (keep->entry[i].due_ms <= now_ms)
			begin(keep, i);
	}
}
