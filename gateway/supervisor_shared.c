#include "gateway/supervisor_shared.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/base/memfd.h"
#include "gateway/base/ring_grid.h"
#include "gateway/base/seqpacket.h"
#include "gateway/supervisor_ports.h"
#include "media/transport/identity.h"
#include "media/transport/udp.h"
#include "media/worker/worker.h"

#define API_BUFFER_BYTES (4u << 20) // a whole reconcile of a full worker queues without waiting
// HZ_ARENA_CONNS messages with a descriptor each; cut by wmem_max without CAP_NET_ADMIN
#define SHELF_BUFFER_BYTES (2u << 20)
// The children of a supervisor that was killed a moment ago may still be on their way out.
#define IN_USE_TRIES   10
#define IN_USE_WAIT_US 50000
#define SOCKET_NAME    "supervisor.sock"

#define FAIL(err, error, ...) (snprintf(error, HZ_SHARED_ERROR_BYTES, __VA_ARGS__), err)

// How many descriptors of a kind there may be.
static unsigned places_of(unsigned kind)
{
	if (kind >= HZ_SHARED_ARENA && kind <= HZ_SHARED_WAKE)
		return HZ_MAX_WORKERS;
	return kind >= HZ_SHARED_PIPE_PIPE && kind <= HZ_SHARED_PIPE_WAKE ? HZ_PIPES : 1;
}

void hz_shared_init(struct hz_shared *shared)
{
	memset(shared, 0xff, sizeof(*shared)); // every descriptor is -1
	shared->workers = 0;
}

int *hz_shared_fd(struct hz_shared *shared, unsigned kind, unsigned index)
{
	if (kind == 0 || kind >= HZ_SHARED_KINDS || index >= places_of(kind))
		return NULL;
	struct hz_shared_worker *w = &shared->worker[index];
	struct hz_shared_pipe *p = &shared->pipe[index < HZ_PIPES ? index : 0];
	int *const places[HZ_SHARED_KINDS] = {
	    [HZ_SHARED_LOCK] = &shared->lock,
	    [HZ_SHARED_LISTENER] = &shared->listener,
	    [HZ_SHARED_IDENTITY] = &shared->identity,
	    [HZ_SHARED_HTTP] = &shared->http,
	    [HZ_SHARED_HTTPS] = &shared->https,
	    [HZ_SHARED_RINGS] = &shared->rings,
	    [HZ_SHARED_TAPS] = &shared->taps,
	    [HZ_SHARED_REC_RECORDER] = &shared->rec_recorder,
	    [HZ_SHARED_REC_CONTROL] = &shared->rec_control,
	    [HZ_SHARED_ARENA] = &w->arena,
	    [HZ_SHARED_UDP] = &w->udp,
	    [HZ_SHARED_API_WORKER] = &w->api_worker,
	    [HZ_SHARED_API_CONTROL] = &w->api_control,
	    [HZ_SHARED_SHELF_IN] = &w->shelf_in,
	    [HZ_SHARED_SHELF_OUT] = &w->shelf_out,
	    [HZ_SHARED_WAKE] = &w->wake,
	    [HZ_SHARED_MIX_MIX] = &shared->mix_mix,
	    [HZ_SHARED_MIX_CONTROL] = &shared->mix_control,
	    [HZ_SHARED_MIX_WAKE] = &shared->mix_wake,
	    [HZ_SHARED_PIPE_PIPE] = &p->pipe,
	    [HZ_SHARED_PIPE_CONTROL] = &p->control,
	    [HZ_SHARED_PIPE_RINGS] = &p->rings,
	    [HZ_SHARED_PIPE_WAKE] = &p->wake,
	};
	return places[kind];
}

void hz_shared_close(struct hz_shared *shared)
{
	for (unsigned kind = 1; kind < HZ_SHARED_KINDS; kind++) {
		for (unsigned i = 0; i < HZ_MAX_WORKERS; i++) {
			int *fd = hz_shared_fd(shared, kind, i);
			if (fd && *fd >= 0)
				close(*fd);
			if (fd)
				*fd = -1;
		}
	}
}

// mkdir -p with 0700. A folder that everybody may write to (such as /tmp itself) is refused.
static int make_folder(const char *path, char *error)
{
	char part[PATH_MAX];
	struct stat st;
	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return FAIL(-ENAMETOOLONG, error, "the name is too long, at data.dir: choose a shorter one");
	for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return FAIL(
			    -errno, error,
			    "cannot make the folder (%s), at data.dir %.120s: make it or choose another",
			    strerror(errno), part);
		if (!slash)
			break;
		*slash = '/';
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return FAIL(-ENOTDIR, error, "not a folder, at data.dir %.160s: choose another", path);
	if (st.st_mode & S_IWOTH)
		return FAIL(-EACCES, error,
		            "everybody may write there, at data.dir %.120s: choose another or chmod 700 it",
		            path);
	return 0;
}

