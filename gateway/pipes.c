#include "gateway/pipes.h"

#include <errno.h>
#include <string.h>

#include "gateway/cli.h"

static const struct row {
	const char *name;
	const char *argv[3];
	const char *build; // its folder beside that of `huizhen` in a build tree
} table[HZ_PIPES] = {
    [HZ_PIPE_MOSAIC] = {"mosaic", {"huizhen-mosaic"}, "../media/mosaic"},
    [HZ_PIPE_HLS] = {"hls", {"huizhen-hls", "--live"}, "../media/hls"},
    [HZ_PIPE_INGEST] = {"ingest", {"huizhen-ingest"}, "../media/ingest"},
    [HZ_PIPE_IMAGING] = {"imaging", {"huizhen-imaging"}, "../media/dicomweb"},
    [HZ_PIPE_LIVE] = {"live", {"huizhen-live"}, "../media/live"},
    [HZ_PIPE_STUDIES] = {"studies", {"huizhen-studies"}, "../media/studies"},
    [HZ_PIPE_RECEIVE] = {"receive", {"huizhen-receive"}, "../media/receive"},
    [HZ_PIPE_PUSH] = {"push", {"huizhen-push"}, "../media/push"},
};

const char *hz_pipe_name(enum hz_pipe_kind kind)
{
	return table[kind].name;
}

int hz_pipe_find(const char *name)
{
	for (int i = 0; i < HZ_PIPES; i++)
		if (strcmp(table[i].name, name) == 0)
			return i;
	return -ENOENT;
}

bool hz_pipe_wanted(const struct hz_config *config, enum hz_pipe_kind kind)
{
	const bool wanted[HZ_PIPES] = {
	    [HZ_PIPE_MOSAIC] = config->mosaic.enabled,
	    [HZ_PIPE_HLS] = config->hls.enabled,
	    [HZ_PIPE_INGEST] = config->ingest.enabled,
	    [HZ_PIPE_IMAGING] = config->imaging.enabled,
	    [HZ_PIPE_LIVE] = config->imaging.enabled && config->dicomweb.live,
	    [HZ_PIPE_STUDIES] = config->imaging.enabled && config->dicomweb.local_gb,
	    [HZ_PIPE_RECEIVE] = config->imaging.enabled && config->dicomweb.local_gb && config->receive.port,
	    [HZ_PIPE_PUSH] = config->hls.enabled && config->push.enabled,
	};
	return wanted[kind];
}

void hz_pipe_program(enum hz_pipe_kind kind, char *ret)
{
	hz_cli_program(table[kind].argv[0], table[kind].build, ret);
}

const char *const *hz_pipe_argv(enum hz_pipe_kind kind)
{
	return table[kind].argv;
}
