// Frames into HTJ2K by processes of their own: bit by bit what came, for each depth, sign and colour, its resolutions prefixes of it;
// what would not be exact goes out as it came; a process that dies takes one order with it and is there again.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/memfd.h"
#include "gateway/base/seqpacket.h"
#include "media/dicomweb/request.h"
#include "media/dicomweb/turning.h"
#include "media/imaging/frame.h"

#define ROWS    61u
#define COLUMNS 70u

static uint8_t pixels_of[ROWS * COLUMNS * 3 * 2];

// Every value, extremes side by side; signed ones with their sign in all of the word.
static size_t make(const struct hz_dweb_pixels *p)
{
	size_t count = (size_t)p->rows * p->columns * p->samples, cell = p->allocated / 8;
	uint32_t state = 1, top = 1u << p->stored;
	for (size_t i = 0; i < count; i++) {
		state = state * 1103515245u + 12345u;
		uint32_t v = i % 3 ? (state >> 8) % top : i % 2 ? top - 1 : 0;
		if (p->is_signed)
			v -= top / 2;
		pixels_of[i * cell] = (uint8_t)v;
		if (cell == 2)
			pixels_of[i * cell + 1] = (uint8_t)(v >> 8);
	}
	return count * cell;
}

static struct hz_dweb_pixels shape(uint8_t samples, uint8_t stored, uint8_t is_signed)
{
	return (struct hz_dweb_pixels){.rows = ROWS,
	                               .columns = COLUMNS,
	                               .samples = samples,
	                               .allocated = stored > 8 ? 16 : 8,
	                               .stored = stored,
	                               .is_signed = is_signed,
	                               .photometric = "MONOCHROME2"};
}

static struct hz_turn_result turn(const struct hz_dweb_pixels *p, size_t bytes, int *ret_out)
{
	const struct hz_turn_order order = {.id = 5, .bytes = bytes, .pixels = *p};
	struct hz_turn_result result;
	int in = -1;
	*ret_out = memfd_create("out", 0);
	assert_int_equal(hz_memfd_from("in", pixels_of, bytes, &in), 0);
	hz_turn_do(&order, in, *ret_out, -1, &result);
	assert_int_equal(result.id, 5);
	close(in);
	return result;
}

// A waveform, overlays and lookup tables become JSON; what is none a word why, which is an answer, too.
static void read_as_json(void **state)
{
	static const char object[] = "no DICOM at all", answer[] = "{\"fault\":\"not-dicom\"}";
	static const uint32_t kinds[] = {HZ_DWEB_WAVE, HZ_DWEB_OVERLAYS, HZ_DWEB_LUTS};
	for (unsigned i = 0; i < 3; i++) {
		struct hz_turn_order order = {.id = 9, .bytes = sizeof(object), .reads = kinds[i]};
		struct hz_turn_result result;
		char text[200] = "";
		int in = -1, out = memfd_create("out", 0);
		assert_int_equal(hz_memfd_from("in", object, sizeof(object), &in), 0);
		hz_turn_do(&order, in, out, -1, &result);
		assert_int_equal(result.id, 9);
		assert_int_equal(result.bytes, sizeof(answer) - 1);
		assert_int_equal(result.levels, 0);
		assert_int_equal(result.end[0], result.bytes);
		assert_int_equal(pread(out, text, sizeof(text) - 1, 0), (ssize_t)result.bytes);
		assert_string_equal(text, answer);
		order.bytes = 0;
		hz_turn_do(&order, in, out, -1, &result);
		assert_int_equal(result.bytes, 0);
		close(in);
		close(out);
	}
}

static void decode_again(const struct hz_dweb_pixels *p, const char *data, size_t bytes,
                         const uint8_t *expect)
{
	const struct hz_pixel_shape s = {.columns = p->columns,
	                                 .rows = p->rows,
	                                 .samples = p->samples,
	                                 .bits_allocated = p->allocated,
	                                 .bits_stored = p->stored,
	                                 .high_bit = (uint8_t)(p->stored - 1),
	                                 .is_signed = p->is_signed,
	                                 .photometric = p->samples == 3 ? HZ_RGB : HZ_MONOCHROME2};
	const struct hz_frame_source source = {.data = (const void *)data, .bytes = bytes, .encoded = true};
	struct hz_frame frame;
	struct hz_dicom_fault fault;
	assert_int_equal(hz_frame_decode(&source, &s, 0, &fault, &frame), 0);
	assert_memory_equal(frame.data, expect, frame.bytes);
	hz_frame_done(&frame);
}

