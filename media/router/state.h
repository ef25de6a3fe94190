// The router's private memory, rebuilt from the arena at start, and what its files offer each other.
// Objects are named by their slots in the arena; lists are linked by slots. Thread: the worker's only one.
#ifndef HZ_MEDIA_ROUTER_STATE_H
#define HZ_MEDIA_ROUTER_STATE_H

#include "media/router/congestion.h"
#include "media/router/fec.h"
#include "media/router/layers.h"
#include "media/router/router.h"
#include "media/rtp/brake.h"
#include "media/rtp/dependency.h"
#include "media/rtp/history.h"
#include "media/rtp/keyframe.h"
#include "media/rtp/level.h"
#include "media/rtp/nack.h"
#include "media/rtp/packet.h"
#include "media/rtp/receiver.h"
#include "media/rtp/remb.h"
#include "media/rtp/skip.h"
#include "media/rtp/twcc.h"

#define HZ_NO_SLOT    0xffffu
#define HZ_SSRC_TABLE 65536u // entries; at most 6 * HZ_MAX_TRACKS = 24,576 are used

#define HZ_TICK_BUSY_US     5000
#define HZ_TICK_IDLE_US     50000
#define HZ_KEYFRAME_MIN_US  400000 // between two requests for one layer; at least two RTTs
#define HZ_KEYFRAME_BURST   6      // requests that follow so closely; then one in HZ_KEYFRAME_PACE_US
#define HZ_KEYFRAME_PACE_US 1000000
#define HZ_KEYFRAME_SLOW_US 2000000 // after many without an answer
#define HZ_KEYFRAME_TRIES   8
#define HZ_KEYFRAME_SEEN_US                                                                                  \
	50000 // a request of a receiver of unknown RTT was made before it saw this keyframe
#define HZ_REPLAY_US         500000 // age of the keyframe that a new subscription may begin with
#define HZ_REPLAY_BYTES      65536
#define HZ_REPLAY_PACKETS    256
#define HZ_PRIMERS           2       // empty packets before the first of a video stream
#define HZ_LAYER_DEAD_US     1000000 // a layer this much behind another one of its track has stopped,
#define HZ_LAYER_DEAD_MIN_US 400000  // or this much, and
#define HZ_LAYER_DEAD_FRAMES 12      // so many of its frames
#define HZ_LAYER_GRACE_US    150000
#define HZ_LAYER_SILENT_US   100000 // without a packet while a smaller one answers a request for keyframes
#define HZ_RELEARN_US        500000 // between two changes of the SSRC behind one layer
#define HZ_REPORT_US         1000000
#define HZ_REPORT_SOON_US    100000 // after a switch
#define HZ_SPEAKERS_US       200000
#define HZ_STATS_US          2000000
#define HZ_EPOCHS            4
#define HZ_RESEND_SLOTS      128
#define HZ_RESEND_MIN_US     1000    // between two answers for one number; at least 3/4 RTT
#define HZ_RESEND_GUESS_US   10000   // the same while the RTT is not known
#define HZ_RESEND_BPS        2000000 // of one peer, with a burst of HZ_RESEND_BURST bytes
#define HZ_RESEND_BURST      131072
#define HZ_NACKS_PER_S       8000 // numbers of one peer's NACKs that are looked at, with a burst of HZ_NACKS_BURST
#define HZ_NACKS_BURST       2000
#define HZ_BYE_US            1000000 // between two farewells of one layer that are heeded
#define HZ_SR_TAP_US         50000   // between two sender reports of one layer that are recorded
#define HZ_XR_US             10000   // between two answers to one peer's questions for its round trip, beyond
#define HZ_XR_BURST          8       // so many at once: each of a browser's streams may ask
#define HZ_JUMPS_BURST                                                                                       \
	4096 // outgoing sequence numbers of one subscription that were never sent, at once, and
#define HZ_JUMP_PACE_US 1000 // one more each so often

#define HZ_RATE_US 500000  // half of the time that hz_layers_rates() looks at
#define HZ_RISE_US 3000000 // a switching point for more layers did not come: ask for a keyframe

