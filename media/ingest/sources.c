#include "media/ingest/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"

#define MESSAGES_A_TURN 16
#define TELL_US         100000
#define TICK_US         500000
#define PICTURE_US      1000000
#define SOCKET_BYTES    (256u << 10)

enum phase { WAITING, BOOTING, RUNNING, LEAVING }; // LEAVING: its socket is closed, the process not gone yet

struct source {
	bool used, gone, named; // gone: not wanted any more; named: in this RECONCILE
	struct hz_ingest_source_set set;
	enum phase phase;
	uint32_t running;    // version that its child has
	bool unsaid;         // the newest SET was not sent to it
	pid_t pid;           // 0: none
	int fd;              // -1: none
	int feed;            // that came with the newest SET; 0: none
	int64_t deadline_us; // of the phase
	int64_t again_us;    // pause after the next death
	int64_t told_us, picture_us;
	bool hung, tell;
	uint32_t restarts;
	struct hz_ingest_status status;
};

struct hz_sources {
	struct hz_sources_ops ops;
	struct source source[HZ_INGEST_SOURCES];
	bool reconciling;
	int handed; // 0: none
	uint8_t buf[HZ_INGEST_MAX_BYTES] __attribute__((aligned(8)));
};

int hz_sources_new(const struct hz_sources_ops *ops, struct hz_sources **ret)
{
	struct hz_sources *sources = calloc(1, sizeof(*sources));
	if (!sources)
		return -ENOMEM;
	sources->ops = *ops;
	for (unsigned i = 0; i < HZ_INGEST_SOURCES; i++)
		sources->source[i].fd = -1;
	*ret = sources;
	return 0;
}

static void forget(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->feed)
		close(s->feed);
	hz_wipe(s, sizeof(*s));
	s->fd = -1;
}

void hz_sources_free(struct hz_sources *sources)
{
	if (!sources)
		return;
	for (unsigned i = 0; i < HZ_INGEST_SOURCES; i++) {
		struct source *s = &sources->source[i];
		if (s->pid)
			sources->ops.kill(sources->ops.ctx, s->pid);
		forget(s);
	}
	hz_sources_hand(sources, 0);
	free(sources);
}

// --- children

static int say_set(const struct source *s, int fd)
{
	return s->feed ? hz_seqpacket_send_fds(fd, &s->set, sizeof(s->set), &s->feed, 1)
	               : hz_seqpacket_send(fd, &s->set, sizeof(s->set));
}

// Asks it to go: it takes its leave of the consult first.
static void dismiss(struct source *s, int64_t now_us)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (s->phase == BOOTING || s->phase == RUNNING) {
		s->phase = LEAVING;
		s->deadline_us = now_us + HZ_SOURCES_LEAVE_US;
	}
}

static void start(struct hz_sources *sources, struct source *s, int64_t now_us)
{
	int pair[2] = {-1, -1};
	int err = hz_seqpacket_pair(SOCKET_BYTES, pair);
	if (!err)
		err = say_set(s, pair[0]);
	if (!err)
		err = sources->ops.start(sources->ops.ctx, pair[1], &s->pid);
	if (pair[1] >= 0)
		close(pair[1]);
	if (err) {
		hz_error("ingest.start", "source=%u err=%d", s->set.source, -err);
		if (pair[0] >= 0)
			close(pair[0]);
		s->pid = 0;
		s->deadline_us = now_us + HZ_SOURCES_LATE_US;
		s->status.state = HZ_INGEST_RETRYING;
		s->status.reason = HZ_INGEST_INTERNAL;
		s->tell = true;
		return;
	}
	s->fd = pair[0];
	s->phase = BOOTING;
	s->running = s->set.version;
	s->unsaid = s->hung = false;
	s->deadline_us = now_us + HZ_SOURCES_BOOT_US;
}

void hz_sources_ended(struct hz_sources *sources, pid_t pid, int64_t now_us)
{
	for (unsigned i = 0; i < HZ_INGEST_SOURCES; i++) {
		struct source *s = &sources->source[i];
		if (!s->used || s->pid != pid || !pid)
			continue;
		s->pid = 0;
		if (s->fd >= 0)
			close(s->fd);
		s->fd = -1;
		if (s->gone) {
			forget(s);
			return;
		}
		s->phase = WAITING;
		s->deadline_us = now_us;
		if (s->running != s->set.version)
			return; // it was asked to go
		s->restarts++;
		s->deadline_us = now_us + s->again_us;
		s->again_us = s->again_us * 2 < HZ_SOURCES_LATE_US ? s->again_us * 2 : HZ_SOURCES_LATE_US;
		s->status.state = HZ_INGEST_RETRYING;
		s->status.reason = s->hung ? HZ_INGEST_HUNG : HZ_INGEST_CRASHED;
		s->status.bitrate = s->status.rate = 0;
		s->tell = true;
		hz_warn("ingest.died", "source=%u hung=%d restarts=%u", s->set.source, s->hung, s->restarts);
		return;
	}
}

