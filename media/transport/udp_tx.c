#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netinet/udp.h>

#include "media/transport/udp.h"

#define CONTROL_BYTES     (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)))
#define MAX_SEGMENT_BYTES 1400  // longer ones may exceed a path's MTU, which UDP_SEGMENT refuses
#define MAX_GROUP_BYTES   60000 // of one UDP_SEGMENT send
#define MAX_RETRIES       4     // in one flush, of pending ICMP errors
#define PAUSE_FLUSHES     1024

// Datagrams of one path and one size (the last may be shorter), sent by the kernel as one with UDP_SEGMENT.
struct group {
	uint16_t first; // slot whose path and size are the group's
	uint16_t count;
	uint32_t bytes;
	bool closed; // has its shorter last one
	union {
		struct sockaddr_in6 in6;
		struct sockaddr_in in;
	} name;
	struct iovec iov[HZ_UDP_BATCH];
	_Alignas(16) uint8_t control[CONTROL_BYTES];
};

struct hz_udp_tx {
	int fd;
	int family;
	unsigned pause; // flushes without UDP_SEGMENT, after it was refused where single datagrams went
	unsigned count, groups;
	struct hz_udp_tx_stats stats;
	uint16_t bytes[HZ_UDP_BATCH];
	struct hz_path path[HZ_UDP_BATCH];
	struct mmsghdr message[HZ_UDP_BATCH];
	struct group group[HZ_UDP_BATCH];
	_Alignas(16) uint8_t data[HZ_UDP_BATCH][HZ_UDP_MAX_BYTES];
};

int hz_udp_tx_new(int fd, struct hz_udp_tx **ret)
{
	struct hz_udp_tx *tx = calloc(1, sizeof(*tx));
	socklen_t bytes = sizeof(tx->family);
	if (!tx)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &tx->family, &bytes) < 0)
		tx->family = AF_INET6;
	tx->fd = fd;
	*ret = tx;
	return 0;
}

void hz_udp_tx_free(struct hz_udp_tx *tx)
{
	free(tx);
}

uint8_t *hz_udp_reserve(struct hz_udp_tx *tx)
{
	if (tx->count == HZ_UDP_BATCH)
		hz_udp_flush(tx);
	return tx->data[tx->count];
}

void hz_udp_commit(struct hz_udp_tx *tx, const struct hz_path *path, size_t bytes)
{
	assert(tx->count < HZ_UDP_BATCH && bytes <= HZ_UDP_MAX_BYTES);
	tx->path[tx->count] = *path;
	tx->bytes[tx->count] = (uint16_t)bytes;
	tx->count++;
}

int hz_udp_queue(struct hz_udp_tx *tx, const struct hz_path *path, const void *data, size_t bytes)
{
	if (bytes > HZ_UDP_MAX_BYTES)
		return -EMSGSIZE;
	memcpy(hz_udp_reserve(tx), data, bytes);
	hz_udp_commit(tx, path, bytes);
	return 0;
}

const struct hz_udp_tx_stats *hz_udp_tx_stats(const struct hz_udp_tx *tx)
{
	return &tx->stats;
}

// --- messages for the kernel

static void *add_control(struct msghdr *header, int level, int type, size_t bytes)
{
	struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)header->msg_control + header->msg_controllen);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(bytes);
	header->msg_controllen += CMSG_SPACE(bytes);
	return CMSG_DATA(c);
}

static void add_source(const struct hz_udp_tx *tx, struct msghdr *header, const struct hz_path *path)
{
	if (IN6_IS_ADDR_UNSPECIFIED(&path->local))
		return;
	if (tx->family == AF_INET) {
		struct in_pktinfo info = {0};
		memcpy(&info.ipi_spec_dst, &path->local.s6_addr[12], 4);
		memcpy(add_control(header, IPPROTO_IP, IP_PKTINFO, sizeof(info)), &info, sizeof(info));
		return;
	}
	struct in6_pktinfo info = {.ipi6_addr = path->local, .ipi6_ifindex = path->ifindex};
	memcpy(add_control(header, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(info)), &info, sizeof(info));
}

static void set_name(const struct hz_udp_tx *tx, struct group *group, struct msghdr *header)
{
	const struct sockaddr_in6 *remote = &tx->path[group->first].remote;
	header->msg_name = &group->name;
	if (tx->family == AF_INET) {
		memset(&group->name.in, 0, sizeof(group->name.in));
		group->name.in.sin_family = AF_INET;
		group->name.in.sin_port = remote->sin6_port;
		memcpy(&group->name.in.sin_addr, &remote->sin6_addr.s6_addr[12], 4);
		header->msg_namelen = sizeof(group->name.in);
		return;
	}
	group->name.in6 = *remote;
	group->name.in6.sin6_family = AF_INET6;
	header->msg_namelen = sizeof(group->name.in6);
}

