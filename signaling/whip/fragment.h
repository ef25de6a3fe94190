// SDP fragments of trickle ICE: application/trickle-ice-sdpfrag (RFC 8840, section 9). Thread: any.
#ifndef HZ_SIGNALING_WHIP_FRAGMENT_H
#define HZ_SIGNALING_WHIP_FRAGMENT_H

#include <stdbool.h>
#include <stddef.h>

#define HZ_FRAGMENT_ICE_BYTES       257 // ufrag and pwd are at most 256 characters (RFC 8839, 5.4), with NUL
#define HZ_FRAGMENT_CANDIDATES      64
#define HZ_FRAGMENT_CANDIDATE_BYTES 256
#define HZ_FRAGMENT_MAX_BYTES       (16u * 1024)

struct hz_fragment {
	char ufrag[HZ_FRAGMENT_ICE_BYTES]; // "" when absent
	char pwd[HZ_FRAGMENT_ICE_BYTES];
	char mid[17]; // of the first m-line, "" when absent; with BUNDLE there is one transport
	bool end_of_candidates;
	unsigned count;
	char candidate[HZ_FRAGMENT_CANDIDATES][HZ_FRAGMENT_CANDIDATE_BYTES]; // "candidate:..." without "a="
};

// 0; -EINVAL (not a fragment, bad characters, credentials that differ between m-lines, only one of ufrag and pwd);
// -E2BIG (more candidates or a longer line than kept). Candidates of any transport are accepted; nobody must use them.
int hz_fragment_parse(const char *text, size_t bytes, struct hz_fragment *ret);

// "a=ice-ufrag:..\r\na=ice-pwd:..\r\n" for the answer to an ICE restart. 0, -ENOSPC.
int hz_fragment_credentials(const char *ufrag, const char *pwd, char *ret, size_t ret_bytes);

#endif
