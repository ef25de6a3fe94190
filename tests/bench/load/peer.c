#include "tests/bench/load/peer_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/secret.h"
#include "media/rtp/rtx.h"
#include "media/transport/demux.h"

#define CHECK_US     50000   // between connectivity checks while connecting
#define CONSENT_US   2500000 // between consent checks (RFC 7675)
#define BUFFER_BYTES (2 << 20)
#define BATCH        32
#define CAP          2048

static int open_socket(int *ret_fd, uint16_t *ret_port)
{
	int on = 1, bytes = BUFFER_BYTES;
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t size = sizeof(name);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)); // not root: less will do
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) != 0 ||
	    bind(fd, (const struct sockaddr *)&name, size) != 0 ||
	    getsockname(fd, (struct sockaddr *)&name, &size) != 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	*ret_port = ntohs(name.sin_port);
	return 0;
}

int load_peer_new(struct load_world *world, unsigned number, struct load_peer **ret)
{
	struct load_peer *peer = calloc(1, sizeof(*peer));
	if (!peer)
		return -ENOMEM;
	int err = open_socket(&peer->fd, &peer->port);
	if (err == 0) {
		err = load_source_init(&peer->source);
		if (err != 0)
			close(peer->fd);
	}
	if (err != 0) {
		free(peer);
		return err;
	}
	peer->world = world;
	peer->number = number;
	hz_random_text(peer->ufrag, LOAD_UFRAG);
	hz_random_text(peer->pwd, LOAD_PWD);
	hz_random(&peer->rtcp_ssrc, 4);
	hz_random(&peer->tie_breaker, 8);
	*ret = peer;
	return 0;
}

void load_peer_free(struct load_peer *peer, bool goodbye)
{
	if (!peer)
		return;
	if (peer->dtls && goodbye)
		hz_dtls_close(peer->dtls);
	hz_dtls_free(peer->dtls);
	hz_srtp_free(peer->srtp);
	for (unsigned i = 0; i < peer->sink_count; i++)
		load_sink_done(&peer->sinks[i]);
	load_source_done(&peer->source);
	free(peer->twcc);
	close(peer->fd);
	free(peer);
}

bool load_chance(struct load_world *world, unsigned permille)
{
	if (permille == 0)
		return false;
	world->random = world->random * 1664525u + 1013904223u;
	return (world->random >> 8) % 1000 < permille;
}

static void send_datagram(void *user, const uint8_t *data, size_t bytes)
{
	struct load_peer *peer = user;
	if (!load_chance(peer->world, peer->world->loss_permille))
		(void)!send(peer->fd, data, bytes, 0);
}

static void send_check(struct load_peer *peer, int64_t now_us)
{
	uint8_t buf[2 * LOAD_STUN_BYTES];
	struct load_check check = {
	    .username = peer->username,
	    .pwd = peer->setup.remote_pwd,
	    .controlling = peer->setup.controlling,
	    .tie_breaker = peer->tie_breaker,
	};
	hz_random(check.id, sizeof(check.id));
	memcpy(peer->check_id, check.id, sizeof(check.id));
	send_datagram(peer, buf, load_stun_request(&check, buf));
	peer->next_check_us = now_us + (peer->state == LOAD_CHECKING ? CHECK_US : CONSENT_US);
}

static void take_stream(struct load_stream *to, const struct load_stream *from)
{
	to->pt = from->pt;
	memcpy(to->mid, from->mid, sizeof(to->mid));
}

int load_peer_connect(struct load_peer *peer, const struct load_setup *setup, int64_t now_us)
{
	struct hz_dtls_options options = {
	    .is_client = setup->client, .output = send_datagram, .user = peer}; // any certificate
	if (peer->state != LOAD_IDLE)
		return -EBUSY;
	if (connect(peer->fd, (const struct sockaddr *)&setup->remote, sizeof(setup->remote)) != 0)
		return -errno;
	int err = hz_dtls_new(peer->world->dtls, &options, now_us, &peer->dtls);
	if (err != 0)
		return err;
	if (setup->twcc_id) {
		peer->twcc = malloc(sizeof(*peer->twcc));
		if (!peer->twcc)
			return -ENOMEM;
		hz_twcc_init(peer->twcc);
	}
	peer->setup = *setup;
	take_stream(&peer->source.audio, &setup->audio);
	take_stream(&peer->source.video, &setup->video);
	peer->source.ext = setup->ext;
	snprintf(peer->username, sizeof(peer->username), "%s:%s", setup->remote_ufrag, peer->ufrag);
	peer->times =
	    (struct load_times){.start_us = setup->start_us ? setup->start_us : now_us, .connect_us = now_us};
	peer->state = LOAD_CHECKING;
	send_check(peer, now_us);
	return 0;
}

