// Clock truth: RTP timestamps of every stream on one time line, the gateway's.
//
// A sender report (RFC 3550 6.4.1) says which timestamp belongs to which moment of the publisher's own clock (NTP); how that
// clock stands to the gateway's is estimated from the reports' arrivals: queueing only adds, so the smallest delays tell
// (the shortest way here stays in it, the same for sound and picture of one publisher). Both relations are fitted piecewise
// and robustly, so that a wrong report, a clock that drifts and a clock that is set do no harm. A stream without reports is
// placed by its packets' arrivals. Where timestamps jump a new epoch begins.
//
// Times are microseconds of the time line. Memory: one point a second and stream, bounded. Thread: one.
#ifndef HZ_RECORDER_FINALIZE_CLOCK_H
#define HZ_RECORDER_FINALIZE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_clock; // of one stream (SSRC)

int hz_clock_new(uint32_t clock_hz, struct hz_clock **ret); // -EINVAL: 0; -ENOMEM
void hz_clock_free(struct hz_clock *clock);                 // NULL allowed

// First: everything that arrived, in its order. Beyond the bounds it is left out.
void hz_clock_packet(struct hz_clock *clock, int64_t seq, int64_t ts, int64_t at_us); // extended numbers
void hz_clock_report(struct hz_clock *clock, uint64_t ntp, uint32_t ts, int64_t at_us);

// Then: the streams of one publisher, together. -ENOMEM.
int hz_clock_solve(struct hz_clock *const *clocks, size_t count);

// Then: when the sample was taken. seq: of its packet, it tells the epoch.
int64_t hz_clock_us(const struct hz_clock *clock, int64_t seq, int64_t ts);

struct hz_clock_info {
	bool from_reports; // the longest epoch is placed by sender reports
	double drift_ppm;  // of the sampling clock to the gateway's: positive is fast
	uint32_t reports, epochs, outliers;
};
void hz_clock_info(const struct hz_clock *clock, struct hz_clock_info *ret);

#endif
