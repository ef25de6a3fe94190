// The parts that parse: request heads, frames, UTF-8, request helpers, response headers.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/server/frame.h"
#include "signaling/server/head.h"
#include "signaling/server/response.h"
#include "signaling/server/utf8.h"

static int parse(const char *text, char *buf, struct hz_head *head)
{
	size_t n = strlen(text);
	memcpy(buf, text, n + 1);
	return hz_head_parse(buf, n, head);
}

static void test_complete(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\nrest";
	size_t n = sizeof(text) - 1, wanted = n - 4;
	(void)state;
	for (size_t cut = 0; cut <= n; cut++) {
		long got = hz_head_complete(text, cut, 0);
		assert_int_equal(got, cut < wanted ? 0 : (long)wanted);
	}
	for (size_t a = 0; a < wanted; a++) // looked at before, up to any place
		assert_int_equal(hz_head_complete(text, n, a), wanted);
	assert_int_equal(hz_head_complete("\x16", 1, 0), -EBADMSG);
	assert_int_equal(hz_head_complete("\n", 1, 0), -EBADMSG);
	assert_int_equal(hz_head_complete("G\n", 2, 0), -EBADMSG);
	assert_int_equal(hz_head_complete("G\rx", 3, 0), -EBADMSG);
	assert_int_equal(hz_head_complete("G\0", 2, 0), -EBADMSG);
	assert_int_equal(hz_head_complete("G\r", 2, 0), 0);
	assert_int_equal(hz_head_complete("", 0, 0), 0);
}

static void test_parse(void **state)
{
	char buf[1024];
	struct hz_head head;
	(void)state;
	assert_int_equal(
	    parse("POST /a/%E4%BC%9A%20x?q=%41&r HTTP/1.1\r\nhOsT: h:8\r\nContent-Length:  12 \r\n"
	          "X-Forwarded-For: a\r\nx-forwarded-for: b, c\r\nCookie: k=v; l=w\r\n\r\n",
	          buf, &head),
	    0);
	assert_int_equal(head.method, HZ_POST);
	assert_string_equal(head.path, "/a/\xe4\xbc\x9a x");
	assert_string_equal(head.query, "q=%41&r");
	assert_string_equal(head.header[HZ_H_HOST], "h:8");
	assert_int_equal(head.length, 12);
	assert_string_equal(head.forwarded_for, "b, c");
	assert_false(head.close);
	assert_int_equal(parse("GET / HTTP/1.0\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n", buf, &head), 0);
	assert_false(head.close);
	assert_int_equal(parse("GET / HTTP/1.0\r\nHost: h\r\n\r\n", buf, &head), 0);
	assert_true(head.close);
	assert_int_equal(head.length, -1);
	assert_int_equal(
	    parse("GET /?a?b HTTP/1.1\r\nHost: [::1]:1\r\nUpgrade: WebSocket\r\n\r\n", buf, &head), 0);
	assert_string_equal(head.query, "a?b");
	assert_false(head.upgrade_websocket); // Connection does not say so
	assert_int_equal(parse("GET / HTTP/1.1\r\nHost: h", buf, &head), 400);
	assert_int_equal(parse("", buf, &head), 400);
}

static void test_frame_heads(void **state)
{
	static const uint64_t sizes[] = {0, 1, 125, 126, 65535, 65536, 1ull << 40};
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t head[14];
		struct hz_frame frame;
		size_t n = hz_frame_write_head(HZ_FRAME_TEXT, sizes[i], head);
		assert_int_equal(hz_frame_read_head(head, n, &frame), -EBADMSG); // no mask
		head[1] |= 0x80;
		memset(head + n, 7, 4);
		for (size_t cut = 0; cut < n + 4; cut++)
			assert_int_equal(hz_frame_read_head(head, cut, &frame), 0);
		assert_int_equal(hz_frame_read_head(head, n + 4, &frame), n + 4);
		assert_true(frame.bytes == sizes[i]);
		assert_int_equal(frame.mask[3], 7);
	}
	for (int code = 0; code < 65536; code++) {
		uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
		bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
		            (code >= 3000 && code <= 4999);
		assert_int_equal(hz_frame_close_code(payload, 2), good ? code : -EBADMSG);
	}
}

