#include "tests/peer/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/secret.h"
#include "media/rtp/packet.h"
#include "media/rtp/rtcp.h"
#include "media/rtp/twcc.h"
#include "media/transport/demux.h"
#include "media/transport/dtls.h"
#include "media/transport/stun.h"
#include "media/transport/udp.h"
#include "tests/peer/dump.h"
#include "tests/peer/offer.h"
#include "tests/peer/tcp.h"

#define CHECK_US   50000   // between connectivity checks while connecting
#define CONSENT_US 2500000 // between consent checks (RFC 7675)

struct peer {
	struct peer_options options;
	struct hz_dtls_ctx *dtls_ctx;
	const char *fingerprint;
	int fd;
	struct peer_tcp *tcp; // NULL: UDP
	int64_t next_connect_us;
	enum peer_state state;
	char ufrag[HZ_UFRAG_BYTES], pwd[HZ_PWD_BYTES];
	char location[512];
	struct hz_offer_answer answer;
	uint8_t check_id[HZ_STUN_ID_BYTES];
	unsigned checks_sent; // while connecting
	struct hz_dtls *dtls;
	struct hz_srtp *srtp;
	uint8_t profile;
	struct peer_source audio, video[3];
	struct peer_sink sinks[PEER_MAX_SINKS];
	unsigned sink_count;
	struct hz_index *index;
	struct peer_dump *dump; // NULL: none
	uint32_t rtcp_ssrc;
	struct hz_twcc twcc;               // of what arrives
	unsigned clip_sound, clip_picture; // next frames of the clip
	int64_t next_check_us, next_audio_us, next_video_us, next_rtcp_us;
	struct hz_udp_rx *rx;
	struct peer_totals totals;
};

int peer_new(const struct peer_options *options, struct hz_dtls_ctx *dtls, const char *fingerprint,
             struct peer **ret)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	if (!peer)
		return -ENOMEM;
	hz_twcc_init(&peer->twcc);
	peer->options = *options;
	peer->dtls_ctx = dtls;
	peer->fingerprint = fingerprint;
	int err = hz_udp_open(options->bind ? options->bind : "127.0.0.1", 0, &peer->fd);
	if (err == 0 && options->tcp)
		err = peer_tcp_new(&peer->tcp);
	if (err == 0)
		err = hz_udp_rx_new(&peer->rx);
	if (err == 0)
		err = hz_index_new(&peer->index);
	if (err == 0 && options->dump)
		err = peer_dump_new(options->dump, &peer->dump);
	if (err != 0) {
		peer_free(peer);
		return err;
	}
	hz_random_text(peer->ufrag, 8);
	hz_random_text(peer->pwd, 24);
	hz_random(&peer->rtcp_ssrc, 4);
	struct peer_source *sources[] = {&peer->audio, &peer->video[0], &peer->video[1], &peer->video[2]};
	for (unsigned i = 0; i < 4; i++) {
		hz_random(&sources[i]->ssrc, 4);
		hz_random(&sources[i]->seq, 2);
		hz_random(&sources[i]->ts, 4);
		sources[i]->vp8 = options->vp8;
		sources[i]->want_keyframe = true;
		sources[i]->rid = i > 0 && options->layers > 1;
		sources[i]->layer = (uint8_t)(i > 0 ? i - 1 : 0);
	}
	*ret = peer;
	return 0;
}

void peer_free(struct peer *peer)
{
	if (!peer)
		return;
	hz_dtls_free(peer->dtls);
	hz_srtp_free(peer->srtp);
	hz_index_free(peer->index);
	peer_dump_free(peer->dump);
	hz_udp_rx_free(peer->rx);
	peer_tcp_free(peer->tcp);
	if (peer->fd > 0)
		close(peer->fd);
	free(peer);
}

static void send_datagram(void *user, const uint8_t *data, size_t bytes)
{
	struct peer *peer = user;
	if (peer->tcp) {
		peer_tcp_send(peer->tcp, data, bytes);
		return;
	}
	ssize_t n = sendto(peer->fd, data, bytes, 0, (const struct sockaddr *)&peer->answer.address,
	                   sizeof(peer->answer.address));
	if (n < 0 && peer->answer.address.sin6_family == AF_INET6) { // the socket is IPv4: unmap
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = peer->answer.address.sin6_port};
		memcpy(&in.sin_addr, peer->answer.address.sin6_addr.s6_addr + 12, 4);
		(void)!sendto(peer->fd, data, bytes, 0, (const struct sockaddr *)&in, sizeof(in));
	}
}

