// Real encoded media as a publisher would send it: clips made by ffmpeg, packetised, with the publisher's own clocks, a link
// that loses and delays, and sender reports. Also: what is in a file, heard and seen.
#ifndef HZ_TESTS_FINALIZE_FAKE_MEDIA_H
#define HZ_TESTS_FINALIZE_FAKE_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/finalize/finalize.h"

#define FAKE_ZERO_US 1700000000000000ll // wall clock of t = 0; the monotonic clock is 1,000 s

struct fake_frame {
	uint8_t *data;
	size_t bytes;
	bool key;
};
struct fake_clip {
	struct fake_frame *frame;
	size_t count;
};

// White flashes of 0.1 s at each whole second. codec: "h264", "vp8", "vp9", "av1"; keyframes every `key_s`.
struct fake_clip fake_video(const char *codec, int width, int height, int fps, int seconds, int key_s);
struct fake_picture {
	const char *codec;
	int width, height, fps, seconds, key_s, bps;
};
struct fake_clip fake_video_at(const struct fake_picture *want);
// Beeps of 0.1 s at each whole second of true time, sampled by a clock that is `ppm` fast; 20 ms a frame.
struct fake_clip fake_audio(double ppm, int seconds);
// Something as loud and as hard to encode as speech.
struct fake_clip fake_speech(int seconds);
void fake_clip_free(struct fake_clip *clip);

struct fake_item {
	struct hz_journal_item item;
	uint8_t *data;
	uint64_t order;
};
struct fake_list { // a source of items
	struct fake_item *item;
	size_t count, room, at;
};
void fake_list_free(struct fake_list *list);
// what: kind, and flags << 8.
void fake_add(struct fake_list *list, uint32_t track, uint16_t what, double at_s, const void *data,
              size_t bytes);
void fake_json(struct fake_list *list, uint8_t kind, double at_s, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void fake_sort(struct fake_list *list); // by arrival
struct hz_items fake_items(struct fake_list *list);

struct fake_publisher {
	uint32_t track, ssrc;
	const char *codec; // also "opus", "red"
	uint8_t pt, layer;
	double fps;          // audio: 50
	double ppm, ntp_ppm; // of the sampling clock, of the NTP clock
	double ntp_offset_s;
	double jitter_s;                  // of the moments at which pictures are taken, to both sides
	double start_s;                   // of the clip, on the true clock
	double from_s, until_s;           // sent only then
	double drop_from_s, drop_until_s; // lost by the link
	double mute_from_s, mute_until_s; // not sent
	double loss;                      // share of packets
	double repaired;                  // share that comes 0.3 s late
	double twice;                     // share that comes again
	uint32_t seed;
	uint16_t first_seq;
	uint32_t first_ts;
	bool no_reports;
	// interrupted every period_s: muted for 6 s, and 60 s later the link drops for 5 s (with `pieces`)
	bool pieces;
	double period_s;
	unsigned phase;
	bool loop; // the clip again and again until until_s
};
void fake_publish(struct fake_list *list, const struct fake_publisher *publisher,
                  const struct fake_clip *clip);
void fake_describe(struct fake_list *list, uint32_t track, const char *participant, const char *source,
                   double at_s);

struct fake_seen {
	unsigned pictures, video_packets, audio_packets;
	double flash[4000], beep[4000], beep_end[4000];
	unsigned flashes, beeps;
	double first_video, last_video, first_audio, last_audio;
	int width, height;
};
// Decodes a file; every message of libav at level error, and every packet it refuses, is a failure.
void fake_watch(const char *path, struct fake_seen *ret);
// A beep whose begin was lost is measured by its end. Largest distances of beeps behind (ret_late) and before (ret_early) their flashes, in ms; returns the pairs.
unsigned fake_skew(const struct fake_seen *seen, double *ret_early, double *ret_late);
// `ffmpeg -v error -i X -f null -` and ffprobe say nothing and succeed.
bool fake_plays(const char *path);
// ffmpeg decodes it to its end and ffprobe says nothing. ret_silent: ffmpeg said nothing either. Without its guess of a rate, to
// which it rounds times: hostile ones are far from any.
bool fake_opens(const char *path, bool *ret_silent);
// Packets of the video stream, one after another: NULL arg ends. For comparing NAL units.
typedef void fake_packet_cb(void *arg, const uint8_t *data, size_t bytes, double pts_s, bool key);
void fake_packets(const char *path, bool audio, fake_packet_cb *cb, void *arg);

#endif
