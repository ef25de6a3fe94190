// A life of the estimator under hostile feedback: each step is some sendings and one feedback body of the input.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/cc/cc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                                                             \
	do {                                                                                                 \
		if (!(x))                                                                                    \
			abort();                                                                             \
	} while (0)

static struct hz_cc_scratch scratch;

// milliseconds, packets, bytes / 8, length of the body, and the body
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_cc *cc;
	int64_t now = 1000000;
	uint16_t seq = 65500;
	CHECK(hz_cc_new(now, &cc) == 0);
	hz_cc_set_demand(cc, 3000000);
	while (size >= 4) {
		size_t packet, body = data[3];
		now += 1000 * (int64_t)data[0];
		for (unsigned i = 0; i < data[1]; i++)
			hz_cc_on_sent(cc, seq++, 8u * data[2], false, now);
		data += 4;
		size -= 4;
		body = body < size ? body : size;
		struct hz_rtcp_packet p = {data, body, HZ_RTCP_RTPFB, HZ_RTPFB_TWCC};
		(void)hz_cc_on_feedback(cc, &p, &scratch, now);
		data += body;
		size -= body;
		hz_cc_tick(cc, now);
		size_t due = hz_cc_probe(cc, now, &packet);
		for (size_t done = 0; done < due; done += packet) {
			CHECK(packet > 0);
			hz_cc_on_sent(cc, seq++, packet, true, now);
		}
		uint32_t bps = hz_cc_estimate_bps(cc);
		CHECK(bps == 0 || (bps >= HZ_CC_MIN_BPS && bps <= HZ_CC_MAX_BPS));
		CHECK(hz_cc_loss_permille(cc) <= 1000);
		(void)hz_cc_target_bps(cc);
		(void)hz_cc_queue_us(cc);
	}
	hz_cc_free(cc);
	return 0;
}
