#include "media/live/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/live/pane.h"

struct hz_live_room {
	struct hz_live_room_with with;
	uint32_t consult, round;
	struct hz_live_room_set set;
	struct hz_live_shown pane[HZ_LIVE_PANES];
	struct hz_live_stream *stream[HZ_LIVE_RENDITIONS];
	uint32_t stream_round[HZ_LIVE_RENDITIONS];
	struct hz_live_mark_set *mark[HZ_LIVE_MARKS];
	uint32_t mark_round[HZ_LIVE_MARKS];
	unsigned marks;
	uint64_t drawing; // counts what there is to see; 0: nothing was looked at yet
	bool news;        // look again
	struct hz_live_status count;
};

int hz_live_room_new(const struct hz_live_room_with *with, uint32_t consult, struct hz_live_room **ret)
{
	struct hz_live_room *room = calloc(1, sizeof(*room));
	if (!room)
		return -ENOMEM;
	room->with = *with;
	room->consult = consult;
	*ret = room;
	return 0;
}

void hz_live_room_free(struct hz_live_room *room)
{
	if (!room)
		return;
	for (unsigned i = 0; i < HZ_LIVE_PANES; i++)
		hz_live_shown_done(&room->pane[i]);
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++)
		hz_live_stream_free(room->stream[i]);
	for (unsigned i = 0; i < room->marks; i++)
		free(room->mark[i]);
	free(room);
}

uint32_t hz_live_room_consult(const struct hz_live_room *room)
{
	return room->consult;
}

// --- wishes

static bool ended(const struct hz_live_ref *ref)
{
	return !ref->pacs[HZ_LIVE_UID_BYTES - 1] && !ref->study[HZ_LIVE_UID_BYTES - 1] &&
	       !ref->series[HZ_LIVE_UID_BYTES - 1] && !ref->instance[HZ_LIVE_UID_BYTES - 1];
}

int hz_live_room_set(struct hz_live_room *room, const struct hz_live_room_set *set, uint32_t round,
                     int64_t now_us)
{
	if (set->panes != 1 && set->panes != 2 && set->panes != 4)
		return -EINVAL;
	for (unsigned i = 0; i < HZ_LIVE_PANES; i++)
		if (!ended(&set->pane[i].image))
			return -EINVAL;
	bool stale = set->version < room->set.version && room->round == round;
	room->round = round;
	if (stale)
		return 0;
	bool other = room->set.panes != set->panes;
	for (unsigned i = 0; i < HZ_LIVE_PANES; i++) {
		static const struct hz_live_pane empty;
		other |= hz_live_shown_set(&room->pane[i], i < set->panes ? &set->pane[i] : &empty, now_us);
	}
	room->set = *set;
	if (other) {
		room->news = true;
		room->drawing++;
	}
	return 0;
}

static int find_stream(const struct hz_live_room *room, uint32_t rendition)
{
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++)
		if (room->stream[i] && hz_live_stream_get(room->stream[i])->rendition == rendition)
			return (int)i;
	return -ENOENT;
}

int hz_live_room_rendition(struct hz_live_room *room, const struct hz_live_rendition_set *set, uint32_t round)
{
	int at = find_stream(room, set->rendition), err = 0;
	for (int i = 0; at < 0 && i < (int)HZ_LIVE_RENDITIONS; i++)
		at = room->stream[i] ? at : i;
	if (at < 0)
		return -ENOSPC;
	bool fresh = !room->stream[at];
	if (fresh)
		err = hz_live_stream_new(&room->with.sink, &room->stream[at]);
	if (!err)
		err = hz_live_stream_set(room->stream[at], set);
	room->stream_round[at] = round;
	if (err && fresh) {
		hz_live_stream_free(room->stream[at]);
		room->stream[at] = NULL;
	}
	return err;
}

int hz_live_room_rendition_del(struct hz_live_room *room, uint32_t rendition)
{
	int at = find_stream(room, rendition);
	if (at < 0)
		return -ENOENT;
	hz_live_stream_free(room->stream[at]);
	room->stream[at] = NULL;
	return 0;
}

static int find_mark(const struct hz_live_room *room, uint32_t mark)
{
	for (unsigned i = 0; i < room->marks; i++)
		if (room->mark[i]->mark == mark)
			return (int)i;
	return -ENOENT;
}

int hz_live_room_mark(struct hz_live_room *room, const struct hz_live_mark_set *set, uint32_t round)
{
	int at = find_mark(room, set->mark);
	if (!ended(&set->on) || set->kind >= HZ_LIVE_MARK_KINDS || set->points > HZ_LIVE_POINTS ||
	    set->text[HZ_LIVE_TEXT_BYTES - 1])
		return -EINVAL;
	if (at < 0) {
		struct hz_live_mark_set *mark = room->marks < HZ_LIVE_MARKS ? calloc(1, sizeof(*mark)) : NULL;
		if (!mark)
			return -ENOSPC;
		for (at = (int)room->marks++; at > 0 && room->mark[at - 1]->mark > set->mark; at--) {
			room->mark[at] = room->mark[at - 1]; // by number: later ones lie above
			room->mark_round[at] = room->mark_round[at - 1];
		}
		room->mark[at] = mark;
	}
	struct hz_live_mark_set mark = *set;
	mark.h = (struct hz_msg_header){0}; // counts up, and says nothing
	bool same = memcmp(room->mark[at], &mark, sizeof(mark)) == 0;
	room->mark_round[at] = round;
	if (!same)
		room->drawing++;
	*room->mark[at] = mark;
	return 0;
}

