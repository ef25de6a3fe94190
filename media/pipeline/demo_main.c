// huizhen-demo: a simulated participant. Publishes over WHIP, watches others over WHEP, prints counters.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <glib-unix.h>
#include <gst/gst.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "media/pipeline/demo_options.h"
#include "media/pipeline/demo_pipelines.h"
#include "media/pipeline/rtc_session.h"

#define TICK_MS  100
#define STATS_MS 2000

struct demo {
	struct hz_demo_options options;
	GMainLoop *loop;
	unsigned count;
	struct hz_rtc_wish wish[HZ_DEMO_MAX_SUBSCRIPTIONS + 1];
	struct hz_rtc_session *session[HZ_DEMO_MAX_SUBSCRIPTIONS + 1];
	int64_t end_us; // 0: never
	int err;
};

static gboolean on_signal(gpointer user)
{
	struct demo *demo = user;

	g_main_loop_quit(demo->loop);
	return G_SOURCE_CONTINUE;
}

static gboolean on_tick(gpointer user)
{
	struct demo *demo = user;
	int64_t now_us = hz_now_us();

	for (unsigned i = 0; i < demo->count && !demo->err; i++)
		demo->err = hz_rtc_session_tick(demo->session[i], now_us);
	if (demo->err || (demo->end_us && now_us >= demo->end_us))
		g_main_loop_quit(demo->loop);
	return G_SOURCE_CONTINUE;
}

static void print_stats(struct demo *demo)
{
	json_t *line =
	    json_pack("{s:I, s:s}", "time_ms", (json_int_t)(hz_wall_us() / 1000), "kind", demo->options.kind);
	json_t *watching = json_array();
	char *text;

	for (unsigned i = 0; i < demo->count; i++) {
		json_t *stats = hz_rtc_session_stats(demo->session[i]);

		if (i == 0 && demo->options.publish)
			json_object_set_new(line, "publish", stats);
		else
			json_array_append_new(watching, stats);
	}
	json_object_set_new(line, "subscribe", watching);
	text = json_dumps(line, JSON_COMPACT);
	if (text)
		puts(text);
	fflush(stdout);
	free(text);
	json_decref(line);
}

static gboolean on_stats(gpointer user)
{
	print_stats(user);
	return G_SOURCE_CONTINUE;
}

static GstElement *make_publisher(void *ctx, struct hz_rtc_counters *counters)
{
	return hz_demo_publisher_new(ctx, counters);
}

static GstElement *make_subscriber(void *ctx, struct hz_rtc_counters *counters)
{
	return hz_demo_subscriber_new(ctx, counters);
}

// source: the participant to watch; NULL: publish.
static int start_session(struct demo *demo, const char *source)
{
	struct hz_demo_options *o = &demo->options;
	struct hz_rtc_wish *wish = &demo->wish[demo->count];
	size_t root = strlen(o->url);
	char *endpoint = NULL;
	int bytes;

	while (root && o->url[root - 1] == '/')
		root--;
	if (source)
		bytes = asprintf(&endpoint, "%.*s/whep/%s/%s", (int)root, o->url, o->consult, source);
	else
		bytes = asprintf(&endpoint, "%.*s/whip/%s", (int)root, o->url, o->consult);
	if (bytes < 0)
		return -ENOMEM;
	*wish = (struct hz_rtc_wish){.endpoint = endpoint,
	                             .token = o->token,
	                             .source = source,
	                             .insecure = o->insecure,
	                             .loopback = o->loopback,
	                             .make = source ? make_subscriber : make_publisher,
	                             .ctx = o};
	demo->session[demo->count] = hz_rtc_session_new(wish);
	if (!demo->session[demo->count]) {
		free(endpoint);
		return -ENOMEM;
	}
	demo->count++;
	return 0;
}

static int start_sessions(struct demo *demo)
{
	const struct hz_demo_options *o = &demo->options;
	int err = o->publish ? start_session(demo, NULL) : 0;

	for (unsigned i = 0; i < o->subscription_count && !err; i++)
		err = start_session(demo, o->subscriptions[i]);
	return err;
}

static void run(struct demo *demo)
{
	demo->loop = g_main_loop_new(NULL, FALSE);
	g_unix_signal_add(SIGTERM, on_signal, demo);
	g_unix_signal_add(SIGINT, on_signal, demo);
	g_timeout_add(TICK_MS, on_tick, demo);
	g_timeout_add(STATS_MS, on_stats, demo);
	g_main_loop_run(demo->loop);
	print_stats(demo);
	g_main_loop_unref(demo->loop);
}

static void end_session(struct demo *demo, unsigned i)
{
	hz_rtc_session_free(demo->session[i]);
	free((char *)demo->wish[i].endpoint);
}

int main(int argc, char **argv)
{
	struct demo demo = {0};

	hz_log_init("demo", HZ_LOG_INFO);
	switch (hz_demo_options_parse(argc, argv, &demo.options)) {
	case 0:
		break;
	case 1:
		return 0;
	default:
		return 2;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	gst_init(NULL, NULL);
	demo.end_us = demo.options.duration_s ? hz_now_us() + demo.options.duration_s * INT64_C(1000000) : 0;
	demo.err = start_sessions(&demo);
	if (!demo.err)
		run(&demo);
	for (unsigned i = 0; i < demo.count; i++)
		end_session(&demo, i);
	if (demo.err)
		fprintf(stderr, "huizhen-demo: %s\n",
		        demo.err == -EACCES
		            ? "the gateway refuses the token: make a new one with `huizhen token`"
		            : "cannot start: see the line above");
	hz_demo_options_done(&demo.options);
	curl_global_cleanup();
	return demo.err ? 1 : 0;
}
