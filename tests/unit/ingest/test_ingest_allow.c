#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "media/ingest/allow.h"

static struct hz_ingest_network network[HZ_INGEST_NETWORKS];
static uint8_t count;

static bool may(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return hz_ingest_allowed(network, count, (struct sockaddr *)&in);
	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return hz_ingest_allowed(network, count, (struct sockaddr *)&in6);
}

static void use(const char *text)
{
	assert_int_equal(hz_ingest_allow_parse(text, network, &count), 0);
}

static void private_is_private(void **state)
{
	use("private");
	assert_true(may("10.255.255.255"));
	assert_true(may("172.16.0.1"));
	assert_true(may("172.31.255.255"));
	assert_true(may("192.168.1.1"));
	assert_true(may("fd00::1"));
	assert_true(may("::ffff:10.0.0.1")); // that is 10.0.0.1
	assert_false(may("172.32.0.1"));
	assert_false(may("11.0.0.0"));
	assert_false(may("127.0.0.1"));
	assert_false(may("::1"));
	assert_false(may("169.254.169.254")); // a cloud's metadata
	assert_false(may("0.0.0.0"));
	assert_false(may("::ffff:8.8.8.8"));
	assert_false(may("2001:db8::1"));
}

static void words_and_networks_add_up(void **state)
{
	use(" loopback , 203.0.113.7,10.1.2.0/23,2001:db8::/33");
	assert_true(may("127.9.9.9"));
	assert_true(may("::1"));
	assert_true(may("203.0.113.7"));
	assert_false(may("203.0.113.8"));
	assert_true(may("10.1.3.255"));
	assert_false(may("10.1.4.0"));
	assert_true(may("2001:db8:7fff::1"));
	assert_false(may("2001:db8:8000::1"));
	use("any");
	assert_true(may("8.8.8.8"));
	assert_true(may("2001:db8::1"));
	use("::/0");
	assert_false(may("8.8.8.8")); // IPv6 alone
	use("");
	assert_false(may("10.0.0.1"));
	struct sockaddr local = {.sa_family = AF_UNIX};
	use("any");
	assert_false(hz_ingest_allowed(network, count, &local));
}

static void refuses_what_is_no_network(void **state)
{
	static const char *const texts[] = {
	    "x",      "10.0.0.1/8", "10.0.0.0/33",  "10.0.0.0/",   "10.0.0.0/ 8", "fd00::/129",
	    "10.0.0", ",",          "private,,any", "10.0.0.0/8x", "10.0.0.0/-1"};
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!hz_ingest_allow_parse(texts[i], network, &count))
			fail_msg("%s was taken", texts[i]);
	char many[HZ_INGEST_NETWORKS * 8 + 16] = "";
	for (unsigned i = 0; i <= HZ_INGEST_NETWORKS; i++)
		strcat(many, "1.2.3.4,");
	assert_int_equal(hz_ingest_allow_parse(many, network, &count), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(private_is_private),
	    cmocka_unit_test(words_and_networks_add_up),
	    cmocka_unit_test(refuses_what_is_no_network),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
