#include "signaling/server/head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/hex.h"
#include "signaling/server/utf8.h"

static bool is_token_char(unsigned char c)
{
	if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'))
		return true;
	return c && strchr("!#$%&'*+-.^_`|~", c);
}

long hz_head_complete(const char *bytes, size_t n, size_t from)
{
	size_t i = from < 4 ? 0 : from - 4;
	if (n && from == 0 && !is_token_char((unsigned char)bytes[0]))
		return -EBADMSG;
	for (; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
			return -EBADMSG;
		if (c == '\n' && (!i || bytes[i - 1] != '\r'))
			return -EBADMSG;
		if (i && bytes[i - 1] == '\r' && c != '\n')
			return -EBADMSG;
		if (c == '\n' && i >= 3 && bytes[i - 2] == '\n')
			return (long)i + 1;
	}
	return 0;
}

// --- the request line

static int parse_method(const char *text, struct hz_head *head)
{
	static const struct {
		const char *name;
		enum hz_http_method method;
	} methods[] = {
	    {"GET", HZ_GET},     {"HEAD", HZ_GET},      {"POST", HZ_POST},       {"PUT", HZ_PUT},
	    {"PATCH", HZ_PATCH}, {"DELETE", HZ_DELETE}, {"OPTIONS", HZ_OPTIONS},
	};
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!strcmp(text, methods[i].name)) {
			head->method = methods[i].method;
			head->head = text[0] == 'H';
			return 0;
		}
	}
	return 501;
}

