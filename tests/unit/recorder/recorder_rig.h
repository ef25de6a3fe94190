// A recorder in a process of its own, a control made of the real link (gateway/link/record_link.h), and worker rings that
// the test fills; what is on disk is read with the journal's reader.
#ifndef HZ_TESTS_RECORDER_RECORDER_RIG_H
#define HZ_TESTS_RECORDER_RECORDER_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/ring.h"
#include "gateway/base/seqpacket.h"
#include "gateway/link/record_link.h"
#include "recorder/journal/keys.h"
#include "recorder/journal/reader.h"
#include "recorder/recorder.h"
#include "recorder/store.h"

#define RING_BYTES ((size_t)8 << 20)
#define WORKERS    2
#define RECORD_A   "0190a1b2-0000-7000-8000-00000000000a"
#define RECORD_B   "0190a1b2-0000-7000-8000-00000000000b"
#define RECORD_C   "0190a1b2-0000-7000-8000-00000000000c"
#define STARTED_MS 1700000000000

struct seen {
	char what[16], record[HZ_REC_ID_BYTES];
	hz_id track;
	int value;
	char text[256];
	uint64_t number;
};

struct recorder_rig {
	char dir[128], key[160];
	int pair[2], taps;
	unsigned workers;
	size_t ring_bytes;
	void *memory;
	struct hz_ring ring[WORKERS];
	pid_t pid;
	struct hz_record_link *link;
	struct seen seen[4096];
	unsigned seen_count;
	bool sandbox;
	size_t memory_bytes;
	uint64_t min_free;
};

static void saw(void *ctx, const char *what, const char *record, hz_id track, int value)
{
	struct recorder_rig *rig = ctx;
	assert_true(rig->seen_count < 4096);
	struct seen *s = &rig->seen[rig->seen_count++];
	*s = (struct seen){.track = track, .value = value};
	snprintf(s->what, sizeof(s->what), "%s", what);
	snprintf(s->record, sizeof(s->record), "%s", record);
}

static void rr_open(void *ctx, const char *record, uint64_t newest, int err)
{
	struct recorder_rig *rig = ctx;
	saw(ctx, "open", record, 0, err);
	rig->seen[rig->seen_count - 1].number = newest;
}

static void rr_track(void *ctx, const char *record, unsigned worker, hz_id track, int err)
{
	saw(ctx, "track", record, track, err);
}

static void rr_track_closed(void *ctx, const char *record, unsigned worker, hz_id track, int err)
{
	saw(ctx, "closed", record, track, err);
}

static void rr_event(void *ctx, const char *record, uint64_t number, int err)
{
	struct recorder_rig *rig = ctx;
	saw(ctx, "event", record, 0, err);
	rig->seen[rig->seen_count - 1].number = number;
}

static void rr_state(void *ctx, const char *record, enum hz_rec_state state, const char *text)
{
	struct recorder_rig *rig = ctx;
	saw(ctx, "state", record, 0, (int)state);
	snprintf(rig->seen[rig->seen_count - 1].text, 256, "%s", text);
}

static void rr_disk(void *ctx, enum hz_rec_disk disk, const char *text)
{
	struct recorder_rig *rig = ctx;
	saw(ctx, "disk", "", 0, (int)disk);
	snprintf(rig->seen[rig->seen_count - 1].text, 256, "%s", text);
}

static void rr_ready(void *ctx, bool ready)
{
	saw(ctx, "ready", "", 0, ready);
}

static const struct hz_record_link_ops rr_ops = {.on_open = rr_open,
                                                 .on_track = rr_track,
                                                 .on_track_closed = rr_track_closed,
                                                 .on_event = rr_event,
                                                 .on_state = rr_state,
                                                 .on_disk = rr_disk,
                                                 .on_ready = rr_ready};

static inline unsigned rr_seen(const struct recorder_rig *rig, const char *what, int value)
{
	unsigned n = 0;
	for (unsigned i = 0; i < rig->seen_count; i++)
		n += strcmp(rig->seen[i].what, what) == 0 && rig->seen[i].value == value;
	return n;
}

