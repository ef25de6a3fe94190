// Shared memory that outlives a process: memfds, created by the supervisor and inherited by its children.
// Thread: any. Errors are -errno. Descriptors are close-on-exec.
#ifndef HZ_BASE_MEMFD_H
#define HZ_BASE_MEMFD_H

#include <stddef.h>

// A zeroed memfd of exactly `bytes` that can neither shrink nor grow (so a mapping never faults with SIGBUS).
// Sparse: a page costs memory once it is written. *ret_fd is the caller's to close.
int hz_memfd_new(const char *name, size_t bytes, int *ret_fd);

// A memfd holding a copy of data that nobody can change any more, whoever gets the descriptor (sealed).
int hz_memfd_from(const char *name, const void *data, size_t bytes, int *ret_fd);

// A zeroed memfd of exactly `bytes` that is written through *ret_map alone, by whoever made it: all others who have the
// descriptor read (F_SEAL_FUTURE_WRITE). *ret_fd is the caller's to close, *ret_map to undo with hz_memfd_unmap().
int hz_memfd_board(const char *name, size_t bytes, int *ret_fd, void **ret_map);

// Reads all of a memfd into a fresh block with a NUL behind it: *ret is the caller's to free (hz_wipe it
// first when it is secret). -EFBIG when it holds more than max_bytes.
int hz_memfd_read(int fd, size_t max_bytes, char **ret, size_t *ret_bytes);

// Maps fd shared, readable and writable. -EINVAL when the file is smaller than bytes. Undo with
// hz_memfd_unmap().
int hz_memfd_map(int fd, size_t bytes, void **ret);
void hz_memfd_unmap(void *map, size_t bytes);

// Waits until no other process holds the memfd this way, then holds it until *ret_lock is closed or the process is
// gone. So two incarnations of a worker never use one arena at the same time, however they came to be.
int hz_memfd_claim(int fd, int *ret_lock);

#endif
