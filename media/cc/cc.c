#include "media/cc/cc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/cc/aimd.h"
#include "media/cc/loss.h"
#include "media/cc/probe.h"
#include "media/cc/rate.h"
#include "media/cc/trend.h"
#include "media/rtp/bytes.h"
#include "media/rtp/remb.h"
#include "media/rtp/seq.h"

#define SENT_LOST  0x8000u
#define SENT_CAME  0x4000u
#define SENT_PROBE 0x2000u
#define SENT_BYTES 0x1fffu

#define QUEUE_US        80000 // more than this waiting is a queue
#define QUEUE_BASE_US   8000000
#define SILENCE_US      600000
#define SILENCE_OFF_US  1200000
#define SILENCE_PACKETS 5u
#define BEAT_US         150000 // a padding packet so often where nothing else goes out
#define MEASURED_US     1000000
#define DRAIN_US        3000000
#define PROBES_AT_ONCE  6
#define PROBE_MARGIN_US 5000000
#define REMB_US         10000000
#define TWCC_GONE_US    10000000
#define REPORT_US       700000  // between two changes by receiver reports
#define DEAF_US         2000000 // numbers go out, feedback never came: not that kind of peer

struct sent {
	uint32_t at_us; // lowest bits
	uint16_t seq;
	uint16_t bytes; // SENT_*; 0: nothing
};

struct hz_cc {
	struct hz_aimd aimd;
	struct hz_trend trend;
	struct hz_loss loss;
	struct hz_probe probe;
	struct hz_cc_rate came, went;   // by the receiver's and by our clock
	int64_t began_us, first_us;     // first packet, first feedback; 0 none
	int64_t heard_us;               // newest feedback
	int64_t sent_us;                // newest packet
	int64_t unheard_us;             // first one since then
	int64_t from_us;                // older packets tell nothing any more
	int64_t silent_us;              // outage since; 0 none
	int64_t second_us;              // of the feedback counter
	int64_t reference_us;           // newest unwrapped reference time of the receiver
	int64_t base_us[2], base_at_us; // least one-way delay (clocks differ) of this and the last stretch
	int64_t queue_us;
	int64_t remb_us;
	int64_t report_us;                    // newest change of
	uint32_t report_bps, report_back_bps; // what reports say; 0 nothing
	uint64_t remb_bps;
	uint32_t demand_bps;
	uint32_t rtt_us;
	uint32_t since_heard; // packets
	uint32_t feedbacks;   // in this second
	uint16_t reference_valid, base_valid;
	uint8_t measured, returned, deaf, blind, report_fell;
	struct sent sent[HZ_CC_SENT];
};
_Static_assert(sizeof(struct hz_cc) < 12000, "the memory a subscriber may cost");

// --- life

static void forget_path(struct hz_cc *cc, int64_t now_us)
{
	hz_trend_init(&cc->trend);
	hz_loss_init(&cc->loss);
	memset(&cc->came, 0, sizeof(cc->came));
	memset(&cc->went, 0, sizeof(cc->went));
	cc->base_valid = 0;
	cc->queue_us = 0;
	cc->from_us = now_us;
}

int hz_cc_new(int64_t now_us, struct hz_cc **ret)
{
	struct hz_cc *cc = calloc(1, sizeof(*cc));
	if (!cc)
		return -ENOMEM;
	hz_aimd_init(&cc->aimd, HZ_CC_START_BPS);
	hz_trend_init(&cc->trend);
	hz_loss_init(&cc->loss);
	hz_probe_init(&cc->probe, now_us);
	cc->second_us = now_us;
	*ret = cc;
	return 0;
}

void hz_cc_free(struct hz_cc *cc)
{
	free(cc);
}

void hz_cc_on_sent(struct hz_cc *cc, uint16_t seq, size_t wire_bytes, bool probe, int64_t now_us)
{
	uint16_t bytes = (uint16_t)(wire_bytes < SENT_BYTES ? wire_bytes : SENT_BYTES);
	cc->sent[seq % HZ_CC_SENT] =
	    (struct sent){(uint32_t)now_us, seq, probe ? (uint16_t)(bytes | SENT_PROBE) : bytes};
	if (!cc->since_heard++)
		cc->unheard_us = now_us;
	cc->sent_us = now_us;
	if (!cc->began_us)
		cc->began_us = now_us;
	if (probe)
		hz_probe_sent(&cc->probe, bytes, now_us);
	else
		hz_probe_beside_sent(&cc->probe, bytes);
}

