#include "signaling/server/response.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "signaling/server/pace.h"

struct hz_response *hz_response_new(void)
{
	return calloc(1, sizeof(struct hz_response));
}

void hz_response_free(struct hz_response *res)
{
	if (!res)
		return;
	if (res->from_file)
		close(res->fd);
	if (res->pace)
		hz_pace_leave(res->pace, res);
	hz_pace_unref(res->pace);
	free(res->owned);
	free(res);
}

void hz_response_pace(struct hz_response *res, struct hz_pace *pace)
{
	hz_pace_unref(res->pace);
	res->pace = hz_pace_ref(pace);
}

void hz_response_status(struct hz_response *res, int status)
{
	res->status = status;
}

int hz_response_get_status(const struct hz_response *res)
{
	return res->status ? res->status : 200;
}

static void set_body(struct hz_response *res, const char *type, const void *body, void *owned, size_t bytes)
{
	if (res->from_file)
		close(res->fd);
	res->from_file = false;
	free(res->owned);
	res->type = type;
	res->body = body;
	res->owned = owned;
	res->body_bytes = bytes;
	if (!res->status)
		res->status = 200;
}

int hz_response_take(struct hz_response *res, const char *type, void *body, size_t bytes)
{
	if (!body) { // the caller's allocation failed
		set_body(res, NULL, NULL, NULL, 0);
		res->status = 500;
		return -ENOMEM;
	}
	set_body(res, type, body, body, bytes);
	return 0;
}

int hz_response_copy(struct hz_response *res, const char *type, const void *body, size_t bytes)
{
	void *copy = malloc(bytes ? bytes : 1);
	if (copy && bytes)
		memcpy(copy, body, bytes);
	return hz_response_take(res, type, copy, bytes);
}

int hz_response_static(struct hz_response *res, const char *type, const void *body, size_t bytes)
{
	set_body(res, type, body, NULL, bytes);
	return 0;
}

void hz_response_hold(struct hz_response *res, void (*gone)(void *ctx), void *ctx)
{
	res->held = true;
	res->gone = gone;
	res->gone_ctx = ctx;
}

bool hz_response_held(const struct hz_response *res)
{
	return res->held;
}

bool hz_response_limit(struct hz_response *res, uint64_t bytes, void (*gone)(void *ctx), void *ctx)
{
	if (bytes >= res->body_bytes)
		return false;
	res->limited = true;
	res->limit = (size_t)bytes;
	res->gone = gone;
	res->gone_ctx = ctx;
	return true;
}

bool hz_response_limited(const struct hz_response *res)
{
	return res->limited;
}

void hz_response_file(struct hz_response *res, const char *type, int fd, uint64_t offset, uint64_t bytes)
{
	set_body(res, type, NULL, NULL, (size_t)bytes);
	res->from_file = true;
	res->fd = fd;
	res->offset = offset;
}

int hz_response_fd(const struct hz_response *res, uint64_t *ret_offset, uint64_t *ret_bytes)
{
	if (!res->from_file)
		return -1;
	*ret_offset = res->offset;
	*ret_bytes = res->body_bytes;
	return res->fd;
}

const void *hz_response_body(const struct hz_response *res, size_t *ret_bytes)
{
	*ret_bytes = res->body_bytes;
	return res->body;
}

const char *hz_response_type(const struct hz_response *res)
{
	return res->type;
}

static bool is_own(const char *name)
{
	static const char *const own[] = {"Content-Type",      "Content-Length", "Connection",
	                                  "Transfer-Encoding", "Date",           "X-Content-Type-Options",
	                                  "Referrer-Policy"};
	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcasecmp(name, own[i]))
			return true;
	return false;
}

static bool is_token(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text >= 'a' && *text <= 'z')
			continue;
		if (*text >= 'A' && *text <= 'Z')
			continue;
		if (*text >= '0' && *text <= '9')
			continue;
		if (!strchr("!#$%&'*+-.^_`|~", *text))
			return false;
	}
	return true;
}

