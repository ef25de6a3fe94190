// The address table, and the files of the web pages.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "signaling/server/limits.h"
#include "signaling/server/static.h"

static void test_connections(void **state)
{
	struct hz_limits *limits;
	struct hz_limits_entry *a, *b, *c;
	(void)state;
	assert_int_equal(hz_limits_new(0, 1, &limits), -EINVAL);
	assert_int_equal(hz_limits_new(1, 0, &limits), -EINVAL);
	assert_int_equal(hz_limits_new(2, 10, &limits), 0);
	assert_int_equal(hz_limits_open(limits, "10.0.0.1", 0, &a), 0);
	assert_int_equal(hz_limits_open(limits, "::ffff:10.0.0.1", 0, &b), 0);
	assert_ptr_equal(a, b);
	assert_int_equal(hz_limits_open(limits, "10.0.0.1", 0, &c), -EDQUOT);
	assert_int_equal(hz_limits_open(limits, "10.0.0.2", 0, &c), 0);
	hz_limits_close(limits, a);
	assert_int_equal(hz_limits_open(limits, "10.0.0.1", 0, &a), 0);
	assert_int_equal(hz_limits_open(limits, "2001:db8:1:2::1", 0, &a), 0);
	assert_int_equal(hz_limits_open(limits, "2001:db8:1:2:ffff::9", 0, &b), 0); // the same /64
	assert_ptr_equal(a, b);
	assert_int_equal(hz_limits_open(limits, "2001:db8:1:3::1", 0, &c), 0);
	assert_ptr_not_equal(a, c);
	assert_int_equal(hz_limits_open(limits, "nonsense", 0, &c), -EINVAL);
	assert_int_equal(hz_limits_open(limits, "", 0, &c), -EINVAL);
	hz_limits_close(limits, NULL);
	hz_limits_free(limits);
	hz_limits_free(NULL);
}

static void test_rate(void **state)
{
	struct hz_limits *limits;
	struct hz_limits_entry *e;
	int taken = 0;
	(void)state;
	assert_int_equal(hz_limits_new(1, 10, &limits), 0);
	assert_int_equal(hz_limits_open(limits, "10.0.0.1", 1000, &e), 0);
	while (hz_limits_request(limits, e, 1000))
		taken++;
	assert_int_equal(taken, 40);
	assert_false(hz_limits_request(limits, e, 50000));
	assert_true(hz_limits_request(limits, e, 101000));
	assert_false(hz_limits_request(limits, e, 101000));
	assert_false(hz_limits_request(limits, e, 0)); // a clock that goes back gives nothing
	for (taken = 0; hz_limits_request(limits, e, 3600000000); taken++)
		;
	assert_int_equal(taken, 40); // a long rest fills the bucket once
	hz_limits_free(limits);
}

