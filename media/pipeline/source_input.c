#include "media/pipeline/source_input.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <gio/gio.h>
#include <gst/video/video-event.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "media/guard/guard.h"

struct hz_input {
	struct hz_source *s;
	GstElement *pipeline;
	bool paced;                 // files: by their own clock
	atomic_bool refused_caller; // SRT: somebody from where nobody may call
	pthread_mutex_t lock;       // of what follows
	bool has_video, has_audio;  // a branch was made
	GstElement *encoder;        // of the picture; NULL: passed through
};

static const char test_pipeline[] =
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=1280,height=720,framerate=25/1 %s"
    "! x264enc name=encoder tune=zerolatency sliced-threads=false speed-preset=ultrafast threads=1 "
    "bitrate=1500 key-int-max=250 "
    "! video/x-h264,profile=constrained-baseline ! h264parse config-interval=-1 "
    "! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=video "
    "audiotestsrc is-live=true freq=440 volume=0.05 ! audio/x-raw,rate=48000,channels=1 "
    "! opusenc bitrate=32000 ! appsink name=audio";

// --- streams

static void sink_away(struct hz_input *in, GstPad *pad)
{
	GstElement *sink = gst_element_factory_make("fakesink", NULL);
	if (!sink)
		return;
	g_object_set(sink, "sync", FALSE, "async", FALSE, NULL);
	gst_bin_add(GST_BIN(in->pipeline), sink);
	gst_element_sync_state_with_parent(sink);
	GstPad *end = gst_element_get_static_pad(sink, "sink");
	gst_pad_link(pad, end);
	gst_object_unref(end);
}

static bool claim(struct hz_input *in, bool video)
{
	pthread_mutex_lock(&in->lock);
	bool *has = video ? &in->has_video : &in->has_audio;
	bool first = !*has;
	*has = true;
	pthread_mutex_unlock(&in->lock);
	return first;
}

static int add_branch(struct hz_input *in, GstPad *pad, const char *text)
{
	GError *error = NULL;
	GstElement *bin = gst_parse_bin_from_description(text, FALSE, &error);
	if (!bin || error) {
		g_clear_error(&error);
		if (bin)
			gst_object_unref(bin);
		return -EIO;
	}
	// Not by gst_parse: what follows a decoder is unlinked as long as that has no output.
	GstElement *front = gst_bin_get_by_name(GST_BIN(bin), "front");
	GstPad *first = gst_element_get_static_pad(front, "sink");
	gst_element_add_pad(bin, gst_ghost_pad_new("sink", first));
	gst_object_unref(first);
	gst_object_unref(front);
	hz_branch_attach(in->s, GST_BIN(bin), in->paced);
	pthread_mutex_lock(&in->lock);
	GstElement *encoder = gst_bin_get_by_name(GST_BIN(bin), "encoder");
	if (encoder)
		in->encoder = encoder; // kept until the end
	pthread_mutex_unlock(&in->lock);
	gst_bin_add(GST_BIN(in->pipeline), bin);
	gst_element_sync_state_with_parent(bin);
	GstPad *end = gst_element_get_static_pad(bin, "sink");
	bool linked = end && gst_pad_link(pad, end) == GST_PAD_LINK_OK;
	if (end)
		gst_object_unref(end);
	return linked ? 0 : -EIO;
}

// A stream was found and its headers are known.
static void on_parsed(GstElement *parser, GstPad *pad, gpointer user)
{
	struct hz_input *in = user;
	GstCaps *caps = gst_pad_get_current_caps(pad);
	bool video = false, passed = false;
	if (!caps)
		caps = gst_pad_query_caps(pad, NULL);
	const GstStructure *what = caps && !gst_caps_is_any(caps) && gst_caps_get_size(caps)
	                               ? gst_caps_get_structure(caps, 0)
	                               : NULL;
	const char *text = what ? hz_branch_of(what, in->s->encode, &video, &passed) : NULL;
	if (!text || !claim(in, video)) {
		sink_away(in, pad);
	} else if (add_branch(in, pad, text)) {
		atomic_store(&in->s->seen.unsupported, true);
		sink_away(in, pad);
	} else {
		hz_branch_codec(in->s, what, video, passed);
	}
	if (caps)
		gst_caps_unref(caps);
}

