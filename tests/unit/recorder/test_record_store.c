// The record store: states, finding and listing; and `huizhen record list|verify` over it.
#include <jansson.h>

#include "gateway/cli.h"
#include "recorder/store.h"
#include "recorder/verify.h"
#include "tests/unit/recorder/rig.h"

#define ID    "00112233-4455-6677-8899-aabbccddeeff" // rig.h's record
#define OTHER "ffffffff-4455-6677-8899-aabbccddeeff"

static char out[8192], err_text[2048], root[300];

static void read_back(int fd, char *ret, size_t bytes)
{
	ssize_t n = pread(fd, ret, bytes - 1, 0);
	ret[n > 0 ? n : 0] = '\0';
	close(fd);
}

static int run(const char *line)
{
	char copy[1024] = "huizhen ", *rest = copy, *argv[24];
	char out_name[] = "/tmp/hz-out-XXXXXX", err_name[] = "/tmp/hz-err-XXXXXX";
	int argc = 0, o = mkstemp(out_name), e = mkstemp(err_name);
	snprintf(copy + 8, sizeof(copy) - 8, "%s --store %s", line, root);
	for (char *word; argc < 23 && (word = strsep(&rest, " "));)
		argv[argc++] = word;
	unlink(out_name);
	unlink(err_name);
	fflush(stdout);
	int keep_out = dup(1), keep_err = dup(2);
	dup2(o, 1);
	dup2(e, 2);
	int code = hz_cli_main(argc, argv);
	fflush(stdout);
	dup2(keep_out, 1);
	dup2(keep_err, 2);
	close(keep_out);
	close(keep_err);
	read_back(o, out, sizeof(out));
	read_back(e, err_text, sizeof(err_text));
	return code;
}

static struct hz_record_state state_of(const char *id, enum hz_record_phase phase, int64_t started_ms)
{
	struct hz_record_state s = {.phase = phase, .started_ms = started_ms, .ended_ms = started_ms + 60000};
	snprintf(s.id, sizeof(s.id), "%s", id);
	snprintf(s.consult, sizeof(s.consult), "demo");
	return s;
}

// A store with an ended record in it, and its master key.
static void make_store(struct rig *rig)
{
	struct hz_record_state s = state_of(ID, HZ_RECORD_ENDED, 1700000000000);
	char path[HZ_RECORD_PATH_BYTES];
	rig_init(rig);
	snprintf(root, sizeof(root), "%s", rig->folder);
	snprintf(path, sizeof(path), "%s/master.key", root);
	assert_int_equal(hz_record_key_master(path, rig->master), 0);
	assert_int_equal(hz_record_folder(root, ID, s.started_ms, path), 0);
	snprintf(rig->folder, sizeof(rig->folder), "%.250s", path);
	assert_int_equal(hz_record_state_write(rig->folder, &s), 0);
	rig_open(rig);
	uint32_t a = rig_track(rig, "a");
	for (uint32_t n = 0; n < 50; n++)
		assert_int_equal(rig_put(rig, a, n), 0);
	assert_int_equal(rig_end(rig), 0);
}

static void drop_store(struct rig *rig)
{
	snprintf(rig->folder, sizeof(rig->folder), "%.250s", root);
	rig_done(rig);
}

static void states_survive(void **state)
{
	struct hz_record_state s = state_of(ID, HZ_RECORD_FAILED, 1700000000000), got;
	char folder[HZ_RECORD_PATH_BYTES], path[HZ_RECORD_PATH_BYTES];
	struct rig rig;
	rig_init(&rig);
	s.attempts = 3;
	s.torn = true;
	snprintf(s.error, sizeof(s.error), "组成: disk full");
	s.composing.phase = HZ_COMPOSING_FAILED;
	s.composing.attempts = 6;
	s.composing.changed_ms = 5;
	snprintf(s.composing.error, sizeof(s.composing.error), "tracks/a.mp4: cut off");
	assert_int_equal(hz_record_folder(rig.folder, ID, s.started_ms, folder), 0);
	assert_non_null(strstr(folder, "/2023/11/" ID));
	assert_int_equal(hz_record_state_read(folder, &got), -ENOENT);
	assert_int_equal(hz_record_state_write(folder, &s), 0);
	assert_int_equal(hz_record_state_read(folder, &got), 0);
	assert_memory_equal(&got, &s, sizeof(s));
	assert_int_equal(hz_record_find(rig.folder, ID, path), 0);
	assert_string_equal(path, folder);
	assert_int_equal(hz_record_find(rig.folder, OTHER, path), -ENOENT);
	s.id[0] = 'X';
	assert_int_equal(hz_record_state_write(folder, &s), -EINVAL);
	assert_int_equal(hz_record_folder(rig.folder, "../../etc", 0, folder), -EINVAL);
	rig_done(&rig);
}

