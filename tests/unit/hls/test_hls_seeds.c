// Seeds of fuzz_hls: short programmes as the packager's input has them. With HZ_SEEDS=FOLDER they are written there.
#include "tests/unit/hls/fake_programme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/hls/wire.h"
#include "media/rtp/bytes.h"

#define ROOM 200000

struct seed {
	uint8_t data[ROOM];
	size_t bytes;
};

static void put(struct seed *s, struct hz_hls_wire w, const void *data)
{
	assert_true(s->bytes + HZ_HLS_WIRE_BYTES + w.bytes <= ROOM);
	uint8_t *at = s->data + s->bytes;
	memset(at, 0, HZ_HLS_WIRE_BYTES);
	at[0] = (uint8_t)w.kind;
	at[1] = (uint8_t)w.track;
	hz_put32(at + 4, w.bytes);
	hz_put64(at + 8, (uint64_t)w.pts);
	hz_put64(at + 16, (uint64_t)w.pts);
	hz_put64(at + 24, (uint64_t)w.mark_us);
	if (w.bytes)
		memcpy(at + HZ_HLS_WIRE_BYTES, data, w.bytes);
	s->bytes += HZ_HLS_WIRE_BYTES + w.bytes;
}

static struct hz_hls_wire unit(char kind, unsigned track, int64_t pts, int64_t mark_us, size_t bytes)
{
	return (struct hz_hls_wire){
	    .kind = kind, .track = track, .bytes = (uint32_t)bytes, .pts = pts, .mark_us = mark_us};
}

static void say(struct seed *s, char kind, int64_t mark_us)
{
	put(s, unit(kind, 0, 0, mark_us, 0), NULL);
}

// Pictures n of [from, until) at 5 a second, with their sound; a keyframe every 5.
static void programme(struct seed *s, long from, long until, int64_t shift, unsigned width)
{
	uint8_t buf[4096];
	for (long n = from; n < until; n++) {
		int64_t mark = FAKE_ZERO_US + n * 200000;
		size_t bytes = fake_video(buf, n % 5 == 0, width, 192, n, 4);
		put(s, unit('U', 0, n * 18000 + shift, mark, bytes), buf);
		put(s, unit('U', 1, n * 18000 + shift, mark, bytes), buf);
		put(s, unit('U', 2, n * 9600, mark, 5), "sound");
		put(s, unit('U', 3, n * 9600, mark, 5), "\x08opus");
		say(s, 'T', mark + 100000);
	}
}

static void slates(struct seed *s)
{
	uint8_t buf[4096];
	for (int i = 0; i < 3; i++) {
		size_t bytes = fake_video(buf, i == 0, 160, 96, i, 4);
		put(s, unit('S', 0, i * 18000, 0, bytes), buf);
		put(s, unit('S', 2, i * 1024, 0, 5), "still");
	}
}

static unsigned read_back(const struct seed *s)
{
	unsigned n = 0;
	for (size_t at = 1; at < s->bytes; n++) {
		struct hz_hls_wire w;
		assert_int_equal(hz_hls_wire_parse(s->data + at, &w), 0);
		at += HZ_HLS_WIRE_BYTES + w.bytes;
	}
	return n;
}

static void keep(const struct seed *s, const char *name)
{
	const char *folder = getenv("HZ_SEEDS");
	char path[512];
	assert_true(read_back(s) <= 600);
	if (!folder)
		return;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(s->data, 1, s->bytes, f), s->bytes);
	fclose(f);
}

static void seeds(void **state)
{
	static const struct {
		const char *name;
		uint8_t setting;
		int64_t shift;
		unsigned width;
		int cut_at; // picture; -1: none
		int64_t back_us;
	} list[] = {{"plain", 0, 0, 320, -1, 0},          {"hints", 2, 0, 320, -1, 0},
	            {"jump", 0, 9000000, 320, -1, 0},     {"wrap", 0, 1ll << 32, 320, -1, 0},
	            {"parameters", 0, 0, 480, -1, 0},     {"cut", 0, 0, 320, 60, 100000},
	            {"late-cut", 2, 0, 320, 60, 5000000}, {"full", 0x70, 0, 320, 60, 100000}};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct seed *s = calloc(1, sizeof(*s));
		assert_non_null(s);
		s->data[s->bytes++] = list[i].setting;
		slates(s);
		programme(s, 0, 60, 0, 320);
		if (list[i].cut_at >= 0)
			say(s, 'C', FAKE_ZERO_US + list[i].cut_at * 200000ll - list[i].back_us);
		programme(s, 60, 80, list[i].shift, list[i].width);
		if (list[i].cut_at >= 0)
			say(s, 'R', FAKE_ZERO_US + 80 * 200000ll);
		programme(s, 80, 110, list[i].shift, list[i].width);
		say(s, 'E', 0);
		keep(s, list[i].name);
		free(s);
	}
}

static void not_records(void **state)
{
	uint8_t head[HZ_HLS_WIRE_BYTES] = {'U'};
	struct hz_hls_wire w;
	assert_int_equal(hz_hls_wire_parse(head, &w), 0);
	head[0] = 'X';
	assert_true(hz_hls_wire_parse(head, &w) < 0);
	head[0] = 0;
	assert_true(hz_hls_wire_parse(head, &w) < 0);
	head[0] = 'T';
	head[7] = 1; // a tick with bytes
	assert_true(hz_hls_wire_parse(head, &w) < 0);
	memcpy(head, "U\0\0\0\xff\xff\xff\xff", 8);
	assert_true(hz_hls_wire_parse(head, &w) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(seeds), cmocka_unit_test(not_records)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