static int decode_path(char *path)
{
	char *out = path;
	for (const char *at = path; *at; at++) {
		int c = (unsigned char)*at;
		if (c == '%') {
			int high = hz_hex_digit(at[1]), low = high < 0 ? -1 : hz_hex_digit(at[2]);
			if (low < 0)
				return 400;
			c = high * 16 + low;
			at += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return 400;
		*out++ = (char)c;
	}
	*out = '\0';
	return hz_utf8_valid(path, (size_t)(out - path)) ? 0 : 400;
}

static bool has_odd_segment(const char *path)
{
	for (const char *at = path; at; at = strchr(at + 1, '/')) {
		const char *segment = at + 1;
		size_t n = strcspn(segment, "/");
		if ((n == 0 && *segment) || (n == 1 && segment[0] == '.') ||
		    (n == 2 && !strncmp(segment, "..", 2)))
			return true;
	}
	return false;
}

static int parse_target(char *target, struct hz_head *head)
{
	if (strlen(target) > HZ_HEAD_PATH_BYTES)
		return 414;
	for (const char *at = target; *at; at++)
		if (*at <= 0x20 || *at == 0x7f || *at == '#') // negative: bytes above ASCII
			return 400;
	if (!strncasecmp(target, "http://", 7) || !strncasecmp(target, "https://", 8)) // RFC 9112, 3.2.2
		target = strchr(strchr(target, ':') + 3, '/');
	if (!target || target[0] != '/')
		return 400;
	char *query = strchr(target, '?');
	head->query = query ? query + 1 : "";
	if (query)
		*query = '\0';
	head->path = target;
	int status = decode_path(target);
	if (!status && has_odd_segment(target))
		status = 400;
	return status;
}

static int parse_request_line(char *line, struct hz_head *head)
{
	char *target = strchr(line, ' ');
	char *version = target ? strchr(target + 1, ' ') : NULL;
	if (!version || strchr(version + 1, ' '))
		return 400;
	*target++ = '\0';
	*version++ = '\0';
	if (strncmp(version, "HTTP/", 5) != 0 || strlen(version) != 8)
		return 400;
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return 505;
	head->close = version[7] == '0';
	int status = parse_method(line, head);
	return status ? status : parse_target(target, head);
}

// --- header lines

enum special {
	LENGTH = HZ_H_COUNT,
	CODING,
	CONNECTION,
	UPGRADE,
	EXPECT,
	FORWARDED_FOR,
	WS_KEY,
	WS_VERSION,
	WS_PROTOCOL
};

static const struct {
	const char *name;
	int id;
} headers[] = {
    {"accept", HZ_H_ACCEPT},
    {"accept-encoding", HZ_H_ACCEPT_ENCODING},
    {"accept-language", HZ_H_ACCEPT_LANGUAGE},
    {"authorization", HZ_H_AUTHORIZATION},
    {"connection", CONNECTION},
    {"content-length", LENGTH},
    {"content-type", HZ_H_CONTENT_TYPE},
    {"cookie", HZ_H_COOKIE},
    {"expect", EXPECT},
    {"host", HZ_H_HOST},
    {"idempotency-key", HZ_H_IDEMPOTENCY_KEY},
    {"if-match", HZ_H_IF_MATCH},
    {"if-none-match", HZ_H_IF_NONE_MATCH},
    {"if-range", HZ_H_IF_RANGE},
    {"origin", HZ_H_ORIGIN},
    {"range", HZ_H_RANGE},
    {"referer", HZ_H_REFERER},
    {"sec-websocket-key", WS_KEY},
    {"sec-websocket-protocol", WS_PROTOCOL},
    {"sec-websocket-version", WS_VERSION},
    {"transfer-encoding", CODING},
    {"upgrade", UPGRADE},
    {"user-agent", HZ_H_USER_AGENT},
    {"x-forwarded-for", FORWARDED_FOR},
    {"x-forwarded-proto", HZ_H_FORWARDED_PROTO},
};

// true if the comma-separated list has the word (any case).
static bool lists(const char *value, const char *word)
{
	size_t word_bytes = strlen(word);
	while (*value) {
		value += strspn(value, ", \t");
		size_t n = strcspn(value, ", \t");
		if (n == word_bytes && !strncasecmp(value, word, n))
			return true;
		value += n;
	}
	return false;
}

struct hop { // what concerns this connection
	bool connection_upgrade, upgrade_websocket;
};

static int set_once(const char **field, const char *value)
{
	if (*field)
		return 400;
	*field = value;
	return 0;
}

static int set_length(struct hz_head *head, const char *value)
{
	size_t n = strlen(value);
	if (head->length >= 0 || n < 1 || n > 15 || strspn(value, "0123456789") != n)
		return 400;
	head->length = strtoll(value, NULL, 10);
	return 0;
}

static int set_special(struct hz_head *head, struct hop *hop, int id, const char *value)
{
	switch (id) {
	case LENGTH:
		return set_length(head, value);
	case CODING:
		return 411; // nobody who talks to us needs chunked requests, and two framings invite smuggling
	case CONNECTION:
		head->close = head->close ? !lists(value, "keep-alive") : lists(value, "close");
		hop->connection_upgrade |= lists(value, "upgrade");
		return 0;
	case UPGRADE:
		hop->upgrade_websocket |= lists(value, "websocket");
		return 0;
	case EXPECT:
		head->expect_continue = !strcasecmp(value, "100-continue");
		return 0;
	case FORWARDED_FOR:
		head->forwarded_for = value; // the last one is the one the nearest proxy wrote
		return 0;
	case WS_KEY:
		return set_once(&head->ws_key, value);
	case WS_VERSION:
		return set_once(&head->ws_version, value);
	case WS_PROTOCOL:
		return set_once(&head->ws_protocols, value);
	default:
		return 400;
	}
}

static int parse_header(char *line, struct hz_head *head, struct hop *hop)
{
	char *colon = line;
	while (is_token_char((unsigned char)*colon))
		colon++;
	if (colon == line || *colon != ':') // also a folded line, and a space before the colon
		return 400;
	*colon = '\0';
	char *value = colon + 1, *end = value + strlen(value);
	value += strspn(value, " \t");
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (strcasecmp(line, headers[i].name) != 0)
			continue;
		if (headers[i].id >= HZ_H_COUNT)
			return set_special(head, hop, headers[i].id, value);
		return set_once(&head->header[headers[i].id], value);
	}
	return 0;
}

int hz_head_parse(char *text, size_t bytes, struct hz_head *ret)
{
	struct hop hop = {0};
	int status = 0;
	memset(ret, 0, sizeof(*ret));
	ret->length = -1;
	ret->query = "";
	if (bytes < 4 || memcmp(text + bytes - 4, "\r\n\r\n", 4) != 0 || memchr(text, '\0', bytes))
		return 400;
	char *end = text + bytes - 2; // of the last header line
	for (char *line = text; !status && line < end;) {
		char *eol = memchr(line, '\r', (size_t)(end - line));
		if (!eol || eol[1] != '\n')
			return 400;
		*eol = '\0';
		status = line == text ? parse_request_line(line, ret) : parse_header(line, ret, &hop);
		line = eol + 2;
	}
	const char *host = ret->header[HZ_H_HOST];
	if (!status && (!host || strpbrk(host, " ,/\\@?#")))
		status = 400; // RFC 9112, 3.2
	ret->upgrade_websocket = hop.connection_upgrade && hop.upgrade_websocket;
	return status;
}
