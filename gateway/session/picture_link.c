#include "gateway/session/picture_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"

#define MESSAGES_A_CALL 256
// Twice what a mosaic takes: what it refuses is remembered, too.
#define WISHES_MAX (2 * HZ_MOSAIC_ROOMS * (2 + HZ_MOSAIC_MEMBERS + HZ_MOSAIC_RENDITIONS))

enum phase { SILENT, BEGIN, SAYING }; // no HELLO yet; BEGIN is to be said; wishes, then END once

// In the order in which they must be said: a member without its room is refused.
static const struct class
{
	uint16_t set, del; // del 0: goes with its room
	size_t bytes;
} classes[] = {
    {HZ_MOSAIC_ROOM_SET, HZ_MOSAIC_ROOM_DEL, sizeof(struct hz_mosaic_room_set)},
    {HZ_MOSAIC_MEMBER_SET, HZ_MOSAIC_MEMBER_DEL, sizeof(struct hz_mosaic_member_set)},
    {HZ_MOSAIC_RENDITION_SET, HZ_MOSAIC_RENDITION_DEL, sizeof(struct hz_mosaic_rendition_set)},
    {HZ_MOSAIC_SPEAKERS_SET, 0, sizeof(struct hz_mosaic_speakers_set)},
};
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

struct wish {
	union {
		struct hz_msg_header h;
		struct hz_mosaic_room_set room;
		struct hz_mosaic_member_set member;
		struct hz_mosaic_rendition_set rendition;
		struct hz_mosaic_speakers_set speakers;
	} set;
	uint32_t id;
	uint32_t seq; // of the newest SET that was sent; 0: confirmed or not sent
	uint8_t class;
	bool unsaid, gone, refused;
};

struct hz_picture_link {
	int fd;
	const struct hz_picture_link_ops *ops;
	void *ctx;
	struct hz_map *wishes; // by class << 32 | id
	enum phase phase;
	bool end_unsaid, ready;
	uint32_t seq, end_seq;
	unsigned unsaid; // wishes that wait
	struct hz_mosaic_status status;
};

int hz_picture_link_new(int fd, const struct hz_picture_link_ops *ops, void *ctx,
                        struct hz_picture_link **ret)
{
	struct hz_picture_link *link = calloc(1, sizeof(*link));
	int err = link ? hz_map_new(WISHES_MAX, &link->wishes) : -ENOMEM;
	if (err) {
		free(link);
		return err;
	}
	link->fd = fd;
	link->ops = ops;
	link->ctx = ctx;
	hz_random(&link->seq, sizeof(link->seq)); // answers to an earlier control are not taken for ours
	*ret = link;
	return 0;
}

static uint64_t key_of(unsigned class, uint32_t id)
{
	return (uint64_t) class << 32 | id;
}

static void forget(struct hz_picture_link *link, struct wish *w)
{
	hz_map_del_u64(link->wishes, key_of(w->class, w->id));
	link->unsaid -= w->unsaid;
	hz_wipe(w, sizeof(*w)); // names
	free(w);
}

void hz_picture_link_free(struct hz_picture_link *link)
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

static void set_ready(struct hz_picture_link *link, bool ready)
{
	if (link->ready == ready)
		return;
	link->ready = ready;
	link->ops->on_ready(link->ctx, ready);
}

void hz_picture_link_resume(struct hz_picture_link *link)
{
	link->phase = BEGIN;
	link->end_unsaid = true;
	link->end_seq = 0;
}

void hz_picture_link_use(struct hz_picture_link *link, int fd)
{
	link->fd = fd;
	link->phase = SILENT;
	link->status = (struct hz_mosaic_status){0};
	set_ready(link, false);
}

// --- wishes

static void say_later(struct hz_picture_link *link, struct wish *w)
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

// What every SET begins with, behind the header.
static uint32_t id_of(const struct hz_msg_header *h)
{
	uint32_t id;
	memcpy(&id, (const uint8_t *)h + sizeof(*h), sizeof(id));
	return id;
}

static int wish_new(struct hz_picture_link *link, unsigned class, uint32_t id, struct wish **ret)
{
	struct wish *w = calloc(1, sizeof(*w));
	int err = w ? hz_map_set_u64(link->wishes, key_of(class, id), w) : -ENOMEM;
	if (err) {
		free(w);
		return err;
	}
	w->class = (uint8_t) class;
	w->id = id;
	*ret = w;
	return 0;
}

int hz_picture_link_set(struct hz_picture_link *link, const struct hz_msg_header *h, uint16_t type,
                        size_t bytes)
{
	const size_t head = sizeof(struct hz_msg_header);
	int class = class_of(type);
	if (class < 0 || bytes != classes[class].bytes || !id_of(h))
		return -EINVAL;
	struct wish *w = hz_map_get_u64(link->wishes, key_of((unsigned)class, id_of(h)));
	bool known =
	    w && !w->gone && memcmp((uint8_t *)&w->set + head, (const uint8_t *)h + head, bytes - head) == 0;
	if (known)
		return 0;
	if (!w) {
		int err = wish_new(link, (unsigned)class, id_of(h), &w);
		if (err)
			return err;
	}
	memcpy(&w->set, h, bytes);
	w->gone = w->refused = false;
	say_later(link, w);
	return 0;
}

void hz_picture_link_retry(struct hz_picture_link *link)
{
	struct wish *w;
	uint32_t at = 0;
	while ((w = hz_map_next(link->wishes, &at))) {
		if (w->refused)
			say_later(link, w);
		w->refused = false;
	}
}

