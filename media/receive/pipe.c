#include "media/receive/pipe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/sandbox.h"
#include "gateway/base/seqpacket.h"
#include "media/ingest/allow.h"
#include "media/receive/api.h"
#include "media/receive/assoc.h"

#define SILENCE_US   30000000
#define ANSWER_US    60000000
#define MOST_US      3600000000
#define TICK_MS      1000
#define FILES        1024 // beside our own few: the kernel counts those that all of us have under way, too
#define MEMORY_BYTES ((uint64_t)1 << 30)

struct caller {
	struct hz_assoc *assoc; // NULL: free
	int fd;
	uint64_t offer; // 0: none
	struct in6_addr address;
	int64_t began_us, heard_us;
};

struct receive_pipe {
	int api, listener;
	bool shut_in, over;
	uint64_t next_offer;
	struct hz_receive_setup setup;
	struct hz_assoc_config config;
	struct caller caller[HZ_RECEIVE_AT_ONCE];
};

static void hang_up(struct receive_pipe *p, struct caller *c, const char *why)
{
	hz_info("receive.ended", "why=%s objects=%u", why, c->assoc->objects);
	(void)p;
	hz_assoc_free(c->assoc);
	close(c->fd);
	*c = (struct caller){.fd = -1};
}

// --- control

static int open_port(struct receive_pipe *p)
{
	const struct sockaddr_in6 any = {
	    .sin6_family = AF_INET6, .sin6_port = htons(p->setup.port), .sin6_addr = IN6ADDR_ANY_INIT};
	const struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(p->setup.port)};
	const int on = 1, off = 0;
	bool six = true;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) { // a kernel without IPv6
		six = false;
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (six)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, six ? (const struct sockaddr *)&any : (const struct sockaddr *)&any4,
	         six ? sizeof(any) : sizeof(any4)) < 0 ||
	    listen(fd, 16) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	p->listener = fd;
	return 0;
}

static int enter(struct receive_pipe *p)
{
	static const char *const readable[] = {"/dev/null", "/etc/localtime", NULL};
	const struct hz_sandbox sandbox = {.folder = p->setup.dir,
	                                   .memory_bytes = MEMORY_BYTES,
	                                   .file_bytes = UINT64_MAX, // the log is perhaps a file
	                                   .files = FILES,
	                                   .loop = true,
	                                   .network = true,
	                                   .read = readable};
	return p->shut_in ? hz_sandbox_enter(&sandbox) : 0;
}

static void on_setup(struct receive_pipe *p, const struct hz_receive_setup *setup)
{
	bool good =
	    memchr(setup->title, 0, sizeof(setup->title)) && memchr(setup->dir, 0, sizeof(setup->dir)) &&
	    memchr(setup->callers, 0, sizeof(setup->callers)) && setup->networks <= HZ_INGEST_NETWORKS;
	if (!good || p->listener >= 0)
		return;
	p->setup = *setup;
	memcpy(p->config.title, setup->title, sizeof(p->config.title));
	memcpy(p->config.callers, setup->callers, sizeof(p->config.callers));
	p->config.dir = p->setup.dir;
	int err = mkdir(setup->dir, 0700) < 0 && errno != EEXIST ? -errno : open_port(p);
	if (!err)
		err = enter(p);
	if (err) {
		hz_error("receive.start", "port=%u err=%d", setup->port, -err);
		poll(NULL, 0, 5000); // the supervisor starts us again: perhaps somebody else leaves the port
		p->over = true;
		return;
	}
	hz_info("receive.ready", "port=%u", setup->port);
}

static void read_control(struct receive_pipe *p)
{
	static union {
		struct hz_receive_header h;
		struct hz_receive_setup setup;
		struct hz_receive_result result;
	} in;
	size_t bytes = 0;
	int err = hz_seqpacket_recv(p->api, &in, sizeof(in), &bytes);
	p->over = p->over || err == -EPIPE;
	if (err || bytes < sizeof(in.h) || in.h.version != HZ_RECEIVE_VERSION)
		return;
	if (in.h.type == HZ_RECEIVE_SETUP && bytes == sizeof(in.setup))
		on_setup(p, &in.setup);
	if (in.h.type != HZ_RECEIVE_RESULT || bytes != sizeof(in.result) || !in.result.id)
		return;
	for (struct caller *c = p->caller; c < p->caller + HZ_RECEIVE_AT_ONCE; c++) {
		if (!c->assoc || c->offer != in.result.id)
			continue;
		c->offer = 0;
		c->heard_us = hz_now_us();
		hz_assoc_answer(c->assoc, (uint16_t)in.result.status);
	}
}

static void offer(struct receive_pipe *p, struct caller *c)
{
	struct hz_receive_offer message = {
	    .h = {.version = HZ_RECEIVE_VERSION, .type = HZ_RECEIVE_OFFER, .bytes = sizeof(message)},
	    .id = ++p->next_offer};
	int err = hz_seqpacket_send_fds(p->api, &message, sizeof(message), &c->assoc->file, 1);
	p->over = p->over || err == -EPIPE;
	c->offer = err ? 0 : message.id;
	if (err)
		hz_assoc_answer(c->assoc, 0xa700);
}

// --- callers

