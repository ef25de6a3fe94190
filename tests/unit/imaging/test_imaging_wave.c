// Waveforms: every sample as it was stored, in each way to write them; and objects that lie about them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "media/imaging/wave.h"
#include "tests/unit/imaging/fake_wave.h"

#define SAMPLES 250

static int16_t words[SAMPLES * 12];

static int setup(void **state)
{
	for (unsigned s = 0; s < SAMPLES; s++)
		for (unsigned c = 0; c < 12; c++)
			words[s * 12 + c] = (int16_t)(s == 7   ? INT16_MIN
			                              : s == 8 ? INT16_MAX
			                                       : (int)(s * 37 + c * 1000) % 4001 - 2000);
	return hz_dicom_init();
}

static struct fake_wave twelve(void)
{
	return (struct fake_wave){.channels = 12,
	                          .samples = SAMPLES,
	                          .bits = 16,
	                          .kind = "SS",
	                          .hz = "500",
	                          .data = words,
	                          .bytes = sizeof(words),
	                          .described = 12,
	                          .padding = true};
}

// Exactly that many bytes on the heap, so that a read behind them is seen.
static int open_of(const uint8_t *data, size_t bytes, struct hz_dicom_fault *fault, struct hz_wave **ret)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);
	memcpy(copy, data, bytes);
	*fault = (struct hz_dicom_fault){.code = HZ_DICOM_OK};
	int err = hz_wave_open(copy, bytes, NULL, fault, ret);
	assert_true(err == 0 || (fault->code != HZ_DICOM_OK && fault->text[0]));
	free(copy);
	return err;
}

static enum hz_dicom_code refused(enum fake_syntax syntax, const struct fake_wave *group, unsigned groups)
{
	struct fake_bytes file = fake_ecg(syntax, group, groups);
	struct hz_dicom_fault fault;
	struct hz_wave *wave = NULL;
	assert_int_not_equal(open_of(file.data, file.bytes, &fault, &wave), 0);
	fake_bytes_done(&file);
	return fault.code;
}

static void test_every_syntax(void **state)
{
	const enum fake_syntax syntaxes[] = {FAKE_EXPLICIT, FAKE_IMPLICIT, FAKE_BIG, FAKE_DEFLATED};
	for (unsigned k = 0; k < 4; k++) {
		struct fake_wave group = twelve();
		struct fake_bytes file = fake_ecg(syntaxes[k], &group, 1);
		struct hz_dicom_fault fault;
		struct hz_wave *wave = NULL;
		assert_int_equal(open_of(file.data, file.bytes, &fault, &wave), 0);
		assert_int_equal(wave->groups, 1);
		const struct hz_wave_group *g = &wave->group[0];
		assert_int_equal(g->channels, 12);
		assert_int_equal(g->samples, SAMPLES);
		assert_true(g->hz == 500);
		assert_true(g->has_padding);
		assert_int_equal(g->padding, INT16_MIN);
		assert_string_equal(g->channel[6].code, "MDC_ECG_LEAD_V1");
		assert_string_equal(g->channel[6].scheme, "MDC");
		assert_string_equal(g->channel[6].units, "uV");
		assert_true(g->channel[6].sensitivity == 4.88 && g->channel[6].baseline == -12.5);
		assert_true(g->channel[6].skew_s == 0.004);
		for (unsigned s = 0; s < SAMPLES; s++)
			for (unsigned c = 0; c < 12; c++)
				assert_int_equal(g->data[c * SAMPLES + s], words[s * 12 + c]);
		hz_wave_close(wave);
		fake_bytes_done(&file);
	}
}

static int letter(char c)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = strchr(letters, c);
	return at ? (int)(at - letters) : 0;
}

static uint8_t base64_byte(const char *text, size_t at)
{
	const char *four = text + at / 3 * 4;
	uint32_t three = 0;
	for (unsigned i = 0; i < 4; i++)
		three = three << 6 | (uint32_t)letter(four[i]);
	return (uint8_t)(three >> (16 - 8 * (at % 3)));
}

static void test_json(void **state)
{
	int32_t wide[] = {100000, -100000, 3, 4};
	struct fake_wave group[2] = {twelve(),
	                             {.channels = 2,
	                              .samples = 2,
	                              .bits = 32,
	                              .kind = "SL",
	                              .hz = "1000.5",
	                              .data = wide,
	                              .bytes = sizeof(wide),
	                              .described = 2}};
	struct fake_bytes file = fake_ecg(FAKE_EXPLICIT, group, 2);
	struct hz_dicom_fault fault;
	struct hz_wave *wave = NULL;
	char *text = NULL;
	size_t bytes = 0;
	assert_int_equal(open_of(file.data, file.bytes, &fault, &wave), 0);
	assert_int_equal(hz_wave_json(wave, &fault, &text, &bytes), 0);
	json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	const json_t *first = json_array_get(json_object_get(json, "groups"), 0),
	             *second = json_array_get(json_object_get(json, "groups"), 1);
	assert_string_equal(json_string_value(json_object_get(first, "format")), "int16");
	assert_string_equal(json_string_value(json_object_get(second, "format")), "int32");
	assert_string_equal(json_string_value(json_object_get(second, "label")), "MEDIAN \"拍\"");
	assert_true(json_real_value(json_object_get(second, "hz")) == 1000.5);
	assert_null(json_object_get(second, "padding"));
	const char *data = json_string_value(json_object_get(first, "data"));
	assert_int_equal(strlen(data), (sizeof(words) + 2) / 3 * 4);
	for (unsigned i = 0; i < SAMPLES * 12; i++) {
		int16_t value =
		    (int16_t)(base64_byte(data, 2 * (size_t)i) | base64_byte(data, 2 * (size_t)i + 1) << 8);
		assert_int_equal(value, words[i % SAMPLES * 12 + i / SAMPLES]);
	}
	assert_string_equal(json_string_value(json_object_get(second, "data")), "oIYBAAMAAABgef7/BAAAAA==");
	json_decref(json);
	free(text);
	hz_wave_close(wave);
	fake_bytes_done(&file);
}

