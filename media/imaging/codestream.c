#include "media/imaging/codestream.h"

#include <string.h>

const char *hz_image_codec_name(enum hz_image_codec codec)
{
	static const char *const names[] = {
	    [HZ_IMAGE_NATIVE] = "native",   [HZ_IMAGE_RLE] = "RLE",
	    [HZ_IMAGE_JPEG] = "JPEG",       [HZ_IMAGE_JPEG_LOSSLESS] = "JPEG lossless",
	    [HZ_IMAGE_JPEG_LS] = "JPEG-LS", [HZ_IMAGE_JPEG_2000] = "JPEG 2000",
	    [HZ_IMAGE_HTJ2K] = "HTJ2K",
	};
	return names[codec];
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static int cut(struct hz_dicom_fault *fault)
{
	return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "the codestream ends too early");
}

// SOFn: precision, lines, samples a line, components with id, sampling and table.
static int read_sof(struct hz_codestream *s, uint8_t marker, const uint8_t *p, size_t n,
                    struct hz_dicom_fault *fault)
{
	if (n < 6 || n < 6 + 3u * p[5])
		return cut(fault);
	s->precision = p[0];
	s->rows = be16(p + 1);
	s->columns = be16(p + 3);
	s->components = p[5];
	s->rgb_ids = p[5] == 3 && p[6] == 'R' && p[9] == 'G' && p[12] == 'B';
	s->codec = marker == 0xf7   ? HZ_IMAGE_JPEG_LS
	           : marker == 0xc3 ? HZ_IMAGE_JPEG_LOSSLESS
	                            : HZ_IMAGE_JPEG;
	s->lossy = s->codec == HZ_IMAGE_JPEG;
	s->progressive = marker == 0xc2;
	if (marker != 0xc0 && marker != 0xc1 && marker != 0xc2 && marker != 0xc3 && marker != 0xf7)
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "JPEG process of SOF%u", marker & 15u);
	if (s->rows == 0)
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "a JPEG whose height comes later (DNL)");
	for (unsigned i = 0; i < s->components; i++) {
		if (s->codec != HZ_IMAGE_JPEG && p[7 + 3 * i] != 0x11)
			return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED,
			                     "lossless components of different size");
	}
	return 0;
}

static bool is_sof(uint8_t marker)
{
	return marker == 0xf7 ||
	       (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc);
}

// An EOI must be there: padding may stand behind it, an encoded value is never FFD9.
static bool has_eoi(const uint8_t *p, size_t n)
{
	for (size_t at = n; at >= 2; at--) {
		if (p[at - 2] == 0xff && p[at - 1] == 0xd9)
			return true;
	}
	return false;
}

// Segments up to the first scan.
static int read_jpeg(struct hz_codestream *s, struct hz_dicom_fault *fault)
{
	const uint8_t *p = s->data;
	size_t at = 2, end = s->bytes;
	s->adobe = -1;
	while (end - at >= 4) {
		if (p[at] != 0xff)
			return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "no marker at byte %zu of the JPEG",
			                     at);
		uint8_t marker = p[at + 1];
		if (marker == 0xff) { // fill
			at++;
			continue;
		}
		size_t n = be16(p + at + 2);
		if (n < 2 || n > end - at - 2)
			return cut(fault);
		const uint8_t *body = p + at + 4;
		n -= 2;
		if (is_sof(marker)) {
			int err = s->columns
			              ? hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "a hierarchical JPEG")
			              : read_sof(s, marker, body, n, fault);
			if (err < 0)
				return err;
		} else if (marker == 0xe0 && n >= 5 && memcmp(body, "JFIF", 5) == 0) {
			s->jfif = true;
		} else if (marker == 0xee && n >= 12 && memcmp(body, "Adobe", 5) == 0) {
			s->adobe = body[11];
		} else if (marker == 0xda) {
			if (s->columns == 0 || n < 1 || n < 1 + 2u * body[0] + 3)
				return cut(fault);
			s->near = s->codec == HZ_IMAGE_JPEG_LS ? body[1 + 2 * body[0]] : 0;
			s->lossy = s->lossy || s->near > 0;
			return has_eoi(p + at, end - at) ? 0 : cut(fault);
		}
		at += 4 + n;
	}
	return cut(fault);
}

// SIZ: capabilities, extent, tiles, components.
static int read_siz(struct hz_codestream *s, const uint8_t *p, size_t n, struct hz_dicom_fault *fault)
{
	if (n < 36)
		return cut(fault);
	uint64_t x = be32(p + 2), y = be32(p + 6), x0 = be32(p + 10), y0 = be32(p + 14);
	uint64_t wide = be32(p + 18), high = be32(p + 22), tx = be32(p + 26), ty = be32(p + 30);
	unsigned components = be16(p + 34);
	if (x <= x0 || y <= y0 || x - x0 > UINT16_MAX || y - y0 > UINT16_MAX || wide == 0 || high == 0 ||
	    tx > x0 || ty > y0)
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "JPEG 2000 with an extent that cannot be");
	uint64_t tiles = ((x - tx + wide - 1) / wide) * ((y - ty + high - 1) / high);
	if (tiles > 16384 || tiles * 14 > s->bytes) // a tile has at least SOT and SOD
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM,
		                     "JPEG 2000 with more tiles than it has bytes for");
	if (components < 1 || components > 4 || n < 36 + 3u * components)
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "JPEG 2000 of %u components", components);
	s->columns = (uint32_t)(x - x0);
	s->rows = (uint32_t)(y - y0);
	s->tile_columns = (uint32_t)wide;
	s->tile_rows = (uint32_t)high;
	s->offset = x0 || y0 || tx || ty;
	s->components = (uint8_t)components;
	s->precision = (p[36] & 0x7f) + 1;
	s->is_signed = p[36] >> 7;
	s->has_sign = true;
	for (unsigned i = 0; i < components; i++) {
		if (p[36 + 3 * i] != p[36] || p[37 + 3 * i] != 1 || p[38 + 3 * i] != 1)
			return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED,
			                     "JPEG 2000 components of different size or precision");
	}
	return 0;
}

