// The HLS packager of a broadcast (draft-pantos-hls-rfc8216bis): encoded access units of one programme in, a folder of plain
// files out that any web server can serve: a multivariant playlist, a media playlist a track, fragmented MP4 segments and parts.
//
// Everything waits in memory for `delay_us` before it becomes a file. A cut drops what waits and is later than its mark, and
// removes what is out already and holds something later; a slate goes on in its place. See docs/decisions/012-hls.md.
//
// Tracks are numbered: first the videos, then the sounds. All share one clock: pts of video in 90 kHz, of sound in 48 kHz,
// and for each unit its mark, the wall clock (µs since 1970) when it was captured. Files follow the marks; pts say how the
// units of one track lie to each other and may wrap (2^32, 2^33) or jump. Renditions have their keyframes at the same times,
// at most `segment_us` apart.
//
// Reads no clock: the caller ticks. Errors are 0 or -errno. Thread: one at a time.
#ifndef HZ_MEDIA_HLS_HLS_H
#define HZ_MEDIA_HLS_HLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/hls/store.h"

#define HZ_HLS_VIDEOS       4
#define HZ_HLS_SOUNDS       4
#define HZ_HLS_TRACKS       (HZ_HLS_VIDEOS + HZ_HLS_SOUNDS)
#define HZ_HLS_UNIT_BYTES   (4u << 20) // longest access unit
#define HZ_HLS_SLATE_UNITS  1024       // of one track
#define HZ_HLS_MIN_DELAY_US 500000     // in which the tracks come together
#define HZ_HLS_MAX_MARK_US  (1ll << 52)

struct hz_hls;

// A unit as it leaves the hold, slates among them: of H.264 with lengths of 4 bytes, and behind a keyframe its avcC. Times are those
// of the marks' clock. Nothing that a cut drops is ever one.
struct hz_hls_out {
	unsigned track;
	bool key;
	const uint8_t *data; // valid during the call
	size_t bytes, config_bytes;
	int64_t pts_us, dts_us;
};

enum hz_hls_framing { HZ_HLS_ANNEXB, HZ_HLS_AVCC }; // of H.264: start codes, or lengths of 4 bytes
enum hz_hls_sound { HZ_HLS_AAC, HZ_HLS_OPUS };

struct hz_hls_video_open {
	const char *name; // its folder: [a-z0-9-], at most 31
	enum hz_hls_framing framing;
};
struct hz_hls_sound_open {
	const char *name;     // as above
	const char *title;    // for people: printable, no quotes; NULL: the name
	const char *language; // RFC 5646; NULL: not said
	enum hz_hls_sound codec;
	unsigned channels;     // 1 or 2
	const uint8_t *config; // of AAC: AudioSpecificConfig, AAC-LC at 48 kHz
	size_t config_bytes;
};
struct hz_hls_open {
	struct hz_hls_store store; // copied; the caller closes it after hz_hls_free()
	struct hz_hls_video_open video[HZ_HLS_VIDEOS];
	struct hz_hls_sound_open sound[HZ_HLS_SOUNDS]; // one group; the first is the default
	unsigned videos, sounds;
	int64_t delay_us;   // 0: 10 s
	int64_t window_us;  // 0: 30 min; at most 60 min
	int64_t segment_us; // 0: 4 s; whole seconds, 2 to 10
	int64_t part_us;    // 0: 360,000
	size_t
	    hold_bytes; // 0: 256 MiB; what may wait. Full: a unit is refused, and its track waits for a keyframe
	uint64_t
	    first_sequence; // of segments and discontinuities; larger than any before in this folder (e.g. time)
	void *ctx;
	void (*out)(void *ctx, const struct hz_hls_out *unit); // also goes to others; NULL: to nobody
	bool
	    blocking_reload; // the files are behind a server that can (6.2.5.2): says so, and hints at the next part
};
// -EINVAL: the above does not hold.
int hz_hls_new(const struct hz_hls_open *with, struct hz_hls **ret);
void hz_hls_free(struct hz_hls *h); // leaves the files. NULL allowed

struct hz_hls_unit {
	const uint8_t *data; // copied
	size_t bytes;
	int64_t pts, dts; // dts at most pts; sound: pts only
	int64_t mark_us;
};
// A keyframe is a unit with an IDR picture; parameter sets come in the band. While cut, units later than the cut are dropped.
// -EBADMSG: not such a unit; -ENOBUFS: no room; -EINVAL: its times. Nothing of the unit is kept then.
int hz_hls_push(struct hz_hls *h, unsigned track, const struct hz_hls_unit *unit);

// One unit more of the track's slate, which is shown over and over while cut. Video begins with a keyframe, its pts begin at
// 0. Marks do not count. Without a slate players are told of a gap.
int hz_hls_slate(struct hz_hls *h, unsigned track, const struct hz_hls_unit *unit);

// Makes files of what is old enough. now_us: wall clock, like the marks; going back changes nothing. An error is that of the
// store: what could not be written is a gap to players, and the next tick goes on.
int hz_hls_tick(struct hz_hls *h, int64_t now_us);

// From now on nothing that was captured at or after `mark_us` is in the folder or will be. Segments that held some are gaps.
// An error is that of the store: call again until it is 0.
int hz_hls_cut(struct hz_hls *h, int64_t mark_us);
// Takes what is captured at or after `mark_us` again; it is shown behind the delay, from its first keyframe on. -EINVAL:
// before the cut; -EALREADY: not cut.
int hz_hls_resume(struct hz_hls *h, int64_t mark_us);
// What waits, and the segment in the making, are in no file any more: whatever they show must not be shown. As after a cut then, of what
// is not out yet; hz_hls_resume() goes on. Of a cut that was before, what was still to come out goes, too. An error is that of the store:
// of what was public already something may be left.
int hz_hls_clear(struct hz_hls *h);
// The event is over: EXT-X-ENDLIST. What still waits is dropped: tick on for the delay before, to show it. Then only free.
int hz_hls_end(struct hz_hls *h);

// Lists and keeps less from now on (a disk gets full): at least three segments, never more than it was opened with.
void hz_hls_window(struct hz_hls *h, int64_t window_us);

struct hz_hls_stats {
	uint64_t segments, parts, playlists; // written; playlists: versions
	uint64_t dropped_units;              // late, out of order, without their keyframe
	uint64_t cut_units;                  // that a cut kept out
	uint64_t refused_units;              // no room, not a unit
	uint64_t gaps;                       // segments without media
	uint64_t discontinuities;
	uint64_t store_errors;
	size_t held_bytes;
	unsigned held_units;
	bool cut, slate; // slate: shown now
};
void hz_hls_stats(const struct hz_hls *h, struct hz_hls_stats *ret);

#endif
