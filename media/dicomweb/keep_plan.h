// From a part of the table as JSON, and what the PACS says of its objects (DICOM JSON), to what media/imaging/shown.h makes objects of.
// Everything in both is checked: what does not fit is left out. Thread: any.
#ifndef HZ_MEDIA_DICOMWEB_KEEP_PLAN_H
#define HZ_MEDIA_DICOMWEB_KEEP_PLAN_H

#include <jansson.h>

#include "media/imaging/shown.h"

#define HZ_KEEP_SERIES 16

struct hz_keep_plan {
	struct hz_shown shown; // points into the following
	struct hz_shown_image image[HZ_SHOWN_IMAGES];
	struct hz_shown_mark mark[HZ_SHOWN_MARKS];
	char (*words)[512]; // of each mark
};

// The series that the state is about, at most HZ_KEEP_SERIES; UIDs borrowed from state. How many.
unsigned hz_keep_plan_series(const json_t *state, const char *ret[HZ_KEEP_SERIES]);
// sets: an array of the metadata of all objects of these series. time_s: since 1970. -ENOENT: the PACS has none of the
// images; -ENOMEM.
int hz_keep_plan_make(const json_t *state, const json_t *sets, int64_t time_s, struct hz_keep_plan **ret);
void hz_keep_plan_free(struct hz_keep_plan *plan); // NULL allowed

#endif
