# Writes the file IN into the C file OUT: cmake -DIN=openapi.json -DOUT=openapi.c -P embed.cmake
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "// Made by embed.cmake: do not edit.\n#include \"gateway/session/openapi.h\"\n\n"
  "const char hz_openapi_json[] = {${bytes}0};\n"
  "const size_t hz_openapi_json_bytes = sizeof(hz_openapi_json) - 1;\n")
