// A record of several segments, cut at every byte, and altered in every byte: the first is a crash and is gone on from, the
// second is found and named.
#include "recorder/journal/chain.h"
#include "tests/unit/recorder/rig.h"

#define SEGMENTS 8
#define CHUNKS   64
#define CAP      16384
#if defined(__SANITIZE_THREAD__)
#define STEP 5 // threads have nothing to do with it, and it takes minutes: other builds take every byte
#else
#define STEP 1
#endif

struct image { // of journal/
	unsigned segments;
	size_t bytes[SEGMENTS];
	uint8_t data[SEGMENTS][CAP];
};

struct whole { // chunks of an image, in order
	unsigned count;
	uint32_t segment[CHUNKS];
	uint64_t begin[CHUNKS], end[CHUNKS];
	unsigned media[CHUNKS]; // packets up to and with this one
};

static struct image full;
static struct whole chunks;

static void segment_path(const struct rig *rig, unsigned i, char ret[320])
{
	snprintf(ret, 320, "%s/journal/%04u.hzj", rig->folder, i + 1);
}

static void image_take(const struct rig *rig, struct image *ret)
{
	char path[320];
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < SEGMENTS; i++) {
		segment_path(rig, i, path);
		int fd = open(path, O_RDONLY);
		if (fd < 0)
			break;
		ret->bytes[i] = (size_t)read(fd, ret->data[i], CAP);
		assert_true(ret->bytes[i] < CAP);
		close(fd);
		ret->segments++;
	}
}

static void image_put(const struct rig *rig, const struct image *image)
{
	char path[320];
	for (unsigned i = 0; i < SEGMENTS; i++) {
		segment_path(rig, i, path);
		unlink(path);
		if (i >= image->segments)
			continue;
		int fd = open(path, O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, image->data[i], image->bytes[i]), (ssize_t)image->bytes[i]);
		close(fd);
	}
}

static void chunks_take(const struct rig *rig, struct whole *ret)
{
	char path[320];
	struct hz_chain chain;
	snprintf(path, sizeof(path), "%s/journal", rig->folder);
	memset(ret, 0, sizeof(*ret));
	assert_int_equal(hz_chain_open(open(path, O_RDONLY | O_DIRECTORY), 1, &chain), 0);
	while (hz_chain_next(&chain) == 1) {
		unsigned i = ret->count++;
		assert_true(i < CHUNKS);
		ret->segment[i] = chain.segment.number;
		ret->begin[i] = chain.chunk_offset;
		ret->end[i] = chain.offset;
		ret->media[i] = (i ? ret->media[i - 1] : 0) +
		                (chain.chunk.kind == HZ_CHUNK_MEDIA ? chain.chunk.records : 0);
	}
	hz_chain_close(&chain);
}

// Three segments: one that was full, one that a crash ended, one with the end.
static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	rig_init(rig);
	rig->segment_bytes = 700;
	rig_open(rig);
	uint32_t a = rig_track(rig, "a"), b = rig_track(rig, "b"), n = 0;
	for (; n < 24; n++) {
		assert_int_equal(rig_put(rig, a, n), 0);
		assert_int_equal(rig_put(rig, b, n), 0);
		if (n % 6 == 5)
			assert_int_equal(rig_seal_sync(rig), 0);
		if (n != 17)
			continue;
		rig_drop(rig);
		rig_open(rig);
		rig_track(rig, "a");
		rig_track(rig, "b");
	}
	assert_int_equal(hz_journal_event(rig->w, 1, "{\"type\":\"leave\"}", 16, rig->now_us), 0);
	assert_int_equal(rig_end(rig), 0);
	rig_drop(rig);
	image_take(rig, &full);
	chunks_take(rig, &chunks);
	assert_true(full.segments >= 3);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	rig_done(*state);
	free(*state);
	return 0;
}

// What a crash leaves that came when `bytes` of segment i were written.
static struct image cut_at(unsigned i, size_t bytes)
{
	struct image cut = full;
	cut.segments = i + 1;
	cut.bytes[i] = bytes;
	return cut;
}

static void goes_on(struct rig *rig, size_t torn, unsigned media)
{
	struct rig_read read;
	rig_open(rig);
	uint32_t a = rig_track(rig, "a");
	assert_int_equal(rig_put(rig, a, 1000), 0);
	assert_int_equal(rig_end(rig), 0);
	rig_drop(rig);
	rig_read(rig, &read);
	assert_int_equal(read.err, 0);
	assert_true(read.summary.ended);
	assert_int_equal(read.media, media + 1);
	assert_int_equal(read.summary.torn_bytes, 0);
	assert_true(read.summary.cut_bytes >= torn);
}

