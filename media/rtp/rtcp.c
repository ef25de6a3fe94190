#include "media/rtp/rtcp.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/bytes.h"

#define BLOCK_BYTES 24u

void hz_rtcp_iter_init(struct hz_rtcp_iter *iter, const uint8_t *data, size_t bytes)
{
	iter->at = data;
	iter->left = bytes;
}

int hz_rtcp_next(struct hz_rtcp_iter *iter, struct hz_rtcp_packet *ret)
{
	size_t left = iter->left;
	const uint8_t *at = iter->at;
	if (left == 0)
		return 0;
	iter->left = 0; // damage ends it
	if (left < 4 || at[0] >> 6 != 2)
		return -EBADMSG;
	size_t bytes = 4u * (hz_get16(at + 2) + 1u);
	if (bytes > left)
		return -EBADMSG;
	size_t padding = 0;
	if (at[0] & 0x20) {
		padding = at[bytes - 1];
		if (padding == 0 || padding > bytes - 4)
			return -EBADMSG;
	}
	*ret = (struct hz_rtcp_packet){
	    .body = at + 4, .body_bytes = bytes - 4 - padding, .type = at[1], .count = at[0] & 0x1f};
	iter->at = at + bytes;
	iter->left = left - bytes;
	return 1;
}

int hz_rtcp_check(const uint8_t *data, size_t bytes)
{
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet packet;
	int rc, count = 0;
	hz_rtcp_iter_init(&iter, data, bytes);
	while ((rc = hz_rtcp_next(&iter, &packet)) > 0)
		count++;
	return rc == 0 && count > 0 ? 0 : -EBADMSG;
}

static void parse_block(const uint8_t *p, struct hz_report_block *ret)
{
	uint32_t lost = hz_get24(p + 5);
	ret->ssrc = hz_get32(p);
	ret->fraction_lost = p[4];
	ret->cumulative_lost = lost & 0x800000u ? (int32_t)lost - 0x1000000 : (int32_t)lost;
	ret->highest_seq = hz_get32(p + 8);
	ret->jitter = hz_get32(p + 12);
	ret->lsr = hz_get32(p + 16);
	ret->dlsr = hz_get32(p + 20);
}

int hz_rtcp_parse_report(const struct hz_rtcp_packet *packet, struct hz_rtcp_report *ret)
{
	if (packet->type != HZ_RTCP_SR && packet->type != HZ_RTCP_RR)
		return -EBADMSG;
	bool is_sr = packet->type == HZ_RTCP_SR;
	size_t at = is_sr ? 24 : 4;
	if (packet->body_bytes < at + BLOCK_BYTES * packet->count)
		return -EBADMSG;
	const uint8_t *p = packet->body;
	ret->ssrc = hz_get32(p);
	ret->is_sr = is_sr;
	ret->block_count = packet->count;
	memset(&ret->sender, 0, sizeof(ret->sender));
	if (is_sr) {
		ret->sender.ntp = hz_get64(p + 4);
		ret->sender.rtp_ts = hz_get32(p + 12);
		ret->sender.packets = hz_get32(p + 16);
		ret->sender.octets = hz_get32(p + 20);
	}
	for (uint8_t i = 0; i < packet->count; i++)
		parse_block(p + at + BLOCK_BYTES * i, &ret->block[i]);
	return 0;
}

int hz_rtcp_parse_feedback(const struct hz_rtcp_packet *packet, struct hz_rtcp_feedback *ret)
{
	if (packet->type != HZ_RTCP_RTPFB && packet->type != HZ_RTCP_PSFB)
		return -EBADMSG;
	if (packet->body_bytes < 8)
		return -EBADMSG;
	ret->sender_ssrc = hz_get32(packet->body);
	ret->media_ssrc = hz_get32(packet->body + 4);
	ret->fci = packet->body + 8;
	ret->fci_bytes = packet->body_bytes - 8;
	return 0;
}

// One chunk: SSRC, items, a null item, padding to the next word. Returns its end or NULL.
static const uint8_t *skip_sdes_chunk(const uint8_t *start, const uint8_t *end)
{
	const uint8_t *at = start + 4;
	if (end - start < 8) // SSRC and at least one word with the null item
		return NULL;
	while (at < end && *at != 0) {
		if (end - at < 2 || end - at - 2 < at[1])
			return NULL;
		at += 2 + at[1];
	}
	if (at >= end)
		return NULL;
	at = start + ((at - start) / 4 + 1) * 4;
	return at <= end ? at : NULL;
}

