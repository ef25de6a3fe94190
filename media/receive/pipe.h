// huizhen-receive: takes objects by C-STORE, and answers C-ECHO. Thread: one. Bounded: HZ_RECEIVE_AT_ONCE associations, HZ_RECEIVE_EACH of
// one address, 30 s of silence, 60 s for what becomes of an object, an hour in all.
#ifndef HZ_MEDIA_RECEIVE_PIPE_H
#define HZ_MEDIA_RECEIVE_PIPE_H

#include <stdbool.h>

#define HZ_RECEIVE_AT_ONCE 16
#define HZ_RECEIVE_EACH    4

// Until control's socket ends (0) or something that cannot be mended. shut_in: enters the sandbox when the port is open.
int hz_receive_pipe_run(int api, bool shut_in);

#endif
