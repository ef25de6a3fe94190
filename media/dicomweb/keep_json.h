// Values of DICOM JSON (PS3.18 F) as they come from strangers. Pure. Thread: any.
#ifndef HZ_MEDIA_DICOMWEB_KEEP_JSON_H
#define HZ_MEDIA_DICOMWEB_KEEP_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "media/imaging/shown.h"

// The first value as text, a name with its groups; "" where there is none, or it has control characters or a backslash.
void hz_dj_text(const json_t *set, const char *tag, char *ret, size_t room);
bool hz_dj_number(const json_t *set, const char *tag, unsigned at, double *ret); // finite
// The first item of a sequence; NULL.
const json_t *hz_dj_item(const json_t *set, const char *tag, size_t at);
// What is said of an object and a frame of it (from 0): all of *ret but series, instance and how it is looked at.
// false: it is no image.
bool hz_dj_image(const json_t *set, unsigned frame, struct hz_shown_image *ret);

#endif
