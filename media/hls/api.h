// What control and huizhen-hls --live say to each other: fixed C structs over a SOCK_SEQPACKET pair, one message a datagram, in
// the manner of media/mix/api.h. Commands are whole wanted states, keyed by the consult's number; repeating one is harmless;
// RECONCILE_BEGIN … END ends what was not named in between. After a HELLO control repeats everything.
//
// All marks are CLOCK_MONOTONIC microseconds, as the arrival times of the rings: a wall clock that is set does not move a cut.
// docs/decisions/012-hls.md.
#ifndef HZ_MEDIA_HLS_API_H
#define HZ_MEDIA_HLS_API_H

#include "media/api.h"

#define HZ_HLS_API_VERSION 3u
#define HZ_HLS_BROADCASTS  8u // at once; one more is -ENOSPC
#define HZ_HLS_VOICES      4u
#define HZ_HLS_ID_BYTES    24u // of a folder's name with NUL: [A-Za-z0-9_-]
#define HZ_HLS_ID_LEAST                                                                                      \
	16u // of those that control gives: [a-z0-9_-]; what else lies beside them is left alone
#define HZ_HLS_FIRST_PT 96u // + enum hz_codec, as on every relay

enum hz_hls_msg_type {
	HZ_HLS_RECONCILE_BEGIN = 1, // struct hz_hls_begin, with the folder's descriptor riding along
	HZ_HLS_RECONCILE_END,       // struct hz_cmd_reconcile
	HZ_HLS_BROADCAST_SET,       // the ring of its feed rides along, if it has one
	HZ_HLS_BROADCAST_DEL,       // the event is over: its list ends, its files go a window later

	HZ_HLS_HELLO = 64, // first message of a process: struct hz_hls_hello
	HZ_HLS_ACK,        // struct hz_ev_ack, answer to every command; id: the consult's number
	HZ_HLS_STATUS,     // twice a second
};

struct hz_hls_begin {
	struct hz_msg_header h;
	uint64_t disk_bytes; // of all files together; the oldest go before more is written
};

// A subscription that feeds the relay to us.
struct hz_hls_source {
	uint32_t ssrc; // 0: none
	uint16_t worker;
	uint16_t reserved;
};

struct hz_hls_broadcast_set {
	struct hz_msg_header h; // version: HZ_HLS_API_VERSION
	uint32_t consult;       // not 0
	uint32_t delay_ms;      // 500 to 300,000; fixed while it lasts, as the window and the folder
	uint32_t window_s;      // 12 to 3600
	char id[HZ_HLS_ID_BYTES];
	uint32_t
	    clean; // another one than before: of what arrived before nothing more is in a file when this is answered with 0
	uint32_t
	    feed; // a number of the ring that its units are put into, as they become files (media/push/outfeed.h); 0: none
	uint32_t reserved;
	int64_t
	    cut_us; // the mark; nothing that arrived at or after it is in a file when this is answered with 0. 0: not cut
	int64_t from_us;            // the newest resume; nothing that arrived before it comes back
	struct hz_hls_source video; // H.264; without it the slate is shown
	struct hz_hls_source voice[HZ_HLS_VOICES];
};

struct hz_hls_broadcast_del {
	struct hz_msg_header h;
	uint32_t consult; // unknown: -ENOENT
	uint32_t reserved;
};

struct hz_hls_hello {
	struct hz_msg_header h;
	uint32_t pid;
	uint32_t reserved;
};

struct hz_hls_status {
	struct hz_msg_header h;
	uint32_t broadcasts;
	uint32_t live; // of them: pictures come
	uint64_t packets_in, unmatched, refused;
	uint64_t units, broken;    // pictures; those that lacked a packet
	uint64_t keyframes_wanted; // asked for
	uint64_t segments, gaps, discontinuities, cut_units, store_errors;
	uint64_t disk_bytes; // used
};

#endif
