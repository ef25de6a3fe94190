// The parser of twcc.h.
#include "media/rtp/twcc.h"

#include <errno.h>

#include "media/rtp/bytes.h"
#include "media/rtp/seq.h"

// Walks the symbols of the chunk list.
struct symbols {
	const uint8_t *at, *end;
	uint32_t left; // in this chunk
	uint16_t chunk;
};

// The next symbol, 0..3; -EBADMSG: the chunks ended too early.
static int next_symbol(struct symbols *s)
{
	while (s->left == 0) {
		if (s->end - s->at < 2)
			return -EBADMSG;
		s->chunk = hz_get16(s->at);
		s->at += 2;
		if (!(s->chunk & 0x8000))
			s->left = s->chunk & 0x1fff;
		else
			s->left = s->chunk & 0x4000 ? 7 : 14;
	}
	s->left--;
	if (!(s->chunk & 0x8000))
		return s->chunk >> 13 & 3;
	if (s->chunk & 0x4000)
		return s->chunk >> (2 * s->left) & 3;
	return s->chunk >> s->left & 1;
}

// Where the deltas begin and whether all of them are there.
static int check_body(const uint8_t *body, const uint8_t *end, uint32_t count, const uint8_t **ret_deltas)
{
	struct symbols s = {.at = body, .end = end};
	size_t delta_bytes = 0;
	for (uint32_t i = 0; i < count; i++) {
		int symbol = next_symbol(&s);
		if (symbol < 0 || symbol == 3) // 3 is reserved
			return -EBADMSG;
		delta_bytes += (size_t)symbol;
	}
	if ((size_t)(end - s.at) < delta_bytes)
		return -EBADMSG;
	*ret_deltas = s.at;
	return 0;
}

int hz_twcc_parse(const struct hz_rtcp_packet *packet, struct hz_twcc_feedback *ret,
                  struct hz_twcc_arrival *ret_items, size_t max, size_t *ret_count)
{
	const uint8_t *p = packet->body, *end = p + packet->body_bytes, *delta;
	if (packet->type != HZ_RTCP_RTPFB || packet->count != HZ_RTPFB_TWCC || packet->body_bytes < 16)
		return -EBADMSG;
	struct hz_twcc_feedback fb = {.sender_ssrc = hz_get32(p),
	                              .media_ssrc = hz_get32(p + 4),
	                              .base_seq = hz_get16(p + 8),
	                              .status_count = hz_get16(p + 10),
	                              .reference_64ms = hz_diff24(hz_get24(p + 12), 0),
	                              .feedback_count = p[15]};
	int err = check_body(p + 16, end, fb.status_count, &delta);
	if (err)
		return err;

	struct symbols s = {.at = p + 16, .end = end};
	int64_t at_us = (int64_t)fb.reference_64ms * 64000;
	size_t n = fb.status_count < max ? fb.status_count : max;
	for (size_t i = 0; i < n; i++) {
		int symbol = next_symbol(&s);
		if (symbol == 1)
			at_us += delta[0] * HZ_TWCC_TICK_US;
		if (symbol == 2)
			at_us += (int16_t)hz_get16(delta) * HZ_TWCC_TICK_US;
		delta += symbol;
		ret_items[i] =
		    (struct hz_twcc_arrival){(uint16_t)(fb.base_seq + i), symbol != 0, symbol ? at_us : 0};
	}
	*ret = fb;
	*ret_count = n;
	return 0;
}
