// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Thread: any.
#ifndef HZ_SIGNALING_SERVER_UTF8_H
#define HZ_SIGNALING_SERVER_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool hz_utf8_valid(const char *text, size_t bytes);

#endif
