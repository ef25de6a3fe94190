#include "media/imaging/scan.h"

#include <stdlib.h>
#include <zlib.h>

#define FIRST_BYTES (256u << 10)

static int grow(uint8_t **buf, size_t *room, size_t limit)
{
	size_t more = *room ? *room * 2 : FIRST_BYTES;
	if (more > limit)
		more = limit;
	uint8_t *bigger = realloc(*buf, more);
	if (!bigger)
		return -1;
	*buf = bigger;
	*room = more;
	return 0;
}

static int inflate_all(z_stream *z, size_t limit, struct hz_dicom_fault *fault, uint8_t **buf,
                       size_t *ret_bytes)
{
	size_t room = 0, used = 0;
	for (;;) {
		if (used == room) {
			if (room >= limit)
				return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG,
				                     "inflates to more than %zu bytes", limit);
			if (grow(buf, &room, limit) < 0)
				return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory to inflate into");
		}
		size_t step = room - used < (1u << 30) ? room - used : 1u << 30;
		z->next_out = *buf + used;
		z->avail_out = (uInt)step;
		int err = inflate(z, Z_NO_FLUSH);
		used += step - z->avail_out;
		if (err == Z_STREAM_END)
			break;
		if (err == Z_BUF_ERROR && z->avail_out == 0)
			continue;
		if (err == Z_BUF_ERROR || (err == Z_OK && z->avail_in == 0 && z->avail_out > 0))
			return hz_dicom_fail(fault, HZ_DICOM_TRUNCATED, "deflated data ends early");
		if (err != Z_OK)
			return hz_dicom_fail(fault, HZ_DICOM_INFLATE, "deflated data is damaged");
	}
	*ret_bytes = used;
	return 0;
}

int hz_inflate(const uint8_t *bytes, size_t count, size_t limit, struct hz_dicom_fault *fault, uint8_t **ret,
               size_t *ret_bytes)
{
	z_stream z = {0};
	if (count > UINT32_MAX)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG, "deflated data is longer than 4 GB");
	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory to inflate");
	z.next_in = (Bytef *)(uintptr_t)bytes;
	z.avail_in = (uInt)count;
	uint8_t *buf = NULL;
	int err = inflate_all(&z, limit, fault, &buf, ret_bytes);
	inflateEnd(&z);
	if (err < 0)
		free(buf);
	else
		*ret = buf;
	return err;
}

uint32_t hz_crc32(const uint8_t *bytes, size_t count)
{
	return (uint32_t)crc32_z(crc32(0, NULL, 0), bytes, count);
}
