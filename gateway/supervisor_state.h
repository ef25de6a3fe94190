// The supervisor's insides, shared by supervisor*.c only.
#ifndef HZ_GATEWAY_SUPERVISOR_STATE_H
#define HZ_GATEWAY_SUPERVISOR_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "gateway/supervisor.h"
#include "gateway/supervisor_shared.h"
#include "gateway/supervisor_wire.h"

#define HZ_STOP_US           2000000  // children that do not end by then are killed
#define HZ_TAKEOVER_STOP_US  300000   // the same, when a takeover waits
#define HZ_TAKEOVER_LIMIT_US 10000000 // the new gateway must be ready by then

enum hz_child_kind {
	HZ_CHILD_WORKER,
	HZ_CHILD_CONTROL,
	HZ_CHILD_RECORDER,
	HZ_CHILD_ARCHIVE,
	HZ_CHILD_MIX,
	HZ_CHILD_PIPE
};

struct hz_child {
	enum hz_child_kind kind;
	unsigned index; // of a worker; enum hz_pipe_kind of a pipe
	pid_t pid;      // 0: not running
	int64_t started_us;
	int64_t start_at_us; // when to start it; INT64_MAX: not now
	unsigned quick;      // deaths in a row within a second of their start
	unsigned restarts;
};

enum hz_handover { // the old side
	HZ_HANDOVER_NONE = 0,
	HZ_HANDOVER_OFFERED, // nothing is stopped yet
	HZ_HANDOVER_SENT, // it has our descriptors, its workers wait for the arenas; nothing is stopped yet
	HZ_HANDOVER_STOPPING, // our children end
	HZ_HANDOVER_STOPPED,  // it was told; its children run
};

enum hz_takeover { // the new side
	HZ_TAKEOVER_NONE = 0,
	HZ_TAKEOVER_PREPARED, // our workers wait for the arenas
	HZ_TAKEOVER_STARTING, // control starts
};

struct hz_supervisor {
	const struct hz_supervisor_options *options;
	struct hz_shared shared;
	struct hz_child control, recorder, archive, mix, pipe[HZ_PIPES], worker[HZ_MAX_WORKERS];
	bool records;         // record.enabled: there are a recorder and an archive
	bool mixes;           // mix.enabled: there is a mix
	bool pipes[HZ_PIPES]; // hz_pipe_wanted()
	char program[4096];   // our file's name at the start, for an upgrade
	char level[8];        // log.level
	int epoll, signals;
	int pair;      // to control; -1: none runs
	int config_fd; // HZ_FD_CONTROL_CONFIG
	void *config;  // HZ_CONFIG_FILE_BYTES: its text, which only we can write
	bool ready, ever_ready;
	bool draining, stopping, done;
	int failed;           // -errno that run returns
	unsigned early_exits; // of control, before it was ever ready
	int64_t drain_deadline_us, kill_at_us;
	pid_t upgrade_pid; // started by SIGUSR2

	struct {
		enum hz_handover phase;
		int conn, peer; // peer: pidfd
		int64_t deadline_us;
	} handover;
	struct {
		enum hz_takeover phase;
		int conn;
		int waiting; // pipe that our workers close when they wait for their arenas; -1 when nobody listens
	} takeover;
};

enum { HZ_TAG_SIGNALS = 1, HZ_TAG_CONTROL, HZ_TAG_LISTENER, HZ_TAG_HANDOVER, HZ_TAG_TAKEOVER };
int hz_supervisor_watch(struct hz_supervisor *s, int fd, uint32_t tag);

// supervisor_children.c
void hz_children_init(struct hz_supervisor *s);
void hz_children_start_due(struct hz_supervisor *s, int64_t now_us);
// media: the workers, the recorder, the archive, the mix and the pipes.
void hz_children_want(struct hz_supervisor *s, bool media, bool control, int64_t at_us);
void hz_children_exited(struct hz_supervisor *s, pid_t pid, int status, int64_t now_us);
void hz_children_stop(struct hz_supervisor *s, int64_t kill_at_us); // STOP and SIGTERM; SIGKILL at kill_at_us
void hz_children_kill(struct hz_supervisor *s);
bool hz_children_gone(struct hz_supervisor *s);
int64_t hz_children_next_us(struct hz_supervisor *s);
void hz_children_tell_control(struct hz_supervisor *s, uint32_t type);

// supervisor_handover.c: the old side of a takeover
void hz_handover_accept(struct hz_supervisor *s, int64_t now_us);
void hz_handover_read(struct hz_supervisor *s, int64_t now_us);
void hz_handover_tick(struct hz_supervisor *s, int64_t now_us); // after children ended, and at its deadline

// supervisor_takeover.c: the new side
// What either side says: of this type, its versions filled in, all else 0.
struct hz_takeover_msg hz_takeover_message(const struct hz_supervisor *s, uint32_t type);
// Talks to the running gateway until its descriptors are here. 0; -ENOENT none runs; -errno with a line in error.
int hz_takeover_begin(struct hz_supervisor *s, const struct hz_config *config,
                      char error[HZ_SHARED_ERROR_BYTES]);
int hz_takeover_prepare(struct hz_supervisor *s, int64_t now_us); // starts the workers and tells the old one
void hz_takeover_read(struct hz_supervisor *s, int64_t now_us);
void hz_takeover_ready(struct hz_supervisor *s); // control is ready: the old one may go

#endif
