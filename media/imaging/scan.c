#include "media/imaging/scan.h"

#include <stdlib.h>
#include <string.h>

#define UNDEFINED    0xffffffffu
#define ITEM         0xfffee000u
#define ITEM_END     0xfffee00du
#define SEQUENCE_END 0xfffee0ddu
#define META_BYTES   (1u << 20)

struct walk {
	const uint8_t *data;
	const struct hz_dicom_limits *limits;
	struct hz_dicom_fault *fault;
	bool big_endian;
	uint32_t elements;
};

struct element {
	uint32_t tag, bytes;
	char vr[2];   // spaces where it is implicit
	size_t value; // offset
};

static uint16_t get16(const uint8_t *p, bool big)
{
	return big ? (uint16_t)(p[0] << 8 | p[1]) : (uint16_t)(p[1] << 8 | p[0]);
}

static uint32_t get32(const uint8_t *p, bool big)
{
	return big ? (uint32_t)get16(p, big) << 16 | get16(p + 2, big)
	           : (uint32_t)get16(p + 2, big) << 16 | get16(p, big);
}

static bool is_vr(const char *list, const char *vr)
{
	for (; *list; list += 3) {
		if (list[0] == vr[0] && list[1] == vr[1])
			return true;
	}
	return false;
}

// PS3.5 7.1.2: with a length of 4 bytes after 2 reserved ones; and with 2.
static bool vr_long(const char *vr)
{
	return is_vr("OB OD OF OL OV OW SQ SV UC UN UR UT UV ", vr);
}

static bool vr_short(const char *vr)
{
	return is_vr("AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US ", vr);
}

static int cut_short(struct walk *w, size_t at)
{
	return hz_dicom_fail(w->fault, HZ_DICOM_TRUNCATED,
	                     "ends inside an element, at byte %zu of the data set", at);
}

// Its header; the value may still be longer than what is there.
static int read_element(struct walk *w, size_t at, size_t end, bool implicit, struct element *ret)
{
	if (end - at < 8)
		return cut_short(w, at);
	const uint8_t *p = w->data + at;
	ret->tag = (uint32_t)get16(p, w->big_endian) << 16 | get16(p + 2, w->big_endian);
	memcpy(ret->vr, "  ", 2);
	ret->value = at + 8;
	if (++w->elements > w->limits->elements)
		return hz_dicom_fail(w->fault, HZ_DICOM_TOO_MANY, "more than %u elements",
		                     w->limits->elements);
	if (implicit || ret->tag >> 16 == 0xfffe) {
		ret->bytes = get32(p + 4, w->big_endian);
		return 0;
	}
	memcpy(ret->vr, p + 4, 2);
	if (vr_short(ret->vr)) {
		ret->bytes = get16(p + 6, w->big_endian);
		return 0;
	}
	if (!vr_long(ret->vr))
		return hz_dicom_fail(w->fault, HZ_DICOM_STRUCTURE, "no VR at byte %zu of the data set", at);
	if (end - at < 12)
		return cut_short(w, at);
	ret->bytes = get32(p + 8, w->big_endian);
	ret->value = at + 12;
	return 0;
}

static int walk_sequence(struct walk *w, size_t at, size_t end, const struct element *as, uint32_t depth,
                         size_t *ret);

// Over one element that is not pixel data. Implicit VR does not tell sequences from bytes: what begins like an item is
// walked for its depth and number; if it was bytes after all, what is wrong in it is nobody's business.
static int walk_value(struct walk *w, const struct element *e, size_t end, uint32_t depth, size_t *ret)
{
	if (e->bytes == UNDEFINED || memcmp(e->vr, "SQ", 2) == 0)
		return walk_sequence(w, e->value, end, e, depth, ret);
	if (e->bytes > end - e->value)
		return cut_short(w, e->value);
	if ((e->vr[0] == ' ' || memcmp(e->vr, "UN", 2) == 0) && e->bytes >= 8 &&
	    get16(w->data + e->value, w->big_endian) == 0xfffe) {
		struct hz_dicom_fault inside = {0}, *outer = w->fault;
		w->fault = &inside;
		size_t unused;
		int err = walk_sequence(w, e->value, e->value + e->bytes, e, depth, &unused);
		w->fault = outer;
		if (err < 0 && (inside.code == HZ_DICOM_TOO_DEEP || inside.code == HZ_DICOM_TOO_MANY))
			return hz_dicom_fail(outer, inside.code, "%s", inside.text);
	}
	*ret = e->value + e->bytes;
	return 0;
}

