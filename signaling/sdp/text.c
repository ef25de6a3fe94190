#include "signaling/sdp/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_LINES      8192
#define MAX_LINE_BYTES 4096

const char *hz_sdp_direction_name(enum hz_sdp_direction direction)
{
	static const char *const names[] = {"inactive", "sendonly", "recvonly", "sendrecv"};

	return names[direction & HZ_SDP_SENDRECV];
}

int hz_sdp_refuse(const struct hz_sdp_place *place, const char *text)
{
	if (place->line)
		snprintf(place->reason, HZ_SDP_REASON_BYTES, "m-line %u: %s", place->line, text);
	else
		snprintf(place->reason, HZ_SDP_REASON_BYTES, "%s", text);
	return -EINVAL;
}

// One line without its end: letter, '=', text without control characters.
static int check_line(const struct hz_sdp_grammar *grammar, const char *line, size_t bytes,
                      struct hz_sdp_place *place)
{
	if (bytes > MAX_LINE_BYTES)
		return hz_sdp_refuse(place, "line too long");
	if (bytes < 3 || line[1] != '=')
		return hz_sdp_refuse(place, "line is not letter=text");
	for (size_t i = 0; i < bytes; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			return hz_sdp_refuse(place, "control character");
	if (line[0] == 'm' && ++place->line > grammar->max_media)
		return hz_sdp_refuse(place, "too many m-lines");
	if (!strchr(place->line ? grammar->media : grammar->session, line[0]))
		return hz_sdp_refuse(place, "line that does not belong here");
	return 0;
}

static int copy_lines(const struct hz_sdp_grammar *grammar, const char *text, size_t bytes,
                      struct hz_sdp_place *place, char *out)
{
	unsigned lines = 0;

	while (bytes) {
		const char *end = memchr(text, '\n', bytes);
		size_t step = end ? (size_t)(end - text) + 1 : bytes;
		size_t length = end ? step - 1 : bytes;
		int err;

		if (length && text[length - 1] == '\r')
			length--;
		if (!length && step == bytes)
			break; // an empty last line
		if (++lines > MAX_LINES)
			return hz_sdp_refuse(place, "too many lines");
		err = check_line(grammar, text, length, place);
		if (err)
			return err;
		memcpy(out, text, length);
		memcpy(out + length, "\r\n", 2);
		out += length + 2;
		text += step;
		bytes -= step;
	}
	*out = '\0';
	return lines ? 0 : hz_sdp_refuse(place, "empty");
}

int hz_sdp_normalise(const struct hz_sdp_grammar *grammar, const char *text, size_t bytes,
                     struct hz_sdp_place *place, char **ret)
{
	char *out;
	int err;

