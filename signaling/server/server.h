// The event loop of the control process: HTTP/1.1 and WebSocket on two listening sockets that the supervisor owns,
// beside the process's other descriptors and timers. The only user of libwebsockets (its loop, sockets and TLS; the
// framing is ours: docs/decisions/004). Thread: one; callbacks run
// inside hz_server_run() and may call everything here but hz_server_run() and hz_server_free().
//
// Time limits: TLS handshake, request headers and request body 10 s each; idle keep-alive 30 s; a reader that takes
// nothing for 20 s is closed. Answers beyond a limit: 413 body, 431 headers, 429 rate (Retry-After), 503 connections
// of one address (then closed); above the total a connection is closed unanswered.
#ifndef HZ_SIGNALING_SERVER_SERVER_H
#define HZ_SIGNALING_SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>

#include "signaling/server/http.h"

#define HZ_WS_PATH         "/ws"
#define HZ_WS_SUBPROTOCOL  "huizhen.v1"
#define HZ_WS_REASON_BYTES 124 // with NUL: RFC 6455 5.5.1

enum hz_ws_close_code {
	HZ_WS_NORMAL = 1000,
	HZ_WS_GOING_AWAY = 1001,
	HZ_WS_PROTOCOL_ERROR = 1002,
	HZ_WS_UNACCEPTABLE = 1003, // a binary frame
	HZ_WS_NO_STATUS = 1005,    // only in on_ws_close: a close frame without a code
	HZ_WS_ABNORMAL = 1006,     // only in on_ws_close: connection lost, or no pong for 45 s
	HZ_WS_BAD_UTF8 = 1007,
	HZ_WS_TOO_LARGE = 1009,
	HZ_WS_NO_JOIN = 4000,
	HZ_WS_REPLACED = 4001,
	HZ_WS_SLOW = 4002,
	HZ_WS_FLOODING = 4003,
	HZ_WS_ENDED = 4004,
};

struct hz_server;
struct hz_server_fd;
struct hz_server_timer;
struct hz_ws; // one open WebSocket: valid from on_ws_open until on_ws_close returns

// A connection to the HTTPS port that begins with an ICE check (RFC 6544). Nothing of it was read.
struct hz_ice_tcp {
	int fd; // borrowed: the server closes it after the call
	const char *local_ufrag;
	struct sockaddr_in6 remote, local; // IPv4 as mapped addresses
};

#define HZ_UPLOADS 16

struct hz_server_ops {
	// Once per request, when its whole body is there. Answer before returning.
	void (*on_request)(void *ctx, const struct hz_request *req, struct hz_response *res);

	// The upgrade to HZ_WS_PATH is done (path, subprotocol and origin were checked). req is valid during the call.
	void (*on_ws_open)(void *ctx, struct hz_ws *ws, const struct hz_request *req);

	// A whole text message: valid UTF-8, NUL after bytes, at most ws_message_bytes.
	void (*on_ws_text)(void *ctx, struct hz_ws *ws, const char *text, size_t bytes);

	// Exactly once per on_ws_open, from the loop and never from inside hz_ws_send() or hz_ws_close().
	// code: what the peer sent, or what we closed with, or HZ_WS_NO_STATUS / HZ_WS_ABNORMAL.
	void (*on_ws_close)(void *ctx, struct hz_ws *ws, int code);

	// NULL: the HTTPS port speaks TLS only. 0: somebody has a copy of fd now; else it is closed, counted as refused.
	int (*on_ice_tcp)(void *ctx, const struct hz_ice_tcp *conn);

	// A body of `bytes`, more than the limit, is announced: the file that it goes into (the server closes it behind on_request, which
	// has it as body_file), or minus the status that refuses it. NULL: 413. At most HZ_UPLOADS at once, an hour each, written by a
	// thread of its own. *ret_owner: whose it is, for hz_server_uploads(); not 0.
	int (*on_upload)(void *ctx, const struct hz_request *req, uint64_t bytes, uint64_t *ret_owner);
};

struct hz_server_limits {                 // 0: the default in brackets
	unsigned connections;             // [4000] in all
	unsigned connections_per_address; // [200] IPv6: per /64
	unsigned requests_per_second;     // [50] per address, bursts of four seconds' worth
	unsigned tls_handshakes;          // [256] unfinished at one time
	size_t body_bytes;                // [256 KiB]
	size_t header_bytes;              // [16 KiB] request line and headers
	size_t ws_message_bytes;          // [256 KiB]
	size_t ws_queue_bytes;            // [256 KiB] unsent
	unsigned ws_messages_per_second;  // [50] over 5 s
	unsigned timeout_ms;              // [10000] handshake, headers, body: shortened by tests
	unsigned ws_ping_ms;              // [20000] dead after 2.25 times this without any frame
};

struct hz_server_options {
	int http_fd, https_fd; // listening, -1: off. Borrowed: the server works on duplicates
	const char *cert,
	    *key; // PEM file paths, needed with https_fd; read at hz_server_new() and _reload_tls()
	const char *const *
	    origins; // NULL-terminated list of further allowed WebSocket origins ("https://host"); NULL: none
	struct hz_server_limits limits;
	struct hz_server_ops ops;
	void *ctx;
};

