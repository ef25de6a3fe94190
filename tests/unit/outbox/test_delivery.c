// Order, repeats, parking and pauses of an outbox, with a destination that is told what to answer.
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "recorder/outbox/delivery.h"

#define A "0190a5c2-7b1e-7c3a-9f00-00000000000a"
#define B "0190a5c2-7b1e-7c3a-9f00-00000000000b"

static char store[64], folder[96];
static char sent[2048];
static enum hz_outcome answers[16];
static unsigned answer_count, answer_at;

static enum hz_outcome send_one(void *arg, const char *record_folder, const struct hz_spool_item *item,
                                struct hz_outcome_text *ret)
{
	snprintf(sent + strlen(sent), sizeof(sent) - strlen(sent), "%c%s ", item->record[35], item->path);
	snprintf(ret->why, sizeof(ret->why), "told so");
	return answer_at < answer_count ? answers[answer_at++] : HZ_STORED;
}

static char finished[256];

static void on_done(void *arg, const char *record_folder, const struct hz_spool_item *item)
{
	char path[200];
	struct hz_spool_item there;
	snprintf(path, sizeof(path), "%s/%s", store, item->folder);
	assert_string_equal(record_folder, path);
	assert_int_equal(hz_spool_read(folder, item->name, &there), 0); // who dies here comes again
	assert_true(there.stored);
	snprintf(finished + strlen(finished), sizeof(finished) - strlen(finished), "%c%s ", item->record[35],
	         item->path);
}

static void answer(unsigned count, ...)
{
	va_list ap;
	va_start(ap, count);
	for (answer_count = 0; answer_count < count; answer_count++)
		answers[answer_count] = va_arg(ap, enum hz_outcome);
	va_end(ap);
	answer_at = 0;
	sent[0] = '\0';
}

static void put(const char *record, int64_t ended_ms, unsigned number)
{
	struct hz_spool_item item = {.queued_ms = 1000 + ended_ms};
	snprintf(item.record, sizeof(item.record), "%s", record);
	snprintf(item.folder, sizeof(item.folder), "2026/11/%s", record);
	snprintf(item.path, sizeof(item.path), "%u", number);
	assert_int_equal(hz_spool_put(folder, ended_ms, number, &item), 0);
}

static struct hz_delivery *make(int64_t first_ms)
{
	struct hz_delivery *d;
	const struct hz_delivery_settings settings = {.store = store,
	                                              .name = "pacs",
	                                              .send = send_one,
	                                              .done = on_done,
	                                              .first_ms = first_ms,
	                                              .most_ms = 8 * first_ms};
	assert_int_equal(hz_delivery_new(&settings, &d), 0);
	return d;
}

static int set_up(void **state)
{
	snprintf(store, sizeof(store), "/tmp/hz-outbox-XXXXXX");
	if (!mkdtemp(store))
		return -1;
	snprintf(folder, sizeof(folder), "%s/outbox/pacs", store);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -r %s", store);
	return system(command);
}

static int64_t now_ms(void)
{
	return hz_wall_us() / 1000;
}

// Oldest consult first, whichever was queued first.
static void test_order(void **state)
{
	struct hz_delivery *d = make(1000);
	struct hz_delivery_stats stats;
	put(B, 2000, 1);
	put(A, 1000, 2);
	put(A, 1000, 1);
	answer(0);
	hz_delivery_pass(d, now_ms());
	assert_string_equal(sent, "a1 a2 b1 ");
	hz_delivery_stats(d, &stats);
	assert_int_equal(stats.delivered, 3);
	assert_int_equal(stats.waiting, 0);
	hz_delivery_pass(d, now_ms());
	assert_string_equal(sent, "a1 a2 b1 ");
	hz_delivery_free(d);
}

