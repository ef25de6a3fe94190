#include "media/push/outfeed.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define HEAD_AT 4096u
#define RING    HZ_OUTFEED_RING_BYTES

// Positions are of all bytes that were ever written.
struct shared {
	_Atomic uint64_t begun;   // until here bytes may be overwritten just now
	_Atomic uint64_t written; // until here units are whole
	_Atomic uint64_t key;     // of the newest keyframe, and 1; 0: none
	_Atomic int64_t newest_us;
	_Atomic uint64_t from; // nothing before it is to be read any more
};

struct head {
	uint32_t whole; // with this, a multiple of 8
	uint32_t bytes, config_bytes;
	uint8_t track, key, reserved[2];
	int64_t pts_us, dts_us;
};

struct hz_outfeed {
	struct shared *shared;
	uint8_t *ring;
	uint64_t at;      // read: the next one
	bool wait_key;    // what comes is left out until then
	int64_t taken_us; // read: of the newest that was taken
	uint8_t *unit;    // read: the one that was taken
	size_t room;
};

static int open_at(int fd, int protection, struct hz_outfeed **ret)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size != HZ_OUTFEED_BYTES)
		return -EINVAL;
	struct hz_outfeed *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	void *memory = mmap(NULL, HZ_OUTFEED_BYTES, protection, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		int err = -errno;
		free(f);
		return err;
	}
	(void)madvise(memory, HZ_OUTFEED_BYTES, MADV_DONTDUMP); // plain media
	f->shared = memory;
	f->ring = (uint8_t *)memory + HEAD_AT;
	*ret = f;
	return 0;
}

int hz_outfeed_write_open(int fd, struct hz_outfeed **ret)
{
	int err = open_at(fd, PROT_READ | PROT_WRITE, ret);
	if (err)
		return err;
	atomic_store(&(*ret)->shared->begun,
	             atomic_load(&(*ret)->shared->written)); // half a unit of one that died
	(*ret)->wait_key = true;
	return 0;
}

int hz_outfeed_read_open(int fd, struct hz_outfeed **ret)
{
	int err = open_at(fd, PROT_READ, ret);
	if (err)
		return err;
	(*ret)->at = atomic_load(&(*ret)->shared->written);
	(*ret)->wait_key = true;
	hz_outfeed_skip(*ret);
	return 0;
}

void hz_outfeed_free(struct hz_outfeed *f)
{
	if (!f)
		return;
	munmap(f->shared, HZ_OUTFEED_BYTES);
	free(f->unit);
	free(f);
}

// --- write

static uint64_t copy_in(struct hz_outfeed *f, uint64_t at, const void *data, size_t bytes)
{
	size_t place = at % RING, first = bytes < RING - place ? bytes : RING - place;
	memcpy(f->ring + place, data, first);
	memcpy(f->ring, (const uint8_t *)data + first, bytes - first);
	return at + bytes;
}

void hz_outfeed_put(struct hz_outfeed *f, const struct hz_outfeed_unit *unit)
{
	const struct hz_outfeed_unit *u = unit;
	bool key = u->track == HZ_OUTFEED_VIDEO && u->key && u->config_bytes;
	if (u->bytes + u->config_bytes > HZ_OUTFEED_UNIT_BYTES) {
		f->wait_key |= u->track == HZ_OUTFEED_VIDEO;
		return;
	}
	if (f->wait_key && !key)
		return;
	f->wait_key = false;
	struct head h = {.bytes = (uint32_t)u->bytes,
	                 .config_bytes = (uint32_t)u->config_bytes,
	                 .track = (uint8_t)u->track,
	                 .key = key,
	                 .pts_us = u->pts_us,
	                 .dts_us = u->dts_us};
	h.whole = (uint32_t)((sizeof(h) + u->bytes + u->config_bytes + 7) & ~(size_t)7);
	uint64_t at = atomic_load(&f->shared->written);
	atomic_store(&f->shared->begun, at + h.whole);
	atomic_thread_fence(memory_order_seq_cst);
	(void)copy_in(f, copy_in(f, at, &h, sizeof(h)), u->data, u->bytes + u->config_bytes);
	atomic_store(&f->shared->written, at + h.whole);
	atomic_store(&f->shared->newest_us, u->dts_us);
	if (key)
		atomic_store(&f->shared->key, at + 1);
}