void hz_cc_on_path(struct hz_cc *cc, int64_t now_us)
{
	forget_path(cc, now_us);
	hz_probe_init(&cc->probe, now_us);
	cc->aimd.link_bps = 0;
	cc->measured = 0;
	cc->first_us = cc->first_us ? now_us : 0;
	cc->rtt_us = 0;
	if (cc->silent_us) { // it was the old path that was silent
		cc->silent_us = 0;
		cc->returned = 1;
	}
	cc->heard_us = cc->heard_us ? now_us : 0;
	cc->since_heard = 0;
	// Half of the old one as a guess, but no less than a newcomer gets, unless the old one was worse.
	if (cc->aimd.bps > HZ_CC_START_BPS)
		hz_aimd_set(&cc->aimd, fmax(cc->aimd.bps / 2, HZ_CC_START_BPS));
}

void hz_cc_set_demand(struct hz_cc *cc, uint32_t bps)
{
	cc->demand_bps = bps;
}

void hz_cc_set_blind(struct hz_cc *cc, bool blind)
{
	cc->blind = blind;
}

// --- feedback

static void note_delay(struct hz_cc *cc, int64_t delay_us, int64_t now_us)
{
	if (!cc->base_valid) {
		cc->base_us[0] = cc->base_us[1] = delay_us;
		cc->base_at_us = now_us;
		cc->base_valid = 1;
	}
	if (now_us - cc->base_at_us > QUEUE_BASE_US) { // the clocks drift, paths change
		cc->base_us[1] = cc->base_us[0];
		cc->base_us[0] = delay_us;
		cc->base_at_us = now_us;
	}
	if (delay_us < cc->base_us[0])
		cc->base_us[0] = delay_us;
	int64_t base = cc->base_us[0] < cc->base_us[1] ? cc->base_us[0] : cc->base_us[1];
	int64_t wait = delay_us - base;
	cc->queue_us += (wait - cc->queue_us) / 8;
	hz_loss_wait(&cc->loss, wait);
}

static void note_probe(struct hz_cc *cc, const struct sent *s, int64_t sent_us,
                       const struct hz_twcc_arrival *item)
{
	size_t bytes = s->bytes & SENT_BYTES;
	if (!(s->bytes & SENT_PROBE))
		hz_probe_beside_reported(&cc->probe, bytes, item->received);
	else if (sent_us >= cc->probe.first_sent_us)
		hz_probe_reported(&cc->probe, bytes, item->received, item->at_us);
}

static void on_packet(struct hz_cc *cc, struct sent *s, const struct hz_twcc_arrival *item, int64_t now_us)
{
	int64_t sent_us = now_us - (int64_t)(uint32_t)((uint32_t)now_us - s->at_us);
	size_t bytes = s->bytes & SENT_BYTES;
	bool fresh = sent_us >= cc->from_us;
	if (!item->received) {
		if (s->bytes & (SENT_LOST | SENT_CAME))
			return;
		s->bytes |= SENT_LOST;
		if (fresh) {
			hz_loss_add(&cc->loss, true, now_us);
			hz_cc_rate_add(&cc->went, bytes, sent_us);
		}
		note_probe(cc, s, sent_us, item);
		return;
	}
	if (s->bytes & SENT_CAME)
		return;
	bool late = s->bytes & SENT_LOST;
	s->bytes |= SENT_CAME;
	if (!fresh)
		return;
	if (late) {
		hz_loss_late(&cc->loss);
	} else {
		hz_loss_add(&cc->loss, false, now_us);
		hz_cc_rate_add(&cc->went, bytes, sent_us);
		note_probe(cc, s, sent_us, item);
	}
	hz_cc_rate_add(&cc->came, bytes, item->at_us);
	if (!(s->bytes & SENT_PROBE)) { // a burst of our own is no queue
		hz_trend_add(&cc->trend, sent_us, item->at_us);
		note_delay(cc, item->at_us - sent_us, now_us);
	}
	int64_t rtt_us = now_us - sent_us;
	cc->rtt_us = (uint32_t)(cc->rtt_us ? (cc->rtt_us * 15ll + rtt_us) / 16 : rtt_us);
}

