#include "gateway/config_table.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/child.h"
#include "media/ingest/allow.h"

#define AT(field) offsetof(struct hz_config, field)

const struct hz_config_entry hz_config_table[] = {
    {"data", "dir", HZ_CONFIG_NEEDED, AT(data.dir), 0, 0, "./var"},
    {"http", "address", HZ_CONFIG_ADDRESS, AT(http.address), 0, 0, "127.0.0.1"},
    {"http", "port", HZ_CONFIG_U16, AT(http.port), 0, 65535, "8080"},
    {"https", "address", HZ_CONFIG_ADDRESS, AT(https.address), 0, 0, "::"},
    {"https", "port", HZ_CONFIG_U16, AT(https.port), 0, 65535, "8443"},
    {"https", "certificate", HZ_CONFIG_TEXT, AT(https.certificate), 0, 0, ""},
    {"https", "key", HZ_CONFIG_TEXT, AT(https.key), 0, 0, ""},
    {"media", "port", HZ_CONFIG_U16, AT(media.port), 1, 65535, "20000"},
    {"media", "workers", HZ_CONFIG_U32, AT(media.workers), 0, HZ_MAX_WORKERS, "0"},
    {"media", "spread_subscriptions", HZ_CONFIG_U32, AT(media.spread_subscriptions), 1, 16384, "1000"},
    {"media", "address", HZ_CONFIG_ADDRESSES, AT(media.address), 0, 0, ""},
    {"media", "tcp", HZ_CONFIG_BOOL, AT(media.tcp), 0, 1, "true"},
    {"media", "tcp_port", HZ_CONFIG_U16, AT(media.tcp_port), 0, 65535, "0"},
    {"turn", "urls", HZ_CONFIG_ICE_URLS, AT(turn.urls), 0, 0, ""},
    {"turn", "secret", HZ_CONFIG_SECRET, AT(turn.secret), 0, 0, ""},
    {"turn", "secret_file", HZ_CONFIG_TEXT, AT(turn.secret_file), 0, 0, ""},
    {"turn", "ttl", HZ_CONFIG_U32, AT(turn.ttl), 300, 604800, "43200"},
    {"ice", "agent", HZ_CONFIG_AGENT, AT(ice.agent), 0, 0, "lite"},
    {"ice", "addresses", HZ_CONFIG_ADDRESSES, AT(ice.addresses), 0, 0, ""},
    {"ice", "servers", HZ_CONFIG_ICE_URLS, AT(ice.servers), 0, 0, ""},
    {"links", "public_url", HZ_CONFIG_URL, AT(links.public_url), 0, 0, ""},
    {"tokens", "oidc_issuer", HZ_CONFIG_TEXT, AT(tokens.oidc_issuer), 0, 0, ""},
    {"tokens", "oidc_jwks_file", HZ_CONFIG_TEXT, AT(tokens.oidc_jwks_file), 0, 0, ""},
    {"tokens", "oidc_audience", HZ_CONFIG_TEXT, AT(tokens.oidc_audience), 0, 0, ""},
    {"limits", "participants_per_consult", HZ_CONFIG_U32, AT(limits.participants_per_consult), 1, 1000,
     "100"},
    {"limits", "consults", HZ_CONFIG_U32, AT(limits.consults), 1, 100000, "1000"},
    {"limits", "connections", HZ_CONFIG_U32, AT(limits.connections), 1, 100000, "4000"},
    {"limits", "connections_per_address", HZ_CONFIG_U32, AT(limits.connections_per_address), 1, 100000,
     "200"},
    {"limits", "requests_per_second", HZ_CONFIG_U32, AT(limits.requests_per_second), 1, 100000, "50"},
    {"record", "enabled", HZ_CONFIG_BOOL, AT(record.enabled), 0, 1, "true"},
    {"record", "dir", HZ_CONFIG_TEXT, AT(record.dir), 0, 0, ""},
    {"record", "master_key", HZ_CONFIG_TEXT, AT(record.master_key), 0, 0, ""},
    {"record", "min_free", HZ_CONFIG_U32, AT(record.min_free), 64, 1048576, "2048"},
    {"record", "memory", HZ_CONFIG_U32, AT(record.memory), 16, 65536, "256"},
    {"record", "writers", HZ_CONFIG_U32, AT(record.writers), 1, 16, "2"},
    {"record", "compose", HZ_CONFIG_BOOL, AT(record.compose), 0, 1, "true"},
    {"record", "captions", HZ_CONFIG_BOOL, AT(record.captions), 0, 1, "true"},
    {"record", "default", HZ_CONFIG_WISH, AT(record.wish), 0, 0, "off"},
    {"web", "dir", HZ_CONFIG_TEXT, AT(web.dir), 0, 0, ""},
    {"record", "pacs_url", HZ_CONFIG_BASE_URL, AT(archive.pacs_url), 0, 0, ""},
    {"record", "pacs_user", HZ_CONFIG_TEXT, AT(archive.pacs_user), 0, 0, ""},
    {"record", "pacs_password", HZ_CONFIG_SECRET, AT(archive.pacs_password), 0, 0, ""},
    {"record", "pacs_token", HZ_CONFIG_SECRET, AT(archive.pacs_token), 0, 0, ""},
    {"record", "pacs_ca", HZ_CONFIG_TEXT, AT(archive.pacs_ca), 0, 0, ""},
    {"record", "pacs_certificate", HZ_CONFIG_TEXT, AT(archive.pacs_certificate), 0, 0, ""},
    {"record", "pacs_key", HZ_CONFIG_TEXT, AT(archive.pacs_key), 0, 0, ""},
    {"record", "pacs_composed", HZ_CONFIG_BOOL, AT(archive.pacs_composed), 0, 1, "false"},
    {"record", "emr_url", HZ_CONFIG_BASE_URL, AT(archive.emr_url), 0, 0, ""},
    {"record", "emr_user", HZ_CONFIG_TEXT, AT(archive.emr_user), 0, 0, ""},
    {"record", "emr_password", HZ_CONFIG_SECRET, AT(archive.emr_password), 0, 0, ""},
    {"record", "emr_token", HZ_CONFIG_SECRET, AT(archive.emr_token), 0, 0, ""},
    {"record", "emr_ca", HZ_CONFIG_TEXT, AT(archive.emr_ca), 0, 0, ""},
    {"record", "emr_certificate", HZ_CONFIG_TEXT, AT(archive.emr_certificate), 0, 0, ""},
    {"record", "emr_key", HZ_CONFIG_TEXT, AT(archive.emr_key), 0, 0, ""},
    {"record", "emr_token_url", HZ_CONFIG_BASE_URL, AT(archive.emr_token_url), 0, 0, ""},
    {"record", "emr_client_id", HZ_CONFIG_TEXT, AT(archive.emr_client_id), 0, 0, ""},
    {"record", "emr_client_secret", HZ_CONFIG_SECRET, AT(archive.emr_client_secret), 0, 0, ""},
    {"record", "emr_scope", HZ_CONFIG_TEXT, AT(archive.emr_scope), 0, 0, ""},
    {"record", "emr_patient_system", HZ_CONFIG_TEXT, AT(archive.emr_patient_system), 0, 0, ""},
    {"record", "emr_create_patient", HZ_CONFIG_BOOL, AT(archive.emr_create_patient), 0, 1, "true"},
    {"record", "character_set", HZ_CONFIG_CHARSET, AT(archive.character_set), 0, 0, "utf-8"},
    {"record", "signature", HZ_CONFIG_SIGNATURE, AT(archive.signature), 0, 0, "es256"},
    {"record", "retention_media_days", HZ_CONFIG_U32, AT(archive.media_days), 0, 36525, "0"},
    {"record", "retention_days", HZ_CONFIG_U32, AT(archive.days), 0, 36525, "0"},
    {"record", "retry_seconds", HZ_CONFIG_U32, AT(archive.retry_seconds), 1, 86400, "900"},
    {"mix", "enabled", HZ_CONFIG_BOOL, AT(mix.enabled), 0, 1, "true"},
    {"mosaic", "enabled", HZ_CONFIG_BOOL, AT(mosaic.enabled), 0, 1, "true"},
    {"hls", "enabled", HZ_CONFIG_BOOL, AT(hls.enabled), 0, 1, "true"},
    {"hls", "dir", HZ_CONFIG_TEXT, AT(hls.dir), 0, 0, ""},
    {"hls", "window", HZ_CONFIG_U32, AT(hls.window_s), 12, 3600, "1800"},
    {"hls", "disk_mb", HZ_CONFIG_U32, AT(hls.disk_mb), 16, 1u << 24, "8192"},
    {"audience", "keep_days", HZ_CONFIG_U32, AT(audience.keep_days), 0, 36525, "0"},
    {"ingest", "enabled", HZ_CONFIG_BOOL, AT(ingest.enabled), 0, 1, "true"},
    {"ingest", "allow", HZ_CONFIG_NETWORKS, AT(ingest.allow), 0, 0, "private"},
    {"ingest", "folder", HZ_CONFIG_TEXT, AT(ingest.folder), 0, 0, ""},
    {"push", "enabled", HZ_CONFIG_BOOL, AT(push.enabled), 0, 1, "true"},
    {"push", "allow", HZ_CONFIG_NETWORKS, AT(push.allow), 0, 0, "private"},
    {"push", "ca", HZ_CONFIG_TEXT, AT(push.ca), 0, 0, ""},
    {"imaging", "enabled", HZ_CONFIG_BOOL, AT(imaging.enabled), 0, 1, "false"},
    {"imaging", "pacs", HZ_CONFIG_TEXT, AT(dicomweb.pacs), 0, 0, ""},
    {"imaging", "user", HZ_CONFIG_TEXT, AT(dicomweb.user), 0, 0, ""},
    {"imaging", "password", HZ_CONFIG_SECRET, AT(dicomweb.password), 0, 0, ""},
    {"imaging", "token", HZ_CONFIG_SECRET, AT(dicomweb.token), 0, 0, ""},
    {"imaging", "ca", HZ_CONFIG_TEXT, AT(dicomweb.ca), 0, 0, ""},
    {"imaging", "certificate", HZ_CONFIG_TEXT, AT(dicomweb.certificate), 0, 0, ""},
    {"imaging", "key", HZ_CONFIG_TEXT, AT(dicomweb.key), 0, 0, ""},
    {"imaging", "cache_gb", HZ_CONFIG_U32, AT(dicomweb.cache_gb), 1, 100000, "20"},
    {"imaging", "live", HZ_CONFIG_BOOL, AT(dicomweb.live), 0, 1, "true"},
    {"imaging", "local_gb", HZ_CONFIG_U32, AT(dicomweb.local_gb), 0, 100000, "20"},
    {"imaging", "forward", HZ_CONFIG_TEXT, AT(dicomweb.forward), 0, 0, ""},
    {"receive", "port", HZ_CONFIG_U16, AT(receive.port), 0, 65535, "0"},
    {"receive", "ae_title", HZ_CONFIG_TEXT, AT(receive.ae_title), 0, 0, "HUIZHEN"},
    {"receive", "callers", HZ_CONFIG_TEXT, AT(receive.callers), 0, 0, ""},
    {"receive", "allow", HZ_CONFIG_NETWORKS, AT(receive.allow), 0, 0, "private"},
    {"log", "level", HZ_CONFIG_LEVEL, AT(log.level), 0, 0, "info"},
};
const unsigned hz_config_table_count = sizeof(hz_config_table) / sizeof(hz_config_table[0]);

