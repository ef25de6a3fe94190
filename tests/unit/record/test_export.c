// The copy of a record that is handed over: whole and good by itself, or not there.
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/cli.h"
#include "recorder/journal/hash.h"
#include "recorder/record/certificate.h"
#include "recorder/record/erasure.h"
#include "recorder/record/export.h"
#include "recorder/record/package.h"
#include "recorder/store.h"
#include "tests/unit/record/fake_record.h"

static struct fake_record r;
static char target[600], pem[600], error[HZ_EXPORT_ERROR_BYTES];
static struct hz_exported done;

static void set_state(enum hz_record_phase phase, enum hz_record_composing composing)
{
	struct hz_record_state s = {.phase = phase, .started_ms = 1, .ended_ms = 2, .changed_ms = 3};
	snprintf(s.id, sizeof(s.id), "%s", FAKE_RECORD);
	snprintf(s.consult, sizeof(s.consult), "c");
	s.composing.phase = composing;
	assert_int_equal(hz_record_state_write(r.folder, &s), 0);
}

// With a key, and more that never goes.
static int make(void **state)
{
	const struct hz_package_settings settings = {.charset = HZ_CHARSET_UTF8};
	const char *why;
	fake_record_new(&r, false);
	assert_int_equal(hz_package(r.folder, &settings, &why), 0);
	assert_int_equal(hz_certificate_issue(r.store, r.folder, false), 0);
	set_state(HZ_RECORD_DELIVERED, HZ_COMPOSING_DONE);
	assert_true(fake_run("cd %s && mkdir keys early audit holds && touch keys/record keys/0001 early/a "
	                     "audit/0000000001.json holds/1.json delivery.json tracks/b.mp4.part "
	                     "journal/0002.hzj.new && touch %s/master.key",
	                     r.folder, r.store));
	snprintf(target, sizeof(target), "%s/copy", r.store);
	snprintf(pem, sizeof(pem), "%s/signing/public.pem", r.store);
	return 0;
}

enum { WEBM = 1, COMPOSED }; // in the manifest's files

// Signs anew what the manifest says then: `key` of one of its files changed; value NULL: the file left out.
static void sign_anew(size_t which, const char *key, json_t *value)
{
	char path[700];
	snprintf(path, sizeof(path), "%s/manifest.json", r.folder);
	json_t *m = json_load_file(path, 0, NULL), *files = json_object_get(m, "files");
	assert_non_null(m);
	if (value)
		json_object_set_new(json_array_get(files, which), key, value);
	else
		json_array_remove(files, which);
	assert_int_equal(json_dump_file(m, path, JSON_INDENT(1)), 0);
	json_decref(m);
	assert_true(fake_run("rm -f %s/certificate.json", r.folder));
	assert_int_equal(hz_certificate_issue(r.store, r.folder, false), 0);
}

static int drop(void **state)
{
	fake_record_free(&r);
	return 0;
}

static int export(void)
{
	const struct hz_export what = {.folder = r.folder, .target = target, .public_pem = pem};
	error[0] = '\0';
	return hz_export(&what, &done, error);
}

// Nothing is left behind, and the error names what is the matter.
static void refused(int err, const char *named)
{
	int got = export();
	if (got != err || !strstr(error, named) || strchr(error, '\n'))
		fail_msg("%d, not %d for %s: %s", got, err, named, error);
	assert_true(fake_run("test ! -e %s && test ! -e %s.part", target, target));
}

static void print_fault(void *arg, const char *where, const char *what)
{
	print_message("%s: %s\n", where, what);
}

static void is_good(void)
{
	char own[700];
	snprintf(own, sizeof(own), "%s/public.pem", target);
	assert_int_equal(hz_certificate_verify(target, pem, print_fault, NULL), 0);
	assert_int_equal(hz_certificate_verify(target, own, print_fault, NULL), 0);
}