static void on_no_more(GstElement *element, gpointer user)
{
	struct hz_input *in = user;
	atomic_store(&in->s->seen.settled, true);
}

static GstElement *add_parser(struct hz_input *in)
{
	GstElement *parser = gst_element_factory_make("parsebin", NULL);
	if (!parser)
		return NULL;
	g_signal_connect(parser, "pad-added", G_CALLBACK(on_parsed), in);
	gst_bin_add(GST_BIN(in->pipeline), parser);
	return parser;
}

// --- RTSP

// The camera's clock: its sender reports, as the jitter buffer has put them on each packet.
static GstPadProbeReturn on_rtp(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	struct hz_source *s = user;
	GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
	static const uint64_t epoch_ns = UINT64_C(2208988800) * 1000000000; // from 1900 to 1970
	GstCaps *ntp = gst_caps_new_empty_simple("timestamp/x-ntp");
	GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta(buffer, ntp);
	gst_caps_unref(ntp);
	if (meta && meta->timestamp > epoch_ns && GST_BUFFER_PTS_IS_VALID(buffer))
		hz_source_report(s, (int64_t)GST_BUFFER_PTS(buffer), (int64_t)(meta->timestamp - epoch_ns));
	return GST_PAD_PROBE_OK;
}

static void on_rtsp_pad(GstElement *src, GstPad *pad, gpointer user)
{
	struct hz_input *in = user;
	GstElement *parser = add_parser(in);
	GstPad *end = parser ? gst_element_get_static_pad(parser, "sink") : NULL;
	if (!end)
		return;
	gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_rtp, in->s, NULL);
	gst_element_sync_state_with_parent(parser);
	gst_pad_link(pad, end);
	gst_object_unref(end);
}

// The first picture and the first sound: others are not even set up.
static gboolean on_select(GstElement *src, guint number, GstCaps *caps, gpointer user)
{
	const GstStructure *what = gst_caps_get_size(caps) ? gst_caps_get_structure(caps, 0) : NULL;
	const char *media = what ? gst_structure_get_string(what, "media") : NULL;
	unsigned bit = media && strcmp(media, "video") == 0   ? 1
	               : media && strcmp(media, "audio") == 0 ? 2
	                                                      : 0;
	unsigned taken = GPOINTER_TO_UINT(g_object_get_data(G_OBJECT(src), "hz-taken"));
	if (!bit || (taken & bit))
		return FALSE;
	g_object_set_data(G_OBJECT(src), "hz-taken", GUINT_TO_POINTER(taken | bit));
	return TRUE;
}

static gboolean on_certificate(GstElement *src, GTlsConnection *connection, GTlsCertificate *certificate,
                               GTlsCertificateFlags errors, gpointer user)
{
	return TRUE; // cameras sign their own; the network is named in ingest.allow
}

static int make_rtsp(struct hz_input *in)
{
	GstElement *src = gst_element_factory_make("rtspsrc", NULL);
	if (!src)
		return -EIO;
	gst_util_set_object_arg(G_OBJECT(src), "protocols",
	                        in->s->url.scheme == HZ_INGEST_RTSPS ? "tls" : "tcp");
	g_object_set(src, "location", in->s->set.url, "latency", 60, "tcp-timeout",
	             G_GUINT64_CONSTANT(6000000), "timeout", G_GUINT64_CONSTANT(6000000), "teardown-timeout",
	             G_GUINT64_CONSTANT(200000000), "do-rtsp-keep-alive", TRUE,
	             "add-reference-timestamp-meta", TRUE, NULL);
	g_signal_connect(src, "select-stream", G_CALLBACK(on_select), in);
	g_signal_connect(src, "pad-added", G_CALLBACK(on_rtsp_pad), in);
	g_signal_connect(src, "accept-certificate", G_CALLBACK(on_certificate), in);
	gst_bin_add(GST_BIN(in->pipeline), src);
	return 0;
}

// --- everything else: one stream of bytes

static gboolean on_caller(GstElement *src, GSocketAddress *address, const char *stream_id, gpointer user)
{
	struct hz_input *in = user;
	struct sockaddr_storage native;
	bool may = g_socket_address_to_native(address, &native, sizeof(native), NULL) &&
	           hz_guard_may((const struct sockaddr *)&native);
	if (!may)
		atomic_store(&in->refused_caller, true);
	return may;
}