struct hz_rt_rate { // bytes by spatial and temporal id
	uint32_t now[HZ_LAYERS_SPATIAL][HZ_LAYERS_TEMPORAL];
	uint32_t before[HZ_LAYERS_SPATIAL][HZ_LAYERS_TEMPORAL];
	int64_t began_us, before_us; // begin of `now`; length of `before`
	uint8_t spatial, temporal;   // highest ids of both
};

struct hz_rt_stream { // of a layer that has received something; about 13 KB
	struct hz_receiver rx;
	struct hz_nack nack;
	struct hz_rt_rate rate;
	struct hz_dd_structure *dd; // newest one received; NULL: none
	int64_t dd_ext;             // number of the packet that brought it
	struct hz_history *history; // NULL: nobody may ask again
	struct hz_rt_fec *fec;      // NULL: nothing has come in RED
};

struct hz_rt_layer {
	struct hz_rt_stream *stream;
	int64_t last_us;           // newest packet; 0 none
	int64_t frame_us;          // first packet of the newest frame
	uint32_t frame_ts, gap_us; // its timestamp; between frames, smoothed
	int64_t behind_us;         // since when the others are ahead of it; 0 they are not
	int64_t bye_us, sr_us;     // newest farewell that was heeded, sender report that was recorded; 0 none
	int64_t learned_us;        // when its SSRC was learned
	int64_t asked_us;          // newest keyframe request; 0 none
	int64_t credit_us;         // the bucket of requests is full since, or will be
	int64_t key_us;            // arrival of the newest keyframe's first packet; 0 none
	int64_t key_ext;           // its extended number
	uint32_t key_ts;
	uint32_t key_tries;         // without an answer
	uint8_t key_pending;        // 1: if a subscriber still wants it; 2: in any case
	uint32_t again, again_told; // packets that came only when asked for; until the newest report
	int64_t got_told;           // packets until then
	uint16_t late_x4;           // permille x 4 that came only when asked for, smoothed over some reports
	uint8_t alive, fir_seq;
};

struct hz_rt_track {
	uint16_t peer;
	uint16_t next, prev; // of the peer's tracks
	uint16_t first_sub;
	uint32_t dense, mark;
	uint8_t codec_of[128]; // by payload type
	uint8_t flags_of[128]; // HZ_PT_*
	uint8_t media_of[128]; // payload type of what an RTX payload type repairs
	struct hz_rt_layer layer[HZ_MAX_LAYERS];
	struct hz_level level;
	int64_t last_us;
	uint8_t active;
	uint8_t layers_told, active_told, codec_told; // in the newest TRACK_STATE
};

struct hz_rt_epoch { // an earlier mapping, for retransmissions
	struct hz_sub_map map;
	uint64_t out_last;
};

struct hz_rt_template { // a header with all extensions that do not depend on the packet
	uint8_t bytes[64];
	struct hz_rtp_offsets at;
};

// What was left out of a mapping; not used: nothing was, places are the plain difference.
struct hz_rt_filter {
	struct hz_skip skip;
	struct hz_vp8_skip vp8;
	uint32_t used;
};

struct hz_rt_filters { // of a subscription, from its first left-out packet on; about 1 KB
	struct hz_rt_filter now, epoch[HZ_EPOCHS];
};

struct hz_rt_resend {
	int64_t at_us;
	uint64_t index;
};

struct hz_rt_sub {
	uint16_t peer, track; // track HZ_NO_SLOT: idle
	uint16_t next_of_track, prev_of_track;
	uint16_t next_of_peer, prev_of_peer;
	uint32_t dense, mark;
	uint8_t pt_of[HZ_CODEC_COUNT], rtx_pt_of[HZ_CODEC_COUNT];
	uint8_t target;       // layer
	uint8_t playout_told; // the receiver was told how long to hold pictures back: what follows is valid
	uint16_t playout_10ms;
	uint8_t resync;  // the next packet must begin a new mapping
	int64_t jump_us; // the bucket of numbers that were never sent is full since, or will be
	uint64_t floor;  // newest index of the incarnation before: nothing at or below is sent
	struct hz_rt_template header;
	struct hz_rt_filters *filters; // NULL: nothing was ever left out
	struct hz_layers want;
	uint8_t picture_valid;
	uint8_t still, still_valid; // a keyframe may pass; still_ts is the one that passes
	uint32_t still_ts;
	uint32_t picture_ts; // incoming, of the newest picture that layers were decided at
	int64_t rise_us; // since when more layers are wanted than go out, or when a keyframe was asked for it
	struct hz_rt_epoch epoch[HZ_EPOCHS]; // from here on: nothing that every packet needs
	uint32_t epoch_next;
	struct hz_rt_resend *resend; // HZ_RESEND_SLOTS, from the first NACK on
	uint64_t barred; // nothing at or below is sent again: it was paused behind it, or the SSRC ended
	struct {
		uint32_t ssrc;
		int64_t ext;
	} since[HZ_MAX_LAYERS]; // of a live slot: what had come when it was linked or let go on; 0: nothing
	int32_t lost_told;      // cumulative, of the newest receiver report
	uint8_t lost_valid;
};