// Elements of an item, until `end`, or its delimiter where it has no length.
static int walk_item(struct walk *w, const struct element *item, size_t end, bool implicit, uint32_t depth,
                     size_t *ret)
{
	size_t at = item->value;
	bool delimited = item->bytes == UNDEFINED;
	while (at < end) {
		struct element e;
		int err = read_element(w, at, end, implicit, &e);
		if (err < 0)
			return err;
		if (e.tag == ITEM_END && delimited && e.bytes == 0) {
			*ret = e.value;
			return 0;
		}
		if (e.tag >> 16 == 0xfffe)
			return hz_dicom_fail(w->fault, HZ_DICOM_STRUCTURE,
			                     "a delimiter out of place at byte %zu", at);
		err = walk_value(w, &e, end, depth, &at);
		if (err < 0)
			return err;
	}
	*ret = at;
	return delimited ? cut_short(w, at) : 0;
}

// Items of a sequence; an undefined UN is one in implicit VR (PS3.5 6.2.2, note 2).
static int walk_sequence(struct walk *w, size_t at, size_t end, const struct element *as, uint32_t depth,
                         size_t *ret)
{
	bool implicit = as->vr[0] == ' ' || memcmp(as->vr, "UN", 2) == 0, delimited = as->bytes == UNDEFINED;
	if (depth + 1 > w->limits->depth || depth >= 64)
		return hz_dicom_fail(w->fault, HZ_DICOM_TOO_DEEP, "sequences more than %u deep",
		                     w->limits->depth);
	if (delimited && as->vr[0] != ' ' && !is_vr("SQ UN ", as->vr))
		return hz_dicom_fail(w->fault, HZ_DICOM_STRUCTURE, "a value without length at byte %zu", at);
	if (!delimited && as->bytes > end - at)
		return cut_short(w, at);
	if (!delimited)
		end = at + as->bytes;
	while (at < end) {
		struct element e;
		int err = read_element(w, at, end, true, &e);
		if (err < 0)
			return err;
		if (e.tag == SEQUENCE_END && delimited && e.bytes == 0) {
			*ret = e.value;
			return 0;
		}
		if (e.tag != ITEM)
			return hz_dicom_fail(w->fault, HZ_DICOM_STRUCTURE,
			                     "no item at byte %zu of a sequence", at);
		if (e.bytes != UNDEFINED && e.bytes > end - e.value)
			return cut_short(w, at);
		size_t stop = e.bytes == UNDEFINED ? end : e.value + e.bytes;
		err = walk_item(w, &e, stop, implicit, depth + 1, &at);
		if (err < 0)
			return err;
	}
	*ret = at;
	return delimited ? cut_short(w, at) : 0;
}

static int add_fragment(struct hz_scan *scan, const struct hz_dicom_limits *limits,
                        const struct hz_fragment *with, struct hz_dicom_fault *fault)
{
	uint32_t n = scan->fragments;
	if (n >= limits->fragments)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_MANY, "more than %u fragments", limits->fragments);
	if ((n & (n - 1)) == 0) { // a power of two is full
		struct hz_fragment *more = realloc(scan->fragment, (n ? n * 2 : 1) * sizeof(*more));
		if (!more)
			return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for fragments");
		scan->fragment = more;
	}
	scan->fragment[scan->fragments++] = *with;
	return 0;
}

