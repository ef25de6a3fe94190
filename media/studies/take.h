// What comes in: a DICOM object, a photo, or a ZIP of them, told apart by their bytes. What can be shown is kept, everything else gets a
// word that says why not. Thread: one.
#ifndef HZ_MEDIA_STUDIES_TAKE_H
#define HZ_MEDIA_STUDIES_TAKE_H

#include <stdio.h>

#include "media/studies/api.h"
#include "media/studies/photo.h"
#include "media/studies/store.h"

#define HZ_TAKE_OBJECT_BYTES ((size_t)512 << 20) // an object, unpacked too
#define HZ_TAKE_UNPACKED     ((uint64_t)4 << 30) // all of an archive

struct hz_taking {
	struct hz_local *local;
	const struct hz_photo_of *photo; // NULL: pictures are refused
	FILE *json;                      // NULL, or a list to which {"n","result",...} are added
	unsigned objects, stored;
	enum hz_local_result last;
	void (*between)(void *ctx); // the objects of an archive; NULL
	void *ctx;
};

const char *hz_local_result_name(enum hz_local_result result); // "not_dicom"
// Looks at all that is in there.
void hz_take(struct hz_taking *taking, const void *data, size_t bytes);
// A file of control's: what was sent, who it is of, where it goes. fd stays the caller's. taking->last: also whether it is on the disk for good.
void hz_take_file(const struct hz_local_take *take, int fd, struct hz_taking *taking);
// One DICOM object, for a store that reads its files again.
enum hz_local_result hz_take_object(struct hz_local *local, const void *data, size_t bytes);

#endif
