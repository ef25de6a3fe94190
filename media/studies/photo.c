#include "media/studies/photo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "media/dicomweb/request.h"
#include "media/imaging/codestream.h"
#include "media/studies/uid.h"
#include "media/studies/upright.h"

#define VL_PHOTOGRAPHIC "1.2.840.10008.5.1.4.1.1.77.1.4"
#define SAY_BYTES       1024

struct file {
	uint8_t *data;
	size_t bytes, room;
	bool failed;
};

static void put(struct file *f, const void *data, size_t bytes)
{
	if (f->failed || f->bytes + bytes > f->room) {
		f->failed = true; // the room was reckoned beforehand
		return;
	}
	memcpy(f->data + f->bytes, data, bytes);
	f->bytes += bytes;
}

static void put16(struct file *f, unsigned value)
{
	const uint8_t b[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
	put(f, b, 2);
}

static void put32(struct file *f, uint32_t value)
{
	put16(f, value & 0xffff);
	put16(f, value >> 16);
}

static void tag(struct file *f, uint32_t tag, const char *vr)
{
	put16(f, tag >> 16);
	put16(f, tag & 0xffff);
	put(f, vr, 2);
}

static void text(struct file *f, uint32_t which, const char *vr, const char *value)
{
	size_t bytes = strnlen(value, SAY_BYTES);
	tag(f, which, vr);
	put16(f, (unsigned)(bytes + bytes % 2));
	put(f, value, bytes);
	if (bytes % 2)
		put(f, vr[0] == 'U' ? "\0" : " ", 1);
}

static void number(struct file *f, uint32_t which, unsigned value)
{
	tag(f, which, "US");
	put16(f, 2);
	put16(f, value);
}

static void bytes_of(struct file *f, uint32_t which, const char *vr, uint32_t count)
{
	tag(f, which, vr);
	put16(f, 0);
	put32(f, count);
}

enum hz_photo_kind hz_photo_kind(const void *data, size_t bytes)
{
	const uint8_t *p = data;
	if (bytes < 16)
		return HZ_PHOTO_NONE;
	if (p[0] == 0xff && p[1] == 0xd8 && p[2] == 0xff)
		return HZ_PHOTO_JPEG;
	if (memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0)
		return HZ_PHOTO_PNG;
	if (memcmp(p + 4, "ftyp", 4) == 0)
		return memcmp(p + 8, "hei", 3) == 0 || memcmp(p + 8, "hev", 3) == 0 ||
		               memcmp(p + 8, "mif1", 4) == 0 || memcmp(p + 8, "msf1", 4) == 0
		           ? HZ_PHOTO_HEIC
		           : HZ_PHOTO_OTHER;
	bool other = (memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0) ||
	             memcmp(p, "GIF8", 4) == 0 || memcmp(p, "II*\0", 4) == 0 || memcmp(p, "MM\0*", 4) == 0 ||
	             memcmp(p, "BM", 2) == 0;
	return other ? HZ_PHOTO_OTHER : HZ_PHOTO_NONE;
}

struct picture {
	const void *data;
	size_t bytes; // of the codestream or the samples
	uint8_t *owned;
	uint32_t columns, rows;
	uint8_t samples;
	const char *syntax, *photometric;
	bool jpeg;
	uint64_t came_as; // bytes of a JPEG that is samples now; 0: it never was one
};

// Subsampled: the first component has another sampling than the second (T.81 B.2.2).
static bool subsampled(const uint8_t *p, size_t bytes)
{
	for (size_t at = 2; at + 4 <= bytes && p[at] == 0xff;) {
		unsigned length = (unsigned)p[at + 2] << 8 | p[at + 3];
		if (p[at + 1] >= 0xc0 && p[at + 1] <= 0xc2)
			return at + 16 < bytes && p[at + 11] != p[at + 14];
		if (p[at + 1] == 0xff) // fill
			at++;
		else
			at += 2 + (size_t)length;
	}
	return false;
}

// As it came it can be read; from here on it is upright, and nothing but a picture.
static int make_upright(const void *data, size_t bytes, struct hz_dicom_fault *fault, struct picture *ret)
{
	struct hz_upright u;
	struct hz_codestream c;
	int err = hz_upright(data, bytes, fault, &u);
	if (err)
		return err;
	*ret = (struct picture){.data = u.data, .bytes = u.bytes, .owned = u.data};
	if (u.decoded) {
		ret->columns = u.columns;
		ret->rows = u.rows;
		ret->samples = u.samples;
		ret->syntax = "1.2.840.10008.1.2.1";
		ret->photometric = u.samples == 1 ? "MONOCHROME2" : "RGB";
		ret->came_as = bytes;
		return 0;
	}
	err = hz_codestream_read(u.data, u.bytes, fault, &c);
	if (err) {
		free(u.data);
		return err;
	}
	bool rgb = c.components == 3 && (c.adobe == 0 || (c.adobe < 0 && !c.jfif && c.rgb_ids));
	ret->columns = c.columns;
	ret->rows = c.rows;
	ret->samples = c.components;
	// Progressive: retired, but what it is; a messenger's photos are.
	ret->syntax = c.progressive ? "1.2.840.10008.1.2.4.55" : "1.2.840.10008.1.2.4.50";
	ret->photometric = c.components == 1             ? "MONOCHROME2"
	                   : rgb                         ? "RGB"
	                   : subsampled(u.data, u.bytes) ? "YBR_FULL_422"
	                                                 : "YBR_FULL";
	ret->jpeg = true;
	return 0;
}

static int read_jpeg(const void *data, size_t bytes, struct hz_dicom_fault *fault, struct picture *ret)
{
	struct hz_codestream c;
	int err = hz_codestream_read(data, bytes, fault, &c);
	if (err)
		return err;
	if (c.codec != HZ_IMAGE_JPEG || c.precision != 8 || (c.components != 1 && c.components != 3))
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "a JPEG of %u components of %u bits",
		                     c.components, c.precision);
	if ((uint64_t)c.columns * c.rows > HZ_PHOTO_PIXELS)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG, "a JPEG of %u x %u", c.columns, c.rows);
	return make_upright(data, bytes, fault, ret);
}