// They keep their order: what was drawn later lies above.
static void remove_mark(struct hz_live_room *room, unsigned at)
{
	free(room->mark[at]);
	room->marks--;
	memmove(&room->mark[at], &room->mark[at + 1], (room->marks - at) * sizeof(room->mark[0]));
	memmove(&room->mark_round[at], &room->mark_round[at + 1],
	        (room->marks - at) * sizeof(room->mark_round[0]));
	room->drawing++;
}

int hz_live_room_mark_del(struct hz_live_room *room, uint32_t mark)
{
	int at = find_mark(room, mark);
	if (at < 0)
		return -ENOENT;
	remove_mark(room, (unsigned)at);
	return 0;
}

bool hz_live_room_sweep(struct hz_live_room *room, uint32_t round)
{
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++) {
		if (room->stream[i] && room->stream_round[i] != round) {
			hz_live_stream_free(room->stream[i]);
			room->stream[i] = NULL;
		}
	}
	for (unsigned i = room->marks; i-- > 0;)
		if (room->mark_round[i] != round)
			remove_mark(room, i);
	return room->round == round;
}

bool hz_live_room_ask(struct hz_live_room *room, uint32_t ssrc)
{
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++) {
		if (!room->stream[i] || hz_live_stream_get(room->stream[i])->ssrc != ssrc)
			continue;
		hz_live_stream_ask(room->stream[i]);
		room->count.keyframes_asked++;
		return true;
	}
	return false;
}

void hz_live_room_news(struct hz_live_room *room)
{
	room->news = true;
}

// --- drawing

static void caption(const struct hz_live_room *room, struct hz_canvas *canvas, int side)
{
	const struct hz_rect bar = {0, side, side, canvas->height - side};
	bool english = room->set.language == 1;
	const struct hz_text_line line = {.utf8 = english ? "NOT FOR DIAGNOSIS · 非诊断用"
	                                                  : "非诊断用 · NOT FOR DIAGNOSIS",
	                                  .box = bar,
	                                  .size = bar.h * 60 / 100,
	                                  .align = HZ_TEXT_CENTRE,
	                                  .colour = HZ_COLOUR_TEXT};
	hz_canvas_fill(canvas, bar, HZ_COLOUR_BACK);
	if (room->with.text)
		(void)hz_text_draw(room->with.text, canvas, &line);
}

static void draw(struct hz_live_room *room, struct hz_live_stream *stream)
{
	struct hz_canvas *canvas = hz_live_stream_canvas(stream);
	const struct hz_live_marks marks = {room->mark, room->marks};
	int side = canvas->width;
	unsigned across = room->set.panes > 1 ? 2 : 1, down = room->set.panes > 2 ? 2 : 1;
	for (unsigned i = 0; i < room->set.panes; i++) {
		const int w = side / (int)across, h = side / (int)down;
		struct hz_rect pane = {(int)(i % across) * w, (int)(i / across) * h, w, h};
		const struct hz_live_drawn how = {pane, room->with.text, hz_live_stream_get(stream)->bare};
		hz_live_shown_draw(&room->pane[i], canvas, &how, &marks);
		if (room->set.panes > 1)
			hz_canvas_frame(canvas, pane, 2, HZ_COLOUR_TILE);
	}
	caption(room, canvas, side);
	hz_live_stream_shows(stream, room->drawing);
}

static bool bare_watched(const struct hz_live_room *room)
{
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++) {
		const struct hz_live_rendition_set *set =
		    room->stream[i] ? hz_live_stream_get(room->stream[i]) : NULL;
		if (set && set->workers && set->bare)
			return true;
	}
	return false;
}

static void look(struct hz_live_room *room, int64_t now_us)
{
	bool other = !room->drawing, bare = bare_watched(room);
	for (unsigned i = 0; i < room->set.panes; i++) {
		room->news |= bare && !room->pane[i].bare_wanted;
		room->pane[i].bare_wanted = bare;
	}
	for (unsigned i = 0; i < room->set.panes; i++) {
		if (room->news || room->pane[i].next_us <= now_us)
			other |=
			    hz_live_shown_look(&room->pane[i], room->with.library, room->consult, now_us);
	}
	room->news = false;
	room->drawing += other;
}

static bool watched(const struct hz_live_room *room)
{
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++)
		if (room->stream[i] && hz_live_stream_get(room->stream[i])->workers)
			return true;
	return false;
}

static void put(struct hz_live_room *room, struct hz_live_stream *stream, const struct hz_live_moment *moment)
{
	bool key = false, fresh = hz_live_stream_shown(stream) != room->drawing;
	if (fresh)
		draw(room, stream);
	if (hz_live_stream_put(stream, moment, &key) != 1)
		return;
	room->count.encoded++;
	room->count.keyframes_made += key;
}

int64_t hz_live_room_tick(struct hz_live_room *room, const struct hz_live_moment *moment)
{
	int64_t next_us = INT64_MAX;
	if (!room->set.panes || !watched(room))
		return next_us;
	look(room, moment->now_us);
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++) {
		struct hz_live_stream *s = room->stream[i];
		if (s && hz_live_stream_due(s, room->drawing, moment->now_us) <= moment->now_us)
			put(room, s, moment);
		int64_t due_us = s ? hz_live_stream_due(s, room->drawing, moment->now_us) : INT64_MAX;
		next_us = due_us < next_us ? due_us : next_us;
	}
	for (unsigned i = 0; i < room->set.panes; i++)
		next_us = room->pane[i].next_us < next_us ? room->pane[i].next_us : next_us;
	return next_us;
}

void hz_live_room_count(const struct hz_live_room *room, struct hz_live_status *add)
{
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++)
		add->renditions += room->stream[i] != NULL;
	add->rooms++;
	add->marks += room->marks;
	add->encoded += room->count.encoded;
	add->keyframes_made += room->count.keyframes_made;
	add->keyframes_asked += room->count.keyframes_asked;
}
