// The receiving side of twcc.h, and the sent-packet ring.
#include "media/rtp/twcc.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/bytes.h"
#include "media/rtp/seq.h"

#define REFERENCE_US 64000
#define HEADER_BYTES 20u // common header, two SSRCs, base, count, reference, feedback count

enum { LOST = 0, SMALL = 1, LARGE = 2 };

void hz_twcc_init(struct hz_twcc *t)
{
	memset(t, 0, sizeof(*t));
	t->first_us = INT64_MAX;
	for (size_t i = 0; i < HZ_TWCC_WINDOW; i++)
		t->arrival_us[i] = -1;
}

static int64_t *arrival_of(struct hz_twcc *t, int64_t ext)
{
	return &t->arrival_us[(uint64_t)ext % HZ_TWCC_WINDOW];
}

static void begin_at(struct hz_twcc *t, int64_t ext)
{
	for (size_t i = 0; i < HZ_TWCC_WINDOW; i++)
		t->arrival_us[i] = -1;
	t->next = ext;
	t->highest = ext;
	t->first_us = INT64_MAX;
	t->started = 1;
}

void hz_twcc_on_packet(struct hz_twcc *t, uint16_t seq, int64_t now_us)
{
	if (now_us < 0)
		return;
	int64_t ext = t->started ? hz_seq_extend(t->highest, seq) : hz_seq_first(seq);
	if (!t->started || ext - t->highest >= HZ_TWCC_WINDOW) {
		begin_at(t, ext);
	} else if (ext > t->highest) {
		for (int64_t e = t->highest + 1; e < ext; e++)
			*arrival_of(t, e) = -1;
		t->highest = ext;
	} else if (t->highest - ext >= HZ_TWCC_WINDOW || *arrival_of(t, ext) >= 0) {
		return;
	}
	*arrival_of(t, ext) = now_us;
	if (t->next <= t->highest - HZ_TWCC_WINDOW) // nobody wrote: the oldest are forgotten
		t->next = t->highest - HZ_TWCC_WINDOW + 1;
	if (ext < t->next)
		t->next = ext;
	if (now_us < t->first_us)
		t->first_us = now_us;
}

bool hz_twcc_pending(const struct hz_twcc *t)
{
	return t->started && t->next <= t->highest && t->first_us != INT64_MAX;
}

int64_t hz_twcc_deadline(const struct hz_twcc *t)
{
	if (!hz_twcc_pending(t))
		return INT64_MAX;
	if (t->highest - t->next + 1 >= HZ_TWCC_MAX_DUE)
		return t->first_us;
	return t->first_us + HZ_TWCC_INTERVAL_US;
}

// What one feedback packet says, before it is encoded.
struct report {
	uint32_t count;    // symbols
	uint32_t received; // deltas
	int32_t reference_64ms;
	uint8_t symbol[HZ_TWCC_WINDOW];
	int16_t delta[HZ_TWCC_WINDOW]; // of received ones in order, in ticks
};

// Not less than what the report will take: every chunk but the last covers 7 symbols or more.
static size_t encoded_bound(uint32_t symbols, size_t delta_bytes)
{
	return (HEADER_BYTES + (symbols + 6) / 7 * 2 + delta_bytes + 3) / 4 * 4;
}

static void collect(struct hz_twcc *t, size_t room, struct report *rep)
{
	int64_t tick = 0;
	size_t delta_bytes = 0;
	rep->count = rep->received = 0;
	rep->reference_64ms = 0;
	for (int64_t ext = t->next; ext <= t->highest; ext++) {
		int64_t at_us = *arrival_of(t, ext);
		uint8_t symbol = LOST;
		int64_t delta = 0;
		if (at_us >= 0) {
			if (rep->received == 0) {
				int64_t reference = at_us / REFERENCE_US;
				tick = reference * (REFERENCE_US / HZ_TWCC_TICK_US);
				rep->reference_64ms = (int32_t)(reference & 0xffffff);
			}
			delta = at_us / HZ_TWCC_TICK_US - tick;
			if (delta < INT16_MIN || delta > INT16_MAX)
				return; // another feedback with another reference goes on here
			symbol = delta >= 0 && delta <= 255 ? SMALL : LARGE;
		}
		if (encoded_bound(rep->count + 1, delta_bytes + symbol) > room)
			return;
		rep->symbol[rep->count++] = symbol;
		delta_bytes += symbol; // a symbol is also the size of its delta
		if (symbol != LOST) {
			rep->delta[rep->received++] = (int16_t)delta;
			tick += delta;
		}
	}
}

