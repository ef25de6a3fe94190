#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "recorder/archive/internal.h"
#include "recorder/journal/hash.h"
#include "recorder/outbox/stow.h"
#include "recorder/record/erasure.h"
#include "recorder/record/files.h"
#include "recorder/record/package.h"

#define NOTED_BYTES   (1u << 20)
#define PACS_PARALLEL 3

static const char *const spools[] = {"pacs", "emr"};

static void item_of(struct hz_spool_item *item, const struct hz_record_state *state, const char *folder,
                    const char *store)
{
	memset(item, 0, sizeof(*item));
	snprintf(item->record, sizeof(item->record), "%s", state->id);
	snprintf(item->folder, sizeof(item->folder), "%s", folder + strlen(store) + 1);
	item->queued_ms = hz_wall_us() / 1000;
}

// delivery.json: {"version": 1, "queued_ms", "pacs": bool, "emr": bool, "items": {"pacs": [sha256 of objects], "emr": [of
// Bundles]}}: what has been put, whatever became of it.
static json_t *read_noted(const char *folder)
{
	char path[1100], *text = NULL;
	size_t bytes = 0;
	snprintf(path, sizeof(path), "%s/delivery.json", folder);
	json_t *noted = hz_document_read(path, NOTED_BYTES, &text, &bytes) == 0
	                    ? json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL)
	                    : NULL;
	free(text);
	json_t *items = json_deep_copy(json_object_get(noted, "items"));
	json_decref(noted);
	if (!json_is_object(items)) {
		json_decref(items);
		items = json_object();
	}
	for (unsigned k = 0; k < 2; k++)
		if (!json_is_array(json_object_get(items, spools[k])))
			json_object_set_new(items, spools[k], json_array());
	return items;
}

static bool is_noted(const json_t *list, const char *sha256)
{
	size_t i;
	const json_t *one;
	json_array_foreach(list, i, one)
	{
		const char *text = json_string_value(one);
		if (text && strcmp(text, sha256) == 0)
			return true;
	}
	return false;
}

static int put_one(struct hz_archive *a, const char *spool, const struct hz_record_state *state,
                   unsigned number, struct hz_spool_item *item, json_t *noted)
{
	char path[1100];
	json_t *list = json_object_get(noted, spool);
	if (is_noted(list, item->sha256))
		return 0;
	snprintf(path, sizeof(path), "%s/outbox/%s", a->settings->store, spool);
	int err = hz_spool_put(path, state->ended_ms, number, item);
	return err ? err : json_array_append_new(list, json_string(item->sha256)) ? -ENOMEM : 0;
}

// What is made anew because a person was erased may have the UIDs of what PACS and EMR have had (notes): they would refuse it, or
// keep both. It is erased there by who looks after them.
static int put_objects(struct hz_archive *a, const char *folder, const struct hz_record_state *state,
                       json_t *noted, const json_t *notes)
{
	void *index = NULL;
	size_t i;
	const json_t *one;
	int err = hz_package_index(folder, &index);
	json_array_foreach(json_object_get(index, "instances"), i, one)
	{
		struct hz_spool_item item;
		item_of(&item, state, folder, a->settings->store);
		snprintf(item.path, sizeof(item.path), "%s", json_string_value(json_object_get(one, "path")));
		snprintf(item.instance, sizeof(item.instance), "%s",
		         json_string_value(json_object_get(one, "instance")));
		snprintf(item.sha256, sizeof(item.sha256), "%s",
		         json_string_value(json_object_get(one, "sha256")));
		item.bytes = (uint64_t)json_integer_value(json_object_get(one, "bytes"));
		if (!err && !hz_erasures_sent(notes, item.instance))
			err = put_one(a, "pacs", state, (unsigned)i + 1, &item, noted);
	}
	json_decref(index);
	return err;
}

static int put_bundle(struct hz_archive *a, const char *folder, const struct hz_record_state *state,
                      unsigned number, json_t *noted)
{
	struct hz_spool_item item;
	struct hz_file_hash hash;
	char path[1100], name[16];
	hz_fhir_name(number, name);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int err = hz_hash_file(path, HZ_SHA256, &hash);
	if (err)
		return err;
	item_of(&item, state, folder, a->settings->store);
	snprintf(item.path, sizeof(item.path), "%s", name);
	snprintf(item.sha256, sizeof(item.sha256), "%s", hash.hex);
	item.bytes = hash.bytes;
	return put_one(a, "emr", state, number, &item, noted);
}