// Counts since the start, and some gauges. One metric each in /metrics.
struct hz_server_counters {
	uint64_t accepted, accepted_tls;
	uint64_t refused_total, refused_address, refused_handshakes;
	uint64_t tls_failed, timeouts;
	uint64_t ice_tcp_accepted, ice_tcp_refused, ice_tcp_junk;
	uint64_t requests, status_2xx, status_3xx, status_4xx, status_5xx;
	uint64_t rate_limited, body_too_large, bad_requests;
	uint64_t ws_opened, ws_refused, ws_messages_in, ws_messages_out, ws_bytes_in, ws_bytes_out;
	uint64_t ws_slow, ws_flooding, ws_too_large, ws_bad_frames, ws_dead;
	uint32_t connections, handshakes, websockets, addresses; // gauges
	uint64_t websockets_queued_bytes;                        // gauge
};

// Copies options (also strings). 0, -EINVAL, -ENOMEM, -EIO (certificate or key unusable: see the log).
int hz_server_new(const struct hz_server_options *options, struct hz_server **ret);

// Calls on_ws_close for what is still open and frees the handles of added descriptors; NULL is fine. Timers are their
// makers': free them before this.
void hz_server_free(struct hz_server *server);

// Runs until hz_server_stop(). 0 or -errno.
int hz_server_run(struct hz_server *server);

// Takes no more connections, closes every WebSocket with code, lets hz_server_run() return once all queues are
// flushed, or after 1 s.
void hz_server_stop(struct hz_server *server, int code, const char *reason);

// Uploads under way, of this owner's; 0: of all.
unsigned hz_server_uploads(const struct hz_server *server, uint64_t owner);

const struct hz_server_counters *hz_server_counters(struct hz_server *server);

// Reads these certificate and key files for new handshakes. 0, -EIO, -ENOMEM (what was read before stays), -EINVAL (no HTTPS).
int hz_server_reload_tls(struct hz_server *server, const char *cert, const char *key);

// Replaces the further allowed WebSocket origins (struct hz_server_options) for new sockets. -ENOMEM: the old ones stay.
int hz_server_set_origins(struct hz_server *server, const char *const *origins);

// --- WebSocket

// Queues a copy of a text message (UTF-8, the caller's word). 0; -EPIPE when already closing; -ENOBUFS when the queue
// would grow past its bound: the socket then closes with 4002 and on_ws_close follows from the loop; -ENOMEM.
int hz_ws_send(struct hz_ws *ws, const char *text, size_t bytes);

// Sends what is queued, then a close frame (reason may be NULL, at most 123 bytes, is copied); on_ws_close follows from
// the loop, after the peer's answer or 2 s. Nothing more is delivered from it. A second call changes nothing.
void hz_ws_close(struct hz_ws *ws, int code, const char *reason);

void hz_ws_set_user(struct hz_ws *ws, void *user);
void *hz_ws_user(const struct hz_ws *ws);
const char *hz_ws_address(const struct hz_ws *ws);
int64_t hz_ws_rtt_us(
    const struct hz_ws *ws); // the shortest of late, as TCP knows it, to whoever ends TLS; 0: not known

// --- the process's other descriptors

// Watches fd for reading (level-triggered), and for writing while wanted. Borrowed: the server watches a duplicate, so
// remove before closing fd. Callbacks read or write fd themselves; on_readable also runs on hang-up and error (then
// read says what it is; remove the handle or it spins). on_writable may be NULL.
typedef void hz_server_fd_cb(void *ctx, int fd);
int hz_server_add_fd(struct hz_server *server, int fd, hz_server_fd_cb *on_readable,
                     hz_server_fd_cb *on_writable, void *ctx, struct hz_server_fd **ret);
void hz_server_want_write(struct hz_server_fd *handle, bool want);
void hz_server_remove_fd(struct hz_server_fd *handle); // NULL is fine; also from inside its own callback

// --- timers: made once, armed again and again. Not periodic by themselves.
typedef void hz_server_cb(void *ctx);
int hz_server_timer_new(struct hz_server *server, hz_server_cb *cb, void *ctx, struct hz_server_timer **ret);
void hz_server_timer_arm(struct hz_server_timer *timer, int64_t delay_us); // replaces an earlier arming
void hz_server_timer_disarm(struct hz_server_timer *timer);
void hz_server_timer_free(struct hz_server_timer *timer); // NULL is fine; also from inside its own callback

// Runs cb(ctx) once at the end of this loop turn (or of the next, when called outside the loop). The same pair asked
// for twice runs once. What a deferred callback defers runs in the next turn, which follows at once. Keep ctx alive or
// call hz_server_undefer(). 0, -ENOSPC (4096 pending), -ENOMEM.
int hz_server_defer(struct hz_server *server, hz_server_cb *cb, void *ctx);
void hz_server_undefer(struct hz_server *server, hz_server_cb *cb, void *ctx);

#endif
