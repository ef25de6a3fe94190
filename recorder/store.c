#include "recorder/store.h"

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

#include "recorder/journal/file.h"

#define STATE_BYTES 16384 // most of a state.json

static const char *const phases[] = {
    [HZ_RECORD_RECORDING] = "recording",   [HZ_RECORD_ENDED] = "ended",
    [HZ_RECORD_FINALISING] = "finalising", [HZ_RECORD_FINALISED] = "finalised",
    [HZ_RECORD_DELIVERED] = "delivered",   [HZ_RECORD_FAILED] = "failed",
    [HZ_RECORD_DELETED] = "deleted",
};
static const char *const composings[] = {
    [HZ_COMPOSING_NONE] = "",           [HZ_COMPOSING_OFF] = "off",   [HZ_COMPOSING_WAITING] = "waiting",
    [HZ_COMPOSING_RUNNING] = "running", [HZ_COMPOSING_MADE] = "made", [HZ_COMPOSING_DONE] = "done",
    [HZ_COMPOSING_FAILED] = "failed",
};
static const char *const deliveries[] = {[HZ_DELIVERY_NONE] = "",
                                         [HZ_DELIVERY_WAITING] = "waiting",
                                         [HZ_DELIVERY_SENT] = "sent",
                                         [HZ_DELIVERY_PARKED] = "parked"};
static const char *const destinations[] = {[HZ_TO_PACS] = "pacs", [HZ_TO_EMR] = "emr"};
#define DELIVERIES (sizeof(deliveries) / sizeof(deliveries[0]))
#define COMPOSINGS (sizeof(composings) / sizeof(composings[0]))
#define PHASES     (sizeof(phases) / sizeof(phases[0]))

const char *hz_record_phase_name(enum hz_record_phase phase)
{
	return phase > 0 && (size_t)phase < PHASES ? phases[phase] : "unknown";
}

const char *hz_record_composing_name(enum hz_record_composing phase)
{
	return phase > 0 && (size_t)phase < COMPOSINGS ? composings[phase] : "";
}

const char *hz_record_delivery_name(enum hz_record_delivery phase)
{
	return phase > 0 && (size_t)phase < DELIVERIES ? deliveries[phase] : "";
}

const char *hz_record_destination_name(unsigned destination)
{
	return destination < HZ_DESTINATIONS ? destinations[destination] : "";
}

