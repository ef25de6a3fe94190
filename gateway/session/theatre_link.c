// The way to huizhen-ingest: says all wishes again after each HELLO, tokens before they grow old, and keeps what it hears.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"
#include "gateway/session/participant.h"
#include "gateway/session/theatre.h"
#include "gateway/session/visit.h"
#include "media/ingest/url.h"

#define TOKEN_TTL_S     14400
#define TOKEN_US        (INT64_C(1000000) * TOKEN_TTL_S / 2) // so old it is renewed
#define MESSAGES_A_CALL 256
#define CHANGED_US      2000000 // so long pictures of an address that was changed may be under way

static uint32_t mixed(uint32_t hash, const void *data, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ ((const uint8_t *)data)[i]) * 16777619u;
	return hash;
}

// Another one makes the source begin anew; the same after a restart of control.
static uint32_t version_of(const struct hz_theatre *t, const struct hz_theatre_source *s)
{
	uint32_t hash = mixed(2166136261u, s->url, strlen(s->url));
	hash = mixed(hash, &s->loop, 1);
	hash = mixed(hash, &s->kind, 1);
	hash = mixed(hash, s->name, strlen(s->name));
	hash = mixed(hash, t->network, sizeof(t->network[0]) * t->network_count);
	return mixed(hash, t->folder, strlen(t->folder)) | 1;
}

static int send_message(struct hz_theatre *t, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	*h = (struct hz_msg_header){.version = HZ_INGEST_API_VERSION,
	                            .type = (uint16_t)type,
	                            .bytes = (uint32_t)bytes,
	                            .seq = ++t->seq};
	return hz_seqpacket_send(t->fd, h, bytes);
}

static int make_token(const struct hz_brain *brain, const struct hz_theatre_source *s, char **ret)
{
	struct hz_claims claims = {.role = HZ_ROLE_THEATRE, .grants = hz_role_grants(HZ_ROLE_THEATRE)};
	snprintf(claims.sub, sizeof(claims.sub), "%s", s->id);
	snprintf(claims.name, sizeof(claims.name), "%s", s->name);
	snprintf(claims.consult, sizeof(claims.consult), "%s", s->consult);
	return hz_jwt_sign(brain->keys, &claims, brain->wall_ms / 1000, TOKEN_TTL_S, ret);
}

static int say_source(struct hz_brain *brain, struct hz_theatre_source *s)
{
	struct hz_theatre *t = brain->theatre;
	struct hz_ingest_source_set set = {.source = s->number,
	                                   .version = version_of(t, s),
	                                   .loop = s->loop,
	                                   .sync_ms = (uint16_t)s->sync_ms,
	                                   .network_count = t->network_count};
	char *token = NULL;
	int err = make_token(brain, s, &token);
	if (err) {
		hz_error("theatre.token", "err=%d", -err);
		s->unsaid = false; // the next tick tries again
		return 0;
	}
	memcpy(set.network, t->network, sizeof(set.network));
	snprintf(set.url, sizeof(set.url), "%s", s->url);
	snprintf(set.whip, sizeof(set.whip), "%s/whip/%s", t->base, s->consult);
	snprintf(set.token, sizeof(set.token), "%s", token);
	snprintf(set.folder, sizeof(set.folder), "%s", t->folder);
	hz_wipe(token, strlen(token));
	free(token);
	err = send_message(t, &set.h, HZ_INGEST_SOURCE_SET, sizeof(set));
	hz_wipe(&set, sizeof(set));
	if (!err) {
		s->unsaid = false;
		s->token_us = brain->now_us;
	}
	return err;
}

static int say_unsaid(struct hz_brain *brain)
{
	int err = 0;
	for (struct hz_theatre_source *s = brain->theatre->sources; s && !err; s = s->next)
		if (s->enabled && !s->locked && s->unsaid)
			err = say_source(brain, s);
	return err;
}

// Few and seldom: whenever one is to go, all are named between BEGIN and END.
static int begin_naming(struct hz_brain *brain)
{
	struct hz_cmd_reconcile m;
	int err = send_message(brain->theatre, &m.h, HZ_INGEST_RECONCILE_BEGIN, sizeof(m));
	for (struct hz_theatre_source *s = brain->theatre->sources; s && !err; s = s->next)
		s->unsaid = true;
	brain->theatre->naming = !err;
	brain->theatre->end_unsaid = err != 0;
	return err;
}

