// A programme made of nothing but headers: H.264 units with a number in an SEI message, frames of sound with a number, and a
// store in memory that knows every file that was ever in it.
#ifndef HZ_TESTS_HLS_FAKE_PROGRAMME_H
#define HZ_TESTS_HLS_FAKE_PROGRAMME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/hls/hls.h"

#define FAKE_ZERO_US 1760000000000000ll // mark of number 0

struct fake_file {
	char name[96];
	uint8_t *data;
	size_t bytes;
	bool there;
};
struct fake_store {
	struct fake_file *file;
	size_t count, room;
	int fail;        // what put and replace answer; 0: they work
	int fail_remove; // what remove answers
	void (*on_playlist)(void *arg, const char *name, const char *text);
	void *arg;
	unsigned long puts;
	bool wrong; // a file was put twice, or a name is not ours
};
struct hz_hls_store fake_store(struct fake_store *s);
void fake_store_free(struct fake_store *s);
const struct fake_file *fake_file(const struct fake_store *s, const char *name); // NULL: not there
const char *fake_text(const struct fake_store *s, const char *name);             // asserts that it is there
// The largest number in any file that is there; -1: none. Slates have numbers from FAKE_SLATE on, which do not count.
#define FAKE_SLATE 90000000
long fake_newest_number(const struct fake_store *s);
unsigned fake_holds(const struct fake_store *s, long from,
                    long until); // how often a number of [from, until) is there

// An access unit of width x height; returns its bytes.
size_t fake_video(uint8_t *buf, bool key, unsigned width, unsigned height, long number, size_t filler);
size_t fake_sound(uint8_t *buf, long number);

// 25 pictures and 46.875 frames of sound a second; keyframes every 50 pictures. Number n of video is captured at n / fps.
struct fake_programme {
	struct hz_hls *h;
	unsigned videos, sounds;
	unsigned width; // of the first rendition; the others are twice, four times
	long picture, frame;
	int64_t pts_shift; // 90 kHz, wraps and jumps
	int64_t delay_us;
	bool silent, blind; // sends no sound, no pictures
	unsigned gop, fps;  // 0: 50, 25
	int last_error;
};
// Sends and ticks until `us` after the begin.
void fake_run(struct fake_programme *p, int64_t until_us);
void fake_slate(struct fake_programme *p);
struct hz_hls *fake_open(struct fake_programme *p, struct fake_store *s, struct hz_hls_open *with);

#endif
