// huizhen-receive PROCESSES: objects by C-STORE, straight from a modality. Inherits control's socket, and rings that it claims so that only
// one runs at a time (a takeover). Ends with control's socket (0), or with one line that says why not (1).
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "media/receive/pipe.h"

enum { FD_API = 3, FD_RINGS = 4 };

int main(int argc, char **argv)
{
	int lock = -1;
	(void)argv;
	if (argc != 2) {
		fprintf(stderr, "usage: huizhen-receive PROCESSES, with descriptors from %d on\n", FD_API);
		return 2;
	}
	hz_log_init("receive", HZ_LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	int err = hz_memfd_claim(FD_RINGS, &lock);
	if (!err)
		err = hz_receive_pipe_run(FD_API, true);
	if (err)
		fprintf(stderr, "msg=receive_failed error=%s\n", strerror(-err));
	return err ? 1 : 0;
}
