#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "media/ingest/url.h"

static struct hz_ingest_url good(const char *text)
{
	struct hz_ingest_url u = {0};
	const char *why = NULL;
	int err = hz_ingest_url_parse(text, &u, &why);
	if (err)
		print_error("%s: %s\n", text, why);
	assert_int_equal(err, 0);
	return u;
}

static void bad(const char *text)
{
	struct hz_ingest_url u = {.port = 77};
	const char *why = NULL;
	if (!hz_ingest_url_parse(text, &u, &why))
		fail_msg("%s was taken", text);
	assert_true(why[0] != '\0');
	assert_int_equal(u.port, 77); // written only on success
}

static void takes_what_a_theatre_has(void **state)
{
	struct hz_ingest_url u = good("rtsp://10.1.2.3/cam");
	assert_int_equal(u.scheme, HZ_INGEST_RTSP);
	assert_int_equal(u.port, 554);
	assert_string_equal(u.host, "10.1.2.3");
	u = good("rtsps://user:pa%40ss@cam-1.or_2.lan:8554/a/b?x=1&y=2");
	assert_string_equal(u.host, "cam-1.or_2.lan");
	assert_int_equal(u.port, 8554);
	u = good("rtsp://user@[fd00::1]:8554/");
	assert_string_equal(u.host, "fd00::1");
	u = good(
	    "srt://10.0.0.1:9000?mode=caller&latency=120&passphrase=0123456789&pbkeylen=32&streamid=a,b");
	assert_false(u.listener);
	u = good("srt://:9000?mode=listener");
	assert_true(u.listener);
	assert_int_equal(u.port, 9000);
	u = good("rtmp://10.0.0.1/live/key");
	assert_int_equal(u.port, 1935);
	assert_string_equal(good("file:or/film_1.mp4").path, "or/film_1.mp4");
	assert_int_equal(good("test:").scheme, HZ_INGEST_TEST);
}

static void refuses_everything_else(void **state)
{
	static const char *const texts[] = {"",
	                                    "http://10.0.0.1/",
	                                    "rtsp://",
	                                    "rtsp:///cam",
	                                    "rtsp://:554/cam",
	                                    "rtsp://a b/cam",
	                                    "rtsp://a\"b/cam",
	                                    "rtsp://host:0/",
	                                    "rtsp://host:65536/",
	                                    "rtsp://host:12x/",
	                                    "rtsp://host:/",
	                                    "rtsp://host:+80/",
	                                    "rtsp://[fd00::1/cam",
	                                    "rtsp://[fd00::1]x/cam",
	                                    "rtsp://host/a#b",
	                                    "rtsp://h\n/",
	                                    "rtsp://\xe5/",
	                                    "rtsp://host! rtspsrc/",
	                                    "srt://10.0.0.1",
	                                    "srt://10.0.0.1:9000?mode=rendezvous",
	                                    "srt://:9000",
	                                    "srt://10.0.0.1:9000?mode=listener",
	                                    "srt://:80?mode=listener",
	                                    "srt://10.0.0.1:9000?passphrase=short",
	                                    "srt://10.0.0.1:9000?pbkeylen=17",
	                                    "srt://10.0.0.1:9000?latency=9999999999",
	                                    "srt://10.0.0.1:9000?latency=",
	                                    "srt://10.0.0.1:9000?localaddr=1",
	                                    "srt://10.0.0.1:9000?mode",
	                                    "srt://u:p@10.0.0.1:9000",
	                                    "srt://10.0.0.1:9000/path",
	                                    "srt://10.0.0.1:9000?streamid=",
	                                    "rtmp://host",
	                                    "rtmp://host/live",
	                                    "rtmp://host//key",
	                                    "rtmp://host/live/",
	                                    "file:",
	                                    "file:/etc/passwd",
	                                    "file:../x",
	                                    "file:a/../../b",
	                                    "file:.hidden",
	                                    "file:a//b",
	                                    "file:a/",
	                                    "file:a b",
	                                    "file:a%2e",
	                                    "test:x",
	                                    "test",
	                                    "RTSP://host/"};
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		bad(texts[i]);
	char large[HZ_INGEST_URL_BYTES + 8];
	memset(large, 'a', sizeof(large));
	memcpy(large, "rtsp://h/", 9);
	large[HZ_INGEST_URL_BYTES] = '\0';
	bad(large);
	large[HZ_INGEST_URL_BYTES - 1] = '\0';
	good(large);
	memset(large + 7, 'a', 300);
	bad(large); // a host as long
}

static void shows(const char *text, const char *expected)
{
	char shown[HZ_INGEST_URL_BYTES], small[8];
	good(text);
	hz_ingest_url_show(text, shown, sizeof(shown));
	assert_string_equal(shown, expected);
	hz_ingest_url_show(text, small, sizeof(small));
	assert_true(strlen(small) < sizeof(small));
}

static void shows_no_secret(void **state)
{
	shows("rtsp://u:p@host:554/cam", "rtsp://***@host:554/cam");
	shows("rtsp://u:p@q@host/cam?token=abc&b", "rtsp://***@host/cam?token=***&b");
	shows("rtsp://host/cam", "rtsp://host/cam");
	shows("rtsp://host:554/user=admin&password=geheim&channel=1&stream=0.sdp?real_stream",
	      "rtsp://host:554/user=***&password=***&channel=***&stream=***?real_stream");
	shows("rtsp://host/a;b/key=x=y/c=", "rtsp://host/a;b/key=***/c=***");
	shows("rtsp://host/a?b/c=d", "rtsp://host/a?b/c=***");
	shows("srt://h:9000?mode=caller&passphrase=0123456789&latency=80&streamid=key",
	      "srt://h:9000?mode=caller&passphrase=***&latency=80&streamid=***");
	shows("rtmp://u:p@h/live/key?x=y", "rtmp://***@h/live/***");
	shows("file:a/b.mp4", "file:a/b.mp4");
	shows("test:", "test:");
}

static void has_a_word_for_each_state(void **state)
{
	for (unsigned i = 0; i < HZ_INGEST_STATE_COUNT; i++)
		assert_true(hz_ingest_state_name((uint8_t)i)[0] != '\0');
	for (unsigned i = 1; i < HZ_INGEST_REASON_COUNT; i++)
		assert_true(hz_ingest_reason_name((uint8_t)i)[0] != '\0');
	assert_string_equal(hz_ingest_reason_name(HZ_INGEST_NONE), "");
	assert_string_equal(hz_ingest_reason_name(200), "internal");
	assert_string_equal(hz_ingest_state_name(200), "starting");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_what_a_theatre_has),
	    cmocka_unit_test(refuses_everything_else),
	    cmocka_unit_test(shows_no_secret),
	    cmocka_unit_test(has_a_word_for_each_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
