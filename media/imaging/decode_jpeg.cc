// JPEG, lossy and lossless, by DCMTK's three builds of the IJG library: for up to 8, 12 and 16 bits.
#include "media/imaging/decode.h"

#include <new>
#include <stdlib.h>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmjpeg/djcparam.h>
#include <dcmtk/dcmjpeg/djdijg12.h>
#include <dcmtk/dcmjpeg/djdijg16.h>
#include <dcmtk/dcmjpeg/djdijg8.h>

namespace
{

// The library goes on after damage with a warning, and makes pixels up. Here a warning is the end of the image.
template <class Decoder> class Strict : public Decoder
{
      public:
	Strict(const DJCodecParameter &parameter) : Decoder(parameter, OFFalse), warned(false)
	{
	}
	void emitMessage(int level) const override
	{
		if (level < 0)
			warned = true;
	}
	mutable bool warned;
};

// Sequential scans of some encoders (NEMA's own MR1_JPLY) say coefficients 0 to 0 where 0 to 63 must stand; the process
// has no other. Set right, so that this warning can be told from those of damage. FFDA cannot be in coded data.
void set_spectrum(uint8_t *p, size_t n)
{
	for (size_t at = 0; at + 12 <= n; at++) {
		if (p[at] != 0xff || p[at + 1] != 0xda || p[at + 2] != 0)
			continue;
		size_t components = p[at + 4], end = at + 5 + 2 * components;
		if (components < 1 || components > 4 || p[at + 3] != 6 + 2 * components || end + 3 > n)
			continue;
		if (p[end] == 0 && p[end + 1] == 0 && p[end + 2] == 0)
			p[end + 1] = 63;
	}
}

template <class Decoder>
int run(const struct hz_codestream *s, struct hz_dicom_fault *fault, struct hz_coded *ret)
{
	// No colour conversion: samples as they are coded. No workarounds for the broken encoders of old.
	DJCodecParameter parameter(ECC_lossyYCbCr, EDC_never, EUC_default, EPC_colorByPixel);
	Strict<Decoder> decoder(parameter);
	if (s->bytes > UINT32_MAX || ret->bytes > UINT32_MAX)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG, "a JPEG of more than 4 GB");
	// The library takes bytes that it may write to, and these are not ours.
	std::vector<uint8_t> copy(s->data, s->data + s->bytes);
	if (s->codec == HZ_IMAGE_JPEG && !s->progressive)
		set_spectrum(copy.data(), copy.size());
	OFCondition result = decoder.init();
	if (result.good())
		result =
		    decoder.decode(copy.data(), (Uint32)copy.size(), ret->data, (Uint32)ret->bytes, OFFalse);
	if (result.bad())
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM,
		                     "JPEG is damaged or ends too early (DCMTK %04x:%04x)", result.module(),
		                     result.code());
	if (decoder.warned)
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "JPEG is damaged");
	return 0;
}

} // namespace

extern "C" int hz_decode_jpeg(const struct hz_codestream *s, struct hz_dicom_fault *fault,
                              struct hz_coded *ret)
{
	struct hz_coded c = {};
	c.precision = s->precision;
	c.cell = s->precision > 8 ? 2 : 1;
	c.lossy = s->lossy;
	c.bytes = (size_t)s->columns * s->rows * s->components * c.cell;
	if (s->precision > 12 && s->codec == HZ_IMAGE_JPEG)
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "lossy JPEG of %u bits", s->precision);
	c.data = (uint8_t *)calloc(1, c.bytes);
	if (!c.data)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a frame");
	int err;
	try {
		err = s->precision <= 8    ? run<DJDecompressIJG8Bit>(s, fault, &c)
		      : s->precision <= 12 ? run<DJDecompressIJG12Bit>(s, fault, &c)
		                           : run<DJDecompressIJG16Bit>(s, fault, &c);
	} catch (const std::bad_alloc &) {
		err = hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a JPEG");
	} catch (...) {
		err = hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "JPEG is damaged");
	}
	if (err < 0)
		free(c.data);
	else
		*ret = c;
	return err;
}
