#include "media/worker/relay.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/base/memfd.h"
#include "gateway/base/ring.h"
#include "gateway/base/ring_grid.h"
#include "media/worker/state.h"

#define BATCH            64      // records whose buffers the router keeps for a burst
#define BATCHES_PER_TURN 8       // of each worker
#define STALE_US         1000000 // of media that waited for a dead worker's successor

static_assert(HZ_ROUTER_PACKET_BYTES <= HZ_RING_RECORD_BYTES, "the router writes into the ring");

#define ENDS (HZ_MAX_RELAYS + HZ_MAX_PIPES)

// To whom rings lead: the processes of the grid by their index, behind HZ_MAX_RELAYS the pipes.
struct hz_relay {
	unsigned workers, pipes;
	void *memory, *pipe[HZ_MAX_PIPES];
	size_t bytes, pipe_bytes;
	struct hz_ring in[ENDS], out[ENDS];
	uint64_t lost[ENDS];                  // of in[], as seen last
	bool written[ENDS];                   // out[], since the last flush
	struct hz_map *peers;                 // (end << 32 | consult) -> struct hz_worker_peer
	uint8_t (*buf)[HZ_RING_RECORD_BYTES]; // BATCH
};

size_t hz_worker_rings_bytes(unsigned workers)
{
	return hz_ring_grid_bytes(workers);
}

// The end that has this number in a relay peer; ENDS: there is none.
static unsigned end_of(const struct hz_worker *w, uint32_t relay)
{
	const struct hz_relay *r = w->relay;
	if (relay < r->workers && relay != w->index)
		return relay;
	return relay >= HZ_RELAY_PIPES && relay - HZ_RELAY_PIPES < r->pipes
	           ? HZ_MAX_RELAYS + relay - HZ_RELAY_PIPES
	           : ENDS;
}

static int attach_end(struct hz_relay *r, unsigned end, uint8_t *out, uint8_t *in, size_t bytes)
{
	struct hz_ring_counters counters;
	int err = hz_ring_produce(&r->out[end], out, bytes);
	if (!err)
		err = hz_ring_consume(&r->in[end], in, bytes);
	if (err)
		return err;
	hz_ring_counters(&r->in[end], &counters);
	r->lost[end] = counters.dropped + counters.corrupt;
	return 0;
}

// Plain media passes through: not into a core dump.
static int map_rings(int fd, size_t bytes, void **ret)
{
	int err = hz_memfd_map(fd, bytes, ret);
	return !err && madvise(*ret, bytes, MADV_DONTDUMP) ? -errno : err;
}

static int attach(const struct hz_worker *w, struct hz_relay *r)
{
	unsigned index = w->index;
	int err = map_rings(w->fds.rings, r->bytes, &r->memory);
	for (unsigned i = 0; i < r->workers && !err; i++)
		if (i != index)
			err = attach_end(r, i, hz_ring_grid_place(r->memory, r->workers, index, i),
			                 hz_ring_grid_place(r->memory, r->workers, i, index),
			                 hz_ring_grid_each(r->workers));
	for (unsigned i = 0; i < r->pipes && !err; i++) {
		err = map_rings(w->fds.pipe[i].rings, r->pipe_bytes, &r->pipe[i]);
		if (!err)
			err = attach_end(r, HZ_MAX_RELAYS + i, hz_ring_pipe_place(r->pipe[i], index, true),
			                 hz_ring_pipe_place(r->pipe[i], index, false), HZ_RING_PIPE_EACH);
	}
	return err;
}

