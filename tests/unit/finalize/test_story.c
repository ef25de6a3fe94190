// What happened, from a journal in which somebody does everything very often: what is made of it can be read, and nothing that
// counts is pushed out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder/finalize/events.h"
#include "recorder/finalize/story.h"
#include "recorder/record/manifest_read.h"

static void put(struct hz_story *s, const char *type, const char *participant, const char *detail, int64_t ms)
{
	static char text[21000];
	int n = snprintf(text, sizeof(text),
	                 "{\"type\":\"%s\",\"participant\":\"%s\",\"detail\":%s,\"time_ms\":%lld}", type,
	                 participant, detail, (long long)ms);
	const struct hz_journal_item item = {
	    .kind = HZ_RECORD_EVENT, .data = (const uint8_t *)text, .bytes = (size_t)n};
	assert_int_equal(hz_story_item(s, &item, ms * 1000), 0);
}

// As recorder/finalize/manifest.c writes them and everybody behind it reads them.
static struct hz_manifest *read_back(const struct hz_story *s)
{
	const char *why = "";
	struct hz_manifest *m = NULL;
	json_t *root =
	    json_pack("{s:i, s:s, s:s, s:o}", "version", 1, "record", "00112233-4455-6677-8899-aabbccddeeff",
	              "consult", "c", "participants", hz_story_participants(s));
	char *text = json_dumps(root, JSON_SORT_KEYS | JSON_INDENT(1));
	if (hz_manifest_parse(text, strlen(text), &why, &m))
		fail_msg("%s", why);
	free(text);
	json_decref(root);
	return m;
}

static void changes_of_mind(void **state)
{
	struct hz_story *s;
	assert_int_equal(hz_story_new(&s), 0);
	put(s, "join", "p", "{\"name\":\"P\",\"role\":\"patient\"}", 1000);
	for (int i = 0; i < 3000; i++) {
		put(s, "consent", "p", i % 2 ? "{\"state\":\"withdrawn\"}" : "{\"state\":\"given\"}",
		    2000 + i);
		put(s, "leave", "p", "{}", 2000 + i);
		put(s, "join", "p", "{}", 2000 + i);
	}
	put(s, "leave", "p", "{}", 9000);
	struct hz_manifest *m = read_back(s);
	const struct hz_manifest_person *p = hz_manifest_person(m, "p");
	assert_int_equal(p->consents[0].time_ms, 2000); // the first one and the last one stay
	assert_int_equal(p->consents[p->consents_count - 1].time_ms, 4999);
	assert_string_equal(p->consents[p->consents_count - 1].state, "withdrawn");
	assert_int_equal(p->periods[0].from_ms, 1000);
	assert_int_equal(p->periods[p->periods_count - 1].to_ms, 9000);
	assert_true(hz_story_left_out(s) > 0);
	hz_manifest_free(m);
	hz_story_free(s);
}

static void crowds(void **state)
{
	struct hz_story *s;
	char id[32];
	assert_int_equal(hz_story_new(&s), 0);
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "student-%d", i);
		for (int k = 0; k < 20; k++)
			put(s, "consent", id, k % 2 ? "{\"state\":\"withdrawn\"}" : "{\"state\":\"given\"}",
			    k + 1);
	}
	struct hz_manifest *m = read_back(s);
	assert_true(m->people_count >= 2000);
	for (unsigned i = 0; i < m->people_count; i++) {
		const struct hz_manifest_person *p = &m->people[i];
		assert_string_equal(p->consents[p->consents_count - 1].state, "withdrawn");
	}
	hz_manifest_free(m);
	hz_story_free(s);
}

static void floods(void **state)
{
	struct hz_story *s;
	assert_int_equal(hz_story_new(&s), 0);
	put(s, "consent", "p", "{\"state\":\"given\"}", 1);
	for (int i = 0; i < HZ_EVENTS_COUNT; i++)
		put(s, "mute", "noisy", "{}", 2);
	put(s, "consent", "p", "{\"state\":\"withdrawn\"}", 3);
	put(s, "leave", "p", "{}", 4);
	struct hz_manifest *m = read_back(s);
	const struct hz_manifest_person *p = hz_manifest_person(m, "p");
	assert_int_equal(p->consents_count, 2);
	assert_string_equal(p->consents[1].state, "withdrawn");
	hz_manifest_free(m);
	hz_story_free(s);
}

static unsigned count_of(const json_t *events, const char *type)
{
	unsigned count = 0;
	size_t i;
	const json_t *one;
	json_array_foreach(events, i, one) count +=
	    strcmp(json_string_value(json_object_get(one, "type")), type) == 0;
	return count;
}

#define PEOPLE 50
#define HOURS  8

