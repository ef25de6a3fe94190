// One publisher's packets on the mixer's clock: drift, loss, order, jumps.
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/mix/limiter.h"
#include "media/mix/playout.h"
#include "media/mix/resample.h"
#include "tests/unit/mix/fake_room.h"

#define LOOP 50u // packets of a tone whose period divides 20 ms, played again and again

static struct {
	uint8_t payload[LOOP][1276];
	int bytes[LOOP];
} loop;
static struct hz_playout playout;
static OpusDecoder *decoder;

static int set_up_with(double hz, unsigned harmonics)
{
	struct fake_voice voice;
	int err;
	voice_init(&voice, hz, 0.3f);
	voice.harmonics = harmonics;
	voice.ts = 0;
	for (unsigned i = 0; i < 2 * LOOP; i++) // the first are of a settling encoder
		loop.bytes[i % LOOP] = voice_packet(&voice, loop.payload[i % LOOP]);
	voice_done(&voice);
	decoder = opus_decoder_create(48000, 1, &err);
	hz_playout_init(&playout, decoder);
	return err;
}

static int setup(void **state)
{
	return set_up_with(400, 1);
}

static int setup_voice(void **state)
{
	return set_up_with(150, 12);
}

static int teardown(void **state)
{
	opus_decoder_destroy(decoder);
	return 0;
}

static int push(unsigned n, uint32_t ts, int64_t arrival_us)
{
	struct hz_mixer_rtp rtp = {loop.payload[n % LOOP], (size_t)loop.bytes[n % LOOP], ts, arrival_us};
	return hz_playout_push(&playout, &rtp);
}

struct line {
	double ppm, jitter_us;
	unsigned loss_percent;
	unsigned seconds;
	double settle_s;
};

struct result {
	float step, low, high; // after settling: second difference, amplitude of the frames
	unsigned silent, faint;
	struct hz_mixer_voice begun; // counts at the end of settling
};

static struct result play(const struct line *line)
{
	float out[HZ_MIXER_FRAME], two[2] = {0, 0};
	struct result r = {.low = 9};
	int64_t begin = 1000000;
	unsigned sent = 0, dice = 1;
	double period = 20000 / (1 + line->ppm / 1e6), next = (double)begin;
	int64_t arrival = (int64_t)next;
	for (unsigned t = 0; t < line->seconds * 50; t++) {
		int64_t now = begin + (int64_t)t * 20000 + 7000;
		for (; arrival <= now; sent++) {
			dice = dice * 1103515245 + 12345;
			if ((dice >> 16) % 100 >= line->loss_percent)
				assert_int_equal(push(sent, 0xfffff000u + 960 * sent, arrival), 0);
			next += period;
			dice = dice * 1103515245 + 12345;
			arrival = (int64_t)(next + line->jitter_us * ((dice >> 16) % 1000) / 1000);
		}
		bool on = hz_playout_pull(&playout, now, false, out);
		if (t < line->settle_s * 50) {
			r.begun = playout.stats;
			memcpy(two, out + 958, sizeof(two));
			continue;
		}
		r.silent += !on;
		float joined[4] = {two[0], two[1], out[0], out[1]};
		r.step = fmaxf(r.step, fmaxf(step_in(joined, 4), step_in(out, 960)));
		float level = peak_in(out, 960);
		r.low = fminf(r.low, level);
		r.faint += level < 0.15f;
		r.high = fmaxf(r.high, level);
		memcpy(two, out + 958, sizeof(two));
	}
	return r;
}

static void drift(double ppm)
{
	struct line line = {.ppm = ppm, .jitter_us = 4000, .seconds = 150, .settle_s = 3};
	struct result r = play(&line);
	print_message("%+.0f ppm: played at %+.0f ppm, slack %.1f ms, step %.5f, level %.3f..%.3f\n", ppm,
	              (double)playout.stats.rate_ppm, (double)playout.stats.delay_ms, (double)r.step,
	              (double)r.low, (double)r.high);
	assert_int_equal(r.silent, 0);
	assert_int_equal(playout.stats.expanded_frames, r.begun.expanded_frames);
	assert_int_equal(playout.stats.late + playout.stats.dropped + playout.stats.restarts, 0);
	assert_int_equal(playout.stats.lost_frames, 0);
	assert_true(fabs((double)playout.stats.rate_ppm - ppm) < 400); // with the jitter's share
	assert_true(playout.stats.delay_ms < 40);
	assert_true(r.step < 0.003f); // the tone's own: 0.3 * (2 pi 400 / 48000)^2 = 0.0008
	assert_true(r.low > 0.25f && r.high < 0.36f);
}

static void test_drift_fast(void **state)
{
	drift(500);
}

static void test_drift_slow(void **state)
{
	drift(-500);
}

static void test_loss(void **state)
{
	struct line line = {.loss_percent = 10, .seconds = 30, .settle_s = 3};
	struct result r = play(&line);
	print_message("loss: %u lost, %u by FEC, %u expanded, step %.4f, level %.3f..%.3f, %u faint\n",
	              (unsigned)playout.stats.lost_frames, (unsigned)playout.stats.fec_frames,
	              (unsigned)playout.stats.expanded_frames, (double)r.step, (double)r.low, (double)r.high,
	              r.faint);
	assert_int_equal(r.silent, 0);
	assert_true(playout.stats.lost_frames + playout.stats.expanded_frames > 100);
	assert_true(playout.stats.fec_frames > 0);
	assert_true(r.faint < 30 && r.high < 0.9f); // of 1350 frames
}

