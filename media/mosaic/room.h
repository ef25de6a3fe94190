// One consult's composed picture: its sources, its stage, its renditions, on a clock of 25 pictures a second. Where a tick comes
// late, ticks are left out, so that what is shown is never old. No I/O, no clock; thread: one. Times: now_us, and the wall clock
// that is drawn and reported.
#ifndef HZ_MEDIA_MOSAIC_ROOM_H
#define HZ_MEDIA_MOSAIC_ROOM_H

#include <stdbool.h>
#include <stddef.h>

#include "media/mosaic/api.h"
#include "media/picture/text.h"
#include "media/rtp/packet.h"
#include "media/rtp/rtcp.h"

#define HZ_ROOM_TICK_US 40000
#define HZ_ROOM_SLOW_US 200000 // at least one picture in this time, whatever else there is to do

struct hz_mosaic_out {
	// kind: enum hz_ring_kind
	uint32_t consult;
	unsigned kind;
	const uint8_t *data;
	size_t bytes;
};

struct hz_mosaic_ops {
	void *ctx;
	// A packet for a worker's relay peer of the consult. Valid during the call, which must not call back.
	void (*send)(void *ctx, unsigned worker, const struct hz_mosaic_out *out);
	// What a room shows has changed; false: could not be told, ask again.
	bool (*tell)(void *ctx, const struct hz_mosaic_tiles *tiles);
};
struct hz_mosaic_room;
struct hz_mosaic_room_with {
	const struct hz_mosaic_ops *ops; // like text the caller's, outlives the room
	struct hz_text *text;            // NULL: nothing is written
	uint32_t consult;
	unsigned workers;
};

int hz_mosaic_room_new(const struct hz_mosaic_room_with *with, struct hz_mosaic_room **ret); // -ENOMEM
void hz_mosaic_room_free(struct hz_mosaic_room *room);                                       // NULL allowed
uint32_t hz_mosaic_room_consult(const struct hz_mosaic_room *room);

// As media/mosaic/api.h says; `round` is that of the newest RECONCILE.
int hz_mosaic_room_set(struct hz_mosaic_room *room, const struct hz_mosaic_room_set *set, uint32_t round);
int hz_mosaic_room_member(struct hz_mosaic_room *room, const struct hz_mosaic_member_set *set,
                          uint32_t round);
int hz_mosaic_room_rendition(struct hz_mosaic_room *room, const struct hz_mosaic_rendition_set *set,
                             uint32_t round);
void hz_mosaic_room_speakers(struct hz_mosaic_room *room, const struct hz_mosaic_speakers_set *set,
                             int64_t now_us);
bool hz_mosaic_room_has_member(const struct hz_mosaic_room *room, uint32_t member);
bool hz_mosaic_room_has_rendition(const struct hz_mosaic_room *room, uint32_t rendition);
int hz_mosaic_room_member_del(struct hz_mosaic_room *room, uint32_t member);       // -ENOENT
int hz_mosaic_room_rendition_del(struct hz_mosaic_room *room, uint32_t rendition); // -ENOENT
bool hz_mosaic_room_sweep(struct hz_mosaic_room *room,
                          uint32_t round); // false: the room itself was not named

// False: of no member. Sender reports, and requests for keyframes.
struct hz_mosaic_rtp {
	unsigned worker;
	int64_t arrival_us, now_us;
};
bool hz_mosaic_room_rtp(struct hz_mosaic_room *room, const struct hz_mosaic_rtp *at,
                        const struct hz_rtp_packet *packet);
bool hz_mosaic_room_report(struct hz_mosaic_room *room, const struct hz_mosaic_rtp *at,
                           const struct hz_rtcp_report *report);
bool hz_mosaic_room_ask(struct hz_mosaic_room *room, uint32_t ssrc);

struct hz_mosaic_tick {
	int64_t now_us, wall_us;
	bool behind; // there is more to be decoded than there is time for: show less
};
// Sender reports, where a tick is due: of all rooms before the first of them decodes or draws, while now is now.
void hz_mosaic_room_sender_reports(struct hz_mosaic_room *room, const struct hz_mosaic_tick *at);
// Does what is due; returns when to call again, INT64_MAX while nobody watches.
int64_t hz_mosaic_room_tick(struct hz_mosaic_room *room, const struct hz_mosaic_tick *at);
void hz_mosaic_room_tell(struct hz_mosaic_room *room);   // again what could not be told
void hz_mosaic_room_repeat(struct hz_mosaic_room *room); // what it shows, to a control that has begun anew
void hz_mosaic_room_count(struct hz_mosaic_room *room, struct hz_mosaic_status *add);

#endif
