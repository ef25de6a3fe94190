// Addresses of sources: what may stand in one, and how it is shown. Pure.
//
//   rtsp://[user[:password]@]host[:port]/path[?query]     rtsps:// the same over TLS
//   srt://host:port[?...]           mode=caller (default), or srt://:port?mode=listener; latency=20..8000 (ms),
//                                   passphrase=10..79 characters, pbkeylen=16|24|32, streamid=1..512 characters
//   rtmp://[user:password@]host[:port]/application/stream
//   file:name                       a file in ingest.folder, or in a folder in it
//   test:                           a moving ball with a clock, and a tone
#ifndef HZ_MEDIA_INGEST_URL_H
#define HZ_MEDIA_INGEST_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/ingest/api.h"

#define HZ_INGEST_HOST_BYTES 254

enum hz_ingest_scheme {
	HZ_INGEST_RTSP = 1,
	HZ_INGEST_RTSPS,
	HZ_INGEST_SRT,
	HZ_INGEST_RTMP,
	HZ_INGEST_FILE,
	HZ_INGEST_TEST,
};

struct hz_ingest_url {
	enum hz_ingest_scheme scheme;
	char host[HZ_INGEST_HOST_BYTES]; // without brackets; "" of files, tests and listeners
	uint16_t port;
	bool listener;
	const char *path; // of a file: its name within the folder; else NULL. Inside the text
};

// -EINVAL: *ret_why says in words what is wrong (static text).
int hz_ingest_url_parse(const char *text, struct hz_ingest_url *ret, const char **ret_why);

// A copy without what may be a secret: users and passwords, values in paths (/user=u&password=p) and in queries but for SRT's mode and
// latency, the stream of RTMP (often a key). text: one that was parsed.
void hz_ingest_url_show(const char *text, char *ret, size_t bytes);

const char *hz_ingest_state_name(uint8_t state);   // "live"
const char *hz_ingest_reason_name(uint8_t reason); // "refused"; "" for none

#endif