int peer_connect(struct peer *peer, struct hz_http *http, int64_t now_us)
{
	char sdp[8192];
	struct hz_http_answer *http_answer = malloc(sizeof(*http_answer));
	if (!http_answer)
		return -ENOMEM;
	struct hz_offer_params params = {
	    .publish = peer->options.publish,
	    .vp8 = peer->options.vp8,
	    .layers = peer->options.layers ? peer->options.layers : 1,
	    .ufrag = peer->ufrag,
	    .pwd = peer->pwd,
	    .fingerprint = peer->fingerprint,
	    .audio_ssrc = peer->audio.ssrc,
	    .video_ssrc = peer->video[0].ssrc,
	    .rtx_ssrc = peer->video[0].ssrc + 1,
	};
	int err = hz_offer_build(&params, sdp, sizeof(sdp));
	if (err == 0)
		err = hz_http_post_sdp(http, peer->options.path, peer->options.token, sdp, http_answer);
	if (err == 0 && http_answer->status != 201)
		err = -(int)http_answer->status;
	if (err == 0)
		err = hz_offer_read_answer(http_answer->body, &peer->answer);
	if (err == 0 && peer->tcp && !peer->answer.tcp_address.sin6_port)
		err = -ENOTSUP;
	if (err == 0) {
		snprintf(peer->location, sizeof(peer->location), "%s", http_answer->location);
		struct hz_dtls_options options = {.is_client = true,
		                                  .fingerprint = peer->answer.fingerprint,
		                                  .output = send_datagram,
		                                  .user = peer};
		err = hz_dtls_new(peer->dtls_ctx, &options, now_us, &peer->dtls);
	}
	peer->state = err == 0 ? PEER_CHECKING : PEER_FAILED;
	free(http_answer);
	return err;
}

void peer_disconnect(struct peer *peer, struct hz_http *http)
{
	if (peer->location[0])
		hz_http_delete(http, peer->location, peer->options.token);
	peer->location[0] = '\0';
	peer->state = PEER_IDLE;
}

static void send_check(struct peer *peer)
{
	uint8_t buf[HZ_STUN_MAX_BYTES];
	size_t bytes;
	struct hz_stun_check check = {
	    .remote_ufrag = peer->answer.ufrag,
	    .local_ufrag = peer->ufrag,
	    .remote_pwd = peer->answer.pwd,
	    .priority = 0x6e7f00ff,
	    .tie_breaker = 0x1234567812345678,
	    .use_candidate = true,
	};
	// While connecting the same one again: its answer may take longer than the time to the next.
	if (peer->state != PEER_CHECKING || ++peer->checks_sent == 1)
		hz_random(peer->check_id, sizeof(peer->check_id));
	memcpy(check.id, peer->check_id, sizeof(check.id));
	if (hz_stun_request(&check, buf, sizeof(buf), &bytes) == 0)
		send_datagram(peer, buf, bytes);
}

static void after_dtls(struct peer *peer, int64_t now_us)
{
	struct hz_srtp_keys keys;
	if (hz_dtls_state(peer->dtls) == HZ_DTLS_FAILED) {
		peer->state = PEER_FAILED;
		return;
	}
	if (peer->state != PEER_HANDSHAKING || hz_dtls_state(peer->dtls) != HZ_DTLS_CONNECTED)
		return;
	if (hz_dtls_export(peer->dtls, &keys) != 0 || hz_srtp_new(&keys, &peer->srtp) != 0) {
		peer->state = PEER_FAILED;
		return;
	}
	peer->profile = keys.profile;
	hz_wipe(&keys, sizeof(keys));
	peer->state = PEER_RUNNING;
	peer->next_audio_us = peer->next_video_us = peer->next_rtcp_us = now_us;
}

