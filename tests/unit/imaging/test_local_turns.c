// Frames of local studies into HTJ2K: the same samples, once, also for many; what a study had in the cache goes with it, and what comes
// back under its UIDs is another one; without anybody who decodes they go out as they are stored.
#include "tests/unit/imaging/study_rig.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "gateway/base/memfd.h"
#include "gateway/base/seqpacket.h"
#include "media/dicomweb/cache.h"
#include "media/dicomweb/request.h"
#include "media/dicomweb/turn.h"
#include "media/imaging/frame.h"
#include "media/studies/turns.h"

static struct {
	struct hz_local_turns *turns;
	int turn[1];
	unsigned count;           // of DONEs that are not early
	struct hz_dweb_done done; // the last one
	uint64_t ids;             // their sum
	char *data;               // of it
	size_t bytes;
} is;

static void on_done(void *ctx, struct hz_dweb_done *done, int fd)
{
	if (done->early)
		return;
	is.count++;
	is.ids += done->id;
	is.done = *done;
	free(is.data);
	is.data = NULL;
	if (done->result == HZ_DWEB_OK)
		assert_int_equal(hz_memfd_read(fd, 1 << 20, &is.data, &is.bytes), 0);
}

static void begin(struct rig *rig, unsigned decoders)
{
	struct hz_dweb_cache *cache = NULL;
	const struct hz_local_turns_of of = {
	    .local = rig->local, .reader = rig->reader, .fds = is.turn, .count = decoders, .done = on_done};
	is.count = 0;
	is.ids = 0;
	assert_int_equal(hz_local_turns_open(rig->dir, 1 << 20, rig->local, &cache), 0);
	assert_int_equal(hz_local_turns_new(&of, cache, &is.turns), 0);
}

static pid_t bear(void)
{
	int pair[1][2];
	assert_int_equal(hz_seqpacket_pair(0, pair[0]), 0);
	is.turn[0] = pair[0][0];
	pid_t nursery = hz_turn_nursery((const int(*)[2])pair, 1);
	assert_true(nursery > 0);
	return nursery;
}

static void end(pid_t nursery)
{
	hz_local_turns_free(is.turns);
	free(is.data);
	is.data = NULL;
	if (!nursery)
		return;
	kill(nursery, SIGKILL);
	waitpid(nursery, NULL, 0);
	close(is.turn[0]);
}

static void wait_for(unsigned count)
{
	for (int i = 0; i < 3000 && is.count < count; i++) {
		struct pollfd p = {.fd = is.turn[0], .events = POLLIN};
		assert_int_equal(hz_local_turns_read(is.turns), 0);
		poll(&p, 1, 10);
	}
	assert_int_equal(is.count, count);
}

static struct hz_dweb_get get_of(const char *study, uint64_t id)
{
	struct hz_dweb_get get = {.id = id, .request = {.kind = HZ_DWEB_FRAME, .frame = 1, .pacs = "local"}};
	snprintf(get.request.study, sizeof(get.request.study), "%s", study);
	snprintf(get.request.series, sizeof(get.request.series), "%s.1", study);
	snprintf(get.request.instance, sizeof(get.request.instance), "%s.1.1", study);
	assert_true(hz_dweb_pixels_parse("8,8,1,16,16,0,0,MONOCHROME2", &get.request.pixels));
	return get;
}

static void put(struct rig *rig, const char *study, unsigned flip)
{
	struct fake_bytes b = object_of(study, 1, "P1");
	char *text = NULL;
	size_t bytes = 0;
	b.data[b.bytes - 1] ^= (uint8_t)flip;
	struct hz_taking t = {.local = rig->local, .json = open_memstream(&text, &bytes)};
	hz_take(&t, b.data, b.bytes);
	fclose(t.json);
	free(text);
	fake_bytes_done(&b);
	assert_int_equal(t.last, HZ_LOCAL_STORED);
	usleep(3000); // the oldest is told by the clock
}

static uint16_t sample(size_t at)
{
	const struct hz_pixel_shape s = fake_grey(8, 8, 16);
	const struct hz_frame_source source = {
	    .data = (const uint8_t *)is.data, .bytes = is.bytes, .encoded = true};
	struct hz_dicom_fault fault;
	struct hz_frame frame;
	assert_int_equal(hz_frame_decode(&source, &s, 0, &fault, &frame), 0);
	uint16_t value = (uint16_t)(frame.data[2 * at] | frame.data[2 * at + 1] << 8);
	hz_frame_done(&frame);
	return value;
}

static unsigned kept(const struct rig *rig)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/turned", rig->dir);
	DIR *d = opendir(path);
	unsigned count = 0;
	for (const struct dirent *e; d && (e = readdir(d));)
		count += strlen(e->d_name) == 64;
	closedir(d);
	return count;
}

