// The programme of a broadcast as it leaves its delay (media/hls), for those who send it on: a ring in a memfd with one writer,
// huizhen-hls, and any number of readers, huizhen-target, of whom the writer knows nothing. So nobody who reads can hold up or
// harm who writes: a reader that is slower than the ring loses what was overwritten, and goes on with a keyframe.
//
// What is in it left the hold: nothing of at or after the mark of a cut ever does. Times are microseconds of the marks' clock (wall
// clock), so they ascend over a restart of the writer. No clock, no I/O but the mapping. Thread: one an end.
#ifndef HZ_MEDIA_PUSH_OUTFEED_H
#define HZ_MEDIA_PUSH_OUTFEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_OUTFEED_RING_BYTES (16u << 20) // some 40 s of 3 Mb/s
#define HZ_OUTFEED_UNIT_BYTES (HZ_OUTFEED_RING_BYTES / 4 - 64)
#define HZ_OUTFEED_BYTES      (4096u + HZ_OUTFEED_RING_BYTES) // of the memfd

enum hz_outfeed_track { HZ_OUTFEED_VIDEO, HZ_OUTFEED_SOUND };

struct hz_outfeed_unit {
	enum hz_outfeed_track track;
	bool key;
	int64_t pts_us, dts_us;
	const uint8_t *
	    data; // H.264 with lengths of 4 bytes (avcC), or Opus; behind it config_bytes more: of a keyframe its avcC
	size_t bytes, config_bytes;
};

struct hz_outfeed;

// The descriptor may be closed then. -errno of the mapping; -EINVAL: not HZ_OUTFEED_BYTES; -ENOMEM.
int hz_outfeed_write_open(int fd, struct hz_outfeed **ret);
int hz_outfeed_read_open(int fd, struct hz_outfeed **ret); // the mapping can only be read
void hz_outfeed_free(struct hz_outfeed *f);                // NULL allowed

// One that is larger than HZ_OUTFEED_UNIT_BYTES is left out, and what follows waits for a keyframe.
void hz_outfeed_put(struct hz_outfeed *f, const struct hz_outfeed_unit *unit);
// Of what was put until now nothing more is taken, by whoever is late: it must not be seen. Goes on at a keyframe.
void hz_outfeed_clear(struct hz_outfeed *f);

// The next unit, the first one being a keyframe: valid until the next call. 0; -EAGAIN: none yet; -EOVERFLOW: some were lost, the
// next one is a keyframe.
int hz_outfeed_take(struct hz_outfeed *f, struct hz_outfeed_unit *ret);
bool hz_outfeed_ready(const struct hz_outfeed *f); // there is a keyframe to begin with
void hz_outfeed_skip(
    struct hz_outfeed *f); // goes on with the newest keyframe, unless it is behind that already
int64_t hz_outfeed_lag_us(const struct hz_outfeed *f); // from what was taken to the newest

#endif
