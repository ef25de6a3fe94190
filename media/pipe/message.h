// A message from control, as the task of a pipe takes it in (mix, mosaic, HLS, images). Pure.
#ifndef HZ_MEDIA_PIPE_MESSAGE_H
#define HZ_MEDIA_PIPE_MESSAGE_H

#include <stddef.h>

// Into ret, a union of all messages of this version of an API, which is aligned for them: `cap` bytes, what is left of them zero.
// -EINVAL: of another version, of another length than it says, without a header, or too long. Whether this is the length of
// its type is the caller's to look at.
int hz_pipe_message(const void *message, size_t bytes, unsigned version, void *ret, size_t cap);

#endif
