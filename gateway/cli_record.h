// Verbs of `huizhen record` that have a file of their own.
#ifndef HZ_GATEWAY_CLI_RECORD_H
#define HZ_GATEWAY_CLI_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/cli.h"
#include "recorder/journal/keys.h"
#include "recorder/store.h"

struct hz_cli_record {
	const char *record; // an id, or a folder; NULL: all
	const char *config, *store, *master_key;
	const char *key; // --key: public key that certificates are checked with; NULL: the store's
	const char *to;  // of export: a folder that is made
	bool json, chain_only;
	char root[HZ_RECORD_PATH_BYTES]; // of the store
	char master[HZ_RECORD_PATH_BYTES + 16];
	uint32_t min_free; // MiB of the store's disk that are left to consults
};

int hz_cli_record_finalize(const char *folder, const uint8_t *master); // an exit code
int hz_cli_record_prepare(const char *folder, uint8_t *master);        // an exit code; wipes the key
int hz_cli_record_verify(const struct hz_cli_record *options);         // the same
int hz_cli_record_export(const struct hz_cli_record *options);         // the same
void hz_cli_record_yield(void); // media workers and the recorder come first, for processor and disk

// The folder of the one that was named; verb: for the error line. 0, or an exit code after it.
int hz_cli_record_folder(const struct hz_cli_record *options, const char *verb,
                         char ret[HZ_RECORD_PATH_BYTES]);
// 0, or an exit code after an error line.
int hz_cli_record_master(const struct hz_cli_record *options, uint8_t ret[HZ_JOURNAL_KEY_BYTES]);
int hz_cli_record_print(void *json); // takes a json_t *; NULL: out of memory. An exit code
// erase, hold, release: argv[0] is the verb, argv[1] the record. An exit code.
bool hz_cli_record_erases(const char *verb); // one of these
int hz_cli_record_erase(int argc, char **argv);

#endif
