#include "media/dicomweb/request.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FRAMES_MAX 1000000u

bool hz_dweb_uid_valid(const char *text)
{
	size_t digits = 0, bytes = strlen(text);
	if (bytes > 64)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '.') {
			if (!digits)
				return false;
			digits = 0;
		} else if (text[i] < '0' || text[i] > '9' || (digits == 1 && text[i - 1] == '0')) {
			return false;
		} else {
			digits++;
		}
	}
	return digits > 0;
}

static bool ends(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

static bool given_if(const char *uid, bool needed)
{
	return needed ? hz_dweb_uid_valid(uid) : !uid[0];
}

// Nothing that could end a line or a URL.
static bool query_valid(const char *query)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%=&+*,^";
	return query[strspn(query, allowed)] == '\0';
}

static bool pixels_valid(const struct hz_dweb_pixels *p)
{
	static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	bool there = p->rows >= 1 && p->rows <= 65535 && p->columns >= 1 && p->columns <= 65535;
	return there && (p->samples == 1 || p->samples == 3) && (p->allocated == 8 || p->allocated == 16) &&
	       p->stored >= 1 && p->stored <= p->allocated && p->is_signed <= 1 && p->planar <= 1 &&
	       ends(p->photometric, sizeof(p->photometric)) && p->photometric[0] &&
	       !p->photometric[strspn(p->photometric, word)];
}

bool hz_dweb_pixels_parse(const char *text, struct hz_dweb_pixels *ret)
{
	unsigned long n[7];
	struct hz_dweb_pixels p;
	memset(&p, 0, sizeof(p)); // it is compared as bytes
	for (unsigned i = 0; i < 7; i++) {
		char *end = NULL;
		if (*text < '0' || *text > '9' || strspn(text, "0123456789") > 5)
			return false;
		n[i] = strtoul(text, &end, 10);
		if (*end != ',' || (i >= 2 && n[i] > 255))
			return false;
		text = end + 1;
	}
	p.rows = (uint32_t)n[0];
	p.columns = (uint32_t)n[1];
	p.samples = (uint8_t)n[2];
	p.allocated = (uint8_t)n[3];
	p.stored = (uint8_t)n[4];
	p.is_signed = (uint8_t)n[5];
	p.planar = (uint8_t)n[6];
	if (strlen(text) >= sizeof(p.photometric))
		return false;
	memcpy(p.photometric, text, strlen(text));
	if (!pixels_valid(&p))
		return false;
	*ret = p;
	return true;
}

bool hz_dweb_request_valid(const struct hz_dweb_request *r)
{
	static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	if (r->kind >= HZ_DWEB_KINDS || !ends(r->pacs, sizeof(r->pacs)) ||
	    !ends(r->study, sizeof(r->study)) || !ends(r->series, sizeof(r->series)) ||
	    !ends(r->instance, sizeof(r->instance)) || !ends(r->query, sizeof(r->query)))
		return false;
	if (!r->pacs[0] || r->pacs[strspn(r->pacs, name)])
		return false;
	bool frame = r->kind == HZ_DWEB_FRAME, list = r->kind == HZ_DWEB_LIST || r->kind == HZ_DWEB_FORWARD;
	if (r->pixels.rows && (!frame || !pixels_valid(&r->pixels)))
		return false;
	return given_if(r->study, r->kind != HZ_DWEB_SEARCH) &&
	       given_if(r->series, r->kind >= HZ_DWEB_SERIES && !list) &&
	       given_if(r->instance, r->kind >= HZ_DWEB_INSTANCE && !list) && // an object too
	       (frame ? r->frame >= 1 && r->frame <= FRAMES_MAX : r->frame == 0) &&
	       (r->kind == HZ_DWEB_SEARCH ? query_valid(r->query)
	        : r->kind == HZ_DWEB_FORWARD
	            ? strlen(r->query) < HZ_DWEB_NAME_BYTES && !r->query[strspn(r->query, name)]
	            : !r->query[0]);
}

bool hz_dweb_request_object(const struct hz_dweb_request *r)
{
	return r->kind == HZ_DWEB_OBJECT || hz_dweb_request_reads(r);
}

