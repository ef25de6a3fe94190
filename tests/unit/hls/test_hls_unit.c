// Access units as they come, and the fragments that are made of them.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/hls/internal.h"
#include "media/rtp/bytes.h"
#include "tests/unit/hls/fake_programme.h"

static void annexb_and_avcc(void **state)
{
	uint8_t annexb[4096], avcc[4096];
	struct hz_hls_au *a, *b;
	struct hz_hls_unit u = {.data = annexb, .pts = 5, .dts = 5, .mark_us = 7};
	u.bytes = fake_video(annexb, true, 640, 352, 1, 50);
	assert_int_equal(hz_hls_au_video(&u, HZ_HLS_ANNEXB, &a), 0);
	assert_true(a->key);
	assert_int_equal(a->config_bytes > 20, 1);
	assert_int_equal(a->end_us, 8);
	assert_int_equal(a->data[4] & 31, 7); // parameter sets, SEI and slice; no delimiter
	memcpy(avcc, a->data, a->bytes);
	u.data = avcc;
	u.bytes = a->bytes;
	assert_int_equal(hz_hls_au_video(&u, HZ_HLS_AVCC, &b), 0);
	assert_int_equal(b->bytes, a->bytes);
	assert_memory_equal(b->data, a->data, a->bytes);
	assert_int_equal(b->config_bytes, a->config_bytes);
	free(b);
	for (size_t n = 0; n < a->bytes; n++) { // cut off anywhere: never taken beyond
		uint8_t *exact = malloc(n ? n : 1);
		memcpy(exact, avcc, n);
		struct hz_hls_unit part = {.data = exact, .bytes = n};
		if (hz_hls_au_video(&part, HZ_HLS_AVCC, &b) == 0)
			free(b);
		free(exact);
	}
	hz_put32(avcc, 0xffffffff);
	assert_int_equal(hz_hls_au_video(&u, HZ_HLS_AVCC, &b), -EBADMSG);
	free(a);
}

static void opus_durations(void **state)
{
	static const struct {
		uint8_t data[2];
		size_t bytes;
		uint32_t ticks;
	} list[] = {{{0x08}, 1, 960},     {{0x18}, 1, 2880}, {{0x19}, 1, 5760}, {{0x80}, 1, 120},
	            {{0xfb, 3}, 2, 2880}, {{0xfb, 7}, 2, 0}, {{0xfb}, 1, 0},    {{0}, 0, 0},
	            {{0xf8}, 1, 960},     {{0x60}, 1, 480},  {{0xfb, 0}, 2, 0}, {{0x1b, 2}, 2, 5760}};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		assert_int_equal(hz_hls_opus_ticks(list[i].data, list[i].bytes), list[i].ticks);
}

static const uint8_t *box(const uint8_t *data, size_t bytes, const char *type)
{
	const uint8_t *at = memmem(data, bytes, type, 4);
	assert_non_null(at);
	return at + 4;
}

// The time of a fragment is that of its first sample, also behind a hole; the same calls give the same bytes.
static void fragments(void **state)
{
	struct hz_fmp4 *f[2];
	struct hz_fmp4_open with = {.codec = HZ_FMP4_OPUS, .channels = 2};
	struct hz_fmp4_sample s[3];
	const int64_t begin[] = {0, 2880, 480000, 480000 + 2000000000};
	for (unsigned k = 0; k < 2; k++)
		assert_int_equal(hz_fmp4_new(&with, &f[k]), 0);
	size_t bytes[2];
	const uint8_t *data[2] = {hz_fmp4_init(f[0], &bytes[0]), hz_fmp4_init(f[1], &bytes[1])};
	assert_int_equal(bytes[0], bytes[1]);
	assert_memory_equal(data[0], data[1], bytes[0]);
	(void)box(data[0], bytes[0], "dOps");
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned n = 0; n < 3; n++)
			s[n] = (struct hz_fmp4_sample){.data = (const uint8_t *)"\x08opus",
			                               .bytes = 5,
			                               .pts = begin[i] + n * 960,
			                               .dts = begin[i] + n * 960,
			                               .duration = 960,
			                               .key = true};
		for (unsigned k = 0; k < 2; k++)
			assert_int_equal(hz_fmp4_fragment(f[k], s, 3, &data[k], &bytes[k]), 0);
		assert_int_equal(bytes[0], bytes[1]);
		assert_memory_equal(data[0], data[1], bytes[0]);
		assert_memory_equal(data[0] + 4, "moof", 4);
		const uint8_t *tfdt = box(data[0], bytes[0], "tfdt");
		assert_int_equal(tfdt[0] ? (int64_t)hz_get64(tfdt + 4) : hz_get32(tfdt + 4), begin[i]);
		assert_memory_equal(box(data[0], bytes[0], "mdat"), "\x08opus\x08opus\x08opus", 15);
	}
	s[0].dts = s[0].pts = 1ll << 40;
	assert_int_equal(hz_fmp4_fragment(f[0], s, 1, &data[0], &bytes[0]), -ERANGE);
	hz_fmp4_free(f[0]);
	hz_fmp4_free(f[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(annexb_and_avcc),
	                                   cmocka_unit_test(opus_durations), cmocka_unit_test(fragments)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
