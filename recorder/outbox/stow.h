// STOW-RS: stores one DICOM object in a PACS (PS3.18 section 10.5). Storing an object that is there already is no failure,
// so that a delivery can be repeated.
#ifndef HZ_RECORDER_OUTBOX_STOW_H
#define HZ_RECORDER_OUTBOX_STOW_H

#include <stddef.h>
#include <stdint.h>

#include "recorder/outbox/http.h"
#include "recorder/outbox/outcome.h"

// target->url: the DICOMweb root ("https://pacs/dicom-web"). path: the object's file.
enum hz_outcome hz_stow(const struct hz_http_target *target, const char *path, uint64_t bytes,
                        const char *instance, struct hz_outcome_text *ret);

// Reads an answer: the status, and of the Store Instances Response Module (PS3.18 annex I) the Referenced SOP Sequence
// (0008,1199) with its Warning Reason, and the Failed SOP Sequence (0008,1198) with its Failure Reason.
enum hz_outcome hz_stow_answer(long status, const char *body, size_t bytes, const char *instance,
                               struct hz_outcome_text *ret);

#endif
