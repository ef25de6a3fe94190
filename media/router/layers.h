// Which part of its track a video subscription gets. The allocator (media/cc, through the router's integration) says
// what is wanted; the router takes each packet's decision and changes over only where a decoder can follow:
//   - another simulcast layer, out of OFF or STILL, or a higher spatial layer: at a keyframe (or where the stream
//     says that this decode target may be entered), which is asked for at once;
//   - more temporal layers: at a switching point (VP8 Y, VP9 U, dependency descriptor "switch");
//   - fewer spatial or temporal layers: at the next picture.
// Outgoing sequence numbers and VP8 picture ids have no gaps where packets are left out.
// Thread: the worker's only one. No clock: now_us is CLOCK_MONOTONIC.
#ifndef HZ_MEDIA_ROUTER_LAYERS_H
#define HZ_MEDIA_ROUTER_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

#include "media/api.h"

struct hz_router;

#define HZ_LAYERS_SPATIAL  4u  // spatial ids told apart: 0..3, higher ones count as 3
#define HZ_LAYERS_TEMPORAL 4u  // temporal ids: the same
#define HZ_LAYERS_ALL      15u // no bound

enum hz_flow {
	HZ_FLOW_ALL = 0,
	HZ_FLOW_STILL, // one keyframe for each hz_layers_still(), nothing else
	HZ_FLOW_OFF,   // nothing; the last picture stays on the screen
};

struct hz_layers {
	uint8_t layer;    // simulcast layer, 0..HZ_MAX_LAYERS-1 (a dead one is replaced by the next lower)
	uint8_t spatial;  // highest spatial id, or HZ_LAYERS_ALL
	uint8_t temporal; // highest temporal id, or HZ_LAYERS_ALL
	uint8_t flow;     // enum hz_flow
};

// What the link allows this slot from now on; repeating the same costs nothing. Control's max_layer bounds `layer`,
// HZ_SUB_PIN overrides it. A subscription starts with everything, and again when it is pointed at another track.
// Audio slots: ignored.
void hz_layers_want(struct hz_router *router, uint32_t sub, const struct hz_layers *want, int64_t now_us);

// What goes out at this moment: `layer`, `spatial` and `temporal` of the mapping in force, `flow` as wanted.
// False: nothing was forwarded yet since the slot was pointed at its track.
bool hz_layers_now(const struct hz_router *router, uint32_t sub, struct hz_layers *ret);

// In HZ_FLOW_STILL: asks for a keyframe and lets the next one pass. Call it every few seconds.
void hz_layers_still(struct hz_router *router, uint32_t sub, int64_t now_us);

// What a track sends, measured on arrival over the last second, with header bytes.
struct hz_layers_rates {
	// bps[layer][s][t]: of simulcast layer `layer` when spatial ids <= s and temporal ids <= t go out (cumulative).
	uint32_t bps[HZ_MAX_LAYERS][HZ_LAYERS_SPATIAL][HZ_LAYERS_TEMPORAL];
	uint8_t spatial[HZ_MAX_LAYERS], temporal[HZ_MAX_LAYERS]; // highest ids seen in the last seconds
	uint8_t alive;                                           // bit i: simulcast layer i arrives
	uint8_t count;                                           // simulcast layers of the track
};
void hz_layers_rates(const struct hz_router *router, uint32_t track, struct hz_layers_rates *ret);

#endif
