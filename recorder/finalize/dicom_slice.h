// About a minute of the sound of a DICOM video, decoded and made AAC by itself, so that several can be made at once. Neighbours
// fit: each slice's encoder has heard what comes before, and of what it gives only the slice's own frames are kept.
// Part of dicom_sound. Thread: any, one a slice; packets are only read.
#ifndef HZ_RECORDER_FINALIZE_DICOM_SLICE_H
#define HZ_RECORDER_FINALIZE_DICOM_SLICE_H

#include <libavcodec/avcodec.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_DICOM_SOUND_HZ 48000
#define HZ_AAC_FRAME      1024                  // samples
#define HZ_SLICE_SAMPLES  (2800 * HZ_AAC_FRAME) // a whole number of frames

struct hz_sound_packet { // one of a file, compressed
	int64_t at;      // sample of the output where it begins; ascending
	size_t from;     // in `data`
	uint32_t bytes;
};

struct hz_sound_packets {
	struct hz_sound_packet *list;
	size_t count, room;
	uint8_t *data; // AV_INPUT_BUFFER_PADDING_SIZE bytes behind the last are there
	size_t bytes, data_room;
	const AVCodecParameters *codec; // the file's
};

// Mono or stereo AAC-LC at 48 kHz, opened. NULL: no encoder, or no memory.
AVCodecContext *hz_slice_encoder(int channels);

struct hz_slice { // AAC frames one after another
	struct hz_aac {
		int64_t
		    pts; // sample of the output where its window begins: the first is HZ_AAC_FRAME before 0
		size_t from;
		uint32_t bytes;
	} * frame;
	size_t count, room;
	uint8_t *data;
	size_t bytes, data_room;
};

// Sound of [number, number + 1) * HZ_SLICE_SAMPLES; silence where there are no packets. -ENOMEM; -ENOTSUP; -EIO.
int hz_slice_make(const struct hz_sound_packets *packets, int channels, int64_t number, struct hz_slice *ret);
void hz_slice_done(struct hz_slice *slice);

// Room for `bytes` more behind `at` of an array of bytes. -ENOMEM.
int hz_slice_grow(uint8_t **data, size_t *room, size_t at, size_t bytes);

#endif
