// A data folder of its own for each test, with a store in it.
#ifndef HZ_TESTS_UNIT_STORE_SCRATCH_H
#define HZ_TESTS_UNIT_STORE_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "gateway/store/store.h"

struct scratch {
	char dir[64];
	struct hz_store *store;
};

static inline void scratch_remove(const char *dir)
{
	static const char *const names[] = {"huizhen.db", "huizhen.db-wal", "huizhen.db-shm",
	                                    "runtime.db", "runtime.db-wal", "runtime.db-shm",
	                                    "keys.json"};
	char path[128];
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

static inline struct hz_store *scratch_reopen(struct scratch *s)
{
	char error[HZ_STORE_ERROR_BYTES] = "";
	hz_store_close(s->store);
	s->store = NULL;
	int err = hz_store_open(s->dir, error, &s->store);
	if (err)
		fail_msg("store: %d %s", err, error);
	return s->store;
}

static inline int scratch_setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));
	snprintf(s->dir, sizeof(s->dir), "/tmp/hz-store-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	scratch_reopen(s);
	*state = s;
	return 0;
}

static inline int scratch_teardown(void **state)
{
	struct scratch *s = *state;
	hz_store_close(s->store);
	scratch_remove(s->dir);
	free(s);
	return 0;
}

// 32 bytes that differ by seed.
static inline const uint8_t *hash_of(unsigned seed)
{
	static uint8_t hash[8][HZ_STORE_HASH_BYTES];
	static unsigned at;
	uint8_t *h = hash[at++ % 8];
	memset(h, 0, HZ_STORE_HASH_BYTES);
	memcpy(h, &seed, sizeof(seed));
	return h;
}

#endif
