#include "tests/unit/imaging/fake_dicom.h"

#include <charls/charls.h>
#include <openjpeg.h>
#include <stdlib.h>
#include <string.h>

static unsigned cell_of(const struct hz_pixel_shape *s)
{
	return s->bits_allocated < 8 ? 1 : s->bits_allocated / 8;
}

static uint32_t raw_at(const uint8_t *samples, unsigned cell, size_t index)
{
	uint32_t v = 0;
	for (unsigned i = 0; i < cell; i++)
		v |= (uint32_t)samples[index * cell + i] << (8 * i);
	return v;
}

static int32_t value_at(const uint8_t *samples, const struct hz_pixel_shape *s, size_t index)
{
	unsigned shift = 32 - 8 * cell_of(s);
	uint32_t v = raw_at(samples, cell_of(s), index);
	return s->is_signed ? (int32_t)(v << shift) >> shift : (int32_t)v;
}

uint8_t *fake_pixels(const struct hz_pixel_shape *s, size_t *ret_bytes)
{
	unsigned cell = cell_of(s);
	size_t count = (size_t)s->columns * s->rows * s->samples;
	uint8_t *out = malloc(count * cell);
	uint32_t seed = 1, mask = s->bits_stored == 32 ? UINT32_MAX : (1u << s->bits_stored) - 1;
	if (!out)
		abort();
	for (size_t i = 0; i < count; i++) {
		seed = seed * 1664525 + 1013904223;
		size_t x = i / s->samples % s->columns, y = i / s->samples / s->columns;
		uint32_t v = (uint32_t)((uint64_t)mask * (x + y) / (s->columns + s->rows)) +
		             (seed >> 24) % 7 * (mask / 100 + 1);
		// Bands of extremes, side by side: the widest differences that there are.
		if (y % 16 == 5)
			v = x % 2 ? mask : 0;
		if (y % 16 == 6)
			v = x % 2 ? mask / 2 : mask / 2 + 1;
		v &= mask;
		if (s->is_signed && v & (mask / 2 + 1))
			v |= ~mask;
		for (unsigned b = 0; b < cell; b++)
			out[i * cell + b] = (uint8_t)(v >> (8 * b));
	}
	*ret_bytes = count * cell;
	return out;
}

static void rle_segment(struct fake_bytes *out, const uint8_t *from, size_t count, size_t step)
{
	for (size_t at = 0; at < count;) {
		size_t run = 1;
		while (at + run < count && run < 128 && from[(at + run) * step] == from[at * step])
			run++;
		uint8_t control = run > 2 ? (uint8_t)(257 - run) : 0; // repeat, or one as it is
		if (run <= 2)
			run = 1;
		fake_put(out, &control, 1);
		fake_put(out, from + at * step, 1);
		at += run;
	}
	fake_put(out, "", out->bytes % 2);
}

struct fake_bytes fake_rle(const uint8_t *samples, const struct hz_pixel_shape *s)
{
	struct fake_bytes out = {0};
	uint8_t head[64] = {0};
	unsigned cell = cell_of(s), segments = s->samples * cell;
	fake_put(&out, head, sizeof(head));
	head[0] = (uint8_t)segments;
	for (unsigned i = 0; i < segments; i++) {
		for (unsigned b = 0; b < 4; b++)
			head[4 + 4 * i + b] = (uint8_t)(out.bytes >> (8 * b));
		rle_segment(&out, samples + i / cell * cell + cell - 1 - i % cell,
		            (size_t)s->columns * s->rows, segments);
	}
	memcpy(out.data, head, sizeof(head));
	return out;
}

struct bits {
	struct fake_bytes *out;
	uint32_t held;
	unsigned count;
};

static void put_bits(struct bits *b, uint32_t value, unsigned n)
{
	while (n-- > 0) {
		b->held = b->held << 1 | (value >> n & 1);
		if (++b->count < 8)
			continue;
		uint8_t byte = (uint8_t)b->held;
		fake_put(b->out, &byte, 1);
		if (byte == 0xff)
			fake_put(b->out, "", 1);
		b->count = 0;
	}
}

struct fake_bytes fake_jpeg_lossless(const uint8_t *samples, const struct hz_pixel_shape *s,
                                     unsigned precision)
{
	struct fake_bytes out = {0};
	uint8_t n = s->samples;
	const uint8_t sof[] = {0xff,
	                       0xd8,
	                       0xff,
	                       0xc3,
	                       0,
	                       (uint8_t)(8 + 3 * n),
	                       (uint8_t)precision,
	                       (uint8_t)(s->rows >> 8),
	                       (uint8_t)s->rows,
	                       (uint8_t)(s->columns >> 8),
	                       (uint8_t)s->columns,
	                       n};
	// 17 codes of 5 bits: category c has the code c.
	const uint8_t dht[] = {0xff, 0xc4, 0, 36, 0, 0, 0, 0, 0, 17, 0, 0, 0,  0,  0,  0,  0,  0,  0,
	                       0,    0,    0, 1,  2, 3, 4, 5, 6, 7,  8, 9, 10, 11, 12, 13, 14, 15, 16};
	fake_put(&out, sof, sizeof(sof));
	for (uint8_t k = 0; k < n; k++)
		fake_put(&out, (uint8_t[]){(uint8_t)(k + 1), 0x11, 0}, 3);
	fake_put(&out, dht, sizeof(dht));
	fake_put(&out, (uint8_t[]){0xff, 0xda, 0, (uint8_t)(6 + 2 * n), n}, 5);
	for (uint8_t k = 0; k < n; k++)
		fake_put(&out, (uint8_t[]){(uint8_t)(k + 1), 0}, 2);
	fake_put(&out, (uint8_t[]){1, 0, 0}, 3);
	struct bits b = {.out = &out};
	uint32_t mask = (1u << precision) - 1;
	size_t row = (size_t)s->columns * n;
	for (size_t i = 0; i < row * s->rows; i++) {
		uint32_t v = raw_at(samples, cell_of(s), i) & mask;
		uint32_t p = i < n         ? 1u << (precision - 1)
		             : i % row < n ? raw_at(samples, cell_of(s), i - row) & mask
		                           : raw_at(samples, cell_of(s), i - n) & mask;
		int32_t diff = (int16_t)(v - p); // modulo 2^16
		unsigned category = 0;
		while (category < 16 && (uint32_t)abs(diff) >> category)
			category++;
		put_bits(&b, category, 5);
		if (category < 16)
			put_bits(&b, (uint32_t)(diff < 0 ? diff - 1 : diff), category);
	}
	put_bits(&b, 0x7f, 7);
	fake_put(&out, (uint8_t[]){0xff, 0xd9}, 2);
	return out;
}

