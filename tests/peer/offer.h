// The offers of the test peer and what it needs from the answers: a line scanner, not an SDP parser.
#ifndef HZ_TESTS_PEER_OFFER_H
#define HZ_TESTS_PEER_OFFER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/api.h"

enum {
	PEER_PT_OPUS = 111,
	PEER_PT_VIDEO = 96,
	PEER_PT_RTX = 97,
	PEER_EXT_MID = 1,
	PEER_EXT_AUDIO_LEVEL = 2,
	PEER_EXT_TWCC = 3,
	PEER_EXT_RID = 4,
};

struct hz_offer_params {
	bool publish;    // sendonly, else recvonly
	bool vp8;        // else H.264 Constrained Baseline
	unsigned layers; // 1, or the number of simulcast layers (publishing)
	const char *ufrag, *pwd, *fingerprint;
	uint32_t audio_ssrc, video_ssrc, rtx_ssrc;
};

// 0 or -ENOBUFS.
int hz_offer_build(const struct hz_offer_params *params, char *buf, size_t cap);

struct hz_offer_answer {
	char ufrag[HZ_UFRAG_BYTES], pwd[HZ_PWD_BYTES];
	uint8_t fingerprint[HZ_FINGERPRINT_BYTES];
	struct sockaddr_in6 address;               // of the first UDP candidate, IPv4 as mapped
	struct sockaddr_in6 tcp_address;           // of the first passive TCP candidate; port 0: none
	uint32_t audio_ssrc, video_ssrc, rtx_ssrc; // of what the gateway will send; 0: nothing
	bool video_rejected;
};

// 0 or -EBADMSG when something needed is missing.
int hz_offer_read_answer(const char *sdp, struct hz_offer_answer *ret);

#endif
