// Strict parsing of remote JSON.
#include <errno.h>
#include <stdbool.h>

#include "signaling/protocol/schema.h"

#define MAX_DEPTH 16

// jansson's own depth bound is 2,048: deep texts are refused before they cost anything.
static bool is_deep(const char *text, size_t bytes)
{
	int depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < bytes; i++) {
		if (quoted) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				quoted = false;
			continue;
		}
		if (text[i] == '"')
			quoted = true;
		else if (text[i] == '{' || text[i] == '[')
			depth++;
		else if (text[i] == '}' || text[i] == ']')
			depth--;
		if (depth > MAX_DEPTH)
			return true;
	}
	return false;
}

int hz_json_parse(const char *text, size_t bytes, json_t **ret)
{
	json_error_t error;
	if (is_deep(text, bytes))
		return -E2BIG;
	json_t *value = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!value)
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EINVAL;
	*ret = value;
	return 0;
}
