#include "media/dicomweb/multipart.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_BYTES 70 // RFC 2046, 5.1.1
#define HEAD_BYTES     8192

// The parameter of a media type, unquoted.
static bool parameter(const char *type, const char *name, char *ret, size_t room)
{
	size_t n = strlen(name);
	for (const char *at = strchr(type, ';'); at; at = strchr(at, ';')) {
		at += 1 + strspn(at + 1, " \t");
		if (strncasecmp(at, name, n) != 0 || at[n] != '=')
			continue;
		at += n + 1;
		bool quoted = *at == '"';
		at += quoted;
		size_t bytes = strcspn(at, quoted ? "\"" : "; \t");
		if (bytes == 0 || bytes >= room || (quoted && at[bytes] != '"'))
			return false;
		memcpy(ret, at, bytes);
		ret[bytes] = '\0';
		return true;
	}
	return false;
}

static void copy_type(const char *line, size_t bytes, char ret[128])
{
	size_t used = 0;
	for (size_t i = 0; i < bytes && used < 127; i++) {
		if (line[i] >= 0x20 && line[i] < 0x7f && (used || line[i] != ' '))
			ret[used++] = line[i];
	}
	ret[used] = '\0';
}

// Digits alone, of at most what fits; 0: it is none.
static size_t number_in(const char *text, size_t bytes)
{
	size_t number = 0;
	while (bytes && *text == ' ') {
		text++;
		bytes--;
	}
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] < '0' || text[i] > '9' || number > SIZE_MAX / 16)
			return 0;
		number = number * 10 + (size_t)(text[i] - '0');
	}
	return number;
}

// The headers of a part, up to its empty line. How long they are with it; 0: they do not end. What they say of the
// part's length, in *ret_said; 0: nothing.
static size_t read_head(const char *at, size_t bytes, struct hz_part *ret, size_t *ret_said)
{
	static const char name[] = "content-type:", length[] = "content-length:";
	size_t most = bytes < HEAD_BYTES ? bytes : HEAD_BYTES, used = 0;
	ret->type[0] = '\0';
	*ret_said = 0;
	while (used < most) {
		const char *end = memmem(at + used, most - used, "\r\n", 2);
		size_t line = end ? (size_t)(end - at) - used : 0;
		if (!end)
			return 0;
		if (line == 0)
			return used + 2;
		if (line >= sizeof(name) - 1 && strncasecmp(at + used, name, sizeof(name) - 1) == 0)
			copy_type(at + used + sizeof(name) - 1, line - (sizeof(name) - 1), ret->type);
		if (line >= sizeof(length) - 1 && line < sizeof(length) + 16 &&
		    strncasecmp(at + used, length, sizeof(length) - 1) == 0)
			*ret_said = number_in(at + used + sizeof(length) - 1, line - (sizeof(length) - 1));
		used += line + 2;
	}
	return 0;
}

int hz_multipart_only(const char *type, const char *body, size_t bytes, struct hz_part *ret)
{
	char mark[BOUNDARY_BYTES + 5] = "\r\n--";
	if (strncasecmp(type, "multipart/", 10) != 0) {
		ret->data = body;
		ret->bytes = bytes;
		copy_type(type, strlen(type), ret->type);
		return 0;
	}
	if (!parameter(type, "boundary", mark + 4, BOUNDARY_BYTES + 1))
		return -EBADMSG;
	size_t n = strlen(mark);
	// The first one may stand at the very beginning, without a line before it.
	const char *at = bytes >= n - 2 && memcmp(body, mark + 2, n - 2) == 0 ? body + n - 2 : NULL;
	if (!at && (at = memmem(body, bytes, mark, n)))
		at += n;
	const char *end = body + bytes;
	const char *line = at ? memmem(at, (size_t)(end - at), "\r\n", 2) : NULL;
	if (!line || line - at > 64 || strspn(at, " \t") < (size_t)(line - at)) // padding, RFC 2046
		return -EBADMSG;
	at = line + 2;
	size_t said = 0, head = read_head(at, (size_t)(end - at), ret, &said);
	if (!head)
		return -EBADMSG;
	at += head;
	// Where it says how long it is, and ends there, it need not be looked through.
	bool there = said < (size_t)(end - at) && (size_t)(end - at) - said >= n + 2 && said &&
	             memcmp(at + said, mark, n) == 0 && memcmp(at + said + n, "--", 2) == 0;
	const char *close = there ? at + said : memmem(at, (size_t)(end - at), mark, n);
	if (!close || (size_t)(end - close) < n + 2 || memcmp(close + n, "--", 2) != 0)
		return -EBADMSG;
	ret->data = at;
	ret->bytes = (size_t)(close - at);
	return 0;
}
