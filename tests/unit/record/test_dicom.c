// The DICOM writer: text in its character set, and objects of random manifests that dicom3tools and DCMTK find right.
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder/record/charset.h"
#include "recorder/record/dicom_video.h"
#include "recorder/record/dicom_write.h"
#include "recorder/record/files.h"
#include "recorder/record/uid.h"
#include "tests/unit/record/fake_record.h"

static void test_uid(void **state)
{
	static const char *const good[] = {"1.2", "2.25.0", "1.2.840.10008.1.2.4.102", "0.9"};
	static const char *const bad[] = {"", "1", "1.", ".1", "1..2", "1.02", "3.1", "1.2a", "1.2 ", "12.3"};
	char uid[HZ_UID_BYTES], again[HZ_UID_BYTES];
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(hz_uid_is_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(hz_uid_is_valid(bad[i]));
	static const uint8_t uuid[16] = {0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0,
	                                 0xa7, 0x65, 0x00, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6};
	hz_uid_of_uuid(uuid, uid); // the example of PS3.5 annex B.2
	assert_string_equal(uid, "2.25.329800735698586629295641978511506172918");
	hz_uid_named("r", "study", "", uid);
	hz_uid_named("r", "study", "", again);
	assert_string_equal(uid, again);
	assert_true(hz_uid_is_valid(uid));
	hz_uid_named("r", "series", "", again);
	assert_string_not_equal(uid, again);
}

static void text_is(enum hz_charset charset, const char *vr, const char *utf8, const char *want)
{
	char text[512];
	long n = hz_charset_text(charset, vr, utf8, text, sizeof(text));
	assert_int_equal(n, strlen(want));
	assert_string_equal(text, want);
}

static void test_charset(void **state)
{
	char text[200], long_text[300];
	text_is(HZ_CHARSET_UTF8, "PN", "王^小东", "王^小东");
	text_is(HZ_CHARSET_GB18030, "PN", "王小东", "\xcd\xf5\xd0\xa1\xb6\xab");
	text_is(HZ_CHARSET_GB18030, "LO", "𠀀", "\x95\x32\x82\x36");
	text_is(HZ_CHARSET_UTF8, "LO", "a\\b\nc\x01", "a b c ");
	text_is(HZ_CHARSET_UTF8, "ST", "a\\b\nc", "a\\b\nc");
	text_is(HZ_CHARSET_UTF8, "LO", "a\xff\xc0\xaf\xed\xa0\x80z", "a??????z");
	text_is(HZ_CHARSET_UTF8, "LO", "a\xc2\x85z", "a z"); // C1
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(hz_charset_text(HZ_CHARSET_UTF8, "LO", long_text, text, sizeof(text)), 64);
	assert_int_equal(hz_charset_text(HZ_CHARSET_UTF8, "SH", long_text, text, sizeof(text)), 16);
	memcpy(long_text + 100, "=y", 2);
	assert_int_equal(hz_charset_text(HZ_CHARSET_UTF8, "PN", long_text, text, sizeof(text)), 64 + 1 + 64);
	assert_int_equal(hz_charset_text(HZ_CHARSET_UTF8, "LO", "王王王", text, 8), 6); // cut at a character
}

// Odd lengths are padded and told; more than a fragment and nothing at all are refused.
static void test_fragment(void **state)
{
	struct hz_dicom *d;
	char folder[] = "/tmp/hz-dicom-XXXXXX", in[64], out[64];
	assert_non_null(mkdtemp(folder));
	snprintf(in, sizeof(in), "%s/in", folder);
	snprintf(out, sizeof(out), "%s/out", folder);
	const struct hz_dicom_file file = {.path = out,
	                                   .sop_class = "1.2.3",
	                                   .sop_instance = "1.2.3.4",
	                                   .transfer_syntax = HZ_TS_H264_HIGH_41,
	                                   .pixels = in};
	assert_int_equal(hz_document_write(in, "abc", 3, 0600), 0);
	assert_int_equal(hz_dicom_new(HZ_CHARSET_UTF8, &d), 0);
	assert_int_equal(hz_dicom_save(d, &file), 0);
	hz_dicom_free(d);
	assert_true(fake_run(
	    "tail -c 16 %s | od -An -tx1 | tr -d ' \\n' | grep -q '616263000*feffdde000000000$'", out));
	assert_true(fake_run("truncate -s 4294967295 %s && rm %s", in, out));
	assert_int_equal(hz_dicom_new(HZ_CHARSET_UTF8, &d), 0);
	assert_int_equal(hz_dicom_save(d, &file), -EFBIG);
	assert_true(fake_run("truncate -s 0 %s", in));
	assert_int_equal(hz_dicom_save(d, &file), -ENODATA);
	assert_true(fake_run("rm %s", in));
	assert_int_equal(hz_dicom_save(d, &file), -ENOENT);
	hz_dicom_free(d);
	assert_false(fake_run("ls %s/* 2>/dev/null", folder));
	assert_true(fake_run("rmdir %s", folder));
}

static unsigned seed = 1;

static unsigned any(unsigned below)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % below;
}

