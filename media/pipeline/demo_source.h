// Pipelines of the demo: what is sent, and what becomes of what is received.
#ifndef HZ_MEDIA_PIPELINE_DEMO_SOURCE_H
#define HZ_MEDIA_PIPELINE_DEMO_SOURCE_H

#include <stdatomic.h>
#include <stdint.h>

#include <gst/gst.h>

#include "media/pipeline/demo_options.h"

// Counted by streaming threads, read by the main loop.
struct hz_demo_counters {
	atomic_ullong audio_packets, audio_bytes, video_packets, video_bytes;
	atomic_ullong video_frames;      // RTP timestamps with a marker, or decoded pictures with --decode
	atomic_ullong keyframe_requests; // publisher: asked of us
	atomic_ullong lost;              // gaps in the sequence numbers, after repair
	atomic_llong last_packet_us;     // hz_now_us() of the last SRTP or SRTCP packet that was good
	atomic_ullong max_frame_gap_us;  // longest time between two video frames since last asked
};

// A pipeline with "rtc" (webrtcbin) that has a picture and a sound to send. NULL on error (logged). Unref it.
GstElement *hz_demo_publisher_new(const struct hz_demo_options *options, struct hz_demo_counters *counters);

// A pipeline with "rtc" that wants to receive one picture and one sound. counters must outlive it.
GstElement *hz_demo_subscriber_new(const struct hz_demo_options *options, struct hz_demo_counters *counters);

#endif
