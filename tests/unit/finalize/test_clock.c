#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "media/rtp/rtcp.h"
#include "recorder/finalize/clock.h"

#define ZERO_US 1700000000000000ll // of the time line

// A publisher whose sound and picture run at their own rates, behind a link that delays.
struct world {
	double ppm_audio, ppm_video, ppm_ntp;
	double ntp_offset_s;
	double set_at_s, set_by_s; // its clock is set
	double jump_at_s;          // the picture's timestamps jump
	uint32_t seed;
	bool no_reports;
	bool bad_reports; // every 20th is nonsense
	double until_s;
};

static double jitter(struct world *w)
{
	w->seed = w->seed * 1664525 + 1013904223;
	double u = (double)(w->seed >> 8) / 16777216.0;
	return 0.030 + (u < 0.3 ? 0.001 * u : 0.2 * u * u * u); // 30 ms at the least
}

static double ntp_of(const struct world *w, double t)
{
	double n = 1000.0 + w->ntp_offset_s + t * (1 + w->ppm_ntp * 1e-6);
	return w->set_at_s > 0 && t >= w->set_at_s ? n + w->set_by_s : n;
}

static int64_t ts_of(double hz, double ppm, double t)
{
	return (int64_t)(5e9 + t * hz * (1 + ppm * 1e-6));
}

static int64_t video_ts(const struct world *w, double t)
{
	int64_t jump = w->jump_at_s > 0 && t >= w->jump_at_s ? 900000000 : 0;
	return ts_of(90000, w->ppm_video, t) + jump;
}

static void report(struct world *w, struct hz_clock *c, double t, int64_t ts)
{
	double n = ntp_of(w, t);
	if (w->bad_reports && (int)(t * 10) % 20 == 0)
		n += 37.0;
	hz_clock_report(c, hz_ntp_from_us((int64_t)(n * 1e6)), (uint32_t)ts,
	                ZERO_US + (int64_t)((t + jitter(w)) * 1e6));
}

static void run(struct world *w, struct hz_clock *audio, struct hz_clock *video)
{
	int64_t aseq = 0, vseq = 0, alast = 0, vlast = 0;
	for (int ms = 0; ms < (int)(w->until_s * 1000); ms += 20) {
		double t = ms / 1000.0;
		int64_t at = ZERO_US + (int64_t)((t + jitter(w)) * 1e6);
		alast = at > alast ? at : alast;
		hz_clock_packet(audio, aseq++, ts_of(48000, w->ppm_audio, t), alast);
		if (ms % 40 == 0) {
			at = ZERO_US + (int64_t)((t + jitter(w) + 0.020) * 1e6);
			vlast = at > vlast ? at : vlast;
			hz_clock_packet(video, vseq++, video_ts(w, t), vlast);
		}
		if (!w->no_reports && ms % 1000 == 500)
			report(w, video, t, video_ts(w, t));
		if (!w->no_reports && ms % 5000 == 700)
			report(w, audio, t, ts_of(48000, w->ppm_audio, t));
	}
	struct hz_clock *both[] = {audio, video};
	assert_int_equal(hz_clock_solve(both, 2), 0);
}

static double worst_skew, worst_place;

static void check(struct world w)
{
	struct hz_clock *audio, *video;
	assert_int_equal(hz_clock_new(48000, &audio), 0);
	assert_int_equal(hz_clock_new(90000, &video), 0);
	if (!w.until_s)
		w.until_s = 3600;
	run(&w, audio, video);
	worst_skew = worst_place = 0;
	int64_t before_a = 0, before_v = 0;
	for (int i = 0; i < (int)w.until_s * 25 - 25; i++) {
		double t = i * 0.040;
		int64_t a = hz_clock_us(audio, 2 * i, ts_of(48000, w.ppm_audio, t)) - ZERO_US;
		int64_t v = hz_clock_us(video, i, video_ts(&w, t)) - ZERO_US;
		double skew = labs((long)(a - v)) / 1000.0,
		       place = labs((long)(v - (int64_t)(t * 1e6))) / 1000.0;
		worst_skew = skew > worst_skew ? skew : worst_skew;
		worst_place = place > worst_place ? place : worst_place;
		assert_true(i == 0 || (a > before_a && v > before_v));
		before_a = a;
		before_v = v;
	}
	struct hz_clock_info info;
	hz_clock_info(audio, &info);
	print_message("skew %.1f ms, place %.1f ms, drift %.1f ppm, %u reports, %u wrong\n", worst_skew,
	              worst_place, info.drift_ppm, info.reports, info.outliers);
	assert_true(info.drift_ppm > w.ppm_audio - 3 && info.drift_ppm < w.ppm_audio + 3);
	assert_int_equal(info.from_reports, !w.no_reports);
	hz_clock_free(audio);
	hz_clock_free(video);
}

static void an_hour_of_drift(void **state)
{
	check((struct world){
	    .ppm_audio = 200, .ppm_video = -200, .ppm_ntp = 40, .ntp_offset_s = 3e6, .seed = 1});
	assert_true(worst_skew < 10 && worst_place < 45);
	check((struct world){
	    .ppm_audio = -200, .ppm_video = 200, .ppm_ntp = -200, .ntp_offset_s = -400, .seed = 2});
	assert_true(worst_skew < 10 && worst_place < 45);
}

static void wrong_reports(void **state)
{
	check((struct world){.ppm_audio = 100, .seed = 3, .bad_reports = true});
	assert_true(worst_skew < 10 && worst_place < 45);
}

static void publisher_sets_its_clock(void **state)
{
	check((struct world){.ppm_audio = 50, .seed = 4, .set_at_s = 1000.3, .set_by_s = 3600});
	assert_true(worst_skew < 20 && worst_place < 65);
	check((struct world){.ppm_audio = 50, .seed = 4, .set_at_s = 1000.3, .set_by_s = -0.4});
	assert_true(worst_skew < 20 && worst_place < 65);
}

static void timestamps_jump(void **state)
{
	check((struct world){.ppm_audio = -20, .ppm_video = 30, .seed = 5, .jump_at_s = 700});
	assert_true(worst_skew < 20 && worst_place < 65);
}

static void without_reports(void **state)
{
	check((struct world){.ppm_audio = 200, .ppm_video = -200, .seed = 6, .no_reports = true});
	assert_true(worst_skew < 40 && worst_place < 80); // the picture's encoder takes 20 ms
}

static void short_ones(void **state)
{
	struct hz_clock *c;
	assert_int_equal(hz_clock_new(0, &c), -EINVAL);
	assert_int_equal(hz_clock_new(90000, &c), 0);
	assert_int_equal(hz_clock_solve(&c, 1), 0);
	hz_clock_report(c, 1ull << 40, 3, 4); // before any packet
	hz_clock_packet(c, 1, 90000, 5000000);
	assert_int_equal(hz_clock_solve(&c, 1), 0);
	assert_int_equal(hz_clock_us(c, 1, 90000), 5000000);
	assert_int_equal(hz_clock_us(c, 2, 90090), 5001000);
	hz_clock_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_hour_of_drift),         cmocka_unit_test(wrong_reports),
	    cmocka_unit_test(publisher_sets_its_clock), cmocka_unit_test(timestamps_jump),
	    cmocka_unit_test(without_reports),          cmocka_unit_test(short_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
