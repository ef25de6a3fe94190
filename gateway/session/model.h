// What control knows while it runs: consults, who is in them, and their media objects. One thread owns all of it.
// No sockets and no clock in here: `brain->now_us` and `wall_ms` are set by whoever calls (control.c, tests), texts
// leave through hz_brain_ops, commands through the media links, everything durable through the store.
#ifndef HZ_GATEWAY_SESSION_MODEL_H
#define HZ_GATEWAY_SESSION_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/map.h"
#include "gateway/child.h"
#include "gateway/store/participants.h"
#include "gateway/store/store.h"
#include "media/api.h"
#include "signaling/auth/jwt.h"
#include "signaling/auth/wish.h"
#include "signaling/sdp/answer.h"

#define HZ_TRACKS_PER_PARTICIPANT 8
#define HZ_SLOTS_PER_PEER         64
#define HZ_PEERS_PER_PARTICIPANT  128 // one WebSocket's, and WHIP and WHEP resources
#define HZ_LABEL_BYTES            HZ_NAME_TEXT_BYTES
#define HZ_LANGUAGE_BYTES         16 // a tag of BCP 47 and the zero
#define HZ_RESOURCE_CHARS         22
#define HZ_KEY_CHARS              32 // of a resume key
#define HZ_SESSION_CHARS          16
#define HZ_RESUME_MS              60000

enum hz_peer_kind { HZ_PEER_WS = 1, HZ_PEER_WHIP = 2, HZ_PEER_WHEP = 3, HZ_PEER_LINK = 4 /* relay.h */ };

enum hz_quality { HZ_QUALITY_GOOD, HZ_QUALITY_FAIR, HZ_QUALITY_POOR, HZ_QUALITY_LOST };

// To being recorded. What the store keeps: the numbers stay.
enum hz_consent { HZ_CONSENT_NONE, HZ_CONSENT_GIVEN, HZ_CONSENT_REFUSED, HZ_CONSENT_WITHDRAWN };

// How far a track is on its way into the running record.
enum hz_tap {
	HZ_TAP_NONE,
	HZ_TAP_WANTED,  // it may be: said to the recorder at the end of the turn, behind the events of before
	HZ_TAP_OPENING, // the recorder was told
	HZ_TAP_OPEN,    // and has it on disk: the worker may be told
	HZ_TAP_FAILED,  // the recorder refused: wanted again a little later
};

enum hz_source {
	HZ_SOURCE_CAMERA,
	HZ_SOURCE_CAMERA2,
	HZ_SOURCE_SCREEN,
	HZ_SOURCE_MICROPHONE,
	HZ_SOURCE_ULTRASOUND,
	HZ_SOURCE_ENDOSCOPE,
	HZ_SOURCE_MICROSCOPE,
	HZ_SOURCE_IMAGE,
	HZ_SOURCE_MIX,
	HZ_SOURCE_COUNT,
};

struct hz_brain;
struct hz_record;    // record.h
struct hz_broadcast; // broadcast.h
struct hz_reading;   // reading.h
struct hz_images;    // images.h
struct hz_studies;   // studies.h
struct hz_receive;   // receive.h
struct hz_consult;
struct hz_participant;
struct hz_peer;

struct hz_track {
	struct hz_track *next; // of the peer
	struct hz_peer *peer;
	hz_id id;
	uint8_t kind;     // enum hz_kind
	uint8_t source;   // enum hz_source
	bool muted;       // by its publisher or a host: the worker forwards nothing
	bool active;      // packets arrive
	uint8_t codec;    // enum hz_codec answered: what the publisher was told to send
	uint8_t layers;   // bits, as the worker says
	uint32_t offered; // bits 1 << enum hz_codec of its m-line
	bool asked;       // a renegotiation for another codec is under way
	bool thin;        // sound: answered with a low rate, for a listener whose link is thin
	char label[HZ_LABEL_BYTES];
	char language[HZ_LANGUAGE_BYTES]; // of a microphone: what it interprets into; ""
	struct hz_cmd_track_set cmd;
	hz_id of;             // relay.h: the publisher's track at worker peer->cmd.relay; else 0
	bool needed;          // relay.h: while it looks for what is not
	uint8_t lowest, told; // watched.h: the lowest layer anybody takes, and what its publisher was told
	uint8_t tap;          // enum hz_tap
	uint32_t tap_key;     // number of its journal track within the record, 0: none
	uint32_t tap_text;    // checksum of what the recorder was told of it
	int64_t tap_since_us; // nothing that arrived before is written
};

