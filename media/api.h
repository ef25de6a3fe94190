// What control and a media worker say to each other: fixed C structs over a SOCK_SEQPACKET pair, one message a
// datagram. Both ends live in the same installation; `version` guards against mixing builds at a takeover.
//
// Commands (control -> worker) are upserts of the whole wanted state of one object, keyed by an id that control
// chooses, so that repeating one is harmless. After a worker's HELLO (it restarted), after control restarted, or
// when the queue was full, control repeats everything between RECONCILE_BEGIN and RECONCILE_END; what was not
// named in between is removed by the worker. So neither side needs to know what the other one missed.
//
// Events (worker -> control) describe state, never deltas; a lost event is repaired by the next one. STATE events
// that do not fit the queue are kept as a flag in the arena and sent later; STATS are dropped and counted.
//
// The messages are also the arena's vocabulary: the worker keeps the newest command of each object in its arena.
#ifndef HZ_MEDIA_API_H
#define HZ_MEDIA_API_H

#include <stdint.h>
#include <netinet/in.h>

#define HZ_API_VERSION 3u

// Bounds of one worker. Control refuses with a clear error before it sends more.
#define HZ_MAX_PEERS         2048
#define HZ_MAX_TRACKS        4096
#define HZ_MAX_SUBS          16384
#define HZ_MAX_LAYERS        3
#define HZ_MAX_CODECS        8  // payload types of one m-line that we keep
#define HZ_UFRAG_BYTES       33 // with NUL
#define HZ_PWD_BYTES         65 // with NUL
#define HZ_MID_BYTES         17 // with NUL: RFC 8843 MIDs longer than 16 are refused
#define HZ_RID_BYTES         17 // with NUL (RFC 8851)
#define HZ_FINGERPRINT_BYTES 32 // SHA-256
#define HZ_MAX_SPEAKERS      8
#define HZ_API_MAX_BYTES     1024 // no message is larger

// An id is (generation << 16) | slot: slot < the object's bound, generation never 0. 0 means "none".
typedef uint32_t hz_id; // the one typedef: used in every struct and table key
#define HZ_ID(slot, generation) (((uint32_t)(generation) << 16) | (uint32_t)(slot))
#define HZ_ID_SLOT(id)          ((uint32_t)(id)&0xffffu)

enum hz_msg_type {
	HZ_CMD_RECONCILE_BEGIN = 1,
	HZ_CMD_RECONCILE_END,
	HZ_CMD_PEER_SET,
	HZ_CMD_PEER_DEL,
	HZ_CMD_TRACK_SET,
	HZ_CMD_TRACK_DEL,
	HZ_CMD_SUB_SET,
	HZ_CMD_SUB_DEL,
	HZ_CMD_KEYFRAME,   // ask the track's publisher for a keyframe
	HZ_CMD_TCP_ACCEPT, // carries a descriptor (SCM_RIGHTS)
	HZ_CMD_AGENT_SET,  // of a peer with HZ_PEER_AGENT; not repeated in a RECONCILE, as the next
	HZ_CMD_AGENT_REMOTE,
	HZ_CMD_PEER_SHARE, // a wish that runs out by itself: not repeated in a RECONCILE, not in the arena

	HZ_EV_HELLO = 64, // first message of a worker's incarnation
	HZ_EV_ACK,        // answer to every command
	HZ_EV_PEER_STATE,
	HZ_EV_TRACK_STATE,
	HZ_EV_SPEAKERS,
	HZ_EV_PEER_STATS,
	HZ_EV_WORKER_STATS,
	HZ_EV_SUB_STATE,
	HZ_EV_AGENT_LOCAL,
	HZ_EV_PEER_SHARE,
	HZ_EV_PEER_UPLINK,
};

enum hz_kind { HZ_KIND_AUDIO = 1, HZ_KIND_VIDEO = 2 };

enum hz_codec {
	HZ_CODEC_NONE = 0,
	HZ_CODEC_OPUS = 1,
	HZ_CODEC_H264_CB = 2,   // Constrained Baseline or Baseline, packetization-mode 1
	HZ_CODEC_H264_HIGH = 3, // High or Main, packetization-mode 1
	HZ_CODEC_VP8 = 4,
	HZ_CODEC_VP9 = 5,
	HZ_CODEC_AV1 = 6,
	HZ_CODEC_RED = 7,    // RFC 2198: of sound around Opus, of a publisher's video around each packet
	HZ_CODEC_ULPFEC = 8, // RFC 5109, of a publisher's video, in RED; receivers never get it
	HZ_CODEC_COUNT = 9,
};

