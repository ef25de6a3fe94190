#include <string.h>

#include <gst/app/gstappsrc.h>
#include <gst/video/video-event.h>
#include <gst/webrtc/webrtc.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "media/pipeline/source_input.h"

#define PACED                                                                                                \
	"is-live=true format=time block=false leaky-type=downstream max-bytes=8388608 max-time=0 "           \
	"max-buffers=0 "

static int64_t now_of(GstElement *pipeline)
{
	GstClockTime now = gst_element_get_current_running_time(pipeline);
	return GST_CLOCK_TIME_IS_VALID(now) ? (int64_t)now : -1;
}

void hz_source_report(struct hz_source *s, int64_t running_ns, int64_t wall_ns)
{
	pthread_mutex_lock(&s->lock);
	int64_t now_ns = s->sending ? now_of(s->sending) : -1;
	if (now_ns >= 0 && hz_timeline_report(&s->timeline, running_ns, wall_ns, now_ns, hz_wall_us() * 1000))
		atomic_store(&s->seen.synced, true);
	pthread_mutex_unlock(&s->lock);
}

static void look(struct hz_source *s, GstBuffer *buffer, struct hz_source_unit *unit)
{
	GstMapInfo map;
	*unit = (struct hz_source_unit){0};
	if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
		return;
	hz_source_unit_look(map.data, map.size, unit);
	gst_buffer_unmap(buffer, &map);
	if (unit->reorders && atomic_load(&s->seen.passed_video))
		atomic_store(&s->seen.reorders, true);
	if (unit->size)
		atomic_store(&s->seen.size, unit->size);
	if (unit->profile)
		atomic_store(&s->seen.profile, unit->profile);
}

// Under the lock. One of each goes in before there is a connection, so that its kind is known; what would wait for the connection
// would come to receivers all at once, and stays out. A picture begins with a keyframe.
static GstElement *where(struct hz_source *s, bool video, const struct hz_source_unit *unit)
{
	bool *primed = video ? &s->primed_video : &s->primed_audio;
	if (!s->open && (*primed || (video && !unit->key)))
		return NULL;
	*primed = true;
	if (!video)
		return s->audio_in;
	if (!s->open)
		return s->video_in;
	s->whole |= unit->key;
	return s->whole ? s->video_in : NULL;
}

void hz_source_take(struct hz_source *s, bool video, GstBuffer *buffer, int64_t running_ns)
{
	struct hz_source_unit unit = {0};
	GstElement *to = NULL;
	int64_t at_ns = -1;
	atomic_fetch_add(&s->seen.bytes, gst_buffer_get_size(buffer));
	atomic_store(&s->seen.newest_us, hz_now_us());
	if (video) {
		look(s, buffer, &unit);
		atomic_fetch_add(&s->seen.frames, 1);
	}
	pthread_mutex_lock(&s->lock);
	if (unit.key)
		gst_buffer_replace(&s->keyframe, buffer);
	int64_t now_ns = s->sending ? now_of(s->sending) : -1;
	if (now_ns >= 0) {
		at_ns = hz_timeline_map(&s->timeline, running_ns, now_ns);
		to = where(s, video, &unit);
		if (to)
			gst_object_ref(to);
	}
	pthread_mutex_unlock(&s->lock);
	if (!to)
		return;
	GstBuffer *out = gst_buffer_copy_region(buffer, GST_BUFFER_COPY_ALL, unit.front, (gsize)-1); // shared
	GST_BUFFER_PTS(out) = (GstClockTime)at_ns;
	GST_BUFFER_DTS(out) = GST_CLOCK_TIME_NONE;
	GST_BUFFER_DURATION(out) = GST_CLOCK_TIME_NONE;
	gst_app_src_push_buffer(GST_APP_SRC(to), out);
	gst_object_unref(to);
}

// --- the pipeline of a session

static GstPadProbeReturn on_upstream(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	struct hz_source *s = user;
	// The input may be going: the main loop asks it (source_run.c).
	if (gst_video_event_is_force_key_unit(GST_PAD_PROBE_INFO_EVENT(info)))
		atomic_fetch_add(&s->seen.wanted, 1);
	return GST_PAD_PROBE_OK;
}

