// huizhen-mix PROCESSES: the mixed sound of all consults. Inherits control's socket, the rings and an eventfd a process; the
// mix is the last of them. Ends with control's socket (0), or with one line that says why not (1).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/mix/pipe.h"

enum { FD_API = 3, FD_RINGS = 4, FD_WAKE = 5 }; // + process

int main(int argc, char **argv)
{
	int wake[HZ_MIX_PROCESSES];
	char *end = NULL;
	unsigned long processes = argc == 2 ? strtoul(argv[1], &end, 10) : 0;
	if (!end || *end || processes < 2 || processes > HZ_MIX_PROCESSES) {
		fprintf(stderr, "usage: huizhen-mix PROCESSES, with descriptors from %d on\n", FD_API);
		return 2;
	}
	for (unsigned i = 0; i < processes; i++)
		wake[i] = FD_WAKE + (int)i;
	const struct hz_mix_fds fds = {
	    .api = FD_API, .rings = FD_RINGS, .wake = wake, .processes = (unsigned)processes};
	int err = hz_mix_pipe_run(&fds);
	if (err)
		fprintf(stderr, "msg=mix_failed error=%s\n", strerror(-err));
	return err ? 1 : 0;
}
