#include <string.h>

#include <gst/app/gstappsink.h>
#include <gst/video/video.h>

#include "gateway/base/clock.h"
#include "media/pipeline/source_input.h"

#define FRONT "queue name=front max-size-buffers=0 max-size-bytes=16777216 max-size-time=3000000000 "
#define UNITS "video/x-h264,stream-format=byte-stream,alignment=au "

// Nothing is re-encoded: colours and everything else stay as they are.
static const char pass_video[] = FRONT "! h264parse config-interval=-1 ! " UNITS "! appsink name=video";
static const char make_video[] =
    FRONT "! decodebin ! queue leaky=downstream max-size-buffers=4 max-size-bytes=0 max-size-time=0 "
          "! deinterlace ! videoconvertscale "
          "! video/x-raw,format=I420,width=(int)[16,1920],height=(int)[16,1088],pixel-aspect-ratio=1/1 "
          "! x264enc name=encoder tune=zerolatency sliced-threads=false speed-preset=veryfast threads=1 "
          "bitrate=3000 "
          "vbv-buf-capacity=400 key-int-max=250 ! video/x-h264,profile=constrained-baseline "
          "! h264parse config-interval=-1 ! " UNITS "! appsink name=video";
static const char pass_audio[] = FRONT "! opusparse ! appsink name=audio";
static const char make_audio[] =
    FRONT "! decodebin ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=(int)[1,2] "
          "! opusenc bitrate=64000 ! appsink name=audio";

static bool profile_passes(const char *profile)
{
	static const char *const good[] = {"constrained-baseline", "baseline",         "main", "high",
	                                   "constrained-high",     "progressive-high", NULL};
	return profile && g_strv_contains(good, profile);
}

static bool h264_passes(const GstStructure *caps)
{
	const char *interlace = gst_structure_get_string(caps, "interlace-mode");
	const char *chroma = gst_structure_get_string(caps, "chroma-format");
	return profile_passes(gst_structure_get_string(caps, "profile")) &&
	       (!interlace || strcmp(interlace, "progressive") == 0) &&
	       (!chroma || strcmp(chroma, "4:2:0") == 0);
}

static bool opus_passes(const GstStructure *caps)
{
	int family = 0;
	gst_structure_get_int(caps, "channel-mapping-family", &family);
	return family == 0;
}

const char *hz_branch_of(const GstStructure *caps, bool encode, bool *ret_video, bool *ret_passed)
{
	const char *name = gst_structure_get_name(caps);
	*ret_video = g_str_has_prefix(name, "video/") || g_str_has_prefix(name, "image/jpeg");
	*ret_passed = false;
	if (*ret_video) {
		*ret_passed = !encode && strcmp(name, "video/x-h264") == 0 && h264_passes(caps);
		return *ret_passed ? pass_video : make_video;
	}
	if (!g_str_has_prefix(name, "audio/"))
		return NULL;
	*ret_passed = strcmp(name, "audio/x-opus") == 0 && opus_passes(caps);
	return *ret_passed ? pass_audio : make_audio;
}

static const char *short_name(const GstStructure *caps)
{
	const char *name = gst_structure_get_name(caps);
	int version = 0;
	gst_structure_get_int(caps, "mpegversion", &version);
	if (strcmp(name, "video/mpeg") == 0)
		return version == 4 ? "mpeg4" : version == 1 ? "mpeg1" : "mpeg2";
	if (g_str_has_prefix(name, "video/x-"))
		return name + 8;
	return g_str_has_prefix(name, "image/") ? name + 6 : name + 6;
}

void hz_branch_codec(struct hz_source *s, const GstStructure *caps, bool video, bool passed)
{
	const char *name = gst_structure_get_name(caps);
	enum hz_codec codec = HZ_CODEC_NONE;
	if (!video) {
		atomic_store(&s->seen.audio_codec, strcmp(name, "audio/x-opus") == 0 ? HZ_CODEC_OPUS : codec);
		atomic_store(&s->seen.passed_audio, passed);
		atomic_store(&s->seen.audio, true);
		return;
	}
	if (strcmp(name, "video/x-h264") == 0)
		codec = HZ_CODEC_H264_HIGH;
	else if (strcmp(name, "video/x-vp8") == 0)
		codec = HZ_CODEC_VP8;
	else if (strcmp(name, "video/x-vp9") == 0)
		codec = HZ_CODEC_VP9;
	pthread_mutex_lock(&s->lock);
	g_strlcpy(s->seen.name, short_name(caps), sizeof(s->seen.name));
	pthread_mutex_unlock(&s->lock);
	atomic_store(&s->seen.video_codec, codec);
	atomic_store(&s->seen.passed_video, passed);
	atomic_store(&s->seen.video, true);
}

// --- the ends

static GstFlowReturn on_sample(GstAppSink *sink, bool video, struct hz_source *s)
{
	GstSample *sample = gst_app_sink_pull_sample(sink);
	if (!sample)
		return GST_FLOW_EOS;
	GstBuffer *buffer = gst_sample_get_buffer(sample);
	int64_t running_ns = -1;
	if (buffer && GST_BUFFER_PTS_IS_VALID(buffer)) {
		uint64_t at = gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME,
		                                          GST_BUFFER_PTS(buffer));
		if (GST_CLOCK_TIME_IS_VALID(at))
			running_ns = (int64_t)at;
	}
	if (buffer)
		hz_source_take(s, video, buffer, running_ns);
	gst_sample_unref(sample);
	return GST_FLOW_OK;
}

static GstFlowReturn on_video(GstAppSink *sink, gpointer user)
{
	return on_sample(sink, true, user);
}

static GstFlowReturn on_audio(GstAppSink *sink, gpointer user)
{
	return on_sample(sink, false, user);
}

// A tenth of a bit for each pixel of 25 a second, so that a small picture does not cost what a large one does.
static GstPadProbeReturn on_raw_caps(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
	GstVideoInfo video;
	GstCaps *caps = NULL;
	if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
		return GST_PAD_PROBE_OK;
	gst_event_parse_caps(event, &caps);
	if (gst_video_info_from_caps(&video, caps)) {
		guint64 pixels = (guint64)video.width * (guint64)video.height;
		guint kbps = (guint)CLAMP(pixels * 25 / 10000, 400, 6000);
		GstElement *encoder = gst_pad_get_parent_element(pad);
		g_object_set(encoder, "bitrate", kbps, NULL);
		gst_object_unref(encoder);
	}
	return GST_PAD_PROBE_OK;
}

static void attach_end(struct hz_source *s, GstBin *bin, const char *name, bool paced)
{
	static const GstAppSinkCallbacks video = {.new_sample = on_video}, audio = {.new_sample = on_audio};
	GstElement *end = gst_bin_get_by_name(bin, name);
	if (!end)
		return;
	g_object_set(end, "sync", paced, "async", FALSE, "max-buffers", 256, "enable-last-sample", FALSE,
	             NULL);
	gst_app_sink_set_callbacks(GST_APP_SINK(end),
	                           (GstAppSinkCallbacks *)(name[0] == 'v' ? &video : &audio), s, NULL);
	gst_object_unref(end);
}

void hz_branch_attach(struct hz_source *s, GstBin *bin, bool paced)
{
	GstElement *encoder = gst_bin_get_by_name(bin, "encoder");
	attach_end(s, bin, "video", paced);
	attach_end(s, bin, "audio", paced);
	if (!encoder)
		return;
	GstPad *pad = gst_element_get_static_pad(encoder, "sink");
	gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_raw_caps, NULL, NULL);
	gst_object_unref(pad);
	gst_object_unref(encoder);
}
