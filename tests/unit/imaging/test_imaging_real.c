// Real files (../shared/dicom, or HZ_DICOM_FILES): NEMA's WG04 images against their uncompressed references, one image
// in many transfer syntaxes, character sets, multi-frame. They are not for everybody: without them this test says so.
#include "tests/unit/imaging/imaging_open.h"

static char folder[512];

static struct hz_dicom *must_open(const char *name)
{
	char path[1024];
	struct hz_dicom_fault fault = {0};
	struct hz_dicom *d = NULL;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (open_path(path, &fault, &d) < 0)
		fail_msg("%s: %s: %s", name, hz_dicom_code_name(fault.code), fault.text);
	return d;
}

static struct hz_frame must_decode(const char *name, struct hz_dicom *d, uint32_t index)
{
	struct hz_dicom_fault fault = {0};
	struct hz_frame f = {0};
	if (decode_of(d, index, &fault, &f) < 0)
		fail_msg("%s frame %u: %s: %s", name, index, hz_dicom_code_name(fault.code), fault.text);
	return f;
}

// Largest and mean difference of samples.
static void difference(const char *name, const char *reference, int32_t *worst, double *mean)
{
	struct hz_dicom *a = must_open(name), *b = must_open(reference);
	struct hz_frame x = must_decode(name, a, 0), y = must_decode(reference, b, 0);
	assert_int_equal(x.columns, y.columns);
	assert_int_equal(x.rows, y.rows);
	assert_int_equal(x.samples, y.samples);
	size_t count = (size_t)x.columns * x.rows * x.samples;
	double sum = 0;
	*worst = 0;
	for (size_t i = 0; i < count; i++) {
		int32_t by = abs(hz_frame_sample(&x, i) - hz_frame_sample(&y, i));
		*worst = by > *worst ? by : *worst;
		sum += by;
	}
	*mean = sum / (double)count;
	hz_frame_done(&x);
	hz_frame_done(&y);
	hz_dicom_close(a);
	hz_dicom_close(b);
}

static void exact(const char *name, const char *reference)
{
	int32_t worst;
	double mean;
	difference(name, reference, &worst, &mean);
	if (worst != 0)
		fail_msg("%s differs from %s by up to %d", name, reference, worst);
}

static void test_wg04_lossless(void **state)
{
	static const char *const kinds[] = {"RLE", "JPLL", "JLSL", "J2KR", "JPH"};
	static const char *const images[] = {"CT1", "MR1", "NM1"};
	char name[64], reference[64];
	for (unsigned k = 0; k < 5; k++) {
		for (unsigned i = 0; i < 3; i++) {
			snprintf(name, sizeof(name), "wg04/%s/%s_%s", kinds[k], images[i], kinds[k]);
			snprintf(reference, sizeof(reference), "wg04/REF/%s_UNC", images[i]);
			exact(name, reference);
		}
	}
	exact("wg04/RLE/US1_RLE", "wg04/REF/US1_UNC");
	exact("wg04/J2KR/US1_J2KR", "wg04/REF/US1_UNC");
	exact("wg04/JPH/US1_JPH", "wg04/REF/US1_UNC");
}

// NEMA does not say how lossy these are; the bounds are what was measured, rounded up, so that a change shows.
static void test_wg04_lossy(void **state)
{
	static const struct {
		const char *name, *reference;
		int32_t worst;
		double mean;
	} images[] = {
	    {"wg04/JLSN/CT1_JLSN", "wg04/REF/CT1_UNC", 10, 5},
	    {"wg04/JLSN/MR1_JLSN", "wg04/REF/MR1_UNC", 10, 5},
	    {"wg04/JLSN/NM1_JLSN", "wg04/REF/NM1_UNC", 10, 5},
	    {"wg04/J2KI/CT1_J2KI", "wg04/REF/CT1_UNC", 2000, 40},
	    {"wg04/J2KI/MR1_J2KI", "wg04/REF/MR1_UNC", 2000, 40},
	    {"wg04/J2KI/NM1_J2KI", "wg04/REF/NM1_UNC", 2000, 40},
	    {"wg04/J2KI/US1_J2KI", "wg04/REF/US1_UNC", 200, 3},
	};
	for (unsigned i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		int32_t worst;
		double mean;
		difference(images[i].name, images[i].reference, &worst, &mean);
		print_message("%s: worst %d mean %.2f\n", images[i].name, worst, mean);
		if (worst > images[i].worst || mean > images[i].mean)
			fail_msg("%s: worst %d mean %.2f", images[i].name, worst, mean);
	}
}

