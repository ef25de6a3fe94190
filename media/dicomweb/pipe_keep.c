#include "media/dicomweb/pipe_keep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/seqpacket.h"
#include "media/dicomweb/keep_spool.h"
#include "media/imaging/shown.h"

#define SEND_TRIES    100
#define SEND_PAUSE_US 10000

static void send_kept(struct hz_pipe_keep *p, struct hz_dweb_kept *kept)
{
	kept->h =
	    (struct hz_dweb_header){.version = HZ_DWEB_VERSION, .type = HZ_DWEB_KEPT, .bytes = sizeof(*kept)};
	for (int i = 0; i < SEND_TRIES; i++) {
		int err = hz_seqpacket_send(p->api, kept, sizeof(*kept));
		if (err != -EAGAIN) {
			*p->over = *p->over || err == -EPIPE;
			return;
		}
		usleep(SEND_PAUSE_US);
	}
}

static void on_news(void *ctx, const struct hz_keep_news *news)
{
	struct hz_dweb_kept kept = {.state = HZ_DWEB_NEWS, .result = news->result};
	snprintf(kept.consult, sizeof(kept.consult), "%s", news->consult);
	snprintf(kept.pacs, sizeof(kept.pacs), "%s", news->pacs);
	snprintf(kept.study, sizeof(kept.study), "%s", news->study);
	send_kept(ctx, &kept);
}

void hz_pipe_keep_open(struct hz_pipe_keep *p, const char *dir, struct hz_dweb_fetch *fetch)
{
	char path[HZ_DWEB_TEXT_BYTES + 8];
	snprintf(path, sizeof(path), "%s/kept", dir);
	int err = p->keep ? 0 : hz_shown_init();
	if (!err && !p->keep)
		err = hz_keep_new(path, fetch, on_news, p, &p->keep);
	if (err)
		hz_error("keep.open", "err=%d", -err);
}

void hz_pipe_keep_order(struct hz_pipe_keep *p, const struct hz_dweb_keep *keep, int fd)
{
	struct hz_dweb_kept kept = {.id = keep->id, .state = HZ_DWEB_NOT_TAKEN};
	char *text = NULL;
	size_t bytes = 0;
	int err = fd >= 0 && p->keep ? hz_memfd_read(fd, HZ_KEEP_FILE_BYTES, &text, &bytes) : -EBADF;
	if (!err)
		err = hz_keep_put(p->keep, text, bytes);
	if (err)
		hz_error("keep.refused", "err=%d", -err);
	free(text);
	kept.state = err ? HZ_DWEB_NOT_TAKEN : HZ_DWEB_TAKEN;
	kept.result = !err             ? HZ_DWEB_OK
	              : err == -ENOSPC ? HZ_DWEB_FULL
	              : err == -EINVAL ? HZ_DWEB_BROKEN
	                               : HZ_DWEB_DISK;
	send_kept(p, &kept);
}

bool hz_pipe_keep_owns(const struct hz_dweb_answer *answer)
{
	return answer->waiters && answer->waiter[0] == HZ_KEEP_WAITER;
}

void hz_pipe_keep_answer(struct hz_pipe_keep *p, const struct hz_dweb_answer *answer,
                         enum hz_dweb_result result, const char *data, size_t bytes)
{
	for (unsigned i = 0; i < answer->waiters; i++) {
		if (answer->waiter[i] == HZ_KEEP_WAITER && p->keep)
			hz_keep_answer(p->keep, result, data, bytes);
	}
}

bool hz_pipe_keep_due(const struct hz_pipe_keep *p)
{
	return p->keep && p->ready && hz_keep_waiting(p->keep) > 0;
}

void hz_pipe_keep_tick(struct hz_pipe_keep *p)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (hz_pipe_keep_due(p))
		hz_keep_tick(p->keep, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}
