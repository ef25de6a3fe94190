// What the files of this folder share. libwebsockets types appear in no other folder.
#ifndef HZ_SIGNALING_SERVER_INTERNAL_H
#define HZ_SIGNALING_SERVER_INTERNAL_H

#include <libwebsockets.h>

#include "signaling/server/frame.h"
#include "signaling/server/head.h"
#include "signaling/server/limits.h"
#include "signaling/server/pace.h"
#include "signaling/server/response.h"
#include "signaling/server/server.h"

#define HZ_READ_BYTES      16384 // at most, from lws at a time
#define HZ_SCRATCH_BYTES   32768 // at most, to lws at a time
#define HZ_DEFERRED_MAX    4096
#define HZ_IDLE_US         (HZ_HTTP_IDLE_S * 1000000)
#define HZ_STALL_US        20000000 // an answer of which the client takes nothing
#define HZ_HELD_US         5000000  // an answer that is not ready
#define HZ_STALL_FILE_US   120000000
#define HZ_LINGER_US       1000000 // after our last byte, for the client to read it
#define HZ_WS_CLOSE_US     2000000
#define HZ_STOP_US         1000000
#define HZ_PROTOCOL_SOCKET "hz-socket"
#define HZ_PROTOCOL_FD     "hz-fd"

enum hz_kind_of_wsi { HZ_WSI_CONN = 1, HZ_WSI_FD };

enum hz_stage {
	HZ_STAGE_HEAD, // waiting for a request, or in the middle of its head
	HZ_STAGE_BODY,
	HZ_STAGE_ANSWER,
	HZ_STAGE_WS,
	HZ_STAGE_LINGER, // said all; what still comes is thrown away
};

struct hz_ws_message {
	struct hz_ws_message *next;
	size_t bytes, sent;
	unsigned char frame[]; // with its head
};

struct hz_ws {
	struct hz_conn *conn;
	void *user;
	struct hz_ws_message *first, *last;
	size_t queued_bytes;
	struct hz_frame frame; // the one being read
	uint64_t frame_at;
	bool in_frame, in_message;
	uint8_t control[HZ_FRAME_CONTROL_BYTES];
	char *rx;
	size_t rx_bytes, rx_cap;
	int64_t flood_us, flood_at_us, last_rx_us, last_ping_us;
	lws_sorted_usec_list_t tick;
	uint8_t pong[HZ_FRAME_CONTROL_BYTES];
	size_t pong_bytes;
	bool pong_due, ping_due;
	bool closing;    // nothing more is delivered or queued
	bool close_sent; // our close frame is in the scratch buffer or gone
	bool close_seen; // theirs came
	int code;        // what on_ws_close will say
	char reason[HZ_WS_REASON_BYTES];
};

struct hz_conn {
	enum hz_kind_of_wsi kind; // first: tells it from the struct hz_watch
	struct hz_server *server;
	struct lws *wsi;
	struct hz_conn *prev, *next;
	enum hz_stage stage;
	bool tls, handshaking, peer_loopback, adopting, killed, reading_off;
	bool served; // at least one request came: from here on silence is idleness, not an attack
	bool
	    in_head; // a byte of the next request came: its clock runs, and empty lines do not wind it up again
	bool close_after, head_sent;
	bool answer_due; // it was held back and is ready now
	char peer[HZ_ADDRESS_BYTES];
	struct hz_limits_entry *entry;
	lws_sorted_usec_list_t deadline, paced;
	char *in; // bytes not looked at yet
	size_t in_bytes, in_cap, in_seen;
	struct hz_request req;
	char *text; // the head that req's strings point into
	size_t text_bytes;
	char *body;
	size_t body_cap, body_expected;
	struct hz_body *spool; // the body goes into a file; NULL: it does not
	int64_t spool_until_us;
	struct hz_response *res;
	size_t sent;
	struct hz_ws *ws;
	int door_fd;  // -1 once it is known what it speaks
	bool waiting; // for its first bytes
	unsigned door_wakes;
	int64_t door_us;
};

struct hz_server_fd {
	struct hz_server *server;
	struct hz_server_fd *prev, *next;
	int fd;      // the caller's
	int watched; // our duplicate, -1: it is let go
	hz_server_fd_cb *on_readable, *on_writable;
	void *ctx;
	bool want_write, removed;
};

struct hz_watch {
	enum hz_kind_of_wsi kind; // first
	int epoll;                // of all struct hz_server_fd
	bool inside, some_removed;
};

struct hz_deferred {
	hz_server_cb *cb;
	void *ctx;
};

