// Inside huizhen-source: one source of a consult. input reads it, output sends it by WHIP to our own gateway, picture makes its
// thumbnails; source_run.c decides. docs/decisions/015-theatre-in.md.
//
// Threads: GStreamer's own call hz_source_take() and the callbacks of input; everything else is the main loop's.
#ifndef HZ_MEDIA_PIPELINE_SOURCE_STATE_H
#define HZ_MEDIA_PIPELINE_SOURCE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <gst/gst.h>

#include "media/ingest/api.h"
#include "media/ingest/timeline.h"
#include "media/ingest/url.h"
#include "media/pipeline/rtc_session.h"

#define HZ_SOURCE_SILENT_US    5000000  // nothing comes: stalled
#define HZ_SOURCE_CONNECT_US   12000000 // until the first picture or sound
#define HZ_SOURCE_SETTLE_US    1500000  // from the first of them until the other one is given up
#define HZ_SOURCE_LEAVE_US     60000000 // so long it stays in the consult with nothing to show
#define HZ_SOURCE_RETRY_US     500000   // doubled each time
#define HZ_SOURCE_RETRY_MAX_US 10000000

struct hz_input;   // source_input.h
struct hz_lookup;  // media/guard/lookup.h
struct hz_picture; // source_picture.h

// What the streaming threads say of the source that is read now.
struct hz_source_seen {
	atomic_bool video, audio, settled; // settled: no more streams will come
	atomic_bool reorders;              // B-frames: cannot be passed through
	atomic_uint wanted;                // keyframes that receivers asked for
	atomic_ullong bytes;
	atomic_uint frames;
	atomic_llong newest_us;
	atomic_uint size;    // width << 16 | height
	atomic_uint profile; // profile_idc << 16 | constraints << 8 | level_idc
	atomic_int video_codec, audio_codec;
	atomic_bool passed_video, passed_audio, synced, unsupported;
	char name[16]; // of the picture's codec; under the lock
};

struct hz_source {
	int fd;
	struct hz_ingest_source_set set;
	struct hz_ingest_url url;
	uint8_t state, reason;
	uint32_t attempts;
	int64_t since_us, retry_at_us, retry_us, told_us, live_us, lost_us;
	bool encode; // it cannot be passed through: found out before
	unsigned long long told_bytes;
	unsigned told_frames;
	uint32_t bitrate, rate;

	struct hz_input *input;   // NULL: none now
	struct hz_lookup *lookup; // of its host; NULL: none is under way
	int64_t first_us;         // first picture or sound of this attempt
	uint32_t unmet;           // keyframes that could not be made
	struct hz_source_seen seen;

	pthread_mutex_t lock; // of what follows
	struct hz_timeline timeline;
	GstElement *sending;                   // the output's pipeline; NULL: none
	GstElement *video_in, *audio_in;       // its ends; NULL: has none
	bool whole;                            // the picture has begun: with a keyframe
	bool open, primed_video, primed_audio; // the session is connected; one went in before
	GstBuffer *keyframe;                   // the newest; NULL: it was taken for a thumbnail

	struct hz_rtc_session *session; // NULL: not in the consult
	struct hz_rtc_wish wish;
	bool with_video, with_audio; // of the session
	unsigned with_profile;
	int64_t picture_us, begun_us;
	struct hz_picture *picture; // being made; NULL: none
};

// source_run.c: each 50 ms; and at the end.
void hz_source_tick(struct hz_source *s, int64_t now_us);
void hz_source_set(struct hz_source *s, const struct hz_ingest_source_set *set, int64_t now_us);
void hz_source_end(struct hz_source *s);
// source_status.c: says how it stands when it is due, or `now`.
void hz_source_tell(struct hz_source *s, int64_t now_us, bool now);
void hz_source_tell_picture(struct hz_source *s, const void *jpeg, size_t bytes);

// source_output.c: a frame or a piece of sound of the input, running_ns: on the input's clock, -1: none. Takes nothing over.
void hz_source_take(struct hz_source *s, bool video, GstBuffer *buffer, int64_t running_ns);
// A sender report of the source.
void hz_source_report(struct hz_source *s, int64_t running_ns, int64_t wall_ns);
// The pipeline of its session; for struct hz_rtc_wish.
GstElement *hz_source_output_new(void *source, struct hz_rtc_counters *counters);
void hz_source_output_end(struct hz_source *s); // before its session is freed
// As set.sync_ms says; of a pipeline that is there already, too. NULL allowed.
void hz_source_output_hold(struct hz_source *s, GstElement *pipeline);

// source_h264.c: what an access unit (byte-stream) is.
struct hz_source_unit {
	bool key, reorders;
	unsigned profile, size; // as in hz_source_seen; 0: it says nothing
	size_t
	    front; // bytes of an access unit delimiter in front: openh264, and so Firefox, decodes nothing behind it
};
void hz_source_unit_look(const uint8_t *data, size_t bytes, struct hz_source_unit *ret);

#endif
