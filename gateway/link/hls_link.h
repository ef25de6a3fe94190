// The way to huizhen-hls (media/hls/api.h): remembers what is wished for, says it, and says all of it again (BEGIN … END) after each
// HELLO. It knows nothing of consults but their numbers. Thread: one.
#ifndef HZ_GATEWAY_LINK_HLS_LINK_H
#define HZ_GATEWAY_LINK_HLS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "media/hls/api.h"

#define HZ_HLS_WISHES 64u
#define HZ_HLS_SILENT_US                                                                                     \
	15000000 // it tells twice a second, and ends itself after ten seconds in which it does not

struct hz_pipe_link;
struct hz_hls_link;

// fd: non-blocking, borrowed. folder: of all broadcasts, borrowed; it is given to each process. Says everything at once: a control
// process that was started anew. -ENOMEM.
int hz_hls_link_new(int fd, int folder, uint64_t disk_bytes, int64_t now_us, struct hz_hls_link **ret);
void hz_hls_link_free(struct hz_hls_link *link); // NULL allowed

// The wish, but for its header. -ENOSPC: HZ_HLS_WISHES.
int hz_hls_link_set(struct hz_hls_link *link, const struct hz_hls_broadcast_set *wish);
// The ring of the newest wish with a feed; borrowed until hz_hls_link_del().
void hz_hls_link_feed(struct hz_hls_link *link, uint32_t consult, int fd);
void hz_hls_link_del(struct hz_hls_link *link, uint32_t consult);

// Its socket, for flush, resume and whether it is ready (pipe_link.h). NULL of NULL.
struct hz_pipe_link *hz_hls_link_pipe(struct hz_hls_link *link);
// Reads what is there, a bounded number of messages. -EPIPE: the supervisor's end is gone.
int hz_hls_link_read(struct hz_hls_link *link, int64_t now_us);
// Once a second or so: what was refused, or not answered, is said again.
void hz_hls_link_tick(struct hz_hls_link *link, int64_t now_us);

// The newest wish of this consult is so, as far as files are concerned: answered with 0; or there is no place for it, and nothing of it is
// written; or no process has been there for HZ_HLS_SILENT_US, and the next one is told before it takes media.
bool hz_hls_link_holds(const struct hz_hls_link *link, uint32_t consult, int64_t now_us);
// Of the newest answer: 0; -errno it was refused; -EAGAIN there was none yet.
int hz_hls_link_answer(const struct hz_hls_link *link, uint32_t consult);
bool hz_hls_link_there(const struct hz_hls_link *link, int64_t now_us); // somebody has said something of late

#endif
