// JPEG 2000 by OpenJPEG.
#include "media/imaging/decode.h"

#include <openjpeg.h>
#include <stdlib.h>
#include <string.h>

struct input {
	const uint8_t *data;
	size_t bytes, at;
	bool warned;
};

static OPJ_SIZE_T on_read(void *buf, OPJ_SIZE_T count, void *user)
{
	struct input *in = user;
	if (in->at == in->bytes)
		return (OPJ_SIZE_T)-1;
	if (count > in->bytes - in->at)
		count = in->bytes - in->at;
	memcpy(buf, in->data + in->at, count);
	in->at += count;
	return count;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T count, void *user)
{
	struct input *in = user;
	if (count < 0 || (uint64_t)count > in->bytes - in->at)
		return -1;
	in->at += (size_t)count;
	return count;
}

static OPJ_BOOL on_seek(OPJ_OFF_T at, void *user)
{
	struct input *in = user;
	if (at < 0 || (uint64_t)at > in->bytes)
		return OPJ_FALSE;
	in->at = (size_t)at;
	return OPJ_TRUE;
}

// It warns where it makes something up: data that ends too early, code-blocks that cannot be decoded.
static void on_warning(const char *text, void *user)
{
	struct input *in = user;
	in->warned = true;
	(void)text;
}

static void on_word(const char *text, void *user)
{
	(void)text;
	(void)user;
}

static bool decode_image(const struct hz_codestream *s, struct input *in, opj_image_t **ret)
{
	opj_dparameters_t parameters;
	opj_set_default_decoder_parameters(&parameters);
	opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
	opj_stream_t *stream = opj_stream_create(64u << 10, OPJ_TRUE);
	bool ok = codec && stream;
	if (ok) {
		opj_stream_set_user_data(stream, in, NULL);
		opj_stream_set_user_data_length(stream, s->bytes);
		opj_stream_set_read_function(stream, on_read);
		opj_stream_set_skip_function(stream, on_skip);
		opj_stream_set_seek_function(stream, on_seek);
		opj_set_error_handler(codec, on_word, in);
		opj_set_info_handler(codec, on_word, in);
		opj_set_warning_handler(codec, on_warning, in);
		ok = opj_setup_decoder(codec, &parameters) && opj_decoder_set_strict_mode(codec, OPJ_TRUE) &&
		     opj_read_header(stream, codec, ret);
		in->warned = false; // of the header: comments, unknown markers
		ok = ok && opj_decode(codec, stream, *ret) && opj_end_decompress(codec, stream);
	}
	opj_stream_destroy(stream);
	opj_destroy_codec(codec);
	return ok && !in->warned;
}

static bool sound(const struct hz_codestream *s, const opj_image_t *image)
{
	if (image->numcomps != s->components)
		return false;
	for (unsigned i = 0; i < image->numcomps; i++) {
		const opj_image_comp_t *c = &image->comps[i];
		if (c->w != s->columns || c->h != s->rows || c->prec != s->precision || !c->data ||
		    (c->sgnd != 0) != s->is_signed)
			return false;
	}
	return true;
}

static void take(const struct hz_codestream *s, const opj_image_t *image, struct hz_coded *ret)
{
	size_t pixels = (size_t)s->columns * s->rows, step = (size_t)s->components * ret->cell;
	for (unsigned k = 0; k < s->components; k++) {
		const OPJ_INT32 *from = image->comps[k].data;
		uint8_t *to = ret->data + k * ret->cell;
		for (size_t i = 0; i < pixels; i++, to += step) {
			to[0] = (uint8_t)from[i];
			if (ret->cell == 2)
				to[1] = (uint8_t)(from[i] >> 8);
		}
	}
}

int hz_decode_j2k(const struct hz_codestream *s, struct hz_dicom_fault *fault, struct hz_coded *ret)
{
	struct input in = {.data = s->data, .bytes = s->bytes};
	struct hz_coded c = {.cell = s->precision > 8 ? 2 : 1,
	                     .precision = s->precision,
	                     .is_signed = s->is_signed,
	                     .has_sign = true,
	                     .lossy = s->lossy};
	opj_image_t *image = NULL;
	int err = 0;
	if (!decode_image(s, &in, &image) || !sound(s, image))
		err = hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "JPEG 2000 is damaged");
	c.bytes = (size_t)s->columns * s->rows * s->components * c.cell;
	if (err == 0 && !(c.data = malloc(c.bytes)))
		err = hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a frame");
	if (err == 0) {
		take(s, image, &c);
		*ret = c;
	}
	opj_image_destroy(image);
	return err;
}
