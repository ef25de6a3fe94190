#include "media/studies/zip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/imaging/scan.h"

#define END_BYTES     22
#define CENTRAL_FIXED 46
#define LOCAL_FIXED   30

static uint32_t u16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const uint8_t *p)
{
	return u16(p) | u16(p + 2) << 16;
}

bool hz_zip_is(const void *data, size_t bytes)
{
	return bytes >= END_BYTES && (memcmp(data, "PK\3\4", 4) == 0 || memcmp(data, "PK\5\6", 4) == 0);
}

// The end record: the last one whose comment ends with the file.
static const uint8_t *find_end(const uint8_t *data, size_t bytes)
{
	size_t most = bytes < END_BYTES + 65535u ? bytes : END_BYTES + 65535u;
	for (size_t back = END_BYTES; back <= most; back++) {
		const uint8_t *p = data + bytes - back;
		if (memcmp(p, "PK\5\6", 4) == 0 && u16(p + 20) + END_BYTES == back)
			return p;
	}
	return NULL;
}

int hz_zip_open(const void *data, size_t bytes, struct hz_zip *ret)
{
	const uint8_t *end = bytes < END_BYTES ? NULL : find_end(data, bytes);
	if (!end)
		return -EBADMSG;
	uint32_t count = u16(end + 10), size = u32(end + 12), at = u32(end + 16);
	if (u16(end + 4) || u16(end + 6) || count != u16(end + 8) || count == 0xffff || at == 0xffffffff)
		return -ENOTSUP;
	if (count > HZ_ZIP_ENTRIES)
		return -E2BIG;
	if ((uint64_t)at + size > (size_t)(end - (const uint8_t *)data) ||
	    size < (uint64_t)count * CENTRAL_FIXED)
		return -EBADMSG;
	*ret =
	    (struct hz_zip){.data = data, .bytes = bytes, .at = at, .end = (size_t)at + size, .left = count};
	return 0;
}

// Where its bytes are, by the entry's own header, in front of the directory.
static int locate(const struct hz_zip *zip, uint32_t at, size_t directory, struct hz_zip_entry *e)
{
	if ((uint64_t)at + LOCAL_FIXED > directory)
		return -EBADMSG;
	const uint8_t *p = zip->data + at;
	uint64_t from = (uint64_t)at + LOCAL_FIXED + u16(p + 26) + u16(p + 28);
	if (memcmp(p, "PK\3\4", 4) != 0 || from + e->packed > directory)
		return -EBADMSG;
	e->data = zip->data + from;
	return 0;
}

static int count_bytes(struct hz_zip *zip, const struct hz_zip_entry *e)
{
	zip->packed += e->packed;
	zip->unpacked += e->unpacked;
	if (zip->packed > zip->bytes) // they share bytes: a bomb's way to be small
		return -E2BIG;
	return zip->unpacked > HZ_ZIP_FREE && zip->unpacked / HZ_ZIP_RATIO > zip->packed ? -E2BIG : 0;
}

int hz_zip_next(struct hz_zip *zip, struct hz_zip_entry *ret)
{
	size_t directory = zip->end;
	if (!zip->left)
		return 0;
	if (zip->at + CENTRAL_FIXED > zip->end || memcmp(zip->data + zip->at, "PK\1\2", 4) != 0) {
		zip->left = 0;
		return -EBADMSG;
	}
	const uint8_t *p = zip->data + zip->at;
	uint32_t name = u16(p + 28), method = u16(p + 10), where = u32(p + 42);
	uint64_t next = (uint64_t)zip->at + CENTRAL_FIXED + name + u16(p + 30) + u16(p + 32);
	struct hz_zip_entry e = {.packed = u32(p + 20),
	                         .unpacked = u32(p + 24),
	                         .crc = u32(p + 16),
	                         .encrypted = u16(p + 8) & 1,
	                         .deflated = method == 8};
	int err = next > zip->end ? -EBADMSG : locate(zip, where, directory, &e);
	if (!err)
		err = count_bytes(zip, &e);
	if (err) {
		zip->left = 0;
		return err;
	}
	e.folder = name > 0 && p[CENTRAL_FIXED + name - 1] == '/';
	zip->at = (size_t)next;
	zip->left--;
	*ret = e;
	return method == 0 || method == 8 || e.encrypted ? 1 : -ENOTSUP;
}

int hz_zip_read(const struct hz_zip_entry *e, size_t max, uint8_t **ret)
{
	uint8_t *bytes = NULL;
	size_t count = e->packed;
	if (e->unpacked > max)
		return -EFBIG;
	if (e->deflated) {
		struct hz_dicom_fault fault;
		// One more than it says: a lie is seen.
		if (hz_inflate(e->data, e->packed, (size_t)e->unpacked + 1, &fault, &bytes, &count) < 0)
			return fault.code == HZ_DICOM_MEMORY ? -ENOMEM : -EBADMSG;
	} else {
		bytes = malloc(count ? count : 1);
		if (!bytes)
			return -ENOMEM;
		memcpy(bytes, e->data, count);
	}
	if (count != e->unpacked || hz_crc32(bytes, count) != e->crc) {
		free(bytes);
		return -EBADMSG;
	}
	*ret = bytes;
	return 0;
}
