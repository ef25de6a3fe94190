// The pass of a viewing: what a browser's media elements show instead of a token, which they cannot send. A cookie for the paths
// of one record, good for some minutes, signed with a key that lives as long as this process: after a restart the page gets
// itself a new one with its token.
//
//   <expires, seconds since 1970>.<view>.<HMAC-SHA256 of record, expires and view, base64url>
//
// It says nothing about the person; the store knows whose view it is. Pure; thread: any.
#ifndef HZ_GATEWAY_SESSION_RECORD_REPLAY_PASS_H
#define HZ_GATEWAY_SESSION_RECORD_REPLAY_PASS_H

#include <stddef.h>
#include <stdint.h>

#include "signaling/auth/digest.h"

#define HZ_PASS_TTL_S      600
#define HZ_PASS_BYTES      128 // with NUL
#define HZ_PASS_VIEW_CHARS 22
#define HZ_PASS_COOKIE     "hz_view"

// view: HZ_PASS_VIEW_CHARS of [A-Za-z0-9].
void hz_pass_make(const uint8_t key[HZ_SHA256_BYTES], const char *record, const char *view, int64_t expires_s,
                  char ret[HZ_PASS_BYTES]);
// 0 and the view; -EACCES: not ours, not for this record, or over.
int hz_pass_check(const uint8_t key[HZ_SHA256_BYTES], const char *record, const char *pass, int64_t now_s,
                  char ret_view[HZ_PASS_VIEW_CHARS + 1]);

#endif
