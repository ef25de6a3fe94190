// Making, finding and ending the control process's state. Thread: its one.
#ifndef HZ_GATEWAY_SESSION_BRAIN_H
#define HZ_GATEWAY_SESSION_BRAIN_H

#include "gateway/session/model.h"

// An empty one; *ret is the caller's: hz_brain_free(). The caller sets store, keys, ops, limits, workers (with
// hz_brain_add_worker()), addresses and fingerprint before use. -ENOMEM.
int hz_brain_new(struct hz_brain **ret);

// Frees the state and the media links; store and keys stay the caller's. No socket is touched.
void hz_brain_free(struct hz_brain *brain);

// The next worker's id tables and its link (owned from here on; NULL: commands go nowhere). -ENOSPC, -ENOMEM.
int hz_brain_add_worker(struct hz_brain *brain, struct hz_media_link *link);

// Sets both clocks.
void hz_brain_clock(struct hz_brain *brain, int64_t now_us, int64_t wall_us);

// Ends a loop turn: writes what changed (hz_persist_flush), lets the media links send, sends the state pushes that are
// due. Returns when it wants to be called again at the latest (now_us scale), INT64_MAX: not by itself.
int64_t hz_brain_turn(struct hz_brain *brain);

// Four times a second: sessions that were away too long, sockets without a join, forgotten media peers.
void hz_brain_tick(struct hz_brain *brain);

// Once a minute: what has expired in the store.
void hz_brain_sweep(struct hz_brain *brain);

// A text as a JSON id or label etc. is checked elsewhere; these translate words.
const char *hz_source_name(uint8_t source);
int hz_source_parse(const char *name, uint8_t *ret); // -EINVAL
const char *hz_quality_name(uint8_t quality);
const char *hz_peer_state_name(uint8_t state); // enum hz_peer_state
const char *hz_codec_name(uint8_t codec);      // "h264", "" for none

#endif
