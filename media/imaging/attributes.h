// Attributes out of a DCMTK item, each with an answer for "not there" and "not that". C++.
#ifndef HZ_MEDIA_IMAGING_ATTRIBUTES_H
#define HZ_MEDIA_IMAGING_ATTRIBUTES_H

#include "media/imaging/internal.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcspchrs.h>
#include <dcmtk/dcmdata/dctk.h>

// Value `pos` as an integer, whatever integer VR it has (US, SS, UL, SL, IS); a word of 16 bits is signed if so asked.
bool hz_get_int(DcmItem &item, const DcmTagKey &tag, unsigned long pos, bool word_signed, int32_t *ret);
bool hz_get_uint(DcmItem &item, const DcmTagKey &tag, uint32_t *ret);
bool hz_get_double(DcmItem &item, const DcmTagKey &tag, unsigned long pos, double *ret); // finite
bool hz_get_doubles(DcmItem &item, const DcmTagKey &tag, unsigned count, double *ret);   // all of them
// All values with the backslash between, no padding; cut to the room. Code strings and UIDs: ASCII.
bool hz_get_code(DcmItem &item, const DcmTagKey &tag, char *ret, size_t room);
DcmItem *hz_get_item(DcmItem &item, const DcmTagKey &sequence, unsigned long index); // NULL
// Bytes or words of a value; borrowed from the item.
bool hz_get_words(DcmItem &item, const DcmTagKey &tag, const Uint16 **ret, unsigned long *ret_count);

// Text of a data set, by its Specific Character Set; what that does not explain is UTF-8 or else GB18030, a guess.
struct hz_text_reader {
	DcmSpecificCharacterSet declared, gb18030;
	bool has_declared, has_gb18030, guessed;
};
void hz_text_begin(struct hz_text_reader &reader, DcmItem &dataset);
// raw, a whole value without its padding, as UTF-8; delimiters: where a character set of ISO 2022 begins anew.
void hz_text_convert(struct hz_text_reader &reader, const OFString &raw, const char *delimiters,
                     OFString &ret);
// A value as UTF-8 without control characters, "" where it is not there; cut at whole characters.
void hz_get_text(struct hz_text_reader &reader, DcmItem &item, const DcmTagKey &tag, char *ret, size_t room);
// Length of the UTF-8 character that begins there; 0: none (RFC 3629).
size_t hz_utf8_character(const unsigned char *text, size_t room);

// The header that hz_scan() found sound. May throw.
int hz_dataset_parse(DcmDataset &dataset, const struct hz_scan *scan, struct hz_dicom_fault *fault);
// Of the parts of an image. Return 0 or -errno with the fault filled.
void hz_read_text(DcmItem &dataset, struct hz_dicom_text *ret);
int hz_read_luts(DcmItem &dataset, struct hz_dicom_image *image, struct hz_dicom_fault *fault);
int hz_read_overlays(DcmItem &dataset, struct hz_dicom_image *image, struct hz_dicom_fault *fault);
int hz_read_planes(DcmItem &dataset, struct hz_dicom *dicom, struct hz_dicom_fault *fault);
unsigned hz_read_windows(DcmItem &item, struct hz_dicom_window *window, unsigned room,
                         enum hz_voi_function *function);

#endif
