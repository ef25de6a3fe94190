// `huizhen serve`: opens the ports, makes the shared memory, starts and restarts control and the media workers, hands
// everything over to a newer build. Parses nothing that comes from outside: only the configuration file, signals,
// struct hz_child_msg of control (gateway/child.h), and a takeover by a process of the same user.
//
// Signals: SIGTERM drains, a second one stops; SIGINT stops; SIGHUP reads the configuration again (a wrong file is
// logged and ignored); SIGUSR2 starts the program file anew with --takeover (an upgrade in place).
#ifndef HZ_GATEWAY_SUPERVISOR_H
#define HZ_GATEWAY_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/config_parse.h"

#define HZ_DRAIN_S 30 // default of --drain-timeout

struct hz_supervisor_options {
	const char *config_path; // as given; NULL: the usual places
	bool takeover;           // replace the running gateway; none runs: start as usual
	uint32_t drain_s;
	size_t arena_bytes; // hz_worker_arena_bytes()
	uint32_t arena_version, api_version;
};

// Runs until stopped: 0; -errno after it has logged why it could not start.
// Children are /proc/self/exe with "control" or "worker" as argv[1].
int hz_supervisor_run(const struct hz_supervisor_options *options, const struct hz_config *config,
                      const struct hz_config_text *text);

#endif
