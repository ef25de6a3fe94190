// Subjects, consents, records and the events on their way: what recording leaves in the store.
#include <errno.h>

#include "gateway/store/consults.h"
#include "gateway/store/records.h"
#include "tests/unit/store/scratch.h"

static void subject(void **state)
{
	struct scratch *s = *state;
	char *text = NULL;
	assert_int_equal(hz_store_subject_get(s->store, "c1", &text), -ENOENT);
	assert_int_equal(hz_store_subject_put(s->store, "c1", "{\"a\":1}"), 0);
	assert_int_equal(hz_store_subject_put(s->store, "c1", "{\"a\":2}"), 0);
	assert_int_equal(hz_store_commit(s->store), 0);
	scratch_reopen(s);
	assert_int_equal(hz_store_subject_get(s->store, "c1", &text), 0);
	assert_string_equal(text, "{\"a\":2}");
	free(text);
	assert_int_equal(hz_store_subject_put(s->store, "c1", NULL), 0);
	assert_int_equal(hz_store_subject_get(s->store, "c1", &text), -ENOENT);
}

struct seen {
	unsigned count, newest;
	char wording[64], hash[80], source[16];
	int64_t time_ms, seq;
};

static bool see_consent(void *arg, const struct hz_consent_row *row)
{
	struct seen *seen = arg;
	seen->count++;
	seen->newest = row->state;
	seen->time_ms = row->time_ms;
	seen->seq = row->seq;
	snprintf(seen->wording, sizeof(seen->wording), "%s", row->wording);
	snprintf(seen->hash, sizeof(seen->hash), "%s", row->wording_hash);
	snprintf(seen->source, sizeof(seen->source), "%s", row->source);
	return true;
}

static int consent(struct scratch *s, const char *who, uint8_t what, int64_t time_ms)
{
	return hz_store_consent_add(s->store, &(struct hz_consent_row){.consult = "c1",
	                                                               .participant = who,
	                                                               .state = what,
	                                                               .time_ms = time_ms,
	                                                               .wording = "w1",
	                                                               .wording_hash = "abc",
	                                                               .language = "zh-CN",
	                                                               .source = "person"});
}

static void consents(void **state)
{
	struct scratch *s = *state;
	struct seen seen = {.count = 0};
	assert_int_equal(hz_store_consent_get(s->store, "c1", "p", see_consent, &seen), -ENOENT);
	assert_int_equal(consent(s, "p", 1, 10), 0);
	assert_int_equal(consent(s, "q", 2, 11), 0);
	assert_int_equal(consent(s, "p", 3, 12), 0);
	assert_int_equal(hz_store_commit(s->store), 0);
	scratch_reopen(s);
	assert_int_equal(hz_store_consent_get(s->store, "c1", "p", see_consent, &seen), 0);
	assert_int_equal(seen.newest, 3);
	assert_int_equal(seen.time_ms, 12);
	assert_string_equal(seen.wording, "w1");
	assert_string_equal(seen.hash, "abc");
	assert_string_equal(seen.source, "person");
	seen.count = 0;
	assert_int_equal(hz_store_consent_list(s->store, "c1", 0, 2, see_consent, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(hz_store_consent_list(s->store, "c1", seen.seq, 2, see_consent, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(hz_store_sweep(s->store, (int64_t)1 << 50), 0); // a proof is not swept
	seen.count = 0;
	assert_int_equal(hz_store_consent_list(s->store, "c1", 0, 9, see_consent, &seen), 0);
	assert_int_equal(seen.count, 3);
}

// Whoever changes its mind without end is bounded, but can always say no.
static void fickle(void **state)
{
	struct scratch *s = *state;
	for (int i = 0; i < HZ_STORE_CONSENTS_MAX; i++)
		assert_int_equal(consent(s, "p", 1 + 2 * (i & 1), i), 0);
	assert_int_equal(consent(s, "p", 1, 1), -ENOSPC);
	assert_int_equal(consent(s, "p", 3, 1), 0);
	assert_int_equal(consent(s, "q", 1, 1), 0);
}

static bool see_record(void *arg, const struct hz_record_row *row)
{
	struct seen *seen = arg;
	seen->count++;
	seen->newest = row->tracks;
	seen->time_ms = row->ended_ms;
	snprintf(seen->wording, sizeof(seen->wording), "%s", row->id);
	return true;
}

static void records(void **state)
{
	struct scratch *s = *state;
	struct seen seen = {.count = 0};
	struct hz_record_row row = {
	    .id = "r1", .consult = "c1", .started_by = "p", .stopped_by = "", .started_ms = 5};
	assert_int_equal(hz_store_record_put(s->store, &row), 0);
	row.tracks = 3;
	assert_int_equal(hz_store_record_put(s->store, &row), 0);
	assert_int_equal(hz_store_record_open(s->store, see_record, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.newest, 3);
	row.ended_ms = 9;
	row.closed = true;
	assert_int_equal(hz_store_record_put(s->store, &row), 0);
	seen.count = 0;
	assert_int_equal(hz_store_record_open(s->store, see_record, &seen), 0);
	assert_int_equal(seen.count, 0);
	row = (struct hz_record_row){
	    .id = "r2", .consult = "c1", .started_by = "p", .stopped_by = "", .started_ms = 6};
	assert_int_equal(hz_store_record_put(s->store, &row), 0);
	assert_int_equal(hz_store_record_list(s->store, "c1", 1, see_record, &seen), 0);
	assert_string_equal(seen.wording, "r2");
}

static bool see_event(void *arg, const struct hz_record_event_row *row)
{
	struct seen *seen = arg;
	seen->count++;
	seen->newest = (unsigned)row->number;
	snprintf(seen->wording, sizeof(seen->wording), "%s", row->event);
	return true;
}

static void events(void **state)
{
	struct scratch *s = *state;
	struct seen seen = {.count = 0};
	int64_t first = 0, second = 0;
	struct hz_record_event_row row = {.record = "r1", .event = "{}", .at_us = 1};
	assert_int_equal(hz_store_record_event_add(s->store, &row, &first), 0);
	row.event = "{\"x\":1}";
	assert_int_equal(hz_store_record_event_add(s->store, &row, &second), 0);
	assert_true(second > first);
	assert_int_equal(hz_store_record_event_number(s->store, second, 7), 0);
	assert_int_equal(hz_store_record_event_del(s->store, first), 0);
	assert_int_equal(hz_store_commit(s->store), 0);
	scratch_reopen(s);
	assert_int_equal(hz_store_record_event_all(s->store, see_event, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.newest, 7);
	assert_string_equal(seen.wording, "{\"x\":1}");
}

static bool see_wish(void *arg, const struct hz_consult_row *row)
{
	*(uint8_t *)arg = row->record;
	return true;
}

static void wish(void **state)
{
	struct scratch *s = *state;
	uint8_t seen = 9;
	struct hz_consult_row row = {.id = "c1", .title = "T"};
	assert_int_equal(hz_store_consult_put(s->store, &row), 0);
	assert_int_equal(hz_store_consult_get(s->store, "c1", see_wish, &seen), 0);
	assert_int_equal(seen, 0);
	row.record = 2;
	assert_int_equal(hz_store_consult_put(s->store, &row), 0);
	assert_int_equal(hz_store_consult_get(s->store, "c1", see_wish, &seen), 0);
	assert_int_equal(seen, 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {T(subject), T(consents), T(fickle),
	                                   T(records), T(events),   T(wish)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
