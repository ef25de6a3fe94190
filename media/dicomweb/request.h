// What is asked of a PACS: its path, its name in the cache, and what an answer to it may be. Pure. Thread: any.
#ifndef HZ_MEDIA_DICOMWEB_REQUEST_H
#define HZ_MEDIA_DICOMWEB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "media/dicomweb/api.h"

#define HZ_DWEB_PATH_BYTES 1024

bool hz_dweb_uid_valid(const char *text); // of PS3.5 9.1
// Every text ends, the UIDs that its kind needs are valid and no others are there, the frame is one.
bool hz_dweb_request_valid(const struct hz_dweb_request *request);
// Behind the root: "/studies/1.2/metadata". request is valid.
void hz_dweb_request_path(const struct hz_dweb_request *request, char ret[HZ_DWEB_PATH_BYTES]);
const char *hz_dweb_request_accept(const struct hz_dweb_request *request);
// A search's answer: not kept, for the next one may be another.
bool hz_dweb_request_fleeting(const struct hz_dweb_request *request);
// The same for the same request; different ones for different ones. Not for fleeting ones.
void hz_dweb_request_key(const struct hz_dweb_request *request, char ret[HZ_DWEB_HASH_BYTES]);
// Is an answer of this type, with this beginning, one to this request? Else it is a page of somebody's.
bool hz_dweb_answer_fits(const struct hz_dweb_request *request, const char *type, const char *data,
                         size_t bytes);
// Of these the whole object is asked for, whole or not at all, and does not change.
bool hz_dweb_request_object(const struct hz_dweb_request *request);
// Of these, besides, the answer is what was read of it, as this type of JSON; NULL: another one.
const char *hz_dweb_request_reads(const struct hz_dweb_request *request);
// "A/B?c" as a control's REST path says it behind studies/: PACS/STUDY/metadata, PACS/STUDY/series/SERIES/metadata,
// …/instances/UID/metadata, …/instances/UID/frames/N, …/instances/UID/waveform, …/instances/UID/overlays, …/instances/UID/luts; PACS/STUDY/series: which there are; PACS/STUDY/forwards, …/forwards/TO.
// false: none of these.
bool hz_dweb_request_parse(const char *path, struct hz_dweb_request *ret);

// "ROWS,COLUMNS,SAMPLES,ALLOCATED,STORED,SIGN,PLANAR,PHOTOMETRIC" as DICOM's attributes have them: what a frame is by its header.
bool hz_dweb_pixels_parse(const char *text, struct hz_dweb_pixels *ret);

// Why something waits or was refused, in a word: unknown, away, credentials, missing, refused.
const char *hz_dweb_result_reason(uint32_t result);

void hz_dweb_sha256(const void *data, size_t bytes, char ret[HZ_DWEB_HASH_BYTES]);

#endif
