// A record of the store, from its journal to its files: states, locks, kills, alterations.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "recorder/journal/writer.h"
#include "recorder/store.h"
#include "tests/unit/finalize/fake_media.h"

#define ID "00112233-4455-6677-8899-aabbccddeeff"

static char folder[64];
static uint8_t master[HZ_JOURNAL_KEY_BYTES] = {7};
static struct hz_journal_writer *writer;

static void write_state(enum hz_record_phase phase)
{
	struct hz_record_state s = {
	    .id = ID, .consult = "c", .phase = phase, .started_ms = FAKE_ZERO_US / 1000};
	assert_int_equal(hz_record_state_write(folder, &s), 0);
}

static enum hz_record_phase phase(char *ret_error)
{
	struct hz_record_state s;
	assert_int_equal(hz_record_state_read(folder, &s), 0);
	strcpy(ret_error, s.error);
	return s.phase;
}

static void put_item(const struct hz_journal_item *i, uint32_t *track)
{
	char text[2048] = "";
	if (i->kind == HZ_RECORD_TRACK) {
		memcpy(text, i->data, i->bytes);
		json_t *root = json_loads(text, 0, NULL);
		uint32_t number = (uint32_t)json_integer_value(json_object_get(root, "track"));
		assert_int_equal(hz_journal_track(writer, json_string_value(json_object_get(root, "key")),
		                                  text, i->at_us, &track[number]),
		                 0);
		json_decref(root);
	} else if (i->kind == HZ_RECORD_RTP) {
		assert_int_equal(
		    hz_journal_rtp(writer, track[i->track], i->flags, i->data, i->bytes, i->at_us), 0);
	} else if (i->kind == HZ_RECORD_SR) {
		assert_int_equal(hz_journal_sender_report(writer, track[i->track], i->data, i->at_us), 0);
	} else {
		static uint64_t event;
		assert_int_equal(hz_journal_event(writer, ++event, (const char *)i->data, i->bytes, i->at_us),
		                 0);
	}
}

// A record with picture and sound; its writer is left open.
static int make_record(void **state)
{
	struct fake_list list = {0};
	struct fake_clip video = fake_video("h264", 320, 180, 30, 20, 2), sound = fake_audio(100, 20);
	uint32_t track[8] = {0};
	strcpy(folder, "/dev/shm/hz-job-XXXXXX");
	assert_non_null(mkdtemp(folder));
	fake_describe(&list, 1, "p1", "camera", 0);
	fake_describe(&list, 2, "p1", "microphone", 0);
	fake_json(
	    &list, HZ_RECORD_EVENT, 0.01,
	    "{\"type\":\"join\",\"participant\":\"p1\",\"detail\":{\"name\":\"A\",\"role\":\"expert\"}}");
	fake_json(
	    &list, HZ_RECORD_EVENT, 0.02,
	    "{\"type\":\"consent\",\"participant\":\"p1\",\"time_ms\":5,\"detail\":{\"state\":\"given\"}}");
	fake_json(&list, HZ_RECORD_EVENT, 12,
	          "{\"type\":\"chat\",\"participant\":\"p1\",\"detail\":{\"text\":\"x\"}}");
	struct fake_publisher v = {
	    .track = 1, .ssrc = 11, .codec = "h264", .pt = 102, .fps = 30, .repaired = 0.02};
	struct fake_publisher a = {.track = 2, .ssrc = 12, .codec = "opus", .pt = 111, .fps = 50, .ppm = 100};
	fake_publish(&list, &v, &video);
	fake_publish(&list, &a, &sound);
	fake_sort(&list);
	struct hz_journal_open with = {.folder = folder,
	                               .master = master,
	                               .meta = "{\"id\":\"" ID "\",\"consult\":\"c\",\"title\":\"T\"}",
	                               .limit_bytes = 8 << 20,
	                               .monotonic_us = list.item[0].item.at_us,
	                               .wall_us = FAKE_ZERO_US};
	assert_int_equal(hz_record_id_bytes(ID, with.record), 0);
	assert_int_equal(hz_journal_open(&with, &writer), 0);
	int64_t sealed = with.monotonic_us;
	for (size_t i = 0; i < list.count; i++) {
		const struct hz_journal_item *item = &list.item[i].item;
		put_item(item, track);
		if (item->at_us - sealed < 250000)
			continue;
		sealed = item->at_us;
		assert_int_equal(hz_journal_seal(writer, sealed, FAKE_ZERO_US + sealed - 1000000000), 0);
		assert_int_equal(hz_journal_sync(writer), 0);
	}
	sealed = list.item[list.count - 1].item.at_us;
	assert_int_equal(hz_journal_end(writer, sealed, FAKE_ZERO_US + sealed - 1000000000), 0);
	fake_list_free(&list);
	fake_clip_free(&video);
	fake_clip_free(&sound);
	return 0;
}

