// Lookup tables of an object (PS3.3 C.11.1, C.11.2, C.7.6.3.1.5) as JSON for viewers, read as hz_render() reads them. Pure. Thread: any.
#ifndef HZ_MEDIA_IMAGING_LUT_H
#define HZ_MEDIA_IMAGING_LUT_H

#include "media/imaging/dicom.h"

#ifdef __cplusplus
extern "C" {
#endif

// {"instance", "modality": table, "voi": [table], "palette": [red, green, blue]}, each only where there is one; at most HZ_DICOM_LUTS VOI LUTs,
// so it is never more than 1.5 MB. A table: {"first", "bits", "entries", "data"}: the sample (or value behind the modality) that entry 0 is of,
// the bits of an entry, how many there are (below the first and above the last: those), base64 of them as little-endian words. Segments are
// expanded, what lies two in a word is taken apart; an object whose tables lie does not open. *ret: free(). -ENOMEM.
int hz_lut_json(const struct hz_dicom *dicom, struct hz_dicom_fault *fault, char **ret, size_t *ret_bytes);

#ifdef __cplusplus
}
#endif
#endif
