#include "media/pipeline/demo_session.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <gst/webrtc/webrtc.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "media/pipeline/demo_http.h"
#include "media/pipeline/demo_source.h"

#define RETRY_US   2000000
#define GATHER_US  10000000 // for candidates
#define CONNECT_US 15000000 // from the answer to the first packet
#define SILENCE_US 10000000 // without a packet from the gateway: start again

enum state { WAITING, GATHERING, POSTING, UP, ENDING };
static const char *const state_names[] = {"waiting", "gathering", "posting", "up", "ending"};

struct hz_demo_session {
	const struct hz_demo_options *options;
	char *source;   // NULL: publishes
	char *endpoint; // URL to POST to
	enum state state;
	int64_t since_us; // of the state
	int64_t retry_at_us;
	GstElement *pipeline, *rtc; // NULL while waiting
	struct hz_demo_http *http;  // of POSTING and ENDING
	char *resource;             // URL to DELETE; NULL: none
	int last_status;
	unsigned attempts;
	struct hz_demo_counters counters;
};

static void enter(struct hz_demo_session *s, enum state state, int64_t now_us)
{
	s->state = state;
	s->since_us = now_us;
}

struct hz_demo_session *hz_demo_session_new(const struct hz_demo_options *options, const char *source)
{
	struct hz_demo_session *s = calloc(1, sizeof *s);
	size_t root = strlen(options->url);
	int bytes;

	if (!s)
		return NULL;
	while (root && options->url[root - 1] == '/')
		root--;
	s->options = options;
	s->source = source ? strdup(source) : NULL;
	if (source)
		bytes = asprintf(&s->endpoint, "%.*s/whep/%s/%s", (int)root, options->url, options->consult,
		                 source);
	else
		bytes = asprintf(&s->endpoint, "%.*s/whip/%s", (int)root, options->url, options->consult);
	if (bytes < 0 || (source && !s->source)) {
		free(s->source);
		free(s);
		return NULL;
	}
	return s;
}

// --- WebRTC

static void on_offer(GstPromise *promise, gpointer user)
{
	GstElement *rtc = user;
	GstWebRTCSessionDescription *offer = NULL;
	const GstStructure *reply = gst_promise_get_reply(promise);

	if (reply)
		gst_structure_get(reply, "offer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &offer, NULL);
	if (offer) {
		GstPromise *set = gst_promise_new();

		g_signal_emit_by_name(rtc, "set-local-description", offer, set);
		gst_promise_unref(set);
		gst_webrtc_session_description_free(offer);
	}
	gst_promise_unref(promise);
	gst_object_unref(rtc);
}

static void on_negotiation(GstElement *rtc, gpointer user)
{
	GstPromise *promise = gst_promise_new_with_change_func(on_offer, gst_object_ref(rtc), NULL);

	g_signal_emit_by_name(rtc, "create-offer", NULL, promise);
}

static GstPadProbeReturn on_secure_packet(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	struct hz_demo_counters *counters = user;

	atomic_store(&counters->last_packet_us, hz_now_us());
	return GST_PAD_PROBE_OK;
}

// A decryptor's outputs show whether the gateway is still there: RTP to a subscriber, RTCP to a publisher.
static void on_element(GstBin *bin, GstBin *sub, GstElement *element, gpointer user)
{
	static const char *const pads[] = {"rtp_src", "rtcp_src"};
	GstElementFactory *factory = gst_element_get_factory(element);

	if (!factory || strcmp(gst_plugin_feature_get_name(GST_PLUGIN_FEATURE(factory)), "dtlssrtpdec") != 0)
		return;
	for (int i = 0; i < 2; i++) {
		GstPad *pad = gst_element_get_static_pad(element, pads[i]);

		if (!pad)
			continue;
		gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
		                  on_secure_packet, user, NULL);
		gst_object_unref(pad);
	}
}

// libnice leaves out the loopback interface by itself: on a machine without a network nothing would be left.
static void use_all_addresses(GstElement *rtc)
{
	struct ifaddrs *list, *i;
	GObject *ice = NULL;

	g_object_get(rtc, "ice-agent", &ice, NULL);
	if (!ice || getifaddrs(&list) != 0) {
		g_clear_object(&ice);
		return;
	}
	for (i = list; i; i = i->ifa_next) {
		char address[NI_MAXHOST];
		gboolean added;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP) ||
		    getnameinfo(i->ifa_addr, sizeof(struct sockaddr_in), address, sizeof address, NULL, 0,
		                NI_NUMERICHOST) != 0)
			continue;
		g_signal_emit_by_name(ice, "add-local-ip-address", address, &added);
	}
	freeifaddrs(list);
	g_object_unref(ice);
}

