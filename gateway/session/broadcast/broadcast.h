// The broadcast of a consult: a programme that a director cuts together from sources that were marked as free of
// identity, for viewers who see nothing else. Why it is so: docs/decisions/016-the-broadcast.md.
//
// Viewers are WHEP peers of a participant that is in no list (consult->viewers): no roster, count, record, log or codec
// choice knows of it. Their slots follow the programme; all of them are HZ_SUB_LIVE, and HZ_SUB_PAUSED while nothing is
// to be seen. What the director said is in the store before it is answered, but for CUT, which comes first and is
// written then. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_BROADCAST_BROADCAST_H
#define HZ_GATEWAY_SESSION_BROADCAST_BROADCAST_H

#include <jansson.h>

#include "gateway/session/model.h"
#include "media/hls/api.h"
#include "media/mosaic/api.h"

#define HZ_PROGRAM            "program"  // the source of WHEP
#define HZ_VIEWERS_ID         "~program" // no token can name it
#define HZ_BROADCAST_SOURCES  16
#define HZ_BROADCAST_VOICES   4
#define HZ_BROADCAST_PAST     8
#define HZ_BROADCAST_DELAY_S  10
#define HZ_BROADCAST_RESERVED 128  // transports of a worker that viewers leave to the consults
#define HZ_BROADCAST_VIEWERS  5000 // of a consult
#define HZ_BROADCAST_PER_SUB  16   // with tokens of one subject: nobody alone takes everybody's places

struct hz_broadcast_source {
	char participant[HZ_ID_TEXT_BYTES];
	uint8_t source; // enum hz_source
};

// What of a source is painted over (docs/decisions/023-masks.md). Whoever is not named here is as its kind says.
struct hz_masks {
	struct hz_broadcast_source of;
	bool identified;                // its picture says who it is: it is not shown without masks
	uint8_t fill;                   // luma
	char profile[HZ_ID_TEXT_BYTES]; // of a device; "": none
	unsigned own, count;            // own first, then the profile's
	struct hz_mosaic_mask mask[HZ_MOSAIC_MASKS];
	uint32_t
	    version; // another one with each change: what was painted with others is never taken for this
};

// What is shown together with the first source; layout HZ_MOSAIC_AIR_ALONE: nothing is.
struct hz_beside {
	uint8_t layout; // enum hz_mosaic_air
	unsigned count;
	struct hz_broadcast_source source[HZ_MOSAIC_PARTS - 1];
};

struct hz_programme { // what may be on the air
	struct hz_broadcast_source first;
	struct hz_beside beside;
};

struct hz_broadcast {
	char title[HZ_LABEL_BYTES], text[HZ_LABEL_BYTES]; // text: the lower third; "": none
	bool text_hidden;
	unsigned past_count;
	char past[HZ_BROADCAST_PAST][HZ_LABEL_BYTES]; // lower thirds of before, the newest first
	unsigned delay_s;                             // of the delayed leg
	unsigned source_count, voice_count;
	struct hz_broadcast_source source[HZ_BROADCAST_SOURCES]; // may be shown
	char voice[HZ_BROADCAST_VOICES][HZ_ID_TEXT_BYTES];       // whose microphones are heard
	unsigned mask_count;
	struct hz_masks masks[HZ_BROADCAST_SOURCES]; // whether or not they are among the sources now
	uint32_t mask_version;                       // the newest
	uint32_t clean; // the newest that hid more than before: what the delayed leg held then is in no file
	int64_t masked_ms; // since when nothing leaves that was painted otherwise; 0: not all have said so
	bool ended;        // it is over; its masks are what the next one begins with
	bool slate;        // viewers were told that what paints is away
	bool on_air;       // `air` is
	struct hz_broadcast_source air;
	struct hz_beside beside;     // of `air`
	uint32_t air_version;        // of what is composed, as hz_masks.version
	uint32_t table;              // the studies on it when somebody said what of it may be shown
	struct hz_programme fade_to; // while fade_us is not 0: on the air from then on
	int64_t fade_us;
	unsigned fade_ms;
	char fade_by[HZ_ID_TEXT_BYTES];
	int64_t since_ms; // first on the air; 0: not yet
	bool cut;
	int64_t cut_ms;       // the mark
	int64_t confirmed_ms; // since when no worker sends anything; 0: not all have said so
	char cut_by[HZ_ID_TEXT_BYTES], reason[HZ_LABEL_BYTES];
	char hls[HZ_HLS_ID_BYTES];     // the folder of the delayed leg: unguessable
	int64_t cut_us, from_us;       // the mark, and the newest resume, on brain->now_us's clock; not kept
	bool unsaved;                  // the store did not take the cut: it is written again each second
	uint64_t mark[HZ_MAX_WORKERS]; // commands whose answers are waited for
};

