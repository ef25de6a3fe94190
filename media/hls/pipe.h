// The process around the live broadcasts: control's commands in, packets out of the rings, files (media/pipe/loop.h).
// Thread: its one.
#ifndef HZ_MEDIA_HLS_PIPE_H
#define HZ_MEDIA_HLS_PIPE_H

#include "media/pipe/loop.h"

// Says HELLO, waits for the folder, enters the sandbox (nothing but that folder, no network), and only then takes media. Runs until
// control's end is closed: 0. -errno: it cannot run. fds: rings is a memfd of its own.
int hz_hls_pipe_run(const struct hz_pipe_fds *fds);

#endif
