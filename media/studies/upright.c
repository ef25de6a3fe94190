#include "media/studies/upright.h"

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "media/studies/photo.h"

#define SOI 0xd8
#define EOI 0xd9
#define SOS 0xda
#define COM 0xfe
#define APP 0xe0

struct segment {
	uint8_t marker;
	size_t at, bytes; // with its marker
};

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

// The one that begins at `at`; false: there is none that is whole.
static bool next(const uint8_t *data, size_t bytes, size_t at, struct segment *ret)
{
	while (at + 1 < bytes && data[at] == 0xff && data[at + 1] == 0xff) // fill
		at++;
	if (at + 2 > bytes || data[at] != 0xff)
		return false;
	ret->marker = data[at + 1];
	ret->at = at;
	ret->bytes = 2;
	if (ret->marker == SOI || ret->marker == EOI)
		return true;
	if (at + 4 > bytes || be16(data + at + 2) < 2 || at + 2 + be16(data + at + 2) > bytes)
		return false;
	ret->bytes = 2 + be16(data + at + 2);
	return true;
}

// Where the marker behind the samples of a scan is.
static size_t behind_scan(const uint8_t *data, size_t bytes, size_t at)
{
	for (; at + 1 < bytes; at++) {
		bool sample = data[at] != 0xff || data[at + 1] == 0 || data[at + 1] == 0xff ||
		              (data[at + 1] >= 0xd0 && data[at + 1] <= 0xd7);
		if (!sample)
			return at;
	}
	return bytes;
}

// --- EXIF

struct tiff {
	const uint8_t *data;
	size_t bytes;
	bool little;
};

static unsigned get16(const struct tiff *t, size_t at)
{
	const uint8_t *p = t->data + at;
	return t->little ? (unsigned)p[1] << 8 | p[0] : be16(p);
}

static uint32_t get32(const struct tiff *t, size_t at)
{
	return t->little ? get16(t, at + 2) << 16 | get16(t, at) : get16(t, at) << 16 | get16(t, at + 2);
}

// TIFF 6.0: an entry of 12 bytes, tag 0x0112, a SHORT, in the first directory.
static unsigned orientation_of(const struct tiff *t)
{
	if (t->bytes < 8)
		return 1;
	uint32_t at = get32(t, 4);
	if (at > t->bytes - 2 || t->bytes < 10)
		return 1;
	unsigned count = get16(t, at);
	for (size_t entry = (size_t)at + 2; count && entry + 12 <= t->bytes; count--, entry += 12) {
		if (get16(t, entry) != 0x0112 || get16(t, entry + 2) != 3)
			continue;
		unsigned value = get16(t, entry + 8);
		return value >= 1 && value <= 8 ? value : 1;
	}
	return 1;
}

unsigned hz_exif_orientation(const uint8_t *data, size_t bytes)
{
	struct segment s;
	for (size_t at = 0; next(data, bytes, at, &s) && s.marker != SOS && s.marker != EOI;
	     at = s.at + s.bytes) {
		const uint8_t *p = data + s.at + 4;
		if (s.marker != APP + 1 || s.bytes < 4 + 6 + 8 || memcmp(p, "Exif\0\0", 6) != 0)
			continue;
		struct tiff tiff = {.data = p + 6, .bytes = s.bytes - 10, .little = p[6] == 'I'};
		bool known = memcmp(p + 6, "II*\0", 4) == 0 || memcmp(p + 6, "MM\0*", 4) == 0;
		return known ? orientation_of(&tiff) : 1;
	}
	return 1;
}

// --- what may stay

static bool stays(const struct segment *s, const uint8_t *data)
{
	const uint8_t *p = data + s->at + 4;
	size_t bytes = s->bytes < 4 ? 0 : s->bytes - 4;
	if (s->marker == COM)
		return false;
	if (s->marker < APP || s->marker > APP + 15)
		return true;
	if (s->marker == APP) // JFIF; not JFXX, which is a thumbnail
		return bytes >= 5 && memcmp(p, "JFIF", 5) == 0;
	if (s->marker == APP + 2)
		return bytes >= 12 && memcmp(p, "ICC_PROFILE", 12) == 0;
	return s->marker == APP + 14 && bytes >= 5 && memcmp(p, "Adobe", 5) == 0;
}

static int strip(const uint8_t *data, size_t bytes, struct hz_dicom_fault *fault, struct hz_upright *ret)
{
	struct segment s;
	size_t at = 0;
	ret->data = malloc(bytes);
	ret->bytes = 0;
	if (!ret->data)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a photo");
	while (next(data, bytes, at, &s)) {
		size_t end = s.marker == SOS ? behind_scan(data, bytes, s.at + s.bytes) : s.at + s.bytes;
		if (stays(&s, data)) {
			memcpy(ret->data + ret->bytes, data + s.at, end - s.at);
			ret->bytes += end - s.at;
		}
		at = end;
		if (s.marker == EOI)
			return 0;
	}
	free(ret->data);
	ret->data = NULL;
	return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "a JPEG without an end");
}

