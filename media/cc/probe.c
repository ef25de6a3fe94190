#include "media/cc/probe.h"

#include <string.h>

#define PACKET_MIN 90u
#define PACKET_MAX 1200u

void hz_probe_init(struct hz_probe *p, int64_t now_us)
{
	uint32_t clusters = p->clusters;
	memset(p, 0, sizeof(*p));
	p->clusters = clusters;
	p->gap_us = HZ_PROBE_GAP_US;
	p->next_us = now_us;
}

void hz_probe_soon(struct hz_probe *p, int64_t now_us)
{
	p->gap_us = HZ_PROBE_GAP_US;
	p->failures = 0;
	if (p->next_us > now_us)
		p->next_us = now_us;
}

void hz_probe_begin(struct hz_probe *p, uint32_t bps, int64_t now_us)
{
	if (p->phase != HZ_PROBE_IDLE || now_us < p->next_us)
		return;
	uint64_t total = (uint64_t)bps * HZ_PROBE_US / 8000000;
	if (total < (uint64_t)HZ_PROBE_PACKETS * PACKET_MIN)
		total = (uint64_t)HZ_PROBE_PACKETS * PACKET_MIN;
	int64_t next_us = p->next_us, gap_us = p->gap_us;
	uint32_t clusters = p->clusters + 1;
	uint16_t failures = p->failures;
	*p = (struct hz_probe){.phase = HZ_PROBE_SENDING,
	                       .bps = bps,
	                       .total = (uint32_t)total,
	                       .next_us = next_us,
	                       .gap_us = gap_us,
	                       .clusters = clusters,
	                       .failures = failures};
}

size_t hz_probe_due(const struct hz_probe *p, int64_t now_us, size_t *ret_packet)
{
	if (p->phase != HZ_PROBE_SENDING)
		return 0;
	size_t packet = p->total / HZ_PROBE_PACKETS;
	packet = packet < PACKET_MIN ? PACKET_MIN : packet > PACKET_MAX ? PACKET_MAX : packet;
	*ret_packet = packet;
	// A tick late or early: what the rate allows until now, and the first packet at once.
	uint64_t gone = p->first_sent_us ? (uint64_t)(now_us - p->first_sent_us) : 0;
	uint64_t allowed = gone * p->bps / 8000000 + packet;
	if (allowed > p->total)
		allowed = p->total;
	return allowed > p->sent_bytes ? (size_t)(allowed - p->sent_bytes) : 0;
}

void hz_probe_sent(struct hz_probe *p, size_t bytes, int64_t now_us)
{
	if (p->phase != HZ_PROBE_SENDING)
		return;
	if (!p->first_sent_us)
		p->first_sent_us = now_us;
	p->last_sent_bytes =
	    p->last_sent_us == now_us ? p->last_sent_bytes + (uint32_t)bytes : (uint32_t)bytes;
	p->last_sent_us = now_us;
	p->beside_bytes = p->aside_bytes;
	p->sent_bytes += (uint32_t)bytes;
	p->sent_packets++;
	if (p->sent_bytes >= p->total)
		p->phase = HZ_PROBE_WAITING;
}

// Of what was lost nobody knows whether it got as far as the narrowest part: half of it took its time there.
void hz_probe_beside_reported(struct hz_probe *p, size_t bytes, bool arrived)
{
	if (p->phase != HZ_PROBE_IDLE && p->got_packets)
		p->span_bytes += (uint32_t)(arrived ? bytes : bytes / 2);
}

void hz_probe_reported(struct hz_probe *p, size_t bytes, bool arrived, int64_t arrival_us)
{
	if (p->phase == HZ_PROBE_IDLE)
		return;
	hz_probe_beside_reported(p, bytes, arrived);
	p->reported++;
	if (!arrived)
		return;
	if (!p->got_packets || arrival_us < p->first_got_us)
		p->first_got_us = arrival_us;
	if (!p->got_packets || arrival_us > p->last_got_us)
		p->last_got_us = arrival_us;
	p->got_packets++;
	p->got_bytes = p->span_bytes;
}

void hz_probe_beside_sent(struct hz_probe *p, size_t bytes)
{
	if (p->phase == HZ_PROBE_SENDING && p->first_sent_us)
		p->aside_bytes += (uint32_t)bytes;
}

uint32_t hz_probe_result(const struct hz_probe *p, bool *ret_full)
{
	*ret_full = false;
	if (p->phase != HZ_PROBE_WAITING || p->reported < p->sent_packets)
		return 0;
	int64_t sent_us = p->last_sent_us - p->first_sent_us, got_us = p->last_got_us - p->first_got_us;
	// Most of them have to arrive.
	if (p->got_packets < 4 || p->got_packets * 10 < p->sent_packets * 7 || sent_us < 2000 || got_us <= 0)
		return 0;
	uint64_t out = (uint64_t)p->sent_bytes - p->last_sent_bytes + p->beside_bytes;
	uint64_t sent = out * 8000000 / (uint64_t)sent_us;
	uint64_t got = (uint64_t)p->got_bytes * 8000000 / (uint64_t)got_us;
	uint64_t bps = sent < got ? sent : got;
	*ret_full = got < sent / 10 * 9;
	return bps > UINT32_MAX ? UINT32_MAX : (uint32_t)bps;
}

void hz_probe_done(struct hz_probe *p, bool success, int64_t now_us)
{
	p->phase = HZ_PROBE_IDLE;
	if (success) {
		p->failures = 0;
		p->gap_us = HZ_PROBE_GAP_US;
		p->next_us = now_us;
		return;
	}
	if (p->failures < UINT16_MAX)
		p->failures++;
	p->next_us = now_us + p->gap_us;
	p->gap_us = p->gap_us * 3 / 2 < HZ_PROBE_MAX_US ? p->gap_us * 3 / 2 : HZ_PROBE_MAX_US;
}
