#include "media/mix/playout.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "media/mix/resample.h"
#include "media/rtp/seq.h"

#define MARGIN_LEAST   240.0 // samples
#define MARGIN_MOST    4800.0
#define MARGIN_MORE    480.0
#define MARGIN_KEEP    0.998          // a tick: half in 7 s
#define START_LEAST_US 20000          // that the first packet waits
#define JUMP           96000          // timestamps further off begin a new life
#define SLACK_MOST     24000          // half a second waiting: begin anew
#define PER_SAMPLE     (0.005 / 960)  // change of step for a sample too much slack: 500 ppm at 2 ms
#define FASTER         0.01           // at most
#define SLOWER         0.03           // where packets come too late
#define STEP_MOVE      0.0005         // a tick
#define SKIP_FROM      1920           // samples too much that are left out in a pause
#define SKIP           480            // at a time
#define EXPAND_FRAMES  5u             // made from nothing before the voice is taken for silent
#define CHUNK          HZ_MIXER_FRAME // concealed at a time
#define PACKET_MOST    5760           // samples of one packet: 120 ms
#define SLACK_TICKS    50u

void hz_playout_init(struct hz_playout *p, OpusDecoder *decoder)
{
	memset(p, 0, offsetof(struct hz_playout, packet));
	for (unsigned i = 0; i < HZ_MIXER_PACKETS; i++)
		p->packet[i].samples = 0;
	p->decoder = decoder;
	p->margin = MARGIN_LEAST;
	p->step = 1;
}

static void stop(struct hz_playout *p)
{
	p->running = false;
	p->started_us = 0;
	p->fifo_count = 0;
	p->step = 1;
	p->missing = 0;
}

// A new beginning: other timestamps, nothing kept.
static void restart(struct hz_playout *p)
{
	stop(p);
	for (unsigned i = 0; i < HZ_MIXER_PACKETS; i++)
		p->packet[i].samples = 0;
	p->stats.restarts++;
}

static struct hz_playout_packet *oldest(struct hz_playout *p)
{
	struct hz_playout_packet *found = NULL;
	for (unsigned i = 0; i < HZ_MIXER_PACKETS; i++)
		if (p->packet[i].samples && (!found || p->packet[i].ts < found->ts))
			found = &p->packet[i];
	return found;
}

// The timestamp of the sample that is due at `us`.
static double due(const struct hz_playout *p, int64_t us)
{
	return (double)p->next_ts - ((double)p->fifo_count - p->pos) + (double)(us - p->tick_us) * 0.048;
}

static void note_slack(struct hz_playout *p, int64_t ts, int64_t arrival_us)
{
	int64_t slack = ts - (int64_t)due(p, arrival_us);
	if (slack < p->slack_now)
		p->slack_now = slack;
}

// One timestamp far from all others may be an error; two that belong together are a new stream.
static int extend(struct hz_playout *p, uint32_t rtp_ts, int64_t *ret)
{
	int64_t ts = p->known ? hz_ts_extend(p->newest_ts, rtp_ts) : (int64_t)rtp_ts + (1ll << 32);
	int64_t off = ts - p->newest_ts;
	if (p->known && (off > JUMP || off < -JUMP) && (p->running || p->started_us)) {
		bool again = p->strange && llabs(ts - p->strange_ts) < JUMP;
		p->strange = true;
		p->strange_ts = ts;
		if (!again)
			return -EBADMSG;
		restart(p);
		p->known = false;
	} else if (p->known && off < -JUMP) {
		p->known = false; // nothing plays: any timestamp may begin
	}
	p->strange = false;
	if (!p->known || ts > p->newest_ts)
		p->newest_ts = ts;
	p->known = true;
	*ret = ts;
	return 0;
}

