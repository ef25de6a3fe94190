// The way to the other workers: a relay peer's packets go through rings (gateway/base/ring.h) in one memfd that the
// supervisor made, one ring an ordered pair of workers, plain RTP and RTCP. The records name the consult; with the
// worker they came from that names the relay peer. Each worker has an eventfd that the others write once a flush.
// A full ring drops and counts; the receiving worker then asks the publishers for keyframes. Rings outlive workers: one
// that comes back goes on with the next record. Thread: the worker's.
#ifndef HZ_MEDIA_WORKER_RELAY_H
#define HZ_MEDIA_WORKER_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_worker;
struct hz_relay;

// Maps the rings; without other workers there are none. 0; -errno, the worker cannot run. free: NULL allowed.
int hz_relay_new(struct hz_worker *w, struct hz_relay **ret);
void hz_relay_free(struct hz_relay *relay);

int hz_relay_poll_fd(const struct hz_worker *w); // readable: hz_relay_ready(). -1: none

// As much as a turn allows of what the others sent; true: the rest waits and wakes us again.
bool hz_relay_ready(struct hz_worker *w);

// After a peer was made or changed, and before it goes: those of the relay are found by what comes from now on.
void hz_relay_register(struct hz_worker *w, uint32_t slot);
void hz_relay_forget(struct hz_worker *w, uint32_t slot);
bool hz_relay_is(const struct hz_worker *w, uint32_t slot);

// To a relay peer; as in struct hz_router_ops.
uint8_t *hz_relay_buffer(struct hz_worker *w, uint32_t slot);
void hz_relay_send(struct hz_worker *w, uint32_t slot, size_t bytes);
void hz_relay_send_rtcp(struct hz_worker *w, uint32_t slot, const uint8_t *data, size_t bytes);
void hz_relay_flush(struct hz_worker *w);

#endif
