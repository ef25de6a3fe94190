// One WebRTC endpoint of the load generator: its own UDP socket, ICE in either role, DTLS in either role, SRTP; sends a
// source, receives any number of streams up to LOAD_MAX_SINKS. Told what to do by whoever signals (main.c).
// Thread: one for all.
#ifndef HZ_TESTS_BENCH_LOAD_PEER_H
#define HZ_TESTS_BENCH_LOAD_PEER_H

#include "media/transport/dtls.h"
#include "tests/bench/load/measure.h"
#include "tests/bench/load/sink.h"
#include "tests/bench/load/source.h"

#define LOAD_MAX_SINKS 16
#define LOAD_MAX_FID   8
#define LOAD_UFRAG     8
#define LOAD_PWD       24

enum load_state { LOAD_IDLE = 0, LOAD_CHECKING, LOAD_HANDSHAKING, LOAD_RUNNING, LOAD_FAILED };

struct load_setup {               // what the signaling of one connection said
	bool controlling, client; // our ICE and DTLS roles
	char remote_ufrag[256], remote_pwd[256];
	struct sockaddr_in remote;
	struct load_stream audio, video; // pt and mid (ssrc 0: the source's own); pt 0: not sent
	struct hz_ext_ids ext;           // of what we send
	uint8_t video_pt, rtx_pt;        // of what we receive
	uint8_t twcc_id;                 // of what we receive; 0: none
	uint32_t fid[LOAD_MAX_FID][2];   // RTX SSRC, its media SSRC
	int64_t start_us;                // when the join began (CLOCK_MONOTONIC): times are told from there
};

struct load_times { // CLOCK_MONOTONIC; 0: not yet
	int64_t start_us, connect_us, ice_us, dtls_us, rtp_us, key_us;
};

struct load_peer;

struct load_world { // shared by all peers
	struct hz_dtls_ctx *dtls;
	struct load_rates rates;
	struct load_measure measure;
	void (*on_change)(struct load_world *world,
	                  struct load_peer *peer); // running, failed, first RTP, first keyframe
	unsigned
	    loss_permille; // of every datagram, both ways, dropped at random; as many RTP packets change places
	uint32_t random;   // state of load_chance()
};

// The address of socket, ufrag and pwd is chosen here. 0 or -errno.
int load_peer_new(struct load_world *world, unsigned number, struct load_peer **ret);
void load_peer_free(struct load_peer *peer,
                    bool goodbye); // goodbye: tells the server by DTLS; else it just vanishes
bool load_chance(struct load_world *world, unsigned permille);

int load_peer_connect(struct load_peer *peer, const struct load_setup *setup, int64_t now_us); // 0 or -errno
void load_peer_readable(struct load_peer *peer, int64_t now_us);
void load_peer_keep(struct load_peer *peer, int64_t now_us);    // checks, RTCP: every few milliseconds
int64_t load_peer_send(struct load_peer *peer, int64_t now_us); // media; returns when to call again

int load_peer_fd(const struct load_peer *peer);
unsigned load_peer_number(const struct load_peer *peer);
uint16_t load_peer_port(const struct load_peer *peer);
const char *load_peer_ufrag(const struct load_peer *peer);
const char *load_peer_pwd(const struct load_peer *peer);
const struct load_source *load_peer_source(const struct load_peer *peer);
enum load_state load_peer_state(const struct load_peer *peer);
bool load_peer_sends(const struct load_peer *peer);
uint8_t load_peer_profile(const struct load_peer *peer); // enum hz_srtp_profile; 0 before
const struct load_times *load_peer_times(const struct load_peer *peer);
struct load_sink *load_peer_sinks(struct load_peer *peer, unsigned *ret_count);

#endif
