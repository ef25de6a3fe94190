// What the files of this folder share. libwebsockets types appear in no other folder.
#ifndef HZ_SIGNALING_SERVER_INTERNAL_H
#define HZ_SIGNALING_SERVER_INTERNAL_H

#include <libwebsockets.h>

#include "signaling/server/limits.h"
#include "signaling/server/response.h"
#include "signaling/server/server.h"

#define HZ_SCRATCH_BYTES (32u * 1024)
#define HZ_DEFERRED_MAX  4096
#define HZ_IDLE_US       30000000
#define HZ_STALL_US      20000000 // an answer of which the client takes nothing
#define HZ_WS_CLOSE_US   2000000
#define HZ_STOP_US       1000000
#define HZ_PROTOCOL_HTTP "(http)" // parentheses: no client can ask for these as a subprotocol
#define HZ_PROTOCOL_FD   "(fd)"

enum hz_kind_of_wsi { HZ_WSI_CONN = 1, HZ_WSI_FD };

enum hz_stage {
	HZ_STAGE_START, // TLS handshake, first headers
	HZ_STAGE_IDLE,  // between requests
	HZ_STAGE_BODY,
	HZ_STAGE_ANSWER,
	HZ_STAGE_UPGRADE, // checked, lws is about to upgrade it
	HZ_STAGE_WS,
};

struct hz_ws_message {
	struct hz_ws_message *next;
	size_t bytes;
	unsigned char text[]; // LWS_PRE bytes of room, then the text
};

struct hz_ws {
	struct hz_conn *conn;
	void *user;
	struct hz_ws_message *first, *last;
	size_t queued_bytes, inflight_bytes; // inflight: given to lws, perhaps not yet to the kernel
	char *rx;
	size_t rx_bytes, rx_cap;
	unsigned empty_frames;
	int64_t flood_us, last_rx_us, last_ping_us;
	int64_t flood_at_us;
	lws_sorted_usec_list_t tick;
	bool ping_due, closing, ended;
	int code; // what on_ws_close will say
	char reason[HZ_WS_REASON_BYTES];
};

struct hz_conn {
	enum hz_kind_of_wsi kind; // first: tells it from a struct hz_server_fd
	struct hz_server *server;
	struct lws *wsi;
	struct hz_conn *prev, *next;
	struct hz_conn *stalled_prev, *stalled_next;
	enum hz_stage stage;
	bool tls, handshaking, peer_loopback, adopting, gone, stalled, killed;
	bool close_after, head_sent;
	unsigned early; // reads of a next request while this one's answer is still going out
	char peer[HZ_ADDRESS_BYTES];
	struct hz_limits_entry *entry;
	lws_sorted_usec_list_t deadline;
	struct hz_request req;
	char *text; // what req's strings point into
	size_t text_used;
	char *body;
	size_t body_cap, body_expected;
	struct hz_response *res;
	size_t sent;
	struct hz_ws *ws;
};

struct hz_server_fd {
	enum hz_kind_of_wsi kind;
	struct hz_server *server;
	struct lws *wsi; // NULL: lws let go of it
	struct hz_server_fd *prev, *next;
	int fd; // the caller's
	hz_server_fd_cb *on_readable, *on_writable;
	void *ctx;
	bool want_write, inside, removed;
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
	char *cert, *key;
	char **origins;
	struct hz_limits *addresses;
	struct hz_server_counters counters;
	struct hz_conn *conns, *stalled;
	struct hz_server_fd *fds, *listen_http, *listen_https;
	int spare_fd; // given up for a moment to refuse a connection when descriptors run out
	struct hz_deferred *deferred;
	unsigned deferred_count, deferred_cap;
	bool rearm, stopping, destroying;
	int64_t stop_at_us;
	lws_sorted_usec_list_t stop_timer;
	unsigned char scratch[LWS_PRE + HZ_SCRATCH_BYTES];
};

// accept.c
int hz_accept_start(struct hz_server *server, int http_fd, int https_fd);
void hz_accept_stop(struct hz_server *server);
unsigned hz_accept_handshakes(struct hz_server *server); // unfinished now

// conn.c
void hz_conn_free(struct hz_conn *conn); // from WSI_DESTROY
void hz_conn_kill(struct hz_conn *conn); // closes from the loop, without ceremony
void hz_conn_deadline(struct hz_conn *conn, int64_t delay_us);
int hz_conn_account(struct hz_conn *conn, const char *address); // 0, -EDQUOT, -ENOSPC
void hz_conn_forget_request(struct hz_conn *conn);

// headers.c: fills conn->req from lws' header table. 0, or the HTTP status that refuses it.
int hz_headers_collect(struct hz_conn *conn, struct lws *wsi);
// Content-Length as number; -ENOENT when absent; -EINVAL.
int64_t hz_headers_length(struct lws *wsi);

// request.c: the life of a request. Return value: lws callback result.
int hz_request_on_headers(struct hz_conn *conn, struct lws *wsi);
int hz_request_on_body(struct hz_conn *conn, const void *data, size_t bytes);
int hz_request_on_complete(struct hz_conn *conn);

// answer.c
int hz_answer_start(struct hz_conn *conn);             // conn->res is ready
int hz_answer_error(struct hz_conn *conn, int status); // for those no handler sees; closes afterwards
int hz_answer_write(struct hz_conn *conn);
void hz_answer_wake_stalled(struct hz_server *server);

// websocket.c
int hz_ws_on_upgrade(struct hz_conn *conn, struct lws *wsi);
int hz_ws_on_established(struct hz_conn *conn);
int hz_ws_on_receive(struct hz_conn *conn, struct lws *wsi, const void *data, size_t bytes);
int hz_ws_on_writable(struct hz_conn *conn);
void hz_ws_on_pong(struct hz_conn *conn);
void hz_ws_on_peer_close(struct hz_conn *conn, const unsigned char *data, size_t bytes);
void hz_ws_on_gone(struct hz_conn *conn); // on_ws_close, frees

// loop.c
int hz_fd_callback(struct hz_server_fd *handle, enum lws_callback_reasons reason);
void hz_loop_rearm(struct hz_server *server);
void hz_loop_run_deferred(struct hz_server *server);
void hz_loop_free(struct hz_server *server);

// tls.c: 0, or -EIO: the files do not hold a certificate and its key.
int hz_tls_check(const char *cert, const char *key);

// server.c
extern const struct lws_protocols hz_server_protocols[];

#endif