// The query was checked (media/ingest/url.h); the host is replaced by the address that was.
static GstElement *make_srt(struct hz_input *in, const char *address)
{
	const struct hz_ingest_url *url = &in->s->url;
	const char *query = strchr(in->s->set.url, '?');
	bool v6 = address && strchr(address, ':');
	GstElement *src = gst_element_factory_make("srtsrc", NULL);
	if (!src)
		return NULL;
	gchar *uri = g_strdup_printf("srt://%s%s%s:%u%s", v6 ? "[" : "", address ? address : "",
	                             v6 ? "]" : "", url->port, query ? query : "");
	g_object_set(src, "uri", uri, NULL);
	g_free(uri);
	if (url->listener) {
		g_object_set(src, "authentication", TRUE, "keep-listening", FALSE, NULL);
		g_signal_connect(src, "caller-connecting", G_CALLBACK(on_caller), in);
	}
	if (g_object_class_find_property(G_OBJECT_GET_CLASS(src), "auto-reconnect"))
		g_object_set(src, "auto-reconnect", FALSE, NULL); // we say why, and when
	return src;
}

static GstElement *make_file(struct hz_input *in)
{
	GstElement *src = gst_element_factory_make("filesrc", NULL);
	gchar *path = g_build_filename(in->s->set.folder, in->s->url.path, NULL);
	if (src && in->s->set.folder[0])
		g_object_set(src, "location", path, NULL);
	g_free(path);
	in->paced = true;
	return src;
}

static int make_bytes(struct hz_input *in, const char *address)
{
	GstElement *src = NULL, *parser;
	switch (in->s->url.scheme) {
	case HZ_INGEST_SRT:
		src = make_srt(in, address);
		break;
	case HZ_INGEST_RTMP:
		src = gst_element_factory_make("rtmp2src", NULL);
		if (src)
			g_object_set(src, "location", in->s->set.url, "timeout", 6, NULL);
		break;
	default:
		src = make_file(in);
		break;
	}
	if (!src)
		return -EIO;
	gst_bin_add(GST_BIN(in->pipeline), src);
	parser = add_parser(in);
	if (!parser || !gst_element_link(src, parser))
		return -EIO;
	g_signal_connect(parser, "no-more-pads", G_CALLBACK(on_no_more), in);
	return 0;
}

static int make_test(struct hz_input *in)
{
	GError *error = NULL;
	GstElementFactory *clock = gst_element_factory_find("clockoverlay");
	gchar *text = g_strdup_printf(test_pipeline, clock ? "! clockoverlay font-desc=\"Sans 32\" " : "");
	GstElement *bin = gst_parse_bin_from_description(text, FALSE, &error);
	g_free(text);
	if (clock)
		gst_object_unref(clock);
	if (!bin || error) {
		g_clear_error(&error);
		return -EIO;
	}
	hz_branch_attach(in->s, GST_BIN(bin), false);
	in->encoder = gst_bin_get_by_name(GST_BIN(bin), "encoder");
	gst_bin_add(GST_BIN(in->pipeline), bin);
	GstStructure *video = gst_structure_new_empty("video/x-raw"),
	             *audio = gst_structure_new_empty("audio/x-raw");
	hz_branch_codec(in->s, video, true, false);
	hz_branch_codec(in->s, audio, false, false);
	gst_structure_free(video);
	gst_structure_free(audio);
	atomic_store(&in->s->seen.settled, true);
	return 0;
}

int hz_input_new(struct hz_source *s, const char *address, struct hz_input **ret)
{
	struct hz_input *in = calloc(1, sizeof(*in));
	int err = 0;
	if (!in)
		return -ENOMEM;
	in->s = s;
	pthread_mutex_init(&in->lock, NULL);
	in->pipeline = gst_pipeline_new("input");
	hz_guard_begin();
	if (s->url.scheme == HZ_INGEST_TEST)
		err = make_test(in);
	else if (s->url.scheme == HZ_INGEST_RTSP || s->url.scheme == HZ_INGEST_RTSPS)
		err = make_rtsp(in);
	else
		err = make_bytes(in, address);
	if (err) {
		hz_input_free(in);
		return err;
	}
	gst_element_set_state(in->pipeline, GST_STATE_PLAYING); // a failure comes by the bus
	*ret = in;
	return 0;
}

