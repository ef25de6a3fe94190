// huizhen-imaging PROCESSES: images of PACS for all consults. Inherits control's socket, and rings that it claims so that only one
// runs at a time (a takeover). Ends with control's socket (0), or with one line that says why not (1).
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "media/dicomweb/pipe.h"

enum { FD_API = 3, FD_RINGS = 4 };

int main(int argc, char **argv)
{
	int lock = -1;
	(void)argv;
	if (argc != 2) {
		fprintf(stderr, "usage: huizhen-imaging PROCESSES, with descriptors from %d on\n", FD_API);
		return 2;
	}
	hz_log_init("imaging", HZ_LOG_INFO);
	int err = hz_memfd_claim(FD_RINGS, &lock);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	const struct rlimit memory = {.rlim_cur = (rlim_t)2 << 30, .rlim_max = (rlim_t)2 << 30};
	setrlimit(RLIMIT_AS, &memory);
	prctl(PR_SET_DUMPABLE, 0); // images and credentials are nobody's to read with a debugger
#endif
	if (!err)
		err = hz_dweb_pipe_run(FD_API, NULL);
	if (err)
		fprintf(stderr, "msg=imaging_failed error=%s\n", strerror(-err));
	return err ? 1 : 0;
}
