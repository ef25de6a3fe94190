// One WHIP or WHEP session with a gateway, kept alive over refusals, losses and restarts of that gateway: of the simulated
// participants, and of the sources of huizhen-ingest. Thread: the main loop; what GStreamer's threads tell goes through promises
// and atomics.
#ifndef HZ_MEDIA_PIPELINE_RTC_SESSION_H
#define HZ_MEDIA_PIPELINE_RTC_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <gst/gst.h>
#include <jansson.h>

// Counted by streaming threads, read by the main loop.
struct hz_rtc_counters {
	atomic_ullong audio_packets, audio_bytes, video_packets, video_bytes;
	atomic_ullong video_frames;      // RTP timestamps with a marker, or decoded pictures with --decode
	atomic_ullong keyframe_requests; // publisher: asked of us
	atomic_ullong lost;              // gaps in the sequence numbers, after repair
	atomic_llong last_packet_us;     // hz_now_us() of the last SRTP or SRTCP packet that was good
	atomic_ullong max_frame_gap_us;  // longest time between two video frames since last asked
};

struct hz_rtc_wish {          // what it points to must outlive the session
	const char *endpoint; // URL to POST to
	const char *token;    // read at each request
	const char *source;   // WHEP: the participant watched; NULL: publishes
	bool insecure;        // accept any TLS certificate
	bool loopback;        // use all addresses of this machine, loopback too
	// A pipeline with "rtc" (webrtcbin); NULL on error (logged). Called for each attempt.
	GstElement *(*make)(void *ctx, struct hz_rtc_counters *counters);
	void *ctx;
};

struct hz_rtc_session; // opaque

struct hz_rtc_session *hz_rtc_session_new(const struct hz_rtc_wish *wish); // NULL: no memory

// To be called every 100 ms. 0, or -EACCES when the gateway refuses the token for good.
int hz_rtc_session_tick(struct hz_rtc_session *session, int64_t now_us);

bool hz_rtc_session_up(const struct hz_rtc_session *session); // connected
int hz_rtc_session_status(
    const struct hz_rtc_session *session); // of the newest answer; 0: no connection, or none yet

// Counters since the start. json_decref() it.
json_t *hz_rtc_session_stats(struct hz_rtc_session *session);

// Ends the session at the gateway (DELETE, at most 3 s) and frees it.
void hz_rtc_session_free(struct hz_rtc_session *session);

#endif