// Where it is, everything was put.
static int write_noted(const struct hz_archive *a, const char *folder, json_t *items)
{
	char path[1100];
	json_t *all = json_pack("{s:i, s:I, s:b, s:b, s:O}", "version", 1, "queued_ms",
	                        (json_int_t)(hz_wall_us() / 1000), "pacs", a->pacs != NULL, "emr",
	                        a->emr != NULL, "items", items);
	char *text = all ? json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	snprintf(path, sizeof(path), "%s/delivery.json", folder);
	int err = text ? hz_document_write(path, text, strlen(text), 0640) : -ENOMEM;
	free(text);
	json_decref(all);
	return err;
}

int hz_queue_put(struct hz_archive *a, const char *folder, const struct hz_record_state *state,
                 unsigned bundle)
{
	unsigned bad;
	int err = 0;
	if (strlen(folder) <= strlen(a->settings->store) + 1)
		return -EINVAL;
	json_t *items = read_noted(folder), *notes = hz_erasures_load(folder, NULL, NULL, &bad);
	if (a->pacs)
		err = put_objects(a, folder, state, items, notes);
	if (!err && a->emr && !hz_erasures_sent(notes, spools[HZ_TO_EMR]))
		err = put_bundle(a, folder, state, bundle, items);
	if (!err)
		err = write_noted(a, folder, items);
	json_decref(items);
	json_decref(notes);
	if (!err && a->pacs)
		hz_delivery_wake(a->pacs);
	if (!err && a->emr)
		hz_delivery_wake(a->emr);
	return err;
}

// --- what was sent

struct left {
	const char *folder, *record;
	json_t *hashes; // of what waits or is parked
	bool tried;     // one of them: nobody knows what arrived
};

static bool on_left(void *arg, const char *name)
{
	struct left *l = arg;
	struct hz_spool_item item;
	if (!strstr(name, l->record) || hz_queue_is_viewing(name) ||
	    hz_spool_read(l->folder, name, &item) != 0)
		return true;
	json_object_set_new(l->hashes, item.sha256, json_true());
	l->tried = l->tried || item.attempts;
	return true;
}

// "": the index does not know it any more.
static const char *instance_of(const json_t *index, const char *sha256)
{
	size_t i;
	const json_t *one;
	json_array_foreach(json_object_get(index, "instances"), i, one)
	{
		const char *text = json_string_value(json_object_get(one, "sha256"));
		if (text && strcmp(text, sha256) == 0)
			return json_string_value(json_object_get(one, "instance"));
	}
	return "";
}

// Whether one was put into this spool and is there no more. sent: takes their instances.
static bool gone_of(const json_t *noted, const json_t *left, const json_t *index, json_t *sent)
{
	bool gone = false;
	size_t i;
	const json_t *one;
	json_array_foreach(noted, i, one)
	{
		const char *hash = json_string_value(one);
		if (!hash || json_object_get(left, hash))
			continue;
		const char *instance = instance_of(index, hash);
		gone = true;
		if (*instance)
			json_array_append_new(sent, json_string(instance));
	}
	return gone;
}

int hz_queue_sent(const char *store, const char *folder, const struct hz_record_state *state, void **ret,
                  bool *ret_some)
{
	char outbox[1100];
	void *index = NULL;
	bool some = false;
	int err = 0;
	json_t *noted = read_noted(folder), *sent = json_array();
	(void)hz_package_index(folder, &index); // none: nothing was for the PACS
	for (unsigned k = 0; k < HZ_DESTINATIONS && !err; k++) {
		struct left l = {.folder = outbox, .record = state->id, .hashes = json_object()};
		snprintf(outbox, sizeof(outbox), "%s/outbox/%s", store, spools[k]);
		err = hz_spool_each(outbox, 0, on_left, &l);
		bool had = gone_of(json_object_get(noted, spools[k]), l.hashes, index, sent) ||
		           state->delivery[k].phase == HZ_DELIVERY_SENT;
		if (had && k == HZ_TO_EMR)
			json_array_append_new(sent, json_string(spools[k]));
		some = some || had || l.tried;
		json_decref(l.hashes);
	}
	json_decref(index);
	json_decref(noted);
	if (err) {
		json_decref(sent);
		return err;
	}
	*ret = sent;
	*ret_some = some;
	return 0;
}

// --- viewings

#define NUMBER_AT      53 // in a name: hz_spool_put()
#define VIEWINGS_FROM  1000
#define VIEWINGS_COUNT 9000

