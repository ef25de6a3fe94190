// A share of a peer's link for what goes over it beside the call: images over HTTP, which no feedback of ours counts. Pictures of
// the call step down for it in order, before it begins. A wish runs out by itself and is repeated as long as there is anything.
// Pure. Thread: any.
#ifndef HZ_MEDIA_CC_SHARE_H
#define HZ_MEDIA_CC_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#define HZ_SHARE_PERCENT   30u // of the estimate
#define HZ_SHARE_LEAST_BPS 32000u
#define HZ_SHARE_MOST_BPS  2000000u
#define HZ_SHARE_MAX_US    10000000 // of a wish
#define HZ_SHARE_WAIT_US   900000   // so long pictures may take to step down; after it images begin anyway

// Zero at the beginning: no share.
struct hz_share {
	int64_t until_us, since_us; // since_us 0: nobody wants one
	uint32_t base_bps;          // what the link carries, images included
	uint32_t bps;               // of it, for images; 0: pictures are as small as they can be
	bool ready;                 // what the call sends leaves it free
};

struct hz_share_in {
	uint32_t target_bps; // hz_cc_target_bps()
	uint32_t audio_bps;  // and what else always goes
	uint64_t least_bps;  // all pictures at their smallest
	uint32_t sending_bps;
	int64_t now_us;
};

void hz_share_ask(struct hz_share *s, int64_t for_us, int64_t now_us);

// What is left for pictures, of target_bps - audio_bps: never less than their least where that fits, and never audio's. Images that are
// under way take room of the link, and so of the estimate; what is missing of it since they began counts as theirs, not twice.
uint64_t hz_share_round(struct hz_share *s, const struct hz_share_in *in);

#endif
