// The valid pairs of a peer (paths on which a check of it was authenticated), and what to do when nothing comes on the
// selected one any more although it was busy: sending moves to another one at once, without waiting for the client to
// notice. The client's next nomination has the last word. Bounded: HZ_PAIRS a peer, the one unheard for the longest time
// gives way. Lost at a restart: the next checks bring them back. Thread: the worker's.
#ifndef HZ_MEDIA_WORKER_PAIRS_H
#define HZ_MEDIA_WORKER_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "media/transport/udp.h"

#define HZ_PAIRS                6
#define HZ_PAIRS_TICK_US        100000
#define HZ_PAIRS_SILENT_US      600000 // nothing authentic on a busy path
#define HZ_PAIRS_SILENT_MIN_US  300000 // through agents: so much, if that many packets were due, or the above
#define HZ_PAIRS_SILENT_PACKETS 8
#define HZ_PAIRS_FOLLOW         2 // through agents: packets by another one, none by the selected one for a tick
#define HZ_PAIRS_POKES          15
#define HZ_PAIRS_VALID_US       30000000 // a check this old still counts (RFC 7675 section 5.1)
#define HZ_PAIRS_BUSY_MILLI     250 // packets a tick, in thousandths, that make a path busy: 2.5 a second

struct hz_worker;

struct hz_pair {
	struct hz_path path;
	int64_t checked_us; // newest authenticated check
	int64_t heard_us;   // newest authentic packet of any kind
	int64_t media_us;   // newest authentic SRTP or SRTCP while it was not selected
	uint32_t media;     // how many of them since one came on the selected one
	bool tried;         // since then
};

struct hz_pairs {
	struct hz_pair pair[HZ_PAIRS];
	uint32_t count;
	bool told;           // control knows that it is silent
	uint32_t waits;      // ticks until another one is tried, after a move
	uint32_t pokes;      // reports to send, one a tick, until something comes on the path moved to
	uint32_t heard;      // packets on the selected path since the last tick
	uint32_t rate_milli; // a tick, averaged while it is not silent
	int64_t heard_us;    // on the selected path
};

// An authenticated check came by this path; so did an authentic packet.
void hz_pairs_checked(struct hz_worker *w, uint32_t slot, const struct hz_path *path);
void hz_pairs_heard(struct hz_worker *w, uint32_t slot, const struct hz_path *path);

// When something authentic of this peer last came from that address by UDP; 0: nothing that is known.
int64_t hz_pairs_heard_us(const struct hz_worker *w, uint32_t slot, const struct sockaddr_in6 *from);

// Media comes by this one, which is not selected, and not by the selected one.
bool hz_pairs_serves(const struct hz_worker *w, uint32_t slot, const struct hz_path *path);

// A pair that an agent still has consent for; nothing was heard on it.
void hz_pairs_valid(struct hz_worker *w, uint32_t slot, const struct hz_path *path);

// Every HZ_PAIRS_TICK_US, while there are peers.
void hz_pairs_tick(struct hz_worker *w);

#endif