static int open_run(const struct hz_config *config, int *ret_fd)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/run", config->data.dir);
	int fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int take_lock(int run, const char *dir, char *error, int *ret_fd)
{
	char pid[16] = "?";
	int fd = openat(run, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return FAIL(-errno, error,
		            "cannot open the lock (%s), at %.120s/run/lock: correct its permissions",
		            strerror(errno), dir);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int err = -errno;
		ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? strspn(pid, "0123456789") : 1] = '\0';
		close(fd);
		if (err != -EWOULDBLOCK)
			return FAIL(err, error, "cannot lock (%s), at %.120s/run/lock: use a local disk",
			            strerror(-err), dir);
		return FAIL(-EBUSY, error,
		            "another gateway (pid %s) uses this folder, at data.dir %.100s: stop it, use "
		            "--takeover, or "
		            "choose another folder",
		            pid, dir);
	}
	*ret_fd = fd;
	return 0;
}

void hz_shared_sign_lock(const struct hz_shared *shared)
{
	char pid[16];
	int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(shared->lock, 0) < 0 || pwrite(shared->lock, pid, (size_t)n, 0) < 0)
		return; // only a message gets poorer
}

// The folder's descriptor in the name keeps within the 107 bytes of sun_path, however long data.dir is.
static struct sockaddr_un socket_address(int run)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/" SOCKET_NAME, run);
	return at;
}

static int listen_takeover(int run, int *ret_fd)
{
	struct sockaddr_un at = socket_address(run);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlinkat(run, SOCKET_NAME, 0); // ours: we have the lock
	mode_t before = umask(0177);
	int bound = bind(fd, (struct sockaddr *)&at, sizeof(at));
	int err = bound < 0 ? -errno : 0;
	umask(before);
	if (!err && listen(fd, 4) < 0)
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int hz_shared_connect(const struct hz_config *config, int *ret_fd)
{
	int run = -1;
	int err = open_run(config, &run);
	if (err)
		return err;
	struct sockaddr_un at = socket_address(run);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		err = -errno;
		if (fd >= 0)
			close(fd);
	} else {
		*ret_fd = fd;
	}
	close(run);
	return err;
}

static int open_tcp(const char *what, const char *address, uint16_t port, char *error, int *ret_fd)
{
	if (!port)
		return 0;
	int err = hz_tcp_listen(address, port, ret_fd);
	for (int i = 0; err == -EADDRINUSE && i < IN_USE_TRIES; i++) {
		usleep(IN_USE_WAIT_US);
		err = hz_tcp_listen(address, port, ret_fd);
	}
	if (err)
		return FAIL(err, error,
		            "cannot listen (%s), at %s %s port %u: stop what uses it or set %s.port",
		            strerror(-err), what, address, port, what);
	return 0;
}

static int open_worker(uint16_t port, size_t arena_bytes, char *error, struct hz_shared_worker *ret)
{
	int pair[2];
	int err = hz_udp_open("", port, &ret->udp);
	for (int i = 0; err == -EADDRINUSE && i < IN_USE_TRIES; i++) {
		usleep(IN_USE_WAIT_US);
		err = hz_udp_open("", port, &ret->udp);
	}
	if (err)
		return FAIL(err, error,
		            "cannot open UDP (%s), at media port %u: stop what uses it or set media.port",
		            strerror(-err), port);
	err = hz_memfd_new("huizhen-arena", arena_bytes, &ret->arena);
	if (!err)
		err = hz_seqpacket_pair(API_BUFFER_BYTES, pair);
	if (err)
		return FAIL(err, error, "cannot make a worker's memory (%s), at the system: raise its limits",
		            strerror(-err));
	ret->api_worker = pair[0];
	ret->api_control = pair[1];
	err = hz_seqpacket_pair(SHELF_BUFFER_BYTES, pair);
	if (err)
		return FAIL(err, error, "cannot make a worker's shelf (%s), at the system: raise its limits",
		            strerror(-err));
	ret->shelf_in = pair[0];
	ret->shelf_out = pair[1];
	ret->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ret->wake < 0)
		return FAIL(-errno, error, "cannot make an eventfd (%s), at the system: raise its limits",
		            strerror(errno));
	return 0;
}

// Between the workers and the mix, which has its place in the grid whether it is switched on or not: a takeover may switch it.
static int open_rings(unsigned workers, char *error, struct hz_shared *shared)
{
	int pair[2];
	int err = hz_memfd_new("huizhen-rings", hz_worker_rings_bytes(workers + 1), &shared->rings);
	if (!err)
		err = hz_seqpacket_pair(API_BUFFER_BYTES, pair);
	if (err)
		return FAIL(err, error,
		            "cannot make the workers' rings (%s), at the system: raise its limits",
		            strerror(-err));
	shared->mix_mix = pair[0];
	shared->mix_control = pair[1];
	shared->mix_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (shared->mix_wake < 0)
		return FAIL(-errno, error, "cannot make an eventfd (%s), at the system: raise its limits",
		            strerror(errno));
	return 0;
}

