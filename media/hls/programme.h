// One live broadcast: RTP of its picture and its voices in, a folder of HLS files out (hls.h). Voices are mixed into one sound
// (media/mix/mixer.h), pictures pass as they are. Between programmes, while it is cut and until the delay is over after a start, the slate
// is shown. Marks and now_us are CLOCK_MONOTONIC microseconds. No clock, single thread.
//
// What arrived while it was cut never comes further than hz_programme_rtp(); what waits and is later than the mark is dropped by the
// packager. A programme that was just made takes nothing that arrived before.
#ifndef HZ_MEDIA_HLS_PROGRAMME_H
#define HZ_MEDIA_HLS_PROGRAMME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/hls/api.h"
#include "media/hls/hls.h"

#define HZ_PROGRAMME_KEY_US 3000000 // after so long a keyframe is asked for: segments begin with one

struct hz_programme;

struct hz_programme_open {
	int folder;       // of all broadcasts; borrowed
	int64_t epoch_us; // wall clock less CLOCK_MONOTONIC, for dates
	void *ctx;
	void (*want_key)(void *ctx, uint32_t consult, const struct hz_hls_source *source);
};

// set: as it came, and good (hz_programme_good()). Errors of the folder; -ENOMEM; -EINVAL.
bool hz_programme_good(const struct hz_hls_broadcast_set *set, unsigned workers);
int hz_programme_new(const struct hz_programme_open *with, const struct hz_hls_broadcast_set *set,
                     int64_t now_us, struct hz_programme **ret);
void hz_programme_free(struct hz_programme *p); // leaves the files. NULL allowed
int hz_programme_drop(struct hz_programme *p);  // and with them: frees p in any case

// 0: it is so, and after a cut nothing of at or after the mark is in a file. -errno of the store: the cut goes on being tried.
int hz_programme_set(struct hz_programme *p, const struct hz_hls_broadcast_set *set, int64_t now_us);
void hz_programme_end(struct hz_programme *p, int64_t now_us);
bool hz_programme_over(const struct hz_programme *p, int64_t now_us); // ended, and its window too

// True: it was of this programme.
bool hz_programme_rtp(struct hz_programme *p, unsigned worker, const uint8_t *data, size_t bytes,
                      int64_t arrival_us);
int64_t hz_programme_tick(struct hz_programme *p, int64_t now_us); // when to call again

// Its units go into the ring of this number as well, as they leave the delay; 0: into none. The descriptor stays the caller's. -errno.
int hz_programme_feed(struct hz_programme *p, uint32_t number, int fd);

const char *hz_programme_id(const struct hz_programme *p);
struct hz_hls_disk *hz_programme_disk(struct hz_programme *p);
void hz_programme_narrow(struct hz_programme *p); // the disk is nearly full: half the window
void hz_programme_status(const struct hz_programme *p, struct hz_hls_status *add); // adds its counts

#endif
