// Ramps through each kind of lookup table, window and padding: what tests/lib/looks.json says of each, worked out from PS3.3 alone. The viewer
// of the browser is held against the same (web/imaging/looks.test.ts, tests/browser/luts.test.ts): what is seen there is what is seen here.
#include <jansson.h>

#include "media/imaging/lut.h"
#include "media/imaging/render.h"
#include "tests/unit/imaging/fake_dicom.h"
#include "tests/unit/imaging/imaging_open.h"

#define COUNT 16

static int whole(const json_t *of, const char *key)
{
	return (int)json_integer_value(json_object_get(of, key));
}

static const char *words_of(const json_t *of, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(of, key));
	return text ? text : otherwise;
}

static void put_number(struct fake_dicom *d, uint32_t tag, const json_t *of, const char *key)
{
	char text[20];
	const json_t *value = json_object_get(of, key);
	if (json_is_string(value))
		fake_text(d, tag, "DS", json_string_value(value));
	snprintf(text, sizeof(text), "%g", json_number_value(value));
	if (json_is_number(value))
		fake_text(d, tag, "DS", text);
}

static void put_table(struct fake_dicom *d, uint32_t descriptor, uint32_t data, const json_t *table)
{
	const json_t *list = json_object_get(table, "data");
	const uint16_t says[3] = {(uint16_t)whole(table, "entries"), (uint16_t)whole(table, "first"),
	                          (uint16_t)whole(table, "bits")};
	uint16_t words[200];
	assert_true(json_array_size(list) <= 200);
	for (size_t i = 0; i < json_array_size(list); i++)
		words[i] = (uint16_t)json_integer_value(json_array_get(list, i));
	fake_value(d, descriptor, "US", says, sizeof(says));
	fake_value(d, data, "OW", words, json_array_size(list) * 2);
}

static void put_palette(struct fake_dicom *d, const json_t *look)
{
	const json_t *palette = json_object_get(look, "palette");
	uint32_t data = json_is_true(json_object_get(look, "segmented")) ? 0x00281221 : 0x00281201;
	for (uint32_t k = 0; palette && k < 3; k++)
		put_table(d, 0x00281101 + k, data + k, json_array_get(palette, k));
}

static void put_sequences(struct fake_dicom *d, const json_t *look)
{
	const json_t *modality = json_object_get(look, "modality"), *voi = json_object_get(look, "voi");
	if (modality) {
		fake_open_sequence(d, 0x00283000);
		put_table(d, 0x00283002, 0x00283006, modality);
		fake_close_sequence(d);
	}
	for (size_t i = 0; i < json_array_size(voi); i++) {
		if (i)
			fake_next_item(d);
		else
			fake_open_sequence(d, 0x00283010);
		put_table(d, 0x00283002, 0x00283006, json_array_get(voi, i));
	}
	if (voi)
		fake_close_sequence(d);
}

static void put_pixels(struct fake_dicom *d, const json_t *look)
{
	uint16_t words[COUNT];
	uint8_t bytes[COUNT];
	uint32_t longs[COUNT];
	for (size_t i = 0; i < COUNT; i++)
		bytes[i] = (uint8_t)(words[i] = (uint16_t)json_integer_value(
		                         json_array_get(json_object_get(look, "samples"), i)));
	for (size_t i = 0; i < COUNT; i++)
		longs[i] = (uint32_t)json_integer_value(json_array_get(json_object_get(look, "samples"), i));
	if (whole(look, "allocated") == 32)
		fake_native(d, "OW", longs, sizeof(longs));
	else if (whole(look, "allocated") == 8)
		fake_native(d, "OB", bytes, sizeof(bytes));
	else
		fake_native(d, "OW", words, sizeof(words));
}

static struct fake_bytes file_of(const json_t *look)
{
	const char *photometric = words_of(look, "photometric", "");
	const struct hz_pixel_shape s = {.columns = 4,
	                                 .rows = 4,
	                                 .samples = 1,
	                                 .bits_allocated = (uint8_t)whole(look, "allocated"),
	                                 .bits_stored = (uint8_t)whole(look, "stored"),
	                                 .high_bit = (uint8_t)(whole(look, "stored") - 1),
	                                 .is_signed = json_is_true(json_object_get(look, "signed")),
	                                 .photometric = *photometric == 'P' ? HZ_PALETTE_COLOR
	                                                : strcmp(photometric, "MONOCHROME1") == 0
	                                                    ? HZ_MONOCHROME1
	                                                    : HZ_MONOCHROME2};
	const json_t *padding = json_object_get(look, "padding");
	struct fake_dicom d;
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &s, 1);
	for (size_t i = 0; i < json_array_size(padding); i++) {
		int value = (int)json_integer_value(json_array_get(padding, i));
		fake_us(&d, 0x00280120 + (uint32_t)i, (uint16_t)value);
	}
	put_number(&d, 0x00281050, look, "center");
	put_number(&d, 0x00281051, look, "width");
	put_number(&d, 0x00281052, look, "intercept");
	put_number(&d, 0x00281053, look, "slope");
	if (json_object_get(look, "function"))
		fake_text(&d, 0x00281056, "CS", words_of(look, "function", ""));
	put_palette(&d, look);
	put_sequences(&d, look);
	if (json_is_true(json_object_get(look, "inverse")))
		fake_text(&d, 0x20500020, "CS", "INVERSE");
	put_pixels(&d, look);
	return fake_end(&d);
}

