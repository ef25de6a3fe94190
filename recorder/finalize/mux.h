// Frames -> a playable file, with libavformat: fragmented MP4 or WebM, at most one video and one audio stream. The same
// calls give the same bytes: nothing of a clock, a random number or a host is in the file.
//
// The file is written under its name with ".part" behind, synced and renamed by hz_mux_close(). Times are microseconds from
// the file's begin, of each stream ascending; what is not is moved behind the one before. Thread: one.
#ifndef HZ_RECORDER_FINALIZE_MUX_H
#define HZ_RECORDER_FINALIZE_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_mux;

enum hz_container { HZ_CONTAINER_MP4 = 1, HZ_CONTAINER_WEBM };

struct hz_mux_open {
	const char *path;
	enum hz_container container;
	uint8_t video; // enum hz_codec; 0: none
	uint16_t width, height;
	const uint8_t *config; // avcC, or AV1's sequence header
	size_t config_bytes;
	bool exact; // no grid: times of pictures as they are (mux.c)
	bool audio; // Opus
	bool stereo;
};

// -EBADMSG: libavformat does not take what the stream says of itself; -errno of the file.
int hz_mux_open(const struct hz_mux_open *with, struct hz_mux **ret);

int hz_mux_video(struct hz_mux *mux, const uint8_t *data, size_t bytes, int64_t us, bool key);
int hz_mux_audio(struct hz_mux *mux, const uint8_t *data, size_t bytes, int64_t us, uint32_t samples);

int hz_mux_close(
    struct hz_mux *mux); // ends the file and frees, also when it failed: then nothing has the name
void hz_mux_abort(struct hz_mux *mux); // frees and unlinks. NULL allowed

#endif