bool hz_queue_is_viewing(const char *name)
{
	return strlen(name) > NUMBER_AT && name[NUMBER_AT] != '0';
}

int hz_queue_put_viewings(struct hz_archive *a, const char *folder, const struct hz_record_state *state,
                          const char *path_in, const struct hz_viewing *first)
{
	struct hz_spool_item item;
	struct hz_file_hash hash;
	char path[1100];
	snprintf(path, sizeof(path), "%s/%s", folder, path_in);
	int err = hz_hash_file(path, HZ_SHA256, &hash);
	if (err)
		return err == -ENOENT ? 0 : err; // delivered meanwhile
	item_of(&item, state, folder, a->settings->store);
	snprintf(item.path, sizeof(item.path), "%s", path_in);
	snprintf(item.sha256, sizeof(item.sha256), "%s", hash.hex);
	item.bytes = hash.bytes;
	snprintf(path, sizeof(path), "%s/outbox/emr", a->settings->store);
	err = hz_spool_put(path, first->time_ms, VIEWINGS_FROM + (unsigned)(first->number % VIEWINGS_COUNT),
	                   &item);
	if (!err)
		hz_delivery_wake(a->emr);
	return err;
}

// What the EMR has need not lie here, too: the viewing itself stays written down beside it.
static void bundle_done(void *arg, const char *folder, const struct hz_spool_item *item)
{
	char path[1400];
	if (!hz_queue_is_viewing(item->name))
		return;
	snprintf(path, sizeof(path), "%s/%s", folder, item->path);
	(void)unlink(path); // left behind it harms nobody
}

static enum hz_outcome refuse(struct hz_outcome_text *ret, const char *why)
{
	snprintf(ret->why, sizeof(ret->why), "%s", why);
	return HZ_REFUSED;
}

// Nothing leaves the house that is not what was signed.
static enum hz_outcome check(const char *folder, const struct hz_spool_item *item, char path[1400],
                             struct hz_outcome_text *ret)
{
	struct hz_file_hash hash;
	snprintf(path, 1400, "%s/%s", folder, item->path);
	int err = hz_hash_file(path, HZ_SHA256, &hash);
	if (err == -ENOENT)
		return refuse(ret, "the file is not there any more");
	if (err) {
		snprintf(ret->why, sizeof(ret->why), "the file cannot be read: %s", strerror(-err));
		return HZ_LATER;
	}
	if (hash.bytes != item->bytes || strcmp(hash.hex, item->sha256) != 0)
		return refuse(ret, "the file is not what was signed");
	return HZ_STORED;
}

static enum hz_outcome send_object(void *arg, const char *folder, const struct hz_spool_item *item,
                                   struct hz_outcome_text *ret)
{
	struct hz_archive *a = arg;
	char path[1400];
	struct hz_http_target target = a->settings->pacs;
	enum hz_outcome good = check(folder, item, path, ret);
	if (good != HZ_STORED)
		return good;
	target.stop = hz_delivery_stop_flag(a->pacs);
	return hz_stow(&target, path, item->bytes, item->instance, ret);
}

static enum hz_outcome send_bundle(void *arg, const char *folder, const struct hz_spool_item *item,
                                   struct hz_outcome_text *ret)
{
	struct hz_archive *a = arg;
	char path[1400];
	enum hz_outcome good = check(folder, item, path, ret);
	return good == HZ_STORED ? hz_fhir_post(a->client, path, item->bytes, ret) : good;
}

// Objects of a record are one another's equals; Bundles are not.
static int open_one(struct hz_archive *a, const char *name, hz_delivery_send *send, unsigned parallel,
                    struct hz_delivery **ret)
{
	const struct hz_delivery_settings with = {.store = a->settings->store,
	                                          .name = name,
	                                          .send = send,
	                                          .done = send == send_bundle ? bundle_done : NULL,
	                                          .arg = a,
	                                          .parallel = parallel,
	                                          .first_ms = a->settings->retry_first_ms,
	                                          .most_ms = a->settings->retry_most_ms};
	return hz_delivery_new(&with, ret);
}

static struct hz_fhir_access access_of(const struct hz_archive *a)
{
	struct hz_fhir_access access = a->settings->emr;
	access.target.stop = hz_delivery_stop_flag(a->emr);
	return access;
}

