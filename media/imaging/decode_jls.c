// JPEG-LS by CharLS.
#include "media/imaging/decode.h"

#include <charls/charls.h>
#include <stdlib.h>
#include <string.h>

#define PADDING_BYTES 64 // in front of EOI, that is taken for padding

static charls_jpegls_errc decode_once(const uint8_t *bytes, size_t count, const struct hz_codestream *s,
                                      struct hz_coded *ret, charls_interleave_mode *mode)
{
	charls_jpegls_decoder *d = charls_jpegls_decoder_create();
	charls_frame_info info = {0};
	size_t need = 0;
	if (!d)
		return CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY;
	charls_jpegls_errc err = charls_jpegls_decoder_set_source_buffer(d, bytes, count);
	if (!err)
		err = charls_jpegls_decoder_read_header(d);
	if (!err)
		err = charls_jpegls_decoder_get_frame_info(d, &info);
	if (!err)
		err = charls_jpegls_decoder_get_interleave_mode(d, mode);
	if (!err)
		err = charls_jpegls_decoder_get_destination_size(d, 0, &need);
	if (!err && (need != ret->bytes || info.width != s->columns || info.height != s->rows))
		err = CHARLS_JPEGLS_ERRC_INVALID_ENCODED_DATA;
	if (!err)
		err = charls_jpegls_decoder_decode_to_buffer(d, ret->data, ret->bytes, 0);
	charls_jpegls_decoder_destroy(d);
	return err;
}

// Some encoders pad to an even length in front of EOI; CharLS refuses what DCMTK takes. Byte by byte without it, from
// a copy: every sample was decoded by then, so that nothing can be made up.
static charls_jpegls_errc decode_padded(const struct hz_codestream *s, struct hz_coded *ret,
                                        charls_interleave_mode *mode)
{
	size_t end = s->bytes;
	while (end >= 2 && !(s->data[end - 2] == 0xff && s->data[end - 1] == 0xd9))
		end--;
	if (end < 2)
		return CHARLS_JPEGLS_ERRC_INVALID_ENCODED_DATA;
	uint8_t *copy = malloc(end);
	if (!copy)
		return CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY;
	memcpy(copy, s->data, end);
	charls_jpegls_errc err = CHARLS_JPEGLS_ERRC_TOO_MUCH_ENCODED_DATA;
	for (unsigned i = 0; err && i < PADDING_BYTES && end > 2; i++) {
		if (copy[end - 3] != 0 && copy[end - 3] != 0xff)
			break;
		copy[end - 3] = 0xff;
		copy[end - 2] = 0xd9;
		err = decode_once(copy, --end, s, ret, mode);
	}
	free(copy);
	return err;
}

static int interleave(struct hz_coded *ret, unsigned samples, struct hz_dicom_fault *fault)
{
	uint8_t *to = malloc(ret->bytes);
	if (!to)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a frame");
	size_t pixels = ret->bytes / samples / ret->cell, cell = ret->cell;
	for (unsigned k = 0; k < samples; k++) {
		for (size_t i = 0; i < pixels; i++)
			memcpy(to + (i * samples + k) * cell, ret->data + (k * pixels + i) * cell, cell);
	}
	free(ret->data);
	ret->data = to;
	return 0;
}

int hz_decode_jpeg_ls(const struct hz_codestream *s, struct hz_dicom_fault *fault, struct hz_coded *ret)
{
	charls_interleave_mode mode = CHARLS_INTERLEAVE_MODE_NONE;
	struct hz_coded c = {
	    .cell = s->precision > 8 ? 2 : 1, .precision = s->precision, .lossy = s->near > 0};
	c.bytes = (size_t)s->columns * s->rows * s->components * c.cell;
	c.data = malloc(c.bytes);
	if (!c.data)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a frame");
	charls_jpegls_errc err = decode_once(s->data, s->bytes, s, &c, &mode);
	if (err)
		err = decode_padded(s, &c, &mode) ? err : CHARLS_JPEGLS_ERRC_SUCCESS;
	int failed =
	    err ? hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "JPEG-LS is damaged (CharLS %d)", (int)err) : 0;
	if (!failed && s->components > 1 && mode == CHARLS_INTERLEAVE_MODE_NONE)
		failed = interleave(&c, s->components, fault);
	if (failed)
		free(c.data);
	else
		*ret = c;
	return failed;
}
