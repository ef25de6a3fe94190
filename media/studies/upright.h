// A phone's JPEG as it is to be seen, and with nothing in it but the picture: turned as its EXIF says (CIPA DC-008 4.6.4), without EXIF, GPS,
// thumbnails, comments, and what phones put behind its end. Colour profiles stay. Turned where that is possible without decoding (whole
// blocks), else decoded. Pure but for memory. Thread: any.
#ifndef HZ_MEDIA_STUDIES_UPRIGHT_H
#define HZ_MEDIA_STUDIES_UPRIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/imaging/fault.h"

struct hz_upright {
	uint8_t *data; // free()
	size_t bytes;
	bool decoded; // samples, else a JPEG
	uint32_t columns, rows;
	uint8_t samples; // of a pixel, where it is decoded: 1 or 3
};

// 1 to 8; 1 where nothing says something else.
unsigned hz_exif_orientation(const uint8_t *data, size_t bytes);
// data: a JPEG that hz_codestream_read() takes. -EBADMSG with the fault: damaged; -ENOMEM.
int hz_upright(const uint8_t *data, size_t bytes, struct hz_dicom_fault *fault, struct hz_upright *ret);

#endif