// A UUID's text is also a safe name of a folder.
bool hz_record_id_good(const char *id)
{
	for (unsigned i = 0; i < HZ_RECORD_ID_BYTES - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		bool digit = (id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f');
		if (dash ? id[i] != '-' : !digit)
			return false;
	}
	return id[HZ_RECORD_ID_BYTES - 1] == '\0';
}

int hz_record_id_bytes(const char *id, uint8_t ret[16])
{
	if (!hz_record_id_good(id))
		return -EINVAL;
	for (unsigned i = 0, at = 0; i < 16; i++) {
		char pair[3];
		at += id[at] == '-';
		pair[0] = id[at];
		pair[1] = id[at + 1];
		pair[2] = '\0';
		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
		at += 2;
	}
	return 0;
}

int hz_record_folder(const char *root, const char *id, int64_t started_ms, char ret[HZ_RECORD_PATH_BYTES])
{
	char path[HZ_RECORD_PATH_BYTES];
	time_t seconds = (time_t)(started_ms / 1000);
	struct tm tm;
	if (!hz_record_id_good(id) || started_ms < 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 8099)
		return -EINVAL;
	int n = snprintf(path, sizeof(path), "%s/%04d/%02d/%s", root, tm.tm_year + 1900, tm.tm_mon + 1, id);
	if (n < 0 || n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	memcpy(ret, path, sizeof(path));
	return 0;
}

// --- state.json ---------------------------------------------------------------------------------------------------------

static bool get_text(const json_t *json, const char *name, char *ret, size_t bytes)
{
	const char *text = json_string_value(json_object_get(json, name));
	if (!text || strlen(text) >= bytes)
		return false;
	memcpy(ret, text, strlen(text) + 1);
	return true;
}

static bool get_number(const json_t *json, const char *name, int64_t *ret)
{
	const json_t *value = json_object_get(json, name);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*ret = json_integer_value(value);
	return true;
}

static bool get_flag(const json_t *json, const char *name, bool *ret)
{
	const json_t *value = json_object_get(json, name);
	*ret = json_is_true(value);
	return json_is_boolean(value);
}

static bool get_phase(const json_t *json, enum hz_record_phase *ret)
{
	const char *name = json_string_value(json_object_get(json, "phase"));
	for (size_t i = 1; name && i < PHASES; i++)
		if (strcmp(phases[i], name) == 0) {
			*ret = (enum hz_record_phase)i;
			return true;
		}
	return false;
}

// Absent in records of which the tracks are not done.
static bool get_composing(const json_t *json, struct hz_record_state *ret)
{
	const json_t *composing = json_object_get(json, "composing");
	const char *name = json_string_value(json_object_get(composing, "phase"));
	int64_t attempts = 0;
	if (!composing)
		return true;
	for (size_t i = 1; name && i < COMPOSINGS; i++)
		if (strcmp(composings[i], name) == 0)
			ret->composing.phase = (enum hz_record_composing)i;
	bool good = ret->composing.phase && get_number(composing, "attempts", &attempts) &&
	            attempts <= UINT32_MAX &&
	            get_number(composing, "changed_ms", &ret->composing.changed_ms) &&
	            get_text(composing, "error", ret->composing.error, sizeof(ret->composing.error));
	ret->composing.attempts = (unsigned)attempts;
	return good;
}

// Absent where nothing was to be delivered.
static bool get_delivery(const json_t *json, struct hz_record_state *ret)
{
	const json_t *all = json_object_get(json, "delivery");
	bool good = !all || json_is_object(all);
	for (unsigned k = 0; k < HZ_DESTINATIONS; k++) {
		const json_t *one = json_object_get(all, destinations[k]);
		const char *name = json_string_value(json_object_get(one, "phase"));
		for (size_t i = 1; name && i < DELIVERIES; i++)
			if (strcmp(deliveries[i], name) == 0)
				ret->delivery[k].phase = (enum hz_record_delivery)i;
		good =
		    good &&
		    (!one ||
		     (ret->delivery[k].phase && get_number(one, "changed_ms", &ret->delivery[k].changed_ms) &&
		      get_text(one, "error", ret->delivery[k].error, sizeof(ret->delivery[k].error))));
	}
	return good;
}

// NULL: none, or without memory.
static json_t *put_delivery(const struct hz_record_state *s)
{
	json_t *all = NULL;
	for (unsigned k = 0; k < HZ_DESTINATIONS; k++) {
		if (!s->delivery[k].phase)
			continue;
		all = all ? all : json_object();
		json_object_set_new(all, destinations[k],
		                    json_pack("{sssIss}", "phase", deliveries[s->delivery[k].phase],
		                              "changed_ms", (json_int_t)s->delivery[k].changed_ms, "error",
		                              s->delivery[k].error));
	}
	return all;
}

int hz_record_state_parse(const char *text, size_t bytes, struct hz_record_state *ret)
{
	struct hz_record_state s = {0};
	json_error_t error;
	int64_t attempts = 0;
	json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
	bool good = json_is_object(json) && get_text(json, "id", s.id, sizeof(s.id)) &&
	            hz_record_id_good(s.id) && get_text(json, "consult", s.consult, sizeof(s.consult)) &&
	            get_phase(json, &s.phase) && get_number(json, "started_ms", &s.started_ms) &&
	            get_number(json, "ended_ms", &s.ended_ms) &&
	            get_number(json, "changed_ms", &s.changed_ms) &&
	            get_number(json, "attempts", &attempts) && attempts <= UINT32_MAX &&
	            get_text(json, "error", s.error, sizeof(s.error)) && get_flag(json, "lost", &s.lost) &&
	            get_flag(json, "torn", &s.torn) && get_composing(json, &s) && get_delivery(json, &s);
	json_decref(json);
	if (!good)
		return -EBADMSG;
	s.attempts = (unsigned)attempts;
	*ret = s;
	return 0;
}

int hz_record_state_read(const char *folder, struct hz_record_state *ret)
{
	char path[HZ_RECORD_PATH_BYTES + 16], text[STATE_BYTES];
	snprintf(path, sizeof(path), "%s/state.json", folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = hz_file_read(fd, text, sizeof(text), 0);
	close(fd);
	if (n < 0)
		return (int)n;
	return n == sizeof(text) ? -EBADMSG : hz_record_state_parse(text, (size_t)n, ret);
}

static char *state_text(const struct hz_record_state *s)
{
	json_t *json =
	    json_pack("{sssssssIsIsIsIsssbsb}", "id", s->id, "consult", s->consult, "phase",
	              hz_record_phase_name(s->phase), "started_ms", (json_int_t)s->started_ms, "ended_ms",
	              (json_int_t)s->ended_ms, "changed_ms", (json_int_t)s->changed_ms, "attempts",
	              (json_int_t)s->attempts, "error", s->error, "lost", s->lost, "torn", s->torn);
	if (json && s->composing.phase) {
		json_t *composing =
		    json_pack("{sssIsIss}", "phase", hz_record_composing_name(s->composing.phase), "attempts",
		              (json_int_t)s->composing.attempts, "changed_ms",
		              (json_int_t)s->composing.changed_ms, "error", s->composing.error);
		if (!composing || json_object_set_new(json, "composing", composing) < 0) {
			json_decref(json);
			json = NULL;
		}
	}
	json_t *delivery = json ? put_delivery(s) : NULL;
	if (delivery)
		json_object_set_new(json, "delivery", delivery);
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	json_decref(json);
	return text;
}

int hz_record_state_write(const char *folder, const struct hz_record_state *state)
{
	if (!hz_record_id_good(state->id) || state->phase < HZ_RECORD_RECORDING ||
	    (size_t)state->phase >= PHASES)
		return -EINVAL;
	char *text = state_text(state);
	if (!text)
		return -EINVAL; // not UTF-8
	int err = hz_file_folder(folder);
	int dir = err ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && dir < 0)
		err = -errno;
	if (!err)
		err = hz_file_replace(dir, "state.json", text, strlen(text));
	if (dir >= 0)
		close(dir);
	free(text);
	return err;
}

int hz_record_lock(const char *folder, int *ret)
{
	char path[HZ_RECORD_PATH_BYTES + 16];
	snprintf(path, sizeof(path), "%s/lock", folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
		return err;
	}
	*ret = fd;
	return 0;
}

int hz_record_lock_sending(const char *folder, bool shared, int *ret)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0) {
		int err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
		return err;
	}
	*ret = fd;
	return 0;
}