// What a body says (schema broadcast.put, checked). *ret_field: the member at fault, -EINVAL.
int hz_broadcast_parse(const json_t *body, struct hz_broadcast *ret, const char **ret_field);
// For directors: everything. NULL without one, or without memory.
json_t *hz_broadcast_json(const struct hz_brain *brain, const struct hz_consult *consult);
// For everybody else: state ("off", "ready", "live", "cut"); for viewers title, text and their number, too.
json_t *hz_broadcast_watch_json(const struct hz_brain *brain, const struct hz_consult *consult);
const char *hz_broadcast_state(const struct hz_consult *consult);

// Makes it, or changes it: what is not among the sources any more leaves the air. by: the participant. Errors of the
// store: nothing was changed. -ENOMEM.
int hz_broadcast_put(struct hz_brain *brain, struct hz_consult *consult, const struct hz_broadcast *wish,
                     const char *by);
// what NULL: nothing on the air. -ENOENT no broadcast; -EACCES not its sources; -EPERM one says who it is and has no masks; -EEXIST one is
// named twice; -ENOTSUP it has masks, or is several, and nobody paints (mosaic.enabled).
int hz_broadcast_program(struct hz_brain *brain, struct hz_consult *consult, const struct hz_programme *what,
                         const char *by);
// Viewers' pages go dark within ms, then it is on the air. What is said meanwhile is the last word; who dies meanwhile has
// not done it. Errors as above.
int hz_broadcast_fade(struct hz_brain *brain, struct hz_consult *consult, const struct hz_programme *what,
                      unsigned ms, const char *by);
// CUT: the workers are told before anything else. -ENOENT. A store that fails does not undo it.
int hz_broadcast_cut(struct hz_brain *brain, struct hz_consult *consult, const char *by, const char *reason);
int hz_broadcast_resume(struct hz_brain *brain, struct hz_consult *consult, const char *by,
                        const char *reason);
// The lower third, and whether it is shown. -ENOENT.
int hz_broadcast_third(struct hz_brain *brain, struct hz_consult *consult, const char *text, bool shown,
                       const char *by);
// The end: its viewers go. -ENOENT.
int hz_broadcast_end(struct hz_brain *brain, struct hz_consult *consult, const char *by);

// --- masks (broadcast_masks.c)

enum hz_mask_need { HZ_MASK_FREE, HZ_MASK_MASKED, HZ_MASK_MISSING }; // MISSING: it may not be shown
// ret_masks: of a masked one; NULL allowed.
enum hz_mask_need hz_mask_need(const struct hz_broadcast *b, const struct hz_broadcast_source *source,
                               const struct hz_masks **ret_masks);
// What a body says (schema broadcast.masks, checked) with the regions of its profile, version 0. -EINVAL: *ret_field; -ENOENT: no such
// profile; -ENOSPC: more than HZ_MOSAIC_MASKS together.
int hz_masks_parse(struct hz_brain *brain, const json_t *body, struct hz_masks *ret, const char **ret_field);
// Regions of the picture, as fractions: members x, y, w, h. -EINVAL, -ENOSPC.
int hz_masks_regions(const json_t *list, unsigned room, struct hz_mosaic_mask *ret, unsigned *ret_count);
int hz_masks_fill(const json_t *fill, uint8_t *ret); // -EINVAL
// What is on the air: "open", "masked", or "slate": to be painted by a process that is away.
const char *hz_masks_state(const struct hz_brain *brain, const struct hz_consult *consult);
json_t *hz_masks_json(const struct hz_broadcast *b);
int hz_masks_load(const json_t *json, struct hz_broadcast *ret); // of the store. -EINVAL
// What viewers see of it until then is held back first, also what waits for its delay; then it is written. From masked_ms on nothing
// that was painted otherwise leaves any more. -ENOENT: no broadcast; -ENOSPC; of the store: as it was.
int hz_masks_set(struct hz_brain *brain, struct hz_consult *consult, const struct hz_masks *wish,
                 const char *by);
