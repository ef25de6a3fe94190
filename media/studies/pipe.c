#include "media/studies/pipe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/sandbox.h"
#include "gateway/base/seqpacket.h"
#include "media/dicomweb/cache.h"
#include "media/dicomweb/request.h"
#include "media/dicomweb/turn.h"
#include "media/studies/answer.h"
#include "media/studies/forward.h"
#include "media/studies/take.h"
#include "media/studies/turns.h"

#define STUDIES_MAX   10000
#define MEMORY_BYTES  ((uint64_t)6 << 30)
#define FILES         1024 // beside our own few: the kernel counts those that all of us have under way, too
#define TAKE_S        300
#define GETS_BETWEEN  8 // two objects of an archive
#define TICK_MS       1000
#define STATUS_MS     3000
#define SEND_TRIES    100
#define SEND_PAUSE_MS 10
#define TURNED_PART   4 // of what the store may take, for frames that were turned, beside it

struct local_pipe {
	int api;
	int64_t keep_ms;
	bool shut_in, over;
	struct hz_local *local;
	struct hz_local_reader *reader;
	struct hz_forward *forward;
	struct hz_local_turns *turns;
	const int *turn; // ends of pairs with who decodes
	unsigned turn_count;
	int64_t ticked_ms, told_ms;
};

static union {
	struct hz_dweb_header h;
	struct hz_dweb_setup setup;
	struct hz_dweb_get get;
	struct hz_dweb_cancel cancel;
	struct hz_local_take take;
	struct hz_dweb_sent sent;
} in;

static int64_t wall_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void say(struct local_pipe *p, void *message, uint16_t type, size_t bytes, int fd)
{
	struct hz_dweb_header *h = message;
	*h = (struct hz_dweb_header){.version = HZ_DWEB_VERSION, .type = type, .bytes = (uint32_t)bytes};
	// Control reads all the time; what it does not take within a second its readers ask for again.
	for (int i = 0; i < SEND_TRIES; i++) {
		int err = hz_seqpacket_send_fds(p->api, message, bytes, &fd, fd >= 0);
		if (err != -EAGAIN) {
			p->over = p->over || err == -EPIPE;
			return;
		}
		poll(NULL, 0, SEND_PAUSE_MS);
	}
}

// Files that have no row: of a crash between the two, or of an index that was lost.
static void read_strays(struct local_pipe *p)
{
	char hash[HZ_DWEB_HASH_BYTES];
	struct stat st = {.st_size = 0};
	int fd;
	unsigned good = 0, bad = 0;
	while (hz_local_stray(p->local, hash, &fd) == 0) {
		void *data = fstat(fd, &st) == 0 && st.st_size > 0
		                 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
		                 : MAP_FAILED;
		close(fd);
		char is[HZ_DWEB_HASH_BYTES] = "";
		enum hz_local_result result = HZ_LOCAL_DAMAGED;
		if (data != MAP_FAILED) {
			hz_dweb_sha256(data, (size_t)st.st_size, is);
			if (strcmp(is, hash) == 0)
				result = hz_take_object(p->local, data, (size_t)st.st_size);
			munmap(data, (size_t)st.st_size);
		} else if (st.st_size > 0) {
			result = HZ_LOCAL_FAILED;
		}
		good += result == HZ_LOCAL_STORED;
		bad += result != HZ_LOCAL_STORED;
		// No room, no memory: of now, not of the file. The next start tries it again.
		if (result != HZ_LOCAL_STORED && result != HZ_LOCAL_FULL && result != HZ_LOCAL_FAILED)
			hz_local_remove(p->local, hash);
	}
	if (good || bad)
		hz_info("studies.read_again", "objects=%u others=%u", good, bad);
}

static int on_send(void *ctx, const struct hz_dweb_send *send, int fd)
{
	struct local_pipe *p = ctx;
	int err = hz_seqpacket_send_fds(p->api, send, sizeof(*send), &fd, 1);
	p->over = p->over || err == -EPIPE;
	return err;
}

static void on_done(void *ctx, struct hz_dweb_done *done, int fd)
{
	say(ctx, done, HZ_DWEB_DONE, sizeof(*done), fd);
}

// Without its cache nothing is turned: frames go out as they are stored.
static int start_turns(struct local_pipe *p, struct hz_dweb_cache *cache)
{
	const struct hz_local_turns_of of = {.local = p->local,
	                                     .reader = p->reader,
	                                     .fds = p->turn,
	                                     .count = p->turn_count,
	                                     .done = on_done,
	                                     .ctx = p};
	return hz_local_turns_new(&of, cache, &p->turns);
}

