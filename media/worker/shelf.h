// Where the descriptors of TCP connections outlive their worker: a SOCK_SEQPACKET pair whose ends the supervisor keeps.
// The worker sends each descriptor into it and reads none back; the kernel holds what is under way. Its successor reads
// them all and puts those it goes on with back. Bounded by the pair's buffer: what finds no room is not kept, and its
// client connects anew after a crash. Nothing else may use the pair. Thread: the worker's.
#ifndef HZ_MEDIA_WORKER_SHELF_H
#define HZ_MEDIA_WORKER_SHELF_H

#include <stdint.h>

// A copy of fd under the connection's id (slot and generation in the arena). 0; -EAGAIN full; -errno.
int hz_shelf_put(int shelf_in, uint32_t conn, int fd);

// The oldest one; *ret_fd is the caller's. 0; -EAGAIN empty; -EBADMSG one that makes no sense, dropped: go on; -errno.
int hz_shelf_take(int shelf_out, uint32_t *ret_conn, int *ret_fd);

#endif