static void exact(void **state)
{
	static const uint8_t kinds[][3] = {{1, 8, 0},  {1, 8, 1},  {1, 10, 0}, {1, 12, 0}, {1, 12, 1},
	                                   {1, 14, 1}, {1, 16, 0}, {1, 16, 1}, {3, 8, 0}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct hz_dweb_pixels p = shape(kinds[i][0], kinds[i][1], kinds[i][2]);
		size_t count = make(&p), bytes = 0;
		char *data = NULL;
		int out;
		if (p.samples == 3)
			strcpy(p.photometric, "RGB");
		assert_int_equal(hz_turn_kind(&p, "application/octet-stream", pixels_of, count),
		                 HZ_TURN_SAMPLES);
		struct hz_turn_result r = turn(&p, count, &out);
		assert_true(r.bytes > 0 && r.levels >= 1 && r.end[r.levels] == r.bytes);
		assert_true(r.end[0] < r.bytes / 2);
		assert_int_equal(hz_memfd_read(out, 1 << 20, &data, &bytes), 0);
		assert_int_equal(bytes, r.bytes);
		decode_again(&p, data, bytes, pixels_of);
		free(data);
		close(out);
	}
}

static void by_plane(void **state)
{
	struct hz_dweb_pixels p = shape(3, 8, 0);
	size_t count = make(&p), bytes = 0, plane = count / 3;
	uint8_t *mixed = malloc(count);
	char *data = NULL;
	int out;
	strcpy(p.photometric, "RGB");
	p.planar = 1;
	for (size_t i = 0; i < count; i++)
		mixed[i] = pixels_of[i % 3 * plane + i / 3];
	struct hz_turn_result r = turn(&p, count, &out);
	assert_int_equal(hz_memfd_read(out, 1 << 20, &data, &bytes), 0);
	assert_true(r.bytes && bytes == r.bytes);
	decode_again(&p, data, bytes, mixed);
	free(data);
	free(mixed);
	close(out);
}

static void as_they_came(void **state)
{
	struct hz_dweb_pixels p = shape(1, 12, 0);
	size_t count = make(&p);
	int out;
	pixels_of[1001] |= 0x80; // an overlay's bit beside a sample
	assert_int_equal(turn(&p, count, &out).bytes, 0);
	close(out);
	make(&p);
	p.is_signed = 1; // signs that are not extended
	assert_int_equal(turn(&p, count, &out).bytes, 0);
	close(out);
	p = shape(1, 8, 0);
	strcpy(p.photometric, "PALETTE_COLOR");
	assert_int_equal(turn(&p, ROWS * COLUMNS, &out).bytes, 0);
	close(out);
	p = shape(1, 8, 0);
	p.allocated = 16; // eight bits in words
	assert_int_equal(turn(&p, ROWS * COLUMNS * 2, &out).bytes, 0);
	close(out);
	p = shape(1, 16, 0);
	assert_int_equal(turn(&p, 100, &out).bytes, 0); // less than was promised
	close(out);
}

static void kinds(void **state)
{
	struct hz_dweb_pixels p = shape(1, 12, 0);
	size_t whole = ROWS * COLUMNS * 2;
	static const uint8_t dct12[] = {0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc1, 0, 11, 12, 0, 61};
	static const uint8_t dct8[] = {0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 61};
	static const uint8_t odd[] = {0xff, 0xd8, 0xff, 0xff, 0xff, 0xe1, 0xff, 0xff, 0, 0};
	make(&p);
	pixels_of[0] = 0xff;
	pixels_of[1] = 0xd8;
	assert_int_equal(hz_turn_kind(&p, "image/jpeg", pixels_of, whole), HZ_TURN_NOT);
	assert_int_equal(hz_turn_kind(&p, "application/octet-stream", pixels_of, whole), HZ_TURN_SAMPLES);
	assert_int_equal(hz_turn_kind(&p, "application/octet-stream", pixels_of, whole - 1), HZ_TURN_NOT);
	pixels_of[1] = 0; // as long as the pixels, and without a mark
	assert_int_equal(hz_turn_kind(&p, "image/dicom-rle", pixels_of, whole), HZ_TURN_NOT);
	assert_int_equal(hz_turn_kind(&p, "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.5",
	                              pixels_of, whole),
	                 HZ_TURN_NOT);
	assert_int_equal(hz_turn_kind(&p, "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1",
	                              pixels_of, whole),
	                 HZ_TURN_SAMPLES);
	pixels_of[1] = 0xd8;
	assert_int_equal(hz_turn_kind(&p, "image/jpeg", dct12, sizeof(dct12)), HZ_TURN_CODESTREAM);
	assert_int_equal(hz_turn_kind(&p, "image/jpeg", dct8, sizeof(dct8)), HZ_TURN_NOT);
	assert_int_equal(hz_turn_kind(&p, "", odd, sizeof(odd)), HZ_TURN_NOT);
	for (size_t n = 0; n < sizeof(dct12) - 2; n++) // cut anywhere
		assert_int_equal(hz_turn_kind(&p, "", dct12, n < 13 ? n : 12), HZ_TURN_NOT);
	p.rows = p.columns = 65535; // 8 GiB
	assert_int_equal(hz_turn_kind(&p, "", pixels_of, whole), HZ_TURN_NOT);
}

