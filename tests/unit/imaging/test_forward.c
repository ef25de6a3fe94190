// Studies on their way to PACS: an object at a time, until each is there or refused; a PACS that is away holds up nobody else; who dies
// goes on where it was; what waits never makes room, what is there does first.
#include "media/dicomweb/pipe_send.h"
#include "media/studies/forward.h"
#include "tests/unit/imaging/study_rig.h"

static struct {
	unsigned count;
	bool deaf; // it cannot be said now
	struct hz_dweb_send last[64];
	size_t bytes;
} sends;

static int on_send(void *ctx, const struct hz_dweb_send *send, int fd)
{
	struct stat st;
	assert_null(ctx);
	if (sends.deaf)
		return -EAGAIN;
	assert_int_equal(fstat(fd, &st), 0);
	sends.bytes = (size_t)st.st_size;
	sends.last[sends.count++ % 64] = *send;
	return 0;
}

static struct hz_forward *begin(struct rig *rig)
{
	struct hz_forward *f = NULL;
	memset(&sends, 0, sizeof(sends));
	assert_int_equal(hz_forward_new(rig->local, on_send, NULL, &f), 0);
	return f;
}

static void put(struct rig *rig, const char *study, unsigned number, enum hz_local_result expected)
{
	struct fake_bytes b = object_of(study, number, "P1");
	assert_int_equal(hz_take_object(rig->local, b.data, b.bytes), expected);
	fake_bytes_done(&b);
}

static void say(struct hz_forward *f, uint64_t id, enum hz_dweb_result result, int64_t now_ms)
{
	const struct hz_dweb_sent sent = {.id = id, .result = result};
	hz_forward_sent(f, &sent, now_ms);
}

static uint64_t last_id(void)
{
	return sends.last[(sends.count - 1) % 64].id;
}

// What is said of a study.
static void expect(struct rig *rig, const char *study, const char *text)
{
	char *said = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&said, &bytes);
	assert_int_equal(hz_forward_say(rig->local, study, out), 0);
	fclose(out);
	if (!strstr(said, text))
		fail_msg("%s is not in %s", text, said);
	free(said);
}

static void test_one_after_the_other(void **state)
{
	struct rig *rig = *state;
	struct hz_forward *f = begin(rig);
	struct hz_local_status sum;
	for (unsigned n = 1; n <= 3; n++)
		put(rig, "1.2.3", n, HZ_LOCAL_STORED);
	assert_int_equal(hz_forward_order(f, "1.2.4", "main", 1000), -ENOENT);
	expect(rig, "1.2.3", "{\"items\":[]}");
	assert_int_equal(hz_forward_order(f, "1.2.3", "main", 1000), 0);
	assert_int_equal(sends.count, 1);
	assert_string_equal(sends.last[0].pacs, "main");
	assert_string_equal(sends.last[0].study, "1.2.3");
	assert_true(sends.bytes > 256);
	assert_int_equal(hz_forward_order(f, "1.2.3", "main", 1000), 0); // pressed twice
	hz_forward_tick(f, 2000);
	assert_int_equal(sends.count, 1); // one at a time
	assert_int_equal(hz_forward_order(f, "1.2.3", "other", 1000), 0);
	assert_int_equal(sends.count, 2); // and one to each
	uint64_t other = last_id();
	expect(rig, "1.2.3",
	       "{\"pacs\":\"main\",\"state\":\"waiting\",\"waiting\":3,\"forwarded\":0,\"refused\":0}");
	say(f, sends.last[0].id, HZ_DWEB_OK, 2000);
	assert_int_equal(sends.count, 3);           // the next one at once
	say(f, sends.last[0].id, HZ_DWEB_OK, 2000); // said twice
	assert_int_equal(sends.count, 3);
	say(f, last_id(), HZ_DWEB_DECLINED, 2000);
	assert_int_equal(sends.count, 4);
	say(f, last_id(), HZ_DWEB_OK, 2000);
	expect(rig, "1.2.3",
	       "\"state\":\"refused\",\"waiting\":0,\"forwarded\":2,\"refused\":1,\"reason\":\"refused\"}");
	say(f, other, HZ_DWEB_OK, 2000);
	hz_forward_sum(f, &sum);
	assert_int_equal(sum.waiting, 2);
	assert_int_equal(sum.forwarded, 3);
	assert_int_equal(sum.refused, 1);
	assert_int_equal(sum.studies, 1);
	// By hand once more: only what was refused.
	unsigned before = sends.count;
	assert_int_equal(hz_forward_order(f, "1.2.3", "main", 3000), 0);
	say(f, last_id(), HZ_DWEB_OK, 3000);
	assert_int_equal(sends.count, before + 1);
	expect(rig, "1.2.3",
	       "{\"pacs\":\"main\",\"state\":\"forwarded\",\"waiting\":0,\"forwarded\":3,\"refused\":0}");
	hz_forward_free(f);
}

