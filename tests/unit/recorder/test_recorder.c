// The recorder with the real link on the other side: on disk in time, nothing without consent, deaths of either side.
#include "tests/unit/recorder/recorder_rig.h"

#define ROOT  "/dev/shm"
#define TRACK HZ_ID(3, 7)

static struct rr_content content;

static int setup(void **state)
{
	struct recorder_rig *rig = rr_new(ROOT);
	rr_start(rig);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	rr_free(*state);
	return 0;
}

static void begin(struct recorder_rig *rig)
{
	rr_record(rig, RECORD_A);
	rr_track_open(rig, RECORD_A, 0, TRACK, 0);
	hz_record_link_start(rig->link);
	rr_expect(rig, "ready", 1, 1);
	rr_expect(rig, "track", 0, 1);
}

static void put_many(struct recorder_rig *rig, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		assert_int_equal(rr_put(rig, 0, TRACK, i), 0);
}

static void is_whole(uint32_t count)
{
	assert_int_equal(content.packets, count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(content.number[i], i);
}

static void what_is_tapped_is_on_disk_within_a_second(void **state)
{
	struct recorder_rig *rig = *state;
	begin(rig);
	put_many(rig, 0, 500);
	rr_run(rig, 1000000);
	rr_read(rig, RECORD_A, "p0.camera", &content); // while it runs
	is_whole(500);
	assert_int_equal(rr_phase(rig, RECORD_A), HZ_RECORD_RECORDING);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_read(rig, RECORD_A, NULL, &content);
	is_whole(500);
	assert_true(content.ended);
	assert_int_equal(rr_phase(rig, RECORD_A), HZ_RECORD_ENDED);
	struct hz_record_link_counters c;
	hz_record_link_counters(rig->link, &c);
	assert_int_equal(c.records, 0);
}

// Somebody gives and takes consent, or comes and goes, for hours: the journal has no number left for one more track. That
// track is refused; everybody else's go on.
static void no_more_tracks(void **state)
{
	struct recorder_rig *rig = *state;
	const unsigned batch = 200;
	begin(rig);
	for (unsigned n = 1; n < HZ_JOURNAL_TRACKS; n += batch) {
		rig->seen_count = 0;
		for (unsigned i = n; i < n + batch; i++)
			rr_track_open(rig, RECORD_A, 1, HZ_ID(1, i), 0);
		for (int64_t until = hz_now_us() + 10000000; // other words may come in between
		     rr_seen(rig, "track", 0) + rr_seen(rig, "track", -E2BIG) < batch;) {
			assert_true(hz_now_us() < until);
			rr_turn(rig);
		}
		for (unsigned i = n; i < n + batch; i++)
			assert_int_equal(
			    hz_record_link_track_close(rig->link, RECORD_A, 1, HZ_ID(1, i), false), 0);
		rr_expect(rig, "closed", 0, batch);
	}
	assert_int_equal(rr_seen(rig, "track", -E2BIG), 4200 - (HZ_JOURNAL_TRACKS - 2));
	put_many(rig, 0, 100);
	rr_read_whole(rig, RECORD_A, "p0.camera", 100, 0, &content);
	is_whole(100);
	assert_int_equal(rr_seen(rig, "state", HZ_REC_STOPPED), 0);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
}

// What is in the ring when a track or the record is closed was said before.
static void a_close_takes_what_came_before(void **state)
{
	struct recorder_rig *rig = *state;
	begin(rig);
	put_many(rig, 0, 100);
	assert_int_equal(hz_record_link_track_close(rig->link, RECORD_A, 0, TRACK, false), 0);
	rr_expect(rig, "closed", 0, 1);
	put_many(rig, 100, 200); // after it
	rr_run(rig, 400000);
	rr_read(rig, RECORD_A, NULL, &content);
	is_whole(100);
	rr_track_open(rig, RECORD_A, 0, TRACK, hz_now_us());
	rr_expect(rig, "track", 0, 2);
	put_many(rig, 100, 150);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_read(rig, RECORD_A, NULL, &content);
	is_whole(150);
}

static void nothing_without_consent(void **state)
{
	struct recorder_rig *rig = *state;
	struct hz_record_link_counters c;
	begin(rig);
	for (uint32_t i = 0; i < 50; i++) {
		assert_int_equal(rr_put(rig, 0, HZ_ID(4, 7), i), 0); // never opened
		assert_int_equal(rr_put(rig, 1, TRACK, i), 0);       // another worker's
	}
	rr_run(rig, 2500000);
	hz_record_link_counters(rig->link, &c);
	assert_int_equal(c.recorder.refused, 100);
	rr_track_open(rig, RECORD_A, 1, TRACK, hz_now_us() + 1000000); // from then on
	rr_expect(rig, "track", 0, 2);
	assert_int_equal(rr_put(rig, 1, TRACK, 7), 0);
	rr_run(rig, 1100000);
	assert_int_equal(rr_put(rig, 1, TRACK, 0), 0);
	rr_run(rig, 600000); // time enough for one that is not to come
	rr_read_whole(rig, RECORD_A, "p1.camera", 1, 0, &content);
	assert_int_equal(content.packets, 1);
	is_whole(1);
}

// Withdrawn: what is not on disk is never written, and nothing after it.
static void withdrawal(void **state)
{
	struct recorder_rig *rig = *state;
	begin(rig);
	put_many(rig, 0, 20);
	rr_run(rig, 1000000);
	put_many(rig, 20, 40); // a moment before
	assert_int_equal(hz_record_link_track_close(rig->link, RECORD_A, 0, TRACK, true), 0);
	int64_t at_us = hz_now_us();
	rr_expect(rig, "closed", 0, 1);
	assert_true(hz_now_us() - at_us < 1000000);
	put_many(rig, 40, 60);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_read(rig, RECORD_A, NULL, &content);
	is_whole(20);
}

static void events_are_confirmed(void **state)
{
	struct recorder_rig *rig = *state;
	rr_record(rig, RECORD_A);
	for (unsigned i = 1; i <= 3; i++) {
		char json[64];
		snprintf(json, sizeof(json), "{\"type\":\"chat\",\"n\":%u}", i);
		assert_int_equal(hz_record_link_event(rig->link, RECORD_A, i, json, hz_now_us()), 0);
	}
	hz_record_link_start(rig->link);
	rr_expect(rig, "event", 0, 3);
	rr_read(rig, RECORD_A, NULL, &content); // confirmed is on disk
	assert_int_equal(content.events, 3);
	assert_non_null(strstr(content.event[2], "\"n\":3"));
	uint64_t newest = 0;
	for (unsigned i = 0; i < rig->seen_count; i++)
		if (strcmp(rig->seen[i].what, "event") == 0)
			assert_int_equal(rig->seen[i].number, ++newest);
	// A new control did not hear of the last two: they are not written twice.
	rr_control(rig);
	rr_record(rig, RECORD_A);
	for (unsigned i = 2; i <= 4; i++)
		assert_int_equal(hz_record_link_event(rig->link, RECORD_A, i, "{\"again\":1}", hz_now_us()),
		                 0);
	hz_record_link_start(rig->link);
	rr_expect(rig, "event", 0, 6);
	rr_read(rig, RECORD_A, NULL, &content);
	assert_int_equal(content.events, 4);
	assert_non_null(strstr(content.event[2], "\"n\":3"));
	assert_non_null(strstr(content.event[3], "again"));
}

// Commands and events do not make others' chunks small, nor their own record's: each would cost a write and a sync.
static void chunks_stay_large(void **state)
{
	struct recorder_rig *rig = *state;
	const unsigned turns = 60; // of 30 ms
	uint32_t next = 0;
	begin(rig);
	rr_record(rig, RECORD_B);
	rr_record(rig, RECORD_C); // two writers: the third record is with the first
	rr_expect(rig, "open", 0, 3);
	for (unsigned i = 1; i <= turns; i++) {
		put_many(rig, next, next + 10);
		next += 10;
		assert_int_equal(hz_record_link_event(rig->link, RECORD_A, i, "{}", hz_now_us()), 0);
		rr_track_open(rig, i % 2 ? RECORD_C : RECORD_B, 1, HZ_ID(5, i), 0);
		rr_run(rig, 30000);
	}
	rr_expect(rig, "event", 0, turns);
	rr_expect(rig, "track", 0, turns + 1);
	rr_read_whole(rig, RECORD_A, "p0.camera", next, 0, &content);
	is_whole(next);
	// Each 450 ms one of media and one of events, and a few at the begin.
	assert_in_range(content.summary.chunks, 8, turns / 2);
}

static void sender_reports_go_along(void **state)
{
	struct recorder_rig *rig = *state;
	uint8_t block[HZ_TAP_SR_BYTES] = {1, 2, 3};
	begin(rig);
	struct hz_ring_record record = {.kind = HZ_RING_RTCP, .source = TRACK, .arrival_us = hz_now_us()};
	assert_int_equal(hz_ring_put(&rig->ring[0], &record, block, sizeof(block)), 0);
	assert_int_equal(hz_ring_put(&rig->ring[0], &record, block, 20), 0); // no report
	record.kind = 77;
	assert_int_equal(hz_ring_put(&rig->ring[0], &record, block, 24), 0); // unknown
	rr_run(rig, 600000);                                                 // time enough for what is none
	rr_read_whole(rig, RECORD_A, NULL, 0, 1, &content);
	assert_int_equal(content.reports, 1);
}

// Control died: what its successor does not name is over, and nothing more of unnamed tracks is written.
static void control_restarts(void **state)
{
	struct recorder_rig *rig = *state;
	rr_record(rig, RECORD_B);
	begin(rig);
	rr_track_open(rig, RECORD_A, 1, TRACK, 0);
	rr_expect(rig, "track", 0, 2);
	rr_control(rig);
	put_many(rig, 0, 50); // meanwhile
	rr_run(rig, 300000);
	rr_record(rig, RECORD_A);
	rr_track_open(rig, RECORD_A, 0, TRACK, 0);
	hz_record_link_start(rig->link);
	rr_expect(rig, "ready", 1, 2);
	put_many(rig, 50, 100);
	assert_int_equal(rr_put(rig, 1, TRACK, 9), 0); // was not named again
	rr_run(rig, 800000);
	assert_int_equal(rr_phase(rig, RECORD_B), HZ_RECORD_ENDED);
	rr_read(rig, RECORD_A, NULL, &content);
	is_whole(100);
}

static void the_end_is_orderly(void **state)
{
	struct recorder_rig *rig = *state;
	begin(rig);
	put_many(rig, 0, 300);
	rr_run(rig, 60000);
	put_many(rig, 300, 400);
	rr_run(rig, 60000);
	rr_term(rig); // 0: it was taken from the ring, so it is on disk
	rr_read(rig, RECORD_A, NULL, &content);
	is_whole(400);
	assert_int_equal(rr_phase(rig, RECORD_A), HZ_RECORD_RECORDING);
	rr_start(rig);
	rr_expect(rig, "ready", 1, 2);
	put_many(rig, 400, 500);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_read(rig, RECORD_A, NULL, &content);
	is_whole(500);
	assert_int_equal(content.summary.torn_bytes, 0);
}

static void what_nobody_names_is_ended(void **state)
{
	struct recorder_rig *rig = *state;
	begin(rig);
	put_many(rig, 0, 100);
	rr_run(rig, 800000);
	rr_kill(rig);
	rr_control(rig); // all died; A is forgotten
	rr_record(rig, RECORD_B);
	hz_record_link_start(rig->link);
	rr_start(rig);
	rr_expect(rig, "ready", 1, 2);
	for (unsigned i = 0; i < 100 && rr_phase(rig, RECORD_A) != HZ_RECORD_ENDED; i++)
		rr_run(rig, 50000);
	assert_int_equal(rr_phase(rig, RECORD_A), HZ_RECORD_ENDED);
	rr_read(rig, RECORD_A, NULL, &content);
	is_whole(100);
	assert_true(content.ended);
}

// The recorder was away for longer than the ring holds: that something is missing is in the journal, and told.
static void a_full_ring_is_told(void **state)
{
	struct recorder_rig *rig = *state;
	uint32_t next = 0;
	begin(rig);
	rr_kill(rig);
	while (!rr_put(rig, 0, TRACK, next))
		next++;
	rr_start(rig);
	rr_expect(rig, "state", HZ_REC_LOSING, 1);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_read(rig, RECORD_A, NULL, &content);
	is_whole(next);
	assert_int_equal(content.gaps, 1);
}

// A closed record stays closed.
static void no_second_beginning(void **state)
{
	struct recorder_rig *rig = *state;
	begin(rig);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_record(rig, RECORD_A);
	rr_expect(rig, "open", -EEXIST, 1);
	assert_int_equal(hz_record_link_open(rig->link, "not-a-uuid", "{}"), 0);
	rr_expect(rig, "open", -EINVAL, 1);
	assert_int_equal(hz_record_link_open(rig->link, RECORD_B, "{}"), 0); // without its begin
	rr_expect(rig, "open", -EINVAL, 2);
}

static void junk_messages(struct recorder_rig *rig)
{
	static const char *const texts[] = {
	    "", "{", "{}", "[1]", "{\"key\":7}", "{\"key\":\"\"}", "{\"started_ms\":-1}"};
	for (unsigned i = 0; i < 4000; i++) {
		uint8_t buf[400];
		const char *text = texts[rand() % 7];
		struct hz_rec_msg m = {.version = HZ_REC_API_VERSION - (rand() % 50 == 0),
		                       .type = (uint32_t)(rand() % 10),
		                       .bytes = (uint32_t)(sizeof(m) + strlen(text)),
		                       .seq = (uint32_t)rand(),
		                       .flags = (uint8_t)rand(),
		                       .worker = (uint32_t)(rand() % 4),
		                       .track = (hz_id)(rand() % 4),
		                       .value = rand() % 3 ? 0 : rand(),
		                       .number = (uint64_t)(rand() % 4)};
		size_t n = m.bytes;
		memset(m.record, rand() % 4 ? 0 : 'x', sizeof(m.record));
		if (rand() % 2)
			snprintf(m.record, sizeof(m.record), "%s", rand() % 2 ? RECORD_A : RECORD_B);
		memcpy(buf, &m, sizeof(m));
		memcpy(buf + sizeof(m), text, strlen(text));
		for (unsigned k = 0; k < 400 && rand() % 10 == 0; k++)
			buf[k] = (uint8_t)rand();
		n = rand() % 10 ? n : 1 + (size_t)rand() % sizeof(buf);
		while (hz_seqpacket_send(rig->pair[1], buf, n) == -EAGAIN)
			rr_run(rig, 1000);
	}
}

// Both ends live in one installation, and each is to survive the other's worst day all the same.
static void nonsense(void **state)
{
	struct recorder_rig *rig = *state;
	uint8_t *ring = (uint8_t *)rig->memory + rig->ring_bytes; // of worker 1
	begin(rig);
	srand(6);
	junk_messages(rig);
	for (unsigned i = 0; i < 200; i++) {
		for (unsigned k = 0; k < 400; k++)
			ring[rand() % 4096] = (uint8_t)rand();
		rr_run(rig, 2000);
	}
	rig->seen_count = 0;
	rr_control(rig);
	rr_record(rig, RECORD_C);
	rr_track_open(rig, RECORD_C, 0, TRACK, 0);
	hz_record_link_start(rig->link);
	rr_expect(rig, "open", 0, 1);
	rr_expect(rig, "track", 0, 1);
	put_many(rig, 0, 100);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_C), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_read(rig, RECORD_C, "p0.camera", &content);
	is_whole(100);
}