static struct hz_playout_packet *place(struct hz_playout *p, int64_t ts, bool *ret_twice)
{
	struct hz_playout_packet *room = NULL;
	*ret_twice = false;
	for (unsigned i = 0; i < HZ_MIXER_PACKETS; i++) {
		if (!p->packet[i].samples)
			room = &p->packet[i];
		else if (p->packet[i].ts == ts)
			*ret_twice = true;
	}
	if (room || *ret_twice)
		return room;
	p->stats.dropped++;
	room = oldest(p);
	return room;
}

int hz_playout_push(struct hz_playout *p, const struct hz_mixer_rtp *rtp)
{
	bool twice;
	int64_t ts;
	int err = 0, samples = 0;
	if (rtp->bytes > HZ_MIXER_PAYLOAD_BYTES)
		err = -EMSGSIZE;
	else if (rtp->bytes)
		samples = opus_packet_get_nb_samples(rtp->payload, (int32_t)rtp->bytes, 48000);
	if (!err && (samples <= 0 || samples > PACKET_MOST))
		err = -EBADMSG;
	if (!err)
		err = extend(p, rtp->rtp_ts, &ts);
	if (err) {
		p->stats.refused++;
		return err;
	}
	p->stats.packets++;
	if (p->running) {
		note_slack(p, ts, rtp->arrival_us);
		if (ts < p->next_ts) {
			p->stats.late++;
			p->margin = fmin(p->margin + MARGIN_MORE, MARGIN_MOST);
			return 0;
		}
	} else if (!p->started_us) {
		p->started_us = rtp->arrival_us;
	}
	struct hz_playout_packet *to = place(p, ts, &twice);
	if (twice) {
		p->stats.duplicate++;
		return 0;
	}
	to->ts = ts;
	to->bytes = (uint16_t)rtp->bytes;
	to->samples = (uint16_t)samples;
	memcpy(to->payload, rtp->payload, rtp->bytes);
	return 0;
}

// Decodes onto the end of fifo; whatever a hostile payload makes of it is bounded here. Returns samples.
static int decode(struct hz_playout *p, const struct hz_playout_packet *from, int samples, bool fec)
{
	float *out = p->fifo + p->fifo_count;
	if (samples > (int)(HZ_PLAYOUT_FIFO - p->fifo_count))
		samples = (int)(HZ_PLAYOUT_FIFO - p->fifo_count) / 120 * 120;
	int n = samples ? opus_decode_float(p->decoder, from ? from->payload : NULL, from ? from->bytes : 0,
	                                    out, samples, fec)
	                : 0;
	if (n <= 0) {
		memset(out, 0, (size_t)samples * sizeof(*out));
		n = samples;
	}
	for (int i = 0; i < n; i++) {
		float x = out[i] < 1.0f ? out[i] : 1.0f;
		out[i] = x > -1.0f ? x : -1.0f;
	}
	p->fifo_count += (unsigned)n;
	return n;
}

// Nothing has come: time goes on, the publisher's does not, so that what comes late is still played. False: given up.
static bool expand(struct hz_playout *p)
{
	float to = 1.0f - (float)p->missing / EXPAND_FRAMES;
	if (p->missing >= EXPAND_FRAMES)
		return false;
	unsigned from = p->fifo_count;
	int n = decode(p, NULL, CHUNK, false);
	for (int i = 0; i < n; i++)
		p->fifo[from + (unsigned)i] *= p->fade + (to - p->fade) * (float)(i + 1) / (float)n;
	p->fade = to;
	p->missing++;
	p->stats.expanded_frames++;
	return true;
}

// The samples before `packet` did not come, but it did.
static void conceal(struct hz_playout *p, const struct hz_playout_packet *packet)
{
	int64_t gap = packet->ts - p->next_ts;
	int samples = gap > (int64_t)CHUNK ? (int)CHUNK : ((int)gap + 119) / 120 * 120;
	bool fec = gap <= (int64_t)CHUNK && packet->samples >= gap;
	decode(p, fec ? packet : NULL, samples, fec);
	p->next_ts = gap > (int64_t)CHUNK ? p->next_ts + CHUNK : packet->ts;
	p->stats.lost_frames++;
	p->stats.fec_frames += fec;
}