const struct hz_config_entry *hz_config_find(const char *section, const char *name)
{
	for (unsigned i = 0; i < hz_config_table_count; i++) {
		const struct hz_config_entry *e = &hz_config_table[i];
		if (strcmp(e->section, section) == 0 && strcmp(e->name, name) == 0)
			return e;
	}
	return NULL;
}

const struct hz_config_entry *hz_config_find_section(const char *section)
{
	for (unsigned i = 0; i < hz_config_table_count; i++)
		if (strcmp(hz_config_table[i].section, section) == 0)
			return &hz_config_table[i];
	return NULL;
}

// Levenshtein distance; long words are as far as can be.
static unsigned distance(const char *a, const char *b)
{
	unsigned row[33];
	size_t n = strlen(a), m = strlen(b);
	if (n > 32 || m > 32)
		return 99;
	for (unsigned j = 0; j <= m; j++)
		row[j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[m];
}

const char *hz_config_guess(const char *section, const char *name)
{
	const char *guess = NULL;
	unsigned nearest = 3; // two typing mistakes
	for (unsigned i = 0; i < hz_config_table_count; i++) {
		const struct hz_config_entry *e = &hz_config_table[i];
		const char *word = section ? e->name : e->section;
		if (section && strcmp(section, e->section) != 0)
			continue;
		unsigned d = distance(word, name);
		if (d < nearest) {
			nearest = d;
			guess = word;
		}
	}
	return guess;
}

static bool is_address(const char *text)
{
	struct in6_addr any;
	return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

bool hz_config_is_list(const char *text, unsigned most, bool (*is)(const char *one))
{
	char copy[HZ_CONFIG_TEXT_BYTES + 1], *rest = copy, *one;
	if (!*text)
		return true;
	snprintf(copy, sizeof(copy), "%s", text);
	for (unsigned n = 0; (one = strsep(&rest, ",")); n++) {
		one += strspn(one, " ");
		one[strcspn(one, " ")] = '\0';
		if (n == most || !is(one))
			return false;
	}
	return true;
}

static bool is_networks(const char *text)
{
	struct hz_ingest_network network[HZ_INGEST_NETWORKS];
	uint8_t count;
	return hz_ingest_allow_parse(text, network, &count) == 0;
}

bool hz_config_is_url(const char *text)
{
	if (!*text)
		return true;
	if (strncmp(text, "https://", 8) == 0)
		text += 8;
	else if (strncmp(text, "http://", 7) == 0)
		text += 7;
	else
		return false;
	static const char host[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
	size_t n = strspn(text, host);
	if (*text == '[') {
		n = strcspn(text, "]");
		n += text[n] == ']';
	}
	if (n == 0)
		return false;
	text += n;
	if (*text != ':')
		return !*text;
	n = strspn(++text, "0123456789");
	return n >= 1 && n <= 5 && !text[n];
}

bool hz_config_is_base_url(const char *text)
{
	char front[HZ_CONFIG_TEXT_BYTES + 1];
	const char *host = strstr(text, "://");
	if (!*text)
		return true;
	if (!host || strpbrk(text, "?# \"<>\\"))
		return false;
	snprintf(front, sizeof(front), "%.*s", (int)(strcspn(host + 3, "/") + (size_t)(host + 3 - text)),
	         text);
	return hz_config_is_url(front);
}

static bool is_level(const char *text)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	for (unsigned i = 0; i < 4; i++)
		if (strcmp(text, levels[i]) == 0)
			return true;
	return false;
}

static bool is_number(const char *text, const struct hz_config_entry *entry, uint32_t *ret)
{
	size_t n = strspn(text, "0123456789");
	if (n == 0 || n > 10 || text[n] || (n > 1 && text[0] == '0')) // 010 is 8 to some and 10 to others
		return false;
	unsigned long long v = strtoull(text, NULL, 10);
	if (v < entry->min || v > entry->max)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static int set_number(struct hz_config *config, const struct hz_config_entry *entry, const char *value,
                      char ret_want[HZ_CONFIG_WANT_BYTES])
{
	char *field = (char *)config + entry->offset;
	uint32_t number;
	if (!is_number(value, entry, &number)) {
		snprintf(ret_want, HZ_CONFIG_WANT_BYTES, "a number from %u to %u", entry->min, entry->max);
		return -EINVAL;
	}
	if (entry->type == HZ_CONFIG_U16) {
		uint16_t small = (uint16_t)number;
		memcpy(field, &small, sizeof(small));
	} else {
		memcpy(field, &number, sizeof(number));
	}
	return 0;
}

static int set_bool(struct hz_config *config, const struct hz_config_entry *entry, const char *value,
                    char ret_want[HZ_CONFIG_WANT_BYTES])
{
	bool on = strcmp(value, "true") == 0;
	if (!on && strcmp(value, "false") != 0) {
		snprintf(ret_want, HZ_CONFIG_WANT_BYTES, "true or false");
		return -EINVAL;
	}
	memcpy((char *)config + entry->offset, &on, sizeof(on));
	return 0;
}

static const char *text_problem(enum hz_config_type type, const char *value)
{
	size_t n = strlen(value);
	if (n > HZ_CONFIG_TEXT_BYTES)
		return "at most 1024 bytes";
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)value[i]))
			return "text without control characters";
	switch (type) {
	case HZ_CONFIG_NEEDED:
		return n ? NULL : "text that is not empty";
	case HZ_CONFIG_ADDRESS:
		return is_address(value) ? NULL : "an IP address such as 127.0.0.1 or ::";
	case HZ_CONFIG_ADDRESSES:
		return hz_config_is_list(value, UINT_MAX, is_address)
		           ? NULL
		           : "IP addresses with commas between them";
	case HZ_CONFIG_NETWORKS:
		return is_networks(value) ? NULL : "private, loopback, any, or networks such as 10.1.0.0/16";
	case HZ_CONFIG_URL:
		return hz_config_is_url(value) ? NULL : "https://host or https://host:port, no path";
	case HZ_CONFIG_BASE_URL:
		return hz_config_is_base_url(value) ? NULL : "https://host/path, without ? and #";
	case HZ_CONFIG_CHARSET:
		return strcmp(value, "utf-8") == 0 || strcmp(value, "gb18030") == 0 ? NULL
		                                                                    : "utf-8 or gb18030";
	case HZ_CONFIG_SIGNATURE:
		return strcmp(value, "es256") == 0 || strcmp(value, "sm2") == 0 ? NULL : "es256 or sm2";
	case HZ_CONFIG_ICE_URLS:
		return hz_config_is_ice_urls(value) ? NULL
		                                    : "at most 8 URLs such as turn:host:3478?transport=tcp";
	case HZ_CONFIG_AGENT:
		return strcmp(value, "lite") == 0 || strcmp(value, "full") == 0 ? NULL : "lite or full";
	case HZ_CONFIG_LEVEL:
		return is_level(value) ? NULL : "debug, info, warn or error";
	case HZ_CONFIG_WISH:
		return strcmp(value, "off") == 0 || strcmp(value, "on") == 0 ||
		               strcmp(value, "automatic") == 0
		           ? NULL
		           : "off, on or automatic";
	default:
		return NULL;
	}
}

