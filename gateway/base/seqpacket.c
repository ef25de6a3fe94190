#include "gateway/base/seqpacket.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int hz_seqpacket_pair(unsigned buffer_bytes, int ret[2])
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	for (int i = 0; i < 2 && buffer_bytes; i++) {
		int size = buffer_bytes > INT32_MAX ? INT32_MAX : (int)buffer_bytes;
		// FORCE needs CAP_NET_ADMIN; without it the kernel cuts the size to wmem_max.
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	ret[0] = fds[0];
	ret[1] = fds[1];
	return 0;
}

int hz_seqpacket_send(int fd, const void *data, size_t bytes)
{
	return hz_seqpacket_send_fds(fd, data, bytes, NULL, 0);
}

int hz_seqpacket_send_fds(int fd, const void *data, size_t bytes, const int *fds, unsigned count)
{
	union {
		struct cmsghdr align;
		char raw[CMSG_SPACE(sizeof(int) * HZ_SEQPACKET_MAX_FDS)];
	} control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = bytes};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (bytes == 0 || count > HZ_SEQPACKET_MAX_FDS)
		return -EINVAL; // an empty message would look like the end
	if (count) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.raw;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	ssize_t n;
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	return errno == ECONNRESET ? -EPIPE : -errno;
}

static void close_fds(const struct hz_seqpacket_in *in, unsigned count)
{
	for (unsigned i = 0; i < count && i < in->fds_cap; i++)
		close(in->fds[i]);
}

// Takes the descriptors out of a message; those that do not fit are closed and make it -ENOBUFS.
static int take_fds(struct msghdr *msg, const struct hz_seqpacket_in *in, unsigned *ret_count)
{
	unsigned count = 0;
	int err = msg->msg_flags & MSG_CTRUNC ? -ENOBUFS : 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (count < in->fds_cap) {
				in->fds[count++] = fd;
				continue;
			}
			close(fd);
			err = in->fds_cap ? -ENOBUFS : err;
		}
	}
	if (err)
		close_fds(in, count);
	*ret_count = err ? 0 : count;
	return err;
}

int hz_seqpacket_recv_fds(int fd, const struct hz_seqpacket_in *in, size_t *ret_bytes, unsigned *ret_count)
{
	union {
		struct cmsghdr align;
		char raw[CMSG_SPACE(sizeof(int) * HZ_SEQPACKET_MAX_FDS)];
	} control;
	struct iovec iov = {.iov_base = in->buf, .iov_len = in->cap};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	msg.msg_control = control.raw;
	msg.msg_controllen = sizeof(control.raw);
	ssize_t n;
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	unsigned count;
	int err = take_fds(&msg, in, &count);
	if (!err && n == 0)
		err = -EPIPE;
	if (!err && (msg.msg_flags & MSG_TRUNC))
		err = -EMSGSIZE;
	if (err) {
		close_fds(in, count);
		return err;
	}
	*ret_bytes = (size_t)n;
	*ret_count = count;
	return 0;
}

int hz_seqpacket_recv(int fd, void *buf, size_t cap, size_t *ret_bytes)
{
	unsigned count;
	struct hz_seqpacket_in in = {.buf = buf, .cap = cap};
	return hz_seqpacket_recv_fds(fd, &in, ret_bytes, &count);
}

int hz_seqpacket_peer(int fd, pid_t *ret_pid, uid_t *ret_uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*ret_pid = cred.pid;
	*ret_uid = cred.uid;
	return 0;
}
