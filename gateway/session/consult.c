#include "gateway/session/consult.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/log.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/broadcast/hls.h"
#include "gateway/session/composed/layout.h"
#include "gateway/session/composed/mix.h"
#include "gateway/session/objects.h"
#include "gateway/session/participant.h"
#include "gateway/session/persist.h"
#include "gateway/session/table/reading.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/record/record.h"
#include "gateway/session/relay.h"
#include "gateway/session/theatre.h"
#include "gateway/session/watched.h"
#include "gateway/store/consults.h"

int hz_consult_place(struct hz_brain *brain, const char *id, const char *title, int64_t created_ms,
                     struct hz_consult **ret)
{
	if (hz_map_count(brain->consults) >= brain->limits.consults)
		return -ENOSPC;
	struct hz_consult *consult = calloc(1, sizeof(*consult));
	if (!consult)
		return -ENOMEM;
	snprintf(consult->id, sizeof(consult->id), "%s", id);
	snprintf(consult->title, sizeof(consult->title), "%s", title);
	consult->created_ms = created_ms;
	consult->version = (uint64_t)brain->wall_ms; // grows over a restart of control
	do {
		consult->number = ++brain->next_number;
	} while (consult->number == 0 || hz_map_get_u64(brain->numbers, consult->number));
	int err = hz_map_set(brain->consults, consult->id, consult);
	if (!err) {
		err = hz_map_set_u64(brain->numbers, consult->number, consult);
		if (err)
			hz_map_del(brain->consults, consult->id);
	}
	if (err) {
		free(consult);
		return err;
	}
	*ret = consult;
	return 0;
}

struct lookup {
	bool closed;
	uint8_t wish;
	struct hz_layout layout;
	char title[HZ_LABEL_BYTES];
	int64_t created_ms;
};

static bool on_row(void *arg, const struct hz_consult_row *row)
{
	struct lookup *found = arg;
	found->closed = row->closed;
	found->wish = row->record;
	hz_layout_from_text(row->layout, &found->layout);
	found->created_ms = row->created_ms;
	snprintf(found->title, sizeof(found->title), "%s", row->title);
	return false;
}

int hz_consult_get(struct hz_brain *brain, const char *id, struct hz_consult **ret)
{
	struct hz_consult *consult = hz_map_get(brain->consults, id);
	struct lookup found = {.closed = false};
	if (consult) {
		*ret = consult;
		return 0;
	}
	if (!brain->store)
		return -ENOENT;
	int err = hz_store_consult_get(brain->store, id, on_row, &found);
	if (err)
		return err;
	if (found.closed)
		return -ESTALE;
	err = hz_consult_place(brain, id, found.title, found.created_ms, &consult);
	if (err)
		return err;
	consult->wish = found.wish;
	consult->layout = found.layout;
	*ret = consult;
	return 0;
}

static int write(struct hz_brain *brain, const struct hz_consult *consult, const char *title, bool closed)
{
	char layout[HZ_LAYOUT_TEXT_BYTES];
	if (!brain->store)
		return 0;
	hz_layout_to_text(&consult->layout, layout);
	const struct hz_consult_row row = {
	    .id = consult->id,
	    .title = title,
	    .closed = closed,
	    .created_ms = consult->created_ms,
	    .closed_ms = closed ? brain->wall_ms : 0,
	    .record = consult->wish,
	    .layout = layout,
	};
	int err = hz_store_consult_put(brain->store, &row);
	return hz_persist_end(brain, err);
}

static void drop(struct hz_brain *brain, struct hz_consult *consult)
{
	(void)hz_record_stop(brain, consult, ""); // nobody is left
	hz_broadcast_forget(brain, consult);
	hz_reading_keep_at_end(brain, consult);
	hz_reading_forget(brain, consult);
	hz_theatre_forget(brain, consult);
	hz_mix_recount(brain, consult);
	hz_picture_end(brain, consult);
	hz_easel_end(brain, consult);
	for (struct hz_consult **at = &brain->dirty; *at; at = &(*at)->next_dirty) {
		if (*at == consult) {
			*at = consult->next_dirty;
			break;
		}
	}
	hz_watched_forget(brain, consult);
	hz_relay_sweep(brain, consult, true);
	hz_map_del(brain->consults, consult->id);
	hz_map_del_u64(brain->numbers, consult->number);
	hz_consult_free_memory(consult);
}

int hz_consult_create(struct hz_brain *brain, const char *id, const char *title, struct hz_consult **ret)
{
	struct hz_consult *consult = NULL;
	if (brain->draining)
		return -EBUSY;
	int err = hz_consult_get(brain, id, &consult);
	if (err == 0 || err == -ESTALE)
		return -EEXIST;
	if (err != -ENOENT)
		return err;
	err = hz_consult_place(brain, id, title, brain->wall_ms, &consult);
	if (err)
		return err;
	err = write(brain, consult, title, false);
	if (err) {
		drop(brain, consult);
		return err;
	}
	hz_info("consult.opened", "consult=%s", consult->id);
	*ret = consult;
	return 0;
}

int hz_consult_retitle(struct hz_brain *brain, struct hz_consult *consult, const char *title)
{
	int err = write(brain, consult, title, false);
	if (!err)
		snprintf(consult->title, sizeof(consult->title), "%s", title);
	return err;
}

int hz_consult_set_wish(struct hz_brain *brain, struct hz_consult *consult, enum hz_record_wish wish)
{
	uint8_t before = consult->wish;
	consult->wish = (uint8_t)wish;
	int err = write(brain, consult, consult->title, false);
	if (err)
		consult->wish = before;
	else
		hz_record_consider(brain, consult);
	return err;
}

int hz_consult_set_layout(struct hz_brain *brain, struct hz_consult *consult, const struct hz_layout *layout)
{
	const struct hz_layout before = consult->layout;
	consult->layout = *layout;
	int err = write(brain, consult, consult->title, false);
	if (err)
		consult->layout = before;
	return err;
}

int hz_consult_close(struct hz_brain *brain, struct hz_consult *consult)
{
	int err = write(brain, consult, consult->title, true);
	if (err)
		return err;
	while (consult->participants)
		hz_participant_end(brain, consult->participants, HZ_STATUS_LEFT, "closed");
	hz_info("consult.closed", "consult=%s", consult->id);
	drop(brain, consult);
	return 0;
}

struct hz_consult *hz_consult_by_number(struct hz_brain *brain, uint32_t number)
{
	return hz_map_get_u64(brain->numbers, number);
}

unsigned hz_consults_busy(struct hz_brain *brain)
{
	unsigned busy = 0;
	uint32_t at = 0;
	const struct hz_consult *consult;
	while ((consult = hz_map_next(brain->consults, &at)))
		busy += consult->participants != NULL;
	return busy;
}

void hz_consult_free_memory(struct hz_consult *consult)
{
	while (consult->participants) {
		struct hz_participant *p = consult->participants;
		consult->participants = p->next;
		hz_participant_free_memory(p);
	}
	hz_broadcast_free_memory(consult);
	hz_reading_free_memory(consult);
	hz_relay_free_memory(consult);
	hz_mix_free_memory(consult);
	hz_picture_free_memory(consult);
	hz_easel_free_memory(consult);
	hz_hls_free_memory(consult);
	free(consult->heard);
	free(consult);
}
