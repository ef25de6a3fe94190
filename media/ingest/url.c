#include "media/ingest/url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const struct {
	const char *prefix;
	enum hz_ingest_scheme scheme;
	uint16_t port;
} schemes[] = {
    {"rtsp://", HZ_INGEST_RTSP, 554},  {"rtsps://", HZ_INGEST_RTSPS, 322}, {"srt://", HZ_INGEST_SRT, 0},
    {"rtmp://", HZ_INGEST_RTMP, 1935}, {"file:", HZ_INGEST_FILE, 0},       {"test:", HZ_INGEST_TEST, 0},
};

static int wrong(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

static bool printable(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || strchr("\"'\\<>`{}|^", *text))
			return false;
	return true;
}

// [user@]host[:port] of `bytes`; the user is not looked at.
static int parse_host(const char *text, size_t bytes, struct hz_ingest_url *u, const char **ret_why)
{
	const char *at = memrchr(text, '@', bytes), *end = text + bytes;
	const char *host = at ? at + 1 : text, *host_end;
	size_t n;
	if (host < end && *host == '[') {
		host++;
		n = strspn(host, "0123456789abcdefABCDEF:.");
		host_end = host + n + 1;
		if (host + n >= end || host[n] != ']')
			return wrong(ret_why, "an IPv6 address in brackets is not closed");
	} else {
		n = strspn(host, ALNUM ".-_");
		if (n > (size_t)(end - host))
			n = (size_t)(end - host);
		host_end = host + n;
	}
	if (n >= sizeof(u->host))
		return wrong(ret_why, "the host's name is too long");
	memcpy(u->host, host, n);
	u->host[n] = '\0';
	if (host_end == end)
		return 0;
	char *stop = NULL;
	unsigned long port = *host_end == ':' && host_end[1] >= '0' && host_end[1] <= '9'
	                         ? strtoul(host_end + 1, &stop, 10)
	                         : 0;
	if (port < 1 || port > 65535 || stop != end)
		return wrong(ret_why, "what follows the host is not :port");
	u->port = (uint16_t)port;
	return 0;
}

static bool number_in(const char *text, size_t bytes, unsigned min, unsigned max)
{
	char *end = NULL;
	if (!bytes || bytes > 9 || strspn(text, "0123456789") < bytes)
		return false;
	unsigned long v = strtoul(text, &end, 10);
	return end == text + bytes && v >= min && v <= max;
}

static bool is(const char *name, size_t bytes, const char *word)
{
	return strlen(word) == bytes && strncmp(name, word, bytes) == 0;
}

static int srt_parameter(const char *name, size_t name_bytes, const char *value, size_t bytes,
                         struct hz_ingest_url *u)
{
	if (is(name, name_bytes, "mode")) {
		u->listener = is(value, bytes, "listener");
		return u->listener || is(value, bytes, "caller") ? 0 : -EINVAL;
	}
	if (is(name, name_bytes, "latency"))
		return number_in(value, bytes, 20, 8000) ? 0 : -EINVAL;
	if (is(name, name_bytes, "passphrase"))
		return bytes >= 10 && bytes <= 79 ? 0 : -EINVAL;
	if (is(name, name_bytes, "pbkeylen"))
		return number_in(value, bytes, 16, 32) && strtoul(value, NULL, 10) % 8 == 0 ? 0 : -EINVAL;
	if (is(name, name_bytes, "streamid"))
		return bytes >= 1 && bytes <= 512 ? 0 : -EINVAL;
	return -EINVAL;
}

static int parse_srt(const char *rest, struct hz_ingest_url *u, const char **ret_why)
{
	const char *query = strchr(rest, '?');
	size_t front = strcspn(rest, "/?");
	if (rest[front] == '/' && rest[front + 1] && rest[front + 1] != '?')
		return wrong(ret_why, "SRT has no path: use streamid=");
	for (const char *p = query; p && *p;) {
		const char *name = p + 1, *value;
		size_t n = strcspn(name, "&"), name_bytes = strcspn(name, "=&");
		value = name + name_bytes + (name[name_bytes] == '=');
		if (name[name_bytes] != '=' ||
		    srt_parameter(name, name_bytes, value, (size_t)(name + n - value), u))
			return wrong(ret_why, "mode, latency, passphrase, pbkeylen and streamid may follow");
		p = name + n;
	}
	if (memchr(rest, '@', front))
		return wrong(ret_why, "SRT has no user: use passphrase=");
	if (u->port == 0)
		return wrong(ret_why, "SRT needs a port");
	if (u->listener && u->port < 1024)
		return wrong(ret_why, "a listener's port is 1024 or higher");
	if (u->listener != !u->host[0])
		return wrong(ret_why, "a caller needs a host, a listener has none");
	return 0;
}

static int parse_file(const char *name, struct hz_ingest_url *u, const char **ret_why)
{
	if (!*name || *name == '/' || name[strspn(name, ALNUM "._-/")])
		return wrong(ret_why, "file:name with letters, digits, . _ - and /, inside ingest.folder");
	for (const char *p = name; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (*p == '.' || *p == '/' || !*p)
			return wrong(ret_why, "a file's name and folders do not begin with a dot");
	}
	u->path = name;
	return 0;
}