const char *hz_dweb_request_reads(const struct hz_dweb_request *r)
{
	return r->kind == HZ_DWEB_WAVE       ? "application/json; waveform"
	       : r->kind == HZ_DWEB_OVERLAYS ? "application/json; overlays"
	       : r->kind == HZ_DWEB_LUTS     ? "application/json; luts"
	                                     : NULL;
}

void hz_dweb_request_path(const struct hz_dweb_request *r, char ret[HZ_DWEB_PATH_BYTES])
{
	char series[100] = "", instance[100] = "", last[32] = "/metadata";
	if (hz_dweb_request_object(r))
		last[0] = '\0';
	if (r->kind == HZ_DWEB_SEARCH) {
		snprintf(ret, HZ_DWEB_PATH_BYTES, "/studies?%s", r->query);
		return;
	}
	if (r->kind == HZ_DWEB_STORE || r->kind == HZ_DWEB_FORWARD) { // of the latter no PACS is asked
		snprintf(ret, HZ_DWEB_PATH_BYTES, "/studies/%s", r->study);
		return;
	}
	if (r->kind == HZ_DWEB_LIST) {
		snprintf(ret, HZ_DWEB_PATH_BYTES, "/studies/%s/series?includefield=0008103E", r->study);
		return;
	}
	if (r->series[0])
		snprintf(series, sizeof(series), "/series/%s", r->series);
	if (r->instance[0])
		snprintf(instance, sizeof(instance), "/instances/%s", r->instance);
	if (r->kind == HZ_DWEB_FRAME)
		snprintf(last, sizeof(last), "/frames/%u", r->frame);
	snprintf(ret, HZ_DWEB_PATH_BYTES, "/studies/%s%s%s%s", r->study, series, instance, last);
}

const char *hz_dweb_request_accept(const struct hz_dweb_request *r)
{
	if (hz_dweb_request_object(r))
		return "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
	return r->kind == HZ_DWEB_FRAME
	           ? "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*"
	           : "application/dicom+json";
}

const char *hz_dweb_result_reason(uint32_t result)
{
	switch (result) {
	case HZ_DWEB_UNKNOWN:
		return "unknown";
	case HZ_DWEB_AWAY:
	case HZ_DWEB_SLOW:
		return "away";
	case HZ_DWEB_REFUSED:
		return "credentials";
	case HZ_DWEB_MISSING:
		return "missing";
	default:
		return "refused";
	}
}

// Found once: OpenSSL takes longer to look for it by its name than to hash a path with it.
static EVP_MD *sha256;

