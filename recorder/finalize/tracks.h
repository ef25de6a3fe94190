// The tracks of a record and their streams, fed from the journal's items: packets -> order -> frames. Finalising reads the
// journal twice: first to know (clocks, groups of pictures, what is there), then to write. Thread: one.
#ifndef HZ_RECORDER_FINALIZE_TRACKS_H
#define HZ_RECORDER_FINALIZE_TRACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/finalize/clock.h"
#include "recorder/finalize/frames.h"
#include "recorder/finalize/order.h"
#include "recorder/journal/reader.h"

#define HZ_TRACK_STREAMS 64         // SSRCs of a track in its life; more are left out
#define HZ_STREAM_GOPS   (1u << 20) // keyframes of a stream
#define HZ_TRACK_KEY     160

struct hz_config { // of a decoder, as some keyframe brought it
	struct hz_config *next;
	uint8_t codec;
	uint64_t identity; // of codec and SPS, or sequence header: another one makes a new part
	uint16_t width, height;
	size_t bytes;
	uint8_t data[];
};

struct hz_gop { // a keyframe, and the frames that follow and can be decoded
	int64_t seq, ts, last_seq, last_ts;
	uint32_t frames;
	const struct hz_config *config;
};

struct hz_track;

struct hz_stream {
	struct hz_track *track;
	uint32_t ssrc;
	uint8_t layer, codec; // codec: of `frames`
	unsigned index;       // in its track
	struct hz_order *order;
	struct hz_frames *frames; // of the running pass
	struct hz_clock *clock;   // of both
	// what the first pass found
	struct hz_gop *gop; // video
	size_t gops, gop_room;
	struct hz_config *configs;
	struct hz_refused refused;
	int64_t first_seq, first_ts, last_seq, last_ts; // of frames
	uint64_t frame_count, frame_bytes;
	bool stereo;
	struct hz_order_stats order_stats;
	struct hz_frames_stats frame_stats;
	size_t cut; // second pass: where it is in the plan
};

struct hz_track {
	struct hz_tracks *all;
	uint32_t number;
	char key[HZ_TRACK_KEY], participant[72], source[32];
	bool described, audio;
	uint8_t codec_of[128]; // enum hz_codec by payload type
	struct hz_stream *stream[HZ_TRACK_STREAMS];
	unsigned streams;
	int64_t first_us, last_us; // arrivals on the time line
	uint64_t packets, bad_packets, unknown_packets;
	void *plan; // second pass: plan.h, owned by it
};

typedef void hz_tracks_frame_cb(void *arg, struct hz_stream *stream, const struct hz_frame *frame);

struct hz_tracks {
	struct hz_track *list[HZ_JOURNAL_TRACKS]; // by number; NULL: not seen
	hz_tracks_frame_cb *cb;
	void *arg;
	bool writing; // the second pass
	int err;      // -ENOMEM
};

int hz_tracks_new(struct hz_tracks **ret);
void hz_tracks_free(struct hz_tracks *tracks); // NULL allowed

// A pass: begin, items with their moment on the time line, end (what waits is handed on; statistics are taken).
int hz_tracks_begin(struct hz_tracks *tracks, bool writing, hz_tracks_frame_cb *cb, void *arg);
int hz_tracks_item(struct hz_tracks *tracks, const struct hz_journal_item *item, int64_t us);
int hz_tracks_end(struct hz_tracks *tracks);

// After the first pass: the clocks of each participant's streams. -ENOMEM.
int hz_tracks_solve(struct hz_tracks *tracks);
int64_t hz_stream_us(const struct hz_stream *stream, int64_t seq, int64_t ts); // then

#endif
