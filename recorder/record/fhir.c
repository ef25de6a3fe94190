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
	json_t *bundle =
	    json_pack("{s:s, s:s, s:{s:[{s:s, s:s}]}, s:O}", "resourceType", "Bundle", "type", "transaction",
	              "meta", "tag", "system", HZ_FHIR_MANIFEST, "code", m->sha256, "entry", b.entries);
	json_decref(b.entries);
	json_decref(b.targets);
	if (!bundle)
		return -ENOMEM;
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

// Signatures differ each time: a Bundle of this manifest is left as it is, it may have been posted.
static bool is_made(const char *path, const struct hz_manifest *m)
{
	char *text = NULL;
	size_t bytes = 0;
	if (hz_document_read(path, HZ_FHIR_BYTES, &text, &bytes) != 0)
		return false;
	json_t *bundle = json_loadb(text, bytes, 0, NULL);
	free(text);
	const json_t *tag = json_array_get(json_object_get(json_object_get(bundle, "meta"), "tag"), 0);
	const char *code = json_string_value(json_object_get(tag, "code"));
	bool made = code && strcmp(code, m->sha256) == 0;
	json_decref(bundle);
	return made;
}

int hz_fhir_write(const char *store, const char *folder, const struct hz_fhir_settings *settings, bool sm2)
{
	char path[4096], *signature = NULL, *text = NULL;
	struct hz_manifest *m = NULL;
	void *index = NULL, *bundle = NULL;
	int err = hz_manifest_load(folder, NULL, &m);
	snprintf(path, sizeof(path), "%s/fhir.json", folder);
	if (err || is_made(path, m))
		goto out;
	(void)hz_package_index(folder, &index); // none: no ImagingStudy
	err = sign_manifest(store, m, sm2, &signature);
	if (!err)
		err = hz_fhir_bundle(m, index, settings, signature, &bundle);
	if (!err && !(text = json_dumps(bundle, JSON_INDENT(1) | JSON_SORT_KEYS)))
		err = -ENOMEM;
	if (!err)
		err = hz_document_write(path, text, strlen(text), 0640);
out:
	free(text);
	free(signature);
	json_decref(bundle);
	json_decref(index);
	hz_manifest_free(m);
	return err;
}