// Text that nobody should write: controls, separators, markup, three scripts, too long.
static json_t *odd_text(unsigned most)
{
	static const char *const pieces[] = {"王", "李小龍", "𠀀",       "é",  "a",     "B ",
	                                     "\\", "^",      "=",        "\n", "\"<&>", "\x01",
	                                     "%s", "'; --",  "\xc2\x85", "  "};
	char text[1024] = "";
	for (unsigned n = any(most); n; n--)
		strcat(text, pieces[any(16)]);
	return json_string(text);
}

static void random_manifest(const struct fake_record *r, struct hz_manifest **ret)
{
	char path[1024], *text;
	snprintf(path, sizeof(path), "%s/manifest.json", r->folder);
	assert_int_equal(hz_document_read(path, 1 << 20, &text, NULL), 0);
	json_t *m = json_loads(text, 0, NULL), *subject = json_object_get(m, "subject"),
	       *patient = json_object_get(subject, "patient");
	free(text);
	json_object_set_new(m, "title", odd_text(20));
	json_object_set_new(m, "consult", odd_text(10));
	json_object_set_new(m, "started_ms", json_integer((json_int_t)any(2000000000) * 1000 + any(1000)));
	json_object_set_new(subject, "accession", odd_text(4));
	json_object_set_new(subject, "institution", odd_text(20));
	json_object_set_new(patient, "name", odd_text(20));
	json_object_set_new(patient, "id", odd_text(8));
	json_object_set_new(patient, "sex", any(2) ? json_string("female") : odd_text(2));
	json_object_set_new(patient, "birth_date", any(2) ? json_string("2000-01-01") : odd_text(2));
	if (any(4) == 0)
		json_object_del(m, "subject");
	json_t *file = json_array_get(json_object_get(m, "files"), 0);
	json_object_set_new(file, "source", any(3) ? json_string("endoscope") : odd_text(3));
	text = json_dumps(m, 0);
	const char *why = "";
	if (hz_manifest_parse(text, strlen(text), &why, ret) != 0)
		fail_msg("%s: %s", why, text);
	free(text);
	json_decref(m);
}

static void test_random(void **state)
{
	struct fake_record r;
	char mp4[600], dcm[600];
	fake_record_new(&r, false);
	snprintf(mp4, sizeof(mp4), "%s/tracks/doctor.camera.1.mp4", r.folder);
	snprintf(dcm, sizeof(dcm), "%s/x.dcm", r.folder);
	for (unsigned i = 0; i < 40; i++) {
		struct hz_manifest *m;
		struct hz_dicom_ids ids;
		random_manifest(&r, &m);
		struct hz_dicom_video v = {.manifest = m,
		                           .file = &m->files[0],
		                           .charset = i % 2 ? HZ_CHARSET_UTF8 : HZ_CHARSET_GB18030,
		                           .mp4 = mp4,
		                           .path = dcm};
		v.series = v.instance = 1 + any(1000);
		v.stream = (struct hz_dicom_stream){.profile_idc = 100,
		                                    .level_idc = 31,
		                                    .columns = 16 + any(1900),
		                                    .rows = 16 + any(1060),
		                                    .frames = 1 + any(200000),
		                                    .duration_us = (int64_t)any(20000000) * 1000,
		                                    .audio_channels = any(3),
		                                    .bytes = 10};
		assert_int_equal(hz_dicom_video_ids(&v, &ids), 0);
		assert_int_equal(hz_dicom_video_write(&v, &ids), 0);
		char *said = fake_output(
		    "dciodvfy %s 2>&1 | grep -a '^Error'; dcmdump %s >/dev/null 2>%s.said || cat %s.said",
		    dcm, dcm, dcm, dcm);
		if (*said)
			fail_msg("round %u: %s", i, said);
		free(said);
		hz_manifest_free(m);
	}
	fake_record_free(&r);
}