void hz_outfeed_clear(struct hz_outfeed *f)
{
	atomic_store(&f->shared->from, atomic_load(&f->shared->written));
	f->wait_key = true;
}

// --- read

// False: it was overwritten meanwhile.
static bool copy_out(const struct hz_outfeed *f, uint64_t at, void *ret, size_t bytes)
{
	size_t place = at % RING, first = bytes < RING - place ? bytes : RING - place;
	memcpy(ret, f->ring + place, first);
	memcpy((uint8_t *)ret + first, f->ring, bytes - first);
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load(&f->shared->begun) - at <= RING;
}

bool hz_outfeed_ready(const struct hz_outfeed *f)
{
	uint64_t key = atomic_load(&f->shared->key);
	return key && key > atomic_load(&f->shared->from) &&
	       atomic_load(&f->shared->begun) - (key - 1) <= RING;
}

void hz_outfeed_skip(struct hz_outfeed *f)
{
	uint64_t key = atomic_load(&f->shared->key), at = key ? key - 1 : 0;
	if (key && (at > f->at || f->wait_key) && hz_outfeed_ready(f)) {
		f->at = at;
		f->wait_key = true;
	}
}

static int lost(struct hz_outfeed *f)
{
	f->at = atomic_load(&f->shared->written);
	f->wait_key = true;
	hz_outfeed_skip(f);
	return -EOVERFLOW;
}

static bool sound_head(const struct head *h, uint64_t left)
{
	return h->whole >= sizeof(*h) && h->whole % 8 == 0 && h->whole <= left &&
	       h->track <= HZ_OUTFEED_SOUND && h->bytes <= HZ_OUTFEED_UNIT_BYTES &&
	       h->config_bytes <= HZ_OUTFEED_UNIT_BYTES &&
	       h->whole >= sizeof(*h) + h->bytes + h->config_bytes;
}

// Room for it, and it is there. -ENOMEM, -EOVERFLOW.
static int fetch(struct hz_outfeed *f, uint64_t at, size_t bytes)
{
	if (bytes > f->room) {
		uint8_t *unit = realloc(f->unit, bytes);
		if (!unit)
			return -ENOMEM;
		f->unit = unit;
		f->room = bytes;
	}
	return copy_out(f, at, f->unit, bytes) ? 0 : -EOVERFLOW;
}

int hz_outfeed_take(struct hz_outfeed *f, struct hz_outfeed_unit *ret)
{
	uint64_t written = atomic_load(&f->shared->written);
	struct head h;
	do {
		if (f->at < atomic_load(&f->shared->from))
			return lost(f);
		if (f->at == written)
			return -EAGAIN;
		if (f->at > written || !copy_out(f, f->at, &h, sizeof(h)) || !sound_head(&h, written - f->at))
			return lost(f);
		f->at += h.whole;
	} while (f->wait_key && !h.key);
	if (fetch(f, f->at - h.whole + sizeof(h), h.bytes + h.config_bytes))
		return lost(f);
	f->wait_key = false;
	f->taken_us = h.dts_us;
	*ret = (struct hz_outfeed_unit){.track = (enum hz_outfeed_track)h.track,
	                                .key = h.key,
	                                .pts_us = h.pts_us,
	                                .dts_us = h.dts_us,
	                                .data = f->unit,
	                                .bytes = h.bytes,
	                                .config_bytes = h.config_bytes};
	return 0;
}

int64_t hz_outfeed_lag_us(const struct hz_outfeed *f)
{
	return f->taken_us ? atomic_load(&f->shared->newest_us) - f->taken_us : 0;
}