static void bad_states_are_refused(void **state)
{
	static const char good[] =
	    "{\"id\":\"" ID "\",\"consult\":\"c\",\"phase\":\"ended\",\"started_ms\":1,\"ended_ms\":2,"
	    "\"changed_ms\":3,\"attempts\":0,\"error\":\"\",\"lost\":false,\"torn\":false}";
	static const char *const replace[][2] = {{ID, "x"},
	                                         {"\"c\"", "5"},
	                                         {"ended\"", "over\""},
	                                         {":1,", ":-1,"},
	                                         {":3,", ":3.5,"},
	                                         {"\"attempts\":0", "\"attempts\":99999999999"},
	                                         {"\"lost\":false", "\"lost\":0"},
	                                         {"\"torn\"", "\"lost\""},
	                                         {"\"torn\"", "\"composing\":1,\"torn\""},
	                                         {"\"torn\"", "\"composing\":{\"phase\":\"later\"},\"torn\""},
	                                         {"{", "[{"}};
	struct hz_record_state s;
	assert_int_equal(hz_record_state_parse(good, strlen(good), &s), 0);
	assert_int_equal(hz_record_state_parse("", 0, &s), -EBADMSG);
	for (size_t i = 0; i < sizeof(replace) / sizeof(replace[0]); i++) {
		char text[512];
		const char *at = strstr(good, replace[i][0]);
		assert_non_null(at);
		int n = snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, replace[i][1],
		                 at + strlen(replace[i][0]));
		assert_int_equal(hz_record_state_parse(text, (size_t)n, &s), -EBADMSG);
	}
}

static bool collect(void *arg, const char *folder, const struct hz_record_state *s)
{
	strcat(arg, s->consult);
	strcat(arg, s->phase == HZ_RECORD_FAILED ? "! " : " ");
	return strcmp(s->consult, "stop") != 0;
}

static void newest_first(void **state)
{
	static const char *const consults[] = {"b", "stop", "d", "c"};
	static const int64_t started[] = {1690000000000, 1600000000000, 1710000000000, 1700000000000};
	struct rig rig;
	char folder[HZ_RECORD_PATH_BYTES], id[HZ_RECORD_ID_BYTES] = ID, seen[64] = "",
	                                   path[HZ_RECORD_PATH_BYTES + 16];
	rig_init(&rig);
	assert_int_equal(hz_record_each("/nonexistent/x", collect, seen), 0);
	for (unsigned i = 0; i < 4; i++) {
		struct hz_record_state s = state_of(ID, HZ_RECORD_DELIVERED, started[i]);
		id[0] = (char)('0' + i);
		memcpy(s.id, id, sizeof(id));
		snprintf(s.consult, sizeof(s.consult), "%s", consults[i]);
		assert_int_equal(hz_record_folder(rig.folder, id, started[i], folder), 0);
		assert_int_equal(hz_record_state_write(folder, &s), 0);
	}
	assert_int_equal(hz_record_each(rig.folder, collect, seen), 0);
	assert_string_equal(seen, "d c b stop ");
	snprintf(path, sizeof(path), "%s/state.json", folder);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("garbage", f);
	fclose(f);
	seen[0] = '\0';
	assert_int_equal(hz_record_each(rig.folder, collect, seen), 0);
	assert_string_equal(seen, "d b stop "); // the broken one has no time: it is last, and "stop" ended it
	rig_done(&rig);
}

