// Kill -9, damage, a full disk, another writer, folders that cannot be written: clear errors, nothing half-written.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>

#include "gateway/store/consults.h"
#include "gateway/store/db.h"
#include "gateway/store/participants.h"
#include "gateway/store/records.h"
#include "gateway/store/runtime.h"
#include "tests/unit/store/scratch.h"

static struct hz_media_row media_row(uint32_t id, uint8_t kind, const void *cmd, size_t bytes)
{
	return (struct hz_media_row){.worker = 0,
	                             .kind = kind,
	                             .id = id,
	                             .consult = "c",
	                             .participant = "p",
	                             .cmd = cmd,
	                             .cmd_bytes = bytes,
	                             .meta = "{}"};
}

// Two rows a transaction, a report behind each commit; until it is killed.
static void write_for_ever(const char *dir, int report)
{
	char error[HZ_STORE_ERROR_BYTES];
	struct hz_store *store = NULL;
	if (hz_store_open(dir, error, &store))
		_exit(3);
	for (uint32_t i = 1;; i++) {
		uint8_t cmd[300];
		memset(cmd, (int)i, sizeof(cmd));
		struct hz_media_row a = media_row(i, HZ_MEDIA_PEER, cmd, sizeof(cmd));
		struct hz_media_row b = media_row(i, HZ_MEDIA_TRACK, cmd, sizeof(cmd));
		if (hz_store_media_put(store, &a) || hz_store_media_put(store, &b) ||
		    hz_store_commit(store) || write(report, &i, sizeof(i)) != sizeof(i))
			_exit(4);
	}
}

struct tally {
	uint32_t peers, tracks, highest;
};

static bool count_row(void *arg, const struct hz_media_row *row)
{
	struct tally *tally = arg;
	assert_int_equal(row->cmd_bytes, 300);
	assert_int_equal(((const uint8_t *)row->cmd)[299], (uint8_t)row->id);
	tally->peers += row->kind == HZ_MEDIA_PEER;
	tally->tracks += row->kind == HZ_MEDIA_TRACK;
	tally->highest = row->id > tally->highest ? row->id : tally->highest;
	return true;
}

static void kill_9(void **state)
{
	struct scratch *s = *state;
	srandom(20);
	for (int round = 0; round < 15; round++) {
		int pipes[2];
		uint32_t reported = 0, last = 0;
		struct tally tally = {.peers = 0};
		hz_store_runtime_clear(s->store);
		hz_store_close(s->store);
		s->store = NULL;
		assert_int_equal(pipe(pipes), 0);
		pid_t pid = fork();
		if (pid == 0) {
			close(pipes[0]);
			write_for_ever(s->dir, pipes[1]);
		}
		close(pipes[1]);
		assert_int_equal(read(pipes[0], &reported, sizeof(reported)), sizeof(reported));
		const struct timespec pause = {.tv_nsec = random() % 20000000};
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(pipes[0], &last, sizeof(last)) == sizeof(last))
			reported = last;
		close(pipes[0]);
		scratch_reopen(s);
		assert_int_equal(hz_store_media_all(s->store, count_row, &tally), 0);
		assert_true(tally.highest >= reported); // what was reported is there
		assert_true(tally.highest <= reported + 1);
		assert_int_equal(tally.peers, tally.tracks); // and no half transaction
		assert_int_equal(tally.peers, tally.highest);
	}
}