// PS3.5 8.2.7: 1080p of 50 and 60 pictures a second is level 4.2, also where the stream says less of itself.
static void test_syntax(void **state)
{
	static const struct {
		uint32_t columns, rows, fps;
		uint8_t level;
		const char *syntax;
	} cases[] = {
	    {1280, 720, 30, 31, HZ_TS_H264_HIGH_41},
	    {1280, 720, 60, 32, HZ_TS_H264_HIGH_41},
	    {1920, 1080, 30, 40, HZ_TS_H264_HIGH_41},
	    {1920, 1080, 31, 31, HZ_TS_H264_HIGH_41},
	    {1920, 1080, 50, 42, HZ_TS_H264_HIGH_42},
	    {1920, 1080, 60, 42, HZ_TS_H264_HIGH_42},
	    {1920, 1080, 50, 31, HZ_TS_H264_HIGH_42},
	    {1920, 1080, 60, 40, HZ_TS_H264_HIGH_42},
	    {2048, 1088, 30, 42, HZ_TS_H264_HIGH_42},
	    {1920, 1080, 60, 50, NULL},
	    {3840, 2160, 30, 51, NULL},
	    {3840, 2160, 30, 31, NULL},
	};
	struct fake_record r;
	struct hz_manifest *m;
	fake_record_new(&r, false);
	random_manifest(&r, &m);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hz_dicom_ids ids;
		struct hz_dicom_video v = {.manifest = m, .file = &m->files[0]};
		v.stream = (struct hz_dicom_stream){.profile_idc = 100,
		                                    .level_idc = cases[i].level,
		                                    .columns = cases[i].columns,
		                                    .rows = cases[i].rows,
		                                    .frames = cases[i].fps * 20,
		                                    .duration_us = 20000000};
		int err = hz_dicom_video_ids(&v, &ids);
		assert_int_equal(err, cases[i].syntax ? 0 : -ENOTSUP);
		if (!err)
			assert_string_equal(ids.transfer_syntax, cases[i].syntax);
	}
	hz_manifest_free(m);
	fake_record_free(&r);
}

static void refused(const char *what, const char *with)
{
	struct fake_record r;
	struct hz_manifest *m;
	const char *why = NULL;
	char path[1024], *text, *bad;
	fake_record_new(&r, false);
	snprintf(path, sizeof(path), "%s/manifest.json", r.folder);
	assert_int_equal(hz_document_read(path, 1 << 20, &text, NULL), 0);
	bad = calloc(1, strlen(text) + strlen(with) + 1);
	const char *at = strstr(text, what);
	assert_non_null(at);
	memcpy(bad, text, (size_t)(at - text));
	strcat(bad, with);
	strcat(bad, at + strlen(what));
	assert_int_equal(hz_manifest_parse(bad, strlen(bad), &why, &m), -EBADMSG);
	assert_non_null(why);
	free(bad);
	free(text);
	fake_record_free(&r);
}

static void test_bad_manifests(void **state)
{
	refused("\"version\": 1", "\"version\": 2");
	refused("0190a5c2", "0190A5C2");
	refused("tracks/doctor.camera.1.mp4", "../doctor");
	refused("tracks/doctor.camera.1.mp4", "/etc/passwd");
	refused("tracks/doctor.camera.1.mp4", "tracks//x");
	refused("\"width\": 320", "\"width\": -1");
	refused("\"width\": 320", "\"width\": 1e3");
	refused("\"frames\": 50", "\"frames\": 99999999999");
	refused("\"sha1\": \"", "\"sha1\": \"Z");
	refused("\"h264\",", "7,");
	refused("timeline.json", "..");
	refused("\"record\"", "\"consult\"");
}

int main(void)
{
	setenv("TZ", "Asia/Kathmandu", 1);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_uid),      cmocka_unit_test(test_charset),
	    cmocka_unit_test(test_fragment), cmocka_unit_test(test_random),
	    cmocka_unit_test(test_syntax),   cmocka_unit_test(test_bad_manifests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
