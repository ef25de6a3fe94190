// The way to the mosaic (media/mosaic/api.h): remembers the wanted state of rooms, members, renditions and speakers, says it, and says
// all of it again (BEGIN … END) after each HELLO. It knows nothing of consults or slots. Callbacks come from within
// hz_picture_link_read(); they may call set and del. Thread: one.
#ifndef HZ_GATEWAY_LINK_PICTURE_LINK_H
#define HZ_GATEWAY_LINK_PICTURE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/mosaic/api.h"

struct hz_pipe_link;
struct hz_picture_link;

struct hz_picture_link_ops { // none is NULL
	// A new process: its numbers begin anew, so set all renditions with fresh SSRCs.
	void (*on_hello)(void *ctx);
	// type: enum hz_mosaic_msg_type of a SET; id: its room, member or rendition. It is remembered and said again after a HELLO.
	void (*on_refused)(void *ctx, uint16_t type, uint32_t id, int err);
	void (*on_tiles)(void *ctx, const struct hz_mosaic_tiles *tiles);
	void (*on_status)(void *ctx);
	// True: everything wished for was confirmed. False: nobody composes.
	void (*on_ready)(void *ctx, bool ready);
};

// fd: non-blocking, borrowed. -ENOMEM.
int hz_picture_link_new(int fd, const struct hz_picture_link_ops *ops, void *ctx,
                        struct hz_picture_link **ret);
void hz_picture_link_free(struct hz_picture_link *link); // NULL allowed

// h: the first member of a SET, of which only the id and what follows is read. The same as before: nothing is
// said. -EINVAL: id 0, a type that is none; -ENOSPC; -ENOMEM.
int hz_picture_link_set(struct hz_picture_link *link, const struct hz_msg_header *h, uint16_t type);
int hz_picture_link_del(struct hz_picture_link *link, uint16_t set_type, uint32_t id); // -ENOENT

void hz_picture_link_retry(struct hz_picture_link *link); // says again what was refused

// Its socket, for flush, resume and whether it is ready (pipe_link.h). NULL of NULL.
struct hz_pipe_link *hz_picture_link_pipe(struct hz_picture_link *link);
// Reads what is there, a bounded number of messages. -EPIPE: the process is gone.
int hz_picture_link_read(struct hz_picture_link *link);

const struct hz_mosaic_status *
hz_picture_link_status(const struct hz_picture_link *link); // the newest; zeroes

#endif