static void find_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void hz_dweb_sha256(const void *data, size_t bytes, char ret[HZ_DWEB_HASH_BYTES])
{
	unsigned char hash[EVP_MAX_MD_SIZE] = {0};
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	unsigned used = 0;
	pthread_once(&once, find_sha256);
	if (!sha256 || EVP_Digest(data, bytes, hash, &used, sha256, NULL) != 1)
		abort(); // of a library that has no SHA-256
	for (unsigned i = 0; i < 32; i++) {
		ret[2 * i] = "0123456789abcdef"[hash[i] >> 4];
		ret[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
	}
	ret[64] = '\0';
}

bool hz_dweb_request_fleeting(const struct hz_dweb_request *r)
{
	return r->kind == HZ_DWEB_SEARCH || r->kind == HZ_DWEB_LIST || r->kind == HZ_DWEB_STORE ||
	       r->kind == HZ_DWEB_FORWARD;
}

void hz_dweb_request_key(const struct hz_dweb_request *r, char ret[HZ_DWEB_HASH_BYTES])
{
	char path[HZ_DWEB_PATH_BYTES], text[HZ_DWEB_PATH_BYTES + HZ_DWEB_NAME_BYTES + 100];
	const struct hz_dweb_pixels *p = &r->pixels;
	hz_dweb_request_path(r, path);
	int bytes = snprintf(text, sizeof(text), "%s%s", r->pacs, path); // a name has no '/'
	if (hz_dweb_request_reads(r))
		bytes += snprintf(text + bytes, sizeof(text) - (size_t)bytes,
		                  r->kind == HZ_DWEB_WAVE       ? "/waveform"
		                  : r->kind == HZ_DWEB_OVERLAYS ? "/overlays"
		                                                : "/luts");
	if (p->rows)
		bytes += snprintf(text + bytes, sizeof(text) - (size_t)bytes, "?%u,%u,%u,%u,%u,%u,%u,%s",
		                  p->rows, p->columns, p->samples, p->allocated, p->stored, p->is_signed,
		                  p->planar, p->photometric);
	hz_dweb_sha256(text, (size_t)bytes, ret);
}

static bool is_type(const char *type, const char *word)
{
	size_t n = strlen(word);
	return strncasecmp(type, word, n) == 0 && (!type[n] || type[n] == ';' || type[n] == ' ');
}

bool hz_dweb_answer_fits(const struct hz_dweb_request *r, const char *type, const char *data, size_t bytes)
{
	size_t space = 0;
	if (r->kind == HZ_DWEB_FRAME)
		return bytes && (strncasecmp(type, "image/", 6) == 0 || strncasecmp(type, "video/", 6) == 0 ||
		                 is_type(type, "application/octet-stream"));
	if (hz_dweb_request_object(r))
		return bytes > 132 && memcmp(data + 128, "DICM", 4) == 0 &&
		       (is_type(type, "application/dicom") || is_type(type, "application/octet-stream"));
	if (!is_type(type, "application/dicom+json") && !is_type(type, "application/json"))
		return false;
	while (space < bytes && strchr(" \t\r\n", data[space]) && data[space])
		space++;
	while (bytes > space && strchr(" \t\r\n", data[bytes - 1]) && data[bytes - 1])
		bytes--;
	return bytes >= space + 2 && data[space] == '[' && data[bytes - 1] == ']';
}

// The next segment of a path; false: there is none, or it is too long.
static bool segment(const char **path, char *ret, size_t room)
{
	size_t n = strcspn(*path, "/");
	if (n == 0 || n >= room)
		return false;
	memcpy(ret, *path, n);
	ret[n] = '\0';
	*path += n + ((*path)[n] == '/');
	return true;
}

static bool word(const char **path, const char *expected)
{
	char text[16];
	const char *at = *path;
	if (!segment(&at, text, sizeof(text)) || strcmp(text, expected) != 0)
		return false;
	*path = at;
	return true;
}

bool hz_dweb_request_parse(const char *path, struct hz_dweb_request *ret)
{
	struct hz_dweb_request r = {.kind = HZ_DWEB_STUDY};
	char number[12], *end = number;
	if (!segment(&path, r.pacs, sizeof(r.pacs)) || !segment(&path, r.study, sizeof(r.study)))
		return false;
	if (word(&path, "forwards")) {
		r.kind = HZ_DWEB_FORWARD;
		if (*path && !segment(&path, r.query, HZ_DWEB_NAME_BYTES))
			return false;
	} else if (strcmp(path, "series") == 0) {
		r.kind = HZ_DWEB_LIST;
		path += strlen(path);
	} else if (word(&path, "series")) {
		r.kind = HZ_DWEB_SERIES;
		if (!segment(&path, r.series, sizeof(r.series)))
			return false;
		if (word(&path, "instances")) {
			r.kind = HZ_DWEB_INSTANCE;
			if (!segment(&path, r.instance, sizeof(r.instance)))
				return false;
		}
	}
	if (r.kind == HZ_DWEB_INSTANCE && word(&path, "frames")) {
		r.kind = HZ_DWEB_FRAME;
		if (!segment(&path, number, sizeof(number)) || number[strspn(number, "0123456789")])
			return false;
		r.frame = (uint32_t)strtoul(number, &end, 10);
	} else if (r.kind == HZ_DWEB_INSTANCE && word(&path, "waveform")) {
		r.kind = HZ_DWEB_WAVE;
	} else if (r.kind == HZ_DWEB_INSTANCE && word(&path, "overlays")) {
		r.kind = HZ_DWEB_OVERLAYS;
	} else if (r.kind == HZ_DWEB_INSTANCE && word(&path, "luts")) {
		r.kind = HZ_DWEB_LUTS;
	} else if (r.kind != HZ_DWEB_LIST && r.kind != HZ_DWEB_FORWARD && !word(&path, "metadata")) {
		return false;
	}
	if (*path || !hz_dweb_request_valid(&r))
		return false;
	*ret = r;
	return true;
}