// PS3.5 A.4. What ends too early keeps the fragments that are whole.
static int walk_fragments(struct walk *w, size_t at, struct hz_scan *scan)
{
	size_t end = scan->dataset_bytes, first = 0;
	bool table = false;
	scan->encapsulated = scan->cut = true;
	while (end - at >= 8) {
		const uint8_t *p = w->data + at;
		uint32_t tag = (uint32_t)get16(p, false) << 16 | get16(p + 2, false),
		         bytes = get32(p + 4, false);
		if (tag == SEQUENCE_END) {
			scan->cut = false;
			return 0;
		}
		if (tag != ITEM || bytes == UNDEFINED)
			return hz_dicom_fail(w->fault, HZ_DICOM_STRUCTURE,
			                     "no fragment at byte %zu of the data set", at);
		if (bytes > end - at - 8) {
			if (table)
				scan->rest =
				    (struct hz_fragment){p + 8, (uint32_t)(end - at - 8), at - first};
			return 0;
		}
		if (!table) {
			scan->offsets = p + 8;
			scan->offset_count = bytes / 4;
			table = true;
			first = at + 8 + bytes;
		} else {
			struct hz_fragment piece = {.data = p + 8, .bytes = bytes, .at = at - first};
			int err = add_fragment(scan, w->limits, &piece, w->fault);
			if (err < 0)
				return err;
		}
		at += 8 + bytes;
	}
	scan->cut = at < end; // a delimiter that is missing is nothing lost
	return 0;
}

static int walk_pixels(struct walk *w, const struct element *e, struct hz_scan *scan)
{
	scan->pixel_element = (uint16_t)e->tag;
	scan->word = memcmp(e->vr, "OB", 2) == 0 || memcmp(e->vr, "UN", 2) == 0 ? 1
	             : memcmp(e->vr, "OL", 2) == 0                              ? 4
	                                                                        : 2;
	if (e->bytes == UNDEFINED)
		return walk_fragments(w, e->value, scan);
	size_t there = scan->dataset_bytes - e->value;
	scan->cut = e->bytes > there;
	scan->pixels = w->data + e->value;
	scan->pixel_bytes = scan->cut ? there : e->bytes;
	return 0;
}

static int walk_dataset(struct walk *w, struct hz_scan *scan)
{
	size_t at = 0, end = scan->dataset_bytes;
	bool implicit = scan->encoding == HZ_IMPLICIT_LE;
	while (at < end) {
		struct element e;
		int err = read_element(w, at, end, implicit, &e);
		if (err < 0)
			return err;
		if (e.tag >> 16 == 0xfffe)
			return hz_dicom_fail(w->fault, HZ_DICOM_STRUCTURE,
			                     "a delimiter out of place at byte %zu", at);
		if (at > w->limits->header_bytes)
			break;
		scan->header_bytes = at;
		if (e.tag == 0x7fe00008 || e.tag == 0x7fe00009 || e.tag == 0x7fe00010)
			return walk_pixels(w, &e, scan);
		if (e.tag == 0xfffcfffc) // trailing padding
			return 0;
		err = walk_value(w, &e, end, 0, &at);
		if (err < 0)
			return err;
	}
	scan->header_bytes = at;
	if (at > w->limits->header_bytes)
		return hz_dicom_fail(w->fault, HZ_DICOM_TOO_BIG,
		                     "more than %zu bytes in front of the pixel data",
		                     w->limits->header_bytes);
	return 0;
}

// File meta information: explicit VR, little-endian, group 0002 and nothing else. ret_at: behind it.
static int walk_meta(struct walk *w, size_t at, size_t count, struct hz_scan *scan, size_t *ret_at)
{
	size_t end = count - at > META_BYTES ? at + META_BYTES : count;
	while (end - at >= 8 && get16(w->data + at, false) == 2) {
		struct element e = {0};
		int err = read_element(w, at, end, false, &e);
		if (err < 0)
			return err;
		if (e.bytes == UNDEFINED)
			return hz_dicom_fail(w->fault, HZ_DICOM_STRUCTURE,
			                     "a sequence in the file meta information");
		if (e.bytes > end - e.value)
			return cut_short(w, at);
		if (e.tag == 0x00020010) {
			uint32_t n = e.bytes < 64 ? e.bytes : 64;
			memcpy(scan->transfer_syntax, w->data + e.value, n);
			scan->transfer_syntax[n] = 0;
			scan->transfer_syntax[strspn(scan->transfer_syntax, "0123456789.")] = 0;
		}
		at = e.value + e.bytes;
	}
	if (!scan->transfer_syntax[0])
		return hz_dicom_fail(w->fault, HZ_DICOM_TRANSFER_SYNTAX,
		                     "the file does not name its transfer syntax");
	*ret_at = at;
	return 0;
}

