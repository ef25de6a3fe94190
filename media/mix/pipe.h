// The process around the rooms: control's commands in, voices out of the rings and mixes into them (media/pipe/loop.h).
// docs/decisions/013-the-mix-pipe.md. Thread: its one.
#ifndef HZ_MEDIA_MIX_PIPE_H
#define HZ_MEDIA_MIX_PIPE_H

#include "media/pipe/loop.h"

// Enters the sandbox and runs until control's end is closed: 0. -errno: it cannot run. fds: rings is the memfd of the grid, in which
// it is the last.
int hz_mix_pipe_run(const struct hz_pipe_fds *fds);

#endif