int hz_config_set(struct hz_config *config, const struct hz_config_entry *entry, const char *value,
                  char ret_want[HZ_CONFIG_WANT_BYTES])
{
	if (entry->type == HZ_CONFIG_BOOL)
		return set_bool(config, entry, value, ret_want);
	if (entry->type >= HZ_CONFIG_U16)
		return set_number(config, entry, value, ret_want);
	const char *problem = text_problem(entry->type, value);
	if (problem) {
		snprintf(ret_want, HZ_CONFIG_WANT_BYTES, "%s", problem);
		return -EINVAL;
	}
	char **field = (char **)(void *)((char *)config + entry->offset);
	char *copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int hz_config_fail(char error[HZ_CONFIG_ERROR_BYTES], const struct hz_config_place *place, const char *hint,
                   const char *fmt, ...)
{
	char what[HZ_CONFIG_ERROR_BYTES], line[16] = "";
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (place->line)
		snprintf(line, sizeof(line), ":%u", place->line);
	int n =
	    snprintf(error, HZ_CONFIG_ERROR_BYTES, "%.120s, at %.70s%s: %s", what, place->file, line, hint);
	for (int i = 0; i < n && error[i]; i++)
		if (iscntrl((unsigned char)error[i]))
			error[i] = '?';
	return -EINVAL;
}
