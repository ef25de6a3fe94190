// Is a queue building up? Packets sent within 5 ms are a group; between groups, by how much more did the arrivals
// spread than the sendings? The sum of that, smoothed, is fitted with a line over the last groups; its slope is held
// against a threshold that follows the slope slowly, so that one's own share is not lost to loss-based flows.
// After draft-ietf-rmcat-gcc-02 section 5. Pure. Thread: any.
#ifndef HZ_MEDIA_CC_TREND_H
#define HZ_MEDIA_CC_TREND_H

#include <stdbool.h>
#include <stdint.h>

#define HZ_TREND_POINTS 20

enum hz_cc_usage { HZ_CC_NORMAL = 0, HZ_CC_OVER, HZ_CC_UNDER };

struct hz_trend_group {
	int64_t first_sent_us, last_sent_us, arrival_us;
	uint8_t valid;
};

struct hz_trend {
	struct hz_trend_group now, before;
	struct {
		float at_ms, delay_ms;
	} point[HZ_TREND_POINTS];
	uint32_t points; // ever, bounded in use
	int64_t zero_us; // of at_ms
	double delay_ms, smooth_ms;
	double slope, threshold_ms;
	double over_ms; // how long the slope has been over it
	int64_t updated_us;
	uint8_t usage; // enum hz_cc_usage
	uint8_t over_count;
};

void hz_trend_init(struct hz_trend *t);

// A packet that arrived, in the order of sending. Times of each side's own clock.
void hz_trend_add(struct hz_trend *t, int64_t sent_us, int64_t arrival_us);

#endif
