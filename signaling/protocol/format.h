// The formats that the schemas name, written by hand instead of a regular expression engine. Thread: any.
//	hz-id	  1 to 64 of [A-Za-z0-9._-], not beginning with '.'
//	hz-track  "t" and 1 to 8 hexadecimal digits, lower case
//	hz-mid	  1 to 16 of RFC 8866 token characters
//	hz-text	  no control characters (C0, DEL, C1), no line or paragraph separators, no bidirectional overrides
//	hz-lines  the same, but TAB and LF are allowed
#ifndef HZ_SIGNALING_PROTOCOL_FORMAT_H
#define HZ_SIGNALING_PROTOCOL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

bool hz_format_known(const char *format);

// text is valid UTF-8 of n bytes. false also for an unknown format.
bool hz_format_matches(const char *format, const char *text, size_t n);

// Code points in valid UTF-8.
size_t hz_format_length(const char *text, size_t n);

#endif