// While the destination is away nothing is tried, nothing lost; pauses grow; then all goes in order.
static void test_away(void **state)
{
	struct hz_delivery *d = make(100000);
	struct hz_delivery_stats stats;
	int64_t begin = now_ms();
	put(A, 1000, 1);
	put(B, 2000, 1);
	answer(2, HZ_AWAY, HZ_AWAY);
	int64_t next = hz_delivery_pass(d, begin);
	assert_string_equal(sent, "a1 ");
	assert_in_range(next - begin, 50000, 61000);
	hz_delivery_pass(d, begin + 1000);
	assert_string_equal(sent, "a1 ");
	hz_delivery_stats(d, &stats);
	assert_int_equal(stats.waiting, 2);
	assert_int_equal(stats.oldest_ms, 2000);
	assert_true(stats.away_since_ms >= begin);
	assert_string_equal(stats.error, "told so");
	hz_delivery_pass(d, begin + 101000);
	assert_string_equal(sent, "a1 a1 ");
	hz_delivery_pass(d, begin + 10000000);
	assert_string_equal(sent, "a1 a1 a1 b1 ");
	hz_delivery_stats(d, &stats);
	assert_int_equal(stats.away_since_ms, 0);
	hz_delivery_free(d);
}

// One that cannot be taken makes its record wait, not the others; one that is refused makes nobody wait.
static void test_later_and_parked(void **state)
{
	struct hz_delivery *d = make(100000);
	struct hz_delivery_stats stats;
	put(A, 1000, 1);
	put(A, 1000, 2);
	put(B, 2000, 1);
	put(B, 2000, 2);
	answer(2, HZ_LATER, HZ_REFUSED);
	finished[0] = '\0';
	hz_delivery_pass(d, now_ms());
	assert_string_equal(sent, "a1 b1 b2 ");
	assert_string_equal(finished, "b2 "); // and nothing of what is still here
	hz_delivery_stats(d, &stats);
	assert_int_equal(stats.waiting, 2);
	assert_int_equal(stats.parked, 1);
	assert_int_equal(hz_spool_release(folder, B), 1);
	assert_int_equal(hz_spool_release(folder, B), 0);
	assert_int_equal(hz_spool_release(folder, NULL), 1); // the one of A that waited: at once
	answer(0);
	hz_delivery_pass(d, now_ms());
	assert_string_equal(sent, "a1 a2 b1 ");
	hz_delivery_free(d);
}

// A new process finds what the old one left, also what it had sent without noting it.
static void test_again(void **state)
{
	struct hz_delivery *d = make(1000);
	put(A, 1000, 1);
	answer(1, HZ_STOPPED);
	hz_delivery_pass(d, now_ms());
	hz_delivery_free(d);
	d = make(1000);
	answer(0);
	hz_delivery_pass(d, now_ms());
	assert_string_equal(sent, "a1 ");
	hz_delivery_free(d);
}

static bool count_one(void *arg, const char *name)
{
	++*(unsigned *)arg;
	return true;
}

static bool note_stored(void *arg, const char *name)
{
	struct hz_spool_item item;
	assert_int_equal(hz_spool_read(folder, name, &item), 0);
	item.stored = true;
	assert_int_equal(hz_spool_write(folder, &item), 0);
	return true;
}

// A process died after it had noted that the destination has it: it is not sent again, and nothing stays behind.
static void test_died_before_it_was_out(void **state)
{
	struct hz_delivery *d = make(1000);
	unsigned seen = 0;
	answer(0);
	finished[0] = '\0';
	put(A, 1000, 1);
	assert_int_equal(hz_spool_each(folder, 0, note_stored, NULL), 0);
	hz_delivery_pass(d, now_ms());
	assert_string_equal(sent, "");
	assert_string_equal(finished, "a1 ");
	assert_int_equal(hz_spool_each(folder, 0, count_one, &seen), 0);
	assert_int_equal(seen, 0);
	hz_delivery_free(d);
}