static void test_bytes(void **state)
{
	const uint8_t bytes[] = {0, 255, 128, 127, 1, 2};
	for (unsigned k = 0; k < 2; k++) {
		struct fake_wave group = {.channels = 2,
		                          .samples = 3,
		                          .bits = 8,
		                          .kind = k ? "UB" : "SB",
		                          .hz = "100",
		                          .data = bytes,
		                          .bytes = 6,
		                          .described = 2};
		struct fake_bytes file = fake_ecg(FAKE_IMPLICIT, &group, 1);
		struct hz_dicom_fault fault;
		struct hz_wave *wave = NULL;
		assert_int_equal(open_of(file.data, file.bytes, &fault, &wave), 0);
		assert_int_equal(wave->group[0].data[3], k ? 255 : -1);
		assert_int_equal(wave->group[0].data[1], k ? 128 : -128);
		hz_wave_close(wave);
		fake_bytes_done(&file);
	}
}

static void test_lies(void **state)
{
	struct fake_wave g = twelve();
	g.bytes -= 24;
	assert_int_equal(refused(FAKE_EXPLICIT, &g, 1), HZ_DICOM_PIXELS_SHORT);
	g = twelve();
	g.samples = 2147483647u;
	assert_int_equal(refused(FAKE_EXPLICIT, &g, 1), HZ_DICOM_TOO_MANY);
	g.samples = SAMPLES - 1;
	assert_int_equal(refused(FAKE_EXPLICIT, &g, 1), HZ_DICOM_ATTRIBUTE);
	g.samples = 0;
	assert_int_equal(refused(FAKE_EXPLICIT, &g, 1), HZ_DICOM_ATTRIBUTE);
	g = twelve();
	g.described = 11;
	assert_int_equal(refused(FAKE_IMPLICIT, &g, 1), HZ_DICOM_ATTRIBUTE);
	g.described = 0;
	assert_int_equal(refused(FAKE_IMPLICIT, &g, 1), HZ_DICOM_ATTRIBUTE);
	g = twelve();
	g.channels = 65;
	assert_int_equal(refused(FAKE_EXPLICIT, &g, 1), HZ_DICOM_TOO_MANY);
	static const char *const rates[] = {"0", "-500", "1e300", "none", ""};
	for (unsigned i = 0; i < 5; i++) {
		g = twelve();
		g.hz = rates[i];
		assert_int_equal(refused(FAKE_EXPLICIT, &g, 1), HZ_DICOM_ATTRIBUTE);
	}
	g = twelve();
	g.kind = "MB";
	assert_int_equal(refused(FAKE_EXPLICIT, &g, 1), HZ_DICOM_UNSUPPORTED);
	g.kind = "SB";
	assert_int_equal(refused(FAKE_EXPLICIT, &g, 1), HZ_DICOM_ATTRIBUTE);
	struct fake_wave many[9];
	for (unsigned i = 0; i < 9; i++)
		many[i] = twelve();
	assert_int_equal(refused(FAKE_EXPLICIT, many, 9), HZ_DICOM_TOO_MANY);
}

// Cut anywhere, and with any bit turned: a word why, or what is there; never a byte of something else.
static void test_damaged(void **state)
{
	struct fake_wave group = twelve();
	group.samples = 4;
	group.bytes = 4 * 24;
	for (unsigned k = 0; k < 4; k++) {
		struct fake_bytes file = fake_ecg((enum fake_syntax)k, &group, 1);
		struct hz_dicom_fault fault;
		struct hz_wave *wave = NULL;
		for (size_t n = 0; n < file.bytes; n++) {
			if (open_of(file.data, n, &fault, &wave) == 0)
				hz_wave_close(wave);
		}
		for (size_t at = 132; at < file.bytes; at += 3) {
			file.data[at] ^= (uint8_t)(1u << at % 8);
			if (open_of(file.data, file.bytes, &fault, &wave) == 0)
				hz_wave_close(wave);
			file.data[at] ^= (uint8_t)(1u << at % 8);
		}
		fake_bytes_done(&file);
	}
}

static void test_no_waveform(void **state)
{
	struct hz_dicom_fault fault;
	struct hz_wave *wave = NULL;
	struct fake_dicom d;
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_text(&d, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.9.1.1");
	struct fake_bytes file = fake_end(&d);
	assert_int_not_equal(open_of(file.data, file.bytes, &fault, &wave), 0);
	assert_int_equal(fault.code, HZ_DICOM_NO_IMAGE);
	fake_bytes_done(&file);
	assert_int_not_equal(open_of((const uint8_t *)"", 0, &fault, &wave), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_syntax), cmocka_unit_test(test_json),
	    cmocka_unit_test(test_bytes),        cmocka_unit_test(test_lies),
	    cmocka_unit_test(test_damaged),      cmocka_unit_test(test_no_waveform),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
