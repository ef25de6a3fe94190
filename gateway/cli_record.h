// Verbs of `huizhen record` that have a file of their own.
#ifndef HZ_GATEWAY_CLI_RECORD_H
#define HZ_GATEWAY_CLI_RECORD_H

#include <stdint.h>

#include "gateway/cli.h"

int hz_cli_record_finalize(const char *folder, const uint8_t *master); // an exit code

#endif
