// Writing a record and reading it: order, tracks, events, keys, ends.
#include "recorder/journal/writer_internal.h"
#include "tests/unit/recorder/rig.h"

static void what_is_put_is_read(void **state)
{
	struct rig rig;
	struct rig_read read;
	struct hz_journal_stats stats;
	uint8_t sr[24] = {1};
	rig_init(&rig);
	rig_open(&rig);
	uint32_t a = rig_track(&rig, "p1.camera.1"), b = rig_track(&rig, "p2.mic.1");
	assert_int_equal(a, 1);
	assert_int_equal(b, 2);
	assert_int_equal(rig_track(&rig, "p1.camera.1"), 1);
	assert_int_equal(hz_journal_event(rig.w, 1, "{\"type\":\"join\"}", 15, rig.now_us), 0);
	assert_int_equal(hz_journal_event(rig.w, 1, "{\"type\":\"join\"}", 15, rig.now_us), 0); // told again
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(rig_put(&rig, a, i), 0);
		assert_int_equal(rig_put(&rig, b, i), 0);
		if (i % 100 == 0)
			assert_int_equal(hz_journal_sender_report(rig.w, a, sr, rig.now_us), 0);
		if (i % 37 == 0)
			assert_int_equal(rig_seal_sync(&rig), 0);
	}
	assert_int_equal(rig_end(&rig), 0);
	hz_journal_stats(rig.w, &stats);
	assert_int_equal(stats.packets, 2000);
	assert_int_equal(stats.waiting_bytes, 0);
	assert_int_equal(stats.oldest_us, 0);
	rig_read(&rig, &read);
	assert_int_equal(read.err, 0);
	assert_int_equal(read.media, 2000);
	assert_int_equal(read.events, 1);
	assert_int_equal(read.next[a], 1000);
	assert_int_equal(read.next[b], 1000);
	assert_true(read.summary.ended);
	assert_int_equal(read.summary.tracks, 2);
	assert_int_equal(read.summary.torn_bytes, 0);
	assert_int_equal(read.summary.chunks, stats.chunks);
	assert_memory_equal(read.summary.hash, stats.hash, sizeof(stats.hash));
	assert_int_equal(rig_put(&rig, a, 1), -ESHUTDOWN);
	rig_drop(&rig);
	assert_int_equal(rig_try_open(&rig), -EEXIST);
	rig_done(&rig);
}

static void it_goes_on_after_a_crash(void **state)
{
	struct rig rig;
	struct rig_read read;
	rig_init(&rig);
	rig_open(&rig);
	uint32_t a = rig_track(&rig, "a"), b = rig_track(&rig, "b"), again;
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(rig_put(&rig, a, i), 0);
	assert_int_equal(hz_journal_event(rig.w, 1, "{}", 2, rig.now_us), 0);
	assert_int_equal(rig_seal_sync(&rig), 0);
	assert_int_equal(rig_put(&rig, a, 100), 0); // never sealed
	rig_drop(&rig);
	rig_open(&rig);
	assert_int_equal(hz_journal_last_event(rig.w), 1);
	assert_int_equal(rig_put(&rig, a, 101), -EINVAL); // not asked for yet
	again = rig_track(&rig, "b");
	assert_int_equal(again, b);
	again = rig_track(&rig, "a");
	assert_int_equal(again, a);
	assert_int_equal(rig_track(&rig, "c"), 3);
	for (uint32_t i = 101; i < 200; i++)
		assert_int_equal(rig_put(&rig, a, i), 0);
	assert_int_equal(rig_end(&rig), 0);
	rig_read(&rig, &read);
	assert_int_equal(read.err, 0);
	assert_int_equal(read.media, 199);
	assert_int_equal(read.summary.segments, 2);
	assert_int_equal(read.summary.tracks, 3);
	rig_done(&rig);
}

static void two_writers_are_refused(void **state)
{
	struct rig rig;
	rig_init(&rig);
	rig_open(&rig);
	struct rig other = rig;
	assert_int_equal(rig_try_open(&other), -EBUSY);
	rig_done(&rig);
}

static void a_full_memory_is_told(void **state)
{
	struct rig rig;
	struct rig_read read;
	struct hz_journal_stats stats;
	unsigned refused = 0;
	rig_init(&rig);
	rig.limit_bytes = 4096;
	rig_open(&rig);
	uint32_t a = rig_track(&rig, "a");
	for (uint32_t i = 0; i < 300; i++) {
		int err = rig_put(&rig, a, i);
		assert_true(err == 0 || err == -ENOBUFS);
		refused += err != 0;
	}
	assert_true(refused > 0);
	assert_int_equal(hz_journal_event(rig.w, 1, "{}", 2, rig.now_us), 0); // events have room left
	hz_journal_lost(rig.w, a, 5, 500, "ring\xff and much more than there is room for");
	assert_int_equal(rig_seal_sync(&rig), 0);
	assert_int_equal(rig_put(&rig, a, 300), 0);
	assert_int_equal(rig_end(&rig), 0);
	hz_journal_stats(rig.w, &stats);
	assert_int_equal(stats.lost_packets, refused + 5);
	rig_read(&rig, &read);
	assert_int_equal(read.err, 0);
	assert_int_equal(read.media, 301 - refused);
	assert_int_equal(read.events, 1);
	assert_int_equal(read.gaps, 2);
	rig_done(&rig);
}

