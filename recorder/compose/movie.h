// The composed file: H.264 High and AAC-LC 48 kHz stereo in an MP4 that begins with its index.
//
// Constant frame rate, closed groups of two seconds, no B-frames: picture n is at n / rate, decoding and showing order are the
// same, and no edit list is needed. The encoder's delay of AAC is taken out of the sound itself, for the same reason: so that a
// reader that knows no edit lists, a DICOM viewer, has sound and picture together too. The same pictures and samples give the
// same bytes on the same processor family: the number of threads is fixed, nothing of a clock or host is in the file.
//
// Written beside as "<path>.part"; hz_movie_close() syncs and renames. Thread: one (x264 has its own).
#ifndef HZ_RECORDER_COMPOSE_MOVIE_H
#define HZ_RECORDER_COMPOSE_MOVIE_H

#include "media/picture/canvas.h"

struct hz_movie;

struct hz_movie_open {
	const char *path;
	int width, height, rate; // rate: pictures a second, whole
	int threads;             // of x264; part of what decides the bytes
};

struct hz_movie_info {
	uint64_t frames;
	int64_t duration_ms;
	uint8_t profile_idc, constraint_flags, level_idc;
};

int hz_movie_open(const struct hz_movie_open *with, struct hz_movie **ret); // -ENOTSUP: no libx264; -errno
// The picture to draw on; it keeps what was drawn.
struct hz_canvas *hz_movie_canvas(struct hz_movie *movie);
int hz_movie_picture(struct hz_movie *movie); // the canvas as it is, once more
// Samples, left and right in turn, from the file's begin on without gaps.
int hz_movie_sound(struct hz_movie *movie, const float *stereo, unsigned count);
// The last: ends the file, which gets its name. Frees, also when it failed. ret_info may be NULL.
int hz_movie_close(struct hz_movie *movie, struct hz_movie_info *ret_info);
void hz_movie_abort(struct hz_movie *movie); // frees and unlinks. NULL allowed

#endif
