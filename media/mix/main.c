// huizhen-mix PROCESSES: the mixed sound of all consults. Inherits control's socket, the rings and an eventfd a process; the
// mix is the last of them. Waits until nobody else mixes for these rings (a takeover). Ends with control's socket (0), or with
// one line that says why not (1).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "media/mix/pipe.h"

enum { FD_API = 3, FD_RINGS = 4, FD_WAKE = 5 }; // + process

// Voices are nobody's to read with a debugger.
static void seclude(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

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
	int lock = -1;
	hz_log_init("mix", HZ_LOG_INFO);
	int err = hz_memfd_claim(FD_RINGS, &lock);
	seclude();
	if (!err)
		err = hz_mix_pipe_run(&fds);
	if (err)
		fprintf(stderr, "msg=mix_failed error=%s\n", strerror(-err));
	return err ? 1 : 0;
}