int hz_picture_link_del(struct hz_picture_link *link, uint16_t set_type, uint32_t id)
{
	int class = class_of(set_type);
	struct wish *w = class < 0 ? NULL : hz_map_get_u64(link->wishes, key_of((unsigned)class, id));
	if (!w || w->gone)
		return -ENOENT;
	w->gone = true;
	say_later(link, w);
	if (link->phase == SILENT || !classes[class].del)
		forget(link, w); // nobody knows of it, or it goes with its room
	return 0;
}

// --- out

static int say(struct hz_picture_link *link, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	if (!++link->seq)
		link->seq = 1;
	*h = (struct hz_msg_header){.version = HZ_MOSAIC_API_VERSION,
	                            .type = (uint16_t)type,
	                            .bytes = (uint32_t)bytes,
	                            .seq = link->seq};
	return hz_seqpacket_send(link->fd, h, bytes);
}

static int say_wish(struct hz_picture_link *link, struct wish *w)
{
	struct hz_mosaic_member_del del = {.member = w->id}; // all DELs have this shape
	const struct class *class = &classes[w->class];
	int err = w->gone ? say(link, &del.h, class->del, sizeof(del))
	                  : say(link, &w->set.h, class->set, class->bytes);
	if (err)
		return err;
	w->seq = link->seq;
	w->unsaid = false;
	link->unsaid--;
	return 0;
}

static int say_class(struct hz_picture_link *link, unsigned class, bool gone)
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

// What goes makes room first, parts before their room; then rooms before what is in them.
static int say_wishes(struct hz_picture_link *link)
{
	int err = 0;
	for (unsigned i = CLASSES; i-- > 0 && !err;)
		err = say_class(link, i, true);
	for (unsigned i = 0; i < CLASSES && !err; i++)
		err = say_class(link, i, false);
	return err;
}

bool hz_picture_link_flush(struct hz_picture_link *link)
{
	struct hz_cmd_reconcile m;
	int err = 0;
	if (link->fd < 0 || link->phase == SILENT)
		return false;
	if (link->phase == BEGIN) {
		err = say(link, &m.h, HZ_MOSAIC_RECONCILE_BEGIN, sizeof(m));
		if (!err)
			link->phase = SAYING;
	}
	if (!err)
		err = say_wishes(link);
	if (!err && link->end_unsaid) {
		err = say(link, &m.h, HZ_MOSAIC_RECONCILE_END, sizeof(m));
		if (!err) {
			link->end_unsaid = false;
			link->end_seq = link->seq;
		}
	}
	return err == -EAGAIN;
}

// --- in

static void on_hello(struct hz_picture_link *link)
{
	struct wish *w;
	uint32_t at = 0;
	set_ready(link, false);
	hz_picture_link_resume(link);
	while ((w = hz_map_next(link->wishes, &at))) {
		w->refused = false;
		say_later(link, w);
	}
	link->ops->on_hello(link->ctx);
}

static void on_ack(struct hz_picture_link *link, const struct hz_ev_ack *ack)
{
	struct wish *w, *found = NULL;
	uint32_t at = 0;
	if (ack->h.seq == link->end_seq && link->end_seq) {
		set_ready(link, !ack->err);
		return;
	}
	while (ack->err && !found && (w = hz_map_next(link->wishes, &at)))
		found = w->seq == ack->h.seq && !w->gone ? w : NULL;
	if (!found || !ack->h.seq)
		return;
	found->seq = 0;
	found->refused = true;
	link->ops->on_refused(link->ctx, classes[found->class].set, found->id, ack->err);
}

static void on_message(struct hz_picture_link *link, const void *buf, size_t bytes)
{
	const struct hz_msg_header *h = buf;
	if (bytes < sizeof(*h) || h->version != HZ_MOSAIC_API_VERSION || h->bytes != bytes) {
		hz_warn("mosaic.message", "bytes=%zu", bytes);
		return;
	}
	if (h->type == HZ_MOSAIC_HELLO && bytes == sizeof(struct hz_mosaic_hello)) {
		on_hello(link);
	} else if (h->type == HZ_MOSAIC_ACK && bytes == sizeof(struct hz_ev_ack)) {
		on_ack(link, buf);
	} else if (h->type == HZ_MOSAIC_STATUS && bytes == sizeof(link->status)) {
		memcpy(&link->status, buf, bytes);
		link->ops->on_status(link->ctx);
	} else if (h->type == HZ_MOSAIC_TILES && bytes == sizeof(struct hz_mosaic_tiles)) {
		const struct hz_mosaic_tiles *tiles = buf;
		if (tiles->count <= HZ_MOSAIC_MEMBERS)
			link->ops->on_tiles(link->ctx, tiles);
	}
}

int hz_picture_link_read(struct hz_picture_link *link)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	for (unsigned n = 0; n < MESSAGES_A_CALL && link->fd >= 0; n++) {
		size_t bytes = 0;
		int err = hz_seqpacket_recv(link->fd, buf, sizeof(buf), &bytes);
		if (err == -EAGAIN)
			return 0;
		if (err == -EMSGSIZE)
			continue;
		if (err) {
			hz_picture_link_use(link, -1);
			return -EPIPE;
		}
		on_message(link, buf, bytes);
	}
	return 0;
}

bool hz_picture_link_ready(const struct hz_picture_link *link)
{
	return link->ready;
}

const struct hz_mosaic_status *hz_picture_link_status(const struct hz_picture_link *link)
{
	return &link->status;
}