static void cut_at_every_byte(void **state)
{
	struct rig *rig = *state;
	struct rig_read read;
	for (unsigned i = 0; i < full.segments; i++)
		for (size_t bytes = 0; bytes < full.bytes[i]; bytes += STEP) {
			struct image cut = cut_at(i, bytes);
			unsigned k = 0;
			while (k < chunks.count && (chunks.segment[k] < i + 1 ||
			                            (chunks.segment[k] == i + 1 && chunks.end[k] <= bytes)))
				k++;
			unsigned media = k ? chunks.media[k - 1] : 0;
			size_t whole = k && chunks.segment[k - 1] == i + 1 ? chunks.end[k - 1]
			               : bytes >= HZ_JOURNAL_SEGMENT_HEAD  ? HZ_JOURNAL_SEGMENT_HEAD
			                                                   : 0;
			image_put(rig, &cut);
			rig_read(rig, &read);
			if (read.err || read.media != media || read.summary.torn_bytes != bytes - whole)
				fail_msg("segment %u cut at %zu: %d %s, %u of %u packets", i + 1, bytes,
				         read.err, read.fault.what, read.media, media);
			assert_false(read.summary.ended);
			goes_on(rig, bytes - whole, media);
		}
}

static void altered_in_every_byte(void **state)
{
	struct rig *rig = *state;
	struct rig_read read;
	for (unsigned i = 0; i < full.segments; i++)
		for (size_t at = 0; at < full.bytes[i]; at += STEP) {
			struct image altered = full;
			char name[16];
			altered.data[i][at] ^= (uint8_t)(1u << at % 8);
			image_put(rig, &altered);
			hz_segment_name(i + 1, name);
			for (unsigned with_key = 0; with_key < 2; with_key++) {
				rig_read_with(rig->folder, with_key ? rig->master : NULL, &read);
				if (read.err != -EBADMSG || strcmp(read.fault.file, name) != 0)
					fail_msg("%s altered at %zu: %d %s %s", name, at, read.err,
					         read.fault.file, read.fault.what);
				unsigned k = 0;
				while (k < chunks.count &&
				       (chunks.segment[k] != i + 1 || chunks.end[k] <= at))
					k++;
				assert_int_equal(read.fault.offset,
				                 at < HZ_JOURNAL_SEGMENT_HEAD ? 0 : chunks.begin[k]);
				assert_int_equal(read.fault.chunk, at < HZ_JOURNAL_SEGMENT_HEAD ? 0 : k + 1);
			}
		}
	image_put(rig, &full);
}

// The writer must not take an alteration for a tail and cut it off.
static void altered_is_not_gone_on_from(void **state)
{
	struct rig *rig = *state;
	struct image open_end = full, after;
	unsigned last = full.segments - 1;
	open_end.bytes[last] = chunks.begin[chunks.count - 1]; // without END
	for (size_t at = 0; at < open_end.bytes[last]; at++) {
		struct image altered = open_end;
		altered.data[last][at] ^= 0x40;
		image_put(rig, &altered);
		assert_int_equal(rig_try_open(rig), -EBADMSG);
		image_take(rig, &after);
		assert_int_equal(after.segments, altered.segments);
		assert_memory_equal(after.data[last], altered.data[last], altered.bytes[last]);
	}
	image_put(rig, &full);
}

static void altered_keys(void **state)
{
	static const char *const names[] = {"record", "0001", "0002"};
	struct rig *rig = *state;
	struct rig_read read;
	for (unsigned i = 0; i < 3; i++) {
		char path[320], file[32];
		uint8_t byte;
		snprintf(path, sizeof(path), "%s/keys/%s", rig->folder, names[i]);
		snprintf(file, sizeof(file), "keys/%s", names[i]);
		int fd = open(path, O_RDWR);
		assert_true(fd >= 0);
		for (off_t at = 0; pread(fd, &byte, 1, at) == 1; at++) {
			byte ^= 2;
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
			rig_read(rig, &read);
			assert_int_equal(read.err, i ? -EBADMSG : -EKEYREJECTED);
			if (i)
				assert_string_equal(read.fault.file, file);
			byte ^= 2;
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		}
		close(fd);
	}
	rig_read(rig, &read);
	assert_int_equal(read.err, 0);
}

