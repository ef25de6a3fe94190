// The table of a consult: which studies lie on it, how they are looked at, what was drawn on them and on live pictures, and
// who has that in hand. Why it is so: docs/decisions/018-images.md.
//
// One participant writes at a time (the floor). Each part carries how far it has come: told to everybody (each 25 ms what has
// changed), in the store (within 1 s), in the running record (each 250 ms). Bounds: HZ_READING_*; beyond them a patch is
// refused as a whole. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_TABLE_READING_H
#define HZ_GATEWAY_SESSION_TABLE_READING_H

#include <jansson.h>

#include "gateway/session/model.h"
#include "media/dicomweb/api.h"

#define HZ_READING_STUDIES   16
#define HZ_READING_VIEWPORTS 4
#define HZ_READING_OBJECTS   500
#define HZ_READING_PLACES    1000         // of objects, and of those that are gone and not everybody knows it
#define HZ_READING_BYTES     (256 * 1024) // of all objects as JSON
#define HZ_READING_ONE_BYTES 8192         // of one of them
#define HZ_READING_ASKED     8
#define HZ_READING_PAGE      (48 * 1024) // of objects in one message

enum hz_reading_due { HZ_DUE_PUSH = 1, HZ_DUE_SAVE = 2, HZ_DUE_LOG = 4, HZ_DUE_ALL = 7 };

struct hz_reading_object {
	char id[HZ_ID_TEXT_BYTES];
	int64_t n;    // order of drawing, the key in the store
	json_t *json; // with by and n; NULL: it is gone
	size_t bytes;
	int64_t fades_us; // it is taken away then; 0: it stays, or that is not known yet
	uint8_t due;
};

struct hz_reading {
	struct hz_consult *consult;
	uint64_t version, pushed; // pushed: what everybody was told last
	uint64_t floor_version;   // a patch made on an older one did not see what the former holder did
	char holder[HZ_ID_TEXT_BYTES];
	char asked[HZ_READING_ASKED][HZ_ID_TEXT_BYTES];
	unsigned asked_count;
	json_t *studies; // as types.table_study
	const char *layout;
	bool linked;
	json_t *viewport[HZ_READING_VIEWPORTS];
	struct hz_reading_object *object; // by n
	unsigned places, room, count;     // used, allocated; of those that are there
	size_t bytes;
	int64_t last_n;
	uint8_t due_floor, due_studies, due_layout, due_viewport[HZ_READING_VIEWPORTS];
	char by[HZ_ID_TEXT_BYTES]; // who changed it last
	bool queued;               // in brain->reading_due
	struct hz_reading *next;
	int64_t pushed_us, saved_us, studies_tokens_us, logged_us;
	char record[40]; // the one that has it all
};

// Why a change was refused.
struct hz_reading_refusal {
	int code; // enum hz_rpc_code; 0: it was not
	const char *key;
	char value[128];
};

// The one of a consult, looked for in the store once; *ret NULL: there is none. make: then a new one. -ENOMEM, -errno of
// the store.
int hz_reading_of(struct hz_brain *brain, struct hz_consult *consult, bool make, struct hz_reading **ret);

// Everything as types.table; objects with a number above `after` up to a page, or all of them. NULL: out of memory.
// reading NULL: an empty table.
json_t *hz_reading_json(const struct hz_reading *reading, int64_t after, bool all);
json_t *hz_reading_floor_json(const struct hz_reading *reading);
json_t *hz_reading_viewport_json(unsigned at); // one that shows nothing
bool hz_reading_has_study(const struct hz_reading *reading, const char *pacs, const char *study);

// A patch (schema table.patch.params, checked) of its holder: all of it, or nothing and *ret says why. Of others: removals alone, of
// what is theirs, and of what lies on pictures of participants for who has the grant `admit`. -EPERM refused; -ENOMEM.
int hz_reading_patch(struct hz_reading *reading, const struct hz_participant *by, const json_t *patch,
                     struct hz_reading_refusal *ret);
// action, who: as in the schema. -EPERM and *ret.
int hz_reading_floor(struct hz_reading *reading, const struct hz_participant *p, const json_t *params,
                     struct hz_reading_refusal *ret);
// Something has changed: a higher version, which everybody is told.
void hz_reading_changed(struct hz_brain *brain, struct hz_reading *reading);
// Forgets objects that are gone, once store, record and everybody know it.
void hz_reading_compact(struct hz_reading *reading);

// Somebody is inside from now on: the whole table, where there is one.
void hz_reading_tell(struct hz_brain *brain, const struct hz_participant *p);
// Somebody is not any more.
void hz_reading_left(struct hz_brain *brain, const struct hz_participant *p);

// Takes away what has faded, and what lies on pictures of `who` (NULL: nobody's).
void hz_reading_fade(struct hz_brain *brain, struct hz_reading *reading, const char *who);

// Once a turn: sends what is due; when the next is (now_us scale), INT64_MAX: nothing waits.
int64_t hz_reading_due(struct hz_brain *brain);
// Four times a second: to the store and to the record.
void hz_reading_tick(struct hz_brain *brain);
// All that is due to the store, now: control ends.
void hz_reading_save(struct hz_brain *brain);
// Which studies lie there is on the disk before it is answered (ten times a second at most after a few, else with the tick): rights follow from it.
void hz_reading_save_studies(struct hz_brain *brain, struct hz_reading *reading);
// To the record.
void hz_reading_log(struct hz_brain *brain, struct hz_reading *reading);

// The consult is over: what was drawn is kept in its PACS.
void hz_reading_keep_at_end(struct hz_brain *brain, struct hz_consult *consult);
// What became of it; ctx: brain.
void hz_reading_on_kept(void *ctx, const struct hz_dweb_kept *news, const char *by);
// The consult is over: nothing of it stays in the store.
void hz_reading_forget(struct hz_brain *brain, struct hz_consult *consult);
void hz_reading_free_memory(struct hz_consult *consult);
void hz_reading_free(struct hz_reading *reading);

#endif
