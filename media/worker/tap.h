// The tap: what recorded tracks send, on its way to the recorder, through a ring (gateway/base/ring.h) in a memfd that the
// supervisor made, one ring a worker. Nobody is woken: the recorder looks every 40 ms. A full ring drops and counts; it
// holds a second of the busiest worker, so that a recorder may die and come back. What the records say: HZ_TAP_* of
// media/api.h. Thread: the worker's.
#ifndef HZ_MEDIA_WORKER_TAP_H
#define HZ_MEDIA_WORKER_TAP_H

#include <stddef.h>
#include <stdint.h>

struct hz_worker;
struct hz_tap;
struct hz_ring_record;

// Maps this worker's ring. *ret NULL: there is none. 0; -errno, the worker cannot run. free: NULL allowed.
int hz_tap_new(struct hz_worker *w, struct hz_tap **ret);
void hz_tap_free(struct hz_tap *tap);

// As in struct hz_router_ops; ctx is the worker.
void hz_tap_put(void *ctx, const struct hz_ring_record *record, const uint8_t *data, size_t bytes);

#endif