static void test_odd_files(void **state)
{
	struct hz_delivery *d = make(1000);
	struct hz_delivery_stats stats;
	struct hz_spool_item item;
	char command[512];
	put(A, 1000, 1);
	snprintf(command, sizeof(command),
	         "cd %s && touch .x a.json && echo '{' >000000000000500-" B "-0001.json", folder);
	assert_int_equal(system(command), 0);
	answer(0);
	hz_delivery_pass(d, now_ms());
	assert_string_equal(sent, "a1 ");
	hz_delivery_stats(d, &stats);
	assert_int_equal(stats.parked, 1);
	static const char outside[] =
	    "{\"record\":\"" A
	    "\",\"folder\":\"../x\",\"path\":\"y\",\"instance\":\"\",\"sha256\":\"\",\"error\":\"\"}";
	assert_int_equal(hz_spool_parse(outside, strlen(outside), &item), -EBADMSG);
	hz_delivery_free(d);
}

static void test_thread(void **state)
{
	struct hz_delivery *d = make(10);
	struct hz_delivery_stats stats = {0};
	put(A, 1000, 1);
	answer(2, HZ_AWAY, HZ_LATER);
	assert_int_equal(hz_delivery_start(d), 0);
	put(B, 2000, 1);
	hz_delivery_wake(d);
	for (int i = 0; i < 300 && stats.delivered < 2; i++) {
		struct timespec ts = {.tv_nsec = 10000000};
		nanosleep(&ts, NULL);
		hz_delivery_stats(d, &stats);
	}
	assert_int_equal(stats.delivered, 2);
	hz_delivery_free(d);
}

struct seen {
	unsigned count, most;
	char name[20][HZ_SPOOL_NAME_BYTES];
};

static bool see(void *arg, const char *name)
{
	struct seen *seen = arg;
	snprintf(seen->name[seen->count++], HZ_SPOOL_NAME_BYTES, "%s", name);
	return seen->count < seen->most;
}

// However many wait and however few fit a page: each is there once, in order, also while they go.
static bool see_and_take(void *arg, const char *name)
{
	bool on = see(arg, name);
	assert_int_equal(hz_spool_done(folder, name), 0);
	return on;
}

static void test_pages(void **state)
{
	struct hz_delivery *d = make(10);
	struct seen whole = {.most = 20}, few = {.most = 5}, taken = {.most = 20}, none = {.most = 20};
	for (unsigned i = 0; i < 9; i++)
		put(i % 2 ? A : B, 1000 + (i * 7) % 9, i + 1);
	assert_int_equal(hz_spool_each(folder, 0, see, &whole), 0);
	assert_int_equal(whole.count, 9);
	for (unsigned i = 1; i < 9; i++)
		assert_true(strcmp(whole.name[i - 1], whole.name[i]) < 0);
	for (unsigned page = 1; page < 12; page++) {
		struct seen seen = {.most = 20};
		assert_int_equal(hz_spool_each(folder, page, see, &seen), 0);
		assert_int_equal(seen.count, 9);
		assert_memory_equal(seen.name, whole.name, sizeof(seen.name[0]) * 9);
	}
	assert_int_equal(hz_spool_each(folder, 2, see, &few), 0);
	assert_int_equal(few.count, 5);
	assert_int_equal(hz_spool_each(folder, 2, see_and_take, &taken), 0);
	assert_int_equal(taken.count, 9);
	assert_int_equal(hz_spool_each(folder, 2, see, &none), 0);
	assert_int_equal(none.count, 0);
	hz_delivery_free(d);
}

