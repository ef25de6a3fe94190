#include "media/push/target.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "media/ingest/url.h"

#define RTMPS_PORT 443

static int wrong(struct hz_target_wrong *ret, const char *field, const char *why)
{
	*ret = (struct hz_target_wrong){field, why};
	return -EINVAL;
}

static bool is_rtmps(const char *text)
{
	return strncmp(text, "rtmps://", 8) == 0;
}

// The parser of sources knows all but RTMPS, which is RTMP but for its port.
static int parse(const char *text, struct hz_ingest_url *ret, const char **ret_why)
{
	char plain[HZ_INGEST_URL_BYTES];
	if (!is_rtmps(text))
		return hz_ingest_url_parse(text, ret, ret_why);
	snprintf(plain, sizeof(plain), "rtmp%s", text + 5);
	int err = hz_ingest_url_parse(plain, ret, ret_why);
	hz_wipe(plain, sizeof(plain));
	size_t front = strcspn(text + 8, "/");
	const char *bracket = memchr(text + 8, ']', front), *port = bracket ? bracket : text + 8;
	if (!err && !memchr(port, ':', front - (size_t)(port - text - 8)))
		ret->port = RTMPS_PORT;
	return err;
}

static bool plain_key(const char *key)
{
	for (; *key; key++)
		if (*key <= ' ' || *key > '~' || strchr("\"'\\<>`{}|^/", *key))
			return false;
	return true;
}

// What may stand in a query goes as it is, the rest as %xx.
static size_t encode(const char *text, char *ret, size_t room)
{
	size_t n = 0;
	for (; *text && n + 4 < room; text++) {
		bool as_is = (*text >= '0' && *text <= '9') || ((*text | 32) >= 'a' && (*text | 32) <= 'z') ||
		             strchr("-._~:=,!", *text);
		n += (size_t)snprintf(ret + n, room - n, as_is ? "%c" : "%%%02X", (unsigned char)*text);
	}
	return n;
}

int hz_target_compose(const char *url, const char *key, char *ret, struct hz_target_wrong *ret_wrong)
{
	struct hz_ingest_url parsed;
	const char *why;
	bool srt = strncmp(url, "srt://", 6) == 0;
	size_t length = strlen(url);
	ret[0] = '\0';
	if (!srt && !is_rtmps(url) && strncmp(url, "rtmp://", 7) != 0)
		return wrong(ret_wrong, "/url", "begins with rtmp://, rtmps:// or srt://");
	if (length >= HZ_TARGET_URL_BYTES)
		return wrong(ret_wrong, "/url", "longer than 511 bytes");
	if (strlen(key) >= HZ_TARGET_KEY_BYTES || (!srt && !plain_key(key)))
		return wrong(ret_wrong, "/key",
		             "at most 255 characters that can be typed, without spaces and /");
	if (srt ? strstr(url, "streamid=") || strstr(url, "mode=") : strpbrk(url, "?@") != NULL)
		return wrong(ret_wrong, "/url", "who may send is said by the key, and by SRT's passphrase");
	if (!srt && !key[0])
		return wrong(ret_wrong, "/key", "RTMP needs one: the stream's name");
	if (srt) {
		size_t n = (size_t)snprintf(ret, HZ_INGEST_URL_BYTES, "%s", url);
		if (key[0]) {
			n += (size_t)snprintf(ret + n, HZ_INGEST_URL_BYTES - n,
			                      "%cstreamid=", strchr(url, '?') ? '&' : '?');
			(void)encode(key, ret + n, HZ_INGEST_URL_BYTES - n);
		}
	} else {
		while (length > 8 && url[length - 1] == '/')
			length--;
		snprintf(ret, HZ_INGEST_URL_BYTES, "%.*s/%s", (int)length, url, key);
	}
	int err = parse(ret, &parsed, &why);
	return err ? wrong(ret_wrong, "/url", why) : 0;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static int decode(const char *text, size_t bytes, char *ret, size_t room)
{
	size_t n = 0;
	for (size_t i = 0; i < bytes; i++) {
		char c = text[i];
		if (c == '%' && i + 2 < bytes + 0 && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
			c = (char)(digit(text[i + 1]) << 4 | digit(text[i + 2]));
			i += 2;
		}
		if (n + 1 >= room || !c)
			return -EINVAL;
		ret[n++] = c;
	}
	ret[n] = '\0';
	return 0;
}

static int parse_query(const char *query, struct hz_target_address *a)
{
	for (const char *p = query; p && *p;) {
		const char *name = p + 1;
		size_t n = strcspn(name, "&"), name_bytes = strcspn(name, "=&");
		const char *value = name + name_bytes + (name[name_bytes] == '=');
		size_t bytes = (size_t)(name + n - value);
		int err = 0;
		if (strncmp(name, "streamid=", 9) == 0)
			err = decode(value, bytes, a->key, sizeof(a->key));
		else if (strncmp(name, "passphrase=", 11) == 0)
			err = decode(value, bytes, a->passphrase, sizeof(a->passphrase));
		else if (strncmp(name, "latency=", 8) == 0)
			a->latency_ms = (unsigned)strtoul(value, NULL, 10);
		else if (strncmp(name, "pbkeylen=", 9) == 0)
			a->pbkeylen = (unsigned)strtoul(value, NULL, 10);
		if (err)
			return err;
		p = name + n;
	}
	return 0;
}

int hz_target_parse(const char *text, struct hz_target_address *ret)
{
	struct hz_ingest_url parsed;
	struct hz_target_address a = {.scheme = HZ_TARGET_SRT};
	const char *why;
	int err = parse(text, &parsed, &why);
	if (err)
		return err;
	memcpy(a.host, parsed.host, sizeof(a.host));
	a.port = parsed.port;
	const char *host = strstr(text, "://");
	if (parsed.scheme == HZ_INGEST_SRT) {
		err = parsed.listener ? -EINVAL : parse_query(strchr(text, '?'), &a);
	} else if (parsed.scheme == HZ_INGEST_RTMP && host) {
		const char *app = host + 3 + strcspn(host + 3, "/"), *end = app + strcspn(app, "?");
		const char *key = memrchr(app, '/', (size_t)(end - app));
		a.scheme = is_rtmps(text) ? HZ_TARGET_RTMPS : HZ_TARGET_RTMP;
		if (!key || key <= app + 1 || strlen(key + 1) >= sizeof(a.key) ||
		    (size_t)(key - app) > sizeof(a.app))
			return -EINVAL;
		memcpy(a.app, app + 1, (size_t)(key - app - 1));
		memcpy(a.key, key + 1, strlen(key + 1));
	} else {
		err = -EINVAL;
	}
	if (!err)
		*ret = a;
	hz_wipe(&a, sizeof(a));
	return err;
}

void hz_target_show(const char *url, char *ret, size_t bytes)
{
	if (strncmp(url, "srt://", 6) == 0)
		hz_ingest_url_show(url, ret, bytes);
	else
		snprintf(ret, bytes, "%s", url); // it has no key in it
}