struct hz_slot {
	struct hz_slot *next; // of the peer
	struct hz_peer *peer;
	hz_id id;
	char group[HZ_ID_TEXT_BYTES];
	uint8_t nth;                      // WHEP: follows the nth track of its kind of peer->source
	struct hz_cmd_sub_set cmd;        // cmd.track: what it shows, 0: nothing
	uint8_t step, layer;              // enum hz_step: what the link leaves of it (steps.h)
	uint8_t logged;                   // the step that the visit's log has last
	bool off;                         // its client wants nothing on it now
	bool held;                        // mix.h: its voice is heard in the mix
	uint8_t mix;                      // enum hz_mix_use: it shows the mix
	int64_t mix_until_us;             // HZ_MIX_LEAVING: and does so until then
	char language[HZ_LANGUAGE_BYTES]; // of the mix: whose interpreter its client wants to hear; ""
	bool picture;                     // picture.h: it shows the composed picture
	bool picture_thin;                // its link carries little
	uint8_t picture_cap;              // the highest size that its link carries, as max_layer
	uint8_t picture_fails;            // so often a size was too much
	int64_t picture_us;               // since when its size is what it is
	bool easel;                       // easel.h: it shows the images on the table
	bool easel_small;                 // its link carries the small size only
	int64_t easel_us;                 // since when
};

struct hz_peer {
	struct hz_peer *next;         // of the participant
	struct hz_participant *owner; // NULL: HZ_PEER_LINK
	struct hz_consult *consult;   // HZ_PEER_LINK only
	hz_id id;
	uint8_t kind;  // enum hz_peer_kind
	uint8_t state; // enum hz_peer_state
	unsigned worker;
	char resource[HZ_RESOURCE_CHARS + 1]; // WHIP, WHEP
	char source[HZ_ID_TEXT_BYTES]; // WHEP: the participant watched; of a viewer: the subject of its token
	char first_mid[HZ_MID_BYTES];
	uint64_t offer_session; // o= of the client: another one is a new RTCPeerConnection
	uint64_t answer_session, answer_version;
	uint32_t identity; // hz_peer_identity() when it was made; 0: not known
	uint32_t receives; // bits 1 << enum hz_codec of what it takes (video); 0: not known
	unsigned track_count, slot_count;
	struct hz_track *tracks;
	struct hz_slot *slots;
	int64_t born_us, silent_us;
	char silent[INET6_ADDRSTRLEN]; // our address on which its media stopped; ""
	struct hz_cmd_peer_set cmd;
	struct hz_gather *gather; // gather.h; NULL: ICE-lite
	bool agent_lost;          // its agents died with the worker: only an ICE restart helps
	char ufrag[HZ_UFRAG_BYTES], old_ufrag[HZ_UFRAG_BYTES]; // as registered in brain->ufrags
	struct hz_ev_peer_stats stats;                         // the newest; all zero before
	struct hz_peer *next_ladder;                           // in brain->ladder: a push is due
	bool ladder_due;
	int64_t ladder_us; // of the last push
	bool thin;         // its downlink carries sound at most (codec_choice.h)
	bool far;          // its way is very long, as its socket knew when it began (codec_choice.h)
	bool far_lossy;    // its uplink lost much on a long way (codec_choice.h); stays
	double rtt_ms;     // the shortest of late, without the queue that it makes itself; 0: not known
	uint8_t far_count; // statistics in a row that said so
	int64_t thin_us;   // since when it is so, or not
	int64_t narrow_us; // picture.h: since when it carries the least of its pictures; 0: it does not
	int64_t offered_us;
};

// One open WebSocket.
struct hz_conn {
	struct hz_conn *prev, *next; // of the brain
	struct hz_brain *brain;
	void *socket;
	struct hz_participant *participant; // NULL: not joined
	uint64_t order;                     // of opening
	int64_t opened_us;
	bool closing;
};

struct hz_client_report { // stats.report
	bool known;
	double rtt_ms, up_bps, down_bps, lost_percent, frozen_ms;
	double available_bps; // of its uplink; negative: not told
	uint8_t transport;    // index into quality.c's names, 0: not told
};

struct hz_participant {
	struct hz_participant *next; // of the consult, in order of arrival
	struct hz_consult *consult;
	char id[HZ_ID_TEXT_BYTES];
	char name[HZ_NAME_TEXT_BYTES];
	enum hz_role role;
	uint32_t grants;
	uint8_t status; // HZ_STATUS_LOBBY or _ADMITTED
	bool hand;
	uint8_t quality;    // enum hz_quality
	int64_t joined_ms;  // of the first join
	int64_t arrival_ms; // in the lobby, or as joined_ms
	int64_t admitted_ms;
	char admitted_by[HZ_ID_TEXT_BYTES];