// The receiver's clock in 24 bits of 64 ms, made continuous. A leap means another receiver clock.
static int64_t unwrap(struct hz_cc *cc, int32_t reference_64ms, int64_t now_us)
{
	int64_t raw_us = (int64_t)reference_64ms * 64000;
	if (!cc->reference_valid) {
		cc->reference_us = raw_us;
		cc->reference_valid = 1;
		return 0;
	}
	int32_t step =
	    hz_diff24((uint32_t)reference_64ms & 0xffffff, (uint32_t)(cc->reference_us / 64000) & 0xffffff);
	int64_t next_us = cc->reference_us + (int64_t)step * 64000;
	int64_t expected = cc->heard_us ? now_us - cc->heard_us : 0;
	int64_t off = next_us - cc->reference_us - expected;
	if (off > 10000000 || off < -10000000)
		forget_path(cc, now_us - (cc->rtt_us ? cc->rtt_us : 0));
	cc->reference_us = next_us;
	return next_us - raw_us;
}

static void after_probe(struct hz_cc *cc, int64_t now_us)
{
	bool full; // the link, not the burst, was the limit
	uint32_t bps = hz_probe_result(&cc->probe, &full);
	bool over = now_us - cc->probe.last_sent_us > HZ_PROBE_WAIT_US;
	if (cc->probe.phase != HZ_PROBE_WAITING ||
	    (!bps && !over && cc->probe.reported < cc->probe.sent_packets))
		return;
	double shown = full ? 0.95 * bps : bps;
	bool better = shown > 1.05 * cc->aimd.bps;
	if (better && cc->trend.usage != HZ_CC_OVER && cc->queue_us < QUEUE_US) {
		hz_aimd_set(&cc->aimd, shown);
		cc->aimd.link_bps = full ? bps : 0; // what showed more also showed where it ends
		cc->aimd.link_dev = 0.1;
		cc->measured = 1;
	} else {
		better = false;
	}
	hz_probe_done(&cc->probe, better, now_us);
}

static void judge(struct hz_cc *cc, int64_t now_us)
{
	double borne = fmin(cc->loss.borne, 0.3); // what the path loses anyway left by the same link
	struct hz_aimd_in in = {.usage = cc->trend.usage,
	                        .arrived_bps = (uint32_t)(hz_cc_rate_bps(&cc->came) / (1 - borne)),
	                        .sent_bps = hz_cc_rate_bps(&cc->went),
	                        .unproven_bps = cc->blind ? 1.2 * (double)cc->demand_bps : 0,
	                        .rtt_us = cc->rtt_us,
	                        .queue_us = hz_cc_queue_us(cc),
	                        .now_us = now_us};
	bool probing = cc->probe.clusters && now_us - cc->probe.last_sent_us < cc->rtt_us + 100000;
	if (in.usage == HZ_CC_OVER && probing && cc->queue_us < QUEUE_US)
		in.usage = HZ_CC_UNDER; // packets behind the burst waited for it: hold
	double before = cc->aimd.bps;
	bool queue = cc->queue_us > QUEUE_US;
	double factor = hz_loss_judge(&cc->loss, queue, now_us);
	// A full queue does not grow, it drops: what arrives is what there is.
	if (factor < 1 && (queue || cc->loss.tail || cc->loss.now - cc->loss.borne > 0.3))
		in.usage = HZ_CC_OVER;
	hz_aimd_update(&cc->aimd, &in);
	if (factor < 1 && in.usage != HZ_CC_OVER)
		hz_aimd_lower(&cc->aimd, factor, now_us);
	if ((in.usage == HZ_CC_OVER && in.arrived_bps) || now_us - cc->first_us > MEASURED_US)
		cc->measured = 1;
	// Fallen far: what was lost may be back soon, ask early.
	if (cc->aimd.bps < 0.7 * before)
		hz_probe_soon(&cc->probe, now_us + 1000000);
	after_probe(cc, now_us);
}

static void on_return(struct hz_cc *cc, int64_t now_us)
{
	double kept = cc->aimd.bps;
	cc->silent_us = 0;
	cc->returned = 1;
	forget_path(cc, now_us);
	hz_aimd_set(&cc->aimd, kept * 0.75);
	hz_probe_init(&cc->probe, now_us);
}

