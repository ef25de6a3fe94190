// The delayed leg of a broadcast (docs/decisions/012-hls.md, 016): what is on the air goes to huizhen-hls as well, which makes a folder of
// files of it. While a broadcast that was on the air lasts there are
//   - on each worker in use a relay peer whose other end is that process (relay.h; cmd.relay: HZ_RELAY_PIPES + HZ_PIPE_HLS),
//     in consult->hls->links,
//   - for the source on the air, if it is H.264, and for each voice a pinned subscription there, in group "v" or "a0" to "a3",
//   - a wish to the process (hls_link.h).
// They are media objects like any other: persisted, repeated at a RECONCILE, and of no participant. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_BROADCAST_HLS_H
#define HZ_GATEWAY_SESSION_BROADCAST_HLS_H

#include <jansson.h>

#include "gateway/session/broadcast/broadcast.h"
#include "gateway/link/hls_link.h"
#include "gateway/session/model.h"

#define HZ_HLS_RELAY (HZ_RELAY_PIPES + HZ_PIPE_HLS)

struct hz_hls_past { // was on the air until then; 0: none
	struct hz_broadcast_source of;
	int64_t left_us;
};

struct hz_hls_leg {
	struct hz_consult *consult;
	struct hz_peer *links; // one a worker
	struct hz_hls_broadcast_set said;
	bool codec; // what is on the air is not H.264: nothing of it is in the files
	// of whom pictures may wait for the delay (hls_hold.c)
	uint32_t delay_ms; // the longest
	unsigned shows;    // so many are on the air
	struct hz_broadcast_source shown[HZ_MOSAIC_PARTS];
	struct hz_hls_past past[HZ_BROADCAST_SOURCES];
	int64_t unknown_us; // anybody's, until then
};

struct hz_hls_options {
	int fd;          // of the process
	const char *dir; // of all broadcasts; made if it is not there
	unsigned disk_mb, window_s;
};
// Makes the way to huizhen-hls; before hz_persist_load(). -errno of the folder, -ENOMEM.
int hz_hls_begin(struct hz_brain *brain, const struct hz_hls_options *options);
void hz_hls_done(struct hz_brain *brain);

// Makes the consult's objects and its wish what its broadcast says.
void hz_hls_recount(struct hz_brain *brain, struct hz_consult *consult);
// A CUT: told at once, before anything is looked up or written.
void hz_hls_cut_consult(struct hz_brain *brain, struct hz_consult *consult);
// Nothing of at or after the mark is in a file, nor will be.
bool hz_hls_cut_holds(const struct hz_brain *brain, const struct hz_consult *consult);

// --- masks (hls_hold.c)

// Pictures of it may wait for the delay, or lie in a segment in the making.
bool hz_hls_may_hold(const struct hz_brain *brain, const struct hz_consult *consult,
                     const struct hz_broadcast_source *source);
// What waits must not be seen any more. Told at once, before anything is written; the next recount goes on with the picture. version: of
// the masks, broadcast->clean from then on.
void hz_hls_clean(struct hz_brain *brain, struct hz_consult *consult, uint32_t version);
// Nothing of before broadcast->clean will be written.
bool hz_hls_clean_holds(const struct hz_brain *brain, const struct hz_consult *consult);
void hz_hls_note_air(struct hz_brain *brain, struct hz_hls_leg *leg);
void hz_hls_leg_say(struct hz_brain *brain, struct hz_hls_leg *leg, const struct hz_hls_broadcast_set *wish);
// After loading, instead of a recount: what its process holds of before is not known.
void hz_hls_loaded(struct hz_brain *brain, struct hz_consult *consult);

// A fresh name of a folder that nobody guesses.
void hz_hls_name(char ret[HZ_HLS_ID_BYTES]);
// For viewers: {url, delay_s}; null: there are no files.
json_t *hz_hls_watch_json(const struct hz_brain *brain, const struct hz_consult *consult);
// For directors: "off", "waiting", "live", "codec", "full", "down".
const char *hz_hls_state(const struct hz_brain *brain, const struct hz_consult *consult);

// Loading: where its relay peers go. NULL: there is no process, or no memory.
struct hz_peer **hz_hls_links(struct hz_brain *brain, struct hz_consult *consult);

void hz_hls_free_memory(struct hz_consult *consult);

#endif
