// huizhen-studies PROCESSES: objects that came without a PACS. Inherits control's socket, and rings that it claims so that only one runs
// at a time (a takeover). Ends with control's socket (0), or with one line that says why not (1).
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "media/dicomweb/turn.h"
#include "media/studies/pipe.h"

#define KEEP_MS ((int64_t)12 * 3600 * 1000)

enum { FD_API = 3, FD_RINGS = 4 };

int main(int argc, char **argv)
{
	int lock = -1, turn[HZ_TURN_MOST];
	unsigned turns = 0;
	(void)argv;
	if (argc != 2) {
		fprintf(stderr, "usage: huizhen-studies PROCESSES, with descriptors from %d on\n", FD_API);
		return 2;
	}
	hz_log_init("studies", HZ_LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	tzset();
	int err = hz_memfd_claim(FD_RINGS, &lock);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!err)
		err = hz_turn_start(turn, &turns);
	if (!err)
		err = hz_local_pipe_run(FD_API, turn, turns, KEEP_MS, true);
	if (err)
		fprintf(stderr, "msg=studies_failed error=%s\n", strerror(-err));
	return err ? 1 : 0;
}
