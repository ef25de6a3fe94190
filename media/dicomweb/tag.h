// What tells that bytes are the ones that were written, and is their ETag: 128 bits under a key, GMAC (SP 800-38D) encrypted once more, so
// that tags that are given out tell nothing of the key. Two different contents have the same one by chance of 2^-100 and less; whoever
// has the key could make such, but he could write the files as well. Several times cheaper than SHA-256. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_TAG_H
#define HZ_MEDIA_DICOMWEB_TAG_H

#include <stddef.h>
#include <stdint.h>

#define HZ_DWEB_TAG_KEY_BYTES 32
#define HZ_DWEB_TAG_BYTES     33 // as text

struct hz_dweb_tags;

int hz_dweb_tags_new(const uint8_t key[HZ_DWEB_TAG_KEY_BYTES], struct hz_dweb_tags **ret); // -ENOMEM
// With the key in the file "key" of dir; where there is none, one is made. -errno.
int hz_dweb_tags_open(int dir, struct hz_dweb_tags **ret);
void hz_dweb_tags_free(struct hz_dweb_tags *tags); // NULL allowed
void hz_dweb_tag(struct hz_dweb_tags *tags, const void *data, size_t bytes, char ret[HZ_DWEB_TAG_BYTES]);

#endif
