// From lws' header table to struct hz_request. lws decodes and joins; here everything is checked and bounded.
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "signaling/server/internal.h"

#define PATH_BYTES 4096

static const struct {
	enum lws_token_indexes token;
	enum hz_http_method method;
	bool head;
} methods[] = {
    {WSI_TOKEN_GET_URI, HZ_GET, false},         {WSI_TOKEN_HEAD_URI, HZ_GET, true},
    {WSI_TOKEN_POST_URI, HZ_POST, false},       {WSI_TOKEN_PUT_URI, HZ_PUT, false},
    {WSI_TOKEN_PATCH_URI, HZ_PATCH, false},     {WSI_TOKEN_DELETE_URI, HZ_DELETE, false},
    {WSI_TOKEN_OPTIONS_URI, HZ_OPTIONS, false},
};

static const struct {
	enum hz_http_header header;
	enum lws_token_indexes token;
} known[] = {
    {HZ_H_ACCEPT, WSI_TOKEN_HTTP_ACCEPT},
    {HZ_H_ACCEPT_ENCODING, WSI_TOKEN_HTTP_ACCEPT_ENCODING},
    {HZ_H_ACCEPT_LANGUAGE, WSI_TOKEN_HTTP_ACCEPT_LANGUAGE},
    {HZ_H_AUTHORIZATION, WSI_TOKEN_HTTP_AUTHORIZATION},
    {HZ_H_CONTENT_TYPE, WSI_TOKEN_HTTP_CONTENT_TYPE},
    {HZ_H_COOKIE, WSI_TOKEN_HTTP_COOKIE},
    {HZ_H_HOST, WSI_TOKEN_HOST},
    {HZ_H_IF_MATCH, WSI_TOKEN_HTTP_IF_MATCH},
    {HZ_H_IF_NONE_MATCH, WSI_TOKEN_HTTP_IF_NONE_MATCH},
    {HZ_H_ORIGIN, WSI_TOKEN_ORIGIN},
    {HZ_H_REFERER, WSI_TOKEN_HTTP_REFERER},
    {HZ_H_USER_AGENT, WSI_TOKEN_HTTP_USER_AGENT},
};

static bool has_control(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
			return true;
	return false;
}

// Room of `bytes` + NUL at the end of conn->text, or NULL.
static char *reserve(struct hz_conn *conn, size_t bytes)
{
	size_t cap = conn->server->limits.header_bytes;
	return bytes < cap && conn->text_used < cap - bytes ? conn->text + conn->text_used : NULL;
}

// Copies one known header. 0 (also when absent), 400, 431.
static int copy_token(struct hz_conn *conn, struct lws *wsi, enum lws_token_indexes token, const char **ret)
{
	int bytes = lws_hdr_total_length(wsi, token);
	if (bytes <= 0)
		return 0;
	char *at = reserve(conn, (size_t)bytes + 1);
	if (!at || lws_hdr_copy(wsi, at, bytes + 1, token) != bytes)
		return 431;
	if (has_control(at, (size_t)bytes))
		return 400;
	conn->text_used += (size_t)bytes + 1;
	*ret = at;
	return 0;
}

// A header lws has no token for; name in lower case with its colon.
static int copy_custom(struct hz_conn *conn, struct lws *wsi, const char *name, const char **ret)
{
	int name_bytes = (int)strlen(name);
	int bytes = lws_hdr_custom_length(wsi, name, name_bytes);
	if (bytes <= 0)
		return 0;
	char *at = reserve(conn, (size_t)bytes + 1);
	if (!at || lws_hdr_custom_copy(wsi, at, bytes + 1, name, name_bytes) != bytes)
		return 431;
	if (has_control(at, (size_t)bytes))
		return 400;
	conn->text_used += (size_t)bytes + 1;
	*ret = at;
	return 0;
}

static int copy_path(struct hz_conn *conn, struct lws *wsi)
{
	unsigned found = 0;
	size_t i, at = 0;
	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (lws_hdr_total_length(wsi, methods[i].token) > 0) {
			at = i;
			found++;
		}
	}
	if (found != 1)
		return 400;
	conn->req.method = methods[at].method;
	conn->req.head = methods[at].head;
	if (lws_hdr_total_length(wsi, methods[at].token) > PATH_BYTES)
		return 414;
	int status = copy_token(conn, wsi, methods[at].token, &conn->req.path);
	if (status)
		return status;
	return conn->req.path && conn->req.path[0] == '/' && !strstr(conn->req.path, "//") &&
	               !strstr(conn->req.path, "/../") && !strstr(conn->req.path, "/./")
	           ? 0
	           : 400;
}

