// Addresses of places that a broadcast is sent to: what is taken, what is refused, and that no secret is shown.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "media/push/target.h"

static struct hz_target_address whole(const char *url, const char *key)
{
	char text[HZ_INGEST_URL_BYTES];
	struct hz_target_wrong wrong = {"", ""};
	struct hz_target_address a;
	int err = hz_target_compose(url, key, text, &wrong);
	if (err)
		fail_msg("%s: %s %s", url, wrong.field, wrong.why);
	assert_int_equal(hz_target_parse(text, &a), 0);
	return a;
}

static void is_taken(void **state)
{
	struct hz_target_address a = whole("rtmp://media.example.org/live", "room7?token=a%20b&x=1");
	assert_int_equal(a.scheme, HZ_TARGET_RTMP);
	assert_string_equal(a.host, "media.example.org");
	assert_int_equal(a.port, 1935);
	assert_string_equal(a.app, "live");
	assert_string_equal(a.key, "room7?token=a%20b&x=1");
	a = whole("rtmps://[fd00::1]/a/instance/", "k");
	assert_int_equal(a.scheme, HZ_TARGET_RTMPS);
	assert_string_equal(a.host, "fd00::1");
	assert_int_equal(a.port, 443);
	assert_string_equal(a.app, "a/instance");
	a = whole("rtmps://10.0.0.1:1936/live", "k");
	assert_int_equal(a.port, 1936);
	a = whole("srt://10.0.0.9:9000?latency=200&passphrase=0123456789&pbkeylen=32",
	          "#!::r=live/1,m=publish");
	assert_int_equal(a.scheme, HZ_TARGET_SRT);
	assert_string_equal(a.key, "#!::r=live/1,m=publish");
	assert_string_equal(a.passphrase, "0123456789");
	assert_int_equal(a.latency_ms, 200);
	assert_int_equal(a.pbkeylen, 32);
	a = whole("srt://h:1", "");
	assert_string_equal(a.key, "");
}

static void is_refused(void **state)
{
	static const struct {
		const char *url, *key, *field;
	} bad[] = {
	    {"", "k", "/url"},
	    {"http://h/live", "k", "/url"},
	    {"file:a", "k", "/url"},
	    {"rtsp://h/live", "k", "/url"},
	    {"rtmp://h/live", "", "/key"},
	    {"rtmp://h/live", "a/b", "/key"},
	    {"rtmp://h/live", "a b", "/key"},
	    {"rtmp://h", "k", "/url"},
	    {"rtmp://h/", "k", "/url"},
	    {"rtmp:///live", "k", "/url"},
	    {"rtmp://h:0/live", "k", "/url"},
	    {"rtmp://h:99999/live", "k", "/url"},
	    {"rtmp://u:p@h/live", "k", "/url"},
	    {"rtmp://h/live?x=1", "k", "/url"},
	    {"rtmps://h/li ve", "k", "/url"},
	    {"rtmp://h\n/live", "k", "/url"},
	    {"srt://h", "", "/url"},
	    {"srt://:9000?mode=listener", "", "/url"},
	    {"srt://h:9000?streamid=x", "y", "/url"},
	    {"srt://h:9000?passphrase=short", "", "/url"},
	    {"srt://h:9000?else=1", "", "/url"},
	    {"srt://u@h:9000", "", "/url"},
	};
	char text[HZ_INGEST_URL_BYTES], large[2000];
	struct hz_target_wrong wrong;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wrong = (struct hz_target_wrong){NULL, NULL};
		if (hz_target_compose(bad[i].url, bad[i].key, text, &wrong) != -EINVAL ||
		    strcmp(wrong.field, bad[i].field) != 0)
			fail_msg("%s %s", bad[i].url, bad[i].key);
		assert_true(wrong.why && wrong.why[0]);
	}
	memset(large, 'k', sizeof(large));
	large[HZ_TARGET_KEY_BYTES] = '\0';
	assert_int_equal(hz_target_compose("rtmp://h/live", large, text, &wrong), -EINVAL);
	memset(large, '#', HZ_TARGET_KEY_BYTES); // three bytes each
	large[HZ_TARGET_KEY_BYTES - 1] = '\0';
	assert_int_equal(hz_target_compose("srt://h:1", large, text, &wrong), -EINVAL);
	memset(large, 'k', sizeof(large));
	memcpy(large, "rtmp://h/", 9);
	large[HZ_TARGET_URL_BYTES] = '\0';
	assert_int_equal(hz_target_compose(large, "k", text, &wrong), -EINVAL);
	struct hz_target_address a;
	assert_int_equal(hz_target_parse("test:", &a), -EINVAL);
	assert_int_equal(hz_target_parse("rtsp://h/a/b", &a), -EINVAL);
	assert_int_equal(hz_target_parse("srt://:9000?mode=listener", &a), -EINVAL);
}

static void no_secret_is_shown(void **state)
{
	char text[HZ_INGEST_URL_BYTES];
	hz_target_show("srt://h:9000?passphrase=geheim1234&latency=200", text, sizeof(text));
	assert_null(strstr(text, "geheim"));
	assert_non_null(strstr(text, "latency=200"));
	hz_target_show("rtmp://h/live", text, sizeof(text));
	assert_string_equal(text, "rtmp://h/live");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(is_taken),
	    cmocka_unit_test(is_refused),
	    cmocka_unit_test(no_secret_is_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
