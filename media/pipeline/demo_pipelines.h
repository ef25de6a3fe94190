// Pipelines of the demo: what is sent, and what becomes of what is received.
#ifndef HZ_MEDIA_PIPELINE_DEMO_PIPELINES_H
#define HZ_MEDIA_PIPELINE_DEMO_PIPELINES_H

#include <gst/gst.h>

#include "media/pipeline/demo_options.h"
#include "media/pipeline/rtc_session.h"

// A pipeline with "rtc" (webrtcbin) that has a picture and a sound to send. NULL on error (logged). Unref it.
GstElement *hz_demo_publisher_new(const struct hz_demo_options *options, struct hz_rtc_counters *counters);

// A pipeline with "rtc" that wants to receive one picture and one sound. counters must outlive it.
GstElement *hz_demo_subscriber_new(const struct hz_demo_options *options, struct hz_rtc_counters *counters);

#endif
