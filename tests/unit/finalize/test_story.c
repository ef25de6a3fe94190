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

#include "recorder/finalize/story.h"
#include "recorder/record/manifest_read.h"

static void put(struct hz_story *s, const char *type, const char *participant, const char *detail, int64_t ms)
{
	char text[512];
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
	for (int i = 0; i < HZ_STORY_EVENTS; i++)
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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(changes_of_mind), cmocka_unit_test(crowds),
	                                   cmocka_unit_test(floods)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
