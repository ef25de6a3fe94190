#include "signaling/whip/fragment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

// ice-char of RFC 8839, 5.4.
static bool is_ice_text(const char *text, size_t n, size_t min)
{
	if (n < min || n > 256)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    c != '+' && c != '/')
			return false;
	}
	return true;
}

// Stores a credential; a second one must be the same, since BUNDLE makes it one transport.
static int set_once(char *field, const char *text, size_t n, size_t min)
{
	if (!is_ice_text(text, n, min))
		return -EINVAL;
	if (field[0])
		return strlen(field) == n && !memcmp(field, text, n) ? 0 : -EINVAL;
	memcpy(field, text, n);
	field[n] = '\0';
	return 0;
}

static int add_candidate(struct hz_fragment *f, const char *text, size_t n)
{
	if (f->count == HZ_FRAGMENT_CANDIDATES || n >= HZ_FRAGMENT_CANDIDATE_BYTES)
		return -E2BIG;
	memcpy(f->candidate[f->count], text, n);
	f->candidate[f->count][n] = '\0';
	f->count++;
	return 0;
}

static int set_mid(struct hz_fragment *f, const char *text, size_t n)
{
	if (n < 1 || n >= sizeof(f->mid))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return -EINVAL;
	if (!f->mid[0])
		memcpy(f->mid, text, n);
	return 0;
}

// The value behind "name", or NULL when the line is another attribute.
static const char *value_of(const char *line, size_t n, const char *name, size_t *ret_bytes)
{
	size_t name_bytes = strlen(name);
	if (n < name_bytes || strncmp(line, name, name_bytes) != 0)
		return NULL;
	*ret_bytes = n - name_bytes;
	return line + name_bytes;
}

static int parse_attribute(struct hz_fragment *f, const char *line, size_t n)
{
	const char *value;
	size_t bytes;
	if ((value = value_of(line, n, "ice-ufrag:", &bytes)))
		return set_once(f->ufrag, value, bytes, 4);
	if ((value = value_of(line, n, "ice-pwd:", &bytes)))
		return set_once(f->pwd, value, bytes, 22);
	if ((value = value_of(line, n, "mid:", &bytes)))
		return set_mid(f, value, bytes);
	if (value_of(line, n, "candidate:", &bytes))
		return bytes ? add_candidate(f, line, n) : -EINVAL;
	if (n == strlen("end-of-candidates") && !strncmp(line, "end-of-candidates", n))
		f->end_of_candidates = true;
	return 0; // others (ice-options, group, ...) say nothing we need
}

static int parse_line(struct hz_fragment *f, const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			return -EINVAL;
	if (n < 2 || line[1] != '=' || (line[0] != 'a' && line[0] != 'm'))
		return -EINVAL;
	return line[0] == 'a' ? parse_attribute(f, line + 2, n - 2) : 0;
}

int hz_fragment_parse(const char *text, size_t bytes, struct hz_fragment *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (bytes > HZ_FRAGMENT_MAX_BYTES)
		return -E2BIG;
	const char *end = text + bytes;
	unsigned lines = 0;
	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((eol ? eol : end) - text), skip = n + (eol != NULL);
		if (n && text[n - 1] == '\r')
			n--;
		if (n) {
			int err = parse_line(ret, text, n);
			if (err)
				return err;
			lines++;
		}
		text += skip;
	}
	if (!lines || !ret->ufrag[0] != !ret->pwd[0])
		return -EINVAL;
	return 0;
}

int hz_fragment_credentials(const char *ufrag, const char *pwd, char *ret, size_t ret_bytes)
{
	int n = snprintf(ret, ret_bytes, "a=ice-lite\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", ufrag, pwd);
	return n < 0 || (size_t)n >= ret_bytes ? -ENOSPC : 0;
}
