// Slices of sound that were made before a consult ended: a folder with a file for each, named by SHA-256 over all that the slice
// depends on (hz_slice_packets(), its begin and stop, channels, codec, libavcodec). What is found is what would be made: a
// file that is damaged, cut or of something else is not found. A file: SHA-256 of the rest; then, in network order, the number of
// frames, the length of each, and the frames. Thread: any.
#ifndef HZ_RECORDER_FINALIZE_DICOM_CACHE_H
#define HZ_RECORDER_FINALIZE_DICOM_CACHE_H

#include "recorder/finalize/dicom_slice.h"

#define HZ_CACHE_NAME_BYTES 65

void hz_cache_name(const struct hz_tape *tape, const struct hz_tape_slice *slice,
                   char ret[HZ_CACHE_NAME_BYTES]);

// As hz_slice_make(), from the folder where it is there. folder NULL: none.
int hz_cache_slice(const char *folder, const struct hz_tape *tape, const struct hz_tape_slice *slice,
                   struct hz_slice *ret);
// Makes the slice for the folder unless it is there. Killed anywhere it leaves at most a file whose name begins with '.'.
int hz_cache_fill(const char *folder, const struct hz_tape *tape, const struct hz_tape_slice *slice);

#endif
