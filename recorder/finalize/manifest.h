// manifest.json and timeline.json (recorder/manifest.h), with digests of the files. Thread: any.
#ifndef HZ_RECORDER_FINALIZE_MANIFEST_H
#define HZ_RECORDER_FINALIZE_MANIFEST_H

#include "recorder/finalize/story.h"
#include "recorder/finalize/tracks.h"
#include "recorder/finalize/write.h"

struct hz_manifest_from {
	const char *folder, *record;
	const char *journal_json;                  // NULL: nothing is known of it
	bool (*erased)(void *arg, uint32_t track); // NULL allowed
	void *(*noted)(void *arg);                 // as in finalize.h
	void *arg;
	const char *warning; // "": none
	const struct hz_story *story;
	const struct hz_tracks *tracks;
	const struct hz_write *write; // closed
	int64_t zero_us;              // t = 0 on the time line, a whole millisecond
};

int hz_manifest_make(const struct hz_manifest_from *from); // -errno

#endif