// --- the store ----------------------------------------------------------------------------------------------------------

struct entry {
	char *folder;
	struct hz_record_state state;
};

struct entries {
	struct entry *list;
	size_t count, capacity;
};

static int add_entry(struct entries *e, const char *folder, const struct hz_record_state *state)
{
	if (e->count == e->capacity) {
		size_t capacity = e->capacity ? e->capacity * 2 : 64;
		struct entry *list = reallocarray(e->list, capacity, sizeof(*list));
		if (!list)
			return -ENOMEM;
		e->list = list;
		e->capacity = capacity;
	}
	char *copy = strdup(folder);
	if (!copy)
		return -ENOMEM;
	e->list[e->count].folder = copy;
	e->list[e->count++].state = *state;
	return 0;
}

// A state that cannot be read is a record all the same: it is shown as failed and says why.
static int take_folder(struct entries *e, const char *folder, const char *id)
{
	struct hz_record_state s = {0};
	int err = hz_record_state_read(folder, &s);
	if (!err && strcmp(s.id, id) == 0)
		return add_entry(e, folder, &s);
	memset(&s, 0, sizeof(s));
	snprintf(s.id, sizeof(s.id), "%s", id);
	s.phase = HZ_RECORD_FAILED;
	snprintf(s.error, sizeof(s.error), "state.json: %s",
	         err == -EBADMSG ? "not readable"
	         : err           ? strerror(-err)
	                         : "is of another record");
	return add_entry(e, folder, &s);
}

typedef int visit_fn(void *arg, const char *folder, const char *name); // not 0: it is over

static bool all_digits(const char *name, size_t n)
{
	return strlen(name) == n && strspn(name, "0123456789") == n;
}

static int each_in(void *arg, const char *folder, visit_fn *visit)
{
	DIR *dir = opendir(folder);
	int err = 0;
	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	for (struct dirent *d; !err && (d = readdir(dir));) {
		char path[HZ_RECORD_PATH_BYTES];
		if (d->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", folder, d->d_name) >= (int)sizeof(path))
			continue;
		err = visit(arg, path, d->d_name);
	}
	closedir(dir);
	return err;
}

static int visit_record(void *arg, const char *folder, const char *name)
{
	return hz_record_id_good(name) ? take_folder(arg, folder, name) : 0;
}

static int visit_month(void *arg, const char *folder, const char *name)
{
	return all_digits(name, 2) ? each_in(arg, folder, visit_record) : 0;
}

static int visit_year(void *arg, const char *folder, const char *name)
{
	return all_digits(name, 4) ? each_in(arg, folder, visit_month) : 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->state.started_ms != y->state.started_ms)
		return x->state.started_ms < y->state.started_ms ? 1 : -1;
	return strcmp(x->state.id, y->state.id);
}

int hz_record_each(const char *root, hz_record_each_cb *cb, void *arg)
{
	struct entries e = {0};
	int err = each_in(&e, root, visit_year);
	if (!err && e.count)
		qsort(e.list, e.count, sizeof(*e.list), newest_first);
	bool more = !err;
	for (size_t i = 0; i < e.count; i++) {
		more = more && cb(arg, e.list[i].folder, &e.list[i].state);
		free(e.list[i].folder);
	}
	free(e.list);
	return err;
}

// By names alone: a store of years has very many records, and whoever asks may ask often.
struct wanted {
	const char *id;
	char *ret;
};

static int find_in_month(void *arg, const char *folder, const char *name)
{
	const struct wanted *w = arg;
	char path[HZ_RECORD_PATH_BYTES];
	struct stat st;
	if (!all_digits(name, 2) ||
	    snprintf(path, sizeof(path), "%s/%s", folder, w->id) >= (int)sizeof(path) ||
	    stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	memcpy(w->ret, path, sizeof(path));
	return 1;
}

static int find_in_year(void *arg, const char *folder, const char *name)
{
	return all_digits(name, 4) ? each_in(arg, folder, find_in_month) : 0;
}

int hz_record_find(const char *root, const char *id, char ret[HZ_RECORD_PATH_BYTES])
{
	struct wanted w = {id, ret};
	int found = hz_record_id_good(id) ? each_in(&w, root, find_in_year) : 0;
	return found < 0 ? found : found ? 0 : -ENOENT;
}
