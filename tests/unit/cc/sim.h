// Senders with the estimator, one simulated link (rate, queue, delay, loss, outage) and receivers that write real
// transport-wide feedback. Time is a number; one step is a millisecond.
#ifndef HZ_TESTS_UNIT_CC_SIM_H
#define HZ_TESTS_UNIT_CC_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/cc/cc.h"

#define SIM_QUEUE 4096
#define SIM_FLOWS 2
#define SIM_BACK  64
#define MS        1000
#define SIM_CLOCK 500000000 // the receiver's clock is another one

struct sim_packet {
	int64_t at_us; // when it arrives; in the queue: when it was sent
	uint16_t seq;
	uint16_t bytes;
	uint8_t flow;
};

struct sim_feedback {
	int64_t at_us;
	size_t bytes;
	uint8_t data[1200];
};

struct sim_flow {
	struct hz_cc *cc;
	struct hz_twcc receiver;
	uint16_t seq;
	uint32_t audio_bps, video_bps; // video: at most
	uint32_t steps[4];             // 0: any rate; else what the layers take
	int64_t video_due, audio_due, frame_due;
	double owed; // bytes of video
	uint64_t sent_bytes, came_bytes, sent_packets, lost_packets, probe_bytes;
	struct sim_feedback back[SIM_BACK];
	unsigned back_count;
	bool mute; // gives no feedback
};

struct sim {
	int64_t now;
	struct hz_cc_scratch *scratch;
	uint32_t link_bps, queue_us, loss_permille, jitter_us;
	int64_t delay_us, back_us;
	bool down; // outage
	struct sim_packet queue[SIM_QUEUE];
	unsigned head, count;
	uint64_t queued_bytes;
	double link_bytes; // that may leave
	struct sim_packet air[SIM_QUEUE];
	unsigned air_count;
	uint32_t random;
	int64_t max_wait_us; // in the queue, of audio or video
	struct sim_flow flow[SIM_FLOWS];
	unsigned flows;
};

static inline uint32_t sim_random(struct sim *s)
{
	s->random = s->random * 1664525u + 1013904223u;
	return s->random >> 8;
}

static inline struct sim *sim_new(unsigned flows)
{
	struct sim *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->scratch = malloc(sizeof(*s->scratch));
	assert_non_null(s->scratch);
	s->now = 77000000;
	s->flows = flows;
	s->link_bps = 5000000;
	s->queue_us = 300 * MS;
	s->delay_us = s->back_us = 20 * MS;
	s->random = 4711;
	for (unsigned i = 0; i < flows; i++) {
		assert_int_equal(hz_cc_new(s->now, &s->flow[i].cc), 0);
		hz_twcc_init(&s->flow[i].receiver);
		s->flow[i].audio_bps = 40000;
		s->flow[i].video_bps = 2500000;
		s->flow[i].seq = (uint16_t)(65000 + 100 * i); // over the wrap
	}
	return s;
}

static inline void sim_free(struct sim *s)
{
	for (unsigned i = 0; i < s->flows; i++)
		hz_cc_free(s->flow[i].cc);
	free(s->scratch);
	free(s);
}

static inline void sim_send(struct sim *s, unsigned f, size_t bytes, bool probe)
{
	struct sim_flow *flow = &s->flow[f];
	uint16_t seq = flow->seq++;
	hz_cc_on_sent(flow->cc, seq, bytes, probe, s->now);
	flow->sent_packets++;
	flow->sent_bytes += bytes;
	if (probe)
		flow->probe_bytes += bytes;
	bool full = s->queued_bytes * 8000000 / s->link_bps > s->queue_us || s->count == SIM_QUEUE;
	if (s->down || full || sim_random(s) % 1000 < s->loss_permille) {
		flow->lost_packets++;
		return;
	}
	s->queue[(s->head + s->count++) % SIM_QUEUE] =
	    (struct sim_packet){s->now, seq, (uint16_t)bytes, (uint8_t)f};
	s->queued_bytes += bytes;
}

static inline uint32_t sim_video_bps(const struct sim_flow *flow)
{
	uint32_t target = hz_cc_target_bps(flow->cc), best = 0;
	uint32_t left = target > flow->audio_bps ? target - flow->audio_bps : 0;
	if (!flow->steps[0])
		return left < flow->video_bps ? left : flow->video_bps;
	for (unsigned i = 0; i < 4; i++)
		if (flow->steps[i] && flow->steps[i] <= left)
			best = flow->steps[i];
	return best;
}

