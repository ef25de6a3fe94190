// The lines that steer hz-link. Pure. One command a line:
//
//   [at MS] set up|down|both [rate=BPS] [queue=BYTES] [delay=MS] [jitter=MS] [loss=PERCENT] [burst=PACKETS] [reorder=0|1]
//   [at MS] outage up|down|both MS      nothing passes for so long
//   [at MS] block PORT                  only TCP from or to PORT passes; 0: everything
//   stats                               prints the counters now
//   reset                               counters to 0
//   quit
//
// "at" counts from the arrival of the line. What `set` does not name stays. Fractions are allowed (delay=0.5).
#ifndef TESTS_NET_LINK_SCRIPT_H
#define TESTS_NET_LINK_SCRIPT_H

#include "tests/net/link/wire.h"

enum hz_script_verb {
	HZ_SCRIPT_SET,
	HZ_SCRIPT_OUTAGE,
	HZ_SCRIPT_BLOCK,
	HZ_SCRIPT_STATS,
	HZ_SCRIPT_RESET,
	HZ_SCRIPT_QUIT,
};

#define HZ_SCRIPT_UP   1U
#define HZ_SCRIPT_DOWN 2U

struct hz_script_command {
	enum hz_script_verb verb;
	int64_t after_us;
	unsigned directions; // HZ_SCRIPT_UP, HZ_SCRIPT_DOWN or both
	unsigned named;      // SET: which fields of `config` were given, a bit each (see hz_script_merge)
	struct hz_wire_config config;
	int64_t outage_us;
	uint16_t port;
};

// Reads a line (changes it). -EINVAL with *ret_why saying what is wrong (static text).
int hz_script_parse(char *line, struct hz_script_command *ret_command, const char **ret_why);

// Puts the fields that a SET command names over `config`.
void hz_script_merge(const struct hz_script_command *command, struct hz_wire_config *config);

#endif
