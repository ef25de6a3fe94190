// PNG (ISO/IEC 15948): chunks, one stream of deflate, filters. What a screenshot or a scan has: 8 bits, one or three samples, a palette.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/imaging/scan.h"
#include "media/studies/photo.h"

struct png {
	uint32_t columns, rows;
	uint8_t type, channels;
	uint8_t *packed; // owned: all IDAT
	size_t packed_bytes;
	uint8_t palette[256][3];
	unsigned colours;
	bool see_through; // tRNS
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int read_header(struct png *png, const uint8_t *p, uint32_t bytes, struct hz_dicom_fault *fault)
{
	static const uint8_t channels[7] = {1, 0, 3, 1, 2, 0, 4};
	if (bytes != 13 || png->rows)
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "a PNG header that is none");
	png->columns = be32(p);
	png->rows = be32(p + 4);
	png->type = p[9];
	png->channels = p[9] < 7 ? channels[p[9]] : 0;
	if (!png->columns || !png->rows || !png->channels || p[10] || p[11])
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "a PNG header that is none");
	if (p[8] != 8 || p[12])
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "a PNG of %u bits%s", p[8],
		                     p[12] ? ", interlaced" : "");
	if (png->columns > 65535 || png->rows > 65535 || (uint64_t)png->columns * png->rows > HZ_PHOTO_PIXELS)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG, "a PNG of %u x %u", png->columns, png->rows);
	return 0;
}

static int read_chunk(struct png *png, const uint8_t *p, uint32_t bytes, struct hz_dicom_fault *fault)
{
	if (memcmp(p, "IHDR", 4) == 0)
		return read_header(png, p + 4, bytes, fault);
	if (memcmp(p, "PLTE", 4) == 0 && bytes % 3 == 0 && bytes <= 768) {
		memcpy(png->palette, p + 4, bytes);
		png->colours = bytes / 3;
	} else if (memcmp(p, "tRNS", 4) == 0) {
		png->see_through = true;
	} else if (memcmp(p, "IDAT", 4) == 0) {
		memcpy(png->packed + png->packed_bytes, p + 4, bytes); // they fit: they are parts of the file
		png->packed_bytes += bytes;
	}
	return 0;
}

static int read_chunks(struct png *png, const uint8_t *data, size_t bytes, struct hz_dicom_fault *fault)
{
	for (size_t at = 8; at + 12 <= bytes;) {
		uint32_t n = be32(data + at);
		if (n > bytes - at - 12)
			break;
		if (hz_crc32(data + at + 4, (size_t)n + 4) != be32(data + at + 8 + n))
			return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "a PNG whose checksums are wrong");
		if (memcmp(data + at + 4, "IEND", 4) == 0)
			return 0;
		int err = read_chunk(png, data + at + 4, n, fault);
		if (err)
			return err;
		at += (size_t)n + 12;
	}
	return hz_dicom_fail(fault, HZ_DICOM_TRUNCATED, "a PNG that ends too early");
}

static uint8_t paeth(int a, int b, int c)
{
	int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
	return (uint8_t)(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}

// In place; above: the row before, zeros for the first.
static bool unfilter(uint8_t filter, uint8_t *row, const uint8_t *above, size_t bytes, unsigned step)
{
	for (size_t i = 0; i < bytes; i++) {
		int a = i >= step ? row[i - step] : 0, b = above[i], c = i >= step ? above[i - step] : 0;
		int add = filter == 0   ? 0
		          : filter == 1 ? a
		          : filter == 2 ? b
		          : filter == 3 ? (a + b) / 2
		                        : paeth(a, b, c);
		row[i] = (uint8_t)(row[i] + add);
	}
	return filter <= 4;
}

static bool put_row(const struct png *png, const uint8_t *row, uint8_t *out)
{
	unsigned colours = png->type == 0 || png->type == 4 ? 1 : 3;
	for (uint32_t x = 0; x < png->columns; x++, row += png->channels, out += colours) {
		if (png->type == 3 && row[0] >= png->colours)
			return false;
		if ((png->type == 4 || png->type == 6) && row[png->channels - 1] != 255)
			return false;
		memcpy(out, png->type == 3 ? png->palette[row[0]] : row, colours);
	}
	return true;
}

static int unpack(const struct png *png, uint8_t *raw, uint8_t *out, struct hz_dicom_fault *fault)
{
	size_t line = (size_t)png->columns * png->channels;
	size_t wide = (size_t)png->columns * (png->type == 0 || png->type == 4 ? 1 : 3);
	uint8_t *none = calloc(1, line);
	const uint8_t *above = none;
	int err = none ? 0 : hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a PNG");
	for (uint32_t y = 0; y < png->rows && !err; y++) {
		uint8_t *row = raw + y * (line + 1);
		if (!unfilter(row[0], row + 1, above, line, png->channels))
			err = hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "a PNG with an unknown filter");
		else if (!put_row(png, row + 1, out + y * wide))
			err = hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED,
			                    "a PNG that is transparent or lacks colours");
		above = row + 1;
	}
	free(none);
	return err;
}

int hz_png_read(const uint8_t *data, size_t bytes, struct hz_dicom_fault *fault, struct hz_png *ret_shape,
                uint8_t **ret)
{
	struct png png = {.packed = malloc(bytes ? bytes : 1)};
	uint8_t *raw = NULL, *out = NULL;
	size_t count = 0;
	int err = png.packed ? read_chunks(&png, data, bytes, fault)
	                     : hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a PNG");
	if (!err && (!png.rows || png.packed_bytes < 6 || (png.packed[0] & 15) != 8 || (png.packed[1] & 32)))
		err = hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "a PNG without a picture");
	if (!err && png.see_through)
		err = hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "a PNG that is transparent");
	uint64_t all = ((uint64_t)png.columns * png.channels + 1) * png.rows;
	if (!err) // 2 bytes in front and 4 behind are zlib's (RFC 1950)
		err = hz_inflate(png.packed + 2, png.packed_bytes - 6, (size_t)all + 1, fault, &raw, &count);
	if (!err && count != all)
		err = hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "a PNG with another size than it says");
	struct hz_png shape = {png.columns, png.rows, png.type == 0 || png.type == 4 ? 1 : 3};
	if (!err)
		out = malloc((size_t)png.columns * png.rows * shape.samples);
	if (!err)
		err = out ? unpack(&png, raw, out, fault)
		          : hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a PNG");
	free(raw);
	free(png.packed);
	if (err) {
		free(out);
		return err;
	}
	*ret_shape = shape;
	*ret = out;
	return 0;
}