int hz_queue_open(struct hz_archive *a)
{
	static struct hz_fhir_access access; // one archive a process
	int err = hz_http_init();
	if (!err && *a->settings->pacs.url)
		err = open_one(a, "pacs", send_object, PACS_PARALLEL, &a->pacs);
	if (!err && *a->settings->emr.target.url)
		err = open_one(a, "emr", send_bundle, 1, &a->emr);
	if (!err && a->emr) {
		access = access_of(a);
		err = hz_fhir_client_new(&access, &a->client);
	}
	if (!err) // what the last archive was at, before it is delivered and its Bundle goes
		(void)hz_viewings_pass(a);
	if (!err && a->pacs)
		err = hz_delivery_start(a->pacs);
	if (!err && a->emr)
		err = hz_delivery_start(a->emr);
	return err;
}

void hz_queue_close(struct hz_archive *a)
{
	hz_delivery_free(a->pacs);
	hz_delivery_free(a->emr);
	hz_fhir_client_free(a->client);
	a->pacs = a->emr = NULL;
	a->client = NULL;
}

void hz_queue_note(const char *folder, struct hz_record_state *state)
{
	json_t *noted = read_noted(folder);
	for (unsigned k = 0; k < HZ_DESTINATIONS; k++) {
		if (state->delivery[k].phase || json_array_size(json_object_get(noted, spools[k])) == 0)
			continue;
		state->delivery[k].phase = HZ_DELIVERY_WAITING;
		state->delivery[k].changed_ms = hz_wall_us() / 1000;
	}
	json_decref(noted);
}

// --- what waits

#define RECORD_AT 16 // in a name: hz_spool_put()

struct reading {
	struct hz_queue_names *names;
	unsigned k;
};

static bool on_name(void *arg, const char *name)
{
	const struct reading *r = arg;
	struct hz_queue_names *n = r->names;
	if (n->count[r->k] == n->room[r->k]) {
		unsigned room = n->room[r->k] ? 2 * n->room[r->k] : 256;
		void *more =
		    room <= HZ_QUEUE_NAMES ? realloc(n->name[r->k], room * sizeof(*n->name[r->k])) : NULL;
		if (!more) {
			n->err = room <= HZ_QUEUE_NAMES ? -ENOMEM : -EFBIG;
			return false;
		}
		n->name[r->k] = more;
		n->room[r->k] = room;
	}
	snprintf(n->name[r->k][n->count[r->k]++], sizeof(n->name[0][0]), "%s", name);
	return true;
}

static int by_record(const void *a, const void *b)
{
	int order = strcmp((const char *)a + RECORD_AT, (const char *)b + RECORD_AT);
	return order ? order : strcmp(a, b);
}

void hz_queue_names_read(const char *store, struct hz_queue_names *ret)
{
	char folder[1100];
	*ret = (struct hz_queue_names){.err = 0};
	for (unsigned k = 0; k < HZ_DESTINATIONS; k++) {
		struct reading reading = {ret, k};
		snprintf(folder, sizeof(folder), "%s/outbox/%s", store, spools[k]);
		int err = hz_spool_each(folder, 0, on_name, &reading);
		ret->err = ret->err ? ret->err : err;
		if (ret->count[k])
			qsort(ret->name[k], ret->count[k], sizeof(*ret->name[k]), by_record);
	}
	if (ret->err)
		hz_error("archive.outbox", "err=%d", -ret->err);
}

void hz_queue_names_done(struct hz_queue_names *names)
{
	for (unsigned k = 0; k < HZ_DESTINATIONS; k++)
		free(names->name[k]);
}

