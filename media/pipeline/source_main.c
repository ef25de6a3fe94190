// huizhen-source: one source of a consult, for huizhen-ingest, whose socket it inherits as descriptor 3. The first message is its
// SOURCE_SET; it ends with the socket (0), or with one line that says why not (1).
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include <curl/curl.h>
#include <glib-unix.h>
#include <gst/gst.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "media/ingest/child.h"
#include "media/pipeline/source_plugins.h"
#include "media/pipeline/source_state.h"

#define TICK_MS      50
#define MEMORY_BYTES (3ull << 30) // addresses, mostly of threads' stacks and arenas
#define FILES        512

static GMainLoop *loop;
static struct hz_source source = {.fd = HZ_INGEST_CHILD_FD, .lock = PTHREAD_MUTEX_INITIALIZER};

static gboolean on_tick(gpointer user)
{
	hz_ingest_child_wind();
	hz_source_tick(&source, hz_now_us());
	return G_SOURCE_CONTINUE;
}

static gboolean on_socket(gint fd, GIOCondition condition, gpointer user)
{
	struct hz_ingest_source_set set;
	int err = hz_ingest_child_take(fd, &set, NULL);
	if (!err) {
		hz_source_set(&source, &set, hz_now_us());
		hz_wipe(&set, sizeof(set));
	} else if (err != -EAGAIN) {
		g_main_loop_quit(loop);
	}
	return G_SOURCE_CONTINUE;
}

static gboolean on_signal(gpointer user)
{
	g_main_loop_quit(loop);
	return G_SOURCE_CONTINUE;
}

static int first_set(void)
{
	struct pollfd fd = {.fd = source.fd, .events = POLLIN};
	struct hz_ingest_source_set set;
	const char *why;
	int err = poll(&fd, 1, 10000) == 1 ? hz_ingest_child_take(source.fd, &set, NULL) : -ETIMEDOUT;
	if (err)
		return err;
	set.url[sizeof(set.url) - 1] = set.whip[sizeof(set.whip) - 1] = '\0';
	set.token[sizeof(set.token) - 1] = set.folder[sizeof(set.folder) - 1] = '\0';
	err = hz_ingest_url_parse(set.url, &source.url, &why);
	if (!err)
		hz_source_set(&source, &set, hz_now_us());
	if (!err && source.url.path) // into the copy that stays
		source.url.path = source.set.url + (source.url.path - set.url);
	hz_wipe(&set, sizeof(set));
	return err;
}

// What libraries say may have addresses and passwords in it.
static void quiet(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer user)
{
}

static int enter_sandbox(void)
{
	const char *film =
	    source.url.scheme == HZ_INGEST_FILE && source.set.folder[0] ? source.set.folder : NULL;
	const char *const more[] = {"/etc/fonts",     "/etc/gnutls", "/etc/passwd", "/etc/pki/ca-trust",
	                            "/etc/protocols", film,          NULL};
	const struct hz_ingest_child_bounds bounds = {
	    .memory_bytes = MEMORY_BYTES, .files = FILES, .more = more};
	return hz_ingest_child_enter(&bounds);
}

static int prepare(void)
{
	hz_ingest_child_begin("source", SIGTERM);
	setenv("GIO_USE_PROXY_RESOLVER", "dummy", 1); // a desktop's settings are nobody's business here
	setenv("GSETTINGS_BACKEND", "memory", 1);
	setenv("GIO_USE_VFS", "local", 1);
	setenv("GIO_USE_NETWORK_MONITOR", "base", 1);
	int err = first_set();
	if (err)
		return err;
	g_log_set_default_handler(quiet, NULL);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	gst_init(NULL, NULL);
	gst_debug_set_active(FALSE);
	hz_source_plugins();
	const char *missing = hz_source_plugins_load();
	if (missing) {
		hz_error("source.missing", "element=%s", missing);
		return -ENOENT;
	}
	return enter_sandbox();
}

int main(void)
{
	int err = prepare();
	if (!err) {
		loop = g_main_loop_new(NULL, FALSE);
		g_unix_signal_add(SIGTERM, on_signal, NULL);
		g_unix_fd_add(source.fd, G_IO_IN | G_IO_HUP, on_socket, NULL);
		g_timeout_add(TICK_MS, on_tick, NULL);
		g_main_loop_run(loop);
		hz_source_end(&source);
		g_main_loop_unref(loop);
	}
	return hz_ingest_child_end("source", err);
}