// libnice looks for home routers by UPnP: nobody here needs one, and it opens HTTP servers to do so.
static void no_upnp(GstElement *rtc)
{
	GObject *ice = NULL, *agent = NULL;

	g_object_get(rtc, "ice-agent", &ice, NULL);
	if (ice)
		g_object_get(ice, "agent", &agent, NULL);
	if (agent)
		g_object_set(agent, "upnp", FALSE, NULL);
	g_clear_object(&agent);
	g_clear_object(&ice);
}

static void tear_down(struct hz_demo_session *s)
{
	if (!s->pipeline)
		return;
	gst_element_set_state(s->pipeline, GST_STATE_NULL);
	gst_object_unref(s->rtc);
	gst_object_unref(s->pipeline);
	s->pipeline = s->rtc = NULL;
}

static int set_up(struct hz_demo_session *s)
{
	s->pipeline = s->source ? hz_demo_subscriber_new(s->options, &s->counters)
	                        : hz_demo_publisher_new(s->options, &s->counters);
	if (!s->pipeline)
		return -ENOENT;
	s->rtc = gst_bin_get_by_name(GST_BIN(s->pipeline), "rtc");
	no_upnp(s->rtc);
	if (s->options->loopback)
		use_all_addresses(s->rtc);
	g_signal_connect(s->pipeline, "deep-element-added", G_CALLBACK(on_element), &s->counters);
	g_signal_connect(s->rtc, "on-negotiation-needed", G_CALLBACK(on_negotiation), NULL);
	gst_element_set_state(s->pipeline, GST_STATE_PLAYING);
	return 0;
}

// The offer with its candidates, or NULL while they are gathered. g_free() it.
static gchar *gathered_offer(struct hz_demo_session *s)
{
	GstWebRTCICEGatheringState gathering = GST_WEBRTC_ICE_GATHERING_STATE_NEW;
	GstWebRTCSessionDescription *local = NULL;
	gchar *text = NULL;

	g_object_get(s->rtc, "ice-gathering-state", &gathering, "local-description", &local, NULL);
	if (local && gathering == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE)
		text = gst_sdp_message_as_text(local->sdp);
	if (local)
		gst_webrtc_session_description_free(local);
	return text;
}

static int set_answer(struct hz_demo_session *s, const char *text)
{
	GstWebRTCSessionDescription *answer;
	GstSDPMessage *sdp;
	GstPromise *promise;

	if (gst_sdp_message_new_from_text(text, &sdp) != GST_SDP_OK)
		return -EBADMSG;
	answer = gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_ANSWER, sdp);
	promise = gst_promise_new();
	g_signal_emit_by_name(s->rtc, "set-remote-description", answer, promise);
	gst_promise_unref(promise);
	gst_webrtc_session_description_free(answer);
	return 0;
}

// --- HTTP

static struct hz_demo_http *request(struct hz_demo_session *s, const char *method, const char *url,
                                    const char *sdp)
{
	const struct hz_demo_request r = {
	    .method = method,
	    .url = url,
	    .token = s->options->token,
	    .sdp = sdp,
	    .insecure = s->options->insecure,
	    .timeout_s = sdp ? 10 : 3,
	};

	return hz_demo_http_start(&r);
}

// Gives up this connection; the resource, if any, is deleted first; then again in 2 s.
static void start_again(struct hz_demo_session *s, int64_t now_us)
{
	tear_down(s);
	s->retry_at_us = now_us + RETRY_US;
	if (s->resource)
		s->http = request(s, "DELETE", s->resource, NULL);
	free(s->resource);
	s->resource = NULL;
	enter(s, s->http ? ENDING : WAITING, now_us);
}