int hz_relay_new(struct hz_worker *w, struct hz_relay **ret)
{
	if (w->fds.workers < 2) {
		*ret = NULL;
		return 0;
	}
	if (w->fds.workers > HZ_MAX_RELAYS || w->index >= w->fds.workers || w->fds.pipes > HZ_MAX_PIPES)
		return -EINVAL;
	struct hz_relay *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->workers = w->fds.workers;
	r->bytes = hz_worker_rings_bytes(r->workers);
	r->pipes = w->fds.pipes;
	r->pipe_bytes = hz_ring_pipe_bytes(r->workers - 1); // the mix is no worker
	r->buf = malloc(BATCH * sizeof(*r->buf));
	int err = r->buf ? hz_map_new(HZ_MAX_PEERS, &r->peers) : -ENOMEM;
	if (!err)
		err = attach(w, r);
	if (err) {
		hz_relay_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void hz_relay_free(struct hz_relay *relay)
{
	if (!relay)
		return;
	hz_memfd_unmap(relay->memory, relay->bytes);
	for (unsigned i = 0; i < relay->pipes; i++)
		hz_memfd_unmap(relay->pipe[i], relay->pipe_bytes);
	hz_map_free(relay->peers);
	free(relay->buf);
	free(relay);
}

int hz_relay_poll_fd(const struct hz_worker *w)
{
	return w->relay ? w->fds.wake[w->index] : -1;
}

static void wake(const struct hz_worker *w, unsigned end)
{
	int fd = end < HZ_MAX_RELAYS ? w->fds.wake[end] : w->fds.pipe[end - HZ_MAX_RELAYS].wake;
	// -EAGAIN: it has been woken 2^64 times and not looked. Nothing is lost by that.
	if (eventfd_write(fd, 1) && errno != EAGAIN)
		hz_error("relay.wake", "end=%u err=%d", end, errno);
}

// --- peers

static uint64_t key_of(uint32_t end, uint32_t consult)
{
	return (uint64_t)end << 32 | consult;
}

void hz_relay_forget(struct hz_worker *w, uint32_t slot)
{
	struct hz_worker_peer *p = &w->peer[slot];
	if (p->relay && hz_map_get_u64(w->relay->peers, p->relay_key) == p)
		hz_map_del_u64(w->relay->peers, p->relay_key);
	p->relay = NULL;
}

void hz_relay_register(struct hz_worker *w, uint32_t slot)
{
	struct hz_worker_peer *p = &w->peer[slot];
	const struct hz_cmd_peer_set *set = hz_arena_peer_set(&w->arena->peer[slot]);
	hz_relay_forget(w, slot);
	unsigned end = (set->flags & HZ_PEER_RELAY) && w->relay ? end_of(w, set->relay) : ENDS;
	if (end == ENDS)
		return; // a relay to nowhere: what goes there is dropped
	p->relay_key = key_of(end, set->consult);
	int err = hz_map_set_u64(w->relay->peers, p->relay_key, p);
	if (err)
		hz_error("relay.peer", "peer=%08x err=%d", w->arena->peer[slot].id, -err);
	else
		p->relay = &w->relay->out[end];
}

bool hz_relay_is(const struct hz_worker *w, uint32_t slot)
{
	return (hz_arena_peer_set(&w->arena->peer[slot])->flags & HZ_PEER_RELAY) != 0;
}

// --- out

static void note_written(struct hz_worker *w, uint32_t slot)
{
	w->relay->written[w->peer[slot].relay_key >> 32] = true;
}

uint8_t *hz_relay_buffer(struct hz_worker *w, uint32_t slot)
{
	struct hz_ring *ring = w->peer[slot].relay;
	uint8_t *room = ring ? hz_ring_reserve(ring) : NULL;
	if (room)
		return room;
	w->arena->counters.tx_dropped++;
	if (ring)
		note_written(w, slot); // it may have missed to wake up, or have to put the ring in order
	return NULL;
}

static struct hz_ring_record record_of(const struct hz_worker *w, uint32_t slot, uint16_t kind)
{
	return (struct hz_ring_record){
	    .kind = kind, .source = (uint32_t)w->peer[slot].relay_key, .arrival_us = w->now_us};
}

void hz_relay_send(struct hz_worker *w, uint32_t slot, size_t bytes)
{
	const struct hz_ring_record record = record_of(w, slot, HZ_RING_RTP);
	hz_ring_commit(w->peer[slot].relay, &record, bytes);
	note_written(w, slot);
}

void hz_relay_send_rtcp(struct hz_worker *w, uint32_t slot, const uint8_t *data, size_t bytes)
{
	const struct hz_ring_record record = record_of(w, slot, HZ_RING_RTCP);
	struct hz_ring *ring = w->peer[slot].relay;
	if (!ring || hz_ring_put(ring, &record, data, bytes))
		w->arena->counters.tx_dropped++;
	if (ring)
		note_written(w, slot);
}

void hz_relay_flush(struct hz_worker *w)
{
	for (unsigned i = 0; w->relay && i < HZ_MAX_RELAYS + w->relay->pipes; i++) {
		if (!w->relay->written[i])
			continue;
		w->relay->written[i] = false;
		wake(w, i);
	}
}

// --- in

static void deliver(struct hz_worker *w, unsigned from, const struct hz_ring_record *record, uint8_t *data,
                    size_t bytes)
{
	const struct hz_worker_peer *p = hz_map_get_u64(w->relay->peers, key_of(from, record->source));
	if (!p) { // gone meanwhile, or not made yet
		w->arena->counters.unmatched++;
		return;
	}
	if (record->kind == HZ_RING_RTCP)
		(void)hz_router_rtcp(w->router, p->slot, data, bytes, w->now_us);
	else if (record->kind == HZ_RING_RTP && w->now_us - record->arrival_us > STALE_US)
		hz_router_lost(w->router, p->slot, w->now_us);
	else if (record->kind == HZ_RING_RTP)
		(void)hz_router_rtp(w->router, p->slot, data, bytes, 0, w->now_us);
}

// False: there was less than a batch.
static bool read_batch(struct hz_worker *w, unsigned from)
{
	struct hz_relay *r = w->relay;
	struct hz_ring_record record;
	size_t bytes = 0;
	unsigned n = 0;
	hz_router_burst_begin(w->router);
	for (; n < BATCH && hz_ring_take(&r->in[from], &record, r->buf[n], &bytes) == 1; n++)
		deliver(w, from, &record, r->buf[n], bytes);
	hz_router_burst_end(w->router);
	hz_worker_flush(w);
	return n == BATCH;
}

// Whatever was dropped on the way here: pictures are broken until the next keyframe.
static void look_for_loss(struct hz_worker *w, unsigned from)
{
	struct hz_ring_counters counters;
	hz_ring_counters(&w->relay->in[from], &counters);
	uint64_t lost = counters.dropped + counters.corrupt;
	if (lost == w->relay->lost[from])
		return;
	hz_warn("relay.lost", "from=%u dropped=%llu corrupt=%llu", from, (unsigned long long)counters.dropped,
	        (unsigned long long)counters.corrupt);
	w->relay->lost[from] = lost;
	for (uint32_t i = 0; i < w->arena->peers_high; i++) {
		if (w->arena->peer[i].id && w->peer[i].relay == &w->relay->out[from])
			hz_router_lost(w->router, i, w->now_us);
	}
	hz_worker_flush(w);
}

bool hz_relay_ready(struct hz_worker *w)
{
	eventfd_t woken;
	bool more = false;
	if (eventfd_read(w->fds.wake[w->index], &woken) && errno != EAGAIN)
		hz_error("relay.wake", "worker=%u err=%d", w->index, errno);
	for (unsigned from = 0; from < HZ_MAX_RELAYS + w->relay->pipes; from++) {
		unsigned batches = 0;
		if (from == w->index || (from >= w->relay->workers && from < HZ_MAX_RELAYS))
			continue;
		while (batches < BATCHES_PER_TURN && read_batch(w, from))
			batches++;
		more = more || batches == BATCHES_PER_TURN;
		look_for_loss(w, from);
	}
	if (more)
		wake(w, w->index);
	return more;
}
