#include "gateway/link/pipe_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"

int hz_pipe_link_init(struct hz_pipe_link *link, const struct hz_pipe_api *api, int fd, void *ctx)
{
	*link = (struct hz_pipe_link){.api = api, .ctx = ctx, .fd = fd};
	hz_random(&link->seq, sizeof(link->seq)); // answers to an earlier control are not taken for ours
	return api->classes ? hz_map_new(api->wishes_most, &link->wishes) : 0;
}

static uint64_t key_of(unsigned class, const uint32_t id[2])
{
	return (uint64_t) class << 62 | (uint64_t)(id[1] & 0x3fffffffu) << 32 | id[0];
}

static void wish_free(const struct hz_pipe_link *link, struct hz_pipe_wish *w)
{
	if (w->set)
		hz_wipe(w->set, link->api->classes[w->class].bytes); // names
	free(w->set);
	free(w);
}

static void forget(struct hz_pipe_link *link, struct hz_pipe_wish *w)
{
	hz_map_del_u64(link->wishes, key_of(w->class, w->id));
	link->unsaid -= w->unsaid;
	wish_free(link, w);
}

void hz_pipe_link_done(struct hz_pipe_link *link)
{
	struct hz_pipe_wish *w;
	uint32_t at = 0;
	while (at = 0, link->wishes && (w = hz_map_next(link->wishes, &at)))
		forget(link, w);
	hz_map_free(link->wishes);
	link->wishes = NULL;
}

static void set_ready(struct hz_pipe_link *link, bool ready)
{
	if (link->ready == ready)
		return;
	link->ready = ready;
	if (link->api->on_ready)
		link->api->on_ready(link->ctx, ready);
}

void hz_pipe_link_use(struct hz_pipe_link *link, int fd)
{
	link->fd = fd;
	link->phase = HZ_PIPE_SILENT;
	set_ready(link, false);
}

void hz_pipe_link_resume(struct hz_pipe_link *link)
{
	link->phase = HZ_PIPE_BEGIN;
	link->end_unsaid = true;
	link->end_seq = 0;
}

void hz_pipe_link_hello(struct hz_pipe_link *link)
{
	struct hz_pipe_wish *w;
	uint32_t at = 0;
	set_ready(link, false);
	hz_pipe_link_resume(link);
	while (link->wishes && (w = hz_map_next(link->wishes, &at))) {
		w->refused = false;
		hz_pipe_link_again(link, w);
	}
}

// --- wishes

void hz_pipe_link_again(struct hz_pipe_link *link, struct hz_pipe_wish *wish)
{
	link->unsaid += !wish->unsaid;
	wish->unsaid = true;
}

static int class_of(const struct hz_pipe_link *link, unsigned set_type)
{
	const struct hz_pipe_class *classes = link->api->classes;
	for (unsigned i = 0; i < HZ_PIPE_CLASSES && classes[i].set; i++) {
		if (classes[i].set == set_type)
			return (int)i;
	}
	return -1;
}

static struct hz_pipe_wish *find(const struct hz_pipe_link *link, int class, const uint32_t *id)
{
	if (class < 0)
		return NULL;
	const uint32_t whole[2] = {id[0], link->api->classes[class].ids > 1 ? id[1] : 0};
	return hz_map_get_u64(link->wishes, key_of((unsigned)class, whole));
}

struct hz_pipe_wish *hz_pipe_link_find(const struct hz_pipe_link *link, unsigned set_type, const uint32_t *id)
{
	return find(link, class_of(link, set_type), id);
}

static int wish_new(struct hz_pipe_link *link, unsigned class, const uint32_t *id, struct hz_pipe_wish **ret)
{
	const struct hz_pipe_class *is = &link->api->classes[class];
	struct hz_pipe_wish *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	*w = (struct hz_pipe_wish){.class = (uint8_t) class, .set = calloc(1, is->bytes)};
	memcpy(w->id, id, is->ids * sizeof(w->id[0]));
	int err = w->set ? hz_map_set_u64(link->wishes, key_of(class, w->id), w) : -ENOMEM;
	if (err) {
		wish_free(link, w);
		return err;
	}
	*ret = w;
	return 0;
}

int hz_pipe_link_set(struct hz_pipe_link *link, const struct hz_msg_header *message, unsigned set_type)
{
	const uint32_t *id = (const uint32_t *)(message + 1); // what every SET begins with
	int class = class_of(link, set_type);
	if (class < 0 || !id[0])
		return -EINVAL;
	const size_t bytes = link->api->classes[class].bytes - sizeof(*message);
	struct hz_pipe_wish *w = find(link, class, id);
	if (w && !w->gone && memcmp(w->set + 1, message + 1, bytes) == 0)
		return 0;
	int err = w ? 0 : wish_new(link, (unsigned)class, id, &w);
	if (err)
		return err;
	memcpy(w->set + 1, message + 1, bytes);
	w->gone = w->refused = false;
	hz_pipe_link_again(link, w);
	return 0;
}

