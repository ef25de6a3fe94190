// Where huizhen-mix is, a program of its own, so that codecs which read what strangers sent are in no other process. `huizhen mix`
// becomes it; the supervisor starts that only where huizhen-mix is missing.
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/child.h"
#include "gateway/cli.h"

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
