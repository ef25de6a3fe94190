// Whether the wall clock may be believed. A clock that jumped (an empty battery, a wrong server of time) would make every
// record look older than its retention, and what is deleted does not come back.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/log.h"
#include "recorder/archive/internal.h"
#include "recorder/record/files.h"

#define HOUR_MS 3600000ll
#define DAY_MS  (24 * HOUR_MS)
#define AWAY_MS (30 * DAY_MS) // longer without an archive is strange, too
#define HOLD_MS                                                                                              \
	DAY_MS // of steady running: time for somebody to notice, or for a server of time to put it right

static void path_of(const char *store, char ret[HZ_RECORD_PATH_BYTES + 32])
{
	snprintf(ret, HZ_RECORD_PATH_BYTES + 32, "%s/archive.clock", store);
}

static void hold(struct hz_archive_clock *c, int64_t step_ms, int64_t boot_ms)
{
	c->held_until_ms = boot_ms + HOLD_MS;
	hz_warn("archive.clock", "jumped_s=%lld deleting=\"not for 24 h\"", (long long)(step_ms / 1000));
}

void hz_archive_clock_open(struct hz_archive_clock *c, const char *store, int64_t wall_ms, int64_t boot_ms)
{
	char path[HZ_RECORD_PATH_BYTES + 32], *text = NULL;
	*c = (struct hz_archive_clock){.wall_ms = wall_ms, .boot_ms = boot_ms};
	path_of(store, path);
	if (hz_document_read(path, 64, &text, NULL))
		return; // the first archive of this store
	int64_t seen_ms = strtoll(text, NULL, 10);
	free(text);
	if (wall_ms - seen_ms > AWAY_MS || seen_ms - wall_ms > HOUR_MS)
		hold(c, wall_ms - seen_ms, boot_ms);
}

bool hz_archive_clock_good(struct hz_archive_clock *c, int64_t wall_ms, int64_t boot_ms)
{
	int64_t step_ms = (wall_ms - c->wall_ms) - (boot_ms - c->boot_ms);
	c->wall_ms = wall_ms;
	c->boot_ms = boot_ms;
	if (step_ms > HOUR_MS || step_ms < -HOUR_MS)
		hold(c, step_ms, boot_ms);
	return boot_ms >= c->held_until_ms;
}

void hz_archive_clock_note(struct hz_archive_clock *c, const char *store)
{
	char path[HZ_RECORD_PATH_BYTES + 32], text[32];
	if (c->noted_ms && c->boot_ms - c->noted_ms < HOUR_MS / 2)
		return;
	path_of(store, path);
	int n = snprintf(text, sizeof(text), "%lld\n", (long long)c->wall_ms);
	if (hz_document_write(path, text, (size_t)n, 0640) == 0)
		c->noted_ms = c->boot_ms ? c->boot_ms : 1;
}

int64_t hz_archive_boot_ms(void)
{
	struct timespec at;
	clock_gettime(CLOCK_BOOTTIME, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}
