// What was shown and marked in a consult, as DICOM objects: Grayscale Softcopy Presentation States (PS3.3 A.33.1) and a Key
// Object Selection (PS3.3 A.35.4, template TID 2010). Nothing is decoded. The same input gives the same bytes.
//
// A presentation state has one turn, one modality transformation and one presentation LUT for all its images: images are put
// into groups that agree, an object each. Colour images are in the Key Object Selection only. Thread: any.
#ifndef HZ_MEDIA_IMAGING_SHOWN_H
#define HZ_MEDIA_IMAGING_SHOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HZ_SHOWN_UID_BYTES    65
#define HZ_SHOWN_TEXT_BYTES   1025
#define HZ_SHOWN_IMAGES       256
#define HZ_SHOWN_MARKS        500
#define HZ_SHOWN_POINTS       200
#define HZ_SHOWN_STATES       8 // presentation states; images beyond them are in the Key Object Selection only
#define HZ_SHOWN_FILES        (HZ_SHOWN_STATES + 1)
#define HZ_SHOWN_RESCALE_TYPE 17
#define HZ_SHOWN_FUNCTION     17

enum hz_shown_kind { HZ_SHOWN_LINES, HZ_SHOWN_CLOSED, HZ_SHOWN_ELLIPSE, HZ_SHOWN_POINT, HZ_SHOWN_WORDS };

struct hz_shown_image {
	char series[HZ_SHOWN_UID_BYTES], instance[HZ_SHOWN_UID_BYTES], sop_class[HZ_SHOWN_UID_BYTES];
	uint32_t frame; // from 1; 0: the object has one only
	uint32_t rows, columns;
	double spacing[2];  // rows, columns, mm; 0: unknown
	uint32_t aspect[2]; // height and width of a pixel to each other; 0: it is a square
	bool grey;          // else colour
	bool rescaled;      // slope, intercept and type hold
	double slope, intercept;
	char rescale_type[HZ_SHOWN_RESCALE_TYPE]; // "" US
	double center, width;                     // of the window; width 0: as the image says
	char function[HZ_SHOWN_FUNCTION];         // of the window: "LINEAR_EXACT", "SIGMOID"; else LINEAR
	double zoom, pan_x, pan_y;                // as on the table; of what is seen
	unsigned turn;                            // 0 to 3 quarters, clockwise, after the flip
	bool flip, inverse;                       // inverse: least is white
};

struct hz_shown_mark {
	unsigned image; // of images
	enum hz_shown_kind kind;
	unsigned points;
	float (*point)[2]; // x, y; the first pixel's middle is 0, 0; borrowed
	const char *text;  // UTF-8; NULL: none; borrowed
};

struct hz_shown {
	char study[HZ_SHOWN_UID_BYTES];
	// Of the patient and the study, as the PACS has them, UTF-8; "": unknown.
	char name[HZ_SHOWN_TEXT_BYTES], patient[HZ_SHOWN_TEXT_BYTES], birth[32], sex[32];
	char study_date[32], study_time[32], study_id[65], accession[65], referring[HZ_SHOWN_TEXT_BYTES];
	char date[9], time[7]; // now: YYYYMMDD, HHMMSS
	uint8_t seed[16];      // of a hash; UIDs come from it: another one for anything else that is kept
	unsigned images, marks;
	const struct hz_shown_image *image;
	const struct hz_shown_mark *mark;
};

struct hz_shown_file {
	char instance[HZ_SHOWN_UID_BYTES];
	uint8_t *data; // Part 10, explicit little endian
	size_t bytes;
};

struct hz_shown_files {
	unsigned count;
	struct hz_shown_file file[HZ_SHOWN_FILES]; // the Key Object Selection last
};

// Reads what DCMTK knows of attributes, before a sandbox. -ENOENT: it is not there.
int hz_shown_init(void);
// -EINVAL: no image, or what cannot be an object; -ENOMEM. ret is hz_shown_free()'s.
int hz_shown_make(const struct hz_shown *kept, struct hz_shown_files *ret);
void hz_shown_free(struct hz_shown_files *files); // zeroed allowed

// A UID under 2.25 (PS3.5 B.2) from the first 16 bytes of a hash.
void hz_shown_uid(const uint8_t hash[16], char ret[HZ_SHOWN_UID_BYTES]);

#ifdef __cplusplus
}
#endif

#endif
