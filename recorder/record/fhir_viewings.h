// Who looked at a record afterwards, for the EMR: a FHIR R4 transaction of an AuditEvent each (IHE BALP 1.1: Read, and PatientRead
// where the patient is known), conditional creates by a tag that follows from the viewing alone, so that each is there once however
// often it is posted.
//
// Encounter and Patient are conditional references (http.html#trules) where the EMR has been given the record, else identifiers
// alone; files that were looked at are identifiers: they may be gone there. Thread: any, no state.
#ifndef HZ_RECORDER_RECORD_FHIR_VIEWINGS_H
#define HZ_RECORDER_RECORD_FHIR_VIEWINGS_H

#include <stdbool.h>

#include "recorder/record/manifest_read.h"
#include "recorder/record/viewing.h"

#define HZ_FHIR_VIEWINGS 50 // of a Bundle

struct hz_fhir_viewings {
	const char *record;                 // id
	const struct hz_manifest *manifest; // NULL: it is gone, and with it what names the patient
	const char *patient_system;         // as in struct hz_fhir_settings
	bool told;                          // the EMR has the record
	const struct hz_viewing *viewings;
	unsigned count;
};

// *ret: a json_t *, the caller's. -ENOMEM.
int hz_fhir_viewings(const struct hz_fhir_viewings *of, void **ret);
// bundle: a json_t * of anybody.
bool hz_fhir_viewings_has(const void *bundle, const struct hz_viewing *viewing);

#endif
