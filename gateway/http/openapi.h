// openapi.json as bytes; embedded at build time (cmake/embed.cmake).
#ifndef HZ_GATEWAY_HTTP_OPENAPI_H
#define HZ_GATEWAY_HTTP_OPENAPI_H

extern const unsigned char hz_openapi_json[];
extern const unsigned hz_openapi_json_bytes;

#endif