int hz_cc_on_feedback(struct hz_cc *cc, const struct hz_rtcp_packet *packet, struct hz_cc_scratch *scratch,
                      int64_t now_us)
{
	struct hz_twcc_feedback fb;
	size_t count;
	if (now_us - cc->second_us >= 1000000) {
		cc->second_us = now_us;
		cc->feedbacks = 0;
	}
	if (++cc->feedbacks > HZ_CC_FEEDBACKS)
		return -EBUSY;
	// Before the parser walks it: one packet may claim 65,535 numbers in 20 bytes.
	if (packet->body_bytes >= 12 && hz_get16(packet->body + 10) > HZ_CC_MAX_STATUS)
		return -EMSGSIZE;
	int err = hz_twcc_parse(packet, &fb, scratch->item, HZ_CC_MAX_STATUS, &count);
	if (err)
		return err;
	int64_t add_us = unwrap(cc, fb.reference_64ms, now_us);
	bool known = false;
	for (size_t i = 0; i < count && !known; i++)
		known = cc->sent[scratch->item[i].seq % HZ_CC_SENT].seq == scratch->item[i].seq &&
		        cc->sent[scratch->item[i].seq % HZ_CC_SENT].bytes && scratch->item[i].received;
	if (known && cc->silent_us)
		on_return(cc, now_us);
	for (size_t i = 0; i < count; i++) {
		struct hz_twcc_arrival item = scratch->item[i];
		struct sent *s = &cc->sent[item.seq % HZ_CC_SENT];
		if (s->seq != item.seq || !s->bytes)
			continue;
		item.at_us += add_us;
		on_packet(cc, s, &item, now_us);
	}
	if (!known)
		return 0;
	if (!cc->first_us)
		cc->first_us = now_us;
	cc->heard_us = now_us;
	cc->since_heard = 0;
	judge(cc, now_us);
	return 0;
}

// --- without feedback

void hz_cc_on_remb(struct hz_cc *cc, uint64_t bps, int64_t now_us)
{
	cc->remb_bps = bps < HZ_CC_MIN_BPS ? HZ_CC_MIN_BPS : bps > HZ_CC_MAX_BPS ? HZ_CC_MAX_BPS : bps;
	cc->remb_us = now_us;
}

void hz_cc_on_report(struct hz_cc *cc, uint8_t fraction_lost, int64_t now_us)
{
	double f = fraction_lost / 256.0;
	if (cc->heard_us && now_us - cc->heard_us < TWCC_GONE_US)
		return;
	// A report has a line for each stream, all about the same time.
	if (cc->report_us && now_us - cc->report_us < REPORT_US && (f <= 0.1 || cc->report_fell))
		return;
	if (f > 0.1) {
		if (!cc->report_bps)
			cc->report_bps = cc->remb_bps ? (uint32_t)cc->remb_bps : 2000000;
		cc->report_bps = hz_remb_fall(&cc->report_back_bps, cc->report_bps, (uint32_t)(1000 * f));
		if (cc->report_bps < 100000)
			cc->report_bps = 100000;
	} else if (cc->report_bps) {
		cc->report_bps = hz_remb_rise(cc->report_back_bps, cc->report_bps, (uint32_t)(1000 * f));
		if (cc->report_bps >= HZ_REMB_MAX_BPS)
			cc->report_bps = 0; // no bound any more
	}
	cc->report_us = now_us;
	cc->report_fell = f > 0.1;
}

void hz_cc_tick(struct hz_cc *cc, int64_t now_us)
{
	int64_t wait = (int64_t)cc->rtt_us + 500000;
	if (wait < SILENCE_US)
		wait = SILENCE_US;
	// Of what was sent: where nothing went out (a picture that stands still, all of them off) there was nothing to hear of.
	if (cc->first_us && !cc->silent_us && cc->since_heard >= SILENCE_PACKETS &&
	    now_us - cc->heard_us > wait && now_us - cc->unheard_us > wait)
		cc->silent_us = now_us;
	if (!cc->first_us && cc->began_us && now_us - cc->began_us > DEAF_US)
		cc->deaf = 1;
	if (cc->remb_us && now_us - cc->remb_us > REMB_US)
		cc->remb_us = 0;
	if (cc->probe.phase == HZ_PROBE_WAITING)
		after_probe(cc, now_us);
	if (cc->probe.phase == HZ_PROBE_SENDING && cc->probe.first_sent_us &&
	    now_us - cc->probe.first_sent_us > HZ_PROBE_WAIT_US)
		hz_probe_done(&cc->probe, false, now_us);
}