static void take_caller(struct receive_pipe *p)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	struct caller *free_one = NULL;
	struct in6_addr address = IN6ADDR_ANY_INIT;
	unsigned own = 0;
	int fd = accept4(p->listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (from.ss_family == AF_INET6)
		address = ((const struct sockaddr_in6 *)&from)->sin6_addr;
	else
		memcpy(&address, &((const struct sockaddr_in *)&from)->sin_addr, 4);
	for (struct caller *c = p->caller; c < p->caller + HZ_RECEIVE_AT_ONCE; c++) {
		own += c->assoc && memcmp(&c->address, &address, sizeof(address)) == 0;
		free_one = c->assoc ? free_one : c;
	}
	struct hz_assoc *assoc = NULL;
	bool allowed = hz_ingest_allowed(p->setup.network, p->setup.networks, (const struct sockaddr *)&from);
	if (!allowed || !free_one || own >= HZ_RECEIVE_EACH || hz_assoc_new(&p->config, &assoc)) {
		hz_info("receive.refused", "why=%s", allowed ? "too_many" : "network");
		close(fd);
		return;
	}
	*free_one = (struct caller){
	    .assoc = assoc, .fd = fd, .address = address, .began_us = hz_now_us(), .heard_us = hz_now_us()};
}

// false: the connection is over.
static bool send_out(struct caller *c)
{
	struct hz_assoc *a = c->assoc;
	while (a->out_bytes) {
		ssize_t n = send(c->fd, a->out, a->out_bytes, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		hz_assoc_sent(a, (size_t)n);
	}
	return a->state != HZ_ASSOC_ENDING;
}

static bool read_in(struct caller *c)
{
	uint8_t *at;
	size_t room = hz_assoc_room(c->assoc, &at);
	if (!room)
		return true;
	ssize_t n = recv(c->fd, at, room, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n > 0) {
		c->heard_us = hz_now_us();
		hz_assoc_got(c->assoc, (size_t)n);
	}
	return n > 0;
}

static void serve(struct receive_pipe *p, struct caller *c, short events)
{
	int64_t now_us = hz_now_us();
	if ((events & (POLLIN | POLLHUP | POLLERR)) && !read_in(c) && c->assoc->state != HZ_ASSOC_ENDING) {
		hang_up(p, c, "gone");
		return;
	}
	if (c->assoc->state == HZ_ASSOC_OFFERED && !c->offer)
		offer(p, c);
	bool late = now_us - c->heard_us > (c->offer ? ANSWER_US : SILENCE_US);
	if (c->offer && late) {
		c->offer = 0;
		hz_assoc_answer(c->assoc, 0x0110);
	} else if (late || now_us - c->began_us > MOST_US) {
		hz_assoc_abort(c->assoc, 0);
		(void)send_out(c);
		hang_up(p, c, "late");
		return;
	}
	if (!send_out(c))
		hang_up(p, c, "over");
}

static void wait_once(struct receive_pipe *p)
{
	struct pollfd fds[2 + HZ_RECEIVE_AT_ONCE];
	fds[0] = (struct pollfd){.fd = p->api, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = p->listener, .events = POLLIN};
	for (unsigned i = 0; i < HZ_RECEIVE_AT_ONCE; i++) {
		const struct caller *c = &p->caller[i];
		bool reads =
		    c->assoc && (c->assoc->state == HZ_ASSOC_NEW || c->assoc->state == HZ_ASSOC_OPEN);
		bool writes = c->assoc && c->assoc->out_bytes;
		// One whose object is looked at is left alone: poll would not sleep on one that hung up.
		fds[2 + i] =
		    (struct pollfd){.fd = reads || writes ? c->fd : -1,
		                    .events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0))};
	}
	if (poll(fds, 2 + HZ_RECEIVE_AT_ONCE, TICK_MS) < 0)
		return;
	if (fds[0].revents)
		read_control(p);
	for (unsigned i = 0; i < HZ_RECEIVE_AT_ONCE; i++) {
		if (p->caller[i].assoc)
			serve(p, &p->caller[i], fds[2 + i].revents);
	}
	if (fds[1].revents)
		take_caller(p);
}

int hz_receive_pipe_run(int api, bool shut_in)
{
	static struct receive_pipe pipe;
	const struct hz_receive_header hello = {
	    .version = HZ_RECEIVE_VERSION, .type = HZ_RECEIVE_HELLO, .bytes = sizeof(hello)};
	pipe = (struct receive_pipe){.api = api, .listener = -1, .shut_in = shut_in};
	// Control may have answers to the offers of one of before us.
	pipe.next_offer = (uint64_t)hz_now_us() << 8;
	for (unsigned i = 0; i < HZ_RECEIVE_AT_ONCE; i++)
		pipe.caller[i].fd = -1;
	int err = hz_seqpacket_send(api, &hello, sizeof(hello));
	while (!err && !pipe.over)
		wait_once(&pipe);
	for (unsigned i = 0; i < HZ_RECEIVE_AT_ONCE; i++) {
		if (pipe.caller[i].assoc)
			hang_up(&pipe, &pipe.caller[i], "end");
	}
	if (pipe.listener >= 0)
		close(pipe.listener);
	return err == -EPIPE ? 0 : err;
}
