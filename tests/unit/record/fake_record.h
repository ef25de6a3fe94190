// A finalised record for tests: a folder with manifest.json, timeline.json, a short journal and media that ffmpeg makes.
#ifndef HZ_TESTS_FAKE_RECORD_H
#define HZ_TESTS_FAKE_RECORD_H

#include <stdbool.h>

#define FAKE_RECORD "0190a5c2-7b1e-7c3a-9f00-0123456789ab"

struct fake_record {
	char store[256], folder[512]; // store: data/record
};

// media: H.264 with Opus in tracks/, a VP8 track, composed.mp4; else files of a few bytes that only have hashes.
void fake_record_new(struct fake_record *ret, bool media);
void fake_record_free(struct fake_record *record);
bool fake_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));     // a shell command succeeds
char *fake_output(const char *fmt, ...) __attribute__((format(printf, 1, 2))); // its output; free()

#endif
