#include "media/pipeline/rtc_session.h"

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
#include "media/pipeline/rtc_http.h"

#define RETRY_US   2000000
#define GATHER_US  10000000 // for candidates
#define CONNECT_US 15000000 // from the answer to the first packet
#define SILENCE_US 10000000 // without a packet from the gateway: start again

enum state { WAITING, GATHERING, POSTING, UP, ENDING };
static const char *const state_names[] = {"waiting", "gathering", "posting", "up", "ending"};

struct hz_rtc_session {
	const struct hz_rtc_wish *wish;
	enum state state;
	int64_t since_us; // of the state
	int64_t retry_at_us;
	GstElement *pipeline, *rtc; // NULL while waiting
	struct hz_rtc_http *http;   // of POSTING and ENDING
	char *resource;             // URL to DELETE; NULL: none
	int last_status;
	unsigned attempts;
	struct hz_rtc_counters counters;
};

static void enter(struct hz_rtc_session *s, enum state state, int64_t now_us)
{
	s->state = state;
	s->since_us = now_us;
}

struct hz_rtc_session *hz_rtc_session_new(const struct hz_rtc_wish *wish)
{
	struct hz_rtc_session *s = calloc(1, sizeof *s);

	if (s)
		s->wish = wish;
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
	struct hz_rtc_counters *counters = user;

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

static void tear_down(struct hz_rtc_session *s)
{
	if (!s->pipeline)
		return;
	gst_element_set_state(s->pipeline, GST_STATE_NULL);
	gst_object_unref(s->rtc);
	gst_object_unref(s->pipeline);
	s->pipeline = s->rtc = NULL;
}

static int set_up(struct hz_rtc_session *s)
{
	s->pipeline = s->wish->make(s->wish->ctx, &s->counters);
	if (!s->pipeline)
		return -ENOENT;
	s->rtc = gst_bin_get_by_name(GST_BIN(s->pipeline), "rtc");
	no_upnp(s->rtc);
	if (s->wish->loopback)
		use_all_addresses(s->rtc);
	g_signal_connect(s->pipeline, "deep-element-added", G_CALLBACK(on_element), &s->counters);
	g_signal_connect(s->rtc, "on-negotiation-needed", G_CALLBACK(on_negotiation), NULL);
	gst_element_set_state(s->pipeline, GST_STATE_PLAYING);
	return 0;
}

// The offer with its candidates, or NULL while they are gathered. g_free() it.
static gchar *gathered_offer(struct hz_rtc_session *s)
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

static int set_answer(struct hz_rtc_session *s, const char *text)
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

// webrtcbin makes its last elements late: without this nobody tells its RTP sessions the latency, and sender reports say nothing.
// True: the pipeline failed.
static bool has_failed(struct hz_rtc_session *s)
{
	GstBus *bus = s->pipeline ? gst_element_get_bus(s->pipeline) : NULL;
	GstMessage *message;
	bool failed = false;

	while (bus && (message = gst_bus_pop(bus))) {
		if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_LATENCY)
			gst_bin_recalculate_latency(GST_BIN(s->pipeline));
		failed |= GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
		gst_message_unref(message);
	}
	if (bus)
		gst_object_unref(bus);
	return failed;
}

// --- HTTP

static struct hz_rtc_http *request(struct hz_rtc_session *s, const char *method, const char *url,
                                   const char *sdp)
{
	const struct hz_rtc_request r = {
	    .method = method,
	    .url = url,
	    .token = s->wish->token,
	    .sdp = sdp,
	    .insecure = s->wish->insecure,
	    .timeout_s = sdp ? 10 : 3,
	};

	return hz_rtc_http_start(&r);
}

// Gives up this connection; the resource, if any, is deleted first; then again in 2 s.
static void start_again(struct hz_rtc_session *s, int64_t now_us)
{
	tear_down(s);
	s->retry_at_us = now_us + RETRY_US;
	if (s->resource)
		s->http = request(s, "DELETE", s->resource, NULL);
	free(s->resource);
	s->resource = NULL;
	enter(s, s->http ? ENDING : WAITING, now_us);
}

