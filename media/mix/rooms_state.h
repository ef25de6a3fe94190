// Inside rooms.h: its tables, between what is wished (rooms.c) and what is heard (rooms_media.c).
#ifndef HZ_MEDIA_MIX_ROOMS_STATE_H
#define HZ_MEDIA_MIX_ROOMS_STATE_H

#include <stdbool.h>

#include "gateway/base/map.h"
#include "media/mix/age.h"
#include "media/mix/rooms.h"

struct hz_mix_room;

struct hz_mix_person {
	struct hz_mix_room *room;
	struct hz_mix_member_set set;
	uint32_t handle;  // of the mixer
	uint32_t named;   // round of the RECONCILE that named it
	uint32_t sent[2]; // packets, octets
	struct hz_mix_said said;
};

struct hz_mix_room {
	uint32_t consult;
	unsigned members;
	struct hz_mixer *mixer;
	struct hz_map *voices;  // worker << 32 | SSRC -> struct hz_mix_person
	struct hz_map *handles; // -> struct hz_mix_person
	struct hz_rooms *of;
	int64_t due_us, report_us;
	uint32_t rtp_ts; // of the newest packets
	struct hz_mix_age age;
};

struct hz_rooms {
	struct hz_rooms_ops ops;
	unsigned workers;
	struct hz_map *rooms;   // by consult
	struct hz_map *members; // by id
	uint32_t round;
	bool reconciling;
	struct hz_mix_status count;
	uint64_t encodes, skipped; // of rooms that are over
};

static inline uint64_t hz_rooms_voice_key(unsigned worker, uint32_t ssrc)
{
	return (uint64_t)worker << 32 | ssrc;
}

#endif
