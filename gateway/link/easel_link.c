#include "gateway/link/easel_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/link/pipe_link.h"

#define DEADLY 16u

struct hz_easel_link {
	struct hz_pipe_link pipe;
	const struct hz_easel_link_ops *ops;
	void *ctx;
	struct hz_live_status status;
	struct hz_live_ref trying; // study "": nothing
	char deadly[DEADLY][HZ_LIVE_UID_BYTES];
	unsigned deaths;
};

static const struct hz_pipe_api api;

int hz_easel_link_new(int fd, const struct hz_easel_link_ops *ops, void *ctx, struct hz_easel_link **ret)
{
	struct hz_easel_link *link = calloc(1, sizeof(*link));
	int err = link ? hz_pipe_link_init(&link->pipe, &api, fd, link) : -ENOMEM;
	if (err) {
		free(link);
		return err;
	}
	link->ops = ops;
	link->ctx = ctx;
	hz_pipe_link_resume(&link->pipe); // one that runs already says no HELLO
	*ret = link;
	return 0;
}

void hz_easel_link_free(struct hz_easel_link *link)
{
	if (link)
		hz_pipe_link_done(&link->pipe);
	free(link);
}

// --- wishes

int hz_easel_link_set(struct hz_easel_link *link, const struct hz_msg_header *message, uint16_t type)
{
	return hz_pipe_link_set(&link->pipe, message, type);
}

static unsigned class_of(const struct hz_easel_link *link, const struct hz_pipe_wish *w)
{
	return link->pipe.api->classes[w->class].set;
}

// There were more rooms than it takes, and one has gone: whoever was left out is said again, with all that is in it.
static void say_all_again(struct hz_easel_link *link)
{
	struct hz_pipe_wish *w;
	uint32_t at = 0;
	unsigned rooms = 0;
	while ((w = hz_map_next(link->pipe.wishes, &at)))
		rooms += class_of(link, w) == HZ_LIVE_ROOM_SET && !w->gone;
	at = 0;
	while (rooms >= HZ_LIVE_ROOMS && (w = hz_map_next(link->pipe.wishes, &at)))
		hz_pipe_link_again(&link->pipe, w);
}

int hz_easel_link_del(struct hz_easel_link *link, uint16_t set_type, uint32_t id)
{
	int err = hz_pipe_link_del(&link->pipe, set_type, &id);
	if (!err && set_type == HZ_LIVE_ROOM_SET)
		say_all_again(link);
	return err;
}

void hz_easel_link_sweep_marks(struct hz_easel_link *link, uint32_t of,
                               bool (*keep)(void *ctx, uint32_t mark), void *ctx)
{
	struct hz_pipe_wish *w;
	uint32_t at = 0;
	while ((w = hz_map_next(link->pipe.wishes, &at))) {
		if (class_of(link, w) != HZ_LIVE_MARK_SET || w->id[0] != of || w->gone || keep(ctx, w->id[1]))
			continue;
		w->gone = true;
		hz_pipe_link_again(&link->pipe, w);
	}
}

bool hz_easel_link_deadly(const struct hz_easel_link *link, const struct hz_live_ref *what)
{
	unsigned times = 0; // once may be somebody else's doing
	for (unsigned i = 0; i < DEADLY && what->instance[0]; i++)
		times += strcmp(link->deadly[i], what->instance) == 0;
	return times > 1;
}

// --- out

int hz_easel_link_give(struct hz_easel_link *link, uint64_t id, uint32_t result, int fd)
{
	struct hz_live_give give = {.id = id, .result = result};
	int err = hz_pipe_link_send(&link->pipe, &give.h, HZ_LIVE_GIVE, sizeof(give), fd >= 0 ? &fd : NULL);
	if (fd >= 0)
		close(fd);
	return err;
}

struct hz_pipe_link *hz_easel_link_pipe(struct hz_easel_link *link)
{
	return link ? &link->pipe : NULL;
}

// --- in

static void on_hello(void *ctx, const void *message)
{
	struct hz_easel_link *link = ctx;
	if (link->trying.study[0]) { // it died of that
		memcpy(link->deadly[link->deaths++ % DEADLY], link->trying.instance, HZ_LIVE_UID_BYTES);
		hz_warn("easel.deadly", "deaths=%u", link->deaths);
	}
	link->trying = (struct hz_live_ref){0};
	link->status = (struct hz_live_status){0};
	hz_pipe_link_hello(&link->pipe);
	link->ops->on_hello(link->ctx);
}

static void on_status(void *ctx, const void *message)
{
	struct hz_easel_link *link = ctx;
	memcpy(&link->status, message, sizeof(link->status));
	link->ops->on_status(link->ctx);
}

static bool ended(const struct hz_live_ref *ref)
{
	const size_t n = HZ_LIVE_UID_BYTES;
	return memchr(ref->pacs, '\0', n) && memchr(ref->study, '\0', n) && memchr(ref->series, '\0', n) &&
	       memchr(ref->instance, '\0', n);
}

static void on_want(void *ctx, const void *message)
{
	struct hz_easel_link *link = ctx;
	const struct hz_live_want *want = message;
	if (ended(&want->what))
		link->ops->on_want(link->ctx, want);
}

static void on_try(void *ctx, const void *message)
{
	struct hz_easel_link *link = ctx;
	const struct hz_live_try *try = message;
	if (ended(&try->what))
		link->trying = try->what;
}

static const struct hz_pipe_in in[] = {
    {HZ_LIVE_HELLO, false, sizeof(struct hz_live_hello), on_hello},
    {HZ_LIVE_STATUS, false, sizeof(struct hz_live_status), on_status},
    {HZ_LIVE_WANT, false, sizeof(struct hz_live_want), on_want},
    {HZ_LIVE_TRY, false, sizeof(struct hz_live_try), on_try},
    {0},
};

static const struct hz_pipe_class classes[HZ_PIPE_CLASSES] = {
    {HZ_LIVE_ROOM_SET, HZ_LIVE_ROOM_DEL, sizeof(struct hz_live_room_set), sizeof(struct hz_live_del), 1},
    {HZ_LIVE_RENDITION_SET, HZ_LIVE_RENDITION_DEL, sizeof(struct hz_live_rendition_set),
     sizeof(struct hz_live_del), 1},
    {HZ_LIVE_MARK_SET, HZ_LIVE_MARK_DEL, sizeof(struct hz_live_mark_set), sizeof(struct hz_live_mark_del),
     2}, // its consult, and its own number
};

static const struct hz_pipe_api api = {
    .strange = "easel.message",
    .version = HZ_LIVE_API_VERSION,
    .begin = HZ_LIVE_BEGIN,
    .end = HZ_LIVE_END,
    .messages_a_call = 64,
    .in = in,
    .classes = classes,
    // Twice what a process takes: what it leaves out is remembered, too.
    .wishes_most = 2 * HZ_LIVE_ROOMS * (1 + HZ_LIVE_RENDITIONS + HZ_LIVE_MARKS),
};

int hz_easel_link_read(struct hz_easel_link *link)
{
	_Alignas(8) uint8_t buf[HZ_LIVE_MESSAGE_MOST];
	return hz_pipe_link_read(&link->pipe, buf, sizeof(buf));
}

const struct hz_live_status *hz_easel_link_status(const struct hz_easel_link *link)
{
	return &link->status;
}
