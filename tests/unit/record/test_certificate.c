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

#include "recorder/record/certificate.h"
#include "recorder/record/check.h"
#include "recorder/record/files.h"
#include "recorder/record/package.h"
#include "recorder/record/sign.h"
#include "recorder/store.h"
#include "tests/unit/record/fake_record.h"
#include "recorder/journal/hash.h"

struct faults {
	unsigned count;
	char where[256], what[256];
};

static void note(void *arg, const char *where, const char *what)
{
	struct faults *f = arg;
	f->count++;
	snprintf(f->where, sizeof(f->where), "%s", where);
	snprintf(f->what, sizeof(f->what), "%s", what);
}

static struct faults verify(const struct fake_record *r, const char *pem)
{
	struct faults f = {0};
	int told = hz_certificate_verify(r->folder, pem, note, &f);
	assert_int_equal(told, f.count);
	return f;
}

static void make(struct fake_record *r, bool sm2)
{
	const struct hz_package_settings settings = {.charset = HZ_CHARSET_UTF8};
	const char *why;
	fake_record_new(r, false);
	assert_int_equal(hz_package(r->folder, &settings, &why), 0);
	assert_int_equal(hz_certificate_issue(r->store, r->folder, sm2), 0);
}

static struct hz_record_state s_of(enum hz_record_phase phase, enum hz_record_composing composing)
{
	struct hz_record_state s = {.phase = phase, .started_ms = 1, .ended_ms = 2, .changed_ms = 3};
	snprintf(s.id, sizeof(s.id), "%s", FAKE_RECORD);
	snprintf(s.consult, sizeof(s.consult), "c");
	s.composing.phase = composing;
	return s;
}

static unsigned check(const struct fake_record *r, enum hz_record_phase phase,
                      enum hz_record_composing composing)
{
	struct faults f = {0};
	struct hz_record_state s = s_of(phase, composing);
	assert_int_equal(hz_record_state_write(r->folder, &s), 0);
	int told = hz_check_files(r->folder, NULL, note, &f);
	assert_int_equal(told, f.count);
	return f.count;
}

// While the archive composes and signs anew, what it is about to write is no fault; all else is.
static void test_while_composing(void **state)
{
	struct fake_record r;
	make(&r, false);
	assert_int_equal(check(&r, HZ_RECORD_DELIVERED, HZ_COMPOSING_DONE), 0);
	assert_true(fake_run("echo >>%s/manifest.json; touch %s/dicom/77.dcm", r.folder, r.folder));
	assert_int_equal(check(&r, HZ_RECORD_DELIVERED, HZ_COMPOSING_DONE), 2);
	assert_int_equal(check(&r, HZ_RECORD_DELIVERED, HZ_COMPOSING_RUNNING), 0);
	assert_int_equal(check(&r, HZ_RECORD_FINALISED, HZ_COMPOSING_MADE), 0);
	assert_true(fake_run("echo >>%s/tracks/doctor.camera.1.mp4", r.folder));
	assert_int_equal(check(&r, HZ_RECORD_FINALISED, HZ_COMPOSING_MADE), 1);
	fake_record_free(&r);
}

// Every altered byte is found and its file named.
static void altered_bytes(bool sm2)
{
	static const char *const files[] = {"certificate.json", "manifest.json", "timeline.json",
	                                    "journal/0001.hzj", "composed.mp4",  "tracks/doctor.camera.1.mp4",
	                                    "dicom/index.json"};
	struct fake_record r;
	char path[1024];
	make(&r, sm2);
	assert_int_equal(verify(&r, NULL).count, 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *text;
		size_t bytes;
		snprintf(path, sizeof(path), "%s/%s", r.folder, files[i]);
		assert_int_equal(hz_document_read(path, 1 << 20, &text, &bytes), 0);
		for (size_t k = 0; k < bytes; k += bytes / 150 + 1) {
			char before = text[k];
			text[k] = (char)(before ^ (k % 2 ? 1 : 0x29));
			assert_int_equal(hz_document_write(path, text, bytes, 0640), 0);
			struct faults f = verify(&r, NULL);
			if (f.count == 0 || (strcmp(f.where, files[i]) != 0 && i != 0))
				fail_msg("byte %zu of %s: %u faults, %s: %s", k, files[i], f.count, f.where,
				         f.what);
			text[k] = before;
		}
		assert_int_equal(hz_document_write(path, text, bytes, 0640), 0);
		free(text);
	}
	assert_int_equal(verify(&r, NULL).count, 0);
	fake_record_free(&r);
}

