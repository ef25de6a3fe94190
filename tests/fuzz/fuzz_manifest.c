// manifest.json of anybody: what the reader takes becomes a FHIR Bundle whose entries are whole, and DICOM ids that are valid.
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/record/dicom_video.h"
#include "recorder/record/fhir.h"
#include "recorder/record/files.h"
#include "recorder/record/manifest_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void bundle_of(const struct hz_manifest *m)
{
	const struct hz_fhir_settings settings = {
	    .public_url = "https://h", .patient_system = "urn:p", .create_patient = m->files_count % 2};
	void *bundle = NULL;
	size_t i;
	const json_t *entry;
	if (hz_fhir_bundle(m, NULL, &settings, "a.b.c", &bundle) != 0)
		abort();
	json_array_foreach(json_object_get(bundle, "entry"), i, entry)
	{
		const json_t *request = json_object_get(entry, "request");
		if (!json_object_get(json_object_get(entry, "resource"), "resourceType") ||
		    !json_string_value(json_object_get(request, "ifNoneExist")) ||
		    !json_string_value(json_object_get(request, "url")))
			abort();
	}
	char *text = json_dumps(bundle, JSON_SORT_KEYS);
	if (!text)
		abort();
	free(text);
	json_decref(bundle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct hz_manifest *m;
	const char *why = NULL;
	if (hz_manifest_parse((const char *)data, bytes, &why, &m) != 0) {
		if (!why)
			abort();
		return 0;
	}
	for (unsigned i = 0; i < m->files_count; i++) {
		struct hz_dicom_ids ids;
		const struct hz_dicom_video v = {
		    .manifest = m,
		    .file = &m->files[i],
		    .stream = {
		        .profile_idc = 100, .level_idc = 31, .columns = 640, .rows = 480, .frames = 1}};
		if (!hz_document_is_inside(m->files[i].path))
			abort();
		if (hz_dicom_video_ids(&v, &ids) == 0 &&
		    (!hz_uid_is_valid(ids.study) || !hz_uid_is_valid(ids.series) ||
		     !hz_uid_is_valid(ids.instance)))
			abort();
	}
	bundle_of(m);
	hz_manifest_free(m);
	return 0;
}