static void test_whole(void **state)
{
	assert_int_equal(export(), 0);
	is_good();
	char *list = fake_output("cd %s && find . -type f | sort", target);
	assert_string_equal(list,
	                    "./certificate.json\n./composed.mp4\n./dicom/index.json\n./journal/0001.hzj\n"
	                    "./manifest.json\n./public.pem\n./timeline.json\n"
	                    "./tracks/doctor.camera.1.mp4\n./tracks/patient.camera.1.webm\n");
	free(list);
	assert_int_equal(done.files, 9);
	char *bytes =
	    fake_output("cd %s && find . -type f -printf '%%s\\n' | awk '{n += $1} END {print n}'", target);
	assert_int_equal(done.bytes, strtoll(bytes, NULL, 10));
	free(bytes);
	assert_true(
	    fake_run("cd %s && test -z \"$(find . -type f ! -perm 600)\" && test -z \"$(find . -type d "
	             "! -perm 700)\" && for f in $(find . -type f ! -name public.pem); do cmp $f %s/$f "
	             "|| exit 1; done && cmp public.pem %s",
	             target, r.folder, pem));
	assert_true(fake_run("test ! -e %s.part", target));
	assert_true(fake_run("printf x | dd of=%s/composed.mp4 conv=notrunc status=none", target));
	assert_int_equal(hz_certificate_verify(target, pem, print_fault, NULL), 1);
}

// More than what is read at once, and than what is synced at once.
static void test_large(void **state)
{
	struct hz_file_hash hash;
	char path[700];
	snprintf(path, sizeof(path), "%s/composed.mp4", r.folder);
	assert_true(fake_run("head -c 40000001 /dev/urandom >%s", path));
	assert_int_equal(hz_hash_file(path, HZ_SHA256, &hash), 0);
	sign_anew(COMPOSED, "bytes", json_integer((json_int_t)hash.bytes));
	sign_anew(COMPOSED, "sha256", json_string(hash.hex));
	assert_int_equal(export(), 0);
	is_good();
}

static void test_altered(void **state)
{
	static const char *const files[] = {"manifest.json", "timeline.json", "tracks/doctor.camera.1.mp4",
	                                    "journal/0001.hzj", "dicom/index.json"};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_true(
		    fake_run("cd %s && cp %s ../keep && printf '\\377' | dd of=%s conv=notrunc status=none",
		             r.folder, files[i], files[i]));
		refused(-EBADMSG, files[i]);
		assert_non_null(strstr(error, "its hash differs"));
		assert_true(fake_run("cd %s && cp ../keep %s && echo >>%s", r.folder, files[i], files[i]));
		refused(-EBADMSG, files[i]);
		assert_non_null(strstr(error, "its length differs"));
		assert_true(fake_run("cd %s && truncate -s 3 %s", r.folder, files[i]));
		refused(-EBADMSG, files[i]);
		assert_true(fake_run("cd %s && rm %s", r.folder, files[i]));
		refused(-ENOENT, files[i]);
		assert_true(fake_run("cd %s && cp ../keep %s", r.folder, files[i]));
	}
	assert_int_equal(export(), 0);
	is_good();
}

static void test_certificate(void **state)
{
	assert_true(fake_run(
	    "cd %s && cp certificate.json ../keep && sed -i 's/mdt-42/mdt-43/' certificate.json", r.folder));
	refused(-EKEYREJECTED, "certificate.json");
	assert_true(fake_run("cd %s && echo '{}' >certificate.json", r.folder));
	refused(-EBADMSG, "certificate.json");
	assert_true(fake_run("cd %s && rm certificate.json", r.folder));
	refused(-ENOENT, "certificate.json: is not there");
	assert_true(fake_run("cd %s && mv ../keep certificate.json && sed -i s/0123456789ab/0123456789ac/ "
	                     "state.json",
	                     r.folder));
	refused(-EBADMSG, "is of another record");
}

static void test_keys(void **state)
{
	struct fake_record other = r;
	make(NULL);
	snprintf(pem, sizeof(pem), "%s/signing/public.pem", other.store);
	refused(-EKEYREJECTED, "certificate.json");
	snprintf(pem, sizeof(pem), "%s/signing/key.pem", r.store); // never handed over
	refused(-EKEYREJECTED, "key.pem");
	assert_true(fake_run("cd %s/signing && cat public.pem key.pem >both.pem", r.store));
	snprintf(pem, sizeof(pem), "%s/signing/both.pem", r.store);
	refused(-EKEYREJECTED, "both.pem");
	snprintf(pem, sizeof(pem), "%s/signing/none.pem", r.store);
	refused(-ENOKEY, "none.pem");
	fake_record_free(&other);
}