// Every tile-part must be there as long as it says (T.800 A.4.2): decoders make up what is missing.
static int check_tile_parts(const struct hz_codestream *s, size_t at, struct hz_dicom_fault *fault)
{
	const uint8_t *p = s->data;
	size_t end = s->bytes;
	while (end - at >= 12 && be16(p + at) == 0xff90) {
		uint32_t length = be32(p + at + 6);
		if (be16(p + at + 2) != 10 || (length != 0 && length < 14))
			return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM,
			                     "JPEG 2000 with a damaged tile-part");
		if (length == 0) // the last: up to EOC
			return has_eoi(p + at, end - at) ? 0 : cut(fault);
		if (length > end - at)
			return cut(fault);
		at += length;
	}
	bool ends = end - at < 2 ? end == at : be16(p + at) == 0xffd9 || (p[at] == 0 && p[at + 1] == 0);
	return ends ? 0 : hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "JPEG 2000 with damaged tile-parts");
}

static int read_j2k(struct hz_codestream *s, struct hz_dicom_fault *fault)
{
	const uint8_t *p = s->data;
	size_t at = 2, end = s->bytes;
	bool cod = false;
	size_t levels = 0, steps = 0;
	unsigned style = 3;
	s->codec = HZ_IMAGE_JPEG_2000;
	s->adobe = -1;
	while (end - at >= 4) {
		uint16_t marker = be16(p + at);
		size_t n = be16(p + at + 2);
		// OpenJPH asserts what T.800 A.6.4 demands: a step for each subband, of the kind of the transform.
		bool steps_fit =
		    style == (s->lossy ? 2u : 0u) && steps >= (3 * levels + 1) * (s->lossy ? 2 : 1);
		if (marker == 0xff90 && s->codec == HZ_IMAGE_HTJ2K && !steps_fit)
			return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM,
			                     "HTJ2K with steps of another transform");
		if (marker == 0xff90)
			return s->columns && cod ? check_tile_parts(s, at, fault) : cut(fault);
		if (marker < 0xff00 || n < 2 || n > end - at - 2)
			return cut(fault);
		const uint8_t *body = p + at + 4;
		n -= 2;
		if (marker == 0xff51) {
			int err = read_siz(s, body, n, fault);
			if (err < 0)
				return err;
		} else if (marker == 0xff50 && n >= 4 && be32(body) & 1u << 17) { // CAP: part 15 is used
			s->codec = HZ_IMAGE_HTJ2K;
		} else if (marker == 0xff52 && n >= 10) {
			if (body[9] > 1) // T.800 A.20: 9-7 or 5-3; libraries take others for either
				return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM,
				                     "JPEG 2000 with a wavelet that is none");
			cod = true;
			s->transform = body[4] != 0;
			s->lossy = body[9] == 0; // 9-7
			levels = s->levels = body[5];
		} else if (marker == 0xff5c && n >= 1) { // QCD
			style = body[0] & 31;
			steps = n - 1;
		}
		at += 4 + n;
	}
	return cut(fault);
}

// The codestream box of a JP2 or JPH file, which DICOM forbids and some send.
static bool find_in_boxes(struct hz_codestream *s)
{
	const uint8_t *p = s->data;
	size_t at = 0, end = s->bytes;
	while (end - at >= 8) {
		size_t n = be32(p + at), head = 8;
		if (n == 0)
			n = end - at;
		else if (n == 1 && end - at >= 16 && be32(p + at + 8) == 0) {
			n = be32(p + at + 12);
			head = 16;
		}
		if (n < head || n > end - at)
			return false;
		if (memcmp(p + at + 4, "jp2c", 4) == 0 && n - head > 12) {
			s->data = p + at + head;
			s->bytes = n - head;
			return be32(s->data) == 0xff4fff51;
		}
		at += n;
	}
	return false;
}

int hz_codestream_read(const uint8_t *bytes, size_t count, struct hz_dicom_fault *fault,
                       struct hz_codestream *ret)
{
	struct hz_codestream s = {.data = bytes, .bytes = count, .adobe = -1};
	int err = 0;
	if (count < 12)
		return cut(fault);
	if (be32(bytes) == 0xff4fff51)
		err = read_j2k(&s, fault);
	else if (bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff)
		err = read_jpeg(&s, fault);
	else if (be32(bytes) == 12 && memcmp(bytes + 4, "jP  \r\n", 6) == 0 && find_in_boxes(&s))
		err = read_j2k(&s, fault);
	else if (count >= 64 && bytes[0] >= 1 && bytes[0] <= 15 &&
	         memcmp(bytes + 1, "\0\0\0\x40\0\0\0", 7) == 0)
		s.codec = HZ_IMAGE_RLE;
	else
		err =
		    hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "no codestream that is known begins like this");
	if (err == 0 && s.codec != HZ_IMAGE_RLE && (s.precision < 1 || s.precision > 16))
		err = hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "%s of %u bits",
		                    hz_image_codec_name(s.codec), s.precision);
	if (err == 0)
		*ret = s;
	return err;
}