static inline void sim_flow_step(struct sim *s, unsigned f)
{
	struct sim_flow *flow = &s->flow[f];
	size_t packet;
	hz_cc_set_demand(flow->cc, flow->audio_bps + flow->video_bps);
	if (s->now >= flow->audio_due && flow->audio_bps) {
		flow->audio_due = s->now + 20 * MS;
		sim_send(s, f, flow->audio_bps / 400, false);
	}
	if (s->now >= flow->frame_due) {
		flow->frame_due = s->now + 33 * MS;
		flow->owed += sim_video_bps(flow) * 0.033 / 8;
		if (flow->owed > 60000)
			flow->owed = 60000;
		for (; flow->owed >= 200; flow->owed -= flow->owed < 1200 ? flow->owed : 1200)
			sim_send(s, f, flow->owed < 1200 ? (size_t)flow->owed : 1200, false);
	}
	if ((s->now / MS) % 5 == 0) { // the router's tick
		hz_cc_tick(flow->cc, s->now);
		for (size_t due = hz_cc_probe(flow->cc, s->now, &packet), done = 0; done < due;
		     done += packet)
			sim_send(s, f, packet, true);
	}
	if (!flow->mute && hz_twcc_deadline(&flow->receiver) <= s->now + SIM_CLOCK &&
	    flow->back_count < SIM_BACK) {
		struct sim_feedback *fb = &flow->back[flow->back_count];
		struct hz_rtcp_writer w;
		hz_rtcp_writer_init(&w, fb->data, sizeof(fb->data));
		if (!hz_twcc_write(&flow->receiver, &w, 1, 2)) {
			fb->bytes = w.bytes;
			fb->at_us = s->now + s->back_us;
			if (!s->down && sim_random(s) % 1000 >= s->loss_permille)
				flow->back_count++;
		}
	}
}

static inline void sim_deliver(struct sim *s)
{
	s->link_bytes += s->link_bps / 8000.0;
	while (s->count && s->link_bytes >= s->queue[s->head].bytes) {
		struct sim_packet p = s->queue[s->head];
		s->head = (s->head + 1) % SIM_QUEUE;
		s->count--;
		s->queued_bytes -= p.bytes;
		s->link_bytes -= p.bytes;
		if (s->now - p.at_us > s->max_wait_us)
			s->max_wait_us = s->now - p.at_us;
		p.at_us = s->now + s->delay_us + (s->jitter_us ? sim_random(s) % s->jitter_us : 0);
		assert_true(s->air_count < SIM_QUEUE);
		s->air[s->air_count++] = p;
	}
	if (!s->count)
		s->link_bytes = 0;
	unsigned kept = 0;
	for (unsigned i = 0; i < s->air_count; i++) {
		struct sim_packet *p = &s->air[i];
		if (p->at_us > s->now) {
			s->air[kept++] = *p;
			continue;
		}
		// The receiver's clock is another one.
		hz_twcc_on_packet(&s->flow[p->flow].receiver, p->seq, s->now + SIM_CLOCK);
		s->flow[p->flow].came_bytes += p->bytes;
	}
	s->air_count = kept;
}

static inline void sim_hear(struct sim *s, unsigned f)
{
	struct sim_flow *flow = &s->flow[f];
	while (flow->back_count && flow->back[0].at_us <= s->now) {
		struct hz_rtcp_iter iter;
		struct hz_rtcp_packet p;
		hz_rtcp_iter_init(&iter, flow->back[0].data, flow->back[0].bytes);
		while (hz_rtcp_next(&iter, &p) == 1)
			if (p.type == HZ_RTCP_RTPFB)
				assert_int_equal(hz_cc_on_feedback(flow->cc, &p, s->scratch, s->now), 0);
		memmove(flow->back, flow->back + 1, --flow->back_count * sizeof(flow->back[0]));
	}
}

static inline void sim_run(struct sim *s, int64_t ms)
{
	for (int64_t i = 0; i < ms; i++) {
		s->now += MS;
		for (unsigned f = 0; f < s->flows; f++) {
			sim_hear(s, f);
			sim_flow_step(s, f);
		}
		sim_deliver(s);
#ifdef SIM_TRACE
		if ((s->now / MS) % SIM_TRACE == 0)
			printf("%6ld ms est %8u target %8u queue %6u us real %6lu us rtt %u probes %u lost "
			       "%lu/%lu\n",
			       (long)(s->now / MS - 77000), hz_cc_estimate_bps(s->flow[0].cc),
			       hz_cc_target_bps(s->flow[0].cc), hz_cc_queue_us(s->flow[0].cc),
			       (unsigned long)(s->queued_bytes * 8000000 / s->link_bps),
			       hz_cc_rtt_us(s->flow[0].cc), hz_cc_probes(s->flow[0].cc),
			       (unsigned long)s->flow[0].lost_packets,
			       (unsigned long)s->flow[0].sent_packets);
#endif
	}
}

static inline uint32_t sim_estimate(const struct sim *s)
{
	return hz_cc_estimate_bps(s->flow[0].cc);
}

// Runs until the estimate is at least that, at most so long; how long it took, or -1.
static inline int64_t sim_until(struct sim *s, uint32_t bps, int64_t ms)
{
	for (int64_t i = 0; i < ms; i += 10) {
		if (sim_estimate(s) >= bps)
			return i;
		sim_run(s, 10);
	}
	return -1;
}

// Bits a second that arrived in the next so many milliseconds.
static inline uint32_t sim_goodput(struct sim *s, unsigned f, int64_t ms)
{
	uint64_t before = s->flow[f].came_bytes;
	sim_run(s, ms);
	return (uint32_t)((s->flow[f].came_bytes - before) * 8000 / (uint64_t)ms);
}

#endif