static void test_states(void **state)
{
	static const struct {
		enum hz_record_phase phase;
		enum hz_record_composing composing;
		int err;
	} all[] = {{HZ_RECORD_RECORDING, 0, -EBUSY},
	           {HZ_RECORD_ENDED, 0, -EBUSY},
	           {HZ_RECORD_FINALISING, 0, -EBUSY},
	           {HZ_RECORD_FINALISED, HZ_COMPOSING_NONE, -EBUSY},
	           {HZ_RECORD_DELIVERED, HZ_COMPOSING_RUNNING, -EBUSY},
	           {HZ_RECORD_FINALISED, HZ_COMPOSING_MADE, -EBUSY},
	           {HZ_RECORD_DELETED, HZ_COMPOSING_DONE, -ENODATA}};
	int lock;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		set_state(all[i].phase, all[i].composing);
		refused(all[i].err, "it ");
	}
	set_state(HZ_RECORD_FINALISED, HZ_COMPOSING_WAITING);
	assert_int_equal(hz_record_lock(r.folder, &lock), 0);
	refused(-EBUSY, "somebody works on it");
	close(lock);
	assert_int_equal(export(), 0);
	assert_int_equal(hz_record_lock(r.folder, &lock), 0); // given back
	close(lock);
}

static void test_target(void **state)
{
	assert_true(fake_run("mkdir %s", target));
	assert_int_equal(export(), -EEXIST);
	assert_true(fake_run("rmdir %s && ln -s nowhere %s", target, target));
	assert_int_equal(export(), -EEXIST);
	assert_true(fake_run("rm %s && mkdir %s.part && touch %s.part/mine", target, target, target));
	assert_int_equal(export(), -EEXIST); // another's: it stays
	assert_non_null(strstr(error, ".part: is there already"));
	assert_true(fake_run("rm %s.part/mine && rmdir %s.part", target, target));
	snprintf(target, sizeof(target), "%s/no/copy", r.store);
	refused(-ENOTDIR, "/no/copy");
	snprintf(target, sizeof(target), "%s/master.key/copy", r.store);
	refused(-ENOTDIR, "/copy");
}

static void test_links(void **state)
{
	static const char *const files[] = {"composed.mp4", "tracks/doctor.camera.1.mp4", "journal/0001.hzj"};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_true(fake_run("cd %s && mv %s ../keep && ln -s %s/../keep %s", r.folder, files[i],
		                     r.folder, files[i]));
		refused(-ELOOP, files[i]);
		assert_true(fake_run("cd %s && rm %s && mkfifo %s", r.folder, files[i], files[i]));
		alarm(10); // who waits for a writer waits for ever
		refused(-ELOOP, files[i]);
		alarm(0);
		assert_true(fake_run("cd %s && rm %s && mv ../keep %s", r.folder, files[i], files[i]));
	}
	assert_true(fake_run("cd %s && mv tracks ../other && ln -s ../other tracks", r.folder));
	refused(-ELOOP, "tracks/");
}

// Signed is not enough: who writes the manifest reads what strangers sent.
static void test_never(void **state)
{
	static const char *const files[] = {"keys/record", "lock",          "early/a",
	                                    "public.pem",  "tracks/b.part", "tracks/a/b.mp4"};
	assert_true(
	    fake_run("cd %s && mkdir tracks/a && touch public.pem tracks/b.part tracks/a/b.mp4", r.folder));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		sign_anew(COMPOSED, "path", json_string(files[i]));
		refused(-EBADMSG, "certificate.json: an entry is no file");
	}
}

static void test_no_space(void **state)
{
	const struct hz_export what = {
	    .folder = r.folder, .target = target, .public_pem = pem, .keep_bytes = 1ull << 60};
	assert_int_equal(hz_export(&what, &done, error), -ENOSPC);
	assert_non_null(strstr(error, "record.min_free"));
	assert_true(fake_run("test ! -e %s.part", target));
	sign_anew(COMPOSED, "bytes", json_integer(1ll << 60));
	refused(-ENOSPC, "MiB are free");
	assert_null(strstr(error, "min_free"));
}