static void words(void **state)
{
	static const char *const bad[] = {"",
	                                  "1,2,3",
	                                  "61,70,1,16,12,0,0,",
	                                  "61,70,2,16,12,0,0,RGB",
	                                  "61,70,1,12,12,0,0,MONOCHROME2",
	                                  "0,70,1,16,12,0,0,MONOCHROME2",
	                                  "61,70,1,16,17,0,0,MONOCHROME2",
	                                  "61,70,1,16,12,2,0,MONOCHROME2",
	                                  "61,70,1,272,12,0,0,MONOCHROME2",
	                                  "-1,70,1,16,12,0,0,MONOCHROME2",
	                                  "61,70,1,16,12,0,0,MONO CHROME",
	                                  "61,70,1,16,12,0,0,A_PHOTOMETRIC_INTERPRETATION",
	                                  "4294967357,70,1,16,12,0,0,MONOCHROME2"};
	struct hz_dweb_pixels p;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(hz_dweb_pixels_parse(bad[i], &p));
	assert_true(hz_dweb_pixels_parse("61,70,1,16,12,1,0,MONOCHROME2", &p));
	assert_int_equal(p.rows, 61);
	assert_int_equal(p.is_signed, 1);
	// Another word about the pixels is another thing in the cache.
	struct hz_dweb_request r = {.kind = HZ_DWEB_FRAME, .frame = 1, .pacs = "main"};
	char key[3][HZ_DWEB_HASH_BYTES];
	hz_dweb_request_key(&r, key[0]);
	r.pixels = p;
	hz_dweb_request_key(&r, key[1]);
	r.pixels.is_signed = 0;
	hz_dweb_request_key(&r, key[2]);
	assert_string_not_equal(key[0], key[1]);
	assert_string_not_equal(key[1], key[2]);
}

static struct {
	uint64_t id;
	size_t bytes;
	unsigned count;
} seen;

static void on_turned(void *ctx, const struct hz_turned *turned)
{
	seen.id = turned->id;
	seen.bytes = turned->bytes;
	seen.count++;
}

static void wait_for(struct hz_turning *t, int fd, unsigned count)
{
	for (int i = 0; i < 2000 && seen.count < count; i++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		poll(&p, 1, 10);
		hz_turning_read(t);
	}
	assert_int_equal(seen.count, count);
}

static pid_t child_of(pid_t parent)
{
	char path[64], text[32] = "";
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	char *line = fgets(text, sizeof(text), f);
	fclose(f);
	return line ? (pid_t)strtol(text, NULL, 10) : 0;
}

