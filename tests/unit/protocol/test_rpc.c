// JSON-RPC of huizhen.v1: what is taken, and the many things that are not.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/protocol/rpc.h"

static int code_of(const char *answer)
{
	json_t *message = json_loads(answer, 0, NULL);
	assert_non_null(message);
	assert_string_equal(json_string_value(json_object_get(message, "jsonrpc")), "2.0");
	assert_non_null(json_object_get(message, "id"));
	int code = (int)json_integer_value(json_object_get(json_object_get(message, "error"), "code"));
	json_decref(message);
	return code;
}

static void expect_bad(const char *text, size_t bytes, int code, const char *field)
{
	struct hz_rpc_request req;
	char *answer = NULL;
	if (hz_rpc_parse(text, bytes, &req, &answer) != -EBADMSG)
		fail_msg("taken: %s", text);
	assert_non_null(answer);
	if (code_of(answer) != code)
		fail_msg("%s: %s", text, answer);
	if (field) {
		json_t *message = json_loads(answer, 0, NULL);
		const char *told = json_string_value(
		    json_object_get(json_object_get(json_object_get(message, "error"), "data"), "field"));
		assert_non_null(told);
		assert_string_equal(told, field);
		json_decref(message);
	}
	free(answer);
}

#define HEAD "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"

