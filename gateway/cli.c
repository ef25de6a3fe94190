#include "gateway/cli.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage; // NULL: internal
	const char *help;
} commands[] = {
    {"serve", hz_cli_serve, "[--config FILE] [--check-config] [--takeover] [--drain-timeout TIME]",
     "the gateway; --takeover replaces the running one without ending a consult"},
    {"token", hz_cli_token,
     "[--consult C] --role R [--id ID] [--name N] [--ttl 1h] [--once] [--consent] [--grant create] [--config "
     "FILE]",
     "prints a join token"},
    {"link", hz_cli_link,
     "[--consult C] --role R --name N [--ttl 24h] [--reusable] [--title T] [--base-url URL] [--config FILE]",
     "prints a join link; it works once unless --reusable"},
    {"consult", hz_cli_consult, "--consult C [--title T] [--config FILE]",
     "opens a consult if there is none"},
    {"doctor", hz_cli_doctor, "[--config FILE] [--json]", "checks this installation, says what to do"},
    {"record", hz_cli_record,
     "list|verify|export|finalize|erase|hold|release [RECORD] [--to FOLDER] [--participant ID|--all] [--by "
     "WHO] [--why TEXT] [--store DIR] [--master-key FILE] [--key PUBLIC.PEM] [--chain-only] [--json] "
     "[--config FILE]",
     "the records of consults: their states, whether a byte of a journal, file or certificate was altered, "
     "a copy of one to be handed over, its files made anew; a participant, or all of it, erased for good; "
     "legal holds"},
    {"retry", hz_cli_retry, "[--record ID] [--store DIR] [--config FILE]",
     "releases deliveries that PACS or EMR refused, and records that could not be finalised"},
    {"certificate", hz_cli_certificate, "FOLDER [--key public.pem]",
     "checks a record's folder against its certificate, offline, and names what differs"},
    {"archive", hz_cli_archive, NULL, NULL},
    {"package", hz_cli_package, NULL, NULL},
    {"control", hz_cli_control, NULL, NULL},
    {"worker", hz_cli_worker, NULL, NULL},
    {"recorder", hz_cli_recorder, NULL, NULL},
    {"mix", hz_cli_mix, NULL, NULL},
    {"pipe", hz_cli_pipe, NULL, NULL},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(void)
{
	printf("Huizhen: a gateway for video visits and remote consultations.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].usage)
			printf("  huizhen %s %s\n      %s\n", commands[i].name, commands[i].usage,
			       commands[i].help);
	printf("  huizhen --help | --version\n\n"
	       "Roles: patient companion interpreter clinic expert theatre observer student auditor admin\n"
	       "       director viewer (of a broadcast).\n"
	       "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.\n");
	return HZ_EXIT_DONE;
}

int hz_cli_main(int argc, char **argv)
{
	if (argc < 2)
		return hz_cli_error(HZ_EXIT_USAGE, "no command, at the command line: see huizhen --help");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
		return help();
	if (strcmp(argv[1], "--version") == 0) {
		printf("huizhen %s\n", HZ_VERSION);
		return HZ_EXIT_DONE;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		for (int k = 2; k < argc; k++)
			if (commands[i].usage && strcmp(argv[k], "--help") == 0) {
				printf("huizhen %s %s\n", commands[i].name, commands[i].usage);
				return HZ_EXIT_DONE;
			}
		return commands[i].run(argc - 1, argv + 1);
	}
	return hz_cli_error(HZ_EXIT_USAGE,
	                    "unknown command \"%.40s\", at the command line: see huizhen --help", argv[1]);
}

void hz_cli_program(const char *name, const char *build, char *ret)
{
	const char *const places[] = {build, "."};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (unsigned i = 0; i < 2; i++) {
		snprintf(ret, PATH_MAX, "%.4000s/%s/%s", self, places[i], name);
		if (access(ret, X_OK) == 0)
			return;
	}
}