static void runtime(void **state)
{
	struct scratch *s = *state;
	struct tally tally = {.peers = 0};
	uint8_t cmd[300];
	memset(cmd, 9, sizeof(cmd));
	struct hz_media_row row = media_row(9, HZ_MEDIA_TRACK, cmd, sizeof(cmd));
	assert_int_equal(hz_store_media_put(s->store, &row), 0);
	assert_int_equal(hz_store_media_put(s->store, &row), 0); // an update
	row = media_row(9, HZ_MEDIA_PEER, cmd, sizeof(cmd));
	assert_int_equal(hz_store_media_put(s->store, &row), 0);
	assert_int_equal(hz_store_media_all(s->store, count_row, &tally), 0);
	assert_int_equal(tally.peers + tally.tracks, 2);
	assert_int_equal(hz_store_media_del(s->store, 0, HZ_MEDIA_PEER, 9), 0);
	assert_int_equal(hz_store_media_del(s->store, 0, HZ_MEDIA_PEER, 9), 0);
	assert_int_equal(hz_store_runtime_clear(s->store), 0);
	memset(&tally, 0, sizeof(tally));
	assert_int_equal(hz_store_media_all(s->store, count_row, &tally), 0);
	assert_int_equal(tally.peers + tally.tracks, 0);
}

static bool count_chat(void *arg, const struct hz_chat_row *row)
{
	int *next = arg;
	if (strcmp(row->consult, "c") == 0)
		assert_int_equal(atoi(row->text), (*next)++);
	return true;
}

static void chat(void **state)
{
	struct scratch *s = *state;
	int64_t seq = 0, before = 0;
	int next = 60;
	for (int i = 0; i < 260; i++) {
		char text[16];
		snprintf(text, sizeof(text), "%d", i);
		struct hz_chat_row row = {
		    .consult = "c", .from = "p", .name = "N", .text = text, .time_ms = i};
		assert_int_equal(hz_store_chat_add(s->store, &row, &seq), 0);
		assert_true(seq > before);
		before = seq;
		row.consult = "d";
		assert_int_equal(i > 3 ? 0 : hz_store_chat_add(s->store, &row, &seq), 0);
		before = seq > before ? seq : before;
	}
	assert_int_equal(hz_store_chat_list(s->store, "c", count_chat, &next), 0);
	assert_int_equal(next, 260); // the newest 200, in order
}

static bool see_session(void *arg, const struct hz_session_row *row)
{
	assert_string_equal(row->state, "{\"a\":1}");
	assert_memory_equal(row->key_hash, hash_of(4), HZ_STORE_HASH_BYTES);
	*(int *)arg += (int)row->expires_ms;
	return true;
}

static void sessions(void **state)
{
	struct scratch *s = *state;
	int sum = 0;
	struct hz_session_row row = {
	    .consult = "c", .participant = "p", .expires_ms = 5, .state = "{\"a\":1}"};
	memcpy(row.key_hash, hash_of(4), sizeof(row.key_hash));
	assert_int_equal(hz_store_session_put(s->store, &row), 0);
	row.expires_ms = 6;
	assert_int_equal(hz_store_session_put(s->store, &row), 0);
	scratch_reopen(s);
	assert_int_equal(hz_store_session_all(s->store, see_session, &sum), 0);
	assert_int_equal(sum, 6);
	assert_int_equal(hz_store_session_del(s->store, "c", "p"), 0);
	assert_int_equal(hz_store_session_all(s->store, see_session, &sum), 0);
	assert_int_equal(sum, 6);
}

static void modes(void **state)
{
	struct scratch *s = *state;
	static const char *const names[] = {"huizhen.db", "huizhen.db-wal", "runtime.db", "runtime.db-wal"};
	const struct hz_consult_row row = {.id = "a", .title = "T"};
	umask(0); // the worst a caller can bring
	hz_store_close(s->store);
	s->store = NULL;
	scratch_remove(s->dir);
	scratch_reopen(s);
	assert_int_equal(hz_store_consult_put(s->store, &row), 0);
	assert_int_equal(hz_store_commit(s->store), 0);
	assert_int_equal(hz_store_probe(s->store), 0);
	for (unsigned i = 0; i < 4; i++) {
		char path[128];
		struct stat st;
		snprintf(path, sizeof(path), "%s/%s", s->dir, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	umask(022);
}

// Overwrites the start of a file.
static void damage(const char *dir, const char *name, off_t from)
{
	char path[128], junk[2048];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	memset(junk, 0x5a, sizeof(junk));
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), from), sizeof(junk));
	close(fd);
}

