// A compound RTCP packet through every parser.
#include <stdint.h>
#include <stdlib.h>

#include "media/rtp/rtcp.h"
#include "media/rtp/twcc.h"
#include "media/rtp/xr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint32_t sink; // so that no read is left out

static void on_report(const struct hz_rtcp_packet *p)
{
	struct hz_rtcp_report r;
	if (hz_rtcp_parse_report(p, &r) < 0)
		return;
	uint8_t buf[1024];
	struct hz_rtcp_writer w;
	uint32_t rtt_us;
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	if (hz_rtcp_begin(&w, r.ssrc, r.block, r.block_count) < 0 || hz_rtcp_check(buf, w.bytes) < 0)
		abort();
	for (unsigned i = 0; i < r.block_count; i++)
		if (hz_rtcp_rtt_us(r.sender.rtp_ts, r.block[i].lsr, r.block[i].dlsr, &rtt_us) == 0)
			sink += rtt_us;
	if (r.is_sr)
		sink += (uint32_t)hz_ntp_to_us(r.sender.ntp);
}

static void on_feedback(const struct hz_rtcp_packet *p)
{
	static struct hz_twcc_arrival items[65536];
	struct hz_rtcp_feedback fb;
	struct hz_twcc_feedback twcc;
	struct hz_rtcp_remb remb;
	size_t count;
	uint32_t ssrc;
	uint8_t seq;
	if (hz_rtcp_parse_feedback(p, &fb) < 0)
		return;
	if (hz_rtcp_nack_count(&fb, &count) == 0)
		for (size_t i = 0; i < count; i++)
			sink += hz_rtcp_nack_item(&fb, i).blp;
	if (hz_rtcp_fir_count(&fb, &count) == 0) {
		for (size_t i = 0; i < count; i++) {
			hz_rtcp_fir_item(&fb, i, &ssrc, &seq);
			sink += ssrc + seq;
		}
	}
	if (hz_rtcp_parse_remb(&fb, &remb) == 0)
		for (size_t i = 0; i < 4u * remb.ssrc_count; i++)
			sink += remb.ssrcs[i];
	if (hz_twcc_parse(p, &twcc, items, 65536, &count) == 0)
		for (size_t i = 0; i < count; i++)
			sink += (uint32_t)items[i].at_us;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet p;
	uint32_t ssrcs[HZ_RTCP_MAX_BLOCKS];
	struct hz_xr_time time;
	size_t count;
	int rc, packets = 0;
	hz_rtcp_iter_init(&iter, data, size);
	while ((rc = hz_rtcp_next(&iter, &p)) > 0) {
		packets++;
		on_report(&p);
		on_feedback(&p);
		hz_rtcp_parse_sdes(&p);
		if (hz_xr_parse_time(&p, &time) == 0)
			sink += time.ssrc + time.compact;
		if (hz_rtcp_parse_bye(&p, ssrcs, &count) == 0)
			for (size_t i = 0; i < count; i++)
				sink += ssrcs[i];
	}
	if ((hz_rtcp_check(data, size) == 0) != (rc == 0 && packets > 0))
		abort();
	return 0;
}
