#include "tests/unit/imaging/fake_dicom.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void fake_put(struct fake_bytes *b, const void *data, size_t n)
{
	if (b->bytes + n > b->room) {
		b->room = (b->bytes + n) * 2 + 64;
		b->data = realloc(b->data, b->room);
		if (!b->data)
			abort();
	}
	if (n)
		memcpy(b->data + b->bytes, data, n);
	b->bytes += n;
}

void fake_bytes_done(struct fake_bytes *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

static void put16(struct fake_bytes *b, unsigned v, bool big)
{
	uint8_t p[2] = {(uint8_t)(big ? v >> 8 : v), (uint8_t)(big ? v : v >> 8)};
	fake_put(b, p, 2);
}

static void put32(struct fake_bytes *b, uint32_t v, bool big)
{
	put16(b, big ? v >> 16 : v & 0xffff, big);
	put16(b, big ? v & 0xffff : v >> 16, big);
}

static void header(struct fake_bytes *b, enum fake_syntax syntax, uint32_t tag, const char *vr, uint32_t n)
{
	bool big = syntax == FAKE_BIG;
	put16(b, tag >> 16, big);
	put16(b, tag & 0xffff, big);
	if (syntax == FAKE_IMPLICIT || tag >> 16 == 0xfffe) {
		put32(b, n, big);
		return;
	}
	fake_put(b, vr, 2);
	if (strstr("OB OW OF OD SQ UN UT OV", vr)) {
		put16(b, 0, big);
		put32(b, n, big);
	} else {
		put16(b, n, big);
	}
}

void fake_begin(struct fake_dicom *d, enum fake_syntax syntax, const char *uid)
{
	static const char *const own[] = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2",
	                                  "1.2.840.10008.1.2.1.99"};
	*d = (struct fake_dicom){.syntax = syntax, .uid = uid ? uid : own[syntax]};
}

void fake_value(struct fake_dicom *d, uint32_t tag, const char *vr, const void *data, size_t n)
{
	header(&d->set, d->syntax, tag, vr, (uint32_t)(n + n % 2));
	size_t at = d->set.bytes;
	fake_put(&d->set, data, n);
	fake_put(&d->set, "", n % 2);
	if (d->syntax != FAKE_BIG ||
	    (strcmp(vr, "OW") != 0 && strcmp(vr, "US") != 0 && strcmp(vr, "SS") != 0))
		return;
	for (; at + 1 < d->set.bytes; at += 2) {
		uint8_t first = d->set.data[at];
		d->set.data[at] = d->set.data[at + 1];
		d->set.data[at + 1] = first;
	}
}

