// Percent-encoding (RFC 3986) of what stands in a query: '+' is a space, as forms write it.
#ifndef HZ_GATEWAY_BASE_PERCENT_H
#define HZ_GATEWAY_BASE_PERCENT_H

#include <stddef.h>

// bytes of text into ret, with a NUL. 0; -EINVAL: an escape that is none, or a control character, written or escaped;
// -ENOSPC: ret has room for fewer. On an error ret holds what came before.
int hz_percent_decode(const char *text, size_t bytes, char *ret, size_t room);

#endif