// The worst of it: how much of a track that sends all the time is missing.
static void killed_again_and_again(void **state)
{
	struct recorder_rig *rig = *state;
	uint32_t next = 0;
	unsigned kills = 0;
	begin(rig);
	srand(4);
	for (int64_t until = hz_now_us() + 12000000, kill_us = hz_now_us() + 300000; hz_now_us() < until;) {
		assert_int_equal(rr_put(rig, 0, TRACK, next++), 0);
		rr_turn(rig);
		if (hz_now_us() < kill_us)
			continue;
		rr_kill(rig);
		kills++;
		rr_start(rig);
		kill_us = hz_now_us() + 100000 + rand() % 700000;
	}
	for (unsigned i = 0; i < 20; i++) { // what came after the last kill is there
		assert_int_equal(rr_put(rig, 0, TRACK, next++), 0);
		rr_turn(rig);
	}
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_read(rig, RECORD_A, NULL, &content);
	int64_t worst_us = 0;
	unsigned lost = content.number[0];
	for (unsigned i = 1; i < content.packets; i++) {
		assert_true(content.number[i] > content.number[i - 1]); // none twice
		lost += content.number[i] - content.number[i - 1] - 1;
		int64_t gap = content.at_us[i] - content.at_us[i - 1];
		if (content.number[i] != content.number[i - 1] + 1 && gap > worst_us)
			worst_us = gap;
	}
	print_message("%u kills, %u packets, %u lost, worst %lld ms\n", kills, next, lost,
	              (long long)worst_us / 1000);
	assert_true(kills > 10);
	assert_true(worst_us < 1000000);
	assert_true(content.number[content.packets - 1] == next - 1);
}

static void in_the_sandbox(void **state)
{
	struct recorder_rig *rig = rr_new("/tmp");
	rig->sandbox = true;
	rr_start(rig);
	begin(rig);
	put_many(rig, 0, 100);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_read(rig, RECORD_A, NULL, &content);
	is_whole(100);
	rr_free(rig);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(what_is_tapped_is_on_disk_within_a_second),
	    T(a_close_takes_what_came_before),
	    T(no_more_tracks),
	    T(nothing_without_consent),
	    T(withdrawal),
	    T(events_are_confirmed),
	    T(chunks_stay_large),
	    T(sender_reports_go_along),
	    T(control_restarts),
	    T(the_end_is_orderly),
	    T(what_nobody_names_is_ended),
	    T(a_full_ring_is_told),
	    T(no_second_beginning),
	    T(nonsense),
	    T(killed_again_and_again),
	    cmocka_unit_test(in_the_sandbox),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
