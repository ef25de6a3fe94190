// Between the pipe and what is kept (keep.h): control's KEEP in, KEPT out, answers of PACS that are for it. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_PIPE_KEEP_H
#define HZ_MEDIA_DICOMWEB_PIPE_KEEP_H

#include <stdbool.h>

#include "media/dicomweb/fetch.h"
#include "media/dicomweb/keep.h"

struct hz_pipe_keep {
	int api;
	struct hz_keep *keep; // NULL: no SETUP yet, or no disk
	bool ready;           // each PACS is known
	bool *over;           // of the pipe: control is gone
};

// The folder of the cache is there. Before a sandbox.
void hz_pipe_keep_open(struct hz_pipe_keep *p, const char *dir, struct hz_dweb_fetch *fetch);
void hz_pipe_keep_order(struct hz_pipe_keep *p, const struct hz_dweb_keep *keep, int fd);
// A store of what is kept, not of an object that is forwarded?
bool hz_pipe_keep_owns(const struct hz_dweb_answer *answer);
// data: what is in its only part.
void hz_pipe_keep_answer(struct hz_pipe_keep *p, const struct hz_dweb_answer *answer,
                         enum hz_dweb_result result, const char *data, size_t bytes);
bool hz_pipe_keep_due(const struct hz_pipe_keep *p); // something waits: it may ask PACS
void hz_pipe_keep_tick(struct hz_pipe_keep *p);

#endif
