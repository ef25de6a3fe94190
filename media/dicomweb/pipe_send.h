// Objects that go to a PACS as they are (STOW-RS, PS3.18 10.5): control's SEND in, SENT out. One object a request, read from its file while
// it is sent; nothing of it is kept here: whoever gave it says it again. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_PIPE_SEND_H
#define HZ_MEDIA_DICOMWEB_PIPE_SEND_H

#include <stdbool.h>

#include "media/dicomweb/fetch.h"

// fetch NULL: not each PACS is known yet. fd is borrowed.
void hz_pipe_send_order(int api, struct hz_dweb_fetch *fetch, const struct hz_dweb_send *send, int fd);
// over: control is gone.
void hz_pipe_send_answer(int api, bool *over, const struct hz_dweb_answer *answer);
// What a PACS said to one object: its status, and the word on it in its answer (PS3.18 I.2.2).
enum hz_dweb_result hz_pipe_send_result(enum hz_dweb_result result, const char *data, size_t bytes);

#endif