static bool decode_more(struct hz_playout *p)
{
	struct hz_playout_packet *packet = oldest(p);
	if (!packet)
		return expand(p);
	if (packet->ts > p->next_ts + PACKET_MOST)
		return false; // silence was not sent, or timestamps jumped
	if (packet->ts > p->next_ts) {
		conceal(p, packet);
		return true;
	}
	if (p->missing)
		p->margin = fmin(p->margin + MARGIN_MORE, MARGIN_MOST);
	unsigned from = p->fifo_count;
	decode(p, packet, packet->samples, false);
	if (p->fade < 1) { // came back from a fade
		unsigned n = p->fifo_count - from < CHUNK ? p->fifo_count - from : CHUNK;
		for (unsigned i = 0; i < n; i++)
			p->fifo[from + i] *= p->fade + (1 - p->fade) * (float)(i + 1) / (float)n;
	}
	p->fade = 1;
	p->missing = 0;
	p->next_ts = packet->ts + packet->samples;
	packet->samples = 0;
	return true;
}

static void start(struct hz_playout *p, int64_t now_us)
{
	struct hz_playout_packet *first = oldest(p);
	int64_t wait = (int64_t)(p->margin / 0.048);
	if (!first || now_us - p->started_us < (wait > START_LEAST_US ? wait : START_LEAST_US))
		return;
	p->running = true;
	p->next_ts = first->ts;
	p->fifo[0] = 0; // what interpolation looks back at
	p->fifo_count = 1;
	p->pos = 1;
	p->missing = 0;
	p->fade = 0; // from silence
	p->slack_now = p->slack_before = INT64_MAX;
	p->slack_ticks = 0;
}

// How fast to play now.
static void steer(struct hz_playout *p, bool quiet)
{
	int64_t slack = p->slack_now < p->slack_before ? p->slack_now : p->slack_before;
	p->margin = fmax(p->margin * MARGIN_KEEP, MARGIN_LEAST);
	if (++p->slack_ticks >= SLACK_TICKS) {
		p->slack_before = p->slack_now;
		p->slack_now = INT64_MAX;
		p->slack_ticks = 0;
	}
	double want = 1;
	if (slack != INT64_MAX) {
		double off = (double)slack - p->margin;
		if (quiet && off > SKIP_FROM) {
			p->pos += SKIP;
			p->slack_now = p->slack_before = INT64_MAX; // measured before the skip
			p->slack_ticks = 0;
		}
		want = 1 + fmin(fmax(off * PER_SAMPLE, -SLOWER), FASTER);
		p->stats.delay_ms = (float)((double)slack / 48);
	}
	p->step += fmin(fmax(want - p->step, -STEP_MOVE), STEP_MOVE);
	p->stats.rate_ppm = (float)((p->step - 1) * 1e6);
	if (slack != INT64_MAX && slack > SLACK_MOST)
		restart(p);
}

bool hz_playout_pull(struct hz_playout *p, int64_t now_us, bool quiet, float *out)
{
	if (p->running)
		steer(p, quiet);
	if (!p->running)
		start(p, now_us);
	while (p->running && (double)p->fifo_count <= p->pos + p->step * HZ_MIXER_FRAME + 3)
		if (!decode_more(p)) {
			stop(p);
			p->started_us = oldest(p) ? now_us : 0;
		}
	p->tick_us = now_us;
	if (!p->running) {
		memset(out, 0, HZ_MIXER_FRAME * sizeof(*out));
		return false;
	}
	hz_resample(p->fifo, &p->pos, p->step, out, HZ_MIXER_FRAME);
	unsigned gone = (unsigned)p->pos - 1;
	p->fifo_count -= gone;
	memmove(p->fifo, p->fifo + gone, p->fifo_count * sizeof(*p->fifo));
	p->pos -= gone;
	return true;
}

uint32_t hz_playout_ts(const struct hz_playout *p)
{
	return (uint32_t)(int64_t)(due(p, p->tick_us) - p->step * HZ_MIXER_FRAME);
}