int hz_pipe_link_del(struct hz_pipe_link *link, unsigned set_type, const uint32_t *id)
{
	struct hz_pipe_wish *w = hz_pipe_link_find(link, set_type, id);
	if (!w || w->gone)
		return -ENOENT;
	w->gone = true;
	hz_pipe_link_again(link, w);
	if (link->phase == HZ_PIPE_SILENT || !link->api->classes[w->class].del)
		forget(link, w); // nobody knows of it, or it goes with its room
	return 0;
}

// --- out

int hz_pipe_link_send(struct hz_pipe_link *link, struct hz_msg_header *message, unsigned type, size_t bytes,
                      const int *fd)
{
	if (!++link->seq)
		link->seq = 1;
	*message = (struct hz_msg_header){.version = link->api->version,
	                                  .type = (uint16_t)type,
	                                  .bytes = (uint32_t)bytes,
	                                  .seq = link->seq};
	return hz_seqpacket_send_fds(link->fd, message, bytes, fd, fd != NULL);
}

static int say_wish(struct hz_pipe_link *link, struct hz_pipe_wish *w)
{
	const struct hz_pipe_class *class = &link->api->classes[w->class];
	struct {
		struct hz_msg_header h;
		uint32_t id[2];
	} del = {.id = {w->id[0], w->id[1]}}; // all DELs have this shape
	int err = w->gone ? hz_pipe_link_send(link, &del.h, class->del, class->del_bytes, NULL)
	                  : hz_pipe_link_send(link, w->set, class->set, class->bytes, NULL);
	if (err)
		return err;
	w->seq = link->seq;
	w->unsaid = false;
	link->unsaid--;
	return 0;
}

static int say_class(struct hz_pipe_link *link, unsigned class, bool gone)
{
	struct hz_pipe_wish *w;
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
static int say_wishes(struct hz_pipe_link *link)
{
	int err = 0;
	for (unsigned i = HZ_PIPE_CLASSES; i-- > 0 && !err;)
		err = say_class(link, i, true);
	for (unsigned i = 0; i < HZ_PIPE_CLASSES && !err; i++)
		err = say_class(link, i, false);
	return err;
}

static int say_begin(struct hz_pipe_link *link)
{
	struct hz_cmd_reconcile m;
	int err = link->api->say_begin ? link->api->say_begin(link->ctx)
	                               : hz_pipe_link_send(link, &m.h, link->api->begin, sizeof(m), NULL);
	if (!err)
		link->phase = HZ_PIPE_SAYING;
	return err;
}

void hz_pipe_link_flush(struct hz_pipe_link *link)
{
	struct hz_cmd_reconcile m;
	int err = 0;
	if (!link)
		return;
	link->blocked = false;
	if (link->fd < 0 || link->phase == HZ_PIPE_SILENT)
		return;
	if (link->phase == HZ_PIPE_BEGIN)
		err = say_begin(link);
	if (!err)
		err = link->api->say ? link->api->say(link->ctx) : say_wishes(link);
	if (!err && link->end_unsaid) {
		err = hz_pipe_link_send(link, &m.h, link->api->end, sizeof(m), NULL);
		link->end_unsaid = err != 0;
		link->end_seq = err ? 0 : link->seq;
	}
	link->blocked = err == -EAGAIN;
}

// --- in

struct hz_pipe_wish *hz_pipe_link_acked(struct hz_pipe_link *link, const struct hz_ev_ack *ack)
{
	struct hz_pipe_wish *w, *found = NULL;
	uint32_t at = 0;
	if (ack->h.seq == link->end_seq && link->end_seq) {
		set_ready(link, !ack->err);
		return NULL;
	}
	while (ack->err && ack->h.seq && !found && (w = hz_map_next(link->wishes, &at)))
		found = w->seq == ack->h.seq && !w->gone ? w : NULL;
	if (!found)
		return NULL;
	found->seq = 0;
	found->refused = true;
	return found;
}

static void on_message(struct hz_pipe_link *link, const void *buf, size_t bytes)
{
	const struct hz_msg_header *h = buf;
	if (bytes < sizeof(*h) || h->version != link->api->version || h->bytes != bytes) {
		hz_warn(link->api->strange, "bytes=%zu", bytes);
		return;
	}
	link->heard++;
	for (const struct hz_pipe_in *in = link->api->in; in->type; in++) {
		if (in->type == h->type && (bytes == in->bytes || (in->longer && bytes > in->bytes)))
			in->on(link->ctx, buf);
	}
}

int hz_pipe_link_read(struct hz_pipe_link *link, void *buf, size_t cap)
{
	for (unsigned n = 0; n < link->api->messages_a_call && link->fd >= 0; n++) {
		size_t bytes = 0;
		int err = hz_seqpacket_recv(link->fd, buf, cap, &bytes);
		if (err == -EAGAIN)
			return 0;
		if (err == -EMSGSIZE)
			continue;
		if (err) {
			hz_pipe_link_use(link, -1);
			return -EPIPE;
		}
		on_message(link, buf, bytes);
	}
	return 0;
}
