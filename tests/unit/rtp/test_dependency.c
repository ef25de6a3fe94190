#include <errno.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "media/rtp/dependency.h"
#include "tests/unit/rtp/dd_write.h"

static void layers_and_targets(void **state)
{
	struct hz_dd_structure s = {0};
	struct hz_dd d;
	struct dd_bits b;
	size_t n = dd_key(&b, 0, 77, 3, 3);
	assert_int_equal(hz_dd_parse(b.data, n, &s, &d, &s), 0);
	assert_true(d.start && d.end && d.has_structure && d.has_active);
	assert_int_equal(d.frame_number, 77);
	assert_int_equal(s.template_count, 9);
	assert_int_equal(s.target_count, 9);
	assert_int_equal(s.max_spatial, 2);
	assert_int_equal(s.max_temporal, 2);
	assert_int_equal(d.active, 0x1ff);
	for (unsigned i = 0; i < 9; i++) {
		assert_int_equal(s.spatial[i], i / 3);
		assert_int_equal(s.temporal[i], i % 3);
		assert_int_equal(s.target_spatial[i], i / 3);
		assert_int_equal(s.target_temporal[i], i % 3);
		assert_int_equal(hz_dd_target(&s, i / 3, i % 3), i);
		dd_head(&b, 0, 1, i, 78 + i);
		assert_int_equal(hz_dd_parse(b.data, 3, &s, &d, &s), 0);
		assert_int_equal(d.spatial, i / 3);
		assert_int_equal(d.temporal, i % 3);
		assert_true(!d.start && d.end && !d.has_structure && !d.has_active);
	}
	assert_int_equal(hz_dd_target(&s, 15, 15), 8);
	assert_int_equal(hz_dd_target(&s, 15, 0), 6);
	// Temporal layer 0 lets the targets of spatial layer 0 in, temporal layer 2 nobody else.
	dd_head(&b, 1, 1, 0, 1);
	assert_int_equal(hz_dd_parse(b.data, 3, &s, &d, &s), 0);
	assert_int_equal(hz_dd_dti(d.dti, 2), HZ_DTI_SWITCH);
	dd_head(&b, 1, 1, 2, 1);
	assert_int_equal(hz_dd_parse(b.data, 3, &s, &d, &s), 0);
	assert_int_equal(hz_dd_dti(d.dti, 0), HZ_DTI_NOT_PRESENT);
	assert_int_equal(hz_dd_dti(d.dti, 2), HZ_DTI_DISCARDABLE);
	assert_int_equal(hz_dd_dti(d.dti, 5), HZ_DTI_REQUIRED);
}

static void custom_fields_chains_and_sizes(void **state)
{
	struct hz_dd_structure s = {0};
	struct hz_dd d;
	struct dd_bits b;
	dd_head(&b, 1, 1, 60, 5);
	dd_put(&b, 0x18, 5); // structure, active targets
	dd_structure(&b, 60, 1, 3);
	dd_ns(&b, 2, 4); // two chains for three targets
	for (unsigned i = 0; i < 3; i++)
		dd_ns(&b, i ? 1 : 0, 2);
	for (unsigned i = 0; i < 6; i++)
		dd_put(&b, i, 4);
	dd_put(&b, 1, 1);
	dd_put(&b, 639, 16);
	dd_put(&b, 359, 16);
	dd_put(&b, 3, 3);
	assert_int_equal(hz_dd_parse(b.data, dd_bytes(&b), &s, &d, &s), 0);
	assert_int_equal(d.active, 3);
	assert_int_equal(s.chain_count, 2);
	assert_int_equal(s.protected_by[0], 0);
	assert_int_equal(s.protected_by[2], 1);
	assert_true(s.resolutions);
	assert_int_equal(s.width[0], 640);
	assert_int_equal(s.height[0], 360);

	dd_head(&b, 1, 1, 62, 6);
	dd_put(&b, 0x07, 5); // own dtis, fdiffs, chains
	dd_put(&b, 0x15, 6); // 1 1 1
	dd_put(&b, 3, 2);
	dd_put(&b, 100, 12);
	dd_put(&b, 1, 2);
	dd_put(&b, 4, 4);
	dd_put(&b, 0, 2);
	dd_put(&b, 9, 8);
	dd_put(&b, 8, 8);
	assert_int_equal(hz_dd_parse(b.data, dd_bytes(&b), &s, &d, &s), 0);
	assert_int_equal(d.temporal, 2);
	assert_int_equal(d.fdiff_count, 2);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(hz_dd_dti(d.dti, i), HZ_DTI_DISCARDABLE);
	for (size_t n = 4; n < dd_bytes(&b); n++)
		assert_int_equal(hz_dd_parse(b.data, n, &s, &d, &s), -EBADMSG);
}

static void without_its_structure(void **state)
{
	struct hz_dd_structure none = {0}, s = none;
	struct hz_dd d;
	struct dd_bits b;
	dd_head(&b, 1, 0, 3, 9);
	assert_int_equal(hz_dd_parse(b.data, 3, &none, &d, &s), -ENOENT);
	assert_true(d.start && !d.end);
	assert_int_equal(d.frame_number, 9);
	assert_int_equal(s.template_count, 0);
	assert_int_equal(hz_dd_parse(b.data, 2, &none, &d, &s), -EBADMSG);
	size_t n = dd_key(&b, 0, 1, 1, 2);
	assert_int_equal(hz_dd_parse(b.data, n, &none, &d, &s), 0);
	dd_head(&b, 1, 0, 2, 9); // of another structure
	assert_int_equal(hz_dd_parse(b.data, 3, &s, &d, &s), -ENOENT);
	assert_int_equal(s.template_count, 2);
}

static void damaged_ones_change_nothing(void **state)
{
	struct hz_dd_structure s = {0}, before;
	struct hz_dd d;
	struct dd_bits b;
	size_t n = dd_key(&b, 0, 1, 3, 3);
	assert_int_equal(hz_dd_parse(b.data, n, &s, &d, &s), 0);
	before = s;
	for (size_t cut = 4; cut < n - 1; cut++) {
		assert_int_equal(hz_dd_parse(b.data, cut, &s, &d, &s), -EBADMSG);
		assert_memory_equal(&s, &before, sizeof(s));
	}
	memset(b.data + 3, 0xff, sizeof(b.data) - 3); // endless layers and differences
	for (size_t i = 3; i < sizeof(b.data); i++) {
		assert_true(hz_dd_parse(b.data, i, &s, &d, &before) <= 0);
		b.data[i] = 0x55;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(layers_and_targets),
	    cmocka_unit_test(custom_fields_chains_and_sizes),
	    cmocka_unit_test(without_its_structure),
	    cmocka_unit_test(damaged_ones_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
