// huizhen-live WORKERS: the images on the tables of all consults as pictures. Inherits control's socket, its own rings, an eventfd a
// worker and its own behind them. Waits until nobody else draws for these rings (a takeover). Ends with control's socket (0), or with
// one line that says why not (1).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "media/imaging/dicom.h"
#include "media/live/api.h"
#include "media/live/encoder.h"
#include "media/live/pipe.h"

enum { FD_API = 3, FD_RINGS = 4, FD_WAKE = 5 }; // + worker

// Images are nobody's to read with a debugger.
static void seclude(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

int main(int argc, char **argv)
{
	int wake[HZ_LIVE_WORKERS + 1];
	char *end = NULL;
	unsigned long workers = argc == 2 ? strtoul(argv[1], &end, 10) : 0;
	if (!end || *end || workers < 1 || workers > HZ_LIVE_WORKERS) {
		fprintf(stderr, "usage: huizhen-live WORKERS, with descriptors from %d on\n", FD_API);
		return 2;
	}
	for (unsigned i = 0; i <= workers; i++)
		wake[i] = FD_WAKE + (int)i;
	const struct hz_live_fds fds = {
	    .api = FD_API, .rings = FD_RINGS, .wake = wake, .workers = (unsigned)workers};
	int lock = -1;
	hz_live_encoder_quiet();
	hz_log_init("live", HZ_LOG_INFO);
	int err = hz_memfd_claim(FD_RINGS, &lock);
	seclude();
	if (!err)
		err = hz_dicom_init(); // its dictionary is a file
	if (!err)
		err = hz_live_pipe_run(&fds);
	if (err)
		fprintf(stderr, "msg=live_failed error=%s\n", strerror(-err));
	return err ? 1 : 0;
}