// --- what comes of it

// 0: nothing is said.
static double bound_without_twcc(const struct hz_cc *cc)
{
	double remb = cc->remb_us ? (double)cc->remb_bps : 0;
	if (!cc->report_bps)
		return remb;
	return remb > 0 ? fmin(remb, cc->report_bps) : cc->report_bps;
}

uint32_t hz_cc_estimate_bps(const struct hz_cc *cc)
{
	return (uint32_t)(cc->first_us ? cc->aimd.bps : bound_without_twcc(cc));
}

uint32_t hz_cc_target_bps(const struct hz_cc *cc)
{
	uint32_t bps = hz_cc_estimate_bps(cc);
	if (!bps)
		return cc->sent_us && !cc->deaf ? HZ_CC_START_BPS : UINT32_MAX;
	if (cc->silent_us)
		return cc->sent_us - cc->silent_us > SILENCE_OFF_US - SILENCE_US ? 0 : bps / 2;
	if (!cc->first_us || cc->queue_us < QUEUE_US || cc->heard_us - cc->aimd.lowered_us > DRAIN_US)
		return bps;
	double drain = fmin((double)(cc->queue_us - QUEUE_US) / 500000.0, 0.5);
	return (uint32_t)(bps * (1 - drain));
}

uint32_t hz_cc_queue_us(const struct hz_cc *cc)
{
	return cc->queue_us > 0 ? (uint32_t)cc->queue_us : 0;
}

uint32_t hz_cc_rtt_us(const struct hz_cc *cc)
{
	return cc->rtt_us;
}

uint32_t hz_cc_loss_permille(const struct hz_cc *cc)
{
	return (uint32_t)(cc->loss.now * 1000);
}

bool hz_cc_measured(const struct hz_cc *cc)
{
	return cc->measured || (!cc->first_us && hz_cc_estimate_bps(cc));
}

bool hz_cc_full(const struct hz_cc *cc)
{
	return cc->aimd.link_bps > 0;
}

bool hz_cc_outage(const struct hz_cc *cc)
{
	return cc->silent_us != 0;
}

bool hz_cc_take_return(struct hz_cc *cc)
{
	bool returned = cc->returned;
	cc->returned = 0;
	return returned;
}

// At once while something is held back; now and then while only the margin has become thin.
static bool worth_probing(const struct hz_cc *cc, int64_t now_us)
{
	double bps = cc->aimd.bps, demand = (double)cc->demand_bps;
	if (bps < 1.1 * demand)
		return true;
	return bps < 1.3 * demand &&
	       (cc->probe.clusters < PROBES_AT_ONCE || now_us - cc->probe.last_sent_us > PROBE_MARGIN_US);
}

size_t hz_cc_probe(struct hz_cc *cc, int64_t now_us, size_t *ret_packet)
{
	double bps = cc->aimd.bps, want = (double)cc->demand_bps * 1.5;
	if (!cc->first_us || !cc->demand_bps)
		return 0;
	// A heart beat where audio carries no numbers and video is off: how else would we hear of better times?
	if (hz_cc_target_bps(cc) < cc->demand_bps && now_us - cc->sent_us > BEAT_US) {
		*ret_packet = 90;
		return 90;
	}
	if (cc->silent_us || !cc->rtt_us || cc->blind)
		return 0;
	bool calm = cc->trend.usage != HZ_CC_OVER && cc->queue_us < QUEUE_US &&
	            now_us - cc->aimd.lowered_us > 2 * (int64_t)cc->rtt_us;
	if (calm && worth_probing(cc, now_us))
		hz_probe_begin(&cc->probe, (uint32_t)fmin(fmin(2 * bps, 1.05 * want), HZ_CC_MAX_BPS), now_us);
	return hz_probe_due(&cc->probe, now_us, ret_packet);
}

bool hz_cc_probing(const struct hz_cc *cc)
{
	return cc->probe.phase == HZ_PROBE_SENDING;
}

uint32_t hz_cc_probes(const struct hz_cc *cc)
{
	return cc->probe.clusters;
}
