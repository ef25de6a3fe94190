#include "recorder/record/manifest_read.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/manifest.h"
#include "recorder/record/files.h"

#define TIME_MAX 253402300799999ll // the year 9999

// Says the first thing that is wrong and goes on; the caller looks at `why` once.
struct reading {
	const char *why;
	bool memory;
};

static void bad(struct reading *r, const char *why)
{
	if (!r->why)
		r->why = why;
}

static const char *text_of(struct reading *r, const json_t *in, const char *key, size_t max, const char *why)
{
	const json_t *value = json_object_get(in, key);
	const char *text = value && !json_is_null(value) ? json_string_value(value) : "";
	if (!text || strlen(text) > max) {
		bad(r, why);
		return "";
	}
	return text;
}

static int64_t number_of(struct reading *r, const json_t *in, const char *key, int64_t max, const char *why)
{
	const json_t *value = json_object_get(in, key);
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > max) {
		bad(r, why);
		return 0;
	}
	return json_integer_value(value);
}

// at_ms may be before the record's begin.
static int64_t at_of(struct reading *r, const json_t *in, const char *key)
{
	const json_t *value = json_object_get(in, key);
	int64_t v = json_is_integer(value) ? json_integer_value(value) : 0;
	if ((value && !json_is_integer(value)) || v < -86400000 || v > TIME_MAX)
		bad(r, "files: at_ms is out of range");
	return v;
}

static const char *hash_of(struct reading *r, const json_t *in, const char *key, size_t chars)
{
	const char *text = text_of(r, in, key, chars, "a hash is no text");
	if (strlen(text) != chars || strspn(text, "0123456789abcdef") != chars)
		bad(r, "a hash is not lower-case hex of its length");
	return text;
}

// A list's length, within limit; 0 when absent.
static unsigned list_of(struct reading *r, const json_t *in, const char *key, unsigned limit,
                        const json_t **ret)
{
	*ret = json_object_get(in, key);
	if (!*ret || json_is_null(*ret))
		return 0;
	if (!json_is_array(*ret) || json_array_size(*ret) > limit) {
		bad(r, "a list is no list, or too long");
		return 0;
	}
	return (unsigned)json_array_size(*ret);
}

static void *room(struct reading *r, unsigned count, size_t each)
{
	void *p = count ? calloc(count, each) : NULL;
	if (count && !p)
		r->memory = true;
	return p;
}

static void read_subject(struct reading *r, const json_t *root, struct hz_manifest *m)
{
	static const char *const why = "subject: a value is no text or too long";
	const json_t *subject = json_object_get(root, "subject"),
	             *patient = json_object_get(subject, "patient");
	m->subject.id = text_of(r, patient, "id", HZ_MANIFEST_ID_BYTES, why);
	m->subject.id_system = text_of(r, patient, "id_system", HZ_MANIFEST_SYSTEM_BYTES, why);
	m->subject.name = text_of(r, patient, "name", HZ_MANIFEST_NAME_BYTES, why);
	m->subject.sex = text_of(r, patient, "sex", 16, why);
	m->subject.birth_date = text_of(r, patient, "birth_date", 10, why);
	m->subject.study_uid = text_of(r, subject, "study_uid", 64, why);
	m->subject.accession = text_of(r, subject, "accession", HZ_MANIFEST_ACCESSION_BYTES, why);
	m->subject.department = text_of(r, subject, "department", HZ_MANIFEST_NAME_BYTES, why);
	m->subject.institution = text_of(r, subject, "institution", HZ_MANIFEST_NAME_BYTES, why);
}