static uint32_t run_of(const struct report *rep, uint32_t at)
{
	uint32_t n = 1;
	while (at + n < rep->count && n < 8191 && rep->symbol[at + n] == rep->symbol[at])
		n++;
	return n;
}

// One chunk for the symbols from `at` on; *ret_covered says how many it covers.
static uint16_t encode_chunk(const struct report *rep, uint32_t at, uint32_t *ret_covered)
{
	uint32_t left = rep->count - at;
	uint32_t run = run_of(rep, at);
	uint32_t n = left < 14 ? left : 14;
	bool one_bit = true;
	for (uint32_t i = 0; i < n; i++)
		one_bit = one_bit && rep->symbol[at + i] != LARGE;
	if (!one_bit && n > 7)
		n = 7;
	if (run >= n) {
		*ret_covered = run;
		return (uint16_t)(rep->symbol[at] << 13 | run);
	}
	uint16_t chunk = one_bit ? 0x8000 : 0xc000;
	for (uint32_t i = 0; i < n; i++)
		chunk |= (uint16_t)(rep->symbol[at + i] << (one_bit ? 13 - i : 12 - 2 * i));
	*ret_covered = n;
	return chunk;
}

static size_t encode(const struct report *rep, uint8_t *out)
{
	uint8_t *p = out;
	uint32_t covered, delta = 0;
	for (uint32_t at = 0; at < rep->count; at += covered) {
		hz_put16(p, encode_chunk(rep, at, &covered));
		p += 2;
	}
	for (uint32_t i = 0; i < rep->count; i++) {
		if (rep->symbol[i] == SMALL)
			*p++ = (uint8_t)rep->delta[delta++];
		if (rep->symbol[i] == LARGE) {
			hz_put16(p, (uint16_t)rep->delta[delta++]);
			p += 2;
		}
	}
	while ((p - out) % 4 != 0)
		*p++ = 0;
	return (size_t)(p - out);
}

// After a feedback up to (not including) next: the oldest arrival among what is left.
static void refresh_first(struct hz_twcc *t)
{
	t->first_us = INT64_MAX;
	for (int64_t ext = t->next; ext <= t->highest; ext++) {
		int64_t at_us = *arrival_of(t, ext);
		if (at_us >= 0 && at_us < t->first_us)
			t->first_us = at_us;
	}
}

int hz_twcc_write(struct hz_twcc *t, struct hz_rtcp_writer *w, uint32_t sender_ssrc, uint32_t media_ssrc)
{
	struct report rep;
	uint8_t body[(HZ_TWCC_WINDOW + 6) / 7 * 2 + 2 * HZ_TWCC_WINDOW + 4];
	if (!hz_twcc_pending(t))
		return -ENODATA;
	collect(t, w->room - w->bytes, &rep);
	if (rep.received == 0)
		return -ENOBUFS;
	size_t bytes = encode(&rep, body);
	uint8_t *p = hz_rtcp_reserve(w, HZ_RTCP_RTPFB, HZ_RTPFB_TWCC, HEADER_BYTES + bytes);
	if (!p)
		return -ENOBUFS;
	hz_put32(p + 4, sender_ssrc);
	hz_put32(p + 8, media_ssrc);
	hz_put16(p + 12, (uint16_t)t->next);
	hz_put16(p + 14, (uint16_t)rep.count);
	hz_put24(p + 16, (uint32_t)rep.reference_64ms);
	p[19] = t->feedback_count++;
	memcpy(p + HEADER_BYTES, body, bytes);
	t->next += rep.count;
	refresh_first(t);
	return 0;
}

void hz_twcc_sender_add(struct hz_twcc_sender *s, uint16_t seq, uint16_t bytes, int64_t now_us)
{
	s->sent[seq % HZ_TWCC_SENT] = (struct hz_twcc_sent){now_us, seq, bytes, 1};
}

const struct hz_twcc_sent *hz_twcc_sender_find(const struct hz_twcc_sender *s, uint16_t seq)
{
	const struct hz_twcc_sent *sent = &s->sent[seq % HZ_TWCC_SENT];
	return sent->valid && sent->seq == seq ? sent : NULL;
}