struct hz_server {
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct hz_server_limits limits;
	struct hz_server_ops ops;
	void *ctx;
	char *cert, *key; // at the start
	SSL_CTX *tls;     // holds the newest of them; NULL: there is no HTTPS
	char **origins;   // NULL-terminated
	struct hz_limits *addresses;
	struct hz_server_counters counters;
	struct hz_conn *conns;
	struct hz_server_fd *fds, *listen_http, *listen_https, *door;
	struct hz_watch watch;
	int door_epoll; // of the connections that are waiting
	int spare_fd;   // given up for a moment to refuse a connection when descriptors run out
	struct hz_deferred *deferred;
	unsigned deferred_count, deferred_cap;
	struct hz_writer *writer; // of uploads; NULL: there was none yet
	bool stopping, destroying;
	int64_t stop_at_us;
	lws_sorted_usec_list_t stop_timer;
	unsigned char scratch[LWS_PRE + HZ_SCRATCH_BYTES];
};

// Functions that return int and take a hz_conn return 0, or -1: close the connection now.

// accept.c
int hz_accept_start(struct hz_server *server, int http_fd, int https_fd);
void hz_accept_stop(struct hz_server *server);
unsigned hz_accept_handshakes(struct hz_server *server); // unfinished now
void hz_accept_adopt(struct hz_conn *conn, int fd);      // libwebsockets has it from here on

// door.c: TLS or ICE?
int hz_door_start(struct hz_server *server);
void hz_door_stop(struct hz_server *server);
void hz_door_enter(struct hz_conn *conn, int fd); // may free conn
void hz_door_put_out(struct hz_conn *conn);       // closes and frees one that is waiting
bool hz_door_make_room(
    struct hz_server *server); // puts out the one waiting longest: honest clients speak at once

// body.c: bodies into files, by a thread of its own.
int hz_body_begin(struct hz_conn *conn, int fd, uint64_t owner); // fd is taken over where that is 0; -errno
void hz_body_leave(struct hz_conn *conn);                        // also of none
bool hz_body_full(const struct hz_conn *conn);                   // no more until some of it is written
// What there is room for; the error of what was written before.
int hz_body_put(struct hz_conn *conn, const char *data, size_t bytes, size_t *ret_taken);
bool hz_body_written(const struct hz_conn *conn); // all that was put, or it failed
int *hz_body_file(struct hz_conn *conn);
void hz_body_stop(struct hz_server *server); // waits for a write that is under way

// conn.c
void hz_conn_free(struct hz_conn *conn); // from WSI_DESTROY
void hz_conn_kill(struct hz_conn *conn); // closes from the loop, without ceremony
void hz_conn_deadline(struct hz_conn *conn, int64_t delay_us);
int hz_conn_account(struct hz_conn *conn, const char *address); // 0, -EDQUOT, -ENOSPC
void hz_conn_forget_request(struct hz_conn *conn);
int hz_conn_on_data(struct hz_conn *conn, const void *data, size_t bytes);
int hz_conn_on_writable(struct hz_conn *conn);
int hz_conn_write(struct hz_conn *conn, size_t bytes); // what stands in the scratch buffer
int hz_conn_linger(struct hz_conn *conn);              // our side is done
void hz_conn_consume(struct hz_conn *conn, size_t bytes);

// request.c: looks at conn->in once, moves on by one step. *ret_more: look again at once.
int hz_request_spooled(struct hz_conn *conn); // its file has more of it
int hz_request_step(struct hz_conn *conn, bool *ret_more);

// answer.c
int hz_answer_start(struct hz_conn *conn);             // conn->res is ready
int hz_answer_error(struct hz_conn *conn, int status); // for those no handler sees; closes afterwards
int hz_answer_write(struct hz_conn *conn);
void hz_answer_forget(struct hz_conn *conn); // before it is freed

// websocket.c (receiving, the upgrade), ws_send.c
int hz_ws_upgrade(struct hz_conn *conn, const struct hz_head *head); // request is collected and within limits
int hz_ws_step(struct hz_conn *conn, bool *ret_more);
int hz_ws_write(struct hz_conn *conn);
void hz_ws_drop_queue(struct hz_ws *ws);
void hz_ws_on_gone(struct hz_conn *conn); // on_ws_close, frees

// loop.c
int hz_loop_start(struct hz_server *server); // 0, -errno
int hz_loop_on_ready(struct hz_server *server, enum lws_callback_reasons reason);
void hz_loop_run_deferred(struct hz_server *server);
void hz_loop_free(struct hz_server *server);

// tls.c. A context that holds the certificate, its chain and its key; the caller's. -EIO: the files do not hold them; -ENOMEM.
int hz_tls_load(const char *cert, const char *key, SSL_CTX **ret);
void hz_tls_attach(struct hz_server *server,
                   SSL_CTX *ctx); // handshakes of ctx show what server->tls holds

#endif
