// What was composed goes into manifest.json: its entries of these roles are replaced, everything else stays as it is. Files
// and manifest are in the current folder. Thread: one.
#ifndef HZ_RECORDER_COMPOSE_UPDATE_H
#define HZ_RECORDER_COMPOSE_UPDATE_H

#include "recorder/compose/input.h"

struct hz_update {
	const char *path, *role; // "composed"; "poster", "strip": JPEG
	int width, height;
	int64_t at_ms, duration_ms; // of "composed", like the following
	uint64_t frames;
	int rate;
	uint8_t h264[3]; // profile_idc, constraint flags, level_idc
};

// Durable: beside, synced, renamed. -errno.
int hz_update_manifest(const struct hz_input *input, const struct hz_update *files, unsigned count);

#endif
