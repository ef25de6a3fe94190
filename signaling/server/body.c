// Bodies that go into files. A thread of its own writes, so that a slow disk holds up uploads and nobody else: the loop gives it what came
// while it wrote the last piece, at most SPOOL_BYTES, and reads no more of that connection meanwhile. Two buffers an upload, HZ_UPLOADS at once.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/base/secret.h"
#include "signaling/server/internal.h"

#define SPOOL_BYTES ((size_t)256 << 10)

struct hz_body {
	struct hz_body *next;  // of all: the loop's
	struct hz_body *after; // in todo or done: under the lock
	struct hz_server *server;
	struct hz_conn *conn; // NULL: it is gone
	int fd;
	uint64_t owner;
	bool busy; // with the writer, which has fd, out, out_bytes and err then
	char *in, *out;
	size_t in_bytes, out_bytes;
	int err;
};

struct hz_writer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t some;
	struct hz_body *todo, **todo_end, *done;
	struct hz_body *all;
	struct hz_server_fd *watch;
	int wake;
	bool stop;
};

static int write_all(const struct hz_body *s)
{
	for (size_t at = 0; at < s->out_bytes;) {
		ssize_t n = write(s->fd, s->out + at, s->out_bytes - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	return 0;
}

static void *run(void *arg)
{
	struct hz_writer *w = arg;
	const uint64_t one = 1;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->todo && !w->stop)
			pthread_cond_wait(&w->some, &w->lock);
		if (w->stop)
			break;
		struct hz_body *s = w->todo;
		w->todo = s->after;
		if (!w->todo)
			w->todo_end = &w->todo;
		pthread_mutex_unlock(&w->lock);
		s->err = write_all(s);
		pthread_mutex_lock(&w->lock);
		s->after = w->done;
		w->done = s;
		(void)!write(w->wake, &one, sizeof(one));
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

// --- the loop's side

static void release(struct hz_body *s)
{
	struct hz_body **at = &s->server->writer->all;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	close(s->fd);
	hz_wipe(s->in, SPOOL_BYTES);
	hz_wipe(s->out, SPOOL_BYTES);
	free(s->in);
	free(s->out);
	free(s);
}

static void give(struct hz_body *s)
{
	struct hz_writer *w = s->server->writer;
	char *was = s->out;
	s->out = s->in;
	s->out_bytes = s->in_bytes;
	s->in = was;
	s->in_bytes = 0;
	s->busy = true;
	s->after = NULL;
	pthread_mutex_lock(&w->lock);
	*w->todo_end = s;
	w->todo_end = &s->after;
	pthread_cond_signal(&w->some);
	pthread_mutex_unlock(&w->lock);
}

static void on_written(struct hz_body *s)
{
	s->busy = false;
	if (!s->conn) {
		release(s);
		return;
	}
	if (!s->err && s->in_bytes)
		give(s);
	lws_callback_on_writable(s->conn->wsi); // hz_request_spooled() sees what became of it
}

static void on_wake(void *ctx, int fd)
{
	struct hz_writer *w = ctx;
	uint64_t count;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	pthread_mutex_lock(&w->lock);
	struct hz_body *done = w->done;
	w->done = NULL;
	pthread_mutex_unlock(&w->lock);
	while (done) {
		struct hz_body *s = done;
		done = s->after;
		on_written(s);
	}
}

static int start_thread(struct hz_writer *w)
{
	sigset_t all, before;
	sigfillset(&all); // signals are the loop's
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int err = -pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

static int writer_start(struct hz_server *server)
{
	struct hz_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->todo_end = &w->todo;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->some, NULL);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int err = w->wake < 0 ? -errno : hz_server_add_fd(server, w->wake, on_wake, NULL, w, &w->watch);
	if (!err)
		err = start_thread(w);
	if (err) {
		hz_server_remove_fd(w->watch);
		if (w->wake >= 0)
			close(w->wake);
		free(w);
		return err;
	}
	server->writer = w;
	return 0;
}

void hz_body_stop(struct hz_server *server)
{
	struct hz_writer *w = server->writer;
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->some);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL); // a write that it is in comes to its end
	while (w->all)
		release(w->all);
	close(w->wake);
	pthread_cond_destroy(&w->some);
	pthread_mutex_destroy(&w->lock);
	free(w);
	server->writer = NULL;
}

unsigned hz_server_uploads(const struct hz_server *server, uint64_t owner)
{
	unsigned count = 0;
	for (const struct hz_body *s = server->writer ? server->writer->all : NULL; s; s = s->next)
		count += !owner || s->owner == owner;
	return count;
}

int hz_body_begin(struct hz_conn *conn, int fd, uint64_t owner)
{
	struct hz_server *server = conn->server;
	int err = server->writer ? 0 : writer_start(server);
	struct hz_body *s = err ? NULL : calloc(1, sizeof(*s));
	if (!s)
		return err ? err : -ENOMEM;
	s->in = malloc(SPOOL_BYTES);
	s->out = malloc(SPOOL_BYTES);
	if (!s->in || !s->out) {
		free(s->in);
		free(s->out);
		free(s);
		return -ENOMEM;
	}
	s->server = server;
	s->conn = conn;
	s->fd = fd;
	s->owner = owner;
	s->next = server->writer->all;
	server->writer->all = s;
	conn->spool = s;
	return 0;
}

void hz_body_leave(struct hz_conn *conn)
{
	struct hz_body *s = conn->spool;
	conn->spool = NULL;
	if (!s)
		return;
	s->conn = NULL;
	if (!s->busy)
		release(s);
}

bool hz_body_full(const struct hz_conn *conn)
{
	return conn->spool && conn->spool->busy && conn->spool->in_bytes == SPOOL_BYTES;
}

int hz_body_put(struct hz_conn *conn, const char *data, size_t bytes, size_t *ret_taken)
{
	struct hz_body *s = conn->spool;
	size_t room = SPOOL_BYTES - s->in_bytes;
	if (!s->busy && s->err) // err is the writer's while it is busy
		return s->err;
	bytes = bytes < room ? bytes : room;
	memcpy(s->in + s->in_bytes, data, bytes);
	s->in_bytes += bytes;
	if (!s->busy && s->in_bytes)
		give(s);
	*ret_taken = bytes;
	return 0;
}

bool hz_body_written(const struct hz_conn *conn)
{
	return !conn->spool->busy && !conn->spool->in_bytes;
}

int *hz_body_file(struct hz_conn *conn)
{
	return &conn->spool->fd;
}