// What was erased is not in the copy, and it says so.
static void test_erased(void **state)
{
	unsigned number;
	json_t *erasure = json_pack("{s:s, s:s, s:s, s:s, s:[i], s:[s], s:b}", "record", FAKE_RECORD, "by",
	                            "a", "why", "b", "participant", "patient", "tracks", 1, "files",
	                            "tracks/patient.camera.1.webm", "delivered", 0);
	assert_int_equal(hz_erasure_write(r.store, r.folder, false, erasure, &number), 0);
	json_decref(erasure);
	assert_true(fake_run("rm %s/tracks/patient.camera.1.webm", r.folder));
	sign_anew(WEBM, NULL, NULL);
	assert_int_equal(export(), 0);
	is_good();
	assert_true(fake_run("cd %s/erasures && test -f 0001.json && test -f 0001.certificate.json", target));
	assert_true(
	    fake_run("rm -r %s && cd %s/erasures && cp 0001.json 0002.json && sed -i s/e/f/ 0002.json",
	             target, r.folder));
	assert_int_equal(export(), 0); // the copy has what is signed
	is_good();
}

static char out[4096];

__attribute__((format(printf, 1, 2))) static int run(const char *fmt, ...)
{
	char line[3000], path[700], *argv[16] = {NULL}, *rest = line;
	int argc = 0;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (char *word; argc < 15 && (word = strsep(&rest, " "));)
		argv[argc++] = word;
	snprintf(path, sizeof(path), "%s/out", r.store);
	FILE *file = fopen(path, "w+");
	assert_non_null(file);
	fflush(stdout);
	int keep = dup(1), keep_err = dup(2);
	dup2(fileno(file), 1);
	dup2(fileno(file), 2);
	int code = hz_cli_main(argc, argv);
	fflush(stdout);
	dup2(keep, 1);
	dup2(keep_err, 2);
	close(keep);
	close(keep_err);
	rewind(file);
	out[fread(out, 1, sizeof(out) - 1, file)] = '\0';
	fclose(file);
	return code;
}

static void test_command(void **state)
{
	const char *store = r.store;
	struct statvfs disk;
	if (statvfs(store, &disk) == 0 && disk.f_bavail * disk.f_frsize < 3ull << 30)
		skip(); // what record.min_free keeps
	assert_int_equal(run("huizhen record export " FAKE_RECORD " --store %s", store), 2);
	assert_non_null(strstr(out, "write --to"));
	assert_int_equal(run("huizhen record export --store %s --to %s", store, target), 2);
	assert_non_null(strstr(out, "no record"));
	assert_int_equal(
	    run("huizhen record export " FAKE_RECORD " --json --store %s --to %s//", store, target), 0);
	json_t *json = json_loads(out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "folder")), target);
	assert_int_equal(json_integer_value(json_object_get(json, "files")), 9);
	json_decref(json);
	is_good();
	assert_int_equal(run("huizhen record export " FAKE_RECORD " --store %s --to %s", store, target), 1);
	assert_non_null(strstr(out, "is there already, at huizhen record export: name another folder"));
	assert_string_equal(strchr(out, '\n'), "\n");
	// by its folder: the key is that of its store, or a named one
	assert_int_equal(run("huizhen record export %s/ --store %s/none --to %s/2", r.folder, store, store),
	                 0);
	assert_non_null(strstr(out, "/2  9 files, "));
	assert_int_equal(
	    run("huizhen record export %s --store %s/none --key %s --to %s/3", r.folder, store, pem, store),
	    0);
	assert_int_equal(
	    run("huizhen record export %s --store %s --key %s/no --to %s/4", r.folder, store, store, store),
	    1);
	assert_non_null(strstr(out, "--key"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {TEST(test_whole),       TEST(test_large),  TEST(test_altered),
	                                   TEST(test_certificate), TEST(test_keys),   TEST(test_states),
	                                   TEST(test_target),      TEST(test_links),  TEST(test_never),
	                                   TEST(test_no_space),    TEST(test_erased), TEST(test_command)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
