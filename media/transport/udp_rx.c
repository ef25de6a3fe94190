#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "media/transport/udp.h"

#define CONTROL_BYTES (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo)))
#define MAX_ERRORS    16 // passed over in one receive

struct hz_udp_rx_memory {
	_Alignas(16) uint8_t data[HZ_UDP_BATCH][HZ_UDP_MAX_BYTES];
	_Alignas(16) uint8_t control[HZ_UDP_BATCH][CONTROL_BYTES];
	struct sockaddr_storage name[HZ_UDP_BATCH];
	struct iovec iov[HZ_UDP_BATCH];
	struct mmsghdr message[HZ_UDP_BATCH];
	unsigned used; // of message[], since the last receive
};

int hz_udp_rx_new(struct hz_udp_rx **ret)
{
	struct hz_udp_rx *rx = calloc(1, sizeof(*rx));
	struct hz_udp_rx_memory *memory = calloc(1, sizeof(*memory));
	if (!rx || !memory) {
		free(rx);
		free(memory);
		return -ENOMEM;
	}
	rx->memory = memory;
	memory->used = HZ_UDP_BATCH; // the first receive sets them all
	for (int i = 0; i < HZ_UDP_BATCH; i++) {
		memory->iov[i].iov_base = memory->data[i];
		memory->iov[i].iov_len = HZ_UDP_MAX_BYTES;
		memory->message[i].msg_hdr.msg_name = &memory->name[i];
		memory->message[i].msg_hdr.msg_iov = &memory->iov[i];
		memory->message[i].msg_hdr.msg_iovlen = 1;
		memory->message[i].msg_hdr.msg_control = memory->control[i];
	}
	*ret = rx;
	return 0;
}

void hz_udp_rx_free(struct hz_udp_rx *rx)
{
	if (!rx)
		return;
	free(rx->memory);
	free(rx);
}

static void map(struct in6_addr *to, const struct in_addr *from)
{
	memset(to, 0, sizeof(*to));
	to->s6_addr[10] = to->s6_addr[11] = 0xff;
	memcpy(&to->s6_addr[12], from, 4);
}

static bool read_remote(const struct sockaddr_storage *name, struct sockaddr_in6 *ret)
{
	if (name->ss_family == AF_INET6) {
		memcpy(ret, name, sizeof(*ret));
		ret->sin6_flowinfo = 0;
		return true;
	}
	if (name->ss_family != AF_INET)
		return false;
	const struct sockaddr_in *in = (const struct sockaddr_in *)name;
	memset(ret, 0, sizeof(*ret));
	ret->sin6_family = AF_INET6;
	ret->sin6_port = in->sin_port;
	map(&ret->sin6_addr, &in->sin_addr);
	return true;
}

static void read_local(struct msghdr *header, struct hz_path *path)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			path->local = info.ipi6_addr;
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				path->ifindex = info.ipi6_ifindex;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			map(&path->local, &info.ipi_addr);
		}
	}
}

static void take(struct hz_udp_rx *rx, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		struct mmsghdr *message = &rx->memory->message[i];
		struct hz_udp_packet *packet = &rx->packet[rx->count];
		memset(&packet->path, 0, sizeof(packet->path));
		if ((message->msg_hdr.msg_flags & MSG_TRUNC) ||
		    !read_remote(&rx->memory->name[i], &packet->path.remote)) {
			rx->truncated++;
			continue;
		}
		read_local(&message->msg_hdr, &packet->path);
		packet->data = rx->memory->data[i];
		packet->bytes = message->msg_len;
		rx->count++;
	}
}

int hz_udp_receive_more(struct hz_udp_rx *rx, int fd)
{
	struct hz_udp_rx_memory *memory = rx->memory;
	unsigned from = memory->used, room = HZ_UDP_BATCH - from;
	for (int errors = 0; room > 0 && errors < MAX_ERRORS;) {
		int n = recvmmsg(fd, memory->message + from, room, MSG_DONTWAIT, NULL);
		if (n >= 0) {
			memory->used += (unsigned)n;
			take(rx, from, (unsigned)n);
			return 0;
		}
		if (errno == EAGAIN)
			return 0;
		if (errno == EBADF || errno == ENOTSOCK || errno == EINVAL || errno == EFAULT)
			return -errno;
		if (errno != EINTR) { // an ICMP error waiting on the socket: reading it takes it away
			errors++;
			rx->errors++;
		}
	}
	return 0;
}

int hz_udp_receive(struct hz_udp_rx *rx, int fd)
{
	struct hz_udp_rx_memory *memory = rx->memory;
	for (unsigned i = 0; i < memory->used; i++) { // the kernel has overwritten these
		struct msghdr *header = &memory->message[i].msg_hdr;
		header->msg_namelen = sizeof(struct sockaddr_storage);
		header->msg_controllen = CONTROL_BYTES;
	}
	memory->used = 0;
	rx->count = 0;
	return hz_udp_receive_more(rx, fd);
}