static void listed(void **state)
{
	struct rig rig;
	make_store(&rig);
	assert_int_equal(run("record list"), 0);
	assert_non_null(strstr(out, ID "  2023-11-14T22:13:20Z       60s  ended       demo"));
	assert_int_equal(run("record list --json"), 0);
	json_t *json = json_loads(out, 0, NULL);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(json_object_get(json, "records"), 0), "phase")),
	    "ended");
	json_decref(json);
	drop_store(&rig);
}

static void flip(const char *folder, const char *name, off_t at)
{
	char path[600];
	uint8_t byte;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void verified(void **state)
{
	struct rig rig;
	char line[600];
	make_store(&rig);
	assert_int_equal(run("record verify"), 0);
	assert_non_null(strstr(out, ID "  whole  "));
	assert_int_equal(run("record verify " ID), 0);
	snprintf(line, sizeof(line), "record verify %s/ --json", rig.folder);
	assert_int_equal(run(line), 0);
	assert_non_null(strstr(out, "\"verdict\": \"whole\""));
	assert_int_equal(run("record verify --chain-only"), 0);
	assert_int_equal(run("record verify " OTHER), 1);
	assert_non_null(strstr(err_text, "no record"));
	assert_int_equal(run("record verify --master-key /nonexistent"), 1);
	assert_non_null(strstr(err_text, "--chain-only"));
	flip(rig.folder, "journal/0001.hzj", 300);
	assert_int_equal(run("record verify"), 1);
	assert_non_null(strstr(out, ID "  altered  0001.hzj at 120, chunk 1: hash does not match"));
	assert_non_null(strstr(err_text, "1 of 1 records"));
	assert_int_equal(run("record verify --json"), 1);
	json_t *json = json_loads(out, 0, NULL);
	const json_t *fault = json_object_get(json_array_get(json_object_get(json, "records"), 0), "fault");
	assert_int_equal(json_integer_value(json_object_get(fault, "offset")), 120);
	json_decref(json);
	flip(rig.folder, "journal/0001.hzj", 300);
	flip(rig.folder, "keys/0001", 40);
	assert_int_equal(run("record verify"), 1);
	assert_non_null(strstr(out, "keys/0001 at 0, chunk 0: cannot be unwrapped"));
	drop_store(&rig);
}

static void put_file(const struct rig *rig, const char *name, const char *text)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", rig->folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

// Without a certificate the manifest's hashes are what is asked; once there must be one, it must be there.
static void files_verified(void **state)
{
	static const char manifest[] =
	    "{\"version\": 1, \"record\": \"" ID "\", \"files\": [{\"path\": \"a.mp4\", \"role\": \"track\", "
	    "\"bytes\": 3, \"sha256\": "
	    "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\", "
	    "\"sha1\": \"a9993e364706816aba3e25717850c26c9cd0d89d\"}]}";
	struct hz_record_state s = state_of(ID, HZ_RECORD_FINALISED, 1700000000000);
	struct rig rig;
	make_store(&rig);
	assert_int_equal(hz_record_state_write(rig.folder, &s), 0);
	put_file(&rig, "manifest.json", manifest);
	put_file(&rig, "a.mp4", "abc");
	assert_int_equal(run("record verify"), 0);
	put_file(&rig, "a.mp4", "abd");
	assert_int_equal(run("record verify"), 1);
	assert_non_null(strstr(out, ID "  altered  a.mp4: its hash differs"));
	put_file(&rig, "a.mp4", "abcd");
	assert_int_equal(run("record verify --json"), 1);
	assert_non_null(strstr(out, "its length differs"));
	put_file(&rig, "a.mp4", "abc");
	put_file(&rig, "manifest.json", "{");
	assert_int_equal(run("record verify"), 1);
	assert_non_null(strstr(out, "altered  manifest.json"));
	put_file(&rig, "manifest.json", manifest);
	s.phase = HZ_RECORD_DELIVERED;
	assert_int_equal(hz_record_state_write(rig.folder, &s), 0);
	assert_int_equal(run("record verify"), 1);
	assert_non_null(strstr(out, ID "  altered  certificate.json: is not there"));
	s.composing.phase = HZ_COMPOSING_FAILED;
	snprintf(s.composing.error, sizeof(s.composing.error), "no font");
	assert_int_equal(hz_record_state_write(rig.folder, &s), 0);
	assert_int_equal(run("record list"), 0);
	assert_non_null(strstr(out, "  not composed: no font"));
	assert_int_equal(run("record list --json"), 0);
	assert_non_null(strstr(out, "\"composing\""));
	drop_store(&rig);
}

static enum hz_verify verdict(const struct rig *rig)
{
	struct hz_verify_result r;
	hz_record_verify(rig->folder, rig->master, &r);
	return r.verdict;
}

static void the_state_and_the_journal_agree(void **state)
{
	struct hz_record_state s = state_of(ID, HZ_RECORD_DELETED, 1700000000000);
	char path[600];
	struct stat st;
	struct rig rig;
	make_store(&rig);
	snprintf(path, sizeof(path), "%s/journal/0001.hzj", rig.folder);
	assert_int_equal(verdict(&rig), HZ_VERIFY_WHOLE);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 112), 0); // END: as if nothing had ever followed
	assert_int_equal(verdict(&rig), HZ_VERIFY_ALTERED);
	s.phase = HZ_RECORD_RECORDING;
	assert_int_equal(hz_record_state_write(rig.folder, &s), 0);
	assert_int_equal(verdict(&rig), HZ_VERIFY_OPEN);
	assert_int_equal(truncate(path, st.st_size - 113), 0);
	assert_int_equal(verdict(&rig), HZ_VERIFY_TORN);
	snprintf(s.id, sizeof(s.id), "%s", OTHER);
	assert_int_equal(hz_record_state_write(rig.folder, &s), 0);
	assert_int_equal(verdict(&rig), HZ_VERIFY_ALTERED);
	snprintf(s.id, sizeof(s.id), "%s", ID);
	s.phase = HZ_RECORD_DELETED;
	assert_int_equal(hz_record_state_write(rig.folder, &s), 0);
	assert_int_equal(verdict(&rig), HZ_VERIFY_ALTERED); // the word alone deletes nothing
	char command[640];
	snprintf(command, sizeof(command), "rm -r %s/journal %s/keys", rig.folder, rig.folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(verdict(&rig), HZ_VERIFY_ALTERED);
	snprintf(path, sizeof(path), "%s/deletion.json", rig.folder);
	int note = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(note >= 0);
	close(note);
	assert_int_equal(verdict(&rig), HZ_VERIFY_DELETED);
	drop_store(&rig);
}

