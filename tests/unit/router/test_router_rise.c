// A larger layer of which some is lost: the smaller picture goes on until the larger one's keyframe is whole.
#include "tests/unit/router/fixture.h"

#define VIDEO HZ_KIND_VIDEO

static struct fx *fx;
static uint16_t seq[2];
static uint32_t number;

static int setup(void **state)
{
	fx = fx_two();
	memset(seq, 0, sizeof(seq));
	number = 1;
	fx_track(fx, 0, 0, VIDEO, 2);
	fx_sub(fx, 0, 1, 0, VIDEO);
	*state = fx;
	return 0;
}

// One packet of the picture `number`; its body tells layer and part.
static void part(unsigned layer, unsigned i, unsigned of, bool key, uint16_t as)
{
	uint8_t raw[20] = {(uint8_t)(i ? 0x80 : 0x90), 0xe0, 0x80, (uint8_t)number, (uint8_t)number, 0x20};
	raw[6] = key ? 0x10 : 0x11;
	memcpy(raw + 7, "\x02\x00\x9d\x01\x2a\x40\x01\xf0\x00", 9);
	raw[16] = (uint8_t)layer;
	raw[17] = (uint8_t)i;
	struct fx_in in = {.ssrc = fx_ssrc(0, layer),
	                   .seq = as,
	                   .ts = number * 3600,
	                   .pt = PT_VP8,
	                   .marker = i + 1 == of,
	                   .raw = raw,
	                   .raw_bytes = sizeof(raw)};
	assert_int_equal(fx_in(fx, 0, &in), 0);
}

// lost: bits of the larger layer's parts, of which there are three.
static void picture(bool small, bool small_key, bool large, bool large_key, unsigned lost)
{
	if (small)
		part(0, 0, 1, small_key, seq[0]++);
	for (unsigned i = 0; large && i < 3; i++, seq[1]++)
		if (!(lost & 1u << i))
			part(1, i, 3, large_key, seq[1]);
	number++;
	fx_advance(fx, 40000);
}

static unsigned layer_of(size_t k)
{
	assert_true(k < fx->out_count);
	return fx->out[k].p.payload[16];
}

static void begin(void)
{
	picture(true, true, false, false, 0);
	for (unsigned i = 0; i < 5; i++)
		picture(true, false, false, false, 0);
	fx_clear(fx);
}

static void at_once_where_nothing_is_lost(void **state)
{
	(void)state;
	begin();
	picture(true, false, true, true, 0);
	assert_int_equal(fx->out_count, 4);
	for (size_t k = 0; k < 4; k++)
		assert_int_equal(layer_of(k), k > 0);
	picture(true, false, true, false, 0);
	assert_int_equal(fx->out_count, 7);
	assert_int_equal(layer_of(6), 1);
}

static void when_it_is_repaired(void **state)
{
	(void)state;
	begin();
	uint16_t first = seq[1];
	uint32_t key = number;
	picture(true, false, true, true, 2);
	picture(true, false, true, false, 4);
	picture(true, false, true, false, 0);
	assert_int_equal(fx->out_count, 3);
	for (size_t k = 0; k < 3; k++)
		assert_int_equal(layer_of(k), 0);
	assert_int_equal(fx_plis_seen(fx, 0, fx_ssrc(0, 1)), 0); // it is on its way
	uint32_t now = number;
	number = key;
	part(1, 1, 3, true, (uint16_t)(first + 1));
	number = now;
	assert_int_equal(fx->out_count, 3 + 8); // three pictures of three parts, one of which is missing
	for (size_t k = 3; k < fx->out_count; k++) {
		assert_int_equal(layer_of(k), 1);
		assert_int_equal(fx->out[k].index - fx->out[3].index, k < 3 + 5 ? k - 3 : k - 2);
	}
	// That one has its place.
	number = key + 1;
	part(1, 2, 3, false, (uint16_t)(first + 5));
	number = now;
	assert_int_equal(fx->out_count, 3 + 9);
	assert_int_equal(fx->out[11].index - fx->out[3].index, 5);
}

// Nothing is left on the screen: what there is of the larger one goes out, and its repairs.
static void at_once_when_the_smaller_one_ends(void **state)
{
	(void)state;
	begin();
	uint16_t first = seq[1];
	uint32_t key = number;
	picture(true, false, true, true, 2);
	for (unsigned i = 0; i < 25; i++)
		picture(false, false, true, false, 0);
	assert_int_equal(layer_of(fx->out_count - 1), 1);
	uint64_t begun = fx->out[1].index;
	assert_int_equal(layer_of(1), 1);
	uint32_t now = number;
	number = key;
	part(1, 1, 3, true, (uint16_t)(first + 1));
	number = now;
	assert_int_equal(fx->out[fx->out_count - 1].index, begun + 1);
}

// One that is never repaired keeps nobody for ever: the next keyframe is taken.
static void not_for_ever(void **state)
{
	(void)state;
	begin();
	picture(true, false, true, true, 2);
	for (unsigned i = 0; i < 40; i++)
		picture(true, false, true, i == 39, i == 39 ? 2 : 0);
	assert_int_equal(layer_of(fx->out_count - 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(at_once_where_nothing_is_lost, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(when_it_is_repaired, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(at_once_when_the_smaller_one_ends, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(not_for_ever, setup, fx_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
