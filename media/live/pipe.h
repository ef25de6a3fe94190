// The process around the rooms: control's commands in, pictures into the rings (media/pipe/loop.h).
// docs/decisions/020-the-live-lane.md. Thread: its one.
#ifndef HZ_MEDIA_LIVE_PIPE_H
#define HZ_MEDIA_LIVE_PIPE_H

#include "media/pipe/loop.h"

// Enters the sandbox and runs until control's end is closed: 0. -errno: it cannot run. fds: rings is a memfd of its own.
int hz_live_pipe_run(const struct hz_pipe_fds *fds);

#endif
