// Inside gateway/session: easel.c has the rooms and who sees which encode, easel_table.c what huizhen-live is told of the table
// and gets of its images, easel_load.c finds again what an earlier control made.
#ifndef HZ_GATEWAY_SESSION_COMPOSED_EASEL_INTERNAL_H
#define HZ_GATEWAY_SESSION_COMPOSED_EASEL_INTERNAL_H

#include "gateway/session/composed/easel.h"

#define HZ_EASEL_SIZES 2u // small, large

struct hz_easel_rendition {
	uint32_t id, ssrc, bps;
	uint64_t workers;
	bool large;
	bool bare;        // struct hz_live_rendition_set
	uint8_t codec;    // HZ_CODEC_NONE: this place is free
	bool watched;     // while the recount looks
	int64_t until_us; // nobody watches it, and it goes then; 0: somebody does
};

struct hz_easel_room {
	struct hz_easel_room *next; // of brain->easels
	struct hz_consult *consult;
	struct hz_peer *links; // one a worker
	bool fresh;            // something was made that huizhen-live does not know of yet
	struct hz_easel_rendition rendition[HZ_LIVE_RENDITIONS];
};

// The room as it is on the table; its marks.
void hz_easel_say_table(struct hz_brain *brain, struct hz_easel_room *room);
extern const struct hz_easel_link_ops hz_easel_brain_ops; // ctx: the brain

struct hz_easel_room *hz_easel_room_get(struct hz_brain *brain,
                                        struct hz_consult *consult); // NULL: no memory
// The id of one; with the bit HZ_EASEL_LARGE, HZ_EASEL_BARE or none.
#define HZ_EASEL_LARGE 1u
#define HZ_EASEL_BARE  2u
uint32_t hz_easel_rendition_id(const struct hz_consult *consult, unsigned flags, uint8_t codec);
struct hz_easel_rendition *hz_easel_rendition_get(struct hz_easel_room *room, unsigned flags, uint8_t codec);

#endif