static int remove_record(void **state)
{
	char command[128];
	hz_journal_free(writer);
	writer = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static json_t *load(const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	json_t *root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	return root;
}

static int run(char error[HZ_FINALIZE_ERROR_BYTES])
{
	int lock, err = hz_finalize_begin(folder, &lock);
	error[0] = '\0';
	if (err)
		return err;
	err = hz_finalize_tracks(folder, master, error);
	assert_int_equal(hz_finalize_end(folder, lock, err, error), 0);
	return err;
}

static void states_and_locks(void **state)
{
	char error[HZ_FINALIZE_ERROR_BYTES], path[128];
	int lock;
	write_state(HZ_RECORD_ENDED);
	assert_int_equal(run(error), -EBUSY); // still written
	hz_journal_free(writer);
	writer = NULL;
	assert_int_equal(hz_finalize_begin(folder, &lock), 0);
	assert_int_equal(phase(error), HZ_RECORD_FINALISING);
	assert_int_equal(run(error), -EBUSY); // somebody else's
	assert_int_equal(hz_finalize_end(folder, lock, -ENOSPC, "full"), 0);
	assert_int_equal(phase(error), HZ_RECORD_FINALISING);
	assert_string_equal(error, "full");
	assert_int_equal(run(error), 0);
	assert_int_equal(phase(error), HZ_RECORD_FINALISED);
	assert_string_equal(error, "");
	snprintf(path, sizeof(path), "%s/tracks/p1.camera.1.mp4", folder);
	assert_true(fake_plays(path));
	write_state(HZ_RECORD_DELETED);
	assert_int_equal(run(error), -ENODATA);
	write_state(HZ_RECORD_ENDED);
}

static void what_the_manifest_says(void **state)
{
	json_t *m = load("manifest.json"), *events = load("timeline.json");
	const json_t *journal = json_object_get(m, "journal"),
	             *p = json_array_get(json_object_get(m, "participants"), 0);
	assert_string_equal(json_string_value(json_object_get(m, "record")), ID);
	assert_string_equal(json_string_value(json_object_get(m, "title")), "T");
	assert_int_equal(json_array_size(json_object_get(m, "files")), 2);
	assert_int_equal(json_array_size(json_object_get(m, "warnings")), 0);
	assert_int_equal(json_array_size(json_object_get(journal, "segments")), 1);
	assert_int_equal(strlen(json_string_value(json_object_get(journal, "chain"))), 64);
	assert_true(json_is_true(json_object_get(journal, "ended")));
	assert_string_equal(json_string_value(json_object_get(p, "role")), "expert");
	assert_int_equal(json_array_size(json_object_get(p, "periods")), 1);
	const json_t *consent = json_array_get(json_object_get(p, "consent"), 0);
	assert_int_equal(json_integer_value(json_object_get(consent, "time_ms")), 5);
	assert_int_equal(json_array_size(events), 3);
	const json_t *chat = json_array_get(events, 2);
	assert_in_range(json_integer_value(json_object_get(chat, "at_ms")), 11990, 12010);
	json_decref(m);
	json_decref(events);
}

// kill -9 at any moment: the next run makes the same bytes.
static void killed_at_any_moment(void **state)
{
	char error[HZ_FINALIZE_ERROR_BYTES];
	assert_int_equal(run(error), 0);
	json_t *first = load("manifest.json");
	unsigned killed = 0;
	for (unsigned i = 0; i < 30; i++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			_exit(run(error) ? 1 : 0);
		usleep(500 + i * 1500);
		kill(child, SIGKILL);
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		killed += WIFSIGNALED(status);
	}
	print_message("%u of 30 runs were killed\n", killed);
	assert_true(killed > 3);
	assert_int_equal(run(error), 0);
	json_t *last = load("manifest.json");
	assert_true(json_equal(first, last));
	json_decref(first);
	json_decref(last);
}

static void an_altered_byte(void **state)
{
	char path[128], error[HZ_FINALIZE_ERROR_BYTES];
	struct stat st;
	uint8_t byte;
	snprintf(path, sizeof(path), "%s/journal/0001.hzj", folder);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pread(fd, &byte, 1, st.st_size / 2), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, st.st_size / 2), 1);
	assert_int_equal(run(error), -EBADMSG);
	assert_non_null(strstr(error, "altered: 0001.hzj"));
	assert_int_equal(phase(error), HZ_RECORD_FAILED);
	assert_non_null(strstr(error, "altered: 0001.hzj"));
	json_t *m = load("manifest.json"); // what was before it can be seen and heard
	const json_t *file = json_array_get(json_object_get(m, "files"), 0);
	assert_in_range(json_integer_value(json_object_get(file, "duration_ms")), 7000, 13000);
	assert_int_equal(json_array_size(json_object_get(m, "warnings")), 1);
	json_decref(m);
	snprintf(path, sizeof(path), "%s/tracks/p1.camera.1.mp4", folder);
	assert_true(fake_plays(path));
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, st.st_size / 2), 1);
	close(fd);
	uint8_t other[HZ_JOURNAL_KEY_BYTES] = {8};
	assert_int_equal(hz_finalize_tracks(folder, other, error), -EKEYREJECTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(states_and_locks),
	    cmocka_unit_test(what_the_manifest_says),
	    cmocka_unit_test(killed_at_any_moment),
	    cmocka_unit_test(an_altered_byte),
	};
	return cmocka_run_group_tests(tests, make_record, remove_record);
}
