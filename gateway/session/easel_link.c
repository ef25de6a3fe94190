#include "gateway/session/easel_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/base/seqpacket.h"

#define MESSAGES_A_CALL 64
// Twice what a process takes: what it leaves out is remembered, too.
#define WISHES_MAX (2 * HZ_LIVE_ROOMS * (1 + HZ_LIVE_RENDITIONS + HZ_LIVE_MARKS))
#define DEADLY     16u

// In the order in which they must be said.
static const struct class
{
	uint16_t set, del;
	size_t bytes;
} classes[] = {
    {HZ_LIVE_ROOM_SET, HZ_LIVE_ROOM_DEL, sizeof(struct hz_live_room_set)},
    {HZ_LIVE_RENDITION_SET, HZ_LIVE_RENDITION_DEL, sizeof(struct hz_live_rendition_set)},
    {HZ_LIVE_MARK_SET, HZ_LIVE_MARK_DEL, sizeof(struct hz_live_mark_set)},
};
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

union set {
	struct hz_msg_header h;
	struct hz_live_room_set room;
	struct hz_live_rendition_set rendition;
	struct hz_live_mark_set mark;
};

struct wish {
	uint32_t of, id;
	uint8_t class;
	bool unsaid, gone;
	struct hz_msg_header *set; // owned: classes[class].bytes
};

struct hz_easel_link {
	int fd;
	const struct hz_easel_link_ops *ops;
	void *ctx;
	struct hz_map *wishes;
	bool begin_unsaid, end_unsaid;
	uint32_t seq;
	unsigned unsaid; // wishes that wait
	struct hz_live_status status;
	struct hz_live_ref trying; // study "": nothing
	char deadly[DEADLY][HZ_LIVE_UID_BYTES];
	unsigned deaths;
};

int hz_easel_link_new(int fd, const struct hz_easel_link_ops *ops, void *ctx, struct hz_easel_link **ret)
{
	struct hz_easel_link *link = calloc(1, sizeof(*link));
	int err = link ? hz_map_new(WISHES_MAX, &link->wishes) : -ENOMEM;
	if (err) {
		free(link);
		return err;
	}
	link->fd = fd;
	link->ops = ops;
	link->ctx = ctx;
	link->begin_unsaid = link->end_unsaid = true; // one that runs already says no HELLO
	*ret = link;
	return 0;
}

static uint64_t key_of(unsigned class, uint32_t of, uint32_t id)
{
	return (uint64_t) class << 62 | (uint64_t)(of & 0x3fffffffu) << 32 | id;
}

static void forget(struct hz_easel_link *link, struct wish *w)
{
	hz_map_del_u64(link->wishes, key_of(w->class, w->of, w->id));
	link->unsaid -= w->unsaid;
	free(w->set);
	free(w);
}

void hz_easel_link_free(struct hz_easel_link *link)
{
	struct wish *w;
	uint32_t at = 0;
	if (!link)
		return;
	while (at = 0, (w = hz_map_next(link->wishes, &at)))
		forget(link, w);
	hz_map_free(link->wishes);
	free(link);
}

// --- wishes

static void say_later(struct hz_easel_link *link, struct wish *w)
{
	link->unsaid += !w->unsaid;
	w->unsaid = true;
}

static int class_of(uint16_t type)
{
	for (unsigned i = 0; i < CLASSES; i++) {
		if (classes[i].set == type)
			return (int)i;
	}
	return -1;
}

static int wish_new(struct hz_easel_link *link, unsigned class, uint32_t of, uint32_t id, struct wish **ret)
{
	struct wish *w = calloc(1, sizeof(*w));
	int err = w && (w->set = calloc(1, classes[class].bytes)) ? 0 : -ENOMEM;
	if (!err)
		err = hz_map_set_u64(link->wishes, key_of(class, of, id), w);
	if (err) {
		free(w ? w->set : NULL);
		free(w);
		return err;
	}
	w->class = (uint8_t) class;
	w->of = of;
	w->id = id;
	*ret = w;
	return 0;
}

