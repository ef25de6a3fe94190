// The folder of what is to be kept: KEY.json waits, KEY.done is in the PACS, KEY.failed was given up. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_KEEP_SPOOL_H
#define HZ_MEDIA_DICOMWEB_KEEP_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/dicomweb/api.h"

#define HZ_KEEP_FILE_BYTES ((size_t)1 << 20)

typedef void hz_keep_name_cb(void *ctx, const char *key);

// Makes the folder. Each key that waits, at most `most`; removes what was done long ago. The folder's descriptor, or -errno.
int hz_keep_spool_open(const char *dir, unsigned most, hz_keep_name_cb *cb, void *ctx);
// On the disk when it returns. -errno.
int hz_keep_spool_write(int dir, const char *key, const char *data, size_t bytes);
// *ret is the caller's to free. -errno; -EFBIG.
int hz_keep_spool_read(int dir, const char *key, char **ret, size_t *ret_bytes);
bool hz_keep_spool_done(int dir, const char *key);
void hz_keep_spool_end(int dir, const char *key, bool done);

#endif