// The same CT image in the syntaxes that keep it; the 12-bit ones are clipped to 12 bits, so only among themselves.
static void test_one_ct_in_many_syntaxes(void **state)
{
	exact("ts_ct/CT_1.2.840.10008.1.2.1.99.dcm", "ts_ct/CT_1.2.840.10008.1.2.dcm");
	exact("ts_ct/CT_1.2.840.10008.1.2.2.dcm", "ts_ct/CT_1.2.840.10008.1.2.dcm");
	exact("ts_ct/CT_1.2.840.10008.1.2.4.57.dcm", "ts_ct/CT_1.2.840.10008.1.2.dcm");
	int32_t worst;
	double mean;
	difference("ts_ct/CT_1.2.840.10008.1.2.4.55.dcm", "ts_ct/CT_1.2.840.10008.1.2.4.51.dcm", &worst,
	           &mean);
	print_message("12 bits: progressive by extended: worst %d mean %.2f\n", worst, mean);
	difference("ts_ct/CT_1.2.840.10008.1.2.4.53.dcm", "ts_ct/CT_1.2.840.10008.1.2.4.51.dcm", &worst,
	           &mean);
	print_message("12 bits: spectral selection by extended: worst %d mean %.2f\n", worst, mean);
}

static void test_every_file_of_the_manifest(void **state)
{
	char path[1024], line[2048];
	snprintf(path, sizeof(path), "%s/MANIFEST.csv", folder);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	unsigned frames = 0, files = 0;
	assert_non_null(fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, ",")] = 0;
		struct hz_dicom_fault fault = {0};
		struct hz_dicom *d = NULL;
		snprintf(path, sizeof(path), "%s/%s", folder, line);
		int err = open_path(path, &fault, &d);
		if (strncmp(line, "ecg/", 4) == 0 || strstr(line, "Korean")) { // a waveform; a header alone
			assert_int_equal(fault.code, HZ_DICOM_NO_IMAGE);
			continue;
		}
		if (strstr(line, "jxl")) {
			assert_int_equal(fault.code, HZ_DICOM_TRANSFER_SYNTAX);
			continue;
		}
		if (err < 0)
			fail_msg("%s: %s: %s", line, hz_dicom_code_name(fault.code), fault.text);
		for (uint32_t i = 0; i < hz_dicom_image(d)->frames; i++, frames++) {
			struct hz_frame frame = must_decode(line, d, i);
			hz_frame_done(&frame);
		}
		files++;
		hz_dicom_close(d);
	}
	fclose(f);
	print_message("%u files, %u frames decoded\n", files, frames);
	assert_true(files > 70);
}

static void test_names(void **state)
{
	static const char *const names[][2] = {
	    {"charset/chrX2.dcm", "Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe4\xb8\x9c="},
	    {"charset/chrI2.dcm",
	     "Hong^Gildong=\xe6\xb4\xaa^\xe5\x90\x89\xe6\xb4\x9e=\xed\x99\x8d^\xea\xb8\xb8\xeb\x8f\x99"},
	    {"charset/chrRuss.dcm", "\xd0\x9b\xd1\x8e\xce\xba\xd0\xb5\xd0\xbc\xd0\xb1\xd1\x83yp\xd0\xb3"},
	};
	for (unsigned i = 0; i < 3; i++) {
		struct hz_dicom *d = must_open(names[i][0]);
		const struct hz_dicom_text *t = &hz_dicom_image(d)->text;
		if (i < 2)
			assert_string_equal(t->patient_name, names[i][1]);
		print_message("%s: %s\n", names[i][0], t->patient_name);
		assert_false(t->guessed);
		hz_dicom_close(d);
	}
}

static void test_enhanced_frames_have_planes(void **state)
{
	struct hz_dicom *d = must_open("multiframe_cine/jpeg2000-multiframe-multifragments.dcm");
	const struct hz_dicom_plane *a = hz_dicom_plane(d, 0), *b = hz_dicom_plane(d, 18);
	assert_true(hz_dicom_image(d)->enhanced);
	assert_true(a->has_position && b->has_position && a->has_orientation && a->has_spacing);
	assert_int_equal(a->temporal_position, 1);
	assert_int_equal(b->temporal_position, 19);
	assert_int_equal((int)a->position[1], -80);
	hz_dicom_close(d);
}

int main(void)
{
	const char *at = getenv("HZ_DICOM_FILES");
	snprintf(folder, sizeof(folder), "%s", at ? at : HZ_SOURCE_DIR "/../shared/dicom");
	if (access(folder, R_OK) != 0) {
		printf("skipped: no real DICOM files at %s\n", folder);
		return 0;
	}
	if (hz_dicom_init() < 0)
		return 1;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_wg04_lossless),
	    cmocka_unit_test(test_wg04_lossy),
	    cmocka_unit_test(test_one_ct_in_many_syntaxes),
	    cmocka_unit_test(test_every_file_of_the_manifest),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_enhanced_frames_have_planes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