static void test_altered_es256(void **state)
{
	altered_bytes(false);
}

static void test_altered_sm2(void **state)
{
	altered_bytes(true);
}

static void test_added_and_removed(void **state)
{
	struct fake_record r;
	make(&r, false);
	assert_true(fake_run("touch %s/tracks/more.mp4", r.folder));
	struct faults f = verify(&r, NULL);
	assert_int_equal(f.count, 1);
	assert_string_equal(f.where, "tracks/more.mp4");
	assert_true(fake_run("rm %s/tracks/more.mp4 %s/composed.mp4", r.folder, r.folder));
	f = verify(&r, NULL);
	assert_int_equal(f.count, 1);
	assert_string_equal(f.where, "composed.mp4");
	assert_true(fake_run("rm %s/certificate.json", r.folder));
	assert_int_equal(hz_certificate_verify(r.folder, NULL, note, &f), -ENOENT);
	fake_record_free(&r);
}

// Signed anew by somebody else: the installation's key tells.
static void test_other_key(void **state)
{
	struct fake_record r, other;
	char pem[1024];
	make(&r, false);
	make(&other, false);
	assert_true(fake_run("cp %s/certificate.json %s/certificate.json", other.folder, r.folder));
	struct faults f = verify(&r, NULL);
	assert_true(f.count > 0);
	assert_string_equal(f.where, "certificate.json");
	snprintf(pem, sizeof(pem), "%s/signing/public.pem", other.store);
	assert_int_equal(verify(&r, pem).count, 0);
	assert_true(fake_run("rm %s/signing/public.pem", r.store));
	assert_int_equal(verify(&r, NULL).count, 1); // no key to compare with is said
	fake_record_free(&r);
	fake_record_free(&other);
}

static void test_kept(void **state)
{
	struct fake_record r;
	struct hz_file_hash one, two;
	char path[1024];
	make(&r, false);
	snprintf(path, sizeof(path), "%s/certificate.json", r.folder);
	assert_int_equal(hz_hash_file(path, HZ_SHA256, &one), 0);
	assert_int_equal(hz_certificate_issue(r.store, r.folder, false), 0);
	assert_int_equal(hz_hash_file(path, HZ_SHA256, &two), 0);
	assert_string_equal(one.hex, two.hex);
	char *text;
	assert_int_equal(hz_document_read(path, 1 << 20, &text, NULL), 0);
	json_t *all = json_loads(text, 0, NULL);
	const json_t *c = json_object_get(all, "certificate");
	assert_int_equal(json_array_size(json_object_get(c, "quality")), 2);
	assert_int_equal(json_array_size(json_object_get(c, "participants")), 2);
	json_decref(all);
	free(text);
	fake_record_free(&r);
}

// openssl itself agrees, and the private key is nobody else's to read.
static void test_openssl_agrees(void **state)
{
	struct fake_record r;
	make(&r, false);
	assert_true(fake_run("openssl pkey -pubin -in %s/signing/public.pem -noout && test $(stat -c %%a "
	                     "%s/signing/key.pem) = 600",
	                     r.store, r.store));
	struct hz_sign_key *key;
	char *compact, *payload;
	assert_int_equal(hz_sign_key_open(r.store, false, &key), 0);
	assert_int_equal(hz_sign_compact(key, "{}", 2, &compact), 0);
	assert_int_equal(hz_sign_compact_check(key, compact, &payload), 0);
	assert_string_equal(payload, "{}");
	free(payload);
	compact[strlen(compact) - 10] ^= 1;
	assert_int_equal(hz_sign_compact_check(NULL, compact, &payload), -EKEYREJECTED);
	assert_int_equal(hz_sign_compact_check(NULL, "a.b", &payload), -EBADMSG);
	assert_int_equal(hz_sign_compact_check(NULL, "..", &payload), -EBADMSG);
	free(compact);
	hz_sign_key_free(key);
	fake_record_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_while_composing), cmocka_unit_test(test_altered_es256),
	    cmocka_unit_test(test_altered_sm2),     cmocka_unit_test(test_added_and_removed),
	    cmocka_unit_test(test_other_key),       cmocka_unit_test(test_kept),
	    cmocka_unit_test(test_openssl_agrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
