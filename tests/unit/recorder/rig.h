// A record in a scratch folder: made by the writer, with content that can be told again when it is read.
#ifndef HZ_TESTS_RECORDER_RIG_H
#define HZ_TESTS_RECORDER_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "recorder/journal/keys.h"
#include "recorder/journal/reader.h"
#include "recorder/journal/writer.h"

#define WALL_US 1700000000000000

struct rig {
	char folder[256];
	uint8_t master[HZ_JOURNAL_KEY_BYTES], record[16];
	struct hz_journal_writer *w;
	int64_t now_us;
	size_t limit_bytes;
	uint64_t segment_bytes;
};

static inline void rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	snprintf(rig->folder, sizeof(rig->folder), "%s/hz-journal-XXXXXX", "/dev/shm");
	assert_non_null(mkdtemp(rig->folder));
	memset(rig->master, 7, sizeof(rig->master));
	for (unsigned i = 0; i < 16; i++)
		rig->record[i] = (uint8_t)(i * 17);
	rig->now_us = 5000000;
	rig->limit_bytes = 8 << 20;
}

static inline void rig_done(struct rig *rig)
{
	char command[300];
	hz_journal_free(rig->w);
	rig->w = NULL;
	snprintf(command, sizeof(command), "rm -rf '%s'", rig->folder);
	assert_int_equal(system(command), 0);
}

static inline int rig_try_open(struct rig *rig)
{
	struct hz_journal_open with = {.folder = rig->folder,
	                               .master = rig->master,
	                               .meta = "{\"id\":\"r\",\"consult\":\"c\"}",
	                               .limit_bytes = rig->limit_bytes,
	                               .segment_bytes = rig->segment_bytes,
	                               .monotonic_us = rig->now_us,
	                               .wall_us = WALL_US + rig->now_us};
	memcpy(with.record, rig->record, 16);
	return hz_journal_open(&with, &rig->w);
}

static inline void rig_open(struct rig *rig)
{
	assert_int_equal(rig_try_open(rig), 0);
}

// As kill -9 would: what was not synced is gone.
static inline void rig_drop(struct rig *rig)
{
	hz_journal_free(rig->w);
	rig->w = NULL;
}

static inline uint32_t rig_track(struct rig *rig, const char *key)
{
	uint32_t track = 0;
	assert_int_equal(hz_journal_track(rig->w, key, "{\"participant\":\"p\",\"source\":\"camera\"}",
	                                  rig->now_us, &track),
	                 0);
	return track;
}

// Packet n of a track: its number in front, then bytes that follow from it.
static inline size_t rig_packet(uint32_t track, uint32_t n, uint8_t ret[64])
{
	size_t bytes = 12 + n % 29;
	memset(ret, (int)(n * 3 + track), bytes);
	memcpy(ret, &n, 4);
	return bytes;
}

static inline int rig_put(struct rig *rig, uint32_t track, uint32_t n)
{
	uint8_t data[64];
	size_t bytes = rig_packet(track, n, data);
	rig->now_us += 5000;
	return hz_journal_rtp(rig->w, track, (uint8_t)(n % 8), data, bytes, rig->now_us);
}

static inline int rig_seal_sync(struct rig *rig)
{
	int err = hz_journal_seal(rig->w, rig->now_us, WALL_US + rig->now_us);
	return err ? err : hz_journal_sync(rig->w);
}

static inline int rig_end(struct rig *rig)
{
	return hz_journal_end(rig->w, rig->now_us, WALL_US + rig->now_us);
}

// What a reader found.
struct rig_read {
	int err;
	unsigned events, media, gaps;
	uint64_t last_event;
	uint32_t next[64]; // of each track: the number of the packet that is expected next
	struct hz_journal_summary summary;
	struct hz_journal_fault fault;
};

static inline void rig_read_with(const char *folder, const uint8_t *master, struct rig_read *ret)
{
	struct hz_journal_reader *reader;
	struct hz_journal_item item;
	memset(ret, 0, sizeof(*ret));
	ret->err = hz_journal_reader_new(folder, master, &reader);
	if (ret->err)
		return;
	while ((ret->err = hz_journal_next(reader, &item)) == 1) {
		ret->events += item.kind == HZ_RECORD_EVENT;
		ret->gaps += item.kind == HZ_RECORD_GAP;
		assert_int_equal(item.wall_us - item.at_us, WALL_US);
		if (item.kind != HZ_RECORD_RTP)
			continue;
		uint8_t data[64];
		uint32_t n;
		memcpy(&n, item.data, 4);
		assert_true(item.track < 64);
		assert_true(n >= ret->next[item.track]); // in order, never twice
		assert_int_equal(item.bytes, rig_packet(item.track, n, data));
		assert_memory_equal(item.data, data, item.bytes);
		assert_int_equal(item.flags, n % 8);
		ret->next[item.track] = n + 1;
		ret->media++;
	}
	hz_journal_fault(reader, &ret->fault);
	if (ret->err == 0)
		hz_journal_summary(reader, &ret->summary);
	hz_journal_reader_free(reader);
}

static inline void rig_read(struct rig *rig, struct rig_read *ret)
{
	rig_read_with(rig->folder, rig->master, ret);
}

#endif
