// The way to huizhen-ingest: says all wishes again after each HELLO, tokens before they grow old, and keeps what it hears.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/participant.h"
#include "gateway/session/theatre.h"
#include "gateway/session/visit.h"
#include "media/ingest/url.h"

#define TOKEN_TTL_S 14400
#define TOKEN_US    (INT64_C(1000000) * TOKEN_TTL_S / 2) // so old it is renewed
#define CHANGED_US  2000000 // so long pictures of an address that was changed may be under way

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
	err = hz_pipe_link_send(&t->pipe, &set.h, HZ_INGEST_SOURCE_SET, sizeof(set), NULL);
	hz_wipe(&set, sizeof(set));
	if (!err) {
		s->unsaid = false;
		s->token_us = brain->now_us;
	}
	return err;
}

// Few and seldom: whenever one is to go, all are named between BEGIN and END.
static int say_begin(void *ctx)
{
	struct hz_brain *brain = ctx;
	struct hz_cmd_reconcile m;
	int err = hz_pipe_link_send(&brain->theatre->pipe, &m.h, HZ_INGEST_RECONCILE_BEGIN, sizeof(m), NULL);
	for (struct hz_theatre_source *s = brain->theatre->sources; s && !err; s = s->next)
		s->unsaid = true;
	return err;
}

static int say(void *ctx)
{
	struct hz_brain *brain = ctx;
	int err = 0;
	for (struct hz_theatre_source *s = brain->theatre->sources; s && !err; s = s->next)
		if (s->enabled && !s->locked && s->unsaid)
			err = say_source(brain, s);
	return err;
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

static void on_status(void *ctx, const void *message)
{
	struct hz_brain *brain = ctx;
	const struct hz_ingest_status *m = message;
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

static void on_picture(void *ctx, const void *message)
{
	struct hz_brain *brain = ctx;
	const struct hz_ingest_picture *m = message;
	struct hz_theatre_source *s = by_number(brain->theatre, m->source);
	if (!s || !s->enabled || m->bytes > HZ_INGEST_PICTURE_BYTES || m->h.bytes != sizeof(*m) + m->bytes)
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

static void on_ack(void *ctx, const void *message)
{
	const struct hz_brain *brain = ctx;
	const struct hz_ev_ack *ack = message;
	struct hz_theatre_source *s = ack->err == -ENOSPC ? by_number(brain->theatre, ack->id) : NULL;
	if (s)
		s->token_us =
		    0; // those who go have their places for some seconds more: the next tick says it again
	if (ack->err)
		hz_warn("theatre.refused", "source=%u err=%d", ack->id, -ack->err);
}

static void on_hello(void *ctx, const void *message)
{
	const struct hz_brain *brain = ctx;
	hz_pipe_link_resume(&brain->theatre->pipe);
}

static const struct hz_pipe_in in[] = {
    {HZ_INGEST_HELLO, false, sizeof(struct hz_ingest_hello), on_hello},
    {HZ_INGEST_ACK, false, sizeof(struct hz_ev_ack), on_ack},
    {HZ_INGEST_STATUS, false, sizeof(struct hz_ingest_status), on_status},
    {HZ_INGEST_PICTURE, true, sizeof(struct hz_ingest_picture), on_picture},
    {0},
};

const struct hz_pipe_api hz_theatre_api = {
    .strange = "theatre.message",
    .version = HZ_INGEST_API_VERSION,
    .end = HZ_INGEST_RECONCILE_END,
    .messages_a_call = 256,
    .in = in,
    .say_begin = say_begin,
    .say = say,
};

int hz_theatre_read(struct hz_brain *brain)
{
	_Alignas(8) static uint8_t buf[HZ_INGEST_MAX_BYTES]; // one thread
	return hz_pipe_link_read(&brain->theatre->pipe, buf, sizeof(buf));
}