// --- control's commands

static struct source *find(struct hz_sources *sources, uint32_t id)
{
	for (unsigned i = 0; i < HZ_INGEST_SOURCES; i++)
		if (sources->source[i].used && !sources->source[i].gone &&
		    sources->source[i].set.source == id)
			return &sources->source[i];
	return NULL;
}

static bool terminated(const char *text, size_t bytes)
{
	return memchr(text, '\0', bytes);
}

static int set(struct hz_sources *sources, const struct hz_ingest_source_set *wish, int64_t now_us)
{
	if (!wish->source || wish->network_count > HZ_INGEST_NETWORKS || wish->sync_ms > HZ_INGEST_SYNC_MS ||
	    !terminated(wish->url, sizeof(wish->url)) || !terminated(wish->whip, sizeof(wish->whip)) ||
	    !terminated(wish->token, sizeof(wish->token)) || !terminated(wish->folder, sizeof(wish->folder)))
		return -EINVAL;
	struct source *s = find(sources, wish->source);
	for (unsigned i = 0; !s && i < HZ_INGEST_SOURCES; i++) {
		if (sources->source[i].used)
			continue;
		s = &sources->source[i];
		*s = (struct source){.used = true, .fd = -1, .again_us = HZ_SOURCES_AGAIN_US, .tell = true};
		s->deadline_us = now_us;
		s->status.source = wish->source;
	}
	if (!s)
		return -ENOSPC;
	s->set = *wish;
	if (s->feed)
		close(s->feed);
	s->feed = wish->feed ? sources->handed : 0;
	sources->handed = s->feed ? 0 : sources->handed;
	s->named = s->unsaid = true;
	if (s->phase != WAITING && s->running != wish->version)
		dismiss(s, now_us);
	return 0;
}

static void unset(struct hz_sources *sources, struct source *s, int64_t now_us)
{
	s->gone = true;
	dismiss(s, now_us);
	if (!s->pid)
		forget(s);
}

static void sweep(struct hz_sources *sources, int64_t now_us)
{
	for (unsigned i = 0; i < HZ_INGEST_SOURCES; i++) {
		struct source *s = &sources->source[i];
		if (s->used && !s->gone && !s->named)
			unset(sources, s, now_us);
	}
}

void hz_sources_hand(struct hz_sources *sources, int fd)
{
	if (sources->handed)
		close(sources->handed);
	sources->handed = fd;
}

static int command(struct hz_sources *sources, const void *message, size_t bytes, int64_t now_us)
{
	const struct hz_msg_header *h = message;
	const struct hz_ingest_source_del *del = message;
	struct source *s;
	if (bytes < sizeof(*h) || h->version != HZ_INGEST_API_VERSION || h->bytes != bytes)
		return -EINVAL;
	switch (h->type) {
	case HZ_INGEST_RECONCILE_BEGIN:
		for (unsigned i = 0; i < HZ_INGEST_SOURCES; i++)
			sources->source[i].named = false;
		sources->reconciling = true;
		return 0;
	case HZ_INGEST_RECONCILE_END:
		if (sources->reconciling)
			sweep(sources, now_us);
		sources->reconciling = false;
		return 0;
	case HZ_INGEST_SOURCE_SET:
		return bytes == sizeof(struct hz_ingest_source_set) ? set(sources, message, now_us) : -EINVAL;
	case HZ_INGEST_SOURCE_DEL:
		if (bytes != sizeof(*del))
			return -EINVAL;
		s = find(sources, del->source);
		if (!s)
			return -ENOENT;
		unset(sources, s, now_us);
		return 0;
	default:
		return -EINVAL;
	}
}

int hz_sources_command(struct hz_sources *sources, const void *message, size_t bytes, int64_t now_us)
{
	int err = command(sources, message, bytes, now_us);
	hz_sources_hand(sources, 0); // nobody took it
	return err;
}

// --- what children say

static void on_status(struct source *s, const struct hz_ingest_status *m)
{
	struct hz_ingest_status status = *m;
	if (status.state >= HZ_INGEST_STATE_COUNT || status.reason >= HZ_INGEST_REASON_COUNT ||
	    status.video >= HZ_CODEC_COUNT || status.audio >= HZ_CODEC_COUNT)
		return;
	for (unsigned i = 0; i < sizeof(status.name); i++) // it goes into JSON
		if (status.name[i] && (status.name[i] < '!' || status.name[i] > '~'))
			status.name[i] = '?';
	status.name[sizeof(status.name) - 1] = '\0';
	status.source = s->set.source;
	s->status = status;
	s->tell = true;
	if (status.state == HZ_INGEST_LIVE)
		s->again_us = HZ_SOURCES_AGAIN_US;
}

