// Makes the MP4 that a DICOM video object holds (PS3.5 8.2.7, 8.2.12): the H.264 of a track copied as it is with its
// timestamps, and sound as AAC-LC of 48 kHz without holes: what is missing is silence, from the first picture to the
// last. A plain MP4 with its index in front. The same input gives the same bytes (with the same libraries).
//
// Reads what strangers sent (Opus): runs in a process of its own. Thread: one at a time.
#ifndef HZ_RECORDER_FINALIZE_DICOM_MP4_H
#define HZ_RECORDER_FINALIZE_DICOM_MP4_H

#include <stdint.h>

struct hz_dicom_mp4 {
	const char *video;       // MP4 with H.264 and perhaps sound
	const char *audio;       // another file with the sound; NULL: that of `video`, if there is any
	int64_t audio_offset_us; // of `audio` against `video`: positive is later
	const char
	    *early; // slices of sound that were made before (dicom_cache.h), or NULL: the result is the same
	const char *out;
};

struct hz_dicom_mp4_info {
	uint8_t profile_idc, constraint_flags, level_idc; // of the sequence parameter set
	uint32_t columns, rows, frames;
	int64_t duration_us;
	unsigned audio_channels; // 0: no sound
	uint64_t bytes;
};

// -ENOTSUP: no H.264 in it; -EBADMSG: broken; -EFBIG: longer than a DICOM fragment (PS3.5 Annex A.4); -errno. Nothing is left
// behind after an error. H.264 only: a part begins with a keyframe (recorder/manifest.h), so that each object plays alone.
int hz_dicom_mp4(const struct hz_dicom_mp4 *with, struct hz_dicom_mp4_info *ret);

#endif
