// Inside a load_peer: shared by its files only.
#ifndef HZ_TESTS_BENCH_LOAD_PEER_INTERNAL_H
#define HZ_TESTS_BENCH_LOAD_PEER_INTERNAL_H

#include "media/rtp/twcc.h"
#include "tests/bench/load/peer.h"
#include "tests/bench/load/stun.h"

struct load_peer {
	struct load_world *world;
	unsigned number;
	int fd;
	enum load_state state;
	uint16_t port;
	char ufrag[LOAD_UFRAG + 1], pwd[LOAD_PWD + 1];
	struct load_setup setup;
	struct load_times times;
	char username[300];
	uint8_t check_id[LOAD_STUN_ID_BYTES];
	uint64_t tie_breaker;
	struct hz_dtls *dtls;
	struct hz_srtp *srtp;
	uint8_t profile;
	struct load_source source;
	struct load_sink sinks[LOAD_MAX_SINKS];
	unsigned sink_count;
	struct hz_twcc *twcc;
	uint32_t rtcp_ssrc;
	int64_t next_check_us, next_report_us, next_feedback_us;
};

void load_peer_on_rtcp(struct load_peer *peer, uint8_t *data, size_t bytes);
void load_peer_rtcp(struct load_peer *peer, int64_t now_us); // reports and feedback that are due

#endif
