#include "gateway/session/mix_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"

#define MESSAGES_A_CALL 256

enum phase { SILENT, BEGIN, SAYING }; // no HELLO yet; BEGIN is to be said; members, then END once

struct wish {
	struct hz_mix_member_set set;
	uint32_t seq; // of the newest SET that was sent; 0: confirmed or not sent
	bool unsaid, gone;
};

struct hz_mix_link {
	int fd;
	const struct hz_mix_link_ops *ops;
	void *ctx;
	struct hz_map *wishes; // by member
	enum phase phase;
	bool end_unsaid, ready;
	uint32_t seq, end_seq;
	unsigned unsaid; // wishes that wait
	struct hz_mix_status status;
};

int hz_mix_link_new(int fd, const struct hz_mix_link_ops *ops, void *ctx, struct hz_mix_link **ret)
{
	struct hz_mix_link *link = calloc(1, sizeof(*link));
	int err = link ? hz_map_new(HZ_MIX_MEMBERS, &link->wishes) : -ENOMEM;
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

static void forget(struct hz_mix_link *link, struct wish *w)
{
	hz_map_del_u64(link->wishes, w->set.member);
	link->unsaid -= w->unsaid;
	free(w);
}

void hz_mix_link_free(struct hz_mix_link *link)
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

static void set_ready(struct hz_mix_link *link, bool ready)
{
	if (link->ready == ready)
		return;
	link->ready = ready;
	link->ops->on_ready(link->ctx, ready);
}

void hz_mix_link_resume(struct hz_mix_link *link)
{
	link->phase = BEGIN;
	link->end_unsaid = true;
	link->end_seq = 0;
}

void hz_mix_link_use(struct hz_mix_link *link, int fd)
{
	link->fd = fd;
	link->phase = SILENT;
	link->status = (struct hz_mix_status){0};
	set_ready(link, false);
}

// --- wishes

static void say_later(struct hz_mix_link *link, struct wish *w)
{
	link->unsaid += !w->unsaid;
	w->unsaid = true;
}

static uint32_t fresh_ssrc(void)
{
	uint32_t ssrc = 0;
	while (!ssrc)
		hz_random(&ssrc, sizeof(ssrc));
	return ssrc;
}

int hz_mix_link_set(struct hz_mix_link *link, const struct hz_mix_member_set *wish, uint32_t *ret_ssrc)
{
	struct hz_mix_member_set set = *wish;
	struct wish *w = hz_map_get_u64(link->wishes, set.member);
	if (!set.member)
		return -EINVAL;
	if (w && !w->gone && w->set.consult != set.consult)
		return -EEXIST;
	if (!w) {
		w = calloc(1, sizeof(*w));
		int err = w ? hz_map_set_u64(link->wishes, set.member, w) : -ENOMEM;
		if (err) {
			free(w);
			return err;
		}
	} else if (w->gone && w->set.consult != set.consult) {
		return -EAGAIN; // its end was not said yet
	}
	if (set.mix_ssrc && w->set.mix_ssrc && !w->gone)
		set.mix_ssrc = w->set.mix_ssrc;
	else if (set.mix_ssrc == HZ_MIX_SSRC_ANY)
		set.mix_ssrc = fresh_ssrc();
	w->gone = false;
	w->set = set;
	say_later(link, w);
	*ret_ssrc = set.mix_ssrc;
	return 0;
}

int hz_mix_link_del(struct hz_mix_link *link, uint32_t member)
{
	struct wish *w = hz_map_get_u64(link->wishes, member);
	if (!w || w->gone)
		return -ENOENT;
	w->gone = true;
	say_later(link, w);
	if (link->phase == SILENT)
		forget(link, w); // nobody knows of it
	return 0;
}

// --- out

static int say(struct hz_mix_link *link, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	if (!++link->seq)
		link->seq = 1;
	*h = (struct hz_msg_header){.version = HZ_MIX_API_VERSION,
	                            .type = (uint16_t)type,
	                            .bytes = (uint32_t)bytes,
	                            .seq = link->seq};
	return hz_seqpacket_send(link->fd, h, bytes);
}

static int say_wish(struct hz_mix_link *link, struct wish *w)
{
	struct hz_mix_member_del del = {.member = w->set.member};
	int err = w->gone ? say(link, &del.h, HZ_MIX_MEMBER_DEL, sizeof(del))
	                  : say(link, &w->set.h, HZ_MIX_MEMBER_SET, sizeof(w->set));
	if (err)
		return err;
	w->seq = link->seq;
	w->unsaid = false;
	link->unsaid--;
	return 0;
}

static int say_wishes(struct hz_mix_link *link)
{
	struct wish *w;
	uint32_t at = 0;
	int err = 0;
	while (link->unsaid && !err && (w = hz_map_next(link->wishes, &at))) {
		if (!w->unsaid)
			continue;
		err = say_wish(link, w);
		if (!err && w->gone) {
			forget(link, w);
			at = 0; // the walk allows no changes
		}
	}
	return err;
}

bool hz_mix_link_flush(struct hz_mix_link *link)
{
	struct hz_cmd_reconcile m;
	int err = 0;
	if (link->fd < 0 || link->phase == SILENT)
		return false;
	if (link->phase == BEGIN) {
		err = say(link, &m.h, HZ_MIX_RECONCILE_BEGIN, sizeof(m));
		if (!err)
			link->phase = SAYING;
	}
	if (!err)
		err = say_wishes(link);
	if (!err && link->end_unsaid) {
		err = say(link, &m.h, HZ_MIX_RECONCILE_END, sizeof(m));
		if (!err) {
			link->end_unsaid = false;
			link->end_seq = link->seq;
		}
	}
	return err == -EAGAIN;
}

// --- in

// A new process: it knows nobody, and its mixes count from anywhere.
static void on_hello(struct hz_mix_link *link)
{
	uint32_t at = 0, n = 0, count = hz_map_count(link->wishes);
	struct wish *w;
	uint32_t(*fresh)[2] = calloc(count + 1, sizeof(*fresh));
	set_ready(link, false);
	link->phase = BEGIN;
	link->end_unsaid = true;
	link->end_seq = 0;
	while ((w = hz_map_next(link->wishes, &at))) {
		say_later(link, w);
		if (!w->set.mix_ssrc || w->gone || !fresh)
			continue; // no memory: the same number, and a receiver that stumbles once
		w->set.mix_ssrc = fresh_ssrc();
		fresh[n][0] = w->set.member;
		fresh[n++][1] = w->set.mix_ssrc;
	}
	for (uint32_t i = 0; i < n; i++) // these may change the wishes
		link->ops->on_ssrc(link->ctx, fresh[i][0], fresh[i][1]);
	free(fresh);
}

static void on_ack(struct hz_mix_link *link, const struct hz_ev_ack *ack)
{
	struct wish *w = hz_map_get_u64(link->wishes, ack->id);
	if (ack->h.seq == link->end_seq && link->end_seq) {
		set_ready(link, !ack->err);
		return;
	}
	if (!w || w->seq != ack->h.seq)
		return;
	w->seq = 0;
	if (ack->err)
		link->ops->on_refused(link->ctx, w->set.member, ack->err);
}

static void on_message(struct hz_mix_link *link, const void *buf, size_t bytes)
{
	const struct hz_msg_header *h = buf;
	if (bytes < sizeof(*h) || h->version != HZ_MIX_API_VERSION || h->bytes != bytes) {
		hz_warn("mix.message", "bytes=%zu", bytes);
		return;
	}
	if (h->type == HZ_MIX_HELLO && bytes == sizeof(struct hz_mix_hello))
		on_hello(link);
	else if (h->type == HZ_MIX_ACK && bytes == sizeof(struct hz_ev_ack))
		on_ack(link, buf);
	else if (h->type == HZ_MIX_STATUS && bytes == sizeof(link->status))
		memcpy(&link->status, buf, bytes);
}

int hz_mix_link_read(struct hz_mix_link *link)
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
			hz_mix_link_use(link, -1);
			return -EPIPE;
		}
		on_message(link, buf, bytes);
	}
	return 0;
}

bool hz_mix_link_ready(const struct hz_mix_link *link)
{
	return link->ready;
}

const struct hz_mix_status *hz_mix_link_status(const struct hz_mix_link *link)
{
	return &link->status;
}
