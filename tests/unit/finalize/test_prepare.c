// Sound that is made AAC while a consult is recorded: the same bytes as at its end, from what was there then; killed, damaged,
// erased and taken back.
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "recorder/finalize/dicom_cache.h"
#include "recorder/finalize/prepare.h"
#include "recorder/journal/hash.h"
#include "recorder/journal/writer.h"
#include "recorder/record/files.h"
#include "recorder/record/package.h"
#include "recorder/store.h"
#include "tests/unit/finalize/fake_media.h"

#define ID       "00112233-4455-6677-8899-aabbccddeeff"
#define LENGTH_S 20
#define EARLY_S  14 // so much is there when it is prepared first

static char folder[64];
static uint8_t master[HZ_JOURNAL_KEY_BYTES] = {7};
static struct hz_journal_writer *writer;
static struct fake_list list;
static uint32_t track[8];
static size_t written;

static void write_state(enum hz_record_phase phase)
{
	struct hz_record_state s = {
	    .id = ID, .consult = "c", .phase = phase, .started_ms = FAKE_ZERO_US / 1000};
	assert_int_equal(hz_record_state_write(folder, &s), 0);
}

static void put_item(const struct hz_journal_item *i)
{
	static uint64_t event;
	char text[2048] = "";
	int err;
	if (i->kind == HZ_RECORD_TRACK) {
		memcpy(text, i->data, i->bytes);
		json_t *root = json_loads(text, 0, NULL);
		uint32_t number = (uint32_t)json_integer_value(json_object_get(root, "track"));
		err = hz_journal_track(writer, json_string_value(json_object_get(root, "key")), text,
		                       i->at_us, &track[number]);
		json_decref(root);
	} else if (i->kind == HZ_RECORD_RTP) {
		err = hz_journal_rtp(writer, track[i->track], i->flags, i->data, i->bytes, i->at_us);
	} else if (i->kind == HZ_RECORD_SR) {
		err = hz_journal_sender_report(writer, track[i->track], i->data, i->at_us);
	} else {
		err = hz_journal_event(writer, ++event, (const char *)i->data, i->bytes, i->at_us);
	}
	assert_int_equal(err, 0);
}

// The journal up to then.
static void write_until(double s)
{
	int64_t until = 1000000000 + (int64_t)(s * 1e6), sealed = 0;
	for (; written < list.count && list.item[written].item.at_us < until; written++) {
		const struct hz_journal_item *item = &list.item[written].item;
		put_item(item);
		sealed = sealed ? sealed : item->at_us;
		if (item->at_us - sealed < 250000)
			continue;
		sealed = item->at_us;
		assert_int_equal(hz_journal_seal(writer, sealed, FAKE_ZERO_US + sealed - 1000000000), 0);
		assert_int_equal(hz_journal_sync(writer), 0);
	}
	assert_int_equal(hz_journal_seal(writer, until, FAKE_ZERO_US + until - 1000000000), 0);
	assert_int_equal(hz_journal_sync(writer), 0);
}

static void end_record(void)
{
	int64_t end = 1000000000 + (LENGTH_S + 2) * 1000000ll;
	write_until(LENGTH_S + 1);
	assert_int_equal(hz_journal_end(writer, end, FAKE_ZERO_US + end - 1000000000), 0);
	hz_journal_free(writer);
	writer = NULL;
	write_state(HZ_RECORD_ENDED);
}

