// A slice of the sound of a DICOM video (dicom_tape.h), decoded and made AAC by itself, so that several can be made at once, and
// before the rest is known. Neighbours fit: each slice's encoder has heard what comes before, and of what it gives only the slice's
// own frames are kept. It depends on hz_slice_packets(), the slice's begin and stop and the channels, and on nothing else.
// Part of dicom_sound. Thread: any, one a slice; the tape is only read.
#ifndef HZ_RECORDER_FINALIZE_DICOM_SLICE_H
#define HZ_RECORDER_FINALIZE_DICOM_SLICE_H

#include <libavcodec/avcodec.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/finalize/dicom_tape.h"

// Mono or stereo AAC-LC at 48 kHz, opened. NULL: no encoder, or no memory.
AVCodecContext *hz_slice_encoder(int channels);

struct
    hz_slice { // AAC frames one after another; the first ends where the slice begins: its window reaches over both
	struct hz_aac {
		size_t from;
		uint32_t bytes;
	} * frame;
	size_t count, room;
	uint8_t *data;
	size_t bytes, data_room;
};

// (stop - begin) / HZ_AAC_FRAME frames, of a run's last slice one more. -ENOMEM; -ENOTSUP; -EIO.
int hz_slice_make(const struct hz_tape *tape, const struct hz_tape_slice *slice, struct hz_slice *ret);
void hz_slice_done(struct hz_slice *slice);

// One frame of silence, which fits between any slices.
int hz_slice_silence(int channels, struct hz_slice *ret);

// The packets of the tape [first, end) that are decoded for a slice.
void hz_slice_packets(const struct hz_tape *tape, const struct hz_tape_slice *slice, size_t *ret_first,
                      size_t *ret_end);

#endif
