#include "recorder/record/fhir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/record/fhir_resources.h"
#include "recorder/record/files.h"
#include "recorder/record/package.h"
#include "recorder/record/sign.h"

int hz_fhir_bundle(const struct hz_manifest *m, const void *index, const struct hz_fhir_settings *settings,
                   const char *signature, void **ret)
{
	struct hz_fhir_build b = {
	    .manifest = m, .index = index, .settings = settings, .signature = signature};
	b.entries = json_array();
	b.targets = json_array();
	if (!b.entries || !b.targets) {
		json_decref(b.entries);
		json_decref(b.targets);
		return -ENOMEM;
	}
	hz_fhir_urn(m->record, "Encounter", "", b.encounter);
	hz_fhir_patient(&b);
	hz_fhir_encounter(&b);
	hz_fhir_consents(&b);
	hz_fhir_documents(&b);
	hz_fhir_imaging(&b);
	hz_fhir_provenance(&b);
	hz_fhir_audit(&b);
	free(b.patient);
	json_t *bundle =
	    json_pack("{s:s, s:s, s:{s:[{s:s, s:s}]}, s:O}", "resourceType", "Bundle", "type", "transaction",
	              "meta", "tag", "system", HZ_FHIR_MANIFEST, "code", m->sha256, "entry", b.entries);
	json_decref(b.entries);
	json_decref(b.targets);
	if (!bundle || b.out_of_memory) {
		json_decref(bundle);
		return -ENOMEM;
	}
	*ret = bundle;
	return 0;
}

// What the signature in Provenance speaks of: the manifest, which names every file and the journal's chain.
static int sign_manifest(const char *store, const struct hz_manifest *m, bool sm2, char **ret)
{
	struct hz_sign_key *key = NULL;
	json_t *payload =
	    json_pack("{s:s, s:s, s:s}", "record", m->record, "manifest", m->sha256, "chain", m->chain);
	char *text = payload ? hz_sign_canonical(payload) : NULL;
	int err = text ? hz_sign_key_open(store, sm2, &key) : -ENOMEM;
	if (!err)
		err = hz_sign_compact(key, text, strlen(text), ret);
	hz_sign_key_free(key);
	free(text);
	json_decref(payload);
	return err;
}

void hz_fhir_name(unsigned number, char ret[16])
{
	if (number > 1)
		snprintf(ret, 16, "fhir-%u.json", number);
	else
		snprintf(ret, 16, "fhir.json");
}

// Signatures differ each time: a Bundle of this manifest is left as it is, it may have been posted. 1: is there; 0: nothing is
// there; -EEXIST: another; -errno.
static int look(const char *path, const struct hz_manifest *m)
{
	char *text = NULL;
	size_t bytes = 0;
	int err = hz_document_read(path, HZ_FHIR_BYTES, &text, &bytes);
	if (err)
		return err == -ENOENT ? 0 : err;
	json_t *bundle = json_loadb(text, bytes, 0, NULL);
	free(text);
	const json_t *tag = json_array_get(json_object_get(json_object_get(bundle, "meta"), "tag"), 0);
	const char *code = json_string_value(json_object_get(tag, "code"));
	bool made = code && strcmp(code, m->sha256) == 0;
	json_decref(bundle);
	return made ? 1 : -EEXIST;
}

static int find_place(const char *folder, const struct hz_manifest *m, char path[4096], unsigned *ret)
{
	char name[16];
	int found = -EMFILE;
	for (*ret = 1; *ret <= HZ_FHIR_BUNDLES; (*ret)++) {
		hz_fhir_name(*ret, name);
		snprintf(path, 4096, "%s/%s", folder, name);
		found = look(path, m);
		if (found != -EEXIST)
			return found;
	}
	return -EMFILE;
}

int hz_fhir_write(const char *store, const char *folder, const struct hz_fhir_settings *settings, bool sm2,
                  unsigned *ret)
{
	char path[4096], *signature = NULL, *text = NULL;
	struct hz_manifest *m = NULL;
	struct hz_fhir_settings with = *settings;
	void *index = NULL, *bundle = NULL;
	unsigned number = 0;
	int err = hz_manifest_load(folder, NULL, &m);
	int found = err ? err : find_place(folder, m, path, &number);
	if (found) {
		err = found < 0 ? found : 0;
		goto out;
	}
	with.again = number > 1;
	(void)hz_package_index(folder, &index); // none: no ImagingStudy
	err = sign_manifest(store, m, sm2, &signature);
	if (!err)
		err = hz_fhir_bundle(m, index, &with, signature, &bundle);
	if (!err && !(text = json_dumps(bundle, JSON_INDENT(1) | JSON_SORT_KEYS)))
		err = -ENOMEM;
	if (!err)
		err = hz_document_write(path, text, strlen(text), 0640);
out:
	if (!err)
		*ret = number;
	free(text);
	free(signature);
	json_decref(bundle);
	json_decref(index);
	hz_manifest_free(m);
	return err;
}
