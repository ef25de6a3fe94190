// Every scalar key of huizhen.yaml: where it lives in struct hz_config, its default, what it may be. The parser, the
// environment and the defaults all work from this table.
#ifndef HZ_GATEWAY_CONFIG_TABLE_H
#define HZ_GATEWAY_CONFIG_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/config.h"

#define HZ_CONFIG_MAX_KEYS   16   // tokens.keys
#define HZ_CONFIG_TEXT_BYTES 1024 // longest value

enum hz_config_type {
	HZ_CONFIG_SECRET,    // as TEXT, but never shown in an error
	HZ_CONFIG_TEXT,      // anything printable, may be ""
	HZ_CONFIG_NEEDED,    // the same, but not ""
	HZ_CONFIG_ADDRESS,   // one IP address
	HZ_CONFIG_ADDRESSES, // comma-separated IP addresses, may be ""
	HZ_CONFIG_NETWORKS,  // comma-separated networks, may be ""
	HZ_CONFIG_URL,       // http(s)://host[:port], may be ""
	HZ_CONFIG_BASE_URL,  // http(s)://host[:port][/path], may be ""
	HZ_CONFIG_CHARSET,   // utf-8 gb18030
	HZ_CONFIG_SIGNATURE, // es256 sm2
	HZ_CONFIG_ICE_URLS,  // comma-separated stun:, turn:, turns: URLs, may be ""
	HZ_CONFIG_LEVEL,     // debug info warn error
	HZ_CONFIG_WISH,      // off on automatic
	HZ_CONFIG_AGENT,     // lite full
	HZ_CONFIG_BOOL,      // true or false; from here on not text
	HZ_CONFIG_U16,
	HZ_CONFIG_U32,
};

struct hz_config_entry {
	const char *section, *name;
	enum hz_config_type type;
	size_t offset; // in struct hz_config
	uint32_t min, max;
	const char *fallback; // the default, as it would stand in the file
};

extern const struct hz_config_entry hz_config_table[];
extern const unsigned hz_config_table_count;

// NULL: no such key, no such section.
const struct hz_config_entry *hz_config_find(const char *section, const char *name);
const struct hz_config_entry *hz_config_find_section(const char *section);

// The known key (within the section) or, with section NULL, the known section most like name; NULL: none is close.
const char *hz_config_guess(const char *section, const char *name);

// Sets the field of entry. 0; -ENOMEM; -EINVAL with what it should have been in ret_want ("a number from 0 to 65535").
#define HZ_CONFIG_WANT_BYTES 96
int hz_config_set(struct hz_config *config, const struct hz_config_entry *entry, const char *value,
                  char ret_want[HZ_CONFIG_WANT_BYTES]);

// http(s)://host[:port] without a path, or "".
bool hz_config_is_url(const char *text);
bool hz_config_is_base_url(const char *text); // the same with a path, without ? and #

// stun:host[:port], turn:host[:port][?transport=udp|tcp], turns:host[:port][?transport=tcp] (config_ice.c)
#define HZ_ICE_HOST_BYTES 128
struct hz_ice_url {
	char host[HZ_ICE_HOST_BYTES]; // IPv6 without brackets
	uint16_t port;
	bool relay;  // turn, turns
	bool stream; // TCP
	bool tls;
};
bool hz_config_ice_url(const char *text, struct hz_ice_url *ret);
bool hz_config_is_ice_urls(const char *text); // a list, or ""
// "" or at most `most` things with commas between them, each of which is().
bool hz_config_is_list(const char *text, unsigned most, bool (*is)(const char *one));

// Where a problem is: file and line (0: unknown), or a name in the environment.
struct hz_config_place {
	const char *file;
	unsigned line;
};

// "what, at file:line, hint" into error; control characters become '?'. Returns -EINVAL.
int hz_config_fail(char error[HZ_CONFIG_ERROR_BYTES], const struct hz_config_place *place, const char *hint,
                   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

// Reads the text of a YAML file into config (config_yaml.c). Errors as hz_config_load().
int hz_config_yaml(struct hz_config *config, const char *file, const char *text, size_t bytes,
                   char error[HZ_CONFIG_ERROR_BYTES]);

#endif