static void on_rtcp(struct peer *peer, uint8_t *data, size_t bytes)
{
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet packet;
	if (hz_index_reused(peer->index, data, bytes, true,
	                    peer->profile == HZ_SRTP_AEAD_AES_128_GCM ? 16 : 10))
		peer->totals.index_reused++;
	if (hz_srtp_unprotect_rtcp(peer->srtp, data, &bytes) != 0) {
		peer->totals.auth_failed++;
		return;
	}
	hz_rtcp_iter_init(&iter, data, bytes);
	while (hz_rtcp_next(&iter, &packet) == 1) {
		struct hz_rtcp_feedback fb;
		if (packet.type == HZ_RTCP_RTPFB && packet.count == HZ_RTPFB_NACK)
			peer->totals.nacks++;
		if (packet.type != HZ_RTCP_PSFB || hz_rtcp_parse_feedback(&packet, &fb) != 0)
			continue;
		peer->totals.plis++;
		for (unsigned i = 0; i < 3; i++)
			if (packet.count == HZ_PSFB_FIR || peer->video[i].ssrc == fb.media_ssrc)
				peer->video[i].want_keyframe = true;
	}
}

// False: it carries nothing (padding: a probe).
static bool note_twcc(struct peer *peer, const uint8_t *data, size_t bytes, int64_t now_us)
{
	static const struct hz_ext_ids ids = {.twcc = PEER_EXT_TWCC};
	struct hz_rtp_packet packet;
	struct hz_rtp_exts exts;
	if (hz_rtp_parse(data, bytes, &packet) != 0)
		return false;
	hz_rtp_parse_exts(&packet, &ids, &exts);
	if (exts.has & HZ_EXT_TWCC)
		hz_twcc_on_packet(&peer->twcc, exts.twcc_seq, now_us);
	return packet.payload_bytes > 0;
}

static void on_rtp(struct peer *peer, uint8_t *data, size_t bytes, int64_t now_us)
{
	if (hz_index_reused(peer->index, data, bytes, false, 16))
		peer->totals.index_reused++;
	if (hz_srtp_unprotect(peer->srtp, data, &bytes) != 0) {
		peer->totals.auth_failed++;
		return;
	}
	peer->totals.received++;
	bool full = note_twcc(peer, data, bytes, now_us);
	uint32_t ssrc =
	    (uint32_t)data[8] << 24 | (uint32_t)data[9] << 16 | (uint32_t)data[10] << 8 | data[11];
	struct peer_sink *sink = NULL;
	if (ssrc == peer->answer.rtx_ssrc) // nothing is repaired here: what was lost is counted
		return;
	for (unsigned i = 0; i < peer->sink_count; i++)
		if (peer->sinks[i].ssrc == ssrc)
			sink = &peer->sinks[i];
	if (!sink && full && peer->sink_count < PEER_MAX_SINKS) {
		sink = &peer->sinks[peer->sink_count++];
		sink->ssrc = ssrc;
	}
	if (sink)
		peer_sink_take(sink, data, bytes, now_us);
	if (sink && peer->dump)
		peer_dump_take(peer->dump, data, bytes);
}

static void on_stun(struct peer *peer, const uint8_t *data, size_t bytes, int64_t now_us)
{
	struct hz_stun_result result;
	if (hz_stun_response(data, bytes, peer->check_id, peer->answer.pwd, &result) != 0 ||
	    peer->state != PEER_CHECKING)
		return;
	peer->state = PEER_HANDSHAKING;
	peer->next_check_us = now_us + CONSENT_US;
	hz_dtls_start(peer->dtls, now_us);
}

static void on_packet(struct peer *peer, uint8_t *data, size_t bytes, int64_t now_us)
{
	switch (hz_demux(data, bytes)) {
	case HZ_DEMUX_STUN:
		on_stun(peer, data, bytes, now_us);
		break;
	case HZ_DEMUX_DTLS:
		if (peer->dtls)
			hz_dtls_feed(peer->dtls, data, bytes, now_us);
		break;
	case HZ_DEMUX_RTP:
		if (peer->srtp)
			on_rtp(peer, data, bytes, now_us);
		break;
	case HZ_DEMUX_RTCP:
		if (peer->srtp)
			on_rtcp(peer, data, bytes);
		break;
	default:
		break;
	}
}

void peer_readable(struct peer *peer, int64_t now_us)
{
	uint8_t *data;
	size_t bytes;
	while (peer->tcp && peer_tcp_receive(peer->tcp, &data, &bytes) == 1)
		on_packet(peer, data, bytes, now_us);
	while (!peer->tcp && hz_udp_receive(peer->rx, peer->fd) == 0 && peer->rx->count > 0)
		for (unsigned i = 0; i < peer->rx->count; i++)
			on_packet(peer, peer->rx->packet[i].data, peer->rx->packet[i].bytes, now_us);
	if (peer->dtls)
		after_dtls(peer, now_us);
}

