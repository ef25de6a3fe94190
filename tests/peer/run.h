// What hz-peer was asked for, and its peers: shared by its ways to run. Thread: one for all.
#ifndef HZ_TESTS_PEER_RUN_H
#define HZ_TESTS_PEER_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "media/transport/identity.h"
#include "tests/peer/peer.h"

#define MAX_MEMBERS 64
#define MAX_PEERS   (MAX_MEMBERS * MAX_MEMBERS)

struct member {
	char id[80];
	const char *token;
};

struct options {
	const char *url, *consult, *bind, *clip, *watch, *dump;
	struct member members[MAX_MEMBERS];
	unsigned member_count, layers, packets, seconds, report_ms, joins, hold_ms;
	unsigned publishers, copies;
	bool vp8, tcp, stamp, mix, falling;
};

struct run {
	struct options options;
	struct hz_http *http;
	struct hz_dtls_ctx *dtls;
	struct peer_clip clip;
	char fingerprint[HZ_FINGERPRINT_TEXT_BYTES];
	int epoll;
	struct peer *peers[MAX_PEERS];
	char paths[MAX_PEERS][256];
	char names[MAX_PEERS][200];
	unsigned peer_count;
};

// Makes a peer in slot `at` that publishes as the member, or (source) receives that participant. 0, the HTTP status as a
// negative number, or -errno; then the slot is empty.
int run_open_peer(struct run *run, unsigned at, const struct member *member, const char *source);

// Handles what is readable and due, waiting at most until `until_us`.
void run_turn(struct run *run, int64_t until_us);

// Members come and go; see churn.c. Returns the exit code.
int run_churn(struct run *run);

#endif
