// What the children of huizhen-ingest and huizhen-push have in common (huizhen-source, huizhen-target): each inherits its parent's socket
// as descriptor 3, is given what it works on by SOURCE_SET messages, and ends with the socket. Thread: main.
#ifndef HZ_MEDIA_INGEST_CHILD_H
#define HZ_MEDIA_INGEST_CHILD_H

#include <stdint.h>

#include "media/ingest/api.h"

#define HZ_INGEST_CHILD_FD 3

// Names its log; gives way to the relay; `farewell`: the signal that it gets where its parent dies.
void hz_ingest_child_begin(const char *name, int farewell);

// Our parent kills who is silent. Should it be gone itself, this ends who hangs: half a minute after it was last called.
void hz_ingest_child_wind(void);

// The next SOURCE_SET; what is left of it in memory is wiped. ret_fd: that came along, the caller's, -1: none; NULL: it is closed. 0; -EAGAIN:
// there is none; -EPIPE: over, as well where it is another build's: our parent makes a new one.
int hz_ingest_child_take(int fd, struct hz_ingest_source_set *ret, int *ret_fd);

// Into the sandbox: the network, what libraries look at, `more` of files (NULL behind the last one; NULL: none), and no other.
struct hz_ingest_child_bounds {
	uint64_t memory_bytes;
	unsigned files;
	const char *const *more;
};
int hz_ingest_child_enter(const struct hz_ingest_child_bounds *bounds);

// What main returns: 0; 1 with one line that says why.
int hz_ingest_child_end(const char *name, int err);

#endif
