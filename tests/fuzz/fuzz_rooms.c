// Rooms of the mix under hostile relays: members come, go and change, packets of any kind come for them. Each step: what to do,
// a length, bytes.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/mix/rooms.h"
#include "media/rtp/packet.h"
#include "media/rtp/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                                                             \
	do {                                                                                                 \
		if (!(x))                                                                                    \
			abort();                                                                             \
	} while (0)

#define WORKERS  3u
#define CONSULTS 3u
#define TICKS    200u // at most: each encodes
#define PT       97

struct fuzz {
	struct hz_rooms *rooms;
	int64_t now_us;
	unsigned ticks;
	uint32_t ts;
};

static void on_packet(void *ctx, unsigned worker, uint32_t consult, bool report, const uint8_t *data,
                      size_t bytes)
{
	struct hz_rtp_packet p;
	(void)ctx;
	CHECK(worker < WORKERS && consult >= 1 && consult <= CONSULTS);
	CHECK(report ? hz_rtcp_check(data, bytes) == 0
	             : hz_rtp_parse(data, bytes, &p) == 0 && p.ssrc && p.payload_bytes);
}

// A wish with right framing; data has 8 bytes.
static void wish(struct fuzz *f, const uint8_t *data)
{
	union {
		struct hz_mix_member_set set;
		struct hz_mix_member_del del;
		struct hz_cmd_reconcile reconcile;
	} m = {0};
	unsigned type = HZ_MIX_RECONCILE_BEGIN + data[0] % 4;
	size_t bytes = type == HZ_MIX_MEMBER_SET   ? sizeof(m.set)
	               : type == HZ_MIX_MEMBER_DEL ? sizeof(m.del)
	                                           : sizeof(m.reconcile);
	if (type == HZ_MIX_MEMBER_SET)
		m.set = (struct hz_mix_member_set){.consult = 1 + data[2] % CONSULTS,
		                                   .voice_ssrc = data[3] % 16,
		                                   .mix_ssrc = data[4] % 16,
		                                   .voice_worker = data[5] & 3,
		                                   .mix_worker = data[5] >> 2 & 3,
		                                   .voice_pt = PT,
		                                   .mix_pt = PT,
		                                   .language = data[6],
		                                   .interprets = data[7]};
	if (type >= HZ_MIX_MEMBER_SET)
		m.del.member = data[1] % 8;
	m.del.h = (struct hz_msg_header){
	    .version = HZ_MIX_API_VERSION, .type = (uint16_t)type, .bytes = (uint32_t)bytes};
	(void)hz_rooms_command(f->rooms, &m, bytes, f->now_us);
}

static void voice(struct fuzz *f, unsigned how, const uint8_t *data, size_t bytes)
{
	uint8_t buf[12 + 255];
	struct hz_rtp_offsets offsets;
	struct hz_rtp_header header = {.ts = f->ts += 960, .ssrc = data[0] % 16, .pt = PT};
	(void)hz_rtp_write_header(buf, 12, &header, NULL, NULL, &offsets);
	memcpy(buf + 12, data + 1, bytes - 1);
	const struct hz_rooms_rtp packet = {.worker = how & 3,
	                                    .consult = 1 + (how >> 2 & 3) % CONSULTS,
	                                    .data = how & 16 ? data : buf, // bare: any header
	                                    .bytes = how & 16 ? bytes : 11 + bytes,
	                                    .arrival_us = f->now_us - (how & 32 ? 150000 : 2000)};
	hz_rooms_rtp(f->rooms, &packet, f->now_us);
	hz_rooms_rtcp(f->rooms, &packet, f->now_us);
}

static void tick(struct fuzz *f)
{
	if (f->ticks++ >= TICKS)
		return;
	f->now_us += HZ_MIXER_FRAME_US;
	CHECK(hz_rooms_tick(f->rooms, f->now_us, f->now_us) > f->now_us);
}

static void step(struct fuzz *f, unsigned what, const uint8_t *data, size_t bytes)
{
	if (what % 4 == 0 && bytes >= 8)
		wish(f, data);
	else if (what % 4 == 1)
		(void)hz_rooms_command(f->rooms, data, bytes, f->now_us);
	else if (what % 4 == 2 && bytes)
		voice(f, what >> 2, data, bytes);
	else if (what % 4 == 3)
		tick(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hz_rooms_ops ops = {.send = on_packet};
	struct fuzz f = {.now_us = 1000000};
	struct hz_mix_status status = {0};
	if (hz_rooms_new(&ops, WORKERS, &f.rooms))
		return 0;
	while (size >= 2) {
		size_t bytes = data[1] < size - 2 ? data[1] : size - 2;
		step(&f, data[0], data + 2, bytes);
		data += 2 + bytes;
		size -= 2 + bytes;
	}
	hz_rooms_status(f.rooms, &status);
	CHECK(status.rooms <= CONSULTS && status.members < 8 && status.members >= status.rooms);
	hz_rooms_free(f.rooms);
	return 0;
}
