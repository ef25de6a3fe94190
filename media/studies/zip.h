// A ZIP archive of strangers (APPNOTE 6.3, without ZIP64), by its directory, entry by entry. Bounded: no more than the caller's bytes come
// out of an entry, nor more than HZ_ZIP_RATIO times what all entries take in the file; entries that share bytes are refused.
// Names are passed over: what an entry is, its content says. Pure but for memory. Thread: any.
#ifndef HZ_MEDIA_STUDIES_ZIP_H
#define HZ_MEDIA_STUDIES_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_ZIP_ENTRIES 20000
#define HZ_ZIP_RATIO   100
#define HZ_ZIP_FREE    ((uint64_t)256 << 20) // below this in all the ratio is not looked at

struct hz_zip {
	const uint8_t *data;
	size_t bytes;
	size_t at, end; // of the directory
	unsigned left;
	uint64_t packed, unpacked; // of the entries so far
};
struct hz_zip_entry {
	const uint8_t *data;
	uint32_t packed, unpacked, crc;
	bool folder, encrypted, deflated;
};

bool hz_zip_is(const void *data, size_t bytes);
// data is borrowed. -EBADMSG: damaged; -E2BIG: too many entries; -ENOTSUP: in several parts, ZIP64.
int hz_zip_open(const void *data, size_t bytes, struct hz_zip *ret);
// 1, 0 behind the last one, -EBADMSG, -E2BIG: a bomb; then there is no next one. -ENOTSUP: this one's method; the next one may be good.
int hz_zip_next(struct hz_zip *zip, struct hz_zip_entry *ret);
// *ret: free(). -EFBIG: more than max; -EBADMSG: not what its length and checksum say; -ENOMEM.
int hz_zip_read(const struct hz_zip_entry *entry, size_t max, uint8_t **ret);

#endif
