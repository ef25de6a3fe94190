// One HTTP request and its answer, as handlers see them. Plain data: a test makes a request by filling the struct,
// and no handler needs libwebsockets. Thread: the control process's only one.
#ifndef HZ_SIGNALING_SERVER_HTTP_H
#define HZ_SIGNALING_SERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_ADDRESS_BYTES         46 // INET6_ADDRSTRLEN
#define HZ_RESPONSE_HEADERS      24
#define HZ_RESPONSE_HEADER_BYTES 8192 // names and values of one response together

enum hz_http_method {
	HZ_GET, // HEAD arrives as GET with `head` set; the server drops the body and keeps Content-Length
	HZ_POST,
	HZ_PUT,
	HZ_PATCH,
	HZ_DELETE,
	HZ_OPTIONS,
};

enum hz_http_header {
	HZ_H_ACCEPT,
	HZ_H_ACCEPT_ENCODING,
	HZ_H_ACCEPT_LANGUAGE,
	HZ_H_AUTHORIZATION,
	HZ_H_CONTENT_TYPE,
	HZ_H_COOKIE,
	HZ_H_HOST,
	HZ_H_IDEMPOTENCY_KEY,
	HZ_H_IF_MATCH,
	HZ_H_IF_NONE_MATCH,
	HZ_H_IF_RANGE,
	HZ_H_ORIGIN,
	HZ_H_RANGE,
	HZ_H_REFERER,
	HZ_H_USER_AGENT,
	HZ_H_FORWARDED_PROTO, // X-Forwarded-Proto; only kept when the peer is loopback
	HZ_H_COUNT,
};

// Everything points into memory of the server and is valid only during the call.
struct hz_request {
	enum hz_http_method method;
	bool head;
	bool is_tls;      // of this connection, or as a loopback proxy says in X-Forwarded-Proto
	bool is_loopback; // the peer is loopback and no proxy forwarded for someone else
	const char *
	    path; // percent-decoded once, begins with '/', no "//", "." or ".." segment, no control character
	const char *query;              // raw, after '?'; "" when there is none
	const char *header[HZ_H_COUNT]; // NULL: not sent. No control character but TAB
	const char *body; // NUL after body_bytes, so text may be read as a string; may hold NULs
	size_t body_bytes;
	const int
	    *body_file; // NULL: the body is in `body`. Else all of it is in this file, and `body` is empty
	char address[HZ_ADDRESS_BYTES]; // the client's, for logs of refusals, limits and audit
};

// Value of a query parameter, percent- and plus-decoded. 0, -ENOENT, -ENOSPC (does not fit), -EINVAL (bad escape,
// or decodes to a control character).
int hz_request_query(const struct hz_request *req, const char *name, char *ret, size_t ret_bytes);

// Value of a cookie as sent. 0, -ENOENT, -ENOSPC.
int hz_request_cookie(const struct hz_request *req, const char *name, char *ret, size_t ret_bytes);

// The token of "Authorization: Bearer x" as a pointer into the header, or NULL.
const char *hz_request_bearer(const struct hz_request *req);

// true if the media type of Content-Type (without parameters, any case) is `type`.
bool hz_request_content_is(const struct hz_request *req, const char *type);

// true if Accept is absent or has `type`, "x/*" or "*/*" with q above 0.
bool hz_request_accepts(const struct hz_request *req, const char *type);

// true if If-None-Match (or If-Match: pass the header's value) lists `etag` (with quotes) or "*". W/ is ignored.
bool hz_etag_listed(const char *header_value, const char *etag);

// "METHOD" for logs and Allow headers.
const char *hz_method_name(enum hz_http_method method);

struct hz_response;

// For tests; the server makes those it hands to on_request. NULL when out of memory.
struct hz_response *hz_response_new(void);
void hz_response_free(struct hz_response *res);

// Status; 200 if never called. A handler that sets neither status nor body answers 404 (204 to OPTIONS).
void hz_response_status(struct hz_response *res, int status);
int hz_response_get_status(const struct hz_response *res);

// The body and its Content-Type (type must be static). `_copy` copies; `_static` borrows for ever; `_take` becomes
// owner of malloc'd memory, also on failure. 0, -ENOMEM; on failure the answer turns into 500.
int hz_response_copy(struct hz_response *res, const char *type, const void *body, size_t bytes);
int hz_response_static(struct hz_response *res, const char *type, const void *body, size_t bytes);
int hz_response_take(struct hz_response *res, const char *type, void *body, size_t bytes);
// `bytes` of a regular file from `offset` on, read while they are sent. Owns fd. Bytes that are missing then (somebody cut the
// file) end the connection: the client sees that the answer is not whole.
void hz_response_file(struct hz_response *res, const char *type, int fd, uint64_t offset, uint64_t bytes);
const void *hz_response_body(const struct hz_response *res, size_t *ret_bytes); // NULL when there is none
int hz_response_fd(const struct hz_response *res, uint64_t *ret_offset,
                   uint64_t *ret_bytes);                     // of hz_response_file(); -1: none
const char *hz_response_type(const struct hz_response *res); // NULL when there is none

// Adds a header; both are copied. Same names may repeat (Set-Cookie, Link). Name in any case, without colon. 0, -EINVAL
// (not a token, CR, LF or another control character in value: nothing is added), -ENOSPC. Content-Type,
// Content-Length, Connection, Date and the security headers are the server's own: -EINVAL. Content-Security-Policy
// and Cache-Control replace the defaults ("default-src 'none'; frame-ancestors 'none'" and "no-store").
int hz_response_header(struct hz_response *res, const char *name, const char *value);

// The answer is not ready yet: nothing is sent before hz_response_release(), at most 5 s later, which may be called from
// anywhere in the loop. Only inside on_request. If the connection ends before, `gone` is called and the response is gone.
void hz_response_hold(struct hz_response *res, void (*gone)(void *ctx), void *ctx);
void hz_response_release(struct hz_response *res);
bool hz_response_held(const struct hz_response *res);
// No more of the body than `bytes` of its beginning until hz_response_allow(). hz_response_break() ends the connection instead: the
// client sees that the answer is not whole. If it ends before either of them, `gone` is called. Fewer than the body has; else
// nothing is limited (false).
bool hz_response_limit(struct hz_response *res, uint64_t bytes, void (*gone)(void *ctx), void *ctx);
void hz_response_allow(struct hz_response *res);
void hz_response_break(struct hz_response *res);
bool hz_response_limited(const struct hz_response *res);

// Its body goes out no faster than this bound, which others may share; the answer takes a reference. Headers do not wait.
struct hz_pace;
void hz_response_pace(struct hz_response *res, struct hz_pace *pace);

// For tests: first value of a header (any case), or NULL.
const char *hz_response_get_header(const struct hz_response *res, const char *name);

#endif
