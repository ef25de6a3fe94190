// The sound of a file as compressed packets, laid out for being made AAC (dicom_slice.h). Packets that follow one another are a
// run, and lie in it by their lengths alone: timestamps come from clocks that are fitted to a whole consult (clock.h), and what
// is made of a run must not change with them. They only say where slices of it are placed. Exact silence is in no run, nor are
// more than RUN_GAP without sound. Part of dicom_sound. Thread: one at a time; what was read may be read by many.
#ifndef HZ_RECORDER_FINALIZE_DICOM_TAPE_H
#define HZ_RECORDER_FINALIZE_DICOM_TAPE_H

#include <libavformat/avformat.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_DICOM_SOUND_HZ 48000
#define HZ_AAC_FRAME      1024                  // samples
#define HZ_SLICE_SAMPLES  (2800 * HZ_AAC_FRAME) // a whole number of frames: about a minute

struct hz_tape_packet {
	int64_t at;   // sample of its run where it begins; ascending
	int64_t said; // sample of the output where its timestamp has it
	size_t from;  // in `data`
	uint32_t bytes, samples;
};

struct hz_tape_slice {       // of a run
	size_t first, end;   // the run's packets
	int64_t begin, stop; // samples of the run; whole frames. begin 0: the run's first slice
	int64_t said;        // sample of the output where `begin` is to be
	bool last;           // of its run
};

struct hz_tape {
	AVFormatContext *in;
	int index; // of the stream
	int channels;
	bool copy; // AAC as it should be: nothing was read
	struct hz_tape_packet *packet;
	size_t packets, packet_room;
	uint8_t *data; // AV_INPUT_BUFFER_PADDING_SIZE bytes behind each packet are there
	size_t bytes, data_room;
	struct hz_tape_slice *slice;
	size_t slices, slice_room;
};

// offset_us is added to the file's times to get the output's; what is wholly before 0 gets no slice. -ENOENT: no sound in this
// file; -EFBIG: too much of it; -EBADMSG; -ENOMEM.
int hz_tape_open(const char *path, int64_t offset_us, struct hz_tape *ret);
void hz_tape_done(struct hz_tape *tape);

// Room for `bytes` more behind `at` of an array of bytes. -ENOMEM.
int hz_tape_grow(uint8_t **data, size_t *room, size_t at, size_t bytes);

#endif