static void read_person(struct reading *r, const json_t *in, struct hz_manifest_person *p)
{
	const json_t *periods, *consents;
	p->id = text_of(r, in, "id", 128, "participants: id is no text or too long");
	p->name = text_of(r, in, "name", 512, "participants: name is no text or too long");
	p->role = text_of(r, in, "role", 64, "participants: role is no text or too long");
	unsigned periods_count = list_of(r, in, "periods", HZ_MANIFEST_LIST, &periods);
	unsigned consents_count = list_of(r, in, "consent", HZ_MANIFEST_LIST, &consents);
	p->periods = room(r, periods_count, sizeof(*p->periods));
	p->consents = room(r, consents_count, sizeof(*p->consents));
	p->periods_count = p->periods ? periods_count : 0;
	p->consents_count = p->consents ? consents_count : 0;
	for (unsigned i = 0; i < p->periods_count; i++) {
		const json_t *one = json_array_get(periods, i);
		p->periods[i].from_ms =
		    number_of(r, one, "from_ms", TIME_MAX, "periods: from_ms is out of range");
		p->periods[i].to_ms = number_of(r, one, "to_ms", TIME_MAX, "periods: to_ms is out of range");
	}
	for (unsigned i = 0; i < p->consents_count; i++) {
		const json_t *one = json_array_get(consents, i);
		struct hz_manifest_consent *c = &p->consents[i];
		c->state = text_of(r, one, "state", 32, "consent: state is no text or too long");
		c->wording = text_of(r, one, "wording", 256, "consent: wording is no text or too long");
		c->language = text_of(r, one, "language", 35, "consent: language is no text or too long");
		c->time_ms = number_of(r, one, "time_ms", TIME_MAX, "consent: time_ms is out of range");
	}
}

static void read_file(struct reading *r, const json_t *in, struct hz_manifest_file *f)
{
	static const char *const word = "files: a word is no text or too long",
	                         *const number = "files: a number is out of range";
	const json_t *codecs, *h264 = json_object_get(in, "h264");
	f->path = text_of(r, in, "path", 255, "files: path is no text or too long");
	if (!hz_document_is_inside(f->path))
		bad(r, "files: a path leaves the folder");
	f->role = text_of(r, in, "role", 32, word);
	f->participant = text_of(r, in, "participant", 128, word);
	f->source = text_of(r, in, "source", 64, word);
	f->kind = text_of(r, in, "kind", 16, word);
	f->container = text_of(r, in, "container", 16, word);
	f->codecs_count = list_of(r, in, "codecs", HZ_MANIFEST_CODECS, &codecs);
	for (unsigned i = 0; i < f->codecs_count; i++) {
		f->codecs[i] = json_string_value(json_array_get(codecs, i));
		if (!f->codecs[i]) {
			bad(r, "files: a codec is no text");
			f->codecs[i] = "";
		}
	}
	f->at_ms = at_of(r, in, "at_ms");
	f->duration_ms = number_of(r, in, "duration_ms", TIME_MAX, number);
	f->width = (uint32_t)number_of(r, in, "width", 65535, number);
	f->height = (uint32_t)number_of(r, in, "height", 65535, number);
	f->frames = (uint64_t)number_of(r, in, "frames", INT32_MAX, number);
	f->rate_num = (uint32_t)number_of(r, in, "rate_num", INT32_MAX, number);
	f->rate_den = (uint32_t)number_of(r, in, "rate_den", INT32_MAX, number);
	f->part = (uint32_t)number_of(r, in, "part", INT32_MAX, number);
	f->bytes = (uint64_t)number_of(r, in, "bytes", INT64_MAX, number);
	f->profile_idc = (uint32_t)number_of(r, h264, "profile_idc", 255, number);
	f->constraint_flags = (uint32_t)number_of(r, h264, "constraint_flags", 255, number);
	f->level_idc = (uint32_t)number_of(r, h264, "level_idc", 255, number);
	f->sha256 = hash_of(r, in, "sha256", 64);
	f->sha1 = hash_of(r, in, "sha1", 40);
}

static bool is_uuid(const char *text)
{
	for (unsigned i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? text[i] != '-' : !text[i] || !strchr("0123456789abcdef", text[i]))
			return false;
	}
	return !text[36];
}