struct hz_rt_peer_stats { // since the last PEER_STATS
	uint64_t up_bytes, down_bytes;
	uint32_t up_packets, down_packets;
	int32_t down_lost;
	uint32_t nacks_sent, nacks_received, retransmitted, plis_sent, plis_received;
	int64_t up_lost_before;
};

struct hz_rt_peer {
	uint8_t used;
	uint8_t live;     // connected and not muted: media flows
	uint8_t paced;    // its video goes through hz_pace()
	uint8_t no_video; // it has no use for congestion control
	uint8_t braked;   // it was told to send less, or may have been: each report says what holds
	uint8_t repeats;  // copies of each video packet that follow it unasked (repeat.c)
	uint16_t first_track, first_sub;
	uint32_t dense, mark;
	struct hz_twcc *twcc;   // from its first packet with a transport-wide number
	struct hz_brake *brake; // from its first packet with that and the time it was sent at
	uint32_t twcc_ssrc;
	int64_t report_us; // next
	uint32_t rtt_us;
	uint32_t consult;                // place in the consult list
	int64_t resend_bytes, resend_us; // token bucket
	int64_t nacks, nacks_us;         // token bucket of numbers asked for
	int64_t xr_us;                   // questions for the round trip: the bucket is full since, or will be
	struct hz_rt_congestion *congestion; // NULL: everything goes out
	uint64_t up_total;                   // bytes received, ever
	struct hz_remb remb;
	int64_t mix_us,
	    mix_since_us; // newest packet with HZ_SUB_MIX that went out, first one without a pause; 0 none
	struct hz_rt_peer_stats stats;
};

struct hz_rt_consult {
	uint32_t consult, refs; // refs 0: free
	uint32_t count;
	hz_id speaker[HZ_MAX_SPEAKERS];
	uint16_t first_track; // while the speakers are worked out
};

struct hz_ssrc_entry {
	uint32_t ssrc;
	uint16_t peer;
	uint16_t track;
	uint8_t layer;
	uint8_t rtx;
	uint8_t used;
	uint8_t reserved;
};

struct hz_router {
	struct hz_arena *arena;
	const struct hz_router_ops *ops;
	void *ctx;
	int64_t wall_offset_us;
	int64_t tick_us, speakers_us, stats_us, check_us; // next
	int64_t media_us;                                 // newest packet
	uint32_t mark;                                    // of the running reconcile
	uint8_t reconciling, events_pending, muted_changed;
	uint32_t peers_count, tracks_count, subs_count;
	struct hz_history_pool *pool;
	struct hz_ssrc_entry *ssrc; // HZ_SSRC_TABLE
	uint64_t hash_key;
	struct hz_rt_consult *consult;   // HZ_MAX_PEERS
	struct hz_rt_peer *peer;         // HZ_MAX_PEERS
	struct hz_rt_track *track;       // HZ_MAX_TRACKS
	struct hz_rt_sub *sub;           // HZ_MAX_SUBS
	struct hz_rt_sub_cc *sub_cc;     // HZ_MAX_SUBS
	struct hz_rt_track_cc *track_cc; // HZ_MAX_TRACKS
	struct hz_cc_scratch *scratch;   // from the first feedback on
	uint16_t *peers, *tracks;        // slots in use, dense
	uint16_t *next_speaker;          // HZ_MAX_TRACKS
	struct hz_rtcp_writer rtcp;
	uint32_t rtcp_slot;
	struct hz_rt_in *burst; // HZ_BURST; of one frame, not forwarded yet
	uint32_t burst_count;
	uint8_t bursting, late;
	uint8_t rtcp_buf[HZ_ROUTER_RTCP_BYTES + HZ_SRTP_TRAILER_BYTES];
};

