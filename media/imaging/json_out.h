// JSON that is written by hand, in memory: what lacks memory fails once, at the end. Pure.
#ifndef HZ_MEDIA_IMAGING_JSON_OUT_H
#define HZ_MEDIA_IMAGING_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_json_out { // zeros: empty
	char *text;  // owned: free()
	size_t used, room;
	bool failed;
};

void hz_out_put(struct hz_json_out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3))); // less than 256 bytes
// "key":"text", where there is one: UTF-8 without control characters.
void hz_out_text(struct hz_json_out *out, const char *key, const char *text);
// RFC 4648, of bytes that are asked for one after the other.
typedef uint8_t hz_out_byte(const void *ctx, size_t at);
void hz_out_base64(struct hz_json_out *out, hz_out_byte *byte_at, const void *ctx, size_t bytes);
// The last comma of an object or a list goes.
void hz_out_close(struct hz_json_out *out, const char *end);
// Its text, ended: the caller's. -ENOMEM: what was written is freed.
int hz_out_end(struct hz_json_out *out, char **ret, size_t *ret_bytes);

#endif