static void expect_fault(struct rig *rig, const struct image *image, const char *file, const char *what)
{
	struct rig_read read;
	image_put(rig, image);
	rig_read(rig, &read);
	assert_int_equal(read.err, -EBADMSG);
	assert_string_equal(read.fault.file, file);
	assert_non_null(strstr(read.fault.what, what));
}

static void pieces_taken_away_or_put_in(void **state)
{
	struct rig *rig = *state;
	struct image image = full;
	char path[320], last[16];
	size_t k = 0;
	while (chunks.segment[k] != 1 ||
	       chunks.segment[k + 1] != 1) // a chunk in the middle of the first segment
		k++;
	size_t begin = (size_t)chunks.begin[k], end = (size_t)chunks.end[k], one = end - begin;
	memmove(image.data[0] + begin, image.data[0] + end, image.bytes[0] - end);
	image.bytes[0] -= one;
	expect_fault(rig, &image, "0001.hzj", "follows");
	image = full; // twice
	memmove(image.data[0] + end, image.data[0] + begin, image.bytes[0] - begin);
	image.bytes[0] += one;
	expect_fault(rig, &image, "0001.hzj", "follows");
	image = full; // behind the end
	hz_segment_name(full.segments, last);
	image.data[full.segments - 1][image.bytes[full.segments - 1]++] = 1;
	expect_fault(rig, &image, last, "behind the end");
	image = full; // the tail of a segment that is not the last
	image.bytes[0]--;
	expect_fault(rig, &image, "0001.hzj", "cut off");
	image = full;
	image.bytes[1] = 0;
	expect_fault(rig, &image, "0003.hzj", "chain");
	image_put(rig, &full);
	segment_path(rig, 1, path);
	unlink(path);
	struct rig_read read;
	rig_read(rig, &read);
	assert_int_equal(read.err, -EBADMSG);
	assert_string_equal(read.fault.file, "0002.hzj");
	image_put(rig, &full);
	snprintf(path, sizeof(path), "%s/keys/0002", rig->folder);
	unlink(path);
	rig_read(rig, &read);
	assert_string_equal(read.fault.file, "keys/0002");
	assert_string_equal(read.fault.what, "is missing");
}

// A power cut may leave a file with its length and zeros instead of its contents.
static void zeros_of_a_power_cut(void **state)
{
	struct rig *rig = *state;
	struct image image = full;
	unsigned last = full.segments - 1;
	struct rig_read read;
	image.bytes[last] = chunks.begin[chunks.count - 1];
	size_t whole = image.bytes[last];
	memset(image.data[last] + whole, 0, 2048);
	image.bytes[last] += 2048;
	image_put(rig, &image);
	rig_read(rig, &read);
	assert_int_equal(read.err, 0);
	assert_int_equal(read.summary.torn_bytes, 2048);
	goes_on(rig, 2048, chunks.media[chunks.count - 1]);
	image = full; // from a sector's begin, in the middle of what was written
	assert_true(full.bytes[last] > 512 + 64);
	memset(image.data[last] + 512, 0, full.bytes[last] - 512);
	image_put(rig, &image);
	rig_read(rig, &read);
	assert_int_equal(read.err, 0);
	assert_true(read.summary.torn_bytes >= full.bytes[last] - 512);
	image = full; // too few for that, or not to the end
	memset(image.data[last] + full.bytes[last] - 8, 0, 8);
	image_put(rig, &image);
	rig_read(rig, &read);
	assert_int_equal(read.err, -EBADMSG);
	image = full;
	memset(image.data[last] + 512, 0, full.bytes[last] - 512 - 1);
	image.data[last][full.bytes[last] - 1] |= 1; // one time in 256 it is a zero by itself
	image_put(rig, &image);
	rig_read(rig, &read);
	assert_int_equal(read.err, -EBADMSG);
	image_put(rig, &full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(cut_at_every_byte, setup, teardown),
	    cmocka_unit_test_setup_teardown(altered_in_every_byte, setup, teardown),
	    cmocka_unit_test_setup_teardown(altered_is_not_gone_on_from, setup, teardown),
	    cmocka_unit_test_setup_teardown(altered_keys, setup, teardown),
	    cmocka_unit_test_setup_teardown(pieces_taken_away_or_put_in, setup, teardown),
	    cmocka_unit_test_setup_teardown(zeros_of_a_power_cut, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
