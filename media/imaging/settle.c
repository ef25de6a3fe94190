// The values of a codestream against what the data set says of them. A value is taken where it means one thing only.
#include "media/imaging/decode.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

void hz_frame_done(struct hz_frame *frame)
{
	free(frame->data);
	memset(frame, 0, sizeof(*frame));
}

int32_t hz_frame_sample(const struct hz_frame *frame, size_t index)
{
	const uint8_t *p = frame->data + index * frame->cell;
	uint32_t value = p[0];
	if (frame->cell >= 2)
		value |= (uint32_t)p[1] << 8;
	if (frame->cell == 4)
		value |= (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	if (frame->cell == 1)
		return frame->is_signed ? (int8_t)value : (int32_t)value;
	if (frame->cell == 2)
		return frame->is_signed ? (int16_t)value : (int32_t)value;
	return (int32_t)value;
}

static uint32_t load(const uint8_t *p, unsigned cell)
{
	uint32_t value = p[0];
	if (cell >= 2)
		value |= (uint32_t)p[1] << 8;
	if (cell == 4)
		value |= (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	return value;
}

static void store(uint8_t *p, unsigned cell, uint32_t value)
{
	for (unsigned i = 0; i < cell; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t mask_of(unsigned bits)
{
	return bits >= 32 ? UINT32_MAX : (1u << bits) - 1;
}

static int32_t extend(uint32_t value, unsigned bits)
{
	uint32_t sign = 1u << (bits - 1);
	return (int32_t)(((value & mask_of(bits)) ^ sign) - sign);
}

// The same for words of 16 bits, which most are.
static void settle_16(struct hz_coded *c, const struct hz_pixel_shape *s, uint8_t *to)
{
	unsigned shift = s->high_bit + 1u - s->bits_stored;
	uint32_t mask = mask_of(s->bits_stored), sign = s->is_signed ? 1u << (s->bits_stored - 1) : 0;
	for (size_t at = 0; at < c->bytes; at += 2) {
		uint16_t word;
		memcpy(&word, c->data + at, 2);
		uint32_t value = (uint32_t)le16toh(word) >> shift & mask;
		word = htole16((uint16_t)((value ^ sign) - sign));
		memcpy(to + at, &word, 2);
	}
}

// Words as the file has them: the value is bits_stored of them, below high_bit; what else is in the word is not it.
static void settle_word(struct hz_coded *c, const struct hz_pixel_shape *s, uint8_t *to)
{
	unsigned shift = s->high_bit + 1u - s->bits_stored, cell = c->cell;
	for (size_t at = 0; at < c->bytes; at += cell) {
		uint32_t value = load(c->data + at, cell) >> shift & mask_of(s->bits_stored);
		store(to + at, cell, s->is_signed ? (uint32_t)extend(value, s->bits_stored) : value);
	}
}

enum verdict { FITS, WIDER, TOO_WIDE, TWO_MEANINGS }; // WIDER: exact, in more bits than the header says

// One value of `precision` bits from a codestream, into what the data set says it is.
static enum verdict settle_value(const struct hz_coded *c, const struct hz_pixel_shape *s, uint32_t raw,
                                 int32_t *ret)
{
	unsigned p = c->precision, b = s->bits_stored;
	if (c->is_signed && s->is_signed) {
		*ret = extend(raw, p);
		return extend((uint32_t)*ret, b) == *ret ? FITS : WIDER;
	}
	uint32_t bits = raw & mask_of(p);
	if (c->is_signed) { // the data set says unsigned: only what is not negative is the same in both
		*ret = extend(raw, p);
		return *ret < 0 ? TWO_MEANINGS : (uint32_t)*ret > mask_of(b) ? WIDER : FITS;
	}
	if (!s->is_signed) {
		*ret = (int32_t)bits;
		return bits > mask_of(b) ? WIDER : FITS;
	}
	// Bits without a sign, of which the data set says that they are two's complement of `b` bits.
	if (p < b) { // -1 or 2^p - 1?
		*ret = (int32_t)bits;
		return bits >> (p - 1) & 1 ? TWO_MEANINGS : FITS;
	}
	*ret = extend(bits, b);
	bool extended = bits == ((uint32_t)*ret & mask_of(p)), plain = bits <= mask_of(b);
	return extended || plain ? FITS : TOO_WIDE;
}

// 1: some value needs the bits of the codestream, which are more than the header's.
static int settle_values(struct hz_coded *c, const struct hz_pixel_shape *s, unsigned to_cell,
                         struct hz_dicom_fault *fault, uint8_t *to)
{
	bool wider = false;
	for (size_t at = 0, out = 0; at < c->bytes; at += c->cell, out += to_cell) {
		int32_t value;
		enum verdict is = settle_value(c, s, load(c->data + at, c->cell), &value);
		wider = wider || is == WIDER;
		if (is == TOO_WIDE)
			return hz_dicom_fail(fault, HZ_DICOM_BITS,
			                     "%u bits in the codestream do not fit the %u of the header",
			                     c->precision, s->bits_stored);
		if (is == TWO_MEANINGS)
			return hz_dicom_fail(fault, HZ_DICOM_SIGN,
			                     "codestream (%s, %u bits) and header (%s, %u bits) disagree",
			                     c->is_signed ? "signed" : "unsigned", c->precision,
			                     s->is_signed ? "signed" : "unsigned", s->bits_stored);
		store(to + out, to_cell, (uint32_t)value);
	}
	return wider ? 1 : 0;
}

// Is every byte its own value already?
static bool as_it_is(const struct hz_coded *c, const struct hz_pixel_shape *s)
{
	bool full = s->bits_stored == 8u * c->cell && s->bits_allocated == 8u * c->cell;
	return full && (c->word ||
	                (c->precision == s->bits_stored && (!c->has_sign || c->is_signed == s->is_signed)));
}

int hz_settle(struct hz_coded *coded, const struct hz_pixel_shape *shape, struct hz_dicom_fault *fault,
              struct hz_frame *ret)
{
	// compare() in decode.c let no precision pass that the cell has no room for.
	unsigned cell = shape->bits_allocated < 8 ? 1 : shape->bits_allocated / 8;
	uint8_t *data = coded->data;
	int err = 0;
	size_t values = coded->bytes / coded->cell;
	if (!as_it_is(coded, shape)) {
		data = cell > coded->cell ? malloc(values * cell) : coded->data;
		if (!data)
			err = hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a frame");
		else if (coded->word && coded->cell == 2)
			settle_16(coded, shape, data);
		else if (coded->word)
			settle_word(coded, shape, data);
		else
			err = settle_values(coded, shape, cell, fault, data);
	}
	if (data != coded->data || err < 0)
		free(coded->data);
	if (err < 0) {
		if (data != coded->data)
			free(data);
		return err;
	}
	*ret = (struct hz_frame){.columns = shape->columns,
	                         .rows = shape->rows,
	                         .samples = shape->samples,
	                         .cell = (uint8_t)cell,
	                         .bits_stored = err == 1 ? coded->precision : shape->bits_stored,
	                         .is_signed = shape->is_signed,
	                         .lossy = coded->lossy,
	                         .photometric = coded->photometric,
	                         .data = data,
	                         .bytes = values * cell};
	return 0;
}