// Somebody speaks, is silent for three seconds, and speaks again; their clocks run fast.
static int make_record(void **state)
{
	struct fake_clip video = fake_video("h264", 160, 96, 15, LENGTH_S, 2), sound = fake_speech(LENGTH_S);
	strcpy(folder, "/dev/shm/hz-early-XXXXXX");
	assert_non_null(mkdtemp(folder));
	memset(&list, 0, sizeof(list));
	written = 0;
	fake_describe(&list, 1, "p1", "camera", 0);
	fake_describe(&list, 2, "p1", "microphone", 0);
	struct fake_publisher v = {
	    .track = 1, .ssrc = 11, .codec = "h264", .pt = 102, .fps = 15, .start_s = 0.7, .from_s = 0.7};
	struct fake_publisher a = {.track = 2,
	                           .ssrc = 12,
	                           .codec = "opus",
	                           .pt = 111,
	                           .fps = 50,
	                           .ppm = 150,
	                           .repaired = 0.02,
	                           .loss = 0.01,
	                           .seed = 3,
	                           .mute_from_s = 8,
	                           .mute_until_s = 11};
	fake_publish(&list, &v, &video);
	fake_publish(&list, &a, &sound);
	fake_sort(&list);
	struct hz_journal_open with = {.folder = folder,
	                               .master = master,
	                               .meta = "{\"id\":\"" ID "\",\"consult\":\"c\",\"title\":\"T\"}",
	                               .limit_bytes = 8 << 20,
	                               .monotonic_us = 1000000000,
	                               .wall_us = FAKE_ZERO_US};
	assert_int_equal(hz_record_id_bytes(ID, with.record), 0);
	assert_int_equal(hz_journal_open(&with, &writer), 0);
	write_state(HZ_RECORD_RECORDING);
	fake_clip_free(&video);
	fake_clip_free(&sound);
	write_until(EARLY_S);
	return 0;
}

static int remove_record(void **state)
{
	char command[128];
	hz_journal_free(writer);
	writer = NULL;
	fake_list_free(&list);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void prepare(void)
{
	assert_int_equal(hz_prepare_read(folder, master), 0);
	assert_int_equal(hz_prepare_make(folder), 0);
}

// Slices in the folder; the last one's path. Nothing else is in it.
static unsigned slices(char path[400])
{
	char early[128];
	unsigned count = 0;
	snprintf(early, sizeof(early), "%s/" HZ_EARLY, folder);
	DIR *dir = opendir(early);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    strcmp(e->d_name, ".begun") == 0)
			continue;
		assert_int_equal(strlen(e->d_name), 64);
		snprintf(path, 400, "%s/%s", early, e->d_name);
		count++;
	}
	if (dir)
		closedir(dir);
	return count;
}