int hz_ingest_url_parse(const char *text, struct hz_ingest_url *ret, const char **ret_why)
{
	struct hz_ingest_url u = {0};
	const char *rest = NULL;
	*ret_why = "";
	if (strlen(text) >= HZ_INGEST_URL_BYTES)
		return wrong(ret_why, "longer than 1023 bytes");
	if (!printable(text))
		return wrong(ret_why, "only what may stand in a URL, without spaces");
	for (unsigned i = 0; i < sizeof(schemes) / sizeof(schemes[0]) && !rest; i++) {
		if (strncmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) != 0)
			continue;
		rest = text + strlen(schemes[i].prefix);
		u.scheme = schemes[i].scheme;
		u.port = schemes[i].port;
	}
	if (!rest)
		return wrong(ret_why, "begins with rtsp://, rtsps://, srt://, rtmp://, file: or test:");
	int err = 0;
	if (u.scheme == HZ_INGEST_TEST)
		err = *rest ? wrong(ret_why, "nothing follows test:") : 0;
	else if (u.scheme == HZ_INGEST_FILE)
		err = parse_file(rest, &u, ret_why);
	else
		err = parse_host(rest, strcspn(rest, "/?#"), &u, ret_why);
	if (!err && strchr(rest, '#'))
		err = wrong(ret_why, "no #");
	if (!err && u.scheme == HZ_INGEST_SRT)
		err = parse_srt(rest, &u, ret_why);
	else if (!err && u.scheme <= HZ_INGEST_RTMP && !u.host[0])
		err = wrong(ret_why, "a host is missing");
	if (!err && u.scheme == HZ_INGEST_RTMP) {
		const char *application = strchr(rest, '/'), *stream;
		stream = application ? strchr(application + 1, '/') : NULL;
		if (!stream || stream == application + 1 || !stream[1])
			err = wrong(ret_why, "RTMP is rtmp://host/application/stream");
	}
	if (!err)
		*ret = u;
	return err;
}

// --- shown

struct out {
	char *text;
	size_t room; // with the zero
};

static void put(struct out *o, const char *text, size_t bytes)
{
	if (bytes >= o->room)
		bytes = o->room - 1;
	memcpy(o->text, text, bytes);
	o->text += bytes;
	o->room -= bytes;
	*o->text = '\0';
}

// Some cameras have their user and password in the path: /user=admin&password=x&channel=1
static void put_path(struct out *o, const char *path, size_t bytes)
{
	for (const char *p = path, *end = path + bytes; p < end;) {
		size_t n = strcspn(p, "=&;/"), left = (size_t)(end - p);
		if (n >= left || p[n] != '=') {
			n = n < left ? n + 1 : left;
			put(o, p, n);
		} else {
			put(o, p, n);
			put(o, "=***", 4);
			n += strcspn(p + n, "&;/");
		}
		p += n < left ? n : left;
	}
}

static void put_query(struct out *o, const char *query, bool srt)
{
	for (const char *p = query; *p;) {
		size_t n = strcspn(p + 1, "&"), name = strcspn(p + 1, "=&");
		put(o, p, 1 + name);
		if (srt && (is(p + 1, name, "mode") || is(p + 1, name, "latency")))
			put(o, p + 1 + name, n - name);
		else if (name < n)
			put(o, "=***", 4);
		p += 1 + n;
	}
}

void hz_ingest_url_show(const char *text, char *ret, size_t bytes)
{
	struct out o = {ret, bytes};
	const char *host = strstr(text, "://");
	ret[0] = '\0';
	if (!host) { // file: and test:
		put(&o, text, strlen(text));
		return;
	}
	host += 3;
	size_t front = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', front), *path = host + front, *query = strchr(path, '?');
	put(&o, text, (size_t)(host - text));
	if (at) {
		put(&o, "***@", 4);
		host = at + 1;
	}
	put(&o, host, (size_t)(path - host));
	size_t n = query ? (size_t)(query - path) : strlen(path);
	if (strncmp(text, "rtmp:", 5) == 0) {
		n = *path == '/' ? 1 + strcspn(path + 1, "/?") : 0;
		put(&o, path, n);
		put(&o, "/***", 4);
		return;
	}
	put_path(&o, path, n);
	if (query)
		put_query(&o, query, strncmp(text, "srt:", 4) == 0);
}

const char *hz_ingest_state_name(uint8_t state)
{
	static const char *const names[HZ_INGEST_STATE_COUNT] = {
	    [HZ_INGEST_STARTING] = "starting",   [HZ_INGEST_CONNECTING] = "connecting",
	    [HZ_INGEST_LISTENING] = "listening", [HZ_INGEST_LIVE] = "live",
	    [HZ_INGEST_RETRYING] = "retrying",   [HZ_INGEST_ENDED] = "ended",
	};
	return state < HZ_INGEST_STATE_COUNT ? names[state] : "starting";
}

const char *hz_ingest_reason_name(uint8_t reason)
{
	static const char *const names[HZ_INGEST_REASON_COUNT] = {
	    [HZ_INGEST_NONE] = "",
	    [HZ_INGEST_REFUSED] = "refused",
	    [HZ_INGEST_UNREACHABLE] = "unreachable",
	    [HZ_INGEST_TIMEOUT] = "timeout",
	    [HZ_INGEST_UNAUTHORISED] = "unauthorised",
	    [HZ_INGEST_NOT_FOUND] = "not_found",
	    [HZ_INGEST_NOT_ALLOWED] = "not_allowed",
	    [HZ_INGEST_GARBAGE] = "garbage",
	    [HZ_INGEST_UNSUPPORTED] = "unsupported",
	    [HZ_INGEST_NO_PICTURE] = "no_picture",
	    [HZ_INGEST_STALLED] = "stalled",
	    [HZ_INGEST_CLOSED] = "closed",
	    [HZ_INGEST_GATEWAY] = "gateway",
	    [HZ_INGEST_CRASHED] = "crashed",
	    [HZ_INGEST_HUNG] = "hung",
	    [HZ_INGEST_INTERNAL] = "internal",
	    [HZ_INGEST_CERTIFICATE] = "certificate",
	};
	return reason < HZ_INGEST_REASON_COUNT ? names[reason] : "internal";
}
