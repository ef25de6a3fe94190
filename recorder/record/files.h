// Small files of a record: read whole, written whole. Thread: any, no state. Errors: -errno.
#ifndef HZ_RECORDER_RECORD_FILES_H
#define HZ_RECORDER_RECORD_FILES_H

#include <stddef.h>
#include <stdint.h>

// Reads a regular file of at most max_bytes; a NUL stands behind it. *ret is the caller's: free(). -EFBIG.
int hz_document_read(const char *path, size_t max_bytes, char **ret, size_t *ret_bytes);

// Durable: written beside, synced, renamed, and the folder synced. A crash leaves the old file or the new one.
int hz_document_write(const char *path, const void *data, size_t bytes, unsigned mode);
int hz_document_sync(const char *path); // of the file at path

// A path inside a record's folder: relative, no empty, "." or ".." part, no control characters, at most 255 bytes.
int hz_document_is_inside(const char *path);

// SHA-256 of bytes in memory, as hex.
void hz_hash_hex(const void *data, size_t bytes, char ret[65]);
// Base64, standard alphabet with padding; with url: base64url without (RFC 4648 section 5). Returns the characters written;
// ret has room for 4 * ((bytes + 2) / 3) + 1.
size_t hz_base64(const uint8_t *data, size_t bytes, int url, char *ret);
// base64url to bytes. ret has room for strlen(text) * 3 / 4 + 3. -EINVAL.
int hz_base64url_bytes(const char *text, uint8_t *ret, size_t *ret_bytes);

#endif
