// Control's end of the way to a process that works for it (mix, mosaic, live, hls, ingest, push): a socket whose messages begin with
// struct hz_msg_header. Each *_link.c embeds one, and says in a hz_pipe_api what its API looks like; here is what all have in common:
// - what is wished for is said at the end of a turn, and all of it again (BEGIN … END) after a HELLO, or when control began anew;
// - messages are checked for version and size before a callback sees them, a bounded number a call;
// - classes of wishes, kept as whole messages, if the api has them: what goes is said first, parts before their room; then what comes.
// Ownership: the embedding link owns it; sockets are borrowed, wishes are owned (copies, wiped). Callbacks come from within flush and
// read; those of read may set and del. Thread: one.
#ifndef HZ_GATEWAY_LINK_PIPE_LINK_H
#define HZ_GATEWAY_LINK_PIPE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/map.h"
#include "media/api.h"

#define HZ_PIPE_CLASSES 4u // at most

// A SET begins, behind its header, with what its DEL names: one or two numbers.
struct hz_pipe_class {
	uint16_t set, del; // del 0: goes with its room
	uint16_t bytes, del_bytes;
	uint8_t ids; // 1 or 2
};

struct hz_pipe_in { // a message that may come
	uint16_t type;
	bool longer; // bytes is the least
	size_t bytes;
	void (*on)(void *ctx, const void *message); // begins with a header, whose bytes are right
};

struct hz_pipe_api {
	const char *strange; // the log's word for a message that is none of this API
	uint16_t version, begin, end;
	unsigned messages_a_call;
	const struct hz_pipe_in *in; // type 0 ends it
	const struct hz_pipe_class
	    *classes; // in the order in which they must be said, set 0 ends it; NULL: none
	uint32_t wishes_most;
	int (*say_begin)(void *ctx);             // NULL: a plain one. 0 or -errno
	int (*say)(void *ctx);                   // instead of classes: what is unsaid. 0 or -errno
	void (*on_ready)(void *ctx, bool ready); // NULL allowed
};

struct hz_pipe_wish {
	uint32_t id[2];
	uint32_t seq; // of the newest SET that was sent; 0: none
	uint8_t class;
	bool unsaid, gone, refused;
	struct hz_msg_header *set; // owned: the class's bytes
};

enum hz_pipe_phase { HZ_PIPE_SILENT, HZ_PIPE_BEGIN, HZ_PIPE_SAYING }; // no HELLO yet; BEGIN is to be said

struct hz_pipe_link {
	const struct hz_pipe_api *api;
	void *ctx; // of the api's callbacks
	int fd;    // -1: nobody
	enum hz_pipe_phase phase;
	bool end_unsaid;
	bool ready;   // END was answered with 0
	bool blocked; // the socket was full at the newest flush
	uint32_t seq, end_seq;
	unsigned heard;        // messages that were well formed
	unsigned unsaid;       // wishes that wait
	struct hz_map *wishes; // NULL: no classes
};

// fd: non-blocking. -ENOMEM.
int hz_pipe_link_init(struct hz_pipe_link *link, const struct hz_pipe_api *api, int fd, void *ctx);
void hz_pipe_link_done(struct hz_pipe_link *link); // zeroes allowed
// The socket of a process that was started anew: nothing is said before its HELLO. -1: there is none.
void hz_pipe_link_use(struct hz_pipe_link *link, int fd);
void hz_pipe_link_resume(struct hz_pipe_link *link); // BEGIN, what is unsaid, END
void hz_pipe_link_hello(struct hz_pipe_link *link);  // a new process: nobody is ready; all wishes are unsaid

// Fills in the header. fd: rides along, NULL: none. 0, -EAGAIN: the socket is full, -EPIPE.
int hz_pipe_link_send(struct hz_pipe_link *link, struct hz_msg_header *message, unsigned type, size_t bytes,
                      const int *fd);
// Sends as much as the socket takes: at the end of each turn of the loop. link->blocked: again when it is writable. NULL allowed.
void hz_pipe_link_flush(struct hz_pipe_link *link);
// buf: aligned for messages; what is longer is passed over. -EPIPE: nobody is there any more, and fd is -1.
int hz_pipe_link_read(struct hz_pipe_link *link, void *buf, size_t cap);
// The wish that was refused with this answer; NULL: none. END's answer makes it ready or not.
struct hz_pipe_wish *hz_pipe_link_acked(struct hz_pipe_link *link, const struct hz_ev_ack *ack);

// NULL: there is none, or it is none of the classes. id: as many as the class has.
struct hz_pipe_wish *hz_pipe_link_find(const struct hz_pipe_link *link, unsigned set_type,
                                       const uint32_t *id);
// message: a SET but for its header. The same as before: nothing is said. -EINVAL: none of the classes, id 0; -ENOSPC; -ENOMEM.
int hz_pipe_link_set(struct hz_pipe_link *link, const struct hz_msg_header *message, unsigned set_type);
int hz_pipe_link_del(struct hz_pipe_link *link, unsigned set_type, const uint32_t *id); // -ENOENT
void hz_pipe_link_again(struct hz_pipe_link *link, struct hz_pipe_wish *wish);          // it is unsaid

#endif
