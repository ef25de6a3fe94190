// Why an image cannot be shown: a code for programs, one line for people. The line holds numbers and words of the standard,
// never a value of the data set: no name, no id, no path.
#ifndef HZ_MEDIA_IMAGING_FAULT_H
#define HZ_MEDIA_IMAGING_FAULT_H

#ifdef __cplusplus
extern "C" {
#endif

enum hz_dicom_code {
	HZ_DICOM_OK,
	HZ_DICOM_NOT_DICOM,       // no preamble, no group 0002, no data set that could be one
	HZ_DICOM_TRUNCATED,       // ends inside an element
	HZ_DICOM_STRUCTURE,       // lengths, delimiters or VRs that cannot be
	HZ_DICOM_TOO_BIG,         // above a limit in bytes
	HZ_DICOM_TOO_DEEP,        // sequences in sequences
	HZ_DICOM_TOO_MANY,        // elements, fragments, frames
	HZ_DICOM_INFLATE,         // deflated data set is damaged
	HZ_DICOM_TRANSFER_SYNTAX, // unknown, or none that can be shown
	HZ_DICOM_NO_IMAGE,        // no pixel data
	HZ_DICOM_ATTRIBUTE,       // an attribute that the pixels need is missing or impossible
	HZ_DICOM_PIXELS_SHORT,    // this frame is not (wholly) in the pixel data
	HZ_DICOM_FRAMES,          // fragments cannot be told apart into frames
	HZ_DICOM_CODESTREAM,      // damaged, truncated, or refused by its library
	HZ_DICOM_SIZE,            // codestream and header disagree on rows or columns
	HZ_DICOM_COMPONENTS,      // ... on samples a pixel
	HZ_DICOM_BITS,            // ... on bits, so that a value does not fit or is ambiguous
	HZ_DICOM_SIGN,            // ... on signedness, so that a value is ambiguous
	HZ_DICOM_UNSUPPORTED,     // right, but nobody here decodes it
	HZ_DICOM_NOT_LOSSLESS,    // what was encoded does not decode to the same samples
	HZ_DICOM_MEMORY,
	HZ_DICOM_LATER, // so much at once is not done; asked again, it goes on from there
	HZ_DICOM_CODES,
};

struct hz_dicom_fault {
	enum hz_dicom_code code;
	char text[120];
};

const char *hz_dicom_code_name(enum hz_dicom_code code); // "pixels-short"
int hz_dicom_code_errno(enum hz_dicom_code code);        // negative
// Fills the fault (may be NULL) and returns the code's -errno: -EBADMSG, -E2BIG, -ENOTSUP, -ENODATA, -ENOMEM or -EAGAIN.
int hz_dicom_fail(struct hz_dicom_fault *fault, enum hz_dicom_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