// Others are on the air from now on, painted alike: what was painted before is not shown any more.
void hz_masks_renew(struct hz_broadcast *b);
// A profile has changed, and that is durable: all broadcasts that name it follow. The first error; who could not follow does so later.
struct hz_profile;
int hz_masks_profile(struct hz_brain *brain, const struct hz_profile *profile, const char *by);
// Once a second: who could not follow a profile; and at the start, before media objects are loaded, who was to when control died.
void hz_masks_settle(struct hz_brain *brain);
int hz_masks_settle_loaded(struct hz_brain *brain);

// Once a turn: have the workers confirmed a CUT, or masks? Once a second: the viewers' number for the directors.
void hz_broadcast_turn(struct hz_brain *brain);
void hz_broadcast_tick(struct hz_brain *brain);

// --- what is on the air (broadcast_air.c)

bool hz_air_has(const struct hz_broadcast *b, const struct hz_broadcast_source *source);
// The mosaic makes its picture: it has masks, or is several.
bool hz_air_painted(const struct hz_broadcast *b);
unsigned hz_air_parts(const struct hz_broadcast *b); // 0: nothing is on the air
const struct hz_broadcast_source *hz_air_part(const struct hz_broadcast *b, unsigned part);
// The track that shows it to whoever takes it from any worker (files, other platforms), if there is one: of a source that is open its own,
// else the painted one. NULL: nothing is shown. Then call hz_picture_air_settle().
struct hz_track *hz_air_track(struct hz_brain *brain, struct hz_consult *consult);
// The same for viewers of one worker: an open source's track may be of another one.
struct hz_track *hz_air_track_on(struct hz_brain *brain, struct hz_consult *consult, unsigned worker);

// The table has changed. With other studies on it nothing holds that was said of the images: they leave the air.
void hz_air_table(struct hz_brain *brain, struct hz_consult *consult);
uint32_t hz_air_studies(struct hz_brain *brain, struct hz_consult *consult); // a number of those on it

// --- viewers (broadcast_viewers.c)

// The participant of all viewers; made when there is none. NULL: out of memory.
struct hz_participant *hz_viewers_get(struct hz_consult *consult);
bool hz_is_viewers(const struct hz_participant *p);
// A further viewer, with a token of sub: -ENOENT nothing was on the air yet; -ENOSPC.
int hz_viewers_enter(struct hz_brain *brain, struct hz_consult *consult, const char *sub,
                     struct hz_participant **ret);
unsigned hz_viewers_count(const struct hz_consult *consult); // connected
// Points their slots at the programme.
void hz_viewers_follow(struct hz_brain *brain, struct hz_consult *consult);
// A cut: the workers are told to close them, and nothing else is done; then, when that is in the store, the rest.
void hz_viewers_close(struct hz_brain *brain, struct hz_consult *consult);
void hz_viewers_closed(struct hz_brain *brain, struct hz_consult *consult);
void hz_viewers_end(struct hz_brain *brain, struct hz_consult *consult);

// --- life

// At the start: broadcasts of open consults, before media objects are loaded; and once those are there.
int hz_broadcast_load(struct hz_brain *brain);
void hz_broadcast_loaded(struct hz_brain *brain, struct hz_consult *consult);
// The consult is closed.
void hz_broadcast_forget(struct hz_brain *brain, struct hz_consult *consult);
void hz_broadcast_free_memory(struct hz_consult *consult);

#endif
