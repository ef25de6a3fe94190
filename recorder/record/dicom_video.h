// One video file of a record as a DICOM object: Video Photographic Image Storage, or Video Endoscopic Image Storage for what
// an endoscope showed (PS3.3 A.32.7, A.32.5; PS3.5 8.2.7 and 8.2.8).
#ifndef HZ_RECORDER_RECORD_DICOM_VIDEO_H
#define HZ_RECORDER_RECORD_DICOM_VIDEO_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/record/charset.h"
#include "recorder/record/manifest_read.h"
#include "recorder/record/uid.h"

#define HZ_SOP_VIDEO_PHOTOGRAPHIC "1.2.840.10008.5.1.4.1.1.77.1.4.1"
#define HZ_SOP_VIDEO_ENDOSCOPIC   "1.2.840.10008.5.1.4.1.1.77.1.1.1"
#define HZ_TS_H264_HIGH_41        "1.2.840.10008.1.2.4.102"
#define HZ_TS_H264_HIGH_42        "1.2.840.10008.1.2.4.104"

// What the stream itself says: the sequence parameter set and the sample table of the MP4, not what somebody promised.
struct hz_dicom_stream {
	uint8_t profile_idc, constraint_flags, level_idc;
	uint32_t columns, rows, frames;
	int64_t duration_us;
	unsigned audio_channels; // 0: no sound
	uint64_t bytes;
};

struct hz_dicom_video {
	const struct hz_manifest *manifest;
	const struct hz_manifest_file *file;
	struct hz_dicom_stream stream;
	enum hz_charset charset;
	unsigned series, instance; // numbers, from 1
	const char *mp4;           // path
	const char *path;          // of the object
};

struct hz_dicom_ids {
	char study[HZ_UID_BYTES], series[HZ_UID_BYTES], instance[HZ_UID_BYTES];
	const char *sop_class, *transfer_syntax, *modality;
};

// -ENOTSUP: no transfer syntax takes this profile and level, or this size.
int hz_dicom_video_ids(const struct hz_dicom_video *video, struct hz_dicom_ids *ret);
int hz_dicom_video_write(const struct hz_dicom_video *video, const struct hz_dicom_ids *ids);

#endif
