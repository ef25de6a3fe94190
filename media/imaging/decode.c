#include "media/imaging/decode.h"

#include <stdlib.h>
#include <string.h>

// Before a decoder gets to see it: does the codestream promise the image that the data set promises?
static int compare(const struct hz_codestream *s, const struct hz_pixel_shape *e,
                   struct hz_dicom_fault *fault)
{
	const char *name = hz_image_codec_name(s->codec);
	if (s->columns != e->columns || s->rows != e->rows)
		return hz_dicom_fail(fault, HZ_DICOM_SIZE, "%s of %u x %u, the header says %u x %u", name,
		                     s->columns, s->rows, e->columns, e->rows);
	if (s->components != e->samples)
		return hz_dicom_fail(fault, HZ_DICOM_COMPONENTS, "%s of %u components, the header says %u",
		                     name, s->components, e->samples);
	if (s->precision > e->bits_allocated)
		return hz_dicom_fail(fault, HZ_DICOM_BITS, "%s of %u bits, the header says %u", name,
		                     s->precision, e->bits_allocated);
	if (e->high_bit + 1 != e->bits_stored)
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED,
		                     "%s of samples whose highest bit is %u of %u", name, e->high_bit,
		                     e->bits_stored);
	return 0;
}

static int decode(const struct hz_codestream *s, const struct hz_pixel_shape *expect,
                  struct hz_dicom_fault *fault, struct hz_coded *ret)
{
	if (s->codec == HZ_IMAGE_RLE)
		return hz_decode_rle(s, expect, fault, ret);
	int err = compare(s, expect, fault);
	if (err < 0)
		return err;
	switch (s->codec) {
	case HZ_IMAGE_JPEG:
	case HZ_IMAGE_JPEG_LOSSLESS:
		return hz_decode_jpeg(s, fault, ret);
	case HZ_IMAGE_JPEG_LS:
		return hz_decode_jpeg_ls(s, fault, ret);
	case HZ_IMAGE_JPEG_2000:
		return hz_decode_j2k(s, fault, ret);
	case HZ_IMAGE_HTJ2K:
		return hz_decode_htj2k(s, 0, fault, ret);
	default:
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "a codestream that nobody decodes");
	}
}

// Colour after decoding. JPEG 2000's own transform is undone. A JPEG that says what it is is believed (Adobe, JFIF,
// component names); one that does not is what the header says.
static enum hz_photometric colour(const struct hz_codestream *s, const struct hz_pixel_shape *e)
{
	if (e->samples != 3)
		return e->photometric;
	bool j2k = s->codec == HZ_IMAGE_JPEG_2000 || s->codec == HZ_IMAGE_HTJ2K;
	if (j2k && (s->transform || e->photometric == HZ_YBR_RCT || e->photometric == HZ_YBR_ICT))
		return HZ_RGB;
	if (s->codec == HZ_IMAGE_JPEG) {
		// Both JFIF and Adobe: JFIF's word counts, as it does in libjpeg, which is what viewers have.
		if (s->jfif || s->adobe == 1)
			return HZ_YBR_FULL;
		if (s->adobe == 0 || (s->adobe < 0 && s->rgb_ids))
			return HZ_RGB;
	}
	bool ybr = e->photometric == HZ_YBR_FULL_422 || e->photometric == HZ_YBR_PARTIAL_420;
	return ybr ? HZ_YBR_FULL : e->photometric;
}

int hz_frame_decode(const struct hz_frame_source *source, const struct hz_pixel_shape *expect,
                    size_t limit_bytes, struct hz_dicom_fault *fault, struct hz_frame *ret)
{
	uint64_t cell = expect->bits_allocated < 8 ? 1 : expect->bits_allocated / 8;
	struct hz_codestream stream = {.codec = HZ_IMAGE_NATIVE};
	struct hz_coded coded = {0};
	if (limit_bytes == 0)
		limit_bytes = hz_dicom_limits_default.frame_bytes;
	if ((uint64_t)expect->columns * expect->rows * expect->samples * cell > limit_bytes)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG, "a frame of %u x %u is more than %zu bytes",
		                     expect->columns, expect->rows, limit_bytes);
	int err;
	if (!source->encoded) {
		err = hz_decode_native(source, expect, fault, &coded);
	} else {
		err = hz_codestream_read(source->data, source->bytes, fault, &stream);
		if (err == 0)
			err = decode(&stream, expect, fault, &coded);
		if (err == 0 && stream.codec != HZ_IMAGE_RLE)
			coded.photometric = colour(&stream, expect);
	}
	return err < 0 ? err : hz_settle(&coded, expect, fault, ret);
}
