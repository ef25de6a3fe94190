// huizhen-imaging PROCESSES: images of PACS for all consults. Inherits control's socket, and rings that it claims so that only one
// runs at a time (a takeover). Ends with control's socket (0), or with one line that says why not (1).
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/seqpacket.h"
#include "media/dicomweb/pipe.h"
#include "media/dicomweb/turn.h"

enum { FD_API = 3, FD_RINGS = 4 };

#define KEPT_BYTES (8 << 20) // an answer below that has its memory from the heap

int main(int argc, char **argv)
{
	int lock = -1, turn[HZ_TURN_MOST];
	unsigned turns = 0;
	(void)argv;
	if (argc != 2) {
		fprintf(stderr, "usage: huizhen-imaging PROCESSES, with descriptors from %d on\n", FD_API);
		return 2;
	}
	hz_log_init("imaging", HZ_LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	int err = hz_memfd_claim(FD_RINGS, &lock);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	prctl(PR_SET_DUMPABLE, 0); // images and credentials are nobody's to read with a debugger
#endif
	if (!err)
		err = hz_turn_start(turn, &turns);
	// An answer's memory is for the next one: given back, each page of it would be had and cleared again.
	mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
	mallopt(M_TRIM_THRESHOLD, 2 * KEPT_BYTES);
	const struct hz_dweb_pipe_fds fds = {.api = FD_API, .turn = turn, .turns = turns};
	if (!err)
		err = hz_dweb_pipe_run(&fds, NULL, true);
	if (err)
		fprintf(stderr, "msg=imaging_failed error=%s\n", strerror(-err));
	return err ? 1 : 0;
}