static void on_setup(struct local_pipe *p, const struct hz_dweb_setup *setup)
{
	static const char *const readable[] = {"/usr", "/lib", "/lib64", "/etc/localtime", "/dev/null", NULL};
	const struct hz_local_bounds bounds = {
	    .bytes = setup->cache_bytes, .studies = STUDIES_MAX, .keep_ms = p->keep_ms};
	if (p->forward)
		hz_forward_again(p->forward); // another control: it does not know what was under way
	if (p->local || !memchr(setup->dir, '\0', sizeof(setup->dir)))
		return;
	struct hz_dweb_cache *cache = NULL;
	int err = hz_local_open(setup->dir, &bounds, &p->local);
	if (!err && hz_local_turns_open(setup->dir, setup->cache_bytes / TURNED_PART, p->local, &cache))
		hz_warn("studies.turned", "what=no_cache");
	const struct hz_sandbox sandbox = {.folder = setup->dir,
	                                   .memory_bytes = MEMORY_BYTES,
	                                   .file_bytes = UINT64_MAX, // the log is perhaps a file
	                                   .files = FILES,
	                                   .loop = true,
	                                   .store = true,
	                                   .read = readable};
	if (!err && p->shut_in)
		err = hz_sandbox_enter(&sandbox);
	if (!err)
		err = hz_local_reader_new(p->local, &p->reader);
	if (!err)
		err = hz_forward_new(p->local, on_send, p, &p->forward);
	if (!err) {
		err = start_turns(p, cache); // owns it
		cache = NULL;
	}
	if (err) {
		hz_error("studies.start", "err=%d", -err);
		hz_dweb_cache_close(cache);
		hz_forward_free(p->forward);
		p->forward = NULL;
		hz_local_reader_free(p->reader);
		p->reader = NULL;
		hz_local_close(p->local);
		p->local = NULL;
		p->over = p->over || p->shut_in;
		return;
	}
	read_strays(p);
	hz_info("studies.ready", "bytes=%llu", (unsigned long long)hz_local_bytes(p->local));
}

// An order that comes with the question of what became of it: said twice it is the same order.
static enum hz_dweb_result order(struct local_pipe *p, const struct hz_dweb_request *r)
{
	if (r->kind != HZ_DWEB_FORWARD || !r->query[0])
		return HZ_DWEB_OK;
	int err = hz_forward_order(p->forward, r->study, r->query, wall_ms());
	hz_info("studies.forward", "pacs=%s err=%d", r->query, -err);
	return err == -ENOENT ? HZ_DWEB_MISSING : err ? HZ_DWEB_DISK : HZ_DWEB_OK;
}

// Of who decodes; there is nobody to start them anew in here: the supervisor starts all of us.
static void read_turns(struct local_pipe *p)
{
	if (p->turns && hz_local_turns_read(p->turns) == -EPIPE) {
		hz_error("studies.turned", "what=nobody_decodes");
		p->over = true;
	}
}

static void on_get(struct local_pipe *p, const struct hz_dweb_get *get)
{
	struct hz_dweb_done done = {.id = get->id, .result = HZ_DWEB_DISK};
	struct hz_local_answer answer = {.fd = -1};
	if (!p->local)
		done.result = HZ_DWEB_DISK;
	else if (!hz_dweb_request_valid(&get->request))
		done.result = HZ_DWEB_MISSING;
	else
		done.result = order(p, &get->request);
	if (done.result == HZ_DWEB_OK && hz_local_turns_get(p->turns, get))
		return;
	if (done.result == HZ_DWEB_OK)
		done.result = hz_local_answer(p->reader, &get->request, &answer);
	done.bytes = answer.bytes;
	memcpy(done.type, answer.type, sizeof(done.type));
	memcpy(done.hash, answer.hash, sizeof(done.hash));
	say(p, &done, HZ_DWEB_DONE, sizeof(done), answer.fd);
	if (answer.fd >= 0)
		close(answer.fd);
}

// Who looks at images does not wait for the end of an archive. What is to be taken next does, and all behind it.
static void get_some(void *ctx)
{
	struct local_pipe *p = ctx;
	read_turns(p);
	for (int i = 0; i < GETS_BETWEEN && !p->over; i++) {
		struct hz_dweb_header next;
		struct iovec iov = {.iov_base = &next, .iov_len = sizeof(next)};
		struct msghdr peek = {.msg_iov = &iov, .msg_iovlen = 1};
		size_t bytes = 0;
		if (recvmsg(p->api, &peek, MSG_PEEK | MSG_DONTWAIT) != (ssize_t)sizeof(next) ||
		    next.type == HZ_LOCAL_TAKE || hz_seqpacket_recv(p->api, &in, sizeof(in), &bytes))
			return;
		if (in.h.version == HZ_DWEB_VERSION && in.h.type == HZ_DWEB_GET && bytes == sizeof(in.get))
			on_get(p, &in.get);
		else if (in.h.version == HZ_DWEB_VERSION && in.h.type == HZ_DWEB_SENT &&
		         bytes == sizeof(in.sent) && p->forward)
			hz_forward_sent(p->forward, &in.sent,
			                wall_ms()); // lost, its PACS would wait for hours
		else if (in.h.version == HZ_DWEB_VERSION && in.h.type == HZ_DWEB_SETUP &&
		         bytes == sizeof(in.setup))
			on_setup(p, &in.setup); // of another control; the store is open already
	}
}

