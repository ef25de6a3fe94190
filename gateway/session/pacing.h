// Images yield to speech: what goes to a participant over HTTP leaves room on its link for what its call sends there. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_PACING_H
#define HZ_GATEWAY_SESSION_PACING_H

#include "gateway/session/model.h"
#include "signaling/server/http.h"

// Pure: bits a second for images, of an estimate for the downlink (0: not known) and what media take of it.
uint32_t hz_pacing_of(uint32_t estimate_bps, uint32_t down_bps);

// This answer is images for p: no faster than its call leaves. Without a call: as fast as it goes.
// Where its link is known it waits, a second at most, until the worker has made room on it (HZ_CMD_PEER_SHARE).
void hz_pacing_answer(struct hz_brain *brain, struct hz_participant *p, struct hz_response *res);
// The workers say something new of one of p's peers. What it lost counts once: neither with each answer nor with the other peers.
void hz_pacing_update(struct hz_brain *brain, struct hz_participant *p, const struct hz_peer *told);
// A worker says what there is for images.
void hz_pacing_share(struct hz_brain *brain, unsigned worker, const struct hz_ev_peer_share *ev);

#endif
