// Strict parsing of remote JSON: hz_json_parse() of schema.h.
#include <errno.h>
#include <stdbool.h>

#include "signaling/protocol/schema.h"

#define MAX_DEPTH 16

// jansson recurses up to 2048 deep before it stops; a look at the brackets beforehand is cheaper than its stack.
static bool too_deep(const char *text, size_t bytes)
{
	unsigned depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < bytes; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '{' || text[i] == '['))
			depth++;
		else if (!quoted && (text[i] == '}' || text[i] == ']') && depth > 0)
			depth--;
		if (depth > MAX_DEPTH)
			return true;
	}
	return false;
}

int hz_json_parse(const char *text, size_t bytes, json_t **ret)
{
	json_error_t error;
	if (too_deep(text, bytes))
		return -E2BIG;
	json_t *value = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!value)
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EINVAL;
	*ret = value;
	return 0;
}
