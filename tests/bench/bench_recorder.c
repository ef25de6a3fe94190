// What the recorder costs: its CPU by packet that reaches the disk, with the load of a media worker's taps but without the
// worker. Compare with bench_worker: CPU per forwarded packet.
//
//   bench_recorder [RECORDS] [PACKETS A SECOND] [SECONDS] [FOLDER]     three video and three audio tracks a record
#include "tests/unit/recorder/recorder_rig.h"

#include <time.h>

#define TRACKS 6

static double cpu_of(pid_t pid)
{
	clockid_t clock;
	struct timespec t;
	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static hz_id track_of(unsigned record, unsigned track)
{
	return HZ_ID(record * TRACKS + track, 1);
}

static void open_all(struct recorder_rig *rig, unsigned records)
{
	for (unsigned i = 0; i < records; i++) {
		char id[HZ_REC_ID_BYTES];
		snprintf(id, sizeof(id), "0190a1b2-0000-7000-8000-%012x", i);
		rr_record(rig, id);
		for (unsigned t = 0; t < TRACKS; t++)
			rr_track_open(rig, id, 0, track_of(i, t), 0);
	}
	hz_record_link_start(rig->link);
	rr_expect(rig, "track", 0, records * TRACKS);
}

int main(int argc, char **argv)
{
	unsigned records = argc > 1 ? (unsigned)atoi(argv[1]) : 20;
	unsigned rate = argc > 2 ? (unsigned)atoi(argv[2]) : 12000;
	unsigned seconds = argc > 3 ? (unsigned)atoi(argv[3]) : 8;
	struct recorder_rig *rig = rr_new(argc > 4 ? argv[4] : "/tmp");
	struct hz_record_link_counters c;
	uint32_t put = 0, refused = 0;
	rig->memory_bytes = 256 << 20;
	rig->sandbox = true;
	rr_start(rig);
	open_all(rig, records);
	double cpu = cpu_of(rig->pid);
	unsigned worst_ms = 0;
	int64_t began_us = hz_now_us(), now_us;
	while ((now_us = hz_now_us()) < began_us + (int64_t)seconds * 1000000) {
		uint32_t due = (uint32_t)((now_us - began_us) * rate / 1000000);
		for (; put < due; put++)
			refused += rr_put(rig, 0, track_of(put % records, put / records % TRACKS), put) != 0;
		rr_turn(rig);
		hz_record_link_counters(rig->link, &c);
		worst_ms = c.recorder.behind_ms > worst_ms ? c.recorder.behind_ms : worst_ms;
	}
	cpu = cpu_of(rig->pid) - cpu;
	rr_run(rig, 2500000);
	hz_record_link_counters(rig->link, &c);
	printf(
	    "%u records, %u packets of 1,000 bytes a second: recorder %.1f %% of a core, %.2f us a packet\n",
	    records, rate, 100 * cpu / seconds, 1e6 * cpu / put);
	printf("on disk %llu of %u (ring full %u, lost %llu), at most %u ms behind, %llu chunks\n",
	       (unsigned long long)c.recorder.packets, put, refused,
	       (unsigned long long)c.recorder.lost_packets, worst_ms, (unsigned long long)c.recorder.chunks);
	rr_free(rig);
	return 0;
}