	place->line = 0;
	if (bytes > grammar->max_bytes) {
		hz_sdp_refuse(place, "too large");
		return -EMSGSIZE;
	}
	out = malloc(2 * bytes + 3); // every byte a line end: it grows to two
	if (!out)
		return -ENOMEM;
	err = copy_lines(grammar, text, bytes, place, out);
	if (err) {
		free(out);
		return err;
	}
	place->line = 0;
	*ret = out;
	return 0;
}

bool hz_sdp_word(const char **text, char *buf, size_t buf_bytes)
{
	const char *p = *text + strspn(*text, " ");
	size_t bytes = strcspn(p, " ");

	*text = p + bytes;
	if (!bytes || bytes >= buf_bytes)
		return false;
	memcpy(buf, p, bytes);
	buf[bytes] = '\0';
	return true;
}

bool hz_sdp_number(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (value > (UINT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	if (value > max)
		return false;
	*ret = value;
	return true;
}

static bool all_of(const char *text, const char *extra)
{
	if (!*text)
		return false;
	for (; *text; text++) {
		bool alnum = (*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') ||
		             (*text >= 'a' && *text <= 'z');
		if (!alnum && !strchr(extra, *text))
			return false;
	}
	return true;
}

bool hz_sdp_is_token(const char *text)
{
	return all_of(text, "!#$%&'*+-.^_`{|}~");
}

bool hz_sdp_is_ice_text(const char *text)
{
	return all_of(text, "+/");
}

bool hz_sdp_is_rid(const char *text)
{
	return strlen(text) < HZ_RID_BYTES && all_of(text, "-_");
}

bool hz_sdp_is_visible(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

// An IP address, or a host name such as the mDNS ones that browsers send.
static bool is_address(const char *text)
{
	unsigned char address[16];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1 ||
	       all_of(text, ".-");
}

static bool to_in6(const char *text, struct in6_addr *ret)
{
	struct in_addr v4;

	if (inet_pton(AF_INET6, text, ret) == 1)
		return true;
	if (inet_pton(AF_INET, text, &v4) != 1)
		return false;
	memset(ret, 0, sizeof *ret);
	ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
	memcpy(&ret->s6_addr[12], &v4, sizeof v4);
	return true;
}

// -1: a type we do not know.
static int type_of(const char *word)
{
	static const char *const names[] = {"host", "srflx", "prflx", "relay"};

	for (int i = 0; i < 4; i++)
		if (strcmp(word, names[i]) == 0)
			return i;
	return -1;
}

int hz_sdp_take_candidate(const char *value, struct hz_candidate *ret)
{
	char word[256];
	uint64_t component, priority, port;
	struct hz_candidate c = {.port = 0};
	bool udp, numeric;
	static const char prefix[] = "candidate:";

	if (strncmp(value, prefix, strlen(prefix)) != 0)
		return -EINVAL;
	value += strlen(prefix);
	if (*value == ' ' || !hz_sdp_word(&value, word, sizeof word) || strlen(word) > 32 ||
	    !hz_sdp_is_ice_text(word))
		return -EINVAL; // foundation
	if (!hz_sdp_word(&value, word, 4) || !hz_sdp_number(word, 256, &component) || !component)
		return -EINVAL;
	if (!hz_sdp_word(&value, word, sizeof word) || !hz_sdp_is_token(word))
		return -EINVAL; // transport
	udp = strcasecmp(word, "udp") == 0;
	if (!hz_sdp_word(&value, word, 11) || !hz_sdp_number(word, UINT32_MAX, &priority))
		return -EINVAL;
	if (!hz_sdp_word(&value, word, sizeof word) || !is_address(word))
		return -EINVAL;
	numeric = to_in6(word, &c.address);
	if (!hz_sdp_word(&value, word, 6) || !hz_sdp_number(word, UINT16_MAX, &port))
		return -EINVAL;
	if (!hz_sdp_word(&value, word, sizeof word) || strcmp(word, "typ") != 0)
		return -EINVAL;
	if (!hz_sdp_word(&value, word, sizeof word) || !hz_sdp_is_token(word))
		return -EINVAL;
	if (component != 1 || !udp || !numeric || !port || type_of(word) < 0)
		return -ENOTSUP;
	c.priority = (uint32_t)priority;
	c.port = (uint16_t)port;
	c.type = (uint8_t)type_of(word);
	*ret = c;
	return 0;
}

int hz_sdp_take_ufrag(const struct hz_sdp_place *place, const char *value, char ret[HZ_UFRAG_BYTES])
{
	size_t bytes = strlen(value);

	if (bytes < 4 || bytes >= HZ_UFRAG_BYTES)
		return hz_sdp_refuse(place, "ice-ufrag is not 4 to 32 characters");
	if (!hz_sdp_is_ice_text(value))
		return hz_sdp_refuse(place, "ice-ufrag has a character that is not an ice-char");
	memcpy(ret, value, bytes + 1);
	return 0;
}

int hz_sdp_take_pwd(const struct hz_sdp_place *place, const char *value, char ret[HZ_PWD_BYTES])
{
	size_t bytes = strlen(value);

	if (bytes < 22 || bytes >= HZ_PWD_BYTES)
		return hz_sdp_refuse(place, "ice-pwd is not 22 to 64 characters");
	if (!hz_sdp_is_ice_text(value))
		return hz_sdp_refuse(place, "ice-pwd has a character that is not an ice-char");
	memcpy(ret, value, bytes + 1);
	return 0;
}
