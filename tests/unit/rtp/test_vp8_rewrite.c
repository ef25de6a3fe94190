// VP8 numbers stay continuous over switches between sources with other numbers and other descriptor forms.
#include "tests/unit/rtp/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/keyframe.h"
#include "media/rtp/vp8_rewrite.h"
#include "tests/unit/rtp/random.h"

enum { TL0 = 1, KEY = 2 };

struct source {
	uint32_t picture_id, tl0, key; // unwrapped
	uint8_t bits, fields;
};

// A packet of the source's current frame; returns its bytes.
static size_t make(const struct source *s, uint8_t tid, bool keyframe, uint8_t *b)
{
	size_t at = 2;
	b[0] = 0x90;
	b[1] = (uint8_t)((s->bits ? 0x80 : 0) | (s->fields & TL0 ? 0x60 : 0) | (s->fields & KEY ? 0x10 : 0));
	if (s->bits == 15) {
		b[at++] = (uint8_t)(0x80 | (s->picture_id >> 8 & 0x7f));
		b[at++] = (uint8_t)s->picture_id;
	} else if (s->bits == 7) {
		b[at++] = s->picture_id & 0x7f;
	}
	if (s->fields & TL0)
		b[at++] = (uint8_t)s->tl0;
	if (s->fields)
		b[at++] = (uint8_t)(tid << 6 | ((s->fields & KEY) ? s->key & 0x1f : 0));
	b[at++] = keyframe ? 0 : 1;
	b[at++] = 0xee;
	return at;
}

static void random_source(struct hz_test_random *r, struct source *s, uint8_t bits, uint8_t fields)
{
	*s = (struct source){random_next(r), random_next(r), random_next(r), bits, fields};
}

// Switches among sources at keyframes, with reordering within a source; 15-bit ids throughout.
static void run(uint64_t seed, uint8_t bits)
{
	struct hz_test_random r = {seed};
	struct source src[3];
	struct hz_vp8_rewrite s;
	struct hz_vp8_descriptor d;
	uint32_t mask = bits == 15 ? 0x7fff : 0x7f;
	int64_t pid = -1, tl0 = -1, key = -1;
	uint32_t now = 0;
	hz_vp8_rewrite_init(&s);
	for (int i = 0; i < 3; i++)
		random_source(&r, &src[i], bits, TL0 | KEY);
	for (int frame = 0; frame < 60000; frame++) {
		bool switched = frame > 0 && random_percent(&r, 2);
		for (int i = 0; i < 3; i++) { // all go on, each at its own pace
			src[i].picture_id++;
			src[i].tl0 += (uint32_t)(frame + i) % 2;
		}
		if (switched)
			now = random_below(&r, 3);
		bool keyframe = switched || frame == 0;
		if (keyframe) {
			src[now].key++;
			src[now].tl0++;
		}
		uint8_t b[16], copy[16];
		size_t n = make(&src[now], 0, keyframe, b);
		memcpy(copy, b, n);
		assert_int_equal(hz_vp8_rewrite_apply(&s, b, n, switched), 0);
		assert_int_equal(hz_vp8_parse(b, n, &d), 0);
		assert_int_equal(d.header_bytes, n - 2);
		assert_int_equal(d.picture_id_bits, bits);
		assert_int_equal(b[n - 1], 0xee);
		if (pid >= 0)
			assert_int_equal(d.picture_id, (pid + 1) & mask);
		if (switched) {
			assert_int_equal(d.tl0_pic_idx, (tl0 + 1) & 0xff);
			assert_int_equal(d.key_idx, (key + 1) & 0x1f);
		} else if (frame > 0) {
			assert_true(d.tl0_pic_idx == (tl0 & 0xff) || d.tl0_pic_idx == ((tl0 + 1) & 0xff));
			assert_int_equal(d.key_idx, key & 0x1f);
		}
		// the remembered delta makes the same bytes again
		assert_int_equal(hz_vp8_rewrite_with(&s.delta, copy, n), 0);
		assert_memory_equal(copy, b, n);
		pid = d.picture_id;
		tl0 = d.tl0_pic_idx;
		key = d.key_idx;
	}
}

static void test_continuous(void **state)
{
	run(1, 15);
	run(2, 7);
	run(3, 15);
}

static void test_first_source_is_untouched(void **state)
{
	struct hz_vp8_rewrite s;
	struct source src = {0x7ffe, 255, 31, 15, TL0 | KEY};
	uint8_t b[16], copy[16];
	hz_vp8_rewrite_init(&s);
	size_t n = make(&src, 1, true, b);
	memcpy(copy, b, n);
	assert_int_equal(hz_vp8_rewrite_apply(&s, b, n, true), 0); // nothing was sent: nothing to go on from
	assert_memory_equal(b, copy, n);
}