// One payload type of one m-line, with the payload type of its RTX (0: none).
struct hz_pt {
	uint8_t pt; // 0 is a valid RTP payload type but never a dynamic one: 0 means "unused" here
	uint8_t rtx_pt;
	uint8_t codec; // enum hz_codec
	uint8_t flags; // HZ_PT_*
};
#define HZ_PT_NACK 1u
#define HZ_PT_PLI  2u
#define HZ_PT_FIR  4u
#define HZ_PT_TWCC 8u
#define HZ_PT_REMB 16u

// RTP header extension ids of one m-line as that endpoint numbers them; 0: not negotiated. (RFC 8285)
struct hz_ext_ids {
	uint8_t mid;           // urn:ietf:params:rtp-hdrext:sdes:mid
	uint8_t rid;           // urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
	uint8_t rrid;          // urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
	uint8_t audio_level;   // urn:ietf:params:rtp-hdrext:ssrc-audio-level (RFC 6464)
	uint8_t abs_send_time; // http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
	uint8_t twcc;          // http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
	uint8_t orientation;   // urn:3gpp:video-orientation
	uint8_t playout_delay; // http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
	uint8_t
	    dependency; // https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension
	uint8_t abs_capture_time; // http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time
	uint8_t reserved[6];
};

struct hz_msg_header {
	uint16_t version; // HZ_API_VERSION
	uint16_t type;    // enum hz_msg_type
	uint32_t bytes;   // of the whole message
	uint32_t seq;     // commands: counted up by control, repeated in the ACK. Events: 0
	uint32_t reserved;
};

// A transport: one ICE + DTLS association of one participant (a browser's RTCPeerConnection, a WHIP or WHEP client).
// An ICE restart is a SET with new credentials; the worker accepts the old ones until the new are nominated.
struct hz_cmd_peer_set {
	struct hz_msg_header h;
	hz_id peer;
	uint32_t consult; // scope of active-speaker events; any number, the same for all peers of a consult
	char local_ufrag[HZ_UFRAG_BYTES]; // chosen by control, unique: the worker finds the peer by it
	char local_pwd[HZ_PWD_BYTES];
	char remote_ufrag[HZ_UFRAG_BYTES];
	char remote_pwd[HZ_PWD_BYTES];
	uint8_t fingerprint[HZ_FINGERPRINT_BYTES]; // of the remote certificate; a mismatch fails the peer
	uint32_t flags;                            // HZ_PEER_*
	uint32_t relay; // with HZ_PEER_RELAY: the other process of the grid; else 0
};
#define HZ_PEER_MUTED 1u // forward nothing from it and nothing to it (lobby); ICE and DTLS go on
// The other end is the same consult's relay peer on another worker, or the mix, which is the last process of the grid;
// reached by the rings between the two, plain RTP and RTCP: no ICE, DTLS or SRTP (credentials and fingerprint are zero),
// CONNECTED at once.
#define HZ_PEER_RELAY 2u
// Reached by full ICE agents of its own (HZ_CMD_AGENT_SET) and not by the worker's UDP port. They die with the worker:
// HZ_REASON_AGENT_LOST, and only an ICE restart brings the peer back.
#define HZ_PEER_AGENT 4u
#define HZ_MAX_RELAYS 65u // workers, and the mix
// From here on: a pipe with rings of its own (gateway/child.h), + its number.
#define HZ_RELAY_PIPES 128u
#define HZ_MAX_PIPES   8u

struct hz_cmd_peer_del {
	struct hz_msg_header h;
	hz_id peer; // its tracks and subscriptions go with it
};

// Something a peer publishes: one m-line the peer sends on. RTP is matched by SSRC when the SDP told, else by
// MID (+ RID) header extensions, which teach the worker the SSRCs.
struct hz_cmd_track_set {
	struct hz_msg_header h;
	hz_id track;
	hz_id peer;          // publisher
	uint8_t kind;        // enum hz_kind
	uint8_t layer_count; // 1, or the number of RIDs
	uint8_t pt_count;
	uint8_t flags; // HZ_TRACK_*
	char mid[HZ_MID_BYTES];
	char rid[HZ_MAX_LAYERS][HZ_RID_BYTES]; // lowest quality first; "" without simulcast
	uint32_t ssrc[HZ_MAX_LAYERS];          // 0: learn
	uint32_t rtx_ssrc[HZ_MAX_LAYERS];      // 0: learn
	struct hz_pt pt[HZ_MAX_CODECS];
	struct hz_ext_ids ext;
};
#define HZ_TRACK_PAUSED 1u // arrives but is forwarded to nobody (muted by the server)
#define HZ_TRACK_DETAIL 2u // screen, ultrasound, images: resolution before frame rate when the link shrinks
#define HZ_TRACK_TAP                                                                                         \
	4u // recorded: what arrives goes to the tap as well, unless it is paused or its peer is muted

