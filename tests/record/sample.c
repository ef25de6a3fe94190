// hz-record-sample STORE: makes a store with one ended record in it: three tracks (the third erased), two writers (the first
// dies, with a torn tail), small segments. Prints as JSON what a reader must find: of each track its records and a SHA-256
// chained over them (hash before | i64 time | u8 kind | u8 flags | bytes), and the hash of the last chunk.
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/secret.h"
#include "recorder/journal/keys.h"
#include "recorder/journal/wire.h"
#include "recorder/journal/writer.h"
#include "recorder/store.h"

#define ID     "0f1e2d3c-4b5a-4968-8776-655443322110"
#define WALL   1700000000000000
#define TRACKS 3
#define ROUNDS 400

static struct {
	char folder[HZ_RECORD_PATH_BYTES];
	uint8_t master[HZ_JOURNAL_KEY_BYTES], record[16];
	struct hz_journal_writer *w;
	struct hz_hasher *hasher;
	int64_t now;
	uint64_t events;
	struct {
		uint64_t records;
		uint8_t digest[32];
	} track[TRACKS + 1];
} s;

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "hz-record-sample: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void note(uint32_t track, uint8_t kind, uint8_t flags, const void *data, size_t bytes)
{
	static uint8_t text[10 + HZ_JOURNAL_RECORD_BYTES];
	hz_put_u64(text, (uint64_t)s.now);
	text[8] = kind;
	text[9] = flags;
	memcpy(text + 10, data, bytes);
	hz_hash(s.hasher, s.track[track].digest, text, 10 + bytes, s.track[track].digest);
	s.track[track].records++;
}

static void open_writer(void)
{
	static const char *const keys[] = {"p1.camera.1", "p1.mic.1", "患者.camera.1"};
	struct hz_journal_open with = {.folder = s.folder,
	                               .master = s.master,
	                               .meta = "{\"id\":\"" ID "\",\"consult\":\"demo\",\"title\":\"会诊\"}",
	                               .limit_bytes = 8 << 20,
	                               .segment_bytes = 100000,
	                               .monotonic_us = s.now,
	                               .wall_us = WALL + s.now};
	memcpy(with.record, s.record, sizeof(with.record));
	check(hz_journal_open(&with, &s.w), "open");
	for (uint32_t i = 0; i < TRACKS; i++) {
		uint32_t track;
		check(hz_journal_track(s.w, keys[i], "{\"participant\":\"p1\"}", s.now, &track), "track");
		if (track != i + 1)
			check(-EPROTO, "number of a track");
	}
}

static void put_round(unsigned round)
{
	uint8_t data[1400];
	for (uint32_t t = 1; t <= TRACKS; t++) {
		size_t bytes = 12 + (round * 37 + t * 501) % 1200;
		uint8_t flags = (uint8_t)(round % 8);
		memset(data, (int)(round + t), bytes);
		s.now += 3333;
		check(hz_journal_rtp(s.w, t, flags, data, bytes, s.now), "rtp");
		note(t, HZ_RECORD_RTP, flags, data, bytes);
		if (round % 50 != 0)
			continue;
		check(hz_journal_sender_report(s.w, t, data, s.now), "sr");
		note(t, HZ_RECORD_SR, 0, data, 24);
	}
	if (round % 40 == 0)
		check(hz_journal_event(s.w, ++s.events, "{\"type\":\"mute\"}", 15, s.now), "event");
	if (round % 25 == 24) {
		check(hz_journal_seal(s.w, s.now, WALL + s.now), "seal");
		check(hz_journal_sync(s.w), "sync");
	}
}

// What a crash leaves: the begin of a chunk, at the end of the newest segment.
static void tear(void)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	int newest = 1;
	for (;; newest++) {
		snprintf(path, sizeof(path), "%s/journal/%04d.hzj", s.folder, newest + 1);
		if (access(path, F_OK) != 0)
			break;
	}
	snprintf(path, sizeof(path), "%s/journal/%04d.hzj", s.folder, newest);
	int fd = open(path, O_WRONLY | O_APPEND);
	if (fd < 0 || write(fd, "HZC1\2\0\0", 7) != 7)
		check(-errno, path);
	close(fd);
}

static void print_expected(const uint8_t *hash)
{
	json_t *tracks = json_object();
	char hex[65], name[16];
	for (uint32_t t = 1; t <= TRACKS; t++) {
		for (unsigned i = 0; i < 32; i++)
			snprintf(hex + 2 * i, 3, "%02x", s.track[t].digest[i]);
		snprintf(name, sizeof(name), "%u", t);
		json_object_set_new(tracks, name,
		                    t == TRACKS ? json_pack("{sb}", "erased", 1)
		                                : json_pack("{sIss}", "records",
		                                            (json_int_t)s.track[t].records, "digest", hex));
	}
	for (unsigned i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	json_t *root = json_pack("{sssssIso}", "folder", s.folder, "hash", hex, "events",
	                         (json_int_t)s.events, "tracks", tracks);
	json_dumpf(root, stdout, JSON_COMPACT);
	puts("");
	json_decref(root);
}

int main(int argc, char **argv)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	struct hz_record_state state = {.id = ID,
	                                .consult = "demo",
	                                .phase = HZ_RECORD_ENDED,
	                                .started_ms = WALL / 1000,
	                                .ended_ms = WALL / 1000 + 1};
	struct hz_journal_stats stats;
	if (argc != 2)
		return 2;
	snprintf(path, sizeof(path), "%s/master.key", argv[1]);
	check(hz_record_key_master(path, s.master), path);
	check(hz_record_folder(argv[1], ID, state.started_ms, s.folder), "folder");
	check(hz_record_id_bytes(ID, s.record), "id");
	check(hz_record_state_write(s.folder, &state), "state");
	check(hz_hasher_new(&s.hasher), "hasher");
	s.now = 77000000;
	open_writer();
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (round == ROUNDS / 2) { // all until here is on disk
			hz_journal_free(s.w);
			tear();
			open_writer();
		}
		put_round(round);
	}
	hz_journal_lost(s.w, 2, 7, 700, "ring");
	check(hz_journal_end(s.w, s.now, WALL + s.now), "end");
	hz_journal_stats(s.w, &stats);
	hz_journal_free(s.w);
	snprintf(path, sizeof(path), "%s/keys", s.folder);
	int keys = open(path, O_RDONLY | O_DIRECTORY);
	check(keys < 0 ? -errno : hz_record_key_erase(keys, TRACKS, "{\"why\":\"asked\"}"), "erase");
	close(keys);
	hz_hasher_free(s.hasher);
	hz_wipe(s.master, sizeof(s.master));
	print_expected(stats.hash);
	return 0;
}
