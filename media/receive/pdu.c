#include "media/receive/pdu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OUR_CLASS   "2.25.205470338216341949171098318293246803121"
#define OUR_VERSION "HUIZHEN"
#define VERIFY      "1.2.840.10008.1.1"
#define STORAGE     "1.2.840.10008.5.1.4.1.1."
#define FIXED       68 // of A-ASSOCIATE: version, titles, reserved

struct out {
	uint8_t *data;
	size_t bytes, room;
	bool full;
};

static void put(struct out *o, const void *data, size_t bytes)
{
	o->full = o->full || o->bytes + bytes > o->room;
	if (o->full)
		return;
	memcpy(o->data + o->bytes, data, bytes);
	o->bytes += bytes;
}

static void be(struct out *o, uint32_t value, unsigned bytes)
{
	while (bytes--)
		put(o, &(const uint8_t){(uint8_t)(value >> 8 * bytes)}, 1);
}

static void le(struct out *o, uint32_t value, unsigned bytes)
{
	for (; bytes--; value >>= 8)
		put(o, &(const uint8_t){(uint8_t)value}, 1);
}

static void set_be(struct out *o, size_t at, uint32_t value, unsigned bytes)
{
	if (!o->full)
		for (unsigned i = 0; i < bytes; i++)
			o->data[at + i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

// --- associations

// Without padding; false: characters that no title and no UID has.
static bool text_of(const uint8_t *from, size_t bytes, const char *allowed, char *ret, size_t room)
{
	while (bytes && (from[bytes - 1] == ' ' || from[bytes - 1] == 0))
		bytes--;
	while (bytes && from[0] == ' ') {
		from++;
		bytes--;
	}
	if (bytes >= room || memchr(from, 0, bytes))
		return false;
	memcpy(ret, from, bytes);
	ret[bytes] = '\0';
	if (allowed)
		return ret[strspn(ret, allowed)] == '\0';
	for (size_t i = 0; i < bytes; i++) {
		if (ret[i] < 0x20 || ret[i] > 0x7e || ret[i] == '\\')
			return false;
	}
	return true;
}

static bool uid_of(const uint8_t *from, size_t bytes, char *ret)
{
	return text_of(from, bytes, "0123456789.", ret, HZ_PDU_UID);
}

// What media/imaging reads.
static bool readable(const char *syntax)
{
	static const char *const all[] = {
	    "1.2.840.10008.1.2",       "1.2.840.10008.1.2.1",     "1.2.840.10008.1.2.2",
	    "1.2.840.10008.1.2.1.99",  "1.2.840.10008.1.2.5",     "1.2.840.10008.1.2.4.50",
	    "1.2.840.10008.1.2.4.51",  "1.2.840.10008.1.2.4.57",  "1.2.840.10008.1.2.4.70",
	    "1.2.840.10008.1.2.4.80",  "1.2.840.10008.1.2.4.81",  "1.2.840.10008.1.2.4.90",
	    "1.2.840.10008.1.2.4.91",  "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202",
	    "1.2.840.10008.1.2.4.203", "1.2.840.10008.1.2.1.98",  "1.2.840.10008.1.2.8.1",
	    "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.101", "1.2.840.10008.1.2.4.102",
	    "1.2.840.10008.1.2.4.103", "1.2.840.10008.1.2.4.104", "1.2.840.10008.1.2.4.105",
	    "1.2.840.10008.1.2.4.106", "1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.108"};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (strcmp(all[i], syntax) == 0)
			return true;
	}
	return false;
}

// The next item: type, reserved, length of 16 bits. 1, 0, -EBADMSG.
static int item(const uint8_t *from, size_t bytes, size_t *at, uint8_t *type, const uint8_t **ret,
                size_t *ret_bytes)
{
	if (*at == bytes)
		return 0;
	if (bytes - *at < 4)
		return -EBADMSG;
	size_t n = (size_t)from[*at + 2] << 8 | from[*at + 3];
	if (n > bytes - *at - 4)
		return -EBADMSG;
	*type = from[*at];
	*ret = from + *at + 4;
	*ret_bytes = n;
	*at += 4 + n;
	return 1;
}

static int read_context(const uint8_t *p, size_t bytes, struct hz_pdu_context *ret)
{
	struct hz_pdu_context c = {.result = 3};
	char uid[HZ_PDU_UID];
	const uint8_t *sub;
	size_t at = 4, n;
	uint8_t type;
	int more;
	bool known = false;
	if (bytes < 4 || !(p[0] & 1))
		return -EBADMSG;
	c.id = p[0];
	while ((more = item(p, bytes, &at, &type, &sub, &n)) == 1) {
		if (!uid_of(sub, n, uid))
			return -EBADMSG;
		if (type == 0x30) {
			c.echo = strcmp(uid, VERIFY) == 0;
			known = c.echo || strncmp(uid, STORAGE, sizeof(STORAGE) - 1) == 0;
		} else if (type == 0x40 && !c.syntax[0] && readable(uid)) {
			memcpy(c.syntax, uid, sizeof(uid));
		}
	}
	if (known)
		c.result = c.syntax[0] ? 0 : 4;
	*ret = c;
	return more;
}

static int read_user(const uint8_t *p, size_t bytes, struct hz_pdu_associate *a)
{
	const uint8_t *sub;
	size_t at = 0, n;
	uint8_t type;
	int more;
	while ((more = item(p, bytes, &at, &type, &sub, &n)) == 1) {
		if (type == 0x51 && n == 4)
			a->max_bytes = be32(sub);
	}
	return more;
}

int hz_pdu_associate_read(const uint8_t *body, size_t bytes, struct hz_pdu_associate *ret)
{
	const uint8_t *p;
	size_t at = FIXED, n;
	uint8_t type;
	int more;
	memset(ret, 0, sizeof(*ret));
	if (bytes < FIXED || !(body[1] & 1) || !text_of(body + 4, 16, NULL, ret->called, 17) ||
	    !text_of(body + 20, 16, NULL, ret->calling, 17))
		return -EBADMSG;
	while ((more = item(body, bytes, &at, &type, &p, &n)) == 1) {
		if (type == 0x20 && ret->contexts < HZ_PDU_CONTEXTS)
			more = read_context(p, n, &ret->context[ret->contexts++]);
		else if (type == 0x50)
			more = read_user(p, n, ret);
		if (more < 0)
			return more;
	}
	return more < 0 || !ret->contexts ? -EBADMSG : 0;
}

static void put_item(struct out *o, uint8_t type, const char *text)
{
	size_t n = strlen(text);
	be(o, (uint32_t)type << 8, 2);
	be(o, (uint32_t)n, 2);
	put(o, text, n);
}

static void put_title(struct out *o, const char *title)
{
	char padded[17];
	snprintf(padded, sizeof(padded), "%-16s", title);
	put(o, padded, 16);
}

size_t hz_pdu_associate_accept(const struct hz_pdu_associate *with, uint8_t *ret, size_t room)
{
	static const uint8_t none[32] = {0};
	struct out o = {.data = ret, .room = room};
	be(&o, HZ_PDU_ASSOCIATE_AC << 8, 2);
	be(&o, 0, 4);
	be(&o, 1 << 16, 4);
	put_title(&o, with->called);
	put_title(&o, with->calling);
	put(&o, none, 32);
	put_item(&o, 0x10, "1.2.840.10008.3.1.1.1");
	for (unsigned i = 0; i < with->contexts; i++) {
		const struct hz_pdu_context *c = &with->context[i];
		const char *syntax = c->syntax[0] ? c->syntax : "1.2.840.10008.1.2";
		be(&o, 0x2100, 2);
		be(&o, (uint32_t)(8 + strlen(syntax)), 2);
		be(&o, (uint32_t)c->id << 24 | (uint32_t)c->result << 8, 4);
		put_item(&o, 0x40, syntax);
	}
	size_t user = o.bytes;
	be(&o, 0x5000, 2);
	be(&o, 0, 2);
	be(&o, 0x51000004, 4);
	be(&o, HZ_PDU_BYTES, 4);
	put_item(&o, 0x52, OUR_CLASS);
	put_item(&o, 0x55, OUR_VERSION);
	set_be(&o, user + 2, (uint32_t)(o.bytes - user - 4), 2);
	set_be(&o, 2, (uint32_t)(o.bytes - HZ_PDU_HEAD), 4);
	return o.full ? 0 : o.bytes;
}

size_t hz_pdu_short(enum hz_pdu_type type, uint8_t a, uint8_t b, uint8_t c, uint8_t *ret)
{
	const uint8_t pdu[10] = {(uint8_t)type, 0, 0, 0, 0, 4, 0, a, b, c};
	memcpy(ret, pdu, sizeof(pdu));
	return sizeof(pdu);
}

// --- values and commands

int hz_pdu_value_next(const uint8_t *body, size_t bytes, size_t *at, struct hz_pdu_value *ret)
{
	if (*at == bytes)
		return 0;
	if (bytes - *at < 6)
		return -EBADMSG;
	uint32_t n = be32(body + *at);
	if (n < 2 || n > bytes - *at - 4)
		return -EBADMSG;
	*ret = (struct hz_pdu_value){.context = body[*at + 4],
	                             .command = body[*at + 5] & 1,
	                             .last = body[*at + 5] & 2,
	                             .data = body + *at + 6,
	                             .bytes = n - 2};
	*at += 4 + (size_t)n;
	return 1;
}

int hz_command_read(const uint8_t *p, size_t count, struct hz_command *ret)
{
	struct hz_command c = {.command = 0};
	bool has_type = false, has_message = false;
	for (size_t at = 0; at < count;) {
		if (count - at < 8)
			return -EBADMSG;
		uint32_t element = le16(p + at + 2), n = le16(p + at + 4) | le16(p + at + 6) << 16;
		const uint8_t *value = p + at + 8;
		if (le16(p + at) != 0 || n > count - at - 8)
			return -EBADMSG;
		uint16_t word = n >= 2 ? (uint16_t)le16(value) : 0;
		bool good = true;
		if (element == 0x0002)
			good = uid_of(value, n, c.sop_class);
		else if (element == 0x0100)
			c.command = word;
		else if (element == 0x0110) {
			c.message = word;
			has_message = n == 2;
		} else if (element == 0x0800) {
			c.has_data = word != 0x0101;
			has_type = n == 2;
		} else if (element == 0x1000)
			good = uid_of(value, n, c.instance);
		if (!good)
			return -EBADMSG;
		at += 8 + (size_t)n;
	}
	if (!has_type || !has_message ||
	    (c.command == HZ_C_STORE && (!c.has_data || !c.instance[0] || !c.sop_class[0])))
		return -EBADMSG;
	*ret = c;
	return 0;
}

static void put_word(struct out *o, uint32_t element, uint16_t value)
{
	le(o, element << 16, 4);
	le(o, 2, 4);
	le(o, value, 2);
}

static void put_uid(struct out *o, uint32_t element, const char *uid)
{
	size_t n = strlen(uid);
	if (!n)
		return;
	le(o, element << 16, 4);
	le(o, (uint32_t)(n + n % 2), 4);
	put(o, uid, n + n % 2); // its NUL
}

size_t hz_command_answer(const struct hz_command *to, uint8_t context, uint16_t status, uint8_t *ret)
{
	struct out o = {.data = ret, .room = 512};
	be(&o, HZ_PDU_DATA << 8, 2);
	be(&o, 0, 4);
	be(&o, 0, 4);
	be(&o, (uint32_t)context << 8 | 3, 2);
	size_t from = o.bytes;
	le(&o, 0, 4);
	le(&o, 4, 4);
	le(&o, 0, 4);
	size_t group = o.bytes;
	put_uid(&o, 0x0002, to->sop_class);
	put_word(&o, 0x0100, (uint16_t)(to->command | 0x8000));
	put_word(&o, 0x0120, to->message);
	put_word(&o, 0x0800, 0x0101);
	put_word(&o, 0x0900, status);
	put_uid(&o, 0x1000, to->instance);
	struct out length = {.data = ret + group - 4, .room = 4};
	le(&length, (uint32_t)(o.bytes - group), 4);
	set_be(&o, HZ_PDU_HEAD, (uint32_t)(o.bytes - from + 2), 4);
	set_be(&o, 2, (uint32_t)(o.bytes - HZ_PDU_HEAD), 4);
	return o.bytes;
}

static void meta(struct out *o, uint32_t element, const char *vr, const char *text)
{
	size_t n = strlen(text);
	le(o, element << 16 | 2, 4);
	put(o, vr, 2);
	le(o, (uint32_t)(n + n % 2), 2);
	put(o, text, n);
	put(o, vr[0] == 'U' ? "\0" : " ", n % 2);
}

size_t hz_command_file(const struct hz_command *of, const char *syntax, uint8_t *ret)
{
	struct out o = {.data = ret, .room = 1024};
	memset(ret, 0, 128);
	o.bytes = 128;
	put(&o, "DICM\2\0\0\0UL\4\0", 12);
	le(&o, 0, 4);
	size_t group = o.bytes;
	put(&o, "\2\0\1\0OB\0\0\2\0\0\0\0\1", 14);
	meta(&o, 0x0002, "UI", of->sop_class);
	meta(&o, 0x0003, "UI", of->instance);
	meta(&o, 0x0010, "UI", syntax);
	meta(&o, 0x0012, "UI", OUR_CLASS);
	struct out length = {.data = ret + group - 4, .room = 4};
	le(&length, (uint32_t)(o.bytes - group), 4);
	return o.bytes;
}