// The tap: flags of the ring's records (gateway/base/ring.h; source: the track's id). HZ_RING_RTP: the packet as the
// publisher sent it, once, RTX and RED of video unwrapped. HZ_RING_RTCP: the first 24 bytes of a sender report behind its
// header (RFC 3550 6.4.1: SSRC, NTP, RTP, counts).
#define HZ_TAP_LAYER    0x03u // simulcast layer
#define HZ_TAP_REPAIRED 0x04u // RTP: came by retransmission or was made from redundancy
#define HZ_TAP_SR_BYTES 24u

struct hz_cmd_track_del {
	struct hz_msg_header h;
	hz_id track; // subscriptions to it fall back to track 0 (idle)
};

// A slot of a receiving peer: one m-line the peer receives on. It keeps its SSRCs for life while `track` changes;
// the worker keeps sequence numbers, timestamps and VP8 picture ids continuous over every change.
struct hz_cmd_sub_set {
	struct hz_msg_header h;
	hz_id sub;
	hz_id peer;   // receiver
	hz_id track;  // 0: idle, nothing is sent
	uint8_t kind; // enum hz_kind
	uint8_t pt_count;
	uint8_t max_layer; // highest simulcast layer wanted, 0..2
	uint8_t flags;     // HZ_SUB_*
	uint32_t ssrc;     // chosen by control, unique among the peer's slots
	uint32_t rtx_ssrc; // 0: no RTX
	char mid[HZ_MID_BYTES];
	struct hz_pt pt
	    [HZ_MAX_CODECS]; // what this receiver takes; a track whose codec is missing here is not forwarded
	struct hz_ext_ids ext;
	uint32_t priority; // video: when the link shrinks, slots of lower priority step down first; 0 normal
};
#define HZ_SUB_PAUSED 1u
#define HZ_SUB_PIN                                                                                           \
	2u // exactly layer max_layer, whatever the link says (a relay carries each layer by itself)
// A voice that its receiver hears in the mix as well: not sent while the peer's slot with HZ_SUB_MIX is. The worker sees by itself
// whether that is so: from HZ_HOLD_SETTLE_US after the first packet of the mix went out until none did for HZ_HOLD_LOST_US,
// so that nobody needs to notice, and to say, that the mix is gone.
#define HZ_SUB_HELD       4u
#define HZ_SUB_MIX        8u
#define HZ_HOLD_SETTLE_US 500000 // so long a receiver may take until it plays what comes anew; both are heard
#define HZ_HOLD_LOST_US   200000
// What arrived before this state is never sent in it: no keyframe from the history to begin with (a broadcast's viewer).
// Of every slot that was paused, nothing is sent again that went out, or waited, before.
#define HZ_SUB_LIVE 16u

struct hz_cmd_sub_del {
	struct hz_msg_header h;
	hz_id sub;
};

struct hz_cmd_keyframe {
	struct hz_msg_header h;
	hz_id track;
};

// An accepted TCP connection whose first STUN check named this peer (RFC 6544 passive candidate, RFC 4571 framing).
// Nothing of it was read (MSG_PEEK); the descriptor comes with the message and is the worker's from then on.
struct hz_cmd_tcp_accept {
	struct hz_msg_header h;
	hz_id peer;
	uint32_t reserved;
	struct sockaddr_in6 remote, local; // IPv4 as mapped addresses
};

// Something goes to this peer's client beside the call (images over HTTP) and wants a share of its downlink for so long from now:
// pictures step down for it, and HZ_EV_PEER_SHARE says how much there is. Repeated as long as it is wanted; who dies, on either
// side, needs no clearing up. A peer without an estimate has no share to give: nothing comes of it.
struct hz_cmd_peer_share {
	struct hz_msg_header h;
	hz_id peer;
	uint32_t for_ms; // up to 10,000
};

enum hz_candidate_type { HZ_CANDIDATE_HOST = 0, HZ_CANDIDATE_SRFLX, HZ_CANDIDATE_PRFLX, HZ_CANDIDATE_RELAY };

// A UDP candidate of component 1 (RFC 8445). IPv4 as mapped address.
struct hz_candidate {
	struct in6_addr address;
	uint32_t priority;
	uint16_t port;
	uint8_t type; // enum hz_candidate_type
	uint8_t reserved;
};
#define HZ_MAX_CANDIDATES 16 // of one side that are kept; more are left out

