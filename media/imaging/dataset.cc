// Attributes of the image by DCMTK, from the bytes that hz_scan() found sound. Nothing of DCMTK leaves this folder, no
// exception this file.
#include "media/imaging/attributes.h"

#include <errno.h>
#include <new>
#include <stdlib.h>

#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/oflog/oflog.h>

static const struct {
	const char *name;
	enum hz_photometric is;
	uint8_t samples;
} photometrics[] = {
    {"MONOCHROME1", HZ_MONOCHROME1, 1},
    {"MONOCHROME2", HZ_MONOCHROME2, 1},
    {"PALETTE COLOR", HZ_PALETTE_COLOR, 1},
    {"RGB", HZ_RGB, 3},
    {"YBR_FULL", HZ_YBR_FULL, 3},
    {"YBR_FULL_422", HZ_YBR_FULL_422, 3},
    {"YBR_PARTIAL_420", HZ_YBR_PARTIAL_420, 3},
    {"YBR_ICT", HZ_YBR_ICT, 3},
    {"YBR_RCT", HZ_YBR_RCT, 3},
};

static int read_photometric(DcmItem &dataset, struct hz_pixel_shape *shape, struct hz_dicom_fault *fault)
{
	char name[17];
	if (!hz_get_code(dataset, DCM_PhotometricInterpretation, name, sizeof(name)))
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "no Photometric Interpretation");
	for (const auto &known : photometrics) {
		if (strcmp(known.name, name) != 0)
			continue;
		shape->photometric = known.is;
		if (known.samples != shape->samples)
			return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "%s with %u samples a pixel",
			                     known.name, shape->samples);
		return 0;
	}
	return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "a Photometric Interpretation that nobody shows");
}

static int read_shape(DcmItem &dataset, struct hz_pixel_shape *shape, struct hz_dicom_fault *fault)
{
	uint32_t samples = 1, allocated, stored, high, representation = 0, planar = 0;
	if (!hz_get_uint(dataset, DCM_Rows, &shape->rows) ||
	    !hz_get_uint(dataset, DCM_Columns, &shape->columns) || shape->rows == 0 || shape->columns == 0 ||
	    shape->rows > 65535 || shape->columns > 65535)
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "no Rows or Columns");
	if (!hz_get_uint(dataset, DCM_BitsAllocated, &allocated))
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "no Bits Allocated");
	if (allocated != 1 && allocated != 8 && allocated != 16 && allocated != 32)
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "%u bits allocated", allocated);
	if (!hz_get_uint(dataset, DCM_BitsStored, &stored))
		stored = allocated;
	if (!hz_get_uint(dataset, DCM_HighBit, &high))
		high = stored - 1;
	if (stored < 1 || stored > allocated || high + 1 < stored || high >= allocated)
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "%u bits stored of %u, the highest %u",
		                     stored, allocated, high);
	hz_get_uint(dataset, DCM_SamplesPerPixel, &samples);
	hz_get_uint(dataset, DCM_PixelRepresentation, &representation);
	hz_get_uint(dataset, DCM_PlanarConfiguration, &planar);
	if ((samples != 1 && samples != 3) || representation > 1 || planar > 1)
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE,
		                     "%u samples a pixel, representation %u, planar %u", samples,
		                     representation, planar);
	shape->samples = (uint8_t)samples;
	shape->bits_allocated = (uint8_t)allocated;
	shape->bits_stored = (uint8_t)stored;
	shape->high_bit = (uint8_t)high;
	shape->is_signed = representation == 1;
	shape->planar = planar == 1 && samples == 3;
	return read_photometric(dataset, shape, fault);
}

static int read_frames(DcmItem &dataset, const struct hz_dicom *dicom, uint32_t *ret,
                       struct hz_dicom_fault *fault)
{
	int32_t frames = 1;
	if (dataset.tagExistsWithValue(DCM_NumberOfFrames) &&
	    !hz_get_int(dataset, DCM_NumberOfFrames, 0, false, &frames))
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "a Number of Frames that is none");
	if (frames < 1)
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "%d frames", frames);
	if ((uint32_t)frames > dicom->limits.frames)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_MANY, "%d frames, more than %u", frames,
		                     dicom->limits.frames);
	*ret = (uint32_t)frames;
	return 0;
}

static void read_padding(DcmItem &dataset, struct hz_dicom_image *image)
{
	int32_t value, other;
	if (!hz_get_int(dataset, DCM_PixelPaddingValue, 0, image->shape.is_signed, &value))
		return;
	if (!hz_get_int(dataset, DCM_PixelPaddingRangeLimit, 0, image->shape.is_signed, &other))
		other = value;
	image->has_padding = true;
	image->padding_low = value < other ? value : other;
	image->padding_high = value < other ? other : value;
}