// The clock was set back by a year: nobody waits for a year.
static void test_clock(void **state)
{
	struct hz_delivery *d = make(1000);
	struct hz_spool_item item;
	struct seen seen = {.most = 1};
	put(A, 1000, 1);
	assert_int_equal(hz_spool_each(folder, 0, see, &seen), 0);
	assert_int_equal(hz_spool_read(folder, seen.name[0], &item), 0);
	item.attempts = 3;
	item.next_ms = now_ms() + 365 * 86400000ll;
	assert_int_equal(hz_spool_write(folder, &item), 0);
	answer(1, HZ_AWAY);
	hz_delivery_pass(d, now_ms());
	assert_string_equal(sent, "a1 ");
	hz_delivery_free(d);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned under_way, most_at_once, arrived, wanted;
static char of[64], mixed;
static enum hz_outcome outcome_at_once;

// Comes back when `wanted` have been under way together: one after another they would wait in vain.
static enum hz_outcome send_together(void *arg, const char *record_folder, const struct hz_spool_item *item,
                                     struct hz_outcome_text *ret)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&lock);
	mixed |= under_way && strcmp(of, item->record) != 0;
	snprintf(of, sizeof(of), "%s", item->record);
	most_at_once = ++under_way > most_at_once ? under_way : most_at_once;
	arrived++;
	pthread_cond_broadcast(&changed);
	while (arrived < wanted && pthread_cond_timedwait(&changed, &lock, &until) == 0)
		;
	under_way--;
	pthread_mutex_unlock(&lock);
	return outcome_at_once;
}

static struct hz_delivery *make_parallel(void)
{
	struct hz_delivery *d;
	const struct hz_delivery_settings settings = {.store = store,
	                                              .name = "pacs",
	                                              .send = send_together,
	                                              .first_ms = 1000,
	                                              .most_ms = 8000,
	                                              .parallel = 3};
	assert_int_equal(hz_delivery_new(&settings, &d), 0);
	most_at_once = arrived = under_way = 0;
	mixed = 0;
	return d;
}

// Objects of one record go at once; those of the next wait for them.
static void test_parallel(void **state)
{
	struct hz_delivery *d = make_parallel();
	struct hz_delivery_stats stats;
	for (unsigned i = 1; i <= 3; i++) {
		put(A, 1000, i);
		put(B, 2000, i);
	}
	wanted = 3;
	outcome_at_once = HZ_STORED;
	hz_delivery_pass(d, now_ms());
	assert_int_equal(arrived, 6);
	assert_int_equal(most_at_once, 3);
	assert_false(mixed);
	hz_delivery_stats(d, &stats);
	assert_int_equal(stats.delivered, 6);
	hz_delivery_free(d);
}

// All that were under way find that the destination is away: that is one failure of it, and nothing else is tried.
static void test_parallel_away(void **state)
{
	struct hz_delivery *d = make_parallel();
	struct hz_delivery_stats stats;
	int64_t begin = now_ms();
	for (unsigned i = 1; i <= 3; i++)
		put(A, 1000, i);
	put(B, 2000, 1);
	wanted = 3;
	outcome_at_once = HZ_AWAY;
	int64_t next = hz_delivery_pass(d, begin);
	assert_int_equal(arrived, 3);
	assert_true(next - begin < 1900);
	hz_delivery_stats(d, &stats);
	assert_int_equal(stats.waiting, 4);
	hz_delivery_free(d);
}

// --- erased meanwhile

static void set_phase(const char *record, enum hz_record_phase phase, char ret[HZ_RECORD_PATH_BYTES])
{
	struct hz_record_state s = {.phase = phase, .started_ms = 1763700000000};
	snprintf(s.id, sizeof(s.id), "%s", record);
	snprintf(ret, HZ_RECORD_PATH_BYTES, "%s/2026/11/%s", store, record);
	assert_int_equal(hz_record_state_write(ret, &s), 0);
}