static int on_answer(struct hz_rtc_session *s, int64_t now_us)
{
	struct hz_rtc_response r;
	bool refused;

	hz_rtc_http_finish(s->http, &r);
	s->http = NULL;
	if (r.status != s->last_status)
		hz_info("rtc.answer", "what=%s status=%d", s->wish->source ? "whep" : "whip", r.status);
	s->last_status = r.status;
	s->resource = r.location;
	r.location = NULL;
	refused = r.status == 401;
	if (r.status == 201 && r.body && set_answer(s, r.body) == 0)
		enter(s, UP, now_us);
	else
		start_again(s, now_us); // 403: in the lobby; 404, 409: not yet; 0, 5xx: the gateway restarts
	hz_rtc_response_done(&r);
	return refused ? -EACCES : 0;
}

// --- the machine

static bool is_lost(struct hz_rtc_session *s, int64_t now_us)
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

static void tick_gathering(struct hz_rtc_session *s, int64_t now_us)
{
	gchar *offer = gathered_offer(s);

	if (offer)
		s->http = request(s, "POST", s->wish->endpoint, offer);
	if (s->http)
		enter(s, POSTING, now_us);
	else if (offer || now_us - s->since_us > GATHER_US)
		start_again(s, now_us);
	g_free(offer);
}

int hz_rtc_session_tick(struct hz_rtc_session *s, int64_t now_us)
{
	struct hz_rtc_response ended;
	bool failed = has_failed(s);

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
		if (!hz_rtc_http_done(s->http))
			return 0;
		return on_answer(s, now_us);
	case UP:
		if (failed || is_lost(s, now_us)) {
			hz_warn("rtc.lost", "what=%s failed=%d", s->wish->source ? "whep" : "whip", failed);
			start_again(s, now_us);
		}
		return 0;
	case ENDING:
		if (!hz_rtc_http_done(s->http))
			return 0;
		hz_rtc_http_finish(s->http, &ended);
		hz_rtc_response_done(&ended);
		s->http = NULL;
		enter(s, WAITING, now_us);
		return 0;
	}
	return 0;
}

bool hz_rtc_session_up(const struct hz_rtc_session *s)
{
	GstWebRTCPeerConnectionState connection = GST_WEBRTC_PEER_CONNECTION_STATE_NEW;

	if (s->state != UP)
		return false;
	g_object_get(s->rtc, "connection-state", &connection, NULL);
	return connection == GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED;
}

int hz_rtc_session_status(const struct hz_rtc_session *s)
{
	return s->last_status;
}

json_t *hz_rtc_session_stats(struct hz_rtc_session *s)
{
	struct hz_rtc_counters *c = &s->counters;
	json_t *json = json_pack("{s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:I}", "state", state_names[s->state],
	                         "last_status", s->last_status, "attempts", (int)s->attempts, "audio_packets",
	                         (json_int_t)c->audio_packets, "audio_bytes", (json_int_t)c->audio_bytes,
	                         "video_packets", (json_int_t)c->video_packets, "video_bytes",
	                         (json_int_t)c->video_bytes, "video_frames", (json_int_t)c->video_frames);

	if (!json)
		return NULL;
	if (s->wish->source) {
		json_object_set_new(json, "source", json_string(s->wish->source));
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

void hz_rtc_session_free(struct hz_rtc_session *s)
{
	struct hz_rtc_response r;

	if (!s)
		return;
	if (s->http) { // POSTING: its answer may bring a resource; ENDING: already on its way
		hz_rtc_http_finish(s->http, &r);
		s->http = NULL;
		s->resource = r.location;
		r.location = NULL;
		hz_rtc_response_done(&r);
	}
	tear_down(s);
	if (s->resource && (s->http = request(s, "DELETE", s->resource, NULL))) {
		hz_rtc_http_finish(s->http, &r);
		hz_rtc_response_done(&r);
	}
	free(s->resource);
	free(s);
}