struct fake_bytes fake_jpeg_ls(const uint8_t *samples, const struct hz_pixel_shape *s, unsigned interleave,
                               unsigned near)
{
	size_t cell = cell_of(s), pixels = (size_t)s->columns * s->rows, count = pixels * s->samples * cell,
	       used = 0;
	uint8_t *from = malloc(count), *to = malloc(count * 2 + 1024);
	struct charls_jpegls_encoder *e = charls_jpegls_encoder_create();
	charls_frame_info info = {s->columns, s->rows, s->bits_stored, s->samples};
	struct fake_bytes out = {0};
	if (!from || !to || !e)
		abort();
	uint32_t mask = (1u << s->bits_stored) - 1;
	for (size_t i = 0; i < pixels * s->samples; i++) {
		size_t at = interleave == 0 ? i % s->samples * pixels + i / s->samples : i;
		uint32_t v = raw_at(samples, (unsigned)cell, i) & mask; // JPEG-LS has no sign
		memcpy(from + at * cell, &v, cell);
	}
	if (charls_jpegls_encoder_set_frame_info(e, &info) ||
	    charls_jpegls_encoder_set_near_lossless(e, (int)near) ||
	    charls_jpegls_encoder_set_interleave_mode(e, (charls_interleave_mode)interleave) ||
	    charls_jpegls_encoder_set_destination_buffer(e, to, count * 2 + 1024) ||
	    charls_jpegls_encoder_encode_from_buffer(e, from, count, 0) ||
	    charls_jpegls_encoder_get_bytes_written(e, &used))
		abort();
	fake_put(&out, to, used);
	charls_jpegls_encoder_destroy(e);
	free(from);
	free(to);
	return out;
}

static OPJ_SIZE_T on_write(void *data, OPJ_SIZE_T n, void *user)
{
	struct fake_bytes *out = user;
	fake_put(out, data, n);
	return n;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T n, void *user)
{
	(void)n;
	(void)user;
	return -1;
}

static OPJ_BOOL on_seek(OPJ_OFF_T at, void *user)
{
	(void)at;
	(void)user;
	return OPJ_FALSE;
}

struct fake_bytes fake_j2k(const uint8_t *samples, const struct hz_pixel_shape *s, bool is_signed, bool lossy)
{
	struct fake_bytes out = {0};
	opj_cparameters_t p;
	opj_image_cmptparm_t c[3] = {0};
	opj_set_default_encoder_parameters(&p);
	p.tcp_numlayers = 1;
	p.cp_disto_alloc = 1;
	p.tcp_rates[0] = lossy ? 8 : 0;
	p.irreversible = lossy;
	p.tcp_mct = s->samples == 3;
	p.numresolution = 3;
	for (unsigned k = 0; k < s->samples; k++)
		c[k] = (opj_image_cmptparm_t){.dx = 1,
		                              .dy = 1,
		                              .w = s->columns,
		                              .h = s->rows,
		                              .prec = s->bits_stored,
		                              .sgnd = is_signed};
	opj_image_t *image =
	    opj_image_create(s->samples, c, s->samples == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);
	opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
	opj_stream_t *stream = opj_stream_create(1 << 20, OPJ_FALSE);
	if (!image || !codec || !stream)
		abort();
	image->x1 = s->columns;
	image->y1 = s->rows;
	for (size_t i = 0; i < (size_t)s->columns * s->rows * s->samples; i++) {
		int32_t v = value_at(samples, s, i);
		if (!is_signed)
			v &= (int32_t)((1u << s->bits_stored) - 1);
		image->comps[i % s->samples].data[i / s->samples] = v;
	}
	opj_stream_set_user_data(stream, &out, NULL);
	opj_stream_set_write_function(stream, on_write);
	opj_stream_set_skip_function(stream, on_skip);
	opj_stream_set_seek_function(stream, on_seek);
	if (!opj_setup_encoder(codec, &p, image) || !opj_start_compress(codec, image, stream) ||
	    !opj_encode(codec, stream) || !opj_end_compress(codec, stream))
		abort();
	opj_stream_destroy(stream);
	opj_destroy_codec(codec);
	opj_image_destroy(image);
	return out;
}