static void expect_error(const char *dir, int wanted, const char *word)
{
	char error[HZ_STORE_ERROR_BYTES] = "";
	struct hz_store *store = NULL;
	int err = hz_store_open(dir, error, &store);
	assert_int_equal(err, wanted);
	assert_null(store);
	assert_non_null(strstr(error, word));
	assert_null(strchr(error, '\n'));
}

static void damaged(void **state)
{
	struct scratch *s = *state;
	static const char *const names[] = {"huizhen.db", "runtime.db"};
	for (unsigned i = 0; i < 4; i++) {
		hz_store_close(s->store);
		s->store = NULL;
		damage(s->dir, names[i % 2], i < 2 ? 0 : 100); // the header; the schema behind it
		expect_error(s->dir, -EBADMSG, "damaged");
		scratch_remove(s->dir);
		mkdir(s->dir, 0700);
		scratch_reopen(s);
	}
}

static void truncated(void **state)
{
	struct scratch *s = *state;
	char path[128];
	hz_store_close(s->store);
	s->store = NULL;
	snprintf(path, sizeof(path), "%s/huizhen.db", s->dir);
	assert_int_equal(truncate(path, 5000), 0);
	expect_error(s->dir, -EBADMSG, "damaged");
}

static void newer(void **state)
{
	struct scratch *s = *state;
	assert_int_equal(sqlite3_exec(s->store->db, "PRAGMA run.user_version=99", NULL, NULL, NULL),
	                 SQLITE_OK);
	hz_store_close(s->store);
	s->store = NULL;
	expect_error(s->dir, -ENOTSUP, "layout 99");
}

// Whether any file of the folder holds the text.
static bool holds(const struct scratch *s, const char *text)
{
	char command[256];
	snprintf(command, sizeof(command), "grep -qrF '%s' %s", text, s->dir);
	return system(command) == 0;
}

