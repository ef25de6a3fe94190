// The head of an HTTP/1.1 request (RFC 9112), strictly: what is ambiguous is refused, never guessed, since a proxy in
// front might guess otherwise. Pure: bytes in, fields out. Thread: any.
#ifndef HZ_SIGNALING_SERVER_HEAD_H
#define HZ_SIGNALING_SERVER_HEAD_H

#include "signaling/server/http.h"

#define HZ_HEAD_PATH_BYTES 4096

struct hz_head { // texts point into the parsed buffer
	enum hz_http_method method;
	bool head;  // the method was HEAD
	bool close; // do not keep the connection
	bool expect_continue;
	bool
	    upgrade_websocket; // Upgrade: websocket with Connection: upgrade; any other upgrade is ignored (RFC 9110, 7.8)
	int64_t length; // Content-Length, -1 when absent
	const char *path, *query;
	const char *header[HZ_H_COUNT];
	const char *forwarded_for; // the last X-Forwarded-For
	const char *ws_key, *ws_version, *ws_protocols;
};

// How many of the first n bytes are a head with its empty line; 0: not complete yet; -EBADMSG: can never become one
// (a byte that is none of text, a line feed without carriage return). `from` bytes were looked at before.
long hz_head_complete(const char *bytes, size_t n, size_t from);

// Parses a complete head in place (it writes NULs into it). 0, or the HTTP status that refuses it: 400, 411 (chunked),
// 414, 501 (method), 505 (version).
int hz_head_parse(char *text, size_t bytes, struct hz_head *ret);

#endif