static void test_away(void **state)
{
	struct rig *rig = *state;
	struct hz_forward *f = begin(rig);
	put(rig, "1.2.3", 1, HZ_LOCAL_STORED);
	put(rig, "1.2.3", 2, HZ_LOCAL_STORED);
	assert_int_equal(hz_forward_order(f, "1.2.3", "main", 1000), 0);
	say(f, last_id(), HZ_DWEB_AWAY, 1000);
	hz_forward_tick(f, 5999);
	assert_int_equal(sends.count, 1); // nothing else is tried meanwhile
	expect(rig, "1.2.3", "\"waiting\":2,\"forwarded\":0,\"refused\":0,\"reason\":\"away\"}");
	hz_forward_tick(f, 6000);
	assert_int_equal(sends.count, 2);
	say(f, last_id(), HZ_DWEB_REFUSED, 6000);
	hz_forward_tick(f, 35999);
	assert_int_equal(sends.count, 2);
	hz_forward_tick(f, 36000);
	assert_int_equal(sends.count, 3);
	for (int64_t i = 0; i < 100; i++) { // weeks of it cost nothing but time
		say(f, last_id(), HZ_DWEB_AWAY, 100000 + i * 300000);
		hz_forward_tick(f, 100000 + (i + 1) * 300000);
	}
	assert_int_equal(sends.count, 103);
	expect(rig, "1.2.3", "\"waiting\":2");
	// An object that this PACS fails on waits alone, ever longer, and comes to an end.
	int64_t now = 100000000;
	unsigned fails = 0, answered = sends.count - 1;
	for (unsigned i = 0; i < 200; i++) {
		for (; answered < sends.count; answered++, fails++)
			say(f, sends.last[answered % 64].id, HZ_DWEB_FAILED, now);
		now += 3600000;
		hz_forward_tick(f, now);
	}
	assert_int_equal(fails, 2 * HZ_FORWARD_TRIES);
	expect(rig, "1.2.3", "\"state\":\"refused\",\"waiting\":0,\"forwarded\":0,\"refused\":2");
	hz_forward_free(f);
}

static void test_dies(void **state)
{
	struct rig *rig = *state;
	struct hz_forward *f = begin(rig);
	put(rig, "1.2.3", 1, HZ_LOCAL_STORED);
	assert_int_equal(hz_forward_order(f, "1.2.3", "main", 1000), 0);
	uint64_t old = last_id();
	hz_forward_free(f);
	close_rig(rig);
	open_rig(rig, 1 << 24, 100, 3600000);
	f = begin(rig);
	hz_forward_tick(f, 1000);
	assert_int_equal(sends.count, 1);
	say(f, old, HZ_DWEB_OK, 1000); // to the one that died: of another object, for all we know
	expect(rig, "1.2.3", "\"state\":\"waiting\"");
	hz_forward_again(f); // control is another one
	hz_forward_tick(f, 1000);
	assert_int_equal(sends.count, 2);
	sends.deaf = true;
	hz_forward_again(f);
	hz_forward_tick(f, 2000);
	sends.deaf = false;
	hz_forward_tick(f, 7000);
	assert_int_equal(sends.count, 3);
	hz_forward_tick(f, 8000 + 2 * 3600 * 1000); // no answer at all
	hz_forward_tick(f, 20000 + 2 * 3600 * 1000);
	assert_int_equal(sends.count, 4);
	say(f, last_id(), 4711, 20000 + 2 * 3600 * 1000); // a word that is none
	expect(rig, "1.2.3", "\"state\":\"waiting\"");
	hz_forward_free(f);
}

static void test_by_rule(void **state)
{
	struct rig *rig = *state;
	struct hz_forward *f = begin(rig);
	put(rig, "1.2.3", 1, HZ_LOCAL_STORED);
	hz_local_forward_to(rig->local, "main");
	put(rig, "1.2.3", 2, HZ_LOCAL_STORED);
	put(rig, "1.2.3", 1, HZ_LOCAL_PRESENT); // sent again, perhaps because it was to go on
	hz_local_forward_to(rig->local, "");
	put(rig, "1.2.3", 3, HZ_LOCAL_STORED);
	expect(rig, "1.2.3", "\"waiting\":2");
	hz_forward_tick(f, 1000);
	say(f, last_id(), HZ_DWEB_OK, 1000);
	say(f, last_id(), HZ_DWEB_OK, 1000);
	expect(rig, "1.2.3", "\"state\":\"forwarded\",\"waiting\":0,\"forwarded\":2");
	hz_local_forward_to(rig->local, "main");
	put(rig, "1.2.3", 2, HZ_LOCAL_PRESENT);
	hz_local_forward_to(rig->local, "");
	expect(rig, "1.2.3", "\"waiting\":0");
	// A month without its PACS.
	assert_int_equal(hz_forward_order(f, "1.2.3", "gone", 1000), 0);
	say(f, last_id(), HZ_DWEB_UNKNOWN, 1000);
	hz_forward_tick(f, (int64_t)31 * 86400 * 1000);
	expect(rig, "1.2.3",
	       "{\"pacs\":\"gone\",\"state\":\"refused\",\"waiting\":0,\"forwarded\":0,\"refused\":3,"
	       "\"reason\":\"unknown\"}");
	hz_forward_free(f);
}

