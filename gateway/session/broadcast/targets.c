#include "gateway/session/broadcast/targets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/secret.h"
#include "gateway/session/brain.h"
#include "gateway/session/broadcast/broadcast_internal.h"
#include "gateway/session/broadcast/hls.h"
#include "media/ingest/allow.h"
#include "media/ingest/url.h"
#include "media/push/outfeed.h"

#define DEFAULT_CA "/etc/ssl/certs/ca-certificates.crt"

int hz_targets_new(struct hz_brain *brain, int fd)
{
	struct hz_targets_link *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	int err = hz_pipe_link_init(&t->pipe, &hz_targets_kind, fd, brain);
	hz_pipe_link_resume(&t->pipe);
	brain->targets = t;
	return err;
}

void hz_targets_free(struct hz_brain *brain)
{
	if (brain->targets)
		hz_pipe_link_done(&brain->targets->pipe);
	free(brain->targets);
	brain->targets = NULL;
}

void hz_targets_configure(struct hz_brain *brain, const struct hz_config *config)
{
	struct hz_targets_link *t = brain->targets;
	if (!t)
		return;
	if (!config->push.allow || hz_ingest_allow_parse(config->push.allow, t->network, &t->network_count))
		t->network_count = 0; // config_table.c took it: not reached
	snprintf(t->ca, sizeof(t->ca), "%s",
	         config->push.ca && config->push.ca[0] ? config->push.ca : DEFAULT_CA);
	hz_pipe_link_resume(&t->pipe);
}

void hz_targets_touch(struct hz_brain *brain)
{
	if (brain->targets)
		hz_pipe_link_resume(&brain->targets->pipe);
}

static struct hz_consult_targets *get(struct hz_consult *consult)
{
	if (!consult->targets)
		consult->targets = calloc(1, sizeof(*consult->targets));
	return consult->targets;
}

void hz_targets_free_memory(struct hz_consult *consult)
{
	struct hz_consult_targets *t = consult->targets;
	if (!t)
		return;
	if (t->feed_fd) {
		close(t->feed_fd);
		close(t->read_fd);
	}
	hz_wipe(t, sizeof(*t));
	free(t);
	consult->targets = NULL;
}

// --- the ring

static bool any_enabled(const struct hz_consult_targets *t)
{
	for (unsigned i = 0; i < HZ_TARGETS; i++)
		if (t->target[i].number && t->target[i].enabled)
			return true;
	return false;
}

