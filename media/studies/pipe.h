// huizhen-studies: keeps and gives what came without a PACS. Thread: one.
#ifndef HZ_MEDIA_STUDIES_PIPE_H
#define HZ_MEDIA_STUDIES_PIPE_H

#include <stdbool.h>
#include <stdint.h>

// Until control's socket ends (0) or something that cannot be mended. shut_in: enters the sandbox with the first SETUP. keep_ms: a study
// that was used since then is not dropped.
int hz_local_pipe_run(int api, int64_t keep_ms, bool shut_in);

#endif
