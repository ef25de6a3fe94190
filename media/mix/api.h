// What control and huizhen-mix say to each other: fixed C structs over a SOCK_SEQPACKET pair, one message a datagram, in the
// manner of media/api.h. Commands are whole wanted states, keyed by an id that control chooses; repeating one is harmless;
// RECONCILE_BEGIN … END sweeps what was not named in between. After a HELLO control repeats everything.
//
// Media goes through the grid of rings (gateway/base/ring_grid.h): to a worker the mix is one more worker, the last of the grid.
// Records name the consult; voices and mixes are told apart by SSRC. docs/decisions/013-the-mix-pipe.md.
#ifndef HZ_MEDIA_MIX_API_H
#define HZ_MEDIA_MIX_API_H

#include "media/api.h"

#define HZ_MIX_API_VERSION 1u
#define HZ_MIX_ROOMS       32u   // consults that are mixed; one more is -ENOSPC
#define HZ_MIX_MEMBERS     2048u // in all rooms; in one: HZ_MIXER_MEMBERS

enum hz_mix_msg_type {
	HZ_MIX_RECONCILE_BEGIN = 1, // struct hz_cmd_reconcile
	HZ_MIX_RECONCILE_END,
	HZ_MIX_MEMBER_SET,
	HZ_MIX_MEMBER_DEL,

	HZ_MIX_HELLO = 64, // first message of a process: struct hz_mix_hello
	HZ_MIX_ACK,        // struct hz_ev_ack, answer to every command
	HZ_MIX_STATUS,     // twice a second
};

// Somebody in a consult, who speaks, listens, or both. The room is there while it has members.
struct hz_mix_member_set {
	struct hz_msg_header h; // version: HZ_MIX_API_VERSION
	uint32_t member;        // not 0; in one consult at a time: another consult is -EEXIST
	uint32_t consult;
	uint32_t voice_ssrc; // of the pinned subscription that feeds the relay; 0: does not speak
	uint32_t
	    mix_ssrc; // of the relay's track that this one hears; 0: does not listen. Numbers begin anew with each
	              // process: then give a fresh one
	uint16_t voice_worker, mix_worker;
	uint8_t voice_pt, mix_pt;     // of Opus
	uint8_t language, interprets; // as in media/mix/mixer.h
};

struct hz_mix_member_del {
	struct hz_msg_header h;
	uint32_t member; // unknown: -ENOENT
};

struct hz_mix_hello {
	struct hz_msg_header h;
	uint32_t pid;
	uint32_t reserved;
};

struct hz_mix_status {
	struct hz_msg_header h;
	uint32_t rooms, members, speakers;
	uint32_t reserved;
	uint64_t packets_in, packets_out, encodes;
	uint64_t unmatched; // records of nobody we know: a member that has just gone, or not yet come
	uint64_t refused;   // not RTP, not Opus, too old
	uint64_t skipped;   // ticks that were left out: the machine was too slow
};

#endif
