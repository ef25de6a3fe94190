// What a peer may do to the relay after its packets were authenticated: RTP and RTCP of its choice, and, from the
// other side, commands with random contents. The input is a list of (operation, length, bytes). Whatever happens, a
// packet sent is well-formed, fits, and goes only to a peer that may receive. Half of the inputs come in bursts, as the worker
// receives: what waits there must bear whatever the next packet changes.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "gateway/base/log.h"
#include "media/router/arena.h"
#include "media/router/router.h"
#include "media/rtp/bytes.h"
#include "media/rtp/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hz_arena *arena;
static struct hz_router *router;
static int64_t now_us = 1000000000;
static uint8_t buffer[HZ_ROUTER_PACKET_BYTES];
static uint8_t kept[128][300]; // a burst keeps at most HZ_BURST packets
static unsigned turn;
static bool bursts;

static uint8_t *rtp_buffer(void *ctx, uint32_t slot)
{
	return buffer;
}

static void send_rtp(void *ctx, uint32_t slot, uint8_t *buf, size_t bytes)
{
	struct hz_rtp_packet p;
	const struct hz_arena_peer *ap = &arena->peer[slot];
	if (hz_rtp_parse(buf, bytes, &p) || bytes + HZ_SRTP_TRAILER_BYTES > HZ_ROUTER_PACKET_BYTES)
		abort();
	if (!ap->id || ap->state != HZ_PEER_CONNECTED || hz_arena_peer_set(ap)->flags & HZ_PEER_MUTED)
		abort();
}

static void send_rtcp(void *ctx, uint32_t slot, uint8_t *buf, size_t bytes)
{
	if (hz_rtcp_check(buf, bytes) || bytes > HZ_ROUTER_RTCP_BYTES || !arena->peer[slot].id)
		abort();
}

static bool event(void *ctx, const union hz_msg *msg)
{
	return msg->h.bytes % 3 != 0;
}

static const struct hz_router_ops ops = {
    .rtp_buffer = rtp_buffer, .send_rtp = send_rtp, .send_rtcp = send_rtcp, .event = event};

static void command(union hz_msg *msg, uint16_t type, size_t bytes)
{
	hz_id id;
	msg->h = (struct hz_msg_header){.version = HZ_API_VERSION, .type = type, .bytes = (uint32_t)bytes};
	(void)hz_router_command(router, msg, bytes, now_us, &id);
}

static void make_peer(uint32_t slot)
{
	union hz_msg m = {.peer_del = {.peer = arena->peer[slot].id}};
	command(&m, HZ_CMD_PEER_DEL, sizeof(m.peer_del));
	m = (union hz_msg){.peer_set = {.peer = HZ_ID(slot, 1), .consult = 1}};
	memcpy(m.peer_set.local_ufrag, "ufrag", 5);
	m.peer_set.local_ufrag[4] = (char)('0' + slot);
	memcpy(m.peer_set.local_pwd, "password-of-22-letters", 22);
	command(&m, HZ_CMD_PEER_SET, sizeof(m.peer_set));
	hz_router_peer_state(router, slot, HZ_PEER_CONNECTED, HZ_REASON_NONE, now_us);
}

static void make(void)
{
	for (uint32_t i = 0; i < 2; i++)
		make_peer(i);
	for (uint32_t i = 0; i < 2; i++) {
		uint8_t kind = i ? HZ_KIND_AUDIO : HZ_KIND_VIDEO;
		union hz_msg t = {.track_set = {.track = HZ_ID(i, 1),
		                                .peer = HZ_ID(0, 1),
		                                .kind = kind,
		                                .layer_count = i ? 1 : 2,
		                                .pt_count = i ? 1 : 3,
		                                .mid = {(char)('0' + i)},
		                                .ssrc = {10 + i},
		                                .ext = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, {0}}}};
		t.track_set.rid[0][0] = i ? 0 : 'a';
		t.track_set.rid[1][0] = i ? 0 : 'b';
		t.track_set.pt[0] =
		    (struct hz_pt){i ? 111 : 96, i ? 0 : 97, i ? HZ_CODEC_OPUS : HZ_CODEC_VP8, 0xff};
		t.track_set.pt[1] = (struct hz_pt){102, 103, HZ_CODEC_H264_CB, 0xff};
		t.track_set.pt[2] = (struct hz_pt){104, 0, HZ_CODEC_AV1, 0xff};
		uint8_t outgoing = t.track_set.pt_count;
		if (!i) {
			t.track_set.pt[3] = (struct hz_pt){105, 106, HZ_CODEC_RED, 0xff};
			t.track_set.pt[4] = (struct hz_pt){107, 0, HZ_CODEC_ULPFEC, 0};
			t.track_set.pt_count = 5;
		}
		command(&t, HZ_CMD_TRACK_SET, sizeof(t.track_set));
		union hz_msg s = {.sub_set = {.sub = HZ_ID(i, 1),
		                              .peer = HZ_ID(1, 1),
		                              .track = HZ_ID(i, 1),
		                              .kind = kind,
		                              .pt_count = outgoing,
		                              .max_layer = 2,
		                              .ssrc = 20 + i,
		                              .rtx_ssrc = 30 + i,
		                              .ext = t.track_set.ext}};
		memcpy(s.sub_set.pt, t.track_set.pt, outgoing * sizeof(s.sub_set.pt[0]));
		command(&s, HZ_CMD_SUB_SET, sizeof(s.sub_set));
	}
}

