// How it goes: states of records and of the disk, told before something is lost where that can be seen coming.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "gateway/base/hex.h"
#include "gateway/base/log.h"
#include "recorder/state.h"

#define STATS_US   2000000
#define DISK_US    1000000
#define TOLD_US    10000000
#define LOST_US    250000
#define CALM_US    10000000 // after the last loss a record is RUNNING again
#define BEHIND_US  1000000  // what is older and not on disk: the disk is slow
#define FULL_BYTES (16u << 20)
#define TEXT_BYTES 256

struct sum {
	struct hz_rec_stats stats;
	int64_t oldest_us;
	bool full; // the disk said so
};

static int64_t older(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static void add(struct sum *sum, struct hz_rec *rec)
{
	pthread_mutex_lock(&rec->lock);
	const struct hz_rec_view v = rec->view;
	int64_t oldest_us = older(v.taken_us, rec->in.oldest_us);
	pthread_mutex_unlock(&rec->lock);
	sum->stats.packets += v.stats.packets;
	sum->stats.bytes += v.stats.bytes;
	sum->stats.chunks += v.stats.chunks;
	sum->stats.events += v.stats.events;
	sum->stats.lost_packets += v.stats.lost_packets;
	sum->stats.lost_bytes += v.stats.lost_bytes;
	sum->oldest_us = older(sum->oldest_us, oldest_us);
	sum->full = sum->full || v.err == -ENOSPC || v.err == -EDQUOT;
}

static struct sum add_all(struct hz_recorder *r)
{
	struct sum sum = {.stats = r->stats};
	for (struct hz_rec *rec = r->records; rec; rec = rec->next)
		add(&sum, rec);
	for (unsigned i = 0; i < r->options->workers; i++) {
		struct hz_ring_counters c;
		hz_ring_counters(&r->ring[i], &c);
		sum.stats.dropped += c.dropped;
	}
	int64_t behind_us = sum.oldest_us ? r->now_us - sum.oldest_us : 0;
	sum.stats.behind_ms = behind_us > 0 ? (uint32_t)(behind_us / 1000) : 0;
	sum.stats.free_bytes = r->free_bytes;
	sum.stats.disk = r->disk;
	sum.stats.records = r->record_count;
	sum.stats.tracks = hz_map_count(r->tracks);
	return sum;
}

static enum hz_rec_disk judge(const struct hz_recorder *r, const struct sum *sum)
{
	// A little calmer before it is called good again.
	int64_t limit_ms = BEHIND_US / 1000 / (r->disk == HZ_REC_DISK_SLOW ? 2 : 1);
	if (sum->full || r->free_bytes < FULL_BYTES)
		return HZ_REC_DISK_FULL;
	if (sum->stats.behind_ms > limit_ms || atomic_load(&r->waiting) > r->options->memory_bytes / 2)
		return HZ_REC_DISK_SLOW;
	return r->free_bytes < r->options->min_free_bytes ? HZ_REC_DISK_LOW : HZ_REC_DISK_GOOD;
}

static void watch_disk(struct hz_recorder *r)
{
	struct statvfs fs;
	char text[TEXT_BYTES];
	if (!statvfs(r->options->dir, &fs))
		r->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	struct sum sum = add_all(r);
	enum hz_rec_disk disk = judge(r, &sum);
	if (disk == r->disk && r->now_us < r->disk_told_us)
		return;
	if (disk != r->disk)
		hz_log(disk == HZ_REC_DISK_GOOD ? HZ_LOG_INFO : HZ_LOG_ERROR, "recorder.disk",
		       "state=%u free_mib=%llu behind_ms=%u", disk, (unsigned long long)r->free_bytes >> 20,
		       sum.stats.behind_ms);
	r->disk = disk;
	r->disk_told_us = r->now_us + TOLD_US;
	int n = snprintf(text, sizeof(text), "{\"free_bytes\":%llu,\"behind_ms\":%u}",
	                 (unsigned long long)r->free_bytes, sum.stats.behind_ms);
	const struct hz_rec_msg m = {.type = HZ_REC_DISK, .value = (int32_t)disk};
	hz_rec_tell(r, &m, text, (size_t)n);
}

static void tell_state(struct hz_recorder *r, struct hz_rec *rec, enum hz_rec_state state, const char *text)
{
	struct hz_rec_msg m = {.type = HZ_REC_STATE, .value = (int32_t)state};
	memcpy(m.record, rec->id, sizeof(m.record));
	rec->told = state;
	hz_rec_tell(r, &m, text, strlen(text));
}

static void watch_record(struct hz_recorder *r, struct hz_rec *rec)
{
	char text[TEXT_BYTES] = "{}";
	pthread_mutex_lock(&rec->lock);
	const struct hz_rec_view v = rec->view;
	pthread_mutex_unlock(&rec->lock);
	uint64_t lost = v.stats.lost_packets + rec->tap_lost, bytes = v.stats.lost_bytes;
	for (const struct hz_rec_track *t = rec->tracks; t; t = t->next) {
		lost += t->lost_packets;
		bytes += t->lost_bytes;
	}
	bool losing = lost > rec->told_lost;
	if (losing)
		rec->lost_us = r->now_us;
	rec->told_lost = lost > rec->told_lost ? lost : rec->told_lost;
	enum hz_rec_state state = v.err                                                ? HZ_REC_STOPPED
	                          : rec->lost_us && r->now_us - rec->lost_us < CALM_US ? HZ_REC_LOSING
	                                                                               : HZ_REC_RUNNING;
	if (state == rec->told)
		return;
	if (state == HZ_REC_STOPPED)
		snprintf(text, sizeof(text), "{\"why\":\"%s\"}",
		         strerrordesc_np(-v.err) ? strerrordesc_np(-v.err) : "");
	else if (state == HZ_REC_LOSING)
		snprintf(text, sizeof(text), "{\"lost_bytes\":%llu,\"lost_packets\":%llu,\"why\":\"%s\"}",
		         (unsigned long long)bytes, (unsigned long long)lost,
		         rec->tap_lost ? "the recorder was away or too slow" : "the disk is too slow");
	tell_state(r, rec, state, text);
}

static void tell_heads(struct hz_recorder *r)
{
	for (struct hz_rec *rec = r->records; rec; rec = rec->next) {
		char text[TEXT_BYTES], hex[2 * HZ_JOURNAL_HASH_BYTES + 1];
		struct hz_rec_msg m = {.type = HZ_REC_HEAD};
		pthread_mutex_lock(&rec->lock);
		const struct hz_journal_stats s = rec->view.stats;
		pthread_mutex_unlock(&rec->lock);
		hz_hex_text(s.hash, HZ_JOURNAL_HASH_BYTES, hex);
		int n = snprintf(text, sizeof(text), "{\"chunks\":%llu,\"hash\":\"%s\"}",
		                 (unsigned long long)s.chunks, hex);
		memcpy(m.record, rec->id, sizeof(m.record));
		if (s.chunks)
			hz_rec_tell(r, &m, text, (size_t)n);
	}
}

void hz_rec_watch(struct hz_recorder *r)
{
	if (r->rehello)
		hz_rec_hello(r);
	if (r->now_us >= r->lost_us) {
		hz_rec_drain_lost(r);
		for (struct hz_rec *rec = r->records; rec; rec = rec->next)
			watch_record(r, rec);
		r->lost_us = r->now_us + LOST_US;
	}
	if (r->now_us >= r->disk_us) {
		watch_disk(r);
		r->disk_us = r->now_us + DISK_US;
	}
	if (r->now_us >= r->stats_us) {
		const struct hz_rec_msg m = {.type = HZ_REC_STATS};
		struct sum sum = add_all(r);
		hz_rec_tell(r, &m, &sum.stats, sizeof(sum.stats));
		r->stats_us = r->now_us + STATS_US;
	}
	if (r->now_us >= r->head_us) {
		tell_heads(r);
		r->head_us = r->now_us + TOLD_US;
	}
}
