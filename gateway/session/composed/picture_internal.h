// Inside gateway/session: picture.c has the rooms, picture_members.c what is shown in them, picture_renditions.c what is made of
// that and who gets which, picture_offer.c looks at the receivers' links, picture_air.c has what broadcasts show of masked
// sources, picture_load.c finds again what an earlier control made.
#ifndef HZ_GATEWAY_SESSION_COMPOSED_PICTURE_INTERNAL_H
#define HZ_GATEWAY_SESSION_COMPOSED_PICTURE_INTERNAL_H

#include "gateway/session/composed/picture.h"

#define HZ_PICTURE_KEEP_US   10000000 // a rendition that nobody watches any more
#define HZ_PICTURE_RETRY_US  30000000 // a room that was refused
#define HZ_PICTURE_AWAY_US   3000000  // so long the last picture stays before clients are told
#define HZ_PICTURE_HEIGHTS   3u
#define HZ_PICTURE_NO_SOURCE 0xff // of a member: somebody without a picture

extern const uint16_t hz_picture_height[HZ_PICTURE_HEIGHTS];  // lowest first
extern const uint32_t hz_picture_bps[HZ_PICTURE_HEIGHTS];     // what they take
extern const struct hz_picture_link_ops hz_picture_brain_ops; // ctx: the brain

struct hz_picture_member { // a source of somebody, or somebody without one
	struct hz_picture_member *next;
	uint32_t id;
	char person[HZ_ID_TEXT_BYTES];
	unsigned worker; // of `sub`
	hz_id sub;       // what feeds it; 0: nothing
	uint8_t source;  // enum hz_source, HZ_PICTURE_NO_SOURCE
	uint16_t height; // of its tile on the canvas; 0: not told, or hidden
	bool told,
	    kept; // told: the mosaic has named its tiles since it came. kept: while the recount looks who is not
};

struct hz_picture_rendition {
	struct hz_picture_rendition *next;
	uint32_t id, ssrc;
	uint8_t height; // index
	uint8_t codec;  // HZ_CODEC_H264_CB, HZ_CODEC_VP8
	uint64_t workers;
	bool thin; // somebody's link carries a low rate only
	// Of what is on the air of a broadcast, painted over; person "": of everybody.
	char person[HZ_ID_TEXT_BYTES];
	uint8_t source;
	uint32_t version;          // of these masks and sources, which never change
	uint8_t air, beside_count; // air: enum hz_mosaic_air
	struct hz_mosaic_beside beside[HZ_MOSAIC_PARTS - 1];
	uint8_t fill, mask_count;
	struct hz_mosaic_mask mask[HZ_MOSAIC_MASKS];
	bool watched;     // while the recount looks
	int64_t until_us; // nobody watches it, and it goes then; 0: somebody does
};

struct hz_picture_room {
	struct hz_picture_room *next; // of brain->pictured
	struct hz_consult *consult;
	struct hz_peer *links; // one a worker
	struct hz_picture_member *members;
	struct hz_picture_rendition *renditions;
	int64_t due_us; // to look at what goes
	bool refused;
	bool fresh; // picture_air.c: something was made that the mosaic and the workers do not know of yet
	int64_t refused_us;
};

// A number that follows from two texts and two numbers, never 0.
uint32_t hz_picture_number(const struct hz_consult *consult, const char *text, uint32_t what);
void hz_picture_due_at(struct hz_picture_room *room, int64_t at_us);
struct hz_picture_room *hz_picture_room_get(struct hz_brain *brain,
                                            struct hz_consult *consult); // NULL: no memory
// The mosaic has no place for it, or the wishes to it have none: clients are told, and it is asked again later.
void hz_picture_refuse(struct hz_brain *brain, struct hz_picture_room *room);
int hz_picture_link_of(struct hz_brain *brain, struct hz_picture_room *room, unsigned worker,
                       struct hz_peer **ret); // its relay peer there: -ENOSPC, -ENOMEM

// picture_members.c: subscriptions and wishes of everybody who is to be seen; all of them go when nobody is.
void hz_picture_members_fit(struct hz_brain *brain, struct hz_picture_room *room);
void hz_picture_members_end(struct hz_brain *brain, struct hz_picture_room *room);
void hz_picture_tiles(struct hz_brain *brain, struct hz_picture_room *room,
                      const struct hz_mosaic_tiles *tiles);

// picture_renditions.c
bool hz_picture_may_watch(const struct hz_slot *slot);
bool hz_picture_watches(const struct hz_slot *slot); // and it is not switched off (a page in the background)
// What is encoded for a slot: H.264 for most browsers, so that one encode serves all, else VP8; HZ_CODEC_NONE: it takes neither.
uint8_t hz_picture_codec(const struct hz_slot *slot);
// It shows a track of its own worker from now on, 0: nothing. Told and written when that is news.
void hz_picture_point(struct hz_brain *brain, struct hz_slot *slot, hz_id track);
// What the slots watch is made, and shown on them.
void hz_picture_renditions_fit(struct hz_brain *brain, struct hz_picture_room *room);
void hz_picture_renditions_end(struct hz_brain *brain, struct hz_picture_room *room, bool all);
// Index of the largest height that anybody gets; 0 when nobody does.
unsigned hz_picture_largest(const struct hz_picture_room *room);
uint32_t hz_picture_fresh_ssrc(void);
// The track of a rendition on a worker, made when there is none. NULL: no room, counted and logged.
struct hz_track *hz_picture_track_get(struct hz_brain *brain, struct hz_picture_room *room,
                                      struct hz_picture_rendition *r, unsigned worker);
struct hz_track *hz_picture_track(const struct hz_picture_room *room, uint32_t rendition, unsigned worker);
void hz_picture_track_fit(struct hz_brain *brain, const struct hz_picture_rendition *r,
                          struct hz_track *track);
struct hz_picture_rendition *hz_picture_rendition_get(struct hz_picture_room *room, unsigned height,
                                                      uint8_t codec); // NULL: no memory
uint32_t hz_picture_rendition_id(const struct hz_consult *consult, unsigned height, uint8_t codec);

// --- picture_air.c

bool hz_picture_airs(const struct hz_picture_rendition *r); // it is of a broadcast
// It is of what is on the air now, painted as it is to be now.
bool hz_picture_air_holds(const struct hz_picture_room *room, const struct hz_picture_rendition *r);
bool hz_picture_air_any(const struct hz_consult *consult); // something is to be painted
// The height that its part of what is painted has; 0: this source is not among it.
unsigned hz_picture_air_height(const struct hz_consult *consult, const char *person, uint8_t source);
// Loading: the rendition that a track of this id was of, if that is still on the air. NULL: it is not.
struct hz_picture_rendition *hz_picture_air_claim(struct hz_picture_room *room, uint32_t id);

#endif