static void what_is_discarded_is_never_written(void **state)
{
	struct rig rig;
	struct rig_read read;
	struct hz_journal_stats stats;
	rig_init(&rig);
	rig_open(&rig);
	uint32_t a = rig_track(&rig, "a"), b = rig_track(&rig, "b");
	for (uint32_t i = 0; i < 400; i++) {
		if (i == 200)
			assert_int_equal(rig_seal_sync(&rig), 0);
		assert_int_equal(rig_put(&rig, a, i), 0);
		assert_int_equal(rig_put(&rig, b, i), 0);
	}
	hz_journal_discard(rig.w, a);
	assert_int_equal(rig_put(&rig, b, 400), 0);
	hz_journal_discard(rig.w, b);
	hz_journal_stats(rig.w, &stats);
	assert_int_equal(stats.waiting_bytes, 0);
	assert_int_equal(rig_put(&rig, b, 401), 0);
	assert_int_equal(rig_end(&rig), 0);
	rig_read(&rig, &read);
	assert_int_equal(read.err, 0);
	assert_int_equal(read.next[a], 200);
	assert_int_equal(read.next[b], 402);
	assert_int_equal(read.media, 401);
	rig_done(&rig);
}

static void bad_arguments_are_refused(void **state)
{
	static uint8_t big[HZ_JOURNAL_RECORD_BYTES + 1];
	struct rig rig;
	uint32_t track;
	rig_init(&rig);
	rig_open(&rig);
	uint32_t a = rig_track(&rig, "a");
	assert_int_equal(hz_journal_rtp(rig.w, a, 0, big, sizeof(big), rig.now_us), -EMSGSIZE);
	assert_int_equal(hz_journal_rtp(rig.w, 0, 0, big, 12, rig.now_us), -EINVAL);
	assert_int_equal(hz_journal_rtp(rig.w, 2, 0, big, 12, rig.now_us), -EINVAL);
	assert_int_equal(hz_journal_rtp(rig.w, HZ_JOURNAL_TRACKS, 0, big, 12, rig.now_us), -EINVAL);
	assert_int_equal(hz_journal_event(rig.w, 1, "[]", 2, rig.now_us), -EINVAL);
	assert_int_equal(hz_journal_event(rig.w, 0, "{}", 2, rig.now_us), -EINVAL);
	assert_int_equal(hz_journal_track(rig.w, "x", "no", rig.now_us, &track), -EINVAL);
	assert_int_equal(rig_end(&rig), 0);
	rig_done(&rig);
}

static void the_master_key_is_needed(void **state)
{
	struct rig rig;
	struct rig_read read;
	rig_init(&rig);
	rig_open(&rig);
	rig_track(&rig, "a");
	assert_int_equal(rig_put(&rig, 1, 0), 0);
	assert_int_equal(rig_end(&rig), 0);
	rig_read_with(rig.folder, NULL, &read); // the chain alone
	assert_int_equal(read.err, 0);
	assert_int_equal(read.media, 0);
	assert_true(read.summary.ended);
	rig.master[3] ^= 1;
	rig_read(&rig, &read);
	assert_int_equal(read.err, -EKEYREJECTED);
	rig_drop(&rig);
	assert_int_equal(rig_try_open(&rig), -EKEYREJECTED);
	rig_done(&rig);
}

// The names of files end at 9999: the last one grows, the record goes on and ends.
static void the_last_segment_grows(void **state)
{
	struct rig rig;
	rig_init(&rig);
	rig.segment_bytes = 1;
	rig_open(&rig);
	uint32_t a = rig_track(&rig, "a");
	rig.w->segment = HZ_JOURNAL_SEGMENTS - 1; // as if it had been long
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(rig_put(&rig, a, i), 0);
		assert_int_equal(rig_seal_sync(&rig), 0);
	}
	assert_int_equal(rig.w->segment, HZ_JOURNAL_SEGMENTS);
	assert_int_equal(rig_end(&rig), 0);
	rig_done(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_put_is_read),
	    cmocka_unit_test(it_goes_on_after_a_crash),
	    cmocka_unit_test(two_writers_are_refused),
	    cmocka_unit_test(a_full_memory_is_told),
	    cmocka_unit_test(what_is_discarded_is_never_written),
	    cmocka_unit_test(the_last_segment_grows),
	    cmocka_unit_test(bad_arguments_are_refused),
	    cmocka_unit_test(the_master_key_is_needed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
