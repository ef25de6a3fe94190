#include "recorder/record/fhir_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/hex.h"
#include "recorder/record/files.h"
#include "recorder/record/uid.h"

void hz_fhir_set(json_t *object, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(object, key, value);
}

void hz_fhir_add(json_t *list, json_t *value)
{
	if (value)
		json_array_append_new(list, value);
}

// A FHIR string holds no control characters but blanks and is not empty (datatypes.html#string).
json_t *hz_fhir_string(const char *text)
{
	size_t n = 0;
	char *clean = text ? malloc(strlen(text) + 1) : NULL;
	if (!clean)
		return NULL;
	for (const char *p = text; *p; p++) {
		char c = (unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p;
		if (c != ' ' || (n && clean[n - 1] != ' '))
			clean[n++] = c;
	}
	while (n && clean[n - 1] == ' ')
		n--;
	json_t *value = n ? json_stringn(clean, n) : NULL;
	free(clean);
	return value;
}

json_t *hz_fhir_instant(int64_t wall_ms)
{
	char text[48];
	struct tm tm;
	time_t seconds = (time_t)(wall_ms / 1000);
	if (wall_ms <= 0 || !gmtime_r(&seconds, &tm))
		return NULL;
	size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03dZ", (int)(wall_ms % 1000));
	return json_string(text);
}

json_t *hz_fhir_period(int64_t from_ms, int64_t to_ms)
{
	json_t *period = json_object();
	hz_fhir_set(period, "start", hz_fhir_instant(from_ms));
	if (to_ms >= from_ms) // per-1
		hz_fhir_set(period, "end", hz_fhir_instant(to_ms));
	if (json_object_size(period))
		return period;
	json_decref(period);
	return NULL;
}

json_t *hz_fhir_coding(const char *system, const char *code, const char *display)
{
	json_t *coding = json_pack("{s:s, s:s}", "system", system, "code", code);
	hz_fhir_set(coding, "display", hz_fhir_string(display));
	return coding;
}

json_t *hz_fhir_concept(const char *system, const char *code, const char *display)
{
	return json_pack("{s:[o]}", "coding", hz_fhir_coding(system, code, display));
}

json_t *hz_fhir_text(const char *text)
{
	json_t *string = hz_fhir_string(text);
	return string ? json_pack("{s:o}", "text", string) : NULL;
}

json_t *hz_fhir_identifier(const char *system, const char *value)
{
	json_t *system_text = hz_fhir_string(system), *value_text = hz_fhir_string(value),
	       *identifier = json_object();
	hz_fhir_set(identifier, "system", system_text);
	hz_fhir_set(identifier, "value", value_text);
	return identifier;
}

json_t *hz_fhir_reference(const char *reference, const char *display)
{
	json_t *object = json_object();
	hz_fhir_set(object, "reference", hz_fhir_string(reference));
	hz_fhir_set(object, "display", hz_fhir_string(display));
	if (json_object_size(object))
		return object;
	json_decref(object);
	return NULL;
}

json_t *hz_fhir_base64_of_hex(const char *hex)
{
	uint8_t raw[32];
	char text[48];
	size_t bytes = strlen(hex) / 2;
	if (bytes > sizeof(raw) || hz_hex_bytes(hex, raw, bytes) != 0)
		return NULL;
	hz_base64(raw, bytes, 0, text);
	return json_string(text);
}

void hz_fhir_urn(const char *record, const char *what, const char *name, char ret[HZ_FHIR_URN_BYTES])
{
	uint8_t uuid[16];
	hz_uuid_named(record, what, name, uuid);
	memcpy(ret, "urn:uuid:", 9);
	hz_uuid_text(uuid, ret + 9);
}

// A "|", "," "$" or "\" within a token is escaped with a backslash; then everything that a URL does not take is encoded.
static char *append(char *to, const char *token)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/";
	for (; *token; token++) {
		if (strchr("|,$\\", *token))
			to = stpcpy(to, "%5C");
		if (strchr(plain, *token))
			*to++ = *token;
		else
			to += snprintf(to, 4, "%%%02X", (unsigned char)*token);
	}
	*to = '\0';
	return to;
}

char *hz_fhir_query(const char *key, const char *system, const char *value)
{
	char *query = malloc(strlen(key) + 6 * (strlen(system) + strlen(value)) + 3);
	if (!query)
		return NULL;
	char *at = append(stpcpy(stpcpy(query, key), "="), system);
	append(stpcpy(at, "|"), value);
	return query;
}
