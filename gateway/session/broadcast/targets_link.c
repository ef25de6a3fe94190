// The way to huizhen-push: says all wishes again after each HELLO, and keeps what it hears.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/brain.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/broadcast/hls.h"
#include "gateway/session/push.h"
#include "gateway/session/broadcast/targets.h"
#include "media/ingest/url.h"

bool hz_target_at_work(const struct hz_consult *consult, const struct hz_target *target)
{
	const struct hz_consult_targets *t = consult->targets;
	return target->number && target->enabled && t->feed && consult->broadcast && consult->hls &&
	       consult->hls->said.consult && consult->hls->said.feed == t->feed;
}

// --- out

static uint32_t mix(uint32_t hash, const void *data, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ ((const uint8_t *)data)[i]) * 16777619u;
	return hash;
}

// Another one makes its process begin anew; the same after a restart of control, whose ring is another one all the same.
static uint32_t version_of(const struct hz_targets_link *t, const struct hz_target *target)
{
	uint32_t hash = mix(2166136261u, target->url, strlen(target->url) + 1);
	hash = mix(hash, target->key, strlen(target->key) + 1);
	hash = mix(hash, t->network, sizeof(t->network[0]) * t->network_count);
	return mix(hash, t->ca, strlen(t->ca)) | 1;
}

// False: as many as can be are at work.
static bool remember(struct hz_targets_link *t, const struct hz_consult *consult, uint32_t number)
{
	struct hz_targets_said *to = NULL;
	for (unsigned i = 0; i < HZ_TARGETS_ALL; i++) {
		if (t->said[i].number == number)
			return true;
		if (!to && !t->said[i].number)
			to = &t->said[i];
	}
	if (!to)
		return false;
	to->number = number;
	snprintf(to->consult, sizeof(to->consult), "%s", consult->id);
	return true;
}

static int say_target(struct hz_targets_link *t, const struct hz_consult *consult, struct hz_target *target)
{
	struct hz_ingest_source_set set = {.source = target->number,
	                                   .version = version_of(t, target),
	                                   .network_count = t->network_count,
	                                   .feed = consult->targets->feed};
	struct hz_target_wrong wrong;
	int err = hz_target_compose(target->url, target->key, set.url, &wrong);
	if (!err && remember(t, consult, target->number)) {
		memcpy(set.network, t->network, sizeof(set.network));
		snprintf(set.folder, sizeof(set.folder), "%s", t->ca);
		err = hz_pipe_link_send(&t->pipe, &set.h, HZ_INGEST_SOURCE_SET, sizeof(set),
		                        &consult->targets->read_fd);
	}
	hz_wipe(&set, sizeof(set));
	target->unsaid = err == -EAGAIN;
	return err == -EAGAIN ? err : 0;
}

static int each(struct hz_brain *brain, bool mark)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	int err = 0;
	while (!err && (consult = hz_map_next(brain->consults, &at))) {
		for (unsigned i = 0; consult->targets && i < HZ_TARGETS && !err; i++) {
			struct hz_target *target = &consult->targets->target[i];
			if (mark)
				target->unsaid = hz_target_at_work(consult, target);
			else if (target->unsaid && hz_target_at_work(consult, target))
				err = say_target(brain->targets, consult, target);
		}
	}
	return err;
}

// Few and seldom: whenever something changed, all are named between BEGIN and END.
static int say_begin(void *ctx)
{
	struct hz_brain *brain = ctx;
	struct hz_targets_link *t = brain->targets;
	struct hz_cmd_reconcile m;
	int err = hz_pipe_link_send(&t->pipe, &m.h, HZ_INGEST_RECONCILE_BEGIN, sizeof(m), NULL);
	if (err)
		return err;
	memset(t->said, 0, sizeof(t->said));
	return each(brain, true);
}

static int say(void *ctx)
{
	struct hz_brain *brain = ctx;
	return brain->targets->pipe.end_unsaid ? each(brain, false) : 0;
}

// --- in

static void on_status(void *ctx, const void *message)
{
	struct hz_brain *brain = ctx;
	const struct hz_ingest_status *m = message;
	const struct hz_targets_link *t = brain->targets;
	struct hz_consult *consult = NULL;
	struct hz_target *target = NULL;
	char id[9];
	snprintf(id, sizeof(id), "%08x", m->source);
	for (unsigned i = 0; m->source && i < HZ_TARGETS_ALL; i++)
		if (t->said[i].number == m->source)
			consult = hz_map_get(brain->consults, t->said[i].consult);
	if (consult)
		target = hz_target_find(consult, id);
	if (!target || m->state >= HZ_INGEST_STATE_COUNT || m->reason >= HZ_INGEST_REASON_COUNT)
		return;
	bool other = target->status.state != m->state || target->status.reason != m->reason;
	target->status = *m;
	if (!other)
		return;
	target->since_ms = brain->wall_ms;
	hz_info("target.state", "consult=%s target=%s state=%s reason=%s", consult->id, id,
	        hz_ingest_state_name(m->state), hz_ingest_reason_name(m->reason));
	hz_push_state(brain, consult);
}

static void on_hello(void *ctx, const void *message)
{
	hz_targets_touch(ctx);
}

static void on_ack(void *ctx, const void *message)
{
	const struct hz_ev_ack *ack = message;
	(void)ctx;
	if (ack->err)
		hz_warn("target.refused", "target=%08x err=%d", ack->id, -ack->err);
}

static const struct hz_pipe_in in[] = {
    {HZ_INGEST_HELLO, false, sizeof(struct hz_ingest_hello), on_hello},
    {HZ_INGEST_ACK, false, sizeof(struct hz_ev_ack), on_ack},
    {HZ_INGEST_STATUS, false, sizeof(struct hz_ingest_status), on_status},
    {0},
};

const struct hz_pipe_api hz_targets_kind = {
    .strange = "target.message",
    .version = HZ_INGEST_API_VERSION,
    .end = HZ_INGEST_RECONCILE_END,
    .messages_a_call = 256,
    .in = in,
    .say_begin = say_begin,
    .say = say,
};

int hz_targets_read(struct hz_brain *brain)
{
	_Alignas(8) static uint8_t buf[HZ_INGEST_MAX_BYTES]; // one thread
	return hz_pipe_link_read(&brain->targets->pipe, buf, sizeof(buf));
}