static void test_turned_once(void **state)
{
	struct rig *rig = *state;
	pid_t nursery = bear();
	put(rig, "1.2.3", 0);
	begin(rig, 1);
	struct hz_dweb_get one = get_of("1.2.3", 1), two = get_of("1.2.3", 20);
	assert_true(hz_local_turns_get(is.turns, &one));
	assert_true(hz_local_turns_get(is.turns, &two));
	assert_true(hz_local_turns_get(is.turns, &two)); // said again
	wait_for(2);
	assert_int_equal(is.ids, 21);
	assert_int_equal(is.done.result, HZ_DWEB_OK);
	assert_non_null(strstr(is.done.type, "image/jphc; transfer-syntax=1.2.840.10008.1.2.4.202; ends="));
	assert_int_equal(is.bytes, is.done.bytes);
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(sample(i), 100 + i);
	assert_int_equal(kept(rig), 1);
	assert_true(hz_local_turns_get(is.turns, &one)); // at once
	assert_int_equal(is.count, 3);
	assert_int_equal(sample(63), 163);

	// A word that is not so: as it is stored, and for who said it alone. No word, no object, another series: as ever.
	two.request.pixels.stored = 4;
	assert_true(hz_local_turns_get(is.turns, &two));
	wait_for(4);
	assert_true(is.bytes == 128 && strncmp(is.done.type, "application/octet-stream", 24) == 0);
	assert_int_equal((uint8_t)is.data[2], 101);
	two.request.pixels.rows = 9; // not its size
	assert_true(hz_local_turns_get(is.turns, &two));
	assert_int_equal(is.count, 5);
	assert_int_equal(is.bytes, 128);
	two = get_of("1.2.3", 3);
	two.request.pixels.rows = 0;
	assert_false(hz_local_turns_get(is.turns, &two));
	two = get_of("1.2.4", 3);
	assert_false(hz_local_turns_get(is.turns, &two));
	two = get_of("1.2.3", 3);
	strcpy(two.request.series, "1.2.3.2");
	assert_false(hz_local_turns_get(is.turns, &two));
	two = get_of("1.2.3", 3);
	two.request.frame = 2;
	assert_true(hz_local_turns_get(is.turns, &two));
	assert_int_equal(is.done.result, HZ_DWEB_MISSING);
	end(nursery);
}

static void test_goes_with_its_study(void **state)
{
	struct rig *rig = *state;
	pid_t nursery = bear();
	close_rig(rig);
	open_rig(rig, 1 << 24, 2, -1000); // nothing is too young to go
	put(rig, "1.2.1", 0);
	put(rig, "1.2.2", 0);
	begin(rig, 1);
	struct hz_dweb_get one = get_of("1.2.1", 1), two = get_of("1.2.2", 2);
	assert_true(hz_local_turns_get(is.turns, &one));
	wait_for(1);
	assert_true(hz_local_turns_get(is.turns, &two));
	wait_for(2);
	assert_int_equal(kept(rig), 2);
	put(rig, "1.2.3", 0); // one of the two goes, and what was made of it
	bool first = hz_local_turns_get(is.turns, &one);
	bool second = hz_local_turns_get(is.turns, &two);
	assert_true(first != second);
	assert_int_equal(kept(rig), 1);
	// One under way: who waits gets it, nobody keeps it.
	struct hz_dweb_get three = get_of("1.2.3", 3);
	is.count = 0;
	assert_true(hz_local_turns_get(is.turns, &three));
	put(rig, "1.2.4", 0);
	put(rig, "1.2.5", 0);
	wait_for(1);
	assert_non_null(strstr(is.done.type, "image/jphc"));
	assert_int_equal(kept(rig), 0);
	// Back, with other pixels.
	put(rig, "1.2.1", 0x40);
	assert_true(hz_local_turns_get(is.turns, &one));
	wait_for(2);
	assert_int_equal(sample(63), 163 ^ 0x4000);
	end(nursery);
	// A store that lost its index does not know what these are of.
	close_rig(rig);
	char path[64];
	snprintf(path, sizeof(path), "%s/index.db", rig->dir);
	assert_int_equal(truncate(path, 100), 0);
	open_rig(rig, 1 << 24, 100, 3600000);
	assert_int_equal(hz_local_studies(rig->local), 0);
	begin(rig, 0);
	assert_int_equal(kept(rig), 0);
	end(0);
}

static void test_nobody_decodes(void **state)
{
	struct rig *rig = *state;
	struct hz_dweb_get one = get_of("1.2.3", 1);
	put(rig, "1.2.3", 0);
	begin(rig, 0);
	assert_true(hz_local_turns_get(is.turns, &one));
	assert_true(is.count == 1 && is.bytes == 128);
	assert_int_equal(kept(rig), 0);
	assert_int_equal(hz_local_turns_read(is.turns), 0);
	end(0);
	pid_t nursery = bear(); // one that dies for good
	begin(rig, 1);
	kill(nursery, SIGKILL);
	waitpid(nursery, NULL, 0);
	assert_true(hz_local_turns_get(is.turns, &one));
	hz_local_turns_cancel(is.turns, 1);
	int err = 0;
	for (int i = 0; i < 500 && err != -EPIPE; i++, usleep(10000))
		err = hz_local_turns_read(is.turns);
	assert_int_equal(err, -EPIPE);
	assert_int_equal(is.count, 0);
	hz_local_turns_free(is.turns);
	close(is.turn[0]);
}

static int tear_down_all(void **state)
{
	const struct rig *rig = *state;
	char path[64];
	snprintf(path, sizeof(path), "%s/turned", rig->dir);
	remove_all(path);
	return tear_down(state);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_turned_once, set_up, tear_down_all),
	    cmocka_unit_test_setup_teardown(test_goes_with_its_study, set_up, tear_down_all),
	    cmocka_unit_test_setup_teardown(test_nobody_decodes, set_up, tear_down_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
