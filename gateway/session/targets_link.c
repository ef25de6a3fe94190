// The way to huizhen-push: says all wishes again after each HELLO, and keeps what it hears.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"
#include "gateway/session/brain.h"
#include "gateway/session/broadcast.h"
#include "gateway/session/hls.h"
#include "gateway/session/push.h"
#include "gateway/session/targets.h"
#include "media/ingest/url.h"

#define MESSAGES_A_CALL 256

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

static struct hz_msg_header head(struct hz_targets_link *t, unsigned type, size_t bytes)
{
	return (struct hz_msg_header){.version = HZ_INGEST_API_VERSION,
	                              .type = (uint16_t)type,
	                              .bytes = (uint32_t)bytes,
	                              .seq = ++t->seq};
}

static int say_plain(struct hz_targets_link *t, unsigned type)
{
	struct hz_cmd_reconcile m;
	m.h = head(t, type, sizeof(m));
	return hz_seqpacket_send(t->fd, &m, sizeof(m));
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
		set.h = head(t, HZ_INGEST_SOURCE_SET, sizeof(set));
		err = hz_seqpacket_send_fds(t->fd, &set, sizeof(set), &consult->targets->read_fd, 1);
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
void hz_targets_flush(struct hz_brain *brain)
{
	struct hz_targets_link *t = brain->targets;
	int err = 0;
	if (!t || t->fd < 0 || (!t->begin_unsaid && !t->naming))
		return;
	if (t->begin_unsaid) {
		err = say_plain(t, HZ_INGEST_RECONCILE_BEGIN);
		t->begin_unsaid = err == -EAGAIN;
		t->naming = !err;
		if (!err) {
			memset(t->said, 0, sizeof(t->said));
			(void)each(brain, true);
		}
	}
	if (!err && t->naming)
		err = each(brain, false);
	if (!err && t->naming) {
		err = say_plain(t, HZ_INGEST_RECONCILE_END);
		t->naming = err == -EAGAIN;
	}
	t->blocked = err == -EAGAIN;
}

// --- in

static void on_status(struct hz_brain *brain, const struct hz_ingest_status *m)
{
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

static void on_message(struct hz_brain *brain, const void *buf, size_t bytes)
{
	const struct hz_msg_header *h = buf;
	const struct hz_ev_ack *ack = buf;
	if (bytes < sizeof(*h) || h->version != HZ_INGEST_API_VERSION || h->bytes != bytes)
		hz_warn("target.message", "bytes=%zu", bytes);
	else if (h->type == HZ_INGEST_HELLO && bytes == sizeof(struct hz_ingest_hello))
		hz_targets_touch(brain);
	else if (h->type == HZ_INGEST_STATUS && bytes == sizeof(struct hz_ingest_status))
		on_status(brain, buf);
	else if (h->type == HZ_INGEST_ACK && bytes == sizeof(*ack) && ack->err)
		hz_warn("target.refused", "target=%08x err=%d", ack->id, -ack->err);
}

int hz_targets_read(struct hz_brain *brain)
{
	_Alignas(8) static uint8_t buf[HZ_INGEST_MAX_BYTES]; // one thread
	struct hz_targets_link *t = brain->targets;
	for (unsigned n = 0; n < MESSAGES_A_CALL && t->fd >= 0; n++) {
		size_t bytes = 0;
		int err = hz_seqpacket_recv(t->fd, buf, sizeof(buf), &bytes);
		if (err == -EAGAIN)
			return 0;
		if (err == -EMSGSIZE)
			continue;
		if (err) {
			t->fd = -1;
			return -EPIPE;
		}
		on_message(brain, buf, bytes);
	}
	return 0;
}
