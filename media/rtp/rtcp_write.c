// The writing half of rtcp.h.
#include "media/rtp/rtcp.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/bytes.h"

void hz_rtcp_writer_init(struct hz_rtcp_writer *w, uint8_t *buf, size_t room)
{
	*w = (struct hz_rtcp_writer){buf, room, 0};
}

uint8_t *hz_rtcp_reserve(struct hz_rtcp_writer *w, uint8_t type, uint8_t count, size_t bytes)
{
	if (bytes > w->room - w->bytes || bytes > 4u * 65536u)
		return NULL;
	uint8_t *p = w->buf + w->bytes;
	p[0] = (uint8_t)(0x80 | (count & 0x1f));
	p[1] = type;
	hz_put16(p + 2, (uint16_t)(bytes / 4 - 1));
	w->bytes += bytes;
	return p;
}

static void put_block(uint8_t *p, const struct hz_report_block *b)
{
	int32_t lost = b->cumulative_lost;
	if (lost > 0x7fffff)
		lost = 0x7fffff;
	if (lost < -0x800000)
		lost = -0x800000;
	hz_put32(p, b->ssrc);
	p[4] = b->fraction_lost;
	hz_put24(p + 5, (uint32_t)lost & 0xffffffu);
	hz_put32(p + 8, b->highest_seq);
	hz_put32(p + 12, b->jitter);
	hz_put32(p + 16, b->lsr);
	hz_put32(p + 20, b->dlsr);
}

int hz_rtcp_write_rr(struct hz_rtcp_writer *w, uint32_t sender_ssrc, const struct hz_report_block *blocks,
                     size_t count)
{
	if (count > HZ_RTCP_MAX_BLOCKS)
		return -EINVAL;
	uint8_t *p = hz_rtcp_reserve(w, HZ_RTCP_RR, (uint8_t)count, 8 + 24 * count);
	if (!p)
		return -ENOBUFS;
	hz_put32(p + 4, sender_ssrc);
	for (size_t i = 0; i < count; i++)
		put_block(p + 8 + 24 * i, &blocks[i]);
	return 0;
}

int hz_rtcp_begin(struct hz_rtcp_writer *w, uint32_t sender_ssrc, const struct hz_report_block *blocks,
                  size_t count)
{
	size_t before = w->bytes;
	w->bytes = 0;
	int err = hz_rtcp_write_rr(w, sender_ssrc, blocks, count);
	if (err)
		w->bytes = before;
	return err;
}

int hz_rtcp_write_sr(struct hz_rtcp_writer *w, uint32_t ssrc, const struct hz_sender_info *info,
                     const struct hz_report_block *blocks, size_t count)
{
	if (count > HZ_RTCP_MAX_BLOCKS)
		return -EINVAL;
	uint8_t *p = hz_rtcp_reserve(w, HZ_RTCP_SR, (uint8_t)count, 28 + 24 * count);
	if (!p)
		return -ENOBUFS;
	hz_put32(p + 4, ssrc);
	hz_put64(p + 8, info->ntp);
	hz_put32(p + 16, info->rtp_ts);
	hz_put32(p + 20, info->packets);
	hz_put32(p + 24, info->octets);
	for (size_t i = 0; i < count; i++)
		put_block(p + 28 + 24 * i, &blocks[i]);
	return 0;
}

int hz_rtcp_write_cname(struct hz_rtcp_writer *w, uint32_t ssrc, const char *cname)
{
	size_t text = strnlen(cname, 256);
	if (text == 0 || text > 255)
		return -EINVAL;
	size_t chunk = 4 + ((2 + text) / 4 + 1) * 4; // SSRC, item, 1..4 NULs
	uint8_t *p = hz_rtcp_reserve(w, HZ_RTCP_SDES, 1, 4 + chunk);
	if (!p)
		return -ENOBUFS;
	memset(p + 4, 0, chunk);
	hz_put32(p + 4, ssrc);
	p[8] = 1; // CNAME
	p[9] = (uint8_t)text;
	memcpy(p + 10, cname, text);
	return 0;
}

static uint8_t *reserve_feedback(struct hz_rtcp_writer *w, uint8_t type, uint8_t format, size_t fci_bytes)
{
	return hz_rtcp_reserve(w, type, format, 12 + fci_bytes);
}

int hz_rtcp_write_nack(struct hz_rtcp_writer *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                       const struct hz_nack_item *items, size_t count)
{
	if (count == 0 || count > 16384)
		return -EINVAL;
	uint8_t *p = reserve_feedback(w, HZ_RTCP_RTPFB, HZ_RTPFB_NACK, 4 * count);
	if (!p)
		return -ENOBUFS;
	hz_put32(p + 4, sender_ssrc);
	hz_put32(p + 8, media_ssrc);
	for (size_t i = 0; i < count; i++) {
		hz_put16(p + 12 + 4 * i, items[i].pid);
		hz_put16(p + 14 + 4 * i, items[i].blp);
	}
	return 0;
}

int hz_rtcp_write_pli(struct hz_rtcp_writer *w, uint32_t sender_ssrc, uint32_t media_ssrc)
{
	uint8_t *p = reserve_feedback(w, HZ_RTCP_PSFB, HZ_PSFB_PLI, 0);
	if (!p)
		return -ENOBUFS;
	hz_put32(p + 4, sender_ssrc);
	hz_put32(p + 8, media_ssrc);
	return 0;
}

int hz_rtcp_write_fir(struct hz_rtcp_writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t seq)
{
	uint8_t *p = reserve_feedback(w, HZ_RTCP_PSFB, HZ_PSFB_FIR, 8);
	if (!p)
		return -ENOBUFS;
	hz_put32(p + 4, sender_ssrc);
	hz_put32(p + 8, 0); // RFC 5104 4.3.1.2: unused, the entry names the source
	hz_put32(p + 12, media_ssrc);
	hz_put32(p + 16, (uint32_t)seq << 24);
	return 0;
}

int hz_rtcp_write_remb(struct hz_rtcp_writer *w, uint32_t sender_ssrc, uint64_t bps, const uint32_t *ssrcs,
                       size_t count)
{
	unsigned exponent = 0;
	if (count > 255)
		return -EINVAL;
	while (bps > 0x3ffffu) {
		bps >>= 1;
		exponent++;
	}
	uint8_t *p = reserve_feedback(w, HZ_RTCP_PSFB, HZ_PSFB_AFB, 8 + 4 * count);
	if (!p)
		return -ENOBUFS;
	hz_put32(p + 4, sender_ssrc);
	hz_put32(p + 8, 0);
	hz_put32(p + 12, 0x52454d42); // "REMB"
	p[16] = (uint8_t)count;
	hz_put24(p + 17, exponent << 18 | (uint32_t)bps);
	for (size_t i = 0; i < count; i++)
		hz_put32(p + 20 + 4 * i, ssrcs[i]);
	return 0;
}

int hz_rtcp_write_bye(struct hz_rtcp_writer *w, const uint32_t *ssrcs, size_t count)
{
	if (count == 0 || count > HZ_RTCP_MAX_BLOCKS)
		return -EINVAL;
	uint8_t *p = hz_rtcp_reserve(w, HZ_RTCP_BYE, (uint8_t)count, 4 + 4 * count);
	if (!p)
		return -ENOBUFS;
	for (size_t i = 0; i < count; i++)
		hz_put32(p + 4 + 4 * i, ssrcs[i]);
	return 0;
}