	bool has_session;
	char session[HZ_SESSION_CHARS + 1];
	uint8_t key_hash[HZ_STORE_HASH_BYTES];
	int64_t away_until_ms; // wall clock; 0: its socket is open
	struct hz_conn *conn;  // NULL: away, or only WHIP and WHEP
	uint64_t newest;       // order of the newest socket that it joined on
	struct hz_client_report report;

	struct hz_peer *peers;
	unsigned peer_count;
	uint8_t consent;      // enum hz_consent
	bool consent_unsaved; // it said no and the store did not take it yet
	bool unsaved;         // in brain->unsaved
	struct hz_participant *next_unsaved;

	struct hz_pace *pace; // owned reference; of its images; NULL: it never asked for any
	int64_t share_asked_us,
	    share_us; // pacing.h: a share of its link was wished for, and said to be there

	int64_t chat_tokens_us, offer_tokens_us, report_tokens_us, visit_tokens_us, consent_tokens_us,
	    layout_tokens_us, table_tokens_us, pointer_tokens_us, keep_tokens_us, renew_tokens_us; // rate.h
};

struct hz_layout {    // layout.h
	uint8_t mode; // enum hz_mosaic_layout
	char focus[HZ_ID_TEXT_BYTES];
};

struct hz_heard {
	unsigned worker, count;
	hz_id peer[HZ_MAX_SPEAKERS];
};

struct hz_audience;

struct hz_consult {
	char id[HZ_ID_TEXT_BYTES];
	char title[HZ_LABEL_BYTES];
	int64_t created_ms;
	uint32_t number; // scope of speaker events at the worker
	unsigned worker; // its home (placement.h), sticky while it has peers
	unsigned peer_count;
	uint8_t wish;             // enum hz_record_wish, as its maker said
	struct hz_record *record; // that runs; NULL: none
	bool record_held;         // stopped by hand: does not start by itself while anybody of then is there
	struct hz_peer *relays;   // relay.h
	bool relay_check;         // some of them may not be needed any more
	struct hz_mix_room *mix;  // mix.h; NULL: nobody listens to a mix
	struct hz_layout layout;  // of its composed picture
	struct hz_hls_leg *hls;   // hls.h; NULL: no broadcast goes out as files
	struct hz_consult_targets *targets; // targets.h; NULL: its broadcast is sent nowhere else
	struct hz_picture_room *picture;    // picture.h; NULL: nobody watches it
	struct hz_easel_room *easel;        // easel.h; NULL: nobody watches it
	bool easel_told;                    // everybody knows that it can be had
	struct hz_heard *heard;             // who speaks, as each of its workers said last
	unsigned heard_count;
	uint64_t version; // of the state
	struct hz_participant *participants;
	unsigned participant_count;
	struct hz_broadcast *broadcast; // owned; NULL: none
	struct hz_broadcast *kept;      // owned: masks of the one before, while there is none; NULL: none
	struct hz_participant *viewers; // broadcast.h: of all its viewers, in no list; owned; NULL: none
	struct hz_audience *audience;   // audience.h; owned; NULL: there was no broadcast yet
	struct hz_reading *reading; // owned; NULL: not looked for in the store yet, or nothing was ever shown
	bool reading_looked;        // for it in the store
	bool viewers_changed;       // their number: told with the next tick
	bool dirty;                 // in brain->dirty: a state push is due
	struct hz_consult *next_dirty;
	int64_t pushed_us;
	struct hz_consult *next_watched; // in brain->watched: to be counted (watched.h)
	bool watched_due;
	int64_t watched_us;
	bool recount; // codec choice and followed slots must be looked at again
};

// Media ids of one worker: slot -> object, generations counted up.
struct hz_id_table {
	void **object;
	uint16_t *generation;
	uint32_t size, used;
	uint32_t hint; // no slot below it is free
};

struct hz_media_link;

struct hz_worker_view {
	struct hz_media_link *link; // NULL in tests that need none
	struct hz_id_table peers, tracks, subs;
	struct hz_ev_worker_stats stats;
	uint32_t incarnation, restarts;
};

struct hz_brain_ops {
	int (*send)(void *socket, const char *text,
	            size_t bytes); // 0 or -errno; the socket then closes by itself
	void (*close)(void *socket, int code, const char *reason);
	int64_t (*rtt_us)(void *socket); // 0: not known
};

struct hz_brain_limits {
	uint32_t participants_per_consult, consults;
	uint32_t spread_subscriptions; // placement.h
};

