// The resources of a record's Bundle; part of fhir.c.
#ifndef HZ_RECORDER_RECORD_FHIR_RESOURCES_H
#define HZ_RECORDER_RECORD_FHIR_RESOURCES_H

#include <jansson.h>

#include "recorder/record/fhir.h"
#include "recorder/record/fhir_values.h"

#define HZ_URI_SYSTEM "urn:ietf:rfc:3986"

struct hz_fhir_build {
	const struct hz_manifest *manifest;
	const json_t *index; // or NULL
	const struct hz_fhir_settings *settings;
	const char *signature;
	json_t *entries, *targets; // targets: references of what Provenance speaks of
	char encounter[HZ_FHIR_URN_BYTES];
	char *patient; // reference; NULL: unknown
	bool out_of_memory;
};

// Adds an entry found again by "identifier" (urn) or, with tag, by that tag. resource is taken.
void hz_fhir_entry(struct hz_fhir_build *build, const char *urn, json_t *resource, bool tag);
json_t *hz_fhir_subject(const struct hz_fhir_build *build); // Reference(Patient), or NULL

void hz_fhir_patient(struct hz_fhir_build *build);
void hz_fhir_encounter(struct hz_fhir_build *build);
void hz_fhir_consents(struct hz_fhir_build *build);
void hz_fhir_documents(struct hz_fhir_build *build);
void hz_fhir_imaging(struct hz_fhir_build *build);
void hz_fhir_provenance(struct hz_fhir_build *build);
void hz_fhir_audit(struct hz_fhir_build *build);

#endif
