// `huizhen record finalize`: a record's journal into files, in the background of everything else. `huizhen record prepare`: what
// can be made of it while it is still recorded.
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gateway/base/secret.h"
#include "gateway/cli_record.h"
#include "recorder/finalize/finalize.h"
#include "recorder/finalize/prepare.h"
#include "recorder/store.h"

#define PREPARE_CPU_S 1800 // of a run: then something is wrong

enum { IO_CLASS_IDLE = 3 << 13, IO_WHO_PROCESS = 1 }; // ioprio_set(2) has no header

void hz_cli_record_yield(void)
{
	(void)setpriority(PRIO_PROCESS, 0, 10);
	(void)syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0, IO_CLASS_IDLE);
}

int hz_cli_record_finalize(const char *folder, const uint8_t *master)
{
	char error[HZ_FINALIZE_ERROR_BYTES] = "";
	int lock;
	hz_cli_record_yield();
	int err = hz_finalize_begin(folder, &lock);
	if (err)
		return hz_cli_error(
		    HZ_EXIT_FAILED, "%.400s: %s, at huizhen record finalize: %s", folder,
		    err == -EBUSY ? "in use" : strerror(-err),
		    err == -EBUSY ? "it is still recorded, or finalised by somebody else; try again later"
		                  : "see huizhen record list");
	err = hz_finalize_tracks(folder, master, error);
	int end = hz_finalize_end(folder, lock, err, error);
	if (err)
		return hz_cli_error(HZ_EXIT_FAILED,
		                    "%.400s: %.200s, at huizhen record finalize: see huizhen record verify",
		                    folder, error);
	if (end)
		return hz_cli_error(HZ_EXIT_FAILED,
		                    "%.400s: %s, at huizhen record finalize: its state cannot be written",
		                    folder, strerror(-end));
	printf("%s/manifest.json\n", folder);
	return HZ_EXIT_DONE;
}

// One thread, and only the time that nobody else wants.
static void stand_back(void)
{
	const struct sched_param none = {.sched_priority = 0};
	const struct rlimit cpu = {PREPARE_CPU_S, PREPARE_CPU_S};
	(void)setpriority(PRIO_PROCESS, 0, 19);
	(void)sched_setscheduler(0, SCHED_BATCH, &none);
	(void)syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0, IO_CLASS_IDLE);
	(void)setrlimit(RLIMIT_CPU, &cpu);
}

int hz_cli_record_prepare(const char *folder, uint8_t *master)
{
	struct hz_record_state state;
	int lock;
	stand_back();
	int err = hz_record_lock(folder, &lock);
	if (!err) {
		err = hz_record_state_read(folder, &state);
		if (!err && state.phase == HZ_RECORD_RECORDING)
			err = hz_prepare_read(folder, master);
		hz_wipe(master, HZ_JOURNAL_KEY_BYTES);
		if (!err && state.phase == HZ_RECORD_RECORDING)
			err = hz_prepare_make(folder);
		close(lock);
	}
	return err ? hz_cli_error(HZ_EXIT_FAILED,
	                          "%.400s: %s, at huizhen record prepare: it is done at the end", folder,
	                          strerror(-err))
	           : HZ_EXIT_DONE;
}
