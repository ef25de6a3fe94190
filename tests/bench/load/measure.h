// What a run measured: one histogram of one-way delays and counters for all peers together, since the last mark.
// Delays are from the publisher's stamp in the payload, taken before it protects the packet, to the moment the kernel
// queued the datagram at the receiver's socket (SO_TIMESTAMPNS): how busy the load generator is does not enter.
// Both on CLOCK_REALTIME of one machine. Thread: one.
#ifndef HZ_TESTS_BENCH_LOAD_MEASURE_H
#define HZ_TESTS_BENCH_LOAD_MEASURE_H

#include <stdint.h>

#define LOAD_FINE_US     5
#define LOAD_FINE_BINS   10000 // to 50 ms
#define LOAD_COARSE_US   1000
#define LOAD_COARSE_BINS 5000 // to 5 s more; the last bin holds everything above

struct load_histogram {
	uint64_t count;
	int64_t worst_us;
	uint32_t fine[LOAD_FINE_BINS];
	uint32_t coarse[LOAD_COARSE_BINS];
};

void load_histogram_add(struct load_histogram *h, int64_t us); // negative counts as 0
int64_t load_histogram_us(const struct load_histogram *h,
                          unsigned per_mille); // upper edge of the bin; 0: empty

struct load_totals {
	uint64_t sent;                   // RTP by the publishers
	uint64_t received, video, audio; // RTP, each number once, without RTX
	uint64_t repaired, duplicates;   // by RTX or retransmission; seen before
	uint64_t bytes;                  // on the wire above UDP, RTP only
	uint64_t keyframes;              // begun at receivers
	uint64_t auth_failed, plis_sent, plis_received, nacks_sent, nacks_received, feedbacks;
	uint64_t twcc; // packets that carried a transport-wide number
	uint64_t send_failed;
	uint64_t oldest_us,
	    newest_us; // stamps of the publishers on anything that came, repaired too; 0: nothing did
};

struct load_measure {
	struct load_histogram delay;
	struct load_totals totals;
	int64_t mark_us;     // CLOCK_MONOTONIC
	int64_t mark_cpu_us; // of this process
};

void load_measure_mark(struct load_measure *m, int64_t now_us); // everything to zero
int64_t load_cpu_us(void);                                      // user and system time of this process

#endif