// Files of before PS3.10: nothing but a data set, little-endian, that begins in group 0008.
static bool bare_dataset(const uint8_t *bytes, size_t count, struct hz_scan *scan)
{
	if (count < 16 || get16(bytes, false) != 8 || get16(bytes + 2, false) > 0x18)
		return false;
	const char vr[2] = {(char)bytes[4], (char)bytes[5]};
	bool explicit = vr_short(vr) || vr_long(vr);
	if (!explicit && get32(bytes + 4, false) > 256)
		return false;
	strcpy(scan->transfer_syntax, explicit ? "1.2.840.10008.1.2.1" : "1.2.840.10008.1.2");
	return true;
}

// JPIP's references too: their name is told when they are read.
static bool deflated(const char *syntax)
{
	return strcmp(syntax, "1.2.840.10008.1.2.1.99") == 0 ||
	       strcmp(syntax, "1.2.840.10008.1.2.4.95") == 0 ||
	       strcmp(syntax, "1.2.840.10008.1.2.4.205") == 0;
}

static int find_dataset(struct walk *w, const uint8_t *bytes, size_t count, struct hz_scan *scan)
{
	size_t at = 0;
	if (count >= 132 && memcmp(bytes + 128, "DICM", 4) == 0)
		at = 132;
	else if (count < 8 || get16(bytes, false) != 2)
		at = count;
	if (at < count || count == 132) {
		int err = walk_meta(w, at, count, scan, &at);
		if (err < 0)
			return err;
	} else if (bare_dataset(bytes, count, scan)) {
		at = 0;
	} else {
		return hz_dicom_fail(w->fault, HZ_DICOM_NOT_DICOM, "not a DICOM file");
	}
	scan->dataset = bytes + at;
	scan->dataset_bytes = count - at;
	scan->encoding = HZ_EXPLICIT_LE;
	if (strcmp(scan->transfer_syntax, "1.2.840.10008.1.2") == 0 ||
	    strcmp(scan->transfer_syntax, "1.2.840.10008.1.20") ==
	        0) // Papyrus: refused by its name, when it is read
		scan->encoding = HZ_IMPLICIT_LE;
	else if (strcmp(scan->transfer_syntax, "1.2.840.10008.1.2.2") == 0)
		scan->encoding = HZ_EXPLICIT_BE;
	else if (deflated(scan->transfer_syntax)) {
		int err = hz_inflate(scan->dataset, scan->dataset_bytes, w->limits->inflated_bytes, w->fault,
		                     &scan->inflated, &scan->dataset_bytes);
		if (err < 0)
			return err;
		scan->dataset = scan->inflated;
	}
	return 0;
}

int hz_scan(const uint8_t *bytes, size_t count, const struct hz_dicom_limits *limits,
            struct hz_dicom_fault *fault, struct hz_scan *ret)
{
	struct hz_scan scan = {0};
	struct walk w = {.data = bytes, .limits = limits, .fault = fault};
	if (count > limits->file_bytes)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG, "a file of more than %zu bytes",
		                     limits->file_bytes);
	int err = find_dataset(&w, bytes, count, &scan);
	if (err == 0) {
		w.data = scan.dataset;
		w.big_endian = scan.encoding == HZ_EXPLICIT_BE;
		err = walk_dataset(&w, &scan);
	}
	if (err < 0)
		hz_scan_done(&scan);
	else
		*ret = scan;
	return err;
}

void hz_scan_done(struct hz_scan *scan)
{
	free(scan->inflated);
	free(scan->fragment);
	memset(scan, 0, sizeof(*scan));
}