static void as_expected(const char *name, struct hz_dicom *d, const struct hz_frame *frame, const json_t *how)
{
	const json_t *want = json_object_get(how, "expect");
	const struct hz_look look = {.voi = json_object_get(how, "center") ? HZ_VOI_WINDOW : HZ_VOI_DEFAULT,
	                             .center = whole(how, "center"),
	                             .width = whole(how, "width"),
	                             .function = hz_voi_of(d, 0),
	                             .invert = json_is_true(json_object_get(how, "invert"))};
	struct hz_rendered r = {0};
	assert_int_equal(hz_render(d, 0, frame, &look, &r), 0);
	assert_int_equal(r.bytes, json_array_size(want));
	for (size_t i = 0; i < r.bytes; i++) {
		int value = (int)json_integer_value(json_array_get(want, i));
		if (r.data[i] != value)
			fail_msg("%s: %zu is %u, and should be %d", name, i, r.data[i], value);
	}
	hz_rendered_done(&r);
}

// What viewers are told of its tables.
static void as_told(const char *name, struct hz_dicom *d, const json_t *want)
{
	struct hz_dicom_fault fault;
	char *text = NULL;
	size_t bytes = 0;
	assert_int_equal(hz_lut_json(d, &fault, &text, &bytes), 0);
	assert_int_equal(strlen(text), bytes);
	json_t *told = json_loadb(text, bytes, 0, NULL);
	assert_non_null(told);
	json_object_del(told, "instance");
	json_t *tables = json_deep_copy(want);
	json_object_del(tables, "instance");
	if (!json_equal(told, tables))
		fail_msg("%s: %s", name, text);
	json_decref(tables);
	json_decref(told);
	free(text);
}

static void test_each_look(void **state)
{
	json_t *all = json_load_file(HZ_SOURCE_DIR "/tests/lib/looks.json", 0, NULL), *look, *how;
	size_t at, k;
	assert_true(json_array_size(all) >= 16);
	json_array_foreach(all, at, look)
	{
		const char *name = words_of(look, "name", "");
		struct fake_bytes file = file_of(look);
		struct hz_dicom_fault fault = {0};
		struct hz_dicom *d = NULL;
		struct hz_frame frame = {0};
		if (hz_dicom_open(file.data, file.bytes, NULL, &fault, &d) < 0 ||
		    decode_of(d, 0, &fault, &frame) < 0)
			fail_msg("%s: %s", name, fault.text);
		json_array_foreach(json_object_get(look, "looks"), k, how) as_expected(name, d, &frame, how);
		as_told(name, d, json_object_get(look, "luts"));
		hz_frame_done(&frame);
		hz_dicom_close(d);
		fake_bytes_done(&file);
	}
	json_decref(all);
}

struct lie {
	const char *what;
	uint16_t entries, bits;
	unsigned words;
	uint16_t word;
	bool opens;
};

// Each of a palette's tables, and of the two kinds of LUT.
static void test_tables_that_lie(void **state)
{
	static const struct lie lies[] = {
	    {"as it says", 4, 16, 4, 0x8000, true},
	    {"two in a word", 4, 8, 2, 0x80ff, true},
	    {"one too few", 4, 16, 3, 0x8000, false},
	    {"one too many", 4, 16, 5, 0x8000, false},
	    {"half of it", 4, 16, 2, 0x8000, false},
	    {"neither one nor two in a word", 4, 8, 3, 1, false},
	    {"65536 of them", 0, 16, 4, 0x8000, false},
	    {"more bits than said", 4, 8, 4, 0x100, false},
	    {"of 12 bits, and 13", 4, 12, 4, 0x1000, false},
	    {"of 12 bits", 4, 12, 4, 0xfff, true},
	    {"no bits", 4, 0, 4, 1, false},
	    {"17 bits", 4, 17, 4, 1, false},
	    {"nothing in it", 4, 16, 0, 0, false},
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies) * 3; i++) {
		const struct lie *lie = &lies[i / 3];
		const uint16_t says[3] = {lie->entries, 0, lie->bits},
		               words[5] = {lie->word, lie->word, lie->word, lie->word, lie->word};
		const struct hz_pixel_shape s = {.columns = 4,
		                                 .rows = 1,
		                                 .samples = 1,
		                                 .bits_allocated = 8,
		                                 .bits_stored = 8,
		                                 .high_bit = 7,
		                                 .photometric = i % 3 ? HZ_MONOCHROME2 : HZ_PALETTE_COLOR};
		struct hz_dicom_fault fault = {0};
		struct hz_dicom *opened = NULL;
		struct fake_dicom d;
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &s, 1);
		for (uint32_t k = 0; k < 3 && i % 3 == 0; k++)
			fake_value(&d, 0x00281101 + k, "US", says, 6);
		for (uint32_t k = 0; k < 3 && i % 3 == 0; k++)
			fake_value(&d, 0x00281201 + k, "OW", words, lie->words * 2);
		if (i % 3) {
			fake_open_sequence(&d, i % 3 == 1 ? 0x00283000 : 0x00283010);
			fake_value(&d, 0x00283002, "US", says, 6);
			fake_value(&d, 0x00283006, "OW", words, lie->words * 2);
			fake_close_sequence(&d);
		}
		fake_native(&d, "OB", "\1\2\3\4", 4);
		struct fake_bytes file = fake_end(&d);
		int err = hz_dicom_open(file.data, file.bytes, NULL, &fault, &opened);
		if ((err == 0) != lie->opens || (err && fault.code != HZ_DICOM_ATTRIBUTE))
			fail_msg("%s: %d %s", lie->what, err, fault.text);
		hz_dicom_close(opened);
		fake_bytes_done(&file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_look),
	    cmocka_unit_test(test_tables_that_lie),
	};
	if (hz_dicom_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
