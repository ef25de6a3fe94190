// Checks a record against its certificate.
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/record/certificate.h"
#include "recorder/record/erasure.h"
#include "recorder/record/files.h"
#include "recorder/record/sign.h"
#include "recorder/journal/hash.h"

struct verify {
	const char *folder;
	hz_certificate_fault_cb *cb;
	void *arg;
	int faults;
	bool deleted;     // by a signed note
	json_t *erasures; // signed notes of what was erased
	char hash[65];    // of certificate.json
	const char *record;
	const struct hz_sign_key *key; // NULL: not known
};

static void fault(struct verify *v, const char *where, const char *what)
{
	v->faults++;
	v->cb(v->arg, where, what);
}

static void check_entry(struct verify *v, const char *path, const json_t *entry)
{
	char full[4096];
	struct hz_file_hash hash;
	const char *sha256 = json_string_value(json_object_get(entry, "sha256"));
	if (!hz_document_is_inside(path) || !sha256) {
		fault(v, "certificate.json", "an entry is no file");
		return;
	}
	snprintf(full, sizeof(full), "%s/%s", v->folder, path);
	int err = hz_hash_file(full, HZ_SHA256, &hash);
	if (err == -ENOENT && (v->deleted || hz_erasures_took(v->erasures, v->hash, path)))
		return;
	if (err)
		fault(v, path, err == -ENOENT ? "is not there" : "cannot be read");
	else if (hash.bytes != (uint64_t)json_integer_value(json_object_get(entry, "bytes")))
		fault(v, path, "its length differs");
	else if (strcmp(hash.hex, sha256) != 0)
		fault(v, path, "its hash differs");
}

static bool is_listed(const json_t *list, const char *key, const char *name)
{
	size_t i;
	const json_t *one;
	json_array_foreach(list, i, one)
	{
		const char *text = json_string_value(json_object_get(one, key));
		if (text && strcmp(text, name) == 0)
			return true;
	}
	return false;
}

// Files that nobody signed.
static void check_folder(struct verify *v, const char *name, const json_t *files, const json_t *segments)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", v->folder, name);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		size_t n = strlen(e->d_name);
		snprintf(path, sizeof(path), "%s/%s", name, e->d_name);
		if (e->d_name[0] == '.' || (n > 4 && strcmp(e->d_name + n - 4, ".new") == 0))
			continue;
		if (segments ? !is_listed(segments, "file", e->d_name) : !is_listed(files, "path", path))
			fault(v, path, HZ_CERTIFICATE_NOT_NAMED);
	}
	if (dir)
		closedir(dir);
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

// Notes that no certificate names: of an erasure after which none was made yet. Their signatures were checked.
static void check_erasures(struct verify *v, const json_t *files)
{
	struct hz_file_hash hash;
	char path[4096], full[4096 + 512];
	snprintf(path, sizeof(path), "%s/erasures", v->folder);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		bool certificate = ends_with(e->d_name, ".certificate.json");
		snprintf(path, sizeof(path), "erasures/%.200s", e->d_name);
		snprintf(full, sizeof(full), "%s/%s", v->folder, path);
		if (e->d_name[0] == '.' || ends_with(e->d_name, ".new") || is_listed(files, "path", path))
			continue;
		if (!ends_with(e->d_name, ".json") ||
		    (certificate &&
		     (hz_hash_file(full, HZ_SHA256, &hash) != 0 || strcmp(hash.hex, v->hash) != 0)))
			fault(v, path, "is not in the certificate");
	}
	if (dir)
		closedir(dir);
}

// A key may be gone by an erasure that is signed for, and no other way.
static void check_marks(struct verify *v)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/keys", v->folder);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		uint32_t track = (uint32_t)strtoul(e->d_name, NULL, 10); // 0: the record's key
		if (!ends_with(e->d_name, ".erased") || v->deleted ||
		    (hz_erasures_took_key(v->erasures, track) &&
		     hz_erasure_mark_good(v->folder, v->record, track, v->key)))
			continue;
		snprintf(path, sizeof(path), "keys/%.200s", e->d_name);
		fault(v, path, "nobody signed for this erasure");
	}
	if (dir)
		closedir(dir);
}

