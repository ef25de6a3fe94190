// Batched datagrams of the media port: recvmmsg in, sendmmsg (and UDP_SEGMENT where it helps) out.
// With agent.h the only part of media/transport that does I/O. All memory is taken by the two `new`s. Thread: one per
// object.
#ifndef HZ_MEDIA_TRANSPORT_UDP_H
#define HZ_MEDIA_TRANSPORT_UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_UDP_BATCH     64
#define HZ_UDP_MAX_BYTES 2048 // of one datagram; longer ones are dropped and counted

// Where a datagram came from and to: answer along the same path. IPv4 as IPv4-mapped IPv6 in both addresses.
struct hz_path {
	struct sockaddr_in6 remote;
	struct in6_addr local; // our address; all zero: let the kernel choose
	uint32_t ifindex;      // 0: let the kernel choose (always 0 except for link-local addresses)
	uint32_t
	    conn; // 0: UDP; else a TCP connection of this worker (media/worker/tcp.h): nothing for hz_udp_*
};

// Same remote address and port, same local address, same connection.
bool hz_path_equal(const struct hz_path *a, const struct hz_path *b);

// A non-blocking, close-on-exec UDP socket. address: "" or "::" everywhere, dual stack; else a numeric IPv4
// or IPv6 address. port 0: any. Buffers of 4 MiB are asked for; getting less is no error. 0; -EINVAL not a
// numeric address; -errno of socket or bind.
int hz_udp_open(const char *address, uint16_t port, int *ret_fd);

// The address a socket is bound to. 0; -errno.
int hz_udp_local(int fd, struct sockaddr_in6 *ret);

// Prepares an inherited socket (packet info on); hz_udp_open() has done it already. 0; -errno.
int hz_udp_prepare(int fd);

struct hz_udp_packet {
	uint8_t *data; // in the batch, HZ_UDP_MAX_BYTES long, valid and writable until the next receive
	size_t bytes;
	struct hz_path path;
};

struct hz_udp_rx {
	unsigned count; // of packet[], from the last receive
	struct hz_udp_packet packet[HZ_UDP_BATCH];
	uint64_t truncated; // dropped: too long, or from an unknown address family
	uint64_t errors;    // ICMP errors and the like, reported by the kernel and passed over
	struct hz_udp_rx_memory *memory;
};

int hz_udp_rx_new(struct hz_udp_rx **ret); // 0; -ENOMEM
void hz_udp_rx_free(struct hz_udp_rx *rx); // NULL allowed

// Fills rx with what is there, without waiting. 0 (rx->count may be 0); -errno of a broken socket.
int hz_udp_receive(struct hz_udp_rx *rx, int fd);

// Adds what has come since, as far as there is room: packet[] grows from the count before.
int hz_udp_receive_more(struct hz_udp_rx *rx, int fd);

struct hz_udp_tx_stats {
	uint64_t packets, bytes; // handed to the kernel
	uint64_t dropped;        // socket buffer full, or no route: never waited for
	uint64_t refused;        // ICMP errors; not a loss of the packet at hand: it was tried again
	uint64_t calls;          // sendmmsg
};

struct hz_udp_tx;
int hz_udp_tx_new(int fd, struct hz_udp_tx **ret); // fd stays the caller's. 0; -ENOMEM
void hz_udp_tx_free(struct hz_udp_tx *tx);         // drops what is queued; NULL allowed

// Without copying: the next free block of HZ_UDP_MAX_BYTES (never NULL: a full batch is flushed first); write
// a packet into it, then commit. Without commit the block is simply given out again.
uint8_t *hz_udp_reserve(struct hz_udp_tx *tx);
void hz_udp_commit(struct hz_udp_tx *tx, const struct hz_path *path, size_t bytes);

// The same with a copy. 0; -EMSGSIZE.
int hz_udp_queue(struct hz_udp_tx *tx, const struct hz_path *path, const void *data, size_t bytes);

// Sends the batch, never waits: what the kernel does not take now is dropped and counted.
void hz_udp_flush(struct hz_udp_tx *tx);

const struct hz_udp_tx_stats *hz_udp_tx_stats(const struct hz_udp_tx *tx);

#endif
