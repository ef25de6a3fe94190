// Writes the seeds of fuzz_journal: what the writer makes, as it is and with its chunks opened (mode 1 seals them again).
//   ninja journal_seeds && build/release/tests/fuzz/journal_seeds tests/fuzz/corpus/journal
#include "recorder/journal/chain.h"
#include "recorder/journal/writer.h"
#include "tests/fuzz/journal_rig.h"

static uint8_t seed[1 << 16];
static size_t seed_bytes;

static void check(int err)
{
	if (err)
		abort();
}

static void open_writer(struct hz_journal_writer **ret)
{
	struct hz_journal_open with = {.folder = rig_folder,
	                               .master = rig_master,
	                               .meta = "{\"id\":\"r\"}",
	                               .limit_bytes = 1 << 20,
	                               .monotonic_us = 1000,
	                               .wall_us = 2000};
	memcpy(with.record, rig_record, sizeof(with.record));
	check(hz_journal_open(&with, ret));
}

// `parts` times a writer that dies; at last END, when it is wanted.
static void write_record(unsigned parts, bool end)
{
	static const uint8_t packet[20] = {0x80, 96}, sr[24] = {1};
	struct hz_journal_writer *w;
	uint32_t a, b;
	for (unsigned i = 0; i < parts; i++) {
		open_writer(&w);
		check(hz_journal_track(w, "a", "{\"kind\":\"audio\"}", 1000, &a));
		check(hz_journal_track(w, "b", "{\"kind\":\"video\"}", 1000, &b));
		check(hz_journal_event(w, i + 1, "{\"type\":\"join\"}", 15, 1500));
		check(hz_journal_rtp(w, a, 1, packet, sizeof(packet), 2000));
		check(hz_journal_sender_report(w, b, sr, 2500));
		hz_journal_lost(w, b, 3, 300, "ring");
		check(end && i + 1 == parts ? hz_journal_end(w, 3000, 4000) : hz_journal_seal(w, 3000, 4000));
		check(hz_journal_sync(w));
		hz_journal_free(w);
	}
}

static void open_chunks(uint32_t segment, uint8_t *p, size_t bytes)
{
	uint8_t aad[HZ_JOURNAL_AAD_BYTES];
	for (size_t at = HZ_JOURNAL_SEGMENT_HEAD; at + HZ_JOURNAL_CHUNK_HEAD < bytes;) {
		struct hz_cipher *cipher;
		uint8_t *c = p + at, *sealed = c + HZ_JOURNAL_CHUNK_HEAD;
		size_t plain = hz_get_u32(c + 40);
		hz_chunk_aad(rig_record, c, aad);
		check(hz_cipher_new(rig_keys[hz_get_u32(c + 8)], &cipher));
		check(hz_cipher_open(cipher, &(struct hz_sealing){hz_chunk_nonce(c), aad, sizeof(aad), sealed,
		                                                  plain, sealed + plain}));
		hz_cipher_free(cipher);
		at += HZ_JOURNAL_CHUNK_HEAD + plain + HZ_JOURNAL_CHUNK_TAIL;
	}
}

static void take(uint8_t mode, unsigned segments)
{
	seed_bytes = 0;
	seed[seed_bytes++] = mode;
	for (unsigned i = 1; i <= segments; i++) {
		char path[128];
		uint8_t *at = seed + seed_bytes + 2;
		snprintf(path, sizeof(path), "%s/journal/%04u.hzj", rig_folder, i);
		int fd = open(path, O_RDONLY);
		ssize_t n = fd < 0 ? -1 : read(fd, at, 16384);
		check(n < 0);
		close(fd);
		if (mode & 1)
			open_chunks(i, at, (size_t)n);
		hz_put_u16(at - 2, (uint16_t)n);
		seed_bytes += 2 + (size_t)n;
	}
}

static void save(const char *folder, const char *name, size_t cut)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "wb");
	check(!f || fwrite(seed, 1, seed_bytes - cut, f) != seed_bytes - cut || fclose(f));
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	for (unsigned parts = 1; parts <= 2; parts++)
		for (unsigned end = 0; end < 2; end++)
			for (uint8_t mode = 0; mode < 2; mode++) {
				char name[64];
				rig_make();
				write_record(parts, end);
				take(mode, parts);
				snprintf(name, sizeof(name), "%u-%s-%s", parts, end ? "ended" : "open",
				         mode ? "plain" : "sealed");
				save(argv[1], name, 0);
				if (!end) {
					snprintf(name, sizeof(name), "%u-torn-%s", parts,
					         mode ? "plain" : "sealed");
					save(argv[1], name, 60);
				}
				rig_remove();
			}
	return 0;
}
