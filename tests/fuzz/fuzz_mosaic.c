// Rooms of composed pictures under hostile relays: wishes come and go, records of any kind come for them, ticks decode and draw.
// Each step: what to do, a length, bytes.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/log.h>

#include "gateway/base/ring.h"
#include "media/mosaic/rooms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                                                             \
	do {                                                                                                 \
		if (!(x))                                                                                    \
			abort();                                                                             \
	} while (0)

#define WORKERS 3u
#define CONSULT 1u
#define TICKS   6u // at most: each draws and encodes

struct fuzz {
	struct hz_mosaic *mosaic;
	int64_t now_us;
	unsigned ticks;
	uint16_t seq;
	uint32_t ts;
};

static void on_send(void *ctx, unsigned worker, const struct hz_mosaic_out *out)
{
	struct hz_rtp_packet p;
	CHECK(worker < WORKERS && out->bytes && out->bytes <= HZ_RING_RECORD_BYTES);
	CHECK(out->kind == HZ_RING_RTP ? hz_rtp_parse(out->data, out->bytes, &p) == 0
	                               : hz_rtcp_check(out->data, out->bytes) == 0);
}

static bool on_tell(void *ctx, const struct hz_mosaic_tiles *tiles)
{
	CHECK(tiles->count <= HZ_MOSAIC_MEMBERS);
	return tiles->count & 1;
}

static void say(struct fuzz *f, void *message, unsigned type, size_t bytes)
{
	struct hz_msg_header *h = message;
	uint32_t object;
	*h = (struct hz_msg_header){HZ_MOSAIC_API_VERSION, (uint16_t)type, (uint32_t)bytes, 1, 0};
	(void)hz_mosaic_command(f->mosaic, message, bytes, f->now_us, &object);
}

// A wish with right framing; data has 8 bytes.
static void wish(struct fuzz *f, const uint8_t *data)
{
	struct hz_mosaic_room_set room = {
	    .consult = CONSULT + data[1] % 2, .layout = data[2] % 6, .focus = data[3] % 8, .flags = data[4]};
	struct hz_mosaic_member_set member = {
	    .member = data[1] % 8,
	    .consult = CONSULT,
	    .ssrc = data[2] % 8,
	    .kind = data[3] % 4,
	    .flags = data[4] & 3,
	    .orientation = data[5] % 16,
	    .pt_count = 2,
	    .pt = {{.pt = 96, .codec = HZ_CODEC_VP8}, {.pt = 102, .codec = HZ_CODEC_H264_CB}}};
	struct hz_mosaic_rendition_set rendition = {.rendition = 1,
	                                            .consult = CONSULT,
	                                            .workers = data[2] & 7,
	                                            .ssrc = 9,
	                                            .height = 360,
	                                            .codec = HZ_CODEC_H264_CB,
	                                            .pt = 98};
	struct hz_mosaic_member_del del = {.member = data[1] % 8};
	struct hz_mosaic_speakers_set speakers = {
	    .consult = CONSULT, .count = data[1] % 9, .person = {data[2]}};
	struct hz_cmd_reconcile reconcile;
	memcpy(member.name, data, 7);
	switch (data[0] % 8) {
	case 0:
		say(f, &room, HZ_MOSAIC_ROOM_SET, sizeof(room));
		break;
	case 1:
	case 2:
		say(f, &member, HZ_MOSAIC_MEMBER_SET, sizeof(member));
		break;
	case 3:
		say(f, &rendition, HZ_MOSAIC_RENDITION_SET, sizeof(rendition));
		break;
	case 4:
		say(f, &del, HZ_MOSAIC_MEMBER_DEL + 2 * (data[3] & 1), sizeof(del));
		break;
	case 5:
		say(f, &speakers, HZ_MOSAIC_SPEAKERS_SET, sizeof(speakers));
		break;
	default:
		say(f, &reconcile, data[1] & 1 ? HZ_MOSAIC_RECONCILE_BEGIN : HZ_MOSAIC_RECONCILE_END,
		    sizeof(reconcile));
	}
}

// Bytes as a record, or with a header that leads to a decoder.
static void record(struct fuzz *f, unsigned how, const uint8_t *data, size_t bytes)
{
	uint8_t buf[HZ_RTP_FIXED_BYTES + 255];
	struct hz_rtp_offsets offsets;
	bool bare = how & 1;
	f->seq = (uint16_t)(f->seq + (how & 2 ? 1 + (how >> 4 & 3) : 1));
	f->ts += how & 4 ? 3600 : 0;
	const struct hz_rtp_header header = {
	    .ts = f->ts, .ssrc = 1 + (how >> 6), .seq = f->seq, .pt = how & 8 ? 96 : 102, .marker = how & 16};
	(void)hz_rtp_write_header(buf, sizeof(buf), &header, NULL, NULL, &offsets);
	memcpy(buf + HZ_RTP_FIXED_BYTES, data, bytes);
	const struct hz_mosaic_record r = {.worker = how >> 7 & 1,
	                                   .consult = CONSULT,
	                                   .kind = bare ? how >> 4 & 3 : HZ_RING_RTP,
	                                   .data = bare ? data : buf,
	                                   .bytes = bare ? bytes : HZ_RTP_FIXED_BYTES + bytes,
	                                   .arrival_us = f->now_us - (how & 32 ? 150000 : 0)};
	hz_mosaic_take(f->mosaic, &r, f->now_us);
}

static void tick(struct fuzz *f)
{
	if (f->ticks++ >= TICKS)
		return;
	f->now_us += HZ_ROOM_TICK_US;
	CHECK(hz_mosaic_tick(f->mosaic, f->now_us, f->now_us) > f->now_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hz_mosaic_ops ops = {.send = on_send, .tell = on_tell};
	static const uint8_t first[][8] = {{0}, {1, 1, 1, 1}, {1, 2, 2, 1}, {3, 0, 1}};
	struct fuzz f = {.now_us = 1000000};
	struct hz_mosaic_status status = {0};
	av_log_set_level(AV_LOG_QUIET);
	if (hz_mosaic_new(&ops, WORKERS, NULL, &f.mosaic))
		return 0;
	for (unsigned i = 0; i < 4; i++)
		wish(&f, first[i]);
	tick(&f);
	while (size >= 3) {
		size_t bytes = data[1] < size - 3 ? data[1] : size - 3;
		uint32_t object;
		if (data[0] % 8 == 0 && bytes >= 8)
			wish(&f, data + 3);
		else if (data[0] % 8 == 1)
			(void)hz_mosaic_command(f.mosaic, data + 3, bytes, f.now_us, &object);
		else if (data[0] % 8 == 2)
			tick(&f);
		else
			record(&f, data[2], data + 3, bytes);
		data += 3 + bytes;
		size -= 3 + bytes;
	}
	hz_mosaic_status(f.mosaic, &status);
	CHECK(status.rooms <= 2 && status.members < 8 && status.renditions <= 1);
	hz_mosaic_free(f.mosaic);
	return 0;
}
