#include "media/pipe/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "gateway/base/log.h"
#include "gateway/base/memfd.h"

enum { FD_API = 3, FD_RINGS = 4, FD_WAKE = 5 }; // + worker, behind them its own

static unsigned workers_of(const struct hz_pipe_start *start)
{
	char *end = NULL;
	unsigned long n = start->number ? strtoul(start->number, &end, 10) : 0;
	if (!end || *end || n <= start->counted || n - start->counted > HZ_PIPE_WORKERS)
		return 0;
	return (unsigned)n - start->counted;
}

// What consults say and show is nobody's to read with a debugger.
static void seclude(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

int hz_pipe_start(const struct hz_pipe_start *start)
{
	int wake[HZ_PIPE_WORKERS + 1], lock = -1;
	const struct hz_pipe_fds fds = {
	    .api = FD_API, .rings = FD_RINGS, .wake = wake, .workers = workers_of(start)};
	if (!fds.workers) {
		fprintf(stderr, "usage: huizhen-%s %s, with descriptors from %d on\n", start->name,
		        start->counted ? "PROCESSES" : "WORKERS", FD_API);
		return 2;
	}
	for (unsigned i = 0; i <= fds.workers; i++)
		wake[i] = FD_WAKE + (int)i;
	hz_log_init(start->name, HZ_LOG_INFO);
	int err = hz_memfd_claim(FD_RINGS, &lock);
	seclude();
	if (!err)
		err = start->run(&fds);
	if (err)
		fprintf(stderr, "msg=%s_failed error=%s\n", start->name, strerror(-err));
	return err ? 1 : 0;
}
