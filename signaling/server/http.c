#include "signaling/server/http.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/percent.h"

int hz_request_query(const struct hz_request *req, const char *name, char *ret, size_t ret_bytes)
{
	size_t name_bytes = strlen(name);
	const char *at = req->query;
	if (!ret_bytes)
		return -ENOSPC;
	while (at && *at) {
		size_t n = strcspn(at, "&");
		if (n >= name_bytes && !strncmp(at, name, name_bytes) &&
		    (n == name_bytes || at[name_bytes] == '=')) {
			size_t skip = n == name_bytes ? n : name_bytes + 1;
			char value[2048];
			int err = hz_percent_decode(at + skip, n - skip, value, sizeof(value));
			if (err)
				return err;
			if (strlen(value) >= ret_bytes)
				return -ENOSPC;
			memcpy(ret, value, strlen(value) + 1);
			return 0;
		}
		at += n;
		at += *at == '&';
	}
	return -ENOENT;
}

int hz_request_cookie(const struct hz_request *req, const char *name, char *ret, size_t ret_bytes)
{
	size_t name_bytes = strlen(name);
	const char *at = req->header[HZ_H_COOKIE];
	while (at && *at) {
		at += strspn(at, "; \t");
		size_t n = strcspn(at, ";");
		if (n > name_bytes && !strncmp(at, name, name_bytes) && at[name_bytes] == '=') {
			n -= name_bytes + 1;
			if (n >= ret_bytes)
				return -ENOSPC;
			memcpy(ret, at + name_bytes + 1, n);
			ret[n] = '\0';
			return 0;
		}
		at += n;
	}
	return -ENOENT;
}

const char *hz_request_bearer(const struct hz_request *req)
{
	const char *value = req->header[HZ_H_AUTHORIZATION];
	if (!value || strncasecmp(value, "Bearer ", 7) != 0)
		return NULL;
	value += 7;
	value += strspn(value, " ");
	// RFC 6750, 2.1: one b64token; anything behind it (a second header, a parameter) makes it none.
	return *value && !strpbrk(value, " ,\t") ? value : NULL;
}

static size_t type_bytes(const char *text)
{
	size_t n = strcspn(text, ";,");
	while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	return n;
}

bool hz_request_content_is(const struct hz_request *req, const char *type)
{
	const char *value = req->header[HZ_H_CONTENT_TYPE];
	if (!value || strchr(value, ',')) // a repeated header
		return false;
	return type_bytes(value) == strlen(type) && !strncasecmp(value, type, strlen(type));
}

static bool range_matches(const char *range, size_t n, const char *type)
{
	if (n == 3 && !strncmp(range, "*/*", 3))
		return true;
	if (n == strlen(type) && !strncasecmp(range, type, n))
		return true;
	const char *slash = strchr(type, '/');
	return slash && n == (size_t)(slash - type) + 2 && range[n - 1] == '*' && range[n - 2] == '/' &&
	       !strncasecmp(range, type, n - 2);
}

// q=0, q=0.0, q=0.00, q=0.000: not acceptable (RFC 9110, 12.4.2).
static bool weight_is_zero(const char *range, size_t n)
{
	for (size_t i = 0; i + 3 < n + 1; i++) {
		if (range[i] != ';')
			continue;
		size_t at = i + 1;
		while (at < n && (range[at] == ' ' || range[at] == '\t'))
			at++;
		if (at + 2 >= n || tolower((unsigned char)range[at]) != 'q' || range[at + 1] != '=' ||
		    range[at + 2] != '0')
			continue;
		for (at += 3; at < n && (range[at] == '.' || range[at] == '0'); at++)
			;
		return at == n || range[at] == ' ' || range[at] == ';';
	}
	return false;
}

bool hz_request_accepts(const struct hz_request *req, const char *type)
{
	const char *at = req->header[HZ_H_ACCEPT];
	if (!at || !*at)
		return true;
	while (*at) {
		at += strspn(at, ", \t");
		size_t n = strcspn(at, ",");
		if (n && range_matches(at, type_bytes(at), type) && !weight_is_zero(at, n))
			return true;
		at += n;
	}
	return false;
}

bool hz_etag_listed(const char *header_value, const char *etag)
{
	const char *at = header_value;
	size_t etag_bytes = strlen(etag);
	while (at && *at) {
		at += strspn(at, ", \t");
		if (*at == '*')
			return true;
		if (!strncmp(at, "W/", 2))
			at += 2;
		size_t n = *at == '"' ? strcspn(at + 1, "\"") + 2 : strcspn(at, ", \t");
		if (n == etag_bytes && !strncmp(at, etag, n))
			return true;
		if (n > strlen(at)) // an opened quote that never closes
			return false;
		at += n;
	}
	return false;
}

const char *hz_method_name(enum hz_http_method method)
{
	static const char *const names[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
	return (unsigned)method < sizeof(names) / sizeof(names[0]) ? names[method] : "?";
}