static inline void rr_start(struct recorder_rig *rig)
{
	rig->pid = fork();
	assert_true(rig->pid >= 0);
	if (rig->pid)
		return;
	int lock = -1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	const struct hz_recorder_options options = {.api = rig->pair[0],
	                                            .taps = rig->taps,
	                                            .workers = rig->workers,
	                                            .ring_bytes = rig->ring_bytes,
	                                            .dir = rig->dir,
	                                            .master_key = rig->key,
	                                            .min_free_bytes = rig->min_free,
	                                            .memory_bytes = rig->memory_bytes,
	                                            .writers = 2,
	                                            .sandbox = rig->sandbox};
	hz_log_init("recorder", HZ_LOG_ERROR);
	if (hz_memfd_claim(rig->taps, &lock))
		_exit(71);
	int err = hz_recorder_run(&options);
	if (rig->sandbox) // nor may the leak checker look
		_exit(err ? 72 : 0);
	exit(err ? 72 : 0);
}

static inline void rr_control(struct recorder_rig *rig)
{
	hz_record_link_free(rig->link);
	assert_int_equal(hz_record_link_new(rig->pair[1], &rr_ops, rig, &rig->link), 0);
}

// root: where to make the store.
static inline struct recorder_rig *rr_new(const char *root)
{
	struct recorder_rig *rig = calloc(1, sizeof(*rig));
	snprintf(rig->dir, sizeof(rig->dir), "%s/hz-recorder-XXXXXX", root);
	assert_non_null(mkdtemp(rig->dir));
	snprintf(rig->key, sizeof(rig->key), "%s/master.key", rig->dir);
	rig->memory_bytes = 64 << 20;
	rig->workers = WORKERS;
	rig->ring_bytes = RING_BYTES;
	assert_int_equal(hz_seqpacket_pair(4 << 20, rig->pair), 0);
	assert_int_equal(hz_memfd_new("taps", rig->workers * rig->ring_bytes, &rig->taps), 0);
	assert_int_equal(hz_memfd_map(rig->taps, rig->workers * rig->ring_bytes, &rig->memory), 0);
	for (unsigned i = 0; i < rig->workers; i++)
		assert_int_equal(hz_ring_produce(&rig->ring[i], (uint8_t *)rig->memory + i * rig->ring_bytes,
		                                 rig->ring_bytes),
		                 0);
	rr_control(rig);
	return rig;
}

