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
#include "recorder/journal/writer.h"
#include "recorder/store.h"
#include "tests/unit/finalize/fake_media.h"

#define ID   "00112233-4455-6677-8899-aabbccddeeff"
#define BASE 1000000000ll // monotonic time of the begin

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

static void put(struct hz_journal_writer *w, const struct hz_journal_item *i, uint32_t *track)
{
	if (i->kind == HZ_RECORD_TRACK) {
		json_t *root = json_loadb((const char *)i->data, i->bytes, 0, NULL);
		char *text = json_dumps(root, 0);
		uint32_t number = (uint32_t)json_integer_value(json_object_get(root, "track"));
		check(hz_journal_track(w, json_string_value(json_object_get(root, "key")), text, i->at_us,
		                       &track[number]),
		      "track");
		free(text);
		json_decref(root);
	} else if (i->kind == HZ_RECORD_RTP) {
		check(hz_journal_rtp(w, track[i->track], i->flags, i->data, i->bytes, i->at_us), "packet");
	} else {
		check(hz_journal_sender_report(w, track[i->track], i->data, i->at_us), "report");
	}
}

static void write_journal(const char *folder, struct fake_list *list)
{
	struct hz_journal_writer *w;
	struct hz_journal_open with = {.folder = folder,
	                               .master = master,
	                               .meta = "{\"id\":\"" ID "\",\"consult\":\"bench\"}",
	                               .limit_bytes = 64 << 20,
	                               .monotonic_us = BASE,
	                               .wall_us = FAKE_ZERO_US};
	struct hz_record_state state = {.id = ID, .consult = "bench", .phase = HZ_RECORD_ENDED};
	uint32_t track[8] = {0};
	int64_t sealed = BASE;
	hz_record_id_bytes(ID, with.record);
	check(hz_journal_open(&with, &w), "journal");
	for (size_t i = 0; i < list->count; i++) {
		const struct hz_journal_item *item = &list->item[i].item;
		put(w, item, track);
		if (item->at_us - sealed < 250000)
			continue;
		sealed = item->at_us;
		check(hz_journal_seal(w, sealed, FAKE_ZERO_US + sealed - BASE), "seal");
		check(hz_journal_sync(w), "sync");
	}
	check(hz_journal_end(w, sealed, FAKE_ZERO_US + sealed - BASE), "end");
	hz_journal_free(w);
	check(hz_record_state_write(folder, &state), "state");
}

// Interruptions come again every `period` seconds: one publisher a piece.
static void publish(struct fake_list *list, struct fake_publisher p, const struct fake_clip *clip,
                    double until, double period, unsigned phase)
{
	double from = p.from_s;
	p.start_s = from;
	p.loop = true;
	p.pieces = true;
	p.until_s = until;
	p.period_s = period;
	p.phase = phase;
	fake_publish(list, &p, clip);
}

static struct fake_list make(double length)
{
	struct fake_list list = {0};
	struct fake_clip video = fake_video("h264", 1280, 720, 30, 10, 2);
	struct fake_clip fast = fake_audio(200, (int)length + 2), slow = fake_audio(-200, (int)length + 2);
	fake_describe(&list, 1, "p1", "camera", 0);
	fake_describe(&list, 2, "p1", "microphone", 0);
	fake_describe(&list, 3, "p2", "camera", 0);
	fake_describe(&list, 4, "p2", "microphone", 0);
	struct fake_publisher v = {
	    .codec = "h264", .pt = 102, .fps = 30, .loss = 0.00005, .repaired = 0.01, .twice = 0.005};
	struct fake_publisher a = {.codec = "opus", .pt = 111, .fps = 50, .loss = 0.005, .repaired = 0.01};
	v.track = 1, v.ssrc = 11, v.ppm = -200, v.ntp_ppm = 100, v.ntp_offset_s = 500, v.from_s = 7,
	v.seed = 1;
	publish(&list, v, &video, length, 300, 0);
	a.track = 2, a.ssrc = 12, a.ppm = 200, a.ntp_ppm = 100, a.ntp_offset_s = 500, a.from_s = 0,
	a.seed = 2;
	publish(&list, a, &fast, length, 300, 0);
	v.track = 3, v.ssrc = 13, v.ppm = 200, v.ntp_ppm = -100, v.ntp_offset_s = -9e5, v.from_s = 2,
	v.seed = 3;
	publish(&list, v, &video, length, 420, 1);
	a.track = 4, a.ssrc = 14, a.ppm = -200, a.ntp_ppm = -100, a.ntp_offset_s = -9e5, a.from_s = 1,
	a.seed = 4;
	publish(&list, a, &slow, length, 420, 1);
	fake_clip_free(&video);
	fake_clip_free(&fast);
	fake_clip_free(&slow);
	fake_sort(&list);
	return list;
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
	struct fake_list list = make(minutes * 60.0);
	uint64_t bytes = 0;
	for (size_t i = 0; i < list.count; i++)
		bytes += list.item[i].item.bytes;
	printf("%d minutes, 4 tracks, %zu packets, %.0f MB\n", minutes, list.count, (double)bytes / 1e6);
	write_journal(folder, &list);
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