static void dies(void **state)
{
	int err = 0;
	struct hz_dweb_pixels p = shape(1, 12, 0);
	struct hz_turn_order order = {.id = 1, .bytes = make(&p), .pixels = p};
	struct hz_turning *t = NULL;
	int pair[1][2];
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(hz_seqpacket_pair(0, pair[0]), 0);
	pid_t nursery = hz_turn_nursery((const int(*)[2])pair, 1);
	assert_true(nursery > 0);
	assert_int_equal(hz_turning_new(pair[0], 1, on_turned, NULL, &t), 0);
	assert_int_equal(hz_turning_ask(t, &order, pixels_of), 0);
	wait_for(t, pair[0][0], 1);
	assert_true(seen.id == 1 && seen.bytes > 0);
	pid_t child = child_of(nursery);
	assert_true(child > 0);
	kill(child, SIGSTOP); // so that it has an order when it dies
	order.id = 2;
	assert_int_equal(hz_turning_ask(t, &order, pixels_of), 0);
	hz_turning_read(t);
	kill(child, SIGKILL);
	wait_for(t, pair[0][0], 2);
	assert_true(seen.id == 2 && seen.bytes > 0); // by the next one
	// Who dies with the second one, too, dies of it: as it came.
	order.id = 20;
	for (int i = 0; i < 2; i++) {
		pid_t next = child_of(nursery);
		kill(next, SIGSTOP);
		if (i == 0)
			assert_int_equal(hz_turning_ask(t, &order, pixels_of), 0);
		hz_turning_read(t);
		usleep(1000);
		kill(next, SIGKILL);
		for (int k = 0; k < 500 && (child_of(nursery) == next || !child_of(nursery)); k++)
			usleep(1000);
		kill(child_of(nursery), SIGSTOP); // before it has taken what waits for it
		struct pollfd p1 = {.fd = pair[0][0], .events = POLLIN};
		if (poll(&p1, 1, 50) == 0) { // it had not said HELLO yet
			kill(child_of(nursery), SIGCONT);
			poll(&p1, 1, 5000);
			kill(child_of(nursery), SIGSTOP);
		}
		hz_turning_read(t);
	}
	kill(child_of(nursery), SIGCONT);
	wait_for(t, pair[0][0], 3);
	assert_int_equal(seen.id, 20);
	order.id = 3;
	assert_int_equal(hz_turning_ask(t, &order, pixels_of), 0);
	wait_for(t, pair[0][0], 4);
	assert_true(seen.id == 3 && seen.bytes > 0);
	// One that does not answer: given back when its time is over.
	kill(child_of(nursery), SIGSTOP);
	order.id = 4;
	assert_int_equal(hz_turning_ask(t, &order, pixels_of), 0);
	hz_turning_read(t);
	hz_turning_tick(t, hz_now_us() + 60000000);
	assert_true(seen.id == 4 && seen.bytes == 0);
	// None is left: that is said, and no frame is given back for it, under way or asked for later.
	order.id = 5;
	assert_int_equal(hz_turning_ask(t, &order, pixels_of), 0);
	kill(nursery, SIGKILL);
	for (int i = 0; i < 500 && (err = hz_turning_read(t)) == 0; i++)
		usleep(10000);
	assert_int_equal(err, -EPIPE);
	order.id = 6;
	assert_int_equal(hz_turning_ask(t, &order, pixels_of), 0);
	hz_turning_tick(t, hz_now_us());
	assert_int_equal(hz_turning_read(t), -EPIPE);
	assert_int_equal(seen.id, 4);
	hz_turning_free(t);
	close(pair[0][0]);
}

static struct {
	unsigned made, proven;
	size_t bytes;
	char first[64];
} heard;

static void on_either(void *ctx, const struct hz_turned *turned)
{
	assert_int_equal(turned->id, 7);
	*(turned->made ? &heard.made : &heard.proven) += 1;
	if (turned->made)
		memcpy(heard.first, turned->data, sizeof(heard.first));
	else
		assert_memory_equal(heard.first, turned->data, sizeof(heard.first));
	assert_true(!heard.bytes || turned->bytes == heard.bytes);
	heard.bytes = turned->bytes;
}

// Of a large one it is said that it is made, and then that it is proven; of a small one the last only.
static void large(void **state)
{
	struct hz_dweb_pixels p = shape(1, 12, 0);
	p.rows = 600;
	p.columns = 1000;
	uint8_t *data = calloc(600 * 1000, 2);
	for (size_t i = 0; i < 600 * 1000; i++)
		data[2 * i] = (uint8_t)(i * 2654435761u >> 24 & 7);
	const struct hz_turn_order order = {.id = 7, .bytes = 1200000, .pixels = p};
	struct hz_turning *t = NULL;
	int pair[1][2];
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(hz_seqpacket_pair(0, pair[0]), 0);
	pid_t nursery = hz_turn_nursery((const int(*)[2])pair, 1);
	assert_int_equal(hz_turning_new(pair[0], 1, on_either, NULL, &t), 0);
	assert_int_equal(hz_turning_ask(t, &order, data), 0);
	for (int i = 0; i < 2000 && !heard.proven; i++) {
		struct pollfd wait = {.fd = pair[0][0], .events = POLLIN};
		poll(&wait, 1, 10);
		hz_turning_read(t);
	}
	assert_true(heard.made == 1 && heard.proven == 1 && heard.bytes > 0);
	hz_turning_free(t);
	kill(nursery, SIGKILL);
	close(pair[0][0]);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read_as_json), cmocka_unit_test(dies),     cmocka_unit_test(large),
	    cmocka_unit_test(exact),        cmocka_unit_test(by_plane), cmocka_unit_test(as_they_came),
	    cmocka_unit_test(kinds),        cmocka_unit_test(words),
	};
	if (hz_dicom_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
