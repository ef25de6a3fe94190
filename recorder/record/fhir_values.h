// FHIR R4 data types from C values (datatypes.html). Each returns a new json_t *, or NULL when there is nothing to say.
#ifndef HZ_RECORDER_RECORD_FHIR_VALUES_H
#define HZ_RECORDER_RECORD_FHIR_VALUES_H

#include <jansson.h>
#include <stdint.h>

// Sets key when value is not NULL (value is taken).
void hz_fhir_set(json_t *object, const char *key, json_t *value);
void hz_fhir_add(json_t *list, json_t *value);

json_t *hz_fhir_string(const char *text); // without control characters; NULL when nothing is left
json_t *hz_fhir_instant(int64_t wall_ms); // UTC with milliseconds; NULL for 0
json_t *hz_fhir_period(int64_t from_ms, int64_t to_ms);
json_t *hz_fhir_coding(const char *system, const char *code, const char *display);
json_t *hz_fhir_concept(const char *system, const char *code, const char *display);
json_t *hz_fhir_text(const char *text); // CodeableConcept of text alone
json_t *hz_fhir_identifier(const char *system, const char *value);
json_t *hz_fhir_reference(const char *reference, const char *display); // either may be ""
json_t *hz_fhir_base64_of_hex(const char *hex);

// "urn:uuid:…" of what is called `name` in this record.
#define HZ_FHIR_URN_BYTES 46
void hz_fhir_urn(const char *record, const char *what, const char *name, char ret[HZ_FHIR_URN_BYTES]);

// A search parameter's value: "key=system|value", percent-encoded (http.html#ccreate, search.html#escaping); malloc'd. NULL:
// without memory. It is as long as it has to be: a shorter one would be another patient's.
char *hz_fhir_query(const char *key, const char *system, const char *value);

#endif