static bool is_there(const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void finalise(void)
{
	char error[HZ_FINALIZE_ERROR_BYTES] = "";
	int lock;
	assert_int_equal(hz_finalize_begin(folder, &lock), 0);
	assert_int_equal(hz_finalize_tracks(folder, master, error), 0);
	assert_int_equal(hz_finalize_end(folder, lock, 0, ""), 0);
}

static void package(char sha256[65])
{
	const struct hz_package_settings settings = {.charset = HZ_CHARSET_UTF8};
	struct hz_file_hash hash;
	const char *why;
	char path[128];
	assert_int_equal(hz_package(folder, &settings, &why), 0);
	snprintf(path, sizeof(path), "%s/dicom/01.dcm", folder);
	assert_int_equal(hz_hash_file(path, HZ_SHA256, &hash), 0);
	memcpy(sha256, hash.hex, 65);
	assert_false(is_there(HZ_EARLY));
}

static void unpackage(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -r %s/dicom", folder);
	assert_int_equal(system(command), 0);
}

// Whether the object's first slice is the file.
static bool is_used(const char *path)
{
	struct hz_tape tape;
	char sound[128], name[HZ_CACHE_NAME_BYTES];
	snprintf(sound, sizeof(sound), "%s/tracks/p1.microphone.1.webm", folder);
	assert_int_equal(hz_tape_open(sound, -123456, &tape), 0);
	assert_int_equal(tape.slices, 2);
	hz_cache_name(&tape, &tape.slice[0], name);
	hz_tape_done(&tape);
	return strcmp(strrchr(path, '/') + 1, name) == 0;
}

// What was made at 14 s is what is made of the whole: found again, and the object is the same, byte by byte.
static void same_bytes(void **state)
{
	char path[400] = "", early[65], late[65];
	prepare();
	assert_int_equal(slices(path), 1); // what was said before the silence; the rest goes on
	end_record();
	finalise();
	assert_true(is_used(path));
	package(early);
	unpackage();
	package(late);
	assert_string_equal(early, late);
}

// Again later: what is there stays as it is.
static void again(void **state)
{
	char path[400] = "";
	struct stat before, after;
	prepare();
	assert_int_equal(slices(path), 1);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(before.st_mode & 0777, 0600);
	write_until(EARLY_S + 2);
	prepare();
	assert_int_equal(slices(path), 1);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(hz_prepare_remove(folder), 0);
	assert_false(is_there(HZ_EARLY));
	assert_int_equal(hz_prepare_remove(folder), 0);
}

static void alter(const char *path, long at, bool cut)
{
	FILE *f = fopen(path, "r+");
	assert_non_null(f);
	if (cut) {
		assert_int_equal(ftruncate(fileno(f), at), 0);
	} else {
		assert_int_equal(fseek(f, at, SEEK_SET), 0);
		int c = fgetc(f);
		assert_int_equal(fseek(f, at, SEEK_SET), 0);
		assert_int_equal(fputc(c ^ 1, f), c ^ 1);
	}
	assert_int_equal(fclose(f), 0);
}

// A file that is not what was written is as if it were not there.
static void damaged(void **state)
{
	char path[400] = "", good[65], bad[65];
	struct stat st;
	prepare();
	assert_int_equal(slices(path), 1);
	end_record();
	finalise();
	assert_int_equal(stat(path, &st), 0);
	package(good);
	for (long at = 0; at <= 5; at++) {
		prepare();
		assert_int_equal(slices(path), 1);
		alter(path, at * (st.st_size - 1) / 5, at % 2);
		unpackage();
		package(bad);
		assert_string_equal(good, bad);
	}
}

// kill -9 at any moment costs what was not done; the next run finds its way.
static void killed(void **state)
{
	char path[400] = "", early[65], late[65];
	for (int i = 0; i < 12; i++) {
		const struct timespec ts = {.tv_nsec = 4000000 + i * 9000000};
		pid_t pid = fork();
		if (pid == 0) {
			if (hz_prepare_read(folder, master) == 0)
				(void)hz_prepare_make(folder);
			_exit(0);
		}
		nanosleep(&ts, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		if (i % 3 == 0) {
			assert_int_equal(hz_prepare_remove(folder), 0);
		}
	}
	prepare();
	assert_int_equal(slices(path), 1);
	end_record();
	finalise();
	assert_true(is_used(path));
	package(early);
	unpackage();
	package(late);
	assert_string_equal(early, late);
}

// Consent taken back, or a key destroyed: the slices go with the next run, and others are not made.
static void taken_back(void **state)
{
	static const char withdrawn[] = "{\"type\":\"consent\",\"participant\":\"p1\",\"detail\":{\"state\":"
	                                "\"withdrawn\"}}";
	char path[400] = "";
	int64_t at = 1000000000 + EARLY_S * 1000000ll;
	prepare();
	assert_int_equal(slices(path), 1);
	assert_int_equal(hz_journal_event(writer, 77, withdrawn, sizeof(withdrawn) - 1, at), 0);
	assert_int_equal(hz_journal_seal(writer, at, FAKE_ZERO_US + at - 1000000000), 0);
	assert_int_equal(hz_journal_sync(writer), 0);
	prepare();
	assert_int_equal(slices(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(same_bytes, make_record, remove_record),
	    cmocka_unit_test_setup_teardown(again, make_record, remove_record),
	    cmocka_unit_test_setup_teardown(damaged, make_record, remove_record),
	    cmocka_unit_test_setup_teardown(killed, make_record, remove_record),
	    cmocka_unit_test_setup_teardown(taken_back, make_record, remove_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
