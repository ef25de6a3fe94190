// WHIP and WHEP requests of the test peer. Blocking; bounded by 5 s each. Thread: one per object.
#ifndef HZ_TESTS_PEER_HTTP_H
#define HZ_TESTS_PEER_HTTP_H

#include <stddef.h>

#define HZ_HTTP_BODY_BYTES 65536

struct hz_http;

struct hz_http_answer {
	long status;
	char location[512];
	char body[HZ_HTTP_BODY_BYTES];
};

// base_url without a slash at its end. 0 or -ENOMEM.
int hz_http_new(const char *base_url, struct hz_http **ret);
void hz_http_free(struct hz_http *http);

// POST of an SDP offer. 0 when an HTTP answer came (look at status), -EIO when none.
int hz_http_post_sdp(struct hz_http *http, const char *path, const char *token, const char *sdp,
                     struct hz_http_answer *ret);

// DELETE of a resource (location as the answer gave it). 0 or -EIO.
int hz_http_delete(struct hz_http *http, const char *location, const char *token);

#endif
