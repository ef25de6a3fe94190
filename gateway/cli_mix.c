// Where huizhen-mix is, a program of its own, so that codecs which read what strangers sent are in no other process. `huizhen mix`
// becomes it; the supervisor starts that only where huizhen-mix is missing. The same for the pipes.
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/child.h"
#include "gateway/cli.h"
#include "gateway/pipes.h"

void hz_cli_mixer(char *ret)
{
	hz_cli_program("huizhen-mix", "../media/mix", ret);
}

static bool is_socket(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

int hz_cli_mix(int argc, char **argv)
{
	const char *level = NULL;
	uint32_t workers = 0;
	const struct hz_cli_option table[] = {
	    {.name = "--workers", .number = &workers}, {.name = "--log", .text = &level}, {.name = NULL}};
	char program[PATH_MAX], processes[12];
	int err = hz_cli_options(argc, argv, table);
	if (err)
		return err;
	if (workers < 1 || workers > HZ_MAX_WORKERS || !is_socket(HZ_FD_MIX_API))
		return hz_cli_error(HZ_EXIT_USAGE, "mix is started by huizhen serve only: run that");
	hz_log_init("mix", hz_log_level(level));
	hz_cli_mixer(program);
	snprintf(processes, sizeof(processes), "%u", workers + 1);
	execl(program, "huizhen-mix", processes, (char *)NULL);
	hz_error("mix.missing", "program=%s", program);
	pause(); // started again and again it would say so again and again; ends with the gateway
	return HZ_EXIT_FAILED;
}

int hz_cli_pipe(int argc, char **argv)
{
	const char *level = NULL;
	uint32_t workers = 0;
	const struct hz_cli_option table[] = {
	    {.name = "--workers", .number = &workers}, {.name = "--log", .text = &level}, {.name = NULL}};
	char program[PATH_MAX], count[12];
	const char *own[5] = {NULL};
	unsigned n = 0;
	int kind = argc > 1 ? hz_pipe_find(argv[1]) : -1;
	int err = kind < 0 ? 0 : hz_cli_options(argc - 1, argv + 1, table);
	if (err)
		return err;
	if (kind < 0 || workers < 1 || workers > HZ_MAX_WORKERS || !is_socket(HZ_FD_PIPE_API))
		return hz_cli_error(HZ_EXIT_USAGE, "pipe is started by huizhen serve only: run that");
	hz_log_init(argv[1], hz_log_level(level));
	hz_pipe_program(kind, program);
	snprintf(count, sizeof(count), "%u", workers);
	for (const char *const *given = hz_pipe_argv(kind); given[n]; n++)
		own[n] = given[n];
	own[n] = count;
	execv(program, (char *const *)(void *)own);
	hz_error("pipe.missing", "program=%s", program);
	pause();
	return HZ_EXIT_FAILED;
}
