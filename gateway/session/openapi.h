// openapi.json as bytes; made at build time (CMakeLists.txt).
#ifndef HZ_GATEWAY_SESSION_OPENAPI_H
#define HZ_GATEWAY_SESSION_OPENAPI_H

#include <stddef.h>

extern const char hz_openapi_json[];
extern const size_t hz_openapi_json_bytes;

#endif
