#include "tests/unit/gateway/fake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/clock.h"
#include "gateway/base/memfd.h"
#include "gateway/base/seqpacket.h"
#include "gateway/child.h"
#include "gateway/cli.h"
#include "gateway/config_parse.h"
#include "gateway/supervisor.h"

static int claimed;

static void event(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void event(const char *fmt, ...)
{
	char line[128], path[160];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	snprintf(path, sizeof(path), "%s/events", getenv("FAKE_DIR"));
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(70);
	close(fd);
}

static bool is_type(int fd, mode_t type)
{
	struct stat st;
	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

// Nobody but the supervisor writes the configuration that the next child is to read.
static bool is_text(int fd)
{
	return is_type(fd, S_IFREG) && pwrite(fd, "#", 1, 0) < 0 && errno == EPERM && ftruncate(fd, 0) < 0;
}

static bool is_listening(int fd)
{
	int on = 0;
	socklen_t len = sizeof(on);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

static bool closed(int from, int to)
{
	for (int fd = from; fd < to; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return false;
	return true;
}

// What every child must have: no more descriptors, no signals blocked, no new privileges, a parent to die with.
static bool is_clean(void)
{
	sigset_t blocked;
	int death = 0;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	prctl(PR_GET_PDEATHSIG, &death);
	return sigisemptyset(&blocked) && death == SIGKILL && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
	       !getenv("NOTIFY_SOCKET");
}

struct arena {
	uint32_t incarnation;
};

static volatile sig_atomic_t ended;
static void on_term(int signal)
{
	ended = 1;
}

static int worker(const char *index)
{
	struct pollfd api = {.fd = HZ_FD_WORKER_API, .events = POLLIN};
	struct sigaction term = {.sa_handler = on_term};
	struct arena *arena;
	int type = 0;
	socklen_t len = sizeof(type);
	char buf[64];
	size_t n;
	getsockopt(HZ_FD_WORKER_UDP, SOL_SOCKET, SO_TYPE, &type, &len);
	bool right = is_type(HZ_FD_WORKER_ARENA, S_IFREG) && type == SOCK_DGRAM &&
	             is_type(HZ_FD_WORKER_API, S_IFSOCK) && is_type(HZ_FD_WORKER_IDENTITY, S_IFREG) &&
	             fcntl(HZ_FD_WORKER_WAITING, F_GETFD) == 0 && is_type(HZ_FD_WORKER_SHELF_IN, S_IFSOCK) &&
	             is_type(HZ_FD_WORKER_SHELF_OUT, S_IFSOCK) && is_type(HZ_FD_WORKER_RINGS, S_IFREG) &&
	             fcntl(HZ_FD_WORKER_WAKE + FAKE_WORKERS, F_GETFD) == 0 && // the mix's
	             closed(HZ_FD_WORKER_WAKE + FAKE_WORKERS + 1, HZ_FD_WORKER_TAPS) &&
	             is_type(HZ_FD_WORKER_TAPS, S_IFREG) && closed(HZ_FD_WORKER_PIPE + 2 * HZ_PIPES, 300) &&
	             is_clean();
	for (int i = 0; i < HZ_PIPES; i++)
		right = right && is_type(HZ_FD_WORKER_PIPE + 2 * i, S_IFREG) &&
		        fcntl(HZ_FD_WORKER_PIPE + 2 * i + 1, F_GETFD) == 0;
	close(HZ_FD_WORKER_WAITING);
	if (hz_memfd_claim(HZ_FD_WORKER_ARENA, &claimed) ||
	    hz_memfd_map(HZ_FD_WORKER_ARENA, FAKE_ARENA, (void **)&arena))
		return 71;
	arena->incarnation++;
	sigaction(SIGTERM, &term, NULL);
	event("worker%s %lld pid=%d incarnation=%u fds=%s", index, (long long)hz_now_us(), (int)getpid(),
	      arena->incarnation, right ? "right" : "wrong");
	while (!ended) {
		if (poll(&api, 1, 1000) <= 0)
			continue;
		while (hz_seqpacket_recv(HZ_FD_WORKER_API, buf, sizeof(buf) - 1, &n) == 0) {
			buf[n] = '\0';
			event("worker%s-got %s", index, buf);
		}
	}
	event("worker%s-ended %lld", index, (long long)hz_now_us());
	hz_memfd_unmap(arena, FAKE_ARENA);
	return 0;
}

static void tell(uint32_t type, uint32_t value)
{
	struct hz_child_msg msg = {.type = type, .value = value};
	hz_seqpacket_send(HZ_FD_CONTROL_SUPERVISOR, &msg, sizeof(msg));
}

static void reload(const char *config)
{
	char error[HZ_CONFIG_ERROR_BYTES];
	struct hz_config *c;
	if (hz_config_load(config, error, &c)) {
		event("reload-wrong %s", error);
		return;
	}
	event("reload %u", c->limits.consults);
	hz_config_free(c);
}

// Returns an exit code, or -1 to go on.
static int control_message(const struct hz_child_msg *msg, const char *config, const char *mode)
{
	char over[160];
	if (msg->type == HZ_CHILD_RELOAD) {
		reload(config);
	} else if (msg->type == HZ_CHILD_DRAIN) {
		event("drain %lld", (long long)hz_now_us());
		snprintf(over, sizeof(over), "%s/over", getenv("FAKE_DIR"));
		return access(over, F_OK) == 0 ? 0 : -1;
	} else if (msg->type == HZ_CHILD_STOP && strcmp(mode, "deaf") != 0) {
		event("stop %lld", (long long)hz_now_us());
		return 0;
	}
	return -1;
}

static int control(int argc, char **argv)
{
	const char *mode = getenv("FAKE_CONTROL") ? getenv("FAKE_CONTROL") : "";
	int workers = argc > 3 ? atoi(argv[3]) : 0;
	struct hz_child_msg msg;
	size_t n;
	const char *mosaic = getenv("HUIZHEN_MOSAIC_ENABLED");
	bool pipes = mosaic && strcmp(mosaic, "true") == 0;
	bool right = argc == 8 && is_type(HZ_FD_CONTROL_SUPERVISOR, S_IFSOCK) &&
	             is_type(HZ_FD_CONTROL_IDENTITY, S_IFREG) && is_listening(HZ_FD_CONTROL_HTTP) &&
	             is_listening(HZ_FD_CONTROL_HTTPS) && is_text(HZ_FD_CONTROL_CONFIG) &&
	             is_type(HZ_FD_CONTROL_RECORDER, S_IFSOCK) && is_type(HZ_FD_CONTROL_MIX, S_IFSOCK) &&
	             closed(HZ_FD_CONTROL_API + workers, HZ_FD_CONTROL_PIPE) &&
	             closed(HZ_FD_CONTROL_PIPE + HZ_PIPES, 300) && is_clean();
	for (int i = 0; i < workers; i++)
		right = right && is_type(HZ_FD_CONTROL_API + i, S_IFSOCK);
	for (int i = 0; i < HZ_PIPES; i++) // the mosaic alone is switched on by some tests
		right = right && is_type(HZ_FD_CONTROL_PIPE + i, S_IFSOCK) == (i == HZ_PIPE_MOSAIC && pipes);
	event("control %lld pid=%d workers=%d fds=%s", (long long)hz_now_us(), (int)getpid(), workers,
	      right ? "right" : "wrong");
	event("media-port %s", argc == 8 && strcmp(argv[6], "--media-port") == 0 ? argv[7] : "none");
	if (strcmp(mode, "fail") == 0)
		return 3;
	for (int i = 0; i < workers; i++)
		hz_seqpacket_send(HZ_FD_CONTROL_API + i, "hello", 5);
	if (strcmp(mode, "hang") != 0)
		tell(HZ_CHILD_READY, 0);
	tell(HZ_CHILD_STATUS, 4);
	for (;;) {
		struct pollfd wait = {.fd = HZ_FD_CONTROL_SUPERVISOR, .events = POLLIN};
		poll(&wait, 1, -1);
		int err = hz_seqpacket_recv(HZ_FD_CONTROL_SUPERVISOR, &msg, sizeof(msg), &n);
		if (err == -EPIPE)
			return 0;
		int code = err ? -1 : control_message(&msg, argv[5], mode);
		if (code >= 0)
			return code;
	}
}

static int recorder(int argc, char **argv)
{
	struct sigaction term = {.sa_handler = on_term};
	bool right = argc == 6 && is_type(HZ_FD_RECORDER_API, S_IFSOCK) && is_text(HZ_FD_RECORDER_CONFIG) &&
	             is_type(HZ_FD_RECORDER_TAPS, S_IFREG) && closed(HZ_FD_RECORDER_TAPS + 1, 300) &&
	             is_clean();
	event("recorder-waits %lld", (long long)hz_now_us());
	sigaction(SIGTERM, &term, NULL);
	if (hz_memfd_claim(HZ_FD_RECORDER_TAPS, &claimed))
		return 71;
	event("recorder %lld pid=%d fds=%s", (long long)hz_now_us(), (int)getpid(),
	      right ? "right" : "wrong");
	while (!ended)
		poll(NULL, 0, 1000);
	event("recorder-ended %lld", (long long)hz_now_us());
	return 0;
}

static int mix(int argc, char **argv)
{
	struct sigaction term = {.sa_handler = on_term};
	bool right = argc == 6 && strcmp(argv[2], "--workers") == 0 && atoi(argv[3]) == FAKE_WORKERS &&
	             is_type(HZ_FD_MIX_API, S_IFSOCK) && is_type(HZ_FD_MIX_RINGS, S_IFREG) &&
	             fcntl(HZ_FD_MIX_WAKE + FAKE_WORKERS, F_GETFD) == 0 &&
	             closed(HZ_FD_MIX_WAKE + FAKE_WORKERS + 1, 300) && is_clean();
	sigaction(SIGTERM, &term, NULL);
	if (hz_memfd_claim(HZ_FD_MIX_RINGS, &claimed))
		return 71;
	event("mix %lld pid=%d fds=%s", (long long)hz_now_us(), (int)getpid(), right ? "right" : "wrong");
	while (!ended)
		poll(NULL, 0, 1000);
	event("mix-ended %lld", (long long)hz_now_us());
	return 0;
}

static int pipe_child(int argc, char **argv)
{
	struct sigaction term = {.sa_handler = on_term};
	bool right = argc == 7 && strcmp(argv[3], "--workers") == 0 && atoi(argv[4]) == FAKE_WORKERS &&
	             is_type(HZ_FD_PIPE_API, S_IFSOCK) && is_type(HZ_FD_PIPE_RINGS, S_IFREG) &&
	             fcntl(HZ_FD_PIPE_WAKE + FAKE_WORKERS, F_GETFD) == 0 &&
	             closed(HZ_FD_PIPE_WAKE + FAKE_WORKERS + 1, 300) && is_clean();
	sigaction(SIGTERM, &term, NULL);
	if (hz_memfd_claim(HZ_FD_PIPE_RINGS, &claimed))
		return 71;
	event("pipe-%s %lld pid=%d fds=%s", argv[2], (long long)hz_now_us(), (int)getpid(),
	      right ? "right" : "wrong");
	while (!ended)
		poll(NULL, 0, 1000);
	event("pipe-ended %lld", (long long)hz_now_us());
	return 0;
}

// Reads its configuration as the archive's own children do: by the descriptor's name, again and again.
static int archive(int argc, char **argv)
{
	struct sigaction term = {.sa_handler = on_term};
	char error[HZ_CONFIG_ERROR_BYTES];
	struct hz_config *config;
	bool right = argc == 5 && strcmp(argv[2], "--wait") == 0 && strcmp(argv[3], "--config") == 0 &&
	             is_text(HZ_FD_ARCHIVE_CONFIG) && closed(HZ_FD_ARCHIVE_CONFIG + 1, 300) && is_clean();
	for (int i = 0; i < 2 && right; i++) {
		right = hz_config_load(argv[4], error, &config) == 0;
		if (right)
			hz_config_free(config);
	}
	sigaction(SIGTERM, &term, NULL);
	event("archive %lld pid=%d fds=%s", (long long)hz_now_us(), (int)getpid(), right ? "right" : "wrong");
	while (!ended)
		poll(NULL, 0, 1000);
	event("archive-ended %lld", (long long)hz_now_us());
	return 0;
}

static int serve(int argc, char **argv)
{
	const char *arena = getenv("FAKE_ARENA_VERSION");
	struct hz_supervisor_options options = {.drain_s = HZ_DRAIN_S,
	                                        .arena_bytes = FAKE_ARENA,
	                                        .arena_version = arena ? (uint32_t)atoi(arena) : 1,
	                                        .api_version = 1};
	const struct hz_cli_option table[] = {{.name = "--config", .text = &options.config_path},
	                                      {.name = "--takeover", .flag = &options.takeover},
	                                      {.name = "--drain-timeout", .duration = &options.drain_s},
	                                      {.name = NULL}};
	char error[HZ_CONFIG_ERROR_BYTES];
	struct hz_config_text text;
	struct hz_config *config;
	if (hz_cli_options(argc, argv, table))
		return 2;
	if (hz_config_read(options.config_path, error, &text))
		return hz_cli_error(2, "%s", error);
	if (hz_config_parse(&text, error, &config)) {
		hz_config_text_done(&text);
		return hz_cli_error(2, "%s", error);
	}
	int err = hz_supervisor_run(&options, config, &text);
	hz_config_free(config);
	hz_config_text_done(&text);
	return err ? 1 : 0;
}

bool fake_main(int argc, char **argv, int *ret_code)
{
	if (argc < 2 || !getenv("FAKE_DIR"))
		return false;
	if (strcmp(argv[1], "worker") == 0)
		*ret_code = worker(argv[2]);
	else if (strcmp(argv[1], "recorder") == 0)
		*ret_code = recorder(argc, argv);
	else if (strcmp(argv[1], "archive") == 0)
		*ret_code = archive(argc, argv);
	else if (strcmp(argv[1], "mix") == 0)
		*ret_code = mix(argc, argv);
	else if (strcmp(argv[1], "pipe") == 0)
		*ret_code = pipe_child(argc, argv);
	else if (strcmp(argv[1], "control") == 0)
		*ret_code = control(argc, argv);
	else
		*ret_code = serve(argc - 1, argv + 1);
	return true;
}

// --- the test's side

static unsigned free_port(int type)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET6, type, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	close(fd);
	return ntohs(at.sin6_port) > 65000 ? 30000 : ntohs(at.sin6_port);
}

static void set_number(const char *name, unsigned value)
{
	char text[16];
	snprintf(text, sizeof(text), "%u", value);
	setenv(name, text, 1);
}

void fake_new(struct fake *f)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/hz-fake-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	setenv("FAKE_DIR", f->dir, 1);
	setenv("HUIZHEN_MOSAIC_ENABLED", "false", 0); // pipes: the tests that want one say so
	setenv("HUIZHEN_HLS_ENABLED", "false", 0);
	setenv("HUIZHEN_INGEST_ENABLED", "false", 0);
	setenv("HUIZHEN_DATA_DIR", fake_path(f, "data"), 1);
	set_number("HUIZHEN_HTTP_PORT", free_port(SOCK_STREAM));
	set_number("HUIZHEN_HTTPS_PORT", free_port(SOCK_STREAM));
	set_number("HUIZHEN_MEDIA_PORT", free_port(SOCK_DGRAM));
	set_number("HUIZHEN_MEDIA_WORKERS", FAKE_WORKERS);
	fake_write(f, "events", "");
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", f->dir);
	f->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->notify, (struct sockaddr *)&at, sizeof(at)), 0);
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
}

