// huizhen-imaging: asks PACS for what control wants, keeps answers on the disk. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_PIPE_H
#define HZ_MEDIA_DICOMWEB_PIPE_H

#include <stdbool.h>

struct hz_dweb_times;

struct hz_dweb_pipe_fds {
	int api;
	const int *turn; // to the processes that turn frames (turn.h); none: frames go out as they came
	unsigned turns;
};

// Until control's socket ends (0) or something that cannot be mended. times NULL: the defaults. shut_in: enters the sandbox as soon as
// the cache's folder and the PACS's files are known.
int hz_dweb_pipe_run(const struct hz_dweb_pipe_fds *fds, const struct hz_dweb_times *times, bool shut_in);

#endif
