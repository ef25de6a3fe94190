// huizhen-studies: keeps and gives what came without a PACS. Thread: one.
#ifndef HZ_MEDIA_STUDIES_PIPE_H
#define HZ_MEDIA_STUDIES_PIPE_H

#include <stdbool.h>
#include <stdint.h>

// Until control's socket ends (0) or something that cannot be mended. shut_in: enters the sandbox with the first SETUP. keep_ms: a study
// that was used since then is not dropped.
// turn: ends of pairs with processes that decode (media/dicomweb/turn.h), `turns` of them; 0: nothing is turned.
int hz_local_pipe_run(int api, const int *turn, unsigned turns, int64_t keep_ms, bool shut_in);

#endif
