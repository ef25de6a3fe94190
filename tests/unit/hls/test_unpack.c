// H.264 out of RTP: in order, out of order, twice, with holes, and what nobody should send.
#include "media/hls/unpack.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/hls/fake_camera.h"

struct sink {
	unsigned units, keys;
	uint32_t last_ts;
	int64_t last_us;
	size_t last_bytes;
	uint8_t last[8192];
};

static void on_unit(void *ctx, const struct hz_unpack_unit *unit)
{
	struct sink *s = ctx;
	s->units++;
	s->keys += unit->key;
	s->last_ts = unit->rtp_ts;
	s->last_us = unit->arrival_us;
	s->last_bytes = unit->bytes;
	if (unit->bytes <= sizeof(s->last))
		memcpy(s->last, unit->data, unit->bytes);
}

static struct sink sink;
static struct hz_unpack *u;

static int setup(void **state)
{
	const struct hz_unpack_ops ops = {.ctx = &sink, .unit = on_unit};
	sink = (struct sink){0};
	return hz_unpack_new(&ops, &u);
}

static int teardown(void **state)
{
	hz_unpack_free(u);
	return 0;
}

static void push(const struct fake_packets *p, int64_t now_us)
{
	for (unsigned i = 0; i < p->count; i++)
		assert_int_equal(hz_unpack_push(u, p->data[i], p->bytes[i], now_us + i), 0);
}

static void in_order(void **state)
{
	struct fake_camera camera = {.ssrc = 7, .seq = 65530, .ts = 0xfffffff0};
	struct fake_packets p;
	for (int i = 0; i < 60; i++) {
		camera_picture(&camera, i, &p);
		push(&p, i * 40000);
	}
	assert_int_equal(sink.units, 60);
	assert_int_equal(sink.keys, 3);
	assert_int_equal(sink.last_us, 59 * 40000); // of its first packet
	assert_int_equal(hz_unpack_broken(u), 0);
	assert_memory_equal(sink.last, "\0\0\0\1\6", 5);
}

static void shuffled_and_twice(void **state)
{
	struct fake_camera camera = {.ssrc = 7, .seq = 100};
	struct fake_packets p[3];
	for (int i = 0; i < 3; i++)
		camera_picture(&camera, i, &p[i]);
	assert_int_equal(hz_unpack_push(u, p[0].data[0], p[0].bytes[0], 0), 0); // where it begins
	for (int i = 2; i >= 0; i--) {
		for (unsigned k = p[i].count; k-- > 0;) {
			assert_int_equal(hz_unpack_push(u, p[i].data[k], p[i].bytes[k], 1000), 0);
			assert_int_equal(hz_unpack_push(u, p[i].data[k], p[i].bytes[k], 2000), 0);
		}
	}
	assert_int_equal(sink.units, 3);
	assert_int_equal(hz_unpack_broken(u), 0);
}

// A picture with a hole, and all that build on it, are left out; the next keyframe goes on.
static void hole(void **state)
{
	struct fake_camera camera = {.ssrc = 7};
	struct fake_packets p;
	for (int i = 0; i < 30; i++) {
		camera_picture(&camera, i, &p);
		if (i == 3)
			p.count--; // its end is lost
		push(&p, i * 40000);
		hz_unpack_tick(u, i * 40000);
		if (i == 20)
			assert_true(hz_unpack_needs_key(u));
	}
	assert_int_equal(sink.units, 3 + 5); // before it; from the next keyframe on
	assert_int_equal(sink.keys, 2);
	assert_int_equal(hz_unpack_broken(u), 1);
	assert_false(hz_unpack_needs_key(u));
}

static void begins_with_a_keyframe(void **state)
{
	struct fake_camera camera = {.ssrc = 7, .n = 5};
	struct fake_packets p;
	for (int i = 0; i < 22; i++) {
		camera_picture(&camera, i, &p);
		push(&p, i * 40000);
	}
	assert_int_equal(sink.keys, 1);
	assert_int_equal(sink.units, 2);
}

// A keyframe without its parameter sets gets those of before.
static void sets_are_kept(void **state)
{
	struct fake_camera camera = {.ssrc = 7};
	struct fake_packets p, bare = {.count = 0};
	for (int i = 0; i < 25; i++) {
		camera_picture(&camera, i, &p);
		push(&p, 0);
	}
	size_t whole = 0;
	camera_picture(&camera, 25, &p);
	for (unsigned i = 0; i < p.count; i++) {
		uint8_t type = p.data[i][12] & 31;
		if (type == 7 || type == 8)
			continue;
		memcpy(bare.data[bare.count], p.data[i], p.bytes[i]);
		uint16_t seq = (uint16_t)(camera.seq - p.count + bare.count);
		bare.data[bare.count][2] = (uint8_t)(seq >> 8);
		bare.data[bare.count][3] = (uint8_t)seq;
		bare.bytes[bare.count++] = p.bytes[i];
	}
	assert_int_equal(bare.count, p.count - 2);
	push(&bare, 0);
	whole = sink.last_bytes;
	assert_int_equal(sink.keys, 2);
	assert_true(whole > 760);
	bool sps = false, pps = false;
	for (size_t i = 0; i + 4 < whole; i++) {
		sps |= memcmp(sink.last + i, "\0\0\0\1\x67", 5) == 0;
		pps |= memcmp(sink.last + i, "\0\0\0\1\x68", 5) == 0;
	}
	assert_true(sps && pps);
}

static void far_jump(void **state)
{
	struct fake_camera camera = {.ssrc = 7};
	struct fake_packets p;
	for (int i = 0; i < 4; i++) {
		camera_picture(&camera, i, &p);
		push(&p, 0);
	}
	camera.seq = (uint16_t)(camera.seq + 20000);
	camera.n = 0;
	for (int i = 0; i < 4; i++) {
		camera_picture(&camera, i, &p);
		push(&p, 0);
	}
	assert_int_equal(sink.units, 8);
}

static void garbage(void **state)
{
	struct fake_camera camera = {.ssrc = 7};
	struct fake_packets p;
	uint8_t big[2048] = {0x80, 98};
	srand(5);
	assert_int_equal(hz_unpack_push(u, (const uint8_t *)"", 0, 0), -EBADMSG);
	assert_int_equal(hz_unpack_push(u, big, sizeof(big), 0), -EMSGSIZE);
	for (int i = 0; i < 20000; i++) {
		camera_picture(&camera, i, &p);
		for (unsigned k = 0; k < p.count; k++) {
			for (int flips = rand() % 4; flips > 0; flips--)
				p.data[k][(size_t)rand() % p.bytes[k]] ^= (uint8_t)(1 << rand() % 8);
			if (rand() % 10)
				(void)hz_unpack_push(u, p.data[k], p.bytes[k] - (size_t)(rand() % 12),
				                     i * 40000);
		}
		hz_unpack_tick(u, i * 40000);
	}
	hz_unpack_reset(u);
	assert_true(hz_unpack_needs_key(u));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(in_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(shuffled_and_twice, setup, teardown),
	    cmocka_unit_test_setup_teardown(hole, setup, teardown),
	    cmocka_unit_test_setup_teardown(begins_with_a_keyframe, setup, teardown),
	    cmocka_unit_test_setup_teardown(sets_are_kept, setup, teardown),
	    cmocka_unit_test_setup_teardown(far_jump, setup, teardown),
	    cmocka_unit_test_setup_teardown(garbage, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
