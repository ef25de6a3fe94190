// What of each video slot goes to a peer, given what its link carries: the ladder of layers, stills and nothing.
// Audio and repairs are taken off before. Every slot gets its lowest layer first, by priority; then those of high
// priority rise, equals in turn. A slot for which not even the lowest layer is left sends stills, or nothing.
//
// Down at once, up with a margin and not soon after a fall (the wait doubles when a rise did not last). Pure. Thread:
// any.
#ifndef HZ_MEDIA_CC_LADDER_H
#define HZ_MEDIA_CC_LADDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/api.h"

#define HZ_LADDER_MAX_SLOTS   128u // of one peer
#define HZ_LADDER_MAX_OPTIONS 12u
#define HZ_LADDER_STILL_BPS   4000u // least that a slot with stills needs
#define HZ_LADDER_WAIT_US     1000000
#define HZ_LADDER_MAX_WAIT_US 8000000
#define HZ_LADDER_PATIENCE_US 2000000
#define HZ_LADDER_STABLE_US   15000000 // after so long the waits begin anew

// One thing that could be sent, from worst to best liked.
struct hz_ladder_option {
	uint32_t bps; // wire; 0: not measured yet, counts as fitting
	uint8_t layer, spatial, temporal;
	uint8_t reserved;
};

// A slot's memory between two rounds; zero at the beginning (a new track: zero it again).
struct hz_ladder_slot {
	uint8_t step;       // enum hz_step in force
	uint8_t choice;     // option in force (FULL and LOWER)
	uint8_t known;      // 0: never decided
	uint8_t least_fell; // not even the smallest picture lasted, lately
	int64_t since_us;   // of the newest change
	int64_t rose_us, fell_us;
	int64_t wait_us; // before the next rise
};

struct hz_ladder_wish {
	struct hz_ladder_slot *slot;
	struct hz_ladder_option option[HZ_LADDER_MAX_OPTIONS];
	uint8_t options;   // 0: the track sends nothing, costs nothing
	uint32_t priority; // higher first
};

// Decides for all slots of a peer; writes slot->step and ->choice. bps: left for video. floor: no slot falls below its
// first option (the estimate is only a guess). urgent: rises need not wait (after an outage).
// More than HZ_LADDER_MAX_SLOTS: -E2BIG, nothing is changed.
struct hz_ladder_round {
	uint64_t bps;
	int64_t now_us;
	bool floor, urgent, calm;
	// Patience: a little too much (a third; half where all are at their lowest) is borne for 2 s, the pacer spreads it;
	// calm: nothing waits in the network, so that anything is borne for 1 s: the estimate may have been wrong.
	// Memory between rounds: since when there is too much; 0 not. NULL: none.
	int64_t *short_us;
};
int hz_ladder_run(struct hz_ladder_wish *wishes, size_t count, const struct hz_ladder_round *round);

// What all slots at their best would take.
uint64_t hz_ladder_demand(const struct hz_ladder_wish *wishes, size_t count);

#endif
