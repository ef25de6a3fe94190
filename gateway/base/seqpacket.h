// Datagrams that keep their borders and their order, between processes of this installation: SOCK_SEQPACKET,
// with or without descriptors riding along (SCM_RIGHTS). Thread: any, but one reader and one writer a socket.
// A queue is bounded by the sender's buffer: full means -EAGAIN, and the message is not sent.
#ifndef HZ_BASE_SEQPACKET_H
#define HZ_BASE_SEQPACKET_H

#include <stddef.h>
#include <sys/types.h>

#define HZ_SEQPACKET_MAX_FDS 64 // in one message

// A non-blocking, close-on-exec pair whose buffers hold about buffer_bytes each way (0: the system's
// default).
int hz_seqpacket_pair(unsigned buffer_bytes, int ret[2]);

// Sends one whole message. 0, -EAGAIN when the queue is full, -EPIPE when the other end is gone.
int hz_seqpacket_send(int fd, const void *data, size_t bytes);

// Receives one message into buf. 0, -EAGAIN when there is none, -EPIPE at the end, -EMSGSIZE when it did not
// fit (it is lost). Descriptors that come along are closed.
int hz_seqpacket_recv(int fd, void *buf, size_t cap, size_t *ret_bytes);

// The same with descriptors. The sender keeps its own copies; the receiver owns what it gets (close-on-exec).
// -EINVAL for more than HZ_SEQPACKET_MAX_FDS; -ENOBUFS when more came than fds_cap (all are closed).
int hz_seqpacket_send_fds(int fd, const void *data, size_t bytes, const int *fds, unsigned count);
struct hz_seqpacket_in {
	void *buf;
	size_t cap;
	int *fds;
	unsigned fds_cap;
};
int hz_seqpacket_recv_fds(int fd, const struct hz_seqpacket_in *in, size_t *ret_bytes, unsigned *ret_count);

// The process at the other end of a connected socket, as the kernel knows it (SO_PEERCRED).
int hz_seqpacket_peer(int fd, pid_t *ret_pid, uid_t *ret_uid);

#endif