void fake_us(struct fake_dicom *d, uint32_t tag, unsigned value)
{
	uint8_t p[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
	fake_value(d, tag, "US", p, 2);
}

void fake_text(struct fake_dicom *d, uint32_t tag, const char *vr, const char *text)
{
	size_t n = strlen(text);
	char padded[1024];
	memcpy(padded, text, n);
	padded[n] = strcmp(vr, "UI") == 0 ? 0 : ' ';
	fake_value(d, tag, vr, padded, n + n % 2);
}

void fake_open_sequence(struct fake_dicom *d, uint32_t tag)
{
	header(&d->set, d->syntax, tag, "SQ", UINT32_MAX);
	header(&d->set, d->syntax, 0xfffee000, "", UINT32_MAX);
}

void fake_next_item(struct fake_dicom *d)
{
	header(&d->set, d->syntax, 0xfffee00d, "", 0);
	header(&d->set, d->syntax, 0xfffee000, "", UINT32_MAX);
}

void fake_close_sequence(struct fake_dicom *d)
{
	header(&d->set, d->syntax, 0xfffee00d, "", 0);
	header(&d->set, d->syntax, 0xfffee0dd, "", 0);
}

void fake_shape(struct fake_dicom *d, const struct hz_pixel_shape *s, uint32_t frames)
{
	static const char *const names[] = {"OTHER",   "MONOCHROME1", "MONOCHROME2",  "PALETTE COLOR",
	                                    "RGB",     "YBR_FULL",    "YBR_FULL_422", "YBR_PARTIAL_420",
	                                    "YBR_ICT", "YBR_RCT"};
	char number[16];
	fake_text(d, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7");
	fake_text(d, 0x00080018, "UI", "2.25.1");
	fake_text(d, 0x00080060, "CS", "OT");
	fake_text(d, 0x00100010, "PN", "Test^Nobody");
	fake_us(d, 0x00280002, s->samples);
	fake_text(d, 0x00280004, "CS", names[s->photometric]);
	if (s->samples > 1)
		fake_us(d, 0x00280006, s->planar);
	if (frames != 1) {
		size_t n = 0;
		for (uint32_t v = frames, scale = 1000000000; scale; scale /= 10)
			if (n || v / scale || scale == 1) {
				number[n++] = (char)('0' + v / scale % 10);
			}
		number[n] = 0;
		fake_text(d, 0x00280008, "IS", number);
	}
	fake_us(d, 0x00280010, s->rows);
	fake_us(d, 0x00280011, s->columns);
	fake_us(d, 0x00280100, s->bits_allocated);
	fake_us(d, 0x00280101, s->bits_stored);
	fake_us(d, 0x00280102, s->high_bit);
	fake_us(d, 0x00280103, s->is_signed);
}

void fake_native(struct fake_dicom *d, const char *vr, const void *data, size_t n)
{
	fake_value(d, 0x7fe00010, vr, data, n);
}

void fake_fragments(struct fake_dicom *d, const struct fake_bytes *fragment, unsigned count,
                    const uint32_t *offsets, unsigned offset_count)
{
	header(&d->set, FAKE_EXPLICIT, 0x7fe00010, "OB", UINT32_MAX);
	header(&d->set, FAKE_EXPLICIT, 0xfffee000, "", offset_count * 4);
	for (unsigned i = 0; i < offset_count; i++)
		put32(&d->set, offsets[i], false);
	for (unsigned i = 0; i < count; i++) {
		header(&d->set, FAKE_EXPLICIT, 0xfffee000, "",
		       (uint32_t)(fragment[i].bytes + fragment[i].bytes % 2));
		fake_put(&d->set, fragment[i].data, fragment[i].bytes);
		fake_put(&d->set, "", fragment[i].bytes % 2);
	}
	header(&d->set, FAKE_EXPLICIT, 0xfffee0dd, "", 0);
}

void fake_deflate(struct fake_bytes *set)
{
	uLong room = compressBound(set->bytes) + 64;
	uint8_t *out = malloc(room);
	z_stream z = {
	    .next_in = set->data, .avail_in = (uInt)set->bytes, .next_out = out, .avail_out = (uInt)room};
	if (!out || deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
	    deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	free(set->data);
	*set = (struct fake_bytes){.data = out, .bytes = z.total_out, .room = room};
	deflateEnd(&z);
}

struct fake_bytes fake_end(struct fake_dicom *d)
{
	struct fake_bytes file = {0};
	static const uint8_t preamble[128];
	struct fake_dicom meta = {.syntax = FAKE_EXPLICIT};
	fake_text(&meta, 0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.7");
	fake_text(&meta, 0x00020003, "UI", "2.25.1");
	fake_text(&meta, 0x00020010, "UI", d->uid);
	fake_text(&meta, 0x00020012, "UI", "2.25.2");
	fake_put(&file, preamble, sizeof(preamble));
	fake_put(&file, "DICM", 4);
	header(&file, FAKE_EXPLICIT, 0x00020000, "UL", 4);
	put32(&file, (uint32_t)meta.set.bytes, false);
	fake_put(&file, meta.set.data, meta.set.bytes);
	if (d->syntax == FAKE_DEFLATED)
		fake_deflate(&d->set);
	fake_put(&file, d->set.data, d->set.bytes);
	fake_bytes_done(&meta.set);
	fake_bytes_done(&d->set);
	return file;
}