// A received media packet on its way to the subscriptions.
struct hz_rt_in {
	struct hz_rtp_packet packet;
	struct hz_rtp_exts exts;
	struct hz_frame_info frame;
	int64_t ext; // extended sequence number
	int64_t now_us;
	uint16_t track;
	uint8_t layer;
	uint8_t codec;
	// From the dependency descriptor, or the codec's own one; all 0 without layers.
	bool scalable, layer_end, layer_sync, up_switch;
	uint8_t spatial, temporal;               // under HZ_LAYERS_SPATIAL, HZ_LAYERS_TEMPORAL
	const struct hz_dd_structure *structure; // NULL: `dd` is not valid
	struct hz_dd dd;
	const uint8_t *primary; // Opus inside RED; NULL: not RED
	uint16_t primary_bytes;
	bool red;   // video that came in RED
	bool none;  // nothing but a place to fill, if one was kept free
	bool plain; // no extension that is copied: a template will do
};

// ssrc.c: (peer, SSRC) -> track and layer.
struct hz_ssrc_entry *hz_ssrc_find(struct hz_router *r, uint32_t slot, uint32_t ssrc);
void hz_ssrc_add(struct hz_router *r, const struct hz_ssrc_entry *entry); // its key must not be there
void hz_ssrc_remove(struct hz_router *r, uint32_t slot, uint32_t ssrc);
// Which of its own tracks does a packet of an unknown SSRC belong to? Learns it. NULL: none.
struct hz_ssrc_entry *hz_ssrc_learn(struct hz_router *r, uint32_t slot, const struct hz_rtp_packet *packet,
                                    int64_t now_us);
// Takes an SSRC for a layer, in the arena and the table, instead of the one before.
void hz_ssrc_assign(struct hz_router *r, const struct hz_ssrc_entry *entry);

// tap.c: is it recorded? The home worker of a relayed track does that.
bool hz_track_tapped(const struct hz_router *r, uint32_t track);
bool hz_track_wanted(const struct hz_router *r, uint32_t track); // somebody watches, or it is recorded
void hz_tap_sender_report(struct hz_router *r, const struct hz_ssrc_entry *e,
                          const struct hz_rtcp_packet *packet, int64_t now_us);

// stream.c: highest: extended number that the incarnation before received last; 0: none. NULL without memory.
struct hz_rt_stream *hz_stream_new(uint32_t clock_hz, int64_t highest);
void hz_stream_free(struct hz_rt_stream *stream); // NULL allowed

// objects.c: lists, derived tables, making and removing.
void hz_peer_attach(struct hz_router *r, uint32_t slot, int64_t now_us);
void hz_track_attach(struct hz_router *r, uint32_t slot);
void hz_sub_attach(struct hz_router *r, uint32_t slot);
void hz_track_tables(struct hz_router *r, uint32_t slot); // after its set changed
void hz_sub_tables(struct hz_router *r, uint32_t slot);
void hz_sub_template(struct hz_router *r, uint32_t slot); // after something in its headers changed
void hz_sub_link(struct hz_router *r, uint32_t slot, uint16_t track); // re-points the private side
// A live slot (HZ_SUB_LIVE) shows nothing that came before now; did this packet, though it arrived only after that?
void hz_sub_since(struct hz_router *r, uint32_t slot);
bool hz_sub_before(const struct hz_router *r, uint32_t slot, const struct hz_sub_map *map, int64_t ext);
void hz_peer_remove(struct hz_router *r, uint32_t slot);
void hz_track_remove(struct hz_router *r, uint32_t slot);
void hz_sub_remove(struct hz_router *r, uint32_t slot);
// The reception of a layer, made on its first packet; NULL without memory.
struct hz_rt_stream *hz_track_stream(struct hz_router *r, uint32_t slot, unsigned layer);
void hz_peer_free_memory(struct hz_router *r, uint32_t slot);
void hz_sub_free_memory(struct hz_router *r, uint32_t slot);
void hz_track_free_memory(struct hz_router *r, uint32_t slot);
void hz_peer_home(struct hz_router *r, uint32_t slot, uint32_t consult);  // joins that consult
void hz_peer_refresh(struct hz_router *r, uint32_t slot, int64_t now_us); // state or flags changed