// The first of a record, or where it would be.
static unsigned find(const struct hz_queue_names *n, unsigned k, const char *record)
{
	unsigned low = 0, high = n->count[k];
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (strncmp(n->name[k][middle] + RECORD_AT, record, HZ_RECORD_ID_BYTES - 1) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// What its items say. why: of a parked one, else of one that waits.
static enum hz_record_delivery look_at(const char *folder, const struct hz_queue_names *n, unsigned k,
                                       const char *record, char why[HZ_OUTCOME_WHY_BYTES])
{
	enum hz_record_delivery phase = HZ_DELIVERY_NONE;
	why[0] = '\0';
	for (unsigned i = find(n, k, record); i < n->count[k]; i++) {
		struct hz_spool_item item;
		if (strncmp(n->name[k][i] + RECORD_AT, record, HZ_RECORD_ID_BYTES - 1) != 0)
			break;
		if (k == HZ_TO_EMR && hz_queue_is_viewing(n->name[k][i])) // of a record that is delivered
			continue;
		int err = hz_spool_read(folder, n->name[k][i], &item);
		if (err == -ENOENT) // delivered since the names were read: it does not wait
			continue;
		phase = phase ? phase : HZ_DELIVERY_WAITING;
		if (err)
			continue;
		if (item.parked || (phase == HZ_DELIVERY_WAITING && *item.error))
			snprintf(why, HZ_OUTCOME_WHY_BYTES, "%s", item.error);
		phase = item.parked ? HZ_DELIVERY_PARKED : phase;
	}
	return phase;
}

bool hz_queue_look(const char *store, const struct hz_queue_names *names, int64_t now_ms,
                   struct hz_record_state *state, char error[HZ_OUTCOME_WHY_BYTES])
{
	bool left = names->err != 0;
	error[0] = '\0';
	for (unsigned k = 0; k < HZ_DESTINATIONS; k++) {
		char folder[1100], why[HZ_OUTCOME_WHY_BYTES];
		snprintf(folder, sizeof(folder), "%s/outbox/%s", store, spools[k]);
		enum hz_record_delivery now = look_at(folder, names, k, state->id, why);
		enum hz_record_delivery before = state->delivery[k].phase;
		left = left || now;
		if (!now && names->err) { // not known: as it was
			now = before;
			snprintf(why, sizeof(why), "%s", state->delivery[k].error);
		} else if (!now && before) { // nothing is left of what there was
			now = HZ_DELIVERY_SENT;
		}
		if (now == HZ_DELIVERY_PARKED)
			snprintf(error, HZ_OUTCOME_WHY_BYTES, "%s", why);
		if (now != before)
			state->delivery[k].changed_ms = now_ms;
		state->delivery[k].phase = now;
		snprintf(state->delivery[k].error, sizeof(state->delivery[k].error), "%s", why);
	}
	return left;
}

static void look_at_viewings(const char *store, const struct hz_queue_names *n, const char *record,
                             bool *ret_waits, char why[HZ_OUTCOME_WHY_BYTES])
{
	char folder[1100];
	const unsigned k = HZ_TO_EMR;
	*ret_waits = false;
	why[0] = '\0';
	snprintf(folder, sizeof(folder), "%s/outbox/%s", store, spools[k]);
	for (unsigned i = find(n, k, record); i < n->count[k]; i++) {
		struct hz_spool_item item;
		if (strncmp(n->name[k][i] + RECORD_AT, record, HZ_RECORD_ID_BYTES - 1) != 0)
			break;
		if (!hz_queue_is_viewing(n->name[k][i]) || hz_spool_read(folder, n->name[k][i], &item) != 0)
			continue;
		*ret_waits = *ret_waits || !item.parked;
		if (item.parked)
			snprintf(why, HZ_OUTCOME_WHY_BYTES, "%s", item.error);
	}
}

bool hz_queue_viewings_wait(const char *store, const struct hz_queue_names *names, const char *record)
{
	char why[HZ_OUTCOME_WHY_BYTES];
	bool waits;
	look_at_viewings(store, names, record, &waits, why);
	return waits;
}

bool hz_queue_viewings_look(const char *store, const struct hz_queue_names *names, int64_t now_ms,
                            struct hz_record_state *state)
{
	char why[HZ_OUTCOME_WHY_BYTES];
	bool waits, refused = state->delivery[HZ_TO_EMR].phase == HZ_DELIVERY_PARKED;
	if (names->err || state->phase != HZ_RECORD_DELIVERED)
		return false;
	look_at_viewings(store, names, state->id, &waits, why);
	if ((why[0] != '\0') == refused && strcmp(why, state->delivery[HZ_TO_EMR].error) == 0)
		return false;
	state->delivery[HZ_TO_EMR].phase = why[0] ? HZ_DELIVERY_PARKED : HZ_DELIVERY_SENT;
	state->delivery[HZ_TO_EMR].changed_ms = now_ms;
	snprintf(state->delivery[HZ_TO_EMR].error, sizeof(state->delivery[0].error), "%s", why);
	snprintf(state->error, sizeof(state->error), "%s", why);
	return true;
}

void hz_queue_viewings_leave(struct hz_record_state *state)
{
	if (state->phase != HZ_RECORD_DELIVERED || state->delivery[HZ_TO_EMR].phase != HZ_DELIVERY_PARKED)
		return;
	state->delivery[HZ_TO_EMR].phase = HZ_DELIVERY_SENT;
	state->delivery[HZ_TO_EMR].error[0] = '\0';
	state->error[0] = '\0';
}