static void only_send(GstElement *rtc)
{
	GArray *list = NULL;
	g_signal_emit_by_name(rtc, "get-transceivers", &list);
	for (guint i = 0; list && i < list->len; i++)
		g_object_set(g_array_index(list, GstWebRTCRTPTransceiver *, i), "direction",
		             GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, "do-nack", TRUE, NULL);
	if (list)
		g_array_unref(list);
}

// What is captured at one moment leaves together, whatever way it came: what is early waits.
void hz_source_output_hold(struct hz_source *s, GstElement *pipeline)
{
	static const char *const names[] = {"vhold", "ahold"};
	for (unsigned i = 0; pipeline && i < 2; i++) {
		GstElement *hold = gst_bin_get_by_name(GST_BIN(pipeline), names[i]);
		if (!hold)
			continue;
		g_object_set(hold, "sync", s->set.sync_ms > 0, "ts-offset",
		             (gint64)s->set.sync_ms * GST_MSECOND, NULL);
		gst_object_unref(hold);
	}
}

static GString *describe(const struct hz_source *s)
{
	GString *text = g_string_new("webrtcbin name=rtc bundle-policy=max-bundle ");
	unsigned profile = s->with_profile ? s->with_profile : 0x42e01f;
	if (s->with_video)
		g_string_append_printf(
		    text,
		    "appsrc name=video " PACED "caps=video/x-h264,stream-format=byte-stream,alignment=au ! "
		    "clocksync name=vhold sync=false "
		    "! h264parse config-interval=-1 "
		    "! rtph264pay name=vpay pt=96 mtu=1200 config-interval=-1 aggregate-mode=zero-latency "
		    "! application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,"
		    "profile-level-id=(string)%06x ! rtc. ",
		    profile);
	if (s->with_audio)
		g_string_append(
		    text, "appsrc name=audio " PACED
		          "caps=audio/x-opus,channel-mapping-family=0 ! clocksync name=ahold sync=false "
		          "! opusparse ! rtpopuspay pt=111 "
		          "! application/x-rtp,media=audio,encoding-name=OPUS,payload=111,"
		          "clock-rate=48000 ! rtc. ");
	return text;
}

GstElement *hz_source_output_new(void *source, struct hz_rtc_counters *counters)
{
	struct hz_source *s = source;
	GError *error = NULL;
	GString *text = describe(s);
	GstElement *pipeline = gst_parse_launch(text->str, &error);
	g_string_free(text, TRUE);
	if (!pipeline || error) {
		hz_error("source.output", "code=%d", error ? error->code : 0);
		g_clear_error(&error);
		if (pipeline)
			gst_object_unref(pipeline);
		return NULL;
	}
	GstElement *rtc = gst_bin_get_by_name(GST_BIN(pipeline), "rtc");
	GstElement *pay = gst_bin_get_by_name(GST_BIN(pipeline), "vpay");
	only_send(rtc);
	if (pay) {
		GstPad *pad = gst_element_get_static_pad(pay, "src");
		gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_upstream, s, NULL);
		gst_object_unref(pad);
		gst_object_unref(pay);
	}
	gst_object_unref(rtc);
	hz_source_output_hold(s, pipeline);
	hz_source_output_end(s);
	pthread_mutex_lock(&s->lock);
	s->sending = gst_object_ref(pipeline);
	s->video_in = gst_bin_get_by_name(GST_BIN(pipeline), "video");
	s->audio_in = gst_bin_get_by_name(GST_BIN(pipeline), "audio");
	s->whole = s->open = s->primed_video = s->primed_audio = false;
	hz_timeline_reset(&s->timeline);
	pthread_mutex_unlock(&s->lock);
	return pipeline;
}

void hz_source_output_end(struct hz_source *s)
{
	pthread_mutex_lock(&s->lock);
	g_clear_object(&s->sending);
	g_clear_object(&s->video_in);
	g_clear_object(&s->audio_in);
	pthread_mutex_unlock(&s->lock);
}
