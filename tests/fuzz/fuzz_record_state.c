// state.json: what is read can be written, and is then read as the same.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/hz-state-XXXXXX";

static void drop(void)
{
	char path[64];
	memcpy(path, folder, sizeof(folder) - 1);
	memcpy(path + sizeof(folder) - 1, "/state.json", 12);
	unlink(path);
	rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	struct hz_record_state state, again;
	uint8_t id[16];
	if (!made) {
		if (!mkdtemp(folder))
			abort();
		atexit(drop);
		made = true;
	}
	if (hz_record_state_parse((const char *)data, size, &state))
		return 0;
	if (hz_record_id_bytes(state.id, id) || hz_record_state_write(folder, &state) ||
	    hz_record_state_read(folder, &again) || memcmp(&state, &again, sizeof(state)) != 0)
		abort();
	return 0;
}
