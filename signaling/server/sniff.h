// What speaks on a fresh connection to the HTTPS port: TLS, or ICE over TCP (RFC 6544: an RFC 4571 frame with a STUN
// binding request, RFC 8489, whose USERNAME tells for whom). Looks at bytes that stay in the kernel; authenticates
// nothing. Pure; any thread.
#ifndef HZ_SIGNALING_SERVER_SNIFF_H
#define HZ_SIGNALING_SERVER_SNIFF_H

#include <stddef.h>
#include <stdint.h>

#include "media/api.h"

#define HZ_SNIFF_BYTES 1282 // never needs more

enum hz_sniff_kind {
	HZ_SNIFF_MORE, // `need` bytes from the start
	HZ_SNIFF_TLS,  // or anything that TLS is to refuse
	HZ_SNIFF_ICE,  // `ufrag` is ours, the first half of USERNAME
	HZ_SNIFF_JUNK,
};

struct hz_sniff {
	enum hz_sniff_kind kind;
	size_t need;
	char ufrag[HZ_UFRAG_BYTES];
};

// One byte tells TLS: nothing waits that is not ICE.
void hz_sniff(const uint8_t *data, size_t bytes, struct hz_sniff *ret);

#endif
