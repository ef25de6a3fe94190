// What ids and names from outside may look like (docs/PROTOCOL.md).
#ifndef HZ_SIGNALING_AUTH_NAMES_H
#define HZ_SIGNALING_AUTH_NAMES_H

#include <stdbool.h>

#define HZ_ID_TEXT_BYTES   65  // 64 characters and NUL
#define HZ_NAME_TEXT_BYTES 321 // 80 UTF-8 characters and NUL
#define HZ_NAME_MAX_CHARS  80

// Participant, consult, token and link ids: 1 to 64 of [A-Za-z0-9._-], and neither "." nor ".." (they stand
// in paths).
bool hz_id_valid(const char *text);

// Names and titles: 1 to 80 characters of valid UTF-8 (RFC 3629) without control characters (C0, C1, DEL),
// without line and paragraph separators and without bidirectional overrides (they disguise a name on the
// lobby list), and not only spaces.
bool hz_name_valid(const char *text);

#endif
