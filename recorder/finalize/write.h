// The second pass: frames into the files that the plan names. Thread: one.
#ifndef HZ_RECORDER_FINALIZE_WRITE_H
#define HZ_RECORDER_FINALIZE_WRITE_H

#include "recorder/finalize/plan.h"
#include "recorder/finalize/tracks.h"

struct hz_out_info {                  // of a file that was made
	char path[HZ_TRACK_KEY + 32]; // "tracks/..."
	const struct hz_track *track;
	const struct hz_config *config; // NULL: sound alone
	bool audio;                     // has sound
	unsigned part;                  // from 1
	int64_t start_us, duration_us;  // start: on the time line
	uint64_t frames;                // pictures
	int64_t first_us, last_us;      // of pictures
};

// Of a record: more could not be read again (recorder/record/manifest_read.h). Where SPSs change so often that there would be
// more, the tracks with the most parts lose their last ones.
#define HZ_WRITE_FILES 8000

struct hz_write;

// folder: gets "tracks/...". The tracks are solved, their streams' `cut` is reset.
int hz_write_new(struct hz_tracks *tracks, const char *folder, struct hz_write **ret);
void hz_write_frame(void *arg, struct hz_stream *stream, const struct hz_frame *frame); // hz_tracks_frame_cb
// The second pass has come to this arrival: files of tracks that ended long before are closed, so that only few are open.
void hz_write_advance(struct hz_write *write, int64_t us);
// Ends all files. -errno of the disk; a file that could not be made is a warning.
int hz_write_close(struct hz_write *write);
void hz_write_free(struct hz_write *write); // files not closed are removed. NULL allowed

// Files in the order of tracks and parts.
size_t hz_write_count(const struct hz_write *write);
bool hz_write_info(const struct hz_write *write, size_t i, struct hz_out_info *ret); // false: it was not made
uint64_t hz_write_refused(const struct hz_write *write); // files that could not be made
int64_t hz_write_first_us(const struct hz_write *write); // earliest start of a file; INT64_MAX: none

#endif
