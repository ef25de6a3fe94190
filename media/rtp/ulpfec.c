#include "media/rtp/ulpfec.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/bytes.h"

#define HEADER_BYTES     10u
#define LEVEL_BYTES      4u // protection length, mask of 16 bits
#define LEVEL_LONG_BYTES 8u // mask of 48 bits

// The mask's first bit on the wire is its highest one.
static uint64_t read_mask(const uint8_t *at, unsigned bits)
{
	uint64_t mask = 0;
	for (unsigned i = 0; i < bits; i++)
		if (at[i / 8] & 0x80u >> i % 8)
			mask |= 1ull << i;
	return mask;
}

int hz_ulpfec_parse(const uint8_t *payload, size_t bytes, struct hz_ulpfec *ret)
{
	if (bytes < HEADER_BYTES + LEVEL_BYTES || payload[0] & 0x80)
		return -EBADMSG;
	bool is_long = payload[0] & 0x40;
	size_t at = HEADER_BYTES + (is_long ? LEVEL_LONG_BYTES : LEVEL_BYTES);
	if (bytes < at)
		return -EBADMSG;
	struct hz_ulpfec f = {.mask = read_mask(payload + HEADER_BYTES + 2, is_long ? 48 : 16),
	                      .base = hz_get16(payload + 2),
	                      .flags = payload[0] & 0x3f,
	                      .type = payload[1],
	                      .ts = hz_get32(payload + 4),
	                      .length = hz_get16(payload + 8),
	                      .data = payload + at,
	                      .bytes = hz_get16(payload + HEADER_BYTES)};
	if (!f.mask || f.bytes > bytes - at || f.bytes > HZ_ULPFEC_MAX_BYTES - HZ_RTP_FIXED_BYTES)
		return -EBADMSG;
	f.span = (uint8_t)(64 - __builtin_clzll(f.mask));
	*ret = f;
	return 0;
}

void hz_ulpfec_begin(struct hz_ulpfec_sum *sum, const struct hz_ulpfec *fec)
{
	sum->fec = *fec;
	sum->fec.data = NULL;
	memcpy(sum->data + HZ_RTP_FIXED_BYTES, fec->data, fec->bytes);
}

// Adding is taking away, too.
static void add(struct hz_ulpfec_sum *sum, const struct hz_rtp_packet *packet, size_t from, size_t bytes)
{
	size_t limit = HZ_RTP_FIXED_BYTES + sum->fec.bytes;
	for (size_t i = from; i < from + bytes && i < limit; i++)
		sum->data[i] ^= packet->data[i];
}

static void take_out(struct hz_ulpfec_sum *sum, const struct hz_rtp_packet *packet, uint8_t id)
{
	const uint8_t *data;
	size_t bytes;
	if (id && packet->ext && hz_rtp_ext_find(packet, id, &data, &bytes))
		add(sum, packet, (size_t)(data - packet->data), bytes);
}

void hz_ulpfec_add(struct hz_ulpfec_sum *sum, const struct hz_rtp_packet *packet,
                   const struct hz_ext_ids *ids)
{
	size_t length = packet->bytes - HZ_RTP_FIXED_BYTES;
	sum->fec.flags ^= packet->data[0] & 0x3f;
	sum->fec.type ^= packet->data[1];
	sum->fec.ts ^= packet->ts;
	sum->fec.length ^= (uint16_t)length;
	add(sum, packet, HZ_RTP_FIXED_BYTES, length);
	take_out(sum, packet, ids->twcc);
	take_out(sum, packet, ids->abs_send_time);
}

int hz_ulpfec_end(struct hz_ulpfec_sum *sum, uint16_t seq, uint32_t ssrc, struct hz_rtp_packet *ret)
{
	const struct hz_ulpfec *f = &sum->fec;
	if (f->length > f->bytes)
		return -EBADMSG;
	sum->data[0] = 0x80 | f->flags;
	sum->data[1] = f->type;
	hz_put16(sum->data + 2, seq);
	hz_put32(sum->data + 4, f->ts);
	hz_put32(sum->data + 8, ssrc);
	return hz_rtp_parse(sum->data, HZ_RTP_FIXED_BYTES + f->length, ret);
}