static void read_all(struct reading *r, const json_t *root, struct hz_manifest *m)
{
	const json_t *people, *files, *journal = json_object_get(root, "journal");
	if (!json_is_object(root) ||
	    json_integer_value(json_object_get(root, "version")) != HZ_MANIFEST_VERSION)
		bad(r, "no manifest of this version");
	m->record = text_of(r, root, "record", 36, "record is no UUID");
	if (!is_uuid(m->record))
		bad(r, "record is no UUID");
	m->consult = text_of(r, root, "consult", 128, "consult is no text or too long");
	m->title = text_of(r, root, "title", 1024, "title is no text or too long");
	m->started_ms = number_of(r, root, "started_ms", TIME_MAX, "started_ms is out of range");
	m->ended_ms = number_of(r, root, "ended_ms", TIME_MAX, "ended_ms is out of range");
	m->wall_zero_ms = number_of(r, root, "wall_zero_ms", TIME_MAX, "wall_zero_ms is out of range");
	read_subject(r, root, m);
	unsigned people_count = list_of(r, root, "participants", HZ_MANIFEST_PARTICIPANTS, &people);
	m->people = room(r, people_count, sizeof(*m->people));
	for (; m->people && m->people_count < people_count; m->people_count++)
		read_person(r, json_array_get(people, m->people_count), &m->people[m->people_count]);
	unsigned files_count = list_of(r, root, "files", HZ_MANIFEST_FILES, &files);
	m->files = room(r, files_count, sizeof(*m->files));
	for (; m->files && m->files_count < files_count; m->files_count++)
		read_file(r, json_array_get(files, m->files_count), &m->files[m->files_count]);
	m->events = text_of(r, root, "events", 255, "events is no path");
	if (*m->events && !hz_document_is_inside(m->events))
		bad(r, "events: the path leaves the folder");
	m->chain = text_of(r, journal, "chain", 64, "journal: chain is no hash");
	if (*m->chain && strspn(m->chain, "0123456789abcdef") != 64)
		bad(r, "journal: chain is no hash");
	m->torn_bytes =
	    (uint64_t)number_of(r, journal, "torn_bytes", INT64_MAX, "journal: torn_bytes is out of range");
}

// In one form, whatever the text's was.
static bool hash_tracks(const json_t *root, char ret[65])
{
	json_t *copy = json_copy((json_t *)(uintptr_t)root), *files = json_array();
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(root, "files"), i, one)
	{
		const char *role = json_string_value(json_object_get(one, "role"));
		if (role && strcmp(role, "track") == 0)
			json_array_append(files, one);
	}
	json_object_set_new(copy, "files", files);
	char *text = copy ? json_dumps(copy, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(8)) : NULL;
	json_decref(copy);
	if (text)
		hz_hash_hex(text, strlen(text), ret);
	free(text);
	return text != NULL;
}

int hz_manifest_parse(const char *text, size_t bytes, const char **ret_why, struct hz_manifest **ret)
{
	struct reading r = {0};
	struct hz_manifest *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->root = bytes <= HZ_MANIFEST_BYTES ? json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (!m->root)
		r.why = "not JSON";
	else
		read_all(&r, m->root, m);
	if (!r.why && !hash_tracks(m->root, m->tracks_sha256))
		r.memory = true;
	if (r.memory || r.why) {
		hz_manifest_free(m);
		if (ret_why)
			*ret_why = r.memory ? "out of memory" : r.why;
		return r.memory ? -ENOMEM : -EBADMSG;
	}
	hz_hash_hex(text, bytes, m->sha256);
	*ret = m;
	return 0;
}

int hz_manifest_load(const char *folder, const char **ret_why, struct hz_manifest **ret)
{
	char path[4096], *text = NULL;
	size_t bytes = 0;
	snprintf(path, sizeof(path), "%s/manifest.json", folder);
	int err = hz_document_read(path, HZ_MANIFEST_BYTES, &text, &bytes);
	if (err && ret_why)
		*ret_why = "cannot be read";
	if (!err)
		err = hz_manifest_parse(text, bytes, ret_why, ret);
	free(text);
	return err;
}

void hz_manifest_free(struct hz_manifest *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->people_count; i++) {
		free(m->people[i].periods);
		free(m->people[i].consents);
	}
	free(m->people);
	free(m->files);
	json_decref(m->root);
	free(m);
}

bool hz_manifest_has_codec(const struct hz_manifest_file *file, const char *codec)
{
	for (unsigned i = 0; i < file->codecs_count; i++)
		if (strcmp(file->codecs[i], codec) == 0)
			return true;
	return false;
}

const struct hz_manifest_person *hz_manifest_person(const struct hz_manifest *m, const char *id)
{
	for (unsigned i = 0; i < m->people_count; i++)
		if (strcmp(m->people[i].id, id) == 0)
			return &m->people[i];
	return NULL;
}
