// The way to huizhen-live (media/live/api.h): remembers the wanted state of rooms, renditions and marks, says it, and says all
// of it again (BEGIN … END) after each HELLO. It knows nothing of consults or slots. Callbacks come from within
// hz_easel_link_read(); they may call set and del. An image that has killed the process is remembered: hz_easel_link_deadly().
// Thread: one.
#ifndef HZ_GATEWAY_LINK_EASEL_LINK_H
#define HZ_GATEWAY_LINK_EASEL_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/live/api.h"

struct hz_pipe_link;
struct hz_easel_link;

struct hz_easel_link_ops { // none is NULL
	void (*on_hello)(
	    void *ctx); // a new process: its numbers begin anew, so set renditions with fresh SSRCs
	void (*on_want)(void *ctx, const struct hz_live_want *want); // checked: texts end
	void (*on_status)(void *ctx);
};

// fd: non-blocking, borrowed. -ENOMEM.
int hz_easel_link_new(int fd, const struct hz_easel_link_ops *ops, void *ctx, struct hz_easel_link **ret);
void hz_easel_link_free(struct hz_easel_link *link); // NULL allowed

// message: a ROOM_SET, RENDITION_SET or MARK_SET, but for its header. The same as before: nothing is said.
// -EINVAL, -ENOSPC, -ENOMEM.
int hz_easel_link_set(struct hz_easel_link *link, const struct hz_msg_header *message, uint16_t type);
// Of a room or a rendition. -ENOENT.
int hz_easel_link_del(struct hz_easel_link *link, uint16_t set_type, uint32_t id);
// The marks of a consult that `keep` says no to.
void hz_easel_link_sweep_marks(struct hz_easel_link *link, uint32_t of,
                               bool (*keep)(void *ctx, uint32_t mark), void *ctx);
int hz_easel_link_give(struct hz_easel_link *link, uint64_t id, uint32_t result, int fd); // fd is closed
bool hz_easel_link_deadly(const struct hz_easel_link *link, const struct hz_live_ref *what);

// Its socket, for flush, resume and whether it is ready (pipe_link.h). NULL of NULL.
struct hz_pipe_link *hz_easel_link_pipe(struct hz_easel_link *link);
int hz_easel_link_read(struct hz_easel_link *link); // a bounded number. -EPIPE: the socket is gone
const struct hz_live_status *hz_easel_link_status(const struct hz_easel_link *link); // the newest; zeroes

#endif