int hz_easel_link_set(struct hz_easel_link *link, void *message, uint16_t type)
{
	const size_t head = sizeof(struct hz_msg_header);
	const union set *set = message;
	int class = class_of(type);
	if (class < 0)
		return -EINVAL;
	bool mark = type == HZ_LIVE_MARK_SET;
	// Each begins with its id, a mark with its consult's
	uint32_t of = mark ? set->mark.consult : 0, id = mark ? set->mark.mark : set->room.consult;
	struct wish *w = hz_map_get_u64(link->wishes, key_of((unsigned)class, of, id));
	const size_t bytes = classes[class].bytes - head;
	if (w && !w->gone && memcmp((uint8_t *)w->set + head, (uint8_t *)message + head, bytes) == 0)
		return 0;
	if (!w) {
		int err = wish_new(link, (unsigned)class, of, id, &w);
		if (err)
			return err;
	}
	memcpy((uint8_t *)w->set + head, (uint8_t *)message + head, bytes);
	w->gone = false;
	say_later(link, w);
	return 0;
}

// There were more rooms than it takes, and one has gone: whoever was left out is said again, with all that is in it.
static void say_all_again(struct hz_easel_link *link)
{
	struct wish *w;
	uint32_t at = 0;
	unsigned rooms = 0;
	while ((w = hz_map_next(link->wishes, &at)))
		rooms += classes[w->class].set == HZ_LIVE_ROOM_SET && !w->gone;
	at = 0;
	while (rooms >= HZ_LIVE_ROOMS && (w = hz_map_next(link->wishes, &at)))
		say_later(link, w);
}

int hz_easel_link_del(struct hz_easel_link *link, uint16_t set_type, uint32_t of, uint32_t id)
{
	int class = class_of(set_type);
	struct wish *w = class < 0 ? NULL : hz_map_get_u64(link->wishes, key_of((unsigned)class, of, id));
	if (!w || w->gone)
		return -ENOENT;
	w->gone = true;
	say_later(link, w);
	if (set_type == HZ_LIVE_ROOM_SET)
		say_all_again(link);
	return 0;
}

