#include "recorder/record/certificate.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/clock.h"
#include "recorder/record/erasure.h"
#include "recorder/record/fhir.h"
#include "recorder/record/files.h"
#include "recorder/record/manifest_read.h"
#include "recorder/record/package.h"
#include "recorder/record/sign.h"
#include "recorder/journal/hash.h"

#define FORM           (JSON_INDENT(1) | JSON_SORT_KEYS)
#define QUALITY_MOST   200000
#define TIMELINE_BYTES (64u << 20)

// {"path", "bytes", "sha256"} of a file as it is now; NULL when it is not there.
static json_t *entry_of(const char *folder, const char *path)
{
	char full[4096];
	struct hz_file_hash hash;
	snprintf(full, sizeof(full), "%s/%s", folder, path);
	if (hz_hash_file(full, HZ_SHA256, &hash) != 0)
		return NULL;
	return json_pack("{s:s, s:I, s:s}", "path", path, "bytes", (json_int_t)hash.bytes, "sha256",
	                 hash.hex);
}

// Text stays, integers stay, fractions become text: canonical JSON has one form for each.
static json_t *plain(const json_t *value, unsigned depth)
{
	char text[32];
	const char *key;
	json_t *one, *copy;
	size_t i;
	if (json_is_real(value)) {
		snprintf(text, sizeof(text), "%.6g", json_real_value(value));
		return json_string(text);
	}
	if (depth == 0 || (!json_is_object(value) && !json_is_array(value)))
		return json_deep_copy(value);
	if (json_is_array(value)) {
		copy = json_array();
		json_array_foreach(value, i, one) json_array_append_new(copy, plain(one, depth - 1));
		return copy;
	}
	copy = json_object();
	json_object_foreach((json_t *)(uintptr_t)value, key, one)
	    json_object_set_new(copy, key, plain(one, depth - 1));
	return copy;
}

// The "quality" events of the timeline.
static json_t *quality_of(const char *folder, const char *events)
{
	char path[4096], *text = NULL;
	size_t bytes = 0, i;
	json_t *all = NULL, *one, *list = json_array();
	snprintf(path, sizeof(path), "%s/%s", folder, events);
	if (*events && hz_document_read(path, TIMELINE_BYTES, &text, &bytes) == 0)
		all = json_loadb(text, bytes, 0, NULL);
	free(text);
	json_array_foreach(all, i, one)
	{
		const char *type = json_string_value(json_object_get(one, "type"));
		if (type && strcmp(type, "quality") == 0 && json_array_size(list) < QUALITY_MOST)
			json_array_append_new(list, plain(one, 6));
	}
	json_decref(all);
	return list;
}

// dicom/index.json and the objects that it names.
static json_t *objects_of(const char *folder)
{
	void *index = NULL;
	size_t i;
	const json_t *one;
	json_t *list = json_array();
	if (hz_package_index(folder, &index) != 0)
		return list;
	json_array_append_new(list, entry_of(folder, "dicom/index.json"));
	json_array_foreach(json_object_get(index, "instances"), i, one) json_array_append_new(
	    list, json_pack("{s:O, s:O, s:O}", "path", json_object_get(one, "path"), "bytes",
	                    json_object_get(one, "bytes"), "sha256", json_object_get(one, "sha256")));
	json_decref(index);
	return list;
}

// Notes of what was erased, each with the certificate that it ended: one proves the next.
static void add_erasures(const char *folder, json_t *list)
{
	char path[64];
	for (unsigned number = 1; number <= HZ_ERASURES; number++) {
		snprintf(path, sizeof(path), "erasures/%04u.json", number);
		json_t *note = entry_of(folder, path);
		if (!note)
			return;
		json_array_append_new(list, note);
		snprintf(path, sizeof(path), "erasures/%04u.certificate.json", number);
		json_t *before = entry_of(folder, path);
		if (before)
			json_array_append_new(list, before);
	}
}

static json_t *files_of(const char *folder, const struct hz_manifest *m)
{
	json_t *list = objects_of(folder);
	for (unsigned i = 0; i < m->files_count; i++)
		json_array_append_new(list,
		                      json_pack("{s:s, s:I, s:s}", "path", m->files[i].path, "bytes",
		                                (json_int_t)m->files[i].bytes, "sha256", m->files[i].sha256));
	json_t *manifest = entry_of(folder, "manifest.json");
	if (manifest)
		json_array_append_new(list, manifest);
	for (unsigned i = 1; i <= HZ_FHIR_BUNDLES; i++) {
		char name[16];
		hz_fhir_name(i, name);
		json_t *entry = entry_of(folder, name);
		if (entry)
			json_array_append_new(list, entry);
	}
	json_t *timeline = *m->events ? entry_of(folder, m->events) : NULL;
	if (timeline)
		json_array_append_new(list, timeline);
	add_erasures(folder, list);
	return list;
}

