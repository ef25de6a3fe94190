// Where a broadcast is sent on to: addresses and keys, as a director types them, as one text that huizhen-target gets, and what that
// means. Pure.
//
//   rtmp://host[:port]/application      rtmps:// the same over TLS; key: the stream's name, which is mostly a secret
//   srt://host:port[?latency=20..8000 &passphrase=10..79 characters &pbkeylen=16|24|32]     key: the streamid; may be empty
#ifndef HZ_MEDIA_PUSH_TARGET_H
#define HZ_MEDIA_PUSH_TARGET_H

#include <stddef.h>
#include <stdint.h>

#include "media/ingest/api.h"

#define HZ_TARGET_URL_BYTES 512
#define HZ_TARGET_KEY_BYTES 256

enum hz_target_scheme { HZ_TARGET_RTMP, HZ_TARGET_RTMPS, HZ_TARGET_SRT };

struct hz_target_address { // secrets in it: wipe
	enum hz_target_scheme scheme;
	char host[254];
	uint16_t port;
	char app[HZ_TARGET_URL_BYTES]; // of RTMP
	char key[HZ_TARGET_KEY_BYTES]; // of RTMP; of SRT: streamid
	char passphrase[80];
	unsigned latency_ms, pbkeylen;
};

// Into one text (HZ_INGEST_URL_BYTES). -EINVAL: *ret_field is "/url" or "/key", *ret_why says in words what is wrong (static text).
struct hz_target_wrong {
	const char *field, *why;
};
int hz_target_compose(const char *url, const char *key, char *ret, struct hz_target_wrong *ret_wrong);
int hz_target_parse(const char *text, struct hz_target_address *ret); // -EINVAL: compose did not make it

// The address for people: without what may be a secret.
void hz_target_show(const char *url, char *ret, size_t bytes);

#endif
