// An hour of a consult, time-compressed, from its journal to files: how fast, and how well sound and picture stay together.
//
// Two publishers send H.264 and Opus; their sampling clocks are 200 ppm fast and slow against each other, one picture is
// late, both links drop for 5 s now and then, both are muted now and then, packets are lost, repaired late and doubled.
//
// usage: bench_finalize [--minutes N] [--json FILE]
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "recorder/finalize/finalize.h"
#include "tests/record/hour.h"

#define ID "00112233-4455-6677-8899-aabbccddeeff"

static uint8_t master[HZ_JOURNAL_KEY_BYTES] = {7};

static double seconds(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "bench_finalize: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void report(const char *folder, const char *name, json_t *ret)
{
	char path[256];
	static struct fake_seen seen;
	double early, late;
	snprintf(path, sizeof(path), "%s/tracks/%s", folder, name);
	fake_watch(path, &seen);
	unsigned pairs = fake_skew(&seen, &early, &late);
	printf("%-20s %7u pictures  %5u flashes with beeps  sound at most %.1f ms early, %.1f ms late  "
	       "(allowed 40, 60)\n",
	       name, seen.pictures, pairs, early, late);
	json_object_set_new(ret, name,
	                    json_pack("{s:i, s:i, s:f, s:f}", "pictures", (int)seen.pictures, "pairs",
	                              (int)pairs, "early_ms", early, "late_ms", late));
	if (early > 40 || late > 60 || pairs < 10)
		check(-ERANGE, "out of step");
}

int main(int argc, char **argv)
{
	int minutes = 60;
	const char *json = NULL;
	char folder[] = "/var/tmp/hz-bench-XXXXXX", error[HZ_FINALIZE_ERROR_BYTES] = "", command[128];
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--minutes") == 0)
			minutes = atoi(argv[i + 1]);
		if (strcmp(argv[i], "--json") == 0)
			json = argv[i + 1];
	}
	if (!mkdtemp(folder) || minutes < 1)
		return 2;
	struct fake_list list = {0};
	struct hour_sent sent[HOUR_PUBLISHERS];
	const struct hour_settings settings = {
	    .id = ID, .publishers = 2, .length_s = minutes * 60.0, .bps = 1800000, .rough = true};
	hour_make(&settings, &list, sent);
	uint64_t bytes = 0;
	for (size_t i = 0; i < list.count; i++)
		bytes += list.item[i].item.bytes;
	printf("%d minutes, 4 tracks, %zu packets, %.0f MB\n", minutes, list.count, (double)bytes / 1e6);
	hour_write(folder, master, &settings, &list, HZ_RECORD_ENDED);
	fake_list_free(&list);
	struct rusage before, after;
	int lock;
	getrusage(RUSAGE_SELF, &before);
	double began = seconds();
	check(hz_finalize_begin(folder, &lock), "begin");
	check(hz_finalize_tracks(folder, master, error), error);
	check(hz_finalize_end(folder, lock, 0, ""), "end");
	double took = seconds() - began;
	getrusage(RUSAGE_SELF, &after);
	double cpu = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec -
	                      before.ru_stime.tv_sec) +
	             (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec -
	                      before.ru_stime.tv_usec) /
	                 1e6;
	double speed = minutes * 60.0 / took;
	printf("finalised in %.2f s (%.2f s of CPU): %.0f times real time for the record, %.0f a track\n",
	       took, cpu, speed, speed * 4);
	json_t *result = json_pack("{s:i, s:f, s:f, s:f}", "minutes", minutes, "seconds", took, "cpu_s", cpu,
	                           "times_real_time", speed);
	report(folder, "p1.camera.1.mp4", result);
	report(folder, "p2.camera.1.mp4", result);
	if (json)
		json_dump_file(result, json, JSON_INDENT(2));
	json_decref(result);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) == 0 && speed * 4 >= 100 ? 0 : 1;
}
