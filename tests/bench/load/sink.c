#include "tests/bench/load/sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/keyframe.h"
#include "tests/bench/load/source.h"

#define PLI_US 300000

int load_sink_init(struct load_sink *s, uint32_t ssrc, bool video)
{
	memset(s, 0, sizeof(*s));
	s->ssrc = ssrc;
	s->video = video;
	hz_receiver_init(&s->receiver, video ? 90000 : 48000);
	if (!video)
		return 0;
	s->nack = malloc(sizeof(*s->nack));
	if (!s->nack)
		return -ENOMEM;
	hz_nack_init(s->nack);
	return 0;
}

void load_sink_done(struct load_sink *s)
{
	free(s->nack);
	s->nack = NULL;
}

static void look(struct load_sink *s, const struct hz_rtp_packet *rtp, int64_t ext,
                 struct load_measure *measure)
{
	struct hz_frame_info info;
	bool extended =
	    rtp->payload_bytes && rtp->payload[0] & 0x80; // as all senders here write VP8; never so in H.264
	uint8_t codec = extended ? HZ_CODEC_VP8 : HZ_CODEC_H264_CB;
	if (hz_frame_inspect(codec, rtp->payload, rtp->payload_bytes, &info) != 0 || !info.keyframe_start)
		return;
	measure->totals.keyframes++;
	s->decodable = true;
	hz_nack_forget_before(s->nack, ext);
}

void load_sink_take(struct load_sink *s, const struct hz_rtp_packet *rtp, int64_t arrival_us, int64_t now_us,
                    bool repaired, struct load_measure *measure)
{
	int64_t ext, stamp;
	struct load_totals *t = &measure->totals;
	bool stamped = load_stamp_read(rtp->payload, rtp->payload_bytes, &stamp);
	if (stamped && (!t->oldest_us || (uint64_t)stamp < t->oldest_us))
		t->oldest_us = (uint64_t)stamp;
	if (stamped && (uint64_t)stamp > t->newest_us)
		t->newest_us = (uint64_t)stamp;
	enum hz_receive how = hz_receiver_on_packet(&s->receiver, rtp->seq, rtp->ts, repaired, now_us, &ext);
	if (how != HZ_RECEIVE_NEW && how != HZ_RECEIVE_RESTART) {
		measure->totals.duplicates++;
		return;
	}
	if (s->nack)
		hz_nack_on_packet(s->nack, ext, now_us);
	if (s->video)
		look(s, rtp, ext, measure);
	if (repaired) {
		measure->totals.repaired++;
		return;
	}
	measure->totals.received++;
	measure->totals.bytes += rtp->bytes;
	*(s->video ? &measure->totals.video : &measure->totals.audio) += 1;
	if (stamped)
		load_histogram_add(&measure->delay, arrival_us - stamp);
}

bool load_sink_feedback(struct load_sink *s, struct hz_rtcp_writer *w, uint32_t own_ssrc, int64_t now_us,
                        struct load_measure *measure)
{
	struct hz_nack_item items[16];
	bool wrote = false;
	if (!s->video || !s->receiver.started)
		return false;
	size_t n =
	    now_us >= hz_nack_deadline(s->nack) ? hz_nack_collect(s->nack, now_us, 1000, items, 16) : 0;
	if (n > 0 && hz_rtcp_write_nack(w, own_ssrc, s->ssrc, items, n) == 0) {
		measure->totals.nacks_sent += n;
		wrote = true;
	}
	if (hz_nack_take_keyframe(s->nack))
		s->decodable = false;
	if (!s->decodable && now_us >= s->next_pli_us && hz_rtcp_write_pli(w, own_ssrc, s->ssrc) == 0) {
		measure->totals.plis_sent++;
		s->next_pli_us = now_us + PLI_US;
		wrote = true;
	}
	return wrote;
}

static int64_t expected(const struct load_sink *s)
{
	return s->receiver.started ? s->receiver.highest - s->receiver.base + 1 : 0;
}

static int64_t got(const struct load_sink *s)
{
	return s->receiver.received + s->receiver.recovered;
}

void load_sink_mark(struct load_sink *s)
{
	s->expected_mark = expected(s);
	s->got_mark = got(s);
}

int64_t load_sink_lost(const struct load_sink *s)
{
	return expected(s) - s->expected_mark - (got(s) - s->got_mark);
}

bool load_sink_heard(const struct load_sink *s)
{
	return got(s) > s->got_mark;
}
