// Bytes as hexadecimal text, and back.
#ifndef HZ_GATEWAY_BASE_HEX_H
#define HZ_GATEWAY_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

// Value of a digit, in upper or lower case; -1: it is none.
int hz_hex_digit(char c);
// ret: 2 * bytes lower-case digits and the NUL.
void hz_hex_text(const uint8_t *data, size_t bytes, char *ret);
// text: just 2 * bytes digits; else (also for NULL) -EINVAL, and ret is as it was.
int hz_hex_bytes(const char *text, uint8_t *ret, size_t bytes);

#endif
