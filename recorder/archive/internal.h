// Within the archive.
#ifndef HZ_RECORDER_ARCHIVE_INTERNAL_H
#define HZ_RECORDER_ARCHIVE_INTERNAL_H

#include <sys/types.h>

#include "recorder/archive/archive.h"
#include "recorder/outbox/delivery.h"
#include "recorder/outbox/spool.h"
#include "recorder/record/viewing.h"
#include "recorder/store.h"

#define HZ_ARCHIVE_PHASES (HZ_RECORD_DELETED + 1)

enum hz_archive_step { HZ_STEP_FINALIZE = 1, HZ_STEP_PACKAGE, HZ_STEP_SIGN };

struct hz_archive_job { // one at a time
	bool active;
	bool second; // after composing: the tracks have gone
	char folder[HZ_RECORD_PATH_BYTES];
	struct hz_record_state state;
	enum hz_archive_step step;
	pid_t pid;
	int pid_fd;  // -1: no child
	int lock_fd; // of the record, from packaging on; -1
	int64_t began_us;
	unsigned attempts; // before this one
};

struct hz_archive_slot { // of composing
	bool active;
	char folder[HZ_RECORD_PATH_BYTES], id[HZ_RECORD_ID_BYTES];
	pid_t pid;
	int pid_fd, said_fd, lock_fd; // said: its stderr
	int64_t began_us;
};

struct hz_archive_early { // preparing what is still recorded
	bool active;
	char folder[HZ_RECORD_PATH_BYTES], id[HZ_RECORD_ID_BYTES];
	pid_t pid;
	int pid_fd;
	int64_t began_us;
};

struct hz_archive_clock {
	int64_t wall_ms, boot_ms; // of the last look
	int64_t held_until_ms;    // nothing is deleted before; since boot
	int64_t noted_ms;
};

struct hz_archive {
	const struct hz_archive_settings *settings;
	struct hz_delivery *pacs, *emr; // NULL: not configured
	struct hz_fhir_client *client;
	struct hz_archive_job job;
	struct hz_archive_slot composing;
	struct hz_archive_early early;
	int inotify_fd, lock_fd;
	int viewings_wd;                         // of <store>/viewings; -1: not watched
	int64_t news_us;                         // when somebody else last wrote; 0: never
	int64_t viewings_us;                     // when to look at viewings; 0: with the next look
	unsigned phases[HZ_ARCHIVE_PHASES];      // of the last look
	unsigned held, to_compose, not_composed; // of the last look, too
	struct hz_archive_clock clock;
	bool may_delete; // in this look
};

// --- look.c -------------------------------------------------------------------------------------------------------------
#define HZ_ARCHIVE_SETTLE_MS 100 // several changes are one
// Looks at all records and begins what is due. In how many milliseconds to look again, at the latest.
int64_t hz_archive_look(struct hz_archive *archive);
void hz_archive_look_for_viewings(struct hz_archive *archive); // at viewings alone

// --- composing.c --------------------------------------------------------------------------------------------------------
void hz_composing_set(struct hz_record_state *state, enum hz_record_composing phase, const char *why);
bool hz_composing_wants(const struct hz_record_state *state); // to be composed
int hz_composing_start(struct hz_archive *archive, const char *folder, const struct hz_record_state *state);
void hz_composing_child_ended(struct hz_archive *archive); // pid_fd can be read
void hz_composing_stop(struct hz_archive *archive);
// Removes what a composer that was ended left beside its files: pictures of everybody. While nobody composes the record.
void hz_composing_sweep(const char *folder);

// --- job.c: from ENDED to FINALISED, and after composing -------------------------------------------------------------------------------------
int hz_job_start(struct hz_archive *archive, const char *folder, const struct hz_record_state *state);
void hz_job_child_ended(struct hz_archive *archive);        // pid_fd can be read
void hz_job_stop(struct hz_archive *archive);               // kills the child and waits
int64_t hz_job_pause_ms(unsigned attempts);                 // before the next attempt
bool hz_job_is_second(const struct hz_record_state *state); // composed, and nobody has been told
bool hz_job_is_queued(const char *folder);                  // its deliveries were put into the spools

// --- early.c: while a record is still recorded --------------------------------------------------------------------------
// The moment when it should be prepared (again), wall-clock ms: the later, the longer a consult has lasted.
int64_t hz_early_due_ms(const char *folder, const struct hz_record_state *state, int64_t now_ms);
int hz_early_start(struct hz_archive *archive, const char *folder, const struct hz_record_state *state);
void hz_early_child_ended(struct hz_archive *archive); // pid_fd can be read
void hz_early_stop(struct hz_archive *archive);        // what has ended comes first

// --- child.c: children with limits --------------------------------------------------------------------------------------
// command: "prepare", "finalize", "package", "compose". said_fd: its stderr; -1: ours.
int hz_child_start(const struct hz_archive_settings *settings, const char *command, const char *folder,
                   int said_fd, pid_t *ret, int *ret_pid_fd);

// --- queue.c: what goes where -------------------------------------------------------------------------------------------
// bundle: the number of hz_fhir_write(). What was put before is not put again.
int hz_queue_put(struct hz_archive *archive, const char *folder, const struct hz_record_state *state,
                 unsigned bundle);
