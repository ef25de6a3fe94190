#include "media/worker/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/base/memfd.h"
#include "gateway/base/ring.h"
#include "media/worker/state.h"

#define TAP_BYTES ((size_t)32 << 20)

struct hz_tap {
	struct hz_ring ring;
	void *memory;
};

size_t hz_worker_tap_bytes(void)
{
	return TAP_BYTES;
}

size_t hz_worker_taps_bytes(unsigned workers)
{
	return TAP_BYTES * workers;
}

int hz_tap_new(struct hz_worker *w, struct hz_tap **ret)
{
	int err = 0;
	*ret = NULL;
	if (w->fds.taps <= 0)
		return 0;
	struct hz_tap *tap = calloc(1, sizeof(*tap));
	if (!tap)
		return -ENOMEM;
	tap->memory = mmap(NULL, TAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, w->fds.taps,
	                   (off_t)(TAP_BYTES * w->index));
	if (tap->memory == MAP_FAILED) {
		tap->memory = NULL;
		err = -errno;
	}
	// Plain media passes through: not into a core dump.
	if (!err && madvise(tap->memory, TAP_BYTES, MADV_DONTDUMP))
		err = -errno;
	if (!err)
		err = hz_ring_produce(&tap->ring, tap->memory, TAP_BYTES);
	if (err) {
		hz_tap_free(tap);
		return err;
	}
	*ret = tap;
	return 0;
}

void hz_tap_free(struct hz_tap *tap)
{
	if (tap && tap->memory)
		munmap(tap->memory, TAP_BYTES);
	free(tap);
}

void hz_tap_put(void *ctx, const struct hz_ring_record *record, const uint8_t *data, size_t bytes)
{
	const struct hz_worker *w = ctx;
	if (w->tap) // what finds no room is counted in the ring; the recorder tells
		(void)hz_ring_put(&w->tap->ring, record, data, bytes);
}
