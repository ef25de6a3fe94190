// Arbitrary segments before the reader and the writer that goes on with them. Input: a byte of modes, then up to four
// segments, each u16 bytes and its bytes. Modes: 1: heads, tags and hashes are made good, so that what lies behind them is
// reached; 2: numbers of chunks stay as they are all the same.
// What must hold: a journal that reads without fault and has no END is gone on with, and then reads without fault to its END.
#include "recorder/journal/reader.h"
#include "recorder/journal/writer.h"
#include "tests/fuzz/journal_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hz_cipher *ciphers[RIG_TRACKS + 1];
static struct hz_hasher *hasher;

static void start(void)
{
	rig_make();
	atexit(rig_remove);
	if (hz_hasher_new(&hasher))
		abort();
	for (unsigned i = 0; i <= RIG_TRACKS; i++)
		if (hz_cipher_new(rig_keys[i], &ciphers[i]))
			abort();
}

struct fixing {
	uint32_t segment;
	uint64_t number;
	uint8_t chain[HZ_JOURNAL_HASH_BYTES], before[HZ_JOURNAL_HASH_BYTES];
	bool keep_numbers;
};

// The bytes of one chunk at p, made good; what it is long.
static size_t fix_chunk(struct fixing *f, uint8_t *p, size_t left)
{
	uint8_t hash[HZ_JOURNAL_HASH_BYTES], aad[HZ_JOURNAL_AAD_BYTES];
	size_t room = left - HZ_JOURNAL_CHUNK_HEAD - HZ_JOURNAL_CHUNK_TAIL;
	size_t plain = hz_get_u32(p + 40) <= room ? hz_get_u32(p + 40) : room;
	uint32_t track = hz_get_u32(p + 8);
	memcpy(p, hz_chunk_magic, 4);
	f->number++;
	if (!f->keep_numbers)
		hz_put_u64(p + 16, f->number);
	hz_put_u32(p + 40, (uint32_t)plain);
	memcpy(p + 48, p + 16, 8);
	hz_put_u32(p + 56, f->segment);
	hz_hash(hasher, NULL, p, 60, hash);
	memcpy(p + 60, hash, 4);
	hz_chunk_aad(rig_record, p, aad);
	uint8_t *sealed = p + HZ_JOURNAL_CHUNK_HEAD;
	if (hz_cipher_seal(ciphers[track <= RIG_TRACKS ? track : 0],
	                   &(struct hz_sealing){p + 48, aad, sizeof(aad), sealed, plain, sealed + plain}))
		abort();
	hz_hash(hasher, f->before, p, HZ_JOURNAL_CHUNK_HEAD + plain + HZ_GCM256_TAG_BYTES, f->before);
	memcpy(sealed + plain + HZ_GCM256_TAG_BYTES, f->before, sizeof(f->before));
	memcpy(f->chain, f->before, sizeof(f->chain));
	return HZ_JOURNAL_CHUNK_HEAD + plain + HZ_JOURNAL_CHUNK_TAIL;
}

static void fix_segment(struct fixing *f, uint8_t *p, size_t bytes)
{
	f->segment++;
	if (bytes < HZ_JOURNAL_SEGMENT_HEAD)
		return;
	memcpy(p, hz_segment_magic, 8);
	hz_put_u32(p + 8, HZ_JOURNAL_VERSION);
	hz_put_u32(p + 12, f->segment);
	memcpy(p + 16, rig_record, 16);
	memcpy(p + 48, f->chain, sizeof(f->chain));
	hz_hash(hasher, NULL, p, 88, p + 88);
	memcpy(f->before, p + 88, sizeof(f->before));
	size_t at = HZ_JOURNAL_SEGMENT_HEAD;
	while (bytes - at >= HZ_JOURNAL_CHUNK_HEAD + HZ_JOURNAL_CHUNK_TAIL)
		at += fix_chunk(f, p + at, bytes - at);
}

static void lay_out(const uint8_t *data, size_t size)
{
	struct fixing f = {.keep_numbers = data[0] & 2};
	size_t at = 1;
	for (unsigned i = 1; i <= RIG_SEGMENTS + 1; i++) { // one more: what going on has made
		char name[32], path[128];
		snprintf(name, sizeof(name), "journal/%04u.hzj", i);
		snprintf(path, sizeof(path), "%s/%s", rig_folder, name);
		if (i > RIG_SEGMENTS || size - at < 2) {
			unlink(path);
			continue;
		}
		size_t bytes = hz_get_u16(data + at);
		at += 2;
		if (bytes > size - at)
			bytes = size - at;
		uint8_t *copy = malloc(bytes + 1);
		if (!copy)
			abort();
		memcpy(copy, data + at, bytes);
		if (data[0] & 1)
			fix_segment(&f, copy, bytes);
		rig_write(name, copy, bytes);
		free(copy);
		at += bytes;
	}
}

static int read_all(const uint8_t *master, struct hz_journal_summary *ret)
{
	struct hz_journal_reader *reader;
	struct hz_journal_fault fault;
	struct hz_journal_item item;
	unsigned sum = 0;
	int err = hz_journal_reader_new(rig_folder, master, &reader);
	if (err)
		return err;
	while ((err = hz_journal_next(reader, &item)) == 1) {
		if (item.bytes > HZ_JOURNAL_RECORD_BYTES || item.track >= HZ_JOURNAL_TRACKS)
			abort();
		for (size_t i = 0; i < item.bytes; i++)
			sum += item.data[i];
		if (item.track && !hz_journal_track_json(reader, item.track))
			abort();
	}
	if (err == 0 && sum == 0xffffffff)
		abort(); // never: keeps the reads
	hz_journal_fault(reader, &fault);
	if ((err == -EBADMSG) != (fault.what[0] != 0))
		abort();
	if (hz_journal_next(reader, &item) > 0)
		abort();
	hz_journal_summary(reader, ret);
	hz_journal_reader_free(reader);
	return err;
}

static void go_on(void)
{
	struct hz_journal_open with = {.folder = rig_folder,
	                               .master = rig_master,
	                               .meta = "{}",
	                               .limit_bytes = 1 << 20,
	                               .monotonic_us = 1,
	                               .wall_us = 2};
	struct hz_journal_writer *w;
	struct hz_journal_summary s;
	memcpy(with.record, rig_record, sizeof(with.record));
	if (hz_journal_open(&with, &w) || hz_journal_end(w, 3, 4))
		abort();
	hz_journal_free(w);
	if (read_all(rig_master, &s) || !s.ended)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_journal_summary chain, opened;
	if (!hasher)
		start();
	if (size == 0)
		return 0;
	lay_out(data, size);
	int without = read_all(NULL, &chain);
	int err = read_all(rig_master, &opened);
	if (err == 0 && (without != 0 || chain.chunks != opened.chunks))
		abort();
	if (err == 0 && !opened.ended)
		go_on();
	return 0;
}
