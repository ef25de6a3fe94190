// The command line: `huizhen COMMAND [options]`. Exit codes 0 done, 1 failed, 2 wrong usage or configuration; an error
// is one line on stderr: what, where, what to do.
#ifndef HZ_GATEWAY_CLI_H
#define HZ_GATEWAY_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/config.h"

enum { HZ_EXIT_DONE = 0, HZ_EXIT_FAILED = 1, HZ_EXIT_USAGE = 2 };

int hz_cli_main(int argc, char **argv);

// The commands; argv[0] is the command's name. They return an exit code.
int hz_cli_serve(int argc, char **argv);
int hz_cli_token(int argc, char **argv);
int hz_cli_link(int argc, char **argv);
int hz_cli_consult(int argc, char **argv);
int hz_cli_doctor(int argc, char **argv);
int hz_cli_record(int argc, char **argv);
int hz_cli_control(int argc, char **argv);  // internal: started by the supervisor (gateway/child.h)
int hz_cli_worker(int argc, char **argv);   // internal
int hz_cli_recorder(int argc, char **argv); // internal
int hz_cli_mix(int argc, char **argv);      // internal; becomes huizhen-mix
int hz_cli_pipe(int argc, char **argv);     // internal; becomes a pipe (gateway/pipes.h)
int hz_cli_archive(int argc, char **argv);  // finished records: to files, PACS and EMR
int hz_cli_package(int argc, char **argv);  // internal: started by the archive
int hz_cli_retry(int argc, char **argv);
int hz_cli_certificate(int argc, char **argv);
// A record's folder against its certificate; public_pem: NULL for the store's own. Says what differs. An exit code.
int hz_cli_check_certificate(const char *folder, const char *public_pem);

// Where a program of ours is, or should be: in the build's folder (from this program's), or beside this program. ret: PATH_MAX.
void hz_cli_program(const char *name, const char *build, char *ret);
void hz_cli_composer(char *ret);
void hz_cli_mixer(char *ret);

// One option of a command. Exactly one of the targets is set.
struct hz_cli_option {
	const char *name;   // "--consult"
	const char **text;  // takes a value
	bool *flag;         // takes none
	uint32_t *duration; // takes 90, 90s, 15m, 2h or 7d; in seconds, at least 1
	uint32_t *number;   // takes a number
};

// Reads argv[1..] by a table that ends with a NULL name. `--x value` and `--x=value`. 0, or HZ_EXIT_USAGE after an
// error line.
int hz_cli_options(int argc, char **argv, const struct hz_cli_option *options);

// Loads the configuration: 0, or HZ_EXIT_USAGE after an error line.
int hz_cli_config(const char *path, struct hz_config **ret);

// "huizhen: ..." on stderr; returns code.
int hz_cli_error(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