static bool is_value(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

int hz_response_header(struct hz_response *res, const char *name, const char *value)
{
	if (!is_token(name) || !is_value(value) || is_own(name))
		return -EINVAL;
	size_t name_bytes = strlen(name) + 1, value_bytes = strlen(value) + 1;
	if (res->headers == HZ_RESPONSE_HEADERS ||
	    name_bytes + value_bytes > sizeof(res->text) - res->text_bytes)
		return -ENOSPC;
	char *at = res->text + res->text_bytes;
	memcpy(at, name, name_bytes);
	memcpy(at + name_bytes, value, value_bytes);
	res->header[res->headers].name = at;
	res->header[res->headers].value = at + name_bytes;
	res->headers++;
	res->text_bytes += name_bytes + value_bytes;
	return 0;
}

const char *hz_response_get_header(const struct hz_response *res, const char *name)
{
	for (unsigned i = 0; i < res->headers; i++)
		if (!strcasecmp(res->header[i].name, name))
			return res->header[i].value;
	return NULL;
}

const char *hz_status_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
	    {200, "OK"},
	    {201, "Created"},
	    {202, "Accepted"},
	    {204, "No Content"},
	    {206, "Partial Content"},
	    {301, "Moved Permanently"},
	    {302, "Found"},
	    {303, "See Other"},
	    {304, "Not Modified"},
	    {307, "Temporary Redirect"},
	    {308, "Permanent Redirect"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {406, "Not Acceptable"},
	    {408, "Request Timeout"},
	    {409, "Conflict"},
	    {410, "Gone"},
	    {411, "Length Required"},
	    {412, "Precondition Failed"},
	    {413, "Content Too Large"},
	    {414, "URI Too Long"},
	    {415, "Unsupported Media Type"},
	    {416, "Range Not Satisfiable"},
	    {422, "Unprocessable Content"},
	    {426, "Upgrade Required"},
	    {428, "Precondition Required"},
	    {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"},
	    {500, "Internal Server Error"},
	    {501, "Not Implemented"},
	    {503, "Service Unavailable"},
	};
	for (unsigned i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return status < 400 ? "OK" : "Error";
}

struct text {
	char *buf;
	size_t bytes, used;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(t->buf + t->used, t->bytes - t->used, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->bytes - t->used)
		t->full = true;
	else
		t->used += (size_t)n;
}

static void put_defaults(struct text *t, const struct hz_response *res)
{
	put(t, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
	if (!hz_response_get_header(res, "Content-Security-Policy"))
		put(t, "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n");
	if (!hz_response_get_header(res, "Cache-Control"))
		put(t, "Cache-Control: no-store\r\n");
}

int hz_response_head(const struct hz_response *res, bool close, char *ret, size_t ret_bytes, size_t *ret_used)
{
	struct text t = {.buf = ret, .bytes = ret_bytes};
	int status = hz_response_get_status(res);
	char date[64];
	struct tm tm;
	time_t now = time(NULL);

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	put(&t, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, hz_status_phrase(status), date);
	if (res->type)
		put(&t, "Content-Type: %s\r\n", res->type);
	if (status != 204 && status != 304) // RFC 9110, 8.6
		put(&t, "Content-Length: %zu\r\n", res->body_bytes);
	put_defaults(&t, res);
	for (unsigned i = 0; i < res->headers; i++)
		put(&t, "%s: %s\r\n", res->header[i].name, res->header[i].value);
	// The hint keeps clients that read it (Node, Go, Python) from sending into a connection that we are closing.
	if (close)
		put(&t, "Connection: close\r\n\r\n");
	else
		put(&t, "Connection: keep-alive\r\nKeep-Alive: timeout=%d\r\n\r\n", HZ_HTTP_IDLE_S - 5);
	if (t.full)
		return -ENOSPC;
	*ret_used = t.used;
	return 0;
}
