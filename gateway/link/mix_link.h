// The way to the mix (media/mix/api.h): remembers who is wished for, says it, and says all of it again (BEGIN … END) after each
// HELLO, with fresh SSRCs for the mixes, whose numbers begin anew with each process. It knows nothing of consults or slots.
// Callbacks come from within hz_mix_link_read(); they may call set and del. Thread: one.
#ifndef HZ_GATEWAY_LINK_MIX_LINK_H
#define HZ_GATEWAY_LINK_MIX_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "media/mix/api.h"

struct hz_pipe_link;
struct hz_mix_link;

struct hz_mix_link_ops { // none is NULL
	// The member's mix comes with this SSRC from now on: set the relay's track anew.
	void (*on_ssrc)(void *ctx, uint32_t member, uint32_t mix_ssrc);
	// The mix refused the member: -ENOSPC there is no room, -EINVAL. It is remembered and said again after a HELLO.
	void (*on_refused)(void *ctx, uint32_t member, int err);
	// True: everything wished for was confirmed. False: nobody mixes.
	void (*on_ready)(void *ctx, bool ready);
};

// fd: non-blocking, borrowed; -1 until hz_mix_link_use(). -ENOMEM.
int hz_mix_link_new(int fd, const struct hz_mix_link_ops *ops, void *ctx, struct hz_mix_link **ret);
void hz_mix_link_free(struct hz_mix_link *link); // NULL allowed
// The socket of a process that was started anew; its HELLO comes. -1: there is none.
void hz_mix_link_use(struct hz_mix_link *link, int fd);

#define HZ_MIX_SSRC_ANY 1u

// The wish, but for its header and mix_ssrc: 0 does not listen, HZ_MIX_SSRC_ANY a fresh one, else what an earlier control process
// said, which the mix perhaps goes on with. *ret_ssrc is what holds. Repeating a wish keeps the SSRC. -EINVAL: member 0; -EEXIST: it is in another consult: del() first; -ENOSPC:
// HZ_MIX_MEMBERS; -EAGAIN: del() was not sent yet, flush; -ENOMEM.
int hz_mix_link_set(struct hz_mix_link *link, const struct hz_mix_member_set *wish, uint32_t *ret_ssrc);
int hz_mix_link_del(struct hz_mix_link *link, uint32_t member); // -ENOENT

// Its socket, for flush, resume and whether it is ready (pipe_link.h). NULL of NULL.
struct hz_pipe_link *hz_mix_link_pipe(struct hz_mix_link *link);
// Reads what is there, a bounded number of messages. -EPIPE: the process is gone.
int hz_mix_link_read(struct hz_mix_link *link);

const struct hz_mix_status *hz_mix_link_status(const struct hz_mix_link *link); // the newest; zeroes

#endif