static void fail(struct load_peer *peer)
{
	peer->state = LOAD_FAILED;
	peer->world->on_change(peer->world, peer);
}

static void after_dtls(struct load_peer *peer, int64_t now_us)
{
	struct hz_srtp_keys keys;
	if (peer->state != LOAD_HANDSHAKING && peer->state != LOAD_CHECKING)
		return;
	if (hz_dtls_state(peer->dtls) == HZ_DTLS_FAILED) {
		fail(peer);
		return;
	}
	if (hz_dtls_state(peer->dtls) != HZ_DTLS_CONNECTED)
		return;
	if (hz_dtls_export(peer->dtls, &keys) != 0 || hz_srtp_new(&keys, &peer->srtp) != 0) {
		fail(peer);
		return;
	}
	peer->profile = keys.profile;
	hz_wipe(&keys, sizeof(keys));
	peer->times.dtls_us = now_us;
	peer->state = LOAD_RUNNING;
	peer->source.next_audio_us = peer->source.next_video_us = now_us;
	peer->next_report_us = peer->next_feedback_us = now_us;
	peer->world->on_change(peer->world, peer);
}

static void on_stun(struct load_peer *peer, const uint8_t *data, size_t bytes, int64_t now_us)
{
	uint8_t buf[LOAD_STUN_BYTES];
	enum load_stun_kind kind = load_stun_kind(data, bytes);
	if (kind == LOAD_STUN_REQUEST)
		send_datagram(peer, buf, load_stun_answer(data, &peer->setup.remote, peer->pwd, buf));
	if (kind != LOAD_STUN_RESPONSE || peer->state != LOAD_CHECKING)
		return;
	peer->state = LOAD_HANDSHAKING;
	peer->times.ice_us = now_us;
	peer->next_check_us = now_us + CONSENT_US;
	hz_dtls_start(peer->dtls, now_us);
}

static struct load_sink *sink_of(struct load_peer *peer, uint32_t ssrc, bool video)
{
	for (unsigned i = 0; i < peer->sink_count; i++)
		if (peer->sinks[i].ssrc == ssrc)
			return &peer->sinks[i];
	if (peer->sink_count == LOAD_MAX_SINKS ||
	    load_sink_init(&peer->sinks[peer->sink_count], ssrc, video) != 0)
		return NULL;
	return &peer->sinks[peer->sink_count++];
}

static void note_twcc(struct load_peer *peer, const struct hz_rtp_packet *rtp, int64_t now_us)
{
	const uint8_t *at;
	size_t bytes;
	if (!peer->twcc || !hz_rtp_ext_find(rtp, peer->setup.twcc_id, &at, &bytes) || bytes != 2)
		return;
	hz_twcc_on_packet(peer->twcc, (uint16_t)(at[0] << 8 | at[1]), now_us);
	peer->world->measure.totals.twcc++;
}

static bool unwrap(struct load_peer *peer, uint8_t **data, size_t *bytes, struct hz_rtp_packet *rtp)
{
	uint32_t media = 0;
	for (unsigned i = 0; i < LOAD_MAX_FID; i++)
		if (peer->setup.fid[i][0] == rtp->ssrc)
			media = peer->setup.fid[i][1];
	return media && hz_rtx_unwrap(*data, *bytes, peer->setup.video_pt, media, data, bytes) == 0 &&
	       hz_rtp_parse(*data, *bytes, rtp) == 0;
}

static void on_rtp(struct load_peer *peer, uint8_t *data, size_t bytes, int64_t arrival_us, int64_t now_us)
{
	struct hz_rtp_packet rtp;
	if (hz_srtp_unprotect(peer->srtp, data, &bytes) != 0 || hz_rtp_parse(data, bytes, &rtp) != 0) {
		peer->world->measure.totals.auth_failed++;
		return;
	}
	note_twcc(peer, &rtp, now_us);
	bool repaired = peer->setup.rtx_pt && rtp.pt == peer->setup.rtx_pt;
	if ((repaired && !unwrap(peer, &data, &bytes, &rtp)) || rtp.payload_bytes == 0)
		return; // padding, a probe
	struct load_sink *sink = sink_of(peer, rtp.ssrc, rtp.pt == peer->setup.video_pt);
	if (!sink)
		return;
	bool decodable = sink->decodable;
	load_sink_take(sink, &rtp, arrival_us, now_us, repaired, &peer->world->measure);
	if (!peer->times.rtp_us) {
		peer->times.rtp_us = now_us;
		peer->world->on_change(peer->world, peer);
	}
	if (sink->decodable && !decodable && !peer->times.key_us) {
		peer->times.key_us = now_us;
		peer->world->on_change(peer->world, peer);
	}
}

