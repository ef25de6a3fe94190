#include <stdio.h>
#include <string.h>

#include <gst/audio/audio.h>
#include <gst/rtp/rtp.h>
#include <gst/video/video-event.h>
#include <gst/webrtc/webrtc.h>

#include "gateway/base/log.h"
#include "media/pipeline/demo_pipelines.h"
#include "media/pipeline/demo_voice.h"

#define AUDIO_LEVEL_URI "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
#define TWCC_URI        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

// Each kind looks different, so that a mistaken picture is seen at once.
static const char *pattern_of(const char *kind)
{
	if (strcmp(kind, "expert") == 0)
		return "pattern=ball motion=wavy background-color=0xff203860 foreground-color=0xffffd060";
	if (strcmp(kind, "patient") == 0)
		return "pattern=gamut horizontal-speed=3";
	return "pattern=colors horizontal-speed=3";
}

// Text is left out where pango's plugin is missing.
static const char *overlays(void)
{
	static const char text[] = "! textoverlay name=label valignment=top font-desc=\"Sans 22\" "
	                           "! clockoverlay time-format=\"%H:%M:%S\" font-desc=\"Sans 20\" ";
	GstElementFactory *factory = gst_element_factory_find("textoverlay");

	if (!factory)
		return "";
	gst_object_unref(factory);
	return text;
}

static const char *encoder_of(const struct hz_demo_options *options)
{
	if (options->vp8)
		return "vp8enc deadline=1 cpu-used=8 threads=1 target-bitrate=500000 end-usage=cbr "
		       "keyframe-max-dist=250 error-resilient=default name=encoder "
		       "! rtpvp8pay name=vpay pt=96 picture-id-mode=15-bit "
		       "! application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000";
	return "x264enc tune=zerolatency speed-preset=ultrafast threads=1 bitrate=500 key-int-max=250 "
	       "name=encoder "
	       "! video/x-h264,profile=constrained-baseline "
	       "! rtph264pay name=vpay pt=96 config-interval=-1 aggregate-mode=zero-latency "
	       "! application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000";
}

// audiotestsrc keeps the time; the sound itself is put in here, with its level for RFC 6464.
static GstPadProbeReturn on_voice(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
	GstMapInfo map;
	uint8_t level;

	GST_PAD_PROBE_INFO_DATA(info) = buffer;
	if (!gst_buffer_map(buffer, &map, GST_MAP_READWRITE))
		return GST_PAD_PROBE_OK;
	level = hz_demo_voice_fill(user, (int16_t *)map.data, map.size / sizeof(int16_t));
	gst_buffer_unmap(buffer, &map);
	GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_GAP); // silence of audiotestsrc is marked as such
	gst_buffer_add_audio_level_meta(buffer, level, level < 60);
	return GST_PAD_PROBE_OK;
}

static void count_sent(GstBuffer *buffer, bool video, struct hz_rtc_counters *counters)
{
	size_t bytes = gst_buffer_get_size(buffer);

	atomic_fetch_add(video ? &counters->video_packets : &counters->audio_packets, 1);
	atomic_fetch_add(video ? &counters->video_bytes : &counters->audio_bytes, bytes);
	if (video && GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_MARKER))
		atomic_fetch_add(&counters->video_frames, 1);
}

// Counts what leaves a payloader: single packets, or all of a frame in a list.
static void count_probe(GstPadProbeInfo *info, bool video, struct hz_rtc_counters *counters)
{
	GstBufferList *list;

	if (!(GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER_LIST)) {
		count_sent(GST_PAD_PROBE_INFO_BUFFER(info), video, counters);
		return;
	}
	list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
	for (guint i = 0; i < gst_buffer_list_length(list); i++)
		count_sent(gst_buffer_list_get(list, i), video, counters);
}

