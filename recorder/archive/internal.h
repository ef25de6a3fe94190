// Within the archive.
#ifndef HZ_RECORDER_ARCHIVE_INTERNAL_H
#define HZ_RECORDER_ARCHIVE_INTERNAL_H

#include <sys/types.h>

#include "recorder/archive/archive.h"
#include "recorder/outbox/delivery.h"
#include "recorder/store.h"

#define HZ_ARCHIVE_PHASES (HZ_RECORD_DELETED + 1)

enum hz_archive_step { HZ_STEP_FINALIZE = 1, HZ_STEP_PACKAGE, HZ_STEP_SIGN };

struct hz_archive_job { // one at a time
	bool active;
	char folder[HZ_RECORD_PATH_BYTES];
	struct hz_record_state state;
	enum hz_archive_step step;
	pid_t pid;
	int pid_fd; // -1: no child
	int64_t began_us;
	unsigned attempts; // before this one
};

struct hz_archive {
	const struct hz_archive_settings *settings;
	struct hz_delivery *pacs, *emr; // NULL: not configured
	struct hz_fhir_client *client;
	struct hz_archive_job job;
	int inotify_fd, lock_fd;
	unsigned phases[HZ_ARCHIVE_PHASES]; // of the last look
	unsigned held;
};

// --- job.c: from ENDED to FINALISED -------------------------------------------------------------------------------------
int hz_job_start(struct hz_archive *archive, const char *folder, const struct hz_record_state *state);
void hz_job_child_ended(struct hz_archive *archive); // pid_fd can be read
void hz_job_stop(struct hz_archive *archive);        // kills the child and waits
int64_t hz_job_pause_ms(unsigned attempts);          // before the next attempt
bool hz_job_is_queued(const char *folder);           // its deliveries were put into the spools

// --- child.c: children with limits: `huizhen record finalize FOLDER`, `huizhen package FOLDER` --------------------------------------------------------------------------------------
int hz_child_start(const struct hz_archive_settings *settings, const char *command, const char *folder,
                   pid_t *ret, int *ret_pid_fd);

// --- queue.c: what goes where -------------------------------------------------------------------------------------------
int hz_queue_put(struct hz_archive *archive, const char *folder, const struct hz_record_state *state);
int hz_queue_open(struct hz_archive *archive); // the deliveries
void hz_queue_close(struct hz_archive *archive);

struct hz_queue_names { // of both spools, read once a look
	char **names[2];
	unsigned count[2];
	int err;
};
void hz_queue_names_read(const char *store, struct hz_queue_names *ret);
void hz_queue_names_done(struct hz_queue_names *names);
// Items of a record that wait or are parked; error: of a parked one.
unsigned hz_queue_left(const char *store, const struct hz_queue_names *names, const char *record,
                       char error[HZ_OUTCOME_WHY_BYTES]);

// --- retention.c --------------------------------------------------------------------------------------------------------
// Deletes what is due of a delivered record, or goes on with a deletion. true: something was done.
bool hz_retention(struct hz_archive *archive, const char *folder, const struct hz_record_state *state,
                  int64_t now_ms);
bool hz_retention_is_held(const char *store, const char *record);

// --- metrics.c: <store>/metrics.prom (OpenMetrics) and <store>/outbox.json (for the console) ----------------------------
void hz_archive_metrics(struct hz_archive *archive);

#endif