// A parser that hangs dies of SIGALRM; we are there again a moment later, without what it was given.
static void wind(int seconds)
{
	const struct itimerval timer = {.it_value = {.tv_sec = seconds}};
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void on_take(struct local_pipe *p, const struct hz_local_take *take, int fd)
{
	struct hz_local_taken taken = {.id = take->id};
	char *text = NULL;
	size_t bytes = 0;
	int list = -1;
	struct hz_taking t = {
	    .local = p->local, .json = open_memstream(&text, &bytes), .between = get_some, .ctx = p};
	if (t.json)
		fputs("{\"state\":\"done\",\"items\":[", t.json);
	wind(TAKE_S);
	hz_take_file(take, fd, &t);
	wind(0);
	if (t.json) {
		fputs("]}", t.json);
		if (fclose(t.json) == 0 && hz_memfd_from("taken", text, bytes, &list) == 0)
			taken.bytes = bytes;
	}
	free(text);
	taken.result = t.last;
	taken.objects = t.objects;
	taken.stored = t.stored;
	hz_info("studies.taken", "objects=%u stored=%u last=%s", t.objects, t.stored,
	        hz_local_result_name(t.last));
	say(p, &taken, HZ_LOCAL_TAKEN, sizeof(taken), list);
	if (list >= 0)
		close(list);
}

// Bounded in time as what it begins is; what it says is lost where control does not take it, and said again.
static void tick(struct local_pipe *p)
{
	int64_t now_ms = wall_ms();
	struct hz_local_status status;
	if (!p->forward || (now_ms - p->ticked_ms < TICK_MS && now_ms >= p->ticked_ms))
		return;
	p->ticked_ms = now_ms;
	hz_local_turns_tick(p->turns);
	hz_forward_tick(p->forward, now_ms);
	if (now_ms - p->told_ms < STATUS_MS && now_ms >= p->told_ms)
		return;
	p->told_ms = now_ms;
	hz_forward_sum(p->forward, &status);
	status.h = (struct hz_dweb_header){
	    .version = HZ_DWEB_VERSION, .type = HZ_LOCAL_STATUS, .bytes = sizeof(status)};
	(void)hz_seqpacket_send(p->api, &status, sizeof(status));
}

static void on_message(struct local_pipe *p, size_t bytes, int fd)
{
	if (bytes < sizeof(in.h) || in.h.version != HZ_DWEB_VERSION)
		return;
	if (in.h.type == HZ_DWEB_SETUP && bytes == sizeof(in.setup))
		on_setup(p, &in.setup);
	else if (in.h.type == HZ_DWEB_GET && bytes == sizeof(in.get)) {
		wind(TAKE_S); // a stranger's file is opened, and videos are decoded, for these too
		on_get(p, &in.get);
		wind(0);
	} else if (in.h.type == HZ_DWEB_CANCEL && bytes == sizeof(in.cancel) && p->turns)
		hz_local_turns_cancel(p->turns, in.cancel.id);
	else if (in.h.type == HZ_LOCAL_TAKE && bytes == sizeof(in.take) && fd >= 0)
		on_take(p, &in.take, fd);
	else if (in.h.type == HZ_DWEB_SENT && bytes == sizeof(in.sent) && p->forward)
		hz_forward_sent(p->forward, &in.sent, wall_ms());
}

// One message; a broken one is passed over. -EPIPE: control is gone.
static int read_message(struct local_pipe *p)
{
	int fd = -1;
	const struct hz_seqpacket_in what = {.buf = &in, .cap = sizeof(in), .fds = &fd, .fds_cap = 1};
	size_t bytes = 0;
	unsigned count = 0;
	int err = hz_seqpacket_recv_fds(p->api, &what, &bytes, &count);
	if (!err)
		on_message(p, bytes, count ? fd : -1);
	if (!err && count)
		close(fd);
	return err == -EAGAIN || err == -EMSGSIZE || err == -ENOBUFS ? 0 : err;
}

int hz_local_pipe_run(int api, const int *turn, unsigned turns, int64_t keep_ms, bool shut_in)
{
	struct local_pipe p = {.api = api,
	                       .keep_ms = keep_ms,
	                       .shut_in = shut_in,
	                       .turn = turn,
	                       .turn_count = turns < HZ_TURN_MOST ? turns : HZ_TURN_MOST};
	const struct hz_dweb_header hello = {
	    .version = HZ_DWEB_VERSION, .type = HZ_DWEB_HELLO, .bytes = sizeof(hello)};
	struct pollfd wait[1 + HZ_TURN_MOST] = {{.fd = api, .events = POLLIN}};
	for (unsigned i = 0; i < p.turn_count; i++)
		wait[1 + i] = (struct pollfd){.fd = turn[i], .events = POLLIN};
	int err = hz_dicom_init();
	if (!err)
		err = hz_seqpacket_send(api, &hello, sizeof(hello));
	while (!err && !p.over) {
		// They say HELLO before there is a SETUP; it waits.
		if (poll(wait, p.turns ? 1 + p.turn_count : 1, TICK_MS) < 0)
			continue;
		tick(&p);
		if (wait[0].revents)
			err = read_message(&p);
		read_turns(&p); // also what was just asked for begins
	}
	hz_local_turns_free(p.turns);
	hz_forward_free(p.forward);
	hz_local_reader_free(p.reader);
	hz_local_close(p.local);
	return err == -EPIPE ? 0 : err;
}
