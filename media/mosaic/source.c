#include "media/mosaic/source.h"

#include <errno.h>
#include <stdlib.h>

#include "media/mosaic/decoder.h"
#include "media/mosaic/gather.h"
#include "media/mosaic/order.h"
#include "media/picture/turn.h"
#include "media/rtp/clockmap.h"

#define OLDEST_US 2000000 // a capture time further back is no such thing
// Decoded at one moment, at most: 36 pictures of 1280x720. Many tiny ones of 3840x2160 are little to send, and would let all rooms hang.
#define MOMENT_PIXELS (4ll * HZ_DECODER_PIXELS)
#define USUAL_PIXELS  (1280ll * 720)

struct hz_source {
	struct hz_mosaic_order *order;
	struct hz_gather gather;
	struct hz_decoder *decoder;
	AVFrame *now, *next, *turned;
	struct hz_source_picture picture;
	struct hz_clock_peer clock;
	struct hz_clockmap map;
	struct hz_pt pt[HZ_MOSAIC_PTS];
	unsigned pt_count;
	uint8_t orientation;
	bool seen;
	int64_t asked_us, now_us;
	int64_t moment_us, moment_pixels;
	struct hz_source_counts counts;
};

static void on_frame(void *ctx, const struct hz_gathered *frame);
static void on_packet(void *ctx, const struct hz_mosaic_packet *packet);

int hz_source_new(struct hz_source **ret)
{
	struct hz_source *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	const struct hz_mosaic_order_sink sink = {s, on_packet};
	hz_gather_init(&s->gather, on_frame, s);
	hz_clock_peer_init(&s->clock);
	hz_clockmap_init(&s->map, 90000);
	s->asked_us = INT64_MIN / 2;
	s->now = av_frame_alloc();
	s->next = av_frame_alloc();
	s->turned = av_frame_alloc();
	int err = s->now && s->next && s->turned ? hz_mosaic_order_new(&sink, &s->order) : -ENOMEM;
	if (err)
		hz_source_free(s);
	else
		*ret = s;
	return err;
}

void hz_source_free(struct hz_source *source)
{
	if (!source)
		return;
	hz_mosaic_order_free(source->order);
	hz_gather_done(&source->gather);
	hz_decoder_free(source->decoder);
	av_frame_free(&source->now);
	av_frame_free(&source->next);
	av_frame_free(&source->turned);
	free(source);
}

void hz_source_set_types(struct hz_source *source, const struct hz_pt *pt, unsigned count,
                         uint8_t orientation)
{
	source->orientation = orientation;
	source->pt_count = count < HZ_MOSAIC_PTS ? count : HZ_MOSAIC_PTS;
	for (unsigned i = 0; i < source->pt_count; i++)
		source->pt[i] = pt[i];
}

void hz_source_reset(struct hz_source *source)
{
	hz_mosaic_order_reset(source->order);
	hz_gather_break(&source->gather);
	hz_clock_peer_init(&source->clock);
	hz_clockmap_init(&source->map, 90000);
	source->asked_us = INT64_MIN / 2;
}

// Out of sight nothing is decoded, and the way back leads over a keyframe.
void hz_source_see(struct hz_source *source, bool seen)
{
	if (seen && !source->seen)
		hz_source_reset(source);
	source->seen = seen;
}

void hz_source_forget(struct hz_source *source)
{
	source->picture.frame = NULL;
	av_frame_unref(source->now);
	av_frame_unref(source->turned);
}

// --- decoding

static int64_t captured(const struct hz_source *s, uint32_t ts)
{
	int64_t us;
	if (hz_clockmap_us_at(&s->map, &s->clock, ts, &us) || us > s->now_us || us < s->now_us - OLDEST_US)
		return s->now_us;
	return us;
}

static bool may_decode(struct hz_source *s)
{
	if (s->moment_us != s->now_us)
		s->moment_pixels = 0;
	s->moment_us = s->now_us;
	return s->moment_pixels < MOMENT_PIXELS;
}

