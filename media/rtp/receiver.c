#include "media/rtp/receiver.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/seq.h"

static bool seen_get(const struct hz_receiver *r, int64_t ext)
{
	uint64_t bit = (uint64_t)ext % HZ_RECEIVER_WINDOW;
	return r->seen[bit / 64] >> (bit % 64) & 1;
}

static void seen_put(struct hz_receiver *r, int64_t ext, bool value)
{
	uint64_t bit = (uint64_t)ext % HZ_RECEIVER_WINDOW;
	uint64_t mask = 1ull << (bit % 64);
	if (value)
		r->seen[bit / 64] |= mask;
	else
		r->seen[bit / 64] &= ~mask;
}

void hz_receiver_init(struct hz_receiver *r, uint32_t clock_hz)
{
	memset(r, 0, sizeof(*r));
	r->clock_hz = clock_hz ? clock_hz : 90000;
}

void hz_receiver_seed(struct hz_receiver *r, uint32_t clock_hz, int64_t highest)
{
	hz_receiver_init(r, clock_hz);
	memset(r->seen, 0xff, sizeof(r->seen));
	r->highest = highest;
	r->base = highest + 1;
	r->started = 1;
}

static void on_first(struct hz_receiver *r, uint16_t seq)
{
	r->highest = hz_seq_first(seq);
	r->base = r->highest;
	r->started = 1;
	seen_put(r, r->highest, true);
}

// Moves the window up to `ext` and marks it.
static void advance(struct hz_receiver *r, int64_t ext)
{
	if (ext - r->highest >= HZ_RECEIVER_WINDOW) {
		memset(r->seen, 0, sizeof(r->seen));
	} else {
		for (int64_t e = r->highest + 1; e < ext; e++)
			seen_put(r, e, false);
	}
	r->highest = ext;
	seen_put(r, ext, true);
}

// A number far behind: OLD, until the one after it follows at once (RFC 3550 A.1).
static enum hz_receive on_far_behind(struct hz_receiver *r, uint16_t seq)
{
	if (!r->bad_valid || r->bad_seq != seq) {
		r->bad_valid = 1;
		r->bad_seq = (uint16_t)(seq + 1);
		return HZ_RECEIVE_OLD;
	}
	r->bad_valid = 0;
	int64_t ext = r->highest + (uint16_t)(seq - (uint16_t)r->highest);
	memset(r->seen, 0, sizeof(r->seen));
	// The jump is not loss: shift what was expected by it.
	r->base += ext - 1 - r->highest;
	r->highest = ext;
	r->jitter_valid = 0;
	seen_put(r, ext, true);
	return HZ_RECEIVE_RESTART;
}

static enum hz_receive place(struct hz_receiver *r, uint16_t seq, bool recovered, int64_t *ret_ext)
{
	int64_t ext = hz_seq_extend(r->highest, seq);
	*ret_ext = ext;
	if (ext > r->highest) {
		r->bad_valid = 0;
		advance(r, ext);
		return HZ_RECEIVE_NEW;
	}
	if (r->highest - ext >= HZ_RECEIVER_WINDOW) {
		if (recovered) // a late repair says nothing about the source
			return HZ_RECEIVE_OLD;
		enum hz_receive rc = on_far_behind(r, seq);
		if (rc == HZ_RECEIVE_RESTART)
			*ret_ext = r->highest;
		return rc;
	}
	if (seen_get(r, ext))
		return HZ_RECEIVE_DUPLICATE;
	seen_put(r, ext, true);
	if (ext < r->base) // late ones from before the first: expected too, now that they are here
		r->base = ext;
	return HZ_RECEIVE_NEW;
}