void fake_free(struct fake *f)
{
	char command[128];
	if (f->serve) {
		kill(f->serve, SIGKILL);
		fake_wait(f->serve);
	}
	close(f->notify);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
}

const char *fake_path(struct fake *f, const char *name)
{
	snprintf(f->files, sizeof(f->files), "%s/%s", f->dir, name);
	return f->files;
}

pid_t fake_serve(struct fake *f, const char *env, const char *const *args)
{
	const char *argv[12] = {"test", "serve"};
	for (int i = 0; args && args[i] && i < 9; i++)
		argv[i + 2] = args[i];
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL); // a failed test leaves nothing behind
	int log = open(fake_path(f, "log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(log, 1);
	dup2(log, 2);
	char *copy = strdup(env);
	if (!copy || (*copy && putenv(copy)))
		_exit(127);
	execv("/proc/self/exe", (char *const *)(void *)argv);
	_exit(127);
}

void fake_start(struct fake *f)
{
	f->serve = fake_serve(f, "", NULL);
	assert_true(fake_heard(f, "READY=1"));
}

int fake_wait(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void fake_take_over(struct fake *f, const char *env)
{
	static const char *const takeover[] = {"--takeover", NULL};
	pid_t old = f->serve;
	f->serve = fake_serve(f, env, takeover);
	assert_int_equal(fake_wait(old), 0);
}

void fake_end(struct fake *f)
{
	kill(f->serve, SIGINT);
	assert_int_equal(fake_wait(f->serve), 0);
	f->serve = 0;
	if (fake_logged(f, "Sanitizer") || fake_logged(f, "runtime error"))
		fail_msg("a sanitizer complained: see %s/log", f->dir);
	fake_free(f);
}

bool fake_event(const struct fake *f, const char *pattern)
{
	char command[160];
	snprintf(command, sizeof(command), "grep -q '%s' %s/events", pattern, f->dir);
	return system(command) == 0;
}

static bool contains(const struct fake *f, const char *name, const char *text)
{
	char path[96], line[1200];
	bool found = false;
	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	FILE *file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return found;
}

bool fake_logged(const struct fake *f, const char *text)
{
	return contains(f, "log", text);
}

unsigned fake_count(const struct fake *f, const char *text, int64_t *ret_last)
{
	char path[96], line[200];
	size_t n = strlen(text);
	unsigned count = 0;
	snprintf(path, sizeof(path), "%s/events", f->dir);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, text, n) != 0)
			continue;
		count++;
		if (ret_last)
			*ret_last = strtoll(line + n, NULL, 10);
	}
	fclose(file);
	return count;
}

void fake_expect(const struct fake *f, const char *text, unsigned count)
{
	for (int i = 0; i < 15000; i++) {
		if (fake_count(f, text, NULL) >= count)
			return;
		usleep(1000);
	}
	fail_msg("waited for %u of \"%s\", there are %u", count, text, fake_count(f, text, NULL));
}

int64_t fake_last(const struct fake *f, const char *text)
{
	int64_t last = 0;
	fake_count(f, text, &last);
	return last;
}

void fake_write(const struct fake *f, const char *name, const char *text)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

bool fake_heard(struct fake *f, const char *text)
{
	struct pollfd wait = {.fd = f->notify, .events = POLLIN};
	char buf[300];
	while (poll(&wait, 1, 5000) == 1) {
		ssize_t n = recv(f->notify, buf, sizeof(buf) - 1, 0);
		buf[n > 0 ? n : 0] = '\0';
		if (strstr(buf, text))
			return true;
	}
	return false;
}
