// The structure of a DICOM file, walked with every length checked against what holds it: PS3.10 7 (file), PS3.5 7 and
// A.4 (elements, encapsulation). No dictionary, no values but the transfer syntax. Pure but for the memory of a deflated
// data set and of the list of fragments.
#ifndef HZ_MEDIA_IMAGING_SCAN_H
#define HZ_MEDIA_IMAGING_SCAN_H

#include "media/imaging/dicom.h"

#ifdef __cplusplus
extern "C" {
#endif

enum hz_encoding { HZ_IMPLICIT_LE, HZ_EXPLICIT_LE, HZ_EXPLICIT_BE };

struct hz_fragment {
	const uint8_t *data;
	uint32_t bytes;
	uint64_t at; // of its item tag, from the first byte behind the offset table
};

struct hz_scan {
	char transfer_syntax[65];
	enum hz_encoding encoding;
	const uint8_t *dataset;
	size_t dataset_bytes;
	uint8_t *inflated;      // owned
	size_t header_bytes;    // of the data set, in front of the pixel data
	uint16_t pixel_element; // of group 7FE0: 0 none, 0x10 integers, 8 float, 9 double
	uint8_t word;           // of pixel data: 1 OB, 2 OW, 4 OL
	bool encapsulated;
	bool cut;              // the pixel data ends too early
	const uint8_t *pixels; // native
	size_t pixel_bytes;
	const uint8_t *offsets; // basic offset table, little-endian u32
	uint32_t offset_count;
	struct hz_fragment *fragment; // owned
	uint32_t fragments;
	struct hz_fragment rest; // of one that is cut: what is there
};
int hz_scan(const uint8_t *bytes, size_t count, const struct hz_dicom_limits *limits,
            struct hz_dicom_fault *fault, struct hz_scan *ret);
void hz_scan_done(struct hz_scan *scan);

// The bounded inflate of PS3.5 A.5 (raw deflate, RFC 1951). Owned by the caller.
int hz_inflate(const uint8_t *bytes, size_t count, size_t limit, struct hz_dicom_fault *fault, uint8_t **ret,
               size_t *ret_bytes);
uint32_t hz_crc32(const uint8_t *bytes, size_t count); // of ZIP and PNG (ISO 3309)

#ifdef __cplusplus
}
#endif
#endif