// select.c: layers and keyframes.
void hz_select(struct hz_router *r, uint32_t track, int64_t now_us); // targets of all its subscriptions
void hz_select_sub(struct hz_router *r, uint32_t sub, int64_t now_us);
void hz_keyframe_seen(struct hz_router *r, const struct hz_rt_in *in); // a packet that begins one
// Did the newest keyframe of what this subscription gets go out so lately that it cannot have been seen yet?
bool hz_keyframe_under_way(const struct hz_router *r, uint32_t sub, int64_t now_us);
bool hz_sub_synced(const struct hz_router *r, uint32_t sub);      // is its target what it forwards?
bool hz_sub_wants_media(const struct hz_router *r, uint32_t sub); // would a keyframe go out to it now?
void hz_keyframe_want(struct hz_router *r, uint32_t track, unsigned layer);
void hz_keyframe_poll(struct hz_router *r, uint32_t track,
                      int64_t now_us); // sends what is wanted and allowed
void hz_layers_check(struct hz_router *r, uint32_t track, int64_t now_us);

// layers.c: fills in `frame` and the layers of *in; a structure it brings is in force from now on, but for those of before.
void hz_describe(struct hz_router *r, struct hz_rt_stream *stream, struct hz_rt_in *in);
void hz_rate_add(struct hz_rt_stream *stream, const struct hz_rt_in *in);
void hz_rate_turn(struct hz_rt_stream *stream, int64_t now_us);

// filter.c: what is left out of a mapping, and which index the rest gets.
enum hz_place {
	HZ_PLACE_NONE = 0, // not forwarded
	HZ_PLACE_SEND,     // with *ret_index
	HZ_PLACE_PADDING, // its index was kept free for it, its picture was left out: an empty packet fills the place
};
// What may go out at most: what the link allows, bounded by what control wants of a stream without simulcast.
struct hz_layers hz_filter_bounds(const struct hz_router *r, uint32_t sub);
bool hz_flow_passes(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in); // stills, off
enum hz_place hz_filter_place(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in,
                              uint64_t *ret_index);
void hz_filter_end_map(struct hz_router *r, uint32_t sub); // before the mapping in force becomes an epoch
bool hz_filter_marker(const struct hz_sub_map *map, const struct hz_rt_in *in);
// VP8 ids of a packet of the mapping in force into an outgoing payload; fresh: its first one.
void hz_filter_vp8(struct hz_router *r, uint32_t sub, uint8_t *payload, size_t bytes, bool fresh,
                   struct hz_vp8_rewrite *state);
// The incoming number behind an index, -1: not known.
int64_t hz_filter_find(const struct hz_rt_filter *filter, const struct hz_sub_map *map, uint64_t index);

// audio.c: Opus in RED. False: damaged. Sets in->primary if it is RED.
bool hz_audio_open(struct hz_rt_in *in);
// The packet with number in->ext - back, made from the redundancy in *in, as a plain Opus packet. 0: not in it.
size_t hz_audio_missed(const struct hz_rt_in *in, unsigned back, uint8_t *buf, size_t room);

// hold.c: is this voice left out now, because its receiver hears it in the mix? A packet with HZ_SUB_MIX went out.
bool hz_sub_held(const struct hz_router *r, uint32_t sub, int64_t now_us);
void hz_hold_sent(struct hz_router *r, uint32_t sub, int64_t now_us);

// forward.c
// replay.c: may a subscription begin with a keyframe that has gone by? Then hz_replay() sends it and what followed, up
// to the packet before *in.
bool hz_replay_may(const struct hz_router *r, uint32_t sub, int64_t now_us);
void hz_replay(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in);
// resend.c: answers one number of a subscriber's NACK with an RTX packet.
void hz_resend(struct hz_router *r, uint32_t sub, uint16_t seq, int64_t now_us);
// Sends what went out with that index as an RTX packet, out of the budget for answers unless it is prepaid. False: it is
// not there any more, or may not go out.
bool hz_resend_again(struct hz_router *r, uint32_t sub, uint64_t index, bool prepaid, int64_t now_us);
// Header of an outgoing packet into buf. 0, or -errno (then nothing may be sent).
int hz_forward_header(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in,
                      const struct hz_rtp_header *header, uint8_t *buf, struct hz_rtp_offsets *ret);
