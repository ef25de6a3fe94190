// Verbs of `huizhen record` that have a file of their own.
#ifndef HZ_GATEWAY_CLI_RECORD_H
#define HZ_GATEWAY_CLI_RECORD_H

#include <stdint.h>

#include <jansson.h>

#include "gateway/cli.h"

// What differs of a record's files: printed, or as a list. key: as in hz_certificate_verify().
struct hz_cli_files {
	unsigned faults;
	bool is_signed;
	json_t *list; // NULL: printed. {"file", "what"}
};
void hz_cli_record_files(const char *folder, const char *id, const char *key, struct hz_cli_files *files);
int hz_cli_record_finalize(const char *folder, const uint8_t *master); // an exit code

#endif
