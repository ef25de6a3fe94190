// The string formats that the schemas name, checked by hand. Thread: any.
#ifndef HZ_SIGNALING_PROTOCOL_FORMAT_H
#define HZ_SIGNALING_PROTOCOL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

//	hz-id	 1 to 64 of [A-Za-z0-9._-]
//	hz-track "t" and 1 to 8 lower-case hexadecimal digits
//	hz-mid	 1 to 16 token characters (RFC 8859, RFC 4566)
//	hz-text	 UTF-8 without control characters (C0, DEL, C1), line separators and bidirectional overrides
//	hz-date	 YYYY-MM-DD, a day that exists, from 1800 on
//	hz-uid	 a DICOM UID (PS3.5 section 9.1): at most 64 digits and dots, no component empty or with a leading zero
//	hz-lines the same, but newline and tab are allowed
bool hz_format_known(const char *format);

// text is valid UTF-8 (jansson has checked it). An unknown format: false.
bool hz_format_check(const char *format, const char *text, size_t bytes);

// Code points in valid UTF-8.
size_t hz_utf8_length(const char *text, size_t bytes);

#endif
