// What control and huizhen-live say to each other: fixed C structs over a SOCK_SEQPACKET pair, one message a datagram, in the manner
// of media/mosaic/api.h. Commands are whole wanted states, keyed by ids that control chooses; repeating one is harmless; BEGIN …
// END sweeps rooms, renditions and marks that were not named in between, and makes what was wanted be wanted again. After a HELLO
// control repeats everything. docs/decisions/020-the-live-lane.md.
//
// Images come as WANT (from the pipe: a series' metadata, an object) and GIVE (from control, with the open file). Pictures go out
// through the pipe's own rings (gateway/base/ring_grid.h) as RTP of one track a rendition; towards it comes PLI or FIR for the rendition's
// SSRC, which is how a keyframe is asked for.
#ifndef HZ_MEDIA_LIVE_API_H
#define HZ_MEDIA_LIVE_API_H

#include "media/api.h"

#define HZ_LIVE_API_VERSION  2u
#define HZ_LIVE_ROOMS        8u // consults whose images are drawn; one more is left out until there is room
#define HZ_LIVE_RENDITIONS   6u // a room
#define HZ_LIVE_PANES        4u
#define HZ_LIVE_MARKS        200u // a room: drawings on what is shown; more are left out
#define HZ_LIVE_POINTS       200u
#define HZ_LIVE_UID_BYTES    65u
#define HZ_LIVE_TEXT_BYTES   208u
#define HZ_LIVE_WORKERS      64u
#define HZ_LIVE_WANTS        24u // that wait for a GIVE, at once
#define HZ_LIVE_MESSAGE_MOST 4096u

enum hz_live_msg_type {
	HZ_LIVE_BEGIN = 1, // struct hz_cmd_reconcile
	HZ_LIVE_END,
	HZ_LIVE_ROOM_SET, // before its renditions and marks, which are left out without
	HZ_LIVE_ROOM_DEL, // with all that is in it
	HZ_LIVE_RENDITION_SET,
	HZ_LIVE_RENDITION_DEL,
	HZ_LIVE_MARK_SET,
	HZ_LIVE_MARK_DEL,
	HZ_LIVE_GIVE, // with a descriptor where there is something

	HZ_LIVE_HELLO = 64, // first message of a process
	HZ_LIVE_STATUS,     // twice a second, and when everything of a BEGIN … END was taken
	HZ_LIVE_WANT,
	HZ_LIVE_TRY, // an image is about to be decoded, or (instance "") was: if it kills the process, it is not given again
};

struct hz_live_ref { // as types.table_image: texts, ended; instance "": the series
	char pacs[HZ_LIVE_UID_BYTES], study[HZ_LIVE_UID_BYTES], series[HZ_LIVE_UID_BYTES],
	    instance[HZ_LIVE_UID_BYTES];
};

// How one image is looked at: types.table_viewport.
struct hz_live_pane {
	struct hz_live_ref image; // study "": the pane is empty
	uint32_t frame;           // place in the stack; with instance: frame of that object. From 0
	uint8_t windowed;         // center and width are told; else as the image says
	uint8_t flip, invert, reserved;
	double center, width, zoom, pan_x, pan_y, rotation;
	double cine; // frames a second; 0: stands
};

struct hz_live_room_set {
	struct hz_msg_header h;
	uint32_t consult; // not 0
	uint32_t panes;   // 1, 2 side by side, 4 two by two
	uint64_t version; // of the table: what is older than what is there is left out
	uint32_t
	    language; // 0 Chinese, 1 English: of the line that says it is not for diagnosis. Both are in it; which first
	uint32_t reserved;
	struct hz_live_pane pane[HZ_LIVE_PANES];
};

struct hz_live_del { // of a room, a rendition
	struct hz_msg_header h;
	uint32_t id;
	uint32_t reserved;
};

// One encode, however many watch.
struct hz_live_rendition_set {
	struct hz_msg_header h;
	uint32_t rendition; // not 0
	uint32_t consult;
	uint64_t workers; // bit i: goes to the relay peer of the consult on worker i; 0: nowhere, not drawn
	uint32_t ssrc;    // not 0. Numbers begin anew with each process: then give a fresh one
	uint32_t bitrate_bps; // at most; 0: 2 Mb/s
	uint16_t side;        // of the picture without its caption: 256..1024, a multiple of 32
	uint8_t codec;        // HZ_CODEC_H264_CB, HZ_CODEC_VP8
	uint8_t pt;
	// 1: for those outside. Nothing that may name somebody is drawn: no overlay planes, no words beside drawings, and of an image that says
	// that it has names burned in nothing at all.
	uint8_t bare;
	uint8_t reserved[3];
};

enum hz_live_mark_kind { // as types.table_kind
	HZ_LIVE_POINT,
	HZ_LIVE_ARROW,
	HZ_LIVE_LINE,
	HZ_LIVE_ANGLE,
	HZ_LIVE_RECTANGLE,
	HZ_LIVE_ELLIPSE,
	HZ_LIVE_POLYGON,
	HZ_LIVE_FREEHAND,
	HZ_LIVE_TEXT,
	HZ_LIVE_MARK_KINDS,
};

struct hz_live_mark_set {
	struct hz_msg_header h;
	uint32_t consult, mark; // its number in the consult
	struct hz_live_ref on;  // with instance
	uint32_t frame;         // of the object, from 0
	uint32_t colour;        // RGB, 24 bits
	uint8_t kind;
	uint8_t reserved[3];
	uint32_t points;                // of them in use
	float point[HZ_LIVE_POINTS][2]; // pixels of the image
	char text[HZ_LIVE_TEXT_BYTES];  // UTF-8: what was written, or measured
};

struct hz_live_mark_del {
	struct hz_msg_header h;
	uint32_t consult, mark;
};

#define HZ_LIVE_TOO_LARGE 7 // of result: HZ_DWEB_TOO_LARGE
struct hz_live_give {
	struct hz_msg_header h;
	uint64_t id; // of the WANT
	uint64_t bytes;
	uint32_t
	    result; // 0: the file comes along; else it cannot be had now, enum hz_dweb_result of media/dicomweb/api.h
	uint32_t reserved;
};

enum hz_live_want_kind { HZ_LIVE_SERIES, HZ_LIVE_OBJECT };

struct hz_live_want {
	struct hz_msg_header h;
	uint64_t id;
	uint32_t consult; // on whose table it is
	uint32_t kind;    // enum hz_live_want_kind
	struct hz_live_ref what;
};

struct hz_live_try {
	struct hz_msg_header h;
	struct hz_live_ref what;
};

struct hz_live_hello {
	struct hz_msg_header h;
	uint32_t pid;
	uint32_t reserved;
};

struct hz_live_status {
	struct hz_msg_header h;
	uint32_t rooms, renditions, marks, waiting; // waiting: WANTs
	uint64_t encoded, packets_out, keyframes_made, keyframes_asked;
	uint64_t decoded, failed; // images
	uint64_t kept_bytes;
};

#endif
