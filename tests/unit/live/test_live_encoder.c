// The live lane's encoder: what rests becomes nearly lossless, the rate is bounded, a keyframe when it is asked for.
#include "media/live/encoder.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>

#include "media/api.h"
#include "media/picture/blit.h"

#define SIDE 256

static struct hz_canvas canvas;
static struct hz_live_encoder *encoder;
static AVCodecContext *decoder;
static AVFrame *frame;
static AVPacket *packet;

static int setup(void **state)
{
	const struct hz_live_encoder_with with = {HZ_CODEC_H264_CB, SIDE, SIDE, 1000000};
	(void)state;
	av_log_set_level(AV_LOG_QUIET);
	decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
	decoder->flags |= AV_CODEC_FLAG_LOW_DELAY;
	decoder->thread_count = 1;
	frame = av_frame_alloc();
	packet = av_packet_alloc();
	if (hz_canvas_new(SIDE, SIDE, &canvas) || avcodec_open2(decoder, NULL, NULL))
		return -1;
	return hz_live_encoder_new(&with, &encoder);
}

static int teardown(void **state)
{
	(void)state;
	hz_live_encoder_free(encoder);
	hz_canvas_free(&canvas);
	avcodec_free_context(&decoder);
	av_frame_free(&frame);
	av_packet_free(&packet);
	return 0;
}

static void draw(int n)
{
	static unsigned dice = 1;
	hz_canvas_fill(&canvas, (struct hz_rect){0, 0, SIDE, SIDE}, (struct hz_colour){16, 128, 128});
	for (int y = 0; y < SIDE; y++)
		for (int x = 0; x < SIDE; x++) {
			dice = dice * 1103515245 + 12345;
			canvas.plane[0][y * canvas.stride[0] + x] =
			    (uint8_t)(120 + 60 * sin((x + 3 * n) / 9.0) * cos(y / 11.0) + (dice >> 29));
		}
}

// Bytes; the mean square error of what a receiver sees.
static size_t put(unsigned step, bool key, double *ret_error)
{
	struct hz_live_encoded e = {0};
	double sum = 0;
	assert_int_equal(hz_live_encoder_put(encoder, &canvas, step, key, &e), 0);
	assert_int_equal(e.key, key);
	packet->data = (uint8_t *)(uintptr_t)e.data;
	packet->size = (int)e.bytes;
	assert_int_equal(avcodec_send_packet(decoder, packet), 0);
	assert_int_equal(avcodec_receive_frame(decoder, frame), 0); // at once: no picture is kept back
	for (int i = 0; i < SIDE * SIDE; i++) {
		int y = i / SIDE, x = i % SIDE,
		    d = canvas.plane[0][y * canvas.stride[0] + x] -
		        frame->data[0][y * frame->linesize[0] + x];
		sum += d * d;
	}
	*ret_error = sum / SIDE / SIDE;
	return e.bytes;
}

static void test_it_moves_within_its_rate_and_rests_nearly_lossless(void **state)
{
	double moving, rest = 0;
	size_t bytes = 0;
	(void)state;
	for (int n = 0; n < 50; n++) {
		draw(n);
		bytes += put(0, n == 0, &moving);
	}
	assert_in_range(bytes, 1, 2 * 1000000 / 8 + 1000000 / 4 / 8); // 2 s, and what the buffer held
	for (unsigned n = 1; n <= HZ_LIVE_STEPS; n++)
		assert_in_range(put(n, false, &rest), 1, 1000000 / 4 / 8);
	assert_true(rest < moving / 4);
	assert_true(rest < 1.5);
	assert_int_equal(frame->color_range, AVCOL_RANGE_MPEG);
}

static void test_a_keyframe_of_what_rests_and_another_rate(void **state)
{
	double error;
	size_t bytes = 0;
	(void)state;
	(void)put(3, true, &error);
	hz_live_encoder_rate(encoder, 300000);
	for (int n = 0; n < 50; n++) {
		draw(n);
		bytes += put(0, false, &error);
	}
	assert_in_range(bytes, 1, 2 * 300000 / 8 + 1000000 / 4 / 8);
}

static void test_no_codec_of_ours(void **state)
{
	const struct hz_live_encoder_with vp9 = {HZ_CODEC_VP9, SIDE, SIDE, 1000000};
	struct hz_live_encoder *other = NULL;
	(void)state;
	assert_int_equal(hz_live_encoder_new(&vp9, &other), -ENOTSUP);
	assert_null(other);
}

static void test_vp8_too(void **state)
{
	const struct hz_live_encoder_with vp8 = {HZ_CODEC_VP8, SIDE, SIDE, 1000000};
	struct hz_live_encoder *other = NULL;
	struct hz_live_encoded e;
	(void)state;
	assert_int_equal(hz_live_encoder_new(&vp8, &other), 0);
	assert_int_equal(hz_live_encoder_put(other, &canvas, 0, true, &e), 0);
	assert_true(e.key && e.bytes > 100);
	hz_live_encoder_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_it_moves_within_its_rate_and_rests_nearly_lossless),
	    cmocka_unit_test(test_a_keyframe_of_what_rests_and_another_rate),
	    cmocka_unit_test(test_no_codec_of_ours),
	    cmocka_unit_test(test_vp8_too),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