int hz_rtcp_parse_sdes(const struct hz_rtcp_packet *packet)
{
	if (packet->type != HZ_RTCP_SDES)
		return -EBADMSG;
	const uint8_t *at = packet->body, *end = at + packet->body_bytes;
	for (uint8_t i = 0; i < packet->count; i++) {
		at = skip_sdes_chunk(at, end);
		if (!at)
			return -EBADMSG;
	}
	return 0;
}

int hz_rtcp_parse_bye(const struct hz_rtcp_packet *packet, uint32_t ret_ssrcs[HZ_RTCP_MAX_BLOCKS],
                      size_t *ret_count)
{
	if (packet->type != HZ_RTCP_BYE || packet->body_bytes < 4u * packet->count)
		return -EBADMSG;
	size_t at = 4u * packet->count;
	if (packet->body_bytes > at && packet->body_bytes - at - 1 < packet->body[at])
		return -EBADMSG; // the reason's text runs past the end
	for (uint8_t i = 0; i < packet->count; i++)
		ret_ssrcs[i] = hz_get32(packet->body + 4u * i);
	*ret_count = packet->count;
	return 0;
}

int hz_rtcp_nack_count(const struct hz_rtcp_feedback *fb, size_t *ret_count)
{
	if (fb->fci_bytes < 4 || fb->fci_bytes % 4 != 0)
		return -EBADMSG;
	*ret_count = fb->fci_bytes / 4;
	return 0;
}

struct hz_nack_item hz_rtcp_nack_item(const struct hz_rtcp_feedback *fb, size_t i)
{
	const uint8_t *p = fb->fci + 4 * i;
	return (struct hz_nack_item){hz_get16(p), hz_get16(p + 2)};
}

int hz_rtcp_fir_count(const struct hz_rtcp_feedback *fb, size_t *ret_count)
{
	if (fb->fci_bytes < 8 || fb->fci_bytes % 8 != 0)
		return -EBADMSG;
	*ret_count = fb->fci_bytes / 8;
	return 0;
}

void hz_rtcp_fir_item(const struct hz_rtcp_feedback *fb, size_t i, uint32_t *ret_ssrc, uint8_t *ret_seq)
{
	*ret_ssrc = hz_get32(fb->fci + 8 * i);
	*ret_seq = fb->fci[8 * i + 4];
}

bool hz_rtcp_asks_keyframe(const struct hz_rtcp_packet *packet, uint32_t *ret_ssrc)
{
	struct hz_rtcp_feedback fb;
	size_t count = 0;
	uint8_t seq;
	if (packet->type != HZ_RTCP_PSFB || (packet->count != HZ_PSFB_PLI && packet->count != HZ_PSFB_FIR) ||
	    hz_rtcp_parse_feedback(packet, &fb))
		return false;
	*ret_ssrc = fb.media_ssrc;
	if (packet->count == HZ_PSFB_FIR && hz_rtcp_fir_count(&fb, &count) == 0 && count)
		hz_rtcp_fir_item(&fb, 0, ret_ssrc, &seq);
	return true;
}

int hz_rtcp_parse_remb(const struct hz_rtcp_feedback *fb, struct hz_rtcp_remb *ret)
{
	if (fb->fci_bytes < 4 || memcmp(fb->fci, "REMB", 4) != 0)
		return -ENOENT;
	if (fb->fci_bytes < 8 || fb->fci_bytes - 8 < 4u * fb->fci[4])
		return -EBADMSG;
	unsigned exponent = fb->fci[5] >> 2;
	uint64_t mantissa = hz_get24(fb->fci + 5) & 0x3ffffu;
	bool fits = mantissa == 0 || (exponent < 64 && mantissa <= UINT64_MAX >> exponent);
	ret->bps = mantissa == 0 ? 0 : fits ? mantissa << exponent : UINT64_MAX;
	ret->ssrc_count = fb->fci[4];
	ret->ssrcs = fb->fci + 8;
	return 0;
}

uint64_t hz_ntp_from_us(int64_t us)
{
	uint64_t u = (uint64_t)us;
	uint64_t fraction = ((u % 1000000u) << 32) / 1000000u;
	return (u / 1000000u) << 32 | fraction;
}

int64_t hz_ntp_to_us(uint64_t ntp)
{
	uint64_t fraction = ((ntp & 0xffffffffu) * 1000000u + 0x80000000u) >> 32;
	return (int64_t)((ntp >> 32) * 1000000u + fraction);
}

int hz_rtcp_rtt_us(uint32_t now_compact, uint32_t lsr, uint32_t dlsr, uint32_t *ret_us)
{
	uint32_t rtt = now_compact - lsr - dlsr;
	if (lsr == 0 || rtt > INT32_MAX)
		return -ENODATA;
	uint64_t us = ((uint64_t)rtt * 1000000u) >> 16;
	*ret_us = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	return 0;
}
