// The inside of struct hz_response, for the server's own files.
#ifndef HZ_SIGNALING_SERVER_RESPONSE_H
#define HZ_SIGNALING_SERVER_RESPONSE_H

#include "signaling/server/http.h"

#define HZ_HTTP_IDLE_S 30 // so long a connection waits for its next request

struct hz_conn;

struct hz_response {
	int status; // 0: not set
	const char *type;
	const void *body;
	void *owned; // body, when it is ours to free
	size_t body_bytes;
	bool from_file; // the body is in fd, from offset on
	bool copied;    // its file system does not pass pages on
	int fd;
	uint64_t offset;
	unsigned headers;
	size_t text_bytes;
	bool held, limited;
	size_t limit; // of the body
	void (*gone)(void *ctx);
	void *gone_ctx;
	struct hz_pace *pace;               // owned reference; NULL: as fast as it is taken
	uint32_t rtt_us, delivered, resent; // TCP_INFO of its connection, when it was looked at last
	struct hz_conn *conn;               // to be woken by a release; NULL: of a test
	struct {
		const char *name, *value; // into text
	} header[HZ_RESPONSE_HEADERS];
	char text[HZ_RESPONSE_HEADER_BYTES];
};

// The status line's phrase, e.g. "Not Found".
const char *hz_status_phrase(int status);

// Writes status line and all headers for the wire; content length as told (a HEAD answer has one without a body).
// 0, -ENOSPC.
int hz_response_head(const struct hz_response *res, bool close, char *ret, size_t ret_bytes,
                     size_t *ret_used);

#endif