static inline int rr_wait(struct recorder_rig *rig)
{
	int status;
	assert_int_equal(waitpid(rig->pid, &status, 0), rig->pid);
	rig->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static inline void rr_kill(struct recorder_rig *rig)
{
	kill(rig->pid, SIGKILL);
	assert_int_equal(rr_wait(rig), 1000 + SIGKILL);
}

static inline void rr_term(struct recorder_rig *rig)
{
	kill(rig->pid, SIGTERM);
	assert_int_equal(rr_wait(rig), 0);
}

static inline void rr_free(struct recorder_rig *rig)
{
	char command[200];
	if (rig->pid)
		rr_term(rig);
	hz_record_link_free(rig->link);
	close(rig->pair[0]);
	close(rig->pair[1]);
	hz_memfd_unmap(rig->memory, rig->workers * rig->ring_bytes);
	close(rig->taps);
	snprintf(command, sizeof(command), "rm -rf '%s'", rig->dir);
	assert_int_equal(system(command), 0);
	free(rig);
}

static inline void rr_turn(struct recorder_rig *rig)
{
	hz_record_link_flush(rig->link);
	usleep(1000);
	assert_int_equal(hz_record_link_read(rig->link), 0);
	hz_record_link_flush(rig->link);
}

static inline void rr_run(struct recorder_rig *rig, int64_t us)
{
	for (int64_t until = hz_now_us() + us; hz_now_us() < until;)
		rr_turn(rig);
}

// Until `what` with this value was seen so often; 10 s at most.
static inline void rr_expect(struct recorder_rig *rig, const char *what, int value, unsigned count)
{
	for (int64_t until = hz_now_us() + 10000000; rr_seen(rig, what, value) < count;) {
		if (hz_now_us() > until)
			fail_msg("waited for %u of %s %d, there are %u", count, what, value,
			         rr_seen(rig, what, value));
		rr_turn(rig);
	}
}

static inline void rr_record(struct recorder_rig *rig, const char *id)
{
	char json[256];
	snprintf(json, sizeof(json), "{\"id\":\"%s\",\"consult\":\"c1\",\"started_ms\":%lld}", id,
	         (long long)STARTED_MS);
	assert_int_equal(hz_record_link_open(rig->link, id, json), 0);
}

static inline void rr_track_open(struct recorder_rig *rig, const char *id, unsigned worker, hz_id track,
                                 int64_t since_us)
{
	char json[128];
	snprintf(json, sizeof(json), "{\"key\":\"p%u.camera.%u\",\"participant\":\"p\"}", worker, track);
	assert_int_equal(hz_record_link_track_open(rig->link, id, worker, track, json, since_us), 0);
}

// An RTP packet of 1,000 bytes with this number in it.
static inline int rr_put(struct recorder_rig *rig, unsigned worker, hz_id track, uint32_t number)
{
	uint8_t packet[1000] = {0x80, 96, (uint8_t)(number >> 8), (uint8_t)number};
	const struct hz_ring_record record = {
	    .kind = HZ_RING_RTP, .flags = 1, .source = track, .arrival_us = hz_now_us()};
	memcpy(packet + 12, &number, sizeof(number));
	return hz_ring_put(&rig->ring[worker], &record, packet, sizeof(packet));
}

struct rr_content {
	unsigned packets, events, reports, gaps;
	uint32_t number[200000];
	int64_t at_us[200000];
	uint64_t lost;
	bool ended;
	char event[32][128];
	struct hz_journal_summary summary;
};

// Reads the whole record with its key. key: of the track that `number` is about.
static inline void rr_read(const struct recorder_rig *rig, const char *id, const char *key,
                           struct rr_content *ret)
{
	uint8_t master[HZ_JOURNAL_KEY_BYTES];
	char folder[HZ_RECORD_PATH_BYTES];
	struct hz_journal_reader *reader;
	struct hz_journal_item item;
	int more;
	memset(ret, 0, sizeof(*ret));
	assert_int_equal(hz_record_key_master(rig->key, master), 0);
	assert_int_equal(hz_record_folder(rig->dir, id, STARTED_MS, folder), 0);
	assert_int_equal(hz_journal_reader_new(folder, master, &reader), 0);
	while ((more = hz_journal_next(reader, &item)) == 1) {
		const char *json = hz_journal_track_json(reader, item.track);
		bool wanted = !key || (json && strstr(json, key));
		if (item.kind == HZ_RECORD_RTP && wanted) {
			memcpy(&ret->number[ret->packets], item.data + 12, 4);
			ret->at_us[ret->packets++] = item.at_us;
			assert_int_equal(item.flags, 1);
			assert_int_equal(item.bytes, 1000);
		}
		ret->reports += item.kind == HZ_RECORD_SR;
		ret->gaps += item.kind == HZ_RECORD_GAP;
		if (item.kind == HZ_RECORD_EVENT && ret->events < 32)
			snprintf(ret->event[ret->events++], 128, "%.*s", (int)item.bytes,
			         (const char *)item.data);
	}
	if (more < 0) {
		struct hz_journal_fault fault;
		hz_journal_fault(reader, &fault);
		fail_msg("%s at %llu: %s", fault.file, (unsigned long long)fault.offset, fault.what);
	}
	hz_journal_summary(reader, &ret->summary);
	ret->ended = ret->summary.ended;
	hz_journal_reader_free(reader);
}

// The same, as soon as it holds so many packets and sender reports: written within half a second, read by a busy machine later.
static inline void rr_read_whole(struct recorder_rig *rig, const char *id, const char *key, uint32_t packets,
                                 uint32_t reports, struct rr_content *ret)
{
	for (unsigned i = 0; i < 50; i++) {
		rr_run(rig, 100000);
		rr_read(rig, id, key, ret);
		if (ret->packets >= packets && ret->reports >= reports)
			return;
	}
}

static inline enum hz_record_phase rr_phase(const struct recorder_rig *rig, const char *id)
{
	char folder[HZ_RECORD_PATH_BYTES];
	struct hz_record_state state;
	assert_int_equal(hz_record_folder(rig->dir, id, STARTED_MS, folder), 0);
	return hz_record_state_read(folder, &state) ? 0 : state.phase;
}

#endif
