// What sending costs: batches of datagrams to one and to many receivers over loopback, as hz_udp_flush() sends them
// (sendmmsg, UDP_SEGMENT where sizes and paths agree) and one sendto() each. Receivers do not read: the kernel drops.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "media/transport/udp.h"

#define ROUNDS    4000
#define BYTES     1100
#define RECEIVERS 16

static struct hz_path paths[RECEIVERS];

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %d\n", what, err);
	exit(1);
}

static void bench_batches(int fd, unsigned receivers, int same_size)
{
	struct hz_udp_tx *tx;
	check(hz_udp_tx_new(fd, &tx), "tx");
	int64_t start = hz_now_us();
	for (int round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < HZ_UDP_BATCH; i++) {
			uint8_t *block = hz_udp_reserve(tx);
			block[0] = (uint8_t)i;
			// growing sizes never share a UDP_SEGMENT send
			hz_udp_commit(tx, &paths[i % receivers], same_size ? BYTES : BYTES - 64 + i);
		}
		hz_udp_flush(tx);
	}
	double us = (double)(hz_now_us() - start);
	const struct hz_udp_tx_stats *stats = hz_udp_tx_stats(tx);
	printf("%-22s %2u receivers  %5.0f ns a datagram  (%llu dropped)\n",
	       same_size ? "sendmmsg, UDP_SEGMENT" : "sendmmsg", receivers,
	       1e3 * us / (ROUNDS * HZ_UDP_BATCH), (unsigned long long)stats->dropped);
	hz_udp_tx_free(tx);
}

static void bench_single(int fd, unsigned receivers)
{
	static uint8_t data[BYTES];
	int64_t start = hz_now_us();
	for (int i = 0; i < ROUNDS * HZ_UDP_BATCH; i++) {
		const struct sockaddr_in6 *to = &paths[(unsigned)i % receivers].remote;
		sendto(fd, data, sizeof(data), 0, (const struct sockaddr *)to, sizeof(*to));
	}
	double us = (double)(hz_now_us() - start);
	printf("%-22s %2u receivers  %5.0f ns a datagram\n", "sendto", receivers,
	       1e3 * us / (ROUNDS * HZ_UDP_BATCH));
}

int main(void)
{
	static const unsigned counts[] = {1, 4, RECEIVERS};
	int fd, receivers[RECEIVERS];
	check(hz_udp_open("", 0, &fd), "open");
	for (int i = 0; i < RECEIVERS; i++) {
		struct sockaddr_in6 name;
		int small = 1; // a full buffer at once: what is measured is sending
		check(hz_udp_open("127.0.0.1", 0, &receivers[i]), "open");
		setsockopt(receivers[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		check(hz_udp_local(receivers[i], &name), "local");
		paths[i].remote = name;
		paths[i].local = name.sin6_addr;
	}
	for (size_t i = 0; i < 3; i++) {
		bench_single(fd, counts[i]);
		bench_batches(fd, counts[i], 0);
		bench_batches(fd, counts[i], 1);
	}
	for (int i = 0; i < RECEIVERS; i++)
		close(receivers[i]);
	close(fd);
	return 0;
}