enum hz_ice_server_kind { HZ_ICE_STUN = 1, HZ_ICE_TURN_UDP, HZ_ICE_TURN_TCP };

struct hz_ice_server {
	struct in6_addr address; // IPv4 as mapped address
	uint16_t port;
	uint8_t kind; // enum hz_ice_server_kind
	uint8_t reserved;
};
#define HZ_AGENT_ADDRESSES   4 // of ours that a peer is tried from, one agent each
#define HZ_AGENT_SERVERS     6
#define HZ_AGENT_LOGIN_BYTES 64 // with NUL

// New agents for a peer, with the credentials of its newest PEER_SET, whose local_ufrag is repeated here: -ESTALE if it
// is another one. They gather at once (HZ_EV_AGENT_LOCAL). Earlier ones go on until a new one has found a way.
struct hz_cmd_agent_set {
	struct hz_msg_header h;
	hz_id peer;
	uint8_t address_count, server_count;
	uint8_t reserved[2];
	char local_ufrag[HZ_UFRAG_BYTES];
	char username[HZ_AGENT_LOGIN_BYTES], password[HZ_AGENT_LOGIN_BYTES]; // of the TURN servers
	struct in6_addr address[HZ_AGENT_ADDRESSES];
	struct hz_ice_server server[HZ_AGENT_SERVERS];
};

// Further candidates of the client. -ESTALE: of another ICE generation than the newest.
struct hz_cmd_agent_remote {
	struct hz_msg_header h;
	hz_id peer;
	uint32_t count;
	char remote_ufrag[HZ_UFRAG_BYTES];
	struct hz_candidate candidate[HZ_MAX_CANDIDATES];
};

struct hz_cmd_reconcile { // BEGIN and END
	struct hz_msg_header h;
};

// --- events

struct hz_ev_hello {
	struct hz_msg_header h;
	uint32_t worker;      // index
	uint32_t incarnation; // counted up in the arena at each start; 1 on a fresh arena
	uint32_t pid;
	uint32_t peers, tracks, subs; // found in the arena
};

struct hz_ev_ack {
	struct hz_msg_header h; // h.seq: the command's
	int32_t err;            // 0 or -errno: -ENOENT unknown peer or track, -ENOSPC, -EINVAL
	hz_id id;               // the object
};

enum hz_peer_state {
	HZ_PEER_NEW = 0,      // no authenticated STUN yet
	HZ_PEER_CHECKING,     // STUN seen, DTLS not finished
	HZ_PEER_CONNECTED,    // DTLS finished, media flows
	HZ_PEER_DISCONNECTED, // no STUN for 7 s; comes back by itself
	HZ_PEER_FAILED,       // consent expired (30 s, RFC 7675), DTLS failed, or fingerprint wrong
	HZ_PEER_CLOSED,       // close_notify from the peer
};

enum hz_peer_reason {
	HZ_REASON_NONE = 0,
	HZ_REASON_CONSENT,        // RFC 7675 expiry
	HZ_REASON_DTLS,           // handshake failed or timed out
	HZ_REASON_FINGERPRINT,    // certificate does not match the SDP
	HZ_REASON_LOST_HANDSHAKE, // the worker restarted in the middle of the DTLS handshake
	HZ_REASON_SILENT,         // with CONNECTED: nothing comes on its busy path any more; may be lost
	HZ_REASON_AGENT_MISSED,   // with CONNECTED: one of several uplinks has no agent any more; restart ICE
	HZ_REASON_AGENT_LOST, // with DISCONNECTED: its agents died with the worker; ask for an ICE restart
};

struct hz_ev_peer_state {
	struct hz_msg_header h;
	hz_id peer;
	uint8_t state;        // enum hz_peer_state
	uint8_t reason;       // enum hz_peer_reason
	uint8_t srtp_profile; // RFC 5764: 1 AES_CM_128_HMAC_SHA1_80, 7 AEAD_AES_128_GCM; 0 before
	uint8_t reserved;
	uint32_t consult;
	struct in6_addr local; // with HZ_REASON_SILENT: our address on that path; else zero
};

struct hz_ev_track_state {
	struct hz_msg_header h;
	hz_id track;
	uint8_t active; // packets arrived within the last second
	uint8_t codec;  // enum hz_codec in use
	uint8_t layers; // bit i: layer i arrives
	uint8_t reserved;
};

struct hz_ev_speakers {
	struct hz_msg_header h;
	uint32_t consult;
	uint32_t count;
	hz_id peer[HZ_MAX_SPEAKERS]; // loudest first; only those who speak now
};