static int on_answer(struct hz_demo_session *s, int64_t now_us)
{
	struct hz_demo_response r;
	bool refused;

	hz_demo_http_finish(s->http, &r);
	s->http = NULL;
	if (r.status != s->last_status)
		hz_info("demo.answer", "what=%s status=%d", s->source ? "whep" : "whip", r.status);
	s->last_status = r.status;
	s->resource = r.location;
	r.location = NULL;
	refused = r.status == 401;
	if (r.status == 201 && r.body && set_answer(s, r.body) == 0)
		enter(s, UP, now_us);
	else
		start_again(s, now_us); // 403: in the lobby; 404, 409: not yet; 0, 5xx: the gateway restarts
	hz_demo_response_done(&r);
	return refused ? -EACCES : 0;
}

// --- the machine

static bool is_lost(struct hz_demo_session *s, int64_t now_us)
{
	GstWebRTCPeerConnectionState connection = GST_WEBRTC_PEER_CONNECTION_STATE_NEW;
	int64_t last_us = atomic_load(&s->counters.last_packet_us);

	g_object_get(s->rtc, "connection-state", &connection, NULL);
	if (connection == GST_WEBRTC_PEER_CONNECTION_STATE_FAILED ||
	    connection == GST_WEBRTC_PEER_CONNECTION_STATE_CLOSED)
		return true;
	if (last_us < s->since_us) // nothing yet on this connection
		return now_us - s->since_us > CONNECT_US;
	return now_us - last_us > SILENCE_US;
}

static void tick_gathering(struct hz_demo_session *s, int64_t now_us)
{
	gchar *offer = gathered_offer(s);

	if (offer)
		s->http = request(s, "POST", s->endpoint, offer);
	if (s->http)
		enter(s, POSTING, now_us);
	else if (offer || now_us - s->since_us > GATHER_US)
		start_again(s, now_us);
	g_free(offer);
}

int hz_demo_session_tick(struct hz_demo_session *s, int64_t now_us)
{
	struct hz_demo_response ended;

	switch (s->state) {
	case WAITING:
		if (now_us < s->retry_at_us)
			return 0;
		s->attempts++;
		enter(s, GATHERING, now_us);
		return set_up(s);
	case GATHERING:
		tick_gathering(s, now_us);
		return 0;
	case POSTING:
		if (!hz_demo_http_done(s->http))
			return 0;
		return on_answer(s, now_us);
	case UP:
		if (is_lost(s, now_us)) {
			hz_warn("demo.lost", "what=%s", s->source ? "whep" : "whip");
			start_again(s, now_us);
		}
		return 0;
	case ENDING:
		if (!hz_demo_http_done(s->http))
			return 0;
		hz_demo_http_finish(s->http, &ended);
		hz_demo_response_done(&ended);
		s->http = NULL;
		enter(s, WAITING, now_us);
		return 0;
	}
	return 0;
}

json_t *hz_demo_session_stats(struct hz_demo_session *s)
{
	struct hz_demo_counters *c = &s->counters;
	json_t *json = json_pack("{s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:I}", "state", state_names[s->state],
	                         "last_status", s->last_status, "attempts", (int)s->attempts, "audio_packets",
	                         (json_int_t)c->audio_packets, "audio_bytes", (json_int_t)c->audio_bytes,
	                         "video_packets", (json_int_t)c->video_packets, "video_bytes",
	                         (json_int_t)c->video_bytes, "video_frames", (json_int_t)c->video_frames);

	if (!json)
		return NULL;
	if (s->source) {
		json_object_set_new(json, "source", json_string(s->source));
		json_object_set_new(json, "lost", json_integer((json_int_t)c->lost));
		json_object_set_new(
		    json, "max_frame_gap_ms",
		    json_integer((json_int_t)(atomic_exchange(&c->max_frame_gap_us, 0) / 1000)));
	} else {
		json_object_set_new(json, "keyframe_requests",
		                    json_integer((json_int_t)c->keyframe_requests));
	}
	return json;
}

void hz_demo_session_free(struct hz_demo_session *s)
{
	struct hz_demo_response r;

	if (!s)
		return;
	if (s->http) { // POSTING: its answer may bring a resource; ENDING: already on its way
		hz_demo_http_finish(s->http, &r);
		s->http = NULL;
		s->resource = r.location;
		r.location = NULL;
		hz_demo_response_done(&r);
	}
	tear_down(s);
	if (s->resource && (s->http = request(s, "DELETE", s->resource, NULL))) {
		hz_demo_http_finish(s->http, &r);
		hz_demo_response_done(&r);
	}
	free(s->resource);
	free(s->endpoint);
	free(s->source);
	free(s);
}