static GstPadProbeReturn on_sent_video(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	count_probe(info, true, user);
	return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn on_sent_audio(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	count_probe(info, false, user);
	return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn on_upstream_event(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	struct hz_rtc_counters *counters = user;

	if (gst_video_event_is_force_key_unit(GST_PAD_PROBE_INFO_EVENT(info)))
		atomic_fetch_add(&counters->keyframe_requests, 1);
	return GST_PAD_PROBE_OK;
}

static void probe(GstElement *pipeline, const char *element, const char *pad_name, GstPadProbeType type,
                  GstPadProbeCallback callback, gpointer user)
{
	GstElement *e = gst_bin_get_by_name(GST_BIN(pipeline), element);
	GstPad *pad = gst_element_get_static_pad(e, pad_name);

	gst_pad_add_probe(pad, type, callback, user, NULL);
	gst_object_unref(pad);
	gst_object_unref(e);
}

static void add_extension(GstElement *pipeline, const char *payloader, const char *uri, unsigned id)
{
	GstElement *pay = gst_bin_get_by_name(GST_BIN(pipeline), payloader);
	GstRTPHeaderExtension *extension = gst_rtp_header_extension_create_from_uri(uri);

	if (extension) {
		gst_rtp_header_extension_set_id(extension, id);
		g_signal_emit_by_name(pay, "add-extension", extension);
		gst_object_unref(extension);
	} else {
		hz_warn("demo.extension_missing", "id=%u", id);
	}
	gst_object_unref(pay);
}

// Only sends, and repeats what was lost.
static void set_up_transceivers(GstElement *pipeline)
{
	GstElement *rtc = gst_bin_get_by_name(GST_BIN(pipeline), "rtc");
	GArray *list = NULL;

	g_signal_emit_by_name(rtc, "get-transceivers", &list);
	for (guint i = 0; list && i < list->len; i++)
		g_object_set(g_array_index(list, GstWebRTCRTPTransceiver *, i), "direction",
		             GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, "do-nack", TRUE, NULL);
	if (list)
		g_array_unref(list);
	gst_object_unref(rtc);
}

static void set_label(GstElement *pipeline, const char *label)
{
	GstElement *overlay = gst_bin_get_by_name(GST_BIN(pipeline), "label");

	if (!overlay)
		return;
	g_object_set(overlay, "text", label, NULL); // not in the description: it is free text
	gst_object_unref(overlay);
}

GstElement *hz_demo_publisher_new(const struct hz_demo_options *options, struct hz_rtc_counters *counters)
{
	const GstPadProbeType packets = GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST;
	struct hz_demo_voice *voice = g_new0(struct hz_demo_voice, 1);
	GError *error = NULL;
	GstElement *pipeline;
	gchar *text;

	text = g_strdup_printf(
	    "webrtcbin name=rtc bundle-policy=max-bundle "
	    "videotestsrc is-live=true %s ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 %s "
	    "! %s ! queue max-size-time=200000000 ! rtc. "
	    "audiotestsrc name=voice is-live=true wave=silence samplesperbuffer=960 "
	    "! audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved "
	    "! opusenc name=opus bitrate=32000 inband-fec=true packet-loss-percentage=5 ! rtpopuspay "
	    "name=apay pt=111 "
	    "! application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000 ! queue ! rtc.",
	    pattern_of(options->kind), overlays(), encoder_of(options));
	pipeline = gst_parse_launch(text, &error);
	g_free(text);
	if (!pipeline || error) {
		hz_error("demo.pipeline", "code=%d", error ? error->code : 0);
		fprintf(stderr, "huizhen-demo: %s\n", error ? error->message : "no pipeline");
		g_clear_error(&error);
		if (pipeline)
			gst_object_unref(pipeline);
		g_free(voice);
		return NULL;
	}
	hz_demo_voice_init(voice, options->kind);
	g_object_set_data_full(G_OBJECT(pipeline), "hz-voice", voice, g_free);
	set_label(pipeline, options->label);
	add_extension(pipeline, "apay", AUDIO_LEVEL_URI, 1);
	add_extension(pipeline, "apay", TWCC_URI, 3);
	add_extension(pipeline, "vpay", TWCC_URI, 3);
	probe(pipeline, "voice", "src", GST_PAD_PROBE_TYPE_BUFFER, on_voice, voice);
	probe(pipeline, "vpay", "src", packets, on_sent_video, counters);
	probe(pipeline, "apay", "src", packets, on_sent_audio, counters);
	probe(pipeline, "encoder", "src", GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_upstream_event, counters);
	set_up_transceivers(pipeline);
	return pipeline;
}