static void update_jitter(struct hz_receiver *r, uint32_t ts, int64_t now_us)
{
	// Packets of one frame carry one timestamp; only the first of them says something about the network.
	if (r->jitter_valid && ts == r->jitter_ts)
		return;
	if (r->jitter_valid && hz_ts_newer(ts, r->jitter_ts)) {
		int64_t elapsed_us = now_us - r->arrival_us;
		if (elapsed_us >= 0 && elapsed_us < 10000000) {
			int64_t d = elapsed_us * r->clock_hz / 1000000 - hz_ts_diff(ts, r->jitter_ts);
			uint64_t magnitude = (uint64_t)(d < 0 ? -d : d);
			if (magnitude > 10ull * r->clock_hz) // the timestamps jumped
				magnitude = 0;
			r->jitter_q4 += (uint32_t)magnitude - ((r->jitter_q4 + 8) >> 4);
		}
	}
	if (!r->jitter_valid || hz_ts_newer(ts, r->jitter_ts)) {
		r->jitter_valid = 1;
		r->jitter_ts = ts;
		r->arrival_us = now_us;
	}
}

enum hz_receive hz_receiver_on_packet(struct hz_receiver *r, uint16_t seq, uint32_t ts, bool recovered,
                                      int64_t now_us, int64_t *ret_ext)
{
	enum hz_receive rc = HZ_RECEIVE_NEW;
	if (!r->started) {
		on_first(r, seq);
		*ret_ext = r->highest;
	} else {
		rc = place(r, seq, recovered, ret_ext);
	}
	if (rc == HZ_RECEIVE_DUPLICATE)
		r->duplicates++;
	if (rc == HZ_RECEIVE_DUPLICATE || rc == HZ_RECEIVE_OLD)
		return rc;
	if (recovered) {
		r->recovered++;
		return rc;
	}
	r->received++;
	if (*ret_ext == r->highest) // reordered ones would count as jitter twice
		update_jitter(r, ts, now_us);
	return rc;
}

bool hz_receiver_has(const struct hz_receiver *r, int64_t ext)
{
	return ext <= r->highest && (r->highest - ext >= HZ_RECEIVER_WINDOW || seen_get(r, ext));
}

void hz_receiver_on_sr(struct hz_receiver *r, uint64_t ntp, int64_t now_us)
{
	r->sr_compact = hz_ntp_compact(ntp);
	r->sr_us = now_us;
}

static uint8_t fraction_lost(struct hz_receiver *r, int64_t expected)
{
	int64_t expected_interval = expected - r->expected_prior;
	int64_t lost_interval = expected_interval - (r->received - r->received_prior);
	r->expected_prior = expected;
	r->received_prior = r->received;
	if (expected_interval <= 0 || lost_interval <= 0)
		return 0;
	int64_t fraction = (lost_interval << 8) / expected_interval;
	return fraction > 255 ? 255 : (uint8_t)fraction;
}

int hz_receiver_block(struct hz_receiver *r, uint32_t ssrc, int64_t now_us, struct hz_report_block *ret)
{
	if (!r->started)
		return -ENODATA;
	int64_t expected = r->highest - r->base + 1;
	int64_t lost = expected - r->received;
	memset(ret, 0, sizeof(*ret));
	ret->ssrc = ssrc;
	ret->fraction_lost = fraction_lost(r, expected);
	ret->cumulative_lost = lost > 0x7fffff ? 0x7fffff : lost < 0 ? 0 : (int32_t)lost;
	// The first extended number is 65536 + seq here and seq in RFC 3550: senders compare differences only.
	ret->highest_seq = (uint32_t)(r->highest - 65536);
	ret->jitter = r->jitter_q4 >> 4;
	ret->lsr = r->sr_compact;
	int64_t since_us = now_us - r->sr_us;
	if (r->sr_compact && since_us > 0) {
		int64_t dlsr = since_us > 65535000000 ? 0xffffffff : since_us * 65536 / 1000000;
		ret->dlsr = (uint32_t)dlsr;
	}
	return 0;
}

int64_t hz_receiver_lost_after_repair(const struct hz_receiver *r)
{
	int64_t lost = r->started ? r->highest - r->base + 1 - r->received - r->recovered : 0;
	return lost > 0 ? lost : 0;
}

uint32_t hz_receiver_jitter_us(const struct hz_receiver *r)
{
	return (uint32_t)((uint64_t)(r->jitter_q4 >> 4) * 1000000u / r->clock_hz);
}
