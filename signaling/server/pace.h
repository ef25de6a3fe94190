// How fast answers may go out together: a bound that several connections of one client share, so that they leave room for what is
// more urgent on the same link. Small pieces, no bursts. Two ways to know how much there is:
//  - what the caller says (hz_pace_bound), and nothing more where the way cannot be measured (a proxy on this machine);
//  - the connection's own round trips: as long as they do not become longer the link has room, and more is tried; when they do, a
//    queue stands in it, in which the urgent waits too, and less is sent (as RFC 6817 does it, with a lower target).
//    Longer than the shortest of late, not of ever: a receiver that acknowledges late does so always.
// Pure but for its memory: time comes in. Thread: the server's.
#ifndef HZ_SIGNALING_SERVER_PACE_H
#define HZ_SIGNALING_SERVER_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_PACE_LEAST_BPS 32000

struct hz_pace;

struct hz_pace *hz_pace_new(void); // one reference, the caller's; no bound. NULL: no memory
struct hz_pace *hz_pace_ref(struct hz_pace *pace);
void hz_pace_unref(struct hz_pace *pace); // NULL allowed

// What there is as the caller knows it; 0: no bound. A change moves the rate towards it at once, when it is less.
void hz_pace_bound(struct hz_pace *pace, uint32_t bps);
// Something was lost, says somebody who knows.
void hz_pace_lost(struct hz_pace *pace);

// Nothing goes before then: room is being made on the link. 0 or past: go on.
void hz_pace_hold(struct hz_pace *pace, int64_t until_us);
// So much of the link was set free for it: most of it at least, where no long queue says otherwise; more only where no queue is.
// 0: nobody says so (any more).
void hz_pace_share(struct hz_pace *pace, uint32_t bps);
int64_t hz_pace_asked_us(const struct hz_pace *pace); // when somebody had something to send last; 0: never

// Of `wanted` bytes so many may go now; 0: wait for hz_pace_wait_us() and ask again. who: an answer; one after the other, so that the
// first is there soon and its round trips are fresh. One that does not come back in 300 ms lets the next one pass.
size_t hz_pace_take(struct hz_pace *pace, const void *who, int64_t now_us, size_t wanted);
int64_t hz_pace_wait_us(const struct hz_pace *pace, const void *who);
void hz_pace_leave(struct hz_pace *pace, const void *who); // it is over

// Of the kernel (TCP_INFO): the round trip of the newest packet that came back, and the connection's shortest. lost: something was sent
// again.
void hz_pace_measured(struct hz_pace *pace, int64_t now_us, uint32_t rtt_us, uint32_t least_rtt_us,
                      bool lost);
// The newest round trip, of two looks at the smoothed one (RFC 6298: an eighth each) between which `count` more came back.
uint32_t hz_pace_newest_us(uint32_t before_us, uint32_t now_us, uint32_t count);

uint32_t hz_pace_bps(const struct hz_pace *pace); // 0: no bound

#endif
