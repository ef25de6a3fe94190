// Inside gateway/session: mix.c makes the objects, mix_hold.c decides which voices are held, mix_load.c finds again what an
// earlier control process made.
#ifndef HZ_GATEWAY_SESSION_COMPOSED_MIX_INTERNAL_H
#define HZ_GATEWAY_SESSION_COMPOSED_MIX_INTERNAL_H

#include "gateway/session/composed/mix.h"

#define HZ_MIX_LEAVE_US 500000  // so long it stays when the voices are not held any more
#define HZ_MIX_RETRY_US 5000000 // a member that was refused

// One who speaks or listens.
struct hz_mix_seat {
	struct hz_mix_seat *next;
	char id[HZ_ID_TEXT_BYTES]; // the participant's
	uint32_t member;
	bool kept; // while the recount looks who is not
	bool refused;
	int64_t refused_us;
	struct hz_mix_member_set said; // the newest wish
	unsigned worker;               // of `track`
	hz_id track;                   // its mix; 0: it does not listen
	uint32_t ssrc;
};

// The slot that shows the mix to somebody who may hear it, the microphone of somebody who may be heard; NULL.
struct hz_slot *hz_mix_ear(const struct hz_participant *p);
struct hz_track *hz_mix_voice(const struct hz_participant *p);

// mix_language.c: numbers for what is interpreted now; a language's number, 0: none.
void hz_mix_languages(struct hz_mix_room *room);
unsigned hz_mix_language(const struct hz_mix_room *room, const char *language);

struct hz_mix_room *hz_mix_room_get(struct hz_brain *brain, struct hz_consult *consult); // NULL: no memory
struct hz_mix_seat *hz_mix_seat_of(const struct hz_consult *consult, const char *id);    // NULL: none
struct hz_mix_seat *hz_mix_seat_by_member(const struct hz_brain *brain, uint32_t member);
// member 0, or one that is taken: a fresh one. NULL: no memory.
struct hz_mix_seat *hz_mix_seat_new(struct hz_brain *brain, struct hz_mix_room *room, const char *id,
                                    uint32_t member);
// Tells its track when that is another one than before.
void hz_mix_track_fit(struct hz_brain *brain, const struct hz_mix_seat *seat);
void hz_mix_track_end(struct hz_brain *brain, struct hz_mix_room *room, struct hz_track *track);

// Holds what is to be held now, and says in due_us when to look again.
void hz_mix_hold(struct hz_brain *brain, struct hz_consult *consult);

extern const struct hz_mix_link_ops hz_mix_link_brain_ops; // ctx: the brain

#endif
