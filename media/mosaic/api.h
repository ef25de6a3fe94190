// What control and huizhen-mosaic say to each other: fixed C structs over a SOCK_SEQPACKET pair, one message a datagram, in the
// manner of media/mix/api.h. Commands are whole wanted states, keyed by an id that control chooses; repeating one is harmless;
// RECONCILE_BEGIN … END sweeps rooms, members and renditions that were not named in between. After a HELLO control repeats
// everything. docs/decisions/014-the-mosaic.md.
//
// Media goes through the pipe's own rings (gateway/base/ring.h), one a direction and worker, whose records name the consult: to a
// worker the mosaic is a relay peer. Into it: RTP of pinned subscriptions, told apart by worker and SSRC, with the sender reports
// that the worker writes for them; out of the mosaic towards a publisher: PLI for that SSRC, at most one in half a second. Out of
// it: one track a rendition, with sender reports; towards it PLI or FIR for the rendition's SSRC, which is how a keyframe is asked
// for (made at once, at most one in 300 ms, and one every 10 s by itself).
//
// Lip sync. A sender report of a rendition says at which wall clock (of the gateway) what its pictures show was captured, as far as the
// sender reports of the publishers tell: the pair is now and the timestamp at which what is captured now will be shown. Receivers line sound and picture up when both are in one MediaStream (one
// msid) and the sound's reports tell the same clock.
#ifndef HZ_MEDIA_MOSAIC_API_H
#define HZ_MEDIA_MOSAIC_API_H

#include "media/api.h"

#define HZ_MOSAIC_API_VERSION 3u
#define HZ_MOSAIC_ROOMS       4u  // consults with a composed picture; one more is -ENOSPC
#define HZ_MOSAIC_MEMBERS     25u // sources a room
#define HZ_MOSAIC_RENDITIONS  12u // a room: six of the whole picture, and programmes, of which some are going
#define HZ_MOSAIC_MASKS       16u // of a masked source
#define HZ_MOSAIC_UNIT        10000u // a mask's numbers are this part of the picture's width or height
#define HZ_MOSAIC_PARTS       4u     // sources of a programme
#define HZ_MOSAIC_SPEAKERS    8u
#define HZ_MOSAIC_NAME_BYTES  192u // with NUL: a caption, UTF-8; what is not UTF-8 is left out
#define HZ_MOSAIC_PTS         4u
#define HZ_MOSAIC_WORKERS     64u

enum hz_mosaic_msg_type {
	HZ_MOSAIC_RECONCILE_BEGIN = 1, // struct hz_cmd_reconcile
	HZ_MOSAIC_RECONCILE_END,
	HZ_MOSAIC_ROOM_SET, // before its members and renditions, which are -ENOENT without
	HZ_MOSAIC_ROOM_DEL, // with all that is in it
	HZ_MOSAIC_MEMBER_SET,
	HZ_MOSAIC_MEMBER_DEL,
	HZ_MOSAIC_RENDITION_SET,
	HZ_MOSAIC_RENDITION_DEL,
	HZ_MOSAIC_SPEAKERS_SET,

	HZ_MOSAIC_HELLO = 64, // first message of a process: struct hz_mosaic_hello
	HZ_MOSAIC_ACK,        // struct hz_ev_ack, answer to every command
	HZ_MOSAIC_STATUS,     // twice a second
	HZ_MOSAIC_TILES, // what a room shows; on every change, after a RECONCILE, and with each STATUS that finds it unsent
};

enum hz_mosaic_layout {
	// Whoever has the focus, else shared content is large with the others in a strip; else, of three and more, who speaks;
	// before anybody did, and of two: a grid.
	HZ_MOSAIC_AUTO = 0,
	HZ_MOSAIC_SPEAKER, // one large, the others in a strip beside it
	HZ_MOSAIC_GRID,
	HZ_MOSAIC_PIP, // one large, one small at the corner, nobody else. Beside it: nothing is drawn over a picture
	HZ_MOSAIC_IMAGE, // shared content (screen, images) large, who speaks beside it, nobody else
	HZ_MOSAIC_LAYOUTS,
};

