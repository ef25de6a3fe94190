// A small validator for the JSON Schemas of signaling/protocol/schema/ (draft 2020-12, the subset they use): type,
// properties, required, additionalProperties: false, enum, const, minLength, maxLength (code points), minimum, maximum,
// items, minItems, maxItems, anyOf, $ref, format. Formats are by hand instead of a regular expression engine: see
// format.h. The schemas are embedded in the program at build time. Thread: any after hz_schema_init().
#ifndef HZ_SIGNALING_PROTOCOL_SCHEMA_H
#define HZ_SIGNALING_PROTOCOL_SCHEMA_H

#include <jansson.h>
#include <stddef.h>

#define HZ_FIELD_BYTES 128 // a JSON Pointer with NUL; a longer one is cut at a '/'

// Parses the embedded schemas once and checks that they use only what the validator knows. 0, -ENOMEM, -EINVAL. Called
// by all others on first use; call it at the start to fail early.
int hz_schema_init(void);
void hz_schema_done(void); // frees them (for leak checkers)

// A schema by file and name: ("requests", "join.params"), ("pushes", "state"), ("rest", "consult.create"). NULL: none.
const json_t *hz_schema_find(const char *file, const char *name);

// 0, or -EINVAL with the JSON Pointer of the first failing field ("" is the value itself), e.g. "/publish/0/mid".
// A missing required member is named as if it were there; so is an unknown one.
int hz_schema_check(const json_t *schema, const json_t *value, char ret_field[HZ_FIELD_BYTES]);

// Strict parse of remote JSON: UTF-8, no duplicate keys, no NUL in strings, depth at most 16, nothing after the value.
// 0 and a new reference; -EINVAL not JSON; -E2BIG too deep; -ENOMEM.
int hz_json_parse(const char *text, size_t bytes, json_t **ret);

#endif