int hz_queue_open(struct hz_archive *archive); // the deliveries
void hz_queue_close(struct hz_archive *archive);

// What PACS and EMR have had of a record: what was put and waits no more. *ret: as "sent" of a note (recorder/record/erasure.h),
// jansson's json_t *, the caller's; *ret_some: something was, or may have been: sending it was tried. -errno.
int hz_queue_sent(const char *store, const char *folder, const struct hz_record_state *state, void **ret,
                  bool *ret_some);

// At the end of a job: what was put waits, as far as nothing else is known of it.
void hz_queue_note(const char *folder, struct hz_record_state *state);

#define HZ_QUEUE_NAMES                                                                                       \
	(1u                                                                                                  \
	 << 20) // of one spool, in memory during a look; beyond it nothing becomes DELIVERED until it is shorter
struct hz_queue_names {                                     // of both spools, read once a look
	char (*name[HZ_DESTINATIONS])[HZ_SPOOL_NAME_BYTES]; // by record
	unsigned count[HZ_DESTINATIONS], room[HZ_DESTINATIONS];
	int err; // the first: what waits is not known
};
void hz_queue_names_read(const char *store, struct hz_queue_names *ret);
void hz_queue_names_done(struct hz_queue_names *names);
// Brings state->delivery up to date. Returns whether anything of the record waits or is parked, or that is not known; error: of a
// parked one.
bool hz_queue_look(const char *store, const struct hz_queue_names *names, int64_t now_ms,
                   struct hz_record_state *state, char error[HZ_OUTCOME_WHY_BYTES]);

// --- queue.c: viewings. Their items share the EMR's spool, with numbers that no other item of it has: they are none of what a
// record waits for to be delivered.
bool hz_queue_is_viewing(const char *name); // of an item in the EMR's spool
// Puts audit/fhir-….json (path, within folder); first: its first viewing. One that is there is left as it is.
int hz_queue_put_viewings(struct hz_archive *archive, const char *folder, const struct hz_record_state *state,
                          const char *path, const struct hz_viewing *first);
// Whether one of the record waits that was not refused.
bool hz_queue_viewings_wait(const char *store, const struct hz_queue_names *names, const char *record);
// Says of a DELIVERED record's state that viewings were refused, and why; or that they are not any more. true: it changed.
bool hz_queue_viewings_look(const char *store, const struct hz_queue_names *names, int64_t now_ms,
                            struct hz_record_state *state);
// Before a DELIVERED record becomes DELETED: it says again that the EMR has it, refused viewings are told by the outbox alone.
void hz_queue_viewings_leave(struct hz_record_state *state);

// --- viewings.c ---------------------------------------------------------------------------------------------------------
// The folder that control notes viewings in.
void hz_viewings_folder(const char *store, char ret[HZ_RECORD_PATH_BYTES + 32]);
// Makes and queues Bundles of what is noted. true: something is under way; to be called again soon.
bool hz_viewings_pass(struct hz_archive *archive);
// Before all of a record is deleted: its viewings' Bundles, which name the patient by id, but those that are still to be delivered.
int hz_viewings_forget(const char *store, const char *folder, const char *record);

struct hz_deletion {
	const char *store, *folder, *record,
	    *what;              // "all", "media": after its retention; "erased": it was asked for
	bool sm2, unsigned_too; // also of a record that never got a certificate
	unsigned media_days, record_days;
};
int hz_deletion_note(const struct hz_deletion *deletion, int64_t now_ms); // deletion.json, signed
int hz_deletion_do(const char *folder, bool everything);                  // keys first; can be repeated
bool hz_deletion_left(const char *folder);                                // something of what all of it is
// Of a name in the record's folder: what a process that was killed left beside a file that deletions take.
bool hz_deletion_is_beside(const char *name);

// --- erase.c ------------------------------------------------------------------------------------------------------------
// Of a DELETED record: goes on with erasing all of it where a process was killed. 1: something was left and is gone; 0: nothing to
// do; -EBUSY: it is being erased just now; -EPERM: a legal hold; -errno.
int hz_erase_go_on(const char *store, const char *folder, const char *record);

// --- retention.c --------------------------------------------------------------------------------------------------------
// Deletes what is due of a delivered record, or goes on with a deletion. true: something was done.
bool hz_retention(struct hz_archive *archive, const char *folder, const struct hz_record_state *state,
                  int64_t now_ms);
bool hz_retention_is_held(const char *store, const char *record);

// --- clock.c: may deletions believe the wall clock? Times: wall and CLOCK_BOOTTIME, in ms ---------------------------------
// <store>/archive.clock: when an archive saw the time last, wall-clock ms as text.
void hz_archive_clock_open(struct hz_archive_clock *clock, const char *store, int64_t wall_ms,
                           int64_t boot_ms);
bool hz_archive_clock_good(struct hz_archive_clock *clock, int64_t wall_ms, int64_t boot_ms);
void hz_archive_clock_note(struct hz_archive_clock *clock,
                           const char *store); // now and then, while it is good
int64_t hz_archive_boot_ms(void);

// --- metrics.c: <store>/metrics.prom (OpenMetrics) and <store>/outbox.json (for the console) ----------------------------
void hz_archive_metrics(struct hz_archive *archive);

#endif