static void send_rtp(struct peer *peer, uint8_t *buf, size_t bytes)
{
	if (bytes &&
	    hz_srtp_protect(peer->srtp, buf, &bytes, PEER_PACKET_BYTES + HZ_SRTP_TRAILER_BYTES) == 0) {
		send_datagram(peer, buf, bytes);
		peer->totals.sent++;
	}
}

static void send_given(struct peer *peer, struct peer_source *source, bool audio,
                       const struct peer_clip_frame *frame)
{
	uint8_t buf[PEER_PACKET_BYTES + HZ_SRTP_TRAILER_BYTES];
	const uint8_t *packets = frame->packets;
	for (unsigned i = 0; i < frame->count; i++) {
		struct peer_given given = {.audio = audio, .last = i + 1u == frame->count};
		given.payload = peer_clip_payload(&packets, &given.bytes);
		send_rtp(peer, buf, peer_given_packet(source, &given, peer->audio.twcc++, buf));
	}
}

// Before a picture, when it is sent: an SEI of user data, unregistered (ITU-T H.264 D.1.7), that stays with it wherever it goes.
static void send_stamp(struct peer *peer, struct peer_source *video)
{
	uint8_t buf[PEER_PACKET_BYTES + HZ_SRTP_TRAILER_BYTES], nal[64] = {6, 5, 0};
	memset(nal + 3, 'u', 16);
	int n = snprintf((char *)nal + 19, sizeof(nal) - 20, "HZMARK=%017lld;", (long long)hz_wall_us());
	nal[2] = (uint8_t)(16 + n);
	nal[19 + n] = 0x80;
	const struct peer_given given = {.payload = nal, .bytes = (size_t)(20 + n)};
	send_rtp(peer, buf, peer_given_packet(video, &given, peer->audio.twcc++, buf));
}

static void send_clip(struct peer *peer, int64_t now_us)
{
	const struct peer_clip *clip = peer->options.clip;
	struct peer_source *video = &peer->video[0];
	if (now_us >= peer->next_audio_us) {
		send_given(peer, &peer->audio, true, &clip->sound[peer->clip_sound++ % clip->sounds]);
		peer->next_audio_us += 20000;
	}
	if (now_us < peer->next_video_us)
		return;
	if (video->want_keyframe)
		peer->clip_picture = peer_clip_key(clip, peer->clip_picture);
	if (peer->options.stamp)
		send_stamp(peer, video);
	send_given(peer, video, false, &clip->picture[peer->clip_picture++ % clip->pictures]);
	peer_frame_done(video);
	peer->next_video_us += 40000;
}

static void send_media(struct peer *peer, int64_t now_us)
{
	if (peer->options.clip) {
		send_clip(peer, now_us);
		return;
	}
	uint8_t buf[PEER_PACKET_BYTES + HZ_SRTP_TRAILER_BYTES];
	if (now_us >= peer->next_audio_us) {
		send_rtp(peer, buf, peer_audio_packet(&peer->audio, peer->audio.twcc++, hz_now_us(), buf));
		peer->next_audio_us += 20000;
	}
	if (now_us < peer->next_video_us)
		return;
	unsigned layers = peer->options.layers > 1 ? peer->options.layers : 1;
	for (unsigned l = 0; l < layers; l++) {
		unsigned usual =
		    peer->options.packets_a_frame >> (peer->options.falling ? layers - 1 - l : 0);
		unsigned count = (usual ? usual : 1) + (peer->video[l].want_keyframe ? 2 : 0);
		for (unsigned i = 0; i < count; i++)
			send_rtp(peer, buf,
			         peer_video_packet(&peer->video[l], i, count, peer->audio.twcc++, hz_now_us(),
			                           buf));
		peer_frame_done(&peer->video[l]);
	}
	peer->next_video_us += 40000;
}