// Of a record that is erased, or finalised, nothing is begun; the others do not wait for it.
static void test_waits_for_erasure(void **state)
{
	char a[HZ_RECORD_PATH_BYTES];
	struct hz_delivery *d = make(1000);
	struct hz_delivery_stats stats;
	int held;
	put(A, 1000, 1);
	put(A, 1000, 2);
	put(B, 2000, 1);
	set_phase(A, HZ_RECORD_FINALISED, a);
	assert_int_equal(hz_record_lock_sending(a, false, &held), 0);
	answer(0);
	hz_delivery_pass(d, now_ms());
	assert_string_equal(sent, "b1 ");
	hz_delivery_stats(d, &stats);
	assert_int_equal(stats.waiting, 2);
	close(held);
	set_phase(A, HZ_RECORD_FINALISING, a);
	hz_delivery_pass(d, now_ms());
	assert_string_equal(sent, "b1 ");
	set_phase(A, HZ_RECORD_FINALISED, a);
	hz_delivery_pass(d, now_ms());
	assert_string_equal(sent, "b1 a1 a2 ");
	assert_int_equal(hz_record_lock_sending(a, false, &held), 0); // given back
	close(held);
	hz_delivery_free(d);
}

static char taken[HZ_SPOOL_NAME_BYTES], locked[HZ_RECORD_PATH_BYTES];
static enum hz_outcome outcome_taken;

// While it is under way nobody may erase the record; an item is taken out of the spool all the same.
static enum hz_outcome send_and_take(void *arg, const char *record_folder, const struct hz_spool_item *item,
                                     struct hz_outcome_text *ret)
{
	int held;
	assert_int_equal(hz_record_lock_sending(locked, false, &held), -EBUSY);
	assert_int_equal(hz_spool_done(folder, taken), 0);
	send_one(arg, record_folder, item, ret);
	return outcome_taken;
}

static unsigned done_of_gone;

static void on_done_of_gone(void *arg, const char *record_folder, const struct hz_spool_item *item)
{
	assert_false(hz_spool_is_there(folder, taken));
	done_of_gone++;
}

// Whatever became of it: what was taken out stays out, and what was not begun is not sent.
static void test_taken_out(void **state)
{
	static const enum hz_outcome outcomes[] = {HZ_AWAY, HZ_LATER, HZ_REFUSED, HZ_STOPPED, HZ_STORED};
	struct hz_delivery_settings settings = {.store = store,
	                                        .name = "pacs",
	                                        .send = send_and_take,
	                                        .done = on_done_of_gone,
	                                        .first_ms = 1000,
	                                        .most_ms = 8000};
	char b[HZ_RECORD_PATH_BYTES];
	set_phase(A, HZ_RECORD_FINALISED, locked);
	set_phase(B, HZ_RECORD_FINALISED, b);
	for (unsigned i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		struct hz_delivery *d;
		struct hz_delivery_stats stats;
		assert_int_equal(hz_delivery_new(&settings, &d), 0);
		put(A, 1000, 1);
		snprintf(taken, sizeof(taken), "%015d-" A "-0001.json", 1000);
		outcome_taken = outcomes[i];
		answer(0);
		hz_delivery_pass(d, now_ms());
		assert_string_equal(sent, "a1 ");
		assert_false(hz_spool_is_there(folder, taken));
		hz_delivery_stats(d, &stats);
		assert_int_equal(stats.parked, 0);
		assert_true(stats.waiting == 0 || outcomes[i] == HZ_STOPPED);
		hz_delivery_free(d);
	}
	assert_int_equal(done_of_gone, 1); // of the one that was stored
	struct hz_delivery *d;
	settings.done = NULL;
	settings.parallel = 3;
	assert_int_equal(hz_delivery_new(&settings, &d), 0);
	put(A, 1000, 1);
	put(B, 2000, 1); // has been read when the one of A is sent
	snprintf(taken, sizeof(taken), "%015d-" B "-0001.json", 2000);
	answer(0);
	hz_delivery_pass(d, now_ms());
	assert_string_equal(sent, "a1 ");
	hz_delivery_free(d);
}

int main(void)
{
	hz_log_init("test", HZ_LOG_ERROR);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_away, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_later_and_parked, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_pages, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_clock, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_died_before_it_was_out, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_odd_files, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_parallel, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_parallel_away, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_waits_for_erasure, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_taken_out, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_thread, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