static void on_picture(struct hz_sources *sources, struct source *s, size_t bytes, int64_t now_us)
{
	struct hz_ingest_picture *m = (void *)sources->buf;
	const uint8_t *jpeg = sources->buf + sizeof(*m);
	if (m->bytes > HZ_INGEST_PICTURE_BYTES || bytes != sizeof(*m) + m->bytes || m->bytes < 4 ||
	    jpeg[0] != 0xff || jpeg[1] != 0xd8 || now_us - s->picture_us < PICTURE_US)
		return;
	s->picture_us = now_us;
	m->source = s->set.source;
	sources->ops.say(sources->ops.ctx, &m->h, HZ_INGEST_PICTURE, bytes);
}

static void read_child(struct hz_sources *sources, struct source *s, int64_t now_us)
{
	for (unsigned n = 0; n < MESSAGES_A_TURN && s->fd >= 0; n++) {
		const struct hz_msg_header *h = (const void *)sources->buf;
		size_t bytes = 0;
		int err = hz_seqpacket_recv(s->fd, sources->buf, sizeof(sources->buf), &bytes);
		if (err == -EAGAIN)
			return;
		if (err == -EMSGSIZE || (!err && (bytes < sizeof(*h) || h->bytes != bytes)))
			continue;
		if (err) { // it is going
			dismiss(s, now_us);
			return;
		}
		s->phase = RUNNING;
		s->deadline_us = now_us + HZ_SOURCES_HANG_US;
		if (h->type == HZ_INGEST_STATUS && bytes == sizeof(struct hz_ingest_status))
			on_status(s, (const void *)sources->buf);
		else if (h->type == HZ_INGEST_PICTURE && bytes >= sizeof(struct hz_ingest_picture))
			on_picture(sources, s, bytes, now_us);
	}
}

unsigned hz_sources_fds(struct hz_sources *sources, struct pollfd *fds)
{
	unsigned n = 0;
	for (unsigned i = 0; i < HZ_INGEST_SOURCES; i++)
		if (sources->source[i].fd >= 0)
			fds[n++] = (struct pollfd){.fd = sources->source[i].fd, .events = POLLIN};
	return n;
}

void hz_sources_read(struct hz_sources *sources, const struct pollfd *fds, unsigned count, int64_t now_us)
{
	for (unsigned i = 0; i < count; i++) {
		for (unsigned k = 0; fds[i].revents && k < HZ_INGEST_SOURCES; k++) {
			if (sources->source[k].fd == fds[i].fd)
				read_child(sources, &sources->source[k], now_us);
		}
	}
}

// --- time

static void tell(struct hz_sources *sources, struct source *s, int64_t now_us)
{
	if (!s->tell || s->gone || now_us - s->told_us < TELL_US)
		return;
	s->tell = false;
	s->told_us = now_us;
	struct hz_ingest_status m = s->status;
	m.restarts = s->restarts;
	sources->ops.say(sources->ops.ctx, &m.h, HZ_INGEST_STATUS, sizeof(m));
}

static void tick_source(struct hz_sources *sources, struct source *s, int64_t now_us)
{
	bool due = now_us >= s->deadline_us;
	if (s->phase == WAITING && due) {
		start(sources, s, now_us);
	} else if (s->phase != WAITING && due && s->pid) {
		s->hung |= s->phase != LEAVING;
		s->deadline_us = now_us + HZ_SOURCES_LEAVE_US;
		hz_warn("ingest.kill", "source=%u", s->set.source);
		sources->ops.kill(sources->ops.ctx, s->pid);
	}
	if (s->unsaid && s->phase == RUNNING && say_set(s, s->fd) != -EAGAIN)
		s->unsaid = false;
	tell(sources, s, now_us);
}

int64_t hz_sources_tick(struct hz_sources *sources, int64_t now_us)
{
	int64_t next_us = INT64_MAX;
	for (unsigned i = 0; i < HZ_INGEST_SOURCES; i++) {
		struct source *s = &sources->source[i];
		if (!s->used)
			continue;
		tick_source(sources, s, now_us);
		int64_t due_us =
		    s->tell && s->told_us + TELL_US < s->deadline_us ? s->told_us + TELL_US : s->deadline_us;
		if (s->unsaid && due_us > now_us + TICK_US)
			due_us = now_us + TICK_US;
		next_us = due_us < next_us ? due_us : next_us;
	}
	return next_us;
}
