#include "gateway/link/keep_link.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"

#define KEEP_BY_BYTES 65

struct one {
	struct one *next;
	uint64_t id;
	char *text;
	char by[KEEP_BY_BYTES];
};

struct hz_keep_link {
	int fd;
	unsigned count;
	uint64_t next_id;
	struct one *waits; // oldest first
	hz_keep_news_cb *cb;
	void *ctx;
};

int hz_keep_link_new(int fd, struct hz_keep_link **ret)
{
	struct hz_keep_link *link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->fd = fd;
	hz_random(&link->next_id, sizeof(link->next_id)); // answers to the last control's numbers fit none
	*ret = link;
	return 0;
}

static void forget(struct hz_keep_link *link, struct one **at)
{
	struct one *gone = *at;
	*at = gone->next;
	link->count--;
	free(gone->text);
	free(gone);
}

void hz_keep_link_free(struct hz_keep_link *link)
{
	if (!link)
		return;
	while (link->waits)
		forget(link, &link->waits);
	free(link);
}

void hz_keep_link_listen(struct hz_keep_link *link, hz_keep_news_cb *cb, void *ctx)
{
	link->cb = cb;
	link->ctx = ctx;
}

// What cannot be said now is said again.
static bool say(struct hz_keep_link *link, const struct one *one)
{
	const struct hz_dweb_keep keep = {
	    .h = {.version = HZ_DWEB_VERSION, .type = HZ_DWEB_KEEP, .bytes = sizeof(keep)}, .id = one->id};
	int fd = -1, err = hz_memfd_from("keep", one->text, strlen(one->text), &fd);
	if (!err)
		err = hz_seqpacket_send_fds(link->fd, &keep, sizeof(keep), &fd, 1);
	if (fd >= 0)
		close(fd);
	if (err)
		hz_warn("keep.unsaid", "err=%d waiting=%u", -err, link->count);
	return !err;
}

int hz_keep_link_put(struct hz_keep_link *link, char *text, const char *by)
{
	struct one **at = &link->waits;
	struct one *made = link->count < HZ_KEEPS_WAIT ? calloc(1, sizeof(*made)) : NULL;
	if (!made) {
		free(text);
		return link->count < HZ_KEEPS_WAIT ? -ENOMEM : -ENOSPC;
	}
	while (*at)
		at = &(*at)->next;
	made->id = ++link->next_id;
	made->text = text;
	snprintf(made->by, sizeof(made->by), "%s", by);
	*at = made;
	link->count++;
	(void)say(link, made);
	return 0;
}

void hz_keep_link_again(struct hz_keep_link *link)
{
	bool heard = true;
	for (const struct one *one = link->waits; one && heard; one = one->next)
		heard = say(link, one);
}

static void copy(char *ret, size_t room, const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	snprintf(ret, room, "%s", text ? text : "");
}

// Of what, and whose: it is in what was said.
static void not_taken(struct hz_keep_link *link, struct hz_dweb_kept *kept, const struct one *one)
{
	json_t *json = json_loads(one->text, 0, NULL);
	hz_error("keep.not_taken", "waiting=%u result=%u", link->count - 1, kept->result);
	copy(kept->consult, sizeof(kept->consult), json, "consult");
	copy(kept->pacs, sizeof(kept->pacs), json, "pacs");
	copy(kept->study, sizeof(kept->study), json, "study");
	json_decref(json);
	if (link->cb)
		link->cb(link->ctx, kept, one->by);
}

void hz_keep_link_heard(struct hz_keep_link *link, struct hz_dweb_kept *kept)
{
	kept->consult[sizeof(kept->consult) - 1] = '\0';
	kept->pacs[sizeof(kept->pacs) - 1] = kept->study[sizeof(kept->study) - 1] = '\0';
	if (kept->state == HZ_DWEB_NEWS) {
		if (link->cb)
			link->cb(link->ctx, kept, "");
		return;
	}
	for (struct one **at = &link->waits; *at; at = &(*at)->next) {
		if ((*at)->id != kept->id)
			continue;
		if (kept->state == HZ_DWEB_NOT_TAKEN)
			not_taken(link, kept, *at);
		forget(link, at);
		return;
	}
}