static int read_png(const void *data, size_t bytes, struct hz_dicom_fault *fault, struct picture *ret)
{
	struct hz_png png;
	uint8_t *samples = NULL;
	int err = hz_png_read(data, bytes, fault, &png, &samples);
	if (err)
		return err;
	*ret = (struct picture){.data = samples,
	                        .bytes = (size_t)png.columns * png.rows * png.samples,
	                        .owned = samples,
	                        .columns = png.columns,
	                        .rows = png.rows,
	                        .samples = png.samples,
	                        .syntax = "1.2.840.10008.1.2.1",
	                        .photometric = png.samples == 1 ? "MONOCHROME2" : "RGB"};
	return 0;
}

static void put_group8(struct file *f, const struct hz_photo_of *of, const char *instance)
{
	char day[16], hour[16];
	time_t now = (time_t)(of->taken_ms / 1000);
	struct tm tm;
	localtime_r(&now, &tm);
	strftime(day, sizeof(day), "%Y%m%d", &tm);
	strftime(hour, sizeof(hour), "%H%M%S", &tm);
	text(f, 0x00080005, "CS", "ISO_IR 192");
	text(f, 0x00080008, "CS", "ORIGINAL\\PRIMARY");
	text(f, 0x00080016, "UI", VL_PHOTOGRAPHIC);
	text(f, 0x00080018, "UI", instance);
	text(f, 0x00080020, "DA", day);
	text(f, 0x00080023, "DA", day);
	text(f, 0x00080030, "TM", hour);
	text(f, 0x00080033, "TM", hour);
	text(f, 0x00080050, "SH", of->accession);
	text(f, 0x00080060, "CS", "XC");
	text(f, 0x00080070, "LO", "");
	text(f, 0x00080090, "PN", "");
}

static void put_identity(struct file *f, const struct hz_photo_of *of)
{
	char n[16];
	text(f, 0x00100010, "PN", of->name);
	text(f, 0x00100020, "LO", of->id);
	text(f, 0x00100030, "DA", of->birth);
	text(f, 0x00100040, "CS", of->sex);
	text(f, 0x0020000d, "UI", of->study);
	text(f, 0x0020000e, "UI", of->series);
	text(f, 0x00200010, "SH", "");
	text(f, 0x00200011, "IS", "1");
	snprintf(n, sizeof(n), "%u", of->number);
	text(f, 0x00200013, "IS", n);
	text(f, 0x00200020, "CS", "");
	text(f, 0x00200060, "CS", ""); // laterality: nobody said
}