int hz_shared_add_mix(struct hz_shared *shared, char ret_error[HZ_SHARED_ERROR_BYTES])
{
	int there = (shared->mix_mix >= 0) + (shared->mix_control >= 0) + (shared->mix_wake >= 0);
	if (there == 3)
		return 0;
	if (there)
		return FAIL(-EPROTO, ret_error, "the running gateway broke off, at --takeover: see its log");
	close(shared->rings); // its own workers have it as long as they run
	shared->rings = -1;
	return open_rings(shared->workers, ret_error, shared);
}

static int open_pipe(unsigned workers, char *error, struct hz_shared_pipe *ret)
{
	int pair[2];
	int err = hz_memfd_new("huizhen-pipe", hz_ring_pipe_bytes(workers), &ret->rings);
	if (!err)
		err = hz_seqpacket_pair(API_BUFFER_BYTES, pair);
	if (err)
		return FAIL(err, error, "cannot make a pipe's rings (%s), at the system: raise its limits",
		            strerror(-err));
	ret->pipe = pair[0];
	ret->control = pair[1];
	ret->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ret->wake < 0)
		return FAIL(-errno, error, "cannot make an eventfd (%s), at the system: raise its limits",
		            strerror(errno));
	return 0;
}

int hz_shared_add_pipes(struct hz_shared *shared, char ret_error[HZ_SHARED_ERROR_BYTES])
{
	int err = 0;
	for (unsigned i = 0; i < HZ_PIPES && !err; i++) {
		const struct hz_shared_pipe *p = &shared->pipe[i];
		int there = (p->pipe >= 0) + (p->control >= 0) + (p->rings >= 0) + (p->wake >= 0);
		if (there == 0)
			err = open_pipe(shared->workers, ret_error, &shared->pipe[i]);
		else if (there < 4)
			err = FAIL(-EPROTO, ret_error,
			           "the running gateway broke off, at --takeover: see its log");
	}
	return err;
}

static int open_recorder(unsigned workers, char *error, struct hz_shared *shared)
{
	int pair[2];
	int err = hz_memfd_new("huizhen-taps", hz_worker_taps_bytes(workers), &shared->taps);
	if (!err)
		err = hz_seqpacket_pair(API_BUFFER_BYTES, pair);
	if (err)
		return FAIL(err, error,
		            "cannot make the recorder's rings (%s), at the system: raise its limits",
		            strerror(-err));
	shared->rec_recorder = pair[0];
	shared->rec_control = pair[1];
	return 0;
}

static int open_folder(const struct hz_config *config, char *error, struct hz_shared *shared)
{
	char path[PATH_MAX];
	int run = -1;
	int err = make_folder(config->data.dir, error);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/run", config->data.dir);
	err = make_folder(path, error);
	if (err)
		return err;
	err = open_run(config, &run);
	if (err)
		return FAIL(err, error, "cannot open (%s), at %.120s: correct its permissions",
		            strerror(-err), path);
	err = take_lock(run, config->data.dir, error, &shared->lock);
	if (!err) {
		err = listen_takeover(run, &shared->listener);
		if (err)
			snprintf(error, HZ_SHARED_ERROR_BYTES,
			         "cannot make a socket (%s), at %.120s: use a local disk", strerror(-err),
			         path);
	}
	close(run);
	return err;
}

int hz_shared_open(const struct hz_config *config, size_t arena_bytes, char ret_error[HZ_SHARED_ERROR_BYTES],
                   struct hz_shared *ret)
{
	struct hz_shared shared;
	hz_shared_init(&shared);
	shared.workers = hz_config_workers(config);
	int err = open_folder(config, ret_error, &shared);
	if (!err)
		err = open_tcp("http", config->http.address, config->http.port, ret_error, &shared.http);
	if (!err)
		err = open_tcp("https", config->https.address, config->https.port, ret_error, &shared.https);
	for (unsigned i = 0; !err && i < shared.workers; i++)
		err = open_worker((uint16_t)(config->media.port + i), arena_bytes, ret_error,
		                  &shared.worker[i]);
	if (!err)
		err = open_rings(shared.workers, ret_error, &shared);
	if (!err)
		err = hz_shared_add_pipes(&shared, ret_error);
	if (!err)
		err = open_recorder(shared.workers, ret_error, &shared);
	if (!err) {
		err = hz_identity_generate(&shared.identity);
		if (err)
			snprintf(ret_error, HZ_SHARED_ERROR_BYTES,
			         "cannot make the DTLS identity (%s), at OpenSSL: run huizhen doctor",
			         strerror(-err));
	}
	if (err) {
		hz_shared_close(&shared);
		return err;
	}
	hz_shared_sign_lock(&shared);
	*ret = shared;
	return 0;
}