// lws took the query apart and decoded it: put it together again as it would stand in a URL.
static int copy_query(struct hz_conn *conn, struct lws *wsi)
{
	static const char digits[] = "0123456789ABCDEF";
	char piece[2048];
	conn->req.query = "";
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) <= 0)
		return 0;
	char *start = conn->text + conn->text_used;
	for (int i = 0;; i++) {
		int n = lws_hdr_copy_fragment(wsi, piece, sizeof(piece), WSI_TOKEN_HTTP_URI_ARGS, i);
		if (n == -2)
			return 414;
		if (n < 0)
			break;
		if (!reserve(conn, 3 * (size_t)n + 2))
			return 414;
		char *out = conn->text + conn->text_used;
		bool equals = false;
		if (i)
			*out++ = '&';
		for (int k = 0; k < n; k++) {
			unsigned char c = (unsigned char)piece[k];
			bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
			             (c && strchr("-._~", c)) || (c == '=' && !equals);
			equals = equals || c == '=';
			if (plain) {
				*out++ = (char)c;
				continue;
			}
			*out++ = '%';
			*out++ = digits[c >> 4];
			*out++ = digits[c & 15];
		}
		conn->text_used = (size_t)(out - conn->text);
	}
	conn->text[conn->text_used++] = '\0';
	conn->req.query = start;
	return 0;
}

// nginx in front of us on this machine appends the client's address; anything before the last entry is hearsay.
static int apply_forwarded(struct hz_conn *conn, struct lws *wsi)
{
	const char *list = NULL;
	struct hz_request *req = &conn->req;
	int status = copy_token(conn, wsi, WSI_TOKEN_X_FORWARDED_FOR, &list);
	if (status || !list)
		return status;
	req->is_loopback = false;
	const char *last = strrchr(list, ',');
	last = last ? last + 1 : list;
	last += strspn(last, " \t");
	unsigned char number[16];
	if (strlen(last) < sizeof(req->address) &&
	    (inet_pton(AF_INET, last, number) == 1 || inet_pton(AF_INET6, last, number) == 1))
		strcpy(req->address, last);
	status = copy_custom(conn, wsi, "x-forwarded-proto:", &req->header[HZ_H_FORWARDED_PROTO]);
	if (status)
		return status;
	if (req->header[HZ_H_FORWARDED_PROTO])
		req->is_tls = !strcasecmp(req->header[HZ_H_FORWARDED_PROTO], "https");
	return 0;
}

static int check_version(struct lws *wsi)
{
	char version[16];
	if (lws_hdr_copy(wsi, version, sizeof(version), WSI_TOKEN_HTTP) <= 0)
		return 400;
	return !strcmp(version, "HTTP/1.1") || !strcmp(version, "HTTP/1.0") ? 0 : 400;
}

int hz_headers_collect(struct hz_conn *conn, struct lws *wsi)
{
	struct hz_request *req = &conn->req;
	hz_conn_forget_request(conn);
	req->path = req->query = req->body = "";
	req->is_tls = conn->tls;
	req->is_loopback = conn->peer_loopback;
	memcpy(req->address, conn->peer, sizeof(req->address));
	conn->text = malloc(conn->server->limits.header_bytes);
	if (!conn->text)
		return 503;
	int status = check_version(wsi);
	if (!status)
		status = copy_path(conn, wsi);
	if (!status)
		status = copy_query(conn, wsi);
	for (size_t i = 0; !status && i < sizeof(known) / sizeof(known[0]); i++)
		status = copy_token(conn, wsi, known[i].token, &req->header[known[i].header]);
	if (!status)
		status = copy_custom(conn, wsi, "idempotency-key:", &req->header[HZ_H_IDEMPOTENCY_KEY]);
	if (!status && conn->peer_loopback)
		status = apply_forwarded(conn, wsi);
	const char *host = req->header[HZ_H_HOST];
	if (!status && (!host || strpbrk(host, " ,/\\@?#")))
		status = 400; // RFC 9112, 3.2: exactly one
	return status;
}

int64_t hz_headers_length(struct lws *wsi)
{
	char text[24];
	int bytes = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
	if (bytes <= 0)
		return -ENOENT;
	if (bytes > 15 || lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_CONTENT_LENGTH) != bytes)
		return -EINVAL;
	if (strspn(text, "0123456789") != (size_t)bytes)
		return -EINVAL; // a sign, a list, a second header
	return strtoll(text, NULL, 10);
}