static void on_frame(void *ctx, const struct hz_gathered *frame)
{
	struct hz_source *s = ctx;
	if (!may_decode(s)) {
		s->counts.broken++;
		hz_gather_break(&s->gather);
		return;
	}
	if (frame->fresh || !s->decoder) {
		hz_decoder_free(s->decoder);
		s->decoder = NULL;
		if (hz_decoder_new(frame->codec, &s->decoder)) {
			hz_gather_break(&s->gather);
			s->gather.fresh = true;
			return;
		}
	}
	int got = hz_decoder_put(s->decoder, frame->data, frame->bytes, frame->ts, s->next);
	s->moment_pixels += got > 0 ? (int64_t)s->next->width * s->next->height : USUAL_PIXELS;
	if (got < 0) {
		s->counts.broken++;
		hz_gather_break(&s->gather);
		return;
	}
	if (got == 0)
		return;
	s->counts.decoded++;
	av_frame_unref(s->now);
	av_frame_move_ref(s->now, s->next);
	if (frame->turn && hz_turn_frame(s->now, frame->turn, s->turned)) {
		hz_source_forget(s); // masks are parts of the upright picture
		s->counts.refused++;
		return;
	}
	s->picture.frame = frame->turn ? s->turned : s->now;
	s->picture.serial++;
	s->picture.shown_us = s->now_us;
	s->picture.arrived_us = frame->arrival_us;
	s->picture.captured_us = captured(s, (uint32_t)s->now->pts);
}

static void on_packet(void *ctx, const struct hz_mosaic_packet *packet)
{
	struct hz_source *s = ctx;
	uint64_t before = s->gather.left_out;
	for (unsigned i = 0; i < s->pt_count; i++) {
		if (s->pt[i].pt != packet->pt)
			continue;
		hz_gather_put(&s->gather, s->pt[i].codec, packet);
		s->counts.broken += s->gather.left_out - before;
		return;
	}
	s->counts.refused++;
}

// How a picture is turned stands in its last packet; without a word it is as the one before. A mirrored one stays as it is.
static uint8_t turn_of(const struct hz_source *s, const struct hz_rtp_packet *packet)
{
	const uint8_t *data;
	size_t bytes;
	if (!s->orientation || !packet->marker || !hz_rtp_ext_find(packet, s->orientation, &data, &bytes) ||
	    bytes != 1)
		return HZ_TURN_UNSAID;
	return data[0] & 3;
}

void hz_source_rtp(struct hz_source *source, const struct hz_rtp_packet *packet, int64_t arrival_us,
                   int64_t now_us)
{
	source->now_us = now_us;
	if (!source->seen)
		return;
	hz_clockmap_on_packet(&source->map, packet->ts, arrival_us);
	const struct hz_mosaic_packet p = {.payload = packet->payload,
	                                   .bytes = packet->payload_bytes,
	                                   .ts = packet->ts,
	                                   .arrival_us = arrival_us,
	                                   .pt = packet->pt,
	                                   .marker = packet->marker,
	                                   .turn = turn_of(source, packet)};
	hz_mosaic_order_put(source->order, packet->seq, &p, now_us);
}

void hz_source_report(struct hz_source *source, uint64_t ntp, uint32_t rtp_ts, int64_t now_us)
{
	hz_clockmap_on_sr(&source->map, &source->clock, ntp, rtp_ts, now_us);
}

void hz_source_poll(struct hz_source *source, int64_t now_us)
{
	source->now_us = now_us;
	hz_mosaic_order_poll(source->order, now_us);
}

// Also where nothing comes at all: whoever has just come into view may be waiting for this.
bool hz_source_asks(struct hz_source *source, int64_t now_us)
{
	if (!source->seen || !source->gather.need_key || now_us - source->asked_us < HZ_SOURCE_ASK_US)
		return false;
	source->asked_us = now_us;
	return true;
}

void hz_source_picture(const struct hz_source *source, struct hz_source_picture *ret)
{
	*ret = source->picture;
}

void hz_source_take_counts(struct hz_source *source, struct hz_source_counts *add)
{
	add->decoded += source->counts.decoded;
	add->broken += source->counts.broken;
	add->refused += source->counts.refused;
	source->counts = (struct hz_source_counts){0};
}
