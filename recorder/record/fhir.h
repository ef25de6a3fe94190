// fhir.json, fhir-2.json …: the record as one FHIR R4 transaction Bundle, every entry a conditional create (http.html#ccreate,
// http.html#transaction), so that posting it again adds nothing: Patient (as configured), Encounter of class VR, Consent of each
// participant, DocumentReference of each file, ImagingStudy of what is in the PACS, Provenance with a signature, AuditEvent
// (IHE BALP 1.1, PatientCreate).
//
// A Bundle that may have been posted is never written again: when the manifest has changed (composing added its files) the next one
// says everything anew. What the server has is found; new are documents, a Provenance and an AuditEvent of this manifest, and the
// ImagingStudy, which may have grown, is a conditional update (http.html#cond-update).
//
// Identifiers are UUIDs that follow from the record and what is meant. Provenance and AuditEvent have no identifier in R4: they are
// found again by a tag. Thread: any, no state.
#ifndef HZ_RECORDER_RECORD_FHIR_H
#define HZ_RECORDER_RECORD_FHIR_H

#include <stdbool.h>
#include <stddef.h>

#include "recorder/record/manifest_read.h"

#define HZ_FHIR_BYTES   (64u << 20)
#define HZ_FHIR_BUNDLES 16                        // of a record
#define HZ_FHIR_SHA256  "urn:huizhen:fhir:sha256" // extension of Attachment: valueBase64Binary
// System of identifiers and tags. The value is a UUID, never the fullUrl itself, which servers replace wherever it stands.
#define HZ_FHIR_RESOURCE    "urn:huizhen:fhir:resource"
#define HZ_FHIR_PARTICIPANT "urn:huizhen:fhir:participant" // system of participants' ids: value <record>/<id>
#define HZ_FHIR_MANIFEST    "urn:huizhen:fhir:manifest"    // tag of the Bundle: SHA-256 of manifest.json

struct hz_fhir_settings {
	const char *public_url;     // https://host of /records/…; "": attachments have no URL
	const char *patient_system; // of patient ids that name none; "": then only a name is shown
	bool again;                 // of one bundle: an earlier one of this record may have been posted
	bool create_patient;        // make a Patient whom the server lacks; else a conditional reference
};

// index: of hz_package_index(), or NULL. signature: compact JWS for Provenance. *ret: a json_t *, the caller's. -ENOMEM.
int hz_fhir_bundle(const struct hz_manifest *manifest, const void *index,
                   const struct hz_fhir_settings *settings, const char *signature, void **ret);

void hz_fhir_name(unsigned number, char ret[16]); // from 1: "fhir.json", "fhir-2.json"
// Writes the Bundle of this manifest unless it is there; *ret is its number. store: for the key. -EBADMSG: the manifest; -EMFILE:
// HZ_FHIR_BUNDLES of other manifests are there.
int hz_fhir_write(const char *store, const char *folder, const struct hz_fhir_settings *settings, bool sm2,
                  unsigned *ret);

#endif