static void test_utf8(void **state)
{
	(void)state;
	static const char *const good[] = {"",
	                                   "a",
	                                   "\xc2\x80",
	                                   "\xdf\xbf",
	                                   "\xe0\xa0\x80",
	                                   "\xed\x9f\xbf",
	                                   "\xee\x80\x80",
	                                   "\xf0\x90\x80\x80",
	                                   "\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {"\x80",
	                                  "\xbf",
	                                  "\xc0\x80",
	                                  "\xc1\xbf",
	                                  "\xc2",
	                                  "\xc2\xc2",
	                                  "\xe0\x9f\xbf",
	                                  "\xed\xa0\x80",
	                                  "\xe4\xbc",
	                                  "\xf0\x8f\xbf\xbf",
	                                  "\xf4\x90\x80\x80",
	                                  "\xf5\x80\x80\x80",
	                                  "\xfe",
	                                  "\xff",
	                                  "a\xf0\x90\x80"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(hz_utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(hz_utf8_valid(bad[i], strlen(bad[i])));
}

static void test_query_and_cookie(void **state)
{
	char value[16];
	struct hz_request req = {.query =
	                             "limit=20&cursor=a%2Bb+c&empty=&flag&bad=%zz&cut=%4&ctl=%0a&limitx=1"};
	(void)state;
	assert_int_equal(hz_request_query(&req, "limit", value, sizeof(value)), 0);
	assert_string_equal(value, "20");
	assert_int_equal(hz_request_query(&req, "cursor", value, sizeof(value)), 0);
	assert_string_equal(value, "a+b c");
	assert_int_equal(hz_request_query(&req, "empty", value, sizeof(value)), 0);
	assert_string_equal(value, "");
	assert_int_equal(hz_request_query(&req, "flag", value, sizeof(value)), 0);
	assert_int_equal(hz_request_query(&req, "lim", value, sizeof(value)), -ENOENT);
	assert_int_equal(hz_request_query(&req, "bad", value, sizeof(value)), -EINVAL);
	assert_int_equal(hz_request_query(&req, "cut", value, sizeof(value)), -EINVAL);
	assert_int_equal(hz_request_query(&req, "ctl", value, sizeof(value)), -EINVAL);
	assert_int_equal(hz_request_query(&req, "cursor", value, 4), -ENOSPC);
	assert_int_equal(hz_request_query(&req, "cursor", value, 0), -ENOSPC);
	assert_int_equal(hz_request_cookie(&req, "a", value, sizeof(value)), -ENOENT);
	req.header[HZ_H_COOKIE] = "xhz_l=no; hz_l=yes;a=; b";
	assert_int_equal(hz_request_cookie(&req, "hz_l", value, sizeof(value)), 0);
	assert_string_equal(value, "yes");
	assert_int_equal(hz_request_cookie(&req, "a", value, sizeof(value)), 0);
	assert_string_equal(value, "");
	assert_int_equal(hz_request_cookie(&req, "b", value, sizeof(value)), -ENOENT);
	assert_int_equal(hz_request_cookie(&req, "hz_l", value, 3), -ENOSPC);
}

static void test_bearer(void **state)
{
	struct hz_request req = {0};
	static const char *const bad[] = {
	    "", "Bearer", "Bearer ", "Basic eA==", "Bearerx", "Bearer a b", "Bearer a,b"};
	(void)state;
	assert_null(hz_request_bearer(&req));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		req.header[HZ_H_AUTHORIZATION] = bad[i];
		assert_null(hz_request_bearer(&req));
	}
	req.header[HZ_H_AUTHORIZATION] = "bearer  abc.def-_";
	assert_string_equal(hz_request_bearer(&req), "abc.def-_");
}

static void test_negotiation(void **state)
{
	struct hz_request req = {0};
	(void)state;
	assert_false(hz_request_content_is(&req, "application/json"));
	req.header[HZ_H_CONTENT_TYPE] = "Application/JSON ; charset=utf-8";
	assert_true(hz_request_content_is(&req, "application/json"));
	req.header[HZ_H_CONTENT_TYPE] = "application/jsonx";
	assert_false(hz_request_content_is(&req, "application/json"));
	req.header[HZ_H_CONTENT_TYPE] = "application/json, text/plain";
	assert_false(hz_request_content_is(&req, "application/json"));
	assert_true(hz_request_accepts(&req, "application/sdp"));
	static const struct {
		const char *accept;
		bool yes;
	} cases[] = {
	    {"*/*", true},
	    {"application/*", true},
	    {"text/html, APPLICATION/sdp;q=0.1", true},
	    {"application/sdp;q=0", false},
	    {"application/sdp; q=0.000", false},
	    {"application/sdp;q=0.001", true},
	    {"text/*", false},
	    {"application/sd", false},
	    {"a/*, application/sdpx", false},
	    {",,,", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		req.header[HZ_H_ACCEPT] = cases[i].accept;
		assert_int_equal(hz_request_accepts(&req, "application/sdp"), cases[i].yes);
	}
	assert_true(hz_etag_listed("\"a\"", "\"a\""));
	assert_true(hz_etag_listed("\"b,c\", W/\"a\"", "\"a\""));
	assert_true(hz_etag_listed("*", "\"a\""));
	assert_false(hz_etag_listed("\"b\"", "\"a\""));
	assert_false(hz_etag_listed("\"a", "\"a\""));
	assert_false(hz_etag_listed("\"x\"\"", "\"a\""));
	assert_false(hz_etag_listed("a", "\"a\""));
	assert_false(hz_etag_listed(NULL, "\"a\""));
	assert_false(hz_etag_listed("", "\"a\""));
}

static void test_response_headers(void **state)
{
	struct hz_response *res = hz_response_new();
	char long_value[9000];
	(void)state;
	memset(long_value, 'a', sizeof(long_value));
	long_value[sizeof(long_value) - 1] = '\0';
	assert_int_equal(hz_response_header(res, "Location", "/x\r\nSet-Cookie: a=b"), -EINVAL);
	assert_int_equal(hz_response_header(res, "Loc ation", "/x"), -EINVAL);
	assert_int_equal(hz_response_header(res, "", "/x"), -EINVAL);
	assert_int_equal(hz_response_header(res, "content-length", "5"), -EINVAL);
	assert_int_equal(hz_response_header(res, "X-Content-Type-Options", "sniff"), -EINVAL);
	assert_int_equal(hz_response_header(res, "X", "a\x7f"), -EINVAL);
	assert_int_equal(hz_response_header(res, "X", long_value), -ENOSPC);
	assert_int_equal(hz_response_header(res, "Location", "/x"), 0);
	assert_string_equal(hz_response_get_header(res, "location"), "/x");
	for (int i = 1; i < HZ_RESPONSE_HEADERS; i++)
		assert_int_equal(hz_response_header(res, "Link", "<a>"), 0);
	assert_int_equal(hz_response_header(res, "Link", "<a>"), -ENOSPC);
	assert_int_equal(hz_response_take(res, "text/plain", NULL, 3), -ENOMEM);
	assert_int_equal(hz_response_get_status(res), 500);
	char head[200];
	size_t used;
	assert_int_equal(hz_response_head(res, true, head, sizeof(head), &used), -ENOSPC);
	hz_response_free(res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_complete),         cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_frame_heads),      cmocka_unit_test(test_utf8),
	    cmocka_unit_test(test_query_and_cookie), cmocka_unit_test(test_bearer),
	    cmocka_unit_test(test_negotiation),      cmocka_unit_test(test_response_headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
