#include "tests/unit/mosaic/fake_video.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "media/mosaic/packetise.h"
#include "media/picture/blit.h"

// --- cameras

void fake_camera_init(struct fake_camera *camera, uint8_t codec, uint32_t ssrc, struct hz_colour colour)
{
	memset(camera, 0, sizeof(*camera));
	camera->codec = codec;
	camera->pt = codec == HZ_CODEC_VP8 ? 96 : 102;
	camera->ssrc = ssrc;
	camera->colour = colour;
	camera->seq = 65500; // turns over soon
	camera->ts = 0xfffff000u;
	fake_camera_size(camera, 320, 180);
}

void fake_camera_size(struct fake_camera *camera, int width, int height)
{
	const struct hz_encoder_with with = {
	    .codec = camera->codec, .width = width, .height = height, .bitrate_bps = 300000};
	hz_encoder_free(camera->encoder);
	hz_canvas_free(&camera->canvas);
	assert_int_equal(hz_encoder_new(&with, &camera->encoder), 0);
	assert_int_equal(hz_canvas_new(width, height, &camera->canvas), 0);
}

void fake_camera_done(struct fake_camera *camera)
{
	hz_encoder_free(camera->encoder);
	hz_canvas_free(&camera->canvas);
}

static void on_payload(void *ctx, const uint8_t *payload, size_t bytes, bool last)
{
	struct fake_camera *c = ctx;
	struct hz_rtp_offsets offsets;
	const struct hz_ext_ids ids = {.orientation = FAKE_ORIENTATION};
	const struct hz_rtp_exts exts = {.has = HZ_EXT_ORIENTATION, .orientation = c->turn};
	assert_true(c->out.count < FAKE_PACKETS && bytes + 20 <= FAKE_BYTES);
	uint8_t *to = c->out.data[c->out.count];
	const struct hz_rtp_header header = {
	    .ts = c->ts, .ssrc = c->ssrc, .seq = c->seq++, .pt = c->pt, .marker = last};
	assert_int_equal(
	    hz_rtp_write_header(to, FAKE_BYTES, &header, c->says && last ? &exts : NULL, &ids, &offsets), 0);
	memcpy(to + offsets.header_bytes, payload, bytes);
	c->out.bytes[c->out.count++] = (uint16_t)(offsets.header_bytes + bytes);
}

void fake_camera_take(struct fake_camera *camera)
{
	struct hz_canvas *canvas = &camera->canvas;
	const struct hz_packetise_sink sink = {camera, on_payload};
	struct hz_encoded e;
	int at = (int)(camera->number * 8 % (canvas->width - 16));
	hz_canvas_fill(canvas, (struct hz_rect){0, 0, canvas->width, canvas->height}, camera->colour);
	hz_canvas_fill(canvas, (struct hz_rect){at, 0, 16, 16}, HZ_COLOUR_TEXT); // something that moves
	if (camera->turn) // what was the left is the top, when it is turned clockwise
		hz_canvas_fill(canvas, (struct hz_rect){0, 0, canvas->width / 4, canvas->height},
		               HZ_COLOUR_TEXT);
	assert_int_equal(hz_encoder_put(camera->encoder, canvas, camera->number++, camera->wants_key, &e), 0);
	camera->wants_key = false;
	camera->says = camera->turn && (e.key || !camera->sparing);
	camera->ts += 3600;
	camera->out.count = 0;
	if (camera->codec == HZ_CODEC_VP8)
		hz_packetise_vp8(e.data, e.bytes, camera->picture_id++, &sink);
	else
		hz_packetise_h264(e.data, e.bytes, &sink);
}

// --- viewers

static void on_frame(void *ctx, const struct hz_gathered *frame)
{
	struct fake_viewer *v = ctx;
	assert_int_equal(hz_decoder_put(v->decoder, frame->data, frame->bytes, frame->ts, v->frame), 1);
	v->gaps += v->pictures && frame->ts != v->ts + 3600;
	v->ts = frame->ts;
	v->keys += frame->key;
	v->bytes += frame->bytes;
	v->pictures++;
}

static void on_packet(void *ctx, const struct hz_mosaic_packet *packet)
{
	struct fake_viewer *v = ctx;
	assert_false(packet->gap);
	hz_gather_put(&v->gather, v->codec, packet);
}

void fake_viewer_init(struct fake_viewer *viewer, uint8_t codec, uint32_t ssrc)
{
	const struct hz_mosaic_order_sink sink = {viewer, on_packet};
	memset(viewer, 0, sizeof(*viewer));
	viewer->codec = codec;
	viewer->ssrc = ssrc;
	assert_int_equal(hz_mosaic_order_new(&sink, &viewer->order), 0);
	assert_int_equal(hz_decoder_new(codec, &viewer->decoder), 0);
	hz_gather_init(&viewer->gather, on_frame, viewer);
	viewer->frame = av_frame_alloc();
	assert_non_null(viewer->frame);
}

void fake_viewer_done(struct fake_viewer *viewer)
{
	hz_mosaic_order_free(viewer->order);
	hz_gather_done(&viewer->gather);
	hz_decoder_free(viewer->decoder);
	av_frame_free(&viewer->frame);
}

void fake_viewer_put(struct fake_viewer *viewer, const uint8_t *data, size_t bytes)
{
	struct hz_rtp_packet p;
	assert_int_equal(hz_rtp_parse(data, bytes, &p), 0);
	const struct hz_mosaic_packet packet = {
	    .payload = p.payload, .bytes = p.payload_bytes, .ts = p.ts, .marker = p.marker};
	if (p.ssrc == viewer->ssrc)
		hz_mosaic_order_put(viewer->order, p.seq, &packet, 0);
}

static uint8_t mean(const AVFrame *f, int plane, int x, int y)
{
	unsigned sum = 0;
	for (int dy = 0; dy < 4; dy++)
		for (int dx = 0; dx < 4; dx++)
			sum += f->data[plane][(y + dy) * f->linesize[plane] + x + dx];
	return (uint8_t)(sum / 16);
}

struct hz_colour fake_viewer_at(const struct fake_viewer *viewer, int x, int y)
{
	const AVFrame *f = viewer->frame;
	x = x * f->width / 1280;
	y = y * f->height / 720;
	return (struct hz_colour){mean(f, 0, x, y), mean(f, 1, x / 2, y / 2), mean(f, 2, x / 2, y / 2)};
}

bool fake_same(struct hz_colour a, struct hz_colour b)
{
	return abs(a.y - b.y) < 14 && abs(a.cb - b.cb) < 14 && abs(a.cr - b.cr) < 14;
}