// What names a patient is not only forgotten: its bytes are overwritten, also on pages that became free as a whole.
static void erased(void **state)
{
	struct scratch *s = *state;
	static char subject[40000];
	const struct hz_consult_row consult = {.id = "c1", .title = "T", .created_ms = 1};
	const struct hz_chat_row chat = {
	    .consult = "c1", .from = "a", .name = "A", .text = subject, .time_ms = 1};
	int64_t seq = 0;
	char *at = subject;
	while (at < subject + sizeof(subject) - 40)
		at += sprintf(at, "\"WangXiaodong%u\",", (unsigned)(at - subject));
	assert_int_equal(hz_store_consult_put(s->store, &consult), 0);
	assert_int_equal(hz_store_subject_put(s->store, "c1", subject), 0);
	assert_int_equal(hz_store_chat_add(s->store, &chat, &seq), 0);
	assert_int_equal(hz_store_commit(s->store), 0);
	scratch_reopen(s);
	assert_true(holds(s, "WangXiaodong"));
	assert_int_equal(hz_store_subject_put(s->store, "c1", NULL), 0);
	assert_int_equal(hz_store_runtime_clear(s->store), 0);
	assert_int_equal(sqlite3_exec(s->store->db, "DELETE FROM run.chat", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(hz_store_commit(s->store), 0);
	hz_store_close(s->store); // the write-ahead log goes with the last connection
	s->store = NULL;
	assert_false(holds(s, "WangXiaodong"));
	scratch_reopen(s);
}

static void migrates(void **state)
{
	struct scratch *s = *state;
	const struct hz_consult_row row = {.id = "kept", .title = "T", .created_ms = 3};
	assert_int_equal(hz_store_consult_put(s->store, &row), 0);
	scratch_reopen(s); // a second start finds everything done
	// A runtime file that was deleted is made anew beside the records.
	char path[128];
	hz_store_close(s->store);
	s->store = NULL;
	snprintf(path, sizeof(path), "%s/runtime.db", s->dir);
	unlink(path);
	scratch_reopen(s);
	assert_int_equal(hz_store_runtime_clear(s->store), 0);
	assert_int_equal(hz_store_commit(s->store), 0);
}

static void bad_places(void **state)
{
	struct scratch *s = *state;
	char path[4200];
	snprintf(path, sizeof(path), "%s/huizhen.db", s->dir);
	expect_error(path, -ENOTDIR, "huizhen.db");
	expect_error("/nowhere/at/all", -ENOENT, "/nowhere");
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[4150] = '\0';
	expect_error(path, -ENAMETOOLONG, "shorter");
	hz_store_close(s->store);
	s->store = NULL;
	scratch_remove(s->dir);
	mkdir(s->dir, 0700);
	snprintf(path, sizeof(path), "%s/huizhen.db", s->dir);
	mkdir(path, 0700); // a folder where the file should be
	expect_error(s->dir, -EISDIR, "permissions");
	rmdir(path);
	scratch_reopen(s);
}

static void not_ours(void **state)
{
	struct scratch *s = *state;
	hz_store_close(s->store);
	s->store = NULL;
	pid_t pid = fork();
	if (pid == 0) { // root may write anywhere: be somebody else
		char error[HZ_STORE_ERROR_BYTES] = "";
		struct hz_store *store = NULL;
		if (getuid() == 0 && setuid(65534) != 0)
			_exit(9);
		if (getuid() != 65534) // an ordinary user: take the permissions away instead
			chmod(s->dir, 0000);
		_exit(hz_store_open(s->dir, error, &store) == -EACCES && strstr(error, "permissions") ? 0
		                                                                                      : 1);
	}
	int status = -1;
	waitpid(pid, &status, 0);
	chmod(s->dir, 0700);
	assert_int_equal(status, 0);
	scratch_reopen(s);
}

static void full_disk(void **state)
{
	struct scratch *s = *state;
	uint8_t cmd[900];
	memset(cmd, 1, sizeof(cmd));
	int err = 0;
	assert_int_equal(sqlite3_exec(s->store->db, "PRAGMA run.max_page_count=20", NULL, NULL, NULL),
	                 SQLITE_OK);
	for (uint32_t i = 1; i < 1000 && !err; i++) {
		struct hz_media_row row = media_row(i, HZ_MEDIA_PEER, cmd, sizeof(cmd));
		err = hz_store_media_put(s->store, &row);
	}
	assert_int_equal(err, -ENOSPC);
	hz_store_rollback(s->store);
	assert_int_equal(hz_store_probe(s->store), 0);
	const struct hz_consult_row row = {.id = "a", .title = "T"};
	assert_int_equal(hz_store_consult_put(s->store, &row), 0); // the other file has room
	assert_int_equal(hz_store_commit(s->store), 0);
}

static void busy(void **state)
{
	struct scratch *s = *state;
	char path[128];
	sqlite3 *other = NULL;
	snprintf(path, sizeof(path), "%s/huizhen.db", s->dir);
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_busy_timeout(s->store->db, 50);
	const struct hz_consult_row row = {.id = "a", .title = "T"};
	assert_int_equal(hz_store_consult_put(s->store, &row), -EBUSY);
	assert_int_equal(hz_store_probe(s->store), -EBUSY);
	sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(other);
	assert_int_equal(hz_store_consult_put(s->store, &row), 0);
	assert_int_equal(hz_store_probe(s->store), -EBUSY); // inside our own transaction
	assert_int_equal(hz_store_commit(s->store), 0);
	assert_int_equal(hz_store_probe(s->store), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
	    T(kill_9), T(runtime), T(chat),     T(sessions),   T(modes),    T(damaged),   T(truncated),
	    T(newer),  T(erased),  T(migrates), T(bad_places), T(not_ours), T(full_disk), T(busy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
