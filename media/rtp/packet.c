#include "media/rtp/packet.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/bytes.h"

#define PROFILE_ONE_BYTE 0xbedeu
#define PROFILE_TWO_BYTE 0x1000u // low 4 bits: appbits

static int parse_ext_block(struct hz_rtp_packet *p, size_t at, size_t *ret_end)
{
	if (p->bytes < at + 4)
		return -EBADMSG;
	size_t ext_bytes = 4u * hz_get16(p->data + at + 2);
	if (p->bytes - at - 4 < ext_bytes)
		return -EBADMSG;
	// header_bytes is 16 bits wide; a UDP datagram cannot hold more either
	if (at + 4 + ext_bytes > UINT16_MAX)
		return -EBADMSG;
	p->ext_profile = hz_get16(p->data + at);
	p->ext = p->data + at + 4;
	p->ext_bytes = (uint16_t)ext_bytes;
	*ret_end = at + 4 + ext_bytes;
	return 0;
}

int hz_rtp_parse(const uint8_t *data, size_t bytes, struct hz_rtp_packet *ret)
{
	if (bytes < HZ_RTP_FIXED_BYTES || data[0] >> 6 != 2)
		return -EBADMSG;
	struct hz_rtp_packet p = {.data = data, .bytes = bytes};
	p.csrc_count = data[0] & 0x0f;
	p.marker = data[1] >> 7;
	p.pt = data[1] & 0x7f;
	p.seq = hz_get16(data + 2);
	p.ts = hz_get32(data + 4);
	p.ssrc = hz_get32(data + 8);

	size_t at = HZ_RTP_FIXED_BYTES + 4u * p.csrc_count;
	if (bytes < at)
		return -EBADMSG;
	if (data[0] & 0x10) {
		int err = parse_ext_block(&p, at, &at);
		if (err)
			return err;
	}
	p.header_bytes = (uint16_t)at;
	p.payload = data + at;
	p.payload_bytes = bytes - at;
	if (data[0] & 0x20) {
		if (p.payload_bytes == 0)
			return -EBADMSG;
		p.padding_bytes = data[bytes - 1];
		if (p.padding_bytes == 0 || p.padding_bytes > p.payload_bytes)
			return -EBADMSG;
		p.payload_bytes -= p.padding_bytes;
	}
	*ret = p;
	return 0;
}

bool hz_rtp_is_rtcp(const uint8_t *data, size_t bytes)
{
	return bytes >= 2 && data[1] >= 192 && data[1] <= 223;
}

struct ext_walk {
	const uint8_t *at;
	const uint8_t *end;
	bool two_byte;
};

struct ext_element {
	const uint8_t *data;
	size_t bytes;
	uint8_t id;
};

static bool walk_begin(const struct hz_rtp_packet *packet, struct ext_walk *walk)
{
	bool one = packet->ext_profile == PROFILE_ONE_BYTE;
	bool two = (packet->ext_profile & 0xfff0u) == PROFILE_TWO_BYTE;
	if (!packet->ext || (!one && !two))
		return false;
	*walk = (struct ext_walk){packet->ext, packet->ext + packet->ext_bytes, two};
	return true;
}

// False at the end and at the first damage.
static bool walk_next(struct ext_walk *walk, struct ext_element *ret)
{
	while (walk->at < walk->end && *walk->at == 0) // padding
		walk->at++;
	size_t left = (size_t)(walk->end - walk->at);
	size_t head = walk->two_byte ? 2 : 1;
	if (left < head)
		return false;
	uint8_t id = walk->two_byte ? walk->at[0] : walk->at[0] >> 4;
	size_t bytes = walk->two_byte ? walk->at[1] : (walk->at[0] & 0x0fu) + 1u;
	if (!walk->two_byte && (id == 15 || id == 0)) // RFC 8285 4.2: 15 stops; 0 with a length is no padding
		return false;
	if (left - head < bytes)
		return false;
	*ret = (struct ext_element){walk->at + head, bytes, id};
	walk->at += head + bytes;
	return true;
}

bool hz_rtp_ext_find(const struct hz_rtp_packet *packet, uint8_t id, const uint8_t **ret_data,
                     size_t *ret_bytes)
{
	struct ext_walk walk;
	struct ext_element e;
	if (id == 0 || !walk_begin(packet, &walk))
		return false;
	while (walk_next(&walk, &e)) {
		if (e.id != id)
			continue;
		*ret_data = e.data;
		*ret_bytes = e.bytes;
		return true;
	}
	return false;
}