void hz_easel_link_sweep_marks(struct hz_easel_link *link, uint32_t of,
                               bool (*keep)(void *ctx, uint32_t mark), void *ctx)
{
	struct wish *w;
	uint32_t at = 0;
	while ((w = hz_map_next(link->wishes, &at))) {
		if (classes[w->class].set != HZ_LIVE_MARK_SET || w->of != of || w->gone || keep(ctx, w->id))
			continue;
		w->gone = true;
		say_later(link, w);
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

static void head_of(struct hz_easel_link *link, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	*h = (struct hz_msg_header){.version = HZ_LIVE_API_VERSION,
	                            .type = (uint16_t)type,
	                            .bytes = (uint32_t)bytes,
	                            .seq = ++link->seq};
}

static int say(struct hz_easel_link *link, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	head_of(link, h, type, bytes);
	return hz_seqpacket_send(link->fd, h, bytes);
}

int hz_easel_link_give(struct hz_easel_link *link, uint64_t id, uint32_t result, int fd)
{
	struct hz_live_give give = {.id = id, .result = result};
	head_of(link, &give.h, HZ_LIVE_GIVE, sizeof(give));
	int err = hz_seqpacket_send_fds(link->fd, &give, sizeof(give), &fd, fd >= 0);
	if (fd >= 0)
		close(fd);
	return err;
}

static int say_wish(struct hz_easel_link *link, struct wish *w)
{
	struct hz_live_del del = {.id = w->id};
	struct hz_live_mark_del mark = {.consult = w->of, .mark = w->id};
	const struct class *class = &classes[w->class];
	int err = !w->gone                         ? say(link, w->set, class->set, class->bytes)
	          : class->del == HZ_LIVE_MARK_DEL ? say(link, &mark.h, class->del, sizeof(mark))
	                                           : say(link, &del.h, class->del, sizeof(del));
	if (err)
		return err;
	w->unsaid = false;
	link->unsaid--;
	return 0;
}

static int say_class(struct hz_easel_link *link, unsigned class, bool gone)
{
	struct wish *w;
	uint32_t at = 0;
	int err = 0;
	while (link->unsaid && !err && (w = hz_map_next(link->wishes, &at))) {
		if (!w->unsaid || w->class != class || w->gone != gone)
			continue;
		err = say_wish(link, w);
		if (!err && gone) {
			forget(link, w);
			at = 0; // the walk allows no changes
		}
	}
	return err;
}

bool hz_easel_link_flush(struct hz_easel_link *link)
{
	struct hz_cmd_reconcile m;
	int err = 0;
	if (link->begin_unsaid) {
		err = say(link, &m.h, HZ_LIVE_BEGIN, sizeof(m));
		link->begin_unsaid = err != 0;
	}
	for (unsigned i = CLASSES; i-- > 0 && !err;)
		err = say_class(link, i, true);
	for (unsigned i = 0; i < CLASSES && !err; i++)
		err = say_class(link, i, false);
	if (!err && link->end_unsaid) {
		err = say(link, &m.h, HZ_LIVE_END, sizeof(m));
		link->end_unsaid = err != 0;
	}
	return err == -EAGAIN;
}

// --- in

static void on_hello(struct hz_easel_link *link)
{
	struct wish *w;
	uint32_t at = 0;
	if (link->trying.study[0]) { // it died of that
		memcpy(link->deadly[link->deaths++ % DEADLY], link->trying.instance, HZ_LIVE_UID_BYTES);
		hz_warn("easel.deadly", "deaths=%u", link->deaths);
	}
	link->trying = (struct hz_live_ref){0};
	link->status = (struct hz_live_status){0};
	link->begin_unsaid = link->end_unsaid = true;
	while ((w = hz_map_next(link->wishes, &at)))
		say_later(link, w);
	link->ops->on_hello(link->ctx);
}

static bool ended(const struct hz_live_ref *ref)
{
	const size_t n = HZ_LIVE_UID_BYTES;
	return memchr(ref->pacs, '\0', n) && memchr(ref->study, '\0', n) && memchr(ref->series, '\0', n) &&
	       memchr(ref->instance, '\0', n);
}

static void on_message(struct hz_easel_link *link, const void *buf, size_t bytes)
{
	const struct hz_msg_header *h = buf;
	const struct hz_live_want *want = buf;
	const struct hz_live_try *try = buf;
	if (bytes < sizeof(*h) || h->version != HZ_LIVE_API_VERSION || h->bytes != bytes) {
		hz_warn("easel.message", "bytes=%zu", bytes);
		return;
	}
	if (h->type == HZ_LIVE_HELLO && bytes == sizeof(struct hz_live_hello)) {
		on_hello(link);
	} else if (h->type == HZ_LIVE_STATUS && bytes == sizeof(link->status)) {
		memcpy(&link->status, buf, bytes);
		link->ops->on_status(link->ctx);
	} else if (h->type == HZ_LIVE_WANT && bytes == sizeof(*want) && ended(&want->what)) {
		link->ops->on_want(link->ctx, want);
	} else if (h->type == HZ_LIVE_TRY && bytes == sizeof(*try) && ended(&try->what)) {
		link->trying = try->what;
	}
}

int hz_easel_link_read(struct hz_easel_link *link)
{
	_Alignas(8) uint8_t buf[HZ_LIVE_MESSAGE_MOST];
	for (unsigned n = 0; n < MESSAGES_A_CALL; n++) {
		size_t bytes = 0;
		int err = hz_seqpacket_recv(link->fd, buf, sizeof(buf), &bytes);
		if (err == -EAGAIN)
			return 0;
		if (err == -EMSGSIZE)
			continue;
		if (err)
			return -EPIPE;
		on_message(link, buf, bytes);
	}
	return 0;
}

const struct hz_live_status *hz_easel_link_status(const struct hz_easel_link *link)
{
	return &link->status;
}
