// What the command line does to a gateway's data: sign a join token, make a join link. Works with no gateway running
// and beside a running one (through the store's file lock). Thread: one caller.
#ifndef HZ_GATEWAY_CONTROL_ADMIN_H
#define HZ_GATEWAY_CONTROL_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/config.h"

#define HZ_ADMIN_ERROR_BYTES 256
#define HZ_ADMIN_TOKEN_BYTES 4096
#define HZ_ADMIN_URL_BYTES   512

struct hz_admin_token_spec {
	const char *consult; // 1..64 of [A-Za-z0-9._-]
	const char *role;
	const char *id;   // participant id; NULL: a random one
	const char *name; // NULL or "": the id
	uint32_t ttl_s;   // 0: one hour
	bool once;        // its first join uses it up
	bool consent;     // the caller vouches for the consent to being recorded
	bool create;      // also carries the grant `create`
};

// Signs a token with the first configured key, or with that of data.dir/keys.json (made when missing).
// 0; -EINVAL (a field is wrong), -EACCES, -EIO ...: then error holds one line: what, where, what to do.
int hz_admin_token(const struct hz_config *config, const struct hz_admin_token_spec *spec,
                   char error[HZ_ADMIN_ERROR_BYTES], char ret_token[HZ_ADMIN_TOKEN_BYTES]);

struct hz_admin_link_spec {
	const char
	    *consult;      // opened when it does not exist; -EINVAL when closed. NULL: a link to the console
	const char *title; // of a consult that is opened; NULL: its id
	const char *role;
	const char *name;
	uint32_t ttl_s; // 0: 24 hours; 60 seconds to 365 days
	bool reusable;  // otherwise it works once
};

// Writes a link into the store of data.dir and returns its URL: links.public_url, else https://localhost:PORT/j/CODE
// (http://127.0.0.1:PORT when HTTPS is off). Errors as above, -EBUSY when the store stays locked for 5 s.
int hz_admin_link(const struct hz_config *config, const struct hz_admin_link_spec *spec,
                  char error[HZ_ADMIN_ERROR_BYTES], char ret_url[HZ_ADMIN_URL_BYTES]);

// Opens a consult if it does not exist (./dev run). 0, or errors as above.
int hz_admin_consult(const struct hz_config *config, const char *id, const char *title,
                     char error[HZ_ADMIN_ERROR_BYTES]);

#endif