// Every 2 s per connected peer. Rates are over the interval.
struct hz_ev_peer_stats {
	struct hz_msg_header h;
	hz_id peer;
	uint32_t rtt_us;                  // from RTCP, else STUN spacing; 0 unknown
	uint32_t up_bps, down_bps;        // RTP payload and headers
	uint32_t up_packets, up_lost;     // from peer to gateway, after repair
	uint32_t down_packets, down_lost; // as the peer's receiver reports say
	uint32_t nacks_sent, nacks_received, retransmitted, plis_sent, plis_received;
	uint32_t jitter_us;
	uint32_t estimate_bps; // what the send-side estimator gives this peer's downlink; 0: not known
	uint32_t probes;       // probe clusters sent in the interval
};

// How much of a video slot's track goes out, decided by the estimator: the ladder. On every change.
enum hz_step {
	HZ_STEP_FULL = 0, // the layer that control asked for (or the best there is)
	HZ_STEP_LOWER,    // a lower simulcast, spatial or temporal layer
	HZ_STEP_STILL,    // one still every few seconds
	HZ_STEP_OFF,      // nothing; the last picture stays on the screen. Comes back by itself
};

struct hz_ev_sub_state {
	struct hz_msg_header h;
	hz_id sub, peer, track;
	uint32_t consult;
	uint8_t step;              // enum hz_step
	uint8_t layer;             // simulcast layer that is forwarded
	uint8_t spatial, temporal; // highest forwarded ones of a scalable stream; 0 else
	uint32_t estimate_bps;     // of the peer
};

// What the agents of a peer have gathered so far, all of them each time; done: nothing more will come.
struct hz_ev_agent_local {
	struct hz_msg_header h;
	hz_id peer;
	uint8_t done, count;
	uint8_t reserved[2];
	char local_ufrag[HZ_UFRAG_BYTES];
	struct hz_candidate candidate[HZ_MAX_CANDIDATES];
};

// As long as a share is wanted: when it is free, when it changes, and every 0.4 s after that.
struct hz_ev_peer_share {
	struct hz_msg_header h;
	hz_id peer;
	uint32_t bps; // 0: pictures are as small as they can be, and there is none
};

// The way from a browser to us became narrow all at once, and its queue is full (media/rtp/brake.h).
struct hz_ev_peer_uplink {
	struct hz_msg_header h;
	hz_id peer;
	uint32_t bps; // what comes through
};

// Every 2 s per worker; counters since the arena was made.
struct hz_ev_worker_stats {
	struct hz_msg_header h;
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t stun_bad, stun_unknown, dtls_bad, srtp_auth_failed, srtp_replayed, rtp_bad, rtcp_bad,
	    unmatched;
	uint64_t tx_dropped, events_dropped, recoveries;
	uint64_t fec_recovered; // video packets that the publisher's link lost, made from its FEC
	uint64_t late; // media packets passed over: the worker had stood still, they were too old to be shown
	uint64_t handshakes_done, handshakes_failed, handshakes_refused;
	uint64_t tcp_accepted, tcp_refused; // connections (HZ_CMD_TCP_ACCEPT)
	uint64_t tcp_dropped; // packets that found no room before a slow connection, or got too old there
	uint32_t peers, tracks, subs, half_open, tcp_connections;
	uint32_t forward_p50_us, forward_p99_us; // socket read to socket write, sampled over the interval
};

union hz_msg {
	struct hz_msg_header h;
	struct hz_cmd_peer_set peer_set;
	struct hz_cmd_peer_del peer_del;
	struct hz_cmd_track_set track_set;
	struct hz_cmd_track_del track_del;
	struct hz_cmd_sub_set sub_set;
	struct hz_cmd_sub_del sub_del;
	struct hz_cmd_keyframe keyframe;
	struct hz_cmd_tcp_accept tcp_accept;
	struct hz_cmd_agent_set agent_set;
	struct hz_cmd_agent_remote agent_remote;
	struct hz_cmd_peer_share peer_share;
	struct hz_cmd_reconcile reconcile;
	struct hz_ev_hello hello;
	struct hz_ev_ack ack;
	struct hz_ev_peer_state peer_state;
	struct hz_ev_track_state track_state;
	struct hz_ev_speakers speakers;
	struct hz_ev_peer_stats peer_stats;
	struct hz_ev_worker_stats worker_stats;
	struct hz_ev_sub_state sub_state;
	struct hz_ev_agent_local agent_local;
	struct hz_ev_peer_share shared;
	struct hz_ev_peer_uplink uplink;
	uint8_t raw[HZ_API_MAX_BYTES];
};

#endif
