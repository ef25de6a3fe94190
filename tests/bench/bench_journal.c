// What a record costs: CPU of putting a packet, of sealing a megabyte (AES-256-GCM and SHA-256 apart, too), of writing it, and
// how fast a journal is read and verified. Beside it: `openssl speed -evp aes-256-gcm -bytes 65536`, and sha256.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "recorder/journal/crypt.h"
#include "recorder/journal/reader.h"
#include "recorder/journal/writer.h"

#define TRACKS      4
#define ROUNDS      200
#define PACKET_MOST 1200

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %d\n", what, err);
	exit(1);
}

static int64_t cpu_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void bench_crypt(size_t bytes)
{
	static uint8_t data[1 << 18], key[32], nonce[12], aad[80], tag[16], hash[32];
	struct hz_cipher *cipher;
	struct hz_hasher *hasher;
	unsigned rounds = (unsigned)((256u << 20) / bytes);
	check(hz_cipher_new(key, &cipher), "cipher");
	check(hz_hasher_new(&hasher), "hasher");
	int64_t t0 = cpu_ns();
	for (unsigned i = 0; i < rounds; i++) {
		memcpy(nonce, &i, sizeof(i));
		check(hz_cipher_seal(cipher, &(struct hz_sealing){nonce, aad, sizeof(aad), data, bytes, tag}),
		      "seal");
	}
	int64_t t1 = cpu_ns();
	for (unsigned i = 0; i < rounds; i++)
		hz_hash(hasher, hash, data, bytes, hash);
	int64_t t2 = cpu_ns();
	double mb = (double)rounds * (double)bytes / 1e6;
	printf("%7zu byte chunks   AES-256-GCM %6.0f MB/s   SHA-256 %6.0f MB/s   both %5.0f us/MB\n", bytes,
	       mb * 1e9 / (double)(t1 - t0) / 1, mb * 1e9 / (double)(t2 - t1), (double)(t2 - t0) / 1e3 / mb);
	hz_cipher_free(cipher);
	hz_hasher_free(hasher);
}

struct costs {
	int64_t put, seal, sync, packets, bytes;
};

// As in a consult: `per_track` packets of each track, then seal and sync.
static void bench_writer(const char *folder, size_t packet, unsigned per_track)
{
	static uint8_t data[PACKET_MOST], master[32];
	struct hz_journal_open with = {
	    .folder = folder, .master = master, .meta = "{}", .limit_bytes = 64 << 20};
	struct hz_journal_writer *w;
	struct hz_journal_stats stats;
	struct costs c = {0};
	uint32_t track[TRACKS];
	int64_t now = 1000000;
	check(hz_journal_open(&with, &w), "open");
	for (unsigned t = 0; t < TRACKS; t++) {
		char key[8];
		snprintf(key, sizeof(key), "t%u", t);
		check(hz_journal_track(w, key, "{}", now, &track[t]), "track");
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		int64_t t0 = cpu_ns();
		for (unsigned i = 0; i < per_track; i++, now += 250000 / per_track)
			for (unsigned t = 0; t < TRACKS; t++)
				check(hz_journal_rtp(w, track[t], 0, data, packet, now), "rtp");
		int64_t t1 = cpu_ns();
		check(hz_journal_seal(w, now, now), "seal");
		int64_t t2 = cpu_ns();
		check(hz_journal_sync(w), "sync");
		c.put += t1 - t0;
		c.seal += t2 - t1;
		c.sync += cpu_ns() - t2;
	}
	check(hz_journal_end(w, now, now), "end");
	hz_journal_stats(w, &stats);
	hz_journal_free(w);
	c.packets = (int64_t)stats.packets;
	c.bytes = (int64_t)stats.bytes;
	printf("%7zu byte packets  put %4lld ns/packet   seal %5.0f us/MB   sync %5.0f us/MB (CPU)   all "
	       "%4lld ns/packet   "
	       "%.2f bytes on disk a byte\n",
	       packet, (long long)(c.put / c.packets), (double)c.seal / 1e3 / ((double)c.bytes / 1e6),
	       (double)c.sync / 1e3 / ((double)c.bytes / 1e6),
	       (long long)((c.put + c.seal + c.sync) / c.packets),
	       (double)c.bytes / ((double)c.packets * (double)packet));
}

static void bench_reader(const char *folder, const uint8_t *master, const char *what)
{
	struct hz_journal_reader *reader;
	struct hz_journal_item item;
	struct hz_journal_summary s;
	int err;
	check(hz_journal_reader_new(folder, master, &reader), "reader");
	int64_t t0 = cpu_ns();
	do
		err = hz_journal_next(reader, &item);
	while (err == 1);
	check(err, "next");
	int64_t ns = cpu_ns() - t0;
	hz_journal_summary(reader, &s);
	printf("%s: %.0f MB/s of CPU, %llu chunks of %llu bytes\n", what, (double)s.bytes * 1e3 / (double)ns,
	       (unsigned long long)s.chunks, (unsigned long long)(s.bytes / s.chunks));
	hz_journal_reader_free(reader);
}

// What going on after a crash costs: the newest segment is read, here a full one.
static void bench_resume(void)
{
	static uint8_t data[PACKET_MOST], master[32];
	char folder[] = "/dev/shm/hz-bench-XXXXXX", command[64];
	struct hz_journal_open with = {.master = master, .meta = "{}", .limit_bytes = 64 << 20};
	struct hz_journal_writer *w;
	uint32_t track;
	int64_t now = 0;
	with.folder = mkdtemp(folder);
	check(hz_journal_open(&with, &w), "open");
	check(hz_journal_track(w, "t", "{}", 0, &track), "track");
	for (unsigned bytes = 0; bytes < HZ_JOURNAL_SEGMENT_BYTES - 300000;
	     bytes += PACKET_MOST + 8, now += 1000) {
		check(hz_journal_rtp(w, track, 0, data, PACKET_MOST, now), "rtp");
		if (now % 250000 == 0)
			check(hz_journal_seal(w, now, now) ? -1 : hz_journal_sync(w), "sync");
	}
	check(hz_journal_seal(w, now, now) ? -1 : hz_journal_sync(w), "sync");
	hz_journal_free(w);
	int64_t t0 = cpu_ns();
	check(hz_journal_open(&with, &w), "resume");
	printf("going on after a crash: %.1f ms of CPU at most (a full segment of %llu MB)\n",
	       (double)(cpu_ns() - t0) / 1e6, HZ_JOURNAL_SEGMENT_BYTES >> 20);
	hz_journal_free(w);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	check(system(command), "rm");
}

int main(void)
{
	static const struct {
		size_t packet;
		unsigned per_track;
	} shapes[] = {{100, 13}, {1100, 60}, {1100, 240}}; // audio; video of 2 and of 8 Mbit/s a track
	static const uint8_t master[32];
	for (size_t bytes = 1024; bytes <= 262144; bytes *= 8)
		bench_crypt(bytes);
	for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		char folder[] = "/dev/shm/hz-bench-XXXXXX", command[64];
		if (!mkdtemp(folder))
			return 1;
		bench_writer(folder, shapes[i].packet, shapes[i].per_track);
		if (i == 2) {
			bench_reader(folder, master, "read and opened");
			bench_reader(folder, NULL, "the chain alone");
		}
		snprintf(command, sizeof(command), "rm -rf %s", folder);
		if (system(command) != 0)
			return 1;
	}
	bench_resume();
	return 0;
}
