// What control and huizhen-ingest say to each other, and huizhen-ingest and its children (one a source): fixed C structs over a
// SOCK_SEQPACKET pair, one message a datagram, in the manner of media/mix/api.h. The same is said to huizhen-push and its children,
// one a target of a broadcast (docs/decisions/025-the-push.md). Commands are whole wanted states, keyed by an
// id that control chooses; repeating one is harmless; RECONCILE_BEGIN … END sweeps what was not named in between. After a HELLO
// control repeats everything. A child gets the SET of its source alone, and says STATUS and THUMBNAIL, which are passed on.
//
// URLs may carry passwords, and each SET a token: messages are wiped when they were taken, and nothing of them is logged.
// docs/decisions/015-theatre-in.md.
#ifndef HZ_MEDIA_INGEST_API_H
#define HZ_MEDIA_INGEST_API_H

#include "media/api.h"

#define HZ_INGEST_API_VERSION   2u
#define HZ_INGEST_SOURCES       64u // in all; one more is -ENOSPC
#define HZ_INGEST_URL_BYTES     1024
#define HZ_INGEST_WHIP_BYTES    256
#define HZ_INGEST_TOKEN_BYTES   2048
#define HZ_INGEST_FOLDER_BYTES  512
#define HZ_INGEST_NETWORKS      16
#define HZ_INGEST_SYNC_MS       2000 // sync_ms at most
#define HZ_INGEST_PICTURE_BYTES 32768
#define HZ_INGEST_MAX_BYTES     (HZ_INGEST_PICTURE_BYTES + 64) // no message is larger

enum hz_ingest_msg_type {
	HZ_INGEST_RECONCILE_BEGIN = 1, // struct hz_cmd_reconcile
	HZ_INGEST_RECONCILE_END,
	HZ_INGEST_SOURCE_SET,
	HZ_INGEST_SOURCE_DEL,

	HZ_INGEST_HELLO = 64, // first message of a process: struct hz_ingest_hello
	HZ_INGEST_ACK,        // struct hz_ev_ack, answer to every command
	HZ_INGEST_STATUS, // at each change, and every half second; one that does not fit the queue is dropped
	HZ_INGEST_PICTURE, // about every 5 s while there is a picture
};

// IPv6, or IPv4 as ::ffff:a.b.c.d with 96 more bits.
struct hz_ingest_network {
	uint8_t address[16];
	uint8_t bits, reserved[3];
};

struct hz_ingest_source_set {
	struct hz_msg_header h; // version: HZ_INGEST_API_VERSION
	uint32_t source;        // not 0
	uint32_t version;       // of url, loop and networks: another one starts it anew
	uint8_t loop;           // of files: from the beginning again
	uint8_t network_count;
	uint16_t
	    sync_ms; // it goes into the consult so long after it was captured, as far as that is known, else after it came
	struct hz_ingest_network
	    network[HZ_INGEST_NETWORKS]; // where it may connect to, and who may connect to it
	uint32_t
	    feed; // of targets: a number of the ring of the programme (media/push/outfeed.h), whose descriptor rides along; 0: none
	char url[HZ_INGEST_URL_BYTES];   // media/ingest/url.h; of targets as media/push/target.h composes it
	char whip[HZ_INGEST_WHIP_BYTES]; // http(s)://host:port/whip/CONSULT of our own gateway
	char token[HZ_INGEST_TOKEN_BYTES]; // for it; a newer one may come at any time
	char folder
	    [HZ_INGEST_FOLDER_BYTES]; // where file: names are; "": nowhere. Of targets: PEM of authorities that RTMPS believes
};

struct hz_ingest_source_del {
	struct hz_msg_header h;
	uint32_t source; // unknown: -ENOENT
};

struct hz_ingest_hello {
	struct hz_msg_header h;
	uint32_t pid;
	uint32_t reserved;
};

enum hz_ingest_state {
	HZ_INGEST_STARTING,   // its process does
	HZ_INGEST_CONNECTING, // to the source
	HZ_INGEST_LISTENING,  // for an SRT caller
	HZ_INGEST_LIVE,       // in the consult
	HZ_INGEST_RETRYING,   // because of `reason`; again by itself
	HZ_INGEST_ENDED,      // a file that is not looped
	HZ_INGEST_STATE_COUNT,
};

enum hz_ingest_reason {
	HZ_INGEST_NONE,
	HZ_INGEST_REFUSED,      // nobody listens there
	HZ_INGEST_UNREACHABLE,  // no way to it, or a name that is none
	HZ_INGEST_TIMEOUT,      // no answer
	HZ_INGEST_UNAUTHORISED, // user, password or passphrase
	HZ_INGEST_NOT_FOUND,    // no such stream or file
	HZ_INGEST_NOT_ALLOWED,  // outside ingest.allow
	HZ_INGEST_GARBAGE,      // not what it should be
	HZ_INGEST_UNSUPPORTED,  // a codec that is not decoded here
	HZ_INGEST_NO_PICTURE,   // it answers and sends neither picture nor sound
	HZ_INGEST_STALLED,      // it sent, and stopped
	HZ_INGEST_CLOSED,       // it ended the connection
	HZ_INGEST_GATEWAY,      // the consult does not take it
	HZ_INGEST_CRASHED,      // its process died
	HZ_INGEST_HUNG,         // its process was stuck, and was killed
	HZ_INGEST_INTERNAL,
	HZ_INGEST_CERTIFICATE, // of RTMPS: not one that is believed
	HZ_INGEST_REASON_COUNT,
};

struct hz_ingest_status {
	struct hz_msg_header h;
	uint32_t source;
	uint8_t state, reason; // of the newest failure; stays while it is retried
	uint8_t video, audio;  // enum hz_codec of what the source sends; HZ_CODEC_NONE: none, or another one
	uint8_t passed_video, passed_audio; // 1: not re-encoded
	uint16_t width, height;
	uint16_t synced;     // 1: its sender reports tell the time of its pictures
	uint32_t bitrate;    // bit/s into the consult
	uint32_t attempts;   // connections that were tried
	uint32_t keyframes;  // asked for by receivers, that could not be made (passed through)
	uint32_t restarts;   // of its process; filled in by huizhen-ingest
	uint32_t rate;       // pictures into the consult, in thousandths a second
	char name[16];       // of the codec of its picture: "h264", "h265", "mpeg2" ...
	uint64_t sent_bytes; // of targets
	uint32_t dropped;    // of targets: so often it was too slow, and went on at a later keyframe
	uint32_t reserved;
};

struct hz_ingest_picture {
	struct hz_msg_header h;
	uint32_t source;
	uint32_t bytes; // of a JPEG behind this; the message ends there
};

#endif