static void test_bad_messages(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *field;
	} bad[] = {
	    {"", HZ_RPC_PARSE_ERROR, NULL},
	    {"{", HZ_RPC_PARSE_ERROR, NULL},
	    {"{}x", HZ_RPC_PARSE_ERROR, NULL},
	    {"nul", HZ_RPC_PARSE_ERROR, NULL},
	    {"{\"a\":1,\"a\":2}", HZ_RPC_PARSE_ERROR, NULL},
	    {"{\"a\":\"\\u0000\"}", HZ_RPC_PARSE_ERROR, NULL},
	    {"{\"a\":\"\\ud800\"}", HZ_RPC_PARSE_ERROR, NULL},
	    {"\"\xff\"", HZ_RPC_PARSE_ERROR, NULL},
	    {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", HZ_RPC_PARSE_ERROR, NULL},
	    {"[]", HZ_RPC_INVALID_REQUEST, NULL},
	    {"[" HEAD "\"ping\"}]", HZ_RPC_INVALID_REQUEST, NULL},
	    {"1", HZ_RPC_INVALID_REQUEST, NULL},
	    {"null", HZ_RPC_INVALID_REQUEST, NULL},
	    {"{}", HZ_RPC_INVALID_REQUEST, "/jsonrpc"},
	    {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", HZ_RPC_INVALID_REQUEST, "/jsonrpc"},
	    {"{\"jsonrpc\":2,\"id\":1,\"method\":\"ping\"}", HZ_RPC_INVALID_REQUEST, "/jsonrpc"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1}", HZ_RPC_INVALID_REQUEST, "/method"},
	    {HEAD "7}", HZ_RPC_INVALID_REQUEST, "/method"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", HZ_RPC_INVALID_REQUEST, "/id"},
	    {"{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"ping\"}", HZ_RPC_INVALID_REQUEST, "/id"},
	    {HEAD "\"ping\",\"extra\":1}", HZ_RPC_INVALID_REQUEST, NULL},
	    {HEAD "\"\"}", HZ_RPC_NO_METHOD, NULL},
	    {HEAD "\"Ping\"}", HZ_RPC_NO_METHOD, NULL},
	    {HEAD "\"rpc.discover\"}", HZ_RPC_NO_METHOD, NULL},
	    {HEAD "\"ping\",\"params\":[]}", HZ_RPC_INVALID_PARAMS, NULL},
	    {HEAD "\"ping\",\"params\":{\"x\":1}}", HZ_RPC_INVALID_PARAMS, "/x"},
	    {HEAD "\"chat.send\"}", HZ_RPC_INVALID_PARAMS, "/text"},
	    {HEAD "\"chat.send\",\"params\":{\"text\":\"\"}}", HZ_RPC_INVALID_PARAMS, "/text"},
	    {HEAD "\"chat.send\",\"params\":{\"text\":5}}", HZ_RPC_INVALID_PARAMS, "/text"},
	    {HEAD "\"chat.send\",\"params\":{\"text\":\"a\\u0007\"}}", HZ_RPC_INVALID_PARAMS, "/text"},
	    {HEAD "\"hand\",\"params\":{\"raised\":\"yes\"}}", HZ_RPC_INVALID_PARAMS, "/raised"},
	    {HEAD "\"hand\",\"params\":{}}", HZ_RPC_INVALID_PARAMS, "/raised"},
	    {HEAD "\"lobby.admit\",\"params\":{\"participant\":\"a/b\"}}", HZ_RPC_INVALID_PARAMS,
	     "/participant"},
	    {HEAD "\"lobby.admit\",\"params\":{\"participant\":\"\"}}", HZ_RPC_INVALID_PARAMS,
	     "/participant"},
	    {HEAD "\"join\",\"params\":{\"token\":\"x\",\"resume_key\":\"y\",\"client\":{\"name\":\"t\","
	          "\"version\":\"1\"}}}",
	     HZ_RPC_INVALID_PARAMS, NULL},
	    {HEAD "\"join\",\"params\":{\"token\":\"\",\"client\":{\"name\":\"t\",\"version\":\"1\"}}}",
	     HZ_RPC_INVALID_PARAMS, "/token"},
	    {HEAD
	     "\"subscribe\",\"params\":{\"items\":[{\"mid\":\"0\",\"track\":\"t1\",\"quality\":\"huge\"}]}}",
	     HZ_RPC_INVALID_PARAMS, "/items/0/quality"},
	    {HEAD "\"subscribe\",\"params\":{\"items\":[{\"mid\":\"0\",\"track\":\"x1\"}]}}",
	     HZ_RPC_INVALID_PARAMS, "/items/0/track"},
	    {HEAD "\"subscribe\",\"params\":{\"items\":[{\"mid\":\"12345678901234567\",\"track\":null}]}}",
	     HZ_RPC_INVALID_PARAMS, "/items/0/mid"},
	    {HEAD "\"offer\",\"params\":{\"sdp\":\"\"}}", HZ_RPC_INVALID_PARAMS, "/sdp"},
	    {HEAD
	     "\"offer\",\"params\":{\"sdp\":\"v=0\",\"publish\":[{\"mid\":\"0\",\"source\":\"hidden\"}]}}",
	     HZ_RPC_INVALID_PARAMS, "/publish/0/source"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_bad(bad[i].text, strlen(bad[i].text), bad[i].code, bad[i].field);
	expect_bad("{\"a\":\0}", 7, HZ_RPC_PARSE_ERROR, NULL);
}

static void test_long_text(void **state)
{
	char text[4096], body[2100];
	memset(body, 'a', sizeof(body));
	for (int extra = 0; extra <= 1; extra++) {
		struct hz_rpc_request req;
		char *answer;
		body[2000 + extra] = '\0';
		snprintf(text, sizeof(text), HEAD "\"chat.send\",\"params\":{\"text\":\"%s\"}}", body);
		int err = hz_rpc_parse(text, strlen(text), &req, &answer);
		assert_int_equal(err, extra ? -EBADMSG : 0);
		if (err == 0)
			hz_rpc_request_done(&req);
		free(answer);
		body[2000 + extra] = 'a';
	}
}

static void test_good(void **state)
{
	struct hz_rpc_request req;
	char *answer = NULL;
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"chat.send\",\"params\":{"
	                           "\"text\":\"\xe4\xbc\x9a\xe8\xaf\x8a\"}}";
	assert_int_equal(hz_rpc_parse(text, sizeof(text) - 1, &req, &answer), 0);
	assert_null(answer);
	assert_int_equal(req.method, HZ_RPC_CHAT_SEND);
	char *result = hz_rpc_result(&req, json_pack("{s:s}", "id", "m1"));
	assert_string_equal(result, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{\"id\":\"m1\"}}");
	free(result);
	char *error = hz_rpc_error(&req, HZ_RPC_LIMIT, "limit", "8");
	assert_int_equal(code_of(error), HZ_RPC_LIMIT);
	free(error);
	hz_rpc_request_done(&req);
}

static void test_notification_gets_no_answer(void **state)
{
	struct hz_rpc_request req;
	char *answer = NULL;
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}";
	assert_int_equal(hz_rpc_parse(text, sizeof(text) - 1, &req, &answer), 0);
	assert_null(hz_rpc_result(&req, NULL));
	assert_null(hz_rpc_error(&req, HZ_RPC_FAILED, NULL, NULL));
	hz_rpc_request_done(&req);
}

static void test_every_method_and_push_has_a_schema(void **state)
{
	char field[HZ_FIELD_BYTES], name[64];
	assert_int_equal(hz_schema_init(), 0);
	for (int i = 0; i < HZ_RPC_METHODS; i++) {
		snprintf(name, sizeof(name), "%s.params", hz_rpc_method_name((enum hz_rpc_method)i));
		assert_non_null(hz_schema_find("requests", name));
		snprintf(name, sizeof(name), "%s.result", hz_rpc_method_name((enum hz_rpc_method)i));
		assert_non_null(hz_schema_find("requests", name));
	}
	for (int i = 0; i < HZ_RPC_PUSHES; i++)
		assert_non_null(hz_schema_find("pushes", hz_rpc_push_name((enum hz_rpc_push)i)));
	json_t *end = json_pack("{s:s}", "reason", "removed"), *bad = json_pack("{s:s}", "reason", "because");
	assert_int_equal(hz_rpc_check_push(HZ_PUSH_END, end, field), 0);
	assert_int_equal(hz_rpc_check_push(HZ_PUSH_END, bad, field), -EINVAL);
	assert_string_equal(field, "/reason");
	json_decref(end);
	json_decref(bad);
}

static int finish(void **state)
{
	hz_schema_done();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bad_messages),
	    cmocka_unit_test(test_long_text),
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_notification_gets_no_answer),
	    cmocka_unit_test(test_every_method_and_push_has_a_schema),
	};
	return cmocka_run_group_tests(tests, NULL, finish);
}
