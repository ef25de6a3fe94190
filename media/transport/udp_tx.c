// Sending (the receiving half: udp_rx.c).
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

// Datagrams of one path and one size (the last may be shorter), queued one after the other: they lie end to end, and
// the kernel sends them as one with UDP_SEGMENT. Whoever queues a path's packets together is served best.
struct group {
	struct hz_path path;
	struct iovec iov; // all of them
	uint16_t count;
	uint16_t size; // of each but the last
	bool closed;   // has its shorter last one
	union {
		struct sockaddr_in6 in6;
		struct sockaddr_in in;
	} name;
	_Alignas(16) uint8_t control[CONTROL_BYTES];
};

struct hz_udp_tx {
	int fd;
	int family;
	bool bound;     // to one address: the kernel need not be told the source
	unsigned pause; // flushes without UDP_SEGMENT, after it was refused where single datagrams went
	unsigned count, groups;
	size_t used; // of data
	struct hz_udp_tx_stats stats;
	struct mmsghdr message[HZ_UDP_BATCH];
	struct group group[HZ_UDP_BATCH];
	_Alignas(64) uint8_t data[HZ_UDP_BATCH * HZ_UDP_MAX_BYTES];
};

static bool is_bound(int fd)
{
	struct sockaddr_in6 at;
	static const struct in6_addr any4 = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
	return !hz_udp_local(fd, &at) && !IN6_IS_ADDR_UNSPECIFIED(&at.sin6_addr) &&
	       memcmp(&at.sin6_addr, &any4, sizeof(any4)) != 0;
}

int hz_udp_tx_new(int fd, struct hz_udp_tx **ret)
{
	struct hz_udp_tx *tx = aligned_alloc(64, (sizeof(*tx) + 63) / 64 * 64);
	socklen_t bytes = sizeof(tx->family);
	if (!tx)
		return -ENOMEM;
	memset(tx, 0, offsetof(struct hz_udp_tx, data)); // pages of data are taken as they are used
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &tx->family, &bytes) < 0)
		tx->family = AF_INET6;
	tx->fd = fd;
	tx->bound = is_bound(fd);
	for (unsigned i = 0; i < HZ_UDP_BATCH; i++) {
		struct msghdr *header = &tx->message[i].msg_hdr;
		header->msg_name = &tx->group[i].name;
		header->msg_iov = &tx->group[i].iov;
		header->msg_iovlen = 1;
	}
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
	return tx->data + tx->used;
}

static bool may_join(const struct hz_udp_tx *tx, const struct group *group, const struct hz_path *path,
                     size_t bytes)
{
	return !group->closed && bytes <= group->size && bytes > 0 && group->size <= MAX_SEGMENT_BYTES &&
	       group->iov.iov_len + bytes <= MAX_GROUP_BYTES && tx->pause == 0 &&
	       hz_path_equal(&group->path, path);
}

static void set_name(const struct hz_udp_tx *tx, struct group *group, struct msghdr *header)
{
	const struct sockaddr_in6 *remote = &group->path.remote;
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

void hz_udp_commit(struct hz_udp_tx *tx, const struct hz_path *path, size_t bytes)
{
	assert(tx->count < HZ_UDP_BATCH && bytes <= HZ_UDP_MAX_BYTES);
	struct group *group = tx->groups ? &tx->group[tx->groups - 1] : NULL;
	if (group && may_join(tx, group, path, bytes)) {
		group->closed = bytes < group->size;
	} else {
		group = &tx->group[tx->groups];
		group->path = *path;
		group->iov = (struct iovec){.iov_base = tx->data + tx->used};
		group->count = 0;
		group->size = (uint16_t)bytes;
		group->closed = false;
		set_name(tx, group, &tx->message[tx->groups].msg_hdr);
		tx->groups++;
	}
	group->iov.iov_len += bytes;
	group->count++;
	tx->used += bytes;
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
	if (tx->bound || IN6_IS_ADDR_UNSPECIFIED(&path->local))
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

static void set_control(const struct hz_udp_tx *tx, struct group *group, struct msghdr *header)
{
	header->msg_control = group->control;
	header->msg_controllen = 0;
	add_source(tx, header, &group->path);
	if (group->count > 1)
		memcpy(add_control(header, SOL_UDP, UDP_SEGMENT, sizeof(uint16_t)), &group->size,
		       sizeof(uint16_t));
	if (header->msg_controllen == 0)
		header->msg_control = NULL;
}

// --- sending

static void count_sent(struct hz_udp_tx *tx, const struct group *group)
{
	tx->stats.packets += group->count;
	tx->stats.bytes += group->iov.iov_len;
}

// The datagrams of a group one by one. A path may refuse UDP_SEGMENT for its MTU, a device for want of checksums.
static void send_singly(struct hz_udp_tx *tx, struct group *group, const struct msghdr *header)
{
	unsigned sent = 0;
	struct iovec all = group->iov;
	struct group single = *group;
	struct msghdr message = *header;
	single.count = 1;
	message.msg_iov = &single.iov;
	set_control(tx, &single, &message);
	for (size_t at = 0; at < all.iov_len; at += group->size) {
		size_t left = all.iov_len - at;
		single.iov.iov_base = (uint8_t *)all.iov_base + at;
		single.iov.iov_len = left < group->size ? left : group->size;
		tx->stats.calls++;
		if (sendmsg(tx->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
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
			send_singly(tx, group, &tx->message[at].msg_hdr);
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
	for (unsigned i = 0; i < tx->groups; i++)
		set_control(tx, &tx->group[i], &tx->message[i].msg_hdr);
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
	tx->used = 0;
	if (tx->pause > 0)
		tx->pause--;
}
