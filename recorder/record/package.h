// From the files of a finalised record to objects for the PACS: dicom/NN.dcm and dicom/index.json, which certificate, FHIR and
// outbox read. Reads media that strangers made: runs in a process of its own (`huizhen package`).
//
// After composing it is run again: what was made of the same tracks stays as it is, byte by byte, and the composed picture is added.
//
// index.json: {"version": 1, "manifest": sha256, "tracks": sha256 of the manifest without what composing adds, "study": UID, "instances": [{"path": "dicom/01.dcm", "file": "tracks/…", "sop_class",
//   "instance", "series", "series_number", "number", "modality", "transfer_syntax", "rows", "columns", "frames", "duration_ms",
//   "at_ms", "bytes", "sha256"}], "refused": [{"file", "why"}]}
// Thread: one at a time a folder.
#ifndef HZ_RECORDER_RECORD_PACKAGE_H
#define HZ_RECORDER_RECORD_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/record/charset.h"

#define HZ_PACKAGE_INSTANCES   999
#define HZ_PACKAGE_INDEX_BYTES (4u << 20)

struct hz_package_settings {
	enum hz_charset charset;
	bool composed; // the composed picture always; else only where a picture track cannot be an object
};

// Makes what is not there yet. 0 also when files were refused (in "refused"); -EBADMSG: the manifest, *ret_why says why;
// -errno of the disk. *ret_why is constant text or NULL.
int hz_package(const char *folder, const struct hz_package_settings *settings, const char **ret_why);

// index.json, checked; *ret is jansson's json_t *, the caller's. -ENOENT, -EBADMSG.
int hz_package_index(const char *folder, void **ret);

#endif
