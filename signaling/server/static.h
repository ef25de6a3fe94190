// The built web pages, loaded into memory at the start. Thread: any once loaded (read only).
#ifndef HZ_SIGNALING_SERVER_STATIC_H
#define HZ_SIGNALING_SERVER_STATIC_H

#include "signaling/server/http.h"

#define HZ_STATIC_MAX_FILES 2048
#define HZ_STATIC_MAX_BYTES (64u << 20) // of all files together

struct hz_static;

// Loads every regular file below dir (no links out of it are followed, dot files are left out). 0; -errno of opening
// dir; -EFBIG above a bound.
int hz_static_load(const char *dir, struct hz_static **ret);
void hz_static_free(struct hz_static *files); // NULL is fine; not while an answer is being sent

// Answers GET of `path` ("/assets/x.js", "/index.html"; a handler maps "/j/{link}" to the page's file): 200 with type,
// strong ETag, and gzip if "path.gz" was there and the client takes it; 304; 405 for other methods. Below /assets/:
// cacheable for ever; else "no-cache" (revalidate). Pages (.html) get `csp` as Content-Security-Policy (NULL: default).
// 0, or -ENOENT with the response untouched.
int hz_static_answer(const struct hz_static *files, const char *path, const char *csp,
                     const struct hz_request *req, struct hz_response *res);

// Content of a file, for pages that handlers fill in. NULL: not there.
const void *hz_static_get(const struct hz_static *files, const char *path, size_t *ret_bytes);

#endif