static void test_full_table(void **state)
{
	struct hz_limits *limits;
	struct hz_limits_entry *e, *kept;
	char address[32];
	(void)state;
	assert_int_equal(hz_limits_new(1, 10, &limits), 0);
	assert_int_equal(hz_limits_open(limits, "9.9.9.9", 0, &kept), 0);
	for (int i = 1; i < HZ_LIMITS_ADDRESSES; i++) {
		snprintf(address, sizeof(address), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		assert_int_equal(hz_limits_open(limits, address, 0, &e), 0);
		hz_limits_request(limits, e, 0);
		hz_limits_close(limits, e);
	}
	assert_int_equal(hz_limits_count(limits), HZ_LIMITS_ADDRESSES);
	// Their buckets are not full yet: forgetting one would give it a fresh bucket.
	assert_int_equal(hz_limits_open(limits, "11.0.0.1", 0, &e), -ENOSPC);
	assert_int_equal(hz_limits_open(limits, "11.0.0.1", 10000000, &e), 0);
	assert_int_equal(hz_limits_count(limits), HZ_LIMITS_ADDRESSES);
	assert_int_equal(hz_limits_open(limits, "9.9.9.9", 0, &e),
	                 -EDQUOT); // who is connected is not forgotten
	hz_limits_free(limits);
}

// --- static files

static char dir[64];

static void put_file(const char *path, const char *text)
{
	char whole[200];
	snprintf(whole, sizeof(whole), "%s/%s", dir, path);
	FILE *f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int make_dir(void **state)
{
	char sub[100];
	(void)state;
	strcpy(dir, "/tmp/hz-static-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sub, sizeof(sub), "%s/assets", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	put_file("index.html", "<html>page</html>");
	put_file("assets/app-1.js", "a long script, long enough to be worth it");
	put_file("assets/app-1.js.gz", "GZIP");
	put_file("assets/tiny.js", "x");
	put_file("assets/tiny.js.gz", "larger than itself");
	put_file(".secret", "no");
	snprintf(sub, sizeof(sub), "%s/link", dir);
	assert_int_equal(symlink("/etc/passwd", sub), 0);
	return 0;
}

static int remove_dir(void **state)
{
	char command[100];
	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static struct hz_response *ask(struct hz_static *files, const char *path, struct hz_request *req, int wanted)
{
	struct hz_response *res = hz_response_new();
	assert_int_equal(hz_static_answer(files, path, "default-src 'self'", req, res), 0);
	assert_int_equal(hz_response_get_status(res), wanted);
	return res;
}

static void test_static(void **state)
{
	struct hz_static *files;
	struct hz_request req = {.method = HZ_GET};
	struct hz_response *res;
	char etag[64];
	size_t n;
	(void)state;
	assert_int_equal(hz_static_load("/nonexistent", &files), -ENOENT);
	assert_int_equal(hz_static_load("/etc/passwd", &files), -ENOTDIR);
	assert_int_equal(hz_static_load(dir, &files), 0);

	res = ask(files, "/index.html", &req, 200);
	assert_memory_equal(hz_response_body(res, &n), "<html>page</html>", 17);
	assert_string_equal(hz_response_type(res), "text/html; charset=utf-8");
	assert_string_equal(hz_response_get_header(res, "Content-Security-Policy"), "default-src 'self'");
	assert_string_equal(hz_response_get_header(res, "Cache-Control"), "no-cache");
	snprintf(etag, sizeof(etag), "%s", hz_response_get_header(res, "ETag"));
	hz_response_free(res);

	req.header[HZ_H_IF_NONE_MATCH] = etag;
	res = ask(files, "/index.html", &req, 304);
	hz_response_body(res, &n);
	assert_int_equal(n, 0);
	hz_response_free(res);
	req.header[HZ_H_IF_NONE_MATCH] = "\"other\"";
	hz_response_free(ask(files, "/index.html", &req, 200));
	req.header[HZ_H_IF_NONE_MATCH] = NULL;

	res = ask(files, "/assets/app-1.js", &req, 200);
	assert_null(hz_response_get_header(res, "Content-Encoding"));
	assert_string_equal(hz_response_get_header(res, "Vary"), "Accept-Encoding");
	assert_non_null(strstr(hz_response_get_header(res, "Cache-Control"), "immutable"));
	assert_null(hz_response_get_header(res, "Content-Security-Policy"));
	hz_response_free(res);
	static const struct {
		const char *accept;
		bool gzip;
	} cases[] = {{"gzip", true},        {"br, gzip;q=0.5", true}, {"gzip;q=0", false},
	             {"gzip;q=0.0", false}, {"gzip; q=0", false},     {"identity", false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		req.header[HZ_H_ACCEPT_ENCODING] = cases[i].accept;
		res = ask(files, "/assets/app-1.js", &req, 200);
		assert_int_equal(hz_response_get_header(res, "Content-Encoding") != NULL, cases[i].gzip);
		hz_response_free(res);
	}
	req.header[HZ_H_ACCEPT_ENCODING] = "gzip";
	res = ask(files, "/assets/tiny.js", &req, 200); // its .gz is larger: not used
	assert_null(hz_response_get_header(res, "Content-Encoding"));
	hz_response_free(res);

	static const char *const absent[] = {"/",          "",         "/.secret",   "/link",
	                                     "/assets",    "/assets/", "index.html", "/assets/../index.html",
	                                     "/INDEX.HTML"};
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		res = hz_response_new();
		assert_int_equal(hz_static_answer(files, absent[i], NULL, &req, res), -ENOENT);
		hz_response_free(res);
	}
	req.method = HZ_POST;
	res = ask(files, "/index.html", &req, 405);
	assert_string_equal(hz_response_get_header(res, "Allow"), "GET, HEAD");
	hz_response_free(res);
	assert_non_null(hz_static_get(files, "/index.html", &n));
	assert_int_equal(n, 17);
	assert_null(hz_static_get(files, "/nothing", &n));
	hz_static_free(files);
	hz_static_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_connections),
	    cmocka_unit_test(test_rate),
	    cmocka_unit_test(test_full_table),
	    cmocka_unit_test_setup_teardown(test_static, make_dir, remove_dir),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