enum hz_mosaic_language { HZ_MOSAIC_ZH = 0, HZ_MOSAIC_EN };

// A consult. Nothing is encoded while it has no rendition, and nothing decoded.
struct hz_mosaic_room_set {
	struct hz_msg_header h; // version: HZ_MOSAIC_API_VERSION
	uint32_t consult;       // not 0
	uint32_t focus;   // member that is large whoever speaks; 0: nobody. One that is not there counts as 0
	uint8_t layout;   // enum hz_mosaic_layout
	uint8_t language; // enum hz_mosaic_language, of what the mosaic itself writes
	uint8_t flags;    // HZ_MOSAIC_ROOM_*
	uint8_t reserved;
	int16_t utc_offset_min; // of the clock, -1440..1440
	uint8_t reserved2[2];
	char title[HZ_MOSAIC_NAME_BYTES]; // "": none
};
#define HZ_MOSAIC_ROOM_CLOCK     1u // in the bar
#define HZ_MOSAIC_ROOM_RECORDING 2u // the sign in the bar
#define HZ_MOSAIC_ROOM_CAPTIONS  4u

struct hz_mosaic_room_del {
	struct hz_msg_header h;
	uint32_t consult; // unknown: -ENOENT
	uint32_t reserved;
};

enum hz_mosaic_kind { HZ_MOSAIC_CAMERA = 1, HZ_MOSAIC_SCREEN, HZ_MOSAIC_IMAGES };

// One source of somebody in the consult, who has one for each camera, screen, image; or one without a picture (ssrc 0), whose tile
// shows the name.
struct hz_mosaic_member_set {
	struct hz_msg_header h;
	uint32_t member;  // not 0; in one consult at a time: another consult is -EEXIST
	uint32_t consult; // unknown: -ENOENT
	uint32_t person;  // whose it is: the same number for all of one participant (who speaks)
	uint32_t
	    ssrc; // of the pinned subscription that feeds the relay; another layer or codec may come on it. 0: none
	uint32_t order;  // tiles stand in this order, then by member
	uint16_t worker; // the subscription's
	uint8_t kind;    // enum hz_mosaic_kind
	uint8_t flags;   // HZ_MOSAIC_MEMBER_*
	uint8_t pt_count;
	uint8_t
	    orientation; // id of urn:3gpp:video-orientation on the relay: turned pictures are set upright; 0: none
	uint8_t reserved[2];
	struct hz_pt pt[HZ_MOSAIC_PTS]; // pt and codec: H.264, VP8; others are -EINVAL
	char name[HZ_MOSAIC_NAME_BYTES];
};
#define HZ_MOSAIC_MEMBER_OFF   1u // its owner switched it off: no picture is shown, whatever comes
#define HZ_MOSAIC_MEMBER_MUTED 2u // a mark beside the name
#define HZ_MOSAIC_MEMBER_AIR   4u // of programmes alone: it is in no composed picture

struct hz_mosaic_member_del {
	struct hz_msg_header h;
	uint32_t member; // unknown: -ENOENT
	uint32_t reserved;
};

struct hz_mosaic_mask {
	uint16_t x, y, w, h; // in HZ_MOSAIC_UNIT, of the upright picture; inside of it, w and h not 0
};

enum hz_mosaic_air { // where the sources of a programme stand; no words, and nothing over a picture
	HZ_MOSAIC_AIR_ALONE = 0,
	HZ_MOSAIC_AIR_SIDE, // alike: two side by side, three or four two by two
	HZ_MOSAIC_AIR_PIP,  // the first one large, the others small in a column beside it, at its foot
	HZ_MOSAIC_AIRS,
};

