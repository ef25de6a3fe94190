// Reading SDP text strictly: lines, words, numbers, and the reason for a refusal. For this folder only.
#ifndef HZ_SIGNALING_SDP_TEXT_H
#define HZ_SIGNALING_SDP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "signaling/sdp/candidate.h"
#include "signaling/sdp/sdp.h"

// Where we are and where a reason goes.
struct hz_sdp_place {
	char *reason;  // HZ_SDP_REASON_BYTES
	unsigned line; // m-line from 1; 0: session level
};

// Writes "m-line 2: text" and returns -EINVAL. text is ours, never the client's.
int hz_sdp_refuse(const struct hz_sdp_place *place, const char *text);

// What lines a text may have. Anything else is refused.
struct hz_sdp_grammar {
	const char *session; // letters of lines before the first m-line
	const char *media;   // letters of lines after it
	size_t max_bytes;
	unsigned max_media;
};

// Copies the text with every line ended by "\r\n" and a NUL at the end; checks letters, line lengths and bytes.
// -EMSGSIZE, -EINVAL, -ENOMEM. *ret: free().
int hz_sdp_normalise(const struct hz_sdp_grammar *grammar, const char *text, size_t bytes,
                     struct hz_sdp_place *place, char **ret);

// Takes the next space-separated word of *text into buf and moves *text behind it. False: none, or it does not fit
// (*text moves all the same).
bool hz_sdp_word(const char **text, char *buf, size_t buf_bytes);

// A decimal number of digits only, at most max.
bool hz_sdp_number(const char *text, uint64_t max, uint64_t *ret);

bool hz_sdp_is_token(const char *text);    // RFC 8866 token, at least one character
bool hz_sdp_is_ice_text(const char *text); // RFC 8839 ice-char only, at least one
bool hz_sdp_is_rid(const char *text);      // RFC 8851 rid-id that fits HZ_RID_BYTES
bool hz_sdp_is_visible(const char *text);  // printable ASCII without space, may be empty

// Checks and copies ICE credentials (RFC 8839 section 5.4; lengths also by our bounds).
int hz_sdp_take_ufrag(const struct hz_sdp_place *place, const char *value, char ret[HZ_UFRAG_BYTES]);
int hz_sdp_take_pwd(const struct hz_sdp_place *place, const char *value, char ret[HZ_PWD_BYTES]);

#endif