static void put_pixels(struct file *f, const struct picture *p)
{
	char ratio[32];
	uint64_t whole = (uint64_t)p->columns * p->rows * p->samples;
	number(f, 0x00280002, p->samples);
	text(f, 0x00280004, "CS", p->photometric);
	if (p->samples == 3)
		number(f, 0x00280006, 0);
	number(f, 0x00280010, p->rows);
	number(f, 0x00280011, p->columns);
	number(f, 0x00280100, 8);
	number(f, 0x00280101, 8);
	number(f, 0x00280102, 7);
	number(f, 0x00280103, 0);
	if (p->jpeg || p->came_as) { // lossy once is lossy for good
		text(f, 0x00282110, "CS", "01");
		snprintf(ratio, sizeof(ratio), "%.2f",
		         (double)whole / (double)(p->jpeg ? p->bytes : p->came_as));
		text(f, 0x00282112, "DS", ratio);
		text(f, 0x00282114, "CS", "ISO_10918_1");
	}
	bytes_of(f, 0x00400555, "SQ", 0); // Acquisition Context: empty
	uint32_t padded = (uint32_t)(p->bytes + p->bytes % 2);
	if (p->jpeg) {
		static const uint8_t item[4] = {0xfe, 0xff, 0x00, 0xe0}, end[4] = {0xfe, 0xff, 0xdd, 0xe0};
		bytes_of(f, 0x7fe00010, "OB", 0xffffffff);
		put(f, item, 4); // an empty offset table
		put32(f, 0);
		put(f, item, 4);
		put32(f, padded);
		put(f, p->data, p->bytes);
		put(f, "\0", p->bytes % 2);
		put(f, end, 4);
		put32(f, 0);
	} else {
		bytes_of(f, 0x7fe00010, "OB", padded);
		put(f, p->data, p->bytes);
		put(f, "\0", p->bytes % 2);
	}
}

static void put_meta(struct file *f, const char *syntax, const char *instance)
{
	static const uint8_t version[2] = {0, 1}, preamble[128] = {0};
	put(f, preamble, 128);
	put(f, "DICM", 4);
	tag(f, 0x00020000, "UL");
	put16(f, 4);
	size_t at = f->bytes;
	put32(f, 0);
	bytes_of(f, 0x00020001, "OB", 2);
	put(f, version, 2);
	text(f, 0x00020002, "UI", VL_PHOTOGRAPHIC);
	text(f, 0x00020003, "UI", instance);
	text(f, 0x00020010, "UI", syntax);
	text(f, 0x00020012, "UI", "2.25.205470338216341949171098318293246803121"); // this implementation
	if (!f->failed) {
		struct file length = {.data = f->data + at, .room = 4};
		put32(&length, (uint32_t)(f->bytes - at - 4));
	}
}

int hz_photo_make(const void *data, size_t bytes, const struct hz_photo_of *of, struct hz_dicom_fault *fault,
                  uint8_t **ret, size_t *ret_bytes)
{
	struct picture picture = {.data = NULL};
	char hash[HZ_DWEB_HASH_BYTES], instance[65];
	if (bytes > HZ_PHOTO_BYTES)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG, "a photo of more than %zu bytes",
		                     HZ_PHOTO_BYTES);
	int err = hz_photo_kind(data, bytes) == HZ_PHOTO_PNG ? read_png(data, bytes, fault, &picture)
	                                                     : read_jpeg(data, bytes, fault, &picture);
	if (err)
		return err;
	hz_dweb_sha256(data, bytes, hash);
	hz_photo_uid(hash, of->study, instance); // the same photo in the same study is the same object
	struct file f = {.room = picture.bytes + 8192};
	f.data = malloc(f.room);
	f.failed = !f.data;
	put_meta(&f, picture.syntax, instance);
	put_group8(&f, of, instance);
	put_identity(&f, of);
	put_pixels(&f, &picture);
	free(picture.owned);
	if (f.failed) {
		free(f.data);
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a photo");
	}
	*ret = f.data;
	*ret_bytes = f.bytes;
	return 0;
}