struct hz_counters {
	uint64_t joins, resumes, joins_refused, leaves, removals, admissions, returns, expired;
	uint64_t token_refused[HZ_JWT_RESULT_COUNT];
	uint64_t token_used, token_removed, token_consult, token_link, resume_refused;
	uint64_t links_redeemed, links_refused;
	uint64_t offers, offers_refused, codec_changes, media_errors, events_bad, store_errors;
	uint64_t records, record_failures, record_events_lost, consents[4], viewings, viewings_refused;
	uint64_t audience_said, audience_refused, audience_dropped;
	uint64_t chat, whip, whep, pushes, peers_failed, visit_dropped;
};

struct hz_theatre; // theatre.h
struct hz_turn;    // turn.c
struct hz_mix_link;
struct hz_mix_room;
struct hz_picture_link;
struct hz_picture_room;
struct hz_easel_link;
struct hz_easel_room;
struct hz_hls_leg; // hls.h
struct hz_hls_link;
struct hz_record_link;

struct hz_ice { // ice_servers.h
	bool full;
	uint8_t address_count, server_count;
	struct in6_addr address[HZ_AGENT_ADDRESSES];
	struct hz_ice_server server[HZ_AGENT_SERVERS];
};

struct hz_brain {
	struct hz_store *store;
	bool store_sick; // runtime state could not be written: it is written anew once the store takes it
	struct hz_jwt_keys *keys;
	struct hz_turn *turn; // NULL: none
	const struct hz_brain_ops *ops;
	struct hz_brain_limits limits;
	struct hz_counters count;
	int64_t now_us, wall_ms;

	struct hz_map *consults;  // id -> struct hz_consult, the open ones
	struct hz_map *numbers;   // number -> struct hz_consult
	struct hz_map *sessions;  // hexadecimal key hash -> struct hz_participant
	struct hz_map *resources; // WHIP and WHEP resource -> struct hz_peer
	struct hz_map *ufrags;    // ours -> struct hz_peer
	struct hz_consult *dirty, *watched;
	struct hz_reading *reading_due;
	struct hz_images *images;   // owned; NULL: imaging.enabled is off
	struct hz_studies *studies; // owned; NULL: imaging.local_gb is 0
	struct hz_receive *receive; // owned; NULL: receive.port is 0
	struct hz_participant *unsaved;
	struct hz_peer *ladder;
	struct hz_gather *gathers; // answers that wait
	struct hz_ice ice;
	struct hz_conn *conns;
	uint64_t conns_opened;
	uint32_t next_number;

	unsigned workers;
	struct hz_worker_view worker[HZ_MAX_WORKERS];
	uint16_t media_port; // of worker 0
	uint16_t tcp_port;   // told to clients for media over TCP; 0: none
	char address[HZ_SDP_MAX_CANDIDATES][INET6_ADDRSTRLEN];
	unsigned address_count;
	uint8_t fingerprint[HZ_FINGERPRINT_BYTES];
	bool draining;
	bool feeds_due;      // audience.h: somebody is to be told
	unsigned feed_waits; // answers that wait, of all
	bool cut_due;        // a broadcast was cut, or masked, and not all workers have confirmed it
	bool profiles_due;   // a broadcast could not follow a device profile

	// mix.h
	struct hz_mix_link *mix;   // owned; NULL: mix.enabled is off
	struct hz_mix_room *mixed; // consults with a mix
	uint32_t next_member;

	// picture.h
	struct hz_picture_link *picture;  // owned; NULL: mosaic.enabled is off
	struct hz_picture_room *pictured; // consults with a composed picture
	bool picture_there;               // as clients were told
	int64_t picture_heard_us;         // the mosaic's newest sign of life; 0: none
	struct hz_theatre *theatre;       // theatre.h; owned; NULL: none (in tests)
	struct hz_targets_link *targets;  // targets.h; owned; NULL: none (in tests)

	// easel.h
	struct hz_easel_link *easel;  // owned; NULL: nobody draws images
	struct hz_easel_room *easels; // consults whose images are watched as a picture
	int64_t easel_heard_us;       // its newest sign of life; 0: none

	// hls.h
	struct hz_hls_link *hls; // owned; NULL: hls.enabled is off
	int hls_folder;          // of all broadcasts; owned
	unsigned hls_window_s;

	// record.h
	struct hz_record_link *recorder; // owned; NULL: there is none, nothing can be recorded
	bool recorder_ready;
	uint8_t recorder_disk;           // enum hz_rec_disk; 0: not told
	enum hz_record_wish record_wish; // record.default
	uint32_t audience_keep_days;     // audience.keep_days; 0: for ever
	struct hz_map *records;          // id -> struct hz_record, also those that wait for their end
	unsigned record_events;          // of all of them, not known to be in a journal
	size_t record_event_bytes;
	bool record_due; // something is to be said to the recorder
	int64_t record_retry_us;
	struct hz_replay *replay; // replay.h; owned; NULL: no record can be looked at
};

#endif