static void send_rtcp(struct peer *peer, int64_t now_us)
{
	uint8_t buf[512];
	struct hz_rtcp_writer w;
	hz_rtcp_writer_init(&w, buf, sizeof(buf) - HZ_SRTP_TRAILER_BYTES);
	if (peer->options.publish) {
		struct hz_sender_info info = {.ntp = hz_ntp_from_us(hz_wall_us() + HZ_NTP_UNIX_US),
		                              .rtp_ts = peer->audio.ts};
		hz_rtcp_write_sr(&w, peer->audio.ssrc, &info, NULL, 0);
		info.rtp_ts = peer->video[0].ts;
		hz_rtcp_write_sr(&w, peer->video[0].ssrc, &info, NULL, 0);
	} else {
		struct hz_report_block blocks[PEER_MAX_SINKS];
		for (unsigned i = 0; i < peer->sink_count; i++)
			blocks[i] = (struct hz_report_block){.ssrc = peer->sinks[i].ssrc,
			                                     .highest_seq = (uint32_t)peer->sinks[i].highest};
		hz_rtcp_begin(&w, peer->rtcp_ssrc, blocks, peer->sink_count);
		for (unsigned i = 0; i < peer->sink_count; i++)
			if (peer->sinks[i].keyframes == 0 && peer->answer.video_ssrc == peer->sinks[i].ssrc)
				hz_rtcp_write_pli(&w, peer->rtcp_ssrc, peer->sinks[i].ssrc);
	}
	size_t bytes = w.bytes;
	if (bytes && hz_srtp_protect_rtcp(peer->srtp, buf, &bytes, sizeof(buf)) == 0)
		send_datagram(peer, buf, bytes);
	peer->next_rtcp_us = now_us + 1000000;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

// A browser does the same when the gateway's end of a connection is gone.
static void keep_connected(struct peer *peer, int64_t now_us)
{
	if (!peer->tcp || peer_tcp_alive(peer->tcp) || now_us < peer->next_connect_us)
		return;
	peer->next_connect_us = now_us + CHECK_US;
	if (peer_tcp_connect(peer->tcp, &peer->answer.tcp_address) == 0) {
		peer->totals.connects++;
		peer->next_check_us = now_us;
	}
}

// Transport-wide feedback, or the gateway would hold this for a peer that gives none.
static void send_twcc(struct peer *peer, int64_t now_us)
{
	uint8_t buf[1200];
	while (hz_twcc_deadline(&peer->twcc) <= now_us) {
		struct hz_rtcp_writer w;
		hz_rtcp_writer_init(&w, buf, sizeof(buf) - HZ_SRTP_TRAILER_BYTES);
		if (hz_rtcp_begin(&w, peer->rtcp_ssrc, NULL, 0) ||
		    hz_twcc_write(&peer->twcc, &w, peer->rtcp_ssrc, peer->answer.video_ssrc))
			return;
		size_t bytes = w.bytes;
		if (hz_srtp_protect_rtcp(peer->srtp, buf, &bytes, sizeof(buf)) == 0)
			send_datagram(peer, buf, bytes);
	}
}

int64_t peer_tick(struct peer *peer, int64_t now_us)
{
	if (peer->state == PEER_IDLE || peer->state == PEER_FAILED)
		return INT64_MAX;
	keep_connected(peer, now_us);
	if (now_us >= peer->next_check_us) {
		send_check(peer);
		peer->next_check_us = now_us + (peer->state == PEER_CHECKING ? CHECK_US : CONSENT_US);
	}
	int64_t next = peer->next_check_us;
	if (peer->state == PEER_HANDSHAKING) {
		hz_dtls_handle_timeout(peer->dtls, now_us);
		after_dtls(peer, now_us);
		next = earlier(next, hz_dtls_deadline_us(peer->dtls, now_us));
	}
	if (peer->state == PEER_RUNNING) {
		if (peer->options.publish) {
			send_media(peer, now_us);
			next = earlier(next, earlier(peer->next_audio_us, peer->next_video_us));
		}
		if (now_us >= peer->next_rtcp_us)
			send_rtcp(peer, now_us);
		send_twcc(peer, now_us);
		next = earlier(next, earlier(peer->next_rtcp_us, hz_twcc_deadline(&peer->twcc)));
	}
	return next;
}

int peer_fd(const struct peer *peer)
{
	return peer->tcp ? peer_tcp_fd(peer->tcp) : peer->fd;
}

enum peer_state peer_state(const struct peer *peer)
{
	return peer->state;
}

const char *peer_name(const struct peer *peer)
{
	return peer->options.name;
}

bool peer_publishes(const struct peer *peer)
{
	return peer->options.publish;
}

struct peer_sink *peer_sinks(struct peer *peer, unsigned *ret_count)
{
	*ret_count = peer->sink_count;
	return peer->sinks;
}

const struct peer_totals *peer_totals(const struct peer *peer)
{
	return &peer->totals;
}