static void restart(void)
{
	struct hz_arena_report report;
	struct hz_router_options options = {.arena = arena, .ops = &ops, .now_us = now_us};
	hz_router_free(router);
	if (hz_arena_open(arena, &report) || hz_router_new(&options, &router))
		abort();
}

// Video in RED, or the same sent again: every fourth number is parity; numbers and times lie close together.
static void in_red(uint8_t *packet, size_t size)
{
	bool again = packet[1] & 4;
	if (size < 16)
		return;
	packet[0] = 0x80;
	packet[1] = (uint8_t)((packet[1] & 0x80) | (again ? 106 : 105));
	packet[2] = 1;
	memset(packet + 4, 0, 4);
	hz_put32(packet + 8, again ? 77 : 10);
	if (again)
		packet[12] = 1; // of the original number
	packet[again ? 14 : 12] = packet[again ? 13 : 3] % 4 == 3 ? 107 : 96;
	(void)hz_router_rtp(router, 0, packet, size, 0, now_us);
}

static void operation(uint8_t op, const uint8_t *data, size_t size)
{
	static const uint32_t ssrcs[] = {10, 11, 77, 78};
	static const uint8_t pts[] = {96, 97, 102, 103, 104, 111};
	uint8_t *packet = kept[turn++ % 128];
	union hz_msg msg;
	memset(packet, 0, sizeof(kept[0]));
	packet[0] = 0x80;
	memcpy(packet, data, size);
	if (op % 6 >= 4) // neither the clock nor control comes in the midst of one
		hz_router_burst_end(router);
	else if (bursts)
		hz_router_burst_begin(router);
	now_us += (int64_t)op * 500;
	switch (op % 6) {
	case 0: // as it is
		(void)hz_router_rtp(router, op / 6 % 2, packet, size, 0, now_us);
		break;
	case 1: // a header that matches
		if (size < 12)
			break;
		packet[0] = (uint8_t)(0x80 | (packet[0] & 0x30));
		packet[1] = (uint8_t)((packet[1] & 0x80) | pts[packet[1] % 6]);
		hz_put32(packet + 8, ssrcs[op / 6 % 4]);
		(void)hz_router_rtp(router, 0, packet, size, 0, now_us);
		break;
	case 2:
		in_red(packet, size);
		break;
	case 3:
		(void)hz_router_rtcp(router, op / 6 % 2, packet, size, now_us);
		break;
	case 4:
		hz_router_tick(router, now_us);
		break;
	default:
		memset(&msg, 0, sizeof(msg));
		memcpy(msg.raw, packet, size);
		if (size > 1 && msg.raw[size - 1] & 1)
			command(&msg, HZ_CMD_TRACK_SET, sizeof(msg.track_set));
		else
			command(&msg, HZ_CMD_SUB_SET, sizeof(msg.sub_set));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!arena) {
		hz_log_init("fuzz", HZ_LOG_ERROR);
		arena =
		    mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (arena == MAP_FAILED)
			abort();
		restart();
	}
	make();
	bursts = size && data[0] & 0x40;
	for (size_t i = 0; i + 2 <= size;) {
		size_t bytes = data[i + 1] < size - i - 2 ? data[i + 1] : size - i - 2;
		operation(data[i], data + i + 2, bytes);
		i += 2 + bytes;
	}
	hz_router_burst_end(router);
	if (size && data[0] == 0xff)
		restart();
	return 0;
}