static void read_look(DcmItem &dataset, struct hz_dicom_image *image)
{
	char word[17];
	image->windows = hz_read_windows(dataset, image->window, HZ_DICOM_WINDOWS, &image->function);
	image->inverse = hz_get_code(dataset, DCM_PresentationLUTShape, word, sizeof(word)) &&
	                 strcmp(word, "INVERSE") == 0;
	image->lossy =
	    hz_get_code(dataset, DCM_LossyImageCompression, word, sizeof(word)) && strcmp(word, "01") == 0;
	image->burned_in_annotation =
	    hz_get_code(dataset, DCM_BurnedInAnnotation, word, sizeof(word)) && strcmp(word, "YES") == 0;
	hz_get_code(dataset, DCM_RescaleType, image->rescale_type, sizeof(image->rescale_type));
	image->has_spacing = hz_get_doubles(dataset, DCM_PixelSpacing, 2, image->spacing);
	image->has_imager_spacing = hz_get_doubles(dataset, DCM_ImagerPixelSpacing, 2, image->imager_spacing);
	hz_get_double(dataset, DCM_SpacingBetweenSlices, 0, &image->slice_spacing);
	double rate = 0;
	if (!hz_get_double(dataset, DCM_FrameTime, 0, &image->frame_time_ms) &&
	    (hz_get_double(dataset, DCM_CineRate, 0, &rate) ||
	     hz_get_double(dataset, DCM_RecommendedDisplayFrameRate, 0, &rate)) &&
	    rate > 0)
		image->frame_time_ms = 1000 / rate;
	int32_t vertical, horizontal;
	image->aspect[0] = image->aspect[1] = 1;
	if (hz_get_int(dataset, DCM_PixelAspectRatio, 0, false, &vertical) &&
	    hz_get_int(dataset, DCM_PixelAspectRatio, 1, false, &horizontal) && vertical > 0 &&
	    horizontal > 0) {
		image->aspect[0] = (uint32_t)vertical;
		image->aspect[1] = (uint32_t)horizontal;
	}
}

static int read_extended(DcmItem &dataset, struct hz_dicom *dicom, struct hz_dicom_fault *fault)
{
	DcmElement *element = NULL;
	Uint8 *bytes = NULL;
	if (dataset.findAndGetElement(DcmTagKey(0x7fe0, 1), element).bad() || !element)
		return 0;
	size_t count = element->getLengthField();
	// 64 bits of little-endian, as the file has them: encapsulation is never big-endian.
	Uint64 *values = NULL;
	const void *from = NULL;
	if (element->getUint64Array(values).good() && values)
		from = values;
	else if (element->getUint8Array(bytes).good() && bytes)
		from = bytes;
	if (!from || count % 8 != 0 || count / 8 > dicom->limits.frames)
		return hz_dicom_fail(fault, HZ_DICOM_FRAMES, "an Extended Offset Table that is none");
	dicom->extended_owned = (uint8_t *)malloc(count ? count : 1);
	if (!dicom->extended_owned)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for an offset table");
	memcpy(dicom->extended_owned, from, count);
	dicom->extended = dicom->extended_owned;
	dicom->extended_count = (uint32_t)(count / 8);
	return 0;
}

static int read_image(DcmItem &dataset, struct hz_dicom *dicom, struct hz_dicom_fault *fault)
{
	struct hz_dicom_image *image = &dicom->image;
	hz_read_text(dataset, &image->text);
	if (dicom->scan.pixel_element == 0)
		return hz_dicom_fail(fault, HZ_DICOM_NO_IMAGE, "no pixel data in it");
	if (dicom->scan.pixel_element != 0x10)
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "floating point pixel data");
	int err = read_shape(dataset, &image->shape, fault);
	if (err == 0)
		err = read_frames(dataset, dicom, &image->frames, fault);
	if (err == 0)
		err = hz_read_planes(dataset, dicom, fault);
	if (err < 0)
		return err;
	image->slope = dicom->plane[0].slope;
	image->intercept = dicom->plane[0].intercept;
	image->has_rescale = image->slope != 1 || image->intercept != 0;
	read_padding(dataset, image);
	read_look(dataset, image);
	err = hz_read_luts(dataset, image, fault);
	if (err == 0)
		err = hz_read_overlays(dataset, image, fault);
	return err < 0 ? err : read_extended(dataset, dicom, fault);
}

int hz_dataset_parse(DcmDataset &dataset, const struct hz_scan *scan, struct hz_dicom_fault *fault)
{
	DcmInputBufferStream stream;
	E_TransferSyntax syntax = scan->encoding == HZ_IMPLICIT_LE   ? EXS_LittleEndianImplicit
	                          : scan->encoding == HZ_EXPLICIT_BE ? EXS_BigEndianExplicit
	                                                             : EXS_LittleEndianExplicit;
	stream.setBuffer(scan->dataset, (offile_off_t)scan->header_bytes);
	stream.setEos();
	dataset.transferInit();
	OFCondition result = dataset.read(stream, syntax, EGL_noChange, DCM_MaxReadLength);
	dataset.transferEnd();
	if (result.bad())
		return hz_dicom_fail(fault, HZ_DICOM_STRUCTURE,
		                     "the data set is not understood (DCMTK %04x:%04x)", result.module(),
		                     result.code());
	return 0;
}

extern "C" int hz_dataset_read(struct hz_dicom *dicom, struct hz_dicom_fault *fault)
{
	try {
		DcmDataset dataset;
		int err = dicom->scan.header_bytes ? hz_dataset_parse(dataset, &dicom->scan, fault) : 0;
		return err < 0 ? err : read_image(dataset, dicom, fault);
	} catch (const std::bad_alloc &) {
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for the data set");
	} catch (...) {
		return hz_dicom_fail(fault, HZ_DICOM_STRUCTURE, "the data set is not understood");
	}
}

extern "C" int hz_dicom_init(void)
{
	try {
		OFLog::configure(OFLogger::OFF_LOG_LEVEL); // its warnings quote what they complain about
		dcmEnableAutomaticInputDataCorrection.set(OFTrue);
		dcmEnableUnknownVRConversion.set(
		    OFTrue); // what an archive wrote as UN, and the dictionary knows
		return dcmDataDict.isDictionaryLoaded() ? 0 : -ENOENT;
	} catch (...) {
		return -ENOMEM;
	}
}
