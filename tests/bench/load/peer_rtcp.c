// RTCP of a load peer, both ways.
#include "gateway/base/clock.h"
#include "tests/bench/load/peer_internal.h"

#include <sys/socket.h>

#define REPORT_US   1000000
#define FEEDBACK_US 100000 // transport-cc, as libwebrtc sends it by default

static void on_nack(struct load_peer *peer, const struct hz_rtcp_feedback *fb)
{
	size_t count;
	if (hz_rtcp_nack_count(fb, &count) != 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct hz_nack_item item = hz_rtcp_nack_item(fb, i);
		peer->world->measure.totals.nacks_received++;
		load_source_repeat(&peer->source, item.pid, peer->fd);
		for (unsigned bit = 0; bit < 16; bit++)
			if (item.blp >> bit & 1)
				load_source_repeat(&peer->source, (uint16_t)(item.pid + bit + 1), peer->fd);
	}
}

void load_peer_on_rtcp(struct load_peer *peer, uint8_t *data, size_t bytes)
{
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet packet;
	struct hz_rtcp_feedback fb;
	if (hz_srtp_unprotect_rtcp(peer->srtp, data, &bytes) != 0) {
		peer->world->measure.totals.auth_failed++;
		return;
	}
	hz_rtcp_iter_init(&iter, data, bytes);
	while (hz_rtcp_next(&iter, &packet) == 1) {
		if ((packet.type != HZ_RTCP_RTPFB && packet.type != HZ_RTCP_PSFB) ||
		    hz_rtcp_parse_feedback(&packet, &fb) != 0)
			continue;
		if (packet.type == HZ_RTCP_RTPFB && packet.count == HZ_RTPFB_NACK)
			on_nack(peer, &fb);
		if (packet.type == HZ_RTCP_PSFB &&
		    (packet.count == HZ_PSFB_PLI || packet.count == HZ_PSFB_FIR)) {
			peer->world->measure.totals.plis_received++;
			peer->source.want_keyframe = true;
		}
	}
}

static void send_rtcp(struct load_peer *peer, uint8_t *buf, size_t bytes, size_t cap)
{
	if (bytes > 0 && !load_chance(peer->world, peer->world->loss_permille) &&
	    hz_srtp_protect_rtcp(peer->srtp, buf, &bytes, cap) == 0)
		(void)!send(peer->fd, buf, bytes, 0);
}

static void report(struct load_peer *peer, struct hz_rtcp_writer *w, int64_t now_us)
{
	struct hz_report_block blocks[LOAD_MAX_SINKS];
	struct hz_sender_info info = {.ntp = hz_ntp_from_us(hz_wall_us() + HZ_NTP_UNIX_US)};
	size_t count = 0;
	for (unsigned i = 0; i < peer->sink_count; i++)
		count += hz_receiver_block(&peer->sinks[i].receiver, peer->sinks[i].ssrc, now_us,
		                           &blocks[count]) == 0;
	hz_rtcp_begin(w, peer->rtcp_ssrc, blocks, count);
	if (peer->setup.audio.pt) {
		info.rtp_ts = peer->source.audio.ts;
		hz_rtcp_write_sr(w, peer->source.audio.ssrc, &info, NULL, 0);
	}
	if (peer->setup.video.pt) {
		info.rtp_ts = peer->source.video.ts;
		hz_rtcp_write_sr(w, peer->source.video.ssrc, &info, NULL, 0);
	}
	hz_rtcp_write_cname(w, peer->rtcp_ssrc, "load");
}

void load_peer_rtcp(struct load_peer *peer, int64_t now_us)
{
	uint8_t buf[1200];
	struct hz_rtcp_writer w;
	hz_rtcp_writer_init(&w, buf, sizeof(buf) - HZ_SRTP_TRAILER_BYTES);
	if (now_us >= peer->next_report_us) {
		report(peer, &w, now_us);
		peer->next_report_us = now_us + REPORT_US;
	}
	for (unsigned i = 0; i < peer->sink_count; i++)
		load_sink_feedback(&peer->sinks[i], &w, peer->rtcp_ssrc, now_us, &peer->world->measure);
	if (peer->twcc && now_us >= peer->next_feedback_us && peer->sink_count > 0) {
		if (hz_twcc_write(peer->twcc, &w, peer->rtcp_ssrc, peer->sinks[0].ssrc) == 0)
			peer->world->measure.totals.feedbacks++;
		peer->next_feedback_us = now_us + FEEDBACK_US;
	}
	send_rtcp(peer, buf, w.bytes, sizeof(buf));
}
