// finalize.h on a record of the store: lock, state, journal.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "gateway/base/hex.h"
#include "gateway/base/clock.h"
#include "recorder/finalize/finalize.h"
#include "recorder/journal/file.h"
#include "recorder/store.h"

struct journal {
	const char *folder;
	const uint8_t *master;
	struct hz_journal_reader *reader;
	char *json;
	char warning[HZ_FINALIZE_ERROR_BYTES];
};

// --- lock and state

// The journal's writer holds a lock on its folder.
static int still_written(const char *folder)
{
	char path[HZ_RECORD_PATH_BYTES + 16];
	snprintf(path, sizeof(path), "%s/journal", folder);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno == EWOULDBLOCK ? -EBUSY : -errno;
	close(fd);
	return err;
}

static int set_state(const char *folder, struct hz_record_state *state, enum hz_record_phase phase,
                     const char *error)
{
	if (state->phase != phase)
		state->attempts = 0;
	state->phase = phase;
	state->changed_ms = hz_wall_us() / 1000;
	snprintf(state->error, sizeof(state->error), "%s", error);
	return hz_record_state_write(folder, state);
}

int hz_finalize_begin(const char *folder, int *ret)
{
	struct hz_record_state state;
	int lock = -1, err = still_written(folder);
	if (!err)
		err = hz_record_lock(folder, &lock);
	if (err)
		return err;
	err = hz_record_state_read(folder, &state);
	if (!err && state.phase == HZ_RECORD_DELETED)
		err = -ENODATA;
	if (!err) {
		unsigned attempts = state.phase == HZ_RECORD_FINALISING ? state.attempts : 0;
		state.phase = HZ_RECORD_FINALISING;
		state.attempts = attempts + 1;
		memset(&state.composing, 0, sizeof(state.composing)); // of the tracks that are made anew
		err = set_state(folder, &state, HZ_RECORD_FINALISING, "");
	}
	if (err)
		close(lock);
	else
		*ret = lock;
	return err;
}

int hz_finalize_end(const char *folder, int lock, int err, const char *error)
{
	struct hz_record_state state;
	bool hand = err == -EBADMSG || err == -EKEYREJECTED || err == -ENOKEY;
	int ret = hz_record_state_read(folder, &state);
	if (!ret && err && !hand) // to be tried again: how often it was stays known
		state.phase = HZ_RECORD_FINALISING;
	if (!ret)
		ret = set_state(folder, &state,
		                err == 0 ? HZ_RECORD_FINALISED
		                : hand   ? HZ_RECORD_FAILED
		                         : state.phase,
		                err ? error : "");
	close(lock);
	return ret;
}

// --- the journal as a source of items

static int rewind_journal(void *arg)
{
	struct journal *j = arg;
	hz_journal_reader_free(j->reader);
	j->reader = NULL;
	return hz_journal_reader_new(j->folder, j->master, &j->reader);
}

static int next(void *arg, struct hz_journal_item *ret)
{
	struct journal *j = arg;
	struct hz_journal_fault fault;
	int got = hz_journal_next(j->reader, ret);
	if (got == -EBADMSG || got == -EKEYREJECTED) {
		hz_journal_fault(j->reader, &fault);
		snprintf(j->warning, sizeof(j->warning), "the journal is altered: %s at %llu, chunk %llu: %s",
		         fault.file, (unsigned long long)fault.offset, (unsigned long long)fault.chunk,
		         fault.what);
	}
	return got;
}

static const char *warning(void *arg)
{
	return ((struct journal *)arg)->warning;
}

static bool erased(void *arg, uint32_t track)
{
	const struct journal *j = arg;
	char path[HZ_RECORD_PATH_BYTES + 32];
	snprintf(path, sizeof(path), "%s/keys/%04u.erased", j->folder, track);
	return access(path, F_OK) == 0;
}

// Notes are in force as soon as they are written (recorder/record/erasure.h); whether they are good the certificate's proof says.
static void *noted(void *arg)
{
	const struct journal *j = arg;
	char path[HZ_RECORD_PATH_BYTES + 32];
	json_t *people = json_object();
	for (unsigned number = 1;; number++) {
		snprintf(path, sizeof(path), "%s/erasures/%04u.json", j->folder, number);
		if (access(path, F_OK) < 0)
			return people;
		json_t *note = json_load_file(path, 0, NULL);
		const json_t *who = json_object_get(json_object_get(note, "erasure"), "participant");
		if (json_string_length(who))
			json_object_set_new(people, json_string_value(who), json_true());
		json_decref(note);
	}
}

static json_t *segment(const char *folder, const char *name)
{
	char path[HZ_RECORD_PATH_BYTES + 300], hex[65] = "";
	uint8_t sum[EVP_MAX_MD_SIZE], *buf = malloc(1 << 20);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint64_t at = 0;
	snprintf(path, sizeof(path), "%s/journal/%s", folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && buf && ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1) {
		for (ssize_t n; (n = hz_file_read(fd, buf, 1 << 20, at)) > 0; at += (uint64_t)n)
			EVP_DigestUpdate(ctx, buf, (size_t)n);
		EVP_DigestFinal_ex(ctx, sum, NULL);
		hz_hex_text(sum, 32, hex);
	}
	if (fd >= 0)
		close(fd);
	EVP_MD_CTX_free(ctx);
	free(buf);
	return json_pack("{s:s, s:I, s:s}", "file", name, "bytes", (json_int_t)at, "sha256", hex);
}

static const char *journal_json(void *arg)
{
	struct journal *j = arg;
	struct hz_journal_summary s;
	char hex[2 * HZ_JOURNAL_HASH_BYTES + 1], path[HZ_RECORD_PATH_BYTES + 16];
	struct dirent **list = NULL;
	json_t *segments = json_array();
	hz_journal_summary(j->reader, &s);
	hz_hex_text(s.hash, sizeof(s.hash), hex);
	snprintf(path, sizeof(path), "%s/journal", j->folder);
	int count = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (strstr(list[i]->d_name, ".hzj"))
			json_array_append_new(segments, segment(j->folder, list[i]->d_name));
		free(list[i]);
	}
	free(list);
	json_t *root = json_pack("{s:o, s:s, s:I, s:I, s:b, s:I}", "segments", segments, "chain", hex,
	                         "torn_bytes", (json_int_t)s.torn_bytes, "cut_bytes", (json_int_t)s.cut_bytes,
	                         "ended", s.ended, "chunks", (json_int_t)s.chunks);
	free(j->json);
	j->json = json_dumps(root, 0);
	json_decref(root);
	return j->json;
}

int hz_finalize_tracks(const char *folder, const uint8_t *master, char error[HZ_FINALIZE_ERROR_BYTES])
{
	struct journal j = {.folder = folder, .master = master};
	struct hz_record_state state;
	int err = hz_record_state_read(folder, &state);
	if (!err) {
		struct hz_finalize_source source = {.items = {next, rewind_journal, &j},
		                                    .record = state.id,
		                                    .journal_json = journal_json,
		                                    .warning = warning,
		                                    .erased = erased,
		                                    .noted = noted};
		err = hz_finalize_items(&source, folder);
	}
	hz_journal_reader_free(j.reader);
	free(j.json);
	if (err)
		snprintf(error, HZ_FINALIZE_ERROR_BYTES, "%s",
		         j.warning[0]           ? j.warning
		         : err == -EKEYREJECTED ? "a key cannot be unwrapped"
		                                : strerror(-err));
	return err;
}