static void check_content(struct verify *v, const json_t *c)
{
	size_t i;
	const json_t *one, *files = json_object_get(c, "files");
	const json_t *segments = json_object_get(json_object_get(c, "journal"), "segments");
	char path[4096];
	if (!json_is_array(files))
		fault(v, "certificate.json", "names no files");
	json_array_foreach(files, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "path"));
		check_entry(v, name ? name : "", one);
	}
	json_array_foreach(segments, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "file"));
		snprintf(path, sizeof(path), "journal/%s", name ? name : "");
		check_entry(v, path, one);
	}
	check_folder(v, "tracks", files, NULL);
	check_folder(v, "dicom", files, NULL);
	if (json_is_array(segments))
		check_folder(v, "journal", files, segments);
	check_erasures(v, files);
	check_marks(v);
}

// deletion.json: {"note": compact JWS} of {"record", "certificate": sha256, "deleted_ms", ...}.
static bool is_deleted(const char *folder, const struct hz_sign_key *key, const char *certificate,
                       size_t bytes)
{
	char path[4096], *text = NULL, *payload = NULL, hash[65];
	bool good = false;
	snprintf(path, sizeof(path), "%s/deletion.json", folder);
	if (hz_document_read(path, 1 << 20, &text, NULL) != 0)
		return false;
	json_t *all = json_loads(text, 0, NULL), *note = NULL;
	const char *compact = json_string_value(json_object_get(all, "note"));
	if (compact && hz_sign_compact_check(key, compact, &payload) == 0)
		note = json_loads(payload, 0, NULL);
	const char *named = json_string_value(json_object_get(note, "certificate"));
	hz_hash_hex(certificate, bytes, hash);
	good = named && strcmp(named, hash) == 0;
	json_decref(note);
	json_decref(all);
	free(payload);
	free(text);
	return good;
}

static int read_key(const char *folder, const char *public_pem, char **ret)
{
	char path[4096];
	if (public_pem)
		return hz_document_read(public_pem, 1 << 16, ret, NULL);
	snprintf(path, sizeof(path), "%s/../../../signing/public.pem", folder);
	return hz_document_read(path, 1 << 16, ret, NULL);
}

int hz_certificate_verify(const char *folder, const char *public_pem, hz_certificate_fault_cb *cb, void *arg)
{
	struct verify v = {.folder = folder, .cb = cb, .arg = arg};
	char path[4096], *text = NULL, *pem = NULL;
	size_t bytes = 0;
	struct hz_sign_key *key = NULL;
	snprintf(path, sizeof(path), "%s/certificate.json", folder);
	int err = hz_document_read(path, HZ_CERTIFICATE_BYTES, &text, &bytes);
	if (err)
		return err;
	err = read_key(folder, public_pem, &pem);
	if (err && public_pem) {
		free(text);
		return err;
	}
	if (err)
		fault(&v, "certificate.json",
		      "no public key to compare with: whoever altered it may have signed it");
	err = hz_certificate_check(text, bytes, pem);
	if (err == -EKEYREJECTED)
		fault(&v, "certificate.json", "its signature does not fit");
	else if (err)
		fault(&v, "certificate.json", "is no certificate");
	if (pem)
		(void)hz_sign_key_public(pem, &key);
	v.deleted = is_deleted(folder, key, text, bytes);
	hz_hash_hex(text, bytes, v.hash);
	json_t *all = json_loadb(text, bytes, 0, NULL);
	const json_t *content = json_object_get(all, "certificate");
	unsigned bad = 0;
	v.key = key;
	v.record = json_string_value(json_object_get(content, "record"));
	v.erasures = hz_erasures_load(folder, v.record, key, &bad);
	if (bad)
		fault(&v, "erasures", "has a note that is not signed, or of another record");
	if (json_is_object(content))
		check_content(&v, content);
	json_decref(v.erasures);
	json_decref(all);
	hz_sign_key_free(key);
	free(pem);
	free(text);
	return v.faults;
}
