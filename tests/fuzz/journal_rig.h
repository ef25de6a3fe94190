// A scratch record whose keys are the same in every run, so that seeds made by the writer open.
#ifndef HZ_TESTS_FUZZ_JOURNAL_RIG_H
#define HZ_TESTS_FUZZ_JOURNAL_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/journal/wire.h"

#define RIG_TRACKS   3
#define RIG_SEGMENTS 4

static const uint8_t rig_record[16] = "fuzzed journals.";
static uint8_t rig_keys[RIG_TRACKS + 1][HZ_JOURNAL_KEY_BYTES], rig_master[HZ_JOURNAL_KEY_BYTES];
static char rig_folder[64];

static inline void rig_write(const char *name, const void *data, size_t bytes)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", rig_folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes)
		abort();
	close(fd);
}

// docs/journal-format.md: a key's file
static inline void rig_key_file(uint32_t track, const uint8_t *wrapping)
{
	uint8_t file[68] = "HZJKEY1\n", aad[28] = "HZJKEY1\n";
	struct hz_cipher *cipher;
	char name[32] = "keys/record";
	if (track)
		snprintf(name, sizeof(name), "keys/%04u", track);
	memcpy(file + 20, rig_keys[track], HZ_JOURNAL_KEY_BYTES);
	memcpy(aad + 8, rig_record, 16);
	hz_put_u32(aad + 24, track);
	if (hz_cipher_new(wrapping, &cipher) ||
	    hz_cipher_seal(cipher,
	                   &(struct hz_sealing){file + 8, aad, sizeof(aad), file + 20, 32, file + 52}))
		abort();
	hz_cipher_free(cipher);
	rig_write(name, file, sizeof(file));
}

static inline void rig_remove(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", rig_folder);
	if (system(command) != 0)
		abort();
}

static inline void rig_make(void)
{
	char path[128];
	snprintf(rig_folder, sizeof(rig_folder), "/dev/shm/hz-fuzz-XXXXXX");
	if (!mkdtemp(rig_folder))
		abort();
	snprintf(path, sizeof(path), "%s/journal", rig_folder);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/keys", rig_folder);
	mkdir(path, 0700);
	for (uint32_t i = 0; i <= RIG_TRACKS; i++) {
		memset(rig_keys[i], (int)i + 1, HZ_JOURNAL_KEY_BYTES);
		rig_key_file(i, i ? rig_keys[0] : rig_master);
	}
}

#endif
