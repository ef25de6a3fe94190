// The insides of the recorder.
//
//   rings ──reader thread──► items of a record ──its writer thread──► journal ──► disk
//   control ─┘     ▲                                     │
//                  └──────────── done (ACKs) ◄───────────┘
//
// The reader never waits for a disk: what it has for a record goes into that record's items, a bounded queue of bytes; the
// writer takes them all at once, and stops at one that the disk refuses until it does not. Order within a record is kept, so
// media stands behind the consent and the TRACK_OPEN it needs, and is nothing to the writer before that is on disk. Only what
// is to be wiped (DISCARD) is wiped before anything else is done: it would be written by whatever stands before it. Where no
// item waits and the writer is not sealing, the reader puts media straight into the journal's open blocks: one copy instead
// of three, and half the memory that goes through the caches. Locks: rec.lock (items, `direct`, what the reader may know),
// thread.lock (the list of records), done_lock. None is held over a system call of the disk, no two at a time; within rec.lock
// the journal takes its own.
#ifndef HZ_RECORDER_STATE_H
#define HZ_RECORDER_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/base/map.h"
#include "gateway/base/ring.h"
#include "recorder/api.h"
#include "recorder/journal/writer.h"
#include "recorder/recorder.h"
#include "recorder/store.h"

#define HZ_REC_MAX_WORKERS 64
#define HZ_REC_POLL_MS     40
#define HZ_REC_IDLE_MS     500 // without any record
// A write and its sync cost 0.2 ms of CPU, however little: more often, and they are most of the work. Rarer, and what was
// read until then, HZ_REC_POLL_MS apart, would not fit into one chunk (HZ_JOURNAL_CHUNK_US) any more.
#define HZ_REC_SEAL_US 450000

enum hz_item_kind {
	HZ_ITEM_RTP = 1,
	HZ_ITEM_SENDER_REPORT,
	HZ_ITEM_LOST, // number: packets
	HZ_ITEM_OPEN, // text; from here on commands: their seq is answered
	HZ_ITEM_TRACK,
	HZ_ITEM_TRACK_CLOSE, // flags: HZ_REC_DISCARD
	HZ_ITEM_EVENT,
	HZ_ITEM_CLOSE,
};

struct hz_rec_track {
	struct hz_rec_track *next; // of the record: all that it ever had
	struct hz_rec *rec;
	uint64_t key; // worker << 32 | id
	int64_t since_us;
	bool marked;                       // reader's: named in this repetition
	uint64_t lost_packets, lost_bytes; // reader's: not told to the journal yet
	atomic_bool discarded;
	uint32_t number; // writer's: of the journal, 0 none
};

struct hz_item {
	struct hz_rec_track *track;
	int64_t at_us;
	uint64_t number;
	uint32_t seq, bytes; // bytes follow, a NUL and padding behind them
	uint8_t kind, flags;
};

struct hz_items {
	uint8_t *at;
	size_t bytes, capacity;
	int64_t oldest_us; // of media; 0 none
	unsigned idle;     // times in a row that it was hardly used
	bool wipe; // a DISCARD is in it: what it holds may not be kept, not even until it is written over
};

struct hz_done { // by a writer
	struct hz_done *next;
	struct hz_rec *rec;
	struct hz_rec_track *track;
	uint64_t number;
	uint32_t seq; // 0: nobody waits
	int err;
	uint8_t
	    kind; // enum hz_item_kind. CLOSE, and OPEN with an error: the record is gone, the reader frees it
};

struct hz_rec_view { // what the reader may know of a writer's work
	struct hz_journal_stats stats;
	int64_t taken_us; // oldest media that was taken and is not on disk
	int err;          // the disk's, now
};

struct hz_rec {
	struct hz_rec *next; // reader's
	char id[HZ_REC_ID_BYTES];
	struct hz_recorder *recorder;
	struct hz_rec_thread *thread;
	bool marked, closing;
	struct hz_rec_track *tracks;
	enum hz_rec_state told;
	uint64_t told_lost, tap_lost;
	int64_t lost_us;

	pthread_mutex_t lock;
	struct hz_items in;
	bool direct; // the writer is not at the journal's open blocks: the reader may put media there
	size_t waiting_bytes; // of the journal, as counted in the recorder's `waiting`
	struct hz_rec_view view;

	atomic_bool kicked; // it has a command

