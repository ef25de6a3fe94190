// Overlay planes of an object (PS3.3 C.9.2) as JSON for viewers: what of them lies within the image, nothing else. Pure. Thread: any.
#ifndef HZ_MEDIA_IMAGING_OVERLAY_H
#define HZ_MEDIA_IMAGING_OVERLAY_H

#include "media/imaging/dicom.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HZ_OVERLAY_JSON_BYTES ((size_t)24 << 20)

// {"instance", "rows", "columns", "overlays": [{"group": "6000", "kind": "G" or "R", "x", "y", "columns", "rows", "first", "planes": [text]}]}:
// x, y from 0: where in the image it begins; first: the frame, from 0, of the first plane; without it the one plane lies over all frames. A
// plane is "": nothing set, "b" and base64 of its bits (row after row, the first is the lowest of the first byte), or "r" and base64 of LEB128
// numbers: so many bits not set, so many set, and so on; the rest is not set. One that cannot be read, or no longer fits into
// HZ_OVERLAY_JSON_BYTES, has "fault": why, and no planes. *ret: free(). -ENOMEM.
int hz_overlay_json(const struct hz_dicom *dicom, struct hz_dicom_fault *fault, char **ret,
                    size_t *ret_bytes);

#ifdef __cplusplus
}
#endif
#endif
