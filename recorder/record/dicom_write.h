// Writes DICOM files: explicit VR little endian (PS3.5 Annex A.2, A.4), file meta information (PS3.10 section 7.1), pixel data
// encapsulated as one fragment and copied from a file, so that memory is that of the other elements.
//
// Elements are given in ascending order (asserted). The first error sticks and is returned by hz_dicom_save().
// Sequences and items have undefined length. Thread: one at a time.
#ifndef HZ_RECORDER_RECORD_DICOM_WRITE_H
#define HZ_RECORDER_RECORD_DICOM_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "recorder/record/charset.h"

#define HZ_DICOM_HEAD_BYTES     (1u << 20)    // most bytes of all elements but pixel data: -E2BIG
#define HZ_DICOM_FRAGMENT_BYTES 0xfffffffeull // most bytes of a fragment, even (PS3.5 Annex A.4)

// This program's Implementation Class UID (0002,0012) and Version Name (0002,0013), PS3.7 Annex D.3.3.2.
#define HZ_DICOM_IMPLEMENTATION "2.25.81372610443395167014226713951530624291"
#define HZ_DICOM_VERSION        "HUIZHEN_1"

struct hz_dicom;

int hz_dicom_new(enum hz_charset charset, struct hz_dicom **ret);
void hz_dicom_free(struct hz_dicom *dicom); // NULL allowed

// tag: group << 16 | element. vr: a text VR; value: UTF-8, converted where the character set matters, padded to even length.
// NULL or "": an empty value (type 2).
void hz_dicom_text(struct hz_dicom *dicom, uint32_t tag, const char *vr, const char *value);
// The same with backslashes between values kept: for CS, UI, DS, IS and the like, ASCII only.
void hz_dicom_values(struct hz_dicom *dicom, uint32_t tag, const char *vr, const char *values);
void hz_dicom_us(struct hz_dicom *dicom, uint32_t tag, uint16_t value);
void hz_dicom_uv(struct hz_dicom *dicom, uint32_t tag, uint64_t value);
void hz_dicom_at(struct hz_dicom *dicom, uint32_t tag, uint32_t value);
void hz_dicom_sequence(struct hz_dicom *dicom, uint32_t tag); // begins; nested 4 deep at most
void hz_dicom_item(struct hz_dicom *dicom);
void hz_dicom_item_end(struct hz_dicom *dicom);
void hz_dicom_sequence_end(struct hz_dicom *dicom);

struct hz_dicom_file {
	const char *path; // written beside, synced and renamed
	const char *sop_class, *sop_instance, *transfer_syntax;
	const char *pixels; // path of the file that becomes the fragment; an odd length is padded with one 0
};

// -EFBIG: pixels are longer than a fragment; -ENODATA: empty.
int hz_dicom_save(struct hz_dicom *dicom, const struct hz_dicom_file *file);

#endif