static void on_datagram(struct load_peer *peer, uint8_t *data, size_t bytes, int64_t arrival_us,
                        int64_t now_us)
{
	switch (hz_demux(data, bytes)) {
	case HZ_DEMUX_STUN:
		on_stun(peer, data, bytes, now_us);
		break;
	case HZ_DEMUX_DTLS:
		if (!peer->dtls)
			break;
		hz_dtls_feed(peer->dtls, data, bytes, now_us);
		after_dtls(peer, now_us);
		break;
	case HZ_DEMUX_RTP:
		if (peer->srtp)
			on_rtp(peer, data, bytes, arrival_us, now_us);
		break;
	case HZ_DEMUX_RTCP:
		if (peer->srtp)
			load_peer_on_rtcp(peer, data, bytes);
		break;
	default:
		break;
	}
}

static int64_t arrival_of(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec t;
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
		}
	return hz_wall_us();
}

void load_peer_readable(struct load_peer *peer, int64_t now_us)
{
	static uint8_t data[BATCH][CAP];
	static _Alignas(8) uint8_t control[BATCH][64];
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	int n;
	do {
		memset(messages, 0, sizeof(messages));
		for (int i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){.iov_base = data[i], .iov_len = CAP};
			messages[i].msg_hdr.msg_iov = &iov[i];
			messages[i].msg_hdr.msg_iovlen = 1;
			messages[i].msg_hdr.msg_control = control[i];
			messages[i].msg_hdr.msg_controllen = sizeof(control[i]);
		}
		n = recvmmsg(peer->fd, messages, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			if (!load_chance(peer->world, peer->world->loss_permille))
				on_datagram(peer, data[i], messages[i].msg_len,
				            arrival_of(&messages[i].msg_hdr), now_us);
	} while (n == BATCH);
}

void load_peer_keep(struct load_peer *peer, int64_t now_us)
{
	if (peer->state == LOAD_IDLE || peer->state == LOAD_FAILED)
		return;
	if (now_us >= peer->next_check_us)
		send_check(peer, now_us);
	if (peer->state == LOAD_HANDSHAKING) {
		hz_dtls_handle_timeout(peer->dtls, now_us);
		after_dtls(peer, now_us);
	}
	if (peer->state == LOAD_RUNNING)
		load_peer_rtcp(peer, now_us);
}

int64_t load_peer_send(struct load_peer *peer, int64_t now_us)
{
	if (peer->state != LOAD_RUNNING)
		return INT64_MAX;
	peer->source.loss_permille = peer->world->loss_permille;
	return load_source_run(&peer->source, &peer->world->rates, peer->srtp, peer->fd, now_us,
	                       &peer->world->measure);
}

int load_peer_fd(const struct load_peer *peer)
{
	return peer->fd;
}

unsigned load_peer_number(const struct load_peer *peer)
{
	return peer->number;
}

uint16_t load_peer_port(const struct load_peer *peer)
{
	return peer->port;
}

const char *load_peer_ufrag(const struct load_peer *peer)
{
	return peer->ufrag;
}

const char *load_peer_pwd(const struct load_peer *peer)
{
	return peer->pwd;
}

const struct load_source *load_peer_source(const struct load_peer *peer)
{
	return &peer->source;
}

enum load_state load_peer_state(const struct load_peer *peer)
{
	return peer->state;
}

bool load_peer_sends(const struct load_peer *peer)
{
	return peer->setup.audio.pt || peer->setup.video.pt;
}

uint8_t load_peer_profile(const struct load_peer *peer)
{
	return peer->profile;
}

const struct load_times *load_peer_times(const struct load_peer *peer)
{
	return &peer->times;
}

struct load_sink *load_peer_sinks(struct load_peer *peer, unsigned *ret_count)
{
	*ret_count = peer->sink_count;
	return peer->sinks;
}