static void build(struct hz_udp_tx *tx, struct group *group, struct mmsghdr *message)
{
	struct msghdr *header = &message->msg_hdr;
	memset(message, 0, sizeof(*message));
	set_name(tx, group, header);
	header->msg_iov = group->iov;
	header->msg_iovlen = group->count;
	header->msg_control = group->control;
	add_source(tx, header, &tx->path[group->first]);
	if (group->count > 1)
		memcpy(add_control(header, SOL_UDP, UDP_SEGMENT, sizeof(uint16_t)), &tx->bytes[group->first],
		       sizeof(uint16_t));
	if (header->msg_controllen == 0)
		header->msg_control = NULL;
}

static bool may_join(const struct hz_udp_tx *tx, const struct group *group, unsigned slot)
{
	uint16_t size = tx->bytes[group->first];
	return !group->closed && tx->bytes[slot] <= size && tx->bytes[slot] > 0 &&
	       size <= MAX_SEGMENT_BYTES && group->bytes + tx->bytes[slot] <= MAX_GROUP_BYTES;
}

// The newest group of the slot's path, if the slot can go with it. Older groups of that path would reorder it.
static struct group *find_group(struct hz_udp_tx *tx, unsigned slot)
{
	if (tx->pause > 0)
		return NULL;
	for (unsigned i = tx->groups; i-- > 0;) {
		struct group *group = &tx->group[i];
		if (hz_path_equal(&tx->path[group->first], &tx->path[slot]))
			return may_join(tx, group, slot) ? group : NULL;
	}
	return NULL;
}

static void make_groups(struct hz_udp_tx *tx)
{
	tx->groups = 0;
	for (unsigned slot = 0; slot < tx->count; slot++) {
		struct group *group = find_group(tx, slot);
		if (!group) {
			group = &tx->group[tx->groups++];
			group->first = (uint16_t)slot;
			group->count = 0;
			group->bytes = 0;
			group->closed = false;
		}
		group->iov[group->count].iov_base = tx->data[slot];
		group->iov[group->count].iov_len = tx->bytes[slot];
		group->count++;
		group->bytes += tx->bytes[slot];
		group->closed = tx->bytes[slot] < tx->bytes[group->first];
	}
	for (unsigned i = 0; i < tx->groups; i++)
		build(tx, &tx->group[i], &tx->message[i]);
}

// --- sending

static void count_sent(struct hz_udp_tx *tx, const struct group *group)
{
	tx->stats.packets += group->count;
	tx->stats.bytes += group->bytes;
}

// The datagrams of a group one by one. A path may refuse UDP_SEGMENT for its MTU, a device for want of checksums.
static void send_singly(struct hz_udp_tx *tx, const struct group *group)
{
	unsigned sent = 0;
	for (unsigned i = 0; i < group->count; i++) {
		struct group single = {.first = group->first, .count = 1, .iov = {group->iov[i]}};
		struct mmsghdr message;
		build(tx, &single, &message);
		single.bytes = (uint32_t)group->iov[i].iov_len;
		tx->stats.calls++;
		if (sendmsg(tx->fd, &message.msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			tx->stats.dropped++;
			continue;
		}
		count_sent(tx, &single);
		sent++;
	}
	if (sent > 0)
		tx->pause = PAUSE_FLUSHES;
}

// The kernel refused group `at` with errno. Returns how many groups are dealt with by that.
static unsigned on_refusal(struct hz_udp_tx *tx, unsigned at, unsigned *retries)
{
	struct group *group = &tx->group[at];
	switch (errno) {
	case EINTR:
		return 0;
	case EAGAIN: // the socket buffer is full: what waits would be late
	case ENOBUFS:
		for (unsigned i = at; i < tx->groups; i++)
			tx->stats.dropped += tx->group[i].count;
		return tx->groups - at;
	case ECONNREFUSED: // an earlier datagram's ICMP error, told to whoever calls next
		if ((*retries)++ < MAX_RETRIES) {
			tx->stats.refused++;
			return 0;
		}
		break;
	case EIO:
	case EINVAL:
	case EMSGSIZE:
		if (group->count > 1) {
			send_singly(tx, group);
			return 1;
		}
		break;
	default: // no route, not allowed by a firewall rule, address gone
		break;
	}
	tx->stats.dropped += group->count;
	return 1;
}

void hz_udp_flush(struct hz_udp_tx *tx)
{
	unsigned retries = 0;
	if (tx->count == 0)
		return;
	make_groups(tx);
	for (unsigned at = 0; at < tx->groups;) {
		int n = sendmmsg(tx->fd, tx->message + at, tx->groups - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		tx->stats.calls++;
		if (n <= 0) {
			at += on_refusal(tx, at, &retries);
			continue;
		}
		for (int i = 0; i < n; i++)
			count_sent(tx, &tx->group[at + (unsigned)i]);
		at += (unsigned)n;
	}
	tx->count = 0;
	tx->groups = 0;
	if (tx->pause > 0)
		tx->pause--;
}