static void test_reordered_does_not_move_back(void **state)
{
	struct hz_vp8_rewrite s;
	struct hz_vp8_descriptor d;
	struct source a = {100, 50, 3, 15, TL0 | KEY}, b = {7, 7, 7, 15, TL0 | KEY};
	uint8_t p[16];
	hz_vp8_rewrite_init(&s);
	size_t n = make(&a, 0, true, p);
	hz_vp8_rewrite_apply(&s, p, n, false);
	a.picture_id = 98; // late
	a.tl0 = 49;
	n = make(&a, 0, false, p);
	hz_vp8_rewrite_apply(&s, p, n, false);
	n = make(&b, 0, true, p);
	hz_vp8_rewrite_apply(&s, p, n, true);
	hz_vp8_parse(p, n, &d);
	assert_int_equal(d.picture_id, 101);
	assert_int_equal(d.tl0_pic_idx, 51);
	assert_int_equal(d.key_idx, 4);
}

static void test_forms_change(void **state)
{
	struct hz_vp8_rewrite s;
	struct hz_vp8_descriptor d;
	struct source wide = {0x1234, 9, 1, 15, TL0 | KEY}, bare = {0, 0, 0, 0, 0}, narrow = {3, 0, 0, 7, 0};
	uint8_t p[16], copy[16];
	hz_vp8_rewrite_init(&s);
	size_t n = make(&wide, 0, true, p);
	hz_vp8_rewrite_apply(&s, p, n, false);
	n = make(&bare, 0, true, p); // without any number: passes as it is
	memcpy(copy, p, n);
	assert_int_equal(hz_vp8_rewrite_apply(&s, p, n, true), 0);
	assert_memory_equal(p, copy, n);
	n = make(&narrow, 0, true, p); // low 7 bits of the next id
	hz_vp8_rewrite_apply(&s, p, n, true);
	hz_vp8_parse(p, n, &d);
	assert_int_equal(d.picture_id, 0x1235 & 0x7f);
	wide.picture_id = 5;
	n = make(&wide, 0, true, p); // and back: counts on within the 15 bits
	hz_vp8_rewrite_apply(&s, p, n, true);
	hz_vp8_parse(p, n, &d);
	assert_int_equal(d.picture_id, 0x1236);
	assert_int_equal(d.tl0_pic_idx, 10);
	assert_int_equal(d.key_idx, 2);
}

static void test_tid_bits_stay(void **state)
{
	struct hz_vp8_rewrite s = {.delta = {1, 1, 31}};
	uint8_t p[] = {0x90, 0x30, 0xe3, 0x01}; // TID 3, Y, KEYIDX 3
	assert_int_equal(hz_vp8_rewrite_apply(&s, p, sizeof(p), false), 0);
	assert_int_equal(p[2], 0xe2);
	uint8_t only_tid[] = {0x90, 0x20, 0xe3, 0x01}; // no K: not a KEYIDX
	assert_int_equal(hz_vp8_rewrite_apply(&s, only_tid, sizeof(only_tid), false), 0);
	assert_int_equal(only_tid[2], 0xe3);
}

static void test_damaged_is_untouched(void **state)
{
	static const uint8_t bad[][4] = {
	    {0x90, 0x80, 0x80, 0x01}, {0x90, 0x40, 0x01, 0}, {0x90, 0xf0, 0x01, 0x02}};
	static const size_t bytes[] = {4, 3, 4};
	for (size_t i = 0; i < 3; i++) {
		struct hz_vp8_rewrite s, before;
		struct hz_vp8_delta delta = {1, 1, 1};
		uint8_t p[4];
		memcpy(p, bad[i], 4);
		hz_vp8_rewrite_init(&s);
		s.has_picture_id = 1;
		before = s;
		assert_int_equal(hz_vp8_rewrite_apply(&s, p, bytes[i], true), -EBADMSG);
		assert_int_equal(hz_vp8_rewrite_with(&delta, p, bytes[i]), -EBADMSG);
		assert_memory_equal(p, bad[i], 4);
		assert_memory_equal(&s, &before, sizeof(s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_continuous),
	    cmocka_unit_test(test_first_source_is_untouched),
	    cmocka_unit_test(test_reordered_does_not_move_back),
	    cmocka_unit_test(test_forms_change),
	    cmocka_unit_test(test_tid_bits_stay),
	    cmocka_unit_test(test_damaged_is_untouched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
