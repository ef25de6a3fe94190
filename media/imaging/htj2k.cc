// HTJ2K by OpenJPH: decoded, encoded, and where its resolutions end.
#include "media/imaging/decode.h"

#include <endian.h>
#include <new>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openjph/ojph_arch.h>
#include <openjph/ojph_mem.h>
#include <openjph/ojph_file.h>
#include <openjph/ojph_params.h>
#include <openjph/ojph_codestream.h>
#include <openjph/ojph_message.h>

namespace
{

thread_local bool warned;

ssize_t on_words(void *cookie, const char *, size_t n)
{
	warned = warned || cookie;
	return (ssize_t)n;
}

FILE *words(void *cookie)
{
	cookie_io_functions_t does = {};
	does.write = on_words;
	FILE *f = fopencookie(cookie, "w", does);
	if (f)
		setvbuf(f, NULL, _IONBF, 0); // a word is heard by the thread that caused it
	return f;
}

// OpenJPH 0.9 ignores its own configure_warning(): what it writes to a stream is how it can be heard.
void be_quiet()
{
	static char yes;
	static FILE *silent = words(NULL), *heard = words(&yes);
	if (!silent || !heard)
		throw std::bad_alloc();
	static bool once = (ojph::set_info_stream(silent), ojph::set_error_stream(silent),
	                    ojph::set_warning_stream(heard), true);
	(void)once;
	warned = false;
}

// Bytes to read. OpenJPH seeks over the resolutions that are left out; where it was when it first did, the wanted ones
// end: packets of RPCL lie in their order.
class Input : public ojph::infile_base
{
      public:
	Input(const uint8_t *bytes, size_t n) : data(bytes), count(n), at(0), end(0)
	{
	}
	size_t read(void *to, size_t n) override
	{
		if (n > count - at)
			n = count - at;
		memcpy(to, data + at, n);
		at += n;
		return n;
	}
	int seek(ojph::si64 offset, enum infile_base::seek origin) override
	{
		ojph::si64 from = origin == OJPH_SEEK_SET   ? 0
		                  : origin == OJPH_SEEK_CUR ? (ojph::si64)at
		                                            : (ojph::si64)count;
		if (offset < -from)
			return -1;
		size_t to = offset > (ojph::si64)count - from ? count : (size_t)(from + offset);
		if (origin == OJPH_SEEK_SET && to > at && end == 0)
			end = at;
		at = to;
		return 0;
	}
	ojph::si64 tell() override
	{
		return (ojph::si64)at;
	}
	bool eof() override
	{
		return at >= count;
	}
	const uint8_t *data;
	size_t count, at, end; // end 0: all of it
};

// OpenJPH gives back lines until it was asked for all; the last codestream state must be closed in any case.
struct Stream {
	ojph::codestream stream;
	~Stream()
	{
		try {
			stream.close();
		} catch (...) {
		}
	}
};

template <class Cell>
void store(const ojph::line_buf *line, uint32_t width, const struct hz_codestream *s, uint8_t *to)
{
	// What lossy coding puts beyond the range is cut off at its ends (T.800 G.1.2). OpenJPH 0.9 leaves that to who asks:
	// without it white comes out black.
	const int32_t low = s->is_signed ? -(1 << (s->precision - 1)) : 0;
	const int32_t high = low + (int32_t)((1u << s->precision) - 1);
	for (uint32_t x = 0; x < width; x++, to += s->components * sizeof(Cell)) {
		int32_t v = line->i32[x];
		Cell value = (Cell)(v < low ? low : v > high ? high : v);
		if (sizeof(Cell) == 2)
			value = (Cell)htole16((uint16_t)value);
		memcpy(to, &value, sizeof(Cell));
	}
}

// One component of a row, among the others.
void store_line(const ojph::line_buf *line, uint32_t width, const struct hz_codestream *s, unsigned cell,
                uint8_t *to)
{
	if (cell == 2)
		store<uint16_t>(line, width, s, to);
	else
		store<uint8_t>(line, width, s, to);
}

int pull(const struct hz_codestream *s, unsigned skip, Input &in, struct hz_dicom_fault *fault,
         struct hz_coded *c)
{
	Stream holder;
	ojph::codestream &stream = holder.stream;
	if (skip) // a prefix is enough for a lower resolution
		stream.enable_resilience();
	stream.read_headers(&in);
	if (skip > stream.access_cod().get_num_decompositions())
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "HTJ2K has no resolution %u", skip);
	if (skip)
		stream.restrict_input_resolution(skip, skip);
	stream.set_planar(false);
	stream.create();
	ojph::param_siz siz = stream.access_siz();
	uint32_t width = siz.get_recon_width(0), height = siz.get_recon_height(0);
	if (siz.get_num_components() != s->components || width == 0 || height == 0 || width > s->columns ||
	    height > s->rows || (!skip && (width != s->columns || height != s->rows)))
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "HTJ2K is damaged");
	size_t step = (size_t)s->components * c->cell;
	c->bytes = (size_t)width * height * step;
	c->data = (uint8_t *)malloc(c->bytes);
	if (!c->data)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a frame");
	for (uint32_t y = 0; y < height; y++) {
		for (unsigned k = 0; k < s->components; k++) {
			ojph::ui32 component = k;
			const ojph::line_buf *line = stream.pull(component);
			if (!line || component != k || line->size < width)
				return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "HTJ2K is damaged");
			store_line(line, width, s, c->cell, c->data + y * width * step + k * c->cell);
		}
	}
	return warned && !skip ? hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "HTJ2K is damaged") : 0;
}

