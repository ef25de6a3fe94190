// huizhen-source: one source of a consult, for huizhen-ingest, whose socket it inherits as descriptor 3. The first message is its
// SOURCE_SET; it ends with the socket (0), or with one line that says why not (1).
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <glib-unix.h>
#include <gst/gst.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/sandbox.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"
#include "media/pipeline/source_plugins.h"
#include "media/pipeline/source_state.h"

enum { FD_API = 3 };
#define TICK_MS      50
#define HANG_S       30
#define MEMORY_BYTES (3ull << 30) // addresses, mostly of threads' stacks and arenas
#define FILES        512

static GMainLoop *loop;
static struct hz_source source = {.fd = FD_API, .lock = PTHREAD_MUTEX_INITIALIZER};

// huizhen-ingest kills who is silent. Should it be gone itself, this ends who hangs, so that no two read one source.
static void wind(void)
{
	const struct itimerval wall = {.it_value = {.tv_sec = HANG_S}};
	setitimer(ITIMER_REAL, &wall, NULL);
}

static gboolean on_tick(gpointer user)
{
	wind();
	hz_source_tick(&source, hz_now_us());
	return G_SOURCE_CONTINUE;
}

// 0; -EAGAIN; -EPIPE: over.
static int take(struct hz_ingest_source_set *set)
{
	_Alignas(8) static uint8_t buf[HZ_INGEST_MAX_BYTES];
	size_t bytes = 0;
	int err = hz_seqpacket_recv(FD_API, buf, sizeof(buf), &bytes);
	if (err)
		return err == -EAGAIN ? err : -EPIPE;
	const struct hz_msg_header *h = (const void *)buf;
	if (bytes != sizeof(*set) || h->version != HZ_INGEST_API_VERSION || h->type != HZ_INGEST_SOURCE_SET)
		return -EPIPE; // another build: our parent makes a new one
	memcpy(set, buf, sizeof(*set));
	hz_wipe(buf, sizeof(*set));
	return 0;
}

static gboolean on_socket(gint fd, GIOCondition condition, gpointer user)
{
	struct hz_ingest_source_set set;
	int err = take(&set);
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
	struct pollfd fd = {.fd = FD_API, .events = POLLIN};
	struct hz_ingest_source_set set;
	const char *why;
	int err = poll(&fd, 1, 10000) == 1 ? take(&set) : -ETIMEDOUT;
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

// Of /etc what libraries look at and no more: our own configuration lies there, with the keys that tokens are signed by, and so do the
// keys of certificates.
static const char *const readable[] = {"/usr",
                                       "/lib",
                                       "/lib64",
                                       "/dev/null",
                                       "/dev/random",
                                       "/dev/urandom",
                                       "/etc/crypto-policies",
                                       "/etc/fonts",
                                       "/etc/gai.conf",
                                       "/etc/gnutls",
                                       "/etc/host.conf",
                                       "/etc/hosts",
                                       "/etc/ld.so.cache",
                                       "/etc/localtime",
                                       "/etc/nsswitch.conf",
                                       "/etc/passwd",
                                       "/etc/pki/ca-trust",
                                       "/etc/protocols",
                                       "/etc/resolv.conf", // replaced by another file: source_run.c
                                       "/etc/services",
                                       "/etc/ssl/certs",
                                       "/etc/ssl/openssl.cnf"};
#define READABLE (sizeof(readable) / sizeof(readable[0]))

static int enter_sandbox(void)
{
	const char *paths[READABLE + 2] = {NULL};
	memcpy(paths, readable, sizeof(readable));
	if (source.url.scheme == HZ_INGEST_FILE && source.set.folder[0])
		paths[READABLE] = source.set.folder;
	const struct hz_sandbox sandbox = {.memory_bytes = MEMORY_BYTES,
	                                   .file_bytes = UINT64_MAX, // the log is perhaps a file
	                                   .files = FILES,
	                                   .loop = true,
	                                   .network = true,
	                                   .read = paths};
	return hz_sandbox_enter(&sandbox);
}

static int prepare(void)
{
	hz_log_init("source", HZ_LOG_INFO);
	setenv("GIO_USE_PROXY_RESOLVER", "dummy", 1); // a desktop's settings are nobody's business here
	setenv("GSETTINGS_BACKEND", "memory", 1);
	setenv("GIO_USE_VFS", "local", 1);
	setenv("GIO_USE_NETWORK_MONITOR", "base", 1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)!nice(5); // the relay comes first
	signal(SIGPIPE, SIG_IGN);
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
		g_unix_fd_add(FD_API, G_IO_IN | G_IO_HUP, on_socket, NULL);
		g_timeout_add(TICK_MS, on_tick, NULL);
		g_main_loop_run(loop);
		hz_source_end(&source);
		g_main_loop_unref(loop);
	}
	if (err)
		fprintf(stderr, "msg=source_failed error=%s\n", strerror(-err));
	return err ? 1 : 0;
}