static void test_jitter(void **state)
{
	struct line line = {.jitter_us = 60000, .seconds = 60, .settle_s = 10};
	struct result r = play(&line);
	assert_int_equal(r.silent, 0);
	assert_true(playout.stats.expanded_frames - r.begun.expanded_frames < 10);
	assert_true(playout.stats.delay_ms < 60);
}

static void test_order_and_twice(void **state)
{
	float out[HZ_MIXER_FRAME];
	int64_t now = 1000000;
	for (unsigned n = 0; n < 100; n += 2, now += 40000) {
		for (unsigned k = 0; k < 3; k++) // second before first, first twice
			assert_int_equal(push(n + (k == 0), 960 * (n + (k == 0)), now), 0);
		hz_playout_pull(&playout, now + 1000, false, out);
		hz_playout_pull(&playout, now + 21000, false, out);
	}
	assert_int_equal(playout.stats.duplicate + playout.stats.late, 50);
	assert_true(playout.stats.lost_frames <= 1);
	assert_true(peak_in(out, 960) > 0.25f);
}

static void test_silence_and_back(void **state)
{
	float out[HZ_MIXER_FRAME];
	int64_t now = 1000000;
	uint32_t ts = 5;
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned n = 0; n < 50; n++, ts += 960, now += 20000) {
			assert_int_equal(push(n, ts, now), 0);
			hz_playout_pull(&playout, now, false, out);
		}
		assert_true(peak_in(out, 960) > 0.25f);
		for (unsigned n = 0; n < 50; n++, ts += 960, now += 20000)
			hz_playout_pull(&playout, now, false, out);
		assert_true(peak_in(out, 960) <= 0);
	}
	assert_int_equal(playout.stats.restarts, 0);
}

static void test_timestamps_jump(void **state)
{
	float out[HZ_MIXER_FRAME];
	int64_t now = 1000000;
	uint32_t ts = 0x7fffffff;
	for (unsigned n = 0; n < 200; n++, ts += 960, now += 20000) {
		if (n == 100)
			ts += 0x40000000;
		if (n == 50)
			assert_int_equal(push(n, ts - 0x30000000, now), -EBADMSG); // stands alone
		assert_int_equal(push(n, ts, now), n == 100 ? -EBADMSG : 0);
		hz_playout_pull(&playout, now, false, out);
		if (n > 110)
			assert_true(peak_in(out, 960) > 0.25f);
	}
	assert_int_equal(playout.stats.restarts, 1);
}

static void test_refused(void **state)
{
	static uint8_t big[HZ_MIXER_PAYLOAD_BYTES + 1];
	static const uint8_t code3[] = {0xff, 0xff}, no_frames[] = {0x03, 0};
	struct hz_mixer_rtp rtp = {big, sizeof(big), 0, 0};
	assert_int_equal(hz_playout_push(&playout, &rtp), -EMSGSIZE);
	rtp.bytes = 0;
	assert_int_equal(hz_playout_push(&playout, &rtp), -EBADMSG);
	rtp = (struct hz_mixer_rtp){code3, sizeof(code3), 0, 0};
	assert_int_equal(hz_playout_push(&playout, &rtp), -EBADMSG); // 63 frames: longer than 120 ms
	rtp = (struct hz_mixer_rtp){no_frames, sizeof(no_frames), 0, 0};
	assert_int_equal(hz_playout_push(&playout, &rtp), -EBADMSG);
	assert_int_equal(playout.stats.refused, 4);
}

static void test_limiter_holds(void **state)
{
	struct hz_limiter limiter;
	float pcm[960];
	hz_limiter_init(&limiter);
	for (unsigned t = 0; t < 100; t++) {
		for (unsigned i = 0; i < 960; i++)
			pcm[i] = (t / 10 % 2 ? 7.0f : 0.1f) * (float)sin(0.05 * (960 * t + i));
		hz_limiter_run(&limiter, pcm, 960);
		assert_true(peak_in(pcm, 960) <= HZ_LIMITER_CEILING * 1.0001f);
	}
}

static void test_resample_keeps_the_tone(void **state)
{
	static float in[3000], out[960];
	for (unsigned i = 0; i < 3000; i++)
		in[i] = (float)sin(2 * M_PI * 1000 * i / 48000);
	for (double step = 0.97; step < 1.035; step += 0.005) {
		double pos = 1.3;
		hz_resample(in, &pos, step, out, 960);
		assert_true(fabs(pos - (1.3 + 960 * step)) < 1e-6);
		for (unsigned i = 0; i < 960; i++) {
			double want = sin(2 * M_PI * 1000 * (1.3 + i * step) / 48000);
			assert_true(fabs((double)out[i] - want) < 0.001);
		}
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_drift_fast),
	    CASE(test_drift_slow),
	    cmocka_unit_test_setup_teardown(test_loss, setup_voice, teardown),
	    CASE(test_jitter),
	    CASE(test_order_and_twice),
	    CASE(test_silence_and_back),
	    CASE(test_timestamps_jump),
	    CASE(test_refused),
	    cmocka_unit_test(test_limiter_holds),
	    cmocka_unit_test(test_resample_keeps_the_tone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
