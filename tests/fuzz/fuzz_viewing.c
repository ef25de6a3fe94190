// A file of audit/ of anybody: what the reader takes is within its bounds and becomes an AuditEvent that is whole.
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/record/fhir_viewings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct hz_viewing v;
	char name[HZ_VIEWING_NOTE_BYTES], record[HZ_RECORD_ID_BYTES];
	int64_t number = 0;
	void *bundle = NULL;
	if (hz_viewing_parse((const char *)data, bytes, &v) != 0)
		return 0;
	hz_viewing_note_name(v.number, v.record, name);
	if (hz_viewing_note_parse(name, &number, record) != 0 || number != v.number)
		abort();
	const struct hz_fhir_viewings of = {
	    .record = v.record, .patient_system = "", .told = v.number % 2, .viewings = &v, .count = 1};
	if (hz_fhir_viewings(&of, &bundle) != 0 || !hz_fhir_viewings_has(bundle, &v))
		abort();
	const json_t *entry = json_array_get(json_object_get(bundle, "entry"), 0);
	const json_t *event = json_object_get(entry, "resource");
	if (!json_string_value(json_object_get(json_object_get(entry, "request"), "ifNoneExist")) ||
	    !json_string_value(json_object_get(event, "recorded")) ||
	    json_array_size(json_object_get(event, "agent")) != 3)
		abort();
	char *text = json_dumps(bundle, JSON_SORT_KEYS); // only of UTF-8: cut texts are, too
	if (!text)
		abort();
	free(text);
	json_decref(bundle);
	return 0;
}