struct hz_mosaic_beside { // a further source of a programme
	uint32_t member;
	uint8_t mask_count; // 0: it shows as it is
	uint8_t fill;
	uint8_t reserved[2];
	struct hz_mosaic_mask mask[HZ_MOSAIC_MASKS]; // zero behind mask_count
};

// One encode, however many watch. Size: 640x360, 960x540, 1280x720, 25 pictures a second. Of the composed picture, or (member not 0) a
// programme: of one source by itself, its masks painted over, or of two to four, each with its own. Then members, layout, masks and fill
// are fixed for the rendition's life (-EEXIST), so that no picture of it was ever made with others; one by itself has at least one mask
// (-EINVAL). It shows nothing that was decoded before it was there, nor anything of a member that is off or unknown; of several it begins
// when all have a picture, or HZ_SOLO_WAIT_US after the first of them.
struct hz_mosaic_rendition_set {
	struct hz_msg_header h;
	uint32_t rendition; // not 0; in one consult at a time: another consult is -EEXIST
	uint32_t consult;   // unknown: -ENOENT
	uint64_t
	    workers; // bit i: goes to the relay peer of the consult on worker i, the same packets; 0: nowhere, not encoded
	uint32_t ssrc;        // not 0. Numbers begin anew with each process: then give a fresh one
	uint32_t bitrate_bps; // 0: what suits the size (600 k, 1 M, 1.6 M). At most 6 M
	uint16_t height;      // 360, 540, 720
	uint8_t
	    codec; // HZ_CODEC_H264_CB (packetization-mode 1) or HZ_CODEC_VP8; fixed for the rendition's life: -EEXIST
	uint8_t pt;
	uint8_t mask_count;
	uint8_t fill; // luma of the masks, 8 bits of limited range
	uint8_t air;  // enum hz_mosaic_air; ALONE exactly where nobody is beside it
	uint8_t beside_count;
	uint32_t member; // 0: the composed picture, without masks
	uint32_t reserved2;
	struct hz_mosaic_mask mask[HZ_MOSAIC_MASKS]; // of the first; zero behind mask_count
	struct hz_mosaic_beside
	    beside[HZ_MOSAIC_PARTS - 1]; // others than member, each once; zero behind beside_count
};

struct hz_mosaic_rendition_del {
	struct hz_msg_header h;
	uint32_t rendition; // unknown: -ENOENT
	uint32_t reserved;
};

// Who speaks now, loudest first; the mosaic adds the hysteresis (who has the floor keeps it for 2 s after the last word).
struct hz_mosaic_speakers_set {
	struct hz_msg_header h;
	uint32_t consult; // unknown: -ENOENT
	uint32_t count;
	uint32_t person[HZ_MOSAIC_SPEAKERS];
};

struct hz_mosaic_hello {
	struct hz_msg_header h;
	uint32_t pid;
	uint32_t reserved;
};

// Tells control which simulcast layer suits a tile.
struct hz_mosaic_tiles {
	struct hz_msg_header h;
	uint32_t consult;
	uint8_t layout; // in use: never AUTO
	uint8_t count, hidden;
	uint8_t reserved;
	struct hz_mosaic_tile {
		uint32_t member;
		uint16_t width, height; // of the picture in the tile, on the canvas of 1280x720
	} tile[HZ_MOSAIC_MEMBERS];
};

struct hz_mosaic_status {
	struct hz_msg_header h;
	uint32_t rooms, members, renditions;
	uint32_t latency_us; // of the newest pictures, capture (or arrival) to RTP: the worst room's mean
	uint64_t packets_in, packets_out;
	uint64_t decoded, encoded; // pictures
	uint64_t broken;           // pictures that were left out or concealed
	uint64_t unmatched;        // records of nobody we know
	uint64_t refused;          // not RTP, no codec of ours, too old
	uint64_t skipped;          // ticks of 40 ms that were left out: the machine was too slow
	uint64_t keyframes_asked, keyframes_made;
};

#endif
