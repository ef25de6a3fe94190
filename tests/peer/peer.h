// One real WebRTC endpoint: its own UDP socket, full (controlling) ICE checks, DTLS client, SRTP; publishes synthetic
// audio and video or receives and measures. Signaled over WHIP (publish) or WHEP (subscribe). Thread: one for all.
#ifndef HZ_TESTS_PEER_PEER_H
#define HZ_TESTS_PEER_PEER_H

#include "tests/peer/clip.h"
#include "tests/peer/http.h"
#include "tests/peer/index.h"
#include "tests/peer/media.h"

#define PEER_MAX_SINKS 4

struct peer_options {
	const char *path; // "/whip/C" or "/whep/C/ID"
	const char *token;
	const char *name; // in reports
	const char *bind; // own address; NULL: loopback
	bool publish, vp8;
	bool tcp;        // media over TCP only; connects anew when the connection is lost
	unsigned layers; // simulcast layers when publishing
	unsigned packets_a_frame;
	bool falling;                 // each lower layer half of that, as a browser's; else all the same
	bool stamp;                   // each picture of the clip (H.264) says when it was sent
	const char *dump;             // H.264 that is received goes into this file; NULL: nowhere
	const struct peer_clip *clip; // sent instead of what looks like media; NULL: none
};

enum peer_state { PEER_IDLE, PEER_CHECKING, PEER_HANDSHAKING, PEER_RUNNING, PEER_FAILED };

struct peer;
struct hz_dtls_ctx;

int peer_new(const struct peer_options *options, struct hz_dtls_ctx *dtls, const char *fingerprint,
             struct peer **ret);
void peer_free(struct peer *peer);

// Posts the offer and starts checks. 0, or the HTTP status as a negative number, or -errno.
int peer_connect(struct peer *peer, struct hz_http *http, int64_t now_us);
void peer_disconnect(struct peer *peer, struct hz_http *http);

int peer_fd(const struct peer *peer);
void peer_readable(struct peer *peer, int64_t now_us);

// Sends what is due; returns when to call again.
int64_t peer_tick(struct peer *peer, int64_t now_us);

enum peer_state peer_state(const struct peer *peer);
const char *peer_name(const struct peer *peer);
bool peer_publishes(const struct peer *peer);
struct peer_sink *peer_sinks(struct peer *peer, unsigned *ret_count);

struct peer_totals {
	uint64_t sent, received, auth_failed, index_reused, plis, nacks, connects;
};
const struct peer_totals *peer_totals(const struct peer *peer);

#endif