// What a library throws becomes an error.
template <class Work> int guarded(Work work, struct hz_dicom_fault *fault)
{
	try {
		be_quiet();
		return work();
	} catch (const std::bad_alloc &) {
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for HTJ2K");
	} catch (...) {
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "HTJ2K is damaged");
	}
}

// A side in tiles: none may be smaller than the samples that the lowest resolution makes one of, nor begin within such.
bool side_is_sound(uint32_t side, uint32_t tile, unsigned levels)
{
	uint64_t least = (uint64_t)1 << levels;
	return levels <= 32 && (tile >= side || tile % least == 0) && (side - 1) % tile + 1 >= least;
}

// OpenJPH 0.9 gives other samples, without a word, where a tile's low resolutions have odd or no sides.
bool known_to_be_exact(const struct hz_codestream *s)
{
	return !s->offset && side_is_sound(s->columns, s->tile_columns, s->levels) &&
	       side_is_sound(s->rows, s->tile_rows, s->levels);
}

int decode(const struct hz_codestream *s, unsigned skip, struct hz_dicom_fault *fault, struct hz_coded *ret)
{
	struct hz_coded c = {};
	c.cell = s->precision > 8 ? 2 : 1;
	c.precision = s->precision;
	c.is_signed = s->is_signed;
	c.has_sign = true;
	c.lossy = s->lossy;
	if (!known_to_be_exact(s))
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED,
		                     "HTJ2K of offsets, tiles or levels beyond its size");
	Input in(s->data, s->bytes);
	int err = guarded([&] { return pull(s, skip, in, fault, &c); }, fault);
	if (err < 0) {
		free(c.data);
		return err;
	}
	*ret = c;
	return 0;
}

template <class Cell> void load(const uint8_t *from, uint32_t samples, uint32_t width, ojph::line_buf *line)
{
	for (uint32_t x = 0; x < width; x++, from += samples * sizeof(Cell)) {
		Cell value;
		memcpy(&value, from, sizeof(Cell));
		line->i32[x] = sizeof(Cell) == 2 ? (Cell)le16toh((uint16_t)value) : value;
	}
}

// One component of a row. Cells are of 1 or 2 bytes.
void load_line(const struct hz_frame *f, const uint8_t *from, ojph::line_buf *line)
{
	if (f->cell == 2)
		(f->is_signed ? load<int16_t> : load<uint16_t>)(from, f->samples, f->columns, line);
	else
		(f->is_signed ? load<int8_t> : load<uint8_t>)(from, f->samples, f->columns, line);
}

void push_lines(const struct hz_frame *f, ojph::codestream &stream)
{
	ojph::ui32 next = 0;
	ojph::line_buf *line = stream.exchange(NULL, next);
	for (uint32_t y = 0; y < f->rows; y++) {
		for (unsigned k = 0; k < f->samples; k++) {
			size_t index = (size_t)y * f->columns * f->samples + next;
			load_line(f, f->data + index * f->cell, line);
			line = stream.exchange(line, next);
		}
	}
}

