#include "gateway/link/mix_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "gateway/link/pipe_link.h"

struct hz_mix_link {
	struct hz_pipe_link pipe;
	const struct hz_mix_link_ops *ops;
	void *ctx;
	struct hz_mix_status status;
};

static const struct hz_pipe_api api;

int hz_mix_link_new(int fd, const struct hz_mix_link_ops *ops, void *ctx, struct hz_mix_link **ret)
{
	struct hz_mix_link *link = calloc(1, sizeof(*link));
	int err = link ? hz_pipe_link_init(&link->pipe, &api, fd, link) : -ENOMEM;
	if (err) {
		free(link);
		return err;
	}
	link->ops = ops;
	link->ctx = ctx;
	*ret = link;
	return 0;
}

void hz_mix_link_free(struct hz_mix_link *link)
{
	if (link)
		hz_pipe_link_done(&link->pipe);
	free(link);
}

void hz_mix_link_use(struct hz_mix_link *link, int fd)
{
	link->status = (struct hz_mix_status){0};
	hz_pipe_link_use(&link->pipe, fd);
}

// --- wishes

static struct hz_mix_member_set *set_of(const struct hz_pipe_wish *w)
{
	return (struct hz_mix_member_set *)w->set;
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
	struct hz_pipe_wish *w = hz_pipe_link_find(&link->pipe, HZ_MIX_MEMBER_SET, &set.member);
	if (w && set_of(w)->consult != set.consult)
		return w->gone ? -EAGAIN : -EEXIST; // its end was not said yet
	if (w && !w->gone && set.mix_ssrc && set_of(w)->mix_ssrc)
		set.mix_ssrc = set_of(w)->mix_ssrc;
	else if (set.mix_ssrc == HZ_MIX_SSRC_ANY)
		set.mix_ssrc = fresh_ssrc();
	int err = hz_pipe_link_set(&link->pipe, &set.h, HZ_MIX_MEMBER_SET);
	if (err)
		return err;
	if (w) // the same as before is said, too: it was refused, perhaps
		hz_pipe_link_again(&link->pipe, w);
	*ret_ssrc = set.mix_ssrc;
	return 0;
}

int hz_mix_link_del(struct hz_mix_link *link, uint32_t member)
{
	return hz_pipe_link_del(&link->pipe, HZ_MIX_MEMBER_SET, &member);
}

struct hz_pipe_link *hz_mix_link_pipe(struct hz_mix_link *link)
{
	return link ? &link->pipe : NULL;
}

// --- in

// A new process: it knows nobody, and its mixes count from anywhere.
static void on_hello(void *ctx, const void *message)
{
	struct hz_mix_link *link = ctx;
	uint32_t at = 0, n = 0, count = hz_map_count(link->pipe.wishes);
	struct hz_pipe_wish *w;
	uint32_t(*fresh)[2] = calloc(count + 1, sizeof(*fresh));
	hz_pipe_link_hello(&link->pipe);
	while ((w = hz_map_next(link->pipe.wishes, &at))) {
		struct hz_mix_member_set *set = set_of(w);
		if (!set->mix_ssrc || w->gone || !fresh)
			continue; // no memory: the same number, and a receiver that stumbles once
		set->mix_ssrc = fresh_ssrc();
		fresh[n][0] = set->member;
		fresh[n++][1] = set->mix_ssrc;
	}
	for (uint32_t i = 0; i < n; i++) // these may change the wishes
		link->ops->on_ssrc(link->ctx, fresh[i][0], fresh[i][1]);
	free(fresh);
}

static void on_ack(void *ctx, const void *message)
{
	struct hz_mix_link *link = ctx;
	const struct hz_ev_ack *ack = message;
	const struct hz_pipe_wish *w = hz_pipe_link_acked(&link->pipe, ack);
	if (w)
		link->ops->on_refused(link->ctx, w->id[0], ack->err);
}

static void on_status(void *ctx, const void *message)
{
	struct hz_mix_link *link = ctx;
	memcpy(&link->status, message, sizeof(link->status));
}

static void on_ready(void *ctx, bool ready)
{
	struct hz_mix_link *link = ctx;
	link->ops->on_ready(link->ctx, ready);
}

static const struct hz_pipe_api api = {
    .strange = "mix.message",
    .version = HZ_MIX_API_VERSION,
    .begin = HZ_MIX_RECONCILE_BEGIN,
    .end = HZ_MIX_RECONCILE_END,
    .messages_a_call = 256,
    .in = (const struct hz_pipe_in[]){{HZ_MIX_HELLO, false, sizeof(struct hz_mix_hello), on_hello},
                                      {HZ_MIX_ACK, false, sizeof(struct hz_ev_ack), on_ack},
                                      {HZ_MIX_STATUS, false, sizeof(struct hz_mix_status), on_status},
                                      {0}},
    .classes = (const struct hz_pipe_class[]){{HZ_MIX_MEMBER_SET, HZ_MIX_MEMBER_DEL,
                                               sizeof(struct hz_mix_member_set),
                                               sizeof(struct hz_mix_member_del), 1},
                                              {0}},
    .wishes_most = HZ_MIX_MEMBERS,
    .on_ready = on_ready,
};

int hz_mix_link_read(struct hz_mix_link *link)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	int err = hz_pipe_link_read(&link->pipe, buf, sizeof(buf));
	if (err)
		link->status = (struct hz_mix_status){0};
	return err;
}

const struct hz_mix_status *hz_mix_link_status(const struct hz_mix_link *link)
{
	return &link->status;
}