// No other record is opened for it: a store of years has very many.
static void found_by_name(void **state)
{
	struct hz_record_state s = state_of(ID, HZ_RECORD_ENDED, 1700000000000);
	char path[HZ_RECORD_PATH_BYTES + 16], want[HZ_RECORD_PATH_BYTES], got[HZ_RECORD_PATH_BYTES];
	struct rig rig;
	rig_init(&rig);
	assert_int_equal(hz_record_folder(rig.folder, OTHER, 1700000000000, path), 0);
	s.phase = HZ_RECORD_ENDED;
	snprintf(s.id, sizeof(s.id), OTHER);
	assert_int_equal(hz_record_state_write(path, &s), 0);
	strcat(path, "/state.json");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); // who opens it waits for ever
	assert_int_equal(hz_record_folder(rig.folder, ID, 1500000000000, want), 0);
	snprintf(s.id, sizeof(s.id), ID);
	assert_int_equal(hz_record_state_write(want, &s), 0);
	alarm(10);
	assert_int_equal(hz_record_find(rig.folder, ID, got), 0);
	assert_string_equal(got, want);
	static const char *const none[] = {
	    "00112233-4455-6677-8899-aabbccddee00",   "", "..", "../2023/11", "state.json",
	    "00112233-4455-6677-8899-aabbccddeeff/.."};
	for (unsigned i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_int_equal(hz_record_find(rig.folder, none[i], got), -ENOENT);
	alarm(0);
	rig_done(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(states_survive), cmocka_unit_test(bad_states_are_refused),
	    cmocka_unit_test(newest_first),   cmocka_unit_test(listed),
	    cmocka_unit_test(verified),       cmocka_unit_test(files_verified),
	    cmocka_unit_test(found_by_name),  cmocka_unit_test(the_state_and_the_journal_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