bool hz_input_keyframe(struct hz_input *in)
{
	pthread_mutex_lock(&in->lock);
	GstElement *encoder = in->encoder ? gst_object_ref(in->encoder) : NULL;
	pthread_mutex_unlock(&in->lock);
	if (!encoder)
		return false;
	GstPad *pad = gst_element_get_static_pad(encoder, "src");
	gst_pad_send_event(pad, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
	gst_object_unref(pad);
	gst_object_unref(encoder);
	return true;
}

// --- what went wrong

static uint8_t reason_of_resource(int code, bool begun)
{
	switch (code) {
	case GST_RESOURCE_ERROR_NOT_FOUND:
		return HZ_INGEST_NOT_FOUND;
	case GST_RESOURCE_ERROR_NOT_AUTHORIZED:
		return HZ_INGEST_UNAUTHORISED;
	case GST_RESOURCE_ERROR_OPEN_READ:
	case GST_RESOURCE_ERROR_OPEN_READ_WRITE:
	case GST_RESOURCE_ERROR_FAILED:
		return begun ? HZ_INGEST_CLOSED : HZ_INGEST_REFUSED;
	case GST_RESOURCE_ERROR_SETTINGS:
		return HZ_INGEST_GARBAGE;
	default:
		return HZ_INGEST_CLOSED;
	}
}

static uint8_t reason_of_error(const GError *error, bool begun)
{
	if (error->domain == GST_RESOURCE_ERROR)
		return reason_of_resource(error->code, begun);
	if (error->domain == GST_CORE_ERROR)
		return error->code == GST_CORE_ERROR_MISSING_PLUGIN ? HZ_INGEST_UNSUPPORTED
		                                                    : HZ_INGEST_GARBAGE;
	if (error->domain == GST_STREAM_ERROR)
		return error->code == GST_STREAM_ERROR_CODEC_NOT_FOUND ? HZ_INGEST_UNSUPPORTED
		                                                       : HZ_INGEST_GARBAGE;
	return HZ_INGEST_INTERNAL;
}

static uint8_t reason_of(struct hz_input *in, GstMessage *message)
{
	GError *error = NULL;
	gst_message_parse_error(message, &error, NULL);
	bool begun = atomic_load(&in->s->seen.newest_us) != 0;
	int connected = hz_guard_error();
	uint8_t reason = reason_of_error(error, begun);
	hz_debug("source.error", "domain=%u code=%d connect=%d", error->domain, error->code, connected);
	g_error_free(error);
	if (atomic_load(&in->refused_caller) || connected == -EACCES)
		return HZ_INGEST_NOT_ALLOWED;
	if (begun || reason == HZ_INGEST_UNAUTHORISED)
		return reason;
	if (connected == -ECONNREFUSED)
		return HZ_INGEST_REFUSED;
	if (connected == -ENETUNREACH || connected == -EHOSTUNREACH)
		return HZ_INGEST_UNREACHABLE;
	return connected == -ETIMEDOUT ? HZ_INGEST_TIMEOUT : reason;
}

int hz_input_poll(struct hz_input *in, uint8_t *ret_reason)
{
	GstBus *bus = gst_element_get_bus(in->pipeline);
	GstMessage *message;
	int rc = 0;
	while (!rc && (message = gst_bus_pop(bus))) {
		if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
			*ret_reason = reason_of(in, message);
			rc = -1;
		} else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
			rc = 1;
		}
		gst_message_unref(message);
	}
	gst_object_unref(bus);
	if (!rc && atomic_load(&in->s->seen.unsupported)) {
		*ret_reason = HZ_INGEST_UNSUPPORTED;
		rc = -1;
	}
	return rc;
}

void hz_input_free(struct hz_input *in)
{
	if (!in)
		return;
	gst_element_set_state(in->pipeline, GST_STATE_NULL);
	if (in->encoder)
		gst_object_unref(in->encoder);
	gst_object_unref(in->pipeline);
	pthread_mutex_destroy(&in->lock);
	free(in);
}
