#include <string.h>

#include <gst/rtp/rtp.h>
#include <gst/webrtc/webrtc.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "media/pipeline/demo_pipelines.h"

// What one received pad has seen; freed with the pad's probe.
struct track {
	struct hz_rtc_counters *counters;
	bool video, decoded, started;
	guint16 next_seq;
	int64_t last_frame_us;
};

static void count_frame(struct track *track, int64_t now_us)
{
	struct hz_rtc_counters *c = track->counters;
	uint64_t gap_us = track->last_frame_us ? (uint64_t)(now_us - track->last_frame_us) : 0;

	track->last_frame_us = now_us;
	atomic_fetch_add(&c->video_frames, 1);
	if (gap_us > atomic_load(&c->max_frame_gap_us))
		atomic_store(&c->max_frame_gap_us, gap_us);
}

static void count_packet(struct track *track, GstBuffer *buffer)
{
	struct hz_rtc_counters *c = track->counters;
	GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
	guint16 seq;

	if (!gst_rtp_buffer_map(buffer, GST_MAP_READ, &rtp))
		return;
	seq = gst_rtp_buffer_get_seq(&rtp);
	if (track->started && (guint16)(seq - track->next_seq) < 0x4000)
		atomic_fetch_add(&c->lost, (guint16)(seq - track->next_seq));
	track->started = true;
	track->next_seq = (guint16)(seq + 1);
	if (track->video) {
		atomic_fetch_add(&c->video_packets, 1);
		atomic_fetch_add(&c->video_bytes, gst_buffer_get_size(buffer));
		if (!track->decoded && gst_rtp_buffer_get_marker(&rtp))
			count_frame(track, hz_now_us());
	} else {
		atomic_fetch_add(&c->audio_packets, 1);
		atomic_fetch_add(&c->audio_bytes, gst_buffer_get_size(buffer));
	}
	gst_rtp_buffer_unmap(&rtp);
}

static gboolean on_listed(GstBuffer **buffer, guint index, gpointer user)
{
	count_packet(user, *buffer);
	return TRUE;
}

static GstPadProbeReturn on_packet(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER_LIST)
		gst_buffer_list_foreach(GST_PAD_PROBE_INFO_BUFFER_LIST(info), on_listed, user);
	else
		count_packet(user, GST_PAD_PROBE_INFO_BUFFER(info));
	return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn on_picture(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	count_frame(user, hz_now_us());
	return GST_PAD_PROBE_OK;
}

static const char *decoder_of(const char *encoding)
{
	if (strcmp(encoding, "VP8") == 0)
		return "rtpvp8depay request-keyframe=true wait-for-keyframe=true ! vp8dec ! fakesink "
		       "name=sink sync=false";
	if (strcmp(encoding, "H264") == 0)
		return "rtph264depay request-keyframe=true wait-for-keyframe=true ! h264parse ! openh264dec "
		       "! fakesink name=sink sync=false";
	if (strcmp(encoding, "OPUS") == 0)
		return "rtpopusdepay ! opusdec ! fakesink name=sink sync=false";
	return "fakesink name=sink sync=false";
}

static void count_pictures(GstElement *bin, struct track *track)
{
	GstElement *sink = gst_bin_get_by_name(GST_BIN(bin), "sink");
	GstPad *pad = gst_element_get_static_pad(sink, "sink");

	gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_picture, track, NULL);
	gst_object_unref(pad);
	gst_object_unref(sink);
}

static void on_pad(GstElement *rtc, GstPad *pad, gpointer user)
{
	GstElement *pipeline = GST_ELEMENT(gst_element_get_parent(rtc)), *bin;
	bool decode = GPOINTER_TO_INT(g_object_get_data(G_OBJECT(pipeline), "hz-decode"));
	GstCaps *caps = gst_pad_get_current_caps(pad);
	const GstStructure *s = caps ? gst_caps_get_structure(caps, 0) : NULL;
	const char *media = s ? gst_structure_get_string(s, "media") : NULL;
	const char *encoding = s ? gst_structure_get_string(s, "encoding-name") : NULL;
	struct track *track;
	GstPad *sink;

	if (GST_PAD_DIRECTION(pad) != GST_PAD_SRC || !media || !encoding)
		goto out;
	bin = gst_parse_bin_from_description(decode ? decoder_of(encoding) : "fakesink name=sink sync=false",
	                                     TRUE, NULL);
	if (!bin) {
		hz_error("demo.decoder_missing", "codec=%s", encoding);
		goto out;
	}
	track = g_new0(struct track, 1);
	track->counters = user;
	track->video = strcmp(media, "video") == 0;
	track->decoded = decode && track->video;
	gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_packet, track,
	                  NULL);
	g_object_set_data_full(G_OBJECT(bin), "hz-track", track, g_free);
	if (track->decoded)
		count_pictures(bin, track);
	gst_bin_add(GST_BIN(pipeline), bin);
	sink = gst_element_get_static_pad(bin, "sink");
	gst_element_sync_state_with_parent(bin);
	if (gst_pad_link(pad, sink) != GST_PAD_LINK_OK)
		hz_error("demo.link", "codec=%s", encoding);
	gst_object_unref(sink);
out:
	if (caps)
		gst_caps_unref(caps);
	gst_object_unref(pipeline);
}

static void want(GstElement *rtc, const char *caps_text)
{
	GstCaps *caps = gst_caps_from_string(caps_text);
	GstWebRTCRTPTransceiver *transceiver = NULL;

	g_signal_emit_by_name(rtc, "add-transceiver", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps,
	                      &transceiver);
	if (transceiver) {
		g_object_set(transceiver, "do-nack", TRUE, NULL);
		gst_object_unref(transceiver);
	}
	gst_caps_unref(caps);
}

GstElement *hz_demo_subscriber_new(const struct hz_demo_options *options, struct hz_rtc_counters *counters)
{
	GstElement *rtc = gst_element_factory_make("webrtcbin", "rtc"), *pipeline;

	if (!rtc) {
		hz_error("demo.webrtcbin_missing", "package=gstreamer1.0-plugins-bad");
		return NULL;
	}
	pipeline = gst_pipeline_new(NULL);
	gst_bin_add(GST_BIN(pipeline), rtc);
	gst_util_set_object_arg(G_OBJECT(rtc), "bundle-policy", "max-bundle");
	g_object_set(rtc, "latency", 100, NULL);
	g_object_set_data(G_OBJECT(pipeline), "hz-decode", GINT_TO_POINTER(options->decode));
	want(rtc, "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,"
	          "encoding-params=(string)2");
	want(rtc, "application/x-rtp,media=video,encoding-name=H264,payload=102,clock-rate=90000,"
	          "packetization-mode=(string)1,profile-level-id=(string)42e01f;"
	          "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000");
	g_signal_connect(rtc, "pad-added", G_CALLBACK(on_pad), counters);
	return pipeline;
}
