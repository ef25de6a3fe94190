#include "gateway/session/theatre.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/base/socket_name.h"
#include "gateway/session/brain.h"
#include "gateway/session/participant.h"
#include "gateway/session/persist.h"
#include "gateway/store/sources.h"
#include "media/ingest/allow.h"
#include "recorder/journal/crypt.h"

int hz_theatre_new(struct hz_brain *brain, int fd)
{
	struct hz_theatre *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	int err = hz_pipe_link_init(&t->pipe, &hz_theatre_api, fd, brain);
	hz_pipe_link_resume(&t->pipe);
	brain->theatre = t;
	return err;
}

static void free_source(struct hz_theatre_source *s)
{
	free(s->picture);
	hz_wipe(s, sizeof(*s));
	free(s);
}

void hz_theatre_free(struct hz_brain *brain)
{
	struct hz_theatre *t = brain->theatre;
	if (!t)
		return;
	while (t->sources) {
		struct hz_theatre_source *s = t->sources;
		t->sources = s->next;
		free_source(s);
	}
	hz_cipher_free(t->cipher);
	hz_pipe_link_done(&t->pipe);
	free(t);
	brain->theatre = NULL;
}

void hz_theatre_find_base(struct hz_brain *brain, int http, int https)
{
	struct hz_theatre *t = brain->theatre;
	char address[INET6_ADDRSTRLEN];
	uint16_t port;
	bool plain = hz_socket_name(http, address, &port) == 0;
	if (!plain && hz_socket_name(https, address, &port))
		return;
	if (strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0)
		snprintf(address, sizeof(address), "127.0.0.1");
	snprintf(t->base, sizeof(t->base), strchr(address, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
	         plain ? "http" : "https", address, port);
}

void hz_theatre_configure(struct hz_brain *brain, const struct hz_config *config)
{
	struct hz_theatre *t = brain->theatre;
	const char *folder = config->ingest.folder ? config->ingest.folder : "";
	if (!t)
		return;
	snprintf(t->folder, sizeof(t->folder), "%s", folder);
	snprintf(t->master_key, sizeof(t->master_key), "%s",
	         config->record.master_key ? config->record.master_key : "");
	snprintf(t->record_dir, sizeof(t->record_dir), "%s", config->record.dir ? config->record.dir : "");
	if (hz_ingest_allow_parse(config->ingest.allow ? config->ingest.allow : "", t->network,
	                          &t->network_count))
		t->network_count = 0; // the configuration was checked
	for (struct hz_theatre_source *s = t->sources; s; s = s->next)
		s->unsaid = true;
}

// --- the list

struct hz_theatre_source *hz_theatre_find(const struct hz_brain *brain, const char *consult, const char *id)
{
	struct hz_theatre_source *s = brain->theatre ? brain->theatre->sources : NULL;
	while (s && (strcmp(s->consult, consult) != 0 || strcmp(s->id, id) != 0))
		s = s->next;
	return s;
}

static bool taken(const struct hz_theatre *t, uint32_t number)
{
	for (const struct hz_theatre_source *s = t->sources; s; s = s->next)
		if (s->number == number)
			return true;
	return false;
}

// FNV-1a of its names: whoever restarts control finds the same number, and the source goes on.
static uint32_t number_of(const struct hz_theatre *t, const char *consult, const char *id)
{
	uint32_t hash = 2166136261u;
	for (const char *text = consult; text; text = text == consult ? id : NULL)
		for (const char *p = text; *p; p++)
			hash = (hash ^ (uint8_t)*p) * 16777619u;
	while (!hash || taken(t, hash))
		hash++;
	return hash;
}

static int place(struct hz_brain *brain, const struct hz_theatre_source *wish, struct hz_theatre_source **ret)
{
	struct hz_theatre *t = brain->theatre;
	struct hz_theatre_source *s, **end = &t->sources;
	unsigned here = 0;
	for (; *end; end = &(*end)->next)
		here += strcmp((*end)->consult, wish->consult) == 0;
	if (t->count >= HZ_INGEST_SOURCES || here >= HZ_THEATRE_PER_CONSULT)
		return -ENOSPC;
	s = malloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = *wish;
	s->next = NULL;
	s->number = number_of(t, s->consult, s->id);
	s->unsaid = true;
	s->since_ms = brain->wall_ms;
	*end = s;
	t->count++;
	*ret = s;
	return 0;
}

static void unplace(struct hz_brain *brain, struct hz_theatre_source *s)
{
	struct hz_theatre *t = brain->theatre;
	for (struct hz_theatre_source **at = &t->sources; *at; at = &(*at)->next) {
		if (*at != s)
			continue;
		*at = s->next;
		t->count--;
		hz_pipe_link_resume(&t->pipe); // what is not named any more goes
		free_source(s);
		return;
	}
}

// --- the store

static bool on_row(void *arg, const char *consult, const char *id, const char *text)
{
	struct hz_brain *brain = arg;
	struct hz_theatre_source wish = {.enabled = true}, *s;
	snprintf(wish.consult, sizeof(wish.consult), "%s", consult);
	snprintf(wish.id, sizeof(wish.id), "%s", id);
	if (hz_map_get(brain->consults, consult) && !hz_theatre_read_row(brain, text, &wish))
		(void)place(brain, &wish, &s);
	hz_wipe(&wish, sizeof(wish));
	return true;
}

int hz_theatre_load(struct hz_brain *brain)
{
	int err = brain->theatre && brain->store ? hz_store_source_all(brain->store, on_row, brain) : 0;
	if (!err && brain->theatre && brain->store)
		hz_theatre_seal_rows(brain);
	return err;
}

// --- changed

int hz_theatre_add(struct hz_brain *brain, struct hz_consult *consult, const struct hz_theatre_source *wish,
                   struct hz_theatre_source **ret)
{
	struct hz_theatre_source made = *wish, *s;
	snprintf(made.consult, sizeof(made.consult), "%s", consult->id);
	if (!made.id[0]) {
		char text[9];
		hz_random_text(text, 8);
		snprintf(made.id, sizeof(made.id), "source-%s", text);
	}
	const struct hz_participant *p = hz_participant_find(consult, made.id);
	int err = 0;
	if (hz_theatre_find(brain, made.consult, made.id) || (p && p->role != HZ_ROLE_THEATRE))
		err = -EEXIST; // its pictures would be somebody's whom they do not show
	else if (hz_theatre_listens(brain->theatre, made.url, NULL))
		err = -EADDRINUSE;
	else
		err = place(brain, &made, &s);
	hz_wipe(&made, sizeof(made));
	if (err)
		return err;
	err = hz_theatre_save(brain, s, true);
	if (err) {
		unplace(brain, s);
		return err;
	}
	hz_info("theatre.added", "consult=%s source=%s", s->consult, s->id);
	*ret = s;
	return 0;
}

// What is known is of another camera, or of another day.
static void begin_anew(const struct hz_brain *brain, struct hz_theatre_source *s)
{
	free(s->picture);
	s->picture = NULL;
	s->picture_bytes = 0;
	s->status = (struct hz_ingest_status){0};
	s->since_ms = brain->wall_ms;
	s->changed_us = brain->now_us;
}

int hz_theatre_change(struct hz_brain *brain, struct hz_theatre_source *s,
                      const struct hz_theatre_source *wish)
{
	if (!wish->url[0])
		return -ENOKEY; // what is sealed is not written over with nothing
	struct hz_theatre_source before = *s;
	bool other = strcmp(s->url, wish->url) != 0;
	if (other && hz_theatre_listens(brain->theatre, wish->url, s)) {
		hz_wipe(&before, sizeof(before));
		return -EADDRINUSE;
	}
	snprintf(s->name, sizeof(s->name), "%s", wish->name);
	snprintf(s->url, sizeof(s->url), "%s", wish->url);
	s->kind = wish->kind;
	s->loop = wish->loop;
	s->sync_ms = wish->sync_ms;
	s->enabled = wish->enabled;
	s->locked = false;
	int err = hz_theatre_save(brain, s, true);
	if (err) {
		*s = before;
	} else {
		s->unsaid = true;
		s->token_us = 0; // it carries the name
		hz_pipe_link_resume(&brain->theatre->pipe);
		if (other || s->enabled != before.enabled)
			begin_anew(brain, s);
	}
	hz_wipe(&before, sizeof(before));
	return err;
}

int hz_theatre_remove(struct hz_brain *brain, struct hz_theatre_source *s)
{
	int err = hz_theatre_save(brain, s, false);
	if (err)
		return err;
	hz_info("theatre.removed", "consult=%s source=%s", s->consult, s->id);
	unplace(brain, s);
	return 0;
}

void hz_theatre_disable(struct hz_brain *brain, const char *consult, const char *id)
{
	struct hz_theatre_source *s = hz_theatre_find(brain, consult, id), wish;
	if (!s || !s->enabled)
		return;
	wish = *s;
	wish.enabled = false;
	if (hz_theatre_change(brain, s, &wish))
		hz_warn("theatre.disable", "source=%s", s->id);
	hz_wipe(&wish, sizeof(wish));
}

void hz_theatre_forget(struct hz_brain *brain, const struct hz_consult *consult)
{
	struct hz_theatre_source *next;
	if (!brain->theatre)
		return;
	if (brain->store && hz_store_source_forget(brain->store, consult->id))
		brain->count.store_errors++; // a closed consult's are not loaded either
	for (struct hz_theatre_source *s = brain->theatre->sources; s; s = next) {
		next = s->next;
		if (strcmp(s->consult, consult->id) == 0)
			unplace(brain, s);
	}
}

uint8_t hz_theatre_kind(const struct hz_brain *brain, const struct hz_participant *p)
{
	const struct hz_theatre_source *s = hz_theatre_find(brain, p->consult->id, p->id);
	return s && p->role == HZ_ROLE_THEATRE ? s->kind : HZ_SOURCE_COUNT;
}
