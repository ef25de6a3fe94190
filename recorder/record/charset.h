// Text for DICOM: from UTF-8 into the data set's character set, without what a value may not hold, and no longer than its VR
// allows (PS3.5 section 6.2). Character sets: UTF-8 (ISO_IR 192) and GB18030, both without code extensions.
// Thread: any; one converter is one thread's.
#ifndef HZ_RECORDER_RECORD_CHARSET_H
#define HZ_RECORDER_RECORD_CHARSET_H

#include <stddef.h>

enum hz_charset { HZ_CHARSET_UTF8 = 1, HZ_CHARSET_GB18030 };

const char *hz_charset_term(enum hz_charset charset); // Specific Character Set (0008,0005)

// vr: "LO", "SH", "PN", "ST", "LT", "CS" ... decides length in characters (PN: of each component group), and whether line breaks
// and backslashes may stay. What is no UTF-8 becomes '?'. ret: bytes_max with NUL, cut at a character. Returns its bytes;
// -EINVAL: no such conversion in this libc; -ENOMEM.
long hz_charset_text(enum hz_charset charset, const char vr[2], const char *utf8, char *ret,
                     size_t bytes_max);

#endif