// --- turning

// Without decoding. false: its edges are not whole blocks, or it cannot be read.
static bool turn_blocks(tjhandle handle, unsigned orientation, struct hz_upright *u)
{
	static const int operation[9] = {
	    [2] = TJXOP_HFLIP, [3] = TJXOP_ROT180,     [4] = TJXOP_VFLIP, [5] = TJXOP_TRANSPOSE,
	    [6] = TJXOP_ROT90, [7] = TJXOP_TRANSVERSE, [8] = TJXOP_ROT270};
	tjtransform how = {.op = operation[orientation], .options = TJXOPT_PERFECT};
	unsigned char *made = NULL;
	unsigned long bytes = 0;
	bool good = tjTransform(handle, u->data, u->bytes, 1, &made, &bytes, &how, 0) == 0;
	uint8_t *copy = good ? malloc(bytes) : NULL;
	if (copy) {
		memcpy(copy, made, bytes);
		free(u->data);
		u->data = copy;
		u->bytes = bytes;
	}
	tjFree(made);
	return copy != NULL;
}

static size_t source_of(unsigned orientation, uint32_t w, uint32_t h, uint32_t x, uint32_t y)
{
	bool swapped = orientation >= 5;
	uint32_t sx = swapped ? y : x, sy = swapped ? x : y;
	bool mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
	bool mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
	return (size_t)(mirror_y ? h - 1 - sy : sy) * w + (mirror_x ? w - 1 - sx : sx);
}

static void turn_samples(const uint8_t *from, uint32_t w, uint32_t h, unsigned orientation,
                         struct hz_upright *u)
{
	uint8_t *to = u->data;
	for (uint32_t y = 0; y < u->rows; y++) {
		for (uint32_t x = 0; x < u->columns; x++, to += u->samples)
			memcpy(to, from + source_of(orientation, w, h, x, y) * u->samples, u->samples);
	}
}

static int turn_decoded(tjhandle handle, unsigned orientation, struct hz_dicom_fault *fault,
                        struct hz_upright *u)
{
	int w = 0, h = 0, sampling = 0, colours = 0;
	if (tjDecompressHeader3(handle, u->data, u->bytes, &w, &h, &sampling, &colours) || w < 1 || h < 1)
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "a JPEG that cannot be turned");
	u->samples = colours == TJCS_GRAY ? 1 : 3;
	size_t bytes = (size_t)w * (size_t)h * u->samples;
	uint8_t *as_it_was = malloc(bytes), *turned = malloc(bytes);
	bool decoded = as_it_was && turned &&
	               tjDecompress2(handle, u->data, u->bytes, as_it_was, w, 0, h,
	                             u->samples == 1 ? TJPF_GRAY : TJPF_RGB, TJFLAG_ACCURATEDCT) == 0;
	if (!decoded) {
		bool memory = !as_it_was || !turned;
		free(as_it_was);
		free(turned);
		return memory ? hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a photo")
		              : hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "a JPEG that cannot be turned");
	}
	free(u->data);
	u->data = turned;
	u->bytes = bytes;
	u->decoded = true;
	u->columns = (uint32_t)(orientation >= 5 ? h : w);
	u->rows = (uint32_t)(orientation >= 5 ? w : h);
	turn_samples(as_it_was, (uint32_t)w, (uint32_t)h, orientation, u);
	free(as_it_was);
	return 0;
}

// Within what a photo may be, also where two headers contradict each other. In front of whatever makes room for it.
static int check_size(tjhandle handle, const struct hz_upright *u, struct hz_dicom_fault *fault)
{
	int w = 0, h = 0, sampling = 0, colours = 0;
	if (tjDecompressHeader3(handle, u->data, u->bytes, &w, &h, &sampling, &colours) || w < 1 || h < 1)
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "a JPEG that cannot be turned");
	if ((uint64_t)w * (uint64_t)h > HZ_PHOTO_PIXELS)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG, "a JPEG of %d x %d", w, h);
	return 0;
}

int hz_upright(const uint8_t *data, size_t bytes, struct hz_dicom_fault *fault, struct hz_upright *ret)
{
	struct hz_upright u = {.decoded = false};
	unsigned orientation = hz_exif_orientation(data, bytes);
	int err = strip(data, bytes, fault, &u);
	tjhandle handle = !err && orientation > 1 ? tjInitTransform() : NULL;
	if (!err && orientation > 1 && !handle)
		err = hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a photo");
	if (!err && handle)
		err = check_size(handle, &u, fault);
	if (!err && handle && !turn_blocks(handle, orientation, &u))
		err = turn_decoded(handle, orientation, fault, &u);
	if (handle)
		tjDestroy(handle);
	if (err) {
		free(u.data);
		return err;
	}
	*ret = u;
	return 0;
}