int encode(const struct hz_frame *f, unsigned levels, struct hz_dicom_fault *fault, struct hz_htj2k *ret)
{
	Stream holder;
	ojph::codestream &stream = holder.stream;
	ojph::mem_outfile out;
	ojph::param_siz siz = stream.access_siz();
	siz.set_image_extent(ojph::point(f->columns, f->rows));
	siz.set_num_components(f->samples);
	for (unsigned k = 0; k < f->samples; k++)
		siz.set_component(k, ojph::point(1, 1), f->bits_stored, f->is_signed);
	siz.set_image_offset(ojph::point(0, 0));
	siz.set_tile_size(ojph::size(0, 0));
	siz.set_tile_offset(ojph::point(0, 0));
	ojph::param_cod cod = stream.access_cod();
	cod.set_num_decomposition(levels);
	cod.set_block_dims(64, 64);
	cod.set_progression_order("RPCL");
	cod.set_color_transform(ret->transform);
	cod.set_reversible(true);
	stream.set_planar(false);
	out.open();
	stream.write_headers(&out);
	push_lines(f, stream);
	stream.flush();
	ret->bytes = (size_t)out.tell();
	ret->data = (uint8_t *)malloc(ret->bytes);
	if (!ret->data)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for HTJ2K");
	memcpy(ret->data, out.get_data(), ret->bytes);
	return 0;
}

// Where the lower resolutions end: so far a decoder reads that wants no more. All of it is read before the first line is pulled.
int find_ends(struct hz_htj2k *ret)
{
	for (unsigned r = 0; r < ret->levels; r++) {
		Input in(ret->data, ret->bytes);
		Stream holder;
		holder.stream.enable_resilience();
		holder.stream.read_headers(&in);
		holder.stream.restrict_input_resolution(ret->levels - r, ret->levels - r);
		holder.stream.create();
		ret->end[r] = in.end ? in.end : in.count;
	}
	ret->end[ret->levels] = ret->bytes;
	return 0;
}

} // namespace

extern "C" int hz_decode_htj2k(const struct hz_codestream *s, unsigned skip, struct hz_dicom_fault *fault,
                               struct hz_coded *ret)
{
	return decode(s, skip, fault, ret);
}

extern "C" int hz_frame_make_htj2k(const struct hz_frame *f, struct hz_dicom_fault *fault,
                                   struct hz_htj2k *ret)
{
	struct hz_htj2k h = {};
	if (f->cell > 2 || (f->samples != 1 && f->samples != 3) || (f->cell == 2) != (f->bits_stored > 8))
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "HTJ2K of %u bits in %u bytes",
		                     f->bits_stored, f->cell);
	h.transform = f->samples == 3 && f->photometric == HZ_RGB && !f->is_signed;
	for (uint32_t side = f->columns < f->rows ? f->columns : f->rows; h.levels < 5 && side > 32;
	     side = (side + 1) / 2)
		h.levels++;
	int err = guarded([&] { return encode(f, h.levels, fault, &h); }, fault);
	if (err == 0)
		err = guarded([&] { return find_ends(&h); }, fault);
	if (err < 0)
		hz_htj2k_done(&h);
	else
		*ret = h;
	return err;
}

// Decoded again from what was written, it must be the frame, bit for bit.
extern "C" int hz_frame_prove_htj2k(const struct hz_frame *f, const struct hz_htj2k *made,
                                    struct hz_dicom_fault *fault)
{
	struct hz_codestream s;
	struct hz_coded c = {};
	int err = hz_codestream_read(made->data, made->bytes, fault, &s);
	if (err == 0)
		err = decode(&s, 0, fault, &c);
	if (err == 0 && (c.bytes != f->bytes || memcmp(c.data, f->data, f->bytes) != 0))
		err = hz_dicom_fail(fault, HZ_DICOM_NOT_LOSSLESS, "HTJ2K does not give back what went in");
	free(c.data);
	return err;
}

extern "C" int hz_frame_encode_htj2k(const struct hz_frame *f, struct hz_dicom_fault *fault,
                                     struct hz_htj2k *ret)
{
	struct hz_htj2k h;
	int err = hz_frame_make_htj2k(f, fault, &h);
	if (err < 0)
		return err;
	err = hz_frame_prove_htj2k(f, &h, fault);
	if (err < 0)
		hz_htj2k_done(&h);
	else
		*ret = h;
	return err;
}

extern "C" void hz_htj2k_done(struct hz_htj2k *htj2k)
{
	free(htj2k->data);
	memset(htj2k, 0, sizeof(*htj2k));
}