static bool is_there(struct rig *rig, const char *study)
{
	struct hz_dweb_request r = {.kind = HZ_DWEB_STUDY, .pacs = "local"};
	struct hz_local_answer a;
	snprintf(r.study, sizeof(r.study), "%s", study);
	bool there = hz_local_answer(rig->reader, &r, &a) == HZ_DWEB_OK;
	if (there)
		close(a.fd);
	return there;
}

static void test_room(void **state)
{
	struct rig *rig = *state;
	close_rig(rig);
	open_rig(rig, 1 << 24, 3, -1000); // nothing is too young to go
	struct hz_forward *f = begin(rig);
	put(rig, "1.2.1", 1, HZ_LOCAL_STORED);
	usleep(3000);
	put(rig, "1.2.2", 1, HZ_LOCAL_STORED);
	usleep(3000);
	put(rig, "1.2.3", 1, HZ_LOCAL_STORED);
	assert_int_equal(hz_forward_order(f, "1.2.1", "main", 1000), 0); // the oldest waits
	assert_int_equal(hz_forward_order(f, "1.2.3", "other", 1000), 0);
	say(f, last_id(), HZ_DWEB_OK, 1000); // the newest is there
	put(rig, "1.2.4", 1, HZ_LOCAL_STORED);
	assert_false(is_there(rig, "1.2.3"));
	assert_true(is_there(rig, "1.2.1") && is_there(rig, "1.2.2") && is_there(rig, "1.2.4"));
	assert_int_equal(hz_forward_order(f, "1.2.2", "away", 1000), 0);
	assert_int_equal(hz_forward_order(f, "1.2.4", "away", 1000), 0);
	put(rig, "1.2.5", 1, HZ_LOCAL_FULL); // all of them wait: they are nowhere else
	for (unsigned i = 0; i < sends.count; i++)
		say(f, sends.last[i].id, HZ_DWEB_DECLINED, 1000);
	put(rig, "1.2.5", 1, HZ_LOCAL_STORED);
	hz_forward_free(f);
	close_rig(rig);
	open_rig(rig, 1 << 24, 3, 3600000); // all were used within the hour
	f = begin(rig);
	put(rig, "1.2.6", 1, HZ_LOCAL_FULL);
	hz_forward_free(f);
}

static void test_lost_file(void **state)
{
	struct rig *rig = *state;
	struct hz_forward *f = begin(rig);
	put(rig, "1.2.3", 1, HZ_LOCAL_STORED);
	DIR *d = opendir(rig->dir);
	const struct dirent *e;
	while ((e = readdir(d))) {
		if (strlen(e->d_name) == 64)
			assert_int_equal(unlinkat(dirfd(d), e->d_name, 0), 0);
	}
	closedir(d);
	assert_int_equal(hz_forward_order(f, "1.2.3", "main", 1000), 0);
	assert_int_equal(sends.count, 0);
	expect(rig, "1.2.3", "\"refused\":1");
	hz_forward_free(f);
}

// What a PACS says to one object.
static void test_words(void **state)
{
	static const struct {
		const char *text;
		enum hz_dweb_result result;
	} all[] = {
	    {"", HZ_DWEB_OK},
	    {"<html>", HZ_DWEB_OK},
	    {"{\"00081199\":{\"vr\":\"SQ\",\"Value\":[{}]}}", HZ_DWEB_OK},
	    {"[{\"00081199\":{\"vr\":\"SQ\",\"Value\":[{}]}}]", HZ_DWEB_OK},
	    {"{\"00081198\":{\"vr\":\"SQ\",\"Value\":[{}]}}", HZ_DWEB_DECLINED},
	    {"{\"00081198\":{\"Value\":[{}]},\"00081199\":{\"Value\":[{}]}}", HZ_DWEB_DECLINED},
	    {"{}", HZ_DWEB_DECLINED},
	    {"[]", HZ_DWEB_DECLINED},
	    {"7", HZ_DWEB_OK},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++)
		assert_int_equal(hz_pipe_send_result(HZ_DWEB_OK, all[i].text, strlen(all[i].text)),
		                 all[i].result);
	assert_int_equal(hz_pipe_send_result(HZ_DWEB_AWAY, "{}", 2), HZ_DWEB_AWAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_one_after_the_other, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_away, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_dies, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_by_rule, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_room, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_lost_file, set_up, tear_down),
	    cmocka_unit_test(test_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