// A ward round of 50 people and 8 hours, talkative and on bad links: everything that was said and decided is there, what comes by
// the clock is thinner, evenly, and every reader takes the file.
static void eight_hours(void **state)
{
	static const char quality[] =
	    "{\"rtt_ms\":123.456789,\"up_bps\":1234567,\"down_bps\":12345678,\"up_lost_percent\":1.2345678,"
	    "\"down_lost_percent\":1.2345678,\"jitter_ms\":12.345678,\"nacks_sent\":12345,\"nacks_received\":"
	    "12345,"
	    "\"retransmitted\":12345,\"plis_sent\":123,\"plis_received\":123,\"estimate_bps\":1234567,"
	    "\"probes\":123,"
	    "\"quality\":\"good\",\"transport\":\"connected\",\"client\":{\"rtt_ms\":123.4567,\"up_bps\":"
	    "123456.7,"
	    "\"down_bps\":123456.7,\"lost_percent\":1.2345678,\"frozen_ms\":12345.6,\"transport\":\"udp\"}}";
	struct hz_story *s;
	char id[32], ids[200];
	unsigned chats = 0;
	assert_int_equal(hz_story_new(&s), 0);
	for (int ms = 1; ms < HOURS * 3600000; ms += 500) {
		int second = ms / 1000;
		for (int i = 0; i < PEOPLE && ms % 10000 == 1; i++) {
			snprintf(id, sizeof(id), "doctor-%d", i);
			put(s, "quality", id, quality, ms);
		}
		snprintf(id, sizeof(id), "doctor-%d", second % PEOPLE);
		snprintf(ids, sizeof(ids), "{\"ids\":[\"%s\",\"doctor-1\",\"doctor-2\",\"doctor-3\"]}", id);
		put(s, "speaker", id, ids, ms);
		if (ms % 5000 == 1) {
			put(s, "chat", id, "{\"text\":\"...\"}", ms);
			chats++;
		}
	}
	put(s, "consent", "doctor-1", "{\"state\":\"withdrawn\"}", HOURS * 3600000);
	hz_story_end(s);
	json_t *events = hz_story_events(s, 0), *thinned = hz_story_thinned(s), *one;
	assert_int_equal(hz_story_left_out(s), 0);
	assert_int_equal(count_of(events, "chat"), chats);
	assert_int_equal(count_of(events, "consent"), 1);
	assert_true(json_array_size(events) <= HZ_EVENTS_COUNT);
	char *text = json_dumps(events, HZ_EVENTS_TEXT);
	assert_true(strlen(text) <= HZ_EVENTS_BYTES);
	free(text);
	// Of each stretch of the said length one, for everybody, from the begin to the end.
	json_int_t quality_ms = json_integer_value(json_object_get(thinned, "quality_ms"));
	unsigned stretches = (unsigned)(HOURS * 3600000 / quality_ms),
	         qualities = count_of(events, "quality");
	assert_in_range(qualities, stretches * PEOPLE, (stretches + 1) * PEOPLE);
	assert_true(count_of(events, "speaker") >=
	            HOURS * 3600000 / (unsigned)json_integer_value(json_object_get(thinned, "speaker_ms")));
	json_int_t last_ms = 0;
	size_t i;
	json_array_foreach(events, i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "type")), "quality") != 0)
			continue;
		json_int_t at_ms = json_integer_value(json_object_get(one, "at_ms"));
		assert_true(at_ms - last_ms <= 2 * quality_ms);
		last_ms = at_ms;
	}
	assert_true(HOURS * 3600000 - last_ms <= 2 * quality_ms);
	assert_int_equal(json_integer_value(json_object_get(thinned, "events")) +
	                     (json_int_t)json_array_size(events),
	                 PEOPLE * HOURS * 360 + HOURS * 7200 + chats + 1);
	json_decref(thinned);
	json_decref(events);
	hz_story_free(s);
}

// What cannot be thinned and is too much for any reader is counted.
static void long_texts(void **state)
{
	struct hz_story *s;
	static char text[20100];
	assert_int_equal(hz_story_new(&s), 0);
	int n = snprintf(text, sizeof(text), "{\"text\":\"");
	memset(text + n, 'x', 20000);
	strcpy(text + n + 20000, "\"}");
	for (int i = 1; i <= 2000; i++)
		put(s, "chat", "p", text, i);
	hz_story_end(s);
	json_t *events = hz_story_events(s, 0);
	char *whole = json_dumps(events, HZ_EVENTS_TEXT);
	assert_in_range(strlen(whole), HZ_EVENTS_BYTES / 2, HZ_EVENTS_BYTES);
	assert_int_equal(hz_story_left_out(s) + json_array_size(events), 2000);
	free(whole);
	json_decref(events);
	hz_story_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(changes_of_mind), cmocka_unit_test(crowds),
	                                   cmocka_unit_test(floods), cmocka_unit_test(eight_hours),
	                                   cmocka_unit_test(long_texts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