void hz_theatre_flush(struct hz_brain *brain)
{
	struct hz_theatre *t = brain->theatre;
	struct hz_cmd_reconcile m;
	if (!t || t->fd < 0)
		return;
	int err = t->end_unsaid ? begin_naming(brain) : 0;
	if (!err)
		err = say_unsaid(brain);
	if (!err && t->naming) {
		err = send_message(t, &m.h, HZ_INGEST_RECONCILE_END, sizeof(m));
		t->naming = err != 0;
	}
	t->blocked = err == -EAGAIN;
}

void hz_theatre_tick(struct hz_brain *brain)
{
	for (struct hz_theatre_source *s = brain->theatre ? brain->theatre->sources : NULL; s; s = s->next)
		s->unsaid |= s->enabled && (!s->token_us || brain->now_us - s->token_us > TOKEN_US);
}

// --- in

static struct hz_theatre_source *by_number(struct hz_theatre *t, uint32_t number)
{
	struct hz_theatre_source *s = t->sources;
	while (s && s->number != number)
		s = s->next;
	return s;
}

static void on_status(struct hz_brain *brain, const struct hz_ingest_status *m)
{
	struct hz_theatre_source *s = by_number(brain->theatre, m->source);
	if (!s || !s->enabled || m->state >= HZ_INGEST_STATE_COUNT || m->reason >= HZ_INGEST_REASON_COUNT)
		return;
	uint8_t before = s->status.state;
	s->status = *m;
	s->status.name[sizeof(s->status.name) - 1] = '\0';
	if (before == m->state)
		return;
	s->since_ms = brain->wall_ms;
	struct hz_consult *consult = hz_map_get(brain->consults, s->consult);
	struct hz_participant *p = consult ? hz_participant_find(consult, s->id) : NULL;
	if (p && (m->state == HZ_INGEST_LIVE || before == HZ_INGEST_LIVE))
		hz_visit_log(brain, p, "source",
		             json_pack("{s:s, s:s}", "source_state", hz_ingest_state_name(m->state), "why",
		                       hz_ingest_reason_name(m->reason)));
}

static void on_picture(struct hz_brain *brain, const struct hz_ingest_picture *m, size_t bytes)
{
	struct hz_theatre_source *s = by_number(brain->theatre, m->source);
	if (!s || !s->enabled || m->bytes > HZ_INGEST_PICTURE_BYTES || bytes != sizeof(*m) + m->bytes)
		return;
	if (s->changed_us && brain->now_us - s->changed_us < CHANGED_US)
		return; // still of the camera before
	uint8_t *copy = realloc(s->picture, m->bytes);
	if (!copy)
		return;
	memcpy(copy, m + 1, m->bytes);
	s->picture = copy;
	s->picture_bytes = m->bytes;
	s->picture_ms = brain->wall_ms;
}

static void on_ack(struct hz_theatre *t, const struct hz_ev_ack *ack)
{
	struct hz_theatre_source *s = ack->err == -ENOSPC ? by_number(t, ack->id) : NULL;
	if (s)
		s->token_us =
		    0; // those who go have their places for some seconds more: the next tick says it again
	if (ack->err)
		hz_warn("theatre.refused", "source=%u err=%d", ack->id, -ack->err);
}

static void on_message(struct hz_brain *brain, const void *buf, size_t bytes)
{
	const struct hz_msg_header *h = buf;
	if (bytes < sizeof(*h) || h->version != HZ_INGEST_API_VERSION || h->bytes != bytes) {
		hz_warn("theatre.message", "bytes=%zu", bytes);
		return;
	}
	if (h->type == HZ_INGEST_HELLO && bytes == sizeof(struct hz_ingest_hello))
		brain->theatre->end_unsaid = true;
	else if (h->type == HZ_INGEST_ACK && bytes == sizeof(struct hz_ev_ack))
		on_ack(brain->theatre, buf);
	else if (h->type == HZ_INGEST_STATUS && bytes == sizeof(struct hz_ingest_status))
		on_status(brain, buf);
	else if (h->type == HZ_INGEST_PICTURE && bytes >= sizeof(struct hz_ingest_picture))
		on_picture(brain, buf, bytes);
}

int hz_theatre_read(struct hz_brain *brain)
{
	_Alignas(8) static uint8_t buf[HZ_INGEST_MAX_BYTES]; // one thread
	struct hz_theatre *t = brain->theatre;
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