static json_t *content_of(const char *folder, const struct hz_manifest *m)
{
	static const char *const kept[] = {"record",   "consult",      "title",   "started_ms",
	                                   "ended_ms", "wall_zero_ms", "subject", "participants",
	                                   "journal",  "tracks",       "warnings"};
	const json_t *root = m->root;
	json_t *c = json_pack("{s:i, s:I}", "version", 1, "issued_ms", (json_int_t)(hz_wall_us() / 1000));
	for (size_t i = 0; c && i < sizeof(kept) / sizeof(kept[0]); i++)
		if (json_object_get(root, kept[i]))
			json_object_set_new(c, kept[i], plain(json_object_get(root, kept[i]), 8));
	if (c) {
		json_object_set_new(c, "quality", quality_of(folder, m->events));
		json_object_set_new(c, "files", files_of(folder, m));
	}
	return c;
}

static int sign_content(const char *store, bool sm2, const json_t *content, char **ret)
{
	struct hz_sign_key *key = NULL;
	char *header = NULL, *signature = NULL, *payload64 = NULL, *text = hz_sign_canonical(content);
	int err = text ? hz_sign_key_open(store, sm2, &key) : -ENOMEM;
	if (!err && !(payload64 = malloc(strlen(text) * 4 / 3 + 8)))
		err = -ENOMEM;
	if (!err) {
		hz_base64((const uint8_t *)text, strlen(text), 1, payload64);
		err = hz_sign(key, payload64, &header, &signature);
	}
	json_t *all = err ? NULL
	                  : json_pack("{s:O, s:{s:s, s:s}}", "certificate", content, "signature", "protected",
	                              header, "signature", signature);
	char *out = all ? json_dumps(all, FORM) : NULL;
	json_decref(all);
	free(header);
	free(signature);
	free(payload64);
	free(text);
	hz_sign_key_free(key);
	if (!err && !out)
		err = -ENOMEM;
	if (!err)
		*ret = out;
	return err;
}

static int read_certificate(const char *folder, char **ret, size_t *ret_bytes)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/certificate.json", folder);
	return hz_document_read(path, HZ_CERTIFICATE_BYTES, ret, ret_bytes);
}

// One that is signed by somebody and names the same files is left alone: signatures differ each time they are made.
static bool is_made(const char *folder, const struct hz_manifest *m)
{
	char *text = NULL;
	size_t bytes = 0;
	bool made = false;
	if (read_certificate(folder, &text, &bytes) != 0)
		return false;
	if (hz_certificate_check(text, bytes, NULL) == 0) {
		json_t *all = json_loadb(text, bytes, 0, NULL), *files = files_of(folder, m);
		made = json_equal(json_object_get(json_object_get(all, "certificate"), "files"), files);
		json_decref(files);
		json_decref(all);
	}
	free(text);
	return made;
}

int hz_certificate_issue(const char *store, const char *folder, bool sm2)
{
	char path[4096], *text = NULL;
	struct hz_manifest *m = NULL;
	int err = hz_manifest_load(folder, NULL, &m);
	if (err || is_made(folder, m)) {
		hz_manifest_free(m);
		return err;
	}
	json_t *content = content_of(folder, m);
	err = content ? sign_content(store, sm2, content, &text) : -ENOMEM;
	snprintf(path, sizeof(path), "%s/certificate.json", folder);
	if (!err)
		err = hz_document_write(path, text, strlen(text), 0640);
	free(text);
	json_decref(content);
	hz_manifest_free(m);
	return err;
}

int hz_certificate_check(const char *text, size_t bytes, const char *public_pem_text)
{
	struct hz_sign_key *key = NULL;
	json_t *all =
	    bytes <= HZ_CERTIFICATE_BYTES ? json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const json_t *signature = json_object_get(all, "signature"),
	             *content = json_object_get(all, "certificate");
	const char *header64 = json_string_value(json_object_get(signature, "protected"));
	const char *signature64 = json_string_value(json_object_get(signature, "signature"));
	int err = json_is_object(content) && header64 && signature64 && json_object_size(all) == 2 &&
	                  json_object_size(signature) == 2
	              ? 0
	              : -EBADMSG;
	char *form = err ? NULL : json_dumps(all, FORM);
	if (!err && (!form || strlen(form) != bytes ||
	             memcmp(form, text, bytes) != 0)) // blanks are not signed: they have one form
		err = -EBADMSG;
	free(form);
	char *canonical = err ? NULL : hz_sign_canonical(content);
	char *payload64 = canonical ? malloc(strlen(canonical) * 4 / 3 + 8) : NULL;
	if (!err && !payload64)
		err = -ENOMEM;
	if (!err && public_pem_text)
		err = hz_sign_key_public(public_pem_text, &key) == 0 ? 0 : -EKEYREJECTED;
	if (!err) {
		hz_base64((const uint8_t *)canonical, strlen(canonical), 1, payload64);
		err = hz_sign_check(key, header64, payload64, signature64);
	}
	hz_sign_key_free(key);
	free(canonical);
	free(payload64);
	json_decref(all);
	return err;
}