static bool take_text(const struct ext_element *e, char *out, size_t room)
{
	size_t bytes = e->bytes;
	while (bytes > 0 && e->data[bytes - 1] == 0) // some senders pad SDES items with NULs
		bytes--;
	if (bytes == 0 || bytes >= room)
		return false;
	for (size_t i = 0; i < bytes; i++)
		if (e->data[i] <= 0x20 || e->data[i] >= 0x7f)
			return false;
	memcpy(out, e->data, bytes);
	out[bytes] = '\0';
	return true;
}

static uint32_t take_text_element(const struct ext_element *e, const struct hz_ext_ids *ids,
                                  struct hz_rtp_exts *x)
{
	if (e->id == ids->mid && take_text(e, x->mid, sizeof(x->mid)))
		return HZ_EXT_MID;
	if (e->id == ids->rid && take_text(e, x->rid, sizeof(x->rid)))
		return HZ_EXT_RID;
	if (e->id == ids->rrid && take_text(e, x->rrid, sizeof(x->rrid)))
		return HZ_EXT_RRID;
	return 0;
}

static uint32_t take_small_element(const struct ext_element *e, const struct hz_ext_ids *ids,
                                   struct hz_rtp_exts *x)
{
	if (e->id == ids->audio_level && e->bytes == 1) {
		x->voice = e->data[0] >> 7;
		x->audio_level_dbov = e->data[0] & 0x7f;
		return HZ_EXT_AUDIO_LEVEL;
	}
	if (e->id == ids->abs_send_time && e->bytes == 3) {
		x->abs_send_time = hz_get24(e->data);
		return HZ_EXT_ABS_SEND_TIME;
	}
	if (e->id == ids->twcc && e->bytes == 2) {
		x->twcc_seq = hz_get16(e->data);
		return HZ_EXT_TWCC;
	}
	if (e->id == ids->orientation && e->bytes == 1) {
		x->orientation = e->data[0];
		return HZ_EXT_ORIENTATION;
	}
	if (e->id == ids->playout_delay && e->bytes == 3) {
		uint32_t v = hz_get24(e->data);
		x->playout_min_10ms = (uint16_t)(v >> 12);
		x->playout_max_10ms = (uint16_t)(v & 0xfffu);
		return HZ_EXT_PLAYOUT_DELAY;
	}
	return 0;
}

static uint32_t take_opaque_element(const struct ext_element *e, const struct hz_ext_ids *ids,
                                    struct hz_rtp_exts *x)
{
	if (e->id == ids->dependency && e->bytes >= 1) {
		x->dependency = e->data;
		x->dependency_bytes = (uint8_t)e->bytes;
		return HZ_EXT_DEPENDENCY;
	}
	if (e->id == ids->abs_capture_time && (e->bytes == 8 || e->bytes == 16)) {
		x->abs_capture_bytes = (uint8_t)e->bytes;
		memcpy(x->abs_capture, e->data, e->bytes);
		return HZ_EXT_ABS_CAPTURE_TIME;
	}
	return 0;
}

void hz_rtp_parse_exts(const struct hz_rtp_packet *packet, const struct hz_ext_ids *ids,
                       struct hz_rtp_exts *ret)
{
	struct ext_walk walk;
	struct ext_element e;
	uint64_t seen[4] = {0}; // the first of two elements with one id counts
	memset(ret, 0, sizeof(*ret));
	if (!walk_begin(packet, &walk))
		return;
	while (walk_next(&walk, &e)) {
		uint64_t bit = 1ull << (e.id & 63);
		if (seen[e.id >> 6] & bit)
			continue;
		seen[e.id >> 6] |= bit;
		ret->has |= take_small_element(&e, ids, ret);
		ret->has |= take_text_element(&e, ids, ret);
		ret->has |= take_opaque_element(&e, ids, ret);
	}
}

uint32_t hz_abs_send_time(int64_t now_us)
{
	// 64 s is the period of 24 bits of 6.18: reduce first, the shift cannot overflow
	uint64_t us = (uint64_t)now_us % 64000000u;
	return (uint32_t)((us << 18) / 1000000u) & 0xffffffu;
}