// Who sends it on reads what strangers send: it cannot write into what others read.
static int make_ring(struct hz_consult_targets *t)
{
	char path[32];
	int fd, err = hz_memfd_new("huizhen-outfeed", HZ_OUTFEED_BYTES, &fd);
	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	t->read_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (t->read_fd < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	t->feed_fd = fd;
	while (!t->feed)
		hz_random(&t->feed, sizeof(t->feed));
	return 0;
}

uint32_t hz_targets_feed(const struct hz_brain *brain, struct hz_consult *consult, int *ret_fd)
{
	struct hz_consult_targets *t = consult->targets;
	if (!t || !brain->targets || brain->targets->pipe.fd < 0 || !any_enabled(t))
		return 0;
	if (!t->feed_fd) {
		int err = make_ring(t);
		if (err) {
			hz_warn("target.feed", "consult=%s err=%d", consult->id, -err);
			return 0;
		}
		hz_pipe_link_resume(&brain->targets->pipe);
	}
	*ret_fd = t->feed_fd;
	return t->feed;
}

// --- what is wanted

struct hz_target *hz_target_find(const struct hz_consult *consult, const char *id)
{
	char text[9];
	for (unsigned i = 0; consult->targets && i < HZ_TARGETS; i++) {
		struct hz_target *target = &consult->targets->target[i];
		snprintf(text, sizeof(text), "%08x", target->number);
		if (target->number && strcmp(text, id) == 0)
			return target;
	}
	return NULL;
}

int hz_target_read(const json_t *body, struct hz_target *wish, struct hz_target_wrong *ret_wrong)
{
	char shown[HZ_INGEST_URL_BYTES] = "", whole[HZ_INGEST_URL_BYTES];
	const char *url = json_string_value(json_object_get(body, "url"));
	const char *key = json_string_value(json_object_get(body, "key"));
	const json_t *enabled = json_object_get(body, "enabled");
	if (wish->url[0])
		hz_target_show(wish->url, shown, sizeof(shown));
	if (url && strcmp(url, shown) == 0)
		url = NULL; // it comes back as it was given out
	if (url && strstr(url, "***")) {
		*ret_wrong =
		    (struct hz_target_wrong){"/url", "stars stand for what is not given out: say it again"};
		return -EINVAL;
	}
	if (url && wish->key[0] && !key) {
		*ret_wrong = (struct hz_target_wrong){"/key", "another address needs its key with it"};
		return -EINVAL;
	}
	if ((url && strlen(url) >= sizeof(wish->url)) || (key && strlen(key) >= sizeof(wish->key))) {
		*ret_wrong = (struct hz_target_wrong){url ? "/url" : "/key", "too long"};
		return -EINVAL;
	}
	if (url)
		snprintf(wish->url, sizeof(wish->url), "%s", url);
	if (key)
		snprintf(wish->key, sizeof(wish->key), "%s", key);
	if (enabled)
		wish->enabled = json_is_true(enabled);
	int err = hz_target_compose(wish->url, wish->key, whole, ret_wrong);
	hz_wipe(whole, sizeof(whole));
	return err;
}

// Without a configured key (record.master_key; only where a test leaves it out) it stays as it is.
static bool can_seal(const struct hz_brain *brain)
{
	return brain->store && brain->theatre && brain->theatre->master_key[0];
}

static void seal_name(const struct hz_consult *consult, uint32_t number, char *ret, size_t bytes)
{
	snprintf(ret, bytes, "target\n%s\n%08x", consult->id, number);
}

static int seal(const struct hz_brain *brain, const struct hz_consult *consult, struct hz_target *target)
{
	char text[HZ_INGEST_URL_BYTES], name[HZ_ID_TEXT_BYTES + 24];
	target->sealed[0] = '\0';
	if (!can_seal(brain))
		return 0;
	seal_name(consult, target->number, name, sizeof(name));
	snprintf(text, sizeof(text), "%s\n%s", target->url, target->key); // no address has a line's end in it
	int err = hz_theatre_seal_text(brain->theatre, name, text, target->sealed);
	hz_wipe(text, sizeof(text));
	return err;
}

static int unseal(const struct hz_brain *brain, const struct hz_consult *consult, const char *sealed,
                  struct hz_target *wish)
{
	char text[HZ_INGEST_URL_BYTES] = "", name[HZ_ID_TEXT_BYTES + 24];
	if (!brain->theatre)
		return -ENOKEY;
	seal_name(consult, wish->number, name, sizeof(name));
	int err = hz_theatre_open_text(brain->theatre, name, sealed, text);
	size_t url = strcspn(text, "\n");
	if (!err && (!text[url] || url >= sizeof(wish->url) || strlen(text + url + 1) >= sizeof(wish->key) ||
	             strlen(sealed) >= sizeof(wish->sealed)))
		err = -EINVAL;
	if (!err) {
		snprintf(wish->url, sizeof(wish->url), "%.*s", (int)url, text);
		snprintf(wish->key, sizeof(wish->key), "%s", text + url + 1);
		snprintf(wish->sealed, sizeof(wish->sealed), "%s", sealed);
	} else {
		hz_error("target.locked", "consult=%s target=%08x err=%d", consult->id, wish->number, -err);
	}
	hz_wipe(text, sizeof(text));
	return err;
}

// The audit's line, and the broadcast's row with the targets as they are in consult->targets.
static int note(struct hz_brain *brain, const struct hz_consult *consult, const struct hz_target *target,
                const char *what, const char *by)
{
	char shown[HZ_INGEST_URL_BYTES], id[9];
	hz_target_show(target->url, shown, sizeof(shown));
	snprintf(id, sizeof(id), "%08x", target->number);
	return hz_broadcast_note(brain, consult, consult->broadcast, by, "target",
	                         json_pack("{s:s, s:s, s:s, s:b}", "id", id, "what", what, "url", shown,
	                                   "enabled", target->enabled));
}

static void changed(struct hz_brain *brain, struct hz_consult *consult)
{
	hz_targets_touch(brain);
	hz_broadcast_changed(brain, consult);
}

static bool taken(const struct hz_brain *brain, uint32_t number)
{
	for (unsigned i = 0; brain->targets && i < HZ_TARGETS_ALL; i++)
		if (brain->targets->said[i].number == number)
			return true;
	return !number;
}

static struct hz_target *place(const struct hz_brain *brain, struct hz_consult_targets *t, uint32_t number)
{
	for (unsigned i = 0; i < HZ_TARGETS; i++)
		if (t->target[i].number == number) {
			while (!number && taken(brain, t->target[i].number))
				hz_random(&t->target[i].number, sizeof(t->target[i].number));
			return &t->target[i];
		}
	return NULL;
}

int hz_target_put(struct hz_brain *brain, struct hz_consult *consult, const struct hz_target *wish,
                  const char *by, struct hz_target **ret)
{
	struct hz_consult_targets *t = consult->broadcast ? get(consult) : NULL;
	if (!t)
		return consult->broadcast ? -ENOMEM : -ENOENT;
	bool fresh = !wish->number;
	struct hz_target *target = place(brain, t, wish->number), before;
	if (!target)
		return fresh ? -ENOSPC : -ENOENT;
	before = *target;
	before.number = wish->number;
	bool other = strcmp(target->url, wish->url) != 0 || strcmp(target->key, wish->key) != 0 ||
	             target->enabled != wish->enabled;
	target->enabled = wish->enabled;
	snprintf(target->url, sizeof(target->url), "%s", wish->url);
	snprintf(target->key, sizeof(target->key), "%s", wish->key);
	snprintf(target->by, sizeof(target->by), "%s", by);
	int err = seal(brain, consult, target);
	if (!err)
		err = note(brain, consult, target, fresh ? "add" : "change", by);
	if (err) {
		*target = before;
	} else if (other) { // what is known is of another one
		target->status = (struct hz_ingest_status){0};
		target->since_ms = brain->wall_ms;
	}
	hz_wipe(&before, sizeof(before));
	if (err)
		return err;
	changed(brain, consult);
	*ret = target;
	return 0;
}

int hz_target_remove(struct hz_brain *brain, struct hz_consult *consult, struct hz_target *target,
                     const char *by)
{
	struct hz_target before = *target;
	target->number = 0;
	int err = note(brain, consult, &before, "remove", by);
	if (err)
		target->number = before.number;
	else
		hz_wipe(target, sizeof(*target));
	hz_wipe(&before, sizeof(before));
	if (!err)
		changed(brain, consult);
	return err;
}

// --- the store

json_t *hz_targets_keep(const struct hz_consult *consult)
{
	json_t *list = consult->targets ? json_array() : NULL;
	for (unsigned i = 0; list && i < HZ_TARGETS; i++) {
		const struct hz_target *t = &consult->targets->target[i];
		if (t->number && t->sealed[0])
			json_array_append_new(list, json_pack("{s:I, s:b, s:s, s:s}", "number",
			                                      (json_int_t)t->number, "enabled", t->enabled,
			                                      "sealed", t->sealed, "by", t->by));
		else if (t->number)
			json_array_append_new(list, json_pack("{s:I, s:b, s:s, s:s, s:s}", "number",
			                                      (json_int_t)t->number, "enabled", t->enabled,
			                                      "url", t->url, "key", t->key, "by", t->by));
	}
	return list;
}

void hz_targets_load(struct hz_brain *brain, struct hz_consult *consult, const json_t *list)
{
	const json_t *item;
	size_t i;
	json_array_foreach(list, i, item)
	{
		struct hz_target wish = {.number = 0};
		struct hz_target_wrong wrong;
		const char *by = json_string_value(json_object_get(item, "by"));
		const char *sealed = json_string_value(json_object_get(item, "sealed"));
		if (i >= HZ_TARGETS || !get(consult))
			return;
		wish.number = (uint32_t)json_integer_value(json_object_get(item, "number"));
		int err = sealed ? unseal(brain, consult, sealed, &wish) : 0;
		if (!err)
			err = hz_target_read(item, &wish, &wrong);
		if (!err && !sealed)
			(void)seal(brain, consult, &wish); // of before: sealed with the next word
		if (!err) {
			snprintf(wish.by, sizeof(wish.by), "%s", by ? by : "");
			consult->targets->target[i] = wish;
		}
		hz_wipe(&wish, sizeof(wish));
	}
}

// --- shown

// As many as can be are at work, and it is not among them (targets_link.c left it out).
static bool left_out(const struct hz_brain *brain, uint32_t number)
{
	for (unsigned i = 0; i < HZ_TARGETS_ALL; i++)
		if (!brain->targets->said[i].number || brain->targets->said[i].number == number)
			return false;
	return true;
}

static const char *state_of(const struct hz_brain *brain, const struct hz_consult *consult,
                            const struct hz_target *t)
{
	if (!t->enabled)
		return "stopped";
	if (!brain->hls || !brain->targets || brain->targets->pipe.fd < 0)
		return "unavailable";
	if (!hz_target_at_work(consult, t) || left_out(brain, t->number) ||
	    strcmp(hz_hls_state(brain, consult), "full") == 0)
		return "waiting";
	if (t->status.state != HZ_INGEST_RETRYING)
		return t->status.state == HZ_INGEST_LIVE ? "live" : "connecting";
	switch (t->status.reason) {
	case HZ_INGEST_UNAUTHORISED:
	case HZ_INGEST_NOT_ALLOWED:
	case HZ_INGEST_GARBAGE:
	case HZ_INGEST_CERTIFICATE:
		return "refused";
	default:
		return "retrying";
	}
}

json_t *hz_target_json(const struct hz_brain *brain, const struct hz_consult *consult,
                       const struct hz_target *target)
{
	const struct hz_ingest_status *s = &target->status;
	char shown[HZ_INGEST_URL_BYTES], id[9];
	hz_target_show(target->url, shown, sizeof(shown));
	snprintf(id, sizeof(id), "%08x", target->number);
	uint32_t reconnects = s->attempts ? s->attempts - 1 : 0;
	return json_pack("{s:s, s:s, s:b, s:b, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "id", id, "url",
	                 shown, "key", target->key[0] != '\0', "enabled", target->enabled, "by", target->by,
	                 "state", state_of(brain, consult, target), "reason",
	                 hz_ingest_reason_name(s->reason), "since_ms", (json_int_t)target->since_ms,
	                 "sent_bytes", (json_int_t)s->sent_bytes, "reconnects", (json_int_t)reconnects,
	                 "restarts", (json_int_t)s->restarts, "dropped", (json_int_t)s->dropped);
}

json_t *hz_targets_json(const struct hz_brain *brain, const struct hz_consult *consult)
{
	json_t *list = json_array();
	for (unsigned i = 0; consult->targets && i < HZ_TARGETS; i++)
		if (consult->targets->target[i].number)
			json_array_append_new(list,
			                      hz_target_json(brain, consult, &consult->targets->target[i]));
	return list;
}