void hz_forward_one(struct hz_router *r, const struct hz_rt_in *in, uint32_t sub);
// burst.c: the packets of one frame, forwarded at once or at the end of the burst.
#define HZ_BURST 64
int hz_burst_new(struct hz_router *r);
void hz_burst_flush(struct hz_router *r);                          // what was added goes out now
void hz_burst_add(struct hz_router *r, const struct hz_rt_in *in); // *in is copied
// A packet of this frame is about to be looked at: what waits of another one goes out, by what is known until now.
void hz_burst_next(struct hz_router *r, const struct hz_ssrc_entry *entry, uint32_t ts);
// Payload type for this receiver; 0: it does not take that.
uint8_t hz_forward_pt(const struct hz_rt_sub *s, const struct hz_rt_in *in);
// The payload as this receiver takes it, at most as long as the one received. Returns its length.
size_t hz_forward_payload(const struct hz_rt_sub *s, const struct hz_rt_in *in, uint8_t *at);
uint64_t hz_next_index(uint64_t index); // after the newest one used; 0: the first of a stream
// Fills packet, exts and plain of *ret.
void hz_forward_prepare(struct hz_router *r, uint32_t track, const struct hz_rtp_packet *packet,
                        struct hz_rt_in *ret);
void hz_forward_renumber(struct hz_arena_sub *as, struct hz_sub_map *map, uint8_t *buf,
                         const struct hz_rtp_offsets *at);
void hz_forward_stamp(struct hz_router *r, uint32_t slot, uint8_t *buf, const struct hz_rtp_offsets *at,
                      size_t bytes, int64_t now_us);

// report.c: outgoing RTCP. One compound at a time.
int hz_compound_begin(struct hz_router *r, uint32_t slot, const struct hz_report_block *blocks, size_t count);
void hz_compound_send(struct hz_router *r);
void hz_report_peer(struct hz_router *r, uint32_t slot, int64_t now_us);
// remb.c: into the open compound, if any.
int hz_remb_peer(struct hz_router *r, uint32_t slot, int64_t now_us);
// brake.c: what a publisher is told at most; 0: it was never told. A packet of it came; is it being told too long?
uint32_t hz_brake_bps(const struct hz_rt_peer *p);
void hz_brake_note(struct hz_router *r, uint32_t slot, const struct hz_rt_in *in);
void hz_brake_peer(struct hz_router *r, uint32_t slot, int64_t now_us);
void hz_report_soon(struct hz_router *r, uint32_t slot, int64_t now_us);
void hz_nack_track(struct hz_router *r, uint32_t track, int64_t now_us);
void hz_twcc_peer(struct hz_router *r, uint32_t slot, int64_t now_us);

// events.c
void hz_event_header(struct hz_msg_header *h, uint16_t type, size_t bytes);
void hz_event_peer_state(struct hz_router *r, uint32_t slot);
void hz_event_track_state(struct hz_router *r, uint32_t track);
void hz_events_all(struct hz_router *r); // every state once more
void hz_events_flush(struct hz_router *r);
void hz_speakers(struct hz_router *r, int64_t now_us);
void hz_stats(struct hz_router *r, int64_t interval_us);

static inline uint32_t hz_clock_hz(uint8_t kind)
{
	return kind == HZ_KIND_AUDIO ? 48000 : 90000;
}

// RTP clock ticks since the subscription's newest packet. A damaged arena may hold any time: 0 beyond a day.
static inline int64_t hz_sub_elapsed(const struct hz_arena_sub *as, int64_t hz, int64_t now_us)
{
	bool sane = as->last_us >= 0 && as->last_us <= now_us && now_us - as->last_us < 86400000000;
	return sane ? (now_us - as->last_us) * hz / 1000000 : 0;
}

#endif
