// A DICOM object that somebody sent (PS3.5, PS3.10): opened within limits, or refused with a word why. What a viewer
// needs of it as plain values, text as UTF-8, and the bytes of each frame as they lie in it.
// Two parsers look at it: our own walks the structure and enforces every limit; DCMTK gets what that has found sound,
// without the pixel data, and reads the attributes. Thread: any, one at a time for an object; hz_dicom_init() once before.
#ifndef HZ_MEDIA_IMAGING_DICOM_H
#define HZ_MEDIA_IMAGING_DICOM_H

#include "media/imaging/fault.h"
#include "media/imaging/pixels.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hz_dicom_limits {
	size_t file_bytes;
	size_t inflated_bytes; // a deflated data set
	size_t header_bytes;   // the data set without its pixel data
	uint32_t elements;     // on all levels
	uint32_t depth;        // of sequences, at most 64
	uint32_t frames, fragments;
	size_t frame_bytes;    // a decoded frame
	uint64_t video_pixels; // decoded for one frame at once, then HZ_DICOM_LATER; 0: the default
};
extern const struct hz_dicom_limits hz_dicom_limits_default;

#define HZ_DICOM_WINDOWS  8
#define HZ_DICOM_LUTS     4
#define HZ_DICOM_OVERLAYS 16

enum hz_voi_function { HZ_VOI_LINEAR, HZ_VOI_LINEAR_EXACT, HZ_VOI_SIGMOID }; // PS3.3 C.11.2.1.2, C.11.2.1.3

struct hz_dicom_window {
	double center, width;
	char explanation[64]; // UTF-8
};
// PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5
struct hz_dicom_lut {
	uint32_t entries; // 1..65536; 0: there is none
	int32_t first;    // this value and all below take entry 0
	uint8_t bits;     // of an entry
	uint16_t *data;
};
// PS3.3 C.9.2; columns * rows bits, the first is the lowest of the first byte.
struct hz_dicom_overlay {
	uint16_t group;
	uint16_t columns, rows;
	int32_t column, row; // of its first pixel in the image, from 1
	bool roi;
	bool embedded; // in a bit of the pixels (retired): bit_position of the word
	uint8_t bit_position;
	uint32_t frames, first_frame; // it goes over frames first_frame (from 0) and on
	uint8_t *bits;                // NULL when embedded
	size_t bytes;
};

// Text that viewers show and lists sort by. UTF-8, cut at whole characters.
struct hz_dicom_text {
	char sop_class[65], sop_instance[65], study[65], series[65], frame_of_reference[65];
	char patient_name[384], patient_id[128], patient_birth_date[16], patient_sex[17];
	char study_date[16], study_time[20], study_id[64], accession[64], study_description[256];
	char modality[20], series_description[256], series_number[16], instance_number[16], body_part[64];
	char laterality[8], institution[256], manufacturer[128], image_type[128], protocol[256];
	bool guessed; // non-ASCII without a declared character set: read as UTF-8, else as GB18030
};

// Of one frame, from the functional groups or the image itself (PS3.3 C.7.6.16).
struct hz_dicom_plane {
	double slope, intercept; // 1, 0 where there is none
	bool has_window;         // its own, before those of the image
	struct hz_dicom_window window;
	enum hz_voi_function function;
	bool has_position, has_orientation, has_spacing;
	double position[3], orientation[6];
	double spacing[2];                          // mm between rows, between columns
	double thickness;                           // mm, 0: unknown
	uint32_t stack_position, temporal_position; // from 1, 0: unknown
	char stack[17];
};

struct hz_dicom_image {
	char transfer_syntax[65];
	struct hz_pixel_shape shape;
	uint32_t frames;
	struct hz_dicom_text text;

	bool has_rescale;
	double slope, intercept;
	char rescale_type[17]; // HU, US, ...
	struct hz_dicom_lut modality_lut;
	unsigned windows;
	struct hz_dicom_window window[HZ_DICOM_WINDOWS];
	enum hz_voi_function function;
	unsigned voi_luts;
	struct hz_dicom_lut voi_lut[HZ_DICOM_LUTS];
	bool inverse; // Presentation LUT Shape INVERSE
	bool has_palette;
	struct hz_dicom_lut palette[3];

	bool has_padding;
	int32_t padding_low, padding_high; // as samples are
	unsigned overlays;
	struct hz_dicom_overlay overlay[HZ_DICOM_OVERLAYS];

	uint32_t aspect[2]; // vertical, horizontal: of a pixel that is shown
	bool has_spacing, has_imager_spacing;
	double spacing[2], imager_spacing[2];
	double frame_time_ms; // 0: unknown
	double slice_spacing;
	bool lossy, burned_in_annotation, enhanced;
};

struct hz_dicom; // owns all of the above

// Reads DCMTK's dictionary and silences its logger: before any sandbox closes the file system. -ENOENT: no dictionary.
int hz_dicom_init(void);

// `bytes` are borrowed and must outlive the object. fault may be NULL; limits NULL: the defaults.
int hz_dicom_open(const uint8_t *bytes, size_t count, const struct hz_dicom_limits *limits,
                  struct hz_dicom_fault *fault, struct hz_dicom **ret);
// The whole of a file from its first byte; the descriptor stays the caller's.
int hz_dicom_open_fd(int fd, const struct hz_dicom_limits *limits, struct hz_dicom_fault *fault,
                     struct hz_dicom **ret);
void hz_dicom_close(struct hz_dicom *dicom);

// All that the header says, as an object of DICOM JSON (PS3.18 annex F) in UTF-8, with Available Transfer Syntax UID (0008,3002), that of
// hz_dicom_frame(). Not in it: pixel data, private elements, binary values, and of numbers more than 4096 in one value. *ret: free(). -E2BIG above max_bytes.
int hz_dicom_metadata(const struct hz_dicom *dicom, size_t max_bytes, struct hz_dicom_fault *fault,
                      char **ret, size_t *ret_bytes);
const struct hz_dicom_image *hz_dicom_image(const struct hz_dicom *dicom);
const struct hz_dicom_plane *hz_dicom_plane(const struct hz_dicom *dicom, uint32_t frame); // frame < frames
// MPEG-2, H.264, HEVC: shape is that of the frames that come out, RGB, not the header's. Frames are dear where they are not asked for one
// after the other.
bool hz_dicom_is_video(const struct hz_dicom *dicom);
bool hz_dicom_is_cut(const struct hz_dicom *dicom); // the pixel data ends too early

// The bytes of a frame (from 0), in little-endian order where they are not encoded.
struct hz_frame_source {
	const uint8_t *data;
	size_t bytes;
	bool encoded;       // a codestream, else native samples
	uint8_t bit_offset; // of the first sample: 1-bit frames begin where the one before ended
	uint8_t *owned;     // NULL when data lies in the object
};
// -EBADMSG PIXELS_SHORT: this frame is not there, others may be.
int hz_dicom_frame(const struct hz_dicom *dicom, uint32_t frame, struct hz_dicom_fault *fault,
                   struct hz_frame_source *ret);
void hz_frame_source_done(struct hz_frame_source *source);

#ifdef __cplusplus
}
#endif
#endif