	struct hz_rec *next_of_thread; // from here on the writer's
	bool at_work;                  // between hz_rec_work() and hz_rec_settle()
	struct hz_items work;
	size_t work_at;
	struct hz_journal_writer *journal;
	char folder[HZ_RECORD_PATH_BYTES];
	struct hz_record_state state;
	struct hz_done *waiting, **waiting_tail; // what is put and answered once it is on disk
	bool orphan;                             // nobody named it: to be ended
	bool state_due;                          // state.json is not as `state`
	bool finished;
	int turn_err, disk_err; // of this turn: items, journal
	int err;
	int64_t retry_us;
};

struct hz_rec_thread {
	struct hz_recorder *recorder;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool kicked, stop;
	struct hz_rec *records;
	unsigned count;
};

struct hz_recorder {
	const struct hz_recorder_options *options;
	uint8_t master[HZ_JOURNAL_KEY_BYTES];
	bool was_clean; // the last recorder of this store ended by itself
	int root_lock, signals, wake;
	void *memory; // the rings
	struct hz_ring ring[HZ_REC_MAX_WORKERS];
	struct hz_rec_thread *threads;
	struct hz_rec *records;
	unsigned record_count;
	struct hz_map *by_id, *tracks; // open ones by key
	int32_t hello;
	bool naming, named, rehello, stopping;
	int64_t now_us;
	int64_t stats_us, disk_us, disk_told_us, head_us, lost_us; // next
	enum hz_rec_disk disk;
	uint64_t free_bytes;
	struct hz_rec_stats
	    stats;             // of records that are gone; `dropped`, `refused` and `lost_*` of the queues
	atomic_size_t waiting; // bytes of items and journals

	pthread_mutex_t done_lock;
	struct hz_done *done, **done_tail;
};

// items.c: reader's side. media: refused when memory is full (-ENOBUFS). Commands always find room but for -ENOMEM.
int hz_items_put(struct hz_rec *rec, const struct hz_item *item, const void *data);
void hz_items_take(struct hz_rec *rec); // writer's: everything into `work`, if that is empty
const struct hz_item *hz_items_next(struct hz_rec *rec, const char **ret_text); // first of `work`; NULL: none
void hz_items_drop(struct hz_rec *rec);                                         // that one is done
// The item at *at, which moves on to the next; NULL: no more.
const struct hz_item *hz_items_walk(const struct hz_items *items, size_t *at);

// record.c: the writer's side of one record.
// RTP, SENDER_REPORT, LOST into the journal; also the reader's, see `direct`.
void hz_rec_media(struct hz_rec *rec, const struct hz_item *item, const void *data);
// Takes the items, seals and writes; false: nothing to be done now. Then settle: waits for the disk, answers.
bool hz_rec_work(struct hz_rec *rec, int64_t now_us, int64_t wall_us);
void hz_rec_settle(struct hz_rec *rec, int64_t now_us);

// threads.c
int hz_threads_start(struct hz_recorder *r);
void hz_threads_stop(struct hz_recorder *r); // everything that was put is written; waits
void hz_threads_add(struct hz_recorder *r, struct hz_rec *rec);
void hz_threads_kick(struct hz_rec *rec);
void hz_done_post(struct hz_recorder *r, struct hz_done *done); // takes it, and what hangs on it

// records.c: the reader's side.
struct hz_rec *hz_rec_new(struct hz_recorder *r, const char *id, bool orphan); // NULL: no room
void hz_rec_forget(struct hz_recorder *r, struct hz_rec *rec); // frees it, its tracks are not open
int hz_rec_command(struct hz_rec *rec, const struct hz_item *item,
                   const char *text); // put, and the writer is woken; for an event it is not
void hz_track_close(struct hz_recorder *r, struct hz_rec_track *track, uint32_t seq, uint8_t flags);
void hz_rec_close(struct hz_recorder *r, struct hz_rec *rec, uint32_t seq);
void hz_rec_orphans(struct hz_recorder *r);

// link.c
void hz_rec_hello(struct hz_recorder *r);
int hz_rec_read(struct hz_recorder *r); // control's messages; -EPIPE
void hz_rec_tell(struct hz_recorder *r, const struct hz_rec_msg *msg, const void *text, size_t bytes);
void hz_rec_done(struct hz_recorder *r); // what the writers did

// drain.c
void hz_rec_drain(struct hz_recorder *r);
void hz_rec_drain_lost(struct hz_recorder *r); // what found no memory is told to the journals

// watch.c: states, statistics.
void hz_rec_watch(struct hz_recorder *r);
bool hz_rec_disk_error(int err); // may pass: try again

// sandbox.c: from here on this process and its threads open nothing outside `dir`, no socket, no program. What the kernel
// does not know is left out and logged.
int hz_rec_sandbox(const char *dir);

#endif
