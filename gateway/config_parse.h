// The two halves of hz_config_load(): finding and reading the file, and making a configuration of its text. Apart, so
// that the supervisor keeps exactly the text that it checked, and so that the fuzzer needs no file.
#ifndef HZ_GATEWAY_CONFIG_PARSE_H
#define HZ_GATEWAY_CONFIG_PARSE_H

#include <stddef.h>

#include "gateway/config.h"

#define HZ_CONFIG_FILE_BYTES 65536 // a larger file is refused

struct hz_config_text {
	char *path; // NULL: no file was asked for and none is there; then text is ""
	char *text;
	size_t bytes;
};

// Reads path, or when NULL the first of ./huizhen.yaml and /etc/huizhen/huizhen.yaml that is there. Errors as
// hz_config_load(). *ret is the caller's: hz_config_text_done(), which wipes it.
int hz_config_read(const char *path, char ret_error[HZ_CONFIG_ERROR_BYTES], struct hz_config_text *ret);
void hz_config_text_done(struct hz_config_text *text);

// Text, then the environment, then ranges. Errors as hz_config_load().
int hz_config_parse(const struct hz_config_text *text, char ret_error[HZ_CONFIG_ERROR_BYTES],
                    struct hz_config **ret);

#endif
