// The sound of a DICOM video: whatever a file has, as an unbroken stream of AAC-LC frames (PS3.5 8.2.12: 48 kHz, mono or
// stereo here). AAC of 48 kHz (the composed picture's, which has no holes) is copied. Making AAC takes nearly all of the time that
// an object takes: it is done a minute at a time, in threads beside the caller's, which writes the minutes in their order. What
// comes out does not depend on the threads. Part of dicom_mp4. Thread: one at a time.
#ifndef HZ_RECORDER_FINALIZE_DICOM_SOUND_H
#define HZ_RECORDER_FINALIZE_DICOM_SOUND_H

#include <libavformat/avformat.h>
#include <stdint.h>

struct hz_dicom_sound;

// early: a folder of slices that were made before (dicom_cache.h), or NULL. offset_us is added to the file's times to get the output's. -ENOENT: no sound in this file; -EFBIG: too much of it.
int hz_dicom_sound_new(const char *path, int64_t offset_us, const char *early, struct hz_dicom_sound **ret);
void hz_dicom_sound_free(struct hz_dicom_sound *sound); // NULL allowed

unsigned hz_dicom_sound_channels(const struct hz_dicom_sound *sound);

// Adds the stream to out and gives what it writes to it. Called once, before the header is written.
int hz_dicom_sound_attach(struct hz_dicom_sound *sound, AVFormatContext *out);

// Writes sound up to until_us of the output, silence where there is none. until_us does not go down.
int hz_dicom_sound_fill(struct hz_dicom_sound *sound, int64_t until_us);

#endif
