#include "media/mix/age.h"

#include "media/rtp/rtcp.h"

#define OLDEST_US 2000000 // further back is no such time

void hz_mix_said_init(struct hz_mix_said *said)
{
	hz_clock_peer_init(&said->clock);
	hz_clockmap_init(&said->map, 48000);
}

void hz_mix_said_report(struct hz_mix_said *said, uint64_t ntp, uint32_t rtp_ts, int64_t arrival_us)
{
	hz_clockmap_on_sr(&said->map, &said->clock, ntp, rtp_ts, arrival_us);
}

void hz_mix_age_add(struct hz_mix_age *age, const struct hz_mix_said *said, uint32_t rtp_ts, int64_t now_us)
{
	int64_t us;
	if (hz_clockmap_us_at(&said->map, &said->clock, rtp_ts, &us) || us > now_us ||
	    us < now_us - OLDEST_US)
		return;
	age->sum_us += now_us - us;
	age->voices++;
}

bool hz_mix_age_settle(struct hz_mix_age *age)
{
	if (age->voices) {
		int64_t us = age->sum_us / age->voices;
		age->us = age->known ? age->us + (us - age->us) / 2 : us;
		age->known = true;
	}
	age->sum_us = age->voices = 0;
	return age->known;
}

size_t hz_mix_age_write(const struct hz_mix_age *age, uint32_t ssrc, uint32_t rtp_ts, int64_t wall_us,
                        const uint32_t sent[2], uint8_t ret[HZ_MIX_REPORT_BYTES])
{
	struct hz_rtcp_writer w;
	const struct hz_sender_info info = {.ntp = hz_ntp_from_us(wall_us + HZ_NTP_UNIX_US),
	                                    .rtp_ts = rtp_ts + (uint32_t)(age->us * 48 / 1000),
	                                    .packets = sent[0],
	                                    .octets = sent[1]};
	hz_rtcp_writer_init(&w, ret, HZ_MIX_REPORT_BYTES);
	return hz_rtcp_write_sr(&w, ssrc, &info, NULL, 0) == 0 ? w.bytes : 0;
}
